"""HostClock: Host time as one party knows it, with how far off it may be."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HostClock"]

# crystals drift by up to 100 millionths, virtual machines' clocks by more
_DRIFT: Final = 0.0002
_KEPT: Final = 8


class HostClock:
    """The offset between this process' monotonic clock and Host time.

    ``sample`` takes one question and its answer; the one that was quickest
    counts, until age has made it worse than a newer one. Without a sample
    ``now_ms`` is None.
    """

    __slots__ = ("_clock", "_samples")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._samples: list[tuple[float, float, float]] = []  # when, offset ms, half the round trip

    def sample(self, sent: float, host_ms: float, received: float) -> None:
        """Host time ``host_ms`` was told between two times of this process' clock, in seconds."""
        if received < sent:
            return
        middle = (sent + received) / 2
        half = (received - sent) * 500
        self._samples.append((received, host_ms - middle * 1000, half))
        if len(self._samples) > _KEPT:
            newest = self._samples[-1]
            worst = max(self._samples[:-1], key=lambda one: self._error(one, received))
            self._samples.remove(worst)
            assert newest in self._samples

    @property
    def is_known(self) -> bool:
        """Whether Host time was ever told."""
        return bool(self._samples)

    def now_ms(self) -> float | None:
        """Host time in milliseconds, by the best sample."""
        best = self._best()
        return None if best is None else self._clock() * 1000 + best[1]

    def uncertainty_ms(self) -> float:
        """How far off ``now_ms`` may be, in milliseconds; infinite without a sample."""
        best = self._best()
        return float("inf") if best is None else self._error(best, self._clock())

    def offset_ms(self) -> float:
        """Host time minus this process' clock, in milliseconds; 0.0 without a sample."""
        best = self._best()
        return 0.0 if best is None else best[1]

    def _best(self) -> tuple[float, float, float] | None:
        if not self._samples:
            return None
        now = self._clock()
        return min(self._samples, key=lambda one: self._error(one, now))

    @staticmethod
    def _error(sample: tuple[float, float, float], now: float) -> float:
        return sample[2] + max(0.0, now - sample[0]) * 1000 * _DRIFT
