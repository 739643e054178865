"""Schemas without references and combinations: one object with everything merged into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from altar.adm._check_library import Library
from altar.adm._equal import json_equal, json_key

__all__ = ["Flattener"]

Steps = tuple[str | int, ...]

_MAX_OPEN = 32
_NULL = {"type": "null"}
_PRIVATE = ("$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary", "$defs", "definitions")
_COMBINING = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "const")


class Flattener:
    """Merges what references and combinations say into the schema that holds them.

    Whatever cannot be merged exactly is told to ``lose(steps, keyword, reason)``.
    """

    __slots__ = ("_library", "_lose", "_open")

    def __init__(self, library: Library, lose: Callable[[Steps, str, str], None]) -> None:
        self._library = library
        self._lose = lose
        self._open: list[int] = []

    @contextmanager
    def flat(self, source: Any, steps: Steps) -> Iterator[dict[str, Any]]:
        """The schema as one flat object; references stay open within the block."""
        before = len(self._open)
        yield self._flat(source, steps)
        del self._open[before:]

    def _flat(self, source: Any, steps: Steps) -> dict[str, Any]:
        if source is False:
            self._lose(steps, "false", "no value was accepted, which ADM 1.0 cannot say")
        if not isinstance(source, dict):
            return {}
        out = {key: value for key, value in source.items() if key not in _COMBINING}
        if "const" in source:
            self._merge(out, {"enum": [source["const"]]}, steps)
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in source:
                self._merge(out, self._target(source, keyword, steps), steps)
        for branch in source.get("allOf", ()):
            self._merge(out, self._flat(branch, steps), steps)
        for keyword in ("anyOf", "oneOf"):
            if keyword in source:
                self._merge(out, self._choice(source[keyword], keyword, steps), steps)
        return out

    def _target(self, source: dict[str, Any], keyword: str, steps: Steps) -> dict[str, Any]:
        home = self._library.home(source, self._library.main)
        if keyword == "$dynamicRef":
            self._lose(steps, keyword, "read as a plain reference")
        try:
            target, _ = self._library.find(home, source[keyword])
        except LookupError:
            self._lose(steps, keyword, "leads to no document at hand: dropped")
            return {}
        if isinstance(target, dict):
            if id(target) in self._open or len(self._open) >= _MAX_OPEN:
                reason = "recursive, or too deep: not written out again, any such value passes"
                self._lose(steps, keyword, reason)
                return {"type": target["type"]} if "type" in target else {}
            self._open.append(id(target))
        return self._flat(target, steps)

    def _choice(self, branches: list[Any], keyword: str, steps: Steps) -> dict[str, Any]:
        rest = [branch for branch in branches if branch != _NULL]
        if len(rest) < len(branches):
            self._lose(steps, "nullable", "ADM 1.0 has no null: it is no longer accepted")
        if not rest:
            return dict(_NULL)
        if len(rest) > 1:
            texts = self._texts(rest, exclusive=keyword == "oneOf")
            if texts is not None:
                return {"type": "string", "enum": texts}
            reason = f"ADM 1.0 has no alternatives: the first of {len(rest)} stands for all"
            self._lose(steps, keyword, reason)
        return self._flat(rest[0], steps)

    def _texts(self, branches: list[Any], *, exclusive: bool) -> list[str] | None:
        """The strings that all branches together list, when they do nothing else."""
        texts: list[str] = []
        for branch in branches:
            if not isinstance(branch, dict) or not branch.keys() <= {"type", "enum", "const"}:
                return None
            values = [branch["const"]] if "const" in branch else branch.get("enum")
            if ("const" in branch) is ("enum" in branch) or not values:
                return None
            if branch.get("type", "string") != "string":
                return None
            if not all(isinstance(value, str) for value in values):
                return None
            fresh = [value for value in dict.fromkeys(values) if value not in texts]
            if exclusive and len(fresh) < len(set(values)):
                return None
            texts.extend(fresh)
        return texts

    def _merge(self, out: dict[str, Any], more: dict[str, Any], steps: Steps) -> None:
        """Add what a second schema says; ``out`` ends up meaning both."""
        for keyword, value in more.items():
            if keyword in _PRIVATE:
                continue
            if keyword not in out:
                out[keyword] = value
            elif keyword in _MERGERS:
                merged = _MERGERS[keyword](out[keyword], value)
                if merged is None:
                    self._lose(steps, keyword, "two demands that exclude each other: one is kept")
                else:
                    out[keyword] = merged
            elif not json_equal(out[keyword], value):
                self._lose(steps, keyword, "said twice: the outer one stands")


def _both_types(left: Any, right: Any) -> Any:
    lefts = [left] if isinstance(left, str) else left
    rights = [right] if isinstance(right, str) else right
    both = [name for name in lefts if name in rights]
    for one, other in ((lefts, rights), (rights, lefts)):
        if "integer" in one and "number" in other and "integer" not in both:
            both.append("integer")
    if "number" in both:
        both = [name for name in both if name != "integer"]
    return (both[0] if len(both) == 1 else both) if both else None


def _both_enums(left: list[Any], right: list[Any]) -> list[Any] | None:
    keys = {json_key(value) for value in right}
    return [value for value in left if json_key(value) in keys] or None


def _both_properties(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    out = dict(left)
    for name, schema in right.items():
        out[name] = _both(out[name], schema) if name in out else schema
    return out


def _both(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    if json_equal(left, right) or right is True or right == {}:
        return left
    return right if left is True or left == {} else {"allOf": [left, right]}


def _both_required(left: list[str], right: list[str]) -> list[str]:
    return list(dict.fromkeys([*left, *right]))


_MERGERS: dict[str, Callable[[Any, Any], Any]] = {
    "type": _both_types,
    "enum": _both_enums,
    "properties": _both_properties,
    "required": _both_required,
    "items": _both,
}
