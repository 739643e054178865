"""Traces: what happened, how long it took, what it belongs to, and where that is kept."""

from __future__ import annotations

from altar.trace._active import switch
from altar.trace._current import continued, event, span, traceparent, tracestate
from altar.trace._span import Kind, Parent, Recorder, Span, current_span
from altar.trace._tracer import Sink, Tracer

__all__ = [
    "Kind",
    "Parent",
    "Recorder",
    "Sink",
    "Span",
    "Tracer",
    "continued",
    "current_span",
    "event",
    "span",
    "switch",
    "traceparent",
    "tracestate",
]
