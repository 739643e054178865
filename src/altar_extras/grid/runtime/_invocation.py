"""Invocation: what one call may still do. Sans-I/O: it is told the time, and never asks.

    WAITING --begin--> RUNNING --end--> ENDED ("yes" or "unknown")
       |                                  ^
       +---------- refuse ----------------+     ("no": nothing of this attempt ever runs)

A ghost is a body that starts after its deadline, or one of an attempt that was
answered "no". ``begin`` is the only way into RUNNING and it refuses both.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from altar_extras.grid.wire import Fault

if TYPE_CHECKING:
    from altar_extras.grid.wire import Executed

__all__ = ["Invocation", "Phase", "expired"]


class Phase(Enum):
    """Where an invocation stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


_WAITING, _RUNNING, _ENDED = Phase.WAITING, Phase.RUNNING, Phase.ENDED


class Invocation:
    """One invocation id of one session at this runtime.

    ``fingerprint`` is what was asked (contract and arguments); ``expires_ms``
    is Host time. ``floor`` is the highest attempt that must never run (again).
    ``executed`` is what was answered, "" before. ``body`` is the packed answer,
    ``payload`` the bytes that follow it as Parts. ``job`` is the shell's own.
    """

    __slots__ = (
        "attempt",
        "body",
        "executed",
        "expires_ms",
        "fault",
        "fingerprint",
        "floor",
        "held",
        "id",
        "job",
        "keep_until",
        "payload",
        "phase",
        "session",
        "size",
    )

    def __init__(
        self, session: str, invocation_id: str, *, fingerprint: str, expires_ms: float, attempt: int
    ) -> None:
        self.session = session
        self.id = invocation_id
        self.fingerprint = fingerprint
        self.expires_ms = expires_ms
        self.attempt = attempt
        self.floor = 0
        self.held = 0
        self.phase = _WAITING
        self.executed: Executed | Literal[""] = ""
        self.fault: Fault | None = None
        self.body = b""
        self.payload = b""
        self.job: Any = None
        self.keep_until = 0.0
        self.size = 0

    def begin(self, now_ms: float, uncertainty_ms: float) -> Fault | None:
        """The body is about to run: None when it may, else why it must not.

        The time is Host time, and how far off that may be: what may have
        expired is refused.
        """
        if self.phase is _ENDED:
            return self.fault or _never()
        if self.phase is _RUNNING:
            raise RuntimeError(f"the body of {self.id!r} was about to run twice")
        if not now_ms + uncertainty_ms < self.expires_ms:
            return self.refuse(expired())
        self.phase = _RUNNING
        return None

    def refuse(self, fault: Fault) -> Fault | None:
        """Answer "no", for good: the fault that holds, or None when it was let in before."""
        if self.phase is _RUNNING or self.executed not in ("", "no"):
            return None
        if self.phase is _WAITING:
            self.phase, self.executed, self.fault = _ENDED, "no", fault
            self.floor = max(self.floor, self.attempt)
        return self.fault

    def end(self, executed: Executed) -> None:
        """The body has stopped. What LocalRuntime never started counts as "no" here too."""
        if self.phase is not _RUNNING:
            raise RuntimeError(f"{self.id!r} ended and was not running")
        self.phase, self.executed = _ENDED, executed
        if executed == "no":
            self.floor = max(self.floor, self.attempt)

    def bury(self, up_to: int) -> None:
        """Refuse every attempt up to this one from now on."""
        self.floor = max(self.floor, up_to)

    def may_try_again(self, attempt: int) -> bool:
        """Whether a later attempt may take this one's place: nothing ran, and it may run."""
        return self.phase is _ENDED and self.executed == "no" and attempt > self.floor


def expired() -> Fault:
    """The deadline has passed, or may have."""
    return Fault.of(
        "deadline_passed", "The deadline had passed, or may have, before the tool began."
    )


def _never() -> Fault:
    return Fault.of(
        "tombstoned", "This runtime said that it had never seen this call; it does not run it now."
    )
