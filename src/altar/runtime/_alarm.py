"""Alarm: cancels a task when its time is over, with one timer for all tasks of an event loop.

``asyncio.timeout`` sets a timer of its own each time, which costs more than
most calls take. Calls that end in time never need theirs, so here they only
stand in a dict; the loop's one timer is set for the earliest of them.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import current_task, get_running_loop
from contextlib import suppress
from typing import Any

__all__ = ["Alarm"]

_NEVER = float("inf")


class _Alarms:
    """The alarms of one event loop; on its thread alone."""

    __slots__ = ("_next", "_timer", "loop", "pending")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.pending: dict[Alarm, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = _NEVER

    def add(self, alarm: Alarm) -> None:
        self.pending[alarm] = None
        if alarm.when < self._next:
            self._set(alarm.when)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = self.loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._next = _NEVER
        now = self.loop.time()
        for alarm in [one for one in self.pending if one.when <= now]:
            del self.pending[alarm]
            alarm.ring()
        if self.pending:
            self._set(min(one.when for one in self.pending))


_here = threading.local()


class Alarm:
    """Cancels the current task in ``seconds``, unless it is stopped before.

    ``stop`` must follow. ``rung`` is True once it cancelled the task.
    """

    __slots__ = ("_alarms", "_before", "_task", "rung", "when")

    def __init__(self, seconds: float) -> None:
        loop = get_running_loop()
        task: asyncio.Task[Any] | None = current_task(loop)
        if task is None:
            raise RuntimeError("a timeout needs an asyncio task to cancel")
        alarms: _Alarms | None = getattr(_here, "alarms", None)
        if alarms is None or alarms.loop is not loop:
            alarms = _here.alarms = _Alarms(loop)
        self._task = task
        self._before = task.cancelling()
        self._alarms = alarms
        self.rung = False
        self.when = loop.time() + seconds
        alarms.add(self)

    def ring(self) -> None:
        """The time is over."""
        self.rung = True
        self._task.cancel()

    def hasten(self, seconds: float) -> None:
        """Ring in ``seconds`` at the latest, unless it is stopped before; from any thread."""
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._alarms.loop.call_soon_threadsafe(self._sooner, seconds)

    def _sooner(self, seconds: float) -> None:
        when = self._alarms.loop.time() + seconds
        if self in self._alarms.pending and when < self.when:
            self.when = when
            self._alarms.add(self)

    def stop(self) -> bool:
        """Cancel no more; True when this, and nobody else, cancelled the task.

        A cancellation of its own is taken back (``Task.uncancel``), so that
        asyncio.timeout and TaskGroup around it see only those meant for them.
        """
        if self.rung:
            return self._task.uncancel() <= self._before
        self._alarms.pending.pop(self, None)
        return False

    def is_late(self) -> bool:
        """Whether the time is over, rung or not: a body may keep the loop from noticing."""
        return self.rung or self._alarms.loop.time() >= self.when
