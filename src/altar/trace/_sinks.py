"""Sinks that keep spans in memory, or hand each on to a function."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.trace._span import Span

__all__ = ["CallbackSink", "MemorySink"]


class MemorySink:
    """Keeps the newest ``max_spans`` spans; None keeps every one."""

    def __init__(self, *, max_spans: int | None = 100_000) -> None:
        if max_spans is not None and (type(max_spans) is not int or max_spans < 1):
            raise ConfigurationError(
                f"max_spans is {max_spans!r}; give a positive number, or None for no limit"
            )
        self._spans: deque[Span] = deque(maxlen=max_spans)

    def __repr__(self) -> str:
        return f"MemorySink({len(self._spans)} spans)"

    @property
    def spans(self) -> list[Span]:
        """A copy of what is kept, in the order in which the spans ended."""
        return list(self._spans.copy())

    def clear(self) -> None:
        """Forget them."""
        self._spans.clear()

    def write(self, spans: Sequence[Span]) -> None:
        """Keep them."""
        self._spans.extend(spans)

    def close(self) -> None:
        """What was kept can still be read."""


class CallbackSink:
    """Calls ``function`` with each span, in the tracer's own thread.

    The spans of a batch of which it raises for one are counted as lost by the
    tracer, though it has seen the others.
    """

    def __init__(self, function: Callable[[Span], object]) -> None:
        if not callable(function):
            raise ConfigurationError(
                f"CallbackSink({function!r}): give it a function that takes a span"
            )
        self._function = function

    def __repr__(self) -> str:
        return f"CallbackSink({getattr(self._function, '__qualname__', self._function)})"

    def write(self, spans: Sequence[Span]) -> None:
        """Hand them on, one by one; the first of the function's exceptions is raised at the end."""
        failed: Exception | None = None
        for span in spans:
            try:
                self._function(span)
            except Exception as error:  # noqa: BLE001 - the program's own
                failed = failed or error
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Nothing is left to be handed on."""
