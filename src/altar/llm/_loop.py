"""The tool loop: a generator that decides, and leaves every wait to its driver.

It yields what it needs (AskModel, RunTools, AskPerson, Sleep) and is sent what
happened; it yields events for whoever watches. It returns the Reply, and
raises only ProviderError and ConfigurationError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from altar.errors import ConfigurationError, ProviderError
from altar.llm._approval import decide_open, pause, refuse_open, resume
from altar.llm._fit import fitted
from altar.llm._guard import Guard
from altar.llm._live import ReplyEvent, RetryEvent, RoundEvent, ToolCallEvent
from altar.llm._mend import MAX_MENDS, can_mend, mend_request, take_mended
from altar.llm._mender import model_name
from altar.llm._reply import Finish
from altar.llm._request import Response
from altar.llm._settings import check_prices, check_settings
from altar.llm._state import RunState
from altar.llm._steps import AskModel, RunTools, Sleep, Step, told
from altar.llm._stops import (
    met_calls,
    met_deadline,
    met_repeats,
    note_late,
    stop_before_asking,
    stop_now,
)
from altar.llm._traced_provider import Asked
from altar.llm._unusable import ask_once_more, explain

if TYPE_CHECKING:
    from collections.abc import Generator

    from altar.adm import ToolResult
    from altar.llm._final import FinalTool
    from altar.llm._provider import Provider
    from altar.llm._read import Read
    from altar.llm._reply import Reply
    from altar.llm._request import OutputSpec
    from altar.llm._task import Task
    from altar.llm._turn import Turn

__all__ = ["loop"]

_FINISHES = frozenset(get_args(Finish))
_UNUSABLE = frozenset({"length", "refusal", "blocked", "malformed"})

Steps: TypeAlias = "Generator[Step, Any, Reply[Any]]"


def loop(task: Task) -> Steps:
    """Decide a run, step by step.

    However it ends, also when a driver closes it in the middle, the task's
    messages are a history in which every call has its result, but for those
    that ``pending`` tells: they wait for a person.
    """
    state = RunState(task)
    _check_options(state)
    task.close = state.close_turns
    try:
        finish = yield from _resumed(state)
        if finish is None:
            finish = yield from _rounds(state)
    except ProviderError as error:
        error.messages = tuple(task.messages)
        raise
    finally:
        state.close_turns()
        task.close = None
    reply = state.reply(finish)
    if task.trace is not None:
        task.trace.done(reply, state.round)
    yield ReplyEvent(reply)
    return reply


def _check_options(state: RunState) -> None:
    options = state.task.options
    if options.settings:
        check_settings(state.task)
    if options.tool_choice is not None:
        names = [declaration.name for declaration in state.task.declarations]
        strange = sorted(set(options.tool_choice.allowed_function_names).difference(names))
        if strange:
            known = ", ".join(names[:20]) or "none"
            raise ConfigurationError(f"tool_choice allows {strange}; the tools here are: {known}")
    asked = [state.task.provider]
    if options.repair.mender is not None:
        asked.append(options.repair.mender.provider())
    check_prices(state.task, *asked)


def _resumed(state: RunState) -> Generator[Step, Any, Finish | None]:
    """Take up a run that waited for a person, where the task is one."""
    before = state.task.resumed
    if before is None:
        return None
    if state.task.trace is not None:
        state.task.trace.begin_round(before.rounds)
    stop = yield from resume(state, before)
    return (yield from _conclude(state, stop))


def _rounds(state: RunState) -> Generator[Step, Any, Finish]:
    while True:
        stop = stop_before_asking(state)
        if stop is not None:
            return stop
        state.round += 1
        if state.task.trace is not None:
            state.task.trace.begin_round(state.round)
        yield RoundEvent(state.round)
        response = yield from _ask(state)
        if not isinstance(response, Response):
            return response
        cost = state.tally.count(response)
        again = ask_once_more(state, response)
        turns = state.take(response) if again is None else []
        if state.task.trace is not None:
            state.task.trace.answered(response, cost, [turn.part.id for turn in turns])
        if again is not None:
            yield again
            continue
        stop = yield from _go_on(state, response, turns)
        if stop is not None:
            return stop


def _go_on(
    state: RunState, response: Response, turns: list[Turn]
) -> Generator[Step, Any, Finish | None]:
    """Carry out the calls of a reply, or read the answer; None where the run goes on."""
    if turns:
        if state.task.options.repair.mender is not None:
            turns = yield from _mend_calls(state, response.finish)
        if state.final is not None:
            return (yield from _answer_typed(state, state.final, response.finish))
        return (yield from _answer(state, turns, response.finish))
    if response.finish == "paused":
        return None
    explain(state, response)
    stop = _finish(response.finish)
    if stop != "stop" or state.task.output is None:
        return stop
    return (yield from _read_output(state, state.task.output))


def _ask(state: RunState) -> Generator[Step, Any, Response | Finish]:
    retry = state.task.options.retry
    provider = state.task.provider
    request = state.request()
    if state.sampling is None or request.messages[-1].role == "user":  # or nothing is new to it
        request, left_out = fitted(request, provider)
        state.sampling = request.sampling
        if left_out:
            state.note(left_out)
    provider = _asked(state, provider)
    partials = None if state.answering is None else state.answering.partials
    guard = Guard(retry.breaker, provider)
    number = 1
    while True:
        guard.ask()
        step = AskModel(provider, request, state.attempt(number), partials=partials)
        try:
            answer = yield step
        except GeneratorExit:  # the reader left
            guard.leave(step.visible)
            raise
        if isinstance(answer, Response):
            guard.succeed()
            state.said = step.said
            note_late(state)
            return answer
        error = answer.error
        stop = stop_now(state)
        if stop is not None:
            guard.leave(answer.visible)
            return stop
        guard.fail(error)
        if answer.visible or not error.retryable or number >= retry.attempts:
            raise error
        delay = retry.delay(number, error.retry_after)
        if state.deadline is not None and retry.clock.now() + delay >= state.deadline:
            left = "before the next attempt more time must pass than the run has left"
            return met_deadline(state, f"{left} ({error.message})")
        guard.wait(delay, error)
        yield _retry(state, error, number, delay)
        yield Sleep(delay)
        stop = stop_now(state)
        if stop is not None:
            return stop
        number += 1


def _asked(state: RunState, provider: Provider) -> Provider:
    """The run's provider; one that tells its attempts, where the run is traced."""
    trace = state.task.trace
    if trace is None:
        return provider
    trace.note(state.adaptations)
    return Asked(trace, provider)


