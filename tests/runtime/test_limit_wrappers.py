"""Limits: so many calls a second, so many at once, and a typed answer for the others."""

from __future__ import annotations

import asyncio
import threading

import pytest

from altar import Session
from altar.errors import ConfigurationError
from altar.resilience import Slots, TokenBucket
from altar.runtime import (
    Bulkhead,
    CallContext,
    ConcurrencyLimit,
    Policy,
    RateLimit,
    Timeout,
    ainvoke_many,
)
from altar.runtime._keyed import Keyed
from tests.runtime._scripted import Hand, Scripted, call, context


def test_past_the_rate_a_call_is_told_when_to_come_back():
    clock = Hand()
    runtime = RateLimit(Scripted(), 2, burst=1, clock=clock)
    assert runtime.invoke(call(), context()).ok
    error = runtime.invoke(call(), context()).error
    assert (error.type, error.retry_after_ms) == ("RATE_LIMIT_EXCEEDED", 500)
    assert (error.retry_allowed, error.details) == (True, {"executed": "no"})
    clock.time += 0.5
    assert runtime.invoke(call(), context()).ok


def test_a_call_waits_for_its_turn_but_not_past_its_deadline():
    clock = Hand()
    runtime = RateLimit(Scripted(), 1, max_wait=10, clock=clock)
    results = [runtime.invoke(call(), context()) for _ in range(3)]
    assert all(result.ok for result in results)
    assert clock.slept == [1.0, 1.0]
    assert not runtime.invoke(call(), context(deadline=clock.time + 0.5)).ok
    assert clock.slept == [1.0, 1.0]


def test_a_bucket_may_be_shared():
    bucket = TokenBucket(1, 1, clock=Hand().now)
    first, second = RateLimit(Scripted(), bucket), RateLimit(Scripted(), bucket)
    assert [first.invoke(call(), context()).ok, second.invoke(call(), context()).ok] == [
        True,
        False,
    ]


class Counting:
    """Counts how many calls it is in at once, of each tool."""

    honours_deadline = True

    def __init__(self):
        self.now = {}
        self.most = {}

    async def ainvoke(self, asked, ctx):
        name = asked.name
        self.now[name] = self.now.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.now[name])
        await asyncio.sleep(0.001)
        self.now[name] -= 1
        return Scripted().invoke(asked, ctx)

    def invoke(self, asked, ctx):
        return asyncio.run(self.ainvoke(asked, ctx))


def many(runtime, names):
    calls = [call(name) for name in names]
    contexts = [CallContext() for _ in calls]
    return asyncio.run(ainvoke_many(runtime, calls, contexts, max_concurrency=99))


def test_no_more_calls_run_at_once_than_the_limit_allows():
    inner = Counting()
    assert all(result.ok for result in many(ConcurrencyLimit(inner, 3), ["a"] * 12))
    assert inner.most == {"a": 3}


def test_a_bulkhead_counts_each_tool_by_itself():
    inner = Counting()
    assert all(result.ok for result in many(Bulkhead(inner, 2), ["a", "b"] * 6))
    assert inner.most == {"a": 2, "b": 2}


def test_a_full_queue_and_a_long_wait_are_answered():
    slots = Slots(1, max_queue=0)
    runtime = ConcurrencyLimit(Scripted(), slots)
    with slots.acquire():
        error = runtime.invoke(call(), context()).error
        assert (error.type, error.retry_allowed) == ("RESOURCE_EXHAUSTED", True)
        assert error.details == {"executed": "no"}
        slots.max_queue = None
        runtime.max_wait = 0.001
        error = runtime.invoke(call(), context()).error
        assert "none was free within 0.001 s" in error.message
        late = runtime.invoke(call(), context(deadline=0.0))
        assert late.error.type == "TIMEOUT"
        ctx = context()
        ctx.cancelled.cancel("enough")
        assert runtime.invoke(call(), ctx).error.type == "CANCELLED"
    assert (slots.free, slots.queued) == (1, 0)
    assert runtime.invoke(call(), context()).ok


def test_a_call_within_a_call_runs_on_its_callers_slot():
    """With one slot a tool that calls a tool would otherwise wait for itself."""
    sessions = []

    def outer() -> str:
        """Call another tool."""
        return sessions[-1].execute("inner").content

    def inner() -> str:
        """Answer."""
        return "inside"

    for limit in (ConcurrencyLimit, Bulkhead):
        with Session([outer, inner], runtime=lambda local, limit=limit: limit(local, 1)) as session:
            sessions.append(session)
            assert session.execute("outer").content == "inside"


