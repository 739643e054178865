"""HostTime: what time it is by the Hosts, cheap enough to ask before every body."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from altar_extras.grid.wire import HostClock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HostTime"]

_FRESH = 0.25  # seconds in which a clock's drift does not show in milliseconds


class HostTime:
    """A HostClock whose best sample is looked for four times a second, not at every call."""

    __slots__ = ("_clock", "_looked", "_offset", "_uncertainty", "clock")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.clock = HostClock(clock)
        self._looked = float("-inf")
        self._offset = 0.0
        self._uncertainty = float("inf")

    def local(self) -> float:
        """The time of this process' own clock, in seconds."""
        return self._clock()

    def sample(self, sent: float, host_ms: float) -> None:
        """The Hosts said what time it was, between ``sent`` and now."""
        if host_ms > 0:
            self.clock.sample(sent, host_ms, self._clock())
            self._looked = float("-inf")

    def now(self) -> tuple[float, float]:
        """Host time and how far off it may be, in ms; infinitely while nothing is known."""
        now = self._clock()
        if now - self._looked > _FRESH:
            self._looked = now
            self._offset = self.clock.offset_ms()
            self._uncertainty = self.clock.uncertainty_ms()
        return now * 1000 + self._offset, self._uncertainty