def _retry(state: RunState, error: ProviderError, attempt: int, delay: float) -> RetryEvent:
    if state.task.trace is not None:
        state.task.trace.retry(error, attempt, delay)
    return RetryEvent(error=error, attempt=attempt, delay=delay)


def _read_output(state: RunState, spec: OutputSpec) -> Generator[Step, Any, Finish | None]:
    """Read the typed answer; what cannot be read is mended, or asked for again."""
    fault, read = state.read_output(spec)
    if fault is not None:
        mended = yield from _mend(state, read, spec.schema, needs=1)
        if mended is None or not state.load_mended(spec, *mended):
            return state.ask_again(fault)
        read = mended[0]
    yield from _whole(state, read)
    return "stop"


def _whole(state: RunState, read: Read) -> Generator[Step, Any, None]:
    """Show the answer as it was taken, where nobody saw it coming."""
    if state.answering is not None:
        last = state.answering.partials.end(read.value)
        if last is not None:
            yield last


def _answer_typed(
    state: RunState, final: FinalTool, finish: str
) -> Generator[Step, Any, Finish | None]:
    """Carry out the calls of a reply, of which one may be the typed answer."""
    answers = [turn for turn in state.turns if turn.call.name == final.name]
    others = [turn for turn in state.turns if turn.call.name != final.name]
    if others or not answers or finish in _UNUSABLE:
        for turn in answers:
            state.settle_own(turn, _not_taken(final, turn, finish))
        return (yield from _answer(state, others, finish))
    if state.demands_call:
        for turn in answers:
            state.settle_own(turn, final.ahead(turn.call))
        state.close_turns()
        return None
    turn = answers[0]
    for other in answers[1:]:
        state.settle_own(other, final.second(other.call))
    fault, read = state.read_final(turn, final)
    if fault is not None:
        state.settle_own(turn, final.wrong(turn.call, fault))
        state.close_turns()
        return state.may_ask_again(fault)
    state.settle_own(turn, final.taken(turn.call))
    state.close_turns()
    if read is not None:
        yield from _whole(state, read)
    return "stop"


def _not_taken(final: FinalTool, turn: Turn, finish: str) -> ToolResult:
    """The result of an answer whose reply is no whole one, or holds other calls."""
    if finish == "length":
        return final.ended(turn.call, "the reply was cut off by its token limit")
    if finish in _UNUSABLE:
        return final.ended(turn.call, f"the reply ended as {finish!r}")
    return final.early(turn.call)


