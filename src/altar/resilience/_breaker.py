"""CircuitBreaker: after some failures in a row the thing behind it is left alone for a while."""

from __future__ import annotations

import math
import time
from _thread import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BreakerState", "CircuitBreaker"]

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Says whether something that may be failing should be tried now.

    ``closed`` lets everything through; ``failures`` failures in a row make it
    ``open``, which lets nothing through; after ``wait`` seconds it is
    ``half_open`` and lets one trial through, whose outcome closes or opens it.
    A trial that nobody reports on counts as lost after ``wait`` seconds more.

    Ask ``allow()`` before each try, and report with ``succeed()`` or
    ``fail()`` afterwards; report nothing for a try that was broken off for
    reasons of your own. Who asks with ``enter()`` gets a ticket, and may give
    the trial back with ``leave(ticket)`` so that another can have it at once;
    a report with a ticket from before the state changed is not counted.

    It holds no thing and no call: whoever keeps it decides how long it
    remembers, and for what. Safe to share between threads and event loops.
    ``clock`` returns seconds; when it goes back, the wait begins anew.
    """

    __slots__ = ("_clock", "_count", "_failures", "_lock", "_round", "_since", "_state", "_wait")

    def __init__(
        self,
        *,
        failures: int = 3,
        wait: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(failures, wait)
        self._failures = failures
        self._wait = wait
        self._clock = clock
        self._lock = RLock()  # a stream that is thrown away reports wherever the collector runs
        self._state: BreakerState = "closed"
        self._count = 0  # failures in a row, while closed
        self._since = 0.0  # when it opened, or when the trial began
        self._round = 1  # the ticket of whoever is let through now

    @property
    def state(self) -> BreakerState:
        """``closed``, ``open`` or ``half_open``; an open one whose wait is over is half open."""
        with self._lock:
            return "half_open" if self._state == "open" and self._left() <= 0 else self._state

    @property
    def retry_after(self) -> float:
        """Seconds until it lets a try through; 0.0 where it does now."""
        with self._lock:
            return 0.0 if self._state == "closed" else max(0.0, self._left())

    @property
    def pristine(self) -> bool:
        """True while it remembers nothing: it is closed, and the last report was no failure."""
        return self._state == "closed" and self._count == 0

    def allow(self) -> bool:
        """Whether to try now; True of a breaker that is half open hands out its one trial."""
        return self.enter() != 0

    def enter(self) -> int:
        """As :meth:`allow`: a ticket for the try, or 0 when it should not be made now."""
        with self._lock:
            if self._state == "closed":
                return self._round
            if self._left() > 0:
                return 0
            self._state = "half_open"
            self._since = self._clock()
            self._round += 1
            return self._round

    def leave(self, ticket: int) -> None:
        """The try came to nothing that says whether the thing works; another may have its turn."""
        with self._lock:
            if self._state == "half_open" and ticket == self._round:
                self._state = "open"
                self._since = self._clock() - self._wait

    def succeed(self, ticket: int | None = None) -> None:
        """Report that a try worked."""
        with self._lock:
            if ticket is not None and ticket != self._round:
                return
            if self._state != "open":  # a try from before it opened says nothing new
                self._state = "closed"
                self._count = 0

    def fail(self, ticket: int | None = None) -> None:
        """Report that a try failed."""
        with self._lock:
            if self._state == "open" or (ticket is not None and ticket != self._round):
                return
            self._count += 1
            if self._state == "half_open" or self._count >= self._failures:
                self._state = "open"
                self._count = 0
                self._since = self._clock()
                self._round += 1

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.state}>"

    def _left(self) -> float:
        """Seconds of the wait that are left, of a breaker that is not closed."""
        now = self._clock()
        self._since = min(self._since, now)
        return self._wait - (now - self._since)


def _check(failures: Any, wait: Any) -> None:
    if not isinstance(failures, int) or isinstance(failures, bool) or failures < 1:
        raise ConfigurationError(
            f"CircuitBreaker(failures={failures!r}): a whole number, 1 or more; type "
            "CircuitBreaker(failures=3)"
        )
    number = isinstance(wait, (int, float)) and not isinstance(wait, bool)
    if not number or not (0 <= wait <= 1e15 or wait == math.inf):  # more overflows
        raise ConfigurationError(
            f"CircuitBreaker(wait={wait!r}): a number of seconds, 0 or more; type "
            "CircuitBreaker(wait=60)"
        )
