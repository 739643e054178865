"""Every wrapper decides the same, called from a thread and called on an event loop."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.resilience import CircuitBreaker, RetryPolicy
from altar.runtime import (
    Approval,
    Breaker,
    Bulkhead,
    Cache,
    ConcurrencyLimit,
    Fallback,
    Observe,
    RateLimit,
    Retry,
    Timeout,
)
from altar.testing import Faults, Mishap
from tests.runtime._scripted import Hand, Scripted, call, context, error


def retry(inner, clock):
    return Retry(inner, RetryPolicy(attempts=3, budget=9, clock=clock))


def breaker(inner, clock):
    return Breaker(inner, lambda: CircuitBreaker(failures=2, wait=5, clock=clock.now))


def held(wrapper, name="read"):
    """A limit whose only slot somebody else holds, for this tool."""
    slots = getattr(wrapper, "slots", None) or wrapper._keyed.get(name)
    assert slots.enter().held
    return wrapper


def approval(inner, clock):
    verdicts = [True, False, "not today", None, RuntimeError("no")]

    def ask(asked):
        said = verdicts[len(asked.args.get("n", "")) % len(verdicts)]
        if isinstance(said, Exception):
            raise said
        return said

    return Approval(inner, ask, only=["write"])


WRAPPERS = {
    "Approval": approval,
    "Breaker": breaker,
    "Bulkhead": lambda inner, clock: held(Bulkhead(inner, 1, max_wait=2, clock=clock)),
    "Cache": lambda inner, clock: Cache(
        inner, 5, only=lambda asked: True, max_entries=2, clock=clock
    ),
    "ConcurrencyLimit": lambda inner, clock: held(
        ConcurrencyLimit(inner, 1, max_wait=2, clock=clock)
    ),
    "Fallback": lambda inner, clock: Fallback(inner, Scripted("second", error("TOOL_NOT_FOUND"))),
    "Faults": lambda inner, clock: Faults(
        inner,
        [
            Mishap("raise", call=3),
            Mishap("delay", seconds=2, share=0.5),
            Mishap("wrong_id", call=4),
        ],
        clock=clock,
    ),
    "Observe": lambda inner, clock: Observe(inner, lambda told: None),
    "RateLimit": lambda inner, clock: RateLimit(inner, 0.5, max_wait=2, clock=clock),
    "Retry": retry,
    "Timeout": lambda inner, clock: Timeout(inner, 3, clock=clock),
    "all": lambda inner, clock: Cache(
        breaker(
            retry(RateLimit(Timeout(inner, 3, clock=clock), 2, max_wait=3, clock=clock), clock),
            clock,
        ),
        5,
        only=lambda asked: True,
        clock=clock,
    ),
}

kinds = st.sampled_from(
    [
        "APPROVAL_REQUIRED",
        "CANCELLED",
        "PARAMETER_VALIDATION_FAILED",
        "SERVICE_UNAVAILABLE",
        "TIMEOUT",
        "TOOL_NOT_FOUND",
    ]
)
outcomes = st.one_of(
    st.builds(lambda n: ["some", n], st.integers(0, 3)),
    st.builds(
        lambda kind, again, after: error(kind, again=again, after=after),
        kinds,
        st.sampled_from([None, True, False]),
        st.sampled_from([None, 0, 1, 100]),
    ),
    st.sampled_from([ValueError("inside"), asyncio.CancelledError(), KeyboardInterrupt()]),
)
inner_steps = st.tuples(
    outcomes, st.sampled_from([0, 0, 1, 4]), st.sampled_from([False] * 5 + [True])
)
calls = st.tuples(
    st.sampled_from(["read", "write"]),
    st.sampled_from(["", "a", "ab", "abc", "abcd"]),
    st.sampled_from([0, 0, 1, 6, -3]),  # how the clock goes on before it
    st.sampled_from([None, None, 2]),  # its deadline
    st.sampled_from([False] * 5 + [True]),  # cancelled beforehand
)


def stepped(coroutine):
    """Run a coroutine that never has to wait: nothing here needs an event loop but asking."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def played(make, steps, script, run_async):
    """What came of each call, what the inner runtime saw, and what time it is then."""
    clock = Hand()
    done = []

    def acting(outcome, takes, cancels):
        def act(asked, ctx):
            clock.time += takes
            if cancels:
                ctx.cancelled.cancel("enough")
            return outcome

        return act

    inner = Scripted(*[acting(*step) for step in steps])
    wrapper = make(inner, clock)
    for index, (name, text, gap, deadline, cancelled) in enumerate(script):
        clock.time += gap
        ctx = context(
            correlation_id=f"c{index}",
            deadline=None if deadline is None else clock.time + deadline,
        )
        if cancelled:
            ctx.cancelled.cancel("never mind")
        asked = call(name, f"id-{index}", n=text)
        try:
            if run_async is not None:
                result = run_async(wrapper.ainvoke(asked, ctx))
            else:
                result = wrapper.invoke(asked, ctx)
        except BaseException as raised:
            done.append(type(raised).__name__)
        else:
            done.append(result.to_dict())
    seen = [(one.call_id, ctx.attempt, ctx.deadline, ctx.approved) for one, ctx in inner.seen]
    return done, seen, clock.time, clock.slept


@pytest.mark.parametrize("name", WRAPPERS)
@given(st.lists(inner_steps, max_size=8), st.lists(calls, min_size=1, max_size=6))
def test_the_same_script_has_the_same_outcome_both_ways(name, steps, script):
    sync = played(WRAPPERS[name], steps, script, None)
    run_async = asyncio.run if name == "Approval" else stepped
    assert sync == played(WRAPPERS[name], steps, script, run_async)
    ids = [done["call_id"] for done in sync[0] if isinstance(done, dict)]
    expected = [f"id-{n}" for n, done in enumerate(sync[0]) if isinstance(done, dict)]
    assert ids == expected or name == "Faults", "every call is answered under its own id"
