"""Approvals: how a person behind the client allows a call, in the way of either era."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult
from altar.mcp._server_needs import Ask

if TYPE_CHECKING:
    from altar.adm import FunctionCall

__all__ = ["Approvals"]

_KEY = "approval"
_GOOD_FOR = 3600.0  # seconds
_MAX_SHOWN = 2000
_STEP = "Do not make the same call again: go on without it, or ask what to do instead."


class Approvals:
    """Questions to a person, and the answers that hold for one very call.

    In the handshake era the server asks while the call waits. Since
    2026-07-28 it answers with the question and a seal; the client sends the
    call again with the person's answer and the seal, which is good for these
    arguments only.
    """

    __slots__ = ("_secret",)

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def question(self, call: FunctionCall) -> Ask:
        """What the client is to ask the person; accepting it, with no more words, is a yes."""
        arguments = json.dumps(call.args, ensure_ascii=False)
        shown = arguments if len(arguments) <= _MAX_SHOWN else arguments[:_MAX_SHOWN] + " ..."
        params = {
            "mode": "form",
            "message": f"Allow this call? {call.name} {shown}",
            "requestedSchema": {"type": "object", "properties": {}},
        }
        return Ask("elicitation/create", params)

    def wanted(self, call: FunctionCall) -> dict[str, Any]:
        """The result that asks the client to come again with the answer."""
        ask = self.question(call)
        until = str(int(time.time() + _GOOD_FOR))
        return {
            "resultType": "input_required",
            "inputRequests": {_KEY: {"method": ask.method, "params": ask.params}},
            "requestState": f"{until}.{self._seal(call, until)}",
        }

    def given(self, call: FunctionCall, params: dict[str, Any]) -> bool | None:
        """True: allowed. None: the person said no. False: nobody was asked about this call."""
        state, answers = params.get("requestState"), params.get("inputResponses")
        if type(state) is not str or type(answers) is not dict or not state.isascii():
            return False
        until, _, seal = state.partition(".")
        if not hmac.compare_digest(seal, self._seal(call, until)) or int(until) < time.time():
            return False
        return True if self.is_yes(answers.get(_KEY)) else None

    def is_yes(self, said: Any) -> bool:
        """Whether the client's answer is the person's yes."""
        return isinstance(said, dict) and said.get("action") == "accept"

    def denied(self, call: FunctionCall) -> ToolResult:
        """What the model is told after a no."""
        error = ErrorObject(
            type="PERMISSION_DENIED",
            message="A person did not allow this call.",
            remediation_steps=(_STEP,),
        )
        return ToolResult(name=call.name, call_id=call.call_id, error=error)

    def _seal(self, call: FunctionCall, until: str) -> str:
        said = json.dumps([until, call.name, call.args], sort_keys=True).encode()
        return hmac.new(self._secret, said, "sha256").hexdigest()
