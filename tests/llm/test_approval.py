"""Calls that need a person: asked in process, or left open by a run that goes on elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.adm import Blob, ErrorObject, FunctionCall, ToolConfig, ToolResult
from altar.errors import ConfigurationError, ErrorType, InvalidDataError, OverloadedError
from altar.llm import (
    Clock,
    Limits,
    Message,
    Options,
    Pending,
    Price,
    Response,
    Retry,
    Task,
    ToolCall,
    ToolResultPart,
    ToolSearch,
    arun,
    astream,
    check_history,
    run,
    stream,
)
from altar.runtime import Cancellation
from altar.testing import FunctionProvider, ScriptedProvider
from tests.waiting import PATIENCE, budgets


class Desk:
    """Tools with a memory: one for anybody, three that a person must allow."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int, str, str]] = []

    def _note(self, name: str, x: int, context: altar.Context) -> int:
        self.ran.append((name, x, context.call_id, context.correlation_id))
        return 10 * x

    @altar.tool
    def look(self, x: int, context: altar.Context) -> int:
        """Look."""
        return self._note("look", x, context)

    @altar.tool(approval=True)
    def pay(self, x: int, context: altar.Context) -> int:
        """Pay."""
        return self._note("pay", x, context)

    @altar.tool(approval=True)
    async def apay(self, x: int, context: altar.Context) -> int:
        """Pay, later."""
        return self._note("apay", x, context)

    @altar.tool(approval=True)
    def snap(self, x: int, context: altar.Context) -> Blob:
        """Take a picture."""
        self._note("snap", x, context)
        return Blob("image/png", bytes([x]))


LOOK, PAY, APAY = (ToolCall(name, {"x": 1}) for name in ("look", "pay", "apay"))


def script(*replies):
    return ScriptedProvider(replies)


def task(provider, prompt=None, **options):
    prompt = [Message.user("go")] if prompt is None else prompt
    return Task(provider, prompt, options=Options(**options))


def play(provider, prompt=None, desk=None, **options):
    with altar.Session(tools=[desk or Desk()]) as session:
        return run(task(provider, prompt, **options), session)


def stored(pending: Pending) -> Pending:
    """The same, through JSON text."""
    again = Pending.from_dict(json.loads(json.dumps(pending.to_dict(), allow_nan=False)))
    assert again.to_dict() == pending.to_dict()
    return again


def told(reply):
    """What came of each call: its content, or the type of its error."""
    return [
        record.result.content if record.result.ok else str(record.result.error.type)
        for record in reply.calls
    ]


def message_of(reply, at=-1):
    return reply.calls[at].result.error.message


# -- asked in process --------------------------------------------------------------------


def test_an_approved_call_runs_with_the_yes_and_the_run_goes_on():
    desk, asked = Desk(), []

    def approve(call):
        asked.append((call.name, call.args, call.call_id))
        return True

    provider = script([PAY, LOOK], "done")
    reply = play(provider, desk=desk, approve=approve)
    provider.finished()
    check_history(reply.messages)
    assert (reply.finish, reply.text, reply.pending, told(reply)) == (
        "stop",
        "done",
        None,
        [10, 10],
    )
    pay = reply.calls[0].call
    assert asked == [("pay", {"x": 1}, pay.call_id)]
    assert {(name, call_id) for name, _, call_id, _ in desk.ran} == {
        (record.call.name, record.call.call_id) for record in reply.calls
    }
    assert {correlation for *_, correlation in desk.ran} == {reply.trace_id}


@pytest.mark.parametrize(("said", "heard"), [(False, "did not allow"), ("too dear", "too dear")])
def test_a_denied_call_is_answered_with_the_persons_reason(said, heard):
    desk = Desk()
    provider = script(PAY, "then not")
    reply = play(provider, desk=desk, approve=lambda call: said)
    assert (desk.ran, reply.finish, told(reply)) == ([], "stop", ["PERMISSION_DENIED"])
    assert heard in message_of(reply)
    (part,) = provider.requests[1].messages[-1].parts
    assert heard in part.value["error"]["message"]
    assert part.value["error"]["retry_allowed"] is False


def test_no_person_is_asked_about_what_needs_none():
    asked = []
    bad = ToolCall("pay", {"y": 1})
    reply = play(script([LOOK, bad, ToolCall("nope")], "ok"), approve=asked.append)
    assert asked == []
    assert told(reply) == [10, "PARAMETER_VALIDATION_FAILED", "TOOL_NOT_FOUND"]


def broken(call):
    raise RuntimeError("the dialogue is gone: secret=42")


@pytest.mark.parametrize(
    ("approve", "kind"),
    [
        (broken, RuntimeError),
        (lambda call: None, ConfigurationError),
        (lambda call: 1, ConfigurationError),
        (lambda call: asyncio.sleep(0), ConfigurationError),
    ],
)
@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_is_neither_yes_nor_no_is_a_no_told_as_an_error(approve, kind, way):
    desk = Desk()
    options = Options(approve=approve)
    ask = {"session": altar.Session(tools=[desk]), "options": options, "model": script(PAY, "ok")}
    if way == "sync":
        reply = altar.generate("go", **ask)
    else:
        reply = asyncio.run(altar.agenerate("go", **ask))
    assert (desk.ran, reply.finish, told(reply)) == ([], "stop", ["PERMISSION_DENIED"])
    assert kind.__name__ in message_of(reply)
    assert "secret" not in message_of(reply)
    assert isinstance(reply.calls[0].result.cause, kind)


