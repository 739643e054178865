"""A stream's value: text comes in chunks, the value so far is there after each of them."""

from __future__ import annotations

from codecs import getincrementaldecoder
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from altar.errors import ClosedError, RepairError
from altar.repair._build import Builder
from altar.repair._build_schema import Fitting
from altar.repair._changes import differences, events_of, replay
from altar.repair._checks import check_options, no_text
from altar.repair._incremental import Incremental
from altar.repair._parse import parse
from altar.repair._schema import node_of

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable, Iterator

    from altar.repair._changes import Event, Told
    from altar.repair._parse import Policy
    from altar.repair._state import Edit
    from altar.repair._types import Repaired

__all__ = ["Engine", "Live", "StreamParser"]

# A view that was overtaken by a later decision is built anew once the text has grown by a
# quarter, so that the work for all views together stays linear; a short one is at once.
_GROWTH, _SHORT = 4, 2048


class Engine(Protocol):
    """What reads the damaged text, as far as the stream needs to know.

    ``edits``, in order, make valid JSON of ``text``. The characters before
    ``safe`` are decided: each is copied or covered by an edit. Should a later
    decision change edits before ``safe`` all the same, the stream sees it.
    """

    text: str
    edits: list[Edit]
    safe: int

    def feed(self, chunk: str) -> None:
        """Add text, and decide what later text cannot change."""
        ...

    def finish(self) -> Repaired:
        """What the whole text holds, now that no more comes."""
        ...


class Live:
    """The value so far of the text that an engine mends."""

    __slots__ = (
        *("_builder", "_built", "_closed", "_engine", "_fed", "_hook", "_next", "_result"),
        *("_fitting", "_stale", "_tail", "_told", "_wanted"),
    )

    def __init__(self, engine: Engine, hook: Callable[[], Fitting] | None = None) -> None:
        self._engine = engine
        self._hook = hook
        self._fitting = hook() if hook else None
        self._builder = Builder(self._fitting)
        self._fed = 0  # characters of the text that the builder has, mended
        self._next = 0  # edits that it has
        self._tail: Edit | None = None  # the last of them
        self._built = 0  # the length of the text when the builder began
        self._stale = False  # the builder has text that would be mended otherwise now
        self._wanted = False  # somebody asks for changes
        self._told: list[Iterator[Told]] = []  # changes from before the builder at hand
        self._closed = False
        self._result: Repaired | None = None

    def feed(self, chunk: str) -> Any:
        """The value so far, ``chunk`` included."""
        if self._closed:
            raise ClosedError("the stream is closed; begin another StreamParser for more text")
        self._engine.feed(chunk)
        self._show()
        return self._builder.value if self._is_clear() else None

    def deltas(self) -> Iterator[Told]:
        """What changed since the last call; the first call yields all there is."""
        if self._result is None and not self._is_clear():
            return iter(())
        told, self._told = self._told, []
        if self._result is None:
            told.append(self._builder.changes())
        elif not self._wanted:
            told.append(replay(events_of(0, self._result.value), [], 0))
        self._wanted = True
        return chain(*told)

    def close(self) -> Repaired:
        """What the whole text holds; the same again when called again."""
        if self._result is None:
            self._closed = True
            result = self._engine.finish()
            self._replace(self._shown(), result.value)
            self._result = result
        return self._result

    def _is_clear(self) -> bool:
        """Whether what the builder has looks like what the schema asks for."""
        return self._fitting is None or self._fitting.is_clear

    def _shown(self) -> Builder:
        """The builder whose value was shown: an empty one for what was held back."""
        return self._builder if self._is_clear() else Builder()

    def _show(self) -> None:
        """Let the builder have what was decided."""
        if self._was_revised():
            self._stale = True
        try:
            if not self._stale:
                self._builder.feed(self._mended())
            elif self._may_rebuild():
                self._rebuild()
        except ValueError:  # mended text that is no JSON: shown again when more was decided
            self._stale = True

    def _was_revised(self) -> bool:
        """Whether edits that the builder has, or that it should have had, changed.

        Edits are in order, and taken back only from the end, so a look at
        both sides of the place tells it.
        """
        edits, at = self._engine.edits, self._next
        if self._engine.safe < self._fed:
            return True  # what was shown last is in doubt again
        if len(edits) < at or (at and edits[at - 1] is not self._tail):
            return True
        return len(edits) > at and edits[at].start < self._fed

    def _mended(self) -> str:
        """What was decided since the last time, with its edits made."""
        engine = self._engine
        text, edits, safe = engine.text, engine.edits, engine.safe
        at, fed = self._next, self._fed
        pieces: list[str] = []
        while at < len(edits):
            start, end, after, _ = edits[at]
            if start >= safe and end > safe:
                break
            pieces += text[fed:start], after
            fed = end
            self._tail = edits[at]
            at += 1
        if fed < safe:
            pieces.append(text[fed:safe])
            fed = safe
        self._next, self._fed = at, fed
        return "".join(pieces)

    def _may_rebuild(self) -> bool:
        length = len(self._engine.text)
        return length <= _SHORT or (length - self._built) * _GROWTH >= length

    def _rebuild(self) -> None:
        self._built = len(self._engine.text)
        self._fed = self._next = 0
        old = self._shown()
        self._fitting = self._hook() if self._hook else None
        self._builder = Builder(self._fitting)
        self._stale = False
        try:
            self._builder.feed(self._mended())
        finally:
            if self._is_clear():  # else all of it is told once it is
                self._replace(old, self._builder.value)
                if self._wanted:
                    self._builder.changes()  # told by the differences

    def _replace(self, old: Builder, new: Any) -> None:
        """Tell what makes another value of that of ``old``, when somebody asks."""
        if not self._wanted:
            return
        self._told.append(old.changes())
        events: list[Event] = differences(old.value, new) if old.has_value else events_of(0, new)
        self._told.append(replay(events, [], 0))


