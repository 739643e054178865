"""McpError: what a server, or the way to it, did wrong, with altar's type of it."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType, ToolError
from altar.mcp._jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RESOURCE_NOT_FOUND,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.mcp._jsonrpc import RpcError

__all__ = [
    "McpError",
    "SessionLostError",
    "broken",
    "doubted",
    "is_busy",
    "of_document",
    "of_rpc",
    "of_status",
    "unreachable",
]

_MAX_TEXT = 2000
_MAX_WAIT = 86_400_000  # milliseconds that anybody would wait
_URL_NEEDED = -32042
_BUSY = -32000  # see the server's line; the message tells it from other uses of the code
_NOT_BEGUN = re.compile(r"Busy: \d{1,9} requests are running, which is the limit")
_TYPES = {
    PARSE_ERROR: ErrorType.TOOL_EXECUTION_FAILED,
    INVALID_REQUEST: ErrorType.TOOL_EXECUTION_FAILED,
    METHOD_NOT_FOUND: ErrorType.TOOL_NOT_FOUND,
    INVALID_PARAMS: ErrorType.PARAMETER_VALIDATION_FAILED,
    INTERNAL_ERROR: ErrorType.TOOL_EXECUTION_FAILED,
    RESOURCE_NOT_FOUND: ErrorType.RESOURCE_NOT_FOUND,
    _URL_NEEDED: ErrorType.PERMISSION_DENIED,
    -32001: ErrorType.TIMEOUT,
}
_STATUS = {
    401: ErrorType.PERMISSION_DENIED,
    403: ErrorType.PERMISSION_DENIED,
    407: ErrorType.PERMISSION_DENIED,
    408: ErrorType.TIMEOUT,
    413: ErrorType.RESOURCE_EXHAUSTED,
    429: ErrorType.RATE_LIMIT_EXCEEDED,
}


class McpError(ToolError):
    """A server that refused or failed, or that could not be asked.

    Raised by an :class:`altar.mcp.Client`; within a tool it is what the model
    hears. ``type`` is altar's (SERVICE_UNAVAILABLE where there is no server,
    TIMEOUT where it did not answer), ``code`` and ``data`` are those of the
    JSON-RPC error, ``status`` is that of HTTP; each is None where there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str = ErrorType.TOOL_EXECUTION_FAILED,  # noqa: A002 - the field's own name
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
        code: int | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, type=type, retry_after=retry_after, details=details)
        self.code = code
        self.status = status
        self.data: Any = None
        self.is_told = False  # whether all of it is the server's word
        self.notes = ""  # what the server wrote to stderr: for people, never for a model


class SessionLostError(McpError):
    """The server has forgotten the session: HTTP alone can say so, never a message."""


def unreachable(message: str, **facts: Any) -> McpError:
    """There is no server, or none any more."""
    return McpError(message, type=ErrorType.SERVICE_UNAVAILABLE, **facts)


def broken(message: str, **facts: Any) -> McpError:
    """The server answered, but not as the protocol wants it."""
    return McpError(message, type=ErrorType.TOOL_EXECUTION_FAILED, **facts)


def is_busy(error: McpError | RpcError, *, idempotent: bool = False) -> bool:
    """Whether a server refused a request because too many were running.

    The code is anybody's. Only an altar server's own words say that the request
    was not begun; other words will do where to send it twice does no harm.
    """
    if error.code != _BUSY:
        return False
    return bool(_NOT_BEGUN.fullmatch(error.message)) or (
        idempotent and error.message.startswith("Busy")
    )


def of_rpc(error: RpcError, status: int | None = None) -> McpError:
    """An error that the server told by JSON-RPC."""
    told = of_document(error.data)
    if told is None:
        details = {"data": error.data} if isinstance(error.data, (dict, list, str)) else None
        text = error.message.strip()[:_MAX_TEXT] or f"The server failed (code {error.code})."
        kind = _TYPES.get(error.code, ErrorType.TOOL_EXECUTION_FAILED)
        is_full = is_busy(error, idempotent=True)
        kind = ErrorType.RATE_LIMIT_EXCEEDED if is_full else kind
        told = McpError(text, type=kind, details=details)
    told.code, told.data, told.status, told.is_told = error.code, error.data, status, True
    return told


def doubted(error: McpError, *, approved: bool) -> McpError:
    """What a server that is not trusted says of its failure, as far as it is safe to believe.

    That a call was not begun, or may come again, would have it sent twice; the
    wait it asks for is kept in the details. One that a person approved is not
    put to them again.
    """
    if not error.is_told:
        return error
    details = {key: value for key, value in (error.details or {}).items() if key != "executed"}
    if error.retry_after is not None and error.status is None:
        details["retry_after_ms"] = round(error.retry_after * 1000)
        error.retry_after = None
    error.details = details or None
    if approved and error.type == ErrorType.APPROVAL_REQUIRED:
        error.type = ErrorType.PERMISSION_DENIED
    return error


def of_document(document: Any) -> McpError | None:
    """The error that another altar wrote as ``{"error": {"type", "message", ...}}``, or None."""
    if not isinstance(document, dict) or not isinstance(document.get("error"), dict):
        return None
    said = document["error"]
    kind, message = said.get("type"), said.get("message")
    if not isinstance(kind, str) or not isinstance(message, str) or not kind.strip():
        return None
    details, wait = said.get("details"), said.get("retry_after_ms")
    is_number = isinstance(wait, (int, float)) and not isinstance(wait, bool)
    is_wait = is_number and 0 <= wait <= _MAX_WAIT and isfinite(wait)
    found = McpError(
        message[:_MAX_TEXT],
        type=kind[:100],
        details=details if isinstance(details, dict) else None,
        retry_after=wait / 1000 if is_wait else None,
    )
    found.is_told = True
    return found


def of_status(where: str, status: int, reason: str, retry_after: str | None) -> McpError:
    """An answer of HTTP's own that is no success."""
    kind = _STATUS.get(status)
    if kind is None:
        kind = ErrorType.SERVICE_UNAVAILABLE if status >= 500 else ErrorType.TOOL_EXECUTION_FAILED
    wait = None  # of 429 alone: with any other the request may have been begun
    if status == 429 and retry_after is not None and re.fullmatch("[0-9]{1,8}", retry_after):
        wait = float(retry_after)
    said = f": {reason[:100].rstrip('.')}" if reason else ""
    hint = " Give a token it knows: connect(url=..., bearer=...)." if status == 401 else ""
    return McpError(
        f"{where} answered with HTTP status {status}{said}.{hint}",
        type=kind,
        retry_after=wait,
        status=status,
    )
