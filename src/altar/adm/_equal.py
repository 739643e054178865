"""Equality of JSON values: 1 equals 1.0, True does not equal 1."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

__all__ = ["MAX_KEY_DEPTH", "TooDeepError", "json_equal", "json_key"]

MAX_KEY_DEPTH = 200
"""The deepest value whose equality is decided, in JSON levels."""


class TooDeepError(ValueError):
    """A value nested deeper than altar compares; it never leaves ``adm``."""


def json_key(value: Any, _depth: int = 0) -> Hashable:
    """A hashable stand-in that is equal for two values just when JSON says they are."""
    if value is True or value is False:
        return (bool, value)
    if isinstance(value, dict):
        if _depth >= MAX_KEY_DEPTH:
            raise TooDeepError
        return frozenset((name, json_key(item, _depth + 1)) for name, item in value.items())
    if isinstance(value, list):
        if _depth >= MAX_KEY_DEPTH:
            raise TooDeepError
        return tuple([json_key(item, _depth + 1) for item in value])
    if value is None or isinstance(value, (str, int, float)):
        return value
    return (type(value), id(value))  # no JSON value: equal to itself alone


def json_equal(left: Any, right: Any) -> bool:
    """True when two JSON values are equal by JSON Schema's rules."""
    return json_key(left) == json_key(right)
