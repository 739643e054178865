"""TokenBucket: so many a second, and so many at once."""

from __future__ import annotations

import time
from _thread import RLock
from typing import TYPE_CHECKING

from altar.resilience._checks import check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TokenBucket"]

_LONGEST_GAP = 1e12  # seconds; an infinite one would make every later sum a NaN


class TokenBucket:
    """Lets ``rate`` things a second through, and up to ``burst`` at once after a rest.

    In any span of s seconds it hands out ``burst + rate * s`` tokens at most.
    Without ``burst`` that is one second's worth. It never waits itself: see
    :meth:`take`. Safe to share between threads and event loops. ``clock``
    returns seconds; one that goes back stands still meanwhile.
    """

    __slots__ = ("_clock", "_due", "_gap", "_last", "_lock", "_slack", "burst", "rate")

    def __init__(
        self,
        rate: float,
        burst: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_number("TokenBucket", "rate", rate, "a number per second", above=0.0)
        if burst is None:
            burst = max(1, int(rate))
        check_whole("TokenBucket", "burst", burst, 1)
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._lock = RLock()  # a call that is thrown away gives back wherever the collector runs
        self._gap = min(1.0 / rate, _LONGEST_GAP)
        self._slack = (burst - 1) * self._gap
        self._last = clock()
        # when the next token may be taken: how far back that lies says how full the
        # bucket is, so there is nothing to refill
        self._due = self._last - self._slack

    def take(self, max_wait: float = 0.0) -> float:
        """Take a token that is there within ``max_wait`` seconds; return how long that is.

        0.0: go on now. Up to ``max_wait``: the token is yours after that many
        seconds, and nobody else gets it (not used, it is lost: see :meth:`reserve`). More than
        ``max_wait``: nothing was taken, and that is when to ask again.
        """
        with self._lock:
            now = self._now()
            due = self._due
            wait = due - now
            if wait > max_wait:
                return wait
            least = now - self._slack
            self._due = max(least, due) + self._gap
            return max(0.0, wait)

    def reserve(self, max_wait: float) -> tuple[float, tuple[float, float] | None]:
        """As :meth:`take`, with what :meth:`give_back` wants: None where nothing was taken."""
        with self._lock:
            now = self._now()
            due = self._due
            wait = due - now
            if wait > max_wait:
                return wait, None
            self._due = max(now - self._slack, due) + self._gap
            return max(0.0, wait), (due, self._due)

    def give_back(self, reserved: tuple[float, float] | None) -> bool:
        """Give a token back that will not be used; False where it cannot be.

        Whoever took a later one already waits behind it: then it is lost.
        """
        with self._lock:
            if reserved is None or self._due != reserved[1]:
                return False
            self._due = reserved[0]
            return True

    def __repr__(self) -> str:
        return f"<TokenBucket {self.rate:g}/s, {self.burst} at once>"

    def _now(self) -> float:
        now = self._clock()
        if now < self._last:
            self._due -= self._last - now  # what was waited for stays as far away
        self._last = now
        return now
