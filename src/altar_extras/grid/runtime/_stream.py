"""Chunks: the progress of one call, sent only as far as its reader has given credit."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from altar_extras.grid.wire import FrameError, StreamChunk, pack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Chunks", "current_chunks", "waiting_for_credit"]

_MAX_CHUNK: Final = 65_536 + 1024  # 64 KB and its envelope
_MAX_WAITING: Final = 1024  # chunks of a tool that cannot be made to wait
_MAX_CREDIT: Final = 4096

current_chunks: ContextVar[Chunks | None] = ContextVar("altar_grid_chunks", default=None)


class Chunks:
    """What one call reports while it runs.

    ``emit`` may be called from any thread. In a thread of its own the tool is
    made to wait there for credit; on the loop a chunk without credit waits here,
    and an async generator waits in :meth:`room`. When no credit comes for
    ``patience`` seconds, or a chunk is too large, ``broken`` says so and
    ``give_up`` is called once.
    """

    def __init__(
        self,
        invocation_id: str,
        *,
        credit: int,
        patience: float,
        send: Callable[[bytes], None],
        give_up: Callable[[str], None],
    ) -> None:
        self._id = invocation_id
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._changed = threading.Condition()
        self._credit = credit
        self._patience = patience
        self._send = send
        self._give_up = give_up
        self._waiting: deque[Any] = deque()
        self._room: asyncio.Future[None] | None = None
        self._closed = False
        self.broken = ""
        self.sent = 0

    def emit(self, chunk: Any) -> None:
        """Report a chunk; CallContext's ``emit``."""
        if threading.get_ident() == self._thread:
            if not self._closed:
                self._waiting.append(chunk)
                self._pump()
                if len(self._waiting) > _MAX_WAITING:
                    self._break("too_many_chunks")
            return
        if self._take_credit():
            self._loop.call_soon_threadsafe(self._out, chunk)

    def grant(self, credit: int) -> None:
        """The reader takes so many more."""
        with self._changed:
            self._credit = min(self._credit + credit, _MAX_CREDIT)
            self._changed.notify_all()
        self._pump()

    def close(self, reason: str = "") -> None:
        """No more: whoever waits goes on, and what waits is dropped."""
        with self._changed:
            self._closed = True
            self.broken = self.broken or reason
            self._changed.notify_all()
        self._waiting.clear()
        self._wake()

    async def room(self) -> None:
        """Return when every chunk so far was sent, or the stream has ended."""
        while self._waiting and not self._closed:
            self._room = self._loop.create_future()
            timer = self._loop.call_later(self._patience, self._break, "no_credit")
            try:
                await self._room
            finally:
                timer.cancel()
                self._room = None

    def _take_credit(self) -> bool:
        """In a tool's thread: wait for a credit and take it."""
        with self._changed:
            patient = self._changed.wait_for(
                lambda: self._credit > 0 or self._closed, self._patience
            )
            if patient and not self._closed:
                self._credit -= 1
                return True
            closed = self._closed
        if not closed:
            self._loop.call_soon_threadsafe(self._break, "no_credit")
            with self._changed:  # the tool must not run on before it is told to stop
                self._changed.wait_for(lambda: self._closed, 1.0)
        return False

    def _pump(self) -> None:
        while self._waiting and not self._closed:
            with self._changed:
                if self._credit < 1:
                    return
                self._credit -= 1
            self._out(self._waiting.popleft())
        self._wake()

    def _out(self, chunk: Any) -> None:
        if self._closed:
            return
        try:
            body = pack(StreamChunk(invocation_id=self._id, seq=self.sent + 1, chunk=chunk))
        except FrameError:
            body = b""
        if not body or len(body) > _MAX_CHUNK:
            self._break("chunk_too_large" if body else "chunk_malformed")
            return
        self.sent += 1
        self._send(body)

    def _break(self, reason: str) -> None:
        if not self._closed:
            self.close(reason)
            self._give_up(reason)

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


def waiting_for_credit(generator: Callable[..., Any]) -> Callable[..., Any]:
    """An async generator function that goes on only when its reader has taken each chunk."""

    @wraps(generator)
    async def paced(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        inner = generator(*args, **kwargs)
        try:
            async for chunk in inner:
                yield chunk
                chunks = current_chunks.get()
                if chunks is not None:
                    await chunks.room()
        finally:
            await inner.aclose()

    return paced
