"""Wrapped runtimes keep the contract of runtimes, in any order of wrappers."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar import Session
from altar.errors import ConfigurationError
from altar.later import LocalRuntime
from altar.resilience import CircuitBreaker, RetryPolicy
from altar.runtime import (
    Approval,
    Breaker,
    Bulkhead,
    Cache,
    CallContext,
    ConcurrencyLimit,
    Fallback,
    Observe,
    RateLimit,
    Retry,
    Timeout,
    Wrapper,
    ainvoke_many,
    invoke_many,
)
from altar.testing import Faults, Mishap, RuntimeContract
from tests.runtime._scripted import Hand, Scripted, call, context

MAKERS = {
    # nobody approves, as if there were no wrapper: what needs a person is still refused
    "Approval": lambda inner: Approval(inner, lambda asked: True, only=["elsewhere"]),
    "Breaker": lambda inner: Breaker(inner, lambda: CircuitBreaker(failures=50)),
    "Bulkhead": lambda inner: Bulkhead(inner, 3),
    "Cache": lambda inner: Cache(inner, 60, only=["add", "aadd"]),
    "ConcurrencyLimit": lambda inner: ConcurrencyLimit(inner, 3),
    "Fallback": lambda inner: Fallback(inner, LocalRuntime()),
    "Faults": lambda inner: Faults(inner, [Mishap("error", tool="nobody")]),
    "Observe": lambda inner: Observe(inner, lambda told: None),
    "RateLimit": lambda inner: RateLimit(inner, 1e6),
    "Retry": lambda inner: Retry(inner, RetryPolicy(attempts=2, max_delay=0.01)),
    "Timeout": lambda inner: Timeout(inner, 20),
}
ALONE = (
    "test_it_is_a_runtime",
    "test_a_call_is_answered_with_its_name_and_id",
    "test_a_deadline_ends_a_call",
    "test_a_cancelled_call_does_not_begin",
    "test_raising_the_flag_ends_a_running_call",
    "test_cancelling_the_awaiting_task_raises",
    "test_an_error_carries_the_correlation_id",
)


class Denying(Approval):
    """An approval that leaves what the contract says of unapproved calls as it is."""

    def steps(self, asked, ctx):
        result = yield ctx
        return result


def stacked(names, inner):
    for name in names:
        inner = MAKERS[name](inner)
    return inner


class TestAllWrappersStacked(RuntimeContract):
    def make_runtime(self, tools):
        names = [name for name in MAKERS if name != "Approval"]
        return stacked(names, Denying(LocalRuntime(tools), lambda asked: True))


class Ignoring:
    """A runtime of somebody else's: it knows no deadlines."""

    def __init__(self, inner):
        self.inner = inner

    def invoke(self, asked, ctx):
        return self.inner.invoke(asked, ctx.replace(deadline=None))

    async def ainvoke(self, asked, ctx):
        return await self.inner.ainvoke(asked, ctx.replace(deadline=None))


class TestTimeoutAroundAForeignRuntime(RuntimeContract):
    def make_runtime(self, tools):
        return Timeout(Ignoring(LocalRuntime(tools)), 60)


@pytest.mark.parametrize("name", MAKERS)
def test_each_wrapper_alone_keeps_what_is_easily_broken(name):
    class Alone(RuntimeContract):
        def make_runtime(self, tools):
            return MAKERS[name](LocalRuntime(tools))

    for test in ALONE:
        getattr(Alone(), test)()


def fails(n: int) -> int:
    """Fail now and then."""
    if n % 3 == 0:
        raise ValueError("no")
    return n


async def afails(n: int) -> int:
    """Fail now and then, later."""
    await asyncio.sleep(0)
    return fails(n)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(sorted(MAKERS)), max_size=7), st.integers(0, 10**6))
def test_in_any_order_of_wrappers_every_call_is_answered_exactly_once(names, seed):
    told = []
    plan = [Mishap("error", share=0.2, retry_after=0), Mishap("delay", share=0.1, seconds=0.0005)]
    inner = Faults(LocalRuntime([fails, afails]), plan, seed=seed)
    runtime = Observe(stacked(names, inner), told.append)
    draw = random.Random(seed)
    calls = [
        call(draw.choice(["fails", "afails", "unknown"]), f"id-{n}", n=draw.randrange(6))
        for n in range(12)
    ]
    contexts = [CallContext() for _ in calls]
    found = invoke_many(runtime, calls, contexts, max_concurrency=4)
    found += asyncio.run(ainvoke_many(runtime, calls, contexts, max_concurrency=4))
    assert [result.call_id for result in found] == [one.call_id for one in calls] * 2
    assert [result.name for result in found] == [one.name for one in calls] * 2
    seen = sorted(one.call.call_id for one in told)
    assert seen == sorted([one.call_id for one in calls] * 2)


