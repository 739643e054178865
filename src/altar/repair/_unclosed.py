"""A string that the text ends in: cut off there, or ended earlier without a quote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._content import content, end_content
from altar.repair._foreign import end_quote
from altar.repair._state import Mode
from altar.repair._swallowed import ate_quote

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["unclosed"]

_NEXT_MEMBER = re.compile(
    r",\s*(?:[A-Za-z_]\w{0,40}|\"[^\"\n]{1,60}\"?)\s*:\s*[^\s,]|"
    r"[,\n]\s*[\"'`][\w ]{1,40}[\"'`]?\s*:"
)
_NEXT_NUMBER = re.compile(r"\s*,\s*(?:-?\d[\d.]*|true|false|null)\s*\Z")
_NAME = re.compile(r"\s*+([^\s:\"{}\[\],][^\n:\"{}\[\],]{0,79}?)\s*+:\s*+(?=\S)")
_FENCE_END = re.compile(r"\s*`{3,}\s*\Z")
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_PLUS = re.compile(r"\s*\+\s*\Z")
_CLOSER = re.compile(r"\s*[}\]]")
_OPENERS = {"}": "{", "]": "[", ")": "("}
_LOOK = 4000


def unclosed(s: State, string: Quoted) -> None:
    """End the string that no quote ends: the whole text is here."""
    text = s.text
    start = string.at if string.inner else string.start
    if string.key:
        _unclosed_name(s, string)
        return
    end = _structure_from(s, string)
    if end < len(text):
        end = _next_member(s, string, start, end)
    s.cut = end >= len(text)
    if s.cut:
        _cut_off(s, string)
        return
    if s.stack and ate_quote(text, string, end):
        end_content(s, string, end - 1)
        s.string, s.pos, s.mode = None, end, Mode.AFTER
        s.stack[-1].count += 1
        return
    end_content(s, string, end)
    _finish(s, string, end)


def _finish(s: State, string: Quoted, end: int) -> None:
    end_quote(s, string, end)
    s.string = None
    s.pos = end
    s.mode = Mode.AFTER
    if s.stack:
        s.stack[-1].count += 1


def _cut_off(s: State, string: Quoted) -> None:
    """The text was cut off inside the string: keep what came."""
    text = s.text
    end = len(text)
    found = _CUT_ESCAPE.search(text, max(string.at, end - 8))
    keep = end
    if found is not None and _odd_backslashes(text, found.start(), string.start):
        keep = found.start()
    content(s, string.at, keep)
    if keep < end:
        s.edit(keep, end, '"', "incomplete")
    else:
        s.edit(end, end, '"', "truncated")
    s.string = None
    s.pos = end
    s.mode = Mode.AFTER
    if s.stack:
        s.stack[-1].count += 1


def _odd_backslashes(text: str, at: int, low: int) -> bool:
    """Whether the backslash at ``at`` is not itself escaped."""
    count = 0
    while at - 1 - count >= low and text[at - 1 - count] == "\\":
        count += 1
    return count % 2 == 0


def _structure_from(s: State, string: Quoted) -> int:
    """Where the closers begin that end the text and close what is open, not the content."""
    text = s.text
    low = max(string.start, len(text) - _LOOK)
    end = len(text)
    fenced = _FENCE_END.search(text, max(low, end - 40))
    if fenced is not None and s.stack:
        end = fenced.start()
    closers: list[int] = []
    position = end
    while position > low and len(closers) < len(s.stack):
        position -= 1
        c = text[position]
        if c in "}])":
            closers.append(position)
        elif not c.isspace():
            break
    closers.reverse()
    # all that are there, or the last ones of them: the first closes the innermost frame
    for first, at in enumerate(closers):
        rest = closers[first:]
        frames = s.stack[: -len(rest) - 1 : -1]
        if all(frame.close == text[place] for frame, place in zip(frames, rest, strict=True)):
            c = text[at]
            opened = text.count(_OPENERS[c], string.start, at) - text.count(c, string.start, at)
            if opened <= 0:
                return string.start + len(text[string.start : at].rstrip())
    return end


def _next_member(s: State, string: Quoted, start: int, end: int) -> int:
    """The end of the string when another member or element was swallowed after it."""
    text = s.text
    if s.stack and s.stack[-1].kind == "{":
        found = _NEXT_MEMBER.search(text, start, min(end, start + _LOOK))
        if found is not None and not string.inner:
            return found.start()
    elif s.stack:
        found = _NEXT_NUMBER.search(text, max(start, end - 60), end)
        lines = text[found.start() : end].strip().lstrip(", \t") if found is not None else ""
        if found is not None and (lines[:1] in "\r\n" or "\n" not in lines):
            return found.start()
    line = text.find("\n", start, end)
    if line >= 0 and _CLOSER.match(text, line) and not string.inner:
        return line
    joined = _PLUS.search(text, max(start, end - 12), end)
    return joined.start() if joined is not None and joined.start() > start else end


def _unclosed_name(s: State, string: Quoted) -> None:
    """A name without a closing quote: it ends at its colon, or the text was cut off in it."""
    text = s.text
    named = _NAME.match(text, string.start)
    if named is not None:
        end = named.end(1)
        end_content(s, string, end)
        end_quote(s, string, end)
        s.string = None
        s.pos = end
        s.mode = Mode.COLON
        return
    s.cut = True
    end = len(text)
    frame = s.stack[-1]
    s.forget(s.key)
    if frame.count:
        s.drop_comma(string.comma, s.key)
    s.edit(s.key, end, "", "incomplete")
    s.string = None
    s.pos = end
    s.comma = -1
    s.mode = Mode.AFTER
