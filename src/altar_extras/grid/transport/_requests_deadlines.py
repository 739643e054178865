"""Deadlines: many of them over few timers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Deadlines"]

_SLOTS = 64  # a second; a deadline is told up to 1/64 s late, never early


class Deadlines:
    """Tells ``passed(key)`` when the time of a key is up. One timer of the loop serves all keys
    of the same 1/64 s, so that setting and dropping one costs a dict entry.
    """

    __slots__ = ("_loop", "_of", "_passed", "_slots", "_timers")

    def __init__(self, loop: asyncio.AbstractEventLoop, passed: Callable[[str], None]) -> None:
        self._loop = loop
        self._passed = passed
        self._of: dict[str, int] = {}
        self._slots: dict[int, dict[str, None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def add(self, key: str, seconds: float) -> None:
        """From now on, ``seconds``."""
        slot = math.ceil((self._loop.time() + seconds) * _SLOTS)
        self._of[key] = slot
        keys = self._slots.get(slot)
        if keys is None:
            keys = self._slots[slot] = {}
            self._timers[slot] = self._loop.call_at(slot / _SLOTS, self._ring, slot)
        keys[key] = None

    def drop(self, key: str) -> None:
        """No longer; a key without a deadline is fine."""
        slot = self._of.pop(key, None)
        if slot is None:
            return
        keys = self._slots[slot]
        keys.pop(key, None)
        if not keys:
            del self._slots[slot]
            self._timers.pop(slot).cancel()

    def clear(self) -> None:
        """None at all."""
        for timer in self._timers.values():
            timer.cancel()
        self._of.clear()
        self._slots.clear()
        self._timers.clear()

    def _ring(self, slot: int) -> None:
        self._timers.pop(slot, None)
        for key in self._slots.pop(slot, {}):
            self._of.pop(key, None)
            self._passed(key)
