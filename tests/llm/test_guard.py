"""A model behind a circuit breaker: asked before each attempt, told what came of it."""

from __future__ import annotations

import asyncio

import pytest

import altar
from altar.errors import (
    BadRequestError,
    CircuitOpenError,
    ConfigurationError,
    OverloadedError,
    StreamBrokenError,
)
from altar.llm import BaseProvider, Delta, Message, Options, PartStart, Response, Retry, Start
from altar.resilience import CircuitBreaker
from altar.runtime import Cancellation
from altar.testing import ScriptedProvider
from tests.llm._table import FakeClock

FULL = OverloadedError("full", provider="scripted")


def behind(breaker, clock=None, attempts=1):
    return Options(retry=Retry(breaker=breaker, clock=clock or FakeClock(), attempts=attempts))


def breaker_on(clock, failures=2, wait=10.0):
    return CircuitBreaker(failures=failures, wait=wait, clock=clock.now)


def test_an_open_breaker_sends_nothing_and_says_when_to_try_again():
    clock = FakeClock()
    options = behind(breaker_on(clock), clock)
    for _ in range(2):
        with pytest.raises(OverloadedError):
            altar.generate("?", model=ScriptedProvider([FULL]), options=options)
    clock.time += 4
    model = ScriptedProvider(["never"])
    with pytest.raises(CircuitOpenError, match="in 6 s") as caught:
        altar.generate("?", model=model, options=options)
    assert model.requests == []
    assert (caught.value.retry_after, caught.value.sent) == (6.0, False)
    assert [message.text for message in caught.value.messages] == ["?"]
    clock.time += 6
    assert altar.generate("?", model=ScriptedProvider(["ok"]), options=options).text == "ok"
    assert options.retry.breaker.state == "closed"


def test_attempts_of_one_run_open_it_and_the_wait_is_not_begun():
    clock = FakeClock()
    options = behind(breaker_on(clock), clock, attempts=4)
    with pytest.raises(CircuitOpenError) as caught:
        altar.generate("?", model=ScriptedProvider([FULL, FULL, "never"]), options=options)
    assert isinstance(caught.value.__cause__, OverloadedError)
    assert len(clock.slept) == 1


def test_a_wait_that_outlasts_it_is_a_trial():
    clock = FakeClock()
    hint = OverloadedError("full", retry_after=10.0)
    options = behind(breaker_on(clock, failures=1), clock, attempts=2)
    model = ScriptedProvider([hint, "ok"])
    assert altar.generate("?", model=model, options=options).text == "ok"


def test_a_refused_request_shows_that_the_server_is_there():
    clock = FakeClock()
    breaker = breaker_on(clock)
    refused = BadRequestError("no", status=400)
    for error in (FULL, refused, FULL):
        with pytest.raises(type(error)):
            altar.generate("?", model=ScriptedProvider([error]), options=behind(breaker, clock))
    assert breaker.state == "closed"


def test_a_run_that_broke_off_says_nothing_of_the_model():
    breaker = CircuitBreaker(failures=1)
    flag = Cancellation()

    class Cancels(BaseProvider):
        def complete(self, request, attempt):
            flag.cancel("enough")
            raise FULL

    options = Options(retry=Retry(breaker=breaker), cancel=flag)
    assert altar.generate("?", model=Cancels(), options=options).finish == "cancelled"
    assert breaker.state == "closed"


def test_a_stream_that_breaks_after_something_was_seen_counts_and_is_not_sent_again():
    broken = [Start(), PartStart(0, "text"), Delta(0, "so"), StreamBrokenError("cut")]
    breaker = CircuitBreaker(failures=1)
    model = ScriptedProvider([broken, "never"])
    with pytest.raises(StreamBrokenError):
        list(altar.stream("?", model=model, options=behind(breaker, attempts=3)))
    assert (breaker.state, len(model.requests)) == ("open", 1)


def test_a_model_that_was_seen_to_answer_works_also_when_the_reader_leaves():
    clock = FakeClock()
    options = behind(breaker_on(clock, failures=1), clock)
    model = ScriptedProvider([FULL, "a long answer that comes in pieces"])
    with pytest.raises(OverloadedError):
        altar.generate("?", model=model, options=options)
    clock.time += 11
    for event in altar.stream("?", model=model, options=options):
        if event.kind == "text":
            break
    assert options.retry.breaker.state == "closed"