class StreamParser:
    """Reads JSON that comes in chunks of any size, and has its value so far after each.

    ``schema``, ``policy`` and ``max_risk`` are those of :func:`parse`. The work is
    linear in the text: nothing is read again with the next chunk.
    """

    __slots__ = ("_bytes", "_decoder", "_live")

    def __init__(
        self, schema: Any = None, *, policy: Policy = "best", max_risk: float = 1.0
    ) -> None:
        check_options(policy, max_risk)

        def finish(text: str) -> Repaired:
            return parse(text, schema, policy=policy, max_risk=max_risk)

        self._decoder: IncrementalDecoder | None = None  # of chunks that come as bytes
        self._bytes = 0
        node = node_of(schema)
        hook = None if node is None else lambda: Fitting(node)
        self._live = Live(Incremental(finish, policy), hook)

    def feed(self, chunk: str | bytes | bytearray) -> Any:
        """The value so far, or None before there is one.

        Strings are shown as far as they go, everything else when it is whole.
        With a schema, an object is shown from the first of its names that the
        schema knows. The value grows in place: it is for reading, and a copy is for keeping.
        Bytes are read as UTF-8, characters cut in two included; what is no
        UTF-8 raises RepairError. After :meth:`close` this raises ClosedError.
        """
        if not isinstance(chunk, str):
            chunk = self._decoded(chunk)
        return self._live.feed(chunk)

    def deltas(self) -> Iterator[Told]:
        """What changed since the last call; the first call yields all there is.

        Yields (path, ("set", value)) for a value that is new or replaced, where
        objects and arrays are new as empty ones, and (path, ("append", text)) for
        a string that grew. A path is the names and indexes from the root; what
        lies deeper than 256 levels is set whole, when it is whole.
        """
        return self._live.deltas()

    def close(self) -> Repaired:
        """What the whole text holds, exactly as :func:`parse` reads it.

        Raises RepairError as it does. Called again, it gives the same again.
        """
        if self._decoder is not None:
            self._decode(b"", final=True)
        return self._live.close()

    def _decoded(self, chunk: bytes | bytearray) -> str:
        if not isinstance(chunk, (bytes, bytearray)):
            raise no_text(chunk)
        if self._decoder is None:
            self._decoder = getincrementaldecoder("utf-8")()
        return self._decode(chunk, final=False)

    def _decode(self, chunk: bytes | bytearray, *, final: bool) -> str:
        assert self._decoder is not None
        began = self._bytes - len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            at = began + error.start
            raise RepairError("the bytes are no utf-8 text", at, unit="byte") from error
        self._bytes += len(chunk)
        return text
