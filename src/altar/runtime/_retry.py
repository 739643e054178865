"""Retry: what failed, and may be sent again, is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ErrorType
from altar.resilience import RetryPolicy
from altar.resilience._checks import check_kind
from altar.runtime._answers import cancelled, redone
from altar.runtime._waits import Pause
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from altar.adm import ErrorObject, FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Retry", "RetryAboveLimits"]

# a model that corrects its arguments sends another call; the same one fails again
_HOPELESS = frozenset({ErrorType.PARAMETER_VALIDATION_FAILED, ErrorType.CANCELLED})
_LIMITS = frozenset({ErrorType.RATE_LIMIT_EXCEEDED, ErrorType.RESOURCE_EXHAUSTED})
_USUAL = RetryPolicy()


class Retry(Wrapper):
    """Sends a call again when its error says that it may be (``retry_allowed``).

    A runtime says so of tools marked ``idempotent``, of a ToolError with
    ``retry_after``, and of calls that were never carried out. ``policy`` is a
    :class:`altar.resilience.RetryPolicy`, or the number of attempts. The
    server's hint (``retry_after_ms``) comes before the policy's own backoff; no
    wait is begun that would not end before the call's deadline, and a cancelled
    call is not tried again. ``ctx.attempt`` counts.

    The result is that of the last attempt; an error then says how many there were.
    """

    __slots__ = ("policy",)

    def __init__(self, inner: Runtime, policy: RetryPolicy | int = _USUAL) -> None:
        super().__init__(inner)
        if isinstance(policy, int):
            policy = RetryPolicy(attempts=policy)
        check_kind("Retry", "policy", policy, RetryPolicy, "RetryPolicy(attempts=3)")
        self.policy = policy

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        policy = self.policy
        started = None if policy.budget is None else policy.clock.now()
        result: ToolResult = yield ctx
        done, attempt, ran = 1, ctx.attempt, False
        while (error := result.error) is not None and self._is_worth_it(error):
            hint = None if error.retry_after_ms is None else error.retry_after_ms / 1000
            wait = policy.delay(done, hint=hint, started=started, deadline=ctx.deadline)
            if wait is None:
                break
            if switch.tracer is not None:
                event("retry", {"attempt": attempt + done, "wait_s": wait, "error": error.type})
            if wait > 0:
                yield Pause(policy.clock, wait, ctx.cancelled)
            if ctx.cancelled.reason is not None:
                return _given_up(call, ctx, done)
            ran = ran or (error.details or {}).get("executed") != "no"
            result = yield ctx.replace(attempt=attempt + done)
            done += 1
        return result if done == 1 or result.error is None else _counted(result, done, ran)

    def _is_worth_it(self, error: ErrorObject) -> bool:
        return error.retry_allowed is True and error.type not in _HOPELESS

    def printed(self) -> str:
        return f"Retry({self.policy.attempts})"


class RetryAboveLimits(Retry):
    """A Retry above a limit of altar's, which has let the call wait as long as it may."""

    __slots__ = ()

    def _is_worth_it(self, error: ErrorObject) -> bool:
        refused = error.type in _LIMITS and error.details == {"executed": "no"}
        return not refused and super()._is_worth_it(error)


def _given_up(call: FunctionCall, ctx: CallContext, attempts: int) -> ToolResult:
    """The call was cancelled between two attempts; the earlier ones may have been carried out."""
    result = cancelled(call, ctx)
    message = "" if result.error is None else result.error.message
    return redone(result, message, {"executed": "unknown", "attempts": attempts})


def _counted(result: ToolResult, attempts: int, ran: bool) -> ToolResult:
    """The error of the last attempt, which says how many there were."""
    error = result.error
    if error is None:
        return result
    details = {**(error.details or {}), "attempts": attempts}
    if ran and details.get("executed") == "no":  # not the last attempt, but an earlier one
        details["executed"] = "unknown"
    stop = "" if error.message.endswith((".", "!", "?")) else "."
    return redone(result, f"{error.message}{stop} It was tried {attempts} times.", details)
