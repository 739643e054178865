"""SqliteSink: spans in a database that can be read, and queried, while it is written."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from altar.errors import ClosedError, ConfigurationError
from altar.trace._codec import APPLICATION, VERSION, encode, header, losses_line
from altar.trace._files import identity, is_mistake, open_own, refused
from altar.trace._told import Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altar.trace._span import Span

__all__ = ["SqliteSink"]

_BUSY_SECONDS = 5.0
_PAUSE = 0.005  # seconds between two looks at a lock
_PASSING = frozenset(  # of SQLite's errors those that the next batch need not meet
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
_INSERT = 'INSERT INTO spans(trace, span, parent, name, kind, start, "end", error, doc) VALUES'
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS spans(
    seq INTEGER PRIMARY KEY, trace TEXT, span TEXT, parent TEXT, name TEXT, kind TEXT,
    start INTEGER, "end" INTEGER, error TEXT, doc TEXT);
CREATE INDEX IF NOT EXISTS spans_trace ON spans(trace);
CREATE INDEX IF NOT EXISTS spans_start ON spans(start);
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT);
"""
_left: list[sqlite3.Connection] = []  # a parent's, which a forked child must not even close


class SqliteSink:
    """Adds each batch to a database in one transaction.

    The file is made, readable by its owner alone, when the sink is; it may hold
    earlier runs, and other processes may write to it too: each waits for the
    other, 5 seconds at most. A batch that cannot be written is not there at
    all, and ``sqlite3.Error`` or OSError is raised; the next is tried anew.

    ConfigurationError when the path cannot be written, or holds another file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._database: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._process = 0
        self._run = self._header = ""
        self._closed = False
        self._told = Told()
        try:
            self._open()
        except OSError as error:
            if is_mistake(error):
                raise refused(self.path, error) from error
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _PASSING:
                return
            raise ConfigurationError(
                f"{self.path} cannot be written as a database: {error}; name another file"
            ) from error

    def __repr__(self) -> str:
        return f"SqliteSink({self.path!r})"

    def write(self, spans: Sequence[Span]) -> None:
        """Add them; an exception when they are not in the database."""
        if self._closed:
            raise ClosedError(f"{self!r} is closed; make another one")
        process = os.getpid()
        try:
            self._insert([_row(span, encode(span, process)) for span in spans])
        except BaseException:
            self._told.lost(len(spans))
            self._let_go()
            raise

    def losses(self, found: Mapping[str, int]) -> None:
        """Write how many spans are missing since this was last told."""
        self._told.note(found)
        try:
            self._tell()
        except BaseException:
            self._told.untold(found)
            raise

    def forked(self) -> None:
        """Begin a run of its own in a process that was forked."""
        self._leave()
        self._told = Told()

    def close(self) -> None:
        """Write what was lost, if anything was, and close the database."""
        if self._closed:
            return
        self._closed = True
        try:
            self._tell(last=True)
        finally:
            self._let_go()

    def _tell(self, *, last: bool = False) -> None:
        losses = self._told.open(last=last)
        if losses:
            database = self._open()
            with database:
                database.execute(
                    "INSERT INTO meta VALUES (?, ?)",
                    (f"loss:{self._run}:{time.time_ns()}", losses_line(losses)),
                )
            self._told.done()

    def _insert(self, rows: list[tuple[object, ...]]) -> None:
        database = self._open()
        with database:
            database.executemany(f"{_INSERT} (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        """The connection to the database that is at the path now."""
        process = os.getpid()
        if self._database is not None:
            if process == self._process and identity(self.path) == self._identity:
                return self._database
            if process != self._process:
                self._leave()
            self._let_go()
        os.close(open_own(self.path))  # so that it is made for its owner alone
        self._identity = identity(self.path)
        database = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            _prepare(database, self.path)
            if process != self._process or not self._run:
                started = time.time_ns()
                self._run = f"{process}:{started}"
                self._header = header(process, started)
            with database:
                database.execute(
                    "INSERT OR IGNORE INTO meta VALUES (?, ?)", (f"run:{self._run}", self._header)
                )
        except BaseException:
            database.close()
            raise
        self._database, self._process = database, process
        return database

    def _leave(self) -> None:
        """Put away a connection that is the parent's, in a child of a fork."""
        if self._database is not None:
            _left.append(self._database)
        self._database = None

    def _let_go(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


def _prepare(database: sqlite3.Connection, path: str) -> None:
    """Make the tables of an empty database; refuse one that is something else."""
    # the tables first: another process may make them, and what goes with them, meanwhile
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if tables and (application, version) != (APPLICATION, VERSION):
        what = f"of version {version}" if application == APPLICATION else "no trace file of altar"
        raise ConfigurationError(f"{path} is {what}, and is not written to; name another file")
    if database.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        _log_ahead(database)
    database.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")


def _log_ahead(database: sqlite3.Connection) -> None:
    """Have the database write ahead; SQLite itself does not wait for others' locks here."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _row(span: Span, text: str) -> tuple[object, ...]:
    return (
        f"{span.trace_id:032x}",
        f"{span.span_id:016x}",
        f"{span.parent_id:016x}" if span.parent_id else None,
        _text(span.name),
        _text(span.kind),
        span.started,
        span.ended,
        None if span.error is None else _text(span.error[0]),
        text,
    )


def _text(value: object) -> str:
    """A text that UTF-8 can hold: it has no lone surrogates."""
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