def test_an_interrupt_while_a_person_is_asked_ends_the_run_with_a_history_that_can_be_sent():
    def interrupt(call):
        raise KeyboardInterrupt

    given_task = task(script(PAY, "never"), approve=interrupt)
    with altar.Session(tools=[Desk()]) as session, pytest.raises(KeyboardInterrupt):
        run(given_task, session)
    check_history(given_task.messages)

    async def main():
        with altar.Session(tools=[Desk()]) as session:
            await arun(task(script(PAY, "never"), approve=interrupt), session)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


async def say_yes(call):
    await asyncio.sleep(0)
    return True


class SayYes:
    async def __call__(self, call):
        return True


@pytest.mark.parametrize("approve", [say_yes, SayYes(), lambda call: say_yes(call)])
def test_an_async_function_is_awaited(approve):
    options = Options(approve=approve)
    model = script([PAY, APAY], "ok")
    reply = asyncio.run(altar.agenerate("go", model=model, tools=[Desk()], options=options))
    assert told(reply) == [10, 10]


@pytest.mark.parametrize("approve", [say_yes, SayYes()])
def test_an_async_function_is_refused_where_nothing_can_await_it(approve):
    model = script(PAY, "ok")
    options = Options(approve=approve)
    for ask in (altar.generate, lambda *a, **k: list(altar.stream(*a, **k))):
        with pytest.raises(ConfigurationError, match=r"altar\.agenerate"):
            ask("go", model=model, tools=[Desk()], options=options)
    assert model.requests == []


def test_a_plain_function_that_waits_does_not_hold_up_the_event_loop():
    async def main():
        answered = threading.Event()

        def approve(call):
            assert answered.wait(PATIENCE)
            return True

        options = Options(approve=approve)
        model = script(PAY, "ok")
        asking = altar.agenerate("go", model=model, tools=[Desk()], options=options)
        running = asyncio.create_task(asking)
        for _ in range(20):
            await asyncio.sleep(0)
        answered.set()
        return await running

    assert told(asyncio.run(main())) == [10]


def test_what_is_no_function_is_refused_with_the_line_to_type():
    with pytest.raises(ConfigurationError, match=r"Options\(approve=lambda call"):
        Options(approve=True)  # type: ignore[arg-type]


def test_the_function_cannot_change_what_is_run():
    desk = Desk()

    def approve(call):
        call.args["x"] = 99
        return True

    reply = play(script(PAY, "ok"), desk=desk, approve=approve)
    assert (told(reply), desk.ran[0][1], reply.messages[1].calls[0].args) == ([10], 1, {"x": 1})


def test_a_run_that_is_cancelled_while_a_person_is_asked_runs_nothing():
    for stubborn in (True, False):
        flag = Cancellation()
        desk = Desk()

        def approve(call, flag=flag, stubborn=stubborn):
            flag.cancel("the window was closed")
            return stubborn

        reply = play(script([PAY, APAY]), desk=desk, cancel=flag, approve=approve)
        assert (reply.finish, desk.ran, reply.pending) == ("cancelled", [], None)
        assert told(reply) == ["CANCELLED", "CANCELLED"]
        check_history(reply.messages)


def test_a_person_who_does_not_answer_in_time_is_not_waited_for():
    asked = []

    async def never(call):
        asked.append(call)
        await asyncio.Event().wait()

    for seconds in budgets(0.02):
        options = Options(approve=never, limits=Limits(seconds=seconds))
        model = script(PAY)
        reply = asyncio.run(altar.agenerate("go", model=model, tools=[Desk()], options=options))
        assert reply.finish == "deadline"
        if asked:
            break
    assert (len(asked), told(reply)) == (1, ["CANCELLED"])


def test_a_runtime_that_asks_again_is_told_no_twice():
    """Approved once, a call that is refused again is answered: nobody is asked for ever."""
    need = ErrorObject(message="another person, please", type=ErrorType.APPROVAL_REQUIRED)

    class Deaf:
        def __init__(self):
            self.approved = []

        def invoke(self, call, ctx):
            self.approved.append(ctx.approved)
            return ToolResult(name=call.name, call_id=call.call_id, error=need)

        async def ainvoke(self, call, ctx):
            return self.invoke(call, ctx)

    runtime = Deaf()
    reply = run(task(script(PAY, "ok"), approve=lambda call: True), runtime)
    assert (runtime.approved, told(reply)) == ([False, True], ["APPROVAL_REQUIRED"])
    paused = run(task(script(PAY)), runtime)
    resumed = run(task(script("ok"), stored(paused.pending.approve())), runtime)
    assert (resumed.finish, told(resumed)) == ("stop", ["APPROVAL_REQUIRED"])


