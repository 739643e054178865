"""Another runtime is asked where that cannot do a thing twice; and somebody is told of every call."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest

from altar import trace
from altar.errors import ConfigurationError
from altar.later import LocalRuntime
from altar.resilience import CircuitBreaker, RetryPolicy, Slots
from altar.runtime import (
    Approval,
    Breaker,
    Cache,
    ConcurrencyLimit,
    Fallback,
    Observe,
    RateLimit,
    Retry,
    Timeout,
)
from tests.runtime._scripted import Hand, Scripted, call, context, error


@pytest.mark.parametrize(
    "failed",
    [
        error("CIRCUIT_OPEN"),
        error("TOOL_NOT_FOUND", again=False),
        error("TIMEOUT", again=True),
        error("RESOURCE_EXHAUSTED", executed="no"),
    ],
)
def test_another_runtime_is_asked_when_nothing_was_done_or_it_may_be_done_again(failed):
    other = Scripted("second")
    assert Fallback(Scripted(failed), other).invoke(call(), context()).content == "second"


@pytest.mark.parametrize(
    "failed",
    [
        error("TIMEOUT"),
        error("TOOL_EXECUTION_FAILED", again=False),
        error("PARAMETER_VALIDATION_FAILED", again=True),
        error("PERMISSION_DENIED", executed="no"),
        error("APPROVAL_REQUIRED", executed="no"),
        error("CANCELLED", executed="no"),
    ],
)
def test_it_is_not_asked_to_do_again_what_may_have_been_done_or_what_was_refused(failed):
    other = Scripted()
    result = Fallback(Scripted(failed), other).invoke(call(), context())
    assert (result.error, other.ran) == (failed, 0)


def test_where_the_other_has_no_such_tool_the_first_error_stands():
    result = Fallback(Scripted(error("TIMEOUT", again=True)), LocalRuntime()).invoke(
        call(), context()
    )
    assert result.error.type == "TIMEOUT"


def test_nothing_was_executed_only_when_neither_did():
    refused = error("RATE_LIMIT_EXCEEDED", executed="no")
    for first, said in ((refused, "no"), (error("TIMEOUT", again=True), "unknown")):
        result = Fallback(Scripted(first), Scripted(refused)).invoke(call(), context())
        assert result.error.details == {"executed": said}


def test_the_application_may_say_when():
    runtime = Fallback(
        Scripted(error("X"), error("Y")), Scripted("second"), when=lambda r: r.error.type == "Y"
    )
    assert [runtime.invoke(call(), context()).ok for _ in range(2)] == [False, True]


def test_a_fallback_without_a_second_runtime_is_refused():
    for other, when in ((None, None), (LocalRuntime, None), (Scripted(), 3)):
        with pytest.raises(ConfigurationError, match="type Fallback"):
            Fallback(Scripted(), other, when=when)


def test_every_call_is_told_with_its_result_and_time():
    told = []
    runtime = Observe(Scripted("fine", error("TIMEOUT")), told.append)
    results = [runtime.invoke(call(), context()), asyncio.run(runtime.ainvoke(call(), context()))]
    assert [one.result for one in told] == results
    assert all(one.seconds >= 0 and one.call.name == "read" for one in told)


def test_a_call_that_was_broken_off_is_told_too():
    told = []
    for ending, kind in (
        (KeyboardInterrupt(), "CANCELLED"),
        (asyncio.CancelledError(), "CANCELLED"),
        (ValueError("a bug"), "TOOL_EXECUTION_FAILED"),
    ):
        with pytest.raises(type(ending)):
            Observe(Scripted(ending), told.append).invoke(call(), context())
        assert told[-1].result.error.type == kind
        assert "a bug" not in told[-1].result.error.message


def test_a_tell_that_raises_disturbs_nothing_and_is_logged_once(caplog):
    def tell(one):
        raise ValueError("secret")

    runtime = Observe(Scripted(), tell)
    with caplog.at_level(logging.WARNING, "altar"):
        assert all(runtime.invoke(call(), context()).ok for _ in range(3))
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_a_tell_that_nobody_could_await_is_refused():
    async def tell(one):
        raise AssertionError

    for wrong in (tell, None):
        with pytest.raises(ConfigurationError, match="give a plain function"):
            Observe(Scripted(), wrong)


class Notes:
    """Takes what spans a tracer hands on."""

    def __init__(self):
        self.events = []

    def write(self, spans):
        self.events += [
            (event[0], dict(event[2] or {})) for one in spans for event in one.events or ()
        ]

    def close(self):
        pass


def noted(runtime, times=1):
    notes = Notes()
    tracer = trace.Tracer(notes)
    with tracer, trace.span("all"):
        for _ in range(times):
            runtime.invoke(call(), context())
    return notes.events


def test_what_a_wrapper_does_stands_in_the_trace():
    clock = Hand()
    again = error("TIMEOUT", again=True)
    policy = RetryPolicy(attempts=2, clock=clock)
    assert noted(Retry(Scripted(again), policy)) == [
        ("retry", {"attempt": 2, "wait_s": 0.5, "error": "TIMEOUT"})
    ]
    hits = noted(Cache(Scripted(), 60, only=["read"]), 2)
    assert hits == [("cache", {"hit": False}), ("cache", {"hit": True})]
    limited = RateLimit(Scripted(), 1, max_wait=5, clock=clock)
    assert noted(limited, 2) == [("rate_limited", {"wait_s": 1.0})]
    breaker = Breaker(Scripted(again), lambda: CircuitBreaker(failures=1))
    assert noted(breaker, 2) == [("breaker", {"state": "open"})] * 2
    fallback = Fallback(Scripted(again), Scripted())
    assert noted(fallback) == [("fallback", {"error": "TIMEOUT"})]
    approval = Approval(Scripted(), lambda one: False, only=["read"])
    assert noted(approval) == [("approval", {"approved": False})]
    assert noted(Timeout(Scripted(error("TIMEOUT")), 5)) == [("timeout", {"seconds": 5})]
    slots = Slots(1, clock=clock)
    with slots.enter():
        assert noted(ConcurrencyLimit(Scripted(), slots, max_wait=2)) == [
            ("queued", {"wait_s": 2.0})
        ]


def test_a_tell_that_turns_out_to_be_async_is_told_in_the_log(caplog):
    async def tell(one, more):
        raise AssertionError

    runtime = Observe(Scripted(), partial(tell, more=1))
    assert runtime.invoke(call(), context()).ok
    assert "tell is async, and nobody awaits it; give a plain function" in caplog.text
