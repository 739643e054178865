"""Names: the colon after one, names without quotes, and what stands where a name belongs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import close, end_of_text
from altar.repair._content import bare_content, quote_span
from altar.repair._literals import literal_of
from altar.repair._patterns import KEY_AHEAD, VALUE_AHEAD, WHITE
from altar.repair._reprs import rest_of_call
from altar.repair._rows import container_as_name, to_array, wrap
from altar.repair._skip import skip
from altar.repair._state import WINDOW, Edit, Frame, Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["bare_key", "colon", "extra_commas"]

_COMMAS = re.compile(r",+")
_COLON = re.compile(r"[ \t\n\r]*(::=|:=|=>|->|[:：=])[ \t]*(:*)")
_WORD = re.compile(
    r"(?:\*{1,3})?[ \t]*+([^\s:：=,{}\[\]\"'*][^:：=,{}\[\]\"'\n*]{0,120}?)[ \t]*+(?:\*{1,3})?"
    r"\s*+[\"'”’`]?\s*+(?:\*{1,3})?\s*+(?=[:：=])"
)
_LONE = re.compile(r"[^\s:,{}\[\]\"']+")
_MARK = re.compile(r"(?:[-*+•]|\d{1,3}[.)])[ \t]+(?=[\"'\w*])|\*{1,3}(?=[\"'\w])|__(?=[\"'])")
_BOLD_END = re.compile(r"(?:\*{1,3}|__)(?=\s*[:：=])")
_REMARK = re.compile(r"\([^()\n\"]{0,120}\)(?=\s*(?:[\"'}]|\w+\s*:))")
_LABEL = re.compile(r"[A-Z][A-Z_]{1,30}\s*:(?=\s*\"[^\"\n]{0,80}\"\s*:)")
_LIST_GOES_ON = re.compile(r"\s*,\s*(?:\"[^\"\n]{0,120}\"|'[^'\n]{0,120}'|-?[\d.]+)\s*[,\]]|\s*\]")
_LATE_END = re.compile(r"[^\"\n{}\[\]:]{1,160}\"\s*[,}\]]")
_PREFIX = re.compile(r"[uUbBrR]{1,2}(?=([\"'])[^\"'\n]{0,200}\1\s*:)")


def colon(s: State) -> None:
    """Pass the colon after a name, or put one there."""
    s.need(s.pos)
    found = _COLON.match(s.text, s.pos)
    if found is not None:
        start, end = found.span(1)
        if found[1] != ":":
            s.edit(start, end, ":", "wrong_separator")
        if found[2]:
            s.edit(found.start(2), found.end(), "", "extra_colon")
        s.pos = found.end()
        s.mode = Mode.VALUE
        return
    end = s.pos
    if skip(s) or (s.pos > end and _COLON.match(s.text, s.pos)):
        return
    c = s.text[s.pos : s.pos + 1]
    mark = _BOLD_END.match(s.text, s.pos)
    if mark is not None:
        s.edit(s.pos, mark.end(), "", "markdown")
        s.pos = mark.end()
    else:
        _no_colon(s, c, end)


def _no_colon(s: State, c: str, end: int) -> None:
    """What stands behind the name that ended at ``end`` is no colon."""
    frame = s.stack[-1]
    if not c:
        s.cut = True
        end_of_text(s)
    elif c in ",]" and _names_are_elements(s):
        return
    elif c in "}])":
        close(s, c)
    else:
        s.edit_after(end, ":", "missing_value" if c == "," else "missing_colon")
        s.mode = Mode.VALUE
        if c == ",":
            s.edit_after(end, "null", "missing_value")
            frame.value = end
            frame.count += 1
            s.mode = Mode.AFTER


def _names_are_elements(s: State) -> bool:
    """``"a": "x", "y"],``: a bracket is missing before the last value; the string is the next."""
    frame = s.stack[-1]
    if not frame.count or frame.value < 0 or not _LIST_GOES_ON.match(s.text, s.pos):
        return False
    s.edit_before(frame.value, frame.value, "[", "missing_opener")
    inner = Frame("[", frame.value)
    inner.count = 2
    inner.value = s.key
    frame.count -= 1
    frame.value = -1
    s.stack.append(inner)
    s.mode = Mode.AFTER
    return True


def bare_key(s: State) -> None:
    """A name without quotes, or what stands where a name belongs."""
    text, at = s.text, s.pos
    c = text[at]
    if c == ",":
        extra_commas(s)
    elif c == ":" or c == "：":
        _colon_as_name(s)
    elif rest_of_call(s):
        return
    elif c in "{[":
        container_as_name(s, c)
    elif (found := _MARK.match(text, at)) is not None:
        s.edit(at, found.end(), "", "markdown")
        s.pos = found.end()
    elif (found := _REMARK.match(text, at) or _LABEL.match(text, at)) is not None:
        s.edit(at, found.end(), "", "stray_text")
        s.pos = found.end()
    elif (found := _PREFIX.match(text, at)) is not None:
        s.edit(at, found.end(), "", "literal")
        s.pos = found.end()
    elif not _word_as_name(s):
        _no_name(s)


def extra_commas(s: State) -> None:
    """Leave out the commas that stand here side by side, all of them at once."""
    at = s.pos
    limit = len(s.text) if s.final else max(at + 1, len(s.text) - WINDOW)
    s.pos = _COMMAS.match(s.text, at, limit).end()  # type: ignore[union-attr]
    s.edits += [Edit(comma, comma + 1, "", "extra_comma") for comma in range(at, s.pos)]


def _colon_as_name(s: State) -> None:
    """A colon that no name precedes: of a value that follows, or one too many."""
    at = s.pos
    after = WHITE.match(s.text, at + 1).end()  # type: ignore[union-attr]
    s.pos = at + 1
    if VALUE_AHEAD.match(s.text, after) and not KEY_AHEAD.match(s.text, after):
        s.edit(at, at, '""', "missing_key")
        if s.text[at] != ":":
            s.edit(at, at + 1, ":", "wrong_separator")
        s.key, s.comma, s.mode = at, -1, Mode.VALUE
    else:
        s.edit(at, at + 1, "", "extra_colon")


def _word_as_name(s: State) -> bool:
    """A name without quotes, up to its colon; bold marks are no part of it."""
    text, at = s.text, s.pos
    found = _WORD.match(text, at)
    if found is None:
        return False
    start, end = found.span(1)
    if start > at:
        s.edit(at, start, "", "markdown")
    quote_span(s, start, end, "bare_key")
    tail = text[end : found.end()]
    if tail.strip(" \t\r\n"):
        code = (
            "missing_quote"
            if tail[0] in "\"'”’`"
            else "markdown"
            if tail.strip()
            else "white_space"
        )
        s.edit(end, found.end(), "", code)
    s.key = start
    s.pos = found.end()
    s.comma = -1
    s.mode = Mode.COLON
    return True


def _no_name(s: State) -> None:
    """A word that no colon follows: the rest of a string that seemed to end, or stray text."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    if _rejoin(s):
        return
    found = _LONE.match(text, at)
    end = found.end() if found else at + 1
    word = text[at:end]
    scalar = word[0].isdigit() or literal_of(word) is not None
    after = WHITE.match(text, end).end()  # type: ignore[union-attr]
    d = text[after : after + 1]
    if frame.count == 0 and (d == "," or (d == "}" and scalar)) and to_array(s):
        s.mode = Mode.VALUE
    elif d and end < after and VALUE_AHEAD.match(text, after) and not KEY_AHEAD.match(text, after):
        quote_span(s, at, end, "bare_key")
        s.key, s.pos, s.comma, s.mode = at, end, -1, Mode.COLON
    elif frame.count and frame.value >= 0 and s.comma >= 0 and scalar and d in (",", "}", ""):
        wrap(s, frame.value)
    elif not d and frame.count:
        s.drop_comma(s.comma, at)
        s.edit(at, end, "", "incomplete")
        s.comma, s.pos, s.cut, s.mode = -1, end, True, Mode.AFTER
    else:
        s.edit(at, end, "", "stray_text")
        s.pos = end


def _rejoin(s: State) -> bool:
    """``"x "y", and z"``: the words up to a quote belong to the string before the comma."""
    text, at, comma = s.text, s.pos, s.comma
    start = s.stack[-1].value
    if comma <= 0 or text[comma - 1] != '"' or start < 0 or text[start] != '"':
        return False
    found = _LATE_END.match(text, at)
    if found is None or comma - 1 <= start:
        return False
    quote = comma - 1
    if s.is_covered(quote):
        return False
    s.forget(quote)
    s.edit(quote, quote + 1, '\\"', "inner_quote")
    end = text.index('"', at, found.end())
    bare_content(s, comma, end)  # there may be quotes in a comment that is content now
    s.pos = end + 1
    s.comma = -1
    s.mode = Mode.AFTER
    return True
