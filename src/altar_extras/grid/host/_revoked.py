"""Revoked: the sessions, tokens and keys that nobody believes any more, each until its time."""

from __future__ import annotations

from heapq import heappop, heappush

__all__ = ["Revoked"]


class Revoked:
    """``names`` is the set to ask; it is the same object for good."""

    __slots__ = ("_ends", "_heap", "names")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._ends: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def add(self, name: str, expires: float) -> bool:
        """Revoke until then; whether that is news."""
        news = name not in self.names
        if self._ends.get(name, 0.0) < expires:
            self._ends[name] = expires
            heappush(self._heap, (expires, name))
        self.names.add(name)
        return news

    def sweep(self, now: float) -> None:
        """Forget what can have no valid token any more."""
        while self._heap and self._heap[0][0] <= now:
            expires, name = heappop(self._heap)
            if self._ends.get(name) == expires:
                del self._ends[name]
                self.names.discard(name)
