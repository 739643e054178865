"""Answering: what carries out a session's calls answers them, whatever it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult
from altar.errors import ConfigurationError, ErrorType
from altar.later._log import logger
from altar.runtime import Wrapper

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.runtime import CallContext, Runtime

__all__ = ["Answering"]

_STEP = "Go on without this result: only the application can mend what failed."


class Answering:
    """A Runtime around one of somebody else's, which may raise, or answer another call.

    What it raises becomes an error result of type TOOL_EXECUTION_FAILED, apart
    from a ConfigurationError, which is for whoever wrote the program, and what
    breaks the call off (KeyboardInterrupt, a task's cancellation). So does an
    answer under another call's id: what it holds may be meant for another.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Runtime) -> None:
        self.inner = inner

    @property
    def honours_deadline(self) -> bool:
        """Whether a call returns when its deadline has passed: what the inner one does."""
        return getattr(self.inner, "honours_deadline", False) is True

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        try:
            result = self.inner.invoke(call, ctx)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - a runtime may raise anything
            return _failed(self.inner, call, ctx, error)
        return self._fitting(result, call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        try:
            result = await self.inner.ainvoke(call, ctx)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - a runtime may raise anything
            return _failed(self.inner, call, ctx, error)
        return self._fitting(result, call, ctx)

    def __repr__(self) -> str:
        return repr(self.inner)

    def _fitting(self, result: object, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """The result, if it is one, and this call's."""
        if not isinstance(result, ToolResult):
            what = "None" if result is None else f"a {type(result).__name__}"
            raise ConfigurationError(
                f"{type(self.inner).__name__} answered a call with {what}: its invoke and ainvoke "
                "must return a ToolResult"
            )
        if result._id is None:  # noqa: SLF001 - one made without an id: this call's
            return _renamed(result, call)
        if result.call_id != call.call_id:
            return _mixed_up(self.inner, call, ctx)
        return result if result.name == call.name else _renamed(result, call)


def _failed(runtime: Runtime, call: FunctionCall, ctx: CallContext, error: Exception) -> ToolResult:
    kind, name = type(error).__name__, _raised_in(error) or type(runtime).__name__
    logger.error("call %s of %r: %s raised %s", call.call_id, call.name[:80], name, kind)
    logger.debug("call %s: the traceback", call.call_id, exc_info=error)
    return _error(call, ctx, f"The call failed on its way: {name} raised {kind}.", error)


def _mixed_up(runtime: Runtime, call: FunctionCall, ctx: CallContext) -> ToolResult:
    error = ConfigurationError(
        f"{type(runtime).__name__} answered the call {call.call_id} under another id; make its "
        "results with ToolResult(name=call.name, call_id=call.call_id, ...)"
    )
    logger.error("%s", error)
    return _error(call, ctx, "The answer that came was for another call.", error)


def _error(call: FunctionCall, ctx: CallContext, message: str, cause: Exception) -> ToolResult:
    error = ErrorObject(
        message=message,
        type=ErrorType.TOOL_EXECUTION_FAILED,
        details={"executed": "unknown"},
        retry_allowed=False,
        remediation_steps=(_STEP,),
        correlation_id=ctx.correlation_id or None,
    )
    made = ToolResult(name=call.name, call_id=call.call_id, error=error)
    object.__setattr__(made, "cause", cause)
    return made


def _renamed(result: ToolResult, call: FunctionCall) -> ToolResult:
    """A copy under the call's own name and id: the same object may answer other calls too."""
    made = ToolResult(
        name=call.name,
        call_id=call.call_id,
        content=result.content,
        error=result.error,
        value=result.value,
        metadata=result.metadata,
        extensions=result.extensions,
    )
    object.__setattr__(made, "cause", result.cause)
    return made


def _raised_in(error: Exception) -> str | None:
    """The wrapper whose ``steps`` raised it, where it was one's."""
    found: Any = None
    trace = error.__traceback__
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, Wrapper):
            found = owner if trace.tb_frame.f_code.co_name == "steps" else None
        trace = trace.tb_next
    return None if found is None else f"{type(found).__name__}.steps"
