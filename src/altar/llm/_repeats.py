"""Repeats: notices a model that makes the same call, with the same result, over and over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.llm._parts import ToolCall

__all__ = ["Repeats", "Streak"]

_encode = json.JSONEncoder(sort_keys=True, check_circular=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """A call that may be on its way to be a repeat, as a run that pauses keeps it.

    ``digest`` is that of the result's text, ``round`` the last one it was made in.
    """

    name: str
    args: Any
    digest: str
    count: int
    round: int


class _Streak:
    __slots__ = ("args", "count", "digest", "round", "text")

    def __init__(self, args: Any, text: str, number: int) -> None:
        self.args = args
        self.text: str | None = text
        self.digest = ""  # in the place of a text that another process read
        self.count = 1
        self.round = number

    def is_new(self, text: str) -> bool:
        """Whether the result differs from the last one."""
        return self.text != text and (self.text is not None or self.digest != _digest(text))


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
                if streak.is_new(text):
                    streak.count = 1
                elif streak.round != number:
                    streak.count += 1
                streak.text = text
                streak.round = number
                return streak.count
        streaks.append(_Streak(args, text, number))
        return 1

    def streaks(self) -> tuple[Streak, ...]:
        """What it takes to go on counting elsewhere."""
        return tuple(
            [
                Streak(
                    name=name,
                    args=one.args,
                    digest=one.digest if one.text is None else _digest(one.text),
                    count=one.count,
                    round=one.round,
                )
                for name, streaks in self._streaks.items()
                for one in streaks
            ]
        )

    def take_up(self, streaks: Iterable[Streak]) -> None:
        """Go on from there."""
        for streak in streaks:
            made = _Streak(streak.args, "", streak.round)
            made.text, made.digest, made.count = None, streak.digest, streak.count
            self._streaks.setdefault(streak.name, []).append(made)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_same(one: Any, other: Any) -> bool:
    """Whether two arguments are the same JSON; the text tells 1 from True, which are equal."""
    try:
        return bool(one == other) and _encode(one) == _encode(other)
    except (TypeError, ValueError, RecursionError):
        return repr(one)[:4096] == repr(other)[:4096]
