"""Damaged text as it comes: where its value begins, and the edits that are sure already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._follow import Follower
from altar.repair._scan import scan, start
from altar.repair._state import Edit, Mode, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.repair._types import Repaired

__all__ = ["Incremental"]

_THINK = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|plan"
_NEXT = re.compile(rf"[{{\[]|<({_THINK})\b[^<>\n]{{0,80}}>", re.IGNORECASE)
_LONGEST_TAG = 100
_FIRST = re.compile(r"[\ufeff\s]*+\S")
_BLANK = re.compile(r"\s*+")
# What data begins with: at the head of a text, and amid prose.
_DATA = re.compile(r"\{|\[\s*+(?:[\[{\"'\]\d-]|true|false|null)")
_SURE = re.compile(r"\{\s*+\"|\[\s*+[\[{\"]")

_CONTRARY = re.compile(r"\s*+(?:,\s*+)?[:{\[]")  # after a value, or where a name belongs


class Incremental:
    """The engine of a stream.

    While the value is strict JSON it is followed as such, and every character
    is decided as it comes. From the first damage on the scanner decides, which
    looks a little ahead. ``finish`` reads the whole text.
    """

    __slots__ = (
        *("_at", "_closing", "_count", "_finish", "_follower", "_has_comma", "_head"),
        *("_is_over", "_looked", "_policy", "_start", "_state", "edits", "safe", "text"),
    )

    def __init__(self, finish: Callable[[str], Repaired], policy: str) -> None:
        self.text = ""
        self.edits: list[Edit] = []
        self.safe = 0
        self._finish = finish
        self._policy = policy
        self._at = 0  # where the next value is looked for
        self._looked = 0  # up to where nothing stands between two values but a comma
        self._has_comma = False
        self._head = -1  # the first character that is not white
        self._closing: re.Pattern[str] | None = None  # what ends the thinking at hand
        self._start = 0  # of the first value
        self._count = 0  # of the values that are whole
        self._follower: Follower | None = None
        self._state: State | None = None
        self._is_over = False  # nothing that comes is shown

    def feed(self, chunk: str) -> None:
        """Add text, and decide what later text cannot change."""
        # A string grows in place only while nothing else holds it.
        text, self.text = self.text, ""
        if self._state is not None:
            self._state.text = ""
        text += chunk
        self.text = text
        if self._state is not None:
            self._state.text = text
        while not self._is_over and self._goes_on():
            pass

    def finish(self) -> Repaired:
        """What the whole text holds."""
        return self._finish(self.text)

    def _goes_on(self) -> bool:
        if self._state is not None:
            return self._scans(self._state)
        if self._follower is not None:
            return self._follows(self._follower)
        at = self._next_value() if self._count else self._first_value()
        if at < 0:
            return False
        self._begin(at)
        return True

    def _begin(self, at: int) -> None:
        """A value begins at ``at``."""
        if not self._count:
            self._start = at
            if at:
                self.edits.append(Edit(0, at, "", "prose"))
            if self._policy == "all":
                self.edits.append(Edit(at, at, "[", "several_values"))
        else:
            if self._count == 1 and self._policy == "best":
                place = 1 if self._start else 0
                self.edits.insert(place, Edit(self._start, self._start, "[", "several_values"))
            self.edits.append(Edit(self._at, at, ",", "several_values"))
        self._follower = Follower(at)
        self._at = at

    def _follows(self, follower: Follower) -> bool:
        follower.run(self.text)
        self.safe = max(self.safe, follower.sure(self.text))
        if follower.is_done:
            self._whole(follower.pos)
            return True
        if follower.is_lost:
            self._follower = None
            if _CONTRARY.match(self.text, follower.pos):
                self.safe = self._at  # the latest value is not what it seemed to be
            state = State(self.text, self._at, final=False)
            state.edits = self.edits
            start(state)
            self._state = state
            return True
        return False

    def _scans(self, state: State) -> bool:
        if scan(state):
            self._whole(state.pos)
            return True
        string = state.string
        at = string.at if state.mode == Mode.STRING and string is not None else state.pos
        frame = state.stack[-1] if state.stack else None
        if frame is not None and _is_contrary(state) and frame.value >= 0:
            at = frame.value
        elif state.comma >= 0:
            at = state.comma  # it may turn out to be one too many
        elif frame is not None and frame.kind == "{" and not frame.count:
            at = min(at, frame.open)  # so may this, or be the brace of a set
        if string is not None and at == string.start:
            at -= 1
        self.safe = max(self.safe, at)
        return False

    def _whole(self, end: int) -> None:
        """A value ended at ``end``."""
        self._follower = self._state = None
        self._count += 1
        self._at = self._looked = end
        self._has_comma = False
        self.safe = max(self.safe, end)

    def _next_value(self) -> int:
        """Where one more value begins right behind the last, or -1."""
        text = self.text
        while self._policy in {"best", "all"}:
            blank = _BLANK.match(text, self._looked)
            self._looked = blank.end() if blank else self._looked
            sign = text[self._looked : self._looked + 1]
            if not sign:
                return -1
            if sign in "{[":
                return self._looked
            if sign != "," or self._has_comma:
                break
            self._has_comma = True
            self._looked += 1
        self._is_over = True
        return -1

    def _first_value(self) -> int:
        """Where the first value begins, or -1: not yet known."""
        text = self.text
        while True:
            if self._closing is not None:
                closed = self._closing.search(text, self._at)
                if closed is None:
                    self._at = max(self._at, len(text) - _LONGEST_TAG)
                    return -1
                self._at, self._closing = closed.end(), None
            found = _NEXT.search(text, self._at)
            if found is None:
                self._at = max(self._at, len(text) - _LONGEST_TAG)
                return -1
            if found[1]:
                self._closing = re.compile(rf"</{found[1]}\s*>", re.IGNORECASE)
                self._at = found.end()
                continue
            at = self._at = found.start()
            if self._head < 0:
                head = _FIRST.match(text)
                self._head = head.end() - 1 if head else at
            if text[self._head] == '"':
                self._is_over = True  # a string, or members without a brace
                return -1
            if (_DATA if at == self._head else _SURE).match(text, at):
                return at
            following = _BLANK.match(text, at + 1)
            if following is None or len(text) - following.end() < 5:  # the length of a word
                return -1
            self._at = at + 1


def _is_contrary(state: State) -> bool:
    """Whether what comes next says that the latest value is not what it seemed to be."""
    inside = state.stack[-1].kind == "{"
    waits = state.mode == Mode.AFTER or (inside and state.mode == Mode.ITEM)
    return waits and _CONTRARY.match(state.text, state.pos) is not None
