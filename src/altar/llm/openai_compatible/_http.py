"""One request over HTTP/1.1 and its answer, by http.client, on connections that are kept."""

from __future__ import annotations

import os
import socket
import ssl
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Self

from altar.llm.openai_compatible._address import proxy_for
from altar.llm.openai_compatible._line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from altar.llm.openai_compatible._address import Address, Proxy
    from altar.llm.openai_compatible._faults import Faults
    from altar.llm.openai_compatible._line import Watch

__all__ = ["MAX_REPLY", "Exchange", "Http", "Timeout"]

MAX_REPLY = 64 * 1024 * 1024
_PIECE = 65_536
_KEPT = 8  # idle connections
_IDLE = 60.0  # seconds after which one is not used again
_AFTERMATH = 0.05  # seconds the end of an answer may take to arrive behind its last event


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Seconds: to ``connect``, TLS and proxy included, and ``read``, the longest silence.

    A server that has to load a model first is silent for as long as that takes.
    """

    connect: float = 10.0
    read: float = 600.0


class Http:
    """POSTs to one address; threads may share it.

    Connections are kept for later requests, eight at most. One that the server
    closed meanwhile is replaced when that shows before a byte was sent, and
    never after: who knows what the server did with it.
    """

    def __init__(self, address: Address, faults: Faults, *, timeout: Timeout, limit: int) -> None:
        self._address = address
        self._timeout = timeout
        self._limit = limit
        self._lock = RLock()  # a stream that is thrown away ends wherever the collector runs
        self._idle: list[tuple[float, Line, Proxy | None]] = []
        self._trust: ssl.SSLContext | None = None
        self._process = os.getpid()
        self._closed = False
        self._busy: set[Watch] = set()
        self.faults = faults

    def post(self, body: bytes, headers: Mapping[str, str], watch: Watch) -> Exchange:
        """Send ``body``; the answer up to its headers, to be used as a context manager."""
        proxy = proxy_for(self._address)
        while True:
            line, fresh = self._line(proxy, watch)
            try:
                response = self._send(line, body, headers, proxy)
            except (OSError, HTTPException) as error:
                line.hang_up()
                if not fresh and not line.sent and not watch.interrupted:
                    continue  # it was closed while it lay idle
                raise self.faults.lost(error, watch, sent=line.sent > 0) from error
            except BaseException:
                line.hang_up()
                raise
            return Exchange(self, line, response, watch, proxy=proxy, limit=self._limit)

    @contextmanager
    def serving(self, watch: Watch) -> Iterator[None]:
        """While an attempt runs, ``close`` ends what it waits for."""
        with self._lock:
            if self._process != os.getpid():
                self._busy = set()
            self._busy.add(watch)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(watch)

    def keep(self, line: Line, proxy: Proxy | None) -> None:
        """Take a connection back whose answer was read to its end."""
        with self._lock:
            if not self._closed and self._process == os.getpid():
                self._idle.append((monotonic(), line, proxy))
                line = self._idle.pop(0)[1] if len(self._idle) > _KEPT else line
                if any(one is line for _, one, _ in self._idle):
                    return
        line.hang_up()

    def close(self) -> None:
        """Close the idle connections, and end what waits on those in use."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = [] if self._process != os.getpid() else [*self._busy]
        for watch in busy:
            watch.close()
        for _, line, _ in idle:
            line.hang_up()

    def _line(self, proxy: Proxy | None, watch: Watch) -> tuple[Line, bool]:
        """A connection, and whether it is a new one."""
        while (line := self._kept(proxy)) is not None:
            if not line.is_stale():
                try:
                    line.begin(watch)
                except InterruptedError as error:
                    line.hang_up()
                    raise self.faults.lost(error, watch, sent=False) from error
                return line, False
            line.hang_up()
        return Line(self._connect(proxy, watch), watch), True

    def _kept(self, proxy: Proxy | None) -> Line | None:
        with self._lock:
            if self._process != os.getpid():  # a child has no part in its parent's conversations
                self._process = os.getpid()
                self._idle = []
            while self._idle:
                since, line, way = self._idle.pop()
                if way == proxy and monotonic() - since < _IDLE:
                    return line
                line.hang_up()
        return None

    def _connect(self, proxy: Proxy | None, watch: Watch) -> socket.socket:
        target = self._address if proxy is None else proxy
        sock: socket.socket | None = None
        try:
            sock = self._reach(target.host, target.port, watch)
            if proxy is not None and self._address.secure:
                self._tunnel(sock, proxy, watch)
            if self._address.secure:
                sock.settimeout(watch.wait(self._timeout.connect))
                secured = self._context().wrap_socket(
                    sock, server_hostname=self._address.host, do_handshake_on_connect=False
                )
                sock = secured  # the plain one is no more
                watch.hold(sock)
                secured.do_handshake()
        except (OSError, ValueError, HTTPException) as error:
            if sock is not None:
                sock.close()
            fault = error if isinstance(error, OSError) else OSError(str(error))
            raise self.faults.unreachable(fault, watch, proxy) from error
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        return sock

    def _reach(self, host: str, port: int, watch: Watch) -> socket.socket:
        fault: OSError = OSError("the name has no address")
        deadline = monotonic() + self._timeout.connect
        for family, kind, protocol, _, place in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(watch.wait(max(0.001, deadline - monotonic())))
                watch.hold(sock)
                sock.connect(place)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                fault = error
                if watch.interrupted or watch.expired:
                    break
            else:
                return sock
        raise fault

    def _tunnel(self, sock: socket.socket, proxy: Proxy, watch: Watch) -> None:
        """Have the proxy connect us to the server, for TLS to go through."""
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        place = f"{host}:{self._address.port}"
        asked = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if proxy.authorization is not None:
            asked.append(f"Proxy-Authorization: {proxy.authorization}")
        sock.settimeout(watch.wait(self._timeout.connect))
        sock.sendall(("\r\n".join(asked) + "\r\n\r\n").encode("ascii"))
        response = HTTPResponse(sock, method="CONNECT")
        try:
            response.begin()
            if response.status != 200:
                raise self.faults.refused_by_proxy(proxy, response.status, response.reason)
        finally:
            response.close()

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._trust is None:
                self._trust = ssl.create_default_context()
            return self._trust

    def _send(
        self, line: Line, body: bytes, headers: Mapping[str, str], proxy: Proxy | None
    ) -> HTTPResponse:
        address = self._address
        connection = HTTPConnection(address.host, address.port)
        connection.sock = line
        own = {"Host": address.netloc, "Accept-Encoding": "gzip, identity;q=0.5", **headers}
        target = address.path
        if proxy is not None and not address.secure:
            target = address.origin + target
            if proxy.authorization is not None:
                own["Proxy-Authorization"] = proxy.authorization
        try:
            connection.request("POST", target, body=body, headers=own)
        except (BrokenPipeError, ConnectionResetError):
            if not line.sent:
                raise
            # a server may refuse a long request, and say why, before it has read all of it
        return connection.getresponse()