def test_a_call_that_no_json_can_say_is_not_put_to_a_person():
    need = ErrorObject(message="ask", type=ErrorType.APPROVAL_REQUIRED)

    class Asks:
        def invoke(self, call, ctx):
            return ToolResult(name=call.name, call_id=call.call_id, error=need)

    reply = run(task(script(ToolCall("pay", {"x": float("nan")}), "ok")), Asks())
    assert (reply.finish, told(reply)) == ("stop", ["APPROVAL_REQUIRED"])


# -- left open ---------------------------------------------------------------------------


def test_without_anybody_to_ask_the_run_ends_and_tells_what_it_waits_for():
    desk = Desk()
    reply = play(script([PAY, LOOK, APAY]), desk=desk)
    assert reply.finish == "pending_approval"
    assert "pay, apay" in reply.detail
    assert [(call.name, call.args) for call in reply.pending.calls] == [
        ("pay", {"x": 1}),
        ("apay", {"x": 1}),
    ]
    assert [name for name, *_ in desk.ran] == ["look"]
    assert told(reply) == [10]
    (result,) = reply.pending.results
    assert (result.name, result.value) == ("look", 10)
    assert reply.pending.messages == reply.messages
    assert (reply.pending.rounds, reply.pending.usage) == (1, reply.usage)
    assert reply.pending.trace_id == reply.trace_id


def test_an_open_history_sent_as_a_prompt_answers_its_calls_with_an_error():
    paused = play(script([PAY, LOOK, APAY]))
    provider = script("sorry")
    reply = play(provider, [*paused.messages, Message.user("forget it")])
    check_history(reply.messages)
    pay, look, apay = provider.requests[0].messages[2].parts
    assert (pay.is_error, look.value, apay.is_error) == (True, 10, True)
    assert [one.what for one in reply.adaptations] == ["history"]


def test_the_decision_of_a_person_carries_the_run_on():
    desk = Desk()
    paused = play(script([PAY, LOOK, APAY]), desk=desk)
    pay, apay = paused.pending.calls
    decided = paused.pending.approve(pay.call_id).deny(apay.call_id, reason="not today")
    provider = script("done")
    reply = play(provider, stored(decided), desk=desk)
    provider.finished()
    check_history(reply.messages)
    assert (reply.finish, reply.text, reply.pending) == ("stop", "done", None)
    assert told(reply) == [10, 10, "PERMISSION_DENIED"]
    assert "not today" in message_of(reply)
    assert desk.ran[1:] == [("pay", 1, pay.call_id, paused.trace_id)]
    assert (reply.trace_id, reply.usage.requests) == (paused.trace_id, 2)
    assert reply.messages[:2] == paused.messages[:2]
    assert reply.messages[2].parts[1] == paused.pending.results[0]


def test_what_is_undecided_stays_pending_and_the_model_is_not_asked():
    desk = Desk()
    paused = play(script([PAY, LOOK, APAY]), desk=desk)
    silent = script()
    for undecided in (paused.pending, stored(paused.pending)):
        again = play(silent, undecided, desk=desk)
        assert (again.finish, again.messages) == ("pending_approval", paused.messages)
        assert replace(again.pending, seconds=0) == replace(paused.pending, seconds=0)
    half = play(silent, stored(paused.pending.approve(paused.pending.calls[1].call_id)), desk=desk)
    assert [call.name for call in half.pending.calls] == ["pay"]
    assert [part.name for part in half.pending.results] == ["look", "apay"]
    assert [name for name, *_ in desk.ran] == ["look", "apay"]
    whole = play(script("done"), stored(half.pending.approve()), desk=desk)
    assert (whole.finish, told(whole)) == ("stop", [10, 10, 10])
    assert [record.call.name for record in whole.calls] == ["pay", "look", "apay"]


def test_what_is_undecided_is_asked_where_somebody_can_be():
    paused = play(script([PAY, APAY]))
    decided = paused.pending.deny(paused.pending.calls[0].call_id)
    asked = []
    reply = play(script("ok"), decided, approve=lambda call: asked.append(call.name) or True)
    assert (asked, told(reply)) == (["apay"], ["PERMISSION_DENIED", 10])


def test_a_call_is_carried_out_once_however_often_it_is_sent():
    desk = Desk()
    with altar.Session(tools=[desk]) as session:
        paused = run(task(script(PAY)), session)
        yes = paused.pending.approve()
        for _ in range(2):
            assert told(run(task(script("ok"), stored(yes)), session)) == [10]
    assert len(desk.ran) == 1


def test_pictures_of_siblings_keep_their_bytes():
    desk = Desk()
    asked = iter([True, False])
    first = play(script([ToolCall("snap", {"x": 7}), PAY]), desk=desk)
    half = play(script(), stored(first.pending.approve(first.pending.calls[0].call_id)), desk=desk)
    whole = play(script("ok"), stored(half.pending.approve()), desk=desk)
    part = whole.messages[2].parts[0]
    assert (part.blobs[0].data, part) == (b"\x07", half.messages[2].parts[0])
    assert next(asked)


