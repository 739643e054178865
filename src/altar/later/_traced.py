"""Calls of a session, told: one span for each, whatever way it takes and whatever comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from altar.trace import _conventions as names
from altar.trace._content import clipped, json_text
from altar.trace._scope import Inside, fault
from altar.trace._span import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime import CallContext
    from altar.trace import Recorder

__all__ = ["ainvoke_traced", "invoke_traced", "tell_refused"]

_MOST_NOTES = 20


class _Callee(Protocol):
    """A session, as far as its calls are concerned."""

    @property
    def id(self) -> str: ...

    def carry_out(self, call: FunctionCall, ctx: CallContext) -> ToolResult: ...

    async def acarry_out(self, call: FunctionCall, ctx: CallContext) -> ToolResult: ...


def invoke_traced(
    tracer: Recorder, session: _Callee, call: FunctionCall, ctx: CallContext
) -> ToolResult:
    """Carry out one call inside a span of its own."""
    span = _begin(tracer, session.id, call.name, call.call_id, call.args)
    try:
        with Inside(span):
            result = session.carry_out(call, ctx)
    except BaseException as error:
        _break(span, error)
        raise
    _end(span, result)
    return result


async def ainvoke_traced(
    tracer: Recorder, session: _Callee, call: FunctionCall, ctx: CallContext
) -> ToolResult:
    """As :func:`invoke_traced`, without blocking the event loop."""
    span = _begin(tracer, session.id, call.name, call.call_id, call.args)
    try:
        with Inside(span):
            result = await session.acarry_out(call, ctx)
    except BaseException as error:
        _break(span, error)
        raise
    _end(span, result)
    return result


def tell_refused(tracer: Recorder, session_id: str, result: ToolResult, args: object) -> None:
    """A call whose arguments are no object came to nothing before there was a call."""
    _end(_begin(tracer, session_id, result.name, result.call_id, args), result)


def _begin(tracer: Recorder, session_id: str, tool: str, call_id: str, args: object) -> Span:
    name = clipped(tool, 200)
    told: dict[str, Any] = {
        names.OPERATION: names.EXECUTE_TOOL,
        names.TOOL_NAME: name,
        names.TOOL_TYPE: "function",
        names.TOOL_CALL_ID: call_id,
        names.SESSION_ID: session_id,
        names.TOOL_ARGUMENTS: clipped(args) if isinstance(args, str) else json_text(args),
    }
    return Span(tracer, f"{names.EXECUTE_TOOL} {name}", "tool", told)


def _end(span: Span, result: ToolResult) -> None:
    error = result.error
    if error is not None:
        span.fail(str(error.type), clipped(error.message, 4_000))
    else:
        span.set(names.TOOL_RESULT, json_text(result.content))
    metadata = result.metadata
    if metadata is not None:
        coercions = metadata.get("coercions")
        if coercions:
            span.set(names.COERCIONS, [_coercion(one) for one in coercions[:_MOST_NOTES]])
    span.finish()


def _coercion(one: Mapping[str, Any]) -> str:
    return clipped(f"{one.get('path')}: {one.get('from')} -> {one.get('to')}", 500)


def _break(span: Span, error: BaseException) -> None:
    span.fail(*fault(error))
    span.finish()
