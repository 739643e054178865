"""Supervisor: the one thread of a pool that starts workers, watches them, kills and reaps them."""

from __future__ import annotations

import contextlib
import logging
import os
import select
from collections import deque
from signal import SIGKILL
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._bell import Bell
from altar.isolate._memory import MemoryWatch
from altar.isolate._processes import bearers, has_ended, kill, kill_group
from altar.isolate._spawn import WORKER, spawn
from altar.isolate._wire import BYE, CANCEL, READY, RETIRED_CODE, WireError, encode
from altar.isolate._worker import GONE, IDLE, STARTING, Worker, WorkerError
from altar.resilience import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.isolate._asked import Asked
    from altar.isolate._exchange import Exchange
    from altar.isolate._roster import Roster
    from altar.isolate._settings import Settings

__all__ = ["Supervisor"]

_GRACE = 0.25  # seconds a cancelled call has to answer
_BLIND_TICK = 0.02  # seconds between looks where the system has no pidfd
_BREAKER_WAIT = 5.0
_STILLBORN = 1.0  # a worker that ends so soon and was never called is one that did not start
_PARTING = 1.0
_SWEEPS = 5
_BYE = encode(BYE, {})
_logger = logging.getLogger("altar")


class Supervisor:
    """Everything that touches a process happens in its thread; others ``post`` what they want.

    ``counts`` are the pool's figures. ``on_stuck`` is called with a WorkerError when
    workers do not start and no other is left to serve those who wait.
    """

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        on_stuck: Callable[[WorkerError], None],
        *,
        program: tuple[str, str] = WORKER,
        pidfd: bool = True,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._on_stuck = on_stuck
        self._program = program
        self._pidfd = pidfd and hasattr(os, "pidfd_open")
        self._token = os.urandom(8).hex()
        self._bell = Bell()
        self._poll = select.poll()
        self._poll.register(self._bell.fd, select.POLLIN)
        self._handlers: dict[int, Callable[[], None]] = {self._bell.fd: self._bell.hush}
        self._inbox: deque[Callable[[], None]] = deque()
        self._memory = MemoryWatch(self._over)
        self._stopping = False
        self._failure: WorkerError | None = None
        self._breaker = CircuitBreaker(failures=3, wait=_BREAKER_WAIT)
        self.doubt = False  # whether a start failed since the last call that went well
        self.workers: dict[int, Worker] = {}
        self.counts = dict.fromkeys(("started", "killed", "recycled", "died"), 0)
        self._thread = Thread(target=self._run, name="altar-isolate", daemon=True)
        self._thread.start()

    # what other threads call

    def post(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the supervisor's thread, soon."""
        self._inbox.append(work)
        self._bell.ring()

    def look(self) -> None:
        """Somebody waits, or a spare is missing."""
        self._bell.ring()

    @property
    def watching(self) -> bool:
        """Whether memory is being looked at."""
        return self._memory.active

    def is_current(self) -> bool:
        """Whether the caller is the supervisor's own thread."""
        return current_thread() is self._thread

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(seconds)

    def watch(self) -> None:
        """A call with a limit of memory has begun."""
        if not self._memory.active:
            self._memory.active = True
            self._bell.ring()

    def trust(self) -> None:
        """A call went well: what failed before does not count any more."""
        self.doubt = False
        self._breaker.succeed()

    def kill(self, worker: Worker) -> None:
        """Kill a worker that was dropped."""
        self.post(lambda: self._kill(worker))

    def retire(self, worker: Worker) -> None:
        """Have a worker that was dropped end in its own way."""
        self.post(lambda: self._retire(worker))

    def kill_soon(self, worker: Worker, seconds: float) -> None:
        """Kill it unless it has ended by itself until then."""
        self.post(lambda: self._kill_at(worker, monotonic() + seconds))

    def drain(self, worker: Worker, exchange: Exchange, reason: str) -> None:
        """Nobody waits for this call any more: have it stop, or else kill its worker."""
        self.post(lambda: self._drain(worker, exchange, reason))

    def stop(self) -> None:
        """Kill all workers, then end the thread."""

        def begin() -> None:
            self._stopping = True
            for worker in list(self.workers.values()):
                if self._roster.drop_idle(worker, "closed"):
                    self._dismiss(worker, _GRACE)
                else:
                    self._roster.drop(worker, why="closed")
                    self._kill(worker)

        self.post(begin)

    def disown(self) -> None:
        """In the child of a fork, which has no such thread: close the files of the parent's."""
        for worker in self.workers.values():
            worker.process.returncode = 0  # not this process's to wait for
            worker.disown()
        self._bell.disown()

    # the thread

    def _run(self) -> None:
        try:
            while not (self._stopping and not self.workers and not self._inbox):
                for fd, _ in self._poll.poll(self._wait_ms()):
                    handler = self._handlers.get(fd)
                    if handler is not None:
                        handler()
                while self._inbox:
                    self._inbox.popleft()()
                self._look_at_clock()
                if not self._stopping:
                    self._start_missing()
            self._sweep(f"{self._token}.")
        except Exception:
            _logger.exception("the supervisor of a pool of worker processes failed")
            self._roster.close()  # nobody would start a worker for those who wait
            self._on_stuck(WorkerError("the supervisor of the worker processes failed"))
            raise

    def _wait_ms(self) -> int | None:
        now = monotonic()
        times = [worker.kill_at for worker in self.workers.values() if worker.kill_at is not None]
        if self._memory.active:
            times.append(self._memory.next_at)
        if not self._pidfd and self.workers:
            times.append(now + _BLIND_TICK)
        idle = self._roster.idle
        if self._settings.idle is not None and len(idle) > self._settings.spares:
            times.append(min(worker.idle_since for worker in list(idle)) + self._settings.idle)
        if self._roster.waiting() and self._breaker.state == "open":
            times.append(now + self._breaker.retry_after)
        if not times:
            return None
        return max(0, int((min(times) - now) * 1000) + 1)

    def _look_at_clock(self) -> None:
        now = monotonic()
        for worker in list(self.workers.values()):
            if worker.kill_at is not None and worker.kill_at <= now:
                if worker.place == STARTING:
                    self._roster.drop(worker, why="start")
                elif worker.drain is not None:
                    self._roster.drop(worker, why="cancelled")
                self._kill(worker)
            if worker.pidfd < 0 and has_ended(worker.process):
                self._ended(worker)
        self._memory.tick(now, self.workers)
        idle = self._settings.idle
        if idle is not None and len(self._roster.idle) > self._settings.spares:
            for worker in list(self._roster.idle)[self._settings.spares :]:
                if worker.idle_since + idle <= now and self._roster.drop_idle(worker, "idle"):
                    self._retire(worker)

    def _over(self, worker: Worker, exchange: Asked | None, bytes_held: int) -> None:
        """A worker holds more than it may: in a call, or on its own."""
        if exchange is None:
            if self._roster.drop_idle(worker, "grown"):
                self._retire(worker)
        elif self._roster.drop(worker, exchange, why="memory"):
            _logger.warning("worker %d held %d bytes and is killed", worker.pid, bytes_held)
            self._kill(worker)

    # beginning

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
        except (OSError, WireError) as error:
            self._failed_start(WorkerError(f"a worker process was refused: {error}"))
            return
        self.counts["started"] += 1
        self.workers[worker.pid] = worker
        with self._roster.lock:
            self._roster.starting += 1
        worker.kill_at = worker.born + self._settings.start_timeout
        self._listen(worker.pipe, lambda: self._read_output(worker))
        self._listen(worker.fd, lambda: self._read_ready(worker))
        if self._pidfd:
            try:
                worker.pidfd = os.pidfd_open(worker.pid)
            except OSError:  # a kernel before 5.3
                self._pidfd = False
            else:
                self._listen(worker.pidfd, lambda: self._ended(worker))

    def _read_ready(self, worker: Worker) -> None:
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
            worker.kill_at = monotonic() + _GRACE  # it may have more to say about why
            return
        worker.kill_at = None
        worker.resident = self._memory.baseline(worker.pid)
        self._roster.add(worker)

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

    # ending

    def _kill(self, worker: Worker) -> None:
        if self.workers.get(worker.pid) is worker:
            worker.kill_at = None
            if worker.process.returncode is None:
                self.counts["killed"] += 1
                kill_group(worker.pid)

    def _retire(self, worker: Worker) -> None:
        self.counts["recycled"] += 1
        self._dismiss(worker, _PARTING)

    def _dismiss(self, worker: Worker, seconds: float) -> None:
        """Say BYE; whoever does not go is killed."""
        if self.workers.get(worker.pid) is worker:
            with contextlib.suppress(OSError):
                worker.sock.send(_BYE)
            worker.kill_at = monotonic() + seconds

    def _kill_at(self, worker: Worker, when: float) -> None:
        if worker.kill_at is None or when < worker.kill_at:
            worker.kill_at = when

    def _drain(self, worker: Worker, exchange: Exchange, reason: str) -> None:
        if self.workers.get(worker.pid) is not worker:
            return
        exchange.silence()
        worker.drain = exchange
        worker.kill_at = monotonic() + (_GRACE if exchange.sent else 0.0)
        if exchange.sent:
            with contextlib.suppress(OSError):  # full or dead: then it is killed
                worker.sock.send(encode(CANCEL, {"id": exchange.id, "reason": reason[:1000]}))
            self._listen(worker.fd, lambda: self._read_rest(worker, exchange))
            self._read_rest(worker, exchange)

    def _read_rest(self, worker: Worker, exchange: Exchange) -> None:
        """Read on for a caller that went away."""
        if worker.drain is not exchange:
            return
        ended = False
        try:
            count = worker.sock.recv_into(worker.inbox.space())
            worker.inbox.took(count)
            ended = exchange.read(worker) is not None
        except BlockingIOError:
            with contextlib.suppress(WireError):
                ended = exchange.read(worker) is not None
            if not ended:
                return
        except (OSError, WireError):
            count = 0
        if not ended and count:
            return
        self._unlisten(worker.fd)
        worker.drain = None
        if ended:
            worker.kill_at = None
            if self._roster.back(worker):
                return
        if self._roster.drop(worker, why="cancelled"):
            self._kill(worker)

    def _ended(self, worker: Worker) -> None:
        """The process has ended: reap it, and kill what it leaves behind."""
        if self.workers.pop(worker.pid, None) is None:
            return
        was = worker.place
        kill_group(worker.pid)  # before it is reaped: until then the number is its own
        worker.process.wait()
        worker.code = worker.process.returncode
        for fd in (worker.pidfd, worker.fd):
            self._unlisten(fd)
        if worker.pidfd >= 0:
            os.close(worker.pidfd)
        self._read_output(worker)
        self._unlisten(worker.pipe)
        os.close(worker.pipe)
        self._roster.drop(worker)
        if not worker.why:
            self.counts["recycled" if worker.code == RETIRED_CODE else "died"] += 1
        self._roster.reaped(worker)
        worker.gone.cancel(worker.ended())
        self._sweep(f"{worker.mark}\0")
        young = worker.calls == 0 and monotonic() - worker.born < _STILLBORN
        stillborn = was == IDLE and young and worker.code != -SIGKILL  # which it was sent
        if was == STARTING or worker.why == "start" or stillborn:
            what = f"a worker process did not start ({worker.ended()})"
            self._failed_start(worker.error(what))

    def _sweep(self, mark: str) -> None:
        """Kill what carries a mark; again, until nothing is found, as it may have forked."""
        for _ in range(_SWEEPS):
            found = bearers(mark)
            if not found:
                return
            kill(found)

    # files

    def _read_output(self, worker: Worker) -> None:
        try:
            text = os.read(worker.pipe, 65_536)
        except BlockingIOError:
            return
        except OSError:
            text = b""
        if text:
            worker.output.append(text[-4096:])
        else:
            self._unlisten(worker.pipe)

    def _listen(self, fd: int, handler: Callable[[], None]) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, select.POLLIN)

    def _unlisten(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)
