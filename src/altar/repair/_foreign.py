"""One quote of the wrong kind: a string that begins with one quote and ends with another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._patterns import KEY_AHEAD, VALUE_AHEAD, WHITE

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["end_quote", "ends_foreign"]

_COLON = re.compile(r"\s{0,9}:\s{0,40}")
_ELEMENT_NEXT = re.compile(
    r"[\"'][^\"'\n]{0,120}[\"']\s{0,40}[,\]]|(?:-?[0-9.]{1,30}|true|false|null)\s{0,40}[,\]]|[{\[]"
)
_CLOSERS = re.compile(r"\s{0,40}(?:[}\]]\s{0,40}){1,12}(?:\Z|,\s{0,40}[\"{\[])")
_OPENING = {"”": "“„", "’": "‘‚", "´": "`´", "»": "«"}
_CLOSING = "'`´”’»"
_LOOK_BACK = 320


def ends_foreign(s: State, string: Quoted, at: int) -> bool:
    """Whether the double quote at ``at`` ends the string that another kind of quote opened."""
    text = s.text
    if string.inner or string.reach > 1 or at == string.start or text[at - 1] in " \t\n":
        return False
    if string.key:
        found = _COLON.match(text, at + 1)
        return found is not None and VALUE_AHEAD.match(text, found.end()) is not None
    k = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
    if text[k : k + 1] != ",":
        return _CLOSERS.match(text, k) is not None
    k = WHITE.match(text, k + 1).end()  # type: ignore[union-attr]
    follows = KEY_AHEAD if s.stack[-1].kind == "{" else _ELEMENT_NEXT
    return follows.match(text, k) is not None


def end_quote(s: State, string: Quoted, end: int) -> None:
    """Put the quote that ends a string at ``end``: the one of another kind there, or a new one."""
    text = s.text
    c = text[end - 1]
    if end - 1 > string.start and c in _CLOSING:
        low = max(string.start, end - 1 - _LOOK_BACK)
        if not any(text.find(one, low, end - 1) >= 0 for one in _OPENING.get(c, c)):
            s.edit_again(end - 1, end, '"', "quotes")
            return
    s.edit(end, end, '"', "missing_quote")
