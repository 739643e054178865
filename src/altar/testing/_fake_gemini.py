"""FakeGemini: generateContent and Interactions on the loopback interface, with their rules.

One server takes the paths of the Developer API and of Vertex, each with its
own keys and its own signatures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from altar.testing._fake_gemini_read import camel, read_contents
from altar.testing._fake_gemini_rules import GeminiRules, unknown_model
from altar.testing._fake_gemini_write import Pen, chunks_of, content_response
from altar.testing._fake_http import Answer, ServerEvent
from altar.testing._fake_interactions import Interactions
from altar.testing._fake_server import FakeCall, FakeServer, Received

if TYPE_CHECKING:
    from altar.llm import Request, Response
    from altar.testing._fake_script import FakeReplies
    from altar.testing._fault import Fault

__all__ = ["FakeGemini"]

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_KEY = "API key not valid. Please pass a valid API key."
_FAULTS = {
    "auth": (400, _KEY),
    "permission": (403, "The caller does not have permission"),
    "unknown_model": (404, ""),
    "quota": (
        429,
        (
            "You exceeded your current quota, please check your plan and billing details. * Quota "
            "exceeded for metric: GenerateRequestsPerDayPerProjectPerModel"
        ),
    ),
    "rate_limit": (429, "Resource has been exhausted (e.g. check quota)."),
    "overloaded": (503, "The model is overloaded. Please try again later."),
    "server_error": (500, "An internal error has occurred. Please retry or report the error."),
    "context_length": (
        400,
        ("The input token count (1250000) exceeds the maximum number of tokens allowed (1048576)."),
    ),
}
_CONTENT = re.compile(
    r"/(?P<version>v\d\w*)/(?P<scope>projects/[^/]+/locations/[^/]+/)?(?P<publisher>publishers/"
    r"[^/]+/)?(?P<model>(?:models|tunedModels)/[^/:]+):(?P<method>generateContent|"
    r"streamGenerateContent)"
)
_STEPS = re.compile(r"/(?P<version>v\d\w*)/(?:projects/[^/]+/locations/[^/]+/)?interactions")
_STEP_CODES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    429: "resource_exhausted",
    500: "internal",
    503: "unavailable",
}
_TYPE = "type.googleapis.com/google.rpc."


class FakeGemini(FakeServer):
    """Google's Gemini API on the loopback interface: generateContent and Interactions.

    It writes thought signatures and checks that they come back where they
    were, compares their bytes and not their spelling, and refuses as the
    vendor does: calls and responses that do not pair in number, order, name
    and id, roles, declarations, keys, and models it does not know. Vertex
    paths take ``key`` as a bearer token. ``ids=False``: function calls come
    without ids, as older models send them.
    """

    vendor: ClassVar[str] = "gemini"
    line_end: ClassVar[str] = "\r\n"

    def __init__(self, replies: FakeReplies = (), *, key: str = "", ids: bool = True) -> None:
        self._ids = ids
        self._rules = GeminiRules(self)
        self._interactions = Interactions(self)
        super().__init__(replies, key=key)

    @property
    def env(self) -> dict[str, str]:
        """``GEMINI_API_KEY`` and the base URLs of both services."""
        return {
            "GEMINI_API_KEY": self.key,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GOOGLE_VERTEX_BASE_URL": self.url,
        }

    def route(self, received: Received) -> FakeCall | None:
        """``:generateContent``, ``:streamGenerateContent``, of both services; ``/interactions``."""
        path, _, query = received.path.partition("?")
        found = _CONTENT.fullmatch(path)
        if received.method != "POST":
            return None
        steps = _STEPS.fullmatch(path)
        if steps is not None:
            body = received.body if isinstance(received.body, dict) else {}
            return FakeCall(
                api="interactions",
                model=str(body.get("model") or body.get("agent") or ""),
                streamed=body.get("stream") is True,
                place=steps["version"],
            )
        if found is None:
            return None
        streamed = found["method"] == "streamGenerateContent"
        if streamed and "alt=sse" not in query:
            raise self.refused(400, "The fake streams server-sent events alone; add ?alt=sse")
        vertex = found["publisher"] is not None
        return FakeCall(
            api="vertex" if vertex else "developer",
            model=found["model"].partition("/")[2],
            streamed=streamed,
            place=found["version"],
        )

    def read(self, call: FakeCall) -> Request:
        """The neutral Request; refuses what breaks a rule."""
        self._rules.check_key(call)
        if call.api == "interactions":
            if call.body.get("model"):
                self._rules.check_model(call)
            return self._interactions.read(call)
        body = camel(call.body)
        self._rules.check(call, body)
        return read_contents(call, body)

    def write(self, call: FakeCall, response: Response) -> Any:
        """A GenerateContentResponse, or an interaction."""
        if call.api == "interactions":
            return self._interactions.write(call, response)
        pen = Pen(
            sign=lambda part: self._rules.sign(call.api, part), number=self.number, ids=self._ids
        )
        return content_response(response, call, pen)

    def write_events(self, call: FakeCall, response: Response) -> list[ServerEvent]:
        """The same in chunks: texts cut, calls whole, the end in the last one."""
        if call.api == "interactions":
            return self._interactions.write_events(call, response)
        return [ServerEvent(chunk) for chunk in chunks_of(self.write(call, response))]

    def error(self, status: int, message: str, *, code: str = "", api: str = "") -> Answer:
        """``{"error": {code, message, status}}``; ``code`` is an ErrorInfo's reason."""
        if api == "interactions":
            word = _STEP_CODES.get(status, "unknown")
            return Answer(status, {"error": {"message": message, "code": word}})
        fault: dict[str, Any] = {
            "code": status,
            "message": message,
            "status": _WORDS.get(status, "UNKNOWN"),
        }
        if code:
            domain = "googleapis.com"
            fault["details"] = [{"@type": f"{_TYPE}ErrorInfo", "reason": code, "domain": domain}]
        return Answer(status, {"error": fault}, {"X-Gemini-Service-Tier": "standard"})

    def write_fault(self, call: FakeCall, fault: Fault) -> Answer:
        """The vendor's error, with QuotaFailure and RetryInfo among its details."""
        status, words = _FAULTS[fault.kind]
        text = unknown_model(call) if fault.kind == "unknown_model" else words
        text = text if fault.message is None else fault.message
        if fault.retry_after is not None and fault.kind in ("rate_limit", "quota"):
            text += f" Please retry in {fault.retry_after:g}s."
        code = "API_KEY_INVALID" if fault.kind == "auth" else ""
        answer = self.error(status, text, code=code, api=call.api)
        if call.api == "interactions":
            return answer
        details = answer.body["error"].setdefault("details", [])
        if fault.kind in ("quota", "rate_limit"):
            details.append(_quota("Day" if fault.kind == "quota" else "Minute", call.model))
        if fault.retry_after is not None:
            delay = f"{fault.retry_after:g}s"
            details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": delay})
        if not details:
            del answer.body["error"]["details"]
        return answer

    def write_stream_fault(self, call: FakeCall, fault: Fault) -> list[ServerEvent]:
        """An error as one more chunk; the status was 200 long ago."""
        body = self.write_fault(call, fault).body
        if call.api == "interactions":
            return [ServerEvent({"event_type": "error", **body}, "error")]
        return [ServerEvent(body)]


def _quota(span: str, model: str) -> dict[str, Any]:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    return {
        "@type": f"{_TYPE}QuotaFailure",
        "violations": [
            {
                "quotaMetric": metric,
                "quotaId": f"GenerateRequestsPer{span}PerProjectPerModel-FreeTier",
                "quotaDimensions": {"location": "global", "model": model},
                "quotaValue": "5",
            }
        ],
    }
