"""Running a plan: inline, in a thread, on the caller's loop or on the background loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType
from altar.later._background import run_coroutine
from altar.later._failure import cancelled, exhausted, timed_out
from altar.later._plan import Pending, Plan, seconds_of
from altar.later._stream import adrain, drain
from altar.runtime._alarm import Alarm
from altar.runtime._answers import redone
from altar.runtime._pool import Gate, PoolExhaustedError, default_pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from altar.adm import FunctionCall, ToolResult
    from altar.later._finish import Finisher
    from altar.later._tasks import TaskTracker
    from altar.runtime import CallContext

__all__ = [
    "await_plan",
    "is_unfinished",
    "run_in_background",
    "run_in_thread",
    "run_plan",
    "run_via_pool",
    "take_in_time",
]

_PATIENCE = 0.25  # seconds an async tool may overrun before its caller stops waiting


def run_plan(
    plan: Plan, finisher: Finisher, start: Callable[[], Any] | None = None
) -> ToolResult | Pending:
    """Run a synchronous body (``start``, or the plan's own) here and now."""
    try:
        value = plan.start() if start is None else start()
        kind = type(value)
        if kind is GeneratorType:
            plan.entry.factory = False  # streams take the general way
            value = drain(value, plan.report, plan.is_given_up, finisher.limits.max_chunks)
        elif is_unfinished(kind):
            plan.entry.factory = False
            return Pending(value)
    except BaseException as error:  # noqa: BLE001 - a tool may raise anything
        return finisher.raised(plan, error)
    return finisher.returned(plan, value)


def is_unfinished(kind: type) -> bool:
    """True for the classes of values whose work is still to be done."""
    return kind is GeneratorType or hasattr(kind, "__await__") or hasattr(kind, "__anext__")


class _Handover:
    """A body that runs in a thread of the pool, and what came of it."""

    __slots__ = ("_finisher", "_plan", "error", "result", "tell")

    def __init__(self, plan: Plan, finisher: Finisher, tell: Callable[[], None]) -> None:
        self._plan = plan
        self._finisher = finisher
        self.tell = tell
        self.result: ToolResult | Pending | None = None
        self.error: BaseException | None = None

    def work(self) -> None:
        try:
            self.result = result = run_plan(self._plan, self._finisher)
            if isinstance(result, Pending) and self._plan.gone.reason is not None:
                result.drop()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error
        finally:
            self.tell()

    def outcome(self) -> ToolResult | Pending | None:
        """What the body came to; None while it runs."""
        if self.error is not None:
            raise self.error
        return self.result


def run_in_thread(plan: Plan, finisher: Finisher) -> ToolResult | Pending:
    """Run a synchronous body in the pool, and stop waiting when its time is over."""
    gate = Gate()
    body = _Handover(plan, finisher, gate.open)
    pool = default_pool()
    flag = plan.ctx.cancelled
    with pool.blocking():
        try:
            job = pool.submit(partial(copy_context().run, body.work))
        except PoolExhaustedError as error:
            return exhausted(plan.entry.name, plan.call.call_id, f"No thread is free: {error}.")
        flag.on_cancel(gate.open)
        try:
            gate.wait(plan.seconds)
        except BaseException:  # KeyboardInterrupt while waiting
            plan.gone.cancel("interrupted")
            pool.abandon(job)
            raise
        finally:
            flag.forget(gate.open)
    outcome = body.outcome()
    if outcome is None:
        plan.gone.cancel("nobody waits any more")
        return _given_up(plan, begun=not pool.abandon(job))
    return outcome


async def run_via_pool(
    plan: Plan, finisher: Finisher, tracker: TaskTracker
) -> ToolResult | Pending:
    """Run a synchronous body in the pool while the event loop goes on."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(_wake, future)

    body = _Handover(plan, finisher, tell)
    pool = default_pool()
    try:
        job = pool.submit(partial(copy_context().run, body.work))
    except PoolExhaustedError as error:
        return exhausted(plan.entry.name, plan.call.call_id, f"No thread is free: {error}.")
    dropped = False
    try:
        stopped, _ = await _guarded(plan, lambda: future, tracker)
    finally:
        if not future.done() or future.cancelled():
            plan.gone.cancel("nobody waits any more")
            dropped = pool.abandon(job)
    if stopped is not None:
        return _unbegun(plan, stopped) if dropped else stopped
    outcome = body.outcome()
    return outcome if outcome is not None else _given_up(plan)


async def await_plan(
    plan: Plan, start: Callable[[], Any], finisher: Finisher, tracker: TaskTracker
) -> ToolResult:
    """Await a body in the current task."""

    def begin() -> Awaitable[Any]:
        value = start()
        if hasattr(type(value), "__anext__"):
            bound = finisher.limits.max_chunks
            return adrain(value, plan.report, plan.is_given_up, bound)
        return value  # type: ignore[no-any-return]

    try:
        stopped, value = await _guarded(plan, begin, tracker)
    except (asyncio.CancelledError, GeneratorExit):
        plan.gone.cancel("nobody waits any more")
        raise
    except _BodyError as wrapped:
        return finisher.raised(plan, wrapped.error)
    if stopped is not None:
        plan.gone.cancel("nobody waits any more")
        return stopped
    return finisher.returned(plan, value)


def run_in_background(
    plan: Plan, make: Callable[[], Coroutine[Any, Any, ToolResult]], finisher: Finisher
) -> ToolResult:
    """Run an async body (``make`` returns its :func:`await_plan`) from synchronous code."""
    patience = None if plan.seconds is None else plan.seconds + _PATIENCE
    try:
        return run_coroutine(make, patience=patience)
    except TimeoutError:
        return _given_up(plan)
    except asyncio.CancelledError as error:  # nobody else knows the task: the tool did it
        return finisher.raised(plan, error)


class _BodyError(Exception):
    """Carries what a body raised past altar's own code."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def _guarded(
    plan: Plan, begin: Callable[[], Awaitable[Any]], tracker: TaskTracker
) -> tuple[ToolResult | None, Any]:
    """Await ``begin()``: (None, its value), or (the result that says why it was stopped, None)."""
    frame = tracker.enter()
    flag = plan.ctx.cancelled

    def stop() -> None:
        frame.stop(flag.reason or "")

    try:
        if tracker.closed is not None:
            name, call_id = plan.entry.name, plan.call.call_id
            return cancelled(name, call_id, tracker.closed, begun=False), None
        flag.on_cancel(stop)
        return await _in_time(plan, begin)
    except asyncio.CancelledError as error:
        reason = frame.verdict()
        if reason is None:
            raise
        if reason:
            return cancelled(plan.entry.name, plan.call.call_id, reason), None
        raise _BodyError(error) from None  # the tool cancelled itself
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - a tool may raise anything
        raise _BodyError(error) from None
    finally:
        flag.forget(stop)
        frame.leave()


