"""Server-sent events with their ids and retry times, out of bytes that are cut anywhere."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Event", "EventReader", "TooLongError"]

_BREAK = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_MAX_RETRY = 3_600_000


class TooLongError(ValueError):
    """An event of more bytes than anybody should hold."""


class Event(NamedTuple):
    """One event: its name and its data, which is empty where only the id matters."""

    name: str
    data: str


class EventReader:
    """Feed it bytes; get the events they complete (WHATWG HTML, section 9.2).

    ``last_id`` and ``retry`` (milliseconds, None until said) are what a
    reconnection needs. Raises TooLongError past ``limit`` bytes of one event.
    """

    __slots__ = ("_data", "_first", "_limit", "_name", "_rest", "_size", "last_id", "retry")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest: list[bytes] = []  # pieces of a line that has not ended
        self._size = 0
        self._first = True
        self._name = ""
        self._data: list[str] | None = None
        self.last_id = ""
        self.retry: int | None = None

    def feed(self, piece: bytes) -> list[Event]:
        """The events that ``piece`` completes."""
        self._size += len(piece)
        if b"\n" not in piece and b"\r" not in piece:
            self._rest.append(piece)
            self._bound()
            return []
        whole = b"".join([*self._rest, piece])
        held = b""
        if whole.endswith(b"\r"):  # an LF may follow: it belongs to this line's end
            whole, held = whole[:-1], b"\r"
        *lines, rest = _BREAK.split(whole)
        self._rest = [rest + held] if rest or held else []
        events: list[Event] = []
        for line in lines:
            self._take(line, events)
        self._bound()
        return events

    def reset(self) -> None:
        """Begin with a new connection: the half of an event is void, ids are kept."""
        self._rest, self._size, self._first = [], 0, True
        self._name, self._data = "", None

    def _bound(self) -> None:
        if self._size > self._limit:
            raise TooLongError(f"an event of more than {self._limit} bytes")

    def _take(self, line: bytes, events: list[Event]) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data is not None:
                events.append(Event(self._name or "message", "\n".join(self._data)))
            self._name, self._data = "", None
            self._size = sum(map(len, self._rest))
            return
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            if self._data is None:
                self._data = []
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "id" and "\0" not in value:
            self.last_id = value
        elif field == "retry" and value.isdecimal() and len(value) < 10:
            self.retry = min(int(value), _MAX_RETRY)
        elif not field:
            self._size -= len(line)  # a comment, which keeps the connection alive
