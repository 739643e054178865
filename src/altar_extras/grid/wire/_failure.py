"""What became of a call that the GRID could not carry out, as a ToolResult."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from altar.adm import ErrorObject, ToolResult

if TYPE_CHECKING:
    from altar.adm import FunctionCall

__all__ = ["Executed", "Fault", "executed_of", "failed", "with_executed"]

Executed = Literal["no", "yes", "unknown"]


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
