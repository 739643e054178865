"""LoopbackBroker: a broker in this process, for tests and first steps without a server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from altar_extras.grid.transport._match import Interest, allows, matches
from altar_extras.grid.transport._outbox import Outbox
from altar_extras.grid.transport._protocol import (
    AdmissionRefusedError,
    Event,
    GridTransportError,
    Inbound,
    NotConnectedError,
    TooLargeError,
)
from altar_extras.grid.transport._subject import check_subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.transport._match import Rights

__all__ = ["LoopbackBroker", "LoopbackTransport"]

_log = logging.getLogger("altar.grid")
_MAX_PAYLOAD = 1 << 20
_JOINED = 65_536  # bytes that travel as one body at most
_KNOWN = 8192  # subjects that need no second look
_OVERHEAD = 1024  # what a server counts beside the body


class LoopbackBroker:
    """Carries bodies between connections of one event loop, under the rules of a server.

    Rights, queue groups and the largest body hold as they do on a server;
    ``admit`` decides who may connect, from what a server's callout is told:
    (seed's public key or "", token, name) -> (Rights, expires in seconds or None).
    Without it everybody may do everything. It is a Connector.
    """

    def __init__(
        self,
        *,
        admit: Callable[[str, str, str], tuple[Rights, float | None]] | None = None,
        max_payload: int = _MAX_PAYLOAD,
    ) -> None:
        self.admit = admit
        self.max_payload = max_payload
        self._interests: list[Interest] = []
        self._transports: list[LoopbackTransport] = []
        self._turn = 0
        self._found: dict[str, list[Interest]] = {}

    async def connect(
        self, *, seed: str = "", token: str | Callable[[], str] = "", name: str = ""
    ) -> LoopbackTransport:
        """A connection; raises AdmissionRefusedError."""
        rights: Rights | None = None
        expires: float | None = None
        if self.admit is not None:
            shown = token() if callable(token) else token
            rights, expires = self.admit(_public(seed), shown, name)
        made = LoopbackTransport(self, rights)
        self._transports.append(made)
        if expires is not None:
            loop = asyncio.get_running_loop()
            made.timer = loop.call_later(max(0.0, expires), made.end, "the session expired")
        return made

    def disconnect(self) -> None:
        """Cut every connection for now, as a server that dies does; see :meth:`reconnect`."""
        for transport in list(self._transports):
            transport.cut()

    def reconnect(self) -> None:
        """Let every connection that was cut come back."""
        for transport in list(self._transports):
            transport.restore()

    def deliver(self, subject: str, body: bytes, reply: str) -> bool:
        """Hand a body to everyone who hears the subject; False when nobody does."""
        found = self._found.get(subject)
        if found is None:
            if len(self._found) > 10_000:
                self._found.clear()
            found = self._found[subject] = [
                one for one in self._interests if matches(one.subject, subject)
            ]
        groups: dict[str, list[Interest]] = {}
        heard = False
        for one in found:
            if not one.owner.is_connected:
                continue
            if one.queue:
                groups.setdefault(one.queue, []).append(one)
            else:
                heard = True
                one.hand(Inbound(subject, body, reply))
        for members in groups.values():
            self._turn += 1
            members[self._turn % len(members)].hand(Inbound(subject, body, reply))
            heard = True
        return heard

    def add(self, interest: Interest) -> None:
        """Hear a subject from now on."""
        self._interests.append(interest)
        self._found.clear()

    def remove(self, interest: Interest) -> None:
        """Hear it no more."""
        if interest in self._interests:
            self._interests.remove(interest)
        self._found.clear()

    def forget(self, transport: LoopbackTransport) -> None:
        """A connection was closed."""
        self._interests = [one for one in self._interests if one.owner is not transport]
        self._transports = [one for one in self._transports if one is not transport]
        self._found.clear()


class LoopbackTransport:
    """One connection to a LoopbackBroker (the Transport protocol)."""

    def __init__(self, broker: LoopbackBroker, rights: Rights | None) -> None:
        self._broker = broker
        self._rights = rights
        self._listeners: list[Callable[[Event], None]] = []
        self._loop = asyncio.get_running_loop()
        self._is_connected = True
        self._is_closed = False
        self._outbox = Outbox(_JOINED)
        self._known: set[str] = set()
        self.timer: asyncio.TimerHandle | None = None

    @property
    def max_payload(self) -> int:
        """The largest body, in bytes."""
        return self._broker.max_payload - _OVERHEAD

    @property
    def is_connected(self) -> bool:
        """Whether it is neither cut nor closed."""
        return self._is_connected

    def publish(
        self,
        subject: str,
        body: bytes,
        *,
        reply: str = "",
        join: bool = False,
        unsent: Callable[[Exception], None] | None = None,
    ) -> None:
        """Send a body; it is handed over in the loop's next turn."""
        if not self._is_connected:
            if self._is_closed:
                raise NotConnectedError("the connection is closed")
            raise NotConnectedError("cut", "lost")
        if len(body) > self.max_payload:
            raise TooLargeError(len(body), self.max_payload)
        if subject not in self._known or (reply and reply not in self._known):
            self._check(subject, reply)
        if self._rights is not None and not allows(self._rights.publish, subject):
            self._tell(Event(kind="denied", text=f"no right to publish {subject}", subject=subject))
            return
        if self._outbox.add(subject, body, reply, join=join, unsent=unsent):
            self._loop.call_soon(self._send)

    async def subscribe(
        self, subject: str, handler: Callable[[Inbound], None], *, queue: str = ""
    ) -> _LoopbackSubscription:
        """Hear what comes under a subject."""
        if self._is_closed:
            raise NotConnectedError("the connection is closed")
        check_subject(subject)
        if self._rights is not None and not self._rights.may_subscribe(subject, queue):
            self._tell(Event(kind="denied", text=f"no right to hear {subject}", subject=subject))
            raise GridTransportError(f"this connection has no right to hear {subject}")
        interest = Interest(self, subject, queue, handler)
        self._broker.add(interest)
        return _LoopbackSubscription(self._broker, interest)

    async def flush(self, timeout: float = 2.0) -> None:  # noqa: ASYNC109 - part of the protocol
        """Return when what was published was handed over."""
        del timeout
        if not self._is_connected:
            raise NotConnectedError("the connection is closed")
        for _ in range(3):
            await asyncio.sleep(0)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Tell ``listener`` of every Event from now on."""
        self._listeners.append(listener)

    async def drain(self) -> None:
        """Handle what came, send what waits, and close."""
        if self._is_connected:
            await self.flush()
        await self.close()

    async def close(self) -> None:
        """Close at once; again is nothing."""
        self.end("")

    def end(self, reason: str) -> None:
        """Close it, and say why."""
        if self._is_closed:
            return
        self._is_closed, self._is_connected = True, False
        if self.timer is not None:
            self.timer.cancel()
        self._broker.forget(self)
        self._tell(Event(kind="closed", text=reason))

    def cut(self) -> None:
        """Lose the connection for now."""
        if self._is_connected:
            self._is_connected = False
            self._tell(Event(kind="disconnected", text="the broker cut it"))

    def restore(self) -> None:
        """Have it back."""
        if not self._is_connected and not self._is_closed:
            self._is_connected = True
            self._tell(Event(kind="connected"))

    def _check(self, subject: str, reply: str) -> None:
        check_subject(subject)
        if reply:
            check_subject(reply)
        if len(self._known) > _KNOWN:
            self._known = set()
        self._known |= {subject, reply}

    def _send(self) -> None:
        for parcel in self._outbox.take():
            if not self._is_connected:
                for unsent in parcel.unsent:
                    unsent(NotConnectedError("the connection was cut"))
                continue
            heard = self._broker.deliver(parcel.subject, parcel.body, parcel.reply)
            if not heard and parcel.reply:
                # as a server does: an answer without a body says that nobody hears the subject
                self._broker.deliver(parcel.reply, b"", "")

    def _tell(self, event: Event) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener is the user's own
                _log.exception("a listener of a connection failed")


class _LoopbackSubscription:
    def __init__(self, broker: LoopbackBroker, interest: Interest) -> None:
        self._broker = broker
        self._interest = interest

    async def drain(self) -> None:
        self._broker.remove(self._interest)
        await asyncio.sleep(0)

    async def unsubscribe(self) -> None:
        self._broker.remove(self._interest)


def _public(seed: str) -> str:
    """The public key of an nkey seed."""
    if not seed:
        return ""
    from altar_extras.grid.security import SigningKey  # noqa: PLC0415 - not without rules

    try:
        return SigningKey.from_seed(seed).public
    except ValueError as error:
        raise AdmissionRefusedError("the seed is none", "bad_key") from error
