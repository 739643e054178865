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
    return Fault.of("malformed", f"The runtime cannot read this message: {why[:500]}.")


def not_this_tool(name: str) -> Fault:
    """The call names another tool than its subject."""
    return Fault.of(
        "tool_differs", f"The call came under the subject of {name!r} and does not name it."
    )


def digest_differs(contract: str) -> Fault:
    """The caller means another contract than the one that is served."""
    return Fault.of(
        "digest_differs",
        f"The runtime serves another {contract} than the caller knows.",
        steps=("Ask the Hosts for the contracts again.",),
    )


def session_ended() -> Fault:
    """The session was revoked."""
    return Fault.of("session_expired", "The session has ended.", steps=("Open a new session.",))


def stopped(reason: str) -> Fault:
    """Nothing is allowed to run now."""
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason=reason,
        message="No contract is in force now: a new manifest must be signed.",
    )


def quarantined() -> Fault:
    """The very call has killed runtimes."""
    return Fault.of("quarantined", "Runtimes died when they ran this call; it is not run any more.")


def overloaded() -> Fault:
    """No slot and no place in the queue."""
    return Fault.of("overloaded", "The runtime has as many calls as it takes.", retry_after_ms=50)


def draining() -> Fault:
    """The runtime is about to go."""
    return Fault.of("draining", "The runtime takes no more calls.")


def duplicate_differs() -> Fault:
    """The id belongs to another call."""
    return Fault.of(
        "duplicate_differs", "This invocation id belongs to a call with other arguments."
    )


def tombstoned() -> Fault:
    """It was said that this call never came, so it does not run now."""
    return Fault.of("tombstoned", "This call was given up before it came.")


def cancelled(reason: str) -> Fault:
    """The caller gave it up before it began."""
    return Fault.of("cancelled", f"The call was not begun: {reason}.")


def too_large(size: int, *, executed: bool) -> Fault:
    """The result does not fit what its caller can take."""
    return Fault.of(
        "too_large",
        f"The result has {size:,} bytes, more than its caller can take.",
        executed="yes" if executed else "no",
    )


def internal() -> Fault:
    """The runtime itself failed."""
    return Fault.of("runtime_failed", "The runtime failed to carry out the call.")
