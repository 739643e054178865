"""Transport: the seam between a client and the wire, and what both ways to a server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from altar.mcp._jsonrpc import Answer, Failure, Id, Notification, Request

__all__ = ["Inbox", "Transport"]


class Inbox(Protocol):
    """Takes what a server says of its own accord; called in the loop, and never waits."""

    def took(self, message: Request | Notification, about: Id | None) -> None:
        """``about`` is the request whose stream brought the message, where that is known."""
        ...

    def late(self, id_: Id) -> None:
        """An answer came that nobody waits for."""
        ...


class Transport(Protocol):
    """A way to one server; everything happens in the client's loop.

    ``version`` is the agreed revision (None before), ``is_modern`` whether it
    is of the stateless era. ``ended`` says why the server can no longer be
    asked, and is None while it can. ``is_one_pipe`` says that all it sends comes
    by one way, so that no message tells which request it is about. ``notes``
    holds what the server wrote beside the protocol, for people, and ``pids`` the
    processes to kill where there is no time to close.
    """

    shown: str
    is_one_pipe: bool
    version: str | None
    is_modern: bool
    pids: set[int]
    ended: str | None

    @property
    def drops_to_cancel(self) -> bool:
        """Whether a request is cancelled by dropping its answer."""
        ...

    @property
    def notes(self) -> str:
        """The end of what the server wrote to stderr."""
        ...

    async def open(self, inbox: Inbox) -> None:
        """Begin; raises McpError where there is no server."""
        ...

    async def exchange(
        self, frame: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer | Failure:
        """Send a request and wait for its answer; raises McpError where none can come."""
        ...

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Send what wants no answer."""
        ...

    async def listen(self) -> None:
        """Take what the server sends outside of answers, for as long as it lasts."""
        ...

    async def close(self) -> None:
        """End; leaves nothing behind."""
        ...
