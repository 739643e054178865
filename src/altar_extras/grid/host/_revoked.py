"""Revoked: the sessions, tokens and keys that nobody believes any more, each until its time."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush

__all__ = ["Revoked"]

_MOST = 100_000  # sessions together
_MOST_OF_ONE = 20_000  # sessions of one key, which ends them as often as it likes


class Revoked:
    """``names`` is the set to ask; it is the same object for good."""

    __slots__ = ("_ends", "_heap", "_owners", "names")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._ends: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._owners: Counter[str] = Counter()

    def is_full(self, name: str) -> bool:
        """Whether one more session may not be noted; keys always may."""
        own = self._owners[_owner(name)] >= _MOST_OF_ONE
        return (own or len(self.names) >= _MOST) and name not in self.names

    def add(self, name: str, expires: float) -> bool:
        """Revoke until then; whether that is news."""
        news = name not in self.names
        if self._ends.get(name, 0.0) < expires:
            self._ends[name] = expires
            heappush(self._heap, (expires, name))
        self.names.add(name)
        if news:
            self._owners[_owner(name)] += 1
        return news

    def sweep(self, now: float) -> None:
        """Forget what can have no valid token any more."""
        while self._heap and self._heap[0][0] <= now:
            expires, name = heappop(self._heap)
            if self._ends.get(name) == expires:
                del self._ends[name]
                self.names.discard(name)
                owner = _owner(name)
                self._owners[owner] -= 1
                if not self._owners[owner]:
                    del self._owners[owner]


def _owner(name: str) -> str:
    """The id of the key whose session it is; a session's id begins with it."""
    return name.partition("-")[0]