def test_a_run_that_may_not_go_on_runs_nothing_that_was_approved():
    desk = Desk()
    paused = play(script(PAY), desk=desk)
    flag = Cancellation()
    flag.cancel("closed")
    yes = paused.pending.approve()
    reply = play(script(), yes, desk=desk, cancel=flag)
    assert (reply.finish, told(reply), desk.ran) == ("cancelled", ["CANCELLED"], [])
    check_history(reply.messages)
    assert play(script("ok"), yes, desk=desk).finish == "stop"


def test_limits_count_on_over_both_halves():
    numbers = iter(range(100))
    model = FunctionProvider(lambda request: ToolCall("pay", {"x": next(numbers)}))
    desk = Desk()
    reply = play(model, desk=desk, limits=Limits(rounds=3))
    while reply.pending is not None:
        reply = play(model, stored(reply.pending.approve()), desk=desk, limits=Limits(rounds=3))
    assert (reply.finish, len(desk.ran), len(model.requests)) == ("max_rounds", 2, 3)
    assert reply.usage.requests == 3

    reply = play(model, desk=desk, limits=Limits(calls=2))
    while reply.pending is not None:
        reply = play(model, stored(reply.pending.approve()), desk=desk, limits=Limits(calls=2))
    assert (reply.finish, len(reply.calls)) == ("max_calls", 3)


def test_the_cost_of_both_halves_is_the_cost_of_the_run():
    prices = {"function:function": Price(input=Decimal(3), output=Decimal(7))}
    rounds = [[PAY], [LOOK]]
    straight = play(by_history(rounds), prices=prices, approve=lambda call: True)
    paused = play(by_history(rounds), prices=prices)
    reply = play(by_history(rounds), stored(paused.pending.approve()), prices=prices)
    assert 0 < paused.usage.cost < reply.usage.cost == straight.usage.cost
    limit = Limits(cost=paused.usage.cost)
    spent = play(by_history(rounds), stored(paused.pending), prices=prices, limits=limit)
    assert (spent.finish, told(spent)) == ("budget", ["CANCELLED"])


def test_a_repeat_is_noticed_over_all_pauses():
    desk = Desk()
    reply = play(FunctionProvider(lambda request: PAY), desk=desk)
    rounds = 1
    while reply.pending is not None:
        reply = play(
            FunctionProvider(lambda request: PAY), stored(reply.pending.approve()), desk=desk
        )
        rounds += 1
    assert (reply.finish, rounds) == ("repeated_call", 5)


def test_a_run_that_ends_anyway_asks_nobody():
    asked = []
    options = {"limits": Limits(calls=1), "approve": asked.append}
    reply = play(script([PAY, LOOK]), **options)
    assert (reply.finish, asked) == ("max_calls", [])
    assert told(reply) == ["CANCELLED", "CANCELLED"]
    assert play(script([PAY, LOOK]), limits=Limits(calls=1)).finish == "max_calls"


def test_a_reply_that_was_asked_for_again_before_the_pause_is_not_after_it():
    def replies():
        unusable = Response(message=Message("assistant", ()), finish="malformed")
        return script(unusable, PAY, unusable, "late")

    straight = play(replies(), approve=lambda call: True)
    model = replies()
    resumed = play(model, stored(play(model).pending.approve()))
    assert (straight.finish, straight.usage.requests) == ("malformed", 3)
    assert (resumed.finish, resumed.usage.requests) == ("malformed", 3)


def test_what_may_not_be_called_is_refused_also_when_a_person_allowed_it():
    desk = Desk()
    pending = play(script(PAY)).pending.approve()
    reply = play(script("so"), pending, desk, tool_choice=ToolConfig(mode="NONE"))
    assert desk.ran == []
    assert reply.calls[0].result.error.type == ErrorType.PERMISSION_DENIED


@pytest.mark.parametrize("text", ['{"x": 5,}', '"{\\"x\\": 5}"', '{"x": 5}'])
def test_a_repaired_call_of_a_tool_that_was_searched_is_put_to_a_person(text):
    asked, desk = [], Desk()
    model = script(ToolCall("call_tool", {"name": "pay", "arguments": text}), "so")
    approve = lambda call: asked.append((call.name, call.args)) or True  # noqa: E731
    options = Options(tool_search=ToolSearch(), approve=approve)
    altar.generate("go", model=model, tools=[desk], options=options)
    assert asked == [("pay", {"x": 5})]
    assert [(name, x) for name, x, *_ in desk.ran] == [("pay", 5)]


@pytest.mark.parametrize("text", ['{"x": 5,}', '"{\\"x\\": 5}"'])
def test_a_repaired_call_of_a_tool_that_was_searched_goes_on_elsewhere(text):
    desk, options = Desk(), Options(tool_search=ToolSearch())
    model = script(ToolCall("call_tool", {"name": "pay", "arguments": text}), "so")
    given = {"model": model, "tools": [desk], "options": options}
    pending = stored(altar.generate("go", **given).pending)
    assert [(call.name, call.args) for call in pending.calls] == [("pay", {"x": 5})]
    altar.generate(pending.approve(), **given)
    assert [(name, x) for name, x, *_ in desk.ran] == [("pay", 5)]


