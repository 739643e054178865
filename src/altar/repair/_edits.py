"""Edits over a text: applied, shown as fixes, carried back through an earlier rewriting."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from altar.repair._codes import risk_of
from altar.repair._types import Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from altar.repair._state import Edit

__all__ = ["apply", "back", "fixes_of"]


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


def back(first: Sequence[Edit], position: int, starts: list[int] | None = None) -> int:
    """Where a position of the text that ``first`` made lies in the text it was made from.

    A position inside a replacement is carried to the beginning of what was replaced.
    """
    gains = list(accumulate(len(edit.after) - (edit.end - edit.start) for edit in first))
    made = [edit.start + gain - (len(edit.after) - (edit.end - edit.start))
            for edit, gain in zip(first, gains, strict=True)]  # fmt: skip
    index = bisect_right(starts or made, position) - 1
    if index < 0:
        return position
    edit = first[index]
    if position < made[index] + len(edit.after):
        return edit.start
    return position - gains[index]
