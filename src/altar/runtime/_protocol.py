"""The Runtime protocol: one call in, one result out, sync and async."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult

__all__ = ["CallContext", "Cancellation", "Runtime"]


class Cancellation:
    """A flag that is raised once, with a reason, and tells those who listen."""

    __slots__ = ("_listeners", "reason")

    def __init__(self) -> None:
        self.reason: str | None = None
        self._listeners: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return self.reason is not None

    def cancel(self, reason: str = "cancelled by the application") -> None:
        """Raise the flag; later calls change nothing."""
        if self.reason is not None:
            return
        self.reason = reason
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` once when the flag is raised, at once if it is."""
        self._listeners.append(listener)
        if self.reason is not None and listener in self._listeners:
            self._listeners.remove(listener)
            listener()

    def forget(self, listener: Callable[[], None]) -> None:
        """Stop telling ``listener``."""
        if listener in self._listeners:
            self._listeners.remove(listener)


class CallContext:
    """What a runtime knows about a call beside the call itself.

    ``deadline`` is a time of :func:`time.monotonic` in seconds, or None.
    ``emit`` takes each progress chunk a streaming tool yields (None: nobody
    listens). ``deps`` is the session's typed dependency object. ``principal``
    and ``baggage`` are carried for wrappers and remote runtimes.
    """

    __slots__ = (
        "attempt",
        "baggage",
        "cancelled",
        "correlation_id",
        "deadline",
        "deps",
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
    ) -> None:
        self.session_id = session_id
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.attempt = attempt
        self.emit = emit
        self.cancelled = Cancellation() if cancelled is None else cancelled
        self.deps = deps
        self.principal = principal
        self.baggage = baggage

    def remaining(self) -> float | None:
        """Seconds until the deadline (0.0 when it has passed), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - monotonic())

    def replace(self, **changes: Any) -> CallContext:
        """A copy with some fields changed; the cancellation stays shared."""
        fields = {name: getattr(self, name) for name in CallContext.__slots__}
        return CallContext(**{**fields, **changes})


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