def test_what_outlives_its_call_has_no_slot_of_it():
    slots = Slots(1)
    left = threading.Event()
    found = []

    class Leaving:
        honours_deadline = True

        def invoke(self, asked, ctx):
            import contextvars

            variables = contextvars.copy_context()

            def later():
                left.wait(60)
                found.append(variables.run(limited.invoke, call("again"), context()))

            self.thread = threading.Thread(target=later)
            self.thread.start()
            return Scripted().invoke(asked, ctx)

        async def ainvoke(self, asked, ctx):
            raise AssertionError

    limited = ConcurrencyLimit(Scripted(), slots, max_wait=0)
    leaving = Leaving()
    ConcurrencyLimit(leaving, slots).invoke(call(), context())
    with slots.acquire():
        left.set()
        leaving.thread.join(60)
    assert found[0].error.type == "RESOURCE_EXHAUSTED"


def test_names_that_are_made_up_are_not_kept_for_ever():
    kept = Keyed(lambda: Slots(1), lambda slots: slots.free == 1, busy=True, size=10)
    busy = kept.get("busy")
    with busy.acquire():
        for number in range(100):
            kept.get(f"made up {number}")
        assert kept.get("busy") is busy
    assert len(kept) == 10
    strict = Keyed(list, lambda made: False, size=10)
    for number in range(100):
        strict.get(str(number))
    assert len(strict) == 10


@pytest.mark.parametrize(
    "make",
    [
        lambda: RateLimit(Scripted(), 0),
        lambda: RateLimit(Scripted(), 1, max_wait=-1),
        lambda: ConcurrencyLimit(Scripted(), 0),
        lambda: ConcurrencyLimit(Scripted(), 1, max_wait=-1),
        lambda: Bulkhead(Scripted(), "4"),
        lambda: Bulkhead(Scripted(), 4, max_queue=-1),
        lambda: Bulkhead(Scripted(), 4, clock=3),
    ],
)
def test_a_bad_option_is_refused(make):
    with pytest.raises(ConfigurationError, match="; type "):
        make()


def test_a_turn_that_is_not_used_goes_back_unless_another_waits_behind_it():
    clock = Hand()
    bucket = TokenBucket(1, 1, clock=clock.now)
    assert bucket.take() == 0.0
    wait, first = bucket.reserve(10)
    _, second = bucket.reserve(10)
    assert wait == 1.0
    assert not bucket.give_back(first), "the second waits behind it"
    assert bucket.give_back(second)
    assert bucket.reserve(10)[0] == 2.0
    assert bucket.reserve(0)[1] is None
    assert not bucket.give_back(None)


class Flagging(Hand):
    """A clock that raises a flag, or an exception, in its sleep."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def sleep(self, seconds):
        self.end()


@pytest.mark.parametrize("how", ["flag", "interrupt"])
def test_a_call_that_is_broken_off_gives_its_turn_back(how):
    ctx = CallContext()

    def end():
        if how == "interrupt":
            raise KeyboardInterrupt
        ctx.cancelled.cancel("enough")

    runtime = RateLimit(Scripted(), 1, max_wait=5, clock=Flagging(end))
    assert runtime.invoke(call(), context()).ok
    for _ in range(3):
        if how == "interrupt":
            with pytest.raises(KeyboardInterrupt):
                runtime.invoke(call(), ctx)
        else:
            assert runtime.invoke(call(), ctx).error.type == "CANCELLED"
    assert runtime.bucket.reserve(5)[0] == 1.0


def test_a_call_that_was_cancelled_already_takes_no_turn():
    ctx = CallContext()
    ctx.cancelled.cancel("enough")
    runtime = RateLimit(Scripted(), 1, clock=Hand())
    assert runtime.invoke(call(), ctx).error.type == "CANCELLED"
    assert runtime.invoke(call(), context()).ok


@pytest.mark.parametrize("huge", [10**400, 1e300, float("inf")])
def test_a_number_that_no_clock_counts_is_refused_when_it_is_given(huge):
    for make in (
        lambda: RateLimit(Scripted(), huge),
        lambda: RateLimit(Scripted(), 1, burst=huge),
        lambda: RateLimit(Scripted(), 1, max_wait=huge),
        lambda: Timeout(Scripted(), huge),
        lambda: Policy(timeout=huge),
        lambda: Policy(rate=huge),
        lambda: Policy(cache=huge),
        lambda: Policy(concurrency=huge),
        lambda: Policy(rate="1e308/0.001s"),
        lambda: Policy(rate="5e-324/d"),
    ):
        with pytest.raises(ConfigurationError, match="; type "):
            make()
