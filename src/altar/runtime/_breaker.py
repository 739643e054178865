"""Breaker: a tool that fails again and again is left alone for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError, ErrorType
from altar.resilience import CircuitBreaker
from altar.runtime._answers import refusal, spoken
from altar.runtime._keyed import Keyed
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Breaker"]

# these say that the tool, or what stands behind it, does not work
_FAILING = frozenset(
    {
        ErrorType.LOCAL_EXECUTION_FAILED,
        ErrorType.SERVICE_UNAVAILABLE,
        ErrorType.TIMEOUT,
        ErrorType.TOOL_EXECUTION_FAILED,
    }
)
# these are answers of a tool that works; any other error is about the call, and says neither
_WORKING = frozenset({ErrorType.BUSINESS_RULE_VIOLATION, ErrorType.RESOURCE_NOT_FOUND})


class Breaker(Wrapper):
    """Answers the calls of a failing tool with CIRCUIT_OPEN, and with when to come back.

    ``breaker`` makes the :class:`altar.resilience.CircuitBreaker` of each
    tool, for example ``lambda: CircuitBreaker(failures=5, wait=30)``. A
    CircuitBreaker itself is one for all tools, and for whoever else has it.

    What counts as a failure is what says that the tool or its backend is
    failing: TIMEOUT, SERVICE_UNAVAILABLE, TOOL_EXECUTION_FAILED,
    LOCAL_EXECUTION_FAILED, and a runtime that raises; not wrong arguments,
    unknown tools, permissions, or calls that were cancelled or never begun.
    """

    __slots__ = ("_keyed", "_shared")

    def __init__(
        self,
        inner: Runtime,
        breaker: Callable[[], CircuitBreaker] | CircuitBreaker = CircuitBreaker,
    ) -> None:
        super().__init__(inner)
        shared = isinstance(breaker, CircuitBreaker)
        if not shared and not callable(breaker):
            raise ConfigurationError(
                f"Breaker(..., {breaker!r:.60}): give a CircuitBreaker, or a function that makes "
                "one; type Breaker(inner, lambda: CircuitBreaker(failures=5, wait=30))"
            )
        self._shared = breaker if isinstance(breaker, CircuitBreaker) else None
        make = CircuitBreaker if isinstance(breaker, CircuitBreaker) else breaker
        self._keyed = Keyed(make, _is_pristine)

    def breaker(self, name: str) -> CircuitBreaker:
        """The breaker of a tool."""
        return self._keyed.get(name) if self._shared is None else self._shared

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        breaker = self.breaker(call.name)
        ticket = breaker.enter()
        if ticket == 0:
            if switch.tracer is not None:
                event("breaker", {"state": "open"})
            return _open(call, ctx, breaker.retry_after)
        try:
            result: ToolResult = yield ctx
        except Exception:
            breaker.fail(ticket)
            raise
        except BaseException:  # broken off: that says nothing of the tool
            breaker.leave(ticket)
            raise
        error = result.error
        if error is None or error.type in _WORKING:
            breaker.succeed(ticket)
        elif error.type in _FAILING and (error.details or {}).get("executed") != "no":
            breaker.fail(ticket)
            if switch.tracer is not None:
                event("breaker", {"state": breaker.state})
        else:
            breaker.leave(ticket)
        return result


def _is_pristine(breaker: CircuitBreaker) -> bool:
    return breaker.pristine


def _open(call: FunctionCall, ctx: CallContext, retry_after: float) -> ToolResult:
    name = call.name[:80]
    return refusal(
        call,
        ctx,
        f"The tool {name!r} failed again and again, and is left alone for now: "
        f"it may be tried again in {spoken(retry_after)} s.",
        type=ErrorType.CIRCUIT_OPEN,
        retry_after=retry_after,
        step="Go on without this result, or call again later.",
    )
