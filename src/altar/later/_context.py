"""Context: what a tool may know about the call it answers."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from altar.later._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar.adm import FunctionCall, FunctionDeclaration, ToolResult
    from altar.runtime import Cancellation

__all__ = ["CallingSession", "Context"]

D = TypeVar("D")


class CallingSession(Protocol):
    """What a tool sees of the session it runs in: an :class:`altar.Session`."""

    @property
    def id(self) -> str:
        """The session's id."""
        ...

    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """What the session declares to a model."""
        ...

    def execute(
        self,
        call: FunctionCall | str,
        args: dict[str, Any] | None = None,
        *,
        call_id: str | None = None,
        timeout: float | None = None,
    ) -> ToolResult:
        """Run another tool of the session."""
        ...

    async def aexecute(
        self,
        call: FunctionCall | str,
        args: dict[str, Any] | None = None,
        *,
        call_id: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the call
    ) -> ToolResult:
        """Run another tool of the session."""
        ...

    def execute_many(self, calls: Iterable[Any], *, max_concurrency: int = 8) -> list[ToolResult]:
        """Run several at once."""
        ...

    async def aexecute_many(
        self, calls: Iterable[Any], *, max_concurrency: int = 8
    ) -> list[ToolResult]:
        """Run several at once."""
        ...


class Context(Generic[D]):
    """Injected into the parameter annotated ``Context`` or ``Context[D]``; never declared.

    ``deps`` is what the session was given as ``Session(deps=...)``, typed D;
    ``session`` the session that runs the call, or None where a runtime runs it
    alone; ``call_id`` and ``correlation_id`` name the call in logs and traces;
    ``deadline`` is a time of :func:`time.monotonic`, or None; ``approved`` is
    True where a person said yes to this very call. Call the tool
    yourself with ``Context(deps=...)`` to test it.
    """

    __slots__ = (
        "_emit",
        "_flags",
        "approved",
        "call_id",
        "correlation_id",
        "deadline",
        "deps",
        "session",
        "tool_name",
    )

    def __init__(  # noqa: PLR0913 - one parameter per thing a tool may ask for
        self,
        *,
        deps: D = None,  # type: ignore[assignment]
        session: CallingSession | None = None,
        call_id: str = "",
        correlation_id: str = "",
        deadline: float | None = None,
        tool_name: str = "",
        emit: Callable[[Any], None] | None = None,
        flags: tuple[Cancellation, ...] = (),
        approved: bool = False,
    ) -> None:
        self.deps = deps
        self.session = session
        self.call_id = call_id
        self.correlation_id = correlation_id or call_id
        self.deadline = deadline
        self.tool_name = tool_name
        self.approved = approved
        self._emit = emit
        self._flags = flags

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for the answer: a tool that runs long should look, and stop."""
        return any(flag.reason is not None for flag in self._flags)

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``altar``; each record carries tool, call_id and correlation_id."""
        extra = {
            "tool": self.tool_name,
            "call_id": self.call_id,
            "correlation_id": self.correlation_id,
        }
        return logging.LoggerAdapter(logger, extra)

    def remaining(self) -> float | None:
        """Seconds until the deadline (0.0 when it has passed), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - monotonic())

    def progress(self, chunk: object) -> None:
        """Tell whoever listens to the call how far it is; ``chunk`` becomes JSON."""
        if self._emit is not None:
            self._emit(chunk)

    def __repr__(self) -> str:
        return f"<Context of {self.tool_name or 'a tool'}, call {self.call_id or '?'}>"
