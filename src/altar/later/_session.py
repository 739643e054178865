"""Session: the tools of one conversation, and every call to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from altar.adm import FunctionCall
from altar.adm._ids import new_call_id
from altar.config import begin_trace
from altar.errors import ClosedError, ConfigurationError
from altar.later._assemble import Assembly
from altar.later._dedupe import Ledger
from altar.later._executor import LocalRuntime, correlated
from altar.later._failure import invalid_state
from altar.later._incoming import Batch, as_call, check_count, check_seconds
from altar.later._limits import SessionLimits
from altar.later._link import Linked
from altar.later._once import aonce, once
from altar.later._plan import Deadline
from altar.later._toolset import Toolset, collect
from altar.later._traced import ainvoke_traced, invoke_traced, tell_refused
from altar.runtime import CallContext, Cancellation, Runtime, ainvoke_many, invoke_many
from altar.trace import switch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from altar.adm import FunctionDeclaration, ToolResult
    from altar.later._mark import Mark
    from altar.runtime import Policy

__all__ = ["Session", "SessionLimits"]

_CLOSED = "the session was closed"
_NEVER = Cancellation.never()


class Session:
    """The tools a model may call during one conversation.

    ``tools`` takes registered names, functions (decorated or not), objects
    with @tool methods, modules, a mapping name -> function, a Registry (all of
    it), or a list of these. ``ttl`` is the session's lifetime in seconds,
    ``deps`` what tools find as ``Context.deps``, ``strict`` refuses arguments
    that would need coercion. ``runtime`` carries the calls out: a Runtime, or
    a function that wraps the local one, ``runtime=lambda local: Retry(local)``,
    or a Policy, which holds for each tool that does not say otherwise.

    A session works from construction; ``with`` (or ``async with``) closes it.
    It is itself a Runtime. Any number of threads and tasks may share it.

    Raises DeclarationError for a tool that cannot be declared, RegistryError
    for unknown or clashing names, ConfigurationError for a bad option.
    """

    def __init__(
        self,
        tools: Any = (),
        *,
        ttl: float | None = None,
        deps: Any = None,
        limits: SessionLimits | None = None,
        strict: bool = False,
        id: str | None = None,  # noqa: A002 - the field's own name
        runtime: Runtime | Callable[[Runtime], Runtime] | Policy | None = None,
    ) -> None:
        if limits is not None and not isinstance(limits, SessionLimits):
            raise ConfigurationError(f"limits={limits!r}: give altar.later.SessionLimits(...)")
        if id == "" or not (id is None or isinstance(id, str)):
            raise ConfigurationError(f"id={id!r}: give a string that is not empty, or leave it out")
        if strict.__class__ is not bool:
            raise ConfigurationError(f"strict={strict!r}: give True or False")
        check_seconds("ttl", ttl)
        self._limits = limits or SessionLimits()
        self._clock = self._limits.clock
        self._expires = None if ttl is None else self._clock() + ttl
        self._id = id
        self._deps = deps
        self._closing = Cancellation()
        self._ledger = Ledger(self._limits.max_remembered)
        self._toolset = Toolset(tools)
        self._local = LocalRuntime(self._toolset, limits=self._limits, strict=strict)
        self._local.serve(self, deps=deps, closing=self._closing)
        self._assembly = Assembly(self._toolset, self._local, runtime)
        self._runtime = self._assembly.answering
        begin_trace()
        # where the runtime is another, every call goes through it
        mine = self._assembly.lanes_hold
        self._fast = self._local.lanes if mine else {}
        self._afast = self._local.async_lanes if mine else {}

    @property
    def honours_deadline(self) -> bool:
        """Whether a call returns when its deadline has passed: what its runtime does."""
        return getattr(self._runtime, "honours_deadline", False) is True

    @property
    def id(self) -> str:
        """The session's id: the one given, or a generated one."""
        if self._id is None:
            self._id = new_call_id()
        return self._id

    @property
    def deps(self) -> Any:
        """What tools find as ``Context.deps``."""
        return self._deps

    @property
    def limits(self) -> SessionLimits:
        """The bounds that hold for every call."""
        return self._limits

    @property
    def runtime(self) -> Runtime:
        """What carries out the calls; ``print(session.runtime)`` shows each tool's wrappers."""
        return self._assembly.outer

    @property
    def closed(self) -> bool:
        """True once it was closed or its lifetime is over."""
        return self._closing.reason is not None or self._is_expired()

    def execute(
        self,
        call: FunctionCall | str,
        args: dict[str, Any] | str | None = None,
        *,
        call_id: str | None = None,
        timeout: float | None = None,
        approved: bool = False,
    ) -> ToolResult:
        """Run one call and return its result; what a tool or a model did is never raised.

        ``call`` is a FunctionCall, or a tool's name with ``args``, which may
        be the JSON text of an object unless the session is strict. A
        ``call_id`` makes the call safe to send twice: the second is answered
        with the first one's result. ``timeout`` is in seconds; the tool's own
        holds as well, and the earlier ends the call. ``approved`` says that a
        person allowed this very call of a tool that needs it.
        """
        if switch.tracer is None and call_id is None and timeout is None and type(call) is str:
            fast = self._fast.get(call)
            if fast is not None and (args.__class__ is dict or args is None):
                expires = self._expires
                if expires is None or self._clock() < expires:
                    result: ToolResult | None = fast({} if args is None else args)
                    if result is not None:
                        return result
        ready = as_call(call, args, call_id)
        if not isinstance(ready, FunctionCall):
            return self._told(ready, args)
        return self.invoke(ready, self._outer(timeout, approved))

    async def aexecute(
        self,
        call: FunctionCall | str,
        args: dict[str, Any] | str | None = None,
        *,
        call_id: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the call
        approved: bool = False,
    ) -> ToolResult:
        """As :meth:`execute`, without blocking the event loop.

        An async tool runs in the calling task, a sync tool in a thread
        (``@tool(inline=True)``: on the loop). Cancelling the task cancels the
        tool, and CancelledError is raised.
        """
        if switch.tracer is None and call_id is None and timeout is None and type(call) is str:
            fast = self._afast.get(call)
            if fast is not None and (args.__class__ is dict or args is None):
                expires = self._expires
                if expires is None or self._clock() < expires:
                    result: ToolResult | None = await fast({} if args is None else args)
                    if result is not None:
                        return result
        ready = as_call(call, args, call_id)
        if not isinstance(ready, FunctionCall):
            return self._told(ready, args)
        return await self.ainvoke(ready, self._outer(timeout, approved))

    def execute_many(self, calls: Iterable[Any], *, max_concurrency: int = 8) -> list[ToolResult]:
        """Run several calls at once; the results stand in the order of the calls.

        Each call is a FunctionCall, a pair (name, args) or a name. Raises
        ConfigurationError for what is none of these, or no list of them.
        """
        batch = Batch(calls, self._told)
        width = self._width(max_concurrency)
        contexts = [self._outer(None) for _ in batch.ready]
        return batch.merged(invoke_many(self, batch.ready, contexts, max_concurrency=width))

    async def aexecute_many(
        self, calls: Iterable[Any], *, max_concurrency: int = 8
    ) -> list[ToolResult]:
        """As :meth:`execute_many`, without blocking the event loop."""
        batch = Batch(calls, self._told)
        width = self._width(max_concurrency)
        contexts = [self._outer(None) for _ in batch.ready]
        made = await ainvoke_many(self, batch.ready, contexts, max_concurrency=width)
        return batch.merged(made)

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call (the Runtime protocol)."""
        if switch.tracer is not None:
            return invoke_traced(switch.tracer, self, call, ctx)
        return self.carry_out(call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        if switch.tracer is not None:
            return await ainvoke_traced(switch.tracer, self, call, ctx)
        if ctx.cancelled is _NEVER and ctx.deadline is None and not call.supplied:
            fast = self._afast.get(call.name)  # as aexecute; closing takes the lanes away
            if fast is not None and call.args.__class__ is dict:
                expires = self._expires
                if expires is None or self._clock() < expires:
                    result: ToolResult | None = await fast(call.args, call.call_id, ctx)
                    if result is not None:
                        return result if result.error is None else correlated(result, ctx)
        return await self.acarry_out(call, ctx)

    def carry_out(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call, told to nobody; only a session and its trace call this."""
        refused = self._refuse(call)
        if refused is not None:
            return refused
        if not call.supplied:
            fast = self._fast.get(call.name)
            if (
                fast is not None
                and ctx.deadline is None
                and ctx.cancelled.reason is None
                and not ctx.detached
                and call.args.__class__ is dict
            ):
                result: ToolResult | None = fast(call.args, call.call_id, ctx)
                if result is not None:
                    return correlated(result, ctx)
        with Linked(self._closing, ctx.cancelled) as both:
            inner = self._inner(ctx, both)
            if call.supplied:
                return once(self._ledger, call, inner, lambda: self._runtime.invoke(call, inner))
            return self._runtime.invoke(call, inner)

    async def acarry_out(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """As :meth:`carry_out`, without blocking the event loop."""
        refused = self._refuse(call)
        if refused is not None:
            return refused
        if not call.supplied:
            fast = self._afast.get(call.name)
            if (
                fast is not None
                and ctx.deadline is None
                and ctx.cancelled.reason is None
                and call.args.__class__ is dict
            ):
                result = await self._local.take(fast, call, ctx=ctx)
                if result is not None:
                    return correlated(result, ctx)
        with Linked(self._closing, ctx.cancelled) as both:
            inner = self._inner(ctx, both)
            if call.supplied:
                return await aonce(
                    self._ledger, call, inner, lambda: self._runtime.ainvoke(call, inner)
                )
            return await self._runtime.ainvoke(call, inner)

    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """What a model is told of the tools, in their order; the same tuple until they change."""
        return self._toolset.declarations()

    def add(self, *tools: Any) -> None:
        """Show more tools from now on: all of them, or none when one cannot be added.

        They never touch the registry. Raises ClosedError on a closed session.
        """
        self._must_be_open("session.add()")
        marks = list(collect(tools))
        self._runtime = self._assembly.add(marks)
        self._toolset.add(marks)

    def remove(self, *names: str) -> None:
        """Hide tools from now on. Raises RegistryError when one is not there."""
        self._must_be_open("session.remove()")
        self._assembly.remove(names)

    def close(self) -> None:
        """End the conversation: running async tools are cancelled, later calls refused."""
        if self._closing.reason is None:
            self._fast, self._afast = {}, {}
            self._closing.cancel(_CLOSED)
            self._local.close(_CLOSED)

    async def aclose(self) -> None:
        """As :meth:`close`; running tools of this event loop have heard of it on return."""
        self.close()
        await self._local.settled()

    def __enter__(self) -> Self:
        self._must_be_open("with session")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self._must_be_open("async with session")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __contains__(self, name: object) -> bool:
        return name in self._toolset.marks

    def __len__(self) -> int:
        return len(self._toolset.marks)

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        count = len(self)
        return f"<Session of {count} tool{'' if count == 1 else 's'}{state}>"

    def __altar_tools__(self) -> tuple[Mark, ...]:
        self._assembly.must_be_plain()
        return tuple(self._toolset.marks.values())

    def _inner(self, ctx: CallContext, cancelled: Cancellation) -> CallContext:
        """What the runtime is told: the session's own facts beside the caller's."""
        return CallContext(
            session_id=self.id,
            correlation_id=ctx.correlation_id,
            deadline=ctx.deadline,
            attempt=ctx.attempt,
            emit=ctx.emit,
            cancelled=cancelled,
            deps=self._deps if ctx.deps is None else ctx.deps,
            principal=ctx.principal,
            baggage=ctx.baggage,
            approved=ctx.approved,
            detached=ctx.detached,
        )

    def _outer(self, timeout: float | None, approved: bool = False) -> CallContext:
        check_seconds("timeout", timeout, zero=True)
        if approved.__class__ is not bool:
            raise ConfigurationError(f"approved={approved!r}: give True or False")
        deadline = None if timeout is None else Deadline(timeout)
        return CallContext(deadline=deadline, cancelled=self._closing, approved=approved)

    def _width(self, max_concurrency: int) -> int:
        check_count("max_concurrency", max_concurrency)
        return min(max_concurrency, self._limits.max_concurrency)

    def _told(self, refused: ToolResult, args: object) -> ToolResult:
        """A call that was refused before there was one, told where calls are traced."""
        if switch.tracer is not None:
            tell_refused(switch.tracer, self.id, refused, args)
        return refused

    def _refuse(self, call: FunctionCall) -> ToolResult | None:
        if self._closing.reason is not None:
            return invalid_state(call.name, call.call_id, "The session is closed.")
        if self._is_expired():
            return invalid_state(call.name, call.call_id, "The session's lifetime is over.")
        return None

    def _is_expired(self) -> bool:
        return self._expires is not None and self._clock() >= self._expires

    def _must_be_open(self, what: str) -> None:
        if self.closed:
            why = _CLOSED if self._closing.reason is not None else "the session's lifetime is over"
            raise ClosedError(f"{what}: {why}; make a new one, altar.Session(tools=[...])")
