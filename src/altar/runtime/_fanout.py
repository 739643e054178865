"""Several calls at once, answered in their order."""

from __future__ import annotations

import asyncio
from _thread import allocate_lock
from contextvars import copy_context
from typing import TYPE_CHECKING

from altar.runtime._pool import Gate, PoolExhaustedError, default_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Context

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime

__all__ = ["ainvoke_many", "invoke_many"]


def invoke_many(
    runtime: Runtime,
    calls: Sequence[FunctionCall],
    contexts: Sequence[CallContext],
    *,
    max_concurrency: int = 8,
    done: Callable[[int, ToolResult], None] | None = None,
) -> list[ToolResult]:
    """Carry out ``calls``, each with its context, at most ``max_concurrency`` at once.

    The results stand in the order of the calls. ``done(index, result)`` is
    told of each as it ends, from the thread that ran it. The calling thread
    works too, so that this ends even when the pool has no thread to spare.
    """
    if len(calls) == 1:
        result = runtime.invoke(calls[0], contexts[0])
        if done is not None:
            done(0, result)
        return [result]
    fan = _Fan(runtime, calls, contexts, done)
    pool = default_pool()
    for _ in range(min(len(calls), max_concurrency) - 1):
        try:
            pool.submit(fan.help)
        except PoolExhaustedError:
            break  # fewer helpers, the same results
    try:
        fan.work()
        with pool.blocking():
            fan.finished.wait()
    except BaseException:
        fan.stop()
        raise
    return fan.collect()


async def ainvoke_many(
    runtime: Runtime,
    calls: Sequence[FunctionCall],
    contexts: Sequence[CallContext],
    *,
    max_concurrency: int = 8,
    done: Callable[[int, ToolResult], None] | None = None,
) -> list[ToolResult]:
    """As :func:`invoke_many`, on the running event loop; ``done`` is told on the loop."""
    slots = asyncio.Semaphore(max(1, max_concurrency))

    async def one(index: int) -> ToolResult:
        async with slots:
            result = await runtime.ainvoke(calls[index], contexts[index])
        if done is not None:
            done(index, result)
        return result

    if len(calls) == 1:
        return [await one(0)]
    tasks = [asyncio.create_task(one(index)) for index in range(len(calls))]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


class _Fan:
    """The calls of one fan-out: each is taken by one thread, and the last one opens the gate."""

    def __init__(
        self,
        runtime: Runtime,
        calls: Sequence[FunctionCall],
        contexts: Sequence[CallContext],
        done: Callable[[int, ToolResult], None] | None,
    ) -> None:
        self._runtime = runtime
        self._calls = calls
        self._contexts = contexts
        self._done = done
        self._results: list[ToolResult | None] = [None] * len(calls)
        self._next = 0
        self._open = len(calls)
        self._failure: BaseException | None = None
        self._lock = allocate_lock()
        self._variables: Context = copy_context()
        self.finished = Gate()
        if not calls:
            self.finished.open()

    def help(self) -> None:
        """Work in a thread of the pool, where nothing may be raised."""
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - collect() raises it where it belongs
            self._failure = error
            self.finished.open()
            self.stop()

    def work(self) -> None:
        """Carry out calls until none is left."""
        while (index := self._take()) is not None:
            call, ctx = self._calls[index], self._contexts[index]
            # a copy for each call: what one sets, its siblings must not see
            result = self._variables.copy().run(self._runtime.invoke, call, ctx)
            self._results[index] = result
            if self._done is not None:
                self._done(index, result)
            with self._lock:
                self._open -= 1
                last = self._open == 0
            if last:
                self.finished.open()

    def stop(self) -> None:
        """Begin no further call."""
        with self._lock:
            self._next = len(self._calls)

    def collect(self) -> list[ToolResult]:
        """The results in order; raises what a helper could not."""
        if self._failure is not None:
            raise self._failure
        return [result for result in self._results if result is not None]

    def _take(self) -> int | None:
        with self._lock:
            index = self._next
            if index >= len(self._calls):
                return None
            self._next = index + 1
            return index
