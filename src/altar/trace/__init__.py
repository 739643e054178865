"""Traces: what happened, how long it took, what it belongs to, and where that is kept."""

from __future__ import annotations

from altar._lazy import lazy_names
from altar.trace._active import switch
from altar.trace._current import continued, event, span, traceparent, tracestate
from altar.trace._span import Kind, Parent, Recorder, Span, current_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.trace._counts import Counts
    from altar.trace._jsonl import JsonLinesSink
    from altar.trace._losses import TraceLosses
    from altar.trace._metrics import Metrics
    from altar.trace._outlet import Sink
    from altar.trace._read import TraceFile, load
    from altar.trace._record import SpanRecord
    from altar.trace._sampling import Sampling
    from altar.trace._sinks import CallbackSink, MemorySink
    from altar.trace._sqlite import SqliteSink
    from altar.trace._trace_record import Spend, TraceRecord
    from altar.trace._tracer import Tracer

__all__ = [
    "CallbackSink",
    "Counts",
    "JsonLinesSink",
    "Kind",
    "MemorySink",
    "Metrics",
    "Parent",
    "Recorder",
    "Sampling",
    "Sink",
    "Span",
    "SpanRecord",
    "Spend",
    "SqliteSink",
    "TraceFile",
    "TraceLosses",
    "TraceRecord",
    "Tracer",
    "continued",
    "current_span",
    "event",
    "load",
    "span",
    "switch",
    "traceparent",
    "tracestate",
]

# loaded when they are first asked for: instrumented code needs none of them
_HOMES = {
    "CallbackSink": "altar.trace._sinks",
    "Counts": "altar.trace._counts",
    "JsonLinesSink": "altar.trace._jsonl",
    "MemorySink": "altar.trace._sinks",
    "Metrics": "altar.trace._metrics",
    "Sampling": "altar.trace._sampling",
    "Sink": "altar.trace._outlet",
    "SpanRecord": "altar.trace._record",
    "Spend": "altar.trace._trace_record",
    "SqliteSink": "altar.trace._sqlite",
    "TraceFile": "altar.trace._read",
    "TraceLosses": "altar.trace._losses",
    "TraceRecord": "altar.trace._trace_record",
    "Tracer": "altar.trace._tracer",
    "load": "altar.trace._read",
}
__getattr__, _lazy_dir = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
