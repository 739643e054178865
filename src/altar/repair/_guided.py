"""A value made to fit a schema, each change placed where the text has it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from altar.repair._codes import risk_of
from altar.repair._coerce import coerce
from altar.repair._fit import misfit
from altar.repair._locate import spans
from altar.repair._types import Fix
from altar.repair._write import written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.repair._coerce import Change
    from altar.repair._state import Edit

__all__ = ["Origins", "guided", "is_asked_for"]

_FEW = 3  # words
_MARKS = " \t\r\n.,;:!?'\"*_`"  # around a word
_ANY_TEXT = "\0"


class Origins:
    """Where a span of the mended text lies in the text as it came."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        grown = [len(edit.after) - (edit.end - edit.start) for edit in edits]
        self._gains = list(accumulate(grown))
        self._made = [
            edit.start + gain - own
            for edit, gain, own in zip(edits, self._gains, grown, strict=True)
        ]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span as it came: what was replaced counts as a whole."""
        return self._place(start, first=True), self._place(end, first=False)

    def _place(self, position: int, *, first: bool) -> int:
        index = bisect_right(self._made, position if first else position - 1) - 1
        if index < 0:
            return position
        edit = self._edits[index]
        inside = position - self._made[index]
        if inside < len(edit.after) or (not first and inside == len(edit.after)):
            return edit.start if first else edit.end
        return position - self._gains[index]


def guided(
    source: str,
    mended: str,
    edits: Sequence[Edit],
    value: Any,
    schema: Any,
    read: Callable[[str], Any],
) -> tuple[Any, Callable[[], list[Fix]] | None]:
    """The value as the schema asks for it, and its fixes; None for a value that fits."""
    origins: list[Origins] = []

    def place(start: int, end: int) -> tuple[int, int]:
        if not origins:
            origins.append(Origins(edits))
        return origins[0].span(start, end)

    def written(path: tuple[str | int, ...]) -> str | None:
        found = spans(mended, [path]).get(path)
        if found is None:
            return None
        start, end = place(found.start, found.end)
        return source[start:end]

    result, changes = coerce(value, schema, read=read, source=written)
    if not changes:
        return value, None
    return result, lambda: _fixes(source, mended, changes, place)


def is_asked_for(edits: Sequence[Edit], text: Any, schema: Any) -> bool:
    """Whether a text without JSON is what the schema asks for, as it is or coerced.

    A schema that takes any text, or would make a list of it, asks for none in particular.
    """
    if [edit.code for edit in edits] != ["bare_text"] or len(text.split()) > _FEW:
        return False
    if not misfit(_ANY_TEXT, schema):
        return False
    value = coerce(text, schema)[0]
    if isinstance(value, (list, dict)) or misfit(value, schema):
        return False
    return not isinstance(value, str) or value.casefold() == text.strip(_MARKS).casefold()


def _fixes(
    source: str,
    mended: str,
    changes: Sequence[Change],
    place: Callable[[int, int], tuple[int, int]],
) -> list[Fix]:
    found = spans(mended, [change.path for change in changes])
    fixes = []
    for change in changes:
        span = found.get(change.path)
        start = end = 0
        if span is not None:
            whole = (span.start, span.end)
            renamed = change.code == "renamed_key" and span.name is not None
            start, end = place(*(span.name if renamed and span.name else whole))
        after = written(change.after)
        fixes.append(Fix(change.code, start, end, source[start:end], after, risk_of(change.code)))
    return fixes
