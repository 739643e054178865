"""Limits hold whatever a run is doing: in a call of the model, a typed answer, a search, a retry."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from threading import Event, Thread, Timer

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.errors import OverloadedError
from altar.llm import (
    Capabilities,
    Limits,
    LoopedProvider,
    Message,
    Options,
    Price,
    Response,
    Retry,
    Text,
    Thinking,
    ToolCall,
    ToolSearch,
    Usage,
    check_history,
)
from altar.resilience import CircuitBreaker
from altar.runtime import Cancellation
from altar.testing import ScriptedProvider
from tests.llm._table import FakeClock, told
from tests.waiting import PATIENCE, budgets


def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


class Hangs(LoopedProvider):
    """An async client whose server never answers; ``asked`` is set once it was."""

    name = "hangs"

    def __init__(self):
        super().__init__()
        self.asked = Event()
        self.ended = Event()

    async def acomplete(self, request, attempt):
        try:
            self.asked.set()
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def astream(self, request, attempt):
        await self.acomplete(request, attempt)
        yield


def whole(**asked):
    return altar.generate("?", **asked)


def streamed(**asked):
    return list(altar.stream("?", **asked))[-1].reply


def awaited(**asked):
    return asyncio.run(altar.agenerate("?", **asked))


def async_streamed(**asked):
    async def collect():
        return [event async for event in altar.astream("?", **asked)]

    return asyncio.run(collect())[-1].reply


FORMS = [whole, streamed, awaited, async_streamed]


def within_patience(function, **asked):
    """What ``function`` returns, in a thread that a test does not wait for longer than it has."""
    found = []
    thread = Thread(target=lambda: found.append(function(**asked)), daemon=True)
    thread.start()
    thread.join(3 * PATIENCE)
    assert found, "the run went on past its end"
    return found[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("output", [None, int], ids=["text", "typed"])
def test_a_deadline_reaches_a_model_call_in_flight(form, output):
    model = Hangs()
    for seconds in budgets():
        options = Options(limits=Limits(seconds=seconds))
        reply = within_patience(form, model=model, options=options, output=output)
        assert (reply.finish, reply.text) == ("deadline", "")
        check_history(reply.messages)
        if model.asked.is_set():
            break
    assert model.ended.wait(PATIENCE)
    model.close()


@pytest.mark.parametrize("form", FORMS)
def test_a_flag_raised_in_another_thread_reaches_a_model_call_in_flight(form):
    model, flag = Hangs(), Cancellation()

    def raise_it():
        model.asked.wait(PATIENCE)
        flag.cancel("the user left")

    Thread(target=raise_it, daemon=True).start()
    reply = within_patience(form, model=model, options=Options(cancel=flag))
    assert (reply.finish, reply.detail) == ("cancelled", "the user left")
    assert model.ended.wait(PATIENCE)
    model.close()


def test_a_run_that_was_cancelled_tells_the_breaker_nothing():
    breaker, flag = CircuitBreaker(failures=1), Cancellation()
    model = Hangs()
    Timer(0.01, flag.cancel, ("enough",)).start()
    options = Options(cancel=flag, retry=Retry(breaker=breaker))
    assert within_patience(whole, model=model, options=options).finish == "cancelled"
    assert breaker.state == "closed"
    model.close()


# -- every driver, whatever a model does -----------------------------------------------------

USED = Usage(input_tokens=10, output_tokens=10)


def reply_of(*parts, finish="stop"):
    return Response(message=Message("assistant", parts), finish=finish, usage=USED)


ADD = ToolCall("add", {"a": 1, "b": 2})
REPLIES = st.sampled_from(
    [
        ADD,
        [Text("let me see"), ADD],
        ToolCall("add", {"a": "x"}),
        ToolCall("add", raw_args="{'a': 1,}"),
        ToolCall("final_answer", {"value": 3}),
        ToolCall("final_answer", {"value": "three"}),
        ToolCall("final_answer", raw_args="{"),
        [ADD, ToolCall("final_answer", {"value": 3})],
        ToolCall("search_tools", {"query": "add two numbers"}),
        ToolCall("call_tool", {"name": "add", "arguments": {"a": 1}}),
        ToolCall("call_tool", {"name": "ad", "arguments": "{}"}),
        [ToolCall("search_tools", {"query": "add"}), ADD, ToolCall("call_tool", {})],
        reply_of(),
        reply_of(Thinking("hm")),
        reply_of(finish="malformed"),
        reply_of(ADD, finish="malformed"),
        reply_of(ToolCall("final_answer", {"value": 3}), finish="length"),
        reply_of(Text("wait"), finish="paused"),
        OverloadedError("full"),
        "3",
        "so",
    ]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "tool_search": st.just(ToolSearch()),
        "limits": st.sampled_from(
            [Limits(rounds=3), Limits(calls=2), Limits(tokens=55), Limits(cost=Decimal(3))]
        ),
    },
)
CAPABILITIES = st.sampled_from(
    [
        Capabilities(),
        Capabilities(native_output=True),
        Capabilities(tool_choice=False),
        Capabilities(native_output=True, output_with_tools=False, max_tools=3),
    ]
)


@given(st.lists(REPLIES, max_size=6), OPTIONS, CAPABILITIES, st.sampled_from([None, int]))
def test_every_driver_takes_the_same_decisions_and_no_limit_is_passed(
    replies, given_options, can, output
):
    price = {"scripted:script": Price(input=Decimal(100_000), output=Decimal(100_000))}

    def fresh():
        model = ScriptedProvider([*replies, *["3"] * 9], capabilities=can)
        options = Options(retry=Retry(clock=FakeClock(), attempts=9), prices=price, **given_options)
        tools = {name: add for name in ("add", "b", "c", "d")}
        return {"model": model, "tools": tools, "output": output, "options": options}

    async def collect():
        return [event async for event in altar.astream("?", **fresh())]

    events = list(altar.stream("?", **fresh()))
    assert settled(asyncio.run(collect())) == settled(events)
    reply = events[-1].reply
    asked = fresh()
    for other in (whole(**asked), awaited(**fresh())):
        check_history(other.messages)
        assert (other.text, other.finish, other.output) == (reply.text, reply.finish, reply.output)
        assert (other.detail, other.usage) == (reply.detail, reply.usage)
        assert [one.call.name for one in other.calls] == [one.call.name for one in reply.calls]
    assert_within(reply, asked["options"].limits)
    tools = [[one.wire() for one in request.tools] for request in asked["model"].requests]
    assert all(one == tools[0] for one in tools)
    if output is not None and reply.finish == "stop" and reply.output is not None:
        partials = [event.value for event in events if event.kind == "partial"]
        assert partials[-1] == reply.output == 3


def settled(events):
    """What was told, the results of one reply in an order of their own: they end as they end."""
    out, ended = [], []
    for one in told(events):
        if one[0] == "tool_result":
            ended.append(one)
            continue
        out += [*sorted(ended, key=repr), one]
        ended = []
    return out


def assert_within(reply, limits):
    assert reply.usage.requests <= limits.rounds
    ran = [one for one in reply.calls if one.result.ok and one.call.name == "add"]
    assert len(ran) <= limits.calls
    if reply.finish == "budget":
        assert reply.usage.total_tokens >= (limits.tokens or 0)
