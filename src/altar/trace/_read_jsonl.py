"""Reading a trace file of JSON lines, from where the last reading ended."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.trace._codec import VERSION, document, to_record
from altar.trace._files import identity, read_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader

    from altar.trace._losses import TraceLosses
    from altar.trace._record import SpanRecord

__all__ = ["JsonLinesReader"]

_LONGEST = 1 << 28  # bytes of a line
_BITS = 29  # that its length fits into
_ENOUGH = 1 << 26  # bytes with nothing to be read among them: it is something else
_TAIL = 64
_START = b'{"altar_trace'


class JsonLinesReader:
    """Reads the lines that have come since it last did, and any line again."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        self._offset = 0
        self._line = 0
        self._tail = b""  # what stands before the offset
        self._known = False  # whether a header or a span was seen
        self._skips = ""  # why the lines of a run are not read
        self.runs: list[Mapping[str, Any]] = []

    @property
    def is_new(self) -> bool:
        """Whether nothing was read yet."""
        return self._offset == 0

    def replaced(self) -> bool:
        """Whether the file is another than it was, or has lost what was read of it."""
        now = identity(self.path)
        if now is None:
            return False  # gone: what was read is all there is
        if now != identity(self._file) or os.fstat(self._file).st_size < self._offset:
            return True
        return read_at(self._file, len(self._tail), self._offset - len(self._tail)) != self._tail

    def read(self, losses: TraceLosses) -> Iterator[SpanRecord]:
        """The spans that were added; what is damaged is added to the losses.

        A last line without an end is read when it is whole, and otherwise left
        for the next time. ConfigurationError when this is no trace file, or
        one of another version.
        """
        losses.cut = False
        with open(self._file, "rb", closefd=False) as file:
            file.seek(self._offset)
            offset = self._offset
            while line := file.readline(_LONGEST):
                ended = line.endswith(b"\n")
                size = len(line) if ended or len(line) < _LONGEST else _skip(file, line)
                found = self._span(line, offset, losses, whole=ended or size > len(line))
                if losses.cut:
                    break
                offset += size
                self._offset, self._tail = offset, line[-_TAIL:] if size == len(line) else b""
                if found is not None:
                    yield found
        if not self._known and losses.unreadable:
            self._refuse(losses)

    def document(self, place: int) -> Mapping[str, Any]:
        """The JSON object of the line that stands there; empty where it no longer does."""
        length = place & ((1 << _BITS) - 1)
        try:
            return document(read_at(self._file, length, place >> _BITS))
        except (OSError, ValueError):
            return {}

    def _span(
        self, line: bytes, offset: int, losses: TraceLosses, *, whole: bool
    ) -> SpanRecord | None:
        """The span of a line; None when it is another line, or a damaged one."""
        text = line.strip()
        if not text:
            self._line += 1
            return None
        if offset == 0:
            text = text.removeprefix(b"\xef\xbb\xbf")
        try:
            found = document(text)
            if "trace" in found and not self._skips:
                record = to_record(found)
                record.source, record.place = self, offset << _BITS | len(line)
                self._known = True
                self._line += 1
                return record
            self._other(found, losses)
        except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are
            if not whole:
                losses.cut = True
                self._check_start(text, offset, losses)
                return None
            losses.unread(f"line {self._line + 1}", error)
            if not self._known and offset > _ENOUGH:
                self._refuse(losses)
        self._line += 1
        return None

    def _other(self, found: Mapping[str, Any], losses: TraceLosses) -> None:
        version = found.get("altar_trace")
        if version is not None:
            self._skips = ""
            if type(version) is int and version != VERSION:
                writer = found.get("altar")
                by = f" by altar {writer}" if isinstance(writer, str) else ""
                self._skips = f"written{by} in version {version}; this altar reads {VERSION}"
                if not self._known:
                    raise ConfigurationError(
                        f"{self.path}: {self._skips}: read it with the altar that wrote it"
                    )
                raise ValueError(self._skips)
            self._known = True
            self.runs.append(found)
        elif self._skips:
            raise ValueError(self._skips)
        elif "altar_trace_loss" in found:
            losses.add(found["altar_trace_loss"])
        else:
            raise ValueError("neither a span nor a header of a run")

    def _check_start(self, text: bytes, offset: int, losses: TraceLosses) -> None:
        """Refuse a file that has one line, without an end, that is no beginning of a header."""
        if offset == 0 and not text.startswith(_START) and not _START.startswith(text):
            losses.unread("line 1", "no header")
            self._refuse(losses)

    def _refuse(self, losses: TraceLosses) -> None:
        start = read_at(self._file, 256, 0)
        if start.lstrip(b"\xef\xbb\xbf").startswith(_START):
            return  # it was one
        hint = "name a file that JsonLinesSink or SqliteSink wrote"
        if start.startswith(b"\x1f\x8b"):
            hint = "it is compressed: gunzip it first"
        why = losses.problems[0] if losses.problems else "no line is a span"
        raise ConfigurationError(f"{self.path} is no trace file of altar ({why}); {hint}")


def _skip(file: BufferedReader, line: bytes) -> int:
    """Pass over the rest of a line that is too long; its length."""
    size = len(line)
    while more := file.readline(1 << 20):
        size += len(more)
        if more.endswith(b"\n"):
            break
    return size
