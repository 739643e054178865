"""Closing brackets: which objects and arrays a closer closes, and what ends them all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._patterns import BRACKETS, KEY_AHEAD, OPEN_KEY, WORD_KEY
from altar.repair._reckon import EXTRA, WRONG, cost_of, missing, signs
from altar.repair._state import Mode, closer_of

if TYPE_CHECKING:
    from altar.repair._state import Frame, State

__all__ = ["close", "close_inner", "end_of_text", "is_key_ahead", "row_before", "settle"]

_SCALAR = r"(?:\"[^\"\n]{0,80}\"|-?\d[\d.eE+-]*|true|false|null)"
_ROW_IN_ROW = re.compile(rf"\[\s*{_SCALAR}(?:\s*,\s*{_SCALAR}){{1,40}}(?=\s*,\s*\[)")
_LAST_ROW = re.compile(rf"\]\s*,\s*({_SCALAR}(?:\s*,\s*{_SCALAR}){{0,40}}\s*)\Z")
_BOLD_KEY = re.compile(
    r"(?:[-*+•][ \t]++)?(?:\*{1,3}|__|`)?[\"']?[\w .-]{1,60}?[\"']?(?:\*{1,3}|__|`)?\s*+:(?!//)"
)
_GOES_ON = re.compile(r"\s*(?:[,}]|\Z)")
_LOOK_BACK = 1000  # how far back rows are looked at
_NEAR = 0.7  # readings whose costs are closer than this are both worth weighing
_FAR = 24  # frames a closer may reach over


def is_key_ahead(text: str, at: int) -> bool:
    """Whether a name with its colon stands at ``at``."""
    return bool(
        KEY_AHEAD.match(text, at)
        or OPEN_KEY.match(text, at)
        or WORD_KEY.match(text, at)
        or (text[at : at + 1] in ("*", "-", "_") and _BOLD_KEY.match(text, at))
    )


def settle(s: State) -> None:
    """Give a waiting name its null, take a waiting comma away: a closer or the end is here."""
    frame = s.stack[-1]
    if s.mode == Mode.COLON:
        s.edit(s.pos, s.pos, ": null", "missing_value")
    elif s.mode == Mode.VALUE and frame.kind == "{":
        s.edit(s.pos, s.pos, "null", "missing_value")
    elif s.comma >= 0 or (frame.count and s.mode in (Mode.ITEM, Mode.VALUE)):
        s.drop_comma(s.comma, s.pos)
        s.comma = -1


def end_of_text(s: State) -> None:
    """Close everything that is open: the text, or the part of it that is JSON, ends here."""
    ended = s.pos >= len(s.text)
    if s.stack:
        cut = s.cut or s.mode in (Mode.COLON, Mode.VALUE) or s.comma >= 0
        settle(s)
        deep = len(s.stack) > 1
        lost = not cut and not deep and close_earlier(s, s.stack[-1])
        closers = "" if lost else "".join([closer_of(one.kind) for one in reversed(s.stack)])
        if closers:
            code = "truncated" if ended and (cut or deep) else "missing_closer"
            s.edit(s.pos, s.pos, closers, code)
        s.stack.clear()
    s.mode = Mode.DONE


def close_earlier(s: State, frame: Frame, comma: int = -1) -> bool:
    """Put the closer that ``frame`` lacks where its last row seems to have lost one.

    In ``[[1, 2, [3, 4]]`` the first row is closed by the bracket meant for the whole. The row is
    the latest value, or the one that ends at ``comma``.
    """
    start = frame.value if comma < 0 else _child_before(s.text, frame.open, comma)
    if frame.kind != "[" or start < 0:
        return False
    row = _ROW_IN_ROW.match(s.text, start)
    if row is None or s.has_quoted(start, row.end() if comma < 0 else comma):
        return False
    s.edit_after(row.end(), "]", "missing_closer")
    return True


def _child_before(text: str, start: int, end: int) -> int:
    """Where the last array begins that ``text[start:end]`` holds, or -1; a short text only."""
    depth, child, last = 0, -1, start
    if end - start > _LOOK_BACK:
        return -1
    for found in BRACKETS.finditer(text, start + 1, end):
        last = found.end()
        if found[0] in "{[":
            if depth == 0:
                before = text[max(start, found.start() - 40) : found.start()].rstrip()
                child = found.start() if before[-1:] in ("[", ",") else -1
            depth += 1
        elif found[0] in "}]":
            depth -= 1
    return child if depth == 0 and not text[last:end].strip() else -1


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
        if frame.doubled and s.text[at + 1 : at + 2] == "}":
            s.edit(at, at + 1, "", "double_brace")
            at += 1
        if closer_of(frame.kind) != c:
            s.edit(at, at + 1, closer_of(frame.kind), _code(frame.kind, c))
        s.pos = at + 1
        s.pop()
        return
    _mismatch(s, c)


def _code(kind: str, c: str) -> str:
    """What it is that ``c`` closes an object or array."""
    if kind == "{":
        return "wrapper" if c == ")" else "wrong_closer"
    return "tuple" if c == ")" else "set"


def _extra(s: State, c: str) -> None:
    """A closer that closes nothing: an empty array without its opening bracket, or one too many."""
    at, frame = s.pos, s.stack[-1]
    s.pos = at + 1
    if c == "]" and frame.moved and s.mode != Mode.COLON:
        frame.moved -= 1
        s.edit(at, at + 1, "", "extra_closer")
        return
    if s.mode == Mode.VALUE and frame.kind == "{":
        if c != "]":
            s.edit(at, at + 1, "", "extra_closer")
            return
        s.edit(at, at, "[", "missing_opener")
        frame.value = at
        frame.count += 1
        s.mode = Mode.AFTER
        return
    if s.comma < 0 and frame.count and s.mode in (Mode.ITEM, Mode.VALUE):
        s.mode = Mode.AFTER  # what was passed so far ended with a value
    if c == "]" and s.mode == Mode.AFTER and frame.kind == "{" and _opened_before(s, frame, at):
        return
    s.edit(at, at + 1, "", "extra_closer")


def row_before(text: str, start: int, at: int) -> int:
    """Where the row begins that ends at ``at`` and lacks its opening bracket, or -1.

    It follows another row: ``[[1, 2], 3, 4``; all of it lies behind ``start``.
    """
    row = _LAST_ROW.search(text, max(start, at - _LOOK_BACK), at)
    return -1 if row is None else row.start(1)


def _opened_before(s: State, frame: Frame, at: int) -> bool:
    """Whether a bracket is missing before the value that ends here, or before its last row."""
    text, start = s.text, frame.value
    if start < 0 or text[start] == "{" or not _GOES_ON.match(text, at + 1):
        return False
    if text[start] == "[":
        start = row_before(text, start, at)
        if start < 0:
            return False
    s.edit_before(start, start, "[", "missing_opener")
    frame.value = -1
    return True


def _mismatch(s: State, c: str) -> None:
    """A closer of the wrong kind: swapped, or what it skips is missing, or it is one too many."""
    at = s.pos
    frames = "".join([frame.kind for frame in s.stack[-_FAR:]])
    ahead = signs(s, at + 1)
    readings = [(cost_of(frames[:-1], ahead, WRONG), 1, "wrong")]
    for depth in range(2, len(frames) + 1):
        if s.stack[-depth].close == c:
            budget = readings[0][0] + _NEAR
            cost = cost_of(frames[:-depth], ahead, missing(depth), budget)
            readings.append((cost, depth, "missing"))
            break
    budget = min(readings)[0] + _NEAR
    readings.append((cost_of(frames, ahead, EXTRA, budget), 0, "extra"))
    forced = s.forced.get(at)
    readings.sort()
    if readings[1][0] - readings[0][0] < _NEAR:
        s.doubt(at, readings[1][2])
    _, depth, how = next((one for one in readings if one[2] == forced), readings[0])
    if how == "extra":
        _extra(s, c)
        return
    settle(s)
    if how == "wrong":
        s.edit(at, at + 1, closer_of(s.stack[-1].kind), "wrong_closer")
        s.pos = at + 1
        s.pop()
        return
    if depth == 2 and close_earlier(s, s.stack[-1]):
        s.pop()
    else:
        close_inner(s, depth - 1, at)
    s.pos = at
    close(s, c)
