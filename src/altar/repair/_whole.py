"""Texts in which no bracket opens a value: members without one, scalars, lists, plain text."""

from __future__ import annotations

import re

from altar.repair._calls import keyword_call
from altar.repair._content import bare_content
from altar.repair._items import Item, read_as
from altar.repair._literals import literal_of, number_of
from altar.repair._patterns import KEY_AHEAD, OPEN_KEY, QUOTES
from altar.repair._state import Edit, State

__all__ = ["leading_values", "whole_value"]

_BLANK = "\ufeff \t\r\n"
_LINE = re.compile(
    r"[ \t]*+(?:[-*+•][ \t]++|\d{1,3}[.)][ \t]++)?[\"'“*_]{0,3}[\w$][^:\n\"“”{}\[\],]{0,60}"
    r"[\"'”*_]{0,3}[ \t]*+[:：=](?!//)"
)
_ONE = re.compile(r"[\"']?[A-Za-z_$][\w$-]{0,40}[\"']?\s{0,9}[:：]\s?(?:[^\s:/]\S*+\Z|[\"'])")
_BODY = re.compile(r"(?:[`~'\"]{3,}+[ \t]{0,9}[\w+-]{0,30}|-{3})[ \t]*+\r?\n")
_BODY_END = re.compile(r"\n(?:[`~]{2,}|'{3}|\"{3}|-{3}|\.{3})\s{0,99}\Z")
_CALL = re.compile(r"(?:/\*[^*]{0,400}\*/\s*+)?(?:[A-Za-z_$][\w$.]{0,60}\s{0,9})?\(\s*+")
_TUPLE = re.compile(r"\(\s*+(?:[\"'\d(\[{-]|\))")
_ATOM = r"(?:\"[^\"\n]*+\"|-?\d[\d.eE+-]*+|(?:true|false|null)\b)"
_SCALARS = re.compile(rf"{_ATOM}(?:[ \t\r]*+(?:,|\n)\s*+{_ATOM})++[\s,]*+(\]?)\s*+\Z")
_PARTS = re.compile(_ATOM)
_JOIN = re.compile(
    r"\"\s{0,99}(?:/\*[^*]{0,400}\*/)?\s{0,99}\+\s{0,99}(?:/\*[^*]{0,400}\*/)?\s{0,99}\""
)
_FIRST = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"\s*+([,:+]|\"|\Z)?", re.DOTALL)
_QUOTED_CALL = re.compile(r"\s*+[;,]?\s*+")
_SURE = 2  # lines
_SHARE = 0.8
_SAMPLE = 20000  # characters


def bounds(text: str) -> tuple[int, int]:
    """Where the text begins and ends, but for white space."""
    return len(text) - len(text.lstrip(_BLANK)), len(text.rstrip())


def leading_values(text: str) -> list[Item]:
    """Values that the beginning of the text says are there, whatever brackets follow.

    One string, members without a brace, calls with named arguments.
    """
    at, end = bounds(text)
    string = _whole_string(text, at, end)
    if string is not None:
        return [string]
    first = at + len(text[at : at + 99]) - len(text[at : at + 99].lstrip("\ufeff \t\r\n,"))
    if text[first : first + 1] in QUOTES and (
        KEY_AHEAD.match(text, first) or OPEN_KEY.match(text, first)
    ):
        return [read_as(text, first, first, "{")]
    items: list[Item] = []
    while (call := keyword_call(text, at)) is not None:
        items.append(call)
        at = _QUOTED_CALL.match(text, call.end).end()  # type: ignore[union-attr]
    return items


def _whole_string(text: str, at: int, end: int) -> Item | None:
    """The text as one string, where it begins and ends with its quotes and is no list of them."""
    if end - at < 2 or text[at] != '"' or text[end - 1] != '"' or text.startswith('"""', at):
        return None
    found = _FIRST.match(text, at)
    if found is None or (found[1] and found[1] not in '+"'):
        return None
    return _string(text, at, end)


def whole_value(text: str) -> Item | None:
    """The value of a text without brackets, or None for plain text."""
    at, end = bounds(text)
    body = _BODY.match(text, at)
    if body is not None:
        closing = _BODY_END.search(text, max(body.end() - 1, end - 120))
        at, end = body.end(), closing.start() if closing else end
        at += len(text[at:end]) - len(text[at:end].lstrip())
        if at >= end:
            return None
    if _mostly_members(text, at, end):
        item = read_as(text if end == len(text) else text[:end], at, at, "{")
        return item if item.end > at else None
    call = _call(text, at, end)
    if call is not None:
        return call
    found = _TUPLE.search(text, at, end)
    if found is not None:
        first = found.start()
        if text.find(")", first, end) >= 0 <= text.find(",", first, end):
            return read_as(text, first, first + 1, "[", close=")", code="tuple")
    scalars = _scalars(text, at, end)
    if scalars is not None:
        return scalars
    if text[at] in QUOTES and text[end - 1] == "]":
        return read_as(text, at, at, "[")
    return _scalar(text, at, end)


