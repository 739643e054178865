"""What a call is answered when its worker could not: each a typed ToolResult, fit for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, FunctionCall, Problem, ToolResult
from altar.errors import ErrorType

if TYPE_CHECKING:
    from altar.isolate._asked import Asked

__all__ = [
    "cancelled",
    "closed",
    "died",
    "no_room",
    "not_started",
    "refused",
    "timed_out",
    "timed_out_waiting",
    "too_large",
    "too_much_memory",
    "uncrossable",
    "unreadable",
]

_MEGABYTE = 1_048_576
_UNKNOWN = {"executed": "unknown"}


def _failure(
    call: FunctionCall,
    message: str,
    *,
    type: str,  # noqa: A002 - the error's own field
    details: dict[str, Any] | None = None,
    steps: tuple[str, ...] = (),
    retry: bool | None = None,
    cause: BaseException | None = None,
) -> ToolResult:
    error = ErrorObject(
        message=message, type=type, details=details, retry_allowed=retry, remediation_steps=steps
    )
    result = ToolResult(name=call.name, call_id=call.call_id, error=error)
    if cause is not None:
        object.__setattr__(result, "cause", cause)
    return result


def timed_out(exchange: Asked, seconds: float, *, began: bool = True) -> ToolResult:
    """The deadline passed; the worker is killed."""
    name = exchange.call.name
    spoken = f"{seconds:.3g}"
    return _failure(
        exchange.call,
        f"The tool {name!r} did not finish within {spoken} s."
        if began
        else f"The tool {name!r} was not begun within {spoken} s: all workers were busy.",
        type=ErrorType.TIMEOUT,
        details={"timeout_seconds": round(seconds, 6), **({} if began else {"executed": "no"})},
        steps=("Ask for less at once, or go on without this result.",),
        retry=exchange.target.idempotent or not began,
    )


def timed_out_waiting(exchange: Asked) -> ToolResult:
    """The deadline passed in the queue, and who waited did not see it."""
    return timed_out(exchange, 0.0, began=False)


def cancelled(exchange: Asked, reason: str | None) -> ToolResult:
    """The call was given up by the application."""
    why = reason or "cancelled by the application"
    message = f"The call was not finished: {why}."
    return _failure(exchange.call, message, type=ErrorType.CANCELLED, retry=False)


def closed(call: FunctionCall) -> ToolResult:
    """The pool takes no calls any more."""
    message = "The call was not finished: the pool of worker processes was closed."
    return _failure(call, message, type=ErrorType.CANCELLED, retry=False)


def died(exchange: Asked, how: str, cause: BaseException) -> ToolResult:
    """The worker process ended in the middle of the call."""
    idempotent = exchange.target.idempotent
    return _failure(
        exchange.call,
        f"The tool {exchange.call.name!r} was not finished: the worker died: {how}.",
        type=ErrorType.TOOL_EXECUTION_FAILED,
        details={**_UNKNOWN, "exit": how},
        steps=() if idempotent else ("Find out whether it had an effect before calling it again.",),
        retry=idempotent,
        cause=cause,
    )


def too_much_memory(exchange: Asked, limit: int, cause: BaseException) -> ToolResult:
    """The worker was killed because it held more than it may; ``limit`` in bytes."""
    megabytes = limit // _MEGABYTE
    return _failure(
        exchange.call,
        f"The tool {exchange.call.name!r} was stopped: it used more than {megabytes} MB of memory.",
        type=ErrorType.RESOURCE_EXHAUSTED,
        details={**_UNKNOWN, "memory_mb": megabytes},
        steps=("Ask for less at once.",),
        retry=False,
        cause=cause,
    )


def too_large(exchange: Asked, size: int, limit: int) -> ToolResult:
    """The worker announced more than is taken; it is killed."""
    return _failure(
        exchange.call,
        f"The tool {exchange.call.name!r} answered with {size:,} bytes; at most {limit:,} are "
        "taken.",
        type=ErrorType.RESOURCE_EXHAUSTED,
        details={"executed": "yes", "max_bytes": limit},
        steps=("Ask for less at once.",),
        retry=False,
    )


def unreadable(exchange: Asked, cause: BaseException) -> ToolResult:
    """The worker said what no worker says; it is killed."""
    return _failure(
        exchange.call,
        f"The tool {exchange.call.name!r} was not finished: its worker process broke the protocol.",
        type=ErrorType.TOOL_EXECUTION_FAILED,
        details=dict(_UNKNOWN),
        retry=exchange.target.idempotent,
        cause=cause,
    )


def refused(exchange: Asked, cause: BaseException) -> ToolResult:
    """The worker cannot find or import the function."""
    return _failure(
        exchange.call,
        f"The tool {exchange.call.name!r} cannot be loaded in a worker process.",
        type=ErrorType.CONFIGURATION_ERROR,
        details={"executed": "no"},
        retry=False,
        cause=cause,
    )


def not_started(call: FunctionCall, cause: BaseException) -> ToolResult:
    """No worker can be started."""
    return _failure(
        call,
        f"The tool {call.name!r} was not run: no worker process can be started.",
        type=ErrorType.CONFIGURATION_ERROR,
        details={"executed": "no"},
        retry=False,
        cause=cause,
    )


def no_room(call: FunctionCall, size: int) -> ToolResult:
    """Every worker is kept for another session."""
    return _failure(
        call,
        f"The tool {call.name!r} was not run: all {size} workers are kept for other sessions.",
        type=ErrorType.RESOURCE_EXHAUSTED,
        details={"executed": "no"},
        retry=True,
    )


def uncrossable(call: FunctionCall, problems: list[Problem]) -> ToolResult:
    """An argument is no JSON, or there is too much of it."""
    listed = "; ".join(str(problem) for problem in problems[:8])
    return _failure(
        call,
        f"The arguments cannot be sent to a worker process. {listed}",
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem.to_dict() for problem in problems[:32]]},
        retry=True,
    )
