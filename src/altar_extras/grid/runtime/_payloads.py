"""Large payloads: Parts that come in under credit, and Parts that go out under credit."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from altar.errors import ErrorType
from altar_extras.grid.wire import Credit, Fault, Part, pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.runtime._settings import RuntimeSettings

__all__ = ["INLINE_BYTES", "PART_BYTES", "WINDOW", "Incoming", "Intake", "Outgoing", "credit_for"]

INLINE_BYTES: Final = 512 * 1024  # what travels within one message
PART_BYTES: Final = 64 * 1024
WINDOW: Final = 64
_HALF: Final = WINDOW // 2


class Incoming:
    """The arguments of one call on their way in. They are UTF-8 JSON, the object ``args``."""

    def __init__(self, size: int, digest: str, *, grant: Callable[[int], None]) -> None:
        self.size = size
        self._digest = digest
        self._grant = grant
        self._parts: list[bytes] = []
        self._got = 0
        self._since = 0
        self.done: asyncio.Future[bytes | Fault] = asyncio.get_running_loop().create_future()
        self.touched = asyncio.get_running_loop().time()

    def take(self, part: Part) -> None:
        """A part came."""
        if self.done.done():
            return
        self.touched = asyncio.get_running_loop().time()
        self._got += len(part.data)
        self._parts.append(part.data)
        if part.seq != len(self._parts):
            self.fail("stream_broken", "a part of the arguments is missing")
        elif self._got > self.size or len(part.data) > PART_BYTES or not part.data:
            self.fail("too_large", "the arguments are larger than was said")
        elif part.last or self._got == self.size:
            self._finish()
        else:
            self._since += 1
            if self._since >= _HALF:
                self._grant(self._since)
                self._since = 0

    def fail(self, reason: str, message: str) -> None:
        """Whoever waits for it is told why it does not come."""
        if not self.done.done():
            self._parts.clear()
            self.done.set_result(_broken(reason, message))

    def _finish(self) -> None:
        data = b"".join(self._parts)
        if len(data) != self.size or sha256(data).hexdigest() != self._digest:
            self.fail("digest_differs", "the arguments that came are not those that were announced")
            return
        self._parts.clear()
        self.done.set_result(data)


class Intake:
    """How many payloads are on their way in, and how much they may hold together."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        self._open: dict[tuple[str, str], Incoming] = {}
        self._bytes = 0

    def refusal(self, size: int, session: str) -> Fault | None:
        """Why a payload of this size cannot come now. One client's key (a session's id begins
        with the key's) has half of the places at most.
        """
        limits = self._settings
        if size > limits.max_payload:
            return Fault.of(
                "too_large",
                f"Arguments of {size:,} bytes; this runtime takes {limits.max_payload:,}.",
            )
        owner = session.partition("-")[0]
        own = sum(1 for key in self._open if key[0].partition("-")[0] == owner)
        if (
            len(self._open) >= limits.payloads_at_once
            or own >= max(1, limits.payloads_at_once // 2)
            or self._bytes + size > limits.payload_bytes_at_once
        ):
            return Fault.of(
                "overloaded",
                "Too many large arguments are on their way to this runtime.",
                retry_after_ms=500,
            )
        return None

    async def receive(
        self, key: tuple[str, str], incoming: Incoming, *, seconds: float
    ) -> bytes | Fault:
        """The whole payload, or why it did not come; gives up when no part comes in time, and
        after so many ``seconds``.
        """
        fault = self.refusal(incoming.size, key[0])
        if fault is not None:  # others of the same turn were first
            return fault
        loop, patience = asyncio.get_running_loop(), self._settings.credit_seconds
        self._open[key] = incoming
        self._bytes += incoming.size

        def look() -> None:
            left = incoming.touched + patience - loop.time()
            if left <= 0:
                incoming.fail("stream_broken", "the arguments stopped coming")
            else:
                timers[0] = loop.call_later(left, look)

        timers = [loop.call_later(patience, look)]
        late = "the deadline passed before the arguments had come"
        end = loop.call_later(max(0.0, seconds), incoming.fail, "deadline_passed", late)
        try:
            return await incoming.done
        finally:
            end.cancel()
            timers[0].cancel()
            del self._open[key]
            self._bytes -= incoming.size

    def take(self, key: tuple[str, str], part: Part) -> bool:
        """A part came; False when nobody waits for it."""
        found = self._open.get(key)
        if found is None or part.of != "args":
            return False
        found.take(part)
        return True

    def drop(self, key: tuple[str, str], reason: str) -> None:
        """The caller does not want the call any more."""
        found = self._open.get(key)
        if found is not None:
            found.fail("cancelled", reason)


class Outgoing:
    """The content of one result on its way out. It is UTF-8 JSON."""

    def __init__(
        self,
        invocation_id: str,
        data: bytes,
        *,
        patience: float,
        send: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> None:
        self._id = invocation_id
        self._data = data
        self._patience = patience
        self._send = send
        self._done = done
        self._at = 0
        self._seq = 0
        self._timer: Any = None
        self._wait()

    def grant(self, credit: int) -> None:
        """The caller takes so many more parts."""
        while credit > 0 and self._at < len(self._data):
            credit -= 1
            piece = self._data[self._at : self._at + PART_BYTES]
            self._at += len(piece)
            self._seq += 1
            last = self._at >= len(self._data)
            part = Part(invocation_id=self._id, of="result", seq=self._seq, data=piece, last=last)
            self._send(pack(part))
        if self._at >= len(self._data):
            self.close()
        else:
            self._wait()

    def close(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._done()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._patience, self.close)


def credit_for(invocation_id: str, credit: int) -> bytes:
    """The message that lets a caller send so many parts of its arguments."""
    return pack(Credit(invocation_id=invocation_id, credit=credit, of="args"))


def _broken(reason: str, message: str) -> Fault:
    kinds = {
        "stream_broken": ErrorType.STREAM_BROKEN,
        "digest_differs": ErrorType.STREAM_BROKEN,
        "cancelled": ErrorType.CANCELLED,
        "deadline_passed": ErrorType.TIMEOUT,
    }
    kind = kinds.get(reason, ErrorType.RESOURCE_EXHAUSTED)
    return Fault(type=kind, reason=reason, message=f"The call did not begin: {message}.")
