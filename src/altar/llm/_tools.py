"""Timed: a runtime wrapper that tells what came of each call, and how long it took."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.llm._turn import Turn
    from altar.runtime import CallContext, Runtime

__all__ = ["Timed", "contexts"]


class Timed:
    """Runs calls in ``runtime`` and hands (turn, result, seconds) to ``done`` as they end."""

    __slots__ = ("_done", "_runtime", "_turns")

    def __init__(
        self,
        runtime: Runtime,
        turns: list[Turn],
        done: Callable[[Turn, ToolResult, float], object],
    ) -> None:
        self._runtime = runtime
        self._turns = {id(turn.call): turn for turn in turns}
        self._done = done

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call."""
        started = perf_counter()
        result = self._runtime.invoke(call, ctx)
        self._done(self._turns[id(call)], result, perf_counter() - started)
        return result

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop."""
        started = perf_counter()
        result = await self._runtime.ainvoke(call, ctx)
        self._done(self._turns[id(call)], result, perf_counter() - started)
        return result


def contexts(
    shared: CallContext, turns: list[Turn], emit: Callable[[Turn, object], None] | None = None
) -> list[CallContext]:
    """One context per call: the shared one, or a copy whose progress names its call."""
    if emit is None:
        return [shared] * len(turns)
    return [shared.replace(emit=partial(emit, turn)) for turn in turns]
