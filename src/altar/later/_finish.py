"""Finisher: what a body returned or raised, as a ToolResult."""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

from altar.errors import ToolError
from altar.later._failure import cancelled, exhausted, failed, sealed, unserialisable
from altar.later._lent import give_up
from altar.later._log import log_failure, logger
from altar.later._stream import StreamBoundError, StreamStopped
from altar.later.hints._dump import DumpError, dump

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.later._context import Context
    from altar.later._entry import Entry
    from altar.later._limits import SessionLimits
    from altar.later._plan import Plan
    from altar.later._tasks import Task, TaskTracker
    from altar.runtime import CallContext

__all__ = ["Finisher", "must_pass"]


class Finisher:
    """Wraps outcomes under the limits of one runtime."""

    __slots__ = ("limits",)

    def __init__(self, limits: SessionLimits) -> None:
        self.limits = limits

    def returned(self, plan: Plan, value: Any) -> ToolResult:
        """The result of a body that returned."""
        return self._wrap(plan.entry.name, plan.call.call_id, value, plan.bound.coercions)

    def raised(self, plan: Plan, error: BaseException) -> ToolResult:
        """The result of a body that raised; re-raises what must pass through."""
        name, call_id = plan.entry.name, plan.call.call_id
        if isinstance(error, StreamStopped):
            return cancelled(name, call_id, plan.why())
        if isinstance(error, StreamBoundError):
            return exhausted(name, call_id, f"The tool {name!r} was stopped: {error}.")
        return self._fail(plan.entry, call_id, error)

    def lane_finish(self, entry: Entry) -> Callable[..., ToolResult]:
        """``finish`` for a tool's fast lane: the same code as the general way."""

        def finish(
            call_id: str | None,
            value: Any,
            ctx: CallContext | None,
            coercions: Any = (),
            context: Context[Any] | None = None,
        ) -> ToolResult:
            del ctx, context  # for what is still to be awaited
            return self._wrap(entry.name, call_id, value, coercions)

        return finish

    def lane_failed(self, entry: Entry, tracker: TaskTracker) -> Callable[..., ToolResult]:
        """``failed`` for a tool's fast lane: the same code as the general way."""

        def failed_sync(call_id: str | None, error: BaseException) -> ToolResult:
            return self._fail(entry, call_id, error)

        def failed_async(
            call_id: str | None,
            error: BaseException,
            task: Task,
            before: int,
            context: Context[Any] | None = None,
        ) -> ToolResult:
            try:
                if isinstance(error, CancelledError):
                    reason = tracker.verdict(task, 0, before)
                    if reason != "" and context is not None:
                        give_up(context)
                    if reason is None:
                        raise error
                    if reason:
                        return cancelled(entry.name, call_id, reason)
                elif isinstance(error, GeneratorExit):
                    if context is not None:
                        give_up(context)
                    raise error
                return self._fail(entry, call_id, error)
            finally:
                tracker.leave(task)

        return failed_async if entry.kind == "async" else failed_sync

    def _fail(self, entry: Entry, call_id: str | None, error: BaseException) -> ToolResult:
        if must_pass(error):
            raise error
        options = entry.options
        result = failed(
            entry.name,
            call_id,
            error,
            idempotent=options.idempotent,
            expose=options.expose_errors,
        )
        if isinstance(error, ToolError):
            logger.info("tool %r answered call %s with an error", entry.name, result.call_id)
        else:
            log_failure("it failed", entry.name, result.call_id, error)
        return result

    def _wrap(self, name: str, call_id: str | None, value: Any, coercions: Any) -> ToolResult:
        try:
            dumped = dump(value, max_bytes=self.limits.max_result_bytes)
        except DumpError as error:
            return unserialisable(name, call_id, str(error), value, error)
        except BaseException as error:
            if must_pass(error):
                raise
            log_failure("its result cannot be read", name, call_id, error)
            text = f"reading it raised {type(error).__name__}"
            return unserialisable(name, call_id, text, value, error)
        metadata: dict[str, Any] = {}
        if coercions:
            metadata["coercions"] = list(coercions)
        if dumped.notes:
            metadata["notes"] = list(dumped.notes)
        if dumped.truncated:
            metadata["truncated"] = dumped.truncated
        content = dumped.content
        return sealed(name, call_id, content=content, value=value, metadata=metadata or None)


def must_pass(error: BaseException) -> bool:
    """True for what no runtime may keep: the user's Ctrl-C, alone or in a group."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)
