"""From what a server said of a failure to one of altar's errors: one taxonomy for every provider.

The words and statuses are those the vendors document and were seen to send;
docs/errors.md has the table. An error inside a stream comes with status 200,
so its ``code`` decides before the status does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from altar._secrets import SECRET, is_secret_field, redacted
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    HistoryError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaError,
    RateLimitError,
    SchemaError,
    ServerError,
    UnknownModelError,
)

__all__ = ["failure", "redacted", "retry_hint"]

_SHOWN = 600  # characters of a server's message that an error repeats

# a provider's own word for a fault -> what it is; looked up in lower case
_CODES: dict[str, type[ProviderError]] = {
    "authentication_error": AuthenticationError,
    "invalid_api_key": AuthenticationError,
    "api_key_invalid": AuthenticationError,
    "unauthenticated": AuthenticationError,
    "permission_error": PermissionDeniedError,
    "permission_denied": PermissionDeniedError,
    "insufficient_quota": QuotaError,
    "billing_error": QuotaError,
    "billing_hard_limit_reached": QuotaError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "resource_exhausted": RateLimitError,
    "overloaded_error": OverloadedError,
    "unavailable": OverloadedError,
    "slow_down": OverloadedError,
    "server_is_overloaded": OverloadedError,
    "api_error": ServerError,
    "server_error": ServerError,
    "internal": ServerError,
    "timeout_error": ProviderTimeoutError,
    "deadline_exceeded": ProviderTimeoutError,
    "not_found_error": UnknownModelError,
    "model_not_found": UnknownModelError,
    "not_found": UnknownModelError,
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "invalid_json_schema": SchemaError,
    "invalid_function_parameters": SchemaError,
}
_VAGUE = frozenset({"api_error", "server_error", "internal"})  # a status that says more counts
_STATUSES: dict[int, type[ProviderError]] = {
    401: AuthenticationError,
    402: QuotaError,
    403: PermissionDeniedError,
    404: UnknownModelError,
    408: ProviderTimeoutError,
    409: ServerError,
    413: ContextLengthError,
    429: RateLimitError,
    503: OverloadedError,
    504: ProviderTimeoutError,
    529: OverloadedError,
}
# what a bad request is about, by the words of its message
_WORDS: tuple[tuple[re.Pattern[str], type[ProviderError]], ...] = (
    (re.compile(r"api[ _]key", re.IGNORECASE), AuthenticationError),
    (
        re.compile(
            r"context (?:length|window|size)|maximum context|prompt is too long|too many tokens"
            r"|exceeds the (?:maximum|max) (?:number of )?(?:input )?tokens|input token count",
            re.IGNORECASE,
        ),
        ContextLengthError,
    ),
    (
        re.compile(
            r"thought[ _]signature|tool_use|tool_result|thinking`? block|redacted_thinking"
            r"|assistant message prefill"
            r"|function ?response|function call turn|tool_call_id|function_call_output"
            r"|required 'reasoning' item|No tool (?:call|output) found",
            re.IGNORECASE,
        ),
        HistoryError,
    ),
    (re.compile(r"schema|additionalProperties", re.IGNORECASE), SchemaError),
    (
        re.compile(r"model .*(?:not found|does not exist)|unknown model", re.IGNORECASE),
        UnknownModelError,
    ),
)
# "check your billing details" stands in the message of any limit, so messages do not count
_SPENT = re.compile(r"PerDay|insufficient_quota|spend_limit|usage limit", re.IGNORECASE)
_RETRY_IN = re.compile(r"(?:retry|try again) (?:in|after) ([0-9.]+)\s*(ms|s)\b", re.IGNORECASE)
_DEEP = 64
_HINTS: dict[type[ProviderError], str] = {
    QuotaError: "Waiting does not help: raise the limit at the provider, or use another model.",
    ContextLengthError: "Send fewer or shorter messages, or use a model that reads more.",
    HistoryError: (
        "altar sends histories whole; one that was edited or cut by hand may have lost what the "
        "provider needs. Begin again from reply.messages as it was."
    ),
}


def failure(  # noqa: PLR0913 - one keyword per fact of a failure
    provider: str,
    message: str,
    *,
    status: int | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    in_stream: bool = False,
    hint: str = "",
) -> ProviderError:
    """The error for what a server said: ``status``, its own ``code``, ``headers``, ``body``.

    ``message`` is the server's; what looks like a key is taken out of it, and
    out of ``body``. A server that says ``x-should-retry: false`` is not asked
    again, whatever the fault. ``hint`` is the
    provider's own advice (which key to set), said for the faults that it is
    about. Never raises.
    """
    given = {name.lower(): value for name, value in (headers or {}).items()}
    text = redacted(message or "the provider gave no reason")[:_SHOWN]
    kind = _kind(status, code, text)
    if kind in (RateLimitError, OverloadedError) and _is_spent(f"{code} {text}", body):
        kind = QuotaError
    if in_stream and kind is BadRequestError and status in (None, 200):
        kind = ServerError  # the request was taken; what broke is the answer
    about = f" (HTTP {status})" if status not in (None, 200) else ""
    own = hint if kind in (AuthenticationError, PermissionDeniedError, UnknownModelError) else ""
    error = kind(
        f"{provider}: {text}{about}",
        provider=provider,
        status=status,
        code=code,
        request_id=given.get("request-id") or given.get("x-request-id"),
        retry_after=retry_hint(given, body=body, text=text),
        in_stream=in_stream,
        hint=own or _HINTS.get(kind, ""),
        raw=_clean(body),
    )
    if given.get("x-should-retry", "").strip().lower() == "false":
        error.retryable = False
    return error


def _kind(status: int | None, code: str | None, text: str) -> type[ProviderError]:
    word = (code or "").lower()
    known = _CODES.get(word)
    found = _STATUSES.get(status or 0)
    if known is not None and not (known is UnknownModelError and status == 400):
        return known if found is None or word not in _VAGUE else found
    if found is not None:
        return found
    if status is not None and status >= 500:
        return ServerError
    for words, kind in _WORDS:
        if words.search(text):
            return kind
    return BadRequestError


def _is_spent(said: str, body: Any) -> bool:
    """Whether a limit is one that no wait of minutes lifts."""
    return bool(_SPENT.search(said) or _SPENT.search(repr(body)[:4096]))


def retry_hint(headers: Mapping[str, str], *, body: Any = None, text: str = "") -> float | None:
    """The seconds a server asks to wait: Retry-After(-ms), RetryInfo.retryDelay, "retry in Ns".

    ``headers`` has lower-case names; ``body`` is the error's JSON. None where
    it asks for nothing that can be read.
    """
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    after = headers.get("retry-after")
    if after is not None:
        seconds = _number(after)
        return _until(after) if seconds is None else seconds
    for delay in _delays(body):
        seconds = _number(delay.removesuffix("s"))
        if seconds is not None:
            return seconds
    said = _RETRY_IN.search(text)
    if said is None:
        return None
    seconds = _number(said[1])
    return seconds if seconds is None or said[2].lower() == "s" else seconds / 1000


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time())
    except (TypeError, ValueError, OverflowError):
        return None


def _delays(body: Any) -> list[str]:
    """The ``retryDelay`` of every google.rpc.RetryInfo in an error's details."""
    error = body.get("error", body) if isinstance(body, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    return [
        item["retryDelay"]
        for item in (details if isinstance(details, list) else ())
        if isinstance(item, Mapping) and isinstance(item.get("retryDelay"), str)
    ]


def _clean(value: Any, depth: int = 0) -> Any:
    """What a server said, JSON or text, without anything in it that looks like a key."""
    if isinstance(value, str):
        return redacted(value)
    if depth > _DEEP:
        return "..." if isinstance(value, (Mapping, list, tuple)) else value
    if isinstance(value, Mapping):
        return {
            redacted(name) if isinstance(name, str) else name: _field(name, item, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_clean(item, depth + 1) for item in value]
    return value


def _field(name: Any, value: Any, depth: int) -> Any:
    is_secret = isinstance(name, str) and isinstance(value, str) and is_secret_field(name)
    return SECRET if is_secret and value else _clean(value, depth)
