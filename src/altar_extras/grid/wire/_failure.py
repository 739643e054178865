"""What became of a call that the GRID could not carry out, as a ToolResult."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from altar.adm import ErrorObject, ToolResult
from altar.errors import ErrorType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionCall

__all__ = ["REASONS", "Executed", "Fault", "executed_of", "failed", "with_executed"]

Executed = Literal["no", "yes", "unknown"]

# The errors' type of each reason, the same whoever says it (docs/grid/wire.md, "Errors").
REASONS: Final[Mapping[str, ErrorType]] = MappingProxyType(
    {
        "cancelled": ErrorType.CANCELLED,
        "circuit_open": ErrorType.CIRCUIT_OPEN,
        "deadline_passed": ErrorType.TIMEOUT,
        "digest_differs": ErrorType.INVALID_STATE,
        "disconnected": ErrorType.SERVICE_UNAVAILABLE,
        "draining": ErrorType.SERVICE_UNAVAILABLE,
        "duplicate_differs": ErrorType.INVALID_STATE,
        "malformed": ErrorType.PARAMETER_VALIDATION_FAILED,
        "manifest_expired": ErrorType.SERVICE_UNAVAILABLE,
        "no_host": ErrorType.SERVICE_UNAVAILABLE,
        "no_manifest": ErrorType.SERVICE_UNAVAILABLE,
        "no_runtime": ErrorType.SERVICE_UNAVAILABLE,
        "no_tool": ErrorType.TOOL_NOT_FOUND,
        "overloaded": ErrorType.RESOURCE_EXHAUSTED,
        "quarantined": ErrorType.SERVICE_UNAVAILABLE,
        "runtime_failed": ErrorType.SERVICE_UNAVAILABLE,
        "session_expired": ErrorType.PERMISSION_DENIED,
        "spool_full": ErrorType.RESOURCE_EXHAUSTED,
        "stream_broken": ErrorType.STREAM_BROKEN,
        "tombstoned": ErrorType.INVALID_STATE,
        "too_large": ErrorType.RESOURCE_EXHAUSTED,
        "tool_differs": ErrorType.PERMISSION_DENIED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a call failed on its way: the error's ``type``, a ``reason`` for programs, a text.

    ``executed`` says whether the tool's body ran: "no", "yes", or "unknown". ``cause`` stays in
    this process, as ``ToolResult.cause``.
    """

    type: str
    reason: str
    message: str
    executed: Executed = "no"
    retry_after_ms: int | None = None
    steps: tuple[str, ...] = ()
    cause: BaseException | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls, reason: str, message: str, *, executed: Executed = "no",
        retry_after_ms: int | None = None, steps: tuple[str, ...] = (),
    ) -> Fault:  # fmt: skip
        """One of the :data:`REASONS`, whose type is known."""
        return cls(
            type=REASONS[reason],
            reason=reason,
            message=message,
            executed=executed,
            retry_after_ms=retry_after_ms,
            steps=steps,
        )

    @property
    def retry_allowed(self) -> bool:
        """Whether the same call may be sent again: when it did not run, and might later."""
        return self.executed == "no" and self.type in _PASSING

    def error(self, correlation_id: str = "") -> ErrorObject:
        """The ADM error object."""
        return ErrorObject(
            message=self.message,
            type=self.type,
            details={"executed": self.executed, "reason": self.reason},
            retry_allowed=self.retry_allowed,
            retry_after_ms=self.retry_after_ms,
            remediation_steps=self.steps,
            correlation_id=correlation_id or None,
        )

    def saying(self, executed: Executed) -> Fault:
        """The same with another ``executed``."""
        return replace(self, executed=executed)


_PASSING = frozenset(
    {"SERVICE_UNAVAILABLE", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "CIRCUIT_OPEN"}
)


def failed(call: FunctionCall, fault: Fault, correlation_id: str = "") -> ToolResult:
    """The result that answers ``call`` with the fault."""
    result = ToolResult(name=call.name, call_id=call.call_id, error=fault.error(correlation_id))
    if fault.cause is not None:
        object.__setattr__(result, "cause", fault.cause)
    return result


def executed_of(result: ToolResult) -> Executed:
    """Whether the body of this call ran, as its result says; a success did."""
    if result.error is None:
        return "yes"
    said: Any = (result.error.details or {}).get("executed")
    if said == "no":
        return "no"
    return "yes" if said == "yes" else "unknown"


def with_executed(error: ErrorObject, executed: Executed) -> ErrorObject:
    """The error with ``details.executed``; one that says so already stays as it is."""
    details = error.details or {}
    if "executed" in details:
        return error
    return ErrorObject(
        message=error.message,
        type=error.type,
        details={**details, "executed": executed},
        retry_allowed=error.retry_allowed,
        retry_after_ms=error.retry_after_ms,
        remediation_steps=error.remediation_steps,
        correlation_id=error.correlation_id,
    )
