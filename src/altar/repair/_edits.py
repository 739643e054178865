"""Edits over a text: applied, and shown as fixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.repair._codes import risk_of
from altar.repair._types import Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from altar.repair._state import Edit

__all__ = ["apply", "fixes_of"]


def apply(text: str, edits: Sequence[Edit], start: int = 0, end: int | None = None) -> str:
    """The text from ``start`` to ``end`` with the edits made; they are in order."""
    pieces = []
    at = start
    for first, last, after, _ in edits:
        if first > at:
            pieces.append(text[at:first])
        if after:
            pieces.append(after)
        at = last
    pieces.append(text[at:end])
    return "".join(pieces)


def fixes_of(text: str, edits: Iterable[Edit]) -> tuple[Fix, ...]:
    """The edits as a caller sees them."""
    return tuple(
        [
            Fix(code, start, end, text[start:end], after, risk_of(code))
            for start, end, after, code in edits
        ]
    )
