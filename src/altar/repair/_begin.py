"""Where the first value of a stream begins, as soon as that is sure."""

from __future__ import annotations

import re

__all__ = ["DATA_NEXT", "SHORTEST_START", "Beginning"]

_THINK = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|plan"
_NEXT = re.compile(
    rf"[{{\[]|<({_THINK})\b[^<>\n]{{0,80}}>|<!\[CDATA\[|/\*|^[ \t]*+//[^\n]*+|<\||◁",
    re.IGNORECASE | re.MULTILINE,
)
# Behind these stands a call, and often one more; and in the signs of a chat template, thoughts.
# What of them is the answer is known at the end only, so that nothing is shown before.
_CALL = re.compile(
    r"<[^<>\n]{0,30}(?:tool|function|call|invoke)[^<>\n]{0,80}>\s*+\Z", re.IGNORECASE
)
_LONGEST_CALL, _LONGEST_TAG = 120, 100
_FIRST = re.compile(r"[\ufeff\s]*+\S")
_BLANK = re.compile(r"\s*+")
_COMMENT_END = re.compile(r"\*/")
_DATA_AT_HEAD = re.compile(r"\{|\[\s*+(?:[\[{\"'\]\d-]|true|false|null)")
_AMID = r"\{\s*+(?:[\"'“]|[A-Za-z_]\w*+\s*+:)|(?<![\w)\]`])\[\s*+[\[{\"]"
_DATA_AMID = re.compile(_AMID)
DATA_NEXT = re.compile(rf"{_AMID}|\[\s*+-?[\d.]++\s*+,\s*+[^\s\w]?[\w\"]++\s*+[,\]]")
"""What one more value begins with, right behind another."""
SHORTEST_START = 12
"""Characters from which on it is plain whether a bracket amid other text opens data."""
_WORD = 5


class Beginning:
    """Looks for the first value; ``is_over`` when none can be shown before the text ends."""

    __slots__ = ("_at", "_closing", "_head", "is_over")

    def __init__(self) -> None:
        self._at = 0
        self._closing: re.Pattern[str] | None = None  # what ends the thinking or comment at hand
        self._head = -1  # the first character that is no white space
        self.is_over = False

    def find(self, text: str) -> int:
        """Where the first value begins, or -1: not yet known."""
        while not self.is_over:
            if self._closing is not None and not self._closes(text):
                break
            found = _NEXT.search(text, self._at)
            if found is None:
                self._at = max(self._at, len(text) - _LONGEST_TAG)
                break
            if found[0] not in "{[":
                if not self._passes(text, found):
                    break
                continue
            at = self._at = found.start()
            if self._opens(text, at):
                return at
            following = _BLANK.match(text, at + 1)
            if following is None or len(text) - following.end() < _WORD:
                break
            self._at = at + 1
        return -1

    def _closes(self, text: str) -> bool:
        """Whether the thinking or comment at hand has ended."""
        assert self._closing is not None
        closed = self._closing.search(text, self._at)
        if closed is None:
            self._at = max(self._at, len(text) - _LONGEST_TAG)
            return False
        self._at, self._closing = closed.end(), None
        return True

    def _passes(self, text: str, found: re.Match[str]) -> bool:
        """Pass what is no bracket; False when more text is needed."""
        sign = found[0]
        if sign in ("<|", "◁"):
            self.is_over = True
        elif found[1]:
            self._closing = re.compile(rf"</{found[1]}\s*>", re.IGNORECASE)
        elif sign == "/*":
            self._closing = _COMMENT_END
        elif "//" in sign and found.end() == len(text):
            self._at = found.start()
            return False
        self._at = found.end()
        return True

    def _opens(self, text: str, at: int) -> bool:
        """Whether the bracket at ``at`` opens the first value."""
        if self._head < 0:
            head = _FIRST.match(text)
            self._head = head.end() - 1 if head else at
        # a string, or members without a brace; a call
        self.is_over = (
            text[self._head] == '"'
            or _CALL.search(text, max(0, at - _LONGEST_CALL), at) is not None
        )
        if self.is_over:
            return False
        return (_DATA_AT_HEAD if at == self._head else _DATA_AMID).match(text, at) is not None
