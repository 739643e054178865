"""How badly a value fits a schema, after all that coercion could mend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from altar.repair._coerce_names import Fuzz
from altar.repair._coerce_scalar import fits, mend
from altar.repair._coerce_shape import reshape, wrapper_of
from altar.repair._fit_shapes import FEW, Shapes
from altar.repair._schema import node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.repair._schema_node import Node

__all__ = ["MOST_LEVELS", "Judge", "misfit"]

MOST_LEVELS: Final = 90
"""Levels of a value that are looked at; what lies deeper counts as fitting, and is left alone."""

# What a misfit weighs. What coercion can mend stays well below 1, the weight of a value that
# is simply wrong; a wrong constant weighs more, because constants tell alternatives apart.
_SCALAR: Final = 0.2
_SHAPE: Final = 0.3
_TEXT: Final = 0.6
_RENAMED: Final = 0.15
_STRANGE: Final = 0.05
_FORBIDDEN: Final = 0.25
_MISSING: Final = 1.0
_FOREIGN: Final = 1.0
_WRONG: Final = 1.5
_NO_MEMBER: Final = 2.5
_MOST: Final = 3.0  # of one member, so that a deep one does not outweigh all others
_MOST_LOOKS: Final = 6000


class Judge:
    """Weighs values against nodes; each pair of them once, so the work stays linear.

    ``read`` gives the value of a text that may hold JSON, or raises
    ValueError; without it only valid JSON is seen.
    """

    __slots__ = ("_looks", "_memo", "_read", "_shapes", "_texts", "fuzz")

    def __init__(self, read: Callable[[str], Any] | None = None) -> None:
        self.fuzz = Fuzz()
        self._read = read or json.loads
        self._looks = 0  # at alternatives of an object
        self._shapes = Shapes()
        # values are kept beside what is known of them, so that an id is never used twice
        self._memo: dict[tuple[int, int], tuple[float, Any]] = {}
        self._texts: dict[str, Any] = {}

    def cost(self, value: Any, node: Node | None, depth: int) -> float:
        """0 where the value fits; below 1 where coercion can make it fit."""
        if node is None or depth > MOST_LEVELS or value.__class__ in node.sound:
            return 0.0
        key = (id(value), id(node))
        known = self._memo.get(key)
        if known is not None:
            return known[0]
        self._memo[key] = (_MOST, value)  # a type within itself is no way out
        found = self._branches(value, node, depth) if node.branches else None
        if found is None:
            found = self._plain(value, node, depth)
        self._memo[key] = (found, value)
        return found

    def branch(self, value: Any, node: Node, depth: int) -> Node:
        """The alternative that fits best; the first of several."""
        best, chosen = _MOST * 1000, node.branches[0]
        for branch in self._worth(value, node):
            cost = self.cost(value, branch, depth)
            if cost < best:
                best, chosen = cost, branch
                if not cost:
                    break
        return chosen

    def _worth(self, value: Any, node: Node) -> Sequence[Node]:
        """The alternatives to weigh: few of many for an object, once many were weighed."""
        branches = node.branches
        if len(branches) <= FEW or value.__class__ is not dict:
            return branches
        self._looks += len(branches)
        if self._looks <= _MOST_LOOKS:
            return branches
        return self._shapes.likely(value, node)

    def held(self, text: str) -> Any:
        """The array or object that a text holds as JSON, or None; each text is read once."""
        start = text.lstrip()[:1]
        if start != "{" and start != "[":
            return None
        if text not in self._texts:
            try:
                found = self._read(text)
            except (ValueError, RecursionError):
                found = None
            self._texts[text] = found if isinstance(found, (list, dict)) else None
        return self._texts[text]

    def renames(self, value: dict[str, Any], node: Node, depth: int) -> dict[str, str]:
        """Names in ``value`` -> the names the schema has for them.

        A name that is merely near is replaced only where its value would fit.
        """
        if node.props.keys() <= value.keys() and node.props:
            return {}
        sure, near = self.fuzz.renames(value, node)
        if not near:
            return sure
        sure = sure.copy()
        for name, wanted in near.items():
            if self.cost(value[name], node.key(wanted), depth + 1) < 1:
                sure[name] = wanted
        return sure

    def _branches(self, value: Any, node: Node, depth: int) -> float:
        return self.cost(value, self.branch(value, node, depth), depth)

    def _plain(self, value: Any, node: Node, depth: int) -> float:
        if fits(value, node):
            if node.enum is not None:
                return 0.0
            if value.__class__ is dict:
                return self._object(value, node, depth)
            return self._array(value, node, depth) if value.__class__ is list else 0.0
        if not isinstance(value, (list, dict)) and mend(value, node, self.fuzz) is not None:
            return _SCALAR
        shape = reshape(value, node, self, depth)
        if shape is None:
            if node.enum is not None:
                return _NO_MEMBER
            return _WRONG + len(node.required)
        if shape.places is None:
            return _TEXT
        return _reshaped(self.cost(shape.value, node, depth + 1))

    def _array(self, value: list[Any], node: Node, depth: int) -> float:
        total = 0.0
        for i, item in enumerate(value):
            total += min(self.cost(item, node.item(i), depth + 1), _MOST)
        return total / len(value) if total else 0.0

    def _object(self, value: dict[str, Any], node: Node, depth: int) -> float:
        names = self.renames(value, node, depth)
        if not names:
            name = wrapper_of(value, node)
            if name is not None:
                return _reshaped(self.cost(value[name], node, depth + 1))
        soft, hard, rest, others = _RENAMED * len(names), 0.0, 0.0, 0
        is_told = bool(node.props) or node.is_closed
        for given, item in value.items():
            name = names.get(given, given)
            cost = min(self.cost(item, node.key(name), depth + 1), _MOST)
            if not node.knows(name):
                rest += cost
                others += 1
                if is_told and not node.is_open:
                    soft += _FORBIDDEN if node.is_closed else _STRANGE
            elif cost < 1:
                soft += cost
            else:
                hard += cost
        if node.required:
            came = {names.get(name, name) for name in value}
            hard += _MISSING * sum(name not in came for name in node.required)
        elif is_told and others and others == len(value) and not node.is_open:
            hard += _FOREIGN
        # what can be mended, however much of it there is, never weighs as much as one wrong value
        return hard + soft / (1 + soft) + (rest / others if others else 0.0)


def _reshaped(inner: float) -> float:
    """The weight of a value that needs another shape first."""
    return inner + _SHAPE * max(0.0, 1 - inner)


def misfit(value: Any, schema: Any, *, read: Callable[[str], Any] | None = None) -> float:
    """How badly a value fits a schema: 0 where it fits, below 1 where coercion can mend it.

    Required names that are missing weigh 1 each, values of a wrong type 1.5
    and more, unknown names little; an array weighs as its items do on
    average. The work is linear in the value, and nothing is raised for it.
    """
    node = node_of(schema)
    if node is None:
        return 0.0
    try:
        return Judge(read).cost(value, node, 0)
    except RecursionError:  # little of the stack was left by the caller
        return 0.0
