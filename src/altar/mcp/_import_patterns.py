"""A stranger's patterns: those that could run for ever are not run."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_quick", "without_patterns"]

# keywords whose values are data, and those whose values are schemas by name
_DATA = ("default", "examples", "example", "const", "enum")
_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
_CLOSED = ("additionalProperties", "unevaluatedProperties")
_LONGEST = 1000
_ODD = re.compile(r"\[\^?\]|\\[1-9k]")  # read in two ways, or back references
_PART = re.compile(
    r"(?P<wide>(?:\.|\[\^(?:\\.|[^\]\\])*\]|\\[SDWPp])(?:[*+]|\{\d+,))"
    r"|(?P<open>\((?:\?(?:<[=!]|[:=!]|P?<\w+>))?)"
    r"|(?P<close>\)(?=(?P<again>[*+{])?))"
    r"|(?P<bar>\|)|(?P<repeat>[*+]|\{\d+,)|(?P<maybe>\?)"
    r"|(?P<other>\\.|\[\^?(?:\\.|[^\]\\])*\]|.)",
    re.DOTALL,
)


def without_patterns(schema: dict[str, Any], *, keep_quick: bool = True) -> dict[str, Any]:
    """The schema without its regular expressions; the quick ones may stay.

    Python's ``re`` cannot be stopped, and holds every thread while it tries.
    Without a pattern more is let through, never less. Raises RecursionError for
    what nests too deeply.
    """
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DATA:
            found[key] = value
        elif key == "pattern" and isinstance(value, str):
            if keep_quick and is_quick(value):
                found[key] = value
        elif key in _NAMED and isinstance(value, dict):
            found[key] = {name: _within(one, keep_quick) for name, one in value.items()}
        elif key == "patternProperties" and isinstance(value, dict):
            if keep_quick and all(map(is_quick, value)):
                found[key] = {name: _within(one, keep_quick) for name, one in value.items()}
        else:
            found[key] = _within(value, keep_quick)
    if "patternProperties" in schema and "patternProperties" not in found:
        for key in _CLOSED:  # they speak of what the patterns leave
            found.pop(key, None)
    return found


def is_quick(pattern: str) -> bool:
    """Whether a pattern comes to an end soon: little in it varies, and that is not repeated."""
    if len(pattern) > _LONGEST or _ODD.search(pattern):
        return False
    groups = [False]  # of each open group: whether what it takes may vary
    weight = 0
    for part in _PART.finditer(pattern):
        kind = part.lastgroup
        if kind == "open":
            groups.append(False)
        elif kind == "close":
            varies = groups.pop()
            if not groups or (varies and part["again"]):
                return False
            groups[-1] = groups[-1] or varies
        elif kind != "other":
            groups[-1] = True
            weight += {"wide": 2, "repeat": 1}.get(kind or "", 0)
    return weight <= (4 if pattern.startswith("^") else 2)


def _within(value: Any, keep_quick: bool) -> Any:
    if isinstance(value, dict):
        return without_patterns(value, keep_quick=keep_quick)
    if isinstance(value, list):
        return [_within(one, keep_quick) for one in value]
    return value
