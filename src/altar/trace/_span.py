"""Span: one piece of work, from when it began until it ended, and what it belongs to.

Millions of these are made, so the two ends of a span are written out twice
rather than called, and what the spans of a trace have in common is in one
:class:`Local` that they share.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

from altar.trace._ids import ids
from altar.trace._local import Local
from altar.trace._ring import VOID, Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType


__all__ = ["NOTHING", "Kind", "Parent", "Recorder", "Span", "current_span"]

Kind: TypeAlias = Literal["generate", "round", "model", "tool", "runtime", "custom"]


class Recorder(Protocol):
    """What makes spans and takes them when they have ended: a :class:`Tracer`."""

    here: Here
    outer: Callable[[], Parent | None] | None  # asked for the parent of a root

    def span(
        self, name: str, *, kind: Kind = "custom", attributes: dict[str, Any] | None = None
    ) -> Span:
        """A span that began now; its parent is the current one."""
        ...

    def begin(self, parent: Span | Parent | None, span_id: int) -> Local:
        """What a local root and the spans below it share; ``parent`` is no span of this tracer."""
        ...

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back."""
        ...

    def adopt(self, docs: Iterable[object]) -> int:
        """Take spans that another process ended, as documents of the file format.

        They are checked: one that breaks the format, or its bounds, is left
        out. Returns how many were taken.
        """
        ...


class Parent:
    """Where a span belongs: the ids of its trace and of its parent, which may be far away.

    ``sampled`` is what its process said of keeping the trace; ``state`` the
    ``tracestate`` that came with it.
    """

    __slots__ = ("remote", "sampled", "span_id", "state", "trace_id")

    def __init__(
        self,
        trace_id: int,
        span_id: int,
        *,
        remote: bool = True,
        sampled: bool = True,
        state: str | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.remote = remote
        self.sampled = sampled
        self.state = state


current_span: ContextVar[Span | Parent | None] = ContextVar("altar_span", default=None)
_current, _make_current, _reset = current_span.get, current_span.set, current_span.reset


class Span:
    """One piece of work. Use it with ``with``, or call ``finish`` yourself.

    ``trace_id`` (128 bits) and ``span_id`` (64 bits) are integers, ``parent_id``
    is 0 for the root of a trace; ``remote`` says that the parent is in another
    process. ``started`` and ``ended`` are nanoseconds since the epoch that never
    go back within a process; ``ended`` is 0 while it runs. ``attributes`` are
    named as OpenTelemetry names them, where it has a name. ``error`` is None or
    (type, message). ``events`` are (name, nanoseconds, attributes).
    ``thread`` (its name) is where it ended; a sink finds it filled in.

    A value is read when the span is drained, up to a fraction of a second after
    it has ended: hand in what does not change, or a copy. What a sink sees is
    redacted and bounded, and stands in the span from then on.
    """

    __slots__ = (
        "_local",
        "_token",
        "attributes",
        "ended",
        "error",
        "events",
        "kind",
        "name",
        "parent_id",
        "span_id",
        "started",
        "thread",
    )

    _local: Local

    def __init__(
        self,
        tracer: Recorder,
        name: str,
        kind: Kind = "custom",
        attributes: dict[str, Any] | None = None,
    ) -> None:
        parent = _current()
        self.span_id = span_id = ids.next()
        if type(parent) is Span and parent._local.here is tracer.here:  # noqa: SLF001 - its own
            self.parent_id = parent.span_id
            self._local = local = parent._local  # noqa: SLF001
        else:  # a root, or a parent far away: in another process, or another tracer's
            if parent is None and tracer.outer is not None:
                parent = tracer.outer()
            self.parent_id = 0 if parent is None else parent.span_id
            self._local = local = tracer.begin(parent, span_id)
        self._token: Token[Span | Parent | None] | None = None
        self.name = name
        self.kind = kind
        self.attributes: dict[str, Any] = {} if attributes is None else attributes
        self.events: Sequence[tuple[str, int, Mapping[str, Any] | None]] = ()
        self.error: tuple[str, str] | None = None
        self.thread = ""
        self.ended = 0
        self.started = local.anchor + perf_counter_ns()

    @property
    def trace_id(self) -> int:
        """The trace it belongs to: 128 bits."""
        return self._local.trace_id

    @property
    def process(self) -> int:
        """The id of the process it ran in."""
        return self._local.process

    @property
    def remote(self) -> bool:
        """Whether its parent is in another process."""
        return self.parent_id != 0 and self.parent_id == self._local.remote_id

    @property
    def sampled(self) -> bool:
        """Whether its trace will be kept, as far as that can be known before it ends."""
        return self._local.sampled or self._local.kept is True

    @property
    def state(self) -> str | None:
        """The ``tracestate`` that came with its trace."""
        return self._local.state

    def set(self, key: str, value: Any) -> None:
        """Add an attribute: JSON."""
        self.attributes[key] = value

    def event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Note that something happened now."""
        events = self.events
        if not isinstance(events, list):
            events = self.events = []
        events.append((name, self._local.anchor + perf_counter_ns(), attributes))

    def fail(self, type: str, message: str = "") -> None:  # noqa: A002 - the error's own field
        """Say that the work failed."""
        self.error = (type, message)

    def finish(self) -> None:
        """The work is over: record the span; a second time changes nothing."""
        if self.ended == 0:
            local = self._local
            self.ended = local.anchor + perf_counter_ns()
            try:
                ring = local.here.ring
            except AttributeError:  # this thread's first
                ring = local.enter(local.here)
            spans = ring.spans
            if len(spans) < ring.alarm:
                spans.append(self)
            else:
                ring.spill(self)

    def __enter__(self) -> Self:
        if self._token is None:  # else it is current already, and is left once
            self._token = _make_current(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            try:  # noqa: SIM105 - contextlib.suppress costs as much as all the rest
                _reset(self._token)
            except ValueError:  # left in another context: a generator that was closed elsewhere
                pass
            self._token = None
        if error is not None and self.error is None:
            self.error = (type(error).__name__, _said(error))
        if self.ended == 0:  # as in finish
            local = self._local
            self.ended = local.anchor + perf_counter_ns()
            try:
                ring = local.here.ring
            except AttributeError:
                ring = local.enter(local.here)
            spans = ring.spans
            if len(spans) < ring.alarm:
                spans.append(self)
            else:
                ring.spill(self)

    def __repr__(self) -> str:
        return f"Span({self.name!r}, kind={self.kind!r}, span_id={self.span_id:016x})"


def _said(error: BaseException) -> str:
    """The text of an exception, whose own code may fail."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - what it says is worth less than what it was raised for
        return ""


class _Void(dict[str, Any]):
    """Attributes that nobody keeps."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


class _Nothing(Span):
    """What stands for a span where nothing is traced: it keeps nothing, and is never current."""

    __slots__ = ()

    def __init__(self) -> None:
        self._local = Local(Here(), lambda _: VOID, trace_id=0, root_id=0)
        self._local.sampled = False
        self._token = self.error = None
        self.attributes, self.events = _Void(), ()
        self.name = self.thread = ""
        self.kind = "custom"
        self.span_id = self.parent_id = self.started = self.ended = 0

    def set(self, key: str, value: Any) -> None:
        pass

    def event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        pass

    def fail(self, type: str, message: str = "") -> None:  # noqa: A002
        pass

    def finish(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


NOTHING = _Nothing()
