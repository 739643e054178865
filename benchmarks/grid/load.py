"""Load: closed loops, which ask as fast as they are answered, and open ones, which do not wait."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

Call = Callable[[], Awaitable[object]]
Pids = dict[str, list[int]]
_TICK = 0.001
WARM = 200  # calls before the clock starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run measured: calls a second, latencies in milliseconds, failures, CPU per call."""

    rate: float
    p50: float
    p99: float
    failed: int
    cpu: dict[str, float]  # microseconds by what the process is; "client" is this one

    @property
    def cpu_total(self) -> float:
        """CPU of all processes for one call, in microseconds."""
        return sum(self.cpu.values())


def summed(took: list[float], seconds: float, failed: int, cpu: dict[str, float]) -> Figures:
    """The figures of these latencies in seconds."""
    took.sort()
    count = len(took)

    def at(share: float) -> float:
        return took[min(count - 1, int(count * share))] * 1000 if count else float("nan")

    each = {name: used / max(count, 1) * 1e6 for name, used in cpu.items()}
    return Figures(rate=count / seconds, p50=at(0.5), p99=at(0.99), failed=failed, cpu=each)


async def closed(call: Call, *, inflight: int, seconds: float, pids: Pids) -> Figures:
    """``inflight`` callers, each asking again when it was answered."""
    took: list[float] = []
    failed = 0
    clock = time.perf_counter
    for _ in range(WARM):
        await call()
    cpu = cpu_used(pids)
    began = clock()
    end = began + seconds

    async def caller() -> None:
        nonlocal failed
        while clock() < end:
            sent = clock()
            try:
                await call()
            except Exception:  # noqa: BLE001 - counted
                failed += 1
            else:
                took.append(clock() - sent)

    await asyncio.gather(*(caller() for _ in range(inflight)))
    return summed(took, clock() - began, failed, since(pids, cpu))


async def opened(call: Call, *, rate: float, seconds: float, pids: Pids) -> Figures:
    """Calls at a rate, answered or not; latency counts from when a call was due."""
    took: list[float] = []
    failed = 0
    tasks: set[asyncio.Task[None]] = set()
    clock = time.perf_counter
    for _ in range(WARM):
        await call()

    async def one(due: float) -> None:
        nonlocal failed
        try:
            await call()
        except Exception:  # noqa: BLE001 - counted
            failed += 1
        else:
            took.append(clock() - due)

    cpu = cpu_used(pids)
    began = clock()
    sent = 0
    while (passed := clock() - began) < seconds:
        while sent < passed * rate:
            task = asyncio.ensure_future(one(began + sent / rate))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(_TICK)
    if tasks:
        await asyncio.wait(tasks, timeout=10)
    return summed(took, clock() - began, failed + len(tasks), since(pids, cpu))


def cpu_used(pids: Pids) -> dict[str, float]:
    """CPU seconds that this process and the given ones have used."""
    return {"client": time.process_time(), **{name: _used(some) for name, some in pids.items()}}


def since(pids: Pids, before: dict[str, float]) -> dict[str, float]:
    """What they have used since then."""
    return {name: used - before[name] for name, used in cpu_used(pids).items()}


def _used(pids: list[int]) -> float:
    total = 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total
