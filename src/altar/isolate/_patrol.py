"""Patrol: finds what interrupted threads and stopped event loops left behind."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._worker import BUSY, GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.isolate._roster import Roster, Ticket
    from altar.isolate._worker import Worker

__all__ = ["patrol"]

_MOMENT = 0.1  # seconds


def patrol(
    roster: Roster,
    workers: dict[int, Worker],
    late: Callable[[Ticket], Callable[[], ToolResult]],
    do_posted: Callable[[], None],
    kill: Callable[[Worker], None],
) -> bool:
    """Kill a worker that is given up and lives, or has a call that nobody makes or nobody
    ends; mend the queue. Whether anybody is served or waits, and it must be done again.
    """
    is_used = roster.mend(late) or any(worker.place == BUSY for worker in workers.values())
    found = [(worker, worker.exchange) for worker in workers.values() if _is_left(worker)]
    if found:
        do_posted()  # it may be about to be said
    for worker, exchange in found:
        if worker.place == GONE:
            if not worker.is_doomed:  # who gave it up has a moment left to say how it ends
                worker.is_doomed = True
                worker.kill_at = monotonic() + _MOMENT
        elif exchange is not None and worker.exchange is exchange:
            why = "abandoned" if exchange.forsaken() else "timeout"
            if roster.drop(worker, exchange, why=why):
                kill(worker)
    return is_used


def _is_left(worker: Worker) -> bool:
    if worker.place == GONE:
        return not worker.is_doomed
    exchange = worker.exchange
    if worker.place != BUSY or exchange is None:
        return False
    return exchange.forsaken() or exchange.is_overdue()
