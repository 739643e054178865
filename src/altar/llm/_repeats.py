"""Repeats: notices a model that makes the same call, with the same result, over and over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.llm._parts import ToolCall

__all__ = ["Repeats"]

_encode = json.JSONEncoder(sort_keys=True, check_circular=False).encode


class _Streak:
    __slots__ = ("count", "round", "text")

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.count = 1
        self.round = number


class Repeats:
    """Counts, per name and arguments, the successive rounds that brought the same result.

    A call whose result changes starts again from one, so polling goes on;
    so does a call that a round left out. Equal calls of one reply count once:
    they are siblings, not a loop.
    """

    __slots__ = ("_streaks",)

    def __init__(self) -> None:
        self._streaks: dict[tuple[str, str], _Streak] = {}

    def note(self, part: ToolCall, text: str, number: int) -> int:
        """Note that ``part`` brought ``text`` in round ``number``; how often in a row by now."""
        args = part.raw_args if part.args is None else part.args
        try:
            key = (part.name, _encode(args))
        except (TypeError, ValueError, RecursionError):
            key = (part.name, repr(args)[:4096])
        streak = self._streaks.get(key)
        if streak is None:
            self._streaks[key] = _Streak(text, number)
            return 1
        if streak.text != text or streak.round < number - 1:
            streak.text = text
            streak.count = 1
        elif streak.round != number:
            streak.count += 1
        streak.round = number
        return streak.count
