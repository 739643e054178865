"""HttpTransport: a server behind a URL, by streamable HTTP."""

from __future__ import annotations

import asyncio
import inspect
import re
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType
from altar.mcp._client_errors import (
    McpError,
    SessionLostError,
    broken,
    of_status,
    unreachable,
)
from altar.mcp._jsonrpc import INVALID_REQUEST, Answer, Failure, RpcError, encode, parse
from altar.mcp._transport_sse import EventReader, TooLongError
from altar.mcp._transport_wire import Wire, address_of
from altar.mcp._words import (
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    SESSION_HEADER,
    VERSION_HEADER,
    encode_header,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from typing import TypeAlias

    from altar.mcp._client_options import ClientOptions
    from altar.mcp._jsonrpc import Id
    from altar.mcp._transport import Inbox
    from altar.mcp._transport_wire import Reply

    Bearer: TypeAlias = str | Callable[[], str | Awaitable[str]]

__all__ = ["HttpTransport"]

_RETRY = 1.0  # seconds before a stream is taken up again, where the server names none
_LEAST = 0.05  # and at least, where it names too few
_TRIES = 3  # in succession, without an event
_LAST = 2.0  # seconds for the last word to the server
_SESSION = re.compile(r"[\x21-\x7e]{1,256}")


class HttpTransport:
    """A server behind a URL: each request is a POST, its answer JSON or a stream of events."""

    notes = ""
    is_one_pipe = False

    def __init__(self, url: str, options: ClientOptions, bearer: Bearer | None) -> None:
        self._wire = Wire(address_of(url), connect_timeout=options.connect_timeout)
        self.shown = self._wire.shown
        self.version: str | None = None
        self.is_modern = False
        self.ended: str | None = None
        self.pids: set[int] = set()
        self.session: str | None = None
        self._options = options
        self._bearer = bearer
        self._inbox: Inbox | None = None
        self._is_forgotten = False

    @property
    def drops_to_cancel(self) -> bool:
        """Whether closing a request's stream is how it is cancelled: since 2026-07-28."""
        return self.is_modern

    async def open(self, inbox: Inbox) -> None:
        """Nothing is sent yet."""
        self._inbox = inbox

    async def exchange(
        self, frame: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer | Failure:
        """POST a request; its answer may come as JSON, or on a stream that is taken up again."""
        asked = {**await self._headers(frame), **(headers or {})}
        async with self._wire.asking("POST", asked, encode(frame)) as reply:
            if reply.status >= 300:
                return await self._refused(reply, frame["id"])
            if frame["method"] == "initialize":
                self.session = self._session_of(reply)
            kind = reply.content_type
            if kind == "application/json":
                return self._answer_of(await reply.body(self._options.max_message), frame["id"])
            if kind != "text/event-stream":
                what = f"as {kind!r}" if kind else "with nothing"
                raise broken(f"{self.shown} answered a request {what}.", status=reply.status)
            stream = EventReader(self._options.max_message)
            answer = await self._read(reply, stream, frame["id"])
        return await self._resume(stream, frame["id"]) if answer is None else answer

    async def send(self, frame: Mapping[str, Any]) -> None:
        """POST what wants no answer; whatever comes back is not read."""
        asked = await self._headers(frame)
        async with self._wire.asking("POST", asked, encode(frame)) as reply:
            if reply.status >= 400:
                raise of_status(self.shown, reply.status, reply.reason, None)

    async def listen(self) -> None:
        """GET what the server sends outside of answers, until it will not; handshake era."""
        stream = EventReader(self._options.max_message)
        failed = 0
        while failed < _TRIES:
            begun = monotonic()
            try:
                if not await self._get(stream, None):
                    return
                failed = 0 if monotonic() - begun > _RETRY else failed + 1
            except McpError:
                failed += 1
            await asyncio.sleep(_pause(stream))

    async def close(self) -> None:
        """Let the server forget the session, and close all connections."""
        if self.session is not None and self.ended is None and not self._is_forgotten:
            with suppress(McpError, TimeoutError):
                async with (
                    asyncio.timeout(_LAST),
                    self._wire.asking("DELETE", await self._headers({})),
                ):
                    pass
        self.ended = "it was closed"
        self._wire.close()

    async def _headers(self, frame: Mapping[str, Any]) -> dict[str, str]:
        method = frame.get("method", "")
        found = {
            **{name.lower(): value for name, value in self._options.headers.items()},
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        if self._bearer is not None:
            found["authorization"] = f"Bearer {await _token(self._bearer)}"
        if method == "initialize":
            return found
        if self.session is not None:
            found[SESSION_HEADER] = self.session
        if self.version is not None:
            found[VERSION_HEADER] = self.version
        if self.is_modern and method:
            found[METHOD_HEADER] = method
            name = frame.get("params", {}).get(NAMED_BY.get(method, ""))
            if isinstance(name, str):
                found[NAME_HEADER] = encode_header(name)
        return found

    def _session_of(self, reply: Reply) -> str | None:
        found = reply.headers.get(SESSION_HEADER)
        if found is not None and not _SESSION.fullmatch(found):
            raise broken(f"{self.shown} gave a session an id that no header can carry.")
        return found

    async def _refused(self, reply: Reply, id_: Id) -> Failure:
        """What a server that answers with an error status says; raises McpError without words."""
        status = reply.status
        if reply.content_type == "application/json":
            with suppress(RpcError):
                said = parse(await reply.body(self._options.max_message))
                if isinstance(said, Failure):
                    said.error.id = id_
                    if status in (401, 403):
                        raise of_status(self.shown, status, said.error.message, None)
                    if status == 404 and self.session is not None:
                        raise self._lost()
                    if status == 404 and said.error.code == INVALID_REQUEST:  # of the path
                        raise of_status(self.shown, status, said.error.message, None)
                    return said
        if status == 404 and self.session is not None:
            raise self._lost()
        raise of_status(self.shown, status, reply.reason, reply.headers.get("retry-after"))

    def _lost(self) -> SessionLostError:
        self._is_forgotten = True
        return SessionLostError(
            f"{self.shown} has forgotten this session.",
            type=ErrorType.SERVICE_UNAVAILABLE,
            status=404,
        )

    def _answer_of(self, raw: bytes, id_: Id) -> Answer | Failure:
        try:
            said = parse(raw)
        except RpcError as error:
            raise broken(f"{self.shown} answered with what is no message of MCP.") from error
        if isinstance(said, (Answer, Failure)) and said.id in (id_, None):
            return said
        raise broken(f"{self.shown} answered something other than what was asked.")

    async def _read(self, reply: Reply, stream: EventReader, id_: Id | None) -> Any:
        """The answer to ``id_``, or None where the stream ended without it."""
        try:
            async for event in _events(reply, stream):
                with suppress(RpcError):  # an event that is no message answers nothing
                    said = parse(event) if event else None
                    if isinstance(said, (Answer, Failure)):
                        if id_ is not None and said.id in (id_, None):
                            return said
                    elif said is not None and self._inbox is not None:
                        self._inbox.took(said, id_)
        except (OSError, EOFError):
            return None  # broken off: it may be taken up again
        except TooLongError as error:
            raise McpError(
                f"{self.shown} sent {error}.",
                type=ErrorType.RESOURCE_EXHAUSTED,
                details={"max_message": self._options.max_message},
            ) from error
        return None

    async def _resume(self, stream: EventReader, id_: Id) -> Answer | Failure:
        """Take the stream of an answer up again where it broke off."""
        failed = 0
        while stream.last_id and not self.is_modern and failed < _TRIES:
            await asyncio.sleep(_pause(stream))
            before = stream.last_id
            try:
                answer = await self._get(stream, id_)
            except McpError:
                failed += 1
                continue
            if isinstance(answer, (Answer, Failure)):
                return answer
            if answer is False:
                break
            failed = failed + 1 if stream.last_id == before else 0
        raise unreachable(f"{self.shown} ended its stream without an answer.")

    async def _get(self, stream: EventReader, id_: Id | None) -> Any:
        """One GET of events: an answer, True at its end, False where the server has none."""
        asked = await self._headers({})
        del asked["content-type"]
        asked["accept"] = "text/event-stream"
        if stream.last_id:
            asked["last-event-id"] = stream.last_id
        stream.reset()
        async with self._wire.asking("GET", asked) as reply:
            if reply.status >= 500:
                raise of_status(self.shown, reply.status, reply.reason, None)
            if reply.status != 200 or reply.content_type != "text/event-stream":
                return False
            answer = await self._read(reply, stream, id_)
        return True if answer is None else answer


async def _events(reply: Reply, stream: EventReader) -> AsyncIterator[str]:
    async for piece in reply.pieces():
        for event in stream.feed(piece):
            if event.name == "message":
                yield event.data


def _pause(stream: EventReader) -> float:
    """Seconds before a stream is taken up again."""
    return _RETRY if stream.retry is None else max(_LEAST, stream.retry / 1000)


async def _token(bearer: Bearer) -> str:
    if isinstance(bearer, str):
        return bearer
    try:
        said = bearer()
        token: Any = await said if inspect.isawaitable(said) else said
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # sys.exit() in it must not end the client's thread
        raise McpError(  # and what it says may hold a secret
            f"connect(bearer=...) failed ({type(error).__name__})",
            type=ErrorType.CONFIGURATION_ERROR,
        ) from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise McpError(
            "connect(bearer=...) gave no token: let it return a text",
            type=ErrorType.CONFIGURATION_ERROR,
        )
    return token
