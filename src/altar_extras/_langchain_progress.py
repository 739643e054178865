"""What a running call says beside its result: chunks of progress, and exceptions that steer."""

from __future__ import annotations

import asyncio
import contextlib
from threading import get_ident
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.callbacks.manager import AsyncCallbackManagerForToolRun

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

__all__ = ["EVENT", "is_control_flow", "progress_of", "steers"]

EVENT = "altar_tool_progress"


def progress_of(run_manager: Any, tool_name: str, tool_call_id: str | None) -> Any:
    """What takes the chunks of a call and tells the run's handlers; None where there are none."""
    if run_manager is None or not run_manager.handlers:
        return None
    about = {"tool_name": tool_name, "tool_call_id": tool_call_id}
    config: RunnableConfig = {"callbacks": run_manager.get_child()}
    if isinstance(run_manager, AsyncCallbackManagerForToolRun):
        return _AsyncProgress(config, about)
    return _Progress(config, about)


class _Progress:
    """Called with each chunk; tells the handlers at once."""

    __slots__ = ("_about", "_config")

    def __init__(self, config: RunnableConfig, about: dict[str, Any]) -> None:
        self._config = config
        self._about = about

    def __call__(self, chunk: Any) -> None:
        dispatch_custom_event(EVENT, {**self._about, "chunk": chunk}, config=self._config)


class _AsyncProgress(_Progress):
    """Called with each chunk, from any thread; all are told, in order, before it is left."""

    __slots__ = ("_loop", "_task", "_thread", "_waiting")

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._waiting: list[Any] = []
        self._task: asyncio.Task[None] | None = None

    async def __aexit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if self._task is not None:
            if kind is not None:
                self._task.cancel()
            else:
                await self._task

    def __call__(self, chunk: Any) -> None:
        if get_ident() == self._thread:
            self._take(chunk)
        else:
            self._loop.call_soon_threadsafe(self._take, chunk)

    def _take(self, chunk: Any) -> None:
        self._waiting.append(chunk)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._tell())

    async def _tell(self) -> None:
        while self._waiting:
            data = {**self._about, "chunk": self._waiting.pop(0)}
            # a handler that fails is LangChain's to log: what the tool did stands
            with contextlib.suppress(Exception):
                await adispatch_custom_event(EVENT, data, config=self._config)


def steers(cause: BaseException | None) -> BaseException | None:
    """The exception by which a tool steers the graph that calls it, where it raised one.

    LangGraph needs it as it is: an interrupt that became an answer would be lost.
    """
    for raised in (cause, None if cause is None else cause.__cause__):
        if raised is not None and is_control_flow(raised):
            return raised
    return None


def is_control_flow(error: BaseException) -> bool:
    """Whether it is one of LangGraph's, which is not imported: by name."""
    return any(
        kind.__name__ == "GraphBubbleUp" and kind.__module__.partition(".")[0] == "langgraph"
        for kind in type(error).__mro__
    )
