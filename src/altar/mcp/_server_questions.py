"""Questions to a person during a call: what is asked, and the seal on what was answered."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import ErrorObject, ToolResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionCall

__all__ = ["APPROVAL", "ELICIT", "Asker", "Questions", "allow", "denied", "is_yes"]

APPROVAL = "approval"  # the key of the question whether the call may run
ELICIT = "elicitation/create"
_GOOD_FOR = 3600.0  # seconds
_MOST_SPENT = 65536
_MAX_SHOWN = 2000
_STEP = "Do not make the same call again: go on without it, or ask what to do instead."


class Asker(NamedTuple):
    """The call that is asked about, and who makes it."""

    call: FunctionCall
    principal: str | None


class Questions:
    """The way of 2026-07-28: the server answers with its question and a sealed state.

    The client sends the call again with the person's answer and that state,
    which holds what was answered before and is good once, for this very call
    of this very caller.
    """

    __slots__ = ("_passed", "_secret", "_spent")

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._spent: dict[str, float] = {}  # nonce -> until when it would be good; oldest first
        self._passed = 0.0  # what was good until then is not remembered, and good no more

    def wanted(
        self, asker: Asker, answers: Mapping[str, Any], key: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        """The result that asks the client to come again with the answer."""
        until, nonce = time.time() + _GOOD_FOR, secrets.token_urlsafe(12)
        kept = json.dumps({"until": until, "nonce": nonce, "key": key, "answers": dict(answers)})
        state = base64.urlsafe_b64encode(kept.encode()).decode("ascii")
        return {
            "resultType": "input_required",
            "inputRequests": {key: {"method": ELICIT, "params": params}},
            "requestState": f"{state}.{self._seal(asker, state)}",
        }

    def answers(self, asker: Asker, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every answer so far; none where the state is not ours, or of another call, or spent."""
        said, new = params.get("requestState"), params.get("inputResponses")
        if type(said) is not str or not said.isascii():
            return {}
        state, _, seal = said.partition(".")
        if not hmac.compare_digest(seal, self._seal(asker, state)):
            return {}
        kept = json.loads(base64.urlsafe_b64decode(state))
        if not self._spend(kept["nonce"], kept["until"]):
            return {}
        answers: dict[str, Any] = kept["answers"]
        key = kept["key"]  # of what was asked; more is not taken
        return {**answers, key: new[key]} if isinstance(new, dict) and key in new else answers

    def _spend(self, nonce: str, until: float) -> bool:
        """Whether this is its first use, in time."""
        now, spent = time.time(), self._spent
        while spent:
            oldest = next(iter(spent))
            if spent[oldest] >= now and len(spent) < _MOST_SPENT:
                break
            self._passed = max(self._passed, spent.pop(oldest))
        if until < now or until <= self._passed or nonce in spent:
            return False
        spent[nonce] = until
        return True

    def _seal(self, asker: Asker, state: str) -> str:
        call = asker.call
        said = json.dumps([state, asker.principal, call.name, call.args], sort_keys=True).encode()
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
