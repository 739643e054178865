"""Texts in which no bracket opens a value: members without one, scalars, lists, plain text."""

from __future__ import annotations

import re

from altar.repair._content import bare_content
from altar.repair._find import Item, read_as
from altar.repair._literals import literal_of, number_of
from altar.repair._patterns import KEY_AHEAD, OPEN_KEY, QUOTES
from altar.repair._state import Edit, State

__all__ = ["leading_members", "whole_string", "whole_value"]

_LINE = re.compile(
    r"[ \t]*(?:[-*+•][ \t]+|\d{1,3}[.)][ \t]+)?[\"'“*_]{0,3}[\w$][^:\n\"“”{}\[\],]{0,60}[\"'”*_]{0,3}[ \t]*[:：=](?!//)"
)
_ONE = re.compile(r"\s*[\"']?[A-Za-z_$][\w$-]{0,40}[\"']?\s*[:：]\s?(?:[^\s:/]\S*|[\"'].*)\s*\Z")
_CALL = re.compile(r"\s*(?:/\*.*?\*/\s*)?[A-Za-z_$][\w$.]{0,60}\s*\(\s*(.*?)\s*\)\s*;?\s*\Z", re.DOTALL)
_TUPLE = re.compile(r"\(\s*(?:[\"'\d(\[{-]|\))")
_SCALARS = re.compile(
    r"\s*(?:\"[^\"\n]*\"|-?\d[\d.eE+-]*|true|false|null)"
    r"(?:\s*[,\n]\s*(?:\"[^\"\n]*\"|-?\d[\d.eE+-]*|true|false|null))+\s*,?\s*\Z"
)
_PARTS = re.compile(r"\"[^\"\n]*\"|-?\d[\d.eE+-]*|true|false|null")
_SURE = 2


_FIRST = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"\s*([,:+]|\"|\Z)?", re.DOTALL)


def whole_string(text: str) -> Item | None:
    """The text as one string, where it begins and ends with its quotes and is no list of them."""
    at = len(text) - len(text.lstrip("\ufeff \t\r\n"))
    end = len(text.rstrip())
    if text[at : at + 1] != '"' or end - at < 2 or text[end - 1] != '"':
        return None
    found = _FIRST.match(text, at)
    if found is None or (found[1] and found[1] not in "+\""):
        return None
    return _string(text, at, end)


def leading_members(text: str) -> int:
    """Where members begin that no brace opens; -1 when the text does not begin with one."""
    at = len(text) - len(text.lstrip("\ufeff \t\r\n,"))
    if KEY_AHEAD.match(text, at) or (text[at : at + 1] in QUOTES and OPEN_KEY.match(text, at)):
        return at
    return -1


def whole_value(text: str) -> Item | None:
    """The value of a text without brackets, or None for plain text."""
    at = len(text) - len(text.lstrip("\ufeff \t\r\n"))
    end = len(text.rstrip())
    if _mostly_members(text):
        return read_as(text, at, "{")
    found = _TUPLE.search(text)
    if found is not None and (")" in text[found.start() :]) and "," in text[found.start() :]:
        return read_as(text, found.start(), "[", ")")
    if text[at : at + 1] in QUOTES and text[end - 1] == "]":
        return read_as(text, at, "[")
    return _call(text) or _scalars(text) or _scalar(text, at, end)


def _mostly_members(text: str) -> bool:
    if _ONE.match(text) and "\n" not in text.strip():
        return True
    lines = [line for line in text[:20000].split("\n") if line.strip()]
    if len(lines) < _SURE:
        return False
    named = sum(1 for line in lines if _LINE.match(line) or line.strip() in "{}[],")
    return named >= 0.8 * len(lines)


def _call(text: str) -> Item | None:
    """``callback(2);``: the argument is the value."""
    found = _CALL.match(text)
    if found is None:
        return None
    start, end = found.span(1)
    inner = _scalar(text, start, end) if end > start else None
    if inner is None:
        return None
    return inner


def _scalars(text: str) -> Item | None:
    """``1, 2, 3`` or one scalar a line: an array."""
    if not _SCALARS.match(text):
        return None
    parts = list(_PARTS.finditer(text))
    edits = [Edit(parts[0].start(), parts[0].start(), "[", "missing_opener")]
    for one, other in zip(parts, parts[1:], strict=False):
        gap = text[one.end() : other.start()]
        if "," not in gap:
            edits.append(Edit(one.end(), one.end(), ",", "missing_comma"))
    last = parts[-1].end()
    edits.append(Edit(last, last, "]", "missing_closer"))
    return Item(parts[0].start(), last, edits)


def _scalar(text: str, at: int, end: int) -> Item | None:
    """One string, number or literal."""
    while end > at and text[end - 1] in ",; \t\n":
        end -= 1
    word = text[at:end]
    if not word:
        return None
    literal = literal_of(word)
    if literal is not None:
        return Item(at, end, [] if literal == word else [Edit(at, end, literal, "literal")])
    number = number_of(word)
    if number is not None:
        return Item(at, end, [Edit(at, end, *number)] if number[1] else [])
    if word[0] in QUOTES:
        return _string(text, at, end)
    return None


def _string(text: str, at: int, end: int) -> Item:
    """A text that begins with a quote: a string up to its last character."""
    closed = end - 1 > at and text[end - 1] in QUOTES[text[at]]
    s = State(text, at)
    if text[at] != '"':
        s.edit(at, at + 1, '"', "quotes")
    last = end - 1 if closed else end
    joins = list(re.compile(r"\"\s*(?:/\*.*?\*/)?\s*\+\s*(?:/\*.*?\*/)?\s*\"").finditer(text, at + 1, last))
    stop = at + 1
    for join in [*joins, None]:
        until = join.start() if join else last
        bare_content(s, stop, until)
        if join:
            s.edit(join.start(), join.end(), "", "concatenation")
            stop = join.end()
    if not closed:
        s.edit(end, end, '"', "truncated")
    elif text[last] != '"':
        s.edit(last, end, '"', "quotes")
    return Item(at, end, s.edits)