def test_a_printed_stack_reads_from_the_outside_in():
    inner = Scripted()
    runtime = Retry(Bulkhead(Timeout(inner, 5), 4))
    assert repr(runtime) == "Retry(3) -> Bulkhead(4) -> Timeout(5 s) -> Scripted"
    assert (
        repr(Cache(RateLimit(inner, 2.5), 60, only=["a"]))
        == "Cache(60 s) -> RateLimit(2.5/s) -> Scripted"
    )
    rest = Observe(Approval(Breaker(Fallback(inner, Scripted())), print), print)
    assert repr(rest) == "Observe -> Approval -> Breaker -> Fallback(Scripted) -> Scripted"
    assert repr(ConcurrencyLimit(inner, 7)) == "ConcurrencyLimit(7) -> Scripted"


def test_a_wrapper_without_a_runtime_says_what_to_type():
    for wrong in (None, LocalRuntime, print):
        with pytest.raises(ConfigurationError, match="Retry\\(local, ...\\)"):
            Retry(wrong)


def test_a_wrapper_of_ones_own_is_one_generator():
    class Louder(Wrapper):
        def steps(self, asked, ctx):
            result = yield ctx.replace(attempt=7)
            return result

    inner = Scripted("a", "b")
    with Session([], runtime=Louder(inner)) as session:
        assert session.execute("x").content == "a"
        assert asyncio.run(session.aexecute("x")).content == "b"
    assert [ctx.attempt for _, ctx in inner.seen] == [7, 7]


def test_what_the_inner_runtime_raises_is_raised_at_the_yield():
    seen = []

    class Watching(Wrapper):
        def steps(self, asked, ctx):
            try:
                return (yield ctx)
            except StopIteration:
                seen.append("caught")
                return (yield ctx)

    assert Watching(Scripted(StopIteration(1))).invoke(call(), context()).content == "ok"
    assert seen == ["caught"]


def test_a_wrapper_cuts_no_thread_off_that_waits_within_the_pool():
    """Forty calls in the pool that wait for one slot leave it the threads the slot's owner needs."""
    local = LocalRuntime([fails])
    runtime = ConcurrencyLimit(Timeout(local, 60), 1)
    calls = [call("fails", n=1) for _ in range(40)]
    found = invoke_many(runtime, calls, [CallContext() for _ in calls], max_concurrency=40)
    assert [result.content for result in found] == [1] * 40


def test_no_context_variable_is_left_set():
    import contextvars

    before, threads = dict(contextvars.copy_context()), threading.active_count()
    runtime = stacked(sorted(MAKERS), Scripted(1, KeyboardInterrupt()))
    runtime.invoke(call("add"), context())
    with pytest.raises(KeyboardInterrupt):
        runtime.invoke(call("sub"), context())
    assert dict(contextvars.copy_context()) == before

    async def main():
        dropped = stacked(sorted(MAKERS), Hanging()).ainvoke(call("add"), context())
        dropped.send(None)
        dropped.close()  # GeneratorExit, as for a coroutine that is never finished
        assert dict(contextvars.copy_context()) == dict(inside)

    inside = {}

    async def outer():
        inside.update(contextvars.copy_context())
        await main()

    asyncio.run(outer())
    assert threading.active_count() <= threads + 10


class Hanging:
    honours_deadline = True

    def invoke(self, asked, ctx):
        raise AssertionError

    async def ainvoke(self, asked, ctx):
        await asyncio.get_running_loop().create_future()


class Given:
    """What each wrapper lends for the time of a call, and how much of it is out."""

    def __init__(self, name, inner):
        clock = Hand()
        self.runtime = {
            "Breaker": lambda: Breaker(
                inner, lambda: CircuitBreaker(failures=1, wait=5, clock=clock.now)
            ),
            "Bulkhead": lambda: Bulkhead(inner, 1, max_wait=0),
            "Cache": lambda: Cache(inner, 60, only=lambda asked: True),
            "ConcurrencyLimit": lambda: ConcurrencyLimit(inner, 1, max_wait=0),
        }[name]()
        if name == "Breaker":  # so that a call is its one trial
            self.runtime.breaker("read").fail()
            clock.time += 5


@pytest.mark.parametrize("name", ["Breaker", "Bulkhead", "Cache", "ConcurrencyLimit"])
@pytest.mark.parametrize("ending", [KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_slots_trials_and_flights_come_back_however_a_call_ends(name, ending):
    runtime = Given(name, Scripted(ending(), "well")).runtime
    with pytest.raises(ending):
        runtime.invoke(call(), context())
    assert runtime.invoke(call(), context()).content == "well"
    runtime = Given(name, Hanging()).runtime

    async def main():
        for _ in range(3):
            task = asyncio.create_task(runtime.ainvoke(call(), context()))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        dropped = runtime.ainvoke(call(), context())
        dropped.send(None)
        dropped.close()
        runtime.inner = Scripted("well")
        assert (await runtime.ainvoke(call(), context())).content == "well"

    asyncio.run(main())
