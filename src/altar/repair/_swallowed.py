"""Strings without an end quote: where one ended that a quote behind it shows to be too long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._patterns import KEY_AHEAD
from altar.repair._verdict import MISSING, Verdict, is_embedded

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["QUOTED_ELEMENT", "ate_quote", "swallowed"]

QUOTED_ELEMENT = re.compile(r"\"[^\"\n]{0,200}\"\s*(?:,\s*(?:[\"{\[\d-]|\Z)|\]|\Z)")
_AFTER_CLOSER = re.compile(r"[}\]](?:\s{0,40}[}\]]){0,8}\s*,\s*[{\[]$")
_SINGLE_KEY = re.compile(r"'[^'\"\n{}\[\],:]{1,80}'\s*:")
_SINGLE_ELEMENT = re.compile(r"'[^'\"\n{}\[\],:]{1,80}'\s*[,\]]")
_SWALLOWED_NAME = re.compile(r",\s*[A-Za-z_]\w{0,40}\s*:\s*\Z")
_SWALLOWED_COMMENT = re.compile(r"[,+]?\s*/\*[^*]{0,60}\*/\s*\+?\s*\Z")
_QUOTED_VALUE = re.compile(r"\"[^\"\n]{0,200}\"\s*[,}\]]")
_SCALARS = r"(?:-?\d[\d.eE+-]*|true|false|null)"
_SWALLOWED_ROW = re.compile(rf"(?:\s*,\s*{_SCALARS})*\s*\]\s*,\s*\[\s*(?:{_SCALARS}\s*,\s*)*\Z")
_PATH = re.compile(r"\A[A-Za-z]:\\|\A\\\\|\A%?\w+%?\\\w")
_LOOK_BACK = 120


def swallowed(s: State, string: Quoted, at: int) -> Verdict | None:
    """Where the string ended, when this quote opens the next name or element."""
    text = s.text
    if at == string.start or is_embedded(string):
        return None
    inside_object = s.stack[-1].kind == "{"
    low = max(string.start, at - _LOOK_BACK)
    gap = text[low:at]
    single = text[at] == "'"
    named = (_SINGLE_KEY if single else KEY_AHEAD).match(text, at) is not None
    element = None
    if not named:
        element = (_SINGLE_ELEMENT if single else QUOTED_ELEMENT).match(text, at)
    if not inside_object and not named:
        row = _SWALLOWED_ROW.search(gap) if "]" in gap else None
        if row is not None and len(s.stack) > 1 and s.stack[-2].kind == "[":
            return Verdict(MISSING, end=low + row.start())
    if not named and inside_object:
        word = _SWALLOWED_NAME.search(gap)
        if word is not None and _QUOTED_VALUE.match(text, at):
            return Verdict(MISSING, end=low + word.start())
        return None
    if not named and element is None:
        return None
    noted = _SWALLOWED_COMMENT.search(gap)
    if noted is not None:
        return Verdict(MISSING, end=low + noted.start())
    return _gap_end(s, string, low, gap, named=named)


def _gap_end(s: State, string: Quoted, low: int, gap: str, *, named: bool) -> Verdict | None:
    """Where the string ended in the gap before a name or an element."""
    inside_object = s.stack[-1].kind == "{"
    tail = gap.rstrip()
    if not tail:
        return None
    end = low + len(tail)
    jump = _AFTER_CLOSER.search(tail)
    if jump is not None and s.stack[-1].close == tail[jump.start()]:
        end = low + jump.start()
    elif tail[-1] == "," and (named or len(gap) > len(tail) or gap[-1] == ","):
        end -= 1
    elif not ("\n" in gap[len(tail) :] and (named or not inside_object)) or tail[-1] in "{[":
        return None
    if not ate_quote(s.text, string, end):
        end = _before_closers(s, string, end)
    if ate_quote(s.text, string, end):
        return Verdict(MISSING, 2, end - 1)
    return Verdict(MISSING, end=end)


def ate_quote(text: str, string: Quoted, end: int) -> bool:
    r"""``"C:\temp\",``: a backslash before a quote that really ended the string."""
    if text[end - 2 : end] != '\\"' or end - 2 <= string.start:
        return False
    content = text[max(string.start, end - 200) : end - 2]
    return '\\"' not in content and _PATH.search(content) is not None


def _before_closers(s: State, string: Quoted, end: int) -> int:
    """The end of a string's content without the closers at its end that belong outside."""
    text, stack = s.text, s.stack
    closers: list[int] = []
    at = end
    low = max(string.start, end - _LOOK_BACK)
    while at > low and len(closers) < min(len(stack), 12):
        c = text[at - 1]
        if c in "}])":
            closers.insert(0, at - 1)
        elif not c.isspace():
            break
        at -= 1
    while closers:
        fit = all(stack[-1 - depth].close == text[at] for depth, at in enumerate(closers))
        if not fit and len(closers) == 1 and len(stack) > 1:
            fit = text[closers[0]] == "]" == stack[-2].close  # the object lacks its closer
        if fit and not _opened(text, string, closers):
            end = closers[0]
            break
        del closers[0]
    while end > string.start and text[end - 1].isspace():
        end -= 1
    return end


def _opened(text: str, string: Quoted, closers: list[int]) -> bool:
    """Whether the content itself opened what the first of the closers closes."""
    c = text[closers[0]]
    opener = {"}": "{", "]": "[", ")": "("}[c]
    inside = text[string.start : closers[0]]
    return inside.count(opener) > inside.count(c)
