"""Commit: what puts records on disk, as many at once as came meanwhile: a loop, or a thread."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from altar_extras.grid.audit._errors import AuditError, SpoolBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.audit._spool import Segment

__all__ = ["Committer", "ThreadWait", "Waiter", "wake"]


class ThreadWait:
    """Where a thread waits for its record to be on disk."""

    __slots__ = ("_done", "error")

    def __init__(self) -> None:
        self._done = Event()
        self.error: AuditError | None = None

    def tell(self, error: AuditError | None) -> None:
        """Wake the thread."""
        self.error = error
        self._done.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is done; raises the error it was done with."""
        if not self._done.wait(timeout):
            return False
        if self.error is not None:
            raise self.error
        return True


Waiter = asyncio.Future[None] | ThreadWait


def wake(
    waiting: list[Waiter],
    error: AuditError | None,
    *,
    here: asyncio.AbstractEventLoop | None = None,
) -> None:
    """Tell everybody who waits: one call into each event loop, however many wait there.

    ``here`` is the loop that this runs on, if any.
    """
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for one in waiting:
        if isinstance(one, ThreadWait):
            one.tell(error)
        else:
            loops.setdefault(one.get_loop(), []).append(one)
    for loop, futures in loops.items():
        if loop is here:
            _settle(futures, error)
            continue
        with suppress(RuntimeError):  # a loop that has ended waits for nothing
            loop.call_soon_threadsafe(_settle, futures, error)


