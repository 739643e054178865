"""Server-sent events out of bytes that are cut anywhere (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re

__all__ = ["MAX_EVENT", "SseError", "SseReader"]

MAX_EVENT = 32 * 1024 * 1024
_BREAK = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class SseError(ValueError):
    """An event, or a line of it, that is longer than anybody should hold."""


class SseReader:
    """Feed it bytes; get the events they complete, as (name, data).

    Lines end in CR, LF or both. Lines of ``data`` are joined by LF; comments,
    ids and retry times are read over. A field named ``error`` is an event of
    that name: some servers write one. Raises SseError past ``limit`` bytes of
    one event.
    """

    __slots__ = ("_data", "_first", "_limit", "_name", "_pending", "_return", "_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._pending: list[bytes] = []  # the pieces of a line that has not ended
        self._size = 0  # bytes of the event that has not ended
        self._return = False  # the last byte was a CR: an LF right behind it ends no line
        self._first = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[tuple[str, str]]:
        """The events that ``piece`` completes."""
        if self._return and piece:
            self._return = False
            piece = piece[1:] if piece[:1] == b"\n" else piece
        if not piece:
            return []
        self._return = piece.endswith(b"\r")
        *ended, rest = _BREAK.split(piece)
        events: list[tuple[str, str]] = []
        for line in ended:
            self._grow(line)
            if self._pending:
                line = b"".join([*self._pending, line])  # noqa: PLW2901 - the whole of it
                self._pending = []
            self._take(line, events)
        if rest:
            self._grow(rest)
            self._pending.append(rest)
        return events

    def end(self) -> list[tuple[str, str]]:
        """An event that the end of the bytes cut off behind its last line."""
        events: list[tuple[str, str]] = []
        if self._pending:
            self._take(b"".join(self._pending), events)
            self._pending = []
        self._take(b"", events)
        return events

    def _grow(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise SseError(f"an event of more than {self._limit} bytes")

    def _take(self, line: bytes, events: list[tuple[str, str]]) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                events.append((self._name or "message", "\n".join(self._data)))
            self._name, self._data, self._size = "", [], 0
            return
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "error":
            self._name = "error"
            self._data.append(value)
        elif not field:
            self._size -= len(line)  # a comment, which keeps the connection alive