class FakeClock(Clock):
    def __init__(self):
        self.time = time.monotonic()  # tools look at the real one

    def now(self):
        return self.time


def test_the_time_a_person_took_does_not_count_and_the_runs_own_does():
    clock = FakeClock()

    def slow(request):
        clock.time += 4
        return ToolCall("pay", {"x": int(clock.time)})

    options = {"limits": Limits(seconds=10), "retry": Retry(clock=clock)}
    reply = play(FunctionProvider(slow), **options)
    assert reply.pending.seconds == pytest.approx(4)
    rounds = 1
    while reply.pending is not None:
        clock.time += 1000
        reply = play(FunctionProvider(slow), stored(reply.pending.approve()), **options)
        rounds += 1
    assert (reply.finish, rounds) == ("deadline", 3)


# -- the value ---------------------------------------------------------------------------


def test_decisions_accumulate_and_leave_the_value_as_it_was():
    pending = play(script([PAY, APAY, ToolCall("snap", {"x": 3})])).pending
    pay, apay, snap = [call.call_id for call in pending.calls]
    some = pending.deny(apay, reason="no").approve(pay)
    assert some.decisions == {apay: "no", pay: True}
    assert [call.call_id for call in some.undecided] == [snap]
    assert some.deny().decisions == {apay: "no", pay: True, snap: False}
    assert some.approve(apay).decisions[apay] is True
    assert pending.decisions == {}
    assert stored(some) == some


@pytest.mark.parametrize("decide", [Pending.approve, Pending.deny])
def test_a_decision_on_a_call_nobody_waits_for_is_refused(decide):
    pending = play(script(PAY)).pending
    with pytest.raises(ConfigurationError, match="'other'.*those that wait are '.*(pay)"):
        decide(pending, "other")


def test_a_reason_is_a_text():
    with pytest.raises(ConfigurationError, match="reason"):
        play(script(PAY)).pending.deny(reason=3)  # type: ignore[arg-type]


def document():
    first = Message.user("go")
    history = [
        first,
        *play(script([LOOK, PAY], LOOK, "so"), approve=lambda call: True).messages[1:],
    ]
    pending = play(script([LOOK, ToolCall("pay", raw_args='{"x": 1}')]), history).pending
    return json.loads(json.dumps(pending.approve().to_dict()))


def change(edited, path, value):
    *steps, last = path
    for step in steps:
        edited = edited[step]
    if value is KeyError:
        del edited[last]
    else:
        edited[last] = value


REPLY, RESULTS = -2, -1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["version"], 2, "$.version"),
        (["version"], True, "$.version"),
        (["version"], KeyError, "$.version"),
        (["surprise"], 1, "$.surprise"),
        (["calls"], KeyError, "$.calls"),
        (["calls"], [], "$.calls"),
        (["calls", 0, "args"], {"x": 2}, "$.calls[0].args"),
        (["calls", 0, "args"], {"x": True}, "$.calls[0].args"),
        (["calls", 0, "args"], [1], "$.calls[0].args"),
        (["calls", 0, "name"], "look", "$.calls[0].name"),
        (["calls", 0, "call_id"], "another", "$.calls[0].call_id"),
        (["calls", 0, "call_id"], KeyError, "$.calls[0].call_id"),
        (["decisions"], {"another": True}, "$.decisions"),
        (["decisions"], [], "$.decisions"),
        (["messages"], KeyError, "$.messages"),
        (["messages"], [], "$.messages"),
        (["messages", 0, "role"], "boss", "$.messages[0].role"),
        (["messages", 2, "parts"], [], "$.messages[2].parts"),
        (["messages", REPLY, "parts", 1, "raw_args"], '{"x": 2}', "$.calls[0].args"),
        (["messages", REPLY, "parts", 1, "raw_args"], "{", "$.calls[0]"),
        (["messages", REPLY, "parts", 1, "name"], "apay", "$.calls[0].name"),
        (["messages", RESULTS, "parts", 0, "call_id"], "another", "$.messages[7].parts"),
        (["messages", RESULTS, "parts"], [{"kind": "text", "text": "x"}], "$.messages[7].parts"),
        (["messages", RESULTS, "role"], "user", "$.messages"),
        (["finished", 0, "call", "call_id"], "another", "$.finished[0].call.call_id"),
        (["finished", 0, "result"], {}, "$.finished[0].result.status"),
        (["finished", 0, "seconds"], -1, "$.finished[0].seconds"),
        (["finished"], [], "$.finished"),
        (["messages", RESULTS, "parts", 0, "text"], "11", "$.messages[7].parts[0].text"),
        (["messages", RESULTS, "parts", 0, "text"], "x", "$.messages[7].parts[0].text"),
        (["trace_id"], 7, "$.trace_id"),
        (["trace_id"], "a\x1b[2K", "$.trace_id"),
        (["trace_id"], "a\nb", "$.trace_id"),
        (["rounds"], 0, "$.rounds"),
        (["rounds"], "1", "$.rounds"),
        (["seconds"], -1, "$.seconds"),
        (["usage"], None, "$.usage"),
        (["usage", "cost"], "a lot", "$.usage.cost"),
        (["usage", "cost"], "NaN", "$.usage.cost"),
        (["usage", "cost"], "-1", "$.usage.cost"),
        (["usage", "input_tokens"], "9", "$.usage.input_tokens"),
        (["usage", "output_tokens"], -9, "$.usage.output_tokens"),
        (["unusable"], ["odd"], "$.unusable"),
        (["unusable"], ["empty", "empty"], "$.unusable"),
        (["adaptations"], [{}], "$.adaptations[0].what"),
        (["streaks"], [{"name": "pay"}], "$.streaks[0].digest"),
        (["mends"], -1, "$.mends"),
        (["asked_again"], 0.5, "$.asked_again"),
    ],
)  # fmt: skip
def test_an_edited_document_is_refused_with_the_path(path, value, said):
    edited = document()
    Pending.from_dict(edited)
    change(edited, path, value)
    with pytest.raises(InvalidDataError) as caught:
        Pending.from_dict(edited)
    assert [problem.path for problem in caught.value.problems if problem.path.startswith(said)]


