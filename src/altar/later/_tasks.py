"""TaskTracker: which asyncio tasks run tools, so that closing a session can stop them."""

from __future__ import annotations

import asyncio
from asyncio import current_task
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Frame", "TaskTracker"]

_TURNS = 10

Task = asyncio.Task[Any]


class TaskTracker:
    """The tasks that are inside a tool, and the frames of theirs that are to stop.

    A tool is awaited in its caller's own task, and tools may call tools, so
    one task can hold several frames; the outermost has depth 0. Stopping a
    frame cancels the task once. The frame that was to stop takes the request
    back (``Task.uncancel``) and answers with a result; every frame inside it,
    and every frame when somebody else cancelled the task, lets the
    CancelledError pass, as asyncio.timeout and TaskGroup need.

    ``running`` maps a task to the cancellations it had on entry; ``stopping``
    to the depth that is to stop and why. Both change on the task's own thread.
    """

    __slots__ = ("_depths", "closed", "running", "stopping")

    def __init__(self) -> None:
        self.running: dict[Task, int] = {}
        self.stopping: dict[Task, tuple[int, str]] = {}
        self._depths: dict[Task, int] = {}
        self.closed: str | None = None

    def close(self, reason: str) -> None:
        """Stop every task's outermost frame, and let none begin; from any thread."""
        self.closed = reason
        for task in list(self.running):
            _on_loop_of(task, self.stop, task, 0, reason)

    async def settled(self) -> None:
        """Give this loop's stopped tasks a few turns to unwind."""
        loop, me = asyncio.get_running_loop(), current_task()
        for _ in range(_TURNS):
            if not any(t is not me and t.get_loop() is loop for t in list(self.running)):
                return
            await asyncio.sleep(0)

    def stop(self, task: Task, depth: int, reason: str) -> None:
        """Stop a frame of ``task``; on the task's own thread."""
        if task not in self.running:
            return
        if task is current_task():
            return  # a tool that closes its own session ends by itself
        old = self.stopping.get(task)
        if old is None:
            self.stopping[task] = (depth, reason)
            task.cancel(reason)
        elif depth < old[0]:
            self.stopping[task] = (depth, reason)

    def enter(self) -> Frame:
        """A frame for the current task; ``leave`` must follow."""
        task = current_task()
        if task is None:
            raise RuntimeError("an async tool can only run inside an asyncio task")
        before = task.cancelling()
        if task in self.running:
            depth = self._depths[task] = self._depths.get(task, 0) + 1
        else:
            depth = 0
            self.running[task] = before
        return Frame(self, task, depth, before)

    def leave(self, task: Task, depth: int = 0) -> None:
        """End a frame; a request that reached it too late is taken back."""
        stop = self.stopping.get(task)
        if stop is not None and stop[0] == depth:
            del self.stopping[task]
            task.uncancel()
        if depth == 0:
            self.running.pop(task, None)
        elif depth == 1:
            self._depths.pop(task, None)
        else:
            self._depths[task] = depth - 1

    def late(self, task: Task) -> None:
        """Take back a request that reached an outermost frame too late."""
        if self.stopping.pop(task, None) is not None:
            task.uncancel()

    def verdict(self, task: Task, depth: int, before: int) -> str | None:
        """Inside ``except CancelledError``: why this frame was stopped, "" when nobody asked.

        None when the cancellation is not this frame's and must pass.
        """
        stop = self.stopping.get(task)
        if stop is not None and stop[0] == depth:
            del self.stopping[task]
            return stop[1] if task.uncancel() <= before else None
        return None if stop is not None or task.cancelling() > before else ""


class Frame:
    """One run of an async tool inside a task."""

    __slots__ = ("_before", "_depth", "_live", "_task", "_tracker")

    def __init__(self, tracker: TaskTracker, task: Task, depth: int, before: int) -> None:
        self._tracker = tracker
        self._task = task
        self._depth = depth
        self._before = before
        self._live = True

    def stop(self, reason: str) -> None:
        """Cancel this run; from any thread."""
        _on_loop_of(self._task, self._stop, reason)

    def _stop(self, reason: str) -> None:
        if self._live:  # by now the task may be in another frame of the same depth
            self._tracker.stop(self._task, self._depth, reason)

    def verdict(self) -> str | None:
        """See :meth:`TaskTracker.verdict`."""
        return self._tracker.verdict(self._task, self._depth, self._before)

    def retire(self) -> None:
        """Stop nothing from now on."""
        self._live = False

    def leave(self) -> None:
        """The run has ended."""
        self.retire()
        self._tracker.leave(self._task, self._depth)


def _on_loop_of(task: Task, action: Callable[..., None], *arguments: Any) -> None:
    """Run ``action`` on the task's thread: now, when that is this one."""
    loop = task.get_loop()
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        action(*arguments)
        return
    with suppress(RuntimeError):  # the loop has ended, and the task with it
        loop.call_soon_threadsafe(action, *arguments)
