"""Requests: questions and answers over one inbox, told apart by the ids in their bodies."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from hashlib import blake2b
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING

from altar_extras.grid.transport._protocol import (
    Event,
    GridTransportError,
    NotConnectedError,
)
from altar_extras.grid.transport._requests_deadlines import Deadlines
from altar_extras.grid.wire import Error, FrameError, Malformed, Subjects, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.transport._protocol import Inbound, Subscription, Transport
    from altar_extras.grid.wire import Message

    Handler = Callable[[Message], None]
    Lost = Callable[[GridTransportError], None]

__all__ = ["AnswerTimeoutError", "NoRespondersError", "RemoteError", "Requests"]

_log = logging.getLogger("altar.grid")
_BATCHES = 4096  # whose subject may still turn out to have nobody; the oldest go first
_BATCH_BYTES = 60_000  # below what one joined body holds, so that a batch is one message


class NoRespondersError(GridTransportError):
    """Nobody hears the subject: what was sent reached no one."""


class AnswerTimeoutError(GridTransportError):
    """No answer within the time given; whether the other side acted on it is not known."""


class RemoteError(GridTransportError):
    """The other side answered with an Error; ``message`` holds it."""

    def __init__(self, message: Error) -> None:
        self.message = message
        text = message.error.get("message")
        super().__init__(text if isinstance(text, str) else "the other side refused it")

    @property
    def reason(self) -> str:
        """``details.reason`` of the error, "" where it gives none."""
        details = self.message.error.get("details")
        found = details.get("reason") if isinstance(details, dict) else None
        return found if isinstance(found, str) else ""


class _Expected:
    """Who waits for an id."""

    __slots__ = ("handler", "lost")

    def __init__(self, handler: Handler, lost: Lost | None) -> None:
        self.handler = handler
        self.lost = lost


class Requests:
    """Questions of one session over a Transport, and their answers.

    ``inbox`` is where answers go: one random subject for this connection, and
    the subjects one token below it. Answers are told apart by the
    ``invocation_id`` or ``id`` in their bodies.

    ``ask`` is for the control plane: one question, one answer. ``send`` is for
    calls: bodies of one turn travel together, and a handler hears every message
    with its id until ``forget``.
    """

    def __init__(self, transport: Transport, session: str) -> None:
        self.inbox = Subjects.reply(session, token_hex(16))
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._expected: dict[str, _Expected] = {}
        self._deadlines = Deadlines(self._loop, self._late)
        self._subscriptions: list[Subscription] = []
        self._batches: OrderedDict[str, list[str]] = OrderedDict()  # by token
        self._open: dict[str, _Batch] = {}  # by subject, those of this turn
        self._serial = 0
        self._secret = token_bytes(32)
        self._is_closed = False
        self.stray = 0  # answers that nobody waited for: late ones, and those of others
        transport.listen(self._hear)

    async def start(self) -> None:
        """Hear the inbox; before that nothing may be asked."""
        for subject in (self.inbox, f"{self.inbox}.*"):
            self._subscriptions.append(await self._transport.subscribe(subject, self._take))

    async def ask(self, subject: str, message: Message, *, timeout: float) -> Message:  # noqa: ASYNC109
        """Send a message that has an ``id`` and wait for the answer with the same id, in seconds.

        Raises NoRespondersError, AnswerTimeoutError, NotConnectedError (before it
        was sent, or because the connection was lost), RemoteError for an Error.
        """
        key = str(getattr(message, "id", "") or getattr(message, "invocation_id", ""))
        answer: asyncio.Future[Message] = self._loop.create_future()

        def lost(error: Exception) -> None:
            if not answer.done():
                answer.set_exception(error)

        def came(found: Message) -> None:
            if not answer.done():
                answer.set_result(found)

        self.expect(key, came, on_lost=lost, timeout=timeout)
        try:
            reply = self._batch_for([key])
            self._transport.publish(subject, pack(message), reply=reply, unsent=lost)
            found = await answer
        finally:
            self.forget(key)
        if isinstance(found, Error):
            raise RemoteError(found)
        return found

    def send(self, subject: str, key: str, body: bytes, *, join: bool = True) -> None:
        """Send the body of one packed message; those of one turn for one subject travel together,
        unless ``join`` is False: a peer of Level 1 reads one message of a body.

        Its answers go to whom ``expect`` named for ``key``. ``on_lost`` hears
        when nobody is there to take it, and when it could not leave after all.
        Raises NotConnectedError and TooLargeError; nothing was sent then.
        """
        batch = self._open.get(subject) if join else None
        if batch is None or batch.size + len(body) > _BATCH_BYTES:
            if not self._open:
                self._loop.call_soon(self._open.clear)
            batch = _Batch()
            if join:
                self._open[subject] = batch
            batch.reply = self._batch_for(batch.ids)
        self._transport.publish(
            subject, body, reply=batch.reply, join=join, unsent=lambda error: self._drop(key, error)
        )
        batch.ids.append(key)
        batch.size += len(body)

    def expect(
        self,
        key: str,
        handler: Handler,
        *,
        on_lost: Lost | None = None,
        timeout: float | None = None,
    ) -> None:
        """Call ``handler`` with every message for ``key`` until ``forget``.

        ``on_lost`` is told once, and the id is forgotten, when the connection is
        lost (NotConnectedError), when nobody hears the subject
        (NoRespondersError) and when ``timeout`` seconds passed
        (AnswerTimeoutError, up to 16 ms late). Without it nothing is told, and
        the id outlives a lost connection.
        """
        self._expected[key] = _Expected(handler, on_lost)
        if timeout is not None:
            self._deadlines.add(key, timeout)

    def forget(self, key: str) -> None:
        """No more messages for ``key``."""
        if self._expected.pop(key, None) is not None:
            self._deadlines.drop(key)

    async def close(self) -> None:
        """Hear no more; whoever still waits is told NotConnectedError."""
        if self._is_closed:
            return
        self._is_closed = True
        self._lose(NotConnectedError("the connection is closed"))
        self._expected.clear()
        self._deadlines.clear()
        for one in self._subscriptions:
            await one.unsubscribe()

    def _batch_for(self, ids: list[str]) -> str:
        """A reply subject of its own: the answer that nobody is there names no id.

        The token tells nothing of the next one: a peer that was asked once could
        otherwise say of other questions that nobody is there, and have them sent again.
        """
        self._serial += 1
        serial = self._serial.to_bytes(8, "big")
        token = blake2b(serial, key=self._secret, digest_size=6).hexdigest()
        self._batches[token] = ids
        if len(self._batches) > _BATCHES:
            self._batches.popitem(last=False)
        return f"{self.inbox}.{token}"

    def _take(self, inbound: Inbound) -> None:
        if not inbound.body:
            self._nobody(inbound.subject)
            return
        try:
            messages = unpack(inbound.body)
        except FrameError as error:
            self.stray += 1
            _log.warning("an answer that is no frame was dropped: %s", error.reason)
            return
        expected = self._expected
        for message in messages:
            key = getattr(message, "invocation_id", "") or getattr(message, "id", "")
            found = expected.get(key)
            if found is None:
                self.stray += 1
                continue
            if isinstance(message, Malformed):
                _log.warning("an answer for %s was malformed: %s", key, message.reason)
                self._drop(key, GridTransportError(f"a malformed answer: {message.reason}"))
                continue
            try:
                found.handler(message)
            except Exception:  # noqa: BLE001 - the neighbours in this body get theirs
                _log.exception("the handler of %s failed", key)

    def _nobody(self, subject: str) -> None:
        ids = self._batches.pop(subject[len(self.inbox) + 1 :], None)
        for key in ids or ():
            self._drop(key, NoRespondersError("nobody serves this subject"))

    def _late(self, key: str) -> None:
        self._drop(key, AnswerTimeoutError("no answer came in time"))

    def _drop(self, key: str, error: GridTransportError | Exception) -> None:
        found = self._expected.get(key)
        if found is None or found.lost is None:
            return
        self.forget(key)
        known = error if isinstance(error, GridTransportError) else NotConnectedError(str(error))
        try:
            found.lost(known)
        except Exception:  # noqa: BLE001 - logged, and the others go on
            _log.exception("whoever waited for %s failed", key)

    def _lose(self, error: GridTransportError) -> None:
        self._batches.clear()
        self._open.clear()
        for key in [key for key, one in self._expected.items() if one.lost is not None]:
            self._drop(key, error)

    def _hear(self, event: Event) -> None:
        if event.kind in {"disconnected", "closed"}:
            reason = "lost" if event.kind == "disconnected" else ""
            self._lose(NotConnectedError(event.text or "the connection was lost", reason))


class _Batch:
    """The bodies of one turn for one subject."""

    __slots__ = ("ids", "reply", "size")

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.reply = ""
        self.size = 0
