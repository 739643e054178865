"""MemoryWatch: looks at the memory of workers while calls run, and not at all when none does."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._processes import bearers, family, resident, shared_out
from altar.isolate._worker import BUSY, IDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.isolate._asked import Asked
    from altar.isolate._worker import Worker

__all__ = ["MemoryWatch"]

_EVERY = 0.025  # seconds between two looks
_SELDOM = 0.1  # where no call has a limit
_QUIET = 8  # looks without a call before it stops looking
_WIDE = 20  # each so many looks, children whose parent has ended are sought as well
_GROWN = 1_000_000_000  # bytes an idle worker may have grown by where there is no limit
_FULL = 0.75  # of what the limit leaves beside its modules: then an idle worker is replaced
_LEAST = 16_000_000  # bytes that it may grow by in any case


class MemoryWatch:
    """``over`` is called with a worker, its call (None: idle) and the bytes it holds."""

    def __init__(self, over: Callable[[Worker, Asked | None, int], None]) -> None:
        self._over = over
        self._quiet = 0
        self._looks = 0
        self._limits: dict[int, int] = {}  # the last limit of each worker, by pid
        self.active = False
        self.next_at = 0.0

    def baseline(self, pid: int) -> int:
        """What a worker holds before its first call."""
        return resident(pid)

    def tick(self, now: float, workers: dict[int, Worker]) -> None:
        """Look, when it is time."""
        if not self.active or now < self.next_at:
            return
        self._looks += 1
        seen = [self._look(worker) for worker in list(workers.values())]
        self._quiet = 0 if any(seen) else self._quiet + 1
        self.next_at = monotonic() + (_SELDOM if self._quiet and not self._limits else _EVERY)
        if self._quiet < _QUIET:
            return
        self._quiet = 0
        self.active = False
        for worker in list(workers.values()):
            if worker.place == BUSY and worker.exchange is not None:
                self.active = True  # it began in this very moment
            elif worker.place == IDLE:
                self._weigh_idle(worker)
        self._limits = {pid: self._limits[pid] for pid in self._limits if pid in workers}

    def _look(self, worker: Worker) -> bool:
        """Whether it has a call with a limit."""
        exchange = worker.exchange
        if worker.place != BUSY or exchange is None or not exchange.limit:
            return False
        limit = exchange.limit
        self._limits[worker.pid] = limit
        pids = family(worker.pid)
        if self._looks % _WIDE == 0:
            pids = list({*pids, *bearers(f"{worker.mark}\0")})
        held = sum(map(resident, pids))
        if held > limit and len(pids) > 1:
            held = shared_out(pids)  # forked children share their pages
        if held > limit:
            self._over(worker, exchange, held)
        return True

    def _weigh_idle(self, worker: Worker) -> None:
        limit = self._limits.get(worker.pid)
        held = resident(worker.pid)
        base = worker.resident  # what its modules need is no growth
        room = _GROWN if limit is None else max(_LEAST, (limit - base) * _FULL)
        if held > base + room:
            self._over(worker, None, held)
