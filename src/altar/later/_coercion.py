"""Coercion by a schema: what the binder does for a Python type, done where there is only JSON.

The rules are those of the scalar nodes in ``hints``: a canonical number text,
``3.0`` for an integer, "true", a JSON text where an object or an array belongs,
one of listed values in another case. What is not clear stays as it came, for
the checker to refuse.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

from altar.adm._check import Checker
from altar.adm._check_run import Run, StoppedError
from altar.adm._regex import compile_pattern
from altar.later.hints._nodes import MAX_INT, MIN_INT, unwrap_json
from altar.later.hints._nodes_scalar import integer_of, number_of
from altar.later.hints._report import MAX_DEPTH, kind_of, surrogate_free

if TYPE_CHECKING:
    from altar.later.hints._report import Path, Report

__all__ = ["Coercion", "check_text", "has_whole_float", "plain_kinds", "plain_source"]

_LOCAL = "#/$defs/"
_MAX_WORK = 250_000  # alternatives and references looked into for one value
_HOLDERS = (dict, list, str)  # of these there may be much to find out
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
    """Coerces values by one document; ``of`` changes nothing in place.

    What needs no coercion comes back as the very object it was.
    """

    __slots__ = ("_checker", "defs", "document")

    def __init__(self, document: Any) -> None:
        self.document = document
        self.defs = document.get("$defs", {}) if isinstance(document, dict) else {}
        self._checker: Checker | None = None

    def of(self, value: Any, report: Report) -> Any:
        """The value as the document asks for it; each change is told to ``report``."""
        return _Walk(self).at(value, self.document, None, report, 0)

    def checker(self) -> Checker:
        """What judges the alternatives, made when one is met."""
        if self._checker is None:
            self._checker = Checker(self.document)
        return self._checker


class _Walk:
    """One value on its way through the document.

    What a reference makes of a part of the value is found once, however many
    alternatives lead there: they would double the work at each level.
    """

    __slots__ = ("_by", "_known", "_run")

    def __init__(self, by: Coercion) -> None:
        self._by = by
        self._run = Run(None, limit=1, work=_MAX_WORK)
        self._known: dict[tuple[int, int], tuple[Any, Path, Any, Report]] = {}

    def at(self, value: Any, node: Any, path: Path, report: Report, depth: int) -> Any:
        """The value as the node asks for it."""
        if isinstance(node, dict) and "$ref" in node:
            return self._referred(value, node, path, report, depth)
        return self._walk(value, node, path, report, depth)

    def _referred(
        self, value: Any, node: dict[str, Any], path: Path, report: Report, depth: int
    ) -> Any:
        target = self._resolved(node)
        if target is None or value.__class__ not in _HOLDERS:
            return self._walk(value, target, path, report, depth)
        key = (id(value), id(target))
        known = self._known.get(key)
        if known is None or known[1] != path:
            trial = report.trial(strict=False)
            found = self._walk(value, target, path, trial, depth)
            known = self._known[key] = (value, path, found, trial)
        report.adopt(known[3])
        return known[2]

    def _walk(self, value: Any, node: Any, path: Path, report: Report, depth: int) -> Any:
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return value
        for branch in node.get("allOf", ()):
            value = self.at(value, branch, path, report, depth + 1)
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
                node = self._by.document
            elif isinstance(target, str) and target.startswith(_LOCAL):
                node = self._by.defs.get(target[len(_LOCAL) :])
            else:
                return None
        return None

    def _branch(
        self, value: Any, branches: list[Any], path: Path, report: Report, depth: int
    ) -> Any:
        """The value as the first alternative takes it, unless one takes it as it is."""
        fuel = report.fuel
        if fuel[0] <= 0:
            return value
        holding = [branch for branch in branches if self._holds(value, branch, fuel)]
        if not holding and value.__class__ is str:
            branches = sorted(branches, key=self._is_wide)
        for branch in holding or branches:
            fuel[0] -= 1
            if fuel[0] <= 0:
                break
            trial = report.trial(strict=False)
            found = self.at(value, branch, path, trial, depth + 1)
            if found is value and not holding:
                continue
            if self._holds(found, branch, fuel):
                report.adopt(trial)
                return found
        return value

    def _is_wide(self, branch: Any) -> bool:
        """Whether an integer would lose digits there: tried after the others."""
        node = self._resolved(branch)
        types = frozenset[str]() if node is None else _types(node)
        return "number" in types and "integer" not in types

    def _holds(self, value: Any, branch: Any, fuel: list[int]) -> bool:
        try:
            return self._run.verdict(self._by.checker().part(branch), value, None, None)
        except (StoppedError, RecursionError):
            self._run.nesting, self._run.scope = 0, None
            if self._run.work < 0:
                fuel[0] = 0
            return False

    def _object(
        self, value: dict[str, Any], node: dict[str, Any], path: Path, report: Report, depth: int
    ) -> Any:
        named = node.get("properties", {})
        patterns = node.get("patternProperties")
        rest = node.get("additionalProperties")
        made: dict[str, Any] | None = None
        for name, item in value.items():
            asked = [named[name]] if name in named else []
            if patterns:
                asked += _matching(name, patterns)
            found = item
            for inner in asked or (rest,):
                found = self.at(found, inner, (path, name), report, depth + 1)
            if found is not item:
                if made is None:
                    made = {**value}
                made[name] = found
        return value if made is None else made

    def _array(
        self, value: list[Any], node: dict[str, Any], path: Path, report: Report, depth: int
    ) -> Any:
        first = node.get("prefixItems", ())
        rest = node.get("items")
        made = [
            self.at(item, first[at] if at < len(first) else rest, (path, at), report, depth + 1)
            for at, item in enumerate(value)
        ]
        return value if all(map(is_, made, value)) else made


def _matching(name: str, patterns: dict[str, Any]) -> list[Any]:
    found = []
    for pattern, node in patterns.items():
        try:
            if compile_pattern(pattern).search(name):
                found.append(node)
        except ValueError:  # told where the schema was read
            continue
    return found


def has_whole_float(value: Any) -> bool:
    """Whether a number in it may stand for an integer, as 3.0 does: a check alone passes it."""
    cls = value.__class__
    if cls is dict:
        return any(map(has_whole_float, value.values()))
    if cls is list:
        return any(map(has_whole_float, value))
    return cls is float and value.is_integer()


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
