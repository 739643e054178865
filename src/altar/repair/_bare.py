"""Names and values without quotes, and the colon between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import close, end_of_text, is_key_ahead
from altar.repair._content import bare_content, content
from altar.repair._literals import literal_of, number_of
from altar.repair._patterns import COMMENT, FENCE, KEY_AHEAD, QUOTES, TAG, VALUE_AHEAD, WHITE
from altar.repair._skip import skip
from altar.repair._state import Frame, Mode, closer_of

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["bare_key", "bare_value", "colon"]

_COLON = re.compile(r"[ \t\n\r]*(?::=|=>|->|[:：=])[ \t]*")
_WORD = re.compile(r"(?:\*\*|__)?\s*([^\s:：=,{}\[\]\"'*][^:：=,{}\[\]\"'\n*]{0,120}?)\s*(?:\*\*|__)?"
                   r"\s*[\"'”’`]?\s*(?:\*\*)?\s*(?=[:：=])")  # fmt: skip
_LONE = re.compile(r"[^\s:,{}\[\]\"']+")
_MARK = re.compile(r"(?:[-*+•]|\d{1,3}[.)])[ \t]+(?=[\"'\w*])|\*\*(?=[\"'\w])")
_NUMBER_START = frozenset("-+.0123456789")
_NUMERIC = re.compile(r"[-+.\w]+(?:,\d{3})*(?:\.\d+)?(?=\s*(?:[,}\]\n]|//|/\*|#|\Z))")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=\s*[,}\n]|\s*\Z)")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}(?=\s*(?:\}|,\s*[\"'\w]+\s*[\"']?\s*:))")
_QUOTE_AFTER_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)[\"'](?=\s*[,}\]])")
_CLOSED_LATER = re.compile(r"[^\"\n]{0,300}?[^\s,:\[{(\"]\"(?=\s*(?:[}\]]|,|\Z))")
_CALL = re.compile(r"(?:new\s+)?[A-Za-z_$][\w$.]{0,60}\s*\(")
_STOP = re.compile(r"[^,，}\])\n\"{\[(/#`<;\\]*")
_SEMICOLON = re.compile(r";\s*(?:[\"'}\]]|\w+\s*[:=]|-?\d)")


def colon(s: State) -> None:
    """Pass the colon after a name, or put one there."""
    s.need(s.pos)
    found = _COLON.match(s.text, s.pos)
    if found is not None:
        sign = found[0].strip()
        if sign != ":":
            at = found.start() + len(found[0]) - len(found[0].lstrip())
            s.edit(at, at + len(sign), ":", "wrong_separator")
        s.pos = found.end()
        while s.text[s.pos : s.pos + 1] == ":":
            s.edit(s.pos, s.pos + 1, "", "extra_colon")
            s.pos += 1
        s.mode = Mode.VALUE
        return
    end = s.pos
    if skip(s):
        return
    if s.pos > end and _COLON.match(s.text, s.pos):
        return
    c = s.text[s.pos : s.pos + 1]
    if not c:
        s.cut = True
        end_of_text(s)
    elif c in ",]" and _wrap_names(s):
        return
    elif c in "}])":
        close(s, c)
    elif c == ",":
        s.edit(end, end, ": null", "missing_value")
        s.stack[-1].count += 1
        s.mode = Mode.AFTER
    else:
        s.edit(end, end, ":", "missing_colon")
        s.mode = Mode.VALUE


_LIST_GOES_ON = re.compile(r"\s*,\s*(?:\"[^\"\n]{0,120}\"|'[^'\n]{0,120}'|-?[\d.]+)\s*[,\]]|\s*\]")


def _wrap_names(s: State) -> bool:
    """``"a": "x", "y"],``: a bracket is missing before the last value; the string is the next."""
    frame = s.stack[-1]
    if not frame.count or frame.value < 0 or not _LIST_GOES_ON.match(s.text, s.pos):
        return False
    s.edit_before(frame.value, frame.value, "[", "missing_opener")
    inner = Frame("[", frame.value)
    inner.count = 2
    inner.value = s.key
    frame.count -= 1
    s.stack.append(inner)
    s.mode = Mode.AFTER
    return True


def bare_key(s: State) -> None:
    """A name without quotes, or what stands where a name belongs."""
    text, at = s.text, s.pos
    c = text[at]
    if c == ",":
        s.edit(at, at + 1, "", "extra_comma")
        s.pos = at + 1
    elif c == ":":
        s.edit(at, at + 1, "", "extra_colon")
        s.pos = at + 1
        if s.stack[-1].count == 0 and WHITE.match(text, at + 1).end() < len(text):  # type: ignore[union-attr]
            s.mode = Mode.ITEM
    elif c in "{[":
        _container_as_name(s, c)
    elif (mark := _MARK.match(text, at)) is not None:
        s.edit(at, mark.end(), "", "markdown")
        s.pos = mark.end()
    else:
        _word_as_name(s)


def _word_as_name(s: State) -> None:
    text, at = s.text, s.pos
    found = _WORD.match(text, at)
    if found is not None:
        start, end = found.span(1)
        if start > at:
            s.edit(at, start, "", "markdown")
        _quote_span(s, start, end, "bare_key")
        if found.end() > end:
            code = "missing_quote" if text[end] in "\"'”’`" else "markdown"
            if text[end : found.end()].strip():
                s.edit(end, found.end(), "", code)
        s.key = start
        s.pos = found.end()
        s.comma = -1
        s.mode = Mode.COLON
        return
    _no_name(s)


def _quote_span(s: State, start: int, end: int, code: str) -> None:
    """Put quotes around a span, and mend what stands in it."""
    s.edit(start, start, '"', code)
    bare_content(s, start, end)
    s.edit(end, end, '"', code)


def _no_name(s: State) -> None:
    """A word that no colon follows: the rest of a string that seemed to end, or stray text."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    if _rejoin(s):
        return
    found = _LONE.match(text, at)
    end = found.end() if found else at + 1
    word = text[at:end]
    after = WHITE.match(text, end).end()  # type: ignore[union-attr]
    d = text[after : after + 1]
    if frame.count == 0 and (d == "," or d == "}") and (word[0].isdigit() or d == ","):
        s.edit_before(frame.open, frame.open + 1, "[", "set")
        frame.kind = "["
        s.mode = Mode.VALUE
        return
    if d and (VALUE_AHEAD.match(text, after) and not KEY_AHEAD.match(text, after)) and end < after:
        _quote_span(s, at, end, "bare_key")
        s.key, s.pos, s.comma, s.mode = at, end, -1, Mode.COLON
        return
    if frame.count and s.comma >= 0 and d in (",", "}", ""):
        if word[0].isdigit() or literal_of(word) is not None or not d:
            _wrap(s, at)
            return
    s.edit(at, end, "", "stray_text")
    s.pos = end


