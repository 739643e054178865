"""ProcessPool: calls run in worker processes, which are killed and replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.isolate._target import Target
    from altar.runtime import CallContext

__all__ = ["ProcessPool", "default_pool"]


class ProcessPool:
    """Worker processes that run calls, at most ``size`` at once.

    ``pool.invoke(call, ctx, target=Target("module:qualname"))`` answers with a
    ToolResult and raises for nothing that a tool did; ``ainvoke`` alike.
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        memory_mb: int | None = None,
        recycle_after: int | None = None,
        idle: float = 60.0,
        start_timeout: float = 30.0,
        spares: int = 1,
        affinity: Literal["prefer", "session"] = "prefer",
    ) -> None:
        raise NotImplementedError

    def invoke(self, call: FunctionCall, ctx: CallContext, *, target: Target) -> ToolResult:
        """Run one call in a worker and wait for its result."""
        raise NotImplementedError

    async def ainvoke(self, call: FunctionCall, ctx: CallContext, *, target: Target) -> ToolResult:
        """Run one call in a worker without blocking the event loop."""
        raise NotImplementedError

    def end_session(self, session_id: str) -> None:
        """Free the worker that was kept for a session."""
        raise NotImplementedError

    def stats(self) -> dict[str, int]:
        """Counts: workers, busy, started, killed, recycled, died, calls."""
        raise NotImplementedError

    def close(self) -> None:
        """Kill every worker; calls that run are answered CANCELLED."""
        raise NotImplementedError


def default_pool() -> ProcessPool:
    """The pool that every isolated tool of this process shares."""
    raise NotImplementedError
