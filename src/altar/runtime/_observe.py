"""Observe: somebody is told of every call, and of what came of it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import FunctionCall, ToolResult
from altar.errors import ConfigurationError, ErrorType
from altar.runtime._answers import refusal
from altar.runtime._wrapper import Wrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Observation", "Observe"]

_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE, without its import


class Observation(NamedTuple):
    """One call that ended, its result, and the seconds it took."""

    call: FunctionCall
    result: ToolResult
    seconds: float


class Observe(Wrapper):
    """Tells ``tell`` of each call when it has ended, with an :class:`Observation`.

    ``tell`` is called in the thread, or on the event loop, of the call, and
    should be quick. What it raises disturbs no call; the first time is logged.
    Of a call that was broken off (its task was cancelled, the runtime raised)
    it is told too, with an error result of type CANCELLED or
    TOOL_EXECUTION_FAILED that nobody else sees.
    """

    __slots__ = ("_complained", "tell")

    def __init__(self, inner: Runtime, tell: Callable[[Observation], object]) -> None:
        super().__init__(inner)
        given: object = tell
        code = getattr(given, "__code__", None)
        if not callable(given) or (code is not None and code.co_flags & _IS_COROUTINE):
            raise ConfigurationError(
                f"Observe(..., {tell!r:.60}): give a plain function of one Observation; "
                "type Observe(inner, print)"
            )
        self.tell = tell
        self._complained = False

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        began = perf_counter()
        try:
            result: ToolResult = yield ctx
        except BaseException as error:
            self._say(call, _broken_off(call, ctx, error), perf_counter() - began)
            raise
        self._say(call, result, perf_counter() - began)
        return result

    def _say(self, call: FunctionCall, result: ToolResult, seconds: float) -> None:
        try:
            came = self.tell(Observation(call, result, seconds))
            if hasattr(came, "__await__"):
                _refuse(came)
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            if not self._complained:
                self._complained = True
                _complain(error)


def _refuse(came: Any) -> NoReturn:
    close = getattr(came, "close", None)
    if close is not None:  # or it would be complained about when it is forgotten
        close()
    raise ConfigurationError("tell is async, and nobody awaits it; give a plain function")


def _broken_off(call: FunctionCall, ctx: CallContext, error: BaseException) -> ToolResult:
    kind = type(error).__name__
    if isinstance(error, Exception):
        message = f"The runtime failed ({kind})."
        return refusal(call, ctx, message, type=ErrorType.TOOL_EXECUTION_FAILED, cause=error)
    message = f"The call was broken off ({kind})."
    return refusal(call, ctx, message, type=ErrorType.CANCELLED, cause=error)


def _complain(error: Exception) -> None:
    from logging import getLogger  # noqa: PLC0415 - for those whose function fails

    log = getLogger("altar")
    kind = type(error).__name__
    what = str(error) if isinstance(error, ConfigurationError) else f"tell raised {kind}"
    log.warning("Observe: %s; calls are not disturbed, later ones not logged", what)
    log.debug("Observe: the traceback", exc_info=error)
