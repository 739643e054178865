"""Values as programming languages write them: calls, objects in angle brackets, placeholders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._content import bare_content, content, quote_span
from altar.repair._literals import literal_of
from altar.repair._patterns import WHITE
from altar.repair._state import WINDOW, Frame, Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["Tags", "call", "placeholder", "rest_of_call", "string_argument", "value_at"]

_CALL = re.compile(r"(?:new\s+)?[A-Za-z_$][\w$.]{0,60}\s*\(")
_ARGUMENT = re.compile(r"\s*(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'|-?[0-9.]+|null|true|false)?\s*\)")
_KEYWORD = re.compile(r"\s*[A-Za-z_]\w{0,60}\s{0,9}=(?![=>])")
_KEYWORDS = re.compile(
    r"[A-Za-z_]\w{0,60}=(?:[^\s(),\"'{}\[\]]{1,60}|\"[^\"\n]{0,80}\"|'[^'\n]{0,80}')"
)
_STRING_ARGUMENT = re.compile(
    r"(\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+')(?=\s*(?:\)|,\s*(?:\)|[A-Za-z_]\w{0,60}\s*=)))"
)
_TOKEN = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|[()\[\]{},]")
_BEHIND = frozenset(",}])\n;/#")
_PLACEHOLDER = re.compile(
    r"(?:\{\{\s{0,9}([A-Za-z_$][\w.$-]{0,60})[^{}\n:=,\"]{0,80}\}\}|"
    r"\{\s{0,9}([A-Za-z_$][\w.$-]{0,60})\s{0,9}\})(?=\s*(?:[,}\])]|\Z))"
)
_ANGLED = re.compile(r"<[A-Za-z_](?:[^<>\n\"{}]|<[^<>\n\"{}]{0,80}>){0,200}>")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]{0,40})[^<>\n]{0,200}>")


def value_at(s: State, start: int, end: int) -> None:
    """The value that stands from ``start`` to ``end`` is passed."""
    frame = s.stack[-1]
    frame.value = start
    frame.count += 1
    s.comma = -1
    s.pos = end
    s.mode = Mode.AFTER


def call(s: State) -> bool:
    """``ObjectId("1")``, ``array([1])``: the argument; ``Item(n=1)``: an object; else the text.

    False where no call stands, or one that is part of a longer text.
    """
    text, at = s.text, s.pos
    opened = _CALL.match(text, at)
    if opened is None:
        return False
    first = opened.end()
    inner = _ARGUMENT.match(text, first)
    end, several = (inner.end(), False) if inner else _arguments(text, first, at + WINDOW - 8)
    if end >= 0:
        follows = WHITE.match(text, end).end()  # type: ignore[union-attr]
        if text[follows : follows + 1] not in _BEHIND and follows < len(text):
            return False
    if inner is not None:
        _scalar_argument(s, first, inner)
        return True
    if _KEYWORD.match(text, first) and text[first - 2] not in " \t":
        s.edit(at, first, "{", "wrapper")
        s.push(Frame("{", at, close=")"))
        s.pos = first
        return True
    if end >= 0 and (several or text[end - 2] not in ")}]"):
        quote_span(s, at, end, "bare_string")
        value_at(s, at, end)
        return True
    if text[first : first + 1] not in ("{", "["):
        return False
    s.edit(at, first, "", "wrapper")
    s.stack[-1].calls += 1
    s.pos = first
    return True


def _scalar_argument(s: State, first: int, inner: re.Match[str]) -> None:
    at = s.pos
    if not inner[0].strip(" \t\n)"):
        s.edit(at, inner.end(), "null", "wrapper")
        value_at(s, at, inner.end())
        return
    s.edit(at, first, "", "wrapper")
    s.pos = first
    s.forced[inner.end() - 1] = "drop"


def string_argument(s: State) -> bool:
    """A string among the named arguments of a call, where it plainly ends."""
    found = _STRING_ARGUMENT.match(s.text, s.pos, s.pos + WINDOW)
    if found is None or s.stack[-1].kind != "{":
        return False
    at, end = found.span(1)
    if s.text[at] == '"':
        content(s, at + 1, end - 1)
    else:
        s.edit(at, at + 1, '"', "quotes")
        bare_content(s, at + 1, end - 1)
        s.edit(end - 1, end, '"', "quotes")
    value_at(s, at, end)
    return True


def _arguments(text: str, at: int, limit: int) -> tuple[int, bool]:
    """Where the arguments from ``at`` on end, -1 where not in reach, and if they are several."""
    depth = 0
    several = False
    for found in _TOKEN.finditer(text, at, min(len(text), limit)):
        c = found[0]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return (found.end() if c == ")" else -1), several
            depth -= 1
        elif c == "," and depth == 0:
            several = True
    return -1, several


def rest_of_call(s: State) -> bool:
    """Leave out what follows the argument that was kept: keywords, and the bracket."""
    frame = s.stack[-1]
    if not frame.calls:
        return False
    at = s.pos
    if s.text[at] == ")":
        frame.calls -= 1
        s.edit(at, at + 1, "", "wrapper")
        s.pos = at + 1
        s.mode = Mode.AFTER
        return True
    found = _KEYWORDS.match(s.text, at)
    if found is None:
        return False
    s.drop_comma(s.comma, at)
    s.comma = -1
    s.edit(at, found.end(), "", "stray_text")
    s.pos = found.end()
    s.mode = Mode.AFTER
    return True


def placeholder(s: State, at: int) -> bool:
    """``{{name}}``, ``{name}``: a place in a template, kept as text."""
    s.need(at)
    found = _PLACEHOLDER.match(s.text, at, at + WINDOW)
    if found is None or literal_of(found[1] or found[2]) is not None:
        return False
    quote_span(s, at, found.end(), "bare_string")
    value_at(s, at, found.end())
    return True


class Tags:
    """The tags in a text without quotes: which of them belong to it."""

    __slots__ = ("_is_angled", "_names", "_text")

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._is_angled = text.startswith("<", at)
        self._names: set[str] = set()

    def within(self, at: int) -> int:
        """Where the tag at ``at`` ends, when it is content; -1 when it ends the text."""
        text = self._text
        found = _TAG.match(text, at)
        if found is None:
            angled = _ANGLED.match(text, at) if self._is_angled else None
            return angled.end() if angled else -1
        closes, name = found.groups()
        if closes:
            return found.end() if name in self._names else -1
        paired = text.find(f"</{name}>", found.end(), at + WINDOW - 8) >= 0
        if not (self._is_angled or paired or text[found.end() - 2] == "/"):
            return -1
        self._names.add(name)
        return found.end()
