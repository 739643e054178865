"""Wire: HTTP/1.1 requests to one address on an event loop, on connections that are kept."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from altar.errors import ConfigurationError, ErrorType
from altar.llm.openai_compatible._address import Address, proxy_for
from altar.mcp._client_errors import McpError, broken, of_status, unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from altar.llm.openai_compatible._address import Proxy

__all__ = ["Reply", "Wire", "address_of"]

_PIECE = 65_536
_HEAD = 65_536  # bytes of a status line and its headers
_KEPT = 16  # idle connections
_IDLE = 4.0  # seconds after which one is not used again: many servers close at 5
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: (.*))?")
_HOPS = 3
_DIGITS = re.compile(r"[0-9]{1,18}")
_HEX = re.compile(rb"[0-9a-fA-F]{1,15}")


def address_of(url: str) -> Address:
    """The address of an MCP endpoint; raises ConfigurationError for what is no URL of HTTP."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_clean = target.isascii() and target.isprintable() and " " not in target
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_clean:
        raise ConfigurationError(
            "connect(url=...) is no address of a server; type, for example, "
            "'http://127.0.0.1:8000/mcp'"
        )
    if parts.username is not None:
        raise ConfigurationError(
            "connect(url=...) holds a user's name; give a token as connect(bearer=...)"
        )
    secure = parts.scheme == "https"
    return Address(
        secure=secure, host=parts.hostname, port=port or (443 if secure else 80), path=target
    )


