"""Follower: reads a trace file into a store, and goes on where it stopped when the file grows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.trace._losses import TraceLosses
from altar.trace._read_jsonl import JsonLinesReader
from altar.viewer._store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from altar.trace._read_sqlite import SqliteReader

__all__ = ["Follower"]

_MAGIC = b"SQLite format 3\0"


class Follower:
    """One file, JSON lines or SQLite, as a :class:`Store` that grows with it.

    ``problem`` says why the file cannot be shown, or is None. ``version``
    changes whenever anything does, ``generation`` when the file was written
    anew, ``reading`` says that there was more to read when the time was over.
    Hold ``lock`` while you look at the store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.generation = 0
        self.version = 0
        self.reading = True
        self.problem: str | None = None
        self._refused: tuple[int, ...] | None = None  # how the file looked that was no trace
        self._reader: JsonLinesReader | SqliteReader | None = None
        self._forget()

    def _forget(self) -> None:
        self.store = Store()
        self.losses = TraceLosses()

    def advance(self, seconds: float) -> bool:
        """Read for about this long; True when there is more to read now."""
        with self.lock:
            before = self._shown()
            try:
                self.reading = self._advance(time.monotonic() + seconds)
            except ConfigurationError as error:
                self._refuse(str(error))
            except OSError as error:
                self._refuse(f"{self.path} cannot be read: {error.strerror or error}")
            except Exception as error:  # noqa: BLE001 - damage of a kind nobody thought of is told
                self._refuse(f"{self.path} cannot be read: {type(error).__name__}: {error}")
            self.version += before != self._shown()
            return self.reading

    def document(self, at: int) -> Mapping[str, Any]:
        """The whole span with this number, empty when the file holds it no more."""
        with self.lock:
            return self._reader.document(self.store.place[at]) if self._reader else {}

    def close(self) -> None:
        """Let the file go."""
        with self.lock:
            self._reader = None

    def _shown(self) -> tuple[object, ...]:
        losses = tuple(self.losses.to_dict().items())
        return str(losses), len(self.store), self.problem, self.reading, self.generation

    def _refuse(self, problem: str) -> None:
        self.problem, self.reading = problem, False
        self._refused = _look(self.path)
        self._reader = None
        self._forget()

    def _advance(self, deadline: float) -> bool:
        if self._refused is not None:
            if self._refused == _look(self.path):
                return False
            self._refused = self.problem = None
        reader = self._reader
        if reader is None or reader.is_new or reader.replaced():
            self.generation += len(self.store) > 0
            self._forget()
            self._reader = reader = _reader(self.path)
        for count, span in enumerate(reader.read(self.losses), 1):
            self.losses.repeated += not self.store.take(span)
            if count % 64 == 0 and time.monotonic() > deadline:
                return True
        return False


def _reader(path: Path) -> JsonLinesReader | SqliteReader:
    with path.open("rb") as file:
        is_base = file.read(16) == _MAGIC
    if is_base:
        from altar.trace._read_sqlite import SqliteReader  # noqa: PLC0415 - heavy

        return SqliteReader(str(path))
    return JsonLinesReader(str(path))


def _look(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
