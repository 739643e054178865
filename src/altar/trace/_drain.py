"""Drain: takes what the rings hold, decides what is kept, cleans it, hands it to the outlets."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.trace._outlet import Outlet
    from altar.trace._redact import Cleaner
    from altar.trace._ring import Ring, Rings
    from altar.trace._sampling import Sampler
    from altar.trace._span import Span

__all__ = ["Drain"]

_LOOK = 0.05  # seconds between two looks at a thread that may have ended
_BATCH = 2_048  # spans taken at once


class Drain:
    """The one reader of the rings: a thread of its own, or who holds the lock and drains at once.

    ``drained`` counts the spans handed to the outlets, ``held`` those that are
    neither in a ring nor counted yet.
    """

    def __init__(
        self,
        rings: Rings,
        sampler: Sampler,
        cleaner: Cleaner,
        outlets: Sequence[Outlet],
        *,
        interval: float,
    ) -> None:
        self.lock = threading.Lock()
        self.drained = 0
        self.spoiled = 0  # spans that were in hand when something went wrong here
        self._in_hand = 0
        self._rings = rings
        self._sampler = sampler
        self._cleaner = cleaner
        self._outlets = outlets
        self._early = [] if sampler.keeps_all else [one for one in outlets if one.sees_all]
        self._late = [one for one in outlets if one not in self._early]
        self._interval = interval
        self._bell: SimpleQueue[bool | threading.Event] = (
            SimpleQueue()
        )  # its put may be interrupted by another
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def held(self) -> int:
        """Spans taken from the rings and not decided or handed on."""
        return self._in_hand + self._sampler.held

    def wake(self) -> None:
        """Do not wait for the interval to end."""
        self._bell.put(True)

    def start(self) -> None:
        """Start the threads, if there are none."""
        if self._thread is not None or not self._starting.acquire(blocking=False):
            return
        try:
            for outlet in self._outlets:
                outlet.start()
            thread = threading.Thread(target=self._run, name="altar trace", daemon=True)
            self._thread = thread
            thread.start()
        except RuntimeError:  # the interpreter is ending: close() drains
            self._thread = None
        finally:
            self._starting.release()

    def stop(self) -> None:
        """End the thread, soon."""
        self._bell.put(False)

    def _run(self) -> None:
        self._rings.mute()
        while True:
            rung: bool | threading.Event = True
            with suppress(Empty):
                rung = self._bell.get(timeout=self._interval)
            if rung is False:
                return
            try:
                with self.lock:
                    self.round(everything=rung is not True)
            except BaseException as error:  # noqa: BLE001 - this thread must not end
                self.spoiled += self._in_hand
                self._in_hand = 0
                log = logging.getLogger("altar")
                log.warning("trace: spans are lost (%s)", type(error).__name__)
            if rung is not True:
                rung.set()

    def settle(self, until: float) -> bool:
        """Take all there is now, and leave nothing undecided; False when time ran out.

        The thread does it: what it calls is the application's, and may block.
        """
        if self._thread is None and not self._rings.held and not self.held:
            return True
        self.start()
        thread = self._thread
        if thread is threading.current_thread():
            return False
        if thread is not None and thread.is_alive():
            done = threading.Event()
            self._bell.put(done)
            while not done.wait(max(0.0, min(_LOOK, until - monotonic()))):
                if monotonic() >= until:
                    return False
                if not thread.is_alive():  # it was told to end before
                    break
            else:
                return True
        if not self.lock.acquire(timeout=max(0.0, until - monotonic())):
            return False
        try:
            self.round(everything=True)
        finally:
            self.lock.release()
        return True

    def round(self, *, everything: bool = False) -> None:
        """Take what there is now, under the lock; ``everything``: leave nothing undecided."""
        self._cleaner.refresh()
        for ring in self._rings.all():
            is_dead = ring.keeper() is None  # looked at first: nothing comes after
            left = len(ring.spans)
            while left > 0:
                left -= self._take(ring, min(left, _BATCH))
            if is_dead and not ring.spans:
                self._rings.retire(ring)
        if not self._sampler.keeps_all:
            self._sampler.settle(everything=everything)

    def _take(self, ring: Ring, most: int) -> int:
        """Take so many spans of a ring on their way."""
        self._wait_for_room(most)
        self._in_hand = most
        take = ring.spans.popleft
        batch = [take() for _ in range(most)]
        for span in batch:
            if not span.thread:
                span.thread = ring.thread
        if self._early:
            self._hand(batch, self._early)
        if not self._sampler.keeps_all:
            batch = self._sampler.take(batch)
            self._in_hand = len(batch)
        if batch:
            self._hand(batch, self._late, is_clean=bool(self._early))
        self.drained += len(batch)
        self._in_hand = 0
        return most

    def _hand(
        self, batch: Sequence[Span], outlets: Sequence[Outlet], *, is_clean: bool = False
    ) -> None:
        if not is_clean:
            clean = self._cleaner.clean
            for span in batch:
                clean(span)
        for outlet in outlets:
            outlet.put(batch)

    def _wait_for_room(self, spans: int) -> None:
        """Let the fastest sink set the pace; the rings hold what comes meanwhile."""
        if not any(outlet.fits(spans) for outlet in self._outlets):
            for outlet in self._outlets:
                outlet.wait_for_room(spans, self._interval)
                if outlet.fits(spans):
                    return
