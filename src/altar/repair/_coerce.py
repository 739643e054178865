"""Coercion: the value that the schema asks for, made of the one that came, and every change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.repair._coerce_scalar import fits, mend
from altar.repair._coerce_shape import SYNTHETIC, reshape, wrapper_of
from altar.repair._fit import MOST_LEVELS, Judge
from altar.repair._schema import node_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.repair._coerce_shape import Shape
    from altar.repair._schema_node import Node

__all__ = ["Change", "Path", "coerce"]

Path = tuple[str | int, ...]


class Change(NamedTuple):
    """One coercion: what stood at ``path`` of the value that came, and what it became.

    For ``renamed_key`` the path ends with the name that came; ``before`` and
    ``after`` are names.
    """

    code: str
    path: Path
    before: Any
    after: Any


def coerce(
    value: Any,
    schema: Any,
    *,
    read: Callable[[str], Any] | None = None,
    source: Callable[[Path], str | None] | None = None,
) -> tuple[Any, list[Change]]:
    """``value`` as the schema asks for it, and what was changed for that.

    What fits is returned as it is, the same object; what does not fit and is
    not clear stays as it is too. Nothing is changed in place. ``read`` gives
    the value of a text that may hold broken JSON, or raises ValueError;
    ``source`` gives the text from which the scalar at a path was read, for
    the digits that a number has lost. Nothing is raised for any value.
    """
    node = node_of(schema)
    if node is None:
        return value, []
    work = _Coercion(Judge(read), source)
    try:
        return work.walk(value, node, (), 0), work.changes
    except RecursionError:  # little of the stack was left by the caller
        return value, []


class _Coercion:
    """One walk over one value."""

    __slots__ = ("_judge", "_source", "changes")

    def __init__(self, judge: Judge, source: Callable[[Path], str | None] | None) -> None:
        self._judge = judge
        self._source = source
        self.changes: list[Change] = []

    def walk(self, value: Any, node: Node, path: Path, depth: int) -> Any:
        """The value as ``node`` asks for it; the same object where it fits."""
        if value.__class__ in node.sound or depth > MOST_LEVELS:
            return value
        if node.branches:
            node = self._judge.branch(value, node, depth)
        if fits(value, node):
            if node.enum is not None:
                return value
            return self._below(value, node, path, depth)
        if not isinstance(value, (list, dict)):
            made = mend(value, node, self._judge.fuzz, self._written(value, path))
            if made is not None:
                self.changes.append(Change(made[1], path, value, made[0]))
                return made[0]
        shape = reshape(value, node, self._judge, depth)
        return value if shape is None else self._reshaped(value, shape, node, path, depth)

    def _below(self, value: Any, node: Node, path: Path, depth: int, places: Any = None) -> Any:
        if value.__class__ is dict:
            return self._object(value, node, path, depth, places)
        if value.__class__ is list:
            return self._array(value, node, path, depth, places)
        return value

    def _written(self, value: Any, path: Path) -> str | None:
        if self._source is None or value is None or value.__class__ is str:
            return None
        return self._source(path)

    def _reshaped(self, value: Any, shape: Shape, node: Node, path: Path, depth: int) -> Any:
        changes = self.changes
        at = len(changes)
        if shape.places is None:
            made = self._as_text(value, path)
        elif shape.places is SYNTHETIC:
            made = self.walk(shape.value, node, path, depth + 1)
            del changes[at:]  # one change tells it all: they have no places of their own
        elif isinstance(shape.places, tuple):
            made = self.walk(shape.value, node, path + shape.places, depth + 1)
        else:
            made = self._below(shape.value, node, path, depth + 1, shape.places)
        if made is not value:
            changes.insert(at, Change(shape.code, path, value, made))
        return made

    def _as_text(self, value: Any, path: Path) -> Any:
        """An array or object as the JSON text of it, as the source has it where that is known."""
        text = None if self._source is None else self._source(path)
        try:
            return json.dumps(value, ensure_ascii=False) if text is None else text
        except (ValueError, RecursionError):
            return value

    def _array(
        self, value: list[Any], node: Node, path: Path, depth: int, places: Any
    ) -> list[Any]:
        made: list[Any] | None = None
        for i, item in enumerate(value):
            below = node.item(i)
            if below is None or item.__class__ in below.sound:
                continue
            place = (i,) if places is None else places[i]
            new = self.walk(item, below, path + place, depth + 1)
            if new is not item:
                if made is None:
                    made = value.copy()
                made[i] = new
        return value if made is None else made

    def _object(
        self, value: dict[str, Any], node: Node, path: Path, depth: int, places: Any
    ) -> Any:
        names = self._judge.renames(value, node, depth)
        if names:
            return self._renamed(value, names, node, path, depth, places)
        wrapper = wrapper_of(value, node)
        if wrapper is not None and places is None:
            at = len(self.changes)
            inner = self.walk(value[wrapper], node, (*path, wrapper), depth + 1)
            self.changes.insert(at, Change("coerced_object", path, value, inner))
            return inner
        made: dict[str, Any] | None = None
        for name, item in value.items():
            below = node.key(name)
            if below is None or item.__class__ in below.sound:
                continue
            place = (name,) if places is None else places[name]
            new = self.walk(item, below, path + place, depth + 1)
            if new is not item:
                if made is None:
                    made = value.copy()
                made[name] = new
        return value if made is None else made

    def _renamed(
        self,
        value: dict[str, Any],
        names: dict[str, str],
        node: Node,
        path: Path,
        depth: int,
        places: Any,
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for given, item in value.items():
            name = names.get(given, given)
            place = (given,) if places is None else places[given]
            if name != given:
                self.changes.append(Change("renamed_key", path + place, given, name))
            below = node.key(name)
            made[name] = item if below is None else self.walk(item, below, path + place, depth + 1)
        return made
