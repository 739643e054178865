"""WorkerPool: a bounded number of daemon threads, replaced when a call is given up."""

from __future__ import annotations

import os
import threading
from _thread import TIMEOUT_MAX, RLock, allocate_lock
from collections import deque
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from altar.errors import AltarError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Gate", "Job", "PoolExhaustedError", "WorkerPool", "default_pool"]

_SIZE = 32
_MAX_LOST = 256
_IDLE_SECONDS = 30.0
_NOTHING_LENT: AbstractContextManager[object] = nullcontext()
_QUEUED, _RUNNING, _DONE, _DROPPED, _LOST = range(5)


class PoolExhaustedError(AltarError):
    """No thread can be had: too many calls that were given up still hold theirs."""


class Gate:
    """What one thread waits at until another opens it; opening twice does no harm."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let the waiting thread go on."""
        try:  # noqa: SIM105 - suppress costs more than all the rest
            self._lock.release()
        except RuntimeError:  # it was open already
            pass

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the gate is open; False when ``seconds`` passed first."""
        if seconds is None:
            return self._lock.acquire()
        if not 0.0 <= seconds <= TIMEOUT_MAX:
            seconds = 0.0 if seconds < 0.0 else TIMEOUT_MAX
        return self._lock.acquire(True, seconds)


class Job:
    """A piece of work given to a pool; ``work`` must not raise."""

    __slots__ = ("state", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.state = _QUEUED


def _nothing() -> None:
    return None


class WorkerPool:
    """At most ``size`` daemon threads, started as they are needed.

    Threads that only wait for other calls do not count (see ``blocking``), so
    calls within calls cannot starve each other. The thread of an abandoned
    job is no longer the pool's: another takes its place, and it ends when the
    job does. Daemon threads, because a tool that never returns must not keep
    the process from ending.
    """

    def __init__(self, size: int = _SIZE, *, max_lost: int = _MAX_LOST) -> None:
        self._size = size
        self._max_lost = max_lost
        self._lock = RLock()  # a call that is thrown away ends wherever the collector runs
        self._queue: deque[Job] = deque()
        self._parked: list[Gate] = []
        self._threads = 0
        self._blocked = 0
        self._lost = 0
        self._local = threading.local()

    def submit(self, work: Callable[[], None]) -> Job:
        """Have ``work`` run in one of the threads, as soon as one is free.

        Raises PoolExhaustedError when too many abandoned jobs still run, or
        when the system refuses another thread.
        """
        job = Job(work)
        with self._lock:
            if self._lost >= self._max_lost:
                raise PoolExhaustedError(f"{self._lost} abandoned calls still hold a thread")
            self._queue.append(job)
            parked = self._parked.pop() if self._parked else self._wake_or_grow()
        if isinstance(parked, Gate):
            parked.open()
        else:
            self._start(parked, job)
        return job

    def abandon(self, job: Job) -> bool:
        """Give a job up; True when it had not begun, and then it never will."""
        with self._lock:
            if job.state == _QUEUED:
                job.state = _DROPPED
                self._queue.remove(job)
                return True
            if job.state != _RUNNING:
                return False
            job.state = _LOST
            self._lost += 1
            self._threads -= 1
            parked = self._wake_or_grow() if self._queue else False
        self._start(parked)
        return False

    def blocking(self) -> AbstractContextManager[object]:
        """Around a wait for another call: one of the pool's threads counts as free meanwhile."""
        return self._lent() if self.is_worker() else _NOTHING_LENT

    @contextmanager
    def _lent(self) -> Iterator[None]:
        with self._lock:
            self._blocked += 1
            parked = self._wake_or_grow() if self._queue else False
        self._start(parked)
        try:
            yield
        finally:
            with self._lock:
                self._blocked -= 1

    def is_worker(self) -> bool:
        """True in one of this pool's threads."""
        return getattr(self._local, "worker", False)

    def _wake_or_grow(self) -> Gate | bool:
        """With the lock held: a parked thread to wake, or True to start one, or False."""
        if self._parked:
            return self._parked.pop()
        if self._threads < self._size + self._blocked:
            self._threads += 1
            return True
        return False

    def _start(self, parked: Gate | bool, job: Job | None = None) -> None:
        if parked is False:
            return
        if parked is not True:
            parked.open()
            return
        try:
            threading.Thread(target=self._work, name="altar-worker", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            with self._lock:
                self._threads -= 1
                others = self._threads > 0
                if not others and job is not None and job.state == _QUEUED:
                    job.state = _DROPPED
                    self._queue.remove(job)
            if not others:
                raise PoolExhaustedError("the system refuses to start a thread") from error

    def _work(self) -> None:
        self._local.worker = True
        gate = Gate()
        job: Job | None = None
        while True:
            with self._lock:
                if job is not None:  # its work is done
                    if job.state == _LOST:
                        self._lost -= 1
                        return
                    job.state = _DONE
                job = self._queue.popleft() if self._queue else None
                if job is not None:
                    job.state = _RUNNING
                elif self._threads > self._size + self._blocked:
                    self._threads -= 1
                    return
                else:
                    self._parked.append(gate)
            if job is None:
                if self._park(gate):
                    continue
                return
            job.work()
            job.work = _nothing  # or its result would live as long as the thread is idle

    def _park(self, gate: Gate) -> bool:
        """Wait for work; False when there was none for so long that the thread may end."""
        if gate.wait(_IDLE_SECONDS):
            return True
        with self._lock:
            if gate in self._parked:
                self._parked.remove(gate)
                self._threads -= 1
                return False
        return gate.wait()  # woken in this very moment: the opening is on its way


_default: WorkerPool | None = None
_first_use = allocate_lock()


def default_pool() -> WorkerPool:
    """The pool that every session of this process shares."""
    global _default  # noqa: PLW0603 - the one of this process
    pool = _default
    if pool is None:
        with _first_use:
            pool = _default
            if pool is None:
                pool = _default = WorkerPool()
    return pool


def _after_fork() -> None:
    global _default, _first_use  # noqa: PLW0603 - the ones of this process
    _default = None  # a child has none of its parent's threads
    _first_use = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
