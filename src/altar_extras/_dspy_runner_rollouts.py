"""Rollouts: which of two equal requests are one run, and which are two."""

from __future__ import annotations

from secrets import token_hex
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rollouts", "Run"]

_KEPT = 600.0


class Rollouts:
    """A nonce for each run: equal requests share it while the first is under way.

    DSPy's executor sends an item again each time it has run for so many seconds
    (120), and takes the answer that comes first. Where all threads are busy such
    a twin begins when the run it stands for has just ended. So a run's nonce is
    given out after its end too: to as many twins as it ran times ``patience``
    seconds, those that came before counted, for ten minutes. In every other case
    an equal request later is a run of its own, after a failure above all.
    """

    __slots__ = ("_clock", "_ended", "_lock", "_open", "_patience")

    def __init__(self, *, patience: float, clock: Callable[[], float] = monotonic) -> None:
        if not patience > 0:
            raise ConfigurationError(
                f"straggler_after={patience!r}: a number of seconds above 0, as those after which "
                "DSPy sends a request again"
            )
        self._patience = patience
        self._clock = clock
        self._lock = Lock()
        self._open: dict[str, Run] = {}
        self._ended: dict[str, Run] = {}

    def begin(self, key: str) -> Run:
        """The run of a request with this key."""
        now = self._clock()
        with self._lock:
            run = self._open.get(key)
            if run is None:
                run = self._ended.pop(key, None)
                if run is None or run.twins < 1 or now - run.ended >= _KEPT:
                    run = Run(now)
                self._open[key] = run
            run.twins -= 1
            run.waiting += 1
            return run

    def end(self, key: str) -> None:
        """One of those requests was answered."""
        now = self._clock()
        with self._lock:
            run = self._open[key]
            run.waiting -= 1
            if run.waiting:
                return
            del self._open[key]
            if not run.ended:
                run.ended = now
                run.twins += 1 + int((now - run.begun) / self._patience)
            for gone in [k for k, old in self._ended.items() if now - old.ended >= _KEPT]:
                del self._ended[gone]
            if run.ok and run.twins > 0:
                self._ended[key] = run


class Run:
    """One run: who waits for it, and how many twins of its request may still come."""

    __slots__ = ("_told", "begun", "ended", "nonce", "ok", "twins", "waiting")

    def __init__(self, begun: float) -> None:
        self._told = Lock()  # taken by the first who hears the answer
        self.ok = False
        self.nonce = token_hex(8)
        self.begun = begun
        self.ended = 0.0
        self.twins = 0
        self.waiting = 0

    def answered(self, *, ok: bool) -> bool:
        """Note what came of it; whether this is the first to hear."""
        self.ok = self.ok or ok
        return self._told.acquire(blocking=False)
