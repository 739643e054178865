"""Keyed: one thing for each name, and not more of them than there may be."""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_KEYS", "Keyed"]

T = TypeVar("T")

MAX_KEYS = 1024  # a model may make up as many names as it likes
_LOOKED_AT = 16


class Keyed(Generic[T]):
    """What ``make`` makes for each name, on first use.

    Past ``size`` names the oldest that ``idle`` allows to be forgotten goes.
    Where none of the oldest is idle the very oldest goes, or, where that is
    ``busy`` work, the bound is not kept: it is bounded by what is at work.
    """

    __slots__ = ("_busy", "_idle", "_lock", "_made", "_make", "_size")

    def __init__(
        self,
        make: Callable[[], T],
        idle: Callable[[T], bool],
        *,
        busy: bool = False,
        size: int = MAX_KEYS,
    ) -> None:
        self._busy = busy
        self._make = make
        self._idle = idle
        self._size = size
        self._made: dict[str, T] = {}
        self._lock = allocate_lock()

    def get(self, name: str) -> T:
        """The thing of this name."""
        known = self._made.get(name)
        return self._new(name) if known is None else known

    def __len__(self) -> int:
        return len(self._made)

    def _new(self, name: str) -> T:
        with self._lock:
            made = self._made.get(name)
            if made is None:
                if len(self._made) >= self._size:
                    self._forget_one()
                made = self._made[name] = self._make()
            return made

    def _forget_one(self) -> None:
        oldest = []
        for name in self._made:
            oldest.append(name)
            if len(oldest) == _LOOKED_AT:
                break
        for name in oldest:
            kept = self._made.pop(name)
            if self._idle(kept):
                return
            self._made[name] = kept  # to the end: others are looked at next time
        if not self._busy:
            del self._made[oldest[0]]
