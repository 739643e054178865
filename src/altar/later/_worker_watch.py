"""The second thread of a worker: hears, while a tool runs, that the call or the parent is gone."""

from __future__ import annotations

import os
import select
import time
from _thread import allocate_lock, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING

from altar.later._worker_line import LineLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._worker_line import Line

__all__ = ["Watch"]

_LOST = 70  # exit code: the line to the parent is gone
_TICK = 0.025  # seconds between two looks; what a stop of a short call may be late
_RESTLESS = 40  # ticks without a call after which it sleeps until woken


class Watch:
    """Reads the line while a call runs, and leaves it to the main thread between calls.

    A call that is over within a tick costs no change of threads: the watch
    looks at what runs a few dozen times a second, and sleeps when nothing does.
    """

    __slots__ = ("_asleep", "_ended", "_line", "_running", "_told", "_wake")

    def __init__(
        self, line: Line, told: Callable[[int, bytes], None], ended: Callable[[], None]
    ) -> None:
        self._line = line
        self._told = told
        self._ended = ended
        self._running: object | None = None
        self._wake = allocate_lock()
        self._wake.acquire()
        self._asleep = True
        begun = allocate_lock()
        begun.acquire()
        start_new_thread(self._work, (begun.release,))
        begun.acquire()  # from here on it is among the threads that are counted

    def begin(self, call: object) -> None:
        """A call begins: its frames are read here from now on."""
        self._running = call
        if self._asleep:
            self._asleep = False
            self._wake_up()

    def end(self) -> None:
        """The call is over: the main thread reads again."""
        self._running = None

    def _work(self, begin: Callable[[], object]) -> None:
        begin()
        while True:
            self._wake.acquire()
            idle = 0
            while idle < _RESTLESS:
                seen = self._running
                time.sleep(_TICK)
                if seen is not None and self._running is seen:
                    self._stand_by(seen)
                idle = 0 if self._running is not None or seen is not None else idle + 1
            self._asleep = True
            if self._running is not None:  # it began just now, and may have found us awake
                self._wake_up()

    def _wake_up(self) -> None:
        with suppress(RuntimeError):  # woken already
            self._wake.release()

    def _stand_by(self, call: object) -> None:
        """Read what comes while ``call`` runs."""
        line = self._line
        poll = select.poll()
        poll.register(line.fileno(), select.POLLIN)
        while self._running is call:
            ready = poll.poll(_TICK * 1000)
            if ready and ready[0][1] & select.POLLNVAL:
                os._exit(_LOST)  # the descriptor was closed: nothing can be answered
            if not ready or not line.reading.acquire(timeout=_TICK):
                continue
            try:
                if self._running is not call:
                    return
                if not line.fill():
                    self._ended()
                while (frame := line.buffered()) is not None:
                    self._told(*frame)
            except (LineLostError, OSError):
                os._exit(_LOST)
            finally:
                line.reading.release()