def _rejoin(s: State) -> bool:
    """``"x "y", and z"``: the words up to a quote belong to the string before the comma."""
    text, at = s.text, s.pos
    comma = s.comma
    if comma <= 0 or text[comma - 1] != '"' or s.stack[-1].value < 0:
        return False
    found = re.compile(r"[^\"\n{}\[\]:]{1,160}\"\s*[,}\]]").match(text, at)
    if found is None:
        return False
    start = s.stack[-1].value
    if text[start] != '"':
        return False
    from_quote = comma - 1
    s.forget(from_quote)
    s.edit(from_quote, from_quote + 1, '\\"', "inner_quote")
    content(s, comma, found.end())
    s.stack[-1].count -= 1
    s.pos = text.index('"', at, found.end()) + 1
    s.stack[-1].count += 1
    s.comma = -1
    s.mode = Mode.AFTER
    return True


def _wrap(s: State, at: int) -> None:
    """A value without a name after another value: both belong in an array under its name."""
    frame = s.stack[-1]
    if frame.value < 0:
        s.edit(at, at + 1, "", "missing_key")
        s.pos = at + 1
        return
    s.edit_before(frame.value, frame.value, "[", "wrapped_array")
    inner = Frame("[", frame.value)
    inner.count = 1
    frame.count -= 1
    s.stack.append(inner)
    s.mode = Mode.VALUE


