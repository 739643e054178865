"""ProcessRuntime: a Runtime whose tools all run in worker processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from altar.errors import DeclarationError
from altar.isolate import ProcessPool
from altar.later._crossing import obstacle
from altar.later._executor import LocalRuntime
from altar.later._isolated import Crossing
from altar.later._limits import SessionLimits
from altar.later._toolset import Toolset
from altar.runtime._inside import inside

if TYPE_CHECKING:
    from types import TracebackType

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime import CallContext

__all__ = ["ProcessRuntime"]


class ProcessRuntime:
    """A Runtime that runs each of its tools in a worker process, decorated so or not.

    ``tools`` is what ``Session(tools=...)`` takes, as far as a fresh interpreter
    can import it. ``workers`` is how many calls may run at once (default: one
    per processor, four at most), ``memory_mb`` what one worker may hold where the
    tool says nothing itself, and ``recycle_after`` the number of calls after
    which a worker is replaced; None is no limit, and never.

    The workers end with ``close``, or at the end of ``with``. Raises
    DeclarationError for tools that cannot be declared or cannot cross, and
    ConfigurationError for a bad option.
    """

    def __init__(
        self,
        tools: Any = (),
        *,
        workers: int | None = None,
        memory_mb: int | None = 2048,
        recycle_after: int | None = 10_000,
        limits: SessionLimits | None = None,
        strict: bool = False,
    ) -> None:
        if inside.loading is not None:
            inside.refuse("a ProcessRuntime was made")
        toolset = Toolset(tools)
        _check(toolset)
        limits = limits or SessionLimits()
        self._pool = ProcessPool(size=workers, memory_mb=memory_mb, recycle_after=recycle_after)
        self._local = LocalRuntime(toolset, limits=limits, strict=strict)
        self._local.cross(Crossing(limits, strict=strict, pool=self._pool))
        self._size = len(toolset.marks)

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call in a worker and wait for its result."""
        return self._local.invoke(call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call in a worker without blocking the event loop."""
        return await self._local.ainvoke(call, ctx)

    def close(self) -> None:
        """End the workers; calls that run are answered CANCELLED."""
        self._pool.close()

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
        return f"ProcessRuntime({self._size} tool{'' if self._size == 1 else 's'})"


def _check(toolset: Toolset) -> None:
    """Every tool must be one that a worker can import; all that are not are told at once."""
    problems = [f"{mark.name}: {why}" for mark in toolset.marks.values() if (why := obstacle(mark))]
    if problems:
        raise DeclarationError("ProcessRuntime(tools)", problems)
