"""Guests: the connections of one server, and whose session each of them uses."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from altar.mcp._server_peer import Peer, Tally

if TYPE_CHECKING:
    from altar.later import Session
    from altar.mcp._server_core import Core

__all__ = ["Guests", "close_session"]

_GRACE = 1.0  # seconds


class Guests:
    """New connections share the server's session, or each gets one of its own."""

    __slots__ = ("_tallies", "core", "session")

    def __init__(self, core: Core, session: Session) -> None:
        self.core = core
        self.session = session
        self._tallies: WeakValueDictionary[tuple[bool, str], Tally] = WeakValueDictionary()

    def peer(self, principal: str | None = None, address: str | None = None) -> Peer:
        """A new connection; those of one principal, or else of one address, are one client's."""
        connect = self.core.options.connect
        session = self.session if connect is None else connect()
        if principal is None and address is None:
            return Peer(session)
        key = (principal is not None, principal or address or "")
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        return Peer(session, principal, tally)

    def has_own(self, peer: Peer) -> bool:
        """Whether a session ends with this connection."""
        return peer.session is not self.session

    async def leave(self, peer: Peer) -> None:
        """A connection has ended."""
        if self.has_own(peer):
            self.core.forget(peer.session)
            await close_session(peer.session)


async def close_session(session: Session) -> None:
    """Close it; a tool that does not end has a moment, and is left behind then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await session.aclose()
