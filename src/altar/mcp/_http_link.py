"""HttpLink: one HTTP/1.1 connection: requests in, answers and event streams out."""

from __future__ import annotations

import asyncio
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from altar.mcp._http_head import Chunked, Head, HeadError, read_head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["App", "HttpLink"]

_MAX_HEAD: Final = 32 * 1024
_SMALL: Final = 64 * 1024  # bytes that a link may hold, however much all of them do
_MAX_ODD: Final = 4096  # bytes in the body of what is no POST
_LINGER: Final = 1.0  # seconds for a refused client to read why
_REASONS: Final = {one.value: one.phrase for one in HTTPStatus}


class App(Protocol):
    """What answers the requests."""

    max_body: int
    max_held: int  # bytes of all requests that are not whole yet, or wait
    held: int
    timeout: float
    links: set[HttpLink]

    def enter(self, head: Head) -> str | Awaitable[str]:
        """Who sends this, asked before its body is read. Raises HeadError, also where awaited."""
        ...

    def handle(self, link: HttpLink, head: Head, body: bytes, who: str) -> None:
        """One request; sooner or later ``link.respond`` or ``link.end`` follows."""
        ...

    def is_full(self) -> bool:
        """Whether there are too many connections."""
        ...


class HttpLink(asyncio.Protocol):
    """Reads one request after the other; the next one waits for the answer to this one.

    ``on_gone`` is called once if the client leaves before its answer is
    there. Who sends too slowly, or reads too slowly, is cut off.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._head: Head | None = None
        self._chunked: Chunked | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None
        self.on_gone: Callable[[], None] | None = None
        self.busy = False
        self.streaming = False
        self._refused = False
        self._who = ""
        self._entering: asyncio.Future[str] | None = None
        self._held = 0

    @property
    def address(self) -> str:
        """Where the client is, without its port."""
        said = None if self.transport is None else self.transport.get_extra_info("peername")
        return str(said[0]) if said else ""

    # -- in ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._app.is_full():
            self._refuse(HeadError(503, "too many connections"))
            return
        self._app.links.add(self)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Whatever it sent."""
        if self._refused:
            return
        self._buffer += data
        if not self.busy:
            self._advance()
        self._weigh()
        # reading goes on while an answer is made: a client that leaves would not be noticed
        most = self._app.max_body + _MAX_HEAD
        if self.busy and (len(self._buffer) > most or self._is_too_much()):
            self._cut()
        elif self._is_too_much():
            self._refuse(HeadError(503, "too many requests are being sent"))

    def eof_received(self) -> bool:
        """The client closed its side: it does not wait for an answer that takes its time."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._app.links.discard(self)
        self._stop_waiting()
        self.transport = None
        self._buffer.clear()
        self._chunked = None
        self._weigh()
        if self._entering is not None:
            self._entering.cancel()
        gone, self.on_gone = self.on_gone, None
        if gone is not None:
            gone()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._wait()

    def resume_writing(self) -> None:
        """It does again."""
        if self.busy:
            self._stop_waiting()
        else:
            self._wait()  # for its next request

    def _advance(self) -> None:
        try:
            while not (self.busy or self._refused or self.transport is None) and self._next():
                pass
        except HeadError as error:
            self._refuse(error)

    def _next(self) -> bool:
        """Whether there was a whole request."""
        buffer = self._buffer
        if self._head is None:
            end = buffer.find(b"\r\n\r\n")
            if end > _MAX_HEAD or (end < 0 and len(buffer) > _MAX_HEAD):
                raise HeadError(431, "the headers are too large")
            if end < 0:
                return False
            self._head = head = read_head(bytes(buffer[:end]).lstrip(b"\r\n"))
            del buffer[: end + 4]
            self._begin(head)
        if self._entering is not None:
            return False
        head = self._head
        if self._chunked is not None:
            whole = self._chunked.feed(buffer)
            if whole is None:
                return False
            body = whole
        else:
            length = head.length or 0
            if len(buffer) < length:
                return False
            body = bytes(buffer[:length])
            del buffer[:length]
        self._stop_waiting()
        self.busy = True
        self._app.handle(self, head, body, self._who)
        return True

    def _begin(self, head: Head) -> None:
        limit = self._app.max_body if head.method == "POST" else _MAX_ODD
        if head.length is None:
            self._chunked = Chunked(limit)
        elif head.length > limit:
            raise HeadError(413, f"the body is larger than {limit} bytes")
        who = self._app.enter(head)
        if isinstance(who, str):
            self._admit(head, who)
            return
        assert self.transport is not None
        self.transport.pause_reading()  # no body of somebody who may not be let in
        self._entering = asyncio.ensure_future(who)
        self._entering.add_done_callback(lambda done: self._entered(head, done))

    def _entered(self, head: Head, done: asyncio.Future[str]) -> None:
        self._entering = None
        if done.cancelled() or self.transport is None:
            return
        error = done.exception()
        self.transport.resume_reading()
        if error is None:
            self._admit(head, done.result())
            self._advance()
        else:
            self._refuse(error if isinstance(error, HeadError) else HeadError(500, "it failed"))

    def _admit(self, head: Head, who: str) -> None:
        self._who = who
        if head.get("expect") and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _weigh(self) -> None:
        """Tell the application how much this link holds."""
        held = len(self._buffer) + (0 if self._chunked is None else len(self._chunked))
        self._app.held += held - self._held
        self._held = held

    def _is_too_much(self) -> bool:
        return self._held > _SMALL and self._app.held > self._app.max_held

    # -- out --------------------------------------------------------------------------

    def respond(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """The whole answer to the request at hand."""
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
        if body:
            lines.append("Content-Type: application/json")
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + body)
        self._answered()

    def start(self, headers: Mapping[str, str] | None = None) -> None:
        """The answer is a stream of events."""
        lines = [
            "HTTP/1.1 200 OK",
            "Content-Type: text/event-stream",
            "Cache-Control: no-cache, no-transform",
            "X-Accel-Buffering: no",
            "Transfer-Encoding: chunked",
            *[f"{name}: {value}" for name, value in (headers or {}).items()],
            "\r\n",
        ]
        self.streaming = True
        self._write("\r\n".join(lines).encode("latin-1"))

    def event(self, data: bytes) -> None:
        """One message of the stream."""
        self._chunk(b"event: message\ndata: " + data + b"\n\n")

    def ping(self) -> None:
        """A comment: it keeps the connection open on its way through others."""
        self._chunk(b": ping\n\n")

    def end(self) -> None:
        """The stream is complete."""
        self._write(b"0\r\n\r\n")
        self.streaming = False
        self._answered()

    def close(self) -> None:
        """End the connection after what is written."""
        if self.transport is not None:
            self.transport.close()

    def _chunk(self, data: bytes) -> None:
        self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def _answered(self) -> None:
        keep = self._head is not None and self._head.keep_alive
        self.busy, self.on_gone = False, None
        self._head = self._chunked = None
        self._weigh()
        if self._refused and self.transport is not None and self.transport.can_write_eof():
            # closing at once, with bytes unread, would take the answer back on its way
            self.transport.write_eof()
            self._wait(_LINGER)
            return
        if not keep or self.transport is None:
            self.close()
            return
        self._wait()
        self.transport.resume_reading()
        if self._buffer:
            self._loop.call_soon(self._advance)

    def _refuse(self, error: HeadError) -> None:
        """What cannot be read cannot be followed by a second request."""
        self._head, self._chunked, self._refused = None, None, True
        self._buffer.clear()
        self._weigh()
        headers = {"Connection": "close", **error.headers}
        if not error.body:
            headers["X-Reason"] = error.reason
        self.respond(error.status, error.body, headers)

    def _wait(self, most: float = math.inf) -> None:
        self._stop_waiting()
        self._timer = self._loop.call_later(min(most, self._app.timeout), self._cut)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()
