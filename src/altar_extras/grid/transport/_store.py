"""Store: small values under keys, changed by compare-and-set; and one that lives in memory."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from altar.adm import Problem
from altar.errors import AltarError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = [
    "Change",
    "ConflictError",
    "Entry",
    "MemoryStore",
    "Store",
    "StoreError",
    "StoreUnavailableError",
    "check_key",
]

_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*", re.ASCII)
_LONGEST_KEY = 512


class StoreError(AltarError):
    """A store did not do what it was asked."""


class ConflictError(StoreError):
    """Somebody else was first: the key exists, or has another revision. Nothing was changed."""


class StoreUnavailableError(StoreError):
    """The store did not answer in time; whether a change was made is not known.

    After the loss of a leader this lasts 4 to 9 s (an election of JetStream's).
    """


class Entry(NamedTuple):
    """What a key holds; ``revision`` grows with every change of the store."""

    value: bytes
    revision: int


class Change(NamedTuple):
    """A key has a new value, or none any more (``value`` is None)."""

    key: str
    value: bytes | None
    revision: int


@runtime_checkable
class Store(Protocol):
    """Values under keys (words of A-Z a-z 0-9 - / _ =, joined by dots).

    Every method may raise StoreUnavailableError.
    """

    async def get(self, key: str) -> Entry | None:
        """The value now, as the leader has it; None for a key that is not there."""
        ...

    async def create(self, key: str, value: bytes, ttl: float | None = None) -> int:
        """Store a new key and return its revision; it ends after ``ttl`` seconds (whole ones,
        rounded up). Raises ConflictError when the key is there.
        """
        ...

    async def update(
        self, key: str, value: bytes, revision: int, *, ttl: float | None = None
    ) -> int:
        """Replace the value of this revision and return the new one; ``ttl`` counts anew, and
        None means for good. Raises ConflictError when the key has another revision.
        """
        ...

    async def delete(self, key: str, revision: int | None = None) -> None:
        """Remove a key, of this revision only where one is given (else ConflictError)."""
        ...

    def watch(
        self, prefix: str = "", *, settled: Callable[[], None] | None = None
    ) -> AsyncIterator[Change]:
        """What is there under a prefix, and every change from then on, in order.

        ``settled`` is called once when what was there has been given. Several
        changes of one key may come as one.
        """
        ...

    async def keys(self, prefix: str = "") -> list[str]:
        """The keys that are there, sorted."""
        ...


def check_key(key: str) -> None:
    """Raises InvalidDataError for a text that cannot be a key."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        expected = "words of A-Z a-z 0-9 - / _ = joined by dots, 512 characters at most"
        raise InvalidDataError("a key of the store", [Problem("$", expected, f"{key!r:.80}")])


class MemoryStore:
    """A Store within one event loop: for tests, and for a single Host in development."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._watchers: list[tuple[str, asyncio.Queue[Change]]] = []
        self._revision = 0

    async def get(self, key: str) -> Entry | None:
        """See Store."""
        check_key(key)
        return self._entries.get(key)

    async def create(self, key: str, value: bytes, ttl: float | None = None) -> int:
        """See Store."""
        check_key(key)
        if key in self._entries:
            raise ConflictError(f"{key} is there already")
        return self._put(key, value, ttl)

    async def update(
        self, key: str, value: bytes, revision: int, *, ttl: float | None = None
    ) -> int:
        """See Store."""
        check_key(key)
        self._expect(key, revision)
        return self._put(key, value, ttl)

    async def delete(self, key: str, revision: int | None = None) -> None:
        """See Store."""
        check_key(key)
        if revision is not None:
            self._expect(key, revision)
        self._remove(key)

    async def watch(
        self, prefix: str = "", *, settled: Callable[[], None] | None = None
    ) -> AsyncIterator[Change]:
        """See Store."""
        changes: asyncio.Queue[Change] = asyncio.Queue()
        watcher = (prefix, changes)
        present = [
            Change(key, *entry) for key, entry in self._entries.items() if key.startswith(prefix)
        ]
        self._watchers.append(watcher)
        try:
            for change in sorted(present, key=lambda one: one.revision):
                yield change
            if settled is not None:
                settled()
            while True:
                yield await changes.get()
        finally:
            self._watchers.remove(watcher)

    async def keys(self, prefix: str = "") -> list[str]:
        """See Store."""
        return sorted(key for key in self._entries if key.startswith(prefix))

    def _expect(self, key: str, revision: int) -> None:
        found = self._entries.get(key)
        if found is None or found.revision != revision:
            raise ConflictError(f"{key} has another revision than {revision}")

    def _put(self, key: str, value: bytes, ttl: float | None) -> int:
        self._revision += 1
        self._stop_timer(key)
        self._entries[key] = Entry(value, self._revision)
        if ttl is not None:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(ttl, self._remove, key)
        self._tell(Change(key, value, self._revision))
        return self._revision

    def _remove(self, key: str) -> None:
        self._stop_timer(key)
        if self._entries.pop(key, None) is not None:
            self._revision += 1
            self._tell(Change(key, None, self._revision))

    def _stop_timer(self, key: str) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _tell(self, change: Change) -> None:
        for prefix, changes in self._watchers:
            if change.key.startswith(prefix):
                changes.put_nowait(change)
