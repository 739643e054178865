"""Line: one client on one connection: its messages in, the server's frames out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from altar.mcp._jsonrpc import (
    BUSY,
    INVALID_REQUEST,
    Answer,
    Failure,
    Notification,
    Request,
    RpcError,
    error_frame,
    notification_frame,
)
from altar.mcp._server_exchange import Asked, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.mcp._jsonrpc import Id, Message
    from altar.mcp._server_core import Core
    from altar.mcp._server_exchange import Outlet
    from altar.mcp._server_peer import Peer

__all__ = ["Line", "listener"]


class Line:
    """What one client has running, and what it was asked."""

    def __init__(self, core: Core, peer: Peer) -> None:
        self.core = core
        self.peer = peer
        self._asked = Asked()
        self._running: dict[Id, Exchange] = {}
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()

    @property
    def busy(self) -> int:
        """How many requests are running."""
        return len(self._running)

    def take(self, message: Message, outlet: Outlet) -> Exchange | None:
        """One message of the client; what there is to say goes to the outlet.

        The exchange of a request that runs on is returned.
        """
        if isinstance(message, Request):
            return self._begin(message, outlet)
        if isinstance(message, Notification):
            if message.method == "notifications/cancelled":
                self.cancel(message.params.get("requestId"))
        elif isinstance(message, Answer):
            self._asked.answer(message.id, message.result)
        elif isinstance(message, Failure):
            self._asked.answer(message.id, message.error)
        return None

    def cancel(self, id_: object) -> None:
        """The client does not want this answer any more."""
        running = self._running.get(id_) if isinstance(id_, int | str) else None
        if running is not None and running.task is not None:
            running.task.cancel()

    def close(self) -> None:
        """The client has gone: what runs for it is cancelled."""
        for exchange in list(self._running.values()):
            if exchange.task is not None:
                exchange.task.cancel()

    async def settled(self) -> None:
        """Return when nothing runs any more."""
        await self._idle.wait()

    def _begin(self, request: Request, outlet: Outlet) -> Exchange | None:
        id_ = request.id
        if id_ in self._running:
            reason = f"Invalid request: a request with the id {id_!r:.100} is running"
            outlet.finish(error_frame(id_, RpcError(INVALID_REQUEST, reason)))
            return None
        tally = self.peer.tally
        if tally.running >= self.core.options.max_running:
            reason = f"Busy: {tally.running} requests are running, which is the limit"
            outlet.finish(error_frame(id_, RpcError(BUSY, reason)))
            return None
        exchange = Exchange(self.core, self.peer, request, outlet, self._asked)
        if exchange.start(lambda: self._ended(id_)):
            return None
        self._running[id_] = exchange
        tally.running += 1
        self._idle.clear()
        return exchange

    def _ended(self, id_: Id) -> None:
        if self._running.pop(id_, None) is not None:
            self.peer.tally.running -= 1
        if not self._running:
            self._idle.set()


def listener(
    peer: Peer, send: Callable[[dict[str, Any]], None]
) -> Callable[[str, str, dict[str, Any]], None]:
    """Tells a client of the handshake era of changes, unasked as it is used to."""

    def tell(method: str, key: str, params: dict[str, Any]) -> None:
        if peer.version is None or (key == _URIS and params.get("uri") not in peer.subscribed):
            return
        send(notification_frame(method, params or None))

    return tell


_URIS = "resourceSubscriptions"
