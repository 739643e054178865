"""Crew: a pool's workers and their supervisor, and what is done about a call that goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.isolate import _answers as answers
from altar.isolate._exchange import MEGABYTE, Exchange, RetiredError
from altar.isolate._inbox import OverLimitError
from altar.isolate._roster import Roster, Ticket
from altar.isolate._spawn import WORKER
from altar.isolate._supervisor import Supervisor
from altar.trace import event, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.isolate._settings import Settings
    from altar.isolate._target import Target
    from altar.isolate._wire import WireError
    from altar.isolate._worker import Worker, WorkerError
    from altar.runtime import CallContext

__all__ = ["Crew"]

_PARTING = 0.05  # seconds between the end of a worker's socket and its own end
_CLOSING = 5.0


class Crew:
    """Nothing in here waits; the two drivers (_talk, _atalk) do."""

    def __init__(
        self, settings: Settings, *, program: tuple[str, str] = WORKER, pidfd: bool = True
    ) -> None:
        self.settings = settings
        self._program = program
        self._pidfd = pidfd
        self.calls = 0
        self.fresh()

    def fresh(self) -> None:
        """Begin with nobody: at first, and in the child of a fork."""
        self.roster = Roster(self.settings)
        self._supervisor: Supervisor | None = None
        self._running: Supervisor | None = None

    def disown(self) -> None:
        """In the child of a fork: close what was the parent's, and begin with nobody."""
        closed = self.roster.closed
        if self._supervisor is not None:
            self._supervisor.disown()
        self.fresh()
        self.roster.closed = closed

    # before a call

    def open(self, call: FunctionCall, ctx: CallContext, target: Target) -> Exchange | ToolResult:
        """The call, ready to be sent, or what it is answered at once."""
        megabytes = target.memory_mb or self.settings.memory_mb or 0
        exchange = Exchange(call, ctx, target, megabytes * MEGABYTE)
        exchange.is_kept = self.settings.bound and ctx.session_id != ""
        if self.roster.closed:
            return answers.closed(call)
        if self._running is None:
            try:
                self.supervisor()
            except (OSError, RuntimeError) as error:  # no descriptor or no thread is left
                return answers.not_started(call, error)
        refusal = exchange.refusal()
        return exchange if refusal is None else refusal

    def take(self, exchange: Exchange) -> Worker | None:
        """A free worker, or None: then queue."""
        worker = self.roster.take(exchange)
        if worker is not None:
            self.begin(worker, exchange)
        return worker

    def begin(self, worker: Worker, exchange: Exchange) -> None:
        """A worker was taken."""
        supervisor = self.supervisor()
        worker.inbox.bound(exchange.target.max_bytes)
        if worker.output:
            worker.output.clear()  # it is no word of this call's
        if not supervisor.watching:
            supervisor.watch()
        if self.roster.short():
            supervisor.look()

    def queue(self, ticket: Ticket) -> ToolResult | None:
        """Wait in the queue; what is answered where waiting is in vain."""
        call = ticket.exchange.call
        if not self.roster.join(ticket):
            return answers.no_room(call, self.settings.size)
        self.supervisor().look()
        if self.roster.closed and self.roster.leave(ticket):
            return answers.closed(call)
        return None

    def called(self, ticket: Ticket, seconds: float) -> ToolResult | None:
        """Waiting is over: the exchange has its worker, or what it is answered."""
        exchange = ticket.exchange
        if self.roster.leave(ticket):
            reason = exchange.ctx.cancelled.reason
            if reason is not None:
                return answers.cancelled(exchange, reason)
            return answers.timed_out(exchange, seconds, began=False)
        if ticket.worker is None:
            assert ticket.refusal is not None
            return ticket.refusal()
        self.begin(ticket.worker, exchange)
        if switch.tracer is not None:
            event("queued", {"wait_s": seconds})
        return None

    def supervisor(self) -> Supervisor:
        """The supervisor, started with the first call."""
        return self._running or self._start()

    def _start(self) -> Supervisor:
        with self.roster.lock:
            found = self._supervisor
            if found is None:
                found = self._supervisor = Supervisor(
                    self.settings,
                    self.roster,
                    self._stuck,
                    self._late,
                    program=self._program,
                    pidfd=self._pidfd,
                )
        found.start()
        self._running = found
        return found

    def _late(self, ticket: Ticket) -> Callable[[], ToolResult]:
        return lambda: answers.timed_out_waiting(ticket.exchange)

    def _stuck(self, error: WorkerError) -> None:
        def refusal(ticket: Ticket) -> Callable[[], ToolResult]:
            return lambda: answers.not_started(ticket.exchange.call, error)

        self.roster.refuse_all(refusal)

    # after a call

    def settle(self, worker: Worker) -> None:
        """The worker answered: it is free for the next call, or replaced."""
        self.calls += 1
        worker.inbox.shrink()
        supervisor = self.supervisor()
        if supervisor.doubt:
            supervisor.trust()
        if self.roster.back(worker):
            return
        if self.roster.drop(worker, why="recycled"):
            supervisor.retire(worker)
        self.roster.let_go(worker)

    def expire(self, worker: Worker, exchange: Exchange) -> ToolResult:
        """The deadline passed: kill the worker."""
        self._kill(worker, "timeout")
        return answers.timed_out(exchange, exchange.took())

    def stop(self, worker: Worker, exchange: Exchange) -> ToolResult:
        """The call was cancelled: have the worker stop it, or be killed."""
        reason = exchange.ctx.cancelled.reason
        self.roster.let_go(worker)
        self.supervisor().drain(worker, exchange, reason or "")
        exchange.worker = None  # it is the supervisor's now
        return answers.cancelled(exchange, reason)

    def breach(self, worker: Worker, exchange: Exchange, error: WireError) -> ToolResult | None:
        """The worker said what it may not say: kill it. None: it only said that it ends."""
        if isinstance(error, RetiredError):
            if self.roster.drop(worker, why="recycled"):
                self.supervisor().retire(worker)
            self.roster.let_go(worker)
            return None
        self._kill(worker, "protocol")
        if isinstance(error, OverLimitError):
            return answers.too_large(exchange, error.size, exchange.target.max_bytes)
        return answers.unreadable(exchange, error)

    def release(self, exchange: Exchange) -> None:
        """Its caller broke off, nobody knows how far it came: kill the worker it still has.

        ``exchange.over`` is set; should this be interrupted as well, the supervisor
        does it by that.
        """
        self.roster.forget(exchange)
        worker = exchange.worker
        if worker is None:
            return
        if self.roster.drop(worker, exchange, why="abandoned"):
            self._tell(worker, "abandoned")
            self.supervisor().kill(worker)
        if worker.exchange is exchange:  # no other call has it by now
            self.roster.let_go(worker)

    def release_later(self, exchange: Exchange) -> None:
        """As :meth:`release`, from wherever a collector runs: no lock is taken here."""
        if self._running is not None:
            self._running.post(lambda: self.release(exchange))

    def lost(self, worker: Worker) -> None:
        """The worker's socket has ended; it has a moment to end too."""
        self.roster.drop(worker)
        self.supervisor().kill_soon(worker, _PARTING)

    def mourn(self, worker: Worker, exchange: Exchange) -> ToolResult | None:
        """What a call is answered whose worker has ended; None: it never had the call."""
        self.roster.let_go(worker)
        why = worker.why
        if not exchange.sent and not why and exchange.again():
            return None
        if why == "closed":
            return answers.closed(exchange.call)
        if why == "timeout":
            return answers.timed_out(exchange, exchange.took())
        how = worker.ended()
        if why == "memory":
            self._tell(worker, "memory")
            cause = worker.error("the worker was killed: it held more memory than it may")
            return answers.too_much_memory(exchange, exchange.limit, cause)
        self._tell(worker, how)
        return answers.died(exchange, how, worker.error(f"the worker died: {how}"))

    def _kill(self, worker: Worker, why: str) -> None:
        self._tell(worker, why)
        self.roster.drop(worker, why=why)
        self.roster.let_go(worker)
        self.supervisor().kill(worker)

    def _tell(self, worker: Worker, why: str) -> None:
        if switch.tracer is not None:
            event("worker_killed", {"why": why, "pid": worker.pid})

    # the whole

    def end_session(self, session_id: str) -> None:
        """Replace the worker that was kept for a session."""
        worker = self.roster.kept_for(session_id)
        if worker is not None and self.roster.drop(worker, why="closed"):
            self.supervisor().retire(worker)

    def stats(self) -> dict[str, int]:
        """Figures of this moment, and counts since the pool was made."""
        roster, supervisor = self.roster, self._supervisor
        counts = {"started": 0, "killed": 0, "recycled": 0, "died": 0}
        if supervisor is not None:
            counts |= supervisor.counts
        workers = len(roster.idle) + roster.busy + roster.starting
        waiting = roster.waiting()
        return {
            "workers": workers, "busy": roster.busy, "waiting": waiting, "calls": self.calls,
            **counts,
        }  # fmt: skip

    def close(self) -> None:
        """Kill all, and wait until they are gone."""
        supervisor = self._supervisor
        if supervisor is not None and supervisor.is_current():
            # the garbage collector found the pool in that thread, which may hold the lock
            supervisor.post(self._shut)
            return
        self._shut()
        if supervisor is not None:
            supervisor.join(_CLOSING)

    def _shut(self) -> None:
        self.roster.close()
        self.roster.refuse_all(lambda ticket: lambda: answers.closed(ticket.exchange.call))
        if self._supervisor is not None:
            self._supervisor.stop()
