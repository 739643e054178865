"""The formats of JSON Schema, as predicates on strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["FORMATS", "Format"]


class Format(NamedTuple):
    """What a format asks for in words, and the test."""

    expected: str
    holds: Callable[[str], bool]


FORMATS: dict[str, Format] = {}
