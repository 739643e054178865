"""Repeats: notices a model that makes the same call, with the same result, over and over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altar.llm._parts import ToolCall

__all__ = ["Repeats"]

_encode = json.JSONEncoder(sort_keys=True, check_circular=False).encode


class _Streak:
    __slots__ = ("args", "count", "round", "text")

    def __init__(self, args: Any, text: str, number: int) -> None:
        self.args = args
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
        self._streaks: dict[str, list[_Streak]] = {}  # by name, those that may still go on

    def note(self, part: ToolCall, text: str, number: int) -> int:
        """Note that ``part`` brought ``text`` in round ``number``; how often in a row by now."""
        args = part.raw_args if part.args is None else part.args
        streaks = self._streaks.setdefault(part.name, [])
        for streak in streaks[:]:
            if streak.round < number - 1:  # a round left it out
                streaks.remove(streak)
            elif _is_same(streak.args, args):
                if streak.text != text:
                    streak.text = text
                    streak.count = 1
                elif streak.round != number:
                    streak.count += 1
                streak.round = number
                return streak.count
        streaks.append(_Streak(args, text, number))
        return 1


def _is_same(one: Any, other: Any) -> bool:
    """Whether two arguments are the same JSON; the text tells 1 from True, which are equal."""
    try:
        return bool(one == other) and _encode(one) == _encode(other)
    except (TypeError, ValueError, RecursionError):
        return repr(one)[:4096] == repr(other)[:4096]
