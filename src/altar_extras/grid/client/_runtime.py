"""GridRuntime: a session's calls, on the grid or here, as their execution mode says."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from altar.errors import ConfigurationError
from altar.trace import event
from altar_extras.grid.client._governed import Governor, outcome
from altar_extras.grid.client._options import CallOptions
from altar_extras.grid.client._settings import ExecutionMode
from altar_extras.grid.wire import Fault, executed_of, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from altar.adm import FunctionCall, FunctionDeclaration, ToolResult
    from altar.later import SessionLimits, ToolOptions
    from altar.runtime import CallContext
    from altar_extras.grid.client._client import GridClient
    from altar_extras.grid.client._engine import Engine

__all__ = ["GridRuntime", "LocalTools"]

_log = logging.getLogger("altar.grid")
# a call that did not run for one of these was not refused: nobody could be reached
_TRANSPORT = frozenset(
    {"circuit_open", "disconnected", "never_seen", "no_answer", "no_host", "no_runtime"}
)
_REMOTE_ONLY = "x_remote_only"


class LocalTools(Protocol):
    """The runtime of this process, as a session hands it to ``runtime=``; a LocalRuntime is one."""

    @property
    def strict(self) -> bool: ...
    @property
    def limits(self) -> SessionLimits: ...
    @property
    def is_governed(self) -> bool: ...
    def declaration(self, name: str) -> FunctionDeclaration | None: ...
    def options(self, name: str) -> ToolOptions | None: ...
    def refusal(self, call: FunctionCall) -> ToolResult | None: ...
    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult: ...
    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult: ...


class _Do(NamedTuple):
    """Something to do on the client's loop."""

    work: Callable[[Engine], Coroutine[Any, Any, Any]]


class _Remote(NamedTuple):
    options: CallOptions


_LOCAL = object()