def _container_as_name(s: State, c: str) -> None:
    """A bracket where a name belongs."""
    frame = s.stack[-1]
    text, at = s.text, s.pos
    if c == "{" and frame.count == 0 and at == frame.open + 1:
        s.edit(at, at + 1, "", "double_brace")
        frame.doubled = True
        s.pos = at + 1
        return
    if frame.count == 0:
        inside = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
        if text[inside : inside + 1] not in ("", "}") or c == "[":
            s.edit_before(frame.open, frame.open + 1, "[", "set")
            frame.kind = "["
            s.mode = Mode.VALUE
            return
    comma = s.comma
    previous = _last_sign(text, comma if comma >= 0 else at)
    if c == "[" and comma >= 0 and text[previous] == "]":
        s.forget(previous)
        s.edit(previous, previous + 1, "", "wrapped_array")
        s.edit(at, at + 1, "", "wrapped_array")
        inner = Frame("[", frame.value)
        inner.count = 1
        frame.count -= 1
        s.stack.append(inner)
        s.comma = -1
        s.pos = at + 1
        s.mode = Mode.VALUE
        return
    if len(s.stack) > 1 and s.stack[-2].kind == "[":
        stop = comma if comma >= 0 else at
        s.edit_before(stop, stop, closer_of(frame.kind), "missing_closer")
        s.stack.pop()
        s.stack[-1].count += 1
        s.mode = Mode.VALUE
        return
    s.edit(at, at + 1, "", "missing_key")
    s.pos = at + 1
    s.stack[-1].count += 1
    if c == "[":
        return
    frame.doubled = True


def _last_sign(text: str, at: int) -> int:
    """The last character before ``at`` that is no white space."""
    at -= 1
    while at > 0 and text[at].isspace():
        at -= 1
    return at


def bare_value(s: State) -> None:
    """A value without quotes, or what stands where a value belongs."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    c = text[at]
    if c == ",":
        _no_value(s)
        return
    if c == ":":
        s.edit(at, at + 1, "", "extra_colon")
        s.pos = at + 1
        return
    if c == "(":
        _tuple(s)
        return
    if c == ")":
        close(s, c)
        return
    frame.value = at
    if c in _NUMBER_START and _numeric(s):
        return
    if _CALL.match(text, at) and _call(s):
        return
    if _closed_later(s):
        return
    end = _bare_end(s)
    _bare(s, at, end)


def _no_value(s: State) -> None:
    at = s.pos
    frame = s.stack[-1]
    if frame.kind == "{":
        s.edit(at, at, "null", "missing_value")
        frame.count += 1
        s.mode = Mode.AFTER
        return
    s.edit(at, at + 1, "", "extra_comma")
    s.pos = at + 1


def _numeric(s: State) -> bool:
    """A number in some notation, up to the sign that ends it."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    found = None
    if frame.kind == "{":
        found = _THOUSANDS.match(text, at) or _DECIMAL_COMMA.match(text, at)
    stray = None if found else _QUOTE_AFTER_NUMBER.match(text, at)
    if stray is not None:
        s.edit(stray.end(1), stray.end(), "", "stray_quote")
        _value_at(s, at, stray.end())
        return True
    found = found or re.compile(r"[-+.\w]+(?=\s*(?:[,，;；}\]){\[\n]|//|/\*|#|\Z|\"))").match(text, at)
    if found is None:
        return False
    word = found[0]
    number = number_of(word)
    if number is None:
        lone = word in ("-", "+", ".")
        if lone and frame.kind == "[":
            s.edit(at, found.end(), "", "incomplete")
            s.pos = found.end()
            s.mode = Mode.ITEM if s.comma >= 0 else Mode.VALUE
            return True
        return False
    after, code = number
    if code:
        s.edit(at, found.end(), after, code)
    if found.end() >= len(text):
        s.cut = True
    _value_at(s, at, found.end())
    return True


def _value_at(s: State, start: int, end: int) -> None:
    frame = s.stack[-1]
    frame.value = start
    frame.count += 1
    s.comma = -1
    s.pos = end
    s.mode = Mode.AFTER


def _tuple(s: State) -> None:
    """``(1, 2)`` is an array; ``(1)`` is its value."""
    text, at = s.text, s.pos
    single = re.compile(r"\(\s*(?:-?[\w.]+|\"[^\"\n]*\"|'[^'\n]*')\s*\)").match(text, at)
    if single is not None:
        s.edit(at, at + 1, "", "tuple")
        s.pos = at + 1
        s.stack[-1].count += 0
        s.text  # noqa: B018 - the closer is dropped where it is met
        s.mode = Mode.VALUE
        s.forced[single.end() - 1] = "drop"
        return
    s.edit(at, at + 1, "[", "tuple")
    s.push(Frame("[", at, close=")"))
    s.pos = at + 1


