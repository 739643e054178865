"""Clock: time and chance as the retries, limits and waits of altar see them."""

from __future__ import annotations

import random
import time
from _thread import TIMEOUT_MAX, allocate_lock
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CLOCK", "Clock", "Flag"]

_FOREVER = 1e9  # seconds: event loops refuse timers that lie too far ahead


class Flag(Protocol):
    """What ends a wait early: an :class:`altar.runtime.Cancellation`."""

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when the flag is raised."""
        ...

    def forget(self, listener: Callable[[], None]) -> None:
        """Stop telling it."""
        ...


class Clock:
    """Time and chance; a test hands in its own."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds on the scale of :func:`time.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, in a thread."""
        time.sleep(seconds)

    def wait(self, seconds: float, cancelled: Flag) -> None:
        """Sleep, until ``cancelled`` is raised at most; a ``sleep`` of one's own is kept to."""
        if type(self).sleep is not Clock.sleep:
            self.sleep(seconds)
            return
        gate = allocate_lock()  # no Event: a signal handler may raise the flag in this thread
        gate.acquire()

        def wake() -> None:
            with suppress(RuntimeError):  # told twice, by a flag made of two
                gate.release()

        cancelled.on_cancel(wake)
        try:
            gate.acquire(timeout=min(seconds, TIMEOUT_MAX))
        finally:
            cancelled.forget(wake)

    async def asleep(self, seconds: float) -> None:
        """Wait, on an event loop."""
        import asyncio  # noqa: PLC0415 - 25 ms that a sync run never needs

        await asyncio.sleep(seconds)

    async def await_(self, seconds: float, cancelled: Flag) -> None:
        """As :meth:`wait`, on an event loop; an ``asleep`` of one's own is kept to."""
        if type(self).asleep is not Clock.asleep:
            await self.asleep(seconds)
            return
        import asyncio  # noqa: PLC0415 - as above

        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def end() -> None:
            if not over.done():
                over.set_result(None)

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits
                loop.call_soon_threadsafe(end)

        timer = loop.call_later(seconds, end) if seconds < _FOREVER else None
        cancelled.on_cancel(wake)
        try:
            await over
        finally:
            cancelled.forget(wake)
            if timer is not None:
                timer.cancel()

    def jitter(self) -> float:
        """A number from 0 to 1 that keeps clients from retrying in step."""
        return random.random()  # noqa: S311 - spreads load, protects nothing


SYSTEM_CLOCK = Clock()
