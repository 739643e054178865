"""Guests: the connections of one server, and whose session each of them uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.mcp._server_peer import Peer

if TYPE_CHECKING:
    from altar.later import Session
    from altar.mcp._server_core import Core

__all__ = ["Guests"]


class Guests:
    """New connections share the server's session, or each gets one of its own."""

    __slots__ = ("core", "session")

    def __init__(self, core: Core, session: Session) -> None:
        self.core = core
        self.session = session

    def peer(self, principal: str | None = None) -> Peer:
        """A new connection."""
        connect = self.core.options.connect
        return Peer(self.session if connect is None else connect(), principal)

    def has_own(self, peer: Peer) -> bool:
        """Whether a session ends with this connection."""
        return peer.session is not self.session

    async def leave(self, peer: Peer) -> None:
        """A connection has ended."""
        if self.has_own(peer):
            self.core.forget(peer.session)
            await peer.session.aclose()
