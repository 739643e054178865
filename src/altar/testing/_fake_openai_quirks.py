"""ChatQuirks: what local servers do otherwise than OpenAI on /chat/completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from altar.errors import ConfigurationError
from altar.testing._fake_http import Answer

if TYPE_CHECKING:
    from altar.testing._fake_server import FakeCall
    from altar.testing._fault import Fault

__all__ = ["ChatQuirks", "local_error", "local_fault", "local_missing_path", "quirks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatQuirks:
    """How one local server differs; as it stands, not at all beyond its errors.

    ``server`` is the one whose words its errors have. ``empty_ids``: calls
    have the id "". ``zero_index``: every call of a stream has the index 0.
    ``stop_with_calls``: the finish reason is "stop" where there are calls.
    ``object_args``: arguments are an object, and no text. ``reasoning`` is the
    field of what the model thought. ``usage``: it counts tokens.
    ``whole_calls``: a call comes in one delta. ``done``: a stream ends with
    ``[DONE]``.
    """

    server: Literal["ollama", "vllm", "llama.cpp"] = "vllm"
    empty_ids: bool = False
    zero_index: bool = False
    stop_with_calls: bool = False
    object_args: bool = False
    reasoning: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    usage: bool = True
    whole_calls: bool = False
    done: bool = True


_SERVERS = {
    "ollama": ChatQuirks(
        server="ollama",
        empty_ids=True,
        zero_index=True,
        stop_with_calls=True,
        reasoning="reasoning",
        whole_calls=True,
    ),
    "vllm": ChatQuirks(server="vllm"),
    "llama.cpp": ChatQuirks(server="llama.cpp", object_args=True, usage=False, done=False),
}


def quirks_of(given: str | ChatQuirks | None) -> ChatQuirks | None:
    """The quirks of a server by its name, or those that were given."""
    if given is None or isinstance(given, ChatQuirks):
        return given
    if given not in _SERVERS:
        names = ", ".join(map(repr, _SERVERS))
        raise ConfigurationError(f"quirks={given!r}: there are {names}, or a ChatQuirks(...)")
    return _SERVERS[given]


# -- errors, each as its server writes them ----------------------------------------------

# kind -> status, words; {model} is the one asked for
_OLLAMA = {
    "auth": (401, "unauthorized"),
    "permission": (403, "this model requires a subscription, upgrade for access"),
    "unknown_model": (404, "model '{model}' not found"),
    "quota": (429, "you've reached your hourly usage limit, please upgrade to continue"),
    "rate_limit": (429, "too many requests"),
    "overloaded": (503, "server busy, please try again.  maximum pending requests exceeded"),
    "server_error": (500, "llama runner process has terminated: exit status 2"),
    "context_length": (400, "the input length exceeds the context length"),
}
_VLLM = {
    "auth": (401, "Unauthorized"),
    "permission": (403, "Forbidden"),
    "unknown_model": (404, "The model `{model}` does not exist."),
    "quota": (429, "insufficient_quota"),
    "rate_limit": (429, "Too many requests"),
    "overloaded": (503, "The server is overloaded"),
    "server_error": (500, "EngineCore encountered an issue. See stack trace (above)."),
    "context_length": (
        400,
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 "
            "tokens in the messages, Please reduce the length of the messages."
        ),
    ),
}
_LLAMA = {
    "auth": (401, "Invalid API Key"),
    "permission": (403, "This feature is disabled"),
    "unknown_model": (404, "model '{model}' not found"),
    "quota": (429, "insufficient_quota"),
    "rate_limit": (429, "Too many requests"),
    "overloaded": (503, "Loading model"),
    "server_error": (500, "Compute error."),
    "context_length": (
        400,
        (
            "the request exceeds the available context size. try increasing the context size or "
            "enable context shift"
        ),
    ),
}
_WORDS = {"ollama": _OLLAMA, "vllm": _VLLM, "llama.cpp": _LLAMA}
_OLLAMA_TYPES = {400: "invalid_request_error", 404: "not_found_error", 401: "authentication_error"}
_VLLM_TYPES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}
_LLAMA_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    503: "unavailable_error",
}
_PAGE = (
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found"
    "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def local_error(quirks: ChatQuirks, status: int, message: str) -> Answer:
    """An error in the form of the server."""
    error: dict[str, Any]
    if quirks.server == "ollama":
        kind = _OLLAMA_TYPES.get(status, "api_error")
        error = {"message": message, "type": kind, "param": None, "code": None}
    elif quirks.server == "vllm":
        kind = _VLLM_TYPES.get(status, "InternalServerError")
        error = {"message": message, "type": kind, "param": None, "code": status}
    else:
        kind = _LLAMA_TYPES.get(status, "server_error")
        error = {"code": status, "message": message, "type": kind}
    return Answer(status, {"error": error})


def local_fault(quirks: ChatQuirks, call: FakeCall, fault: Fault) -> Answer:
    """The answer to one of the first eight kinds of fault."""
    status, words = _WORDS[quirks.server][fault.kind]
    text = words.format(model=call.model) if fault.message is None else fault.message
    answer = local_error(quirks, status, text)
    if quirks.server == "llama.cpp" and fault.kind == "context_length":
        sizes = {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
        answer.body["error"].update(sizes)
    if fault.retry_after is None:
        return answer
    return Answer(answer.status, answer.body, {"Retry-After": f"{fault.retry_after:g}"})


def local_missing_path(quirks: ChatQuirks) -> Answer:
    """What the server says to a path it does not have: text, JSON, or a proxy's page."""
    if quirks.server == "ollama":
        return Answer(404, "404 page not found", {"Content-Type": "text/plain"})
    if quirks.server == "vllm":
        return Answer(404, {"detail": "Not Found"})
    return Answer(404, _PAGE, {"Content-Type": "text/html"})
