"""What google-genai, its HTTP client or google-auth raised, as one of altar's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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

__all__ = ["KEY_HINT", "VERTEX_HINT", "NoObjectError", "is_sign_in", "redirected", "translated"]

_KEYS = "GEMINI_API_KEY or GOOGLE_API_KEY"
KEY_HINT = f"Set {_KEYS} (https://aistudio.google.com/apikey gives one)."
VERTEX_HINT = (
    "Set GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, and run "
    "'gcloud auth application-default login' or set GOOGLE_APPLICATION_CREDENTIALS."
)
_MODEL_HINT = (
    "Check the model's name; names that end in -latest need GOOGLE_GENAI_API_VERSION=beta."
)


class NoObjectError(ValueError):
    """JSON of another kind where an object belongs."""


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
    if isinstance(error, NoObjectError):
        return StreamBrokenError(told, provider=provider, in_stream=in_stream)
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


def redirected(provider: str, status: int, headers: Mapping[str, str]) -> ProviderError:
    """A redirect, which is not followed: key and prompt would go where nobody meant them to."""
    named = {name.lower(): value for name, value in headers.items()}
    target = redacted(named.get("location", "").partition("?")[0])[:200] or "no named one"
    return BadRequestError(
        f"{provider}: the server sends to another address, {target} (HTTP {status})",
        provider=provider,
        status=status,
        hint="Set GOOGLE_GEMINI_BASE_URL (or url=) to the address that is meant.",
    )


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def is_sign_in(error: BaseException) -> bool:
    """Whether google-auth found no credentials, or none that still work."""
    return bool(_names(error) & {"DefaultCredentialsError", "RefreshError"})


def _refused(
    error: Any, status: Any, provider: str, *, in_stream: bool, vertex: bool
) -> ProviderError:
    headers = _headers(error)
    if isinstance(status, int) and 300 <= status < 400:
        return redirected(provider, status, headers)
    body = _error_body(error)
    told = body.get("error") or {key: body[key] for key in body if key != "error"}
    told = told if isinstance(told, dict) else {"message": str(told)}
    word = told.get("status") if isinstance(told.get("status"), str) else told.get("code")
    key_hint = VERTEX_HINT if vertex else f"Check {_KEYS}; the latter wins."
    return failure(
        provider,
        _said(told.get("message")),
        status=status if isinstance(status, int) and not (in_stream and status == 200) else None,
        code=_reason(told) or (word if isinstance(word, str) else None),
        headers=headers,
        body=body,
        in_stream=in_stream,
        hint=_MODEL_HINT if status == 404 else key_hint,
    )


_TITLE = re.compile(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)


def _said(message: Any) -> str:
    """A server's message; of a web page in its place the title."""
    text = message.strip() if isinstance(message, str) else ""
    if not text.startswith("<"):
        return text
    title = _TITLE.search(text)
    return "a web page came in the answer's place" + (f": {title[1].strip()}" if title else "")


def _error_body(error: Any) -> dict[str, Any]:
    """What the server said: parsed already, or as text."""
    found = getattr(error, "details", None) or getattr(error, "body", None)
    if isinstance(found, (str, bytes)):
        try:
            found = json.loads(found)
        except ValueError:
            found = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
            return {"message": found[:600]}
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
