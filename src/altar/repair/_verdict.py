"""What a quote inside a string can be found to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from altar.repair._state import Quoted

__all__ = ["CLOSE", "INNER", "MISSING", "Verdict", "is_embedded"]

CLOSE, INNER, MISSING = "close", "inner", "missing"


class Verdict(NamedTuple):
    """What a quote is: ``width`` characters of it; ``end`` where a string ended before it."""

    role: str
    width: int = 1
    end: int = 0
    resume: int = 0


def is_embedded(string: Quoted) -> bool:
    """Whether the quote lies in braces of the content, as in a quoted JSON document."""
    return string.inner > 0 and string.braces > 0
