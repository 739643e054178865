"""Partials: the typed answer so far, read from the pieces in which it comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.llm._events import Delta, PartStart
from altar.llm._live import PartialEvent

if TYPE_CHECKING:
    from altar.llm._events import StreamEvent
    from altar.llm._final import FinalTool
    from altar.repair import StreamParser

__all__ = ["Partials"]

_NOTHING: Any = object()
# a member is copied and compared in a fiftieth of the time in which a character is read
_ROOM = 4096
_PER_CHARACTER = 16


class Partials:
    """The answer so far, of the attempt in progress.

    Each value is a snapshot that no later one changes. It shares what was
    complete with those before it, so that a snapshot costs a copy of what is
    still open, not of the answer. What is open may be a list of any length:
    where the copies would cost more than the reading of the text, a snapshot
    waits until more has come.
    """

    __slots__ = ("_final", "_index", "_last", "_parser", "_room", "_schema", "begun")

    def __init__(self, schema: Any, final: FinalTool | None) -> None:
        self._schema = schema if final is None else final.parameters
        self._final = final
        self._parser: StreamParser | None = None
        self._index: int | None = None  # of the call that gives the answer
        self._last = _NOTHING
        self._room = _ROOM  # members that may be copied
        self.begun = ""  # the text before this attempt's, where an answer goes on

    def begin(self) -> None:
        """Forget the attempt before: another one begins."""
        self._parser = None
        self._index = None
        self._last = _NOTHING
        self._room = _ROOM

    def feed(self, event: StreamEvent) -> PartialEvent | None:
        """The answer so far, where ``event`` changed it."""
        kind = event.__class__
        if kind is Delta:
            return self._read(event) if self._is_answer(event) else None  # type: ignore[arg-type]
        if kind is PartStart and self._final is not None and self._index is None:
            began: Any = event
            if began.kind == "tool_call" and began.name == self._final.name:
                self._index = began.index
        return None

    def end(self, value: Any) -> PartialEvent | None:
        """The answer as it was taken, where that is not what was shown last."""
        last, self._last = self._last, value
        if last is not _NOTHING and json.dumps(last) == json.dumps(value):
            return None
        return PartialEvent(value)

    def _is_answer(self, delta: Delta) -> bool:
        if self._final is None:
            return delta.kind == "text"
        return delta.kind == "args" and delta.index == self._index

    def _read(self, delta: Delta) -> PartialEvent | None:
        parser = self._parser
        if parser is None:
            from altar.repair import StreamParser  # noqa: PLC0415 - 20 ms, for streams of a type

            parser = self._parser = StreamParser(self._schema)
            if self.begun and self._final is None:
                parser.feed(self.begun)
        value = parser.feed(delta.text)
        if self._final is not None:
            value, found = self._final.inner(value)
            if not found:
                return None
        elif value is None:
            return None
        self._room += _PER_CHARACTER * len(delta.text)
        size = _open_size(value)
        if size > self._room:
            return None
        self._room -= size
        value = _snapshot(value)
        if self._last is not _NOTHING and value == self._last:
            return None
        self._last = value
        return PartialEvent(value)


def _open_size(value: Any) -> int:
    """How many members a snapshot copies."""
    size = 0
    while value and (value.__class__ is dict or value.__class__ is list):
        size += len(value)
        value = value[next(reversed(value))] if value.__class__ is dict else value[-1]
    return size


def _snapshot(value: Any) -> Any:
    """A copy of what is still open: of each level the newest, for the others are complete."""
    kind = value.__class__
    if kind is dict:
        copied = dict(value)
        if copied:
            last = next(reversed(copied))
            copied[last] = _snapshot(copied[last])
        return copied
    if kind is list:
        items = value[:]
        if items:
            items[-1] = _snapshot(items[-1])
        return items
    return value
