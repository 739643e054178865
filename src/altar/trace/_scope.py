"""Places: whose work goes on here, and what an exception says of a piece of work."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.trace._content import clipped
from altar.trace._span import Span, current_span

if TYPE_CHECKING:
    from contextvars import Token

    from altar.trace._span import Kind, Parent, Recorder

__all__ = ["Inside", "child", "fault"]

_LONGEST = 4_000  # characters of an exception's text
_LEFT = frozenset({"CancelledError", "GeneratorExit"})  # nobody waited for the end


class Inside:
    """Inside ``with``, ``span`` is the current one; it is not finished by it."""

    __slots__ = ("_token", "span")

    def __init__(self, span: Span | Parent | None) -> None:
        self.span = span
        self._token: Token[Span | Parent | None] | None = None

    def __enter__(self) -> None:
        self._token = current_span.set(self.span)

    def __exit__(self, *_: object) -> None:
        token, self._token = self._token, None
        if token is not None:
            with suppress(ValueError):  # closed elsewhere, as a coroutine may be: it has ended
                current_span.reset(token)


def child(
    tracer: Recorder,
    parent: Span | Parent | None,
    name: str,
    *,
    kind: Kind,
    attributes: dict[str, Any],
) -> Span:
    """A span that began now, and belongs to ``parent`` whatever the current one is."""
    token = current_span.set(parent)
    try:
        return Span(tracer, name, kind, attributes)
    finally:
        current_span.reset(token)


def fault(error: BaseException) -> tuple[str, str]:
    """The type and the message of work that ended with ``error``."""
    name = type(error).__name__
    if name in _LEFT:
        return "cancelled", ""
    try:
        return name, clipped(str(error), _LONGEST)
    except Exception:  # noqa: BLE001 - an exception of the program's, with a fault of its own
        return name, ""
