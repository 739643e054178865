"""The spans of one call in a worker: kept in memory, and sent back with its result."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from altar.trace import Tracer, continued, switch
from altar.trace._codec import encode
from altar.trace._sinks import MemorySink

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Spans"]

_MOST = 1000  # spans of one call
_ROOM = 1_000_000  # characters of them
_PATIENCE = 1.0  # seconds that draining may take


class Spans:
    """Records while a call that is traced runs: inside ``with spans.of(traceparent)``."""

    def __init__(self) -> None:
        self._sink = MemorySink(max_spans=_MOST)
        self._tracer = Tracer(self._sink)
        self._remote = continued(None)

    def of(self, header: str) -> Spans:
        """Itself, with the span that what follows belongs to."""
        self._remote = continued(header)
        return self

    def taken(self) -> list[dict[str, Any]]:
        """The spans since the last time, as objects of the trace file format."""
        self._tracer.flush(_PATIENCE)
        found, room = [], _ROOM
        for span in self._sink.spans:
            text = encode(span, os.getpid())
            room -= len(text)
            if room < 0:
                break
            found.append(json.loads(text))
        self._sink.clear()
        return found

    def __enter__(self) -> None:
        self._remote.__enter__()
        switch.tracer = self._tracer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        switch.tracer = None
        self._remote.__exit__(kind, error, trace)
