"""After a value: the comma, the closer, or whatever stands where one of them belongs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import close, close_earlier, close_inner, end_of_text, is_key_ahead
from altar.repair._dashes import DASH, dashed
from altar.repair._patterns import ADJACENT, BRACKETS, KEY_AHEAD, QUOTES, VALUE_AHEAD
from altar.repair._reprs import rest_of_call
from altar.repair._rows import is_next_line, to_object
from altar.repair._skip import skip
from altar.repair._state import WINDOW, Frame, Mode, Quoted
from altar.repair._strings import is_stray_quote

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["after", "close", "end_of_text"]

_SIGN = re.compile(r"[ \t\n\r]*([,}\]])")
_COMMAS = "，、;；|"
_JOIN = re.compile(r"(?:[+.&]\s*(?:/\*[^*]{0,80}\*/\s*|//[^\n]{0,80}\n\s*)?)?([\"'`“‘])")
_POINT = re.compile(rf"\.\s*{KEY_AHEAD.pattern}")
_CLOSERS = ")］】｝"
_STRAY = re.compile(r"[^\s,}\]{\[\"'“”:][^,}\]\n{\[\"'“”:]*")
_FIRST_NAME = re.compile(r"\[\s*\{\s*(\"[^\"\n]{0,80}\")")


def after(s: State) -> None:
    """Pass the comma or closer that follows a value."""
    text = s.text
    if s.stack[-1].close == DASH:
        dashed(s)
        return
    found = _SIGN.match(text, s.pos)
    if found is None:
        _odd(s)
        return
    at = found.start(1)
    c = found[1]
    if c != ",":
        s.need(at)
        s.pos = at
        close(s, c)
        return
    s.comma = at
    s.pos = at + 1
    s.mode = Mode.ITEM


def _odd(s: State) -> None:
    """Neither comma nor closer follows the value."""
    end = s.pos
    s.need(end)
    if skip(s):
        return
    text, at = s.text, s.pos
    if at >= len(text):
        end_of_text(s)
        return
    c = text[at]
    if c in ",}]":
        return  # what stood before it is passed now
    if c in _COMMAS or (c == "." and _POINT.match(text, at)):
        s.edit(at, at + 1, ",", "wrong_separator")
        s.comma, s.pos, s.mode = at, at + 1, Mode.ITEM
    elif c == ":" or c == "：":
        _named(s, end)
    elif c == ")" and rest_of_call(s):
        return
    elif c in _CLOSERS:
        close(s, c)
    elif (c in "+.&" or (c == '"' and _is_adjacent(s, end))) and _joined(s, end):
        return
    elif is_stray_quote(s, at):
        s.edit(at, at + 1, "", "stray_quote")
        s.pos = at + 1
    else:
        _missing_comma(s, end, c)


def _is_adjacent(s: State, end: int) -> bool:
    """Whether a string stands here beside the one that ended, and is no name."""
    if s.stack[-1].kind != "{" or s.text[end - 1] != '"':
        return False
    return ADJACENT.match(s.text, s.pos, end + WINDOW) is not None


def _joined(s: State, end: int) -> bool:
    """Strings joined by +, a point or nothing: the one goes on in the other."""
    text, edits = s.text, s.edits
    found = _JOIN.match(text, s.pos)
    if found is None or text[end - 1] not in "\"'`´’”":
        return False
    start = end - 1
    while edits and edits[-1].start >= start:  # of comments before the sign, of the closing quote
        last = edits.pop()
        if last.start == last.end == end and last.after == '"':
            start = end
    if edits and edits[-1].end > start:
        start = edits.pop().start
    s.marked = min(s.marked, len(edits))
    s.edit(start, found.end(), "", "concatenation")
    frame = s.stack[-1]
    frame.count -= 1
    s.string = Quoted(found.end(), found.end(), QUOTES[found[1]], key=False)
    s.string.begin = frame.value
    s.string.inner = 1  # what stands in the first part is not looked at again
    s.pos, s.mode = found.end(), Mode.STRING
    return True


def _named(s: State, end: int) -> None:
    """A colon after a value: the value is a name, and a bracket before it is missing."""
    frame = s.stack[-1]
    start = frame.value
    if start < 0 or frame.count == 0 or s.text[start] not in QUOTES:
        s.edit(s.pos, s.pos + 1, "", "extra_colon")
        s.pos += 1
        return
    comma = _comma_before(s, start)
    frame.count -= 1
    if frame.kind == "[" and comma < 0 and to_object(s):
        s.mode, s.key = Mode.COLON, start
        return
    if frame.kind == "[" and comma >= 0 and len(s.stack) > 1 and _belongs_outside(s, start, end):
        _name_outside(s, start, comma)
        return
    s.edit_before(start, start, "{", "missing_opener")
    s.push(Frame("{", start))
    s.stack[-2].value = -1
    s.mode, s.key = Mode.COLON, start


def _name_outside(s: State, start: int, comma: int) -> None:
    """``"a": [1, 2, "b": 3}``: the name closes the arrays around it."""
    comma = s.first_comma(comma)
    s.keep_comma(comma)
    moved = 0
    while s.stack[-1].kind == "[" and len(s.stack) > 1:
        if not close_earlier(s, s.stack[-1], comma):
            s.edit_after(comma, "]", "missing_closer")
        s.pop()
        moved += 1
    s.stack[-1].value = -1
    s.stack[-1].moved += moved
    s.mode, s.key = Mode.COLON, start


def _comma_before(s: State, at: int) -> int:
    """The comma that stands before ``at``, or -1."""
    at -= 1
    while at > 0 and s.text[at] in " \t\r\n":
        at -= 1
    return at if at >= 0 and s.text[at] == "," and not s.is_covered(at) else -1


def _belongs_outside(s: State, start: int, end: int) -> bool:
    """Whether a name found in an array belongs to the object around the array."""
    frame = s.stack[-1]
    if s.stack[-2].kind != "{" and not (len(s.stack) > 2 and s.stack[-3].kind == "{"):
        return False
    first = _FIRST_NAME.match(s.text, frame.open, frame.open + 200)
    if first is None:
        return True  # the array holds no objects
    if first[1] == s.text[start:end]:
        return False
    forced = s.forced.get(start)
    if forced is not None:
        return forced == "outside"
    return not _closes_inside(s, end)


def _closes_inside(s: State, at: int) -> bool:
    """Whether the members from here on are closed by a brace inside the array."""
    depth = 0
    for found in BRACKETS.finditer(s.text, at, at + WINDOW):
        c = found[0]
        if c in "{[":
            depth += 1
        elif c in "}]":
            depth -= 1
            if depth < 0:
                rest = s.text[found.end() : min(found.end() + 40, at + WINDOW)].lstrip()
                return c == "}" and (rest[:1] == "]" or rest.replace(" ", "")[:2] == ",{")
    return False


def _missing_comma(s: State, end: int, c: str) -> None:
    """The next member or element stands here without a comma; or text that is none."""
    frame = s.stack[-1]
    text, at = s.text, s.pos
    if frame.kind == "{":
        named = is_key_ahead(text, at)
        if c == "{" and is_next_line(s, at):
            end_of_text(s)
            return
        if c in "{[" and not named and len(s.stack) > 1 and s.stack[-2].kind == "[":
            close_inner(s, 1, end)
            s.edit_after(end, ",", "missing_comma")
            s.mode = Mode.ITEM
            return
        fits = named or c in QUOTES
    else:
        fits = c in "{[(" or c in QUOTES or bool(VALUE_AHEAD.match(text, at))
        if not fits and "\n" in text[end:at]:
            fits = True
        if fits and KEY_AHEAD.match(text, at) and len(s.stack) > 1 and s.stack[-2].kind == "{":
            close_inner(s, 1, end)
    if fits:
        s.edit_after(end, ",", "missing_comma")
        s.mode = Mode.ITEM
        return
    found = _STRAY.match(text, at)
    stop = found.end() if found else at + 1
    stop = at + max(1, len(text[at:stop].rstrip()))
    if s.final and at > s.last_sign():
        end_of_text(s)
        return
    s.edit(at, stop, "", "stray_text")
    s.pos = stop
