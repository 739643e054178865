"""Progress of tools, as events of a run."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_ai import CustomEvent
from pydantic_ai.exceptions import UserError

if TYPE_CHECKING:
    from pydantic_ai.tools import RunContext

__all__ = ["Progress", "ToolProgress"]


@dataclass(kw_only=True)
class ToolProgress(CustomEvent, name="altar_tool_progress"):
    """A chunk that a running tool of altar's reported: ``chunk`` is JSON.

    ``tool_name`` and ``tool_call_id`` say whose it is.
    """

    chunk: Any = None


class Progress:
    """Called with each chunk, from whatever thread; the run's stream gets them in order."""

    __slots__ = ("_ctx", "_loop", "_task", "_waiting", "begun")

    def __init__(self, ctx: RunContext[Any]) -> None:
        self._ctx = ctx
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self.begun = False

    def __call__(self, chunk: Any) -> None:
        self.begun = True
        if _running_loop() is self._loop:
            self._take(chunk)
        else:
            self._loop.call_soon_threadsafe(self._take, chunk)

    def _take(self, chunk: Any) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(chunk)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._send())

    async def _send(self) -> None:
        waiting = self._waiting
        while waiting:
            try:
                await self._ctx.emit(ToolProgress(chunk=waiting.popleft()))
            except UserError:  # called outside a run: there is no stream to tell
                waiting.clear()

    async def settled(self) -> None:
        """Return once every chunk was told."""
        if self._task is not None:
            await self._task

    def drop(self) -> None:
        """Tell nobody any more."""
        if self._task is not None:
            self._task.cancel()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of this thread, where one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