async def _in_time(
    plan: Plan, begin: Callable[[], Awaitable[Any]]
) -> tuple[ToolResult | None, Any]:
    """Await ``begin()`` as long as the plan allows; what comes later is a timeout."""
    if plan.seconds is None:
        return None, await begin()
    alarm = Alarm(plan.seconds)
    try:
        value = await begin()
    except (asyncio.CancelledError, TimeoutError):
        if alarm.stop():
            return _given_up(plan), None
        raise  # somebody else's, or the body's own
    except BaseException:
        alarm.stop()
        raise
    alarm.stop()
    # it may have swallowed the cancellation, or kept the loop from sending one
    return (_given_up(plan), None) if alarm.is_late() else (None, value)


async def take_in_time(
    lane: Callable[..., Any], call: FunctionCall, ctx: CallContext, *, idempotent: bool
) -> ToolResult | None:
    """The result of an async lane until the deadline of ``ctx``, then a timeout; None for a miss,
    which a deadline that has passed is too.
    """
    seconds = ctx.remaining()
    if not seconds:
        return None
    alarm = Alarm(seconds)
    try:
        result: ToolResult | None = await lane(call.args, call.call_id, ctx)
    except asyncio.CancelledError:
        if not alarm.stop():
            raise  # somebody else's
    except BaseException:
        alarm.stop()
        raise
    else:
        alarm.stop()
        if result is None or not alarm.is_late():
            return result
    if ctx.cancelled.reason is not None:
        return cancelled(call.name, call.call_id, ctx.cancelled.reason)
    said = seconds_of(ctx.deadline, seconds)
    return timed_out(call.name, call.call_id, said, idempotent=idempotent)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _unbegun(plan: Plan, stopped: ToolResult) -> ToolResult:
    """The same end, of a body that never left the pool's queue."""
    error = stopped.error
    if error is None or error.type != ErrorType.CANCELLED:
        return _given_up(plan, begun=False)
    return redone(stopped, error.message, {"executed": "no"})


def _given_up(plan: Plan, *, begun: bool = True) -> ToolResult:
    name, call_id = plan.entry.name, plan.call.call_id
    if plan.ctx.cancelled.reason is not None:
        return cancelled(name, call_id, plan.ctx.cancelled.reason, begun=begun)
    options, seconds = plan.entry.options, plan.seconds or 0.0
    if seconds != options.timeout:
        seconds = seconds_of(plan.ctx.deadline, seconds)
    return timed_out(name, call_id, seconds, idempotent=options.idempotent, begun=begun)
