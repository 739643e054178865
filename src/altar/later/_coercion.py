"""Coercion by a schema: what the binder does for a Python type, done where there is only JSON.

The rules are those of the scalar nodes in ``hints``: a canonical number text,
``3.0`` for an integer, "true", a JSON text where an object or an array belongs,
one of listed values in another case. What is not clear stays as it came, for
the checker to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import Schema
from altar.later.hints._nodes import MAX_INT, MIN_INT, unwrap_json
from altar.later.hints._nodes_scalar import integer_of, number_of
from altar.later.hints._report import MAX_DEPTH, kind_of, surrogate_free

if TYPE_CHECKING:
    from altar.later.hints._report import Path, Report

__all__ = ["Coercion", "check_text", "plain_kinds", "plain_source"]

_LOCAL = "#/$defs/"
_MOST_PLAIN = 24
# how generated code asks whether a value is one of a class, and can be written as JSON
_HELD: dict[type, str] = {
    int: f"{{var}}.__class__ is int and {MIN_INT} <= {{var}} <= {MAX_INT}",
    str: "{var}.__class__ is str and {var}.isascii()",
    float: "{var}.__class__ is float and {var} - {var} == 0.0",
    bool: "{var}.__class__ is bool",
    type(None): "{var} is None",
}
_KINDS: dict[str, set[type]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
    "null": {type(None)},
}
_SILENT = {"description", "title", "default", "examples", "format", "deprecated"}
_FRAME = {"type", "properties", "required", "additionalProperties", "$defs", "$schema"}


class Coercion:
    """Coerces values by one document; ``of`` changes nothing in place."""

    __slots__ = ("_defs", "_document")

    def __init__(self, document: Any) -> None:
        self._document = document
        self._defs = document.get("$defs", {}) if isinstance(document, dict) else {}

    def of(self, value: Any, report: Report) -> Any:
        """The value as the document asks for it; each change is told to ``report``."""
        return self._walk(value, self._document, None, report, 0)

    def _walk(self, value: Any, node: Any, path: Path, report: Report, depth: int) -> Any:
        node = self._resolved(node)
        if node is None or depth > MAX_DEPTH:
            return value
        for branch in node.get("allOf", ()):
            value = self._walk(value, branch, path, report, depth + 1)
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            value = self._branch(value, branches, path, report, depth)
        listed = [node["const"]] if "const" in node else node.get("enum")
        if listed is not None:
            return _listed(value, listed, path, report)
        value = _typed(value, _types(node), path, report)
        if value.__class__ is dict:
            return self._object(value, node, path, report, depth)
        if value.__class__ is list:
            return self._array(value, node, path, report, depth)
        return value

    def _resolved(self, node: Any) -> dict[str, Any] | None:
        """The node that a reference names; None for booleans and for what is not here."""
        for _ in range(MAX_DEPTH):
            if not isinstance(node, dict):
                return None
            target = node.get("$ref")
            if target is None:
                return node
            if target == "#":
                node = self._document
            elif isinstance(target, str) and target.startswith(_LOCAL):
                node = self._defs.get(target[len(_LOCAL) :])
            else:
                return None
        return None

    def _branch(
        self, value: Any, branches: list[Any], path: Path, report: Report, depth: int
    ) -> Any:
        """The value as the first alternative takes it, unless one takes it as it is."""
        if any(self._holds(value, branch) for branch in branches):
            report.fuel[0] -= len(branches)
            branches = [branch for branch in branches if self._holds(value, branch)]
        for branch in branches:
            if report.fuel[0] <= 0:
                break
            report.fuel[0] -= 1
            trial = report.trial(strict=False)
            found = self._walk(value, branch, path, trial, depth + 1)
            if self._holds(found, branch):
                report.adopt(trial)
                return found
        return value

    def _holds(self, value: Any, branch: Any) -> bool:
        if isinstance(branch, dict) and self._defs and "$defs" not in branch:
            branch = {**branch, "$defs": self._defs}
        return not Schema.trusted(branch).check(value)

    def _object(
        self, value: dict[str, Any], node: dict[str, Any], path: Path, report: Report, depth: int
    ) -> Any:
        named = node.get("properties", {})
        rest = node.get("additionalProperties")
        made = {}
        for name, item in value.items():
            inner = named.get(name, rest)
            made[name] = self._walk(item, inner, (path, name), report, depth + 1)
        return made

    def _array(
        self, value: list[Any], node: dict[str, Any], path: Path, report: Report, depth: int
    ) -> Any:
        first = node.get("prefixItems", ())
        rest = node.get("items")
        return [
            self._walk(item, first[at] if at < len(first) else rest, (path, at), report, depth + 1)
            for at, item in enumerate(value)
        ]


def _types(node: dict[str, Any]) -> frozenset[str]:
    found = node.get("type", ())
    return frozenset([found] if isinstance(found, str) else found)


def _typed(value: Any, types: frozenset[str], path: Path, report: Report) -> Any:
    """The value in a type that is allowed; as it came where it has one, or none is clear."""
    kind = kind_of(value)
    if kind == "number" and "integer" in types and "number" not in types:
        whole = integer_of(value)
        if whole is not None:
            report.coerced(path, "number", "integer")
            return whole
    if kind != "string" or "string" in types or not types:
        return value
    if "integer" in types and (whole := integer_of(value)) is not None:
        report.coerced(path, "string", "integer")
        return whole
    if "number" in types and (number := number_of(value)) is not None:
        report.coerced(path, "string", "number")
        return number
    if "boolean" in types and value.lower() in ("true", "false"):
        report.coerced(path, "string", "boolean")
        return value.lower() == "true"
    for name, cls in (("object", dict), ("array", list)):
        if name in types and (read := unwrap_json(value, cls, path, report)) is not value:
            return read
    return value


def _listed(value: Any, listed: list[Any], path: Path, report: Report) -> Any:
    """The one listed value that says the same in another type or case."""
    if any(value.__class__ is item.__class__ and value == item for item in listed):
        return value
    whole = integer_of(value)
    found: list[Any] = [item for item in listed if item.__class__ is int and item == whole]
    if not found and value.__class__ is str:
        folded = value.casefold()
        if folded in ("true", "false"):
            found = [item for item in listed if item is (folded == "true")]
        found = found or [
            item for item in listed if item.__class__ is str and item.casefold() == folded
        ]
    if len(found) != 1:
        return value
    report.coerced(path, kind_of(value), kind_of(found[0]), found[0])
    return found[0]


def plain_kinds(document: Any) -> dict[str, frozenset[type]] | None:
    """Per argument whose schema says its scalar type and nothing more, the classes that hold.

    None where the document says more of its arguments than each one's schema.
    """
    if not isinstance(document, dict) or document.keys() - _FRAME - _SILENT:
        return None
    if document.get("additionalProperties", False) is not False:
        return None
    found: dict[str, frozenset[type]] = {}
    for name, node in document.get("properties", {}).items():
        if isinstance(node, dict) and not node.keys() - _SILENT - {"type"}:
            types = _types(node)
            if types and types <= _KINDS.keys():
                found[name] = frozenset[type]().union(*(_KINDS[kind] for kind in types))
    return found


def plain_source(kinds: dict[str, frozenset[type]] | None, required: frozenset[str]) -> str | None:
    """A Python expression: whether ``args`` holds nothing but scalars of these classes.

    It reads an absent argument as ``nothing``. None where it could not be true,
    or would be longer than a loop is slow.
    """
    if kinds is None or not required <= kinds.keys() or len(kinds) > _MOST_PLAIN:
        return None
    tests, count = [], str(len(required))
    for at, (name, classes) in enumerate(kinds.items()):
        var = f"v{at}"
        held = [text.format(var=var) for cls, text in _HELD.items() if cls in classes]
        if name not in required:
            held.append(f"{var} is nothing")
            count += f" + ({name!r} in args)"
        got = f"({var} := args.get({name!r}, nothing)) is {var}"
        tests.append(f"{got} and ({' or '.join(held)})")
    return " and ".join([*tests, f"len(args) == {count}"])


def check_text(value: Any, path: Path, report: Report) -> None:
    """Note every lone surrogate, which no schema speaks of and nothing could write out."""
    if value.__class__ is str:
        if not (value.isascii() or surrogate_free(value)):
            report.note(path, "text without lone surrogates", "a lone surrogate", "surrogate")
    elif value.__class__ is list:
        for at, item in enumerate(value):
            check_text(item, (path, at), report)
    elif value.__class__ is dict:
        for name, item in value.items():
            if name.__class__ is str and not (name.isascii() or surrogate_free(name)):
                report.note(path, "names without lone surrogates", "a lone surrogate", "surrogate")
            else:
                check_text(item, (path, name), report)
