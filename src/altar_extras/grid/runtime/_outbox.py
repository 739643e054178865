"""Outbox: how answers are packed, kept small, and sent to the one who asked."""

from __future__ import annotations

import logging
from collections import deque
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import dumps
from altar_extras.grid.runtime import _faults as faults
from altar_extras.grid.runtime._payloads import INLINE_BYTES, Outgoing
from altar_extras.grid.transport import GridTransportError
from altar_extras.grid.wire import VERSION, Error, FrameError, Ready, ToolResultMessage, pack

if TYPE_CHECKING:
    from altar_extras.grid.runtime._invocation import Invocation
    from altar_extras.grid.runtime._job import Done, Job
    from altar_extras.grid.runtime._reply import Reply
    from altar_extras.grid.runtime._settings import RuntimeSettings
    from altar_extras.grid.transport import Event, Transport
    from altar_extras.grid.wire import Fault, ToolCall

__all__ = ["Identity", "Outbox"]

_log = logging.getLogger("altar.grid")
_ENVELOPE = 4096
_KEPT_BYTES = 16 * 1024 * 1024  # of what waits for the connection to come back,
_KEPT_SECONDS = 5.0  # and for how long: callers wait 2 s, and ask


class Identity(NamedTuple):
    """Who this runtime is, and in which of its lives."""

    runtime: str
    epoch: str


