"""Where a run stops before the model is done, and the words that say which limit it met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm._request import Adaptation

if TYPE_CHECKING:
    from altar.llm._options import Limits
    from altar.llm._reply import Finish
    from altar.llm._state import RunState

__all__ = [
    "met_calls",
    "met_deadline",
    "met_repeats",
    "note_late",
    "stop_before_asking",
    "stop_now",
]


def stop_now(state: RunState) -> Finish | None:
    """The finish of a run that was cancelled, or whose time is up."""
    if state.task.cancelled.reason is not None:
        state.detail = state.task.cancelled.reason
        return "cancelled"
    if state.deadline is not None and state.task.options.retry.clock.now() >= state.deadline:
        return met_deadline(state, "the run took all the time it had")
    return None


def stop_before_asking(state: RunState) -> Finish | None:
    """The finish of a run that may not ask its model again."""
    limits = state.task.options.limits
    if limits.rounds is not None and state.asked >= limits.rounds:
        met = f"the run asked its model {limits.rounds} times, and may not again"
        state.detail = _raised(met, "rounds", limits.rounds)
        return "max_rounds"
    return stop_now(state) or _over_budget(state, limits)


def _over_budget(state: RunState, limits: Limits) -> Finish | None:
    if limits.tokens is None and limits.cost is None:
        return None
    tokens, cost = state.spent()
    if limits.tokens is not None and tokens >= limits.tokens:
        met = f"the run took {tokens} tokens"
        state.detail = _raised(met, "tokens", limits.tokens)
        return "budget"
    if limits.cost is not None and state.tally and (cost is None or cost >= limits.cost):
        state.detail = (
            "a reply came without its token counts, or without a price, so Limits(cost=...) cannot "
            "hold; count with Limits(tokens=...), or lift the limit with cost=None"
        )
        if cost is not None:
            state.detail = _raised(f"the run cost {cost}", "cost", limits.cost)
        return "budget"
    return None


def note_late(state: RunState) -> None:
    """Tell of an answer that came when the time was up: it was paid for, and is kept."""
    if state.deadline is not None and state.task.options.retry.clock.now() >= state.deadline:
        why = "an answer came after the deadline, which did not reach the provider; it was kept"
        state.note((Adaptation("deadline", why),))


def met_deadline(state: RunState, met: str) -> Finish:
    """Note that the time is up, or that a wait would be longer than what is left of it."""
    state.detail = _raised(met, "seconds", state.task.options.limits.seconds)
    return "deadline"


def met_calls(state: RunState) -> Finish:
    """Note that the model asked for more calls than the run may make."""
    limit = state.task.options.limits.calls
    state.detail = _raised(f"the model asked for more than {limit} tool calls", "calls", limit)
    return "max_calls"


def met_repeats(state: RunState, name: str, count: int) -> Finish:
    """Note that the model makes the same call again and again."""
    met = f"{name!r} was called {count} times in a row with the same arguments and result"
    state.detail = _raised(met, "repeats", state.task.options.limits.repeats)
    return "repeated_call"


def _raised(met: str, name: str, limit: Any) -> str:
    """What was met, the limit that says so, and the line that raises it."""
    return (
        f"{met}: Limits({name}={limit!r}). For more type "
        f"Options(limits=Limits({name}={limit * 2!r})); {name}=None lifts the limit"
    )
