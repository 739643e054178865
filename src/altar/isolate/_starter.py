"""Starter: the part of a supervisor that starts workers until there are enough."""

from __future__ import annotations

import errno
import logging
import os
from _thread import allocate_lock
from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._loop import Loop
from altar.isolate._memory import MemoryWatch
from altar.isolate._spawn import WORKER, spawn
from altar.isolate._wire import LOAD, READY, WireError, frame
from altar.isolate._worker import GONE, Worker, WorkerError
from altar.resilience import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

    from altar.adm import ToolResult
    from altar.isolate._asked import Asked
    from altar.isolate._roster import Roster, Ticket
    from altar.isolate._settings import Settings

__all__ = ["GRACE", "Starter"]

GRACE = 0.25  # seconds a cancelled call has to answer
_BREAKER_WAIT = 5.0
_MOST_RECENT = 16  # targets that a worker is told to import
_MOST_TOLD = 32_768  # bytes; they fit into the socket at once
_logger = logging.getLogger("altar")


class Starter(Loop):
    """What it needs of the rest: ``_ended`` (a process has) and ``_over`` (it holds too much)."""

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        on_stuck: Callable[[WorkerError], None],
        on_late: Callable[[Ticket], Callable[[], ToolResult]],
        *,
        program: tuple[str, str] = WORKER,
        pidfd: bool = True,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._roster = roster
        self._on_stuck = on_stuck
        self._on_late = on_late
        self._program = program
        self._pidfd = pidfd and hasattr(os, "pidfd_open")
        self._token = os.urandom(8).hex()
        self._claim = allocate_lock()
        self._memory = MemoryWatch(self._over)
        self._stopping = False
        self._failure: WorkerError | None = None
        self._breaker = CircuitBreaker(failures=3, wait=_BREAKER_WAIT)
        self.doubt = False  # whether a start failed since the last call that went well
        self.workers: dict[int, Worker] = {}
        self.counts = dict.fromkeys(("started", "killed", "recycled", "died"), 0)
        self._recent: dict[str, str] = {}  # what workers imported last, as LOAD says it
        self._thread: Thread | None = None

    def _ended(self, worker: Worker) -> None:
        raise NotImplementedError

    def _over(self, worker: Worker, exchange: Asked | None, bytes_held: int) -> None:
        raise NotImplementedError

    def _start_missing(self) -> None:
        needed, spare = self._roster.missing()
        # a spare is started when nobody waits for a start: it would take their processor
        want = needed if needed > 0 else (spare if not self._roster.starting else 0)
        while want > 0:
            if not self._breaker.allow():
                self._stuck()
                return
            want -= 1
            self._start()

    def _start(self) -> None:
        mark = f"{self._token}.{self.counts['started']}"
        try:
            worker = spawn(mark, memory_mb=self._settings.memory_mb, program=self._program)
        except Exception as error:  # noqa: BLE001 - whatever the program made of sys
            self._failed_start(WorkerError(f"a worker process was refused: {error}"))
            return
        self.counts["started"] += 1
        self.workers[worker.pid] = worker
        with self._roster.lock:
            self._roster.starting += 1
        worker.kill_at = worker.born + self._settings.start_timeout
        worker.recent = self._recent
        self._listen(worker.pipe, lambda: self._read_output(worker))
        self._listen(worker.fd, lambda: self._read_ready(worker), send=worker.rest != b"")
        if self._pidfd:
            try:
                worker.pidfd = os.pidfd_open(worker.pid)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):  # a kernel before 5.3
                    self._pidfd = False
            else:
                self._listen(worker.pidfd, lambda: self._ended(worker))

    def _read_ready(self, worker: Worker) -> None:
        if worker.rest:
            self._send_rest(worker)
        try:
            count = worker.sock.recv_into(worker.inbox.space())
            worker.inbox.took(count)
            found = worker.inbox.next()
        except BlockingIOError:
            return
        except (OSError, WireError):
            count, found = 0, None
        if found is None and count:
            return
        self._unlisten(worker.fd)
        if found is None or found[0] != READY:
            worker.kill_at = monotonic() + GRACE  # it may have more to say about why
            return
        worker.kill_at = None
        worker.resident = self._memory.baseline(worker.pid)
        self._roster.add(worker)

    def _preload(self) -> None:
        """Have spares import what was called of late, while nobody waits for that."""
        for path in [*self._recent][:-_MOST_RECENT]:
            self._recent.pop(path, None)
        recent = self._recent.copy()  # calls that run change it
        for worker in self._roster.idle[:]:
            if recent.keys() <= worker.told.keys():
                continue
            new = [text for path, text in recent.items() if path not in worker.told]
            body = f'{{"targets":[{",".join(new)}]}}'
            if len(body) <= _MOST_TOLD:
                self._roster.tell_spare(worker, frame(LOAD, body.encode("ascii")))
            worker.told |= recent

    def _failed_start(self, error: WorkerError) -> None:
        self.doubt = True
        self._failure = error
        self._breaker.fail()
        self._bell.ring()  # look again: somebody may wait
        _logger.warning("%s", error)

    def _stuck(self) -> None:
        """Nothing may be started: whoever waits is told, unless a worker is left to serve them."""
        if self._failure is not None and all(w.place == GONE for w in self.workers.values()):
            self._on_stuck(self._failure)
