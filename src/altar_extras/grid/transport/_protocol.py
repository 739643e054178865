"""The Transport protocol: bodies under subjects, and where connections come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from altar.errors import AltarError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AdmissionRefusedError",
    "Connector",
    "Event",
    "GridTransportError",
    "Inbound",
    "NotConnectedError",
    "Subscription",
    "TooLargeError",
    "Transport",
]


class GridTransportError(AltarError):
    """A connection that cannot carry what was asked; nothing was sent."""


class NotConnectedError(GridTransportError):
    """There is no connection now. Nothing was sent, and nothing is kept to be sent later.

    ``reason`` is for programs: "silent" (a server was there and did not answer in time, or hung
    up), "lost" (a connection was lost, and comes back by itself), or "".
    """

    def __init__(self, message: str, reason: str = "") -> None:
        self.reason = reason
        super().__init__(message)


class TooLargeError(GridTransportError):
    """A body that the other side would not take; ``size`` and ``limit`` are bytes."""

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(f"{size:,} bytes, where the connection takes {limit:,} at most")

    def __reduce__(self) -> tuple[type[TooLargeError], tuple[int, int]]:
        return type(self), (self.size, self.limit)


class AdmissionRefusedError(GridTransportError):
    """The other side does not let this key, or this token, in; ``reason`` is for programs."""

    def __init__(self, message: str, reason: str = "refused") -> None:
        self.reason = reason
        super().__init__(message)


class Inbound:
    """A body that came, the subject it came under, and where an answer goes ("" for nowhere)."""

    __slots__ = ("body", "reply", "subject")

    def __init__(self, subject: str, body: bytes, reply: str = "") -> None:
        self.subject = subject
        self.body = body
        self.reply = reply

    def __repr__(self) -> str:
        return f"Inbound({self.subject!r}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a connection.

    "connected" (again), "disconnected" (it comes back by itself), "closed" (it does not),
    "denied" (a subject that this connection has no right to), "lame_duck" (the server will
    go), "slow" (bodies were dropped because this side read too slowly).
    """

    kind: Literal["connected", "disconnected", "closed", "denied", "lame_duck", "slow"]
    text: str = ""
    subject: str = ""


class Subscription(Protocol):
    """Interest in a subject."""

    async def drain(self) -> None:
        """No more from the other side; what came already is handled first."""
        ...

    async def unsubscribe(self) -> None:
        """No more, at once."""
        ...


@runtime_checkable
class Transport(Protocol):
    """One connection.

    Everything happens on the event loop it was made on. Nothing is buffered
    while disconnected: what cannot be sent now is refused now, because what
    is sent later than its caller waits would run for nobody.
    """

    @property
    def max_payload(self) -> int:
        """The largest body that may be published, in bytes."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether a body published now would be sent."""
        ...

    def publish(
        self,
        subject: str,
        body: bytes,
        *,
        reply: str = "",
        join: bool = False,
        unsent: Callable[[Exception], None] | None = None,
    ) -> None:
        """Send a body; returns at once.

        ``join`` allows that bodies for the same subject and reply, given in
        one turn of the loop, travel as one. ``unsent`` is told when a body was
        taken and could not be sent after all. Raises NotConnectedError and
        TooLargeError; nothing was sent then.
        """
        ...

    async def subscribe(
        self, subject: str, handler: Callable[[Inbound], None], *, queue: str = ""
    ) -> Subscription:
        """Hear what comes under a subject, of a queue group one member each.

        ``handler`` is called on the loop and must be quick; what it raises is
        logged. Raises GridTransportError where this connection has no right to.
        """
        ...

    async def flush(self, timeout: float = 2.0) -> None:  # noqa: ASYNC109 - part of the protocol
        """Return when the other side has taken all that was published. Raises NotConnectedError."""
        ...

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Tell ``listener`` of every Event from now on."""
        ...

    async def drain(self) -> None:
        """End the subscriptions, handle what came, send what waits, and close."""
        ...

    async def close(self) -> None:
        """Close at once; again is nothing."""
        ...


class Connector(Protocol):
    """Where connections come from: a server's address, or a broker in this process."""

    async def connect(
        self, *, seed: str = "", token: str | Callable[[], str] = "", name: str = ""
    ) -> Transport:
        """A connection as the holder of this nkey seed, with this session token.

        Raises AdmissionRefusedError for a key or token that is not let in, and
        NotConnectedError where nobody answers.
        """
        ...
