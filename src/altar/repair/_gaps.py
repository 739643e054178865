"""What stands around the values of a text is left out, each piece under the name of its kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._aside import OPENS
from altar.repair._patterns import SPACE
from altar.repair._state import Edit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.repair._items import Mark

__all__ = ["Gaps"]

_WHITE = " \t\r\n"
_BEFORE = re.compile(r"(?<![^\s>])([`~'\"]{3,}+(?:[ \t]{0,9}[\w+-]{1,30})?)[ \t\r\n]*+\Z")
_BEHIND = re.compile(r"[ \t\r\n]*+([`~]{1,9}+(?![`~\w])|['\"]{3}(?![\w'\"]))")
_FENCE_REACH = 48
_SHORT = 4000  # longer ones are prose
_FENCES = re.compile(r"(?:[`'~\"]{3,}+[ \t]{0,9}[\w+-]{0,30}\s*+)+|`")
_WRAPPER = re.compile(
    r"(?:<[^<>]{0,400}>|\]\]>|\[/?[A-Z_]++\]|(?:[A-Za-z_$][\w$.]{0,80}\s{0,9}\()++|"
    r"(?:const|let|var|return|await|export|default)\b|[A-Za-z_$][\w$.]{0,80}\s{0,9}=(?=\s|\Z)|"
    r"[();,]|\s)++"
)
_NAME = re.compile(r"(?:^|[,{<>)])\s{0,9}([\"'])[^\"'\n:]{1,80}\1\s{0,9}:")
_MEMBER = re.compile(r"[^\w\s]{0,9}\s{0,9},\s{0,9}(?:[\"']|[\w-]{1,40}\s{0,9}:)")
_COMMENTS = re.compile(r"(?://[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/|\#[^\n]*+|[\s,])++")


class Gaps:
    """Leaves out what is no kept value, from left to right."""

    __slots__ = ("_at", "_calls", "_edits", "_index", "_spans", "_text")

    def __init__(self, text: str, edits: list[Edit], spans: Iterable[Mark]) -> None:
        self._text = text
        self._edits = edits
        self._spans = sorted(spans)
        self._index = 0
        self._at = 0
        self._calls = 0  # opened before the values, and not closed yet

    def up_to(self, end: int, behind: int) -> None:
        """Leave out everything before ``end``, and go on at ``behind``."""
        spans = self._spans
        while self._index < len(spans) and spans[self._index].start < end:
            start, stop, code = spans[self._index]
            self._index += 1
            if start >= self._at and stop <= end:
                self._leave(self._at, start)
                self._edits.append(Edit(start, stop, "", code))
                self._at = stop
        self._leave(self._at, end)
        self._at = behind

    def _leave(self, start: int, end: int) -> None:
        """Leave out a text without values, but for the white space around it.

        The fence that ends before it and the one that begins behind it are named as such.
        """
        gap = self._text[start:end]
        head = _BEHIND.match(gap) if start else None
        cut = head.end() if head else 0
        tail = _BEFORE.search(gap, max(cut, len(gap) - _FENCE_REACH))
        last = tail.start(1) if tail else len(gap)
        if head is not None:
            self._drop(start + head.start(1), start + cut, "fence")
        inner = gap[cut:last]
        stripped = inner.lstrip(_WHITE)
        first = start + cut + len(inner) - len(stripped)
        stripped = stripped.rstrip(_WHITE)
        if stripped:
            code = _kind(stripped)
            if code == "prose" and start and _is_lost(stripped):
                code = "stray_text"
            if code == "wrapper":
                self._calls += stripped.count("(")
            elif self._calls and code == "extra_closer" and not stripped.strip(") \t\r\n"):
                self._calls, code = 0, "wrapper"
            self._drop(first, first + len(stripped), code)
        if tail is not None:
            self._drop(start + last, start + tail.end(1), "fence")

    def _drop(self, start: int, end: int, code: str) -> None:
        self._edits.append(Edit(start, end, "", code))


def _is_lost(gap: str) -> bool:
    """Whether text behind a value looks like members of it, not like prose."""
    return _NAME.search(gap) is not None or _MEMBER.match(gap) is not None


def _kind(gap: str) -> str:
    """What a text without values is."""
    if not gap.strip("\ufeff"):
        return "byte_order_mark"
    if SPACE.fullmatch(gap):
        return "white_space"
    if not gap.strip("}]) \t\r\n"):
        return "extra_closer"
    if not gap.strip(",; \t\r\n"):
        return "extra_comma"
    if len(gap) > _SHORT:
        return "prose"
    if _FENCES.fullmatch(gap):
        return "fence"
    if _WRAPPER.fullmatch(gap):
        return "wrapper"
    if OPENS.match(gap):
        return "thinking"
    return "comment" if _COMMENTS.fullmatch(gap) else "prose"