def test_a_decision_that_is_none_is_refused():
    edited = document()
    (call_id,) = edited["decisions"]
    edited["decisions"][call_id] = 1
    with pytest.raises(InvalidDataError, match="true, false, or a text"):
        Pending.from_dict(edited)


@pytest.mark.parametrize("bad", [None, [], "{}", 3])
def test_what_is_no_object_is_refused(bad):
    with pytest.raises(InvalidDataError, match="pending"):
        Pending.from_dict(bad)


def test_two_waiting_calls_of_one_id_are_refused():
    edited = document()
    twin = dict(edited["messages"][REPLY]["parts"][1])
    edited["messages"][REPLY]["parts"].append(twin)
    with pytest.raises(InvalidDataError, match="ids of their own"):
        Pending.from_dict(edited)


def test_a_value_changed_in_this_process_is_refused_as_well():
    pending = play(script(PAY)).pending
    other = FunctionCall(name="pay", args={"x": 9}, call_id=pending.calls[0].call_id)
    with pytest.raises(InvalidDataError, match="what the history says"):
        replace(pending, calls=(other,))


def test_a_decision_is_taken_in_a_copy_alone():
    pending = play(script(PAY)).pending
    with pytest.raises(TypeError):
        pending.decisions[pending.calls[0].call_id] = True
    assert pending.undecided == pending.calls


def test_what_cannot_be_written_as_json_is_told_as_the_model_was_told():
    need = ErrorObject(message="ask", type=ErrorType.APPROVAL_REQUIRED)

    class Odd:
        def invoke(self, call, ctx):
            error = need if call.name == "pay" else None
            content = None if error else {1, 2}
            return ToolResult(name=call.name, call_id=call.call_id, content=content, error=error)

    pending = stored(run(task(script([ToolCall("odd", {}), PAY])), Odd()).pending)
    (record,) = pending.finished
    assert record.result.error.message in pending.results[0].text


# -- one behaviour -----------------------------------------------------------------------


def events_of(script_, way, **options):
    """The kinds of a run's events, with the calls they are about."""

    def short(event):
        call = getattr(event, "call", None)
        return event.kind if call is None else (event.kind, call.name, _outcome(event))

    model = ScriptedProvider(script_)
    with altar.Session(tools=[Desk()]) as session:
        if way == "stream":
            return [short(event) for event in stream(task(model, **options), session)]

        async def collect():
            return [short(event) async for event in astream(task(model, **options), session)]

        return asyncio.run(collect())


def _outcome(event):
    result = getattr(event, "result", None)
    return None if result is None else result.ok


@pytest.mark.parametrize("approve", [None, lambda call: call.name == "pay" or "no"])
def test_sync_and_async_show_the_same_events(approve):
    replies = [[PAY, APAY], LOOK, "done"]
    shown = events_of(replies, "stream", approve=approve)
    assert shown == events_of(replies, "astream", approve=approve)
    calls = [("tool_call", "pay", None), ("tool_call", "apay", None)]
    if approve is None:
        assert shown == ["round", *calls, "end"]
    else:
        answers = [("tool_result", "apay", False), ("tool_result", "pay", True)]
        assert shown[:5] == ["round", *calls, *answers]


def test_a_resumed_run_shows_the_calls_that_were_decided():
    paused = play(script([PAY, LOOK, APAY])).pending
    decided = paused.deny(paused.calls[0].call_id)

    def kinds(events):
        return [(event.kind, getattr(getattr(event, "call", None), "name", "")) for event in events]

    async def collect(session):
        return [event async for event in astream(task(script(), decided), session)]

    with altar.Session(tools=[Desk()]) as session:
        shown = kinds(stream(task(script(), decided), session))
        assert shown == kinds(asyncio.run(collect(session)))
    assert shown == [("tool_call", "pay"), ("tool_result", "pay"), ("end", "")]


names = st.sampled_from(["look", "pay", "apay", "snap"])
numbers = st.integers(0, 3)


