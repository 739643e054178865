"""Deadline: a time that knows how it was meant."""

from __future__ import annotations

from time import monotonic
from typing import Self

__all__ = ["Deadline", "seconds_of"]


class Deadline(float):
    """A time of :func:`time.monotonic` that knows how many seconds ahead it was set."""

    __slots__ = ("seconds",)

    seconds: float

    def __new__(cls, seconds: float, now: float | None = None) -> Self:
        """The time in ``seconds`` from now."""
        made = float.__new__(cls, (monotonic() if now is None else now) + seconds)
        made.seconds = seconds
        return made


def seconds_of(deadline: float | None, left: float) -> float:
    """What a message says of a limit: the seconds that were given, or what was left of them."""
    return deadline.seconds if isinstance(deadline, Deadline) else left
