"""Slots: a bounded number of places, and a bounded queue before them."""

from __future__ import annotations

from _thread import RLock
from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from altar.resilience._checks import check_whole
from altar.resilience._clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from altar.resilience._clock import Flag

__all__ = ["Place", "Slots"]

_QUEUED, _HELD, _LEFT = range(3)
_FOREVER = float("inf")


class Place:
    """A slot, or a place in the queue for one. Whoever has it leaves it, however that ends.

    Use it with ``with``, or call :meth:`leave` in a ``finally``.
    """

    __slots__ = ("_listeners", "_state", "slots")

    def __init__(self, slots: Slots, state: int) -> None:
        self.slots = slots
        self._state = state
        self._listeners: list[Callable[[], None]] = []

    @property
    def held(self) -> bool:
        """True once it is a slot."""
        return self._state == _HELD

    def wait(self, max_wait: float | None = None, cancelled: Flag | None = None) -> bool:
        """Wait in this thread until it is a slot; False when that took too long.

        ``max_wait`` is in seconds (None: however long it takes); a raised
        ``cancelled`` ends the wait too.
        """
        if self._state == _QUEUED:
            clock = self.slots.clock
            clock.wait(_FOREVER if max_wait is None else max_wait, _Either(self, cancelled))
        return self._state == _HELD

    async def await_(self, max_wait: float | None = None, cancelled: Flag | None = None) -> bool:
        """As :meth:`wait`, on the running event loop."""
        if self._state == _QUEUED:
            clock = self.slots.clock
            await clock.await_(_FOREVER if max_wait is None else max_wait, _Either(self, cancelled))
        return self._state == _HELD

    def leave(self) -> None:
        """Give the slot to the next in the queue, or leave the queue; a second time does nothing.

        A slot that was handed over while its waiter gave up goes on to the next.
        """
        self.slots._leave(self)  # noqa: SLF001 - two halves of one thing

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` once when it is a slot, at once if it is: what a Clock waits for."""
        self._listeners.append(listener)
        if self._state == _HELD:
            self._tell()

    def forget(self, listener: Callable[[], None]) -> None:
        """Stop telling ``listener``."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def _tell(self) -> None:
        try:
            listener = self._listeners.pop()  # atomic: whoever takes it out tells it
        except IndexError:
            return
        listener()


class Slots:
    """``limit`` slots, and a queue of ``max_queue`` places before them (None: any number).

    Fair: whoever came first is served first, threads and tasks of any event
    loop alike. A slot is handed to the next in the queue by whoever leaves it,
    so none is lost and nobody overtakes.
    """

    __slots__ = ("_free", "_lock", "_queue", "clock", "limit", "max_queue")

    def __init__(
        self, limit: int, *, max_queue: int | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        check_whole("Slots", "limit", limit, 1)
        check_whole("Slots", "max_queue", max_queue, 0, none=True)
        self.limit = limit
        self.max_queue = max_queue
        self.clock = clock
        self._free = limit
        self._lock = RLock()  # a call that is thrown away leaves wherever the collector runs
        self._queue: OrderedDict[Place, None] = OrderedDict()

    @property
    def free(self) -> int:
        """How many slots nobody holds."""
        return self._free

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._queue)

    def enter(self) -> Place | None:
        """A slot if one is free, else a place in the queue, else None: the queue is full.

        Nothing is waited for: see :meth:`Place.wait`.
        """
        place = Place(self, _QUEUED)
        with self._lock:
            is_full = self.max_queue is not None and len(self._queue) >= self.max_queue
            # nothing from here on lets the collector run: a slot that it freed would be missed
            if self._free > 0:
                self._free -= 1
                place._state = _HELD  # noqa: SLF001 - two halves of one thing
                return place
            if is_full:
                return None
            self._queue[place] = None
            return place

    def acquire(
        self, max_wait: float | None = None, *, cancelled: Flag | None = None
    ) -> Place | None:
        """Wait for a slot in this thread; None when the queue is full or the wait too long."""
        place = self.enter()
        if place is None or place.held:
            return place
        try:
            place.wait(max_wait, cancelled)
        except BaseException:
            place.leave()
            raise
        return self._kept(place)

    async def aacquire(
        self, max_wait: float | None = None, *, cancelled: Flag | None = None
    ) -> Place | None:
        """As :meth:`acquire`, on the running event loop."""
        place = self.enter()
        if place is None or place.held:
            return place
        try:
            await place.await_(max_wait, cancelled)
        except BaseException:
            place.leave()
            raise
        return self._kept(place)

    def __repr__(self) -> str:
        return f"<Slots {self.limit - self._free} of {self.limit} held, {self.queued} queued>"

    def _kept(self, place: Place) -> Place | None:
        if place.held:
            return place
        place.leave()
        return None

    def _leave(self, place: Place) -> None:
        with self._lock:
            state = place._state  # noqa: SLF001 - two halves of one thing
            place._state = _LEFT  # noqa: SLF001
            if state == _QUEUED:
                del self._queue[place]
            if state != _HELD:
                return
            if not self._queue:
                self._free += 1
                return
            heir, _ = self._queue.popitem(last=False)
            heir._state = _HELD  # noqa: SLF001
        heir._tell()  # noqa: SLF001 - outside the lock: it wakes a thread


class _Either:
    """A flag that is raised when a place became a slot, or when another flag was raised."""

    __slots__ = ("_cancelled", "_place")

    def __init__(self, place: Place, cancelled: Flag | None) -> None:
        self._place = place
        self._cancelled = cancelled

    def on_cancel(self, listener: Callable[[], None]) -> None:
        self._place.on_cancel(listener)
        if self._cancelled is not None:
            self._cancelled.on_cancel(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        self._place.forget(listener)
        if self._cancelled is not None:
            self._cancelled.forget(listener)
