"""What a call in a worker process costs: ``python -m benchmarks.isolation``.

Side by side in one run, in short turns: the standard library's ProcessPoolExecutor
(submit and result; awaited by ``run_in_executor``), a bare socket pair between two
processes, a pool of altar's with its limits on, and a session's isolated tool, both
sync and async. Each figure is the best of its turns, in microseconds a call: other
work on the machine lengthens a turn and never shortens it, and turns of a few
milliseconds find its pauses. Then the first call of all, and the time from the death
of a worker to the answer of the next call.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic, perf_counter

from altar import Session, tool
from altar.adm import FunctionCall
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext

CALLS, TURNS = 60, 120
MODULE = "benchmarks.isolation"
ARGS = {"a": 1, "b": 2}


@tool
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@tool(isolate=True, timeout=5.0, memory_mb=256)
def add_apart(a: int, b: int = 1) -> int:
    """Add, in a worker."""
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
    session = Session([add_apart])
    ways: dict[str, Callable[[], object]] = {
        "executor": lambda: executor.submit(sum, (1, 2)).result(),
        "socket pair": lambda: (ours.send(b"x" * 200), ours.recv(4096)),
        "altar": ask,
        "altar, session.execute": lambda: session.execute("add_apart", ARGS).unwrap(),
    }
    try:
        best = asyncio.run(measured(ways, executor, pool, session))
        recovery = max(recover(pool, ask) for _ in range(5))
        show(best, cold, recovery)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ours.close()
        executor.shutdown()
        session.close()
        pool.close()


async def measured(
    ways: dict[str, Callable[[], object]],
    executor: ProcessPoolExecutor,
    pool: ProcessPool,
    session: Session,
) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    target = Target(f"{MODULE}:add", timeout=5.0, memory_mb=256)

    async def ask() -> None:
        ctx = CallContext(deadline=monotonic() + 10)
        result = await pool.ainvoke(FunctionCall(name="add", args=ARGS), ctx, target=target)
        assert result.content == 3

    async_ways: dict[str, Callable[[], Awaitable[object]]] = {
        "executor async": lambda: loop.run_in_executor(executor, sum, (1, 2)),
        "altar async": ask,
        "altar, session.aexecute": lambda: session.aexecute("add_apart", ARGS),
    }
    best = dict.fromkeys([*ways, *async_ways], 1e9)
    for _ in range(TURNS):
        for name, way in ways.items():
            best[name] = min(best[name], timed(way))
        for name, async_way in async_ways.items():
            best[name] = min(best[name], await timed_async(async_way))
    return best


def asker(pool: ProcessPool) -> Callable[[], None]:
    target = Target(f"{MODULE}:add", timeout=5.0, memory_mb=256)

    def ask() -> None:
        ctx = CallContext(deadline=monotonic() + 10)
        call = FunctionCall(name="add", args=ARGS)
        assert pool.invoke(call, ctx, target=target).content == 3

    return ask


def timed(way: Callable[[], object]) -> float:
    began = perf_counter()
    for _ in range(CALLS):
        way()
    return (perf_counter() - began) / CALLS * 1e6


async def timed_async(way: Callable[[], Awaitable[object]]) -> float:
    began = perf_counter()
    for _ in range(CALLS):
        await way()
    return (perf_counter() - began) / CALLS * 1e6


def recover(pool: ProcessPool, ask: Callable[[], None]) -> float:
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
