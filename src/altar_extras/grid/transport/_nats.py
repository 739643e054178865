"""NatsConnector and NatsTransport: the Transport protocol over NATS servers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from altar_extras.grid.transport._heed import heeded
from altar_extras.grid.transport._insist import may_pass
from altar_extras.grid.transport._nats_identity import Identity
from altar_extras.grid.transport._nats_link import LifeCheck, Link, header_size
from altar_extras.grid.transport._nats_servers import Return, Servers
from altar_extras.grid.transport._nats_settings import NatsSettings, addresses
from altar_extras.grid.transport._nats_subscription import NatsSubscription
from altar_extras.grid.transport._outbox import Outbox
from altar_extras.grid.transport._protocol import (
    AdmissionRefusedError,
    Event,
    GridTransportError,
    NotConnectedError,
    TooLargeError,
)
from altar_extras.grid.transport._subject import check_subject

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from altar_extras.grid.transport._nats_settings import Address, ClientTls
    from altar_extras.grid.transport._outbox import Parcel
    from altar_extras.grid.transport._protocol import Inbound

__all__ = ["NatsConnector", "NatsTransport"]

_log = logging.getLogger("altar.grid")
_KNOWN = 8192


class NatsConnector:
    """Connections to NATS servers: ``url`` is one URL, several, or several separated by commas.

    ``tls://`` with ``tls`` is TLS 1.3, both sides with certificates, handshake
    first; ``nats://`` is plaintext, for this machine only. Raises
    ConfigurationError for a URL or certificates that cannot be used safely.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        tls: ClientTls | None = None,
        settings: NatsSettings | None = None,
    ) -> None:
        urls = url if isinstance(url, str) else tuple(url)
        self._addresses = addresses(urls, secure=tls is not None)
        self._tls = tls
        self._context = tls.context() if tls is not None else None
        self._settings = settings or NatsSettings()

    async def connect(
        self, *, seed: str = "", token: str | Callable[[], str] = "", name: str = ""
    ) -> NatsTransport:
        """Connect to one of the servers as the holder of this nkey seed, with this token.

        A ``token`` that is a callable is asked anew for every connection. Each
        server is tried once. Raises AdmissionRefusedError where the key or the
        token is not let in, NotConnectedError where no server answers, and
        ConfigurationError for a seed that is none.
        """
        made = NatsTransport(
            self._addresses,
            context=self._context,
            settings=self._settings,
            identity=Identity(seed, token, name),
        )
        await made.start()
        return made

    def each(self) -> tuple[NatsConnector, ...]:
        """A connector to each of several servers alone; none where there is one."""
        if len(self._addresses) < 2:
            return ()
        alone = replace(self._settings, discover=False, reconnect_wait_max=0.2)
        scheme = "nats" if self._tls is None else "tls"
        return tuple(
            NatsConnector(one.url.replace("nats", scheme, 1), tls=self._tls, settings=alone)
            for one in self._addresses
        )

    def __repr__(self) -> str:
        return f"NatsConnector({', '.join(one.url for one in self._addresses)})"


def _weight(error: GridTransportError) -> int:
    """Which of several servers' answers is told: a refusal, else what may pass."""
    return 1 if may_pass(error) else 2 * isinstance(error, AdmissionRefusedError)


