"""Undo: takes out of a strict answer the nulls that stand for what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["Alternatives", "LooseError", "Undo", "accepts_null", "undoing"]

_MOST_STATES = 2_000
_DEFS = "#/$defs/"


class LooseError(Exception):
    """The schema has no strict form; says why."""


class Undo:
    """What to take out of one value: ``drops`` of an object, and deeper what ``inner`` says.

    ``inner`` knows the values of an object by their names, ``items`` those of
    an array. One Undo stands for every alternative a value may have: where
    two of them disagree about a null there is none.
    """

    __slots__ = ("drops", "inner", "items")

    def __init__(self) -> None:
        self.drops: frozenset[str] = frozenset()
        self.inner: dict[str, Undo] = {}
        self.items: Undo | None = None

    def value(self, value: Any) -> Any:
        """``value`` without the nulls that stand for nothing."""
        if isinstance(value, dict):
            inner = self.inner
            return {
                name: inner[name].value(item) if name in inner else item
                for name, item in value.items()
                if item is not None or name not in self.drops
            }
        if isinstance(value, list) and self.items is not None:
            items = self.items
            return [items.value(item) for item in value]
        return value

    def following(self) -> Iterator[Undo]:
        """What the values inside are undone by."""
        yield from self.inner.values()
        if self.items is not None:
            yield self.items


class Alternatives:
    """The schemas that a value at one place may be held to, references followed."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root

    def target(self, reference: Any) -> Any:
        """What a reference within the document names."""
        if reference == "#":
            return self.root
        defs = self.root.get("$defs")
        if isinstance(reference, str) and reference.startswith(_DEFS) and isinstance(defs, Mapping):
            name = reference[len(_DEFS) :].replace("~1", "/").replace("~0", "~")
            if name in defs and "%" not in name:
                return defs[name]
        raise LooseError(f"the reference {reference!r}")

    def of(self, nodes: Iterable[Any]) -> list[Mapping[str, Any]]:
        """The schemas without branches that ``nodes`` come to, each once."""
        found: dict[int, Mapping[str, Any]] = {}
        seen: set[int] = set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if not isinstance(node, Mapping) or id(node) in seen:
                continue
            seen.add(id(node))
            if "$ref" in node:
                todo.append(self.target(node["$ref"]))
                continue
            branches = [one for key in ("anyOf", "oneOf", "allOf") for one in node.get(key, ())]
            if branches:
                todo += branches
            else:
                found[id(node)] = node
        return list(found.values())


def accepts_null(node: Any, finder: Alternatives) -> bool:
    """Whether null is a value of the schema."""
    for one in finder.of([node]):
        kind = one.get("type", "null" if one.keys() & {"enum", "const"} else ())
        takes = "null" in ([kind] if isinstance(kind, str) else kind)
        listed = None in one.get("enum", (None,)) and one.get("const") is None
        if takes and listed:
            return True
    return False


def undoing(finder: Alternatives) -> Undo | None:
    """What undoes the strict form of a document; None where nothing is to be undone."""
    states: dict[frozenset[int], Undo] = {}

    def state(nodes: Iterable[Any]) -> Undo:
        leaves = finder.of(nodes)
        key = frozenset(map(id, leaves))
        if key in states:
            return states[key]
        if len(states) >= _MOST_STATES:
            raise LooseError("too many alternatives")
        made = states[key] = Undo()
        made.drops = _drops(leaves, finder)
        made.inner = {name: state(nodes) for name, nodes in _named(leaves).items()}
        items = [leaf["items"] for leaf in leaves if isinstance(leaf.get("items"), Mapping)]
        made.items = state(items) if items else None
        return made

    first = state([finder.root])
    _prune(list(states.values()))
    return first if first.drops or first.inner or first.items is not None else None


def _named(leaves: list[Mapping[str, Any]]) -> dict[str, list[Any]]:
    named: dict[str, list[Any]] = {}
    for leaf in leaves:
        for name, inner in leaf.get("properties", {}).items():
            named.setdefault(name, []).append(inner)
    return named


def _drops(leaves: list[Mapping[str, Any]], finder: Alternatives) -> frozenset[str]:
    """The names whose null means that they are left out, in whichever alternative."""
    dropped: set[str] = set()
    meant: set[str] = set()
    for leaf in leaves:
        for name, inner in leaf.get("properties", {}).items():
            if accepts_null(inner, finder):
                meant.add(name)
            elif name not in leaf.get("required", ()):
                dropped.add(name)
    if dropped & meant:
        raise LooseError("a null of two meanings")
    return frozenset(dropped)


def _prune(states: list[Undo]) -> None:
    """Forget the ways that lead to nothing."""
    useful = {id(one) for one in states if one.drops}
    grown = True
    while grown:
        more = {id(one) for one in states if any(id(next_) in useful for next_ in one.following())}
        grown = not more <= useful
        useful |= more
    for one in states:
        one.inner = {name: inner for name, inner in one.inner.items() if id(inner) in useful}
        if one.items is not None and id(one.items) not in useful:
            one.items = None
