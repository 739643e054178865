"""The commas, brackets and names of a stretch of text, looked at once."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

__all__ = ["Ahead"]

_STRUCTURE = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+\"(\s*[:：])?|[^\W\d][\w$.-]*+(\s*[:：](?!//))?|([{}\[\],])"
)


class Ahead:
    """The structure of a stretch of text: looked at once, for all closers in it."""

    __slots__ = ("_end", "_ends", "_signs", "_starts")

    def __init__(self, text: str, at: int, end: int) -> None:
        self._end = min(len(text), end)
        self._starts = [at]
        self._ends = [at]
        self._signs = [""]
        for found in _STRUCTURE.finditer(text, at, self._end):
            quoted, bare, sign = found.groups()
            self._starts.append(found.start())
            self._ends.append(found.end())
            self._signs.append(sign or (":" if quoted or bare else ""))

    def knows(self, at: int, limit: int) -> bool:
        """Whether the stretch goes from ``at`` to ``limit``, and no token spans ``at``."""
        if limit > self._end or at < self._starts[0]:
            return False
        index = bisect_right(self._ends, at)
        return index == len(self._ends) or self._starts[index] >= at

    def signs(self, text: str, at: int, limit: int) -> str:
        """A sign for each comma, bracket and name from ``at`` to ``limit``."""
        ends = self._ends
        first = bisect_right(ends, at)
        last = max(first, bisect_left(ends, limit - 1))
        made = "".join(self._signs[first:last])
        # tokens at the limit look otherwise there
        cut = _STRUCTURE.findall(text, max(at, ends[last - 1]), limit)
        tail = [sign or (":" if quoted or bare else "") for quoted, bare, sign in cut]
        return made + "".join(tail)
