"""What a text says aside: thinking and comments, in which values are drafts or examples."""

from __future__ import annotations

import re

from altar.repair._items import Mark

__all__ = ["OPENS", "Asides"]

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|plan|"
    "begin_of_thought|end_of_thought"
)
OPENS = re.compile(
    rf"(?:<\|?|◁|\[)(?:[a-z]{{1,20}}:)?({_NAMES})\b[^<>\n\[\]]{{0,80}}(?:>|▷|\])", re.IGNORECASE
)
_CLOSE = re.compile(
    rf"(?:</|<\|/?|◁/|\[/)(?:[a-z]{{1,20}}:)?({_NAMES})\s{{0,9}}(?:\|?>|▷|\])", re.IGNORECASE
)
_CHANNEL = re.compile(r"<\|channel\|>\s{0,9}(?:analysis|thought)\b", re.IGNORECASE)
_CHANNEL_END = re.compile(r"<\|(?:end|start|channel|call|return)\|>")
_HIDES = {"//": "\n", "/*": "*/", "<!--": "-->"}
_LOOK_BACK = 200


class Asides:
    """Where the thinking and the comments of one text end; each end is looked for once."""

    __slots__ = ("_ends", "_missing", "_opened", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._missing: set[str] = set()
        # of each kind: from where on its end was looked for, where that begins, where it ends
        self._ends: dict[str, tuple[int, int, int]] = {}
        self._opened: set[str] = set()

    def tag(self, at: int) -> Mark | None:
        """The thinking that the tag at ``at`` opens, or ends: then it began with the text.

        None where the tag is another one, or nothing ends what it opens.
        """
        text = self._text
        found = OPENS.match(text, at)
        if found is not None:
            name = _same(found[1])
            self._opened.add(name)
            end = self._close(name, found.end())
            return Mark(at, end, "thinking") if end > 0 else None
        found = _CHANNEL.match(text, at)
        if found is not None:
            end = self._search(_CHANNEL_END, "channel", found.end())
            return Mark(at, end, "thinking") if end > 0 else None
        found = _CLOSE.match(text, at)
        if found is not None and not self._opened and found[0][1:2] in "/|":
            self._opened.add(_same(found[1]))
            return Mark(0, found.end(), "thinking")
        return None

    def comment(self, at: int, sign: str, last: int) -> Mark | None:
        """The comment at ``at``; ``last`` is where the latest value ended."""
        text = self._text
        low = max(last, at - _LOOK_BACK, 0)
        before = text[low:at].rpartition("\n")[2].rstrip(" \t,;")
        if before.strip(" \t") or (low == at - _LOOK_BACK and "\n" not in text[low:at]):
            return None
        closing = _HIDES[sign]
        if closing in self._missing:
            return None
        end = self._known(closing, at + len(sign), start=True)
        if end < 0:
            end = text.find(closing, at + len(sign))
        if end >= 0:
            self._ends[closing] = (at + len(sign), end, end + len(closing))
            return Mark(at, end if sign == "//" else end + len(closing), "comment")
        if sign == "//":
            return Mark(at, len(text), "comment")
        self._missing.add(closing)
        return None

    def _close(self, name: str, at: int) -> int:
        """Behind the tag that closes what ``name`` opened; -1 where there is none."""
        if name in self._missing:
            return -1
        end = self._known(name, at)
        if end >= 0:
            return end
        for found in _CLOSE.finditer(self._text, at):
            if _same(found[1]) == name:
                self._ends[name] = (at, *found.span())
                return found.end()
        self._missing.add(name)
        return -1

    def _known(self, name: str, at: int, *, start: bool = False) -> int:
        """Where the end found earlier ends, or begins; -1 where it is not the next from ``at``."""
        searched, first, last = self._ends.get(name, (0, -1, -1))
        return (first if start else last) if searched <= at <= first else -1

    def _search(self, pattern: re.Pattern[str], name: str, at: int) -> int:
        if name in self._missing:
            return -1
        start = self._known(name, at, start=True)
        if start >= 0:
            return start
        found = pattern.search(self._text, at)
        if found is None:
            self._missing.add(name)
            return -1
        self._ends[name] = (at, *found.span())
        return found.start()


def _same(name: str) -> str:
    """One name for both tags of a pair."""
    name = name.lower()
    return "thought_span" if name.endswith("_of_thought") else name
