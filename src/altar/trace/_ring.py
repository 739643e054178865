"""Rings: where each thread leaves its ended spans, for one drainer to take.

What this relies on, and nothing else: ``append`` and ``popleft`` of a deque are
safe between threads (its documentation says so), and so is one operation on a
dict. A ring has one writer, the thread it belongs to, and one reader, the
drainer; ``dropped`` has that one writer. No lock is taken where a span is
recorded, so that a signal handler or a finalizer may record one, too.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VOID", "Here", "Ring", "Rings"]


class Ring:
    """The ended spans of one thread; the newest is dropped, and counted, when it is full."""

    __slots__ = ("alarm", "capacity", "dropped", "keeper", "spans", "thread", "wake")

    def __init__(self, thread: str, capacity: int, wake: Callable[[], object]) -> None:
        self.thread = thread
        self.spans: deque[Any] = deque()  # of Span, which is made of this module
        self.capacity = capacity
        self.alarm = capacity // 2  # below it a span is appended without a second thought
        self.dropped = 0
        self.wake = wake
        self.keeper: Callable[[], object] = _always

    def spill(self, span: object) -> None:
        """Take a span when half of the room or more is used."""
        used = len(self.spans)
        if used >= self.capacity:
            self.dropped += 1
            return
        self.spans.append(span)
        if used == self.alarm:
            self.wake()

    def shut(self) -> None:
        """Drop, and count, whatever comes from now on."""
        self.alarm = self.capacity = 0


def _always() -> object:
    return True


VOID = Ring(
    "", 0, _always
)  # for spans that are nobody's: of a parent process, of a tracer's thread


class Here(threading.local):
    """What a thread has of its own: its ring, once it has recorded, and what dies with it."""

    ring: Ring
    keeper: object


class _Keeper:
    """Lives in a thread's own storage: it dies when the thread has ended."""

    __slots__ = ("__weakref__",)


class Rings:
    """The rings of all threads of a tracer."""

    __slots__ = ("_all", "_capacity", "_retired", "_shut", "_wake", "here")

    def __init__(self, capacity: int, wake: Callable[[], object]) -> None:
        self.here = Here()
        self._all: dict[Ring, None] = {}
        self._capacity = capacity
        self._wake = wake
        self._retired = 0  # what rings that are gone had dropped
        self._shut = False

    def enter(self) -> Ring:
        """A ring for this thread."""
        ring = Ring(threading.current_thread().name, self._capacity, self._wake)
        keeper = _Keeper()
        ring.keeper = ref(keeper)
        self._all[ring] = None
        if self._shut:
            ring.shut()
        self.here.keeper = keeper
        self.here.ring = ring
        return ring

    def mute(self) -> None:
        """Record nothing of this thread: it is the tracer's own, and would follow itself."""
        self.here.ring = VOID

    def all(self) -> list[Ring]:
        """Those there are now."""
        return list(self._all)

    def retire(self, ring: Ring) -> None:
        """Forget a ring that is empty and whose thread is dead; what it dropped stays counted."""
        self._retired += ring.dropped
        self._all.pop(ring, None)

    def shut(self) -> None:
        """Drop, and count, whatever comes from now on."""
        self._shut = True
        for ring in self.all():
            ring.shut()

    @property
    def held(self) -> int:
        """Spans that wait to be taken."""
        return sum([len(ring.spans) for ring in self.all()])

    @property
    def dropped(self) -> int:
        """Spans that found no room."""
        return self._retired + sum([ring.dropped for ring in self.all()])
