"""Node: what a schema expects at one place, worked out when the place is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from altar.repair._checks import step_into
from altar.repair._schema_parts import ALL_TYPES, Parts
from altar.repair._schema_patterns import matches

__all__ = ["Node", "Resolver"]

_MOST_BRANCHES: Final = 64
_SOUND: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
}
_REST: Final = object()  # stands for every name that no schema spells out


class Node:
    """What is expected at one place: plain facts, and a way down by name or position.

    ``types`` are JSON type names; all of them where anything goes, none where
    nothing may stand. ``enum`` lists the allowed values, or is None.
    ``branches`` are the alternatives, none of which has alternatives itself;
    the other facts of a node with branches are empty. ``props`` are the names
    spelled out, ``required`` those that must be there, ``is_closed`` says
    that no other name may be, ``is_open`` that others were foreseen. ``sound``
    are the Python classes of scalars that fit whatever they hold; ``cache``
    is for whoever works with the node.
    """

    __slots__ = (
        "_below",
        "_extra",
        "_home",
        "_items",
        "_patterns",
        "_prefix",
        "branches",
        "cache",
        "enum",
        "is_closed",
        "is_open",
        "props",
        "required",
        "sound",
        "types",
    )

    def __init__(self, home: Resolver, parts: Parts, branches: tuple[Node, ...] = ()) -> None:
        self._home = home
        self._below: dict[Any, Node | None] = {}
        self._extra = parts.extra
        self._items = parts.items
        self._prefix = parts.prefix
        self._patterns = parts.patterns
        self.branches = branches
        self.cache: dict[str, Any] = {}
        self.enum: tuple[Any, ...] | None = None if parts.enum is None else tuple(parts.enum)
        self.types: frozenset[str] = parts.kinds()
        if branches:
            self.types = frozenset().union(*(branch.types for branch in branches))
        self.sound: frozenset[type] = self._sound()
        self.props: dict[str, Any] = parts.properties
        self.required: tuple[str, ...] = tuple(dict.fromkeys(parts.required))
        self.is_closed = parts.extra is False
        self.is_open = parts.extra not in (None, False) or bool(parts.patterns)

    @property
    def is_any(self) -> bool:
        """Whether the schema says nothing of this place."""
        return (
            len(self.types) == len(ALL_TYPES)
            and self.enum is None
            and not (self.props or self.required or self.branches)
            and self._items is None
            and not self._prefix
        )

    def wants(self, kind: str) -> bool:
        """Whether ``kind`` is the only type, besides null, that may stand here."""
        return kind in self.types and self.types <= {kind, "null"}

    def knows(self, name: str) -> bool:
        """Whether the schema spells out ``name``, or a pattern for it."""
        if self.branches:
            return any(branch.knows(name) for branch in self.branches)
        return name in self.props or any(matches(pattern, name) for pattern in self._patterns)

    def key(self, name: str) -> Node | None:
        """What is expected under ``name``; None where the schema says nothing about it."""
        slot: Any = name if self._patterns or self._spells(name) else _REST
        below = self._below
        if slot not in below:
            if self.branches:
                found = self._joined([branch.key(name) for branch in self.branches])
            else:
                found = self._key(name)
            if slot is not _REST and not self._spells(name):
                return found  # by a pattern: any number of names may come
            below[slot] = found
        return below[slot]

    def item(self, index: int) -> Node | None:
        """What is expected at position ``index``; None where the schema says nothing about it."""
        slot = min(index, self._fixed())
        below = self._below
        if slot not in below:
            if self.branches:
                below[slot] = self._joined([branch.item(index) for branch in self.branches])
            else:
                raw = self._prefix[slot] if slot < len(self._prefix) else self._items
                below[slot] = None if raw is None else self._home.node(raw)
        return below[slot]

    def _sound(self) -> frozenset[type]:
        if self.branches:
            return frozenset().union(*(branch.sound for branch in self.branches))
        if self.enum is not None:
            return frozenset()
        return frozenset(cls for kind in self.types for cls in _SOUND.get(kind, ()))

    def _spells(self, name: str) -> bool:
        return name in self.props or any(name in branch.props for branch in self.branches)

    def _key(self, name: str) -> Node | None:
        raw = self.props.get(name)
        if raw is None:
            for pattern, below in self._patterns.items():
                if matches(pattern, name):
                    raw = below
                    break
            else:
                raw = self._extra
        return None if raw is None or isinstance(raw, bool) else self._home.node(raw)

    def _fixed(self) -> int:
        """How many positions have a schema of their own."""
        if self.branches:
            return max(len(branch._prefix) for branch in self.branches)  # noqa: SLF001 - its like
        return len(self._prefix)

    def _joined(self, found: list[Node | None]) -> Node | None:
        nodes = {id(node): node for node in found if node is not None}
        if len(nodes) < 2:
            return next(iter(nodes.values()), None)
        flat: dict[int, Node] = {}
        for node in nodes.values():
            flat.update((id(branch), branch) for branch in node.branches or (node,))
        return Node(self._home, Parts(), tuple(flat.values())[:_MOST_BRANCHES])


class Resolver:
    """Reads one schema document: references, ``allOf``, alternatives, ``nullable``.

    Only references into the document itself are followed (``#/$defs/...``);
    any other says nothing. What a document repeats without end is cut.
    """

    __slots__ = ("_nodes", "document")

    def __init__(self, document: Any) -> None:
        self.document = document
        # the document is kept beside the node, so that an id is never used twice
        self._nodes: dict[int, tuple[Any, Node]] = {}

    def node(self, raw: Any) -> Node:
        """The node of one schema within the document; the same one each time."""
        known = self._nodes.get(id(raw))
        if known is not None:
            return known[1]
        parts = Parts()
        self._absorb(parts, raw)
        node = self._built(parts)
        self._nodes[id(raw)] = (raw, node)
        return node

    def target(self, ref: Any) -> Any:
        """What a reference points to; ``{}``, which says nothing, where it leads nowhere."""
        if not isinstance(ref, str) or ref[:1] != "#":
            return {}
        place = self.document
        for step in unquote(ref[1:]).split("/")[1:]:
            place = step_into(place, step, None)
            if place is None:
                return {}
        return place

    def _absorb(self, parts: Parts, raw: Any) -> None:
        """Add a schema, and all that it refers to, to ``parts``."""
        todo = [raw]
        seen: set[int] = set()
        while todo:
            doc = todo.pop()
            if id(doc) in seen:
                continue
            seen.add(id(doc))
            if not isinstance(doc, Mapping):
                if doc is False:
                    parts.narrow(frozenset())
                continue
            if "$ref" in doc:
                todo.append(self.target(doc["$ref"]))
            every = doc.get("allOf")
            if isinstance(every, list):
                todo += every
            parts.add(doc)

    def _built(self, parts: Parts) -> Node:
        found = self._alternatives(parts)
        if not found:
            return Node(self, parts)
        nullable = any(one.kinds() == {"null"} for one in found)
        real = [one for one in found if one.kinds() != {"null"}]
        if real and all(one.enum is not None for one in real):
            joined = real[0].copy()
            joined.enum = [value for one in real for value in one.enum or ()]
            joined.types = frozenset().union(*(one.kinds() for one in real))
            real = [joined]
        if len(real) == 1:
            if nullable:
                real[0].allow_null()
            return Node(self, real[0])
        return Node(self, Parts(), tuple(Node(self, one) for one in found))

    def _alternatives(self, parts: Parts) -> list[Parts]:
        """The alternatives, those of alternatives included; empty where there are none."""
        if not parts.choices:
            return []
        found: list[Parts] = []
        seen: set[int] = set()
        todo = [(parts, raw) for raw in reversed(parts.choices[0])]
        while todo and len(found) < _MOST_BRANCHES and len(seen) < 8 * _MOST_BRANCHES:
            base, raw = todo.pop()
            if id(raw) in seen:
                continue
            seen.add(id(raw))
            one = base.copy()
            self._absorb(one, raw)
            if one.choices:
                todo += [(one, inner) for inner in reversed(one.choices[0])]
            elif one.types is None or one.types:
                found.append(one)
        return found
