"""HealthServer: /live, /ready and /metrics over HTTP, small and bounded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.operate._metrics import Metrics

__all__ = ["Health", "HealthServer"]

_MOST_BYTES = 8192  # of a request's head
_MOST_PEERS = 64
_PATIENCE = 5.0  # seconds for a request to be whole


class Health(NamedTuple):
    """Whether a process can serve now, and what keeps it from that (no secrets)."""

    ready: bool
    reasons: tuple[str, ...] = ()


class HealthServer:
    """Answers GET /live (the loop turns), /ready (``health`` says so) and /metrics.

    ``port`` 0 is chosen by the system; ``port`` says which. It listens on
    loopback; for another address ``public=True`` must be said, since whoever
    reaches it reads the figures. Raises ConfigurationError.
    """

    def __init__(
        self,
        health: Callable[[], Health],
        metrics: Metrics,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        public: bool = False,
    ) -> None:
        if not public and not _is_loopback(host):
            raise ConfigurationError(
                f"{host} is more than this machine; public=True shows health and figures there"
            )
        self._health = health
        self._metrics = metrics
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._peers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises ConfigurationError where the address cannot be had."""
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self.port, limit=_MOST_BYTES
            )
        except OSError as error:
            raise ConfigurationError(
                f"{self._host}:{self.port} cannot be listened on: {error.strerror}"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more; again is nothing."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for peer in list(self._peers):
            peer.cancel()
        await asyncio.gather(*self._peers, return_exceptions=True)
        await server.wait_closed()

    def answer(self, method: str, path: str) -> tuple[int, str, str]:
        """The status, the content type and the text for a request."""
        plain = "text/plain; charset=utf-8"
        if method != "GET":
            return 405, plain, "GET only\n"
        path = path.partition("?")[0]
        if path == "/live":
            return 200, plain, "live\n"
        if path == "/ready":
            ready, reasons = self._health()
            return (200, plain, "ready\n") if ready else (503, plain, "\n".join(reasons) + "\n")
        if path == "/metrics":
            return 200, self._metrics.CONTENT_TYPE, self._metrics.text()
        return 404, plain, "there are /live, /ready and /metrics\n"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._peers) >= _MOST_PEERS:
            writer.close()
            return
        self._peers.add(task)
        try:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(_PATIENCE):
                    writer.write(await self._read(reader))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        finally:
            self._peers.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(431, "text/plain", "too large\n")
        except asyncio.IncompleteReadError:
            return _response(400, "text/plain", "no request\n")
        line = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(line) != 3 or not line[2].startswith("HTTP/1."):
            return _response(400, "text/plain", "no request\n")
        return _response(*self.answer(line[0], line[1]))


_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def _response(status: int, content_type: str, text: str) -> bytes:
    body = text.encode()
    allow = "Allow: GET\r\n" if status == 405 else ""
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        f"X-Content-Type-Options: nosniff\r\n{allow}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
