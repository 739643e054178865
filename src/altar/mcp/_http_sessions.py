"""Sessions of HTTP: what the handshake era keeps between the requests of one client."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from altar.mcp._server_frames import safely
from altar.mcp._server_line import Line, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.mcp._http_link import HttpLink
    from altar.mcp._server_core import Core

__all__ = ["Kept", "Sessions"]


class Kept:
    """One client's session: its line, whose it is, and the stream it listens on."""

    __slots__ = ("id", "line", "owner", "stream", "tell")

    def __init__(self, line: Line, owner: str) -> None:
        self.id = secrets.token_urlsafe(24)
        self.line = line
        self.owner = owner
        self.stream: HttpLink | None = None
        self.tell = listener(line.peer, self.send)

    def send(self, frame: dict[str, Any]) -> None:
        """Unasked messages: they are lost on who does not listen."""
        if self.stream is not None:
            self.stream.event(safely(frame))


class Sessions:
    """A bounded number of them; the one that was silent for longest makes room.

    The owner's own goes before others', and none that works or listens.
    """

    def __init__(self, core: Core, limit: int, ended: Callable[[Line], None]) -> None:
        self._core = core
        self._limit = limit
        self._ended = ended
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def add(self, line: Line, owner: str) -> Kept | None:
        """A session after its handshake; None where each that exists is at work or listens."""
        if len(self._kept) >= self._limit:
            idle = [one for one in self._kept.values() if not one.line.busy and one.stream is None]
            if not idle:
                return None
            self.drop(next((one for one in idle if one.owner == owner), idle[0]))
        kept = Kept(line, owner)
        self._kept[kept.id] = kept
        self._core.listeners.add(kept.tell)
        return kept

    def find(self, id_: str, owner: str) -> Kept | None:
        """The session of this id, for those only whose it is."""
        kept = self._kept.get(id_)
        if kept is None or kept.owner != owner:
            return None
        self._kept.move_to_end(id_)
        return kept

    def drop(self, kept: Kept) -> None:
        """End a session; what runs in it is cancelled."""
        self._kept.pop(kept.id, None)
        self._core.listeners.remove(kept.tell)
        kept.line.close()
        stream, kept.stream = kept.stream, None
        if stream is not None:
            stream.end()
        self._ended(kept.line)

    def close(self) -> None:
        """End all of them."""
        for kept in list(self._kept.values()):
            self.drop(kept)

    def __len__(self) -> int:
        return len(self._kept)