@st.composite
def tool_calls(draw):
    args = {"x": draw(numbers)}
    if draw(st.booleans()):
        broken_json = draw(st.sampled_from(["%s", "%s", "{'x': 1,}", ""]))
        return ToolCall(draw(names), raw_args=broken_json.replace("%s", json.dumps(args)))
    return ToolCall(draw(names), args)


scripts = st.lists(st.lists(tool_calls(), min_size=1, max_size=3), min_size=1, max_size=5)
limits = st.builds(
    Limits, rounds=st.sampled_from([3, 25]), calls=st.sampled_from([4, 200]),
    tokens=st.sampled_from([None, 60]), repeats=st.sampled_from([2, 3, None]),
)  # fmt: skip


def by_history(rounds):
    """A model that goes by the history alone, so that any process may go on with it."""

    def answer(request):
        at = sum(message.role == "assistant" for message in request.messages)
        return list(rounds[at]) if at < len(rounds) else "done"

    return FunctionProvider(answer)


def verdict(call):
    return "odd numbers are unlucky" if call.args.get("x", 0) % 2 else True


def comparable(reply):
    """All of a reply but its ids and times."""
    ids: dict[str, str] = {reply.trace_id: "trace"}
    for message in reply.messages:
        for call in message.calls:
            ids[call.id] = f"call {len(ids)}"

    def plain(document):
        text = json.dumps(document, default=str)
        for given_id, name in ids.items():
            text = text.replace(given_id, name)
        return json.loads(text)

    return {
        "text": reply.text,
        "finish": reply.finish,
        "detail": reply.detail,
        "messages": plain(altar.llm.dump_messages(reply.messages)),
        "calls": [plain([one.call.to_dict(), one.result.to_dict()]) for one in reply.calls],
        "usage": (reply.usage.total_tokens, reply.usage.requests),
        "adaptations": reply.adaptations,
    }


@given(scripts, limits)
def test_a_run_that_paused_is_the_run_that_never_did(rounds, limit):
    straight = play(by_history(rounds), limits=limit, approve=verdict)
    reply = play(by_history(rounds), limits=limit)
    while reply.pending is not None:
        pending = stored(reply.pending)
        for call in pending.calls:
            said = verdict(call)
            decide = pending.approve if said is True else pending.deny
            pending = decide(call.call_id, **({} if said is True else {"reason": said}))
        reply = play(by_history(rounds), stored(pending), limits=limit)
    assert comparable(reply) == comparable(straight)


@given(scripts, st.randoms(use_true_random=False))
def test_decided_one_by_one_it_is_the_same_run(rounds, random):
    free = Limits(repeats=None)
    straight = play(by_history(rounds), limits=free, approve=lambda call: True)
    reply = play(by_history(rounds), limits=free)
    while reply.pending is not None:
        call = random.choice(reply.pending.calls)
        reply = play(by_history(rounds), stored(reply.pending.approve(call.call_id)), limits=free)
    assert comparable(reply) == comparable(straight)


PROGRAM = '''
import json, sys
import altar
from altar.llm import Pending, ToolCall, dump_messages
from altar.testing import FunctionProvider

RAN = []

def tools():
    @altar.tool
    def look(x: int) -> int:
        """Look."""
        return x

    @altar.tool(approval=True)
    def wipe(path: str, context: altar.Context) -> str:
        """Wipe."""
        RAN.append([path, context.call_id, context.correlation_id])
        return f"wiped {path}"

    return [look, wipe]

def answer(request):
    if len(request.messages) == 1:
        return [ToolCall("look", {"x": 3}), ToolCall("wipe", {"path": "a"})]
    return "done"

def ask(prompt, **more):
    return altar.generate(prompt, model=FunctionProvider(answer), tools=tools(), **more)

if __name__ == "__main__":
    reply = ask(Pending.from_dict(json.load(sys.stdin)).approve())
    calls = [[one.call.to_dict(), one.result.to_dict()] for one in reply.calls]
    print(json.dumps({
        "finish": reply.finish, "text": reply.text, "trace_id": reply.trace_id, "ran": RAN,
        "messages": dump_messages(reply.messages), "calls": calls,
        "tokens": reply.usage.total_tokens, "requests": reply.usage.requests,
    }))
'''


