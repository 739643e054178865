"""What a runtime answers to a call that it does not run, each with its reason for programs."""

from __future__ import annotations

from altar.errors import ErrorType
from altar_extras.grid.wire import Fault

__all__ = [
    "cancelled",
    "digest_differs",
    "draining",
    "duplicate_differs",
    "internal",
    "malformed",
    "not_this_tool",
    "overloaded",
    "quarantined",
    "session_ended",
    "stopped",
    "tombstoned",
    "too_large",
]


def malformed(why: str) -> Fault:
    """What came is no message, or none for here."""
    return Fault(
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        reason="malformed",
        message=f"The runtime cannot read this message: {why[:500]}.",
    )


def not_this_tool(name: str) -> Fault:
    """The call names another tool than its subject."""
    return Fault(
        type=ErrorType.PERMISSION_DENIED,
        reason="tool_differs",
        message=f"The call came under the subject of {name!r} and does not name it.",
    )


def digest_differs(contract: str) -> Fault:
    """The caller means another contract than the one that is served."""
    return Fault(
        type=ErrorType.INVALID_STATE,
        reason="digest_differs",
        message=f"The runtime serves another {contract} than the caller knows.",
        steps=("Ask the Hosts for the contracts again.",),
    )


def session_ended() -> Fault:
    """The session was revoked."""
    return Fault(
        type=ErrorType.PERMISSION_DENIED,
        reason="session_expired",
        message="The session has ended.",
        steps=("Open a new session.",),
    )


def stopped(reason: str) -> Fault:
    """Nothing is allowed to run now."""
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason=reason,
        message="No contract is in force now: a new manifest must be signed.",
    )


def quarantined() -> Fault:
    """The very call has killed runtimes."""
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason="quarantined",
        message="Runtimes died when they ran this call; it is not run any more.",
    )


def overloaded() -> Fault:
    """No slot and no place in the queue."""
    return Fault(
        type=ErrorType.RESOURCE_EXHAUSTED,
        reason="overloaded",
        message="The runtime has as many calls as it takes.",
        retry_after_ms=50,
    )


def draining() -> Fault:
    """The runtime is about to go."""
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason="draining",
        message="The runtime takes no more calls.",
    )


def duplicate_differs() -> Fault:
    """The id belongs to another call."""
    return Fault(
        type=ErrorType.INVALID_STATE,
        reason="duplicate_differs",
        message="This invocation id belongs to a call with other arguments.",
    )


def tombstoned() -> Fault:
    """It was said that this call never came, so it does not run now."""
    return Fault(
        type=ErrorType.INVALID_STATE,
        reason="tombstoned",
        message="This call was given up before it came.",
    )


def cancelled(reason: str) -> Fault:
    """The caller gave it up before it began."""
    return Fault(
        type=ErrorType.CANCELLED,
        reason="cancelled",
        message=f"The call was not begun: {reason}.",
    )


def too_large(size: int, *, executed: bool) -> Fault:
    """The result does not fit what its caller can take."""
    return Fault(
        type=ErrorType.RESOURCE_EXHAUSTED,
        reason="too_large",
        message=f"The result has {size:,} bytes, more than its caller can take.",
        executed="yes" if executed else "no",
    )


def internal() -> Fault:
    """The runtime itself failed."""
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason="runtime_failed",
        message="The runtime failed to carry out the call.",
    )
