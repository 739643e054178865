"""What a call in a worker process costs: ``python -m benchmarks.isolation``.

Side by side in one run, in turns: the standard library's ProcessPoolExecutor
(submit and result), a bare socket pair between two processes, and a pool of
altar's with its limits on, sync and async. Each figure is the best of its turns,
in microseconds a call; then the first call of all, and the time from the death
of a worker to the answer of the next call.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic, perf_counter

from altar import tool
from altar.adm import FunctionCall
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext

CALLS, TURNS = 300, 12
MODULE = "benchmarks.isolation"


@tool
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@tool
def where() -> int:
    """The process that answers."""
    return os.getpid()


def main() -> None:
    pool = ProcessPool(size=2, memory_mb=512)
    ask = asker(pool)
    began = perf_counter()
    ask()
    cold = perf_counter() - began
    executor = ProcessPoolExecutor(2, mp_context=get_context("forkserver"))
    ours, child = bare()
    try:
        ways = {
            "executor": lambda: executor.submit(sum, (1, 2)).result(),
            "socket pair": lambda: (ours.send(b"x" * 200), ours.recv(4096)),
            "altar": ask,
        }
        best = dict.fromkeys([*ways, "altar async"], 1e9)
        for _ in range(TURNS):
            for name, way in ways.items():
                best[name] = min(best[name], timed(way))
            best["altar async"] = min(best["altar async"], asyncio.run(timed_async(pool)))
        recovery = max(recover(pool, ask) for _ in range(5))
        show(best, cold, recovery)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ours.close()
        executor.shutdown()
        pool.close()


def asker(pool: ProcessPool):
    target = Target(f"{MODULE}:add", timeout=5.0, memory_mb=256)

    def ask() -> None:
        ctx = CallContext(deadline=monotonic() + 10)
        call = FunctionCall(name="add", args={"a": 1, "b": 2})
        assert pool.invoke(call, ctx, target=target).content == 3

    return ask


async def timed_async(pool: ProcessPool) -> float:
    target = Target(f"{MODULE}:add", timeout=5.0, memory_mb=256)
    began = perf_counter()
    for _ in range(CALLS):
        ctx = CallContext(deadline=monotonic() + 10)
        call = FunctionCall(name="add", args={"a": 1, "b": 2})
        await pool.ainvoke(call, ctx, target=target)
    return (perf_counter() - began) / CALLS * 1e6


def timed(way) -> float:
    began = perf_counter()
    for _ in range(CALLS):
        way()
    return (perf_counter() - began) / CALLS * 1e6


def recover(pool: ProcessPool, ask) -> float:
    """Seconds from a kill until the next call is answered."""
    target = Target(f"{MODULE}:where")
    pid = pool.invoke(FunctionCall(name="where"), CallContext(), target=target).content
    began = perf_counter()
    os.kill(pid, signal.SIGKILL)
    ask()
    return perf_counter() - began


def bare() -> tuple[socket.socket, int]:
    """A process that sends back what comes, and the socket to it."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        while data := theirs.recv(4096):
            theirs.send(data)
        os._exit(0)
    theirs.close()
    return ours, pid


def show(best: dict[str, float], cold: float, recovery: float) -> None:
    print("| way | us a call | ratio to the executor |")
    print("|---|---|---|")
    for name, figure in best.items():
        print(f"| {name} | {figure:.1f} | {figure / best['executor']:.2f} |")
    print(f"\nfirst call: {cold * 1000:.0f} ms; next answer after a kill: {recovery * 1000:.0f} ms")


if __name__ == "__main__":
    main()
