"""Commit: the thread that puts records on disk, as many at once as came meanwhile."""

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


def wake(waiting: list[Waiter], error: AuditError | None) -> None:
    """Tell everybody who waits: one call into each event loop, however many wait there."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for one in waiting:
        if isinstance(one, ThreadWait):
            one.tell(error)
        else:
            loops.setdefault(one.get_loop(), []).append(one)
    for loop, futures in loops.items():
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

    ``lock`` is held by whoever adds; ``done(sequence)`` is called from the
    thread after each batch, ``idle()`` when a pause of ``pause`` seconds went by or
    a batch was written.
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
        self._idle = True
        self._closing = False
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
        if self._idle:
            self._idle = False
            self._bell.release()

    def barrier(self) -> ThreadWait:
        """Where to wait until everything that was added is on disk. The lock is held."""
        waiter = ThreadWait()
        if self._last <= self.committed:
            waiter.tell(self.broken)
        elif self._pending:
            self._waiting.append(waiter)
        else:
            self._behind.append(waiter)
        return waiter

    def close(self) -> None:
        """Write what is there, and end the thread."""
        with self.lock:
            self._closing = True
            if self._idle:
                self._idle = False
                self._bell.release()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._bell.acquire()
            while True:
                if self._interval and not self._closing:
                    time.sleep(self._interval)
                with self.lock:
                    pending, self._pending = self._pending, []
                    waiting, self._waiting = self._waiting, []
                    last = self._last
                    if not pending:
                        self._idle = True
                        break
                self._write(pending, waiting, last)
            if self._closing:
                return

    def _write(self, pending: list[bytes | Segment], waiting: list[Waiter], last: int) -> None:
        error = self.broken
        if error is None:
            try:
                self._put(pending)
            except OSError as caught:  # what is on disk is not known any more: no more is taken
                error = SpoolBroken(f"the audit spool cannot be written: {caught.strerror}")
                self.broken = error
            else:
                self.committed = last
        with self.lock:
            behind, self._behind = self._behind, []
        wake([*waiting, *behind] if behind else waiting, error)
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


# Linux writes and syncs in one call: a thread that comes back from each of two has to wait
# twice for its turn among the interpreter's threads, up to 5 ms each beside a busy loop.
_THROUGH: Final[int] = getattr(os, "RWF_DSYNC", 0)


def _write(fd: int, data: bytes, at: int) -> int:
    if _THROUGH:
        return os.pwritev(fd, [data], at, _THROUGH)
    return os.pwrite(fd, data, at)
