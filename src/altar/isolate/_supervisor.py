"""Supervisor: the one thread of a pool that starts workers, watches them, kills and reaps them."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from signal import SIGKILL
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._patrol import patrol
from altar.isolate._processes import (
    bearers,
    family,
    has_ended,
    kill,
    kill_family,
    kill_group,
    reap,
)
from altar.isolate._starter import GRACE, Starter
from altar.isolate._wire import (
    BYE,
    CANCEL,
    RETIRED_CODE,
    WireError,
    encode,
)
from altar.isolate._worker import IDLE, STARTING, Worker, WorkerError

if TYPE_CHECKING:
    from altar.isolate._asked import Asked
    from altar.isolate._exchange import Exchange

__all__ = ["Supervisor"]

_BLIND_TICK = 0.02  # seconds between looks where the system has no pidfd
_STILLBORN = 1.0  # a worker that ends so soon and was never called is one that did not start
_PARTING = 1.0
_SWEEPS = 5
_BYE = encode(BYE, {})
_logger = logging.getLogger("altar")


class Supervisor(Starter):
    """Everything that touches a process happens in its thread; others ``post`` what they want.

    ``counts`` are the pool's figures. ``on_stuck`` is called with a WorkerError when
    workers do not start and no other is left to serve those who wait; ``on_late`` answers
    a ticket whose time is over.
    """

    def start(self) -> None:
        """Start the thread, unless it was: an interrupted caller may not know.

        Raises OSError and RuntimeError where the system has none left.
        """
        if self._thread is None:
            Thread(target=self._run, name="altar-isolate", daemon=True).start()

    # what other threads call

    @property
    def watching(self) -> bool:
        """Whether memory is being looked at."""
        return self._memory.active

    def is_current(self) -> bool:
        """Whether the caller is the supervisor's own thread."""
        return current_thread() is self._thread

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join(seconds)

    def watch(self) -> None:
        """A call has begun while nobody looked."""
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
                    self._dismiss(worker, GRACE)
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
        if not self._claim.acquire(blocking=False):
            return  # another was started for the same, and runs
        self._thread = current_thread()
        try:
            self._serve()
            self._sweep(f"{self._token}.")
        except Exception:
            _logger.exception("the supervisor of a pool of worker processes failed")
            self._roster.close()  # nobody would start a worker for those who wait
            self._on_stuck(WorkerError("the supervisor of the worker processes failed"))
            raise
        finally:
            self._bell.close()

    def _serve(self) -> None:
        while not (self._stopping and not self.workers and not self._inbox):
            self._wait(self._wait_ms())
            self._look_at_clock()
            if patrol(self._roster, self.workers, self._on_late, self._do_posted, self._kill):
                self._memory.active = True
            if not self._stopping:
                self._start_missing()
                self._preload()

    def _wait_ms(self) -> int | None:
        now = monotonic()
        times = [worker.kill_at for worker in self.workers.values() if worker.kill_at is not None]
        if self._memory.active:
            times.append(self._memory.next_at)
        if any(worker.pidfd < 0 for worker in self.workers.values()):
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

    # ending

    def _kill(self, worker: Worker) -> None:
        if self.workers.get(worker.pid) is worker:
            worker.kill_at = None
            worker.is_doomed = True
            if worker.process.returncode is None:
                self.counts["killed"] += 1
                kill_family(worker.pid)

    def _retire(self, worker: Worker) -> None:
        self.counts["recycled"] += 1
        self._dismiss(worker, _PARTING)

    def _dismiss(self, worker: Worker, seconds: float) -> None:
        """Say BYE; whoever does not go is killed."""
        if self.workers.get(worker.pid) is worker:
            kill(family(worker.pid)[1:])  # what its tools left; it is idle, or ends
            with contextlib.suppress(OSError):
                worker.sock.send(_BYE)
            worker.is_doomed = True
            worker.kill_at = monotonic() + seconds

    def _kill_at(self, worker: Worker, when: float) -> None:
        worker.is_doomed = True
        if worker.kill_at is None or when < worker.kill_at:
            worker.kill_at = when

    def _drain(self, worker: Worker, exchange: Exchange, reason: str) -> None:
        if self.workers.get(worker.pid) is not worker:
            return
        exchange.silence()
        worker.drain = exchange
        worker.exchange = None
        worker.kill_at = monotonic() + (GRACE if exchange.sent else 0.0)
        if exchange.sent:
            with contextlib.suppress(OSError):  # full or dead: then it is killed
                worker.sock.send(encode(CANCEL, {"id": exchange.id, "reason": reason[:1000]}))
            self._listen(worker.fd, lambda: self._read_rest(worker, exchange))
            self._read_rest(worker, exchange)

    def _read_rest(self, worker: Worker, exchange: Exchange) -> None:
        """Read on for a caller that went away."""
        if worker.drain is not exchange:
            return
        ended, count = False, 0
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
        worker.code = reap(worker.process)
        for fd in (worker.pidfd, worker.fd):
            self._unlisten(fd)
        if worker.pidfd >= 0:
            os.close(worker.pidfd)
        self._read_output(worker)
        self._unlisten(worker.pipe)
        os.close(worker.pipe)
        self._roster.drop(worker)
        with contextlib.suppress(OSError):  # a process it forked may hold the other end open
            worker.sock.shutdown(socket.SHUT_RDWR)
        if not worker.why:
            self.counts["recycled" if worker.code == RETIRED_CODE else "died"] += 1
        self._roster.reaped(worker)
        worker.gone.cancel(worker.ended())
        self._sweep(f"{worker.mark}\0")
        young = worker.calls == 0 and monotonic() - worker.born < _STILLBORN
        stillborn = was == IDLE and young and worker.code != -SIGKILL  # which it was sent
        if worker.told and worker.calls == 0 and worker.code != -SIGKILL:
            self._recent.clear()  # of the modules that it was told to import, perhaps
            stillborn = False
        if was == STARTING or worker.why == "start" or stillborn:
            what = f"a worker process did not start ({worker.ended()})"
            self._failed_start(worker.error(what))
            if worker.why == "start":  # another would take as long, and somebody waits
                self._stuck()

    def _sweep(self, mark: str) -> None:
        """Kill what carries a mark; again, until nothing is found, as it may have forked."""
        for _ in range(_SWEEPS):
            found = bearers(mark)
            if not found:
                return
            kill(found)
