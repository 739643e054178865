"""Reading a trace file of SQLite, from where the last reading ended."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.trace._codec import APPLICATION, VERSION, document, to_record
from altar.trace._files import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from altar.trace._losses import TraceLosses
    from altar.trace._record import SpanRecord

__all__ = ["SqliteReader"]

_AT_ONCE = 1000


class SqliteReader:
    """Reads the rows that have come since it last did, and any row again; from any thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = Lock()
        self._last = 0
        self._broken = -1
        self._inode = identity(path)
        self.runs: list[Mapping[str, Any]] = []
        try:
            self._database = _open(path)
            application = self._one("PRAGMA application_id")
            version = self._one("PRAGMA user_version")
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{path} cannot be read as a database: {error}") from error
        if application != APPLICATION:
            raise ConfigurationError(
                f"{path} is a database, but no trace file of altar; name one that SqliteSink wrote"
            )
        if version != VERSION:
            raise ConfigurationError(
                f"{path}: written in version {version}; this altar reads {VERSION}: "
                f"read it with the altar that wrote it"
            )

    @property
    def is_new(self) -> bool:
        """Whether nothing was read yet."""
        return self._last == 0

    def replaced(self) -> bool:
        """Whether the file is another than it was, or has lost what was read of it."""
        now = identity(self.path)
        if now is None:
            return False
        if now != self._inode:
            return True
        try:
            return bool(self._last) and (self._one("SELECT max(seq) FROM spans") or 0) < self._last
        except sqlite3.DatabaseError:
            return False

    def read(self, losses: TraceLosses) -> Iterator[SpanRecord]:
        """The spans that were added; what is damaged is added to the losses."""
        losses.cut = False
        try:
            self._read_meta(losses)
            while rows := self._rows():
                for place, text in rows:
                    self._last = place
                    try:
                        record = to_record(document(text))
                    except (ValueError, AttributeError) as error:  # no text, no JSON, no span
                        losses.unread(f"row {place}", error)
                        continue
                    record.source, record.place = self, place
                    yield record
        except sqlite3.DatabaseError as error:
            if self._broken != self._last:  # or it was told the last time
                losses.unread(f"after row {self._last}", error)
            self._broken = self._last

    def document(self, place: int) -> Mapping[str, Any]:
        """The JSON object of a row; empty where it is no longer there."""
        try:
            with self._lock:
                row = self._database.execute("SELECT doc FROM spans WHERE seq = ?", (place,))
                found = row.fetchone()
            return document(found[0]) if found else {}
        except (sqlite3.Error, ValueError, AttributeError):
            return {}

    def _rows(self) -> list[tuple[int, Any]]:
        with self._lock:
            return self._database.execute(
                "SELECT seq, doc FROM spans WHERE seq > ? ORDER BY seq LIMIT ?",
                (self._last, _AT_ONCE),
            ).fetchall()

    def _read_meta(self, losses: TraceLosses) -> None:
        with self._lock:
            rows = self._database.execute("SELECT value FROM meta ORDER BY rowid").fetchall()
        self.runs = []
        losses.dropped = losses.sampled_out = losses.sink_lost = 0
        for (value,) in rows:
            try:
                found = document(value)
            except (ValueError, AttributeError):
                continue
            if "altar_trace" in found:
                self.runs.append(found)
            losses.add(found.get("altar_trace_loss"))

    def _one(self, question: str) -> Any:
        with self._lock:
            return self._database.execute(question).fetchone()[0]


def _open(path: str) -> sqlite3.Connection:
    """A connection that changes nothing; to a database on a read-only disk too."""
    address = Path(path).absolute().as_uri()
    connect = partial(sqlite3.connect, uri=True, check_same_thread=False, timeout=2.0)
    database = connect(f"{address}?mode=ro")
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        database.close()
        ahead = Path(f"{path}-wal")
        if ahead.exists() and ahead.stat().st_size:
            raise  # what is in there would be missed
        database = connect(f"{address}?immutable=1")
    return database
