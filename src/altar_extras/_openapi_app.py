"""A session as an ASGI application, with its OpenAPI document and the same typed errors."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from altar import FunctionCall, Session
from altar.adm import dumps, loads
from altar.bridge import Bearer, NotAdmittedError, as_declared, as_session, model_text
from altar.errors import ConfigurationError, ErrorType, InvalidDataError
from altar.runtime import CallContext, Cancellation
from altar.trace import continued
from altar_extras._openapi_paths import PREFIX, document_of, status_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from altar import ToolResult
    from altar.adm import Schema
    from altar.bridge import Verify

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

__all__ = ["ToolApp", "export_tools"]

_DOCUMENT = "/openapi.json"
_MB = 1024 * 1024
_MAX_NAME = 4096  # letters; no tool's name is as long
_GONE = "the client went away"


def export_tools(
    tools: Any,
    *,
    tokens: Iterable[str] | Verify | None = None,
    title: str = "Tools",
    version: str = "1",
    max_body: int = _MB,
    public_document: bool = True,
) -> ToolApp:
    """An ASGI application: ``POST /tools/NAME`` calls a tool, ``GET /openapi.json`` tells of all.

    ``tools`` is a Session, or anything that ``Session(tools=...)`` takes. The
    body is the JSON object of the arguments and the answer the tool's content;
    what goes wrong is ``{"error": {...}}`` with a status of its own.
    ``tokens`` are bearer tokens, or a function, sync or async, from the token
    to True, False or the name of who it is, which becomes the call's
    ``principal``; with None anybody may call. ``max_body`` is in bytes.
    ``public_document`` shows the document without a token.

    Raises ConfigurationError for a bad option.
    """
    if max_body.__class__ is not int or max_body < 2:
        raise ConfigurationError(f"max_body={max_body!r}: give bytes, an integer from 2 on")
    if not (tokens is None or callable(tokens) or isinstance(tokens, Iterable)):
        raise ConfigurationError(f"tokens={tokens!r:.100}: give tokens, a function, or None")
    bearer = Bearer(() if tokens is None else tokens)
    if tokens is not None and bearer.is_open:
        raise ConfigurationError("tokens= is empty: give a token, or None for whoever comes")
    session = as_session(tools)
    info = {"title": str(title), "version": str(version)}
    return ToolApp(session, bearer, info, max_body=max_body, is_public=public_document)


class RefusedError(Exception):
    """A request that reaches no tool: the status, and the error to tell."""

    def __init__(
        self, status: int, kind: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message}
        self.headers = headers or {}


class ToolApp:
    """The application :func:`export_tools` makes; give it to any ASGI server.

    ``session`` carries the calls out; it is yours to close.
    """

    def __init__(
        self,
        session: Session,
        bearer: Bearer,
        info: dict[str, str],
        *,
        max_body: int,
        is_public: bool,
    ) -> None:
        self.session = session
        self._bearer = bearer
        self._info = info
        self._max_body = max_body
        self._is_public = is_public
        self._written: tuple[object, bytes] | None = None
        self._promised: tuple[object, dict[str, Schema | None]] = (None, {})

    def document(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the tools as they are now; the caller owns it."""
        declarations = self.session.declarations()
        return document_of(declarations, **self._info, is_guarded=not self._bearer.is_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection (the ASGI protocol, version 3)."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, body, headers = await self._routed(scope, receive)
        except RefusedError as refused:
            body = dumps({"error": refused.error}).encode()
            status, headers = refused.status, refused.headers
        except _LeftError:
            return
        await _send(scope, send, status, body, headers)

    async def _routed(self, scope: Scope, receive: Receive) -> tuple[int, bytes, dict[str, str]]:
        headers = _headers_of(scope)
        path, method = _path_of(scope), scope["method"]
        if path == _DOCUMENT:
            if not self._is_public:
                await self._admitted(headers)
            _must_be(method, "GET", "HEAD")
            return 200, self._document(), {}
        principal = await self._admitted(headers)
        if not path.startswith(PREFIX) or "/" in path[len(PREFIX) :] or path == PREFIX:
            known = f"{PREFIX}NAME and {_DOCUMENT}"
            raise RefusedError(404, ErrorType.TOOL_NOT_FOUND, f"nothing is here; there are {known}")
        name = path[len(PREFIX) :][:_MAX_NAME]
        if name in self.session:
            _must_be(method, "POST")
        args = _arguments(headers, await _body(receive, headers, self._max_body))
        result = await self._called(FunctionCall(name=name, args=args), headers, principal, receive)
        return _told(result)

    async def _admitted(self, headers: dict[str, str]) -> str | None:
        try:
            return await self._bearer.admit(headers.get("authorization")) or None
        except NotAdmittedError as error:
            told = {"WWW-Authenticate": error.header}
            kind = ErrorType.PERMISSION_DENIED
            raise RefusedError(
                401, kind, f"{error}: send Authorization: Bearer TOKEN", told
            ) from None

    async def _called(
        self, call: FunctionCall, headers: dict[str, str], principal: str | None, receive: Receive
    ) -> ToolResult:
        flag = Cancellation()
        ctx = CallContext(
            correlation_id=headers.get("x-request-id", "")[:128],
            cancelled=flag,
            principal=principal,
        )
        watch = asyncio.ensure_future(_watch(receive, flag))
        try:
            with continued(headers.get("traceparent"), tracestate=headers.get("tracestate")):
                result = await self.session.ainvoke(call, ctx)
        finally:
            watch.cancel()
        returns = self._returns().get(call.name)
        return as_declared(result, returns)

    def _returns(self) -> dict[str, Schema | None]:
        """What each tool promises to return."""
        declarations = self.session.declarations()
        if self._promised[0] is not declarations:
            self._promised = (declarations, {one.name: one.returns for one in declarations})
        return self._promised[1]

    def _document(self) -> bytes:
        declarations = self.session.declarations()
        if self._written is None or self._written[0] is not declarations:
            self._written = (declarations, json.dumps(self.document()).encode())
        return self._written[1]


class _LeftError(Exception):
    """The client went away before its request was whole."""


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _watch(receive: Receive, flag: Cancellation) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            flag.cancel(_GONE)
            return


def _path_of(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path") or "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _headers_of(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name == "authorization" and name in headers:  # which of them somebody in front checked?
            kind = ErrorType.PARAMETER_VALIDATION_FAILED
            raise RefusedError(400, kind, "there are two Authorization headers; send one")
        headers[name] = value.decode("latin-1")
    return headers


def _must_be(method: str, *allowed: str) -> None:
    if method not in allowed:
        told = {"Allow": ", ".join(allowed)}
        text = f"{method} is not for this; use {allowed[0]}"
        raise RefusedError(405, ErrorType.INVALID_STATE, text, told)


async def _body(receive: Receive, headers: dict[str, str], most: int) -> bytes:
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > most):
        raise _too_large(most)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _LeftError
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _too_large(most: int) -> RefusedError:
    kind = ErrorType.RESOURCE_EXHAUSTED
    return RefusedError(
        413, kind, f"the body is larger than {most:,} bytes", {"Connection": "close"}
    )


def _arguments(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The arguments; an empty body has none."""
    media = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    kind = ErrorType.PARAMETER_VALIDATION_FAILED
    if media != "application/json" and not (
        media.startswith("application/") and media.endswith("+json")
    ):
        raise RefusedError(415, kind, f"the body is {media[:80]!r}; send application/json")
    if not body.strip():
        return {}
    try:
        value = loads(body.decode())
    except UnicodeDecodeError:
        raise RefusedError(400, kind, "the body is not UTF-8") from None
    except InvalidDataError as error:
        raise RefusedError(400, kind, f"the body is no JSON: {error.problems[0]}") from None
    if not isinstance(value, dict):
        raise RefusedError(422, kind, 'the arguments are one JSON object: {"name": value}')
    return value


def _told(result: ToolResult) -> tuple[int, bytes, dict[str, str]]:
    error = result.error
    if error is None:
        return 200, dumps(result.content).encode(), {}
    headers = {}
    if error.retry_after_ms is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_ms / 1000))
    return status_of(error.type), model_text(result).encode(), headers


async def _send(
    scope: Scope, send: Send, status: int, body: bytes, headers: dict[str, str]
) -> None:
    told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    told["Cache-Control"] = "no-store"
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
