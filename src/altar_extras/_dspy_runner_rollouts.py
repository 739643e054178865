"""Rollouts: which of two equal requests are one run, and which are two."""

from __future__ import annotations

from secrets import token_hex
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rollouts"]

_PATIENCE = 100.0  # seconds: DSPy's executor sends what runs for 120 s once more
_KEPT = 600.0


class Rollouts:
    """A nonce for each run: equal requests share it while the first is under way.

    DSPy's executor sends a slow item a second time, and takes the answer that
    comes first. The second may also begin when the first has just ended: where
    that took ``patience`` seconds, its nonce is given out once more within ten
    minutes. In every other case an equal request later is a run of its own.
    """

    __slots__ = ("_clock", "_ended", "_lock", "_open", "_patience")

    def __init__(
        self, *, patience: float = _PATIENCE, clock: Callable[[], float] = monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = Lock()
        self._open: dict[str, tuple[str, float, int]] = {}  # nonce, begun, how many wait
        self._ended: dict[str, tuple[str, float]] = {}

    def begin(self, key: str) -> str:
        """The nonce of a request with this key."""
        now = self._clock()
        with self._lock:
            found = self._open.get(key)
            if found is not None:
                nonce, begun, count = found
                self._open[key] = nonce, begun, count + 1
                return nonce
            slow = self._ended.pop(key, None)
            nonce = slow[0] if slow is not None and now - slow[1] < _KEPT else token_hex(8)
            self._open[key] = nonce, now, 1
            return nonce

    def end(self, key: str) -> None:
        """One of those requests was answered."""
        now = self._clock()
        with self._lock:
            nonce, begun, count = self._open.pop(key)
            if count > 1:
                self._open[key] = nonce, begun, count - 1
            elif now - begun >= self._patience:
                old = [k for k, (_, ended) in self._ended.items() if now - ended >= _KEPT]
                for gone in old:
                    del self._ended[gone]
                self._ended[key] = nonce, now
