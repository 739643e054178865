"""load: what a trace file holds, of JSON lines or SQLite, and what is added to it later."""

from __future__ import annotations

import os
import stat
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.trace._losses import TraceLosses
from altar.trace._read_jsonl import JsonLinesReader
from altar.trace._trace_record import TraceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altar.trace._read_sqlite import SqliteReader
    from altar.trace._record import SpanRecord

__all__ = ["TraceFile", "load"]


class TraceFile:
    """The traces of a file as far as it was read; ``refresh`` reads on.

    ``spans`` are in the order of the file, ``losses`` tells what is missing.
    ``generation`` grows when the file was replaced or cut and was read anew.
    One thread at a time may refresh; what was read may be looked at from any.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_spans: int = 1_000_000) -> None:
        self.path = os.fspath(path)
        self.generation = 0
        self._max_spans = max_spans
        self._reader = _reader(self.path)
        self._clear()
        self.refresh()

    def __repr__(self) -> str:
        return f"TraceFile({self.path!r}, {len(self._traces)} traces, {len(self.spans)} spans)"

    def refresh(self) -> int:
        """Read what was added since; how many spans that were.

        ConfigurationError when another file is there now that is no trace file.
        """
        if self._reader.is_new or self._reader.replaced():
            anew = not self._reader.is_new
            self._reader = _reader(self.path)
            self._clear()
            self.generation += anew
        count = 0
        for span in self._reader.read(self.losses):
            if len(self.spans) >= self._max_spans:
                self.losses.left_out += 1
                continue
            trace = self._traces.get(span.trace)
            if trace is None:
                trace = self._traces[span.trace] = TraceRecord(span.trace)
            if trace.add(span):
                self.spans.append(span)
                count += 1
            else:
                self.losses.repeated += 1
        return count

    @property
    def traces(self) -> Sequence[TraceRecord]:
        """Every trace, in the order in which they began."""
        return sorted(self._traces.values(), key=attrgetter("start"))

    @property
    def runs(self) -> Sequence[Mapping[str, Any]]:
        """The header of each run that wrote to the file: process, started, altar."""
        return tuple(self._reader.runs)

    def trace(self, id: str) -> TraceRecord:  # noqa: A002 - a trace's own field
        """The trace whose id is this, or begins with it; ConfigurationError when none or several.

        ``last`` is the one that began last.
        """
        exact = self._traces.get(id.lower())
        if exact is not None:
            return exact
        if id == "last" and self._traces:
            return self.traces[-1]
        found = [key for key in self._traces if id and key.startswith(id.lower())]
        if len(found) == 1:
            return self._traces[found[0]]
        if not found:
            raise ConfigurationError(
                f"{self.path} has no trace {id!r}; it has {len(self._traces)}: give the first "
                f"characters of an id, or 'last'"
            )
        raise ConfigurationError(
            f"{len(found)} traces of {self.path} begin with {id!r}; give more of the id"
        )

    def _clear(self) -> None:
        self.spans: list[SpanRecord] = []
        self.losses = TraceLosses()
        self._traces: dict[str, TraceRecord] = {}


def load(path: str | os.PathLike[str], *, max_spans: int = 1_000_000) -> TraceFile:
    """Read a trace file of either format; damage in it is counted and told, never raised.

    ``max_spans`` are kept at most. OSError when there is no such file or it
    cannot be read; ConfigurationError when it is something else, or was written
    in another version of the format.
    """
    return TraceFile(path, max_spans=max_spans)


def _reader(path: str) -> JsonLinesReader | SqliteReader:
    if not stat.S_ISREG(Path(path).stat().st_mode):  # to open a pipe would wait for its other end
        raise ConfigurationError(f"{path} is no file; name a trace file")
    with Path(path).open("rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3\0"):
        from altar.trace._read_sqlite import SqliteReader  # noqa: PLC0415 - heavy

        return SqliteReader(path)
    return JsonLinesReader(path)
