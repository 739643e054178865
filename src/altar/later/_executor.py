"""LocalRuntime: carries out calls in this process: find, check and bind, run, wrap."""

from __future__ import annotations

import weakref
from asyncio import current_task
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall
from altar.later._binding import BindError
from altar.later._context import CallingSession, Context
from altar.later._declare import declare_marks
from altar.later._entry import DEFAULTS, entry_of
from altar.later._failure import (
    approval_required,
    bad_arguments,
    cancelled,
    hidden,
    no_deps,
    timed_out,
    unknown,
)
from altar.later._fastlane import LaneParts, fast_factory, make_fast
from altar.later._finish import Finisher
from altar.later._hushed import hushed
from altar.later._lent import Lender, give_up
from altar.later._limits import SessionLimits
from altar.later._log import logger
from altar.later._plan import Begun, Pending, Plan, seconds_of
from altar.later._run import (
    await_plan,
    is_unfinished,
    run_in_background,
    run_in_thread,
    run_plan,
    run_via_pool,
    take_in_time,
)
from altar.later._stream import reporter
from altar.later._tasks import Frame, TaskTracker
from altar.later._toolset import Toolset
from altar.runtime import CallContext, Cancellation
from altar.runtime._inside import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionDeclaration, ToolResult
    from altar.later._entry import Entry
    from altar.later._isolated import Crossing
    from altar.later._mark import Mark, ToolOptions
    from altar.runtime import Runtime

__all__ = ["LocalRuntime", "correlated"]

_WARM = (
    16  # general runs before the fast lane is compiled: a tool called once should not pay for it
)


_USUAL = SessionLimits()
# the method by which a synchronous callable answers async callers; looked up on its class,
# as functools.wraps copies attributes of an object past a wrapper's checks
_ASYNC_FORM = "__altar_async__"