class GridRuntime:
    """A Runtime over a GridClient, and over the local runtime of a session.

    ``mode`` is the session's ExecutionMode. What a tool says itself
    (``@tool(execution=...)``) comes first, then this, then what the client's
    settings say, then the process' settings; without any it is REMOTE.

    With ``local``, names that the session does not show are refused as the local
    runtime does, and the modes that run here can. ``counts`` says how often what
    happened: "fallback" is each call that the grid did not run and this process did.
    """

    honours_deadline = True

    def __init__(
        self,
        client: GridClient,
        *,
        local: LocalTools | None = None,
        mode: ExecutionMode | str | None = None,
        default: ExecutionMode | str | None = None,
    ) -> None:
        self._client = client
        self._local = local
        given = [
            None if mode is None else ExecutionMode.read(mode, "GridRuntime(mode"),
            client.settings.execution,
            None if default is None else ExecutionMode.read(default, "GridRuntime(default"),
        ]
        self.mode = next((one for one in given if one is not None), ExecutionMode.REMOTE)
        if local is None and self.mode in (ExecutionMode.LOCAL_ONLY, ExecutionMode.GOVERNED_LOCAL):
            raise ConfigurationError(
                f"GridRuntime(mode={self.mode.value!r}) needs the tools here: give local=, or let "
                "a session make it, altar.Session(tools, runtime=lambda local: "
                "GridRuntime(client, local=local))"
            )
        self._governor = Governor(client)
        self._options: dict[str, tuple[Any, CallOptions]] = {}
        self.counts: dict[str, int] = {}

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result."""
        simple = self._remote(call.name)
        if simple is not None:
            return self._carried(self._client.invoke(call, ctx, simple), call)
        steps = self._steps(call, ctx)
        answer: Any = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as done:
                result: ToolResult = done.value
                return result
            if step is _LOCAL and self._local is not None:
                answer = self._local.invoke(call, ctx)
            elif isinstance(step, _Remote):
                answer = self._client.invoke(call, ctx, step.options)
            else:
                answer = self._client.do(step.work)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop."""
        simple = self._remote(call.name)
        if simple is not None:
            return self._carried(await self._client.ainvoke(call, ctx, simple), call)
        steps = self._steps(call, ctx)
        answer: Any = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as done:
                result: ToolResult = done.value
                return result
            if step is _LOCAL and self._local is not None:
                answer = await self._local.ainvoke(call, ctx)
            elif isinstance(step, _Remote):
                answer = await self._client.ainvoke(call, ctx, step.options)
            else:
                answer = await self._client.ado(step.work)

    def __repr__(self) -> str:
        return f"GridRuntime({self._client!r}, mode={self.mode.value!r})"

    # -- deciding -------------------------------------------------------------------------

    def _mode_of(self, name: str) -> ExecutionMode:
        options = None if self._local is None else self._local.options(name)
        if options is None or options.execution is None:
            return self.mode
        return ExecutionMode(options.execution)

    def _remote(self, name: str) -> CallOptions | None:
        """The options of a call that goes to the grid and nowhere else; None for the others."""
        local = self._local
        if local is None:
            return CallOptions() if self.mode is ExecutionMode.REMOTE else None
        options = local.options(name)
        if options is None:
            return None
        known = self._options.get(name)
        if known is not None and known[0] is options:
            return known[1]
        if self._mode_of(name) is not ExecutionMode.REMOTE:
            return None
        made = self._options_for(name)
        self._options[name] = (options, made)
        return made

    def _options_for(self, name: str) -> CallOptions:
        local = self._local
        options = None if local is None else local.options(name)
        if local is None or options is None:
            return CallOptions()
        return CallOptions(
            idempotent=options.idempotent,
            strict=local.strict,
            max_result_bytes=local.limits.max_result_bytes,
        )

    def _steps(self, call: FunctionCall, ctx: CallContext) -> Generator[Any, Any, ToolResult]:
        """What is done for a call: yields what to wait for, and returns its result."""
        local = self._local
        mode = self._mode_of(call.name)
        # a name that is not there is refused here, as it would be without a grid
        hidden = local is not None and local.options(call.name) is None
        if hidden or mode is ExecutionMode.LOCAL_ONLY:
            found: ToolResult = yield _LOCAL
            return found
        if mode is ExecutionMode.GOVERNED_LOCAL:
            return (yield from self._governed(call, ctx))
        result: ToolResult = yield _Remote(self._options_for(call.name))
        result = self._carried(result, call)
        if mode is ExecutionMode.REMOTE:
            return result
        return (yield from self._fallen_back(result, call, ctx))

    def _fallen_back(
        self, result: ToolResult, call: FunctionCall, ctx: CallContext
    ) -> Generator[Any, Any, ToolResult]:
        reason = _reason(result)
        if executed_of(result) != "no" or reason not in _TRANSPORT:
            return result
        local = self._local
        declared = None if local is None else local.declaration(call.name)
        if local is None or declared is None:
            return result
        if declared.extensions.get(_REMOTE_ONLY, False) is not False:
            return result
        leave = None
        if ctx.principal is not None or local.is_governed:
            leave = self._governor.live(call.name)
            if leave is None:
                self._count("fallback_refused")
                _log.warning("%r was not run here (%s): no live grant", call.name[:80], reason)
                return result
        self._count("fallback")
        event("altar.grid.fallback", {"tool": call.name[:80], "reason": reason})
        _log.warning("%r runs here, not on the grid: %s", call.name[:80], reason)
        began = monotonic()
        found: ToolResult = yield _LOCAL
        if leave is not None:
            told = {**outcome(found, monotonic() - began), "ctx": ctx}
            kept = leave
            yield _Do(lambda engine: self._governor.ended(engine, kept, call, told=told))
        return found

    def _governed(self, call: FunctionCall, ctx: CallContext) -> Generator[Any, Any, ToolResult]:
        governor = self._governor
        leave = yield _Do(lambda engine: governor.leave(engine, call.name))
        if isinstance(leave, Fault):
            return failed(call, leave, ctx.correlation_id)
        refused = yield _Do(lambda engine: governor.begun(engine, leave, call, ctx))
        if refused is not None:
            return failed(call, refused, ctx.correlation_id)
        began = monotonic()
        result: ToolResult = yield _LOCAL
        told = {**outcome(result, monotonic() - began), "ctx": ctx}
        yield _Do(lambda engine: governor.ended(engine, leave, call, told=told))
        return result

    def _carried(self, result: ToolResult, call: FunctionCall) -> ToolResult:
        """A remote result; arguments that no frame carries are refused as they would be here."""
        if result.error is None or _reason(result) != "no_json" or self._local is None:
            return result
        return self._local.refusal(call) or result

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _reason(result: ToolResult) -> str:
    details = None if result.error is None else result.error.details
    found = None if details is None else details.get("reason")
    return found if isinstance(found, str) else ""