def _mend(
    state: RunState, broken: Read | None, schema: Any, needs: int
) -> Generator[Step, Any, tuple[Read, str] | None]:
    """The last resort: what another model makes of a broken text, and its name.

    ``needs`` is how many requests the run must have left for that to be of use.
    """
    options = state.task.options
    mender = options.repair.mender
    if mender is None or broken is None or not can_mend(broken) or state.mends >= MAX_MENDS:
        return None
    rounds = options.limits.rounds
    if rounds is not None and rounds - state.asked < needs:
        return None
    if stop_before_asking(state) is not None or not mender.breaker.allow():
        return None
    provider = mender.provider()
    request = mend_request(provider.model, broken, schema)
    state.mends += 1
    trace = state.task.trace
    asked = provider if trace is None else Asked(trace, provider, "mend")
    answer = yield AskModel(asked, request, state.attempt(1), quiet=True)
    if not isinstance(answer, Response):
        if stop_now(state) is None:  # else it was the run that broke it off
            mender.breaker.fail()
        return None
    cost = state.tally.count_other(answer.usage, provider)
    if trace is not None:
        trace.answered(answer, cost, own=False)
    risk = options.repair.max_risk
    read = take_mended(mender, broken, schema, answer=answer, max_risk=risk)
    return None if read is None else (read, model_name(provider))


def _mend_calls(state: RunState, finish: str) -> Generator[Step, Any, list[Turn]]:
    """The turns; where the last resort can, arguments that nobody could read are mended."""
    if _why_not(state, finish)[0] is not None:
        return state.turns
    for turn in state.turns:
        schema = None if turn.refused is None else state.schema_of(turn.call.name)
        if schema is not None:
            mended = yield from _mend(state, turn.read, schema, needs=2)
            if mended is not None and isinstance(mended[0].value, dict):
                state.mend_turn(turn, mended[0].value, mended[1])
    return state.turns


def _answer(state: RunState, turns: list[Turn], finish: str) -> Generator[Step, Any, Finish | None]:
    """Run the calls of a reply, or say to each why it is not run."""
    stop, reason = _why_not(state, finish)
    if stop is not None:
        for turn in turns:
            yield from _refuse(state, turn, reason)
        state.close_turns()
        return stop
    runnable, over = _within_calls(state, turns)
    for turn in turns:
        yield ToolCallEvent(turn.call)
    for turn in turns:
        if turn.refused is not None:
            record = state.settle_refused(turn, turn.refused)
            if record is not None:
                yield told(record)
    if runnable:
        yield RunTools(state, runnable, state.context())
    for turn in over:
        record = state.refuse(turn, _CALL_LIMIT.format(state.task.options.limits.calls))
        yield told(record)
    return (yield from _conclude(state, met_calls(state) if over else None))


def _conclude(state: RunState, stop: Finish | None) -> Generator[Step, Any, Finish | None]:
    """Close the turns, or leave those open that are for a person; ``stop`` ends the run anyway."""
    if state.repeated is not None:
        stop = met_repeats(state, *state.repeated)
    if state.waiting:
        if stop is None:
            stop = yield from decide_open(state)
        if stop == "pending_approval":
            pause(state)
            return stop
        yield from refuse_open(state, _ENDED.format(stop))
        if state.repeated is not None:
            stop = met_repeats(state, *state.repeated)
    state.close_turns()
    return stop


_ENDED = "This call was not run: the run ended ({})."
_CALL_LIMIT = "This call was not run: the run may make {} calls and has made them."


def _refuse(state: RunState, turn: Turn, reason: str) -> Generator[Step, Any, None]:
    yield ToolCallEvent(turn.call)
    record = state.refuse(turn, reason)
    yield told(record)


def _within_calls(state: RunState, turns: list[Turn]) -> tuple[list[Turn], list[Turn]]:
    """The turns to run, and those beyond the limit of calls."""
    ready = [turn for turn in turns if turn.refused is None]
    limit = state.task.options.limits.calls
    if limit is None:
        return ready, []
    left = max(0, limit - len(state.records))
    return ready[:left], ready[left:]


def _why_not(state: RunState, finish: str) -> tuple[Finish | None, str]:
    """Why the calls of a reply must not run: no model would read what they bring."""
    if finish == "length":
        return "length", "This call was not run: the reply was cut off by its token limit."
    if finish in _UNUSABLE:
        return _finish(finish), f"This call was not run: the reply ended as {finish!r}."
    stop = stop_before_asking(state)
    if stop is None:
        return None, ""
    return stop, _ENDED.format(stop)


def _finish(finish: str) -> Finish:
    # an end that nobody knows ("unknown") is none that says the answer is whole
    return finish if finish in _FINISHES else "malformed"  # type: ignore[return-value]