def _call(s: State) -> bool:
    """``ObjectId("1")``, ``new Date(...)``: the argument is the value."""
    text, at = s.text, s.pos
    opened = _CALL.match(text, at)
    assert opened is not None
    inner = re.compile(r"\s*(?:\"[^\"\n]*\"|'[^'\n]*'|-?[\d.]+|null|true|false)?\s*\)").match(
        text, opened.end()
    )
    if inner is None:
        nested = text[opened.end() : opened.end() + 1]
        if nested not in "{[":
            return False
        s.edit(at, opened.end(), "", "wrapper")
        s.pos = opened.end()
        return True
    follows = WHITE.match(text, inner.end()).end()  # type: ignore[union-attr]
    if text[follows : follows + 1] not in ",}])\n;":
        return False
    if not inner[0].strip(" \t\n)"):
        s.edit(at, inner.end(), "null", "wrapper")
        _value_at(s, at, inner.end())
        return True
    s.edit(at, opened.end(), "", "wrapper")
    s.pos = opened.end()
    s.forced[inner.end() - 1] = "drop"
    return True


def _closed_later(s: State) -> bool:
    """A string whose opening quote is missing: ``foo", "b": 1``."""
    text, at = s.text, s.pos
    found = _CLOSED_LATER.match(text, at)
    if found is None:
        return False
    end = found.end() - 1
    if is_key_ahead(text, at) and s.stack[-1].kind == "{" and "," in text[at:end]:
        return False
    s.edit(at, at, '"', "missing_quote")
    content(s, at, end)
    _value_at(s, at, found.end())
    return True


def _bare_end(s: State) -> int:
    """Where a text without quotes ends: before what continues the document."""
    text = s.text
    frame = s.stack[-1]
    at = s.pos
    depth = 0
    while True:
        at = _STOP.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            s.cut = True
            return at
        s.need(at)
        c = text[at]
        if c in "{[(":
            depth += 1
        elif c in "}])":
            if depth == 0 and (c != ")" or frame.close == ")" or at in s.forced):
                return at
            depth = max(0, depth - 1)
        elif c == "\\":
            at += 1
        elif depth == 0 and _stops(s, frame, at, c):
            return at
        at += 1


def _stops(s: State, frame: Frame, at: int, c: str) -> bool:
    """Whether a text without quotes ends before the sign at ``at``."""
    text = s.text
    if c in ",，":
        if frame.kind == "[":
            return True
        after = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
        d = text[after : after + 1]
        return not d or d in "}]{[" or is_key_ahead(text, after) or d in "/#"
    if c == "\n":
        after = WHITE.match(text, at).end()  # type: ignore[union-attr]
        d = text[after : after + 1]
        if not d or d in "}],":
            return True
        return frame.kind == "[" or is_key_ahead(text, after)
    if c == '"':
        if KEY_AHEAD.match(text, at) is not None:
            return frame.kind == "{"
        return frame.kind == "[" and text[at - 1] in " \t"
    if c == ";":
        return _SEMICOLON.match(text, at) is not None
    if c == "/":
        return text[at - 1] in " \t" and COMMENT.match(text, at) is not None
    if c == "#":
        return text[at - 1] in " \t" and text[at + 1 : at + 2] in " \t"
    if c == "`":
        return FENCE.match(text, at) is not None
    return c == "<" and TAG.match(text, at) is not None


def _bare(s: State, at: int, end: int) -> None:
    """Quote the text from ``at`` to ``end``, or read it as the word or number it is."""
    text = s.text
    last = at + len(text[at:end].rstrip())
    word = text[at:last]
    if not word:
        s.edit(at, at + 1, "", "stray_text")
        s.pos = at + 1
        return
    literal = literal_of(word)
    number = None if literal else number_of(word)
    if literal is not None:
        if literal != word:
            s.edit(at, last, literal, "literal")
    elif number is not None:
        if number[1]:
            s.edit(at, last, *number)
    elif s.stack[-1].kind == "[" and _junk_before_value(s, at, last):
        return
    elif (tail := _JUNK_AFTER.match(text, at)) is not None:
        last = tail.end(1)
    else:
        _quote_span(s, at, last, "bare_string")
    _value_at(s, at, last)


_JUNK_AFTER = re.compile(r"(-?\d[\d.]*)\s+[A-Z][A-Z_]{3,40}\s*[,\]}]")


def _junk_before_value(s: State, at: int, last: int) -> bool:
    """``PLACEHOLDER 3``: a word in capitals before a sound value is left out."""
    found = re.compile(r"([A-Z][A-Z_]{2,40})\s+(?=-?\d[\d.]*\s*[,\]]|[\"{\[])").match(s.text, at)
    if found is None:
        return False
    s.edit(at, found.end(1), "", "stray_text")
    s.pos = found.end(1)
    return True


_ = (QUOTES, _NUMERIC)
