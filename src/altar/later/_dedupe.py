"""Ledger: one run for one supplied call id, however often the call is sent."""

from __future__ import annotations

from _thread import RLock
from contextvars import ContextVar
from typing import TYPE_CHECKING

from altar.adm import digest
from altar.adm._result import ToolResult
from altar.errors import CanonicalError, ErrorType, ToolError
from altar.later._failure import sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall

__all__ = ["Claim", "Ledger", "fingerprint", "is_refusal"]

# the claims whose bodies the current context is inside of: waiting for one would never end
inside: ContextVar[tuple[Claim, ...]] = ContextVar("altar_claims", default=())

_REFUSALS = frozenset(
    {
        ErrorType.APPROVAL_REQUIRED,
        ErrorType.CIRCUIT_OPEN,
        ErrorType.CONFIGURATION_ERROR,
        ErrorType.INVALID_STATE,
        ErrorType.PARAMETER_VALIDATION_FAILED,
        ErrorType.PERMISSION_DENIED,
        ErrorType.RATE_LIMIT_EXCEEDED,
        ErrorType.RESOURCE_NOT_FOUND,
        ErrorType.SERVICE_UNAVAILABLE,
        ErrorType.TOOL_NOT_FOUND,
    }
)


class Claim:
    """One call id: what it was sent with, and what came of it (None while it runs)."""

    __slots__ = ("dropped", "print", "result", "waiting")

    def __init__(self, print_: str) -> None:
        self.print = print_
        self.result: ToolResult | None = None
        self.dropped = False
        self.waiting: list[Callable[[], None]] = []


class Ledger:
    """The newest claims by call id. Safe to use from any number of threads."""

    __slots__ = ("_claims", "_lock", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._claims: dict[str, Claim] = {}
        self._lock = RLock()  # a call that is thrown away ends wherever the collector runs

    def claim(self, call_id: str, print_: str) -> tuple[Claim, bool]:
        """The claim of an id, and whether it is the caller's to carry out."""
        with self._lock:
            known = self._claims.get(call_id)
            if known is not None:
                return known, False
            mine = self._claims[call_id] = Claim(print_)
            if len(self._claims) > self._size:
                self._evict()
            return mine, True

    def settle(self, call_id: str, claim: Claim, result: ToolResult | None) -> None:
        """End a claim and wake those who wait for it.

        None (it was given up) and refusals are not kept: the same id may try again.
        """
        with self._lock:
            if result is None or is_refusal(result):
                if self._claims.get(call_id) is claim:
                    del self._claims[call_id]
                claim.dropped = True
            claim.result = _light(result) if result is not None else None
            waiting, claim.waiting = claim.waiting, []
        for wake in waiting:
            wake()

    def on_settled(self, claim: Claim, wake: Callable[[], None]) -> None:
        """Call ``wake`` once when the claim ends, at once if it has."""
        with self._lock:
            if claim.result is None and not claim.dropped:
                claim.waiting.append(wake)
                return
        wake()

    def forget(self, claim: Claim, wake: Callable[[], None]) -> None:
        """Stop waiting."""
        with self._lock:
            if wake in claim.waiting:
                claim.waiting.remove(wake)

    def __len__(self) -> int:
        return len(self._claims)

    def _evict(self) -> None:
        for call_id, claim in self._claims.items():
            if claim.result is not None:  # what still runs stays
                del self._claims[call_id]
                return


def fingerprint(call: FunctionCall) -> str | None:
    """The digest of name and arguments, or None when they are no JSON."""
    try:
        return digest([call.name, call.args], big_integers="exact")
    except CanonicalError:
        return None


def is_refusal(result: ToolResult) -> bool:
    """True when the tool's body did not run, or itself asks for a person first."""
    error = result.error
    if error is None or error.type not in _REFUSALS:
        return False
    return error.type == ErrorType.APPROVAL_REQUIRED or not isinstance(result.cause, ToolError)


def _light(result: ToolResult) -> ToolResult:
    """What is kept of a result: a value too large for a model is too large to keep."""
    metadata = result.metadata
    if metadata is None or "truncated" not in metadata:
        return result
    content = result.content
    return sealed(result.name, result.call_id, content=content, value=content, metadata=metadata)
