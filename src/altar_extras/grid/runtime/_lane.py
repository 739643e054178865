"""Lane: so many may be inside at once; the others wait in line."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Lane"]


class Lane:
    """Places for so many, first come first served. On one event loop."""

    __slots__ = ("_line", "places", "used")

    def __init__(self, places: int) -> None:
        self.places = places
        self.used = 0
        self._line: deque[asyncio.Future[None]] = deque()

    def enter(self) -> asyncio.Future[None] | None:
        """Take a place: None when there is one, else what to await for it."""
        if self.used < self.places:
            self.used += 1
            return None
        waiting = asyncio.get_running_loop().create_future()
        self._line.append(waiting)
        return waiting

    def leave(self) -> None:
        """Give the place to the next in line."""
        line = self._line
        while line:
            waiting = line.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self.used -= 1
