"""Span: one piece of work, from when it began until it ended, and what it belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextvars import Token
    from types import TracebackType

__all__ = ["NOTHING", "Kind", "Parent", "Recorder", "Span", "current_span"]

Kind: TypeAlias = Literal["generate", "round", "model", "tool", "runtime", "custom"]


class Recorder(Protocol):
    """What makes spans and takes them when they have ended: a :class:`Tracer`."""

    def span(
        self, name: str, *, kind: Kind = "custom", attributes: dict[str, Any] | None = None
    ) -> Span:
        """A span that began now; its parent is the current one."""
        ...

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back."""
        ...

    def new_trace_id(self) -> int:
        """A random 128-bit id."""
        ...

    def new_span_id(self) -> int:
        """A 64-bit id no other span has."""
        ...

    def record(self, span: Span) -> None:
        """Take an ended span."""
        ...

    def adopt(self, docs: Iterable[object]) -> int:
        """Take spans that another process ended, as documents of the file format.

        They are checked: one that breaks the format, or its bounds, is left
        out. Returns how many were taken.
        """
        ...


class Parent:
    """Where a span belongs: the ids of its trace and of its parent, which may be far away."""

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


class Span:
    """One piece of work. Use it with ``with``, or call ``finish`` yourself.

    ``trace_id`` (128 bits) and ``span_id`` (64 bits) are integers, ``parent_id``
    is 0 for the root of a trace; ``remote`` says that the parent is in another
    process. ``started`` and ``ended`` are nanoseconds since the epoch that never
    go back within a process; ``ended`` is 0 while it runs. ``attributes`` are
    named as OpenTelemetry names them, where it has a name. ``error`` is None or
    (type, message). ``events`` are (name, nanoseconds, attributes) or None.
    ``thread`` (its name) and ``process`` are where it ended; a sink finds them
    filled in.
    """

    __slots__ = (
        "_token",
        "_tracer",
        "attributes",
        "ended",
        "error",
        "events",
        "kind",
        "name",
        "parent_id",
        "process",
        "remote",
        "sampled",
        "span_id",
        "started",
        "state",
        "thread",
        "trace_id",
    )

    def __init__(
        self, tracer: Recorder, name: str, kind: Kind, attributes: dict[str, Any] | None
    ) -> None:
        parent = current_span.get()
        self._tracer = tracer
        self._token: Token[Span | Parent | None] | None = None
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.events: list[tuple[str, int, Mapping[str, Any] | None]] | None = None
        self.error: tuple[str, str] | None = None
        self.span_id = tracer.new_span_id()
        if parent is None:
            self.trace_id = tracer.new_trace_id()
            self.parent_id = 0
            self.remote = False
            self.sampled = True
            self.state: str | None = None
        else:
            self.trace_id = parent.trace_id
            self.parent_id = parent.span_id
            self.remote = parent.__class__ is Parent
            self.sampled = parent.sampled
            self.state = parent.state
        self.thread = ""
        self.process = 0
        self.ended = 0
        self.started = tracer.now()

    def set(self, key: str, value: Any) -> None:
        """Add an attribute: JSON."""
        if self.attributes is None:
            self.attributes = {}
        self.attributes[key] = value

    def event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Note that something happened now."""
        if self.events is None:
            self.events = []
        self.events.append((name, self._tracer.now(), attributes))

    def fail(self, type: str, message: str = "") -> None:  # noqa: A002 - the error's own field
        """Say that the work failed."""
        self.error = (type, message)

    def finish(self) -> None:
        """The work is over: record the span; a second time changes nothing."""
        if self.ended == 0:
            self.ended = self._tracer.now()
            self._tracer.record(self)

    def __enter__(self) -> Self:
        self._token = current_span.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            current_span.reset(self._token)
            self._token = None
        if error is not None and self.error is None:
            self.fail(type(error).__name__, str(error))
        self.finish()


class _Nothing(Span):
    """What stands for a span where nothing is traced: it keeps nothing, and is never current."""

    __slots__ = ()

    def __init__(self) -> None:
        self.name = ""
        self.kind = "custom"
        self.attributes = self.events = self.error = self.state = self._token = None
        self.trace_id = self.span_id = self.parent_id = self.started = self.ended = self.process = 0
        self.remote = self.sampled = False
        self.thread = ""

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