def test_a_retry_event_carries_the_error_the_attempt_and_the_delay():
    clock = FakeClock()
    hint = OverloadedError("full", retry_after=2.0)
    events = altar.stream(
        "?", model=ScriptedProvider([hint, FULL, "ok"]), options=behind(None, clock, attempts=3)
    )
    told = [(one.error, one.attempt, one.delay) for one in events if one.kind == "retry"]
    assert told == [(hint, 1, 2.0), (FULL, 2, 1.0)]
    assert clock.slept == [2.0, 1.0]


def test_a_breaker_of_another_kind_is_refused():
    with pytest.raises(ConfigurationError, match=r"CircuitBreaker\(\)"):
        Retry(breaker=3)


# -- how long a provider lives ------------------------------------------------------------


class Counted(BaseProvider):
    """A provider that is loaded by name, and counts its lives."""

    name = "counted"
    lives: list[Counted] = []

    def __init__(self, model):
        self.model = model
        self.closed = 0
        self.lives.append(self)

    def complete(self, request, attempt):
        if self.model == "full":
            raise FULL
        return Response(message=Message.assistant("ok"))

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def _lives(monkeypatch):
    Counted.lives = []
    monkeypatch.setattr("altar.plugins.load_provider", lambda name: Counted(name.partition(":")[2]))
    monkeypatch.setattr("altar.plugins.check_model", lambda name: None)


def lives():
    return [one.closed for one in Counted.lives]


def test_every_run_opens_and_closes_a_provider_of_its_own():
    agent = altar.Agent(model="counted:x")
    agent.run("a")
    agent.run("b")
    assert lives() == [1, 1]


def test_an_agent_in_a_with_block_keeps_one_provider():
    with altar.Agent(model="counted:x") as agent:
        agent.run("a")
        list(agent.stream("b"))
        with agent.chat() as chat:
            chat.send("c")
        assert lives() == [0]
    assert lives() == [1]
    agent.run("d")
    assert lives() == [1, 1]


def test_an_agent_in_an_async_with_block_keeps_one_provider():
    async def main():
        async with altar.Agent(model="counted:x") as agent:
            await agent.arun("a")
            async for _ in agent.astream("b"):
                pass
            assert lives() == [0]

    asyncio.run(main())
    assert lives() == [1]


def test_a_block_inside_a_block_closes_nothing():
    agent = altar.Agent(model="counted:x")
    with agent:
        with agent:
            agent.run("a")
        agent.run("b")
        assert lives() == [0]
    assert lives() == [1]


def test_a_chat_keeps_one_provider():
    with altar.Agent(model="counted:x").chat() as chat:
        chat.send("a")
        chat.send("b")
        list(chat.stream("c"))
        assert lives() == [0]
    assert lives() == [1]

    async def main():
        async with altar.Agent(model="counted:x").chat() as chat:
            await chat.asend("a")
            await chat.asend("b")

    asyncio.run(main())
    assert lives() == [1, 1]


def test_a_provider_of_the_callers_own_stays_open():
    model = Counted("mine")
    with altar.Agent(model=model) as agent, agent.chat() as chat:
        chat.send("a")
    assert lives() == [0]


def test_an_agent_in_a_with_block_leaves_a_failing_model_alone():
    options = Options(retry=Retry(attempts=2, clock=FakeClock()))
    with altar.Agent(model="counted:full", options=options) as agent:
        for _ in range(2):
            with pytest.raises(OverloadedError):
                agent.run("a")
        with pytest.raises(CircuitOpenError):
            agent.run("a")
    with agent, pytest.raises(OverloadedError):
        agent.run("a")  # another block remembers nothing
    with pytest.raises(OverloadedError):
        agent.run("a")


def test_an_agent_keeps_the_breaker_of_its_options():
    breaker = CircuitBreaker(failures=1)
    with altar.Agent(model="counted:full", options=behind(breaker)) as agent:
        with pytest.raises(OverloadedError):
            agent.run("a")
        assert breaker.state == "open"
