"""What wrappers answer in place of a runtime: refusals, each as a ToolResult."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult
from altar.errors import ErrorType

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.runtime._protocol import CallContext

__all__ = [
    "cancelled",
    "given_up",
    "late",
    "milliseconds",
    "redone",
    "refusal",
    "spoken",
    "timed_out",
]


def refusal(
    call: FunctionCall,
    ctx: CallContext,
    message: str,
    *,
    type: str,  # noqa: A002 - the error's own field
    retry_after: float | None = None,
    step: str = "",
    cause: BaseException | None = None,
) -> ToolResult:
    """The error result of a call that was not carried out; with a time, it may be sent again."""
    return _error(
        call,
        ErrorObject(
            message=message,
            type=type,
            details={"executed": "no"},
            retry_allowed=retry_after is not None,
            retry_after_ms=None if retry_after is None else milliseconds(retry_after),
            remediation_steps=(step,) if step else (),
            correlation_id=ctx.correlation_id or None,
        ),
        cause,
    )


def cancelled(call: FunctionCall, ctx: CallContext) -> ToolResult:
    """The call was given up by the application while it waited."""
    why = ctx.cancelled.reason or "cancelled by the application"
    message = f"The call was not finished: {why}."
    return refusal(call, ctx, message, type=ErrorType.CANCELLED)


def late(call: FunctionCall, ctx: CallContext) -> ToolResult:
    """The deadline passed before the call was begun."""
    message = f"The time for {call.name[:80]!r} was over before it began."
    return refusal(call, ctx, message, type=ErrorType.TIMEOUT)


def given_up(call: FunctionCall, ctx: CallContext) -> ToolResult:
    """The call waited for something until it was cancelled, or until its deadline."""
    return late(call, ctx) if ctx.cancelled.reason is None else cancelled(call, ctx)


def timed_out(call: FunctionCall, ctx: CallContext, seconds: float) -> ToolResult:
    """The call was begun, and did not end in time."""
    error = ErrorObject(
        message=f"The tool {call.name[:80]!r} did not finish within {spoken(seconds)} s.",
        type=ErrorType.TIMEOUT,
        details={"timeout_seconds": round(seconds, 6)},
        retry_allowed=False,
        remediation_steps=("Ask for less at once, or go on without this result.",),
        correlation_id=ctx.correlation_id or None,
    )
    return _error(call, error, None)


def redone(result: ToolResult, message: str, details: dict[str, Any]) -> ToolResult:
    """The same error result with another message and other details."""
    old = result.error
    if old is None:
        return result
    error = ErrorObject(
        message=message,
        type=old.type,
        details=details,
        retry_allowed=old.retry_allowed,
        retry_after_ms=old.retry_after_ms,
        remediation_steps=old.remediation_steps,
        correlation_id=old.correlation_id,
    )
    if old.extensions:
        object.__setattr__(error, "_extensions", old.extensions)
    made = ToolResult(
        name=result.name,
        call_id=result.call_id,
        error=error,
        value=result.value,
        metadata=result.metadata,
        extensions=result.extensions,
    )
    object.__setattr__(made, "cause", result.cause)
    return made


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded up, of a time that may be infinite."""
    return math.ceil(min(max(seconds, 0.0), 1e12) * 1000)


def spoken(seconds: float) -> str:
    """Seconds as a reader wants them: ``0.1``, ``2.5``, ``3600``."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") if seconds >= 1 else f"{seconds:.3g}"


def _error(call: FunctionCall, error: ErrorObject, cause: BaseException | None) -> ToolResult:
    made = ToolResult(name=call.name, call_id=call.call_id, error=error)
    if cause is not None:  # a ToolResult takes no cause when it is made
        object.__setattr__(made, "cause", cause)
    return made
