"""A small HTTP server for tests, on real sockets, that does exactly what a handler says."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WAIT = 30.0  # seconds; nothing waits as long unless it is broken


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Peer:
    """The server's end of one connection."""

    sock: socket.socket
    number: int
    gone: threading.Event = field(default_factory=threading.Event)
    buffer: bytes = b""

    def send(self, data: bytes | str) -> None:
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def reply(
        self,
        body: Any,
        *,
        status: str = "200 OK",
        kind: str | None = "application/json",
        headers: Iterable[str] = (),
    ) -> None:
        """A whole answer with its length; what is no text or bytes is sent as JSON."""
        data = body.encode() if isinstance(body, str) else body
        data = data if isinstance(data, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers]
        if kind is not None:
            lines.append(f"Content-Type: {kind}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def begin_events(self) -> None:
        self.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )

    def chunk(self, data: bytes | str) -> None:
        data = data.encode() if isinstance(data, str) else data
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def events(self, *events: Any, done: bool = True) -> None:
        """A stream of events, whole."""
        self.begin_events()
        for event in events:
            self.chunk(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
        if done:
            self.chunk("data: [DONE]\n\n")
        self.send("0\r\n\r\n")

    def wait_gone(self) -> None:
        """Wait until the client hung up."""
        self.sock.settimeout(WAIT)
        with suppress(OSError):
            while self.sock.recv(4096):
                pass
        self.gone.set()

    def read_request(self) -> Asked | None:
        while b"\r\n\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        while len(rest) < size:
            data = self.sock.recv(65536)
            if not data:
                return None
            rest += data
        self.buffer = rest[size:]
        return Asked(method, target, headers, rest[:size], self.number)


Handler = Callable[[Peer, Asked], object]


class Server:
    """Calls ``handler`` for each request; a true answer of it closes the connection."""

    def __init__(self, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.tls = tls
        self.asked: list[Asked] = []
        self.peers: list[Peer] = []
        self.faults: list[BaseException] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self.changed = threading.Condition()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(WAIT)
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        with self.changed:
            peer = Peer(sock, len(self.peers))
            self.peers.append(peer)
        try:
            while (asked := peer.read_request()) is not None:
                with self.changed:
                    self.asked.append(asked)
                    self.changed.notify_all()
                if self.handler(peer, asked):
                    break
        except OSError:
            pass
        except BaseException as error:
            self.faults.append(error)
        finally:
            with suppress(OSError):
                sock.close()
            peer.gone.set()

    def wait_asked(self, count: int = 1) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, WAIT)

    def close(self) -> None:
        with suppress(OSError):
            socket.socket.shutdown(self.listening, socket.SHUT_RDWR)
        self._accepting.join(WAIT)  # it would go on with whatever has the number next
        self.listening.close()
        for peer in self.peers:
            with suppress(OSError):
                socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
            assert peer.gone.wait(WAIT)


@contextmanager
def serving(handler: Handler, **options: Any) -> Iterator[Server]:
    """A server for the time of a block."""
    server = Server(handler, **options)
    try:
        yield server
    finally:
        server.close()
    assert not server.faults


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and nobody else can for the time of a block."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path] | None:
    """A server's TLS context for 127.0.0.1 and the file that makes it trusted; None without openssl."""
    if shutil.which("openssl") is None:
        return None
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(cert)],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    if made.returncode:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert
