"""Fallback: where one runtime cannot, another is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError, ErrorType
from altar.runtime._answers import redone
from altar.runtime._protocol import Runtime
from altar.runtime._waits import Elsewhere
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ErrorObject, FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext
    from altar.runtime._wrapper import Steps

__all__ = ["Fallback"]

_NOT_RUN = frozenset({ErrorType.CIRCUIT_OPEN, ErrorType.TOOL_NOT_FOUND})
# another runtime would say the same, or must not be asked to say otherwise
_FINAL = frozenset(
    {
        ErrorType.APPROVAL_REQUIRED,
        ErrorType.CANCELLED,
        ErrorType.PARAMETER_VALIDATION_FAILED,
        ErrorType.PERMISSION_DENIED,
    }
)


class Fallback(Wrapper):
    """Has ``other`` carry out a call that the inner runtime could not.

    ``when`` is asked about each error result, and says whether. By default it
    is so when nothing was executed (``details.executed`` is "no", an unknown
    tool, an open breaker) or the call may be sent again (``retry_allowed``):
    never twice what may be done once. Never either what is refused for its
    arguments, for want of a permission, or because it was cancelled.

    The result is the other's, unless that has no such tool.
    """

    __slots__ = ("other", "when")

    def __init__(
        self,
        inner: Runtime,
        other: Runtime,
        *,
        when: Callable[[ToolResult], bool] | None = None,
    ) -> None:
        super().__init__(inner)
        if isinstance(other, type) or not isinstance(other, Runtime):
            raise ConfigurationError(
                f"Fallback(..., {other!r:.60}): give the Runtime to fall back to; "
                "type Fallback(inner, LocalRuntime([...]))"
            )
        if when is not None and not callable(when):
            raise ConfigurationError(
                f"Fallback(when={when!r:.60}): give a function from a ToolResult to True or False; "
                'type Fallback(inner, other, when=lambda r: r.error.type == "TIMEOUT")'
            )
        self.other = other
        self.when = when

    @property
    def honours_deadline(self) -> bool:
        """True where both do."""
        return super().honours_deadline and getattr(self.other, "honours_deadline", False) is True

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        result: ToolResult = yield ctx
        error = result.error
        if error is None or ctx.cancelled.reason is not None:
            return result
        if not (_is_safe if self.when is None else self.when)(result):
            return result
        if switch.tracer is not None:
            event("fallback", {"error": error.type})
        second: ToolResult = yield Elsewhere(self.other, call, ctx)
        last = second.error
        if last is None:
            return second
        if last.type == ErrorType.TOOL_NOT_FOUND:
            return result
        details = last.details or {}
        if details.get("executed") == "no" and not _was_not_run(error):
            return redone(second, last.message, {**details, "executed": "unknown"})
        return second

    def printed(self) -> str:
        return f"Fallback({self.other!r})"


def _is_safe(result: ToolResult) -> bool:
    error = result.error
    if error is None or error.type in _FINAL:
        return False
    return error.retry_allowed is True or _was_not_run(error)


def _was_not_run(error: ErrorObject) -> bool:
    return error.type in _NOT_RUN or (error.details or {}).get("executed") == "no"
