"""Link: one connection to one server, from its handshake to its end, on nats-py's public API.

nats-py is never asked to reconnect. Its own way back keeps what was not sent and sends it
later, waits for ever on a socket that is full and dead, and ends for good on errors that
another connection would not have; a new Link has none of that.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar_extras.grid.transport._heed import heeded
from altar_extras.grid.transport._protocol import (
    AdmissionRefusedError,
    GridTransportError,
    Inbound,
    NotConnectedError,
)

try:
    from nats.aio.client import Client
    from nats.errors import AuthorizationError, SlowConsumerError, UnexpectedEOF
    from nats.errors import Error as NatsError
except ImportError as error:
    raise ImportError(
        "the GRID needs nats-py: type pip install '.[grid]' in altar's tree"
    ) from error

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as NatsSubscription

    from altar_extras.grid.transport._nats_settings import Address, NatsSettings

__all__ = ["LifeCheck", "Link", "header_size"]

_log = logging.getLogger("altar.grid")
_DENIED = re.compile(
    r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE
)
_LONG = 3600.0  # nobody waits that long: the link is given up first
_CLOSING = 1.0  # seconds for a polite end; a dead peer never answers it


def _is_of_use(record: logging.LogRecord) -> bool:
    """Not the warning that asyncio has for how nats-py reads TLS: it comes with every end."""
    return "eof_received() has no effect" not in str(record.msg)


class Link:
    """One connection. ``lost(link, why)`` is called once when it ends without being closed;
    ``tell(kind, text, subject)`` hears of denials, lame ducks and slow reading.
    """

    def __init__(
        self,
        address: Address,
        *,
        lost: Callable[[Link, str], None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self.address = address
        self.client = Client()
        self.expired = False  # the server ended it because the credential did
        self.refused_subscriptions: set[str] = set()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost = lost
        self._tell = tell
        self._is_open = False
        self._error: Exception | None = None
        self._flushes: set[asyncio.Task[None]] = set()

    async def open(
        self,
        settings: NatsSettings,
        *,
        context: ssl.SSLContext | None,
        seed: str,
        token: str,
        name: str,
    ) -> None:
        """Connect. Raises AdmissionRefusedError and NotConnectedError."""
        tls: dict[str, Any] = {}
        if context is not None:
            # Handshake first also means: no INFO line, whoever wrote it, can talk us out of TLS.
            named = self.address.tls_name or self.address.host
            logging.getLogger("asyncio").addFilter(_is_of_use)  # again is nothing
            tls = {"tls": context, "tls_hostname": named, "tls_handshake_first": True}
        try:
            with heeded():
                async with asyncio.timeout(settings.connect_timeout):
                    await self.client.connect(
                        [self.address.url],
                        allow_reconnect=False,
                        max_reconnect_attempts=1,
                        reconnect_time_wait=0,
                        connect_timeout=int(settings.connect_timeout) + 1,
                        ping_interval=30,  # a LifeCheck looks far more often
                        pending_size=0,
                        skip_subject_validation=True,  # checked once per subject, by the transport
                        name=name or None,
                        nkeys_seed_str=seed or None,
                        token=token or None,
                        inbox_prefix=settings.inbox_prefix(),
                        error_cb=self._on_error,
                        closed_cb=self._on_closed,
                        lame_duck_mode_cb=self._on_lame_duck,
                        **tls,
                    )
        except (OSError, NatsError, TimeoutError, ValueError) as error:
            await self._dispose()
            raise self._refusal(error) from error
        except BaseException:
            await self._dispose()
            raise
        if not self.client.is_connected:
            # The server hung up without a word, which nats-py takes for a connection: that is
            # what it does when nobody answered its question who we are.
            await self._dispose()
            raise AdmissionRefusedError(self._no_host(), "no_host")
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether a body published now would leave."""
        return self._is_open and self.client.is_connected

    def publish(self, subject: str, body: bytes, reply: str) -> None:
        """Hand a body to the client library, at once; its writer runs in the loop's next turn."""
        coroutine = self.client.publish(subject, body, reply)
        try:
            # With no buffer to wait for, this coroutine never waits: it runs to its end here.
            coroutine.send(None)
        except StopIteration:
            return
        except NatsError as error:
            raise NotConnectedError("the connection was lost") from error
        coroutine.close()
        raise GridTransportError("nats-py waited where it never did: nothing was sent")

    async def hear(
        self, subject: str, queue: str, handler: Callable[[Inbound], None]
    ) -> NatsSubscription:
        """Subscribe; ``handler`` is called right where the library has read a message."""
        try:
            return await self.client.subscribe(subject, queue=queue, future=_Sink(handler))
        except NatsError as error:
            raise NotConnectedError("the connection was lost") from error

    async def flush(self, timeout: float) -> None:  # noqa: ASYNC109 - as in the protocol
        """Return when the server has read all that was published. Raises NotConnectedError."""
        task = self.probe()
        await asyncio.wait({task, self.ended}, timeout=timeout, return_when="FIRST_COMPLETED")
        if not task.done() or task.cancelled() or task.exception() is not None:
            raise NotConnectedError("the server did not answer in time", "silent")

    def probe(self) -> asyncio.Task[None]:
        """A PING under way; done with its PONG.

        It is never cancelled before the link ends: nats-py's reader dies of a
        PONG that nobody waits for.
        """
        task = asyncio.get_running_loop().create_task(self._ping())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)
        return task

    def give_up(self, why: str) -> None:
        """Call it lost, whatever its socket says."""
        self._end(why)

    async def close(self) -> None:
        """End it; nothing is told."""
        self._is_open = False
        if not self.ended.done():
            self.ended.set_result(None)
        await self._dispose()

    async def _ping(self) -> None:
        with suppress(NatsError, OSError):
            await self.client.flush(timeout=int(_LONG))

    async def _dispose(self) -> None:
        try:
            with suppress(Exception):  # what cannot be ended is not there
                async with asyncio.timeout(_CLOSING):
                    await self.client.close()
        finally:
            for task in list(self._flushes):
                task.cancel()

    def _end(self, why: str) -> None:
        if not self._is_open:
            return
        self._is_open = False
        text = str(self.client.last_error or "").lower()
        self.expired = isinstance(self.client.last_error, AuthorizationError) or (
            "authentication expired" in text or "authentication revoked" in text
        )
        if self.expired:
            why = text.removeprefix("nats: ").strip("'") or why
        elif "maximum" in text or "slow consumer" in text:
            why = text.removeprefix("nats: ").strip("'")
            if "slow" in why:
                self._tell("slow", why, "")
        if not self.ended.done():
            self.ended.set_result(None)
        self._lost(self, why)

    def _no_host(self) -> str:
        return f"the server at {self.address.host} found no Host to ask about this key"

    def _refusal(self, error: Exception) -> GridTransportError:
        said = f"{self._error or ''} {error}".lower()
        if "authorization violation" in said:
            return AdmissionRefusedError(
                f"the server at {self.address.host} does not let this key or token in"
            )
        if "authentication timeout" in said:
            return AdmissionRefusedError(self._no_host(), "no_host")
        why = self._error or error
        # nobody listens there, it has no address, or TLS does not agree: a second try is no other
        was_there = isinstance(why, (TimeoutError, ConnectionError, NatsError))
        return NotConnectedError(
            f"no connection to {self.address.host}:{self.address.port} ({type(why).__name__})",
            "silent" if was_there and not isinstance(why, ConnectionRefusedError) else "",
        )

    async def _on_error(self, error: Exception) -> None:
        self._error = error
        if isinstance(error, UnexpectedEOF):
            self._end("the server closed the connection")
        elif isinstance(error, SlowConsumerError):
            self._tell("slow", "bodies were dropped unread", error.subject)
        elif (denied := _DENIED.search(str(error))) is not None:
            verb, subject = denied[1].lower(), denied[2]
            if verb == "subscription":
                self.refused_subscriptions.add(subject)
            self._tell(
                "denied", f"no right to {'hear' if verb[0] == 's' else verb} {subject}", subject
            )
        elif self._is_open:
            _log.debug("the connection to %s: %s", self.address.host, type(error).__name__)

    async def _on_closed(self) -> None:
        self._end("the connection ended")

    async def _on_lame_duck(self) -> None:
        self._tell("lame_duck", f"{self.address.host}:{self.address.port} will stop", "")