def test_another_process_goes_on_where_this_one_left_off(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, "utf-8")
    space = {"__name__": "program"}
    exec(compile(PROGRAM, str(program), "exec"), space)
    paused = space["ask"]("go")
    assert (paused.finish, space["RAN"]) == ("pending_approval", [])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        input=json.dumps(paused.pending.to_dict()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    resumed = json.loads(done.stdout)

    straight = space["ask"]("go", options=Options(approve=lambda call: True))
    (wiped,) = paused.pending.calls
    assert resumed["ran"] == [["a", wiped.call_id, paused.trace_id]]
    assert (resumed["finish"], resumed["text"]) == (straight.finish, straight.text)
    usage = straight.usage
    assert (resumed["tokens"], resumed["requests"]) == (usage.total_tokens, usage.requests)
    same_ids = dict(zip(
        [call.id for call in straight.messages[1].calls],
        [part["id"] for part in resumed["messages"][1]["parts"]], strict=True,
    ))  # fmt: skip
    calls = [[one.call.to_dict(), one.result.to_dict()] for one in straight.calls]
    text = json.dumps([altar.llm.dump_messages(straight.messages), calls])
    for mine, theirs in same_ids.items():
        text = text.replace(mine, theirs)
    assert [resumed["messages"], resumed["calls"]] == json.loads(text)


# -- agents and chats --------------------------------------------------------------------


def test_every_verb_takes_a_pending():
    def paused():
        return altar.generate("go", model=script(PAY), tools=[Desk()]).pending.approve()

    agent = altar.Agent(model=FunctionProvider(lambda request: "done"), tools=[Desk()])
    given_ = {"model": agent.model, "tools": [Desk()]}

    async def collect(events):
        return [event async for event in events][-1].reply

    replies = [
        altar.generate(paused(), **given_),
        asyncio.run(altar.agenerate(paused(), **given_)),
        list(altar.stream(paused(), **given_))[-1].reply,
        asyncio.run(collect(altar.astream(paused(), **given_))),
        agent.run(paused()),
        asyncio.run(agent.arun(paused())),
        agent.chat().send(paused()),
        asyncio.run(agent.chat().asend(paused())),
    ]
    assert [(reply.finish, told(reply)) for reply in replies] == [("stop", [10])] * 8


def chat_of(*replies, desk=None, **options):
    agent = altar.Agent(model=script(*replies), tools=[desk or Desk()], options=Options(**options))
    return agent.chat()


def test_a_paused_chat_keeps_what_it_waits_for_and_goes_on():
    chat = chat_of([PAY, LOOK], "done", "bye")
    assert chat.pending is None
    paused = chat.send("go")
    assert chat.pending is paused.pending
    assert chat.messages == paused.messages
    still = chat.send(chat.pending)
    assert (still.finish, chat.pending) == ("pending_approval", still.pending)
    assert chat.send(chat.pending.approve()).text == "done"
    assert chat.pending is None
    check_history(chat.messages)
    assert chat.send("bye").text == "bye"
    assert len(chat.messages) == 6


def test_another_prompt_counts_as_a_no():
    desk = Desk()
    chat = chat_of([PAY, LOOK], "fine", desk=desk)
    chat.send("go")
    assert chat.send("leave it").text == "fine"
    assert (chat.pending, [name for name, *_ in desk.ran]) == (None, ["look"])
    check_history(chat.messages)
    pay, look = chat.messages[2].parts
    assert isinstance(pay, ToolResultPart)
    assert (pay.value["error"]["message"], look.value) == (
        "This call was not run: nobody approved it.",
        10,
    )
    assert chat.messages[3] == Message.user("leave it")


def test_a_prompt_nobody_answered_leaves_what_the_chat_waits_for():
    chat = chat_of(PAY, OverloadedError("full"), "done", retry=Retry(attempts=1))
    waiting = chat.send("go").pending
    with pytest.raises(OverloadedError):
        chat.send("leave it")
    assert (chat.pending, chat.messages) == (waiting, waiting.messages)
    assert chat.send(chat.pending.approve()).text == "done"


def test_a_resumed_turn_that_fails_keeps_what_was_done():
    desk = Desk()
    chat = chat_of([PAY, LOOK], OverloadedError("full"), "done", desk=desk,
                   retry=Retry(attempts=1))  # fmt: skip
    yes = chat.send("go").pending.approve()
    with pytest.raises(OverloadedError):
        chat.send(yes)
    assert chat.pending is None
    check_history(chat.messages)
    with pytest.raises(ConfigurationError, match=r"chat\.pending"):
        chat.send(yes)
    assert chat.send("well?").text == "done"
    assert [name for name, *_ in desk.ran] == ["look", "pay"]


def test_a_stored_pending_begins_a_new_chat():
    chat = chat_of("done")
    waiting = stored(play(script(PAY)).pending)
    assert chat.send(waiting.approve()).text == "done"
    assert len(chat.messages) == 4


def test_a_typed_answer_comes_after_the_pause():
    paused = altar.generate("go", model=script(PAY), tools=[Desk()], output=int)
    assert (paused.finish, paused.output) == ("pending_approval", None)
    reply = altar.generate(
        stored(paused.pending.approve()), model=script("seven", "7"), tools=[Desk()], output=int
    )
    assert (reply.output, reply.finish, reply.usage.requests) == (7, "stop", 3)


def test_an_answer_given_too_early_waits_with_its_siblings():
    early = [ToolCall("final_answer", {"value": 7}), PAY]
    paused = altar.generate("go", model=script(early), tools=[Desk()], output=int)
    assert (paused.finish, told(paused)) == ("pending_approval", [])
    (note,) = paused.pending.results
    model = script(ToolCall("final_answer", {"value": 8}))
    waiting = stored(paused.pending.approve())
    reply = altar.generate(waiting, model=model, tools=[Desk()], output=int)
    assert (reply.finish, reply.output, told(reply)) == ("stop", 8, [10])
    assert reply.messages[2].parts[0] == note
    check_history(reply.messages)
