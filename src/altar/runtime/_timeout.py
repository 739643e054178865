"""Timeout: a call has so many seconds, whatever carries it out."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from altar.errors import ErrorType
from altar.resilience import SYSTEM_CLOCK, Clock
from altar.resilience._checks import check_kind, check_number
from altar.runtime._answers import cancelled, late, redone, refusal, spoken, timed_out
from altar.runtime._deadline import Deadline, seconds_of
from altar.runtime._pool import Gate, PoolExhaustedError, default_pool
from altar.runtime._protocol import Cancellation
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Timeout"]

_PATIENCE = 0.25  # seconds a runtime has to answer when its call's flag is raised


class Timeout(Wrapper):
    """Gives each call ``seconds``; what takes longer is answered with TIMEOUT, in time.

    It sets the call's deadline, unless that is earlier already. altar's own
    runtimes keep to a deadline (``honours_deadline``). Around any other the
    call runs in a thread of altar's pool, which is left behind when the time is
    over, or in the calling task, which is cancelled; either way the flag
    ``ctx.cancelled`` that the inner runtime was given is raised. Where the
    application raises the call's own flag, that runtime has a quarter of a
    second to answer; then the call ends as CANCELLED.

    Around a Retry it bounds all attempts together; inside one, each of them.
    """

    __slots__ = ("_clock", "_kept", "seconds")

    def __init__(self, inner: Runtime, seconds: float, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(inner)
        check_number("Timeout", "seconds", seconds, "a number of seconds", above=0.0)
        check_kind("Timeout", "clock", clock, Clock, "Clock()")
        self.seconds = seconds
        self._clock = clock
        self._kept = super().honours_deadline

    @property
    def honours_deadline(self) -> bool:
        """True: whatever it wraps."""
        return True

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        given = ctx.deadline
        deadline = Deadline(self.seconds, self._clock.now())
        if given is None or deadline < given:
            ctx = ctx.replace(deadline=deadline)
        if self._kept:
            result: ToolResult = yield ctx
        else:
            result = yield _InTime(self.inner, call, ctx, self._clock)
        if switch.tracer is not None and _is_timeout(result):
            event("timeout", {"seconds": self.seconds})
        return result

    def printed(self) -> str:
        return f"Timeout({spoken(self.seconds)} s)"


def _is_timeout(result: ToolResult) -> bool:
    return result.error is not None and result.error.type == ErrorType.TIMEOUT


class _InTime:
    """A call to a runtime that may not know of deadlines, nor of flags."""

    __slots__ = (
        "_call",
        "_clock",
        "_ctx",
        "_flag",
        "_runtime",
        "_told",
        "_wake",
        "done",
        "error",
        "result",
    )

    def __init__(
        self, runtime: Runtime, call: FunctionCall, ctx: CallContext, clock: Clock
    ) -> None:
        self._runtime = runtime
        self._call = call
        self._clock = clock
        self._flag = flag = Cancellation()  # raised when nobody waits any more
        self._told = ctx.cancelled
        self._ctx = ctx.replace(cancelled=flag)
        self._wake: Callable[[], None] | None = None  # has whoever waits look at the flag
        self.done = False
        self.result: ToolResult | None = None
        self.error: BaseException | None = None

    def _pass_on(self) -> None:
        self._flag.cancel(self._told.reason or "cancelled by the application")
        if self._wake is not None:
            self._wake()

    def _left(self) -> float:
        deadline = self._ctx.deadline
        return 0.0 if deadline is None else deadline - self._clock.now()

    def _over(self, left: float, *, begun: bool = True) -> ToolResult:
        self._flag.cancel("nobody waits any more")
        if self._told.reason is not None:
            made = cancelled(self._call, self._ctx.replace(cancelled=self._told))
            if not begun or made.error is None:
                return made
            return redone(made, made.error.message, {"executed": "unknown"})
        if not begun:
            return late(self._call, self._ctx)
        return timed_out(self._call, self._ctx, seconds_of(self._ctx.deadline, left))

    def run(self) -> ToolResult:
        left = self._left()
        if left <= 0:
            return late(self._call, self._ctx)
        gate, pool = Gate(), default_pool()
        self._wake = gate.open
        self._told.on_cancel(self._pass_on)
        try:
            with pool.blocking():
                try:
                    job = pool.submit(partial(copy_context().run, partial(self._work, gate)))
                except PoolExhaustedError as error:
                    return self._refused(error)
                try:
                    gate.wait(left)
                    if self._told.reason is not None and not self.done:
                        gate.wait(min(self._left(), _PATIENCE))
                except BaseException:  # KeyboardInterrupt while waiting
                    self._flag.cancel("interrupted")
                    pool.abandon(job)
                    raise
        finally:
            self._told.forget(self._pass_on)
        if not self.done:
            return self._over(left, begun=not pool.abandon(job))
        if self.error is not None:
            raise self.error
        if self.result is None or self._left() <= 0:
            return self._over(left)
        return self.result

    def _work(self, gate: Gate) -> None:
        """The call, in a thread of the pool, where nothing may be raised."""
        try:
            self.result = self._runtime.invoke(self._call, self._ctx)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error
        finally:
            self.done = True
            gate.open()

    def _refused(self, error: PoolExhaustedError) -> ToolResult:
        message = f"No thread is free: {error}."
        return refusal(self._call, self._ctx, message, type=ErrorType.RESOURCE_EXHAUSTED)

    async def arun(self) -> ToolResult:
        left = self._left()
        if left <= 0:
            return late(self._call, self._ctx)
        from asyncio import CancelledError  # noqa: PLC0415 - not for those who never run a loop

        from altar.runtime._alarm import Alarm  # noqa: PLC0415 - it loads asyncio

        alarm = Alarm(left)
        self._wake = partial(alarm.hasten, _PATIENCE)
        self._told.on_cancel(self._pass_on)
        try:
            result = await self._runtime.ainvoke(self._call, self._ctx)
        except (CancelledError, TimeoutError):
            if alarm.stop():
                return self._over(left)
            self._flag.cancel("nobody waits any more")
            raise
        except BaseException:
            alarm.stop()
            self._flag.cancel("nobody waits any more")
            raise
        finally:
            self._told.forget(self._pass_on)
        alarm.stop()
        # it may have kept the loop from noticing, or swallowed the cancellation
        return self._over(left) if alarm.rung or self._left() <= 0 else result