class _Sink(asyncio.Future["Msg"]):
    """The ``future`` of a subscription, which nats-py sets with every message as it is read.

    A ``cb`` costs a queue and a task's turn per message instead, a fifth of the throughput.
    """

    def __init__(self, handler: Callable[[Inbound], None]) -> None:
        super().__init__()
        self._handler = handler

    def cancelled(self) -> bool:
        return False

    def set_result(self, message: Msg, /) -> None:
        try:
            self._handler(Inbound(message.subject, message.data, message.reply))
        except Exception:  # noqa: BLE001 - else nats-py's reader ends here, and with it the connection
            _log.exception("the handler of %s failed", message.subject)


class LifeCheck:
    """Decides from the times at which something was heard whether the other side lives. No I/O.

    A turn that comes late (this loop was busy) moves all limits by its lateness:
    the answer may well lie unread.
    """

    def __init__(self, now: float, *, dead_after: float) -> None:
        self.interval = dead_after / 7
        self._dead_after = dead_after
        self._heard = self._turn = now
        self._count = -1
        self.lateness = 0.0

    def pong(self, now: float) -> None:
        """The other side answered."""
        self._heard = max(self._heard, now)

    def turn(self, now: float, count: int) -> str:
        """Every ``interval``: "quiet" asks for a ping, "dead" gives up, "" is neither.

        ``count`` is the number of messages received so far.
        """
        self.lateness = now - self._turn - self.interval
        self._turn = now
        if count != self._count:
            self._count, self._heard = count, now
        elif self.lateness > self.interval:
            self._heard = min(now, self._heard + self.lateness)
        silence = now - self._heard
        if silence >= self._dead_after:
            return "dead"
        return "quiet" if silence >= 2 * self.interval else ""


def header_size(headers: dict[str, str] | None) -> int:
    """Bytes that headers add to a message, as the server counts them."""
    if not headers:
        return 0
    return 12 + sum(len(name.encode()) + len(value.encode()) + 4 for name, value in headers.items())
