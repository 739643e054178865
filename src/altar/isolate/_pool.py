"""ProcessPool: calls run in worker processes, which are killed and replaced."""

from __future__ import annotations

import os
import weakref
from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, Literal, Self

from altar.adm import ToolResult
from altar.errors import ConfigurationError
from altar.isolate._crew import Crew
from altar.isolate._settings import Settings
from altar.isolate._spawn import WORKER
from altar.isolate._talk import talk

if TYPE_CHECKING:
    from types import TracebackType

    from altar.adm import FunctionCall
    from altar.isolate._target import Target
    from altar.runtime import CallContext

__all__ = ["ProcessPool", "default_pool"]

_crews: weakref.WeakSet[Crew] = weakref.WeakSet()


class ProcessPool:
    """Worker processes that run calls, at most ``size`` at once (default: one per processor,
    four at most); a call beyond them waits its turn.

    ``memory_mb`` bounds what a worker and the processes it started hold in
    memory, in megabytes; a Target may say otherwise. A worker is replaced after
    ``recycle_after`` calls, and when a tool changed its working directory,
    threads or signal handlers. One that is not needed for ``idle`` seconds ends;
    ``spares`` of them stay ready, so that a call after a death finds a started
    one. ``start_timeout`` is how long a worker may take to start, in seconds.

    ``affinity``: "prefer" gives a session the worker it had last where that is
    free; "session" keeps a worker to one session until ``end_session``.

    Workers start with the first call. They end with ``close``, with the pool,
    and with this process, however it ends. This contains accidents; it is no sandbox.

    Raises ConfigurationError.
    """

    _program: tuple[str, str] = WORKER

    def __init__(
        self,
        *,
        size: int | None = None,
        memory_mb: int | None = 2048,
        recycle_after: int | None = 10_000,
        idle: float | None = 60.0,
        start_timeout: float = 30.0,
        spares: int = 1,
        affinity: Literal["prefer", "session"] = "prefer",
    ) -> None:
        if os.name != "posix":
            raise ConfigurationError(
                "worker processes need Linux, macOS or another Unix: leave out isolate=True here"
            )
        settings = Settings(
            size=size,
            memory_mb=memory_mb,
            recycle_after=recycle_after,
            idle=idle,
            start_timeout=start_timeout,
            spares=spares,
            affinity=affinity,
        )
        self._crew = Crew(settings, program=self._program)
        _crews.add(self._crew)
        self._close = weakref.finalize(self, self._crew.close)  # at exit too

    def invoke(self, call: FunctionCall, ctx: CallContext, *, target: Target) -> ToolResult:
        """Run one call in a worker and wait for its result.

        Never raises for what a tool did. TIMEOUT at the deadline, CANCELLED when
        the flag of ``ctx`` is raised, TOOL_EXECUTION_FAILED when the worker
        died (``details["executed"]`` is "unknown"), RESOURCE_EXHAUSTED for
        memory and for a result that is too large, CONFIGURATION_ERROR when the
        worker cannot load the target or cannot be started.
        """
        crew = self._crew
        exchange = crew.open(call, ctx, target)
        return exchange if isinstance(exchange, ToolResult) else talk(crew, exchange)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext, *, target: Target) -> ToolResult:
        """Run one call in a worker without blocking the event loop.

        Progress is reported in the loop's thread. When the awaiting task is
        cancelled, the call is, as by the flag.
        """
        crew = self._crew
        exchange = crew.open(call, ctx, target)
        if isinstance(exchange, ToolResult):
            return exchange
        from altar.isolate._atalk import atalk  # noqa: PLC0415 - asyncio, which a sync run never needs

        return await atalk(crew, exchange)

    @property
    def closed(self) -> bool:
        """Whether it takes no calls any more."""
        return self._crew.roster.closed or not self._close.alive

    def end_session(self, session_id: str) -> None:
        """Replace the worker that was kept for a session (``affinity="session"``)."""
        self._crew.end_session(session_id)

    def stats(self) -> dict[str, int]:
        """``workers``, ``busy`` and ``waiting`` now; ``calls`` answered by a worker, and workers
        ``started``, ``killed``, ``recycled`` and ``died`` (by themselves) so far.
        """
        return self._crew.stats()

    def close(self) -> None:
        """End every worker and wait until they are gone; calls that run are answered CANCELLED."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        figures: dict[str, Any] = self.stats()
        return f"<ProcessPool of {figures['workers']} workers, {figures['busy']} busy>"


_default: ProcessPool | None = None
_first_use = allocate_lock()


def default_pool() -> ProcessPool:
    """The pool that every isolated tool of this process shares; another, once it was closed."""
    global _default  # noqa: PLW0603 - the one of this process
    with _first_use:
        if _default is None or _default.closed:
            _default = ProcessPool()
        return _default


def _after_fork() -> None:
    """A child has none of its parent's threads, and must not speak to its parent's workers."""
    global _first_use  # noqa: PLW0603 - the one of this process
    _first_use = allocate_lock()
    for crew in list(_crews):
        crew.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
