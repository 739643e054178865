"""What the loop asks of its driver: a model's answer, calls, a person's word, a wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from altar.llm._live import Event, ToolProgressEvent, ToolResultEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.errors import ProviderError
    from altar.llm._partial import Partials
    from altar.llm._provider import Attempt, Provider
    from altar.llm._record import CallRecord
    from altar.llm._request import Request
    from altar.llm._state import RunState
    from altar.llm._turn import Turn
    from altar.runtime import CallContext

__all__ = [
    "AskModel",
    "AskPerson",
    "Failed",
    "Finished",
    "RunTools",
    "Sleep",
    "Step",
    "Unasked",
    "told",
]


class AskModel:
    """Send ``request``; answer with a Response or a :class:`Failed`.

    What comes of a ``quiet`` one is not the run's answer: nobody is shown it coming.
    """

    __slots__ = ("attempt", "partials", "provider", "quiet", "request", "said", "visible")

    def __init__(
        self,
        provider: Provider,
        request: Request,
        attempt: Attempt,
        *,
        quiet: bool = False,
        partials: Partials | None = None,
    ) -> None:
        self.provider = provider
        self.request = request
        self.attempt = attempt
        self.quiet = quiet
        self.partials = partials  # reads the typed answer as it comes
        self.said = False  # somebody was shown text of the answer
        self.visible = False  # somebody was shown something of it


class Failed:
    """An attempt came to nothing; ``visible`` when the user saw a part of the answer."""

    __slots__ = ("error", "visible")

    def __init__(self, error: ProviderError, visible: bool = False) -> None:
        self.error = error
        self.visible = visible


class RunTools:
    """Carry out the calls of ``turns``, each under ``context``; ``settle`` each as it ends."""

    __slots__ = ("_state", "_told", "context", "turns")

    def __init__(self, state: RunState, turns: list[Turn], context: CallContext) -> None:
        self._state = state
        self._told: set[Turn] = set()
        self.turns = turns
        self.context = context

    @property
    def max_concurrency(self) -> int:
        """How many of the calls may run at a time."""
        return self._state.task.options.limits.max_concurrency

    def settle(self, turn: Turn, result: ToolResult, seconds: float) -> CallRecord | None:
        """Tell what came of a call; what the model will read, None while it awaits a person."""
        return self._state.settle(turn, result, seconds)

    def told(self, kind: str, rest: list[Any]) -> Event | None:
        """The event for what a driver's worker told: "said" (turn, chunk), or "done"."""
        turn: Turn = rest[0]
        if kind == "said":
            return ToolProgressEvent(turn.call, rest[1])
        record = self.settle(turn, rest[1], rest[2])
        self._told.add(turn)
        return None if record is None else told(record)

    def keep(self, finished: Finished) -> None:
        """Settle what has ended and was not told: a driver that stops loses no result."""
        for turn, result, seconds in finished:
            if turn not in self._told:
                self.settle(turn, result, seconds)


class AskPerson:
    """Ask ``approve`` whether ``call`` may run; answer with what it said, or an Unasked."""

    __slots__ = ("approve", "call", "deadline")

    def __init__(
        self, approve: Callable[[FunctionCall], Any], call: FunctionCall, deadline: float | None
    ) -> None:
        self.approve = approve
        self.call = call
        self.deadline = deadline


class Unasked:
    """Nobody said yes or no: asking came to ``error``."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Sleep:
    """Wait for ``seconds``."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


Finished: TypeAlias = "list[tuple[Turn, ToolResult, float]]"
Step: TypeAlias = AskModel | AskPerson | RunTools | Sleep | Event


def told(record: CallRecord) -> ToolResultEvent:
    """The event of a call that has its result."""
    return ToolResultEvent(call=record.call, result=record.result, seconds=record.seconds)
