"""Arguments that are written as a call in a programming language or as tagged parameters."""

from __future__ import annotations

import re

from altar.repair._items import Item, read_as
from altar.repair._literals import literal_of, quoted
from altar.repair._patterns import WHITE
from altar.repair._scalars import scalar, string
from altar.repair._scan import scan, start
from altar.repair._sound import decode
from altar.repair._state import Edit, State

__all__ = ["keyword_call", "tagged_parameters"]

_CALL = re.compile(
    r"(?:[A-Za-z_]\w{0,60}\s{0,9}=\s{0,9})?[A-Za-z_][\w.]{0,80}\(\s*+(?=[A-Za-z_]\w{0,80}\s{0,9}=(?![=>]))"
)
_KEYWORD = re.compile(r"\s*+([A-Za-z_]\w{0,80})\s{0,9}=")
_STRING = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|'[^'\\]*+(?:\\.[^'\\]*+)*+'", re.DOTALL)
_WORD = re.compile(r"[^\s,(){}\[\]\"'=]++")
_BEHIND = re.compile(r"\s*+(?:(,)?\s*+(\))|,)")
_PARAMETER = re.compile(
    r"\s*+<(?:parameter|param|arg)(?:\s{0,9}=\s{0,9}|\s{1,9}name\s{0,9}=\s{0,9})[\"']?"
    r"([^<>\"'\n]{1,80})[\"']?[^<>\n]{0,80}>|\s*+<arg_key>([^<>\n]{1,80})</arg_key>\s*+<arg_value>",
    re.IGNORECASE,
)
_PARAMETER_END = re.compile(
    r"</(?:parameter|param|arg|arg_value)\s{0,9}>|(?=</(?:function|invoke|tool_call)\s{0,9}>)",
    re.IGNORECASE,
)


def keyword_call(text: str, at: int) -> Item | None:
    """``weather(city="Paris", days=3)`` at ``at``: its arguments as an object."""
    head = _CALL.match(text, at)
    if head is None:
        return None
    edits = [Edit(at, head.end(), "{", "wrapper")]
    position = head.end()
    while (name := _KEYWORD.match(text, position)) is not None:
        value = _argument(text, name.end())
        behind = _BEHIND.match(text, value.end)
        if behind is None:
            break
        edits.append(Edit(name.start(1), name.end(1), quoted(name[1]), "bare_key"))
        edits.append(Edit(name.end() - 1, name.end(), ":", "wrong_separator"))
        edits += value.edits
        position = behind.end()
        if behind[2]:
            if behind[1]:
                edits.append(Edit(behind.start(1), behind.end(1), "", "trailing_comma"))
            edits.append(Edit(position - 1, position, "}", "wrapper"))
            return Item(at, position, edits)
    # not as a programming language has it: the scanner may make something of it
    item = read_as(text, at, head.end(), "{", close=")", code="wrapper")
    return item if item.end > head.end() else None


def _argument(text: str, at: int) -> Item:
    """The value of an argument; of what it ends with, nothing is known yet."""
    at = WHITE.match(text, at).end()  # type: ignore[union-attr]
    if text[at : at + 1] in ("{", "["):
        s = State(text, at)
        start(s)
        scan(s)
        return Item(at, s.pos, s.edits)
    word = _STRING.match(text, at)
    if word is not None:
        return string(text, at, word.end())
    word = _WORD.match(text, at)
    end = word.end() if word else at
    return scalar(text, at, end) or Item(
        at, end, [Edit(at, end, quoted(text[at:end]), "bare_string")]
    )


def tagged_parameters(text: str, at: int) -> Item | None:
    """``<parameter=city>Paris</parameter>`` and those that follow it: an object."""
    found = _PARAMETER.match(text, at)
    if found is None:
        return None
    edits: list[Edit] = []
    last = at
    while found is not None:
        head = f"{',' if edits else '{'}{quoted((found[1] or found[2]).strip())}: "
        edits.append(Edit(last, found.end(), head, "wrapper"))
        closing = _PARAMETER_END.search(text, found.end())
        end = closing.start() if closing else len(text)
        last = closing.end() if closing else len(text)
        edits += _value(text, found.end(), end)
        if last > end:
            edits.append(Edit(end, last, "", "wrapper"))
        found = _PARAMETER.match(text, last)
    edits.append(Edit(last, last, "}", "wrapper"))
    return Item(at, last, edits)


def _value(text: str, start: int, end: int) -> list[Edit]:
    """The text of a parameter: JSON where it is sound, a literal, or a string."""
    content = text[start:end]
    word = content.strip()
    literal = literal_of(word)
    if literal is not None:
        return [Edit(start, end, literal, "literal")] if content != literal else []
    try:
        decode(content)
    except (ValueError, RecursionError):
        return [Edit(start, end, quoted(content.strip("\r\n")), "bare_string")]
    return []
