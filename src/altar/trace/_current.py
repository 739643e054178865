"""What a program says of itself: spans and events of its own, and whose work it goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.trace._active import switch
from altar.trace._begun import begun
from altar.trace._span import NOTHING, Kind, Span, current_span
from altar.trace._traceparent import parse_traceparent, traceparent_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token
    from types import TracebackType

    from altar.trace._span import Parent

__all__ = ["continued", "event", "span", "traceparent", "tracestate"]


def event(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Note on the current span that something happened now; nothing when nothing is traced."""
    if switch.tracer is not None or (not switch.settled and begun() is not None):
        current = current_span.get()
        if isinstance(current, Span):
            current.event(name, attributes)


def span(name: str, *, kind: Kind = "custom", attributes: dict[str, Any] | None = None) -> Span:
    """A span of your own, for ``with``; one that keeps nothing when nothing is traced.

    The first one starts the tracer that the settings ask for (``ALTAR_TRACE``).
    ``attributes`` are copied.
    """
    tracer = switch.tracer
    if tracer is None:
        if switch.settled:
            return NOTHING
        tracer = begun()
        if tracer is None:
            return NOTHING
    return tracer.span(name, kind=kind, attributes=attributes)


def traceparent() -> str | None:
    """The W3C ``traceparent`` header of the current span, for what is asked of another process.

    None when there is no current span.
    """
    current = current_span.get()
    if current is None:
        return None
    return traceparent_text(current.trace_id, current.span_id, sampled=current.sampled)


def tracestate() -> str | None:
    """The ``tracestate`` header that came with the trace we go on with, as it came."""
    current = current_span.get()
    return None if current is None else current.state


class continued:  # noqa: N801 - read as a function, as contextlib's are
    """Inside ``with``, spans belong to the remote span that a ``traceparent`` header names.

    A header that is absent or malformed is ignored. ``tracestate`` is the
    header of that name: it is carried on, never read.
    """

    __slots__ = ("_parent", "_token")

    def __init__(self, header: str | None, *, tracestate: str | None = None) -> None:
        if switch.tracer is None and not switch.settled:
            begun()
        self._parent = parse_traceparent(header, tracestate)
        self._token: Token[Span | Parent | None] | None = None

    def __enter__(self) -> None:
        if self._parent is not None:
            self._token = current_span.set(self._parent)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            current_span.reset(self._token)
            self._token = None