class Outbox:
    """Sends answers; ``unsent`` counts those that found no connection.

    They leave, in their order, when the connection is back within seconds. After
    that an answer is in the book, and its caller asks for it.
    """

    def __init__(self, identity: Identity, transport: Transport, settings: RuntimeSettings) -> None:
        self._identity = identity
        self._transport = transport
        self._settings = settings
        self._transfers: dict[tuple[str, str], Outgoing] = {}
        self.unsent = 0
        self._kept: deque[tuple[float, Reply, bytes]] = deque()
        self._kept_bytes = 0
        transport.listen(self._hear)

    def send(self, reply: Reply, body: bytes) -> None:
        """Send a body to where its reader is."""
        try:
            self._transport.publish(reply.subject, body, join=reply.joined)
        except GridTransportError as error:
            self.unsent += 1
            _log.debug("an answer was not sent: %s", error)
            if not self._transport.is_connected and self._kept_bytes + len(body) <= _KEPT_BYTES:
                self._kept.append((monotonic(), reply, body))
                self._kept_bytes += len(body)

    def _hear(self, event: Event) -> None:
        if event.kind == "connected":
            kept, self._kept, self._kept_bytes = self._kept, deque(), 0
            oldest = monotonic() - _KEPT_SECONDS
            for at, reply, body in kept:
                if at >= oldest:
                    self.send(reply, body)

    def error(self, reply: Reply, key: str, fault: Fault) -> None:
        """Answer what is no call."""
        error = Error(id=key[:128], error=fault.error().to_dict(), executed=fault.executed)
        self.send(reply, pack(error))

    def refuse(
        self, message: ToolCall, fault: Fault, *, load: dict[str, int], reply: Reply
    ) -> None:
        """Answer a call that is not taken."""
        call = message.call
        name, call_id = call.get("name"), call.get("call_id")
        result = {
            "call_id": call_id if isinstance(call_id, str) and call_id else message.invocation_id,
            "name": name if isinstance(name, str) else "",
            "status": "ERROR",
            "error": fault.error(message.correlation_id).to_dict(),
        }
        answer = self._answer(message, result, load)
        answer.executed = fault.executed
        try:
            self.send(reply, pack(answer))
        except FrameError:
            self.error(reply, message.invocation_id, fault)

    def close_call(self, job: Job, done: Done, *, load: dict[str, int], chunks: int) -> None:
        """Pack the answer of a call into its invocation."""
        invocation, message = job.invocation, job.message
        limit = min(INLINE_BYTES, self._transport.max_payload - _ENVELOPE)
        if not chunks:
            body = self._usual(message, done, load)
            if body and len(body) <= limit:
                invocation.body = body
                return
        answer = self._answer(message, done.result.to_dict(), load)
        answer.executed, answer.seconds, answer.chunks = done.executed, done.seconds, chunks
        try:
            body = pack(answer)
            if len(body) <= limit:
                invocation.body = body
                return
            content = answer.result.pop("content", None)
            payload = dumps(content).encode()
            answer.size, answer.sha256 = len(payload), sha256(payload).hexdigest()
            body, size = pack(answer), len(payload)
        except FrameError as error:
            _log.warning("the result of %s cannot be sent: %s", job.served.name, error)
            payload, body, size = b"", b"", 0
        if not body or len(body) > limit or size > self._settings.max_payload:
            invocation.body = self._too_large(message, size or len(body), done, load)
            return
        invocation.body, invocation.payload = body, payload

    def _usual(self, message: ToolCall, done: Done, load: dict[str, int]) -> bytes:
        """The body of a plain success, without the message's class: these are most; else b""."""
        result = done.result
        if result.error is not None or result.metadata or result.extensions:
            return b""
        doc: dict[str, Any] = {
            "type": ToolResultMessage.TYPE,
            "v": VERSION,
            "invocation_id": message.invocation_id,
            "result": {
                "call_id": result.call_id,
                "name": result.name,
                "status": "SUCCESS",
                "content": result.content,
            },
            "executed": done.executed,
            "seconds": done.seconds,
            "load": load,
            "runtime": self._identity.runtime,
            "epoch": self._identity.epoch,
        }
        if message.correlation_id:
            doc["correlation_id"] = message.correlation_id
        try:
            return pack(Ready(doc))
        except FrameError:
            return b""  # said in full, with what is wrong

    def answer(self, invocation: Invocation, reply: Reply) -> None:
        """Send what is kept of a call; its large content follows as the reader gives credit."""
        payload = invocation.payload
        if not payload:
            self.send(reply, invocation.body)
            return
        if not reply.joined:  # a peer that takes no parts
            self.error(reply, invocation.id, faults.too_large(len(payload), executed=True))
            return
        key = (invocation.session, invocation.id)
        self._stop(key)
        self.send(reply, invocation.body)

        def done() -> None:
            if self._transfers.get(key) is transfer:
                del self._transfers[key]

        transfer = Outgoing(
            invocation.id,
            payload,
            patience=self._settings.credit_seconds,
            send=lambda body: self.send(reply, body),
            done=done,
        )
        self._transfers[key] = transfer

    def credit(self, key: tuple[str, str], credit: int) -> None:
        """A reader takes more parts of a result."""
        transfer = self._transfers.get(key)
        if transfer is not None:
            transfer.grant(credit)

    def close(self) -> None:
        """End the transfers."""
        for key in list(self._transfers):
            self._stop(key)

    def _stop(self, key: tuple[str, str]) -> None:
        transfer = self._transfers.get(key)
        if transfer is not None:
            transfer.close()

    def _answer(
        self, message: ToolCall, result: dict[str, Any], load: dict[str, int]
    ) -> ToolResultMessage:
        return ToolResultMessage(
            invocation_id=message.invocation_id,
            result=result,
            correlation_id=message.correlation_id,
            load=load,
            runtime=self._identity.runtime,
            epoch=self._identity.epoch,
        )

    def _too_large(self, message: ToolCall, size: int, done: Done, load: dict[str, int]) -> bytes:
        fault = faults.too_large(size, executed=done.executed != "no")
        shown = done.result
        made = failed_like(shown.name, shown.call_id, fault, message.correlation_id)
        answer = self._answer(message, made, load)
        answer.executed, answer.seconds = done.executed, done.seconds
        return pack(answer)


def failed_like(name: str, call_id: str, fault: Fault, correlation_id: str) -> dict[str, Any]:
    """The ADM result of a call that failed on its way back."""
    error = fault.error(correlation_id).to_dict()
    return {"call_id": call_id, "name": name, "status": "ERROR", "error": error}
