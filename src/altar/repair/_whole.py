"""Texts in which no bracket opens a value: members without one, scalars, lists, plain text."""

from __future__ import annotations

import re

from altar.repair._calls import keyword_call
from altar.repair._items import Item, read_as
from altar.repair._lines import dashed_elements, dashed_objects, flat_members
from altar.repair._patterns import KEY_AHEAD, OPEN_KEY, QUOTES
from altar.repair._scalars import is_scalars, scalar, scalars, string

__all__ = ["bounds", "leading_values", "whole_value"]

_BLANK = "\ufeff \t\r\n"
_LINE = re.compile(
    r"[ \t]*+(?:[-*+•][ \t]++|\d{1,3}[.)][ \t]++)?[\"'“*_]{0,3}[\w$][^:\n\"“”{}\[\],]{0,60}"
    r"[\"'”*_]{0,3}[ \t]*+[:：=](?!//)"
)
_ONE = re.compile(r"[\"']?[A-Za-z_$][\w$-]{0,40}[\"']?\s{0,9}[:：]\s?(?:[^\s:/]\S*+\Z|[\"'])")
_BODY = re.compile(r"(?:[`~'\"]{3,}+[ \t]{0,9}[\w+-]{0,30}|-{3})[ \t]*+\r?\n")
_BODY_END = re.compile(r"\n(?:`{2}|~{2}|'{3}|\"{3}|-{3}|\.{3})")
_BLOCK = re.compile(
    r"^(`{3}|~{3})[`~]{0,9}[ \t]{0,9}(?:ya?ml|json\w?)[ \t]{0,9}\r?\n", re.MULTILINE
)
_TAGGED = re.compile(r"<([A-Za-z]\w{0,40})(?:\s[^<>\n]{0,80})?>")
_CALL = re.compile(r"(?:/\*[^*]{0,400}\*/\s*+)?(?:[A-Za-z_$][\w$.]{0,60}\s{0,9})?\(\s*+")
_TUPLE = re.compile(r"\(\s*+(?:[\"'\d(\[{-]|\))")
_FIRST = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"\s*+([,:+]|\"|\Z)?", re.DOTALL)
# a document in quotes, none of whose own quotes is escaped
_DOCUMENT = re.compile(r"\"\s*+(?:[{\[]\s*+){1,40}\"[^\"\\\n]{1,80}\"\s*+[:,\]]")
_DOCUMENT_ENDS = ('}"', ']"')
_QUOTED_CALL = re.compile(r"\s*+[;,]?\s*+")
_NESTED = re.compile(
    r"^([ \t]{0,40})[\w-]{1,60}:[ \t]{0,9}\r?\n\1[ \t]{1,40}[\w-]{1,60}:[ \t]", re.MULTILINE
)
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
    one = _whole_string(text, at, end)
    if one is not None:
        return [one]
    flat = flat_members(text, at, end, plain=True)
    if flat is not None:
        return [flat]
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
    if _DOCUMENT.match(text, at) and text.endswith(_DOCUMENT_ENDS, at, end):
        return None
    found = _FIRST.match(text, at)
    if found is None or (found[1] and found[1] not in '+"') or is_scalars(text, at, end):
        return None
    return string(text, at, end)


def whole_value(text: str) -> Item | None:
    """The value of a text without brackets, or None for plain text."""
    at, end = _body(text)
    if at >= end:
        return None
    if _mostly_members(text, at, end):
        flat = dashed_objects(text, at, end) or flat_members(text, at, end)
        if flat is not None:
            return flat
        if _NESTED.search(text, at, end) and text.find("{", at, end) < 0:
            return None  # its nesting is told by indentation alone
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
    several = scalars(text, at, end) or dashed_elements(text, at, end)
    if several is not None:
        return several
    if text[at] in QUOTES and text[end - 1] == "]":
        return read_as(text, at, at, "[")
    return scalar(text, at, end)


def _body(text: str) -> tuple[int, int]:
    """Where the text begins and ends within its fence, its tag, or its lines of dashes."""
    at, end = bounds(text)
    body = _BODY.match(text, at)
    if body is not None:
        closing = _BODY_END.search(text, body.end() - 1, end)
        at, end = body.end(), closing.start() if closing else end
    else:
        block = _BLOCK.search(text, at, end) or _TAGGED.match(text, at, end)
        if block is None:
            return at, end
        closing_sign = f"</{block[1]}" if text[block.start()] == "<" else "\n" + block[1]
        closed = text.find(closing_sign, block.end() - 1)
        at, end = block.end(), closed if closed >= 0 else end
    inner = text[at:end]
    return at + len(inner) - len(inner.lstrip()), at + len(inner.rstrip())


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
    return scalar(text, start, end)


def _is_list(text: str, start: int, end: int) -> bool:
    """Whether what begins as a string goes on behind it with a comma."""
    found = _FIRST.match(text, start, end)
    return found is None or found[1] == ","
