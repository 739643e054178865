"""FakeOpenAI: Responses and chat completions on the loopback interface, with the vendor's rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from altar.testing._fake_chat import check_messages, read_chat
from altar.testing._fake_chat_write import chat_body, chat_events
from altar.testing._fake_http import Answer, Answered, ServerEvent
from altar.testing._fake_neutral import json_or_text
from altar.testing._fake_openai_history import Reasoning, check_input, items_of
from altar.testing._fake_openai_quirks import (
    local_error,
    local_fault,
    local_missing_path,
    quirks_of,
)
from altar.testing._fake_openai_read import read_responses
from altar.testing._fake_openai_rules import Refusals, check_request
from altar.testing._fake_openai_write import events_of, response_body
from altar.testing._fake_server import FakeCall, FakeServer, Received
from altar.testing._fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.llm import Request, Response
    from altar.testing._fake_openai_quirks import ChatQuirks
    from altar.testing._fake_script import FakeReplies

__all__ = ["FakeOpenAI"]

_MODELS = re.compile(r"(?:ft:)?(?:gpt-|o\d|chatgpt-|codex-)")
_DOWN = (
    "The server had an error while processing your request. Sorry about that! You can retry your "
    "request, or contact us through our help center at help.openai.com if the error persists."
)
# kind -> status, type, code, the vendor's words
_FAULTS = {
    "auth": (
        401,
        "invalid_request_error",
        "invalid_api_key",
        (
            "Incorrect API key provided: fake-*****0000. You can find your API key at "
            "https://platform.openai.com/account/api-keys."
        ),
    ),
    "permission": (
        403,
        "invalid_request_error",
        None,
        "You have insufficient permissions for this operation. Missing scopes: model.request.",
    ),
    "unknown_model": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    "quota": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        (
            "You exceeded your current quota, please check your plan and billing details. For more "
            "information on this error, read the docs: "
            "https://platform.openai.com/docs/guides/error-codes/api-errors."
        ),
    ),
    "rate_limit": (
        429,
        "tokens",
        "rate_limit_exceeded",
        (
            "Rate limit reached for {model} in organization org-fake on tokens per min (TPM): "
            "Limit 30000, Used 29500, Requested 1500.{wait} Visit "
            "https://platform.openai.com/account/rate-limits to learn more."
        ),
    ),
    "overloaded": (
        503,
        "service_unavailable_error",
        "slow_down",
        "The engine is currently overloaded, please try again later",
    ),
    "server_error": (500, "server_error", "server_error", _DOWN),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        (
            "Your input exceeds the context window of this model. Please adjust your input and try "
            "again."
        ),
    ),
}
_CHAT_TOO_LONG = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in "
    "204800 tokens. Please reduce the length of the messages."
)


class FakeOpenAI(FakeServer):
    """OpenAI's ``/v1/responses`` and ``/v1/chat/completions`` on the loopback interface.

    It writes item ids and encrypted reasoning, and refuses as the vendor does:
    calls without output and outputs without call, items that lost their
    reasoning, changed encrypted content, arguments that are no text, schemas
    that say they are strict and are not, parameters that the API or the model
    does not take, a wrong key, and models whose name is no OpenAI model's.
    Reasoning of another model or conversation is left out, and the answer's
    ``input_transformations`` say so.

    ``quirks`` makes it a local server, with chat completions alone and no key:
    "ollama", "vllm", "llama.cpp", or a :class:`ChatQuirks`. ``models``: there
    are these and no others.
    """

    vendor: ClassVar[str] = "openai"

    def __init__(
        self,
        replies: FakeReplies = (),
        *,
        key: str = "",
        quirks: str | ChatQuirks | None = None,
        models: Iterable[str] = (),
    ) -> None:
        self._quirks = quirks_of(quirks)
        self._models = tuple(models)
        self._reasoning = Reasoning()
        self._stored: dict[str, list[Any]] = {}  # response id -> what it continues, and its output
        super().__init__(replies, key=key)

    @property
    def env(self) -> dict[str, str]:
        """``OPENAI_API_KEY``, ``OPENAI_BASE_URL``; of a local server ``ALTAR_LOCAL_URL`` too."""
        base = f"{self.url}/v1"
        found = {"OPENAI_API_KEY": self.key, "OPENAI_BASE_URL": base}
        return found if self._quirks is None else {**found, "ALTAR_LOCAL_URL": base}

    def route(self, received: Received) -> FakeCall | None:
        """The two paths, the list of models, and nothing else."""
        path = received.path.partition("?")[0]
        if received.method == "GET" and path == "/v1/models":
            raise Answered(Answer(200, self._model_list()))
        apis = {"/v1/chat/completions": "chat"}
        if self._quirks is None:
            apis["/v1/responses"] = "responses"
        api = apis.get(path) if received.method == "POST" else None
        if api is None and self._quirks is not None:
            raise Answered(local_missing_path(self._quirks))
        if api is None:
            raise self.refused(404, f"Invalid URL ({received.method} {path})")
        body = received.body if isinstance(received.body, dict) else {}
        model = body.get("model")
        return FakeCall(
            api=api,
            model=model if isinstance(model, str) else "",
            streamed=body.get("stream") is True,
        )

    def read(self, call: FakeCall) -> Request:
        """The neutral Request; refuses what breaks a rule."""
        self._check_access(call)
        no = Refusals(call.api)
        if self._quirks is not None:
            check_messages(call.body.get("messages"), no)
            self._check_arguments(call)
            return read_chat(call, "local")
        check_request(call, no)
        if call.api == "chat":
            check_messages(call.body.get("messages"), no)
            return read_chat(call, "openai")
        return read_responses(call, self._items(call, no))

    def write(self, call: FakeCall, response: Response) -> Any:
        """A Response object, or a chat completion."""
        if call.api == "chat":
            return chat_body(call, response, self.number, self._quirks)
        no = Refusals(call.api)
        items = self._items(call, no)
        body = response_body(call, response, items, reasoning=self._reasoning, number=self.number)
        removed = self._reasoning.read(items, call.model, no, self._kept_ids())
        if removed:
            body["input_transformations"] = removed
        if call.body.get("store") is not False:
            with self.lock:
                self._stored[body["id"]] = [*items, *body["output"]]
        return body

    def write_events(self, call: FakeCall, response: Response) -> list[ServerEvent]:
        """response.created to response.completed, or chunks to ``[DONE]``."""
        body = self.write(call, response)
        return chat_events(call, body, self._quirks) if call.api == "chat" else events_of(body)

    def error(self, status: int, message: str, *, code: str = "", api: str = "") -> Answer:
        """``{"error": {message, type, param, code}}``."""
        if self._quirks is not None:
            return local_error(self._quirks, status, message)
        kind = "server_error" if status >= 500 else "invalid_request_error"
        error = {"message": message, "type": kind, "param": None, "code": code or None}
        return Answer(status, {"error": error}, {"x-request-id": f"req_{self.number():06d}"})

    def write_fault(self, call: FakeCall, fault: Fault) -> Answer:
        """The vendor's error, with ``retry-after`` and the words "try again in"."""
        if self._quirks is not None:
            return local_fault(self._quirks, call, fault)
        status, kind, code, words = _FAULTS[fault.kind]
        if fault.kind == "context_length" and call.api == "chat":
            words = _CHAT_TOO_LONG
        wait = "" if fault.retry_after is None else f" Please try again in {fault.retry_after:g}s."
        text = words.format(model=call.model, wait=wait) if fault.message is None else fault.message
        error = {"message": text, "type": kind, "param": None, "code": code}
        headers = {"x-request-id": f"req_{self.number():06d}"}
        if fault.retry_after is not None:
            headers["retry-after"] = f"{fault.retry_after + 0.999:.0f}"
            headers["retry-after-ms"] = f"{fault.retry_after * 1000:.0f}"
        return Answer(status, {"error": error}, headers)

    def write_stream_fault(self, call: FakeCall, fault: Fault) -> list[ServerEvent]:
        """In chat an error instead of a chunk; in Responses ``error``, or ``response.failed``."""
        error = self.write_fault(call, fault).body["error"]
        if call.api == "chat":
            return [ServerEvent({"error": error})]
        at = fault.after or 0
        told = {name: error[name] for name in ("code", "message", "param")}
        if fault.kind != "server_error":
            return [ServerEvent({"type": "error", **told, "sequence_number": at}, "error")]
        failed = {
            "id": f"resp_{self.number():06d}",
            "object": "response",
            "created_at": 0,
            "status": "failed",
            "error": {"code": error["code"], "message": error["message"]},
            "incomplete_details": None,
            "model": call.model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
        }
        event = {"type": "response.failed", "response": failed, "sequence_number": at}
        return [ServerEvent(event, "response.failed")]

    def headers(self, call: FakeCall) -> dict[str, str]:
        """The request's id and what is left of the rate limits; nothing from a local server."""
        if self._quirks is not None:
            return {}
        return {
            "x-request-id": f"req_{self.number():06d}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
        }

    # --- the rules that need this server

    def _check_access(self, call: FakeCall) -> None:
        given = call.headers.get("authorization", "")
        if self._quirks is None and given != f"Bearer {self.key}":
            shown = given.removeprefix("Bearer ")
            if not shown:
                words = (
                    "You didn't provide an API key. You need to provide your API key in an "
                    "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                )
                raise self.refused(401, words)
            masked = f"{shown[:4]}*****{shown[-4:]}" if len(shown) > 8 else "*****"
            words = _FAULTS["auth"][3].replace("fake-*****0000", masked)
            raise self.refused(401, words, code="invalid_api_key")
        if not isinstance(call.body.get("model"), str):
            raise self.refused(400, "you must provide a model parameter")
        known = _MODELS.match(call.model) if self._quirks is None else True
        if call.model not in self._models if self._models else not known:
            raise Answered(self.write_fault(call, Fault("unknown_model")))

    def _check_arguments(self, call: FakeCall) -> None:
        """Local servers read the arguments of past calls for the model's template."""
        assert self._quirks is not None
        for message in call.body["messages"]:
            for made in message.get("tool_calls") or ():
                if not isinstance(json_or_text(made["function"]["arguments"]), dict):
                    status = 500 if self._quirks.server == "llama.cpp" else 400
                    raise self.refused(status, "invalid tool call arguments")

    def _items(self, call: FakeCall, no: Refusals) -> list[Any]:
        """The items of the request, behind those of the response that it continues."""
        body = call.body
        if "input" not in body and "previous_response_id" not in body:
            raise no.missing("input")
        earlier: list[Any] = []
        previous = body.get("previous_response_id")
        if previous is not None:
            with self.lock:
                known = self._stored.get(previous)
            if known is None:
                raise no.bad(
                    f"Previous response with id '{previous}' not found.",
                    "previous_response_id",
                    "previous_response_not_found",
                )
            earlier = known
        given = items_of(body)
        if not isinstance(body.get("input", ""), (str, list)):
            raise no.wrong_type("input", "one of a string or array of objects", body["input"])
        items = [*earlier, *given]
        check_input(items, no)
        self._reasoning.read(items, call.model, no, self._kept_ids())
        return items

    def _kept_ids(self) -> set[str]:
        with self.lock:
            kept = [item for items in self._stored.values() for item in items]
        return {item["id"] for item in kept if isinstance(item, dict) and "id" in item}

    def _model_list(self) -> dict[str, Any]:
        names = self._models or ("gpt-5.5",)
        owner = "library" if self._quirks is not None else "openai"
        data = [{"id": n, "object": "model", "created": 0, "owned_by": owner} for n in names]
        return {"object": "list", "data": data}
