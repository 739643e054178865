"""Open calls: those a runtime answered with APPROVAL_REQUIRED, and what a person makes of them.

They are put to ``Options(approve=)`` where there is one. Otherwise the run
ends, and a :class:`~altar.llm.Pending` holds all it takes to go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, FunctionCall, ToolResult
from altar.errors import ConfigurationError, ErrorType
from altar.llm._calls import refusal
from altar.llm._clean import own_args, sound
from altar.llm._live import ToolCallEvent
from altar.llm._parts import ToolCall, ToolResultPart
from altar.llm._pending import Pending
from altar.llm._record import CallRecord
from altar.llm._steps import AskPerson, RunTools, Unasked, told
from altar.llm._stops import stop_before_asking, stop_now
from altar.llm._turn import Turn

if TYPE_CHECKING:
    from collections.abc import Generator

    from altar.llm._reply import Finish
    from altar.llm._state import RunState
    from altar.llm._steps import Step

__all__ = ["decide_open", "pause", "refuse_open", "resume"]

_STEPS = ("Do not make the same call again: go on without it, or ask what to do instead.",)


def decide_open(state: RunState) -> Generator[Step, Any, Finish | None]:
    """Have the open calls decided, answer those denied, and carry out those allowed.

    Comes to "pending_approval" where some are left undecided, to the finish of
    a run that ended while a person was asked, or to None.
    """
    turns = state.take_waiting()
    approve = state.task.options.approve
    for turn in turns:
        if approve is not None and _is_undecided(turn):
            said = yield AskPerson(approve, state.issuer.open_call(turn.part), state.deadline)
            stop = stop_now(state)
            if stop is not None:
                state.waiting = turns
                return stop
            _decide(state, turn, said)
    for turn in turns:
        if turn.refused is not None:
            record = state.settle_refused(turn, turn.refused)
            if record is not None:
                yield told(record)
    allowed = [turn for turn in turns if turn.approved]
    if allowed:
        yield RunTools(state, allowed, state.context().replace(approved=True))
    state.waiting = [turn for turn in turns if _is_undecided(turn)]
    return "pending_approval" if state.waiting else None


def _is_undecided(turn: Turn) -> bool:
    return not turn.approved and turn.refused is None


def _decide(state: RunState, turn: Turn, said: object) -> None:
    """Note a verdict: True is a yes; anything else is a no, or none at all, and no yes."""
    if state.task.trace is not None:
        state.task.trace.event("approval", {"tool": turn.call.name, "approved": said is True})
    if said is True:
        turn.approved = True
    elif said is False or isinstance(said, str):
        reason = sound(said or "").strip()
        told_why = f": {reason}" if reason else "."
        turn.refused = _denial(turn.call, f"A person did not allow this call{told_why}")
    else:
        error = said.error if isinstance(said, Unasked) else _no_verdict(said)
        message = f"This call was not run: asking a person failed ({type(error).__name__})."
        turn.refused = _denial(turn.call, message)
        # for the application: a ToolResult takes no cause when it is made
        object.__setattr__(turn.refused, "cause", error)


def _no_verdict(said: object) -> ConfigurationError:
    return ConfigurationError(
        f"approve= answered {said!r:.60}; return True, False, or a text that says why not"
    )


def _denial(call: FunctionCall, message: str) -> ToolResult:
    error = ErrorObject(
        message=message,
        type=ErrorType.PERMISSION_DENIED,
        retry_allowed=False,
        remediation_steps=_STEPS,
    )
    return ToolResult(name=call.name, call_id=call.call_id, error=error)


def refuse_open(state: RunState, reason: str) -> Generator[Step, Any, None]:
    """Answer the open calls of a run that ends here, and will read no result."""
    for turn in state.take_waiting():
        yield told(state.refuse(turn, reason))


def pause(state: RunState) -> None:
    """End the run before its open calls have results; the task tells what it waits for."""
    task = state.task
    waiting = state.take_waiting()
    state.close_answered()
    names = ", ".join([turn.call.name for turn in waiting])
    state.detail = (
        f"waiting for a person to decide on {names}; decide with reply.pending.approve() or "
        ".deny(), and hand that on as the prompt"
    )
    task.pending = Pending(
        calls=tuple([turn.call for turn in waiting]),
        messages=tuple(task.messages),
        trace_id=state.trace_id,
        rounds=state.round,
        usage=state.tally.total(),
        finished=tuple(state.records),
        seconds=max(0.0, task.options.retry.clock.now() - state.started),
        adaptations=tuple(state.adaptations),
        mends=state.mends,
        asked_again=state.asked_again,
        unusable=tuple(sorted(state.unusable)),
        streaks=state.repeats.streaks(),
    )


def resume(state: RunState, before: Pending) -> Generator[Step, Any, Finish | None]:
    """Take up a run where it was left; comes to the finish of one that may not go on."""
    _restore(state, before)
    stop = stop_before_asking(state)
    asks = state.task.options.approve is not None
    for turn in state.waiting:
        if stop is not None or asks or not _is_undecided(turn):
            yield ToolCallEvent(turn.call)
    return stop


def _answered(part: ToolCall, kept: ToolResultPart, record: CallRecord | None) -> Turn:
    """A call whose result the history has; without a record it was the loop's own business."""
    if record is None:
        call = FunctionCall(name=part.name, call_id=part.id)
        record = CallRecord(call=call, result=refusal(call, kept.text), seconds=0.0)
        turn = Turn(part, call, None, None)
        turn.hidden = True
    else:
        turn = Turn(part, record.call, None, None)
    turn.record, turn.kept = record, kept
    return turn


def _restore(state: RunState, before: Pending) -> None:
    messages = state.task.messages
    kept: dict[str, ToolResultPart] = {}
    paused = messages[-1].role == "tool"
    if paused:
        results = messages[-1].parts
        kept = {part.call_id: part for part in results if isinstance(part, ToolResultPart)}
    records = {record.call.call_id: record for record in before.finished}
    asked = messages[-2] if paused else messages[-1]
    turns: list[Turn] = []
    for part in asked.calls:
        if part.id in kept:
            turn = _answered(part, kept[part.id], records.pop(part.id, None))
        else:
            turn = Turn(part, state.issuer.open_call(part), None, None)
            if part.args is None or turn.call.name != part.name:
                turn.meant = ToolCall(turn.call.name, own_args(turn.call.args))
            verdict = before.decisions.get(part.id)
            if verdict is not None:
                _decide(state, turn, verdict)
            if turn.refused is None:
                turn.refused = state.issuer.forbidden(turn.call)
                turn.approved = turn.approved and turn.refused is None
            state.waiting.append(turn)
        turns.append(turn)
    state.turns = turns
    if paused:
        messages.pop()  # last: an interrupt must not lose the results that are there
    state.text = asked.text
    state.records = list(records.values())
    if state.task.trace is None:
        state.trace_id = before.trace_id
    state.round = before.rounds
    state.tally.take_up(before.usage)
    fresh = [one for one in state.adaptations if one not in before.adaptations]
    state.adaptations = [*before.adaptations, *fresh]
    state.mends = before.mends
    state.asked_again = before.asked_again
    state.unusable = set(before.unusable)
    state.repeats.take_up(before.streaks)
    state.started -= before.seconds
    if state.deadline is not None:
        state.deadline -= before.seconds
