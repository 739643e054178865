"""What wrappers wait for, in a thread or on an event loop: a pause, a turn, another runtime."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from altar.runtime._pool import default_pool

if TYPE_CHECKING:
    from contextvars import Token

    from altar.adm import FunctionCall, ToolResult
    from altar.resilience import Clock, Place
    from altar.runtime._protocol import CallContext, Cancellation, Runtime

__all__ = ["Elsewhere", "Pause", "Turn", "at_most", "held_places", "holds_a_place", "restore"]

# the slots the current context's callers hold: a call within a call must not wait for one of them
held_places: ContextVar[tuple[Place, ...]] = ContextVar("altar_slots", default=())


class Pause:
    """Some seconds in which nothing is done; a raised flag ends them."""

    __slots__ = ("_cancelled", "_clock", "_seconds")

    def __init__(self, clock: Clock, seconds: float, cancelled: Cancellation) -> None:
        self._clock = clock
        self._seconds = seconds
        self._cancelled = cancelled

    def run(self) -> None:
        # a thread of the pool that waits counts as free, or waiting calls could
        # hold every thread that the call they wait for needs
        with default_pool().blocking():
            self._clock.wait(self._seconds, self._cancelled)

    async def arun(self) -> None:
        await self._clock.await_(self._seconds, self._cancelled)


class Turn:
    """The wait for a slot; comes to whether there is one."""

    __slots__ = ("_cancelled", "_max_wait", "_place")

    def __init__(self, place: Place, max_wait: float | None, cancelled: Cancellation) -> None:
        self._place = place
        self._max_wait = max_wait
        self._cancelled = cancelled

    def run(self) -> bool:
        with default_pool().blocking():
            return self._place.wait(self._max_wait, self._cancelled)

    async def arun(self) -> bool:
        return await self._place.await_(self._max_wait, self._cancelled)


class Elsewhere:
    """A call that another runtime than the wrapper's own carries out."""

    __slots__ = ("_call", "_ctx", "_runtime")

    def __init__(self, runtime: Runtime, call: FunctionCall, ctx: CallContext) -> None:
        self._runtime = runtime
        self._call = call
        self._ctx = ctx

    def run(self) -> ToolResult:
        return self._runtime.invoke(self._call, self._ctx)

    async def arun(self) -> ToolResult:
        return await self._runtime.ainvoke(self._call, self._ctx)


def at_most(max_wait: float | None, ctx: CallContext, clock: Clock) -> float | None:
    """How long a call may wait: ``max_wait``, and no longer than its deadline."""
    if ctx.deadline is None:
        return max_wait
    left = max(0.0, ctx.deadline - clock.now())
    return left if max_wait is None else min(max_wait, left)


def holds_a_place() -> bool:
    """Whether a caller of the current call holds a slot of some limit."""
    above = held_places.get()
    return bool(above) and any(place.held for place in above)


def restore(variable: ContextVar[Any], token: Token[Any]) -> None:
    """Set a context variable back, also where what set it is closed by another context."""
    with suppress(ValueError):  # a generator that was dropped: that context is gone
        variable.reset(token)
