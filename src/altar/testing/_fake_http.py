"""The HTTP/1.1 side of a fake server: one thread per connection, chunked event streams."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Answer", "Answered", "Exchange", "Listener", "ServerEvent", "compact"]

# one that needs no file number of its own, where there is one
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
_BREATH = 0.02  # seconds until a system that had no room for a connection is asked again


def compact(value: Any) -> str:
    """JSON as the vendors write it: no spaces, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer in one piece; a ``body`` that is no text or bytes is sent as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else compact(self.body)
        return text.encode("utf-8", "backslashreplace")


class Answered(Exception):  # noqa: N818 - an early answer is not always an error
    """Raised by a hook of a fake server to answer at once, without asking the script."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event; ``data`` that is no text is sent as JSON."""

    data: Any
    event: str | None = None

    def encode(self, line_end: str = "\n") -> bytes:
        """The event's bytes, with its blank line."""
        text = self.data if isinstance(self.data, str) else compact(self.data)
        lead = "" if self.event is None else f"event: {self.event}{line_end}"
        return f"{lead}data: {text}{line_end}{line_end}".encode("utf-8", "backslashreplace")


class Exchange(BaseHTTPRequestHandler):
    """One connection: reads requests and hands each to ``answer`` until either side leaves."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "altar-fake"
    sys_version = ""

    def __init__(
        self, connection: socket.socket, peer: Any, answer: Callable[[Exchange], None]
    ) -> None:
        self._answer = answer
        self.body = b""
        self.begun = False  # whether anything of an answer was sent
        super().__init__(connection, peer, None)  # type: ignore[arg-type]

    def serve(self) -> None:
        """Read the body and have the request answered; a client that left is no error."""
        try:
            self.begun = False
            self.body = b"".join(self._read_body())
            self._answer(self)
        except (OSError, EOFError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = serve  # noqa: N815 - the standard library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: a test's output is its own."""

    def _read_body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                yield self._exactly(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            yield self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError("the client left in the middle of its request")
        return data

    def send_answer(self, answer: Answer, *, share: float = 1.0) -> None:
        """Send an answer; with a ``share`` below 1 only that much of its body, and hang up."""
        payload = answer.payload
        self.begun = True
        self.send_response(answer.status)
        if not any(name.lower() == "content-type" for name in answer.headers):
            self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload[: int(len(payload) * share)])
        if share < 1:
            self.hang_up()

    def begin_events(self, headers: Mapping[str, str]) -> None:
        """Send the head of an event stream."""
        self.begun = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        """Send one chunk at once; an empty one ends the stream."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def hang_up(self) -> None:
        """Drop the connection where it stands."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def wait_for_either_end(self, wake: socket.socket) -> None:
        """Wait until the client leaves, or ``wake`` becomes readable."""
        self.close_connection = True
        _ready(self.connection, wake)


class Listener:
    """A port of the loopback interface: a thread that accepts, a daemon thread per connection."""

    def __init__(self, answer: Callable[[Exchange], None]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._wake, self.woken = socket.socketpair()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._accept, name=f"altar-fake-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, drop every connection, release what hangs; safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        # makes ``woken`` readable, which a close alone does not while a forked child has a copy
        self._wake.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._wake.close()
        self._socket.close()

    def _accept(self) -> None:
        self._socket.setblocking(False)  # who knocked may have left before it is let in
        while self.woken not in _ready(self._socket, self.woken):
            try:
                connection, peer = self._socket.accept()
            except BlockingIOError:
                continue
            except OSError:  # the client left, or there is no file number to be had
                time.sleep(_BREATH)
                continue
            connection.setblocking(True)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._open.add(connection)
            threading.Thread(
                target=self._talk,
                args=(connection, peer),
                name=f"altar-fake-{self.port}-client",
                daemon=True,
            ).start()

    def _talk(self, connection: socket.socket, peer: Any) -> None:
        try:
            Exchange(connection, peer, self._answer)
        except OSError:  # the client left, or the server closed
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


def _ready(*ends: socket.socket) -> list[object]:
    """Wait until some of these can be read; which. Unlike ``select``, of any file number."""
    with _Selector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select()]
