"""JSON-RPC 2.0 frames: read from bytes, checked, and written as bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BUSY",
    "HEADER_MISMATCH",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "MISSING_CAPABILITY",
    "PARSE_ERROR",
    "RESOURCE_NOT_FOUND",
    "UNSUPPORTED_VERSION",
    "Answer",
    "Failure",
    "Id",
    "Message",
    "Notification",
    "Request",
    "RpcError",
    "encode",
    "error_frame",
    "message_of",
    "notification_frame",
    "parse",
    "request_frame",
    "result_frame",
]

BUSY = -32000  # of the codes that are free for implementations
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
RESOURCE_NOT_FOUND = -32002  # handshake era only; since 2026-07-28 it is INVALID_PARAMS
HEADER_MISMATCH = -32020  # since 2026-07-28: HTTP headers and body disagree
MISSING_CAPABILITY = -32021  # since 2026-07-28: the request declares too little
UNSUPPORTED_VERSION = -32022  # since 2026-07-28; data: {"supported": [...], "requested": ...}

Id: TypeAlias = int | str


class RpcError(Exception):
    """An error as JSON-RPC tells it; ``id`` is that of the request, where it is known."""

    def __init__(
        self,
        code: int,
        message: str,
        data: Any = None,
        *,
        id: Id | None = None,  # noqa: A002 - the wire's own word
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.id = id


class Request(NamedTuple):
    """A message that wants an answer."""

    id: Id
    method: str
    params: dict[str, Any]


class Notification(NamedTuple):
    """A message that wants none."""

    method: str
    params: dict[str, Any]


class Answer(NamedTuple):
    """What came of a request."""

    id: Id
    result: dict[str, Any]


class Failure(NamedTuple):
    """A request that failed; ``id`` is None where the other side could not read it."""

    id: Id | None
    error: RpcError


Message: TypeAlias = Request | Notification | Answer | Failure


def parse(raw: bytes | bytearray | str) -> Message:
    """The message in these bytes (UTF-8).

    Raises RpcError, PARSE_ERROR for what is not JSON and INVALID_REQUEST for
    JSON that is no single message (batches are not MCP); ``error.id`` is the
    id to answer to, None where there is none.
    """
    try:
        document = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # huge integers, lone bytes, deep nesting
        raise RpcError(PARSE_ERROR, "Parse error: the message is not valid JSON") from None
    return message_of(document)


def message_of(document: Any) -> Message:
    """The message in decoded JSON; raises RpcError as :func:`parse` does."""
    if type(document) is not dict:
        what = "a batch" if isinstance(document, list) else "not an object"
        _invalid(f"a message is one JSON object, this is {what}", None)
    id_ = document.get("id")
    if type(id_) not in (int, str):
        id_ = None
    if document.get("jsonrpc") != "2.0":
        _invalid('"jsonrpc" must be "2.0"', id_)
    if "method" in document:
        return _call_of(document, id_)
    if "error" in document:
        return Failure(id_, _error_of(document["error"], id_))
    result = document.get("result")
    if id_ is None or type(result) is not dict:
        _invalid('a message has a "method", or an "id" and a "result" object, or an "error"', id_)
    return Answer(id_, result)


def request_frame(id_: Id, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request, ready to be encoded."""
    frame: dict[str, Any] = {"jsonrpc": "2.0", "id": id_, "method": method}
    if params is not None:
        frame["params"] = params
    return frame


def notification_frame(method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A notification, ready to be encoded."""
    frame: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        frame["params"] = params
    return frame


def result_frame(id_: Id, result: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request, ready to be encoded."""
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def error_frame(id_: Id | None, error: RpcError) -> dict[str, Any]:
    """The failure of a request, ready to be encoded."""
    said: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        said["data"] = error.data
    return {"jsonrpc": "2.0", "id": id_, "error": said}


_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(frame: Mapping[str, Any]) -> bytes:
    """A frame as compact ASCII JSON: one line, whatever its texts hold."""
    return _encoder(frame).encode("ascii")


def _call_of(document: dict[str, Any], id_: Id | None) -> Request | Notification:
    method = document["method"]
    if type(method) is not str:
        _invalid('"method" must be a text', id_)
    params = document.get("params")
    if params is None:
        params = {}
    elif type(params) is not dict:
        _invalid('"params" must be an object', id_)
    if "id" not in document:
        return Notification(method, params)
    if id_ is None:
        _invalid('"id" must be a text or an integer', None)
    return Request(id_, method, params)


def _error_of(said: Any, id_: Id | None) -> RpcError:
    if not isinstance(said, dict) or type(said.get("code")) is not int:
        _invalid('"error" must be an object with an integer "code"', id_)
    message = said.get("message")
    text = message if isinstance(message, str) else ""
    return RpcError(said["code"], text, said.get("data"), id=id_)


def _invalid(reason: str, id_: Id | None) -> NoReturn:
    raise RpcError(INVALID_REQUEST, f"Invalid request: {reason}", id=id_)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and Infinity are not JSON