class LocalRuntime:
    """A Runtime that runs Python functions in this process.

    ``tools`` is what ``Session(tools=...)`` takes. Every call is answered
    with a ToolResult; only KeyboardInterrupt, the cancellation of the awaiting
    task and altar's own bugs are raised.
    """

    honours_deadline = True  # for wrappers: a call returns when its deadline has passed

    def __init__(
        self,
        tools: Any = (),
        *,
        limits: SessionLimits | None = None,
        strict: bool = False,
    ) -> None:
        self._toolset = tools if isinstance(tools, Toolset) else Toolset(tools)
        self._limits = limits or SessionLimits()
        self._strict = strict
        self._finisher = Finisher(self._limits)
        self._tasks = TaskTracker()
        self._session: Callable[[], CallingSession | None] = _nobody
        self._lender: Lender | None = None
        # fast lanes by tool name, for the session to take without asking (see _fastlane)
        self.lanes: dict[str, Callable[..., Any]] = {}
        self.async_lanes: dict[str, Callable[..., Any]] = {}
        # what stands before each tool, where policies are in force (see _assemble)
        self.stacks: dict[str, Runtime] | None = None
        # how tools run that do not run here: all of them, once ``cross`` was called
        self._crossing: Crossing | None = None
        self._crosses = False

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result."""
        plan = self._prepare(call, ctx)
        if not isinstance(plan, Plan):
            return correlated(plan, ctx)
        if plan.is_elsewhere:
            return correlated(self._across().invoke(plan), ctx)
        if plan.entry.kind in ("async", "async_generator"):
            return correlated(
                run_in_background(plan, lambda: self._wait_for(plan, plan.start), self._finisher),
                ctx,
            )
        if plan.seconds is None and (plan.entry.options.inline or not ctx.detached):
            result = run_plan(plan, self._finisher)
        else:
            result = run_in_thread(plan, self._finisher)
        if isinstance(result, Pending):
            value = result.value
            result = run_in_background(
                plan, lambda: self._wait_for(plan, lambda: value), self._finisher
            )
        return correlated(result, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop."""
        plan = self._prepare(call, ctx)
        if not isinstance(plan, Plan):
            return correlated(plan, ctx)
        if plan.is_elsewhere:
            return correlated(await self._across().ainvoke(plan), ctx)
        if plan.entry.kind in ("async", "async_generator"):
            return correlated(await self._wait_for(plan, plan.start), ctx)
        other = getattr(type(plan.entry.target), _ASYNC_FORM, None)
        if other is not None:
            start = partial(other, plan.entry.target, *plan.bound.args, **plan.bound.kwargs)
            return correlated(await self._wait_for(plan, start), ctx)
        if plan.entry.options.inline and plan.seconds is None:
            result = run_plan(plan, self._finisher)
        else:
            result = await run_via_pool(plan, self._finisher, self._tasks)
        if isinstance(result, Pending):
            value = result.value
            result = await self._wait_for(plan, lambda: value)
        return correlated(result, ctx)

    async def _wait_for(self, plan: Plan, start: Callable[[], Any]) -> ToolResult:
        """Await what ``start`` returns, as the run of ``plan``, in the current task."""
        return await await_plan(plan, start, self._finisher, self._tasks)

    async def take(
        self, lane: Callable[..., Any], call: FunctionCall, *, ctx: CallContext
    ) -> ToolResult | None:
        """The result of an async lane, stopped when ``ctx`` is cancelled and at its deadline;
        None for a miss.
        """
        flag = ctx.cancelled
        task = current_task()
        if task is None:
            return None
        frame = Frame(self._tasks, task, 0, 0)  # a lane only takes a task's outermost tool

        def stop() -> None:
            frame.stop(flag.reason or "")

        flag.on_cancel(stop)
        try:
            if flag.reason is not None:  # raised by another thread meanwhile
                return None
            if ctx.deadline is None:
                result: ToolResult | None = await lane(call.args, call.call_id, ctx)
            else:
                again = (self.options(call.name) or DEFAULTS).idempotent
                result = await take_in_time(lane, call, ctx, idempotent=again)
            return None if result is None else correlated(result, ctx)
        finally:
            flag.forget(stop)
            frame.retire()

    def serve(self, session: CallingSession, *, deps: Any, closing: Cancellation) -> None:
        """Name the session that a tool's Context shows, its dependencies and its end."""
        self._session = weakref.ref(session)
        self._lender = Lender(self._session, deps, closing)

    def close(self, reason: str) -> None:
        """Cancel the async tools that run now, and let none begin."""
        self.lanes = {}
        self.async_lanes = {}
        self._tasks.close(reason)
        if self._crossing is not None:
            self._crossing.close()

    async def settled(self) -> None:
        """Let the tasks of this event loop that were told to stop hear of it."""
        await self._tasks.settled()

    def forget(self, names: tuple[str, ...]) -> None:
        """Drop the fast lanes of tools that were removed or replaced."""
        for name in names:
            self.lanes.pop(name, None)
            self.async_lanes.pop(name, None)

    def __repr__(self) -> str:
        count = len(self._toolset.marks)
        return f"LocalRuntime({count} tool{'' if count == 1 else 's'})"

    @property
    def is_usual(self) -> bool:
        """Whether it answers as a session's does that was told nothing."""
        limits, usual = self._limits, _USUAL
        return (
            not self._strict
            and limits.max_result_bytes == usual.max_result_bytes
            and limits.max_chunks == usual.max_chunks
        )

    @property
    def strict(self) -> bool:
        """Whether arguments that would need coercion are refused."""
        return self._strict

    @property
    def limits(self) -> SessionLimits:
        """The bounds that hold for every call."""
        return self._limits

    @property
    def is_governed(self) -> bool:
        """Whether policies stand before its tools."""
        return self.stacks is not None

    def declaration(self, name: str) -> FunctionDeclaration | None:
        """The declaration of a tool that this runtime serves; None for any other name."""
        mark = self._toolset.marks.get(name)
        return None if mark is None else declare_marks([mark])[0]

    def options(self, name: str) -> ToolOptions | None:
        """The options of a tool that this runtime serves; None for any other name."""
        mark = self._toolset.marks.get(name)
        return None if mark is None else mark.options or DEFAULTS

    def deps_type(self, name: str) -> str | None:
        """The type of the ``Context.deps`` that a tool cannot do without; None where it can."""
        mark = self._toolset.marks.get(name)
        return None if mark is None else entry_of(mark).deps

    def refusal(self, call: FunctionCall) -> ToolResult | None:
        """How this runtime would refuse the call for its name or its arguments; None if not."""
        name = call.name
        mark = self._toolset.marks.get(name)
        if mark is None:
            refuse = hidden if self._toolset.hides(name) else unknown
            return refuse(name, call.call_id, self._toolset.marks)
        entry = entry_of(mark)
        context = None if entry.context is None else Context[Any](tool_name=name)
        try:
            entry.bind(call.args, strict=self._strict, context=context)
        except BindError as error:
            return bad_arguments(name, call.call_id, hushed(error.problems, mark), error.missed)
        return None

    def cross(self, crossing: Crossing) -> None:
        """Run every tool in the workers of ``crossing`` from now on."""
        self._crossing = crossing
        self._crosses = True

    def _across(self) -> Crossing:
        crossing = self._crossing
        if crossing is None:
            from altar.later._isolated import Crossing  # noqa: PLC0415 - for isolated tools alone

            crossing = self._crossing = Crossing(self._limits, strict=self._strict, pool=None)
        return crossing

    def _may_cross(self, name: str) -> bool:
        """True but in a worker, where everything runs where it is."""
        if inside.loading is not None:
            inside.refuse(f"the isolated tool {name!r} was called")
        return not inside.worker

    def _prepare(self, call: FunctionCall, ctx: CallContext) -> Plan | ToolResult:
        name = call.name
        mark = self._toolset.marks.get(name)
        if mark is None:
            refuse = hidden if self._toolset.hides(name) else unknown
            return refuse(name, call.call_id, self._toolset.marks)
        entry = entry_of(mark)
        if ctx.cancelled.reason is not None:
            return cancelled(name, call.call_id, ctx.cancelled.reason, begun=False)
        seconds = _seconds(entry, ctx)
        if seconds is not None and seconds <= 0:
            again = entry.options.idempotent
            given = seconds_of(ctx.deadline, 0.0)
            return timed_out(name, call.call_id, given, idempotent=again, begun=False)
        if entry.deps is not None and ctx.deps is None:
            logger.warning("tool %r was called without its dependencies (%s)", name, entry.deps)
            return no_deps(name, call.call_id, entry.deps)
        report = reporter(call.name, ctx.emit) if ctx.emit is not None else None
        plan = Plan(entry, call, ctx, seconds=seconds, report=report)
        try:
            plan.bound = entry.bind(call.args, strict=self._strict, context=self._context(plan))
        except BindError as error:
            return bad_arguments(name, call.call_id, hushed(error.problems, mark), error.missed)
        if entry.options.approval and ctx.approved is not True:  # asked of calls that would run
            return approval_required(name, call.call_id)
        if (entry.options.isolate or self._crosses) and self._may_cross(name):
            plan.is_elsewhere = True
        else:
            self._warm(entry, mark)
        return plan

    def _context(self, plan: Plan) -> Context[Any] | None:
        if plan.entry.context is None:
            return None
        call, ctx = plan.call, plan.ctx
        return Context(
            deps=ctx.deps,
            session=self._session(),
            call_id=call.call_id,
            correlation_id=ctx.correlation_id,
            deadline=None if plan.seconds is None else monotonic() + plan.seconds,
            tool_name=call.name,
            emit=plan.report,
            flags=(plan.gone, ctx.cancelled),
            approved=ctx.approved,
        )

    def _warm(self, entry: Entry, mark: Mark) -> None:
        """After some calls the general way, lay the fast lane."""
        lanes = self.async_lanes if entry.kind == "async" else self.lanes
        if entry.factory is False or entry.name in lanes:
            return
        if self.stacks is not None and self.stacks.get(entry.name) is not self:
            return  # a lane would walk past it
        if entry.context is not None and self._lender is None:
            return
        entry.uses += 1
        if entry.factory is None:
            if entry.uses < _WARM:
                return
            entry.factory = fast_factory(entry) or False
            if entry.factory is False:
                return
        parts = LaneParts(
            self._limits.max_result_bytes - 2,  # the quotes of a JSON text
            self._lane_finish(entry),
            self._finisher.lane_failed(entry, self._tasks),
            self._tasks,
            None if self._lender is None else self._lender.of(entry),
            self._strict,
        )
        lanes[entry.name] = make_fast(entry.factory, entry.name, parts)
        if self._toolset.marks.get(entry.name) is not mark:  # removed or replaced meanwhile
            lanes.pop(entry.name, None)

    def _lane_finish(self, entry: Entry) -> Callable[..., ToolResult]:
        finish = self._finisher.lane_finish(entry)
        if entry.kind == "async":
            return finish

        def finish_or_run(
            call_id: str | None,
            value: Any,
            ctx: CallContext | None,
            coercions: Any = (),
            context: Context[Any] | None = None,
        ) -> ToolResult:
            if is_unfinished(type(value)):  # a body that only sometimes returns a coroutine
                plan = self._begun(entry, call_id, ctx)
                plan.bound = Begun(coercions)
                if context is not None:
                    give_up(context, plan.gone)
                return self._run_on(plan, value)
            return finish(call_id, value, ctx, coercions)

        return finish_or_run

    def _begun(self, entry: Entry, call_id: str | None, ctx: CallContext | None) -> Plan:
        """The plan of a call that a lane began."""
        call = FunctionCall(name=entry.name, call_id=call_id)
        if ctx is None:
            lender = self._lender
            ctx = CallContext(cancelled=None if lender is None else lender.closing)
        report = None if ctx.emit is None else reporter(entry.name, ctx.emit)
        return Plan(entry, call, ctx, seconds=None, report=report)

    def _run_on(self, plan: Plan, value: Any) -> ToolResult:
        result = run_plan(plan, self._finisher, lambda: value)
        if isinstance(result, Pending):
            return run_in_background(
                plan, lambda: self._wait_for(plan, lambda: value), self._finisher
            )
        return result


def _seconds(entry: Entry, ctx: CallContext) -> float | None:
    """The time the body has: the tool's own, or what is left until the deadline."""
    own, left = entry.options.timeout, ctx.remaining()
    if own is None or left is None:
        return left if own is None else own
    return min(own, left)


def correlated(result: ToolResult, ctx: CallContext) -> ToolResult:
    """The same result; an error now carries the correlation id of its call."""
    if result.error is not None and ctx.correlation_id and result.error.correlation_id is None:
        object.__setattr__(result.error, "correlation_id", ctx.correlation_id)
    return result


def _nobody() -> None:
    return None
