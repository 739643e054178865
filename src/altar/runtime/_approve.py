"""Approval: a person, or a rule, allows a call before it is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError, ErrorType
from altar.runtime._answers import cancelled, refusal
from altar.runtime._ask import Asking, Unasked
from altar.runtime._only import Only, chooser
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._ask import Ask
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Approval"]

_STEP = "Do not make the same call again: go on without it, or ask what to do instead."


class Approval(Wrapper):
    """Has ``ask`` decide on calls; what it allows runs with ``ctx.approved``.

    ``ask`` is a function, sync or async, from the FunctionCall to True, False,
    or a text that says why not. It is asked about calls that the inner runtime
    answers with APPROVAL_REQUIRED, and, before they run, about those that
    ``only`` names or picks: names, or a function from the FunctionCall to
    True or False. A call that was approved already is not asked about.

    A denied call is answered with PERMISSION_DENIED. So is one where asking
    failed: an ``ask`` that raises, or answers anything else; that is logged as a
    warning, and ``result.cause`` says what it was. In an async call a plain
    function runs in a thread of its own, since it may wait; in a sync call an
    async one runs on an event loop of its own. A call that was cancelled
    meanwhile is not run, whatever the answer.
    """

    __slots__ = ("_picks", "ask")

    def __init__(self, inner: Runtime, ask: Ask, *, only: Only = None) -> None:
        super().__init__(inner)
        if not callable(ask):
            raise ConfigurationError(
                f"Approval(..., {ask!r:.60}): give a function from the FunctionCall to True, "
                "False, or a text that says why not; type "
                "Approval(inner, lambda call: call.name == 'send')"
            )
        self.ask = ask
        self._picks = chooser("Approval", only)

    @property
    def honours_deadline(self) -> bool:
        """False: a person may take their time."""
        return False

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        picks = self._picks
        if ctx.approved or picks is None or not picks(call):
            result: ToolResult = yield ctx
            if ctx.approved or result.error is None:
                return result
            if result.error.type != ErrorType.APPROVAL_REQUIRED:
                return result
        said = yield Asking(self.ask, call, ctx.cancelled)
        if ctx.cancelled.reason is not None:
            return cancelled(call, ctx)
        if switch.tracer is not None:
            event("approval", {"approved": said is True})
        if said is not True:
            return _denied(call, ctx, said)
        result = yield ctx.replace(approved=True)
        return result


def _denied(call: FunctionCall, ctx: CallContext, said: object) -> ToolResult:
    """True is a yes; anything else is a no, or none at all, and no yes."""
    cause: Exception | None = None
    if said is False or isinstance(said, str):
        reason = _sound(said or "").strip()
        message = f"A person did not allow this call{f': {reason}' if reason else '.'}"
    else:
        cause = said.error if isinstance(said, Unasked) else _no_verdict(said)
        message = f"This call was not run: asking a person failed ({type(cause).__name__})."
        _complain(call, cause)
    kind = ErrorType.PERMISSION_DENIED
    return refusal(call, ctx, message, type=kind, step=_STEP, cause=cause)


def _complain(call: FunctionCall, cause: Exception) -> None:
    """Tell the application; what its function raised may hold a secret, and stands at DEBUG."""
    from logging import getLogger  # noqa: PLC0415 - for those whose function fails

    log = getLogger("altar")
    kind = type(cause).__name__
    what = str(cause) if isinstance(cause, ConfigurationError) else f"ask= raised {kind}"
    log.warning("Approval denied a call of %r, because nobody said yes or no: %s", call.name, what)
    log.debug("Approval: the traceback", exc_info=cause)


def _sound(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()


def _kind(said: object) -> str:
    return "None" if said is None else f"a {type(said).__name__}"


def _no_verdict(said: object) -> ConfigurationError:
    return ConfigurationError(
        f"ask= answered {_kind(said)}; return True, False, or a text that says why not"
    )
