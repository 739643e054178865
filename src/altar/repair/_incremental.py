"""Damaged text as it comes: where its value begins, and the edits that are sure already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._begin import DATA_NEXT, SHORTEST_START, Beginning
from altar.repair._follow import Follower
from altar.repair._scan import scan, start
from altar.repair._state import Edit, Mode, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.repair._types import Repaired

__all__ = ["Incremental"]

_BLANK = re.compile(r"\s*+")
# Escapes that JSON knows, where LaTeX commands and paths of Windows begin when a text is broken.
_UNSURE = re.compile(r"(?<!\\)(?:\\\\)*+\\[bf](?=[A-Za-z]|\Z)|[A-Za-z]:\\(?=[A-Za-z]|\Z)")

# What says of the latest value that it is a name, or the first of several: after a value, and
# where a name belongs.
_CONTRARY = re.compile(r"\s*+(?:,\s*+)?[:{\[]")
_NAMELESS = re.compile(r"\s*+(?:,\s*+)?\"[^\"\\\n]*+\"\s*+[,\]]")


class Incremental:
    """The engine of a stream.

    While the value is strict JSON it is followed as such, and every character
    is decided as it comes. From the first damage on the scanner decides, which
    looks a little ahead. ``finish`` reads the whole text.
    """

    __slots__ = (
        *("_at", "_beginning", "_count", "_finish", "_follower", "_has_comma"),
        *("_is_over", "_looked", "_policy", "_start", "_state", "_unsure", "edits", "safe"),
        "text",
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
        self._beginning = Beginning()
        self._start = 0  # of the first value
        self._count = 0  # of the values that are whole
        self._follower: Follower | None = None
        self._state: State | None = None
        self._unsure = -1  # an escape that may turn out to be the beginning of a command
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
        if self._count:
            at = self._next_value()
        else:
            at = self._beginning.find(self.text)
            self._is_over = self._beginning.is_over
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
        sure = follower.sure(self.text)
        if self._unsure < 0:
            found = _UNSURE.search(self.text, max(self._at, self.safe - 2), sure)
            self._unsure = found.start() if found else -1
        self.safe = max(self.safe, sure if self._unsure < 0 else min(sure, self._unsure))
        if follower.is_done:
            self._whole(follower.pos)
            return True
        if follower.is_lost:
            self._follower = None
            at = follower.pos
            if _CONTRARY.match(self.text, at) or _NAMELESS.match(self.text, at):
                self.safe = self._at  # the latest value is not what it seemed to be
            doubtful = follower.doubtful(self.text)
            if doubtful >= 0:
                self.safe = min(self.safe, doubtful)
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
        elif frame is not None and _may_be_set(state):
            at = min(at, frame.open)  # so may this, or be the brace of a set
        if string is not None and at == string.start:
            at -= 1
        self.safe = max(self.safe, at)
        return False

    def _whole(self, end: int) -> None:
        """A value ended at ``end``."""
        self._follower = self._state = None
        self._unsure = -1
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
                if DATA_NEXT.match(text, self._looked):
                    return self._looked
                if len(text) - self._looked < SHORTEST_START:
                    return -1
                break
            if sign != "," or self._has_comma:
                break
            self._has_comma = True
            self._looked += 1
        self._is_over = True
        return -1


def _may_be_set(state: State) -> bool:
    """Whether no name with its colon stands behind the innermost brace yet."""
    frame = state.stack[-1]
    if frame.kind != "{" or frame.count:
        return False
    if state.mode == Mode.STRING and state.string is not None:
        return state.string.key
    return state.mode != Mode.VALUE


def _is_contrary(state: State) -> bool:
    """Whether what comes next says that the latest value is not what it seemed to be."""
    text, at = state.text, state.pos
    if state.stack[-1].kind == "[":
        return state.mode == Mode.AFTER and _CONTRARY.match(text, at) is not None
    if state.mode == Mode.STRING and state.string is not None and state.string.key:
        at = state.key
    elif state.mode not in (Mode.AFTER, Mode.ITEM):
        return False
    return bool(_CONTRARY.match(text, at) or _NAMELESS.match(text, at))