def _settle(futures: list[asyncio.Future[None]], error: AuditError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


class Committer:
    """Writes what is handed to :meth:`add`, in order, with one fdatasync for each batch.

    What a turn of an event loop adds is written at the turn's end, by the loop itself: on
    a quick disk two hops between threads cost three times the write. A write that took
    longer sends the loop's records to a thread for a while, as those of threads always go.

    ``lock`` is held by whoever adds; ``done(sequence)`` is called after each batch, from
    the loop or the thread that wrote it.
    """

    def __init__(
        self, segment: Segment, lock: Lock, *, interval: float, done: Callable[[int], None]
    ) -> None:
        self.lock = lock
        self.broken: SpoolBroken | None = None
        self.committed = 0
        self._segment = segment
        self._interval = interval
        self._done = done
        self._pending: list[bytes | Segment] = []
        self._waiting: list[Waiter] = []
        self._behind: list[Waiter] = []  # for the batch that is being written
        self._last = 0
        self._turn = Lock()  # of whoever takes a batch and writes it: batches keep their order
        self._loop: asyncio.AbstractEventLoop | None = None  # that writes at the end of its turn
        self._busy = False  # the thread was called, and looks until nothing is left
        self.closing = False  # nothing may be added any more
        self._quick = _Quick(0.0 if not interval else float("inf"))
        self._bell = Lock()
        self._bell.acquire()
        self._thread = Thread(target=self._run, name="altar-audit-commit", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def add(
        self, raw: bytes, sequence: int, *, waiter: Waiter | None, segment: Segment | None = None
    ) -> None:
        """Take a frame, to be written into ``segment`` from here on. The lock is held."""
        if segment is not None:
            self._pending.append(segment)
        self._pending.append(raw)
        self._last = sequence
        if waiter is not None:
            self._waiting.append(waiter)
        if not self._busy:
            self._find_writer(waiter)

    def barrier(self) -> ThreadWait:
        """Where to wait until everything that was added is on disk. The lock is held."""
        waiter = ThreadWait()
        if self.broken is not None or self._last <= self.committed:
            waiter.tell(self.broken)
        elif self._pending:
            self._waiting.append(waiter)
            self._ring()
        else:
            self._behind.append(waiter)
        return waiter

    def close(self) -> None:
        """Write what is there, and end the thread."""
        with self.lock:
            self.closing = True
            self._ring()
        if self._thread.is_alive():
            self._thread.join()

    def _find_writer(self, waiter: Waiter | None) -> None:
        """Have somebody write what is pending: a loop only for those who wait on it, as it may
        end, or be kept from turning by whoever waits in its thread.
        """
        if isinstance(waiter, asyncio.Future):
            loop = waiter.get_loop()
            if loop is self._loop:
                return
            if self._loop is None and self._quick.is_likely():
                self._loop = loop
                loop.call_soon(self._write_here)
                return
        elif waiter is None and self._loop is not None:
            return
        self._ring()

    def _ring(self) -> None:
        if not self._busy:
            self._busy = True
            self._bell.release()

    def _write_here(self) -> None:
        """At the end of a turn of a loop."""
        loop, self._loop = self._loop, None
        if not self._turn.acquire(blocking=False):
            with self.lock:  # the thread may have found nothing, and not have left yet
                self._ring()
            return
        try:
            begun = time.monotonic()
            if self._write_batch(loop):
                self._quick.took(time.monotonic() - begun)
        finally:
            self._turn.release()

    def _run(self) -> None:
        while True:
            self._bell.acquire()
            more = True
            while more:
                if self._interval and not self.closing:
                    time.sleep(self._interval)
                with self._turn:
                    begun = time.monotonic()
                    more = self._write_batch(None)
                    self._quick.saw(time.monotonic() - begun)
            if self.closing:
                return

    def _write_batch(self, here: asyncio.AbstractEventLoop | None) -> bool:
        """Write what is pending; false when there was nothing. The turn is held."""
        with self.lock:
            pending, self._pending = self._pending, []
            waiting, self._waiting = self._waiting, []
            last = self._last
            if not pending:
                if here is None:
                    self._busy = False
                return False
        self._write(pending, waiting, last, here)
        return True

    def _write(
        self,
        pending: list[bytes | Segment],
        waiting: list[Waiter],
        last: int,
        here: asyncio.AbstractEventLoop | None,
    ) -> None:
        error = self.broken
        try:
            if error is None:
                self._put(pending)
                self.committed = last
        except OSError as caught:  # what is on disk is not known any more: no more is taken
            error = SpoolBroken(f"the audit spool cannot be written: {caught.strerror}")
            self.broken = error
        except BaseException:  # a second Ctrl-C: what follows would not follow on this batch
            error = self.broken = SpoolBroken("writing the audit spool was broken off")
            raise
        finally:
            with self.lock:
                behind, self._behind = self._behind, []
            wake([*waiting, *behind] if behind else waiting, error, here=here)
        if error is None:
            self._done(last)

    def _put(self, pending: list[bytes | Segment]) -> None:
        run: list[bytes] = []
        for one in pending:
            if isinstance(one, bytes):
                run.append(one)
                continue
            self._flush(run)
            self._segment, run = one, []
        self._flush(run)

    def _flush(self, run: list[bytes]) -> None:
        if not run:
            return
        segment, data = self._segment, b"".join(run)
        done = 0
        while done < len(data):
            done += _write(segment.fd, data[done:] if done else data, segment.used + done)
        if not _THROUGH:
            os.fdatasync(segment.fd)
        segment.used += len(data)


class _Quick:
    """Whether the disk is likely to be quick enough for a loop to wait for it.

    After a slow write the answer is no for a second, after another one at once for twice
    as long, and so on; each slow write of the thread meanwhile begins that time anew.
    """

    __slots__ = ("_rest", "_until")

    def __init__(self, until: float) -> None:
        self._until = until
        self._rest = _REST

    def is_likely(self) -> bool:
        """Whether a loop may write."""
        return not self._until or time.monotonic() >= self._until

    def took(self, seconds: float) -> None:
        """A loop has written, and waited so long."""
        if seconds > _SLOW:
            self._until = time.monotonic() + self._rest
            self._rest = min(self._rest * 2, _LONGEST_REST)
        else:
            self._until, self._rest = 0.0, _REST

    def saw(self, seconds: float) -> None:
        """The thread has written, and waited so long: for the interpreter too, though."""
        if self._until and seconds > _SURELY_SLOW:
            self._until = max(self._until, time.monotonic() + self._rest)


_SLOW = 0.002  # seconds that a loop may stand still for a write
_SURELY_SLOW = 0.025
_REST = 1.0
_LONGEST_REST = 64.0

# Linux writes and syncs in one call: a thread that comes back from each of two has to wait
# twice for its turn among the interpreter's threads, up to 5 ms each beside a busy loop.
_THROUGH: Final[int] = getattr(os, "RWF_DSYNC", 0)


def _write(fd: int, data: bytes, at: int) -> int:
    if _THROUGH:
        return os.pwritev(fd, [data], at, _THROUGH)
    return os.pwrite(fd, data, at)
