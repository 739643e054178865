"""What a caller is told when a call cannot be carried out: one Fault for each reason."""

from __future__ import annotations

from altar.errors import ErrorType
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    AnswerTimeoutError,
    GridTransportError,
    NoRespondersError,
    RemoteError,
    TooLargeError,
)
from altar_extras.grid.wire import Executed, Fault

__all__ = [
    "LinkLostError",
    "all_out",
    "cancelled",
    "closed",
    "expired",
    "fault_of",
    "no_tool",
    "quarantined",
    "too_late",
    "unsent",
]

_WORTH_SAYING = 0.1  # seconds: less was one try


class LinkLostError(GridTransportError):
    """A session that cannot be opened, or is over; ``fault`` says why to a caller."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)


def fault_of(
    error: BaseException, executed: Executed = "no", *, tried: float | None = None
) -> Fault:
    """What a caller is told of an error of the transport, or of the Hosts'; ``tried`` is for how
    many seconds.
    """
    if isinstance(error, LinkLostError):
        return error.fault
    # nobody refused who finds no Host: it may well be let in once there is one
    if isinstance(error, AdmissionRefusedError) and error.reason != "no_host":
        expired = error.reason in ("expired", "session_expired", "revoked")
        return Fault(
            type=ErrorType.PERMISSION_DENIED,
            reason="session_expired" if expired else error.reason,
            message="The grid does not let this client in.",
            executed=executed,
            steps=("Only the application can set this up: go on without the tool.",),
        )
    if isinstance(error, RemoteError):
        said = error.message.error.get("type")
        return Fault(
            type=said if isinstance(said, str) and said else ErrorType.SERVICE_UNAVAILABLE,
            reason=error.reason or "refused",
            message=str(error) or "The grid refused it.",
            executed=executed,
        )
    reason, text = "disconnected", "There is no connection to the grid now."
    if isinstance(error, (NoRespondersError, AdmissionRefusedError)):
        reason, text = "no_host", _without_host(tried)
    elif isinstance(error, (AnswerTimeoutError, TimeoutError)):
        reason, text = "no_answer", "The grid did not answer in time."
    return Fault(
        type=ErrorType.SERVICE_UNAVAILABLE,
        reason=reason,
        message=text,
        executed=executed,
        retry_after_ms=500,
        cause=error,
    )


def _without_host(tried: float | None) -> str:
    went_on = "" if tried is None or tried < _WORTH_SAYING else f" (tried for {tried:.1f} s)"
    return (
        f"No Host of the grid answers now{went_on}. Who runs the grid types `altar grid status`, "
        "and `altar grid host --credentials FILE` where no Host runs."
    )


def expired() -> Fault:
    """The session has ended."""
    return Fault.of("session_expired", "The session with the grid is over.")


def quarantined() -> Fault:
    """The call killed runtimes."""
    return Fault.of(
        "quarantined",
        "This call has ended several runtimes, and is not made again.",
        steps=("Call the tool with other arguments.",),
    )


def no_tool(name: str) -> Fault:
    """Nobody knows the name."""
    return Fault.of("no_tool", f"The grid shows this session no tool {name[:80]!r}.")


def cancelled(reason: str) -> Fault:
    """It was given up before it was sent."""
    text = f"The call was not finished: {reason}."
    return Fault.of("cancelled", text)


def too_late(name: str) -> Fault:
    """Its deadline passed before it was sent."""
    return Fault.of("deadline_passed", f"The time for {name[:80]!r} was over before it began.")


def closed() -> Fault:
    """The client was closed."""
    return Fault(type=ErrorType.INVALID_STATE, reason="closed", message="The client was closed.")


def unsent(error: GridTransportError) -> Fault:
    """The transport did not take it."""
    if isinstance(error, TooLargeError):
        return Fault.of(
            "too_large", f"The call has {error.size:,} bytes, and {error.limit:,} may travel."
        )
    return fault_of(error)


def all_out(name: str, seconds: float) -> Fault:
    """Every breaker is open."""
    return Fault.of(
        "circuit_open",
        f"Every runtime of {name[:80]!r} failed lately; it is left alone for a while.",
        retry_after_ms=int(seconds * 1000) + 1,
    )