class NatsTransport:
    """One connection that comes back by itself (the Transport protocol); NatsConnector makes it.

    Nothing is kept while disconnected: publishing raises NotConnectedError
    then, and every connection starts empty. Subscriptions are made again
    before "connected" is told.
    """

    def __init__(
        self,
        servers: Sequence[Address],
        *,
        context: ssl.SSLContext | None,
        settings: NatsSettings,
        identity: Identity,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._servers = Servers(servers, is_secure=context is not None)
        self._context = context
        self._settings = settings
        self._identity = identity
        self._link: Link | None = None
        self._is_closed = False
        self._listeners: list[Callable[[Event], None]] = []
        self._subscriptions: list[NatsSubscription] = []
        self._outbox = Outbox(settings.join_bytes)
        self._known: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._max_payload = 0
        self.connections = 0  # so far, this one included

    @property
    def max_payload(self) -> int:
        """The largest message the server takes, header and body, in bytes."""
        return self._max_payload

    @property
    def is_connected(self) -> bool:
        """Whether a body published now would leave."""
        return self._link is not None and self._link.is_open

    async def start(self) -> None:
        """Make the first connection; each server is tried once."""
        problem: GridTransportError = NotConnectedError("no server")
        for address in self._servers.turn():
            try:
                self._adopt(await self._open(address))
                return
            except (AdmissionRefusedError, NotConnectedError) as error:
                problem = max(error, problem, key=_weight)
        self._is_closed = True
        raise problem

    def publish(
        self,
        subject: str,
        body: bytes,
        *,
        reply: str = "",
        join: bool = False,
        unsent: Callable[[Exception], None] | None = None,
    ) -> None:
        """Send a body; returns at once. See Transport.publish."""
        link = self._link
        if link is None or not link.is_open:
            if self._is_closed:
                raise NotConnectedError("the connection is closed")
            raise NotConnectedError("there is no connection now", "lost")
        if len(body) > self._max_payload:
            raise TooLargeError(len(body), self._max_payload)
        known = self._known
        if subject not in known or (reply and reply not in known):
            self._check(subject, reply)
        if link.client.pending_data_size > self._settings.outbox_bytes:
            raise NotConnectedError("the server reads too slowly: nothing more is taken for now")
        outbox = self._outbox
        if not join and not (outbox and outbox.holds(subject)):
            link.publish(subject, body, reply)
        elif outbox.add(subject, body, reply, join=join, unsent=unsent):
            self._loop.call_soon(self._send)

    async def subscribe(
        self, subject: str, handler: Callable[[Inbound], None], *, queue: str = ""
    ) -> NatsSubscription:
        """Hear a subject; the server knows when this returns. See Transport.subscribe."""
        if self._is_closed:
            raise NotConnectedError("the connection is closed")
        self._check(subject, "")
        made = NatsSubscription(subject, queue, handler, ended=self._forget)
        self._subscriptions.append(made)
        link = self._link
        if link is not None and link.is_open:
            with suppress(NotConnectedError):  # then it is made with the next connection
                await made.make(link)
                await link.flush(self._settings.connect_timeout)
            if subject.lower() in link.refused_subscriptions:
                self._forget(made)
                raise GridTransportError(f"this connection has no right to hear {subject}")
        return made

    async def flush(self, timeout: float = 2.0) -> None:  # noqa: ASYNC109 - part of the protocol
        """Return when the server has taken all that was published. Raises NotConnectedError."""
        self._send()
        link = self._link
        if link is None or not link.is_open:
            raise NotConnectedError("there is no connection now")
        await link.flush(timeout)

    async def request(
        self,
        subject: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 2.0,  # noqa: ASYNC109 - bounds the answer, not this task
    ) -> Msg:
        """One question to a service of the server (JetStream), with headers; its answer.

        Raises NotConnectedError also when no answer came in time or nobody
        serves the subject, and TooLargeError with the headers counted.
        """
        link = self._link
        if link is None or not link.is_open:
            raise NotConnectedError("there is no connection now")
        size = len(body) + header_size(headers)
        if size > self._max_payload:
            raise TooLargeError(size, self._max_payload)
        self._check(subject, "")
        try:
            with heeded():
                return await link.client.request(subject, body, timeout=timeout, headers=headers)
        except NoRespondersError as error:
            raise NotConnectedError(f"nobody serves {subject}") from error
        except (NatsError, TimeoutError) as error:
            raise NotConnectedError(f"no answer from {subject} ({type(error).__name__})") from error

    def jetstream(self, *, timeout: float = 2.0) -> JetStreamContext:
        """JetStream over the connection of now; ask again after a reconnect.

        Raises NotConnectedError.
        """
        link = self._link
        if link is None or not link.is_open:
            raise NotConnectedError("there is no connection now")
        return link.client.jetstream(timeout=timeout)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Tell ``listener`` of every Event from now on."""
        self._listeners.append(listener)

    async def drain(self) -> None:
        """End the subscriptions, handle what came, send what waits, and close."""
        if not self._is_closed and self.is_connected:
            await asyncio.gather(*[one.drain() for one in list(self._subscriptions)])
            with suppress(NotConnectedError):
                await self.flush()
        await self.close()

    async def close(self) -> None:
        """Close at once; again is nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        link, self._link = self._link, None
        self._undone(NotConnectedError("the connection was closed"))
        current = asyncio.current_task()
        tasks = [one for one in self._tasks if one is not current]
        for task in tasks:
            task.cancel()
        if link is not None:
            await link.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tell("closed", "")

    def _check(self, subject: str, reply: str) -> None:
        """Refuse what is no subject; nats-py is told not to look again."""
        check_subject(subject)
        if reply:
            check_subject(reply)
        if len(self._known) > _KNOWN:
            self._known = set()
        self._known.update((subject, reply))

    def _send(self) -> None:
        parcels = self._outbox.take()
        if not parcels:
            return
        link = self._link
        for at, parcel in enumerate(parcels):
            try:
                if link is None:
                    raise NotConnectedError("the connection was lost")
                link.publish(parcel.subject, parcel.body, parcel.reply)
            except GridTransportError as error:
                self._fail(parcels[at:], error)
                return

    def _undone(self, error: GridTransportError) -> None:
        self._fail(self._outbox.take(), error)

    def _fail(self, parcels: list[Parcel], error: GridTransportError) -> None:
        for parcel in parcels:
            for unsent in parcel.unsent:
                try:
                    unsent(error)
                except Exception:  # noqa: BLE001 - logged, and the others go on
                    _log.exception("whoever was to hear of an unsent body failed")

    async def _open(self, address: Address, patience: float | None = None) -> Link:
        """A connection with every subscription made."""
        link = Link(address, lost=self._lost, tell=self._tell)
        settings = self._settings
        if patience is not None:
            settings = replace(settings, connect_timeout=min(patience, settings.connect_timeout))
        await link.open(
            settings,
            context=self._context,
            seed=self._identity.seed,
            token=self._identity.shown(),
            name=self._identity.name,
        )
        try:
            for one in list(self._subscriptions):
                await one.make(link)
            if self._subscriptions:
                await link.flush(self._settings.connect_timeout)
            for one in list(self._subscriptions):  # those that came meanwhile
                if one.link is not link:
                    await one.make(link)
            if self._is_closed or not link.is_open:
                raise NotConnectedError("the connection was lost at once", "silent")
        except BaseException:
            await link.close()
            raise
        return link

    def _adopt(self, link: Link) -> None:
        self._link, self._servers.last = link, link.address
        self._max_payload = link.client.max_payload
        self.connections += 1
        self._keep(self._watch(link))

    def _lost(self, link: Link, why: str) -> None:
        for one in link.client.discovered_servers if self._settings.discover else ():
            self._servers.discover(one.hostname or "", one.port or 0, link.address)
        if link is not self._link:
            self._keep(link.close())
            return
        self._link = None
        self._undone(NotConnectedError("the connection was lost"))
        self._keep(link.close())
        if link.expired:
            self._tell("denied", why)
        self._tell("disconnected", why)
        if not self._is_closed:
            self._keep(self._come_back(link.expired))

    async def _come_back(self, expired: bool) -> None:
        if expired and self._identity.is_fixed:
            self._end("the credential ended, and there is no other")
            return
        back = Return(self._settings)
        while not self._is_closed:
            for address in self._servers.turn():
                begun = self._loop.time()
                try:
                    link = await self._open(address, back.patience)
                except AdmissionRefusedError as error:
                    if back.refused(error):
                        self._tell("denied", str(error))
                except GridTransportError:
                    back.failed(self._loop.time() - begun)
                else:
                    self._adopt(link)
                    self._tell("connected", "")
                    return
            await asyncio.sleep(back.pause())

    def _end(self, why: str) -> None:
        self._is_closed = True
        self._tell("closed", why)

    async def _watch(self, link: Link) -> None:
        """Notice a server that is silent behind an open socket."""
        life = LifeCheck(self._loop.time(), dead_after=self._settings.dead_after)
        probe: asyncio.Task[None] | None = None
        while link.is_open:
            await asyncio.sleep(life.interval)
            state = life.turn(self._loop.time(), link.client.stats["in_msgs"])
            if life.lateness > self._settings.dead_after:
                self._tell("slow", f"this event loop stood still for {life.lateness:.1f} s")
            if state == "dead":
                link.give_up("the server is silent")
            elif state == "quiet" and (probe is None or probe.done()):
                probe = link.probe()
                probe.add_done_callback(lambda _: life.pong(self._loop.time()))

    def _forget(self, subscription: NatsSubscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def _keep(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, kind: Any, text: str = "", subject: str = "") -> None:
        event = Event(kind=kind, text=text, subject=subject)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - logged, and the others go on
                _log.exception("a listener of a connection failed")

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "connected" if self.is_connected else "lost"
        return f"<NatsTransport {state}, {len(self._subscriptions)} subscriptions>"
