"""Roster: which worker is free, which is taken, who waits; one lock, never held while waiting."""

from __future__ import annotations

from _thread import allocate_lock
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._worker import BUSY, GONE, IDLE, STARTING

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.isolate._asked import Asked
    from altar.isolate._exchange import Exchange
    from altar.isolate._settings import Settings
    from altar.isolate._worker import Worker

__all__ = ["Roster", "Ticket"]


class Ticket:
    """A place in the queue. ``wake`` is called once ``worker`` or ``refusal`` is there, and
    again until its owner has left; it says False when nobody can be woken any more.
    """

    __slots__ = ("exchange", "refusal", "wake", "worker")

    def __init__(self, exchange: Exchange, wake: Callable[[], object]) -> None:
        self.exchange = exchange
        self.wake = wake
        self.worker: Worker | None = None
        self.refusal: Callable[[], ToolResult] | None = None


class Roster:
    """At most ``size`` workers are busy; those beyond are spares, ready for the next call.

    A handler of signals may raise wherever something is called. So what changes the
    lists and the places is written without a call in between: it is done whole or not.
    """

    def __init__(self, settings: Settings) -> None:
        self._size = settings.size
        self._spares = settings.spares
        self._bound = settings.bound
        self._idle = settings.idle
        self._recycle_after = settings.recycle_after
        self.lock = allocate_lock()
        self.idle: list[Worker] = []  # the last one was used last
        self._queue: dict[Ticket, None] = {}
        self._called: dict[Ticket, None] = {}  # served, and their owners have not heard yet
        self._sessions: dict[str, Worker] = {}  # of workers that are kept for one
        self.busy = 0
        self.starting = 0
        self.closed = False

    def take(self, exchange: Exchange) -> Worker | None:
        """A free worker for this call, or None when it must wait or cannot be."""
        with self.lock:
            if self._queue or self.busy >= self._size or self.closed:
                return None
            return exchange.worker if self._give(exchange, None) else None

    def _give(self, exchange: Exchange, ticket: Ticket | None) -> bool:
        session = exchange.ctx.session_id
        at = self._choose(session)
        if at is None:
            return False
        idle = self.idle
        worker = idle[at]
        del idle[at]  # from here on nothing is called
        worker.session = session
        worker.place = BUSY
        worker.held = True
        worker.exchange = exchange
        exchange.worker = worker
        self.busy += 1
        if self._bound and session:
            self._sessions[session] = worker
        if ticket is not None:
            ticket.worker = worker
            del self._queue[ticket]
            self._called[ticket] = None
        return True

    def _choose(self, session: str) -> int | None:
        """Which of the idle ones."""
        idle = self.idle
        at = -1
        if self._bound and session:
            kept = self._sessions.get(session)
            if kept is not None:
                if kept.place != IDLE:
                    return None
                at = idle.index(kept)
            else:
                at = next((i for i in reversed(range(len(idle))) if not idle[i].session), -2)
                if at == -2 or len(self._sessions) >= self._size:
                    return None
        elif self._bound:
            at = next((i for i in reversed(range(len(idle))) if not idle[i].session), -2)
            if at == -2:
                return None
        elif not idle:
            return None
        elif session and idle[-1].session != session:
            at = next((i for i in reversed(range(len(idle))) if idle[i].session == session), -1)
        return at

    def join(self, ticket: Ticket) -> bool:
        """Wait in the queue; False when every worker is kept for another session."""
        session = ticket.exchange.ctx.session_id
        with self.lock:
            full = self._bound and session not in self._sessions
            if full and len(self._sessions) >= self._size:
                return False
            self._queue[ticket] = None
            woken = self._serve()
        _wake(woken)
        return True

    def leave(self, ticket: Ticket) -> bool:
        """Leave the queue; False when the ticket was served in this very moment."""
        with self.lock:
            if ticket in self._called:
                del self._called[ticket]
                return False
            if ticket in self._queue:
                del self._queue[ticket]
                return True
            return ticket.worker is None and ticket.refusal is None

    def refuse_all(self, refusal: Callable[[Ticket], Callable[[], ToolResult]]) -> None:
        """Answer everybody who waits."""
        with self.lock:
            woken = list(self._queue)
            for ticket in woken:
                self._refuse(ticket, refusal(ticket))
        _wake(woken)

    def _refuse(self, ticket: Ticket, refusal: Callable[[], ToolResult]) -> None:
        ticket.refusal = refusal
        del self._queue[ticket]
        self._called[ticket] = None

    def forget(self, exchange: Exchange) -> None:
        """Take a call out that nobody makes any more."""
        with self.lock:
            for ticket in [*self._queue, *self._called]:
                if ticket.exchange is exchange:
                    self._queue.pop(ticket, None)
                    self._called.pop(ticket, None)
            woken = self._serve()
        _wake(woken)

    def mend(self, late: Callable[[Ticket], Callable[[], ToolResult]]) -> bool:
        """Undo what an interrupted thread or a loop that stopped left in the queue; whether
        there was anything. ``late`` answers for those whose time is over.
        """
        if not (self._queue or self._called):
            return False
        with self.lock:
            tickets = [*self._queue, *self._called]
            for ticket in tickets:
                if ticket.exchange.forsaken():
                    self._queue.pop(ticket, None)
                    self._called.pop(ticket, None)
                elif ticket in self._queue and ticket.exchange.is_overdue():
                    self._refuse(ticket, late(ticket))
            self._serve()
            woken = list(self._called)
        _wake(woken)
        return True

    def _serve(self) -> list[Ticket]:
        woken: list[Ticket] = []
        if not self._queue or self.busy >= self._size:
            return woken
        for ticket in list(self._queue) if self._bound else [*islice(self._queue, self._size)]:
            if self.busy >= self._size:
                break
            if self._give(ticket.exchange, ticket):
                woken.append(ticket)
            elif not self._bound:
                break
        return woken

    def add(self, worker: Worker) -> None:
        """A worker is ready for its first call."""
        with self.lock:
            if worker.place == STARTING:
                self.starting -= 1
                worker.place = IDLE
                worker.idle_since = monotonic()
                self.idle.insert(0, worker)  # a warm one is taken before it
            woken = self._serve()
        _wake(woken)

    def back(self, worker: Worker) -> bool:
        """A call has ended in good order; False when the worker is to be replaced instead."""
        worker.calls += 1
        now = monotonic()
        with self.lock:
            if worker.place != BUSY:
                return False
            kept = self._bound and worker.session
            if not kept and (worker.is_changed or worker.calls == self._recycle_after):
                return False
            worker.exchange = None
            worker.held = False
            self.busy -= 1
            worker.place = IDLE
            worker.idle_since = now
            self.idle += [worker]  # no append: nothing is called in here
            if not self._queue:
                return True
            woken = self._serve()
        _wake(woken)
        return True

    def drop(self, worker: Worker, exchange: Asked | None = None, *, why: str = "") -> bool:
        """Give a worker up, whatever its place; False when it was given up before.

        With ``exchange``: only if it still works on that, and no other call is hurt.
        """
        with self.lock:
            if worker.place == GONE or (exchange is not None and worker.exchange is not exchange):
                return False
            at = self.idle.index(worker) if worker.place == IDLE else -1
            kept = self._sessions.get(worker.session) is worker
            if worker.place == BUSY:
                self.busy -= 1
            elif at >= 0:
                del self.idle[at]
            else:
                self.starting -= 1
            worker.place = GONE
            worker.why = why
            if kept:
                del self._sessions[worker.session]
            woken = self._serve()
        _wake(woken)
        return True

    def let_go(self, worker: Worker) -> None:
        """The caller's thread has done with a worker's files."""
        with self.lock:
            worker.held = False
            if worker.is_reaped:
                worker.close()

    def reaped(self, worker: Worker) -> None:
        """The process is gone: close its files, once its caller has done with them."""
        with self.lock:
            worker.is_reaped = True
            exchange = worker.exchange  # its caller may be no more
            if not worker.held or (exchange is not None and exchange.forsaken()):
                worker.close()

    def drop_idle(self, worker: Worker, why: str) -> bool:
        """Give a worker up unless it has a call by now."""
        with self.lock:
            if worker.place != IDLE or (self._bound and worker.session):
                return False
            at = self.idle.index(worker)
            del self.idle[at]
            worker.place = GONE
            worker.why = why
        return True

    def tell_spare(self, worker: Worker, data: bytes) -> None:
        """Send a word to a worker that had no call, unless it has one by now."""
        with self.lock:
            if worker.place == IDLE and not worker.calls:
                with suppress(OSError):  # dead, which its first call would find out as well
                    worker.sock.send(data)

    def kept_for(self, session: str) -> Worker | None:
        """The worker that is kept for a session."""
        with self.lock:
            return self._sessions.get(session)

    def missing(self) -> tuple[int, int]:
        """How many more workers the waiting calls need, and how many the spares."""
        with self.lock:
            if self.closed:
                return 0, 0
            free = sum(1 for worker in self.idle if not (self._bound and worker.session))
            kept = len(self.idle) - free
            needed = max(0, min(len(self._queue), self._size - self.busy) - free - self.starting)
            room = self._size + self._spares - self.busy - kept - free - self.starting
            spare = self._spares - free - self.starting
            if self.busy or self._recent():
                total = self.busy + free + self.starting
                spare = max(spare, 1 + self._spares - total)
            return min(needed, room), min(spare, room)

    def _recent(self) -> bool:
        """Whether a call was answered just now: then a worker is kept beside the spares."""
        used = max((worker.idle_since for worker in self.idle if worker.calls), default=None)
        return used is not None and (self._idle is None or monotonic() < used + self._idle)

    def short(self) -> bool:
        """Whether the supervisor should start somebody; a guess, made without the lock."""
        if self._bound:
            return any(count > 0 for count in self.missing())
        free = len(self.idle) + self.starting
        return free < self._spares or free + self.busy <= self._spares or bool(self._queue)

    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._queue)

    def close(self) -> None:
        """Hand out no worker any more."""
        with self.lock:
            self.closed = True


def _wake(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        ticket.wake()
