"""Hub: what the calls of one event loop wait for, at the price of one wake-up each.

``loop.add_reader`` and ``remove_reader`` ask two things of the system and make
three objects for each call; a timer of its own costs as much again, and a
Future's result another turn of the loop. So a loop has one epoll object, which
the loop itself watches: in it each worker's socket is armed for one event. One
timer stands for all calls, and what wakes a task is called where the event is.
"""

from __future__ import annotations

import asyncio
import select
import weakref
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

__all__ = ["Hub", "Wakeable", "hub_of"]

_NEVER = float("inf")
_ONCE: int = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLONESHOT", 0)
_current_task = asyncio.current_task
_AT_ONCE = 16  # events; the others stay for the loop's next turn


class Waiting(Protocol):
    """A call on its way, as the hub sees it; ``until`` is a time of monotonic(), or None."""

    @property
    def until(self) -> float | None: ...

    def read(self) -> None: ...

    def late(self) -> None: ...


class Wakeable(asyncio.Future[Any]):
    """A future that one task awaits; ``wake`` runs that task at once, not in the next turn."""

    __slots__ = ("_context", "_wake")

    _wake: Callable[..., object] | None
    _context: Context | None

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._wake = None

    def add_done_callback(
        self, fn: Callable[..., object], /, *, context: Context | None = None
    ) -> None:
        """Keep what wakes the task."""
        if self._wake is None and context is not None and not self.done():
            self._wake, self._context = fn, context
        else:
            super().add_done_callback(fn, context=context)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel, as of any future."""
        if not super().cancel(msg):
            return False
        self._wake_soon()
        return True

    def settle(self, result: object) -> None:
        """Set the result; the task hears of it in the next turn."""
        self.set_result(result)
        self._wake_soon()

    def fail(self, error: Exception) -> None:
        """As settle, with what the task raises."""
        self.set_exception(error)
        self._wake_soon()

    def wake(self, result: object) -> None:
        """Set the result and run the task; from a callback of the loop alone."""
        self.set_result(result)
        wake = self._wake
        if wake is None or self._context is None or _current_task() is not None:
            self._wake_soon()
        else:
            self._wake = None
            self._context.run(wake, self)

    def _wake_soon(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            super().add_done_callback(wake, context=self._context)  # done: called soon


class Hub:
    """The calls that wait in one event loop; on its thread alone."""

    __slots__ = ("__weakref__", "_next", "_poll", "_timer", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: dict[int, Waiting] = {}
        self._next = _NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._poll: Any = None
        epoll = getattr(select, "epoll", None)
        if epoll is not None:
            with suppress(OSError):  # no descriptor is left: then as where there is no epoll
                self._poll = epoll()
                loop.add_reader(self._poll.fileno(), self._ready)  # the loop keeps the hub

    def begin(self, fd: int, call: Waiting) -> None:
        """Have ``call.read`` called when there is something to read, ``late`` at its time."""
        self._waiting[fd] = call
        if self._poll is None:
            self.loop.add_reader(fd, call.read)
        else:
            self._arm(fd)
        self.tell(call)

    def more(self, fd: int) -> None:
        """It reads on."""
        if self._poll is not None:
            self._arm(fd)

    def tell(self, call: Waiting) -> None:
        """Its time was set."""
        until = call.until
        if until is not None and until < self._next:
            self._set(until)

    def end(self, fd: int, *, answered: bool) -> None:
        """It waits no more; where it was answered, its socket is disarmed already."""
        self._waiting.pop(fd, None)
        if answered and self._poll is not None:
            return
        with suppress(OSError, ValueError, RuntimeError):  # never armed; the loop was closed
            if self._poll is None:
                self.loop.remove_reader(fd)
            else:
                self._poll.unregister(fd)

    def _arm(self, fd: int) -> None:
        try:
            self._poll.modify(fd, _ONCE)
        except FileNotFoundError:  # this loop's first call with the worker
            self._poll.register(fd, _ONCE)

    def _ready(self) -> None:
        events = self._poll.poll(0, _AT_ONCE)
        try:
            while events:
                call = self._waiting.get(events.pop()[0])
                if call is not None:
                    call.read()
        finally:  # a task that ends the program leaves the others as they were
            for fd, _ in events:
                self._arm(fd)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = self.loop.call_later(max(0.0, when - monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._next = _NEVER
        now = monotonic()
        for call in list(self._waiting.values()):
            if call.until is not None and call.until <= now:
                call.late()
            else:
                self.tell(call)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Hub]] = (
    weakref.WeakKeyDictionary()
)


def hub_of(loop: asyncio.AbstractEventLoop) -> Hub:
    """The hub of a loop, which lives as long as that."""
    known = _hubs.get(loop)
    hub = None if known is None else known()
    if hub is None:
        hub = Hub(loop)
        _hubs[loop] = weakref.ref(hub)
    return hub
