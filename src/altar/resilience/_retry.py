"""Backoff and RetryPolicy: how often to try again, and how long to wait in between."""

from __future__ import annotations

from dataclasses import dataclass

from altar.resilience._checks import check_kind, check_number, check_whole
from altar.resilience._clock import SYSTEM_CLOCK, Clock

__all__ = ["Backoff", "RetryPolicy"]

_MOST_DOUBLINGS = 1000  # a float holds no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow: ``base`` seconds, times ``factor`` after each attempt, ``cap`` at most.

    The wait itself is drawn from 0 to that bound ("full jitter"): clients that
    failed together then come back spread out, and the thing they wait for is
    not hit by all of them at once. ``jitter=False`` waits the bound itself.
    """

    base: float = 0.5
    factor: float = 2.0
    cap: float = 8.0
    jitter: bool = True

    def __post_init__(self) -> None:
        check_number("Backoff", "base", self.base, "a number of seconds")
        check_number("Backoff", "factor", self.factor, "a number", above=0.0)
        check_number("Backoff", "cap", self.cap, "a number of seconds")

    def delay(self, attempt: int, clock: Clock = SYSTEM_CLOCK) -> float:
        """Seconds to wait after attempt number ``attempt`` (from 1) failed."""
        try:
            grown = self.base * self.factor ** min(attempt - 1, _MOST_DOUBLINGS)
        except OverflowError:
            grown = self.cap
        bound: float = min(self.cap, grown)
        return bound * clock.jitter() if self.jitter else bound


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often something that failed is tried, and how long to wait in between.

    ``attempts`` counts the first one; 1 turns retries off. Where the other side
    says when to come back, its hint is kept to: never earlier, and not at all
    when it asks for more than ``max_delay`` seconds. Without a hint ``backoff``
    decides. ``budget`` bounds the whole of it, waits included, in seconds.
    """

    attempts: int = 3
    backoff: Backoff = Backoff()
    max_delay: float = 60.0
    budget: float | None = None
    clock: Clock = SYSTEM_CLOCK

    def __post_init__(self) -> None:
        check_whole("RetryPolicy", "attempts", self.attempts, 1)
        check_kind("RetryPolicy", "backoff", self.backoff, Backoff, "Backoff(base=0.5)")
        check_number("RetryPolicy", "max_delay", self.max_delay, "a number of seconds")
        check_number("RetryPolicy", "budget", self.budget, "a number of seconds", none=True)
        check_kind("RetryPolicy", "clock", self.clock, Clock, "Clock()")

    def delay(
        self,
        attempt: int,
        *,
        hint: float | None = None,
        started: float | None = None,
        deadline: float | None = None,
    ) -> float | None:
        """Seconds to wait after attempt number ``attempt`` failed; None: do not try again.

        ``hint`` is the other side's wish in seconds; ``started`` (of the first
        attempt) and ``deadline`` are times of the clock. A wait that would not
        end before the deadline, or within the budget, is not begun.
        """
        if attempt >= self.attempts:
            return None
        if hint is not None and hint >= 0:
            if hint > self.max_delay:
                return None
            wait = hint
        else:
            wait = min(self.backoff.delay(attempt, self.clock), self.max_delay)
        now = self.clock.now()
        if deadline is not None and now + wait >= deadline:
            return None
        if self.budget is not None and started is not None:
            spent = max(0.0, now - started)  # the clock may have gone back
            if spent + wait > self.budget:
                return None
        return wait
