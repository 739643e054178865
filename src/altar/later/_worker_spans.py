"""The spans of one call in a worker: kept in memory, and sent back with its result."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from altar.trace import Span, continued, switch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from altar.trace import Kind

__all__ = ["Traced"]

_MOST = 1000  # spans of one call
_ROOM = 1_000_000  # characters of them


class Traced:
    """Inside ``with``, the spans of this process belong to ``header`` and are kept here."""

    def __init__(self, header: str) -> None:
        self._remote = continued(header)
        self._spans: list[Span] = []
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
        """A random 64-bit id."""
        return int.from_bytes(os.urandom(8))

    def record(self, span: Span) -> None:
        """Keep an ended span; the first thousand are kept."""
        if len(self._spans) < _MOST:
            span.thread = threading.current_thread().name
            span.process = os.getpid()
            self._spans.append(span)

    def adopt(self, docs: Iterable[object]) -> int:
        """A worker has no workers."""
        return sum(1 for _ in docs) * 0

    def documents(self) -> list[dict[str, Any]]:
        """The spans as objects of the trace file format."""
        if not self._spans:
            return []
        from altar.trace._codec import encode  # noqa: PLC0415 - where there is something to write

        found, room = [], _ROOM
        for span in self._spans:
            text = encode(span, os.getpid())
            room -= len(text)
            if room < 0:
                break
            found.append(json.loads(text))
        return found

    def __enter__(self) -> Traced:
        self._remote.__enter__()
        switch.tracer = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        switch.tracer = None
        self._remote.__exit__(kind, error, trace)
