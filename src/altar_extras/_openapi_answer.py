"""Answers: what an HTTP answer is as the result of a tool, or as its error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from altar import Blob, ToolError
from altar.errors import ErrorType, InvalidDataError

if TYPE_CHECKING:
    from altar_extras._openapi_auth import Veil
    from altar_extras._openapi_http import Answer

__all__ = ["ERROR_TYPES", "is_json", "is_text", "result_of"]

ERROR_TYPES = {
    400: ErrorType.PARAMETER_VALIDATION_FAILED,
    401: ErrorType.PERMISSION_DENIED,
    402: ErrorType.BUSINESS_RULE_VIOLATION,
    403: ErrorType.PERMISSION_DENIED,
    404: ErrorType.RESOURCE_NOT_FOUND,
    407: ErrorType.PERMISSION_DENIED,
    408: ErrorType.TIMEOUT,
    409: ErrorType.INVALID_STATE,
    410: ErrorType.RESOURCE_NOT_FOUND,
    412: ErrorType.INVALID_STATE,
    413: ErrorType.PARAMETER_VALIDATION_FAILED,
    414: ErrorType.PARAMETER_VALIDATION_FAILED,
    415: ErrorType.PARAMETER_VALIDATION_FAILED,
    422: ErrorType.PARAMETER_VALIDATION_FAILED,
    423: ErrorType.INVALID_STATE,
    424: ErrorType.INVALID_STATE,
    428: ErrorType.INVALID_STATE,
    429: ErrorType.RATE_LIMIT_EXCEEDED,
    451: ErrorType.PERMISSION_DENIED,
}
# what a server that speaks altar's errors may say; the rest are altar's own to say
_TOLD = {str(one) for one in ErrorType} - {
    *(ErrorType.APPROVAL_REQUIRED, ErrorType.CANCELLED, ErrorType.CIRCUIT_OPEN)
}
_LONGEST = 1_000
_LONGEST_WAIT = 86_400_000  # milliseconds: a day
_MOST_DETAILS = 4_000
_HIDDEN = {"set-cookie", "authorization", "www-authenticate"}
_MOST_HEADERS = 50


def is_json(media_type: str) -> bool:
    """Whether a body of this media type is JSON."""
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def is_text(media_type: str) -> bool:
    """Whether a body of this media type is text."""
    return media_type.startswith("text/") or media_type.endswith(("/xml", "+xml", "/yaml"))


def result_of(answer: Answer, shown: str, method: str, veil: Veil) -> Any:
    """The value of an answer of 2xx or 304; raises ToolError for any other.

    JSON becomes its value, text a text, other bodies an :class:`altar.Blob`, no
    body None; HEAD, and OPTIONS without a body, give status and headers. ``veil``
    hides secrets in what the body says, once it is read: escapes hide them too.
    """
    if not (200 <= answer.status < 300 or answer.status == 304):
        raise _error(answer, shown, veil)
    if method in ("HEAD", "OPTIONS") and not answer.body:
        kept = [name for name in answer.headers if name not in _HIDDEN][:_MOST_HEADERS]
        return {"status": answer.status, "headers": {name: answer.headers[name] for name in kept}}
    if not answer.body:
        return None
    kind = answer.media_type
    if is_json(kind):
        try:
            return veil.over_value(json.loads(answer.body))
        except (ValueError, RecursionError):
            raise ToolError(f"{shown}: the server's answer is no JSON, as it says.") from None
    if is_text(kind) or kind == "application/x-www-form-urlencoded":
        return veil.over(_text(answer))
    body = veil.over_bytes(answer.body)
    try:
        return Blob(kind or "application/octet-stream", body)
    except InvalidDataError:
        return Blob("application/octet-stream", body)


def _text(answer: Answer) -> str:
    said = answer.headers.get("content-type", "").lower().partition("charset=")[2]
    charset = said.partition(";")[0].strip(" \"'") or "utf-8"
    try:
        return answer.body.decode(charset, "replace")
    except (LookupError, UnicodeError):  # not every codec is one of text
        return answer.body.decode("utf-8", "replace")


def _error(answer: Answer, shown: str, veil: Veil) -> ToolError:
    """The error that a status, and what the server said with it, come to."""
    status = answer.status
    kind = ERROR_TYPES.get(status)
    if kind is None:
        kind = ErrorType.SERVICE_UNAVAILABLE if status >= 500 else ErrorType.TOOL_EXECUTION_FAILED
    body = _problem(answer, veil)
    after = _retry_after(answer) if status in (429, 503) else None
    told = body.get("error")
    said_so = isinstance(told, dict) and _is_word(told.get("message"))
    if isinstance(told, dict) and said_so and str(told.get("type")) in _TOLD:
        more = told.get("details")
        return ToolError(
            told["message"][:_LONGEST],
            type=told["type"],
            retry_after=_told_after(told, after),
            details=more if isinstance(more, dict) and _is_small(more) else None,
        )
    said = _words(body) or (
        veil.over(_text(answer))[:200] if answer.media_type == "text/plain" else ""
    )
    message = f"{shown} answered {status}" + (f": {said[:_LONGEST]}" if said.strip() else ".")
    details: dict[str, Any] = {"status": status}
    if body and _is_small(body):
        details["problem"] = body
    return ToolError(message, type=kind, retry_after=after, details=details)


def _told_after(told: dict[str, Any], after: float | None) -> float | None:
    """The seconds to wait that an error of altar's tells, which a header has only as whole ones."""
    waits = told.get("retry_after_ms")
    return waits / 1000 if type(waits) is int and 0 <= waits < _LONGEST_WAIT else after


def _problem(answer: Answer, veil: Veil) -> dict[str, Any]:
    """The JSON object of an error's body (RFC 9457, or the server's own form), or {}."""
    if not is_json(answer.media_type):
        return {}
    try:
        found = veil.over_value(json.loads(answer.body))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {"detail": found}


def _words(body: dict[str, Any]) -> str:
    """What the body says to a person."""
    error = body.get("error")
    inner = error if isinstance(error, dict) else {}
    parts: list[str] = []
    for found in (body, inner):
        for field in ("title", "detail", "message", "error_description", "error"):
            text = found.get(field)
            if isinstance(text, str) and text.strip() and text not in parts:
                parts.append(text)
    return ": ".join(parts[:3])


def _is_word(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _is_small(value: Any) -> bool:
    try:
        return len(json.dumps(value)) <= _MOST_DETAILS
    except (ValueError, RecursionError):
        return False


def _retry_after(answer: Answer) -> float | None:
    """The seconds of Retry-After, which are a number or the date when they are over."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
