"""Questions to a person during a call: what is asked, and the seal on what was answered."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionCall

__all__ = ["APPROVAL", "ELICIT", "Questions", "allow", "denied", "is_yes"]

APPROVAL = "approval"  # the key of the question whether the call may run
ELICIT = "elicitation/create"
_GOOD_FOR = 3600.0  # seconds
_MAX_SHOWN = 2000
_STEP = "Do not make the same call again: go on without it, or ask what to do instead."


class Questions:
    """The way of 2026-07-28: the server answers with its question and a sealed state.

    The client sends the call again with the person's answer and that state,
    which holds what was answered before and is good for this very call only.
    """

    __slots__ = ("_secret",)

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def wanted(
        self, call: FunctionCall, answers: Mapping[str, Any], key: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        """The result that asks the client to come again with the answer."""
        kept = json.dumps({"until": time.time() + _GOOD_FOR, "answers": dict(answers)})
        state = base64.urlsafe_b64encode(kept.encode()).decode("ascii")
        return {
            "resultType": "input_required",
            "inputRequests": {key: {"method": ELICIT, "params": params}},
            "requestState": f"{state}.{self._seal(call, state)}",
        }

    def answers(self, call: FunctionCall, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every answer so far; none where the state is not ours, or is that of another call."""
        said, new = params.get("requestState"), params.get("inputResponses")
        if type(said) is not str or not said.isascii():
            return {}
        state, _, seal = said.partition(".")
        if not hmac.compare_digest(seal, self._seal(call, state)):
            return {}
        kept = json.loads(base64.urlsafe_b64decode(state))
        if kept["until"] < time.time():
            return {}
        answers: dict[str, Any] = kept["answers"]
        return {**answers, **new} if isinstance(new, dict) else answers

    def _seal(self, call: FunctionCall, state: str) -> str:
        said = json.dumps([state, call.name, call.args], sort_keys=True).encode()
        return hmac.new(self._secret, said, "sha256").hexdigest()


def allow(call: FunctionCall) -> dict[str, Any]:
    """The question whether a call may run; to accept it, with no more words, is a yes."""
    arguments = json.dumps(call.args, ensure_ascii=False)
    shown = arguments if len(arguments) <= _MAX_SHOWN else arguments[:_MAX_SHOWN] + " ..."
    return {
        "mode": "form",
        "message": f"Allow this call? {call.name} {shown}",
        "requestedSchema": {"type": "object", "properties": {}},
    }


def is_yes(said: Any) -> bool:
    """Whether the client's answer is the person's yes."""
    return isinstance(said, dict) and said.get("action") == "accept"


def denied(call: FunctionCall) -> ToolResult:
    """What the model is told after a no."""
    error = ErrorObject(
        type="PERMISSION_DENIED",
        message="A person did not allow this call.",
        remediation_steps=(_STEP,),
    )
    return ToolResult(name=call.name, call_id=call.call_id, error=error)
