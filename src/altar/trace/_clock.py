"""The clock of a process's spans: the wall's time once, and then a clock that never goes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Anchor", "anchor"]


class Anchor:
    """What is to be added to ``perf_counter_ns`` for nanoseconds since the epoch.

    It is read when a tracer is made, and never moves back: a wall clock that is
    set back, or forward, while a program runs changes no span and no order.
    A tracer that is made later follows a clock that went forward.
    """

    __slots__ = ("_offset", "_ticks", "_wall")

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._wall = wall
        self._ticks = ticks
        self._offset: int | None = None

    def read(self) -> int:
        """The offset from now on."""
        found = self._wall() - self._ticks()
        self._offset = found if self._offset is None else max(found, self._offset)
        return self._offset


anchor = Anchor()
