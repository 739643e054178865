"""Rules about single values: type, enum, const, and the bounds of numbers and strings."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from altar.adm._check_run import At, Rule, Run, Seen, Site
from altar.adm._describe import article, brief, nearest
from altar.adm._equal import json_key
from altar.adm._formats import FORMATS
from altar.adm._regex import compile_pattern

__all__ = ["VALUE_RULES", "int64_rule", "literal", "one_of", "type_words", "wanted_words"]

_MOST_BRANCHES = 4
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1


def _is_integer(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and value.is_integer()


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def one_of(words: list[str]) -> str:
    """The words joined for a sentence: "a, b or c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def type_words(names: Any) -> str:
    """What a ``type`` keyword asks for, in words."""
    listed = [names] if isinstance(names, str) else names
    return one_of([article(name) for name in listed]) if listed else "no value"


def wanted_words(schema: Any) -> str:
    """What a property that is missing should have held: "an integer (required)"."""
    words = _kind_words(schema)
    return "this required property" if words is None else f"{words} (required)"


def _kind_words(schema: Any) -> str | None:
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return literal(schema["const"])
    if schema.get("enum"):
        return _list_values(schema["enum"])
    kind = schema.get("type")
    if kind is not None:
        format_ = FORMATS.get(schema.get("format", "")) if kind == "string" else None
        return type_words(kind) if format_ is None else format_.expected
    branches = schema.get("anyOf") or schema.get("oneOf")
    if not branches or len(branches) > _MOST_BRANCHES:
        return None
    found = [_kind_words(branch) for branch in branches]
    return None if None in found else one_of([word for word in dict.fromkeys(found) if word])


def _type(site: Site, names: Any) -> Rule:
    listed = [names] if isinstance(names, str) else list(names)
    expected = type_words(names)
    tests = [_IS[name] for name in listed if name in _IS]
    if len(tests) == 1 and len(listed) == 1:
        test = tests[0]

        def single(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            return test(value) or run.refuse(at, "type", expected, value)

        return single

    def several(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        return any(test(value) for test in tests) or run.refuse(at, "type", expected, value)

    return several


def int64_rule(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
    """Integers fit 64 bits, signed; stands beside ``type`` where that is asked for."""
    if not isinstance(value, (int, float)) or not _is_integer(value):
        return True
    if _MIN_INT <= value <= _MAX_INT:
        return True
    return run.refuse(at, "int64", "an integer of 64 bits, signed", value)


def _enum(site: Site, values: Any) -> Rule:
    keys = {json_key(value) for value in values}
    deep = any(isinstance(value, (list, dict)) for value in values)
    expected = _list_values(values)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if (deep or not isinstance(value, (list, dict))) and json_key(value) in keys:
            return True
        if run.problems is None:
            return False
        return run.refuse(at, "enum", expected, value, nearest(value, values))

    return check


def _const(site: Site, wanted: Any) -> Rule:
    key = json_key(wanted)
    deep = isinstance(wanted, (list, dict))
    expected = literal(wanted)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if (deep or not isinstance(value, (list, dict))) and json_key(value) == key:
            return True
        if run.problems is None:
            return False
        return run.refuse(at, "const", expected, value, nearest(value, [wanted]))

    return check


def literal(value: Any) -> str:
    """A JSON value as a person would write it in a list of allowed ones."""
    if isinstance(value, str) and len(value) <= 60:
        return repr(value)
    if value is None or isinstance(value, (str, bool)):
        return brief(value)
    return brief(value).removeprefix("integer ").removeprefix("number ")


def _list_values(values: list[Any]) -> str:
    shown = [literal(value) for value in values[:12]]
    if not shown:
        return "no value"
    if len(values) > len(shown):
        shown.append(f"one of {len(values) - len(shown)} more")
    return one_of(shown)


def _bound(keyword: str, words: str, holds: Callable[[Any, Any], bool]) -> Any:
    def compile_bound(site: Site, limit: Any) -> Rule:
        expected = f"a number {words} {literal(limit)}"

        def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                return True
            return holds(value, limit) or run.refuse(at, keyword, expected, value)

        return check

    return compile_bound


def _multiple_of(site: Site, divisor: Any) -> Rule:
    expected = f"a multiple of {literal(divisor)}"
    whole = isinstance(divisor, int)
    top, bottom = (divisor, 1) if whole else Decimal(repr(divisor)).as_integer_ratio()

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return True
        if isinstance(value, int):
            fits = value % divisor == 0 if whole else value * bottom % top == 0
        elif not isfinite(value):
            fits = False
        else:  # by the decimal digits as written: 0.3 is a multiple of 0.1
            up, down = Decimal(repr(value)).as_integer_ratio()
            fits = up * bottom % (down * top) == 0
        return fits or run.refuse(at, "multipleOf", expected, value)

    return check


def _characters(text: str) -> str:
    return f"{len(text)} character{'' if len(text) == 1 else 's'}"


def _min_length(site: Site, limit: Any) -> Rule:
    expected = f"at least {limit} character{'' if limit == 1 else 's'}"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, str) or len(value) >= limit:
            return True
        return run.refuse_as(at, "minLength", expected, _characters, value)

    return check


def _max_length(site: Site, limit: Any) -> Rule:
    expected = f"at most {limit} character{'' if limit == 1 else 's'}"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, str) or len(value) <= limit:
            return True
        return run.refuse_as(at, "maxLength", expected, _characters, value)

    return check


def _pattern(site: Site, pattern: Any) -> Rule:
    shown = pattern if len(pattern) <= 120 else pattern[:119] + "…"
    expected = f"a string matching {shown}"
    try:
        search = compile_pattern(pattern).search
    except ValueError as error:
        broken = f"a pattern that compiles ({error})"
        return lambda value, at, run, seen: (
            not isinstance(value, str) or run.refuse(at, "pattern", broken, value)
        )

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, str) or search(value):
            return True
        return run.refuse(at, "pattern", expected, value)

    return check


def _format(site: Site, name: Any) -> Rule | None:
    test = FORMATS.get(name) if site.formats else None
    if test is None:
        return None
    expected, holds = test.expected, test.holds

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, str) or holds(value):
            return True
        return run.refuse(at, "format", expected, value)

    return check


VALUE_RULES: dict[str, Callable[[Site, Any], Rule | None]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("minimum", "of at least", lambda value, limit: bool(value >= limit)),
    "maximum": _bound("maximum", "of at most", lambda value, limit: bool(value <= limit)),
    "exclusiveMinimum": _bound(
        "exclusiveMinimum", "above", lambda value, limit: bool(value > limit)
    ),
    "exclusiveMaximum": _bound(
        "exclusiveMaximum", "below", lambda value, limit: bool(value < limit)
    ),
    "multipleOf": _multiple_of,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "format": _format,
}