class Exchange:
    """The answer to one POST: ``status``, ``headers`` (lower case) and the pieces of its body."""

    def __init__(
        self,
        http: Http,
        line: Line,
        response: HTTPResponse,
        watch: Watch,
        *,
        proxy: Proxy | None,
        limit: int,
    ) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self._http = http
        self._line = line
        self._response = response
        self._watch = watch
        self._proxy = proxy
        self._limit = limit
        self._over = False

    @property
    def content_type(self) -> str:
        """What the body is, without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if kind is None and not self._over:
            self._drain()
        self._watch.release()  # before another attempt may have the line
        if self._over and not self._response.will_close and not self._watch.interrupted:
            self._http.keep(self._line, self._proxy)
        else:
            self._line.hang_up()

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes; raises StreamBrokenError when it stops before its end."""
        faults = self._http.faults
        size = 0
        try:
            for piece in self._unpacked():
                size += len(piece)
                if size > self._limit:
                    raise faults.too_long(self._limit)
                yield piece
        except (OSError, HTTPException, zlib.error) as error:
            raise faults.broken(error, self._watch) from error

    def start(self, most: int) -> bytes:
        """The first ``most`` bytes of the body, or what there is of them; never raises."""
        found = bytearray()
        with suppress(Exception):
            for piece in self.pieces():
                found += piece
                if len(found) >= most:
                    break
        return bytes(found[:most])

    def _unpacked(self) -> Iterator[bytes]:
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding in ("identity", ""):
            yield from self._raw()
            return
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise self._http.faults.garbage(f"in the coding {coding!r}, unasked", b"")
        inflate = zlib.decompressobj(wbits=47)  # of either kind, told by its first bytes
        for piece in self._raw():
            left = piece
            while left:
                yield inflate.decompress(left, _PIECE)
                left = inflate.unconsumed_tail
        yield inflate.flush()
        if not inflate.eof:
            raise self._http.faults.broken("the compressed text has no end", self._watch)

    def _raw(self) -> Iterator[bytes]:
        response = self._response
        left = None if response.chunked else response.length
        while left is None or left > 0:
            # read1 hands on what is there, but forgets to count what a length promised
            piece = response.read1(_PIECE) if left is None else response.read(min(_PIECE, left))
            if not piece:
                break
            left = None if left is None else left - len(piece)
            yield piece
        if left:
            raise self._http.faults.broken(f"{left} bytes are missing", self._watch)
        self._over = True

    def _drain(self) -> None:
        """Read what may follow the last event, so that the connection can be used again."""
        self._watch.silence = _AFTERMATH
        with suppress(Exception):
            for count, _ in enumerate(self._raw()):
                if count:
                    return
