"""The Runtime protocol: one call in, one result out, sync and async."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from altar.errors import ConfigurationError
from altar.runtime._plain import is_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult

__all__ = ["CallContext", "Cancellation", "Runtime"]

_KEEP: Any = object()


class Cancellation:
    """A flag that is raised once, with a reason, and tells those who listen.

    Any thread may raise it, listen or ask; a listener runs in the thread that
    raises the flag and must not block.
    """

    __slots__ = ("_listeners", "reason")

    def __init__(self) -> None:
        self.reason: str | None = None
        # a dict, because each of its operations is atomic: a listener is told by
        # whoever takes it out, so never twice and never not at all
        self._listeners: dict[Callable[[], None], None] = {}

    def __bool__(self) -> bool:
        return self.reason is not None

    def __repr__(self) -> str:
        return f"<Cancellation {self.reason!r}>" if self else "<Cancellation>"

    def cancel(self, reason: str = "cancelled by the application") -> None:
        """Raise the flag; later calls change nothing."""
        if self.reason is None:
            self.reason = reason
            while self._listeners:
                try:
                    listener, _ = self._listeners.popitem()
                except KeyError:  # forgotten meanwhile
                    break
                listener()

    @staticmethod
    def never() -> Cancellation:
        """One that nobody can raise, and so nobody need listen to: raising it is a RuntimeError.

        For callers that end a call in another way alone, as by cancelling its task.
        """
        return _NEVER

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` once when the flag is raised, at once if it is."""
        self._listeners[listener] = None
        if self.reason is not None and self._listeners.pop(listener, _KEEP) is None:
            listener()

    def forget(self, listener: Callable[[], None]) -> None:
        """Stop telling ``listener``."""
        self._listeners.pop(listener, None)


class _Never(Cancellation):
    __slots__ = ()

    def cancel(self, reason: str = "") -> None:
        del reason
        raise RuntimeError(
            "Cancellation.never() cannot be raised; type CallContext(cancelled=Cancellation())"
        )

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Nothing: it will not come."""


_NEVER = _Never()


class CallContext:
    """What a runtime knows about a call beside the call itself.

    ``deadline`` is a time of :func:`time.monotonic` in seconds, or None.
    ``emit`` takes each progress chunk a tool reports (None: nobody listens);
    a chunk is JSON, and ``emit`` is called from the thread the tool runs in, where
    nobody could await it: an ``async def`` is a ConfigurationError.
    ``deps`` is the session's typed dependency object. ``approved`` is True when
    a person allowed this very call. ``detached`` asks that a sync tool run where
    its caller can leave it, as with a deadline: ``cancelled`` may be raised
    while it runs. ``principal`` and ``baggage`` are carried for wrappers and
    remote runtimes.
    """

    __slots__ = (
        "approved",
        "attempt",
        "baggage",
        "cancelled",
        "correlation_id",
        "deadline",
        "deps",
        "detached",
        "emit",
        "principal",
        "session_id",
    )

    def __init__(  # noqa: PLR0913 - one parameter per field
        self,
        *,
        session_id: str = "",
        correlation_id: str = "",
        deadline: float | None = None,
        attempt: int = 1,
        emit: Callable[[Any], None] | None = None,
        cancelled: Cancellation | None = None,
        deps: Any = None,
        principal: str | None = None,
        baggage: dict[str, str] | None = None,
        approved: bool = False,
        detached: bool = False,
    ) -> None:
        if emit is not None and is_async(emit):
            raise _awaited_by_nobody(emit)
        self.session_id = session_id
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.attempt = attempt
        self.emit = emit
        self.cancelled = Cancellation() if cancelled is None else cancelled
        self.deps = deps
        self.principal = principal
        self.baggage = baggage
        self.approved = approved
        self.detached = detached

    def remaining(self) -> float | None:
        """Seconds until the deadline (0.0 when it has passed), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - monotonic())

    def replace(  # noqa: PLR0913 - one parameter per field
        self,
        *,
        correlation_id: str = _KEEP,
        deadline: float | None = _KEEP,
        attempt: int = _KEEP,
        emit: Callable[[Any], None] | None = _KEEP,
        cancelled: Cancellation = _KEEP,
        principal: str | None = _KEEP,
        baggage: dict[str, str] | None = _KEEP,
        approved: bool = _KEEP,
    ) -> CallContext:
        """A copy with what a wrapper may change; the cancellation stays shared unless given."""
        if emit is not None and emit is not _KEEP and is_async(emit):
            raise _awaited_by_nobody(emit)
        made = object.__new__(CallContext)  # twice as fast as with its own constructor
        made.session_id = self.session_id
        made.correlation_id = self.correlation_id if correlation_id is _KEEP else correlation_id
        made.deadline = self.deadline if deadline is _KEEP else deadline
        made.attempt = self.attempt if attempt is _KEEP else attempt
        made.emit = self.emit if emit is _KEEP else emit
        made.cancelled = self.cancelled if cancelled is _KEEP else cancelled
        made.deps = self.deps
        made.principal = self.principal if principal is _KEEP else principal
        made.baggage = self.baggage if baggage is _KEEP else baggage
        made.approved = self.approved if approved is _KEEP else approved
        made.detached = self.detached
        return made


def _awaited_by_nobody(emit: Any) -> ConfigurationError:
    return ConfigurationError(
        f"emit={emit!r:.60}: give a plain function of one chunk, for an async one is never "
        "awaited; type emit=chunks.append, or, from an event loop, emit=lambda chunk: "
        "asyncio.run_coroutine_threadsafe(told(chunk), loop)"
    )


@runtime_checkable
class Runtime(Protocol):
    """Where calls are carried out: this process, a worker process, a grid.

    A runtime answers every call with a ToolResult and never raises for what
    a model or a tool did. New behaviour wraps a runtime: a wrapper is a
    Runtime that holds another one.
    """

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result."""
        ...

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop."""
        ...
