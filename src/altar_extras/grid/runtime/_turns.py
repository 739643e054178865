"""Turns: calls begin in the order they came, so many in each turn of the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from altar_extras.grid.runtime._job import Job

    Key = tuple[str, str]

__all__ = ["Turns"]

_AT_ONCE = 32  # calls that begin in one turn of the loop; fewer cost both sides more turns


class Turns:
    """The calls that were taken and not begun, and the tasks of those that have.

    ``enter`` takes a call into the line, with its key, and ``leave`` the task of one that is
    over: what they do is the collections' own, as every call passes both. ``serve`` is a
    call's work, and ends with ``leave``.

    The answers of a turn leave at its end. Were 64 calls that came together carried out in
    one turn, their caller would stand still until the last, and then this runtime.
    """

    __slots__ = ("_is_turning", "_line", "_loop", "_room", "_serve", "_tasks", "enter", "leave")

    def __init__(self, serve: Callable[[Key, Job], Coroutine[None, None, None]]) -> None:
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._line: deque[tuple[Key, Job]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = _AT_ONCE  # for those that begin in this turn
        self._is_turning = False
        self.enter = self._line.append
        self.leave = self._tasks.discard

    def begin(self) -> None:
        """Begin the calls that came first, as many as this turn has room for."""
        line = self._line
        if line and not self._is_turning:
            self._is_turning = True
            self._loop.call_soon(self._turn)
        while line and self._room > 0:
            key, job = line.popleft()
            if not job.invocation.body:  # else it was cancelled
                self._room -= 1
                job.task = task = self._loop.create_task(self._serve(key, job))
                self._tasks.add(task)

    async def settled(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound on waiting
        """Begin them all, and wait for their ends; False when some were not in time."""
        self._room = len(self._line)
        self.begin()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)
        return not self._tasks

    async def close(self) -> None:
        """Begin no more, and end what still runs."""
        self._line.clear()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def _turn(self) -> None:
        self._room = _AT_ONCE
        self._is_turning = bool(self._line)
        if self._is_turning:
            self.begin()
            self._loop.call_soon(self._turn)
