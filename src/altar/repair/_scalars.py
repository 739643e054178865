"""Strings, numbers and literals that stand in a text without brackets around them."""

from __future__ import annotations

import re

from altar.repair._content import bare_content
from altar.repair._items import Item
from altar.repair._literals import literal_of, number_of
from altar.repair._patterns import QUOTES
from altar.repair._state import Edit, State

__all__ = ["is_scalars", "scalar", "scalars", "string"]

_ATOM = r"(?:\"[^\"\n]*+\"|-?[0-9][0-9.eE+-]*+|(?:true|false|null)\b)"
# by commas, by lines, or by blanks, where they do not group the digits of one number
_BY_BLANKS = rf"(?!-?[0-9]{{1,3}}(?:[ ][0-9]{{3}})++\s*+\Z){_ATOM}(?:[ \t]++{_ATOM}(?=\s|\Z))++\s*+"
_SCALARS = re.compile(
    rf"(?:{_ATOM}(?:[ \t\r]*+(?:,|\n)[ \t\r\n]*+{_ATOM})++[ \t\r\n,]*+(\]?)\s*+|{_BY_BLANKS})\Z"
)
_PARTS = re.compile(_ATOM)
_NOTE = r"\s{0,99}(?:/\*[^*]{0,400}\*/)?\s{0,99}"
_JOIN = re.compile(rf"\"{_NOTE}\+{_NOTE}\"")


def is_scalars(text: str, at: int, end: int) -> bool:
    """Whether the text from ``at`` to ``end`` is a list of scalars, by commas or lines."""
    return _SCALARS.match(text, at, end) is not None


def scalars(text: str, at: int, end: int) -> Item | None:
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


def scalar(text: str, at: int, end: int) -> Item | None:
    """One string, number or literal."""
    while end > at and text[end - 1] in ",; \t\r\n":
        end -= 1
    if end <= at:
        return None
    if text[at] in QUOTES:
        return string(text, at, end)
    word = text[at:end]
    literal = literal_of(word) if len(word) < 20 else None
    if literal is not None:
        return Item(at, end, [] if literal == word else [Edit(at, end, literal, "literal")])
    number = number_of(word)
    if number is not None:
        return Item(at, end, [Edit(at, end, *number)] if number[1] else [])
    return None


def string(text: str, at: int, end: int) -> Item:
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
