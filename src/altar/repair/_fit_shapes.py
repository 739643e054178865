"""The few of many alternatives that an object may be, by its names and kinds alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.repair._coerce_names import folded
from altar.repair._schema_parts import ALL_TYPES, kind_of

if TYPE_CHECKING:
    from altar.repair._schema_node import Node

__all__ = ["FEW", "Shapes"]

FEW: Final = 8
"""So many alternatives are weighed in any case."""

_MOST_KEPT: Final = 4000
_MOST_NAMES: Final = 64  # of one object
_MISSING, _STRANGE, _OTHER_KIND, _OTHER_WORD = 4, 1, 2, 8


class Shapes:
    """Remembers which alternatives are likely for objects of the same names and kinds."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Any, tuple[Node, ...]] = {}

    def likely(self, value: dict[str, Any], node: Node) -> tuple[Node, ...]:
        """The alternatives of ``node`` that ``value`` comes nearest to, as many as FEW."""
        facts = _facts(value, _telling(node))
        key = (id(node), facts)
        found = self._known.get(key)
        if found is None:
            given = {folded(name): (kind, word) for name, kind, word in facts}
            branches = node.branches
            far = [_far(given, branch) for branch in branches]
            near = sorted(range(len(branches)), key=far.__getitem__)[:FEW]
            found = tuple(branches[i] for i in sorted(near))
            if len(self._known) < _MOST_KEPT:
                self._known[key] = found
        return found


def _telling(node: Node) -> frozenset[str]:
    """The names, folded, whose values tell the alternatives apart."""
    found: frozenset[str] | None = node.cache.get("telling")
    if found is None:
        names = [
            folded(name)
            for branch in node.branches
            for name in branch.props
            if (below := branch.key(name)) is not None and below.enum is not None
        ]
        found = node.cache["telling"] = frozenset(names)
    return found


def _facts(value: dict[str, Any], telling: frozenset[str]) -> tuple[tuple[str, str, str], ...]:
    """Name, kind and, where it tells something, word of each member."""
    facts: list[tuple[str, str, str]] = []
    for name, item in value.items():
        if len(facts) == _MOST_NAMES:
            break
        is_word = not isinstance(item, (list, dict)) and bool(telling) and folded(name) in telling
        facts.append((name, kind_of(item), folded(str(item)) if is_word else ""))
    return tuple(facts)


def _far(given: dict[str, tuple[str, str]], branch: Node) -> int:
    """How far an alternative is from an object of these names, kinds and words."""
    if "object" not in branch.types:
        return _OTHER_WORD + _MISSING
    props: dict[str, Any] | None = branch.cache.get("shape")
    if props is None:
        props = branch.cache["shape"] = {
            folded(name): _asked(branch, name) for name in branch.props
        }
    far = _MISSING * sum(folded(name) not in given for name in branch.required)
    for name, (kind, word) in given.items():
        if name not in props:
            far += 0 if branch.is_open else _STRANGE
            continue
        types, words = props[name]
        if words is not None:
            far += 0 if word in words else _OTHER_WORD
        elif kind not in types and not (kind == "integer" and "number" in types):
            far += _OTHER_KIND
    return far


def _asked(branch: Node, name: str) -> tuple[frozenset[str], frozenset[str] | None]:
    """The kinds, and the words if only some may be, that stand under a name."""
    below = branch.key(name)
    if below is None:
        return ALL_TYPES, None
    words = None if below.enum is None else frozenset(folded(str(one)) for one in below.enum)
    return below.types, words
