"""What a wrapper costs per call: ``python -m benchmarks.wrappers``.

Each figure is CPU time in microseconds, the least of several blocks; the wrapped
and the bare runtime take turns, and what is shown is the difference. "Trivial"
is a runtime that returns one result, "local" a LocalRuntime with one tool that
adds two numbers. A timeout around a synchronous call needs a thread; it is shown
beside ``ThreadPoolExecutor.submit(...).result()`` of the same call in the same
run. Decisions are those of altar.resilience alone.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from altar.adm import FunctionCall, ToolResult
from altar.later import LocalRuntime
from altar.resilience import CircuitBreaker, Slots, TokenBucket
from altar.runtime import (
    Approval,
    Breaker,
    Bulkhead,
    Cache,
    CallContext,
    ConcurrencyLimit,
    Fallback,
    Observe,
    RateLimit,
    Retry,
    Runtime,
    Steps,
    Timeout,
    Wrapper,
)
from benchmarks.harness._blocks import best_of, best_of_async

BLOCK_SECONDS = 0.02


class Trivial:
    """Answers every call with the same result."""

    honours_deadline = True

    def __init__(self) -> None:
        self.result = ToolResult(name="add", content=3)

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        return self.result

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        return self.result


class Foreign(Trivial):
    """The same, of somebody who knows no deadlines."""

    honours_deadline = False


class Through(Wrapper):
    """The least a wrapper can be."""

    __slots__ = ()

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        result: ToolResult = yield ctx
        return result


WRAPPERS: dict[str, Callable[[Runtime], Runtime]] = {
    "pass-through": Through,
    "Retry": Retry,
    "Fallback": lambda inner: Fallback(inner, Trivial()),
    "Approval": lambda inner: Approval(inner, lambda call: True),
    "Breaker": Breaker,
    "RateLimit": lambda inner: RateLimit(inner, 1e9),
    "ConcurrencyLimit": lambda inner: ConcurrencyLimit(inner, 4),
    "Bulkhead": lambda inner: Bulkhead(inner, 4),
    "Observe": lambda inner: Observe(inner, lambda told: None),
    "Cache (a hit)": lambda inner: Cache(inner, 3600, only=["add", "aadd"]),
    "Timeout": lambda inner: Timeout(inner, 60),
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def aadd(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _call(name: str) -> FunctionCall:
    return FunctionCall(name=name, args={"a": 1, "b": 2})


def _sync(runtime: Runtime, name: str = "add") -> tuple[Callable[[Any], Any], Any]:
    call, ctx = _call(name), CallContext()
    invoke = runtime.invoke
    return lambda _: invoke(call, ctx), None


def _asynced(runtime: Runtime, bare: Runtime, name: str) -> float:
    """Microseconds that ``runtime`` costs above ``bare``, awaited."""

    async def measure() -> float:
        call, ctx = _call(name), CallContext()
        found = []
        for one in (bare, runtime, bare, runtime):
            ainvoke = one.ainvoke

            async def awaited(_: None, ainvoke: Any = ainvoke) -> None:
                await ainvoke(call, ctx)

            best = await best_of_async(awaited, None, (_nothing, None), blocks=8)
            found.append(best[0])
        return min(found[1], found[3]) - min(found[0], found[2])

    return asyncio.run(measure()) * 1e6


def _nothing(_: None) -> None:
    return None


def _above(runtime: Runtime, bare: Runtime) -> float:
    with_, without = best_of([_sync(runtime), _sync(bare)], block_seconds=BLOCK_SECONDS)
    return (with_ - without) * 1e6


def wrappers() -> None:
    """The table of wrappers, above the bare runtime."""
    print(f"{'us per call above the bare runtime':36}{'trivial':>20}{'local':>20}")
    print(f"{'':36}{'sync':>10}{'async':>10}{'sync':>10}{'async':>10}")
    for name, wrap in WRAPPERS.items():
        trivial, local = Trivial(), LocalRuntime([add, aadd])
        figures = [
            _above(wrap(trivial), trivial),
            _asynced(wrap(trivial), trivial, "add"),
            _above(wrap(local), local),
            _asynced(wrap(local), local, "aadd"),
        ]
        print(f"{name:36}" + "".join(f"{figure:10.2f}" for figure in figures))
    foreign = Foreign()
    figure = _asynced(Timeout(foreign, 60), foreign, "add")
    print(f"{'Timeout, a runtime without deadlines':36}{'':10}{figure:10.2f}")


def threads() -> None:
    """A timeout around a synchronous call, beside a thread pool's submit and result."""
    print(f"\n{'us per call, whole':36}{'Timeout':>10}{'pool':>10}{'ratio':>10}")
    with ThreadPoolExecutor(4) as pool:
        for name, inner in (("foreign", Foreign()), ("local", LocalRuntime([add]))):
            call, ctx = _call("add"), CallContext()
            invoke = inner.invoke

            def submitted(_: None, invoke: Any = invoke, call: Any = call, ctx: Any = ctx) -> None:
                pool.submit(invoke, call, ctx).result()

            pair = [_sync(Timeout(inner, 60)), (submitted, None)]
            timed, plain = best_of(pair, blocks=20, block_seconds=0.05)
            print(f"{name:36}{timed * 1e6:10.2f}{plain * 1e6:10.2f}{timed / plain:10.2f}")


def decisions() -> None:
    """What altar.resilience takes to decide."""
    breaker, bucket, slots = CircuitBreaker(), TokenBucket(1e9), Slots(4)

    def tried(_: None) -> None:
        breaker.allow()
        breaker.succeed()

    def placed(_: None) -> None:
        place = slots.enter()
        if place is not None:
            place.leave()

    names = ("CircuitBreaker: allow, succeed", "TokenBucket: take", "Slots: enter, leave")

    def taken(_: None) -> None:
        bucket.take()

    calls: list[tuple[Callable[[Any], Any], Any]]
    calls = [(tried, None), (taken, None), (placed, None)]
    print(f"\n{'us per decision':36}")
    for name, seconds in zip(names, best_of(calls), strict=True):
        print(f"{name:36}{seconds * 1e6:10.2f}")


if __name__ == "__main__":
    wrappers()
    threads()
    decisions()
