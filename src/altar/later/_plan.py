"""Plan: one call that was found, checked and bound, and is ready to run."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar

from altar.runtime import Cancellation
from altar.runtime._deadline import Deadline, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall
    from altar.later._entry import Entry
    from altar.runtime import CallContext

__all__ = ["Begun", "Deadline", "Pending", "Plan", "seconds_of"]


class Begun:
    """The arguments of a body that has begun already: what was coerced on the way to it."""

    __slots__ = ("coercions",)

    args: tuple[()] = ()
    kwargs: ClassVar[dict[str, Any]] = {}

    def __init__(self, coercions: Any = ()) -> None:
        self.coercions = coercions


_UNBOUND = Begun()


class Plan:
    """What the executor knows about one run.

    ``seconds`` is the time the body has, or None; ``gone`` is raised when
    nobody waits for the body any more; ``bound`` is set once the arguments
    were checked; ``report`` takes progress chunks, or is None; ``is_elsewhere``
    says that a worker process runs it.
    """

    __slots__ = ("bound", "call", "ctx", "entry", "gone", "is_elsewhere", "report", "seconds")

    def __init__(
        self,
        entry: Entry,
        call: FunctionCall,
        ctx: CallContext,
        *,
        seconds: float | None,
        report: Callable[[Any], None] | None,
    ) -> None:
        self.entry = entry
        self.call = call
        self.ctx = ctx
        self.seconds = seconds
        self.report = report
        self.gone = Cancellation()
        self.bound: Any = _UNBOUND
        self.is_elsewhere = False

    def start(self) -> Any:
        """Call the tool: a value, an awaitable or a generator."""
        return self.entry.target(*self.bound.args, **self.bound.kwargs)

    def is_given_up(self) -> bool:
        """True once the body may as well stop."""
        return self.gone.reason is not None or self.ctx.cancelled.reason is not None

    def why(self) -> str | None:
        """The reason for which the application gave the call up."""
        return self.ctx.cancelled.reason


class Pending:
    """What a synchronous body returned that still has to be awaited."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def drop(self) -> None:
        """Nobody will await it: Python need not complain of a coroutine that never ran."""
        if self.value.__class__ is CoroutineType:
            self.value.close()
