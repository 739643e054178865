"""Approval: a person, or a rule, allows a call before it is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError, ErrorType
from altar.runtime._answers import refusal
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
    failed: an ``ask`` that raises, or is async in a call that is not. In an
    async call a plain function runs in a thread of its own, since it may wait.
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
        said = yield Asking(self.ask, call)
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
    kind = ErrorType.PERMISSION_DENIED
    return refusal(call, ctx, message, type=kind, step=_STEP, cause=cause)


def _sound(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()


def _no_verdict(said: object) -> ConfigurationError:
    return ConfigurationError(
        f"ask= answered {said!r:.60}; return True, False, or a text that says why not"
    )
