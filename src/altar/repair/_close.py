"""Closing brackets: which of the open objects and arrays a closer closes, and what ends them all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._patterns import KEY_AHEAD, OPEN_KEY, WHITE, WORD_KEY
from altar.repair._state import Mode, closer_of

if TYPE_CHECKING:
    from altar.repair._state import Frame, State

__all__ = ["close", "close_inner", "end_of_text", "is_key_ahead", "settle"]

_FAR = 24  # frames a closer may reach over
_AHEAD = 6  # closers that are compared with what would be open
_NEXT = re.compile(r"[ \t\n\r]*([,}\])\S]?)")


def is_key_ahead(text: str, at: int) -> bool:
    """Whether a name with its colon stands at ``at``."""
    return bool(
        KEY_AHEAD.match(text, at) or OPEN_KEY.match(text, at) or WORD_KEY.match(text, at)
    )


def settle(s: State) -> None:
    """Give a waiting name its null, take a waiting comma away: a closer or the end is here."""
    frame = s.stack[-1]
    if s.mode == Mode.COLON:
        s.edit(s.pos, s.pos, ": null", "missing_value")
    elif s.mode == Mode.VALUE and frame.kind == "{":
        s.edit(s.pos, s.pos, "null", "missing_value")
    elif s.comma >= 0:
        s.drop_comma(s.comma)
        s.comma = -1


def end_of_text(s: State) -> None:
    """Close everything that is open: the text, or the part of it that is JSON, ends here."""
    ended = s.pos >= len(s.text)
    if s.stack:
        cut = s.cut or s.mode in (Mode.COLON, Mode.VALUE) or s.comma >= 0
        settle(s)
        closers = "".join([closer_of(frame.kind) for frame in reversed(s.stack)])
        deep = len(s.stack) > 1
        s.edit(s.pos, s.pos, closers, "truncated" if ended and (cut or deep) else "missing_closer")
        s.stack.clear()
    s.mode = Mode.DONE


def close_inner(s: State, count: int, at: int) -> None:
    """Close the ``count`` innermost frames at ``at``; their closers are missing."""
    closers = "".join([closer_of(frame.kind) for frame in reversed(s.stack[-count:])])
    s.edit_after(at, closers, "missing_closer")
    for _ in range(count):
        s.pop()


def close(s: State, c: str) -> None:
    """A closer stands at the scanner's position: find out what it closes."""
    at = s.pos
    frame = s.stack[-1]
    if s.forced and s.forced.get(at) == "drop":
        s.edit(at, at + 1, "", "tuple" if frame.close == ")" else "wrapper")
        s.pos = at + 1
        return
    if frame.close == c:
        settle(s)
        if closer_of(frame.kind) != c:
            s.edit(at, at + 1, closer_of(frame.kind), "tuple" if c == ")" else "set")
        s.pos = at + 1
        s.pop()
        if frame.doubled and s.text[at + 1 : at + 2] == "}":
            s.edit(at + 1, at + 2, "", "double_brace")
            s.pos = at + 2
        return
    _mismatch(s, c)


def _mismatch(s: State, c: str) -> None:
    """A closer of the wrong kind: swapped, or what it skips is missing, or it is one too many."""
    at = s.pos
    readings = [(1.2 + _misfit(s, len(s.stack), at), 0, "extra")]
    readings.append((1.0 + _misfit(s, len(s.stack) - 1, at), 1, "wrong"))
    for depth in range(2, min(len(s.stack), _FAR) + 1):
        if s.stack[-depth].close == c:
            cost = 1.0 + 0.3 * (depth - 2) + _misfit(s, len(s.stack) - depth, at)
            readings.append((cost, depth, "missing"))
            break
    forced = s.forced.get(at)
    readings.sort()
    _, depth, how = next((one for one in readings if one[2] == forced), readings[0])
    if how == "extra":
        s.edit(at, at + 1, "", "extra_closer")
        s.pos = at + 1
        return
    settle(s)
    if how == "wrong":
        s.edit(at, at + 1, closer_of(s.stack[-1].kind), "wrong_closer")
        s.pos = at + 1
        s.pop()
        return
    close_inner(s, depth - 1, at)
    s.pos = at
    close(s, c)


def _misfit(s: State, depth: int, at: int) -> float:
    """How badly what follows the closer at ``at`` suits the frame that is then innermost."""
    text = s.text
    position = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
    cost = 0.0
    for _ in range(_AHEAD):
        c = text[position : position + 1]
        if depth == 0:
            return cost + (1.0 if c in (",", "}", "]") and c else 0.0)
        frame: Frame = s.stack[depth - 1]
        if not c:
            return cost + 0.3 * min(depth, 4)
        if c not in "}])":
            break
        if frame.close != c:
            return cost + 0.9
        depth -= 1
        position = WHITE.match(text, position + 1).end()  # type: ignore[union-attr]
    else:
        return cost
    if c != ",":
        return cost + 0.2
    position = WHITE.match(text, position + 1).end()  # type: ignore[union-attr]
    c = text[position : position + 1]
    if c in "{[":
        return cost + (1.0 if frame.kind == "{" and c else 0.0)
    named = is_key_ahead(text, position)
    return cost + (1.0 if named != (frame.kind == "{") and c not in "}]" else 0.0)
