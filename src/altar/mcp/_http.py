"""HTTP: the server at one URL, for both eras of streamable HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from altar.later._log import logger
from altar.mcp._http_guard import Guard
from altar.mcp._http_head import HeadError
from altar.mcp._http_link import HttpLink
from altar.mcp._http_outlet import HttpOutlet
from altar.mcp._http_sessions import Kept, Sessions
from altar.mcp._jsonrpc import (
    BUSY,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Message,
    Notification,
    Request,
    RpcError,
    encode,
    error_frame,
    parse,
)
from altar.mcp._server_line import Line
from altar.mcp._server_peer import unsupported
from altar.mcp._versions import HANDSHAKE_VERSIONS, MODERN_VERSIONS
from altar.mcp._words import (
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    SESSION_HEADER,
    VERSION_HEADER,
    VERSION_KEY,
    decode_header,
    http_status,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from altar.mcp._http_head import Head
    from altar.mcp._server_guests import Guests
    from altar.mcp._server_options import HttpOptions

__all__ = ["Listening"]

_GRACE = 2.0  # seconds for what runs when the server stops
_HELD = 64 * 1024 * 1024  # bytes
_NO_SESSION = -32001
_METHODS = "GET, POST, DELETE, OPTIONS"


class Listening:
    """A server that listens: ``url`` is where. It is the App of its links."""

    def __init__(self, guests: Guests, options: HttpOptions) -> None:
        self._guests = guests
        self._core = core = guests.core
        self._options = options
        self._guard = Guard(options)
        self._sessions = Sessions(core, options.max_sessions, self._left)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._socket: asyncio.Server | None = None
        self.max_body = core.options.max_message
        self.max_held = max(_HELD, 4 * self.max_body)
        self.held = 0
        self.timeout = options.timeout
        self.links: set[HttpLink] = set()
        self.port = options.port

    @property
    def url(self) -> str:
        """What a client is given."""
        host = self._options.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{self._options.path}"

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        here, port = self._options.host, self._options.port
        self._socket = await loop.create_server(lambda: HttpLink(self), here, port)
        self.port = self._socket.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more; what runs has a moment to end, and is cancelled then."""
        if self._socket is not None:
            self._socket.close()
        for link in list(self.links):
            if not link.busy:
                link.close()
        until = asyncio.get_running_loop().time() + _GRACE
        self._sessions.close()
        self._core.listeners.over()
        while self._working() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - any of many may end
            await asyncio.sleep(0.01)
        for link in list(self.links):
            link.close()  # what still runs for it is cancelled
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def is_full(self) -> bool:
        """Whether there are too many connections."""
        return len(self.links) >= self._options.max_connections

    # -- one request ------------------------------------------------------------------

    def enter(self, head: Head) -> str | Awaitable[str]:
        """Who sends this: asked before anything of the body is kept. Raises HeadError."""
        try:
            if head.path.rstrip("/") != self._options.path.rstrip("/"):
                raise HeadError(404, "there is nothing here")
            self._guard.check_place(head)
            who = "" if head.method == "OPTIONS" else self._guard.admit(head)
        except HeadError as error:
            raise self._told(head, error) from None
        return who if isinstance(who, str) else self._awaited(head, who)

    async def _awaited(self, head: Head, who: Awaitable[str]) -> str:
        try:
            return await who
        except HeadError as error:
            raise self._told(head, error) from None

    def handle(self, link: HttpLink, head: Head, body: bytes, who: str) -> None:
        """Answer one that was let in."""
        try:
            if head.method == "OPTIONS":
                link.respond(204, headers=self._cors(head))
            else:
                self._routed(link, head, body, who)
        except HeadError as error:
            told = self._told(head, error)
            link.respond(told.status, told.body, told.headers)

    def _routed(self, link: HttpLink, head: Head, body: bytes, who: str) -> None:
        try:
            self._route(link, head, body, who)
        except HeadError:
            raise
        except Exception as error:  # noqa: BLE001 - of a function of the application's
            logger.error("MCP: a request failed", exc_info=error)
            self._fail(link, head, RpcError(INTERNAL_ERROR, "Internal error"), status=500)

    def _route(self, link: HttpLink, head: Head, body: bytes, who: str) -> None:
        if head.method == "POST":
            self._post(link, head, body, who)
        elif head.method in ("GET", "DELETE") and head.get(VERSION_HEADER) not in MODERN_VERSIONS:
            kept = self._kept(head, who)
            if head.method == "DELETE":
                self._sessions.drop(kept)
                link.respond(200, headers=self._cors(head))
            else:
                self._listen(link, head, kept)
        else:
            raise HeadError(405, "POST a message", {"Allow": "POST"})

    def _post(self, link: HttpLink, head: Head, body: bytes, who: str) -> None:
        kind = (head.get("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HeadError(415, "a message is application/json")
        if not head.accepts("application/json"):
            raise HeadError(406, "accept application/json and text/event-stream")
        try:
            message = parse(body)
        except RpcError as error:
            self._fail(link, head, error)
            return
        version = head.get(VERSION_HEADER)
        opens = isinstance(message, Request) and message.method == "initialize"
        if opens:
            self._open(link, head, message, who)
        elif version is not None and version not in HANDSHAKE_VERSIONS:
            self._modern(link, head, message, who)
        elif isinstance(message, Request) and _has_envelope(message):
            reason = f"Header mismatch: {VERSION_HEADER} is not the version in params._meta"
            self._fail(link, head, RpcError(HEADER_MISMATCH, reason, id=message.id))
        else:
            self._handshake(link, head, message, who)

    # -- since 2026-07-28 -------------------------------------------------------------

    def _modern(self, link: HttpLink, head: Head, message: Message, who: str) -> None:
        version = head.get(VERSION_HEADER) or ""
        if isinstance(message, Notification):
            if version in MODERN_VERSIONS:
                link.respond(202, headers=self._cors(head))
            else:
                self._fail(link, head, unsupported(version))
            return
        if not isinstance(message, Request):
            reason = "Invalid request: a message is one request or notification"
            self._fail(link, head, RpcError(INVALID_REQUEST, reason))
            return
        wrong = _mismatch(head, message)
        if wrong is not None:
            self._fail(link, head, RpcError(HEADER_MISMATCH, wrong, id=message.id))
            return
        if message.method == "subscriptions/listen" and not head.accepts("text/event-stream"):
            raise HeadError(406, "accept text/event-stream")
        peer = self._guests.peer(who or None, link.address)
        line = Line(self._core, peer)
        outlet = HttpOutlet(link, head, self._cors(head), modern=True)
        link.on_gone = line.close
        exchange = line.take(message, outlet)
        if exchange is None:
            self._left(line)
        else:
            outlet.keep_alive()
            self._spawn(self._settle(line))

    async def _settle(self, line: Line) -> None:
        await line.settled()
        await self._guests.leave(line.peer)

    # -- the handshake era ------------------------------------------------------------

    def _open(self, link: HttpLink, head: Head, message: Message, who: str) -> None:
        line = Line(self._core, self._guests.peer(who or None, link.address))
        headers = self._cors(head)
        outlet = HttpOutlet(link, head, headers)
        outlet.before_answer = lambda: self._opened(line, who, headers)
        line.take(message, outlet)

    def _opened(self, line: Line, who: str, headers: dict[str, str]) -> RpcError | None:
        """The handshake has worked: from now on there is a session."""
        if line.peer.version is None:
            self._left(line)
            return None
        kept = self._sessions.add(line, who)
        if kept is None:
            self._left(line)
            return RpcError(BUSY, "Busy: there are too many sessions")
        headers["Mcp-Session-Id"] = kept.id
        return None

    def _handshake(self, link: HttpLink, head: Head, message: Message, who: str) -> None:
        id_ = message.id if isinstance(message, Request) else None
        try:
            kept = self._kept(head, who)
        except HeadError as error:
            code = _NO_SESSION if error.status == 404 else INVALID_REQUEST
            self._fail(link, head, RpcError(code, error.reason, id=id_), status=error.status)
            return
        if not isinstance(message, Request):
            kept.line.take(message, HttpOutlet(link, head, {}))
            link.respond(202, headers=self._cors(head))
            return
        outlet = HttpOutlet(link, head, self._cors(head))
        link.on_gone = lambda: kept.line.cancel(message.id)
        if kept.line.take(message, outlet) is not None:
            outlet.keep_alive()

    def _kept(self, head: Head, who: str) -> Kept:
        id_ = head.get(SESSION_HEADER)
        if id_ is None:
            raise HeadError(400, "Invalid request: the header Mcp-Session-Id is missing")
        kept = self._sessions.find(id_, who)
        if kept is None:
            raise HeadError(404, "Session not found: send initialize again")
        return kept

    def _listen(self, link: HttpLink, head: Head, kept: Kept) -> None:
        """The stream of what the server says unasked; a session has one."""
        if not head.accepts("text/event-stream"):
            raise HeadError(406, "accept text/event-stream")
        if kept.stream is not None:
            raise HeadError(409, "this session has such a stream")
        link.start(self._cors(head))
        kept.stream = link

        def gone() -> None:
            if kept.stream is link:
                kept.stream = None

        link.on_gone = gone

    # -- what is common ---------------------------------------------------------------

    def _fail(
        self, link: HttpLink, head: Head, error: RpcError, *, status: int | None = None
    ) -> None:
        code = http_status(error.code) if status is None else status
        link.respond(code, encode(error_frame(error.id, error)), self._cors(head))

    def _told(self, head: Head, error: HeadError) -> HeadError:
        """The refusal as a client can read it."""
        headers = self._cors(head) if error.status != 403 else {}
        headers.update(error.headers)
        said = encode(error_frame(None, RpcError(INVALID_REQUEST, error.reason)))
        return HeadError(error.status, error.reason, headers, said)

    def _cors(self, head: Head) -> dict[str, str]:
        """What a browser must be told for a page that may call."""
        origin = head.get("origin")
        if origin is None or not self._guard.allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": head.get("access-control-request-headers")
            or "Content-Type",
            "Access-Control-Expose-Headers": "Mcp-Session-Id, WWW-Authenticate",
            "Vary": "Origin",
        }

    def _left(self, line: Line) -> None:
        if self._guests.has_own(line.peer):
            self._spawn(self._settle(line))

    def _working(self) -> bool:
        return any(link.busy for link in self.links)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _has_envelope(message: Request) -> bool:
    meta = message.params.get("_meta")
    return isinstance(meta, dict) and VERSION_KEY in meta


def _mismatch(head: Head, message: Request) -> str | None:
    """Where headers and body say different things; what lies between may have believed either."""
    meta = message.params.get("_meta")
    if not isinstance(meta, dict) or VERSION_KEY not in meta:
        return None  # refused for that
    if head.get(VERSION_HEADER) != meta[VERSION_KEY]:
        return f"Header mismatch: {VERSION_HEADER} is not the version in params._meta"
    if head.get(METHOD_HEADER) != message.method:
        return f"Header mismatch: {METHOD_HEADER} is not the method"
    key = NAMED_BY.get(message.method)
    named = None if key is None else message.params.get(key)
    if named is not None and decode_header(head.get(NAME_HEADER)) != named:
        return f"Header mismatch: {NAME_HEADER} is not params.{key}"
    return None