class _Line(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    proxy: Proxy | None


class Wire:
    """Requests to one address; same-origin redirects are followed, others refused."""

    def __init__(self, address: Address, *, connect_timeout: float) -> None:
        self.shown = f"the MCP server at {address.origin}{address.path.partition('?')[0]}"
        self._address = address
        self._timeout = connect_timeout
        self._idle: list[tuple[float, _Line]] = []
        self._trust: ssl.SSLContext | None = None

    @asynccontextmanager
    async def asking(
        self, method: str, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """The answer up to its headers; the connection is closed unless all was read."""
        path = self._address.path
        for _ in range(_HOPS + 1):
            line = await self._line()
            try:
                reply = await self._ask(line, f"{method} {path}", headers, body)
                moved = reply.redirect
                if moved is None:
                    yield reply
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                line.writer.close()
                raise self._lost(error) from error
            except BaseException:
                line.writer.close()
                raise
            self._keep(line, reply)
            if moved is None:
                return
            path = self._moved(path, moved, reply.status, method)
        raise broken(f"{self.shown} redirects without an end.")

    def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, []
        for _, line in idle:
            line.writer.close()

    async def _line(self) -> _Line:
        proxy = proxy_for(self._address)
        while self._idle:
            since, line = self._idle.pop()
            closed = line.reader.at_eof() or line.writer.is_closing()
            if not closed and line.proxy == proxy and monotonic() - since < _IDLE:
                return line
            line.writer.close()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._connect(proxy)
        except TimeoutError as error:
            raise unreachable(
                f"{self.shown} cannot be reached: no connection in {self._timeout:g} s."
            ) from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise unreachable(f"{self.shown} cannot be reached: {error}.") from error

    async def _connect(self, proxy: Proxy | None) -> _Line:
        place: Address | Proxy = self._address if proxy is None else proxy
        context = self._context() if self._address.secure else None
        direct = proxy is None
        reader, writer = await asyncio.open_connection(
            place.host, place.port, limit=_HEAD, ssl=context if direct else None
        )
        line = _Line(reader, writer, proxy)
        try:
            if proxy is not None and context is not None:
                await self._tunnel(line, proxy)
                await writer.start_tls(context, server_hostname=self._address.host)
        except BaseException:
            writer.close()
            raise
        return line

    async def _tunnel(self, line: _Line, proxy: Proxy) -> None:
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        place = f"{host}:{self._address.port}"
        asked = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if proxy.authorization is not None:
            asked.append(f"Proxy-Authorization: {proxy.authorization}")
        line.writer.write(("\r\n".join(asked) + "\r\n\r\n").encode("ascii"))
        status, reason, _ = await _read_head(line.reader)
        if status != 200:
            raise of_status(f"The proxy of {proxy.variable}", status, reason, None)

    def _context(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust

    async def _ask(self, line: _Line, start: str, headers: Mapping[str, str], body: bytes) -> Reply:
        method, _, target = start.partition(" ")
        own = {"host": self._address.netloc, "accept-encoding": "identity", **headers}
        if line.proxy is not None and not self._address.secure:
            target = self._address.origin + target
            if line.proxy.authorization is not None:
                own["proxy-authorization"] = line.proxy.authorization
        if method == "POST":
            own["content-length"] = str(len(body))
        for name, value in own.items():
            if any(mark in name or mark in value for mark in "\r\n\0"):
                raise McpError(
                    f"The header {name[:100]!r} for {self.shown} is not one line.",
                    type=ErrorType.CONFIGURATION_ERROR,
                )
        head = "".join(f"{name}: {value}\r\n" for name, value in own.items())
        line.writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        with suppress(ConnectionResetError, BrokenPipeError):
            await line.writer.drain()  # it may have refused, and said why, before it read all
        status, reason, found = await _read_head(line.reader)
        while 100 <= status < 200:
            status, reason, found = await _read_head(line.reader)
        return Reply(line.reader, status, reason, found)

    def _keep(self, line: _Line, reply: Reply) -> None:
        if reply.is_over and len(self._idle) < _KEPT:
            self._idle.append((monotonic(), line))
        else:
            line.writer.close()

    def _moved(self, path: str, location: str, status: int, method: str) -> str:
        found = urlsplit(urljoin(self._address.origin + path, location))
        target = (found.path or "/") + (f"?{found.query}" if found.query else "")
        try:
            there = address_of(found.geturl())
        except ConfigurationError:
            there = None
        if there is None or there.origin != self._address.origin:
            raise McpError(
                f"{self.shown} redirects to another place ({location[:200]}), which altar does "
                "not follow: connect to that address if it is the server you mean.",
                type=ErrorType.PERMISSION_DENIED,
                status=status,
            )
        if method != "GET" and status not in (307, 308):
            raise broken(f"{self.shown} redirects a {method} by status {status}.", status=status)
        return target

    def _lost(self, error: Exception) -> McpError:
        return unreachable(f"{self.shown} broke off: {str(error) or type(error).__name__}.")


class Reply:
    """The answer to one request: ``status``, ``headers`` (lower case) and its body."""

    def __init__(
        self, reader: asyncio.StreamReader, status: int, reason: str, headers: dict[str, str]
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.is_over = False  # all was read, and the connection may serve again
        self._reader = reader
        self._lasts = "close" not in headers.get("connection", "").lower()
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        size = headers.get("content-length")
        self._left = None if size is None or self._chunked else _length(size)
        if status in (204, 304) or self._left == 0:
            self._left, self.is_over = 0, self._lasts

    @property
    def content_type(self) -> str:
        """What the body is, without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def redirect(self) -> str | None:
        """Where the server sends us instead, or None."""
        is_one = self.status in (301, 302, 303, 307, 308)
        return self.headers.get("location") if is_one else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises EOFError where it stops before its end."""
        if self._chunked:
            async for piece in self._chunks():
                yield piece
        elif self._left is None:
            while piece := await self._reader.read(_PIECE):
                yield piece
            return  # the end of the connection is that of the body
        else:
            while self._left:
                yield await self._some(self._left)
        self.is_over = self._lasts

    async def body(self, limit: int) -> bytes:
        """All of the body; raises McpError past ``limit`` bytes."""
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            if len(found) > limit:
                raise McpError(
                    f"The MCP server answered with more than {limit} bytes.",
                    type=ErrorType.RESOURCE_EXHAUSTED,
                    details={"max_message": limit},
                )
        return bytes(found)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            said = (await self._reader.readuntil(b"\n")).partition(b";")[0].strip(b" \t\r\n")
            if not _HEX.fullmatch(said):
                raise ValueError("a chunk of no size")
            size = int(said, 16)
            if size == 0:
                break
            self._left = size
            while self._left:
                yield await self._some(self._left)
            await self._reader.readuntil(b"\n")
        while (await self._reader.readuntil(b"\n")).strip():
            pass  # trailers

    async def _some(self, most: int) -> bytes:
        piece = await self._reader.read(min(_PIECE, most))
        if not piece:
            raise EOFError(f"{most} bytes are missing")
        self._left = most - len(piece)
        return piece


def _length(said: str) -> int:
    if not _DIGITS.fullmatch(said):
        raise ValueError("a body of no length")
    return int(said)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise EOFError("it closed the connection without an answer") from error
    first, *lines = raw[:-4].split(b"\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise ValueError("what came is no HTTP")
    headers: dict[str, str] = {"connection": "close"} if first[:8] == b"HTTP/1.0" else {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            continue
        key, value = name.strip().lower(), value.strip()
        if any(mark in line for mark in b"\r\n\0"):
            raise ValueError("a header of more than one line")
        if key == "content-length" and headers.get(key, value) != value:
            raise ValueError("a body of two lengths")
        headers[key] = value
    return int(found[1]), (found[2] or b"").decode("latin-1"), headers
