"""FakeAnthropic: the Messages API on the loopback interface, with the rules the vendor enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from altar.testing._fake_anthropic_read import read_messages
from altar.testing._fake_anthropic_rules import Rules
from altar.testing._fake_anthropic_threads import Threads
from altar.testing._fake_anthropic_write import events_of, message_of
from altar.testing._fake_http import Answer, ServerEvent
from altar.testing._fake_server import FakeCall, FakeServer, Received

if TYPE_CHECKING:
    from typing import Any

    from altar.llm import Request, Response
    from altar.testing._fake_script import FakeReplies
    from altar.testing._fault import Fault

__all__ = ["FakeAnthropic"]

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
# kind -> status, the vendor's words, details.error_code
_FAULTS = {
    "auth": (401, "invalid x-api-key", ""),
    "permission": (403, "Your API key does not have permission to use the specified resource.", ""),
    "unknown_model": (404, "model: {model}", ""),
    "quota": (
        429,
        "You have reached your specified API usage limits. Raise the limit in the Console.",
        "enforced_spend_limit_reached",
    ),
    "rate_limit": (
        429,
        "This request would exceed the rate limit for your organization of 50 requests per minute.",
        "",
    ),
    "overloaded": (529, "Overloaded", ""),
    "server_error": (500, "Internal server error", ""),
    "context_length": (400, "prompt is too long: 204800 tokens > 200000 maximum", ""),
}


class FakeAnthropic(FakeServer):
    """Anthropic's Messages API (``POST /v1/messages``) on the loopback interface.

    It signs thinking, and refuses as the vendor does: unanswered or unknown
    tool calls, changed thinking or signatures, thinking whose conversation
    prefix changed (models from 5.1 on), parameters the API version no longer
    takes, tools and choices that do not go together, a wrong key, and models
    whose name does not begin with "claude-".
    """

    vendor: ClassVar[str] = "anthropic"

    def __init__(self, replies: FakeReplies = (), *, key: str = "") -> None:
        self._rules = Rules(self)
        self._threads = Threads(self)
        super().__init__(replies, key=key)

    @property
    def env(self) -> dict[str, str]:
        """``ANTHROPIC_API_KEY`` and ``ANTHROPIC_BASE_URL``."""
        return {"ANTHROPIC_API_KEY": self.key, "ANTHROPIC_BASE_URL": self.url}

    def route(self, received: Received) -> FakeCall | None:
        """``POST /v1/messages``, with or without ``?beta=true``."""
        if received.method != "POST" or received.path.partition("?")[0] != "/v1/messages":
            return None
        body = received.body if isinstance(received.body, dict) else {}
        return FakeCall(
            api="messages",
            model=str(body.get("model", "")),
            streamed=body.get("stream") is True,
        )

    def complete(self, call: FakeCall) -> FakeCall:
        """The call with what the server kept of its thread."""
        return self._threads.whole(call)

    def read(self, call: FakeCall) -> Request:
        """The neutral Request; refuses what breaks a rule."""
        self._rules.check(call)
        return read_messages(call)

    def write(self, call: FakeCall, response: Response) -> Any:
        """A message."""
        return self._message(call, response)

    def write_events(self, call: FakeCall, response: Response) -> list[ServerEvent]:
        """message_start to message_stop."""
        return events_of(self._message(call, response))

    def error(self, status: int, message: str, *, code: str = "", api: str = "") -> Answer:
        """``{"type": "error", "error": {type, message}, "request_id"}``."""
        request_id = f"req_fake{self.number():06d}"
        fault: dict[str, Any] = {"type": _TYPES.get(status, "api_error"), "message": message}
        if code:
            fault["details"] = {"error_code": code}
        body = {"type": "error", "error": fault, "request_id": request_id}
        return Answer(status, body, {"request-id": request_id})

    def write_fault(self, call: FakeCall, fault: Fault) -> Answer:
        """The vendor's error, with ``retry-after``."""
        status, words, code = _FAULTS[fault.kind]
        text = words.format(model=call.model) if fault.message is None else fault.message
        answer = self.error(status, text, code=code)
        if fault.retry_after is None:
            return answer
        headers = {**answer.headers, "retry-after": f"{fault.retry_after:g}"}
        if fault.retry_after % 1:  # the plain header holds whole seconds
            headers["retry-after"] = f"{fault.retry_after + 1:.0f}"
            headers["retry-after-ms"] = f"{fault.retry_after * 1000:.0f}"
        return Answer(status, answer.body, headers)

    def write_stream_fault(self, call: FakeCall, fault: Fault) -> list[ServerEvent]:
        """``event: error``; the status was 200 long ago."""
        return [ServerEvent(self.write_fault(call, fault).body, "error")]

    def headers(self, call: FakeCall) -> dict[str, str]:
        """The request's id and what is left of the rate limits."""
        return {
            "request-id": f"req_fake{self.number():06d}",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
        }

    def _message(self, call: FakeCall, response: Response) -> dict[str, Any]:
        message = message_of(response, call, self._rules.signer(call))
        dropped = self._rules.dropped(call)
        if dropped:
            message["input_transformations"] = dropped
        self._rules.remember(call, message)
        self._threads.keep(call, message)
        return message
