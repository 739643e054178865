"""Linked: one cancellation that is raised by either of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.runtime import Cancellation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Linked"]


class Linked:
    """A context manager that gives a Cancellation raised by ``first`` or ``second``.

    It listens for as long as the block runs, so that a long session does not
    collect listeners. Where both are one, it is that one.
    """

    __slots__ = ("_first", "_second", "_tell_first", "_tell_second")

    def __init__(self, first: Cancellation, second: Cancellation) -> None:
        self._first = first
        self._second = second
        self._tell_first: Callable[[], None] | None = None
        self._tell_second: Callable[[], None] | None = None

    def __enter__(self) -> Cancellation:
        first, second = self._first, self._second
        if first is second:
            return first
        both = Cancellation()
        self._tell_first = lambda: both.cancel(first.reason or "")
        self._tell_second = lambda: both.cancel(second.reason or "")
        first.on_cancel(self._tell_first)
        second.on_cancel(self._tell_second)
        return both

    def __exit__(self, *_: object) -> None:
        if self._tell_first is not None and self._tell_second is not None:
            self._first.forget(self._tell_first)
            self._second.forget(self._tell_second)