def _mostly_members(text: str, at: int, end: int) -> bool:
    sample = text[at : min(end, at + _SAMPLE)]
    if end - at < _SAMPLE and "\n" not in sample and _ONE.match(sample):
        return True
    lines = [line for line in sample.split("\n") if line.strip()]
    if len(lines) < _SURE:
        return False
    named = sum(1 for line in lines if _LINE.match(line) or line.strip() in "{}[],")
    return named >= _SHARE * len(lines)


def _call(text: str, at: int, end: int) -> Item | None:
    """``callback(2);`` or ``(2)``: the argument is the value."""
    found = _CALL.match(text, at, end)
    if found is None:
        return None
    while end > at and text[end - 1] in "; \t\r\n":
        end -= 1
    if text[end - 1] != ")":
        return None
    end -= 1
    while end > found.end() and text[end - 1].isspace():
        end -= 1
    start = found.end()
    if end <= start or (text[start] in QUOTES and _is_list(text, start, end)):
        return None
    return _scalar(text, start, end)


def _is_list(text: str, start: int, end: int) -> bool:
    """Whether what begins as a string goes on behind it with a comma."""
    found = _FIRST.match(text, start, end)
    return found is None or found[1] == ","


def _scalars(text: str, at: int, end: int) -> Item | None:
    """``1, 2, 3`` or one scalar a line: an array."""
    found = _SCALARS.match(text, at, end)
    if found is None:
        return None
    last = found.end(1) if found[1] else 0
    edits = [Edit(at, at, "[", "missing_opener")]
    before = -1
    for part in _PARTS.finditer(text, at, end):
        if before >= 0 and text.find(",", before, part.start()) < 0:
            edits.append(Edit(before, before, ",", "missing_comma"))
        before = part.end()
    comma = text.find(",", before, end)
    if comma >= 0:
        edits += _dropped_commas(text, before, end)
    if not last:
        last = before if comma < 0 else end
        edits.append(Edit(last, last, "]", "missing_closer"))
    return Item(at, last, _checked(text, at, edits, end))


def _dropped_commas(text: str, start: int, end: int) -> list[Edit]:
    return [Edit(i, i + 1, "", "trailing_comma") for i in range(start, end) if text[i] == ","]


def _checked(text: str, at: int, edits: list[Edit], end: int) -> list[Edit]:
    """The edits of an array of scalars, with those for numbers JSON does not know."""
    more = []
    for part in _PARTS.finditer(text, at, end):
        word = part[0]
        if word[0] == '"':
            s = State(text, part.start())
            bare_content(s, part.start() + 1, part.end() - 1)
            more += s.edits
            continue
        number = None if word[0] in "tfn" else number_of(word)
        if word[0] not in "tfn" and (number is None or number[1]):
            made, code = number or (f'"{word}"', "number_as_text")
            more.append(Edit(part.start(), part.end(), made, code))
    return sorted([*edits, *more], key=lambda edit: edit[:2]) if more else edits


def _scalar(text: str, at: int, end: int) -> Item | None:
    """One string, number or literal."""
    while end > at and text[end - 1] in ",; \t\r\n":
        end -= 1
    if end <= at:
        return None
    if text[at] in QUOTES:
        return _string(text, at, end)
    word = text[at:end]
    literal = literal_of(word) if len(word) < 20 else None
    if literal is not None:
        return Item(at, end, [] if literal == word else [Edit(at, end, literal, "literal")])
    number = number_of(word)
    if number is not None:
        return Item(at, end, [Edit(at, end, *number)] if number[1] else [])
    return None


def _string(text: str, at: int, end: int) -> Item:
    """A text that begins with a quote: a string up to its last character."""
    closed = end - 1 > at and text[end - 1] in QUOTES[text[at]]
    s = State(text, at)
    if text[at] != '"':
        s.edit(at, at + 1, '"', "quotes")
    last = end - 1 if closed else end
    stop = at + 1
    for join in _JOIN.finditer(text, at + 1, last):
        bare_content(s, stop, join.start())
        s.edit(join.start(), join.end(), "", "concatenation")
        stop = join.end()
    bare_content(s, stop, last)
    if not closed:
        s.edit(end, end, '"', "truncated")
    elif text[last] != '"':
        s.edit(last, end, '"', "quotes")
    return Item(at, end, s.edits)
