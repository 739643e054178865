"""What google-genai, its HTTP client or google-auth raised, as one of altar's errors."""

from __future__ import annotations

import json
from typing import Any

from google.genai import errors

from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ProviderError,
    ProviderTimeoutError,
    StreamBrokenError,
    TransportError,
)
from altar.llm import failure, redacted

__all__ = ["KEY_HINT", "VERTEX_HINT", "is_sign_in", "translated"]

_KEYS = "GEMINI_API_KEY or GOOGLE_API_KEY"
KEY_HINT = f"Set {_KEYS} (https://aistudio.google.com/apikey gives one)."
VERTEX_HINT = (
    "Set GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, and run "
    "'gcloud auth application-default login' or set GOOGLE_APPLICATION_CREDENTIALS."
)
_MODEL_HINT = (
    "Check the model's name; names that end in -latest need GOOGLE_GENAI_API_VERSION=beta."
)


def translated(error: Exception, provider: str, *, in_stream: bool, vertex: bool) -> Exception:
    """One of altar's errors for what the SDK, its HTTP client or google-auth raised.

    HTTP errors and those of Interactions are told by their fields, transport
    faults by their names: the SDK runs on httpx, httpx2 or aiohttp.
    """
    if isinstance(error, ProviderError):
        return error
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(error, errors.APIError) or isinstance(status, int):
        return _refused(error, status, provider, in_stream=in_stream, vertex=vertex)
    names = _names(error)
    cause = _names(error.__cause__) if error.__cause__ is not None else set()
    if is_sign_in(error):
        return AuthenticationError(
            f"{provider}: {redacted(str(error))[:300]}",
            provider=provider,
            sent=False,
            hint=VERTEX_HINT,
        )
    told = f"{provider}: {redacted(str(error))[:300] or type(error).__name__}"
    unsent = bool((names | cause) & _UNSENT)
    if (names | cause) & _TIMEOUTS:
        return ProviderTimeoutError(told, provider=provider, sent=not unsent, in_stream=in_stream)
    if names & {"UnknownApiResponseError", "JSONDecodeError", "UnicodeDecodeError"}:
        return StreamBrokenError(
            f"{provider}: the answer is no JSON, so it did not come from the model's server",
            provider=provider,
            in_stream=in_stream,
            hint="Check the base URL, and proxies on the way.",
        )
    if (names | cause) & _TRANSPORT:
        if in_stream:
            return StreamBrokenError(told, provider=provider, in_stream=True)
        where = _where(error) or "the model's server"
        return TransportError(
            f"{provider}: no connection to {where}: {told.partition(': ')[2]}",
            provider=provider,
            sent=not unsent,
            hint="Check the network, and GOOGLE_GEMINI_BASE_URL where it is set.",
        )
    if isinstance(error, ValueError):
        return BadRequestError(told, provider=provider, sent=False)
    return error


_UNSENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError"}
_TIMEOUTS = {"TimeoutException", "TimeoutError", "APITimeoutError"}
_TRANSPORT = {"TransportError", "HTTPError", "ClientError", "APIConnectionError", "OSError"}


def _where(error: BaseException) -> str:
    """The host that was asked, where the HTTP client says so."""
    for fault in (error, error.__cause__, error.__context__):
        try:
            url = getattr(getattr(fault, "request", None), "url", None)
        except RuntimeError:  # httpx raises it for an error without a request
            continue
        host = getattr(url, "host", None)
        if isinstance(host, str) and host:
            return host
    return ""


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def is_sign_in(error: BaseException) -> bool:
    """Whether google-auth found no credentials, or none that still work."""
    return bool(_names(error) & {"DefaultCredentialsError", "RefreshError"})


def _refused(
    error: Any, status: Any, provider: str, *, in_stream: bool, vertex: bool
) -> ProviderError:
    body = _error_body(error)
    told = body.get("error", body)
    told = told if isinstance(told, dict) else {"message": str(told)}
    message = str(told.get("message") or getattr(error, "message", None) or error)
    word = told.get("status") if isinstance(told.get("status"), str) else told.get("code")
    key_hint = VERTEX_HINT if vertex else f"Check {_KEYS}; the latter wins."
    return failure(
        provider,
        message,
        status=status if isinstance(status, int) and not (in_stream and status == 200) else None,
        code=_reason(told) or (word if isinstance(word, str) else None),
        headers=_headers(error),
        body=body,
        in_stream=in_stream,
        hint=_MODEL_HINT if status == 404 else key_hint,
    )


def _error_body(error: Any) -> dict[str, Any]:
    """What the server said: parsed already, or as text."""
    found = getattr(error, "details", None) or getattr(error, "body", None)
    if isinstance(found, (str, bytes)):
        try:
            found = json.loads(found)
        except ValueError:
            return {"message": str(found)[:600]}
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, dict) else {}


def _reason(told: dict[str, Any]) -> str | None:
    """The one reason that says more than the status: a key the server does not know."""
    details = told.get("details")
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict) and item.get("reason") == "API_KEY_INVALID":
            return "API_KEY_INVALID"
    return None


def _headers(error: Any) -> dict[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return {str(name): str(value) for name, value in headers.items()} if headers else {}
