"""Progress: how far one watch of a bucket has come, and how far it should be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from altar_extras.grid.transport._store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["DeafError", "Progress"]

_OWED = 2.0  # seconds in which a watch tells what the leader has; also between looks at that


class DeafError(StoreUnavailableError):
    """A watch was not told what is there: another one may be."""


class Progress:
    """A watch that is silent may have nothing to tell, or may be deaf: what was sent to it is
    lost for good where a server did not know yet that it listens (a cluster that has just begun),
    and a server may have lost the watch, or not have got all of the bucket itself. nats-py misses
    nothing only after the first message. The bucket's leader knows what is there: ``newest`` asks
    it for the highest revision.
    """

    def __init__(self, newest: Callable[[], Coroutine[None, None, int]]) -> None:
        self._newest = newest
        self._came = 0
        self._owed: int | None = None
        self._since = 0.0  # when it was seen that this is owed
        self._due = 0.0
        self._asking: asyncio.Task[int] | None = None
        self._last = ("", 0)  # the consumer, and the number of its message

    @property
    def is_through(self) -> bool:
        """Whether all has come that was there at the last look."""
        return self._owed is not None and self._came >= self._owed

    async def begin(self) -> None:
        """Look for the first time. Raises StoreUnavailableError."""
        self._owe(await self._newest())

    def came(self, revision: int, *, consumer: str, number: int) -> None:
        """A change of this revision has come. Raises DeafError where one is missing before it:
        each consumer numbers what it sends.
        """
        expected = self._last[1] + 1 if consumer == self._last[0] else 1
        if number != expected:
            raise DeafError("a message of a watch was lost")
        self._last = (consumer, number)
        self._came = max(self._came, revision)

    def look(self) -> None:
        """Nothing came for a moment. Raises DeafError where something should have."""
        now = asyncio.get_running_loop().time()
        asking = self._asking
        if asking is None:
            if now >= self._due:
                self._asking = asyncio.ensure_future(self._newest())
        elif asking.done():
            self._asking = None
            self._due = now + _OWED
            if not asking.cancelled() and asking.exception() is None:
                self._judge(asking.result(), now)

    def end(self) -> None:
        """Look no more."""
        if self._asking is not None:
            self._asking.add_done_callback(_heard)
            self._asking.cancel()

    def _judge(self, newest: int, now: float) -> None:
        owed = min(self._owed or 0, newest)  # what it waits for may have ended meanwhile
        if self._came >= owed:
            self._owe(newest)
        elif now - self._since >= _OWED:
            raise DeafError("a watch was not told what is there")
        else:
            self._owed = owed

    def _owe(self, newest: int) -> None:
        now = asyncio.get_running_loop().time()
        self._owed, self._since, self._due = newest, now, now + _OWED


def _heard(asking: asyncio.Task[int]) -> None:
    if not asking.cancelled():
        asking.exception()  # nobody waits for it
