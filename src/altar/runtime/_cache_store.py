"""CacheStore: answers as JSON text, for so long and so many, and who is fetching one now."""

from __future__ import annotations

from _thread import RLock
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.adm import dumps
from altar.errors import InvalidDataError
from altar.resilience import SYSTEM_CLOCK, Clock, Slots
from altar.resilience._checks import check_kind, check_number, check_whole

if TYPE_CHECKING:
    from altar.adm import ToolResult
    from altar.resilience import Place

__all__ = ["CacheStore", "Flight", "Key"]

Key: TypeAlias = "tuple[Any, ...]"
_OVERHEAD = 256  # bytes an entry costs beside its text, about


class _Entry:
    """An answer, when it was put down, and what its key tells apart by identity."""

    __slots__ = ("deps", "since", "text")

    def __init__(self, text: str, since: float, deps: object) -> None:
        self.text = text
        self.since = since
        self.deps = deps  # kept, or another object could come to have its id


class Flight:
    """A call under way for one key: one leads, the others queue behind it."""

    __slots__ = ("deps", "key", "slots", "solo", "text", "users")

    def __init__(self, key: Key, deps: object, clock: Clock) -> None:
        self.key = key
        self.slots = Slots(1, clock=clock)
        self.deps = deps
        self.text: str | None = None  # the answer, once there is one
        self.solo = False  # the answer cannot be shared: nobody need wait for another's
        self.users = 0


class CacheStore:
    """Where a :class:`Cache` keeps answers: ``ttl`` seconds each, the newest ``max_entries``.

    ``max_bytes`` bounds them together, as JSON text. Give it to several Caches,
    and they share it; they must then be around runtimes with the same tools.
    Safe to use from any number of threads and event loops. What a clock that
    goes back makes younger than new is dropped.
    """

    __slots__ = (
        "_bytes",
        "_entries",
        "_flights",
        "_lock",
        "clock",
        "max_bytes",
        "max_entries",
        "ttl",
    )

    def __init__(
        self,
        ttl: float,
        *,
        max_entries: int = 1024,
        max_bytes: int = 16_777_216,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        check_number("Cache", "ttl", ttl, "a number of seconds", above=0.0)
        check_whole("Cache", "max_entries", max_entries, 1)
        check_whole("Cache", "max_bytes", max_bytes, 1)
        check_kind("Cache", "clock", clock, Clock, "Clock()")
        self.ttl = ttl
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._flights: dict[Key, Flight] = {}
        self._bytes = 0
        self._lock = RLock()  # a call that is thrown away ends wherever the collector runs

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget every answer."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def look(self, key: Key) -> str | None:
        """The answer under a key, as JSON text."""
        with self._lock:
            return self._look(key)

    def board(self, key: Key, deps: object) -> tuple[str | None, Flight, Place]:
        """Join the flight for a key, or begin one; with an answer that came meanwhile.

        ``land`` must follow. Whose place is held leads, and fetches the answer.
        """
        with self._lock:
            text = self._look(key)
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = Flight(key, deps, self.clock)
            flight.users += 1  # first: whoever lands meanwhile leaves it where it is
            place = flight.slots.enter()
            if place is None:  # pragma: no cover - its queue has no bound
                raise RuntimeError("the queue of a flight is full")
            return text, flight, place

    def land(self, flight: Flight, place: Place) -> None:
        """Leave a flight; the next in its queue goes on."""
        place.leave()
        with self._lock:
            flight.users -= 1
            over = flight.users == 0 or flight.text is not None
            if over and self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def keep(self, key: Key, result: ToolResult, *, deps: object) -> str | None:
        """Put a successful answer down; its text, or None where it has no JSON form."""
        try:
            # ASCII alone, so that its characters are its bytes
            text = dumps([result.content, result.metadata, result.extensions], ascii_only=True)
        except InvalidDataError:
            return None
        size = len(text) + _OVERHEAD
        if size > self.max_bytes:
            return text
        entry = _Entry(text, self.clock.now(), deps)
        with self._lock:
            self._drop(key)
            self._sweep(entry.since)
            self._entries[key] = entry
            self._bytes += size
            while len(self._entries) > self.max_entries or self._bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))
        return text

    def _look(self, key: Key) -> str | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = self.clock.now() - entry.since
        if 0 <= age < self.ttl:
            return entry.text
        self._drop(key)
        return None

    def _sweep(self, now: float) -> None:
        """Drop what is too old, oldest first: it would keep its ``deps`` alive for nobody."""
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if 0 <= now - entry.since < self.ttl:
                return
            self._drop(key)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.text) + _OVERHEAD
