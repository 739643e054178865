"""Faults strike the calls they are told to, and the same ones each time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from altar.errors import ConfigurationError
from altar.runtime import CallContext, Retry, Timeout
from altar.testing import Faults, Mishap, RuntimeFaultError
from tests.runtime._scripted import Hand, Scripted, call, context


def test_a_mishap_strikes_by_number_by_tool_or_both():
    runtime = Faults(
        Scripted(),
        [
            Mishap("error", call=2),
            Mishap("error", call=(3, 5), tool="write"),
            Mishap("error", tool="x"),
        ],
    )
    names = ["read", "read", "write", "x", "read"]
    results = [runtime.invoke(call(name), context()) for name in names]
    assert [result.ok for result in results] == [True, False, False, False, True]
    assert runtime.struck == [(2, "error"), (3, "error"), (4, "error")]
    assert repr(runtime) == "Faults(3) -> Scripted"


def test_a_share_strikes_the_same_calls_each_time():
    def struck(seed):
        runtime = Faults(Scripted(), [Mishap("error", share=0.3)], seed=seed)
        for _ in range(200):
            runtime.invoke(call(), context())
        return runtime.struck

    assert struck(1) == struck(1) != struck(2)
    assert 30 < len(struck(1)) < 90


def test_an_error_may_say_that_the_call_may_be_sent_again():
    runtime = Faults(Scripted(), [Mishap("error", call=1, error="TIMEOUT", retry_after=0)])
    assert Retry(runtime).invoke(call(), context()).ok
    plain = Faults(Scripted(), [Mishap("error", error="TIMEOUT")]).invoke(call(), context())
    assert (plain.error.type, plain.error.retry_allowed) == ("TIMEOUT", None)


def test_a_raise_a_delay_and_a_wrong_id():
    clock = Hand()
    plan = [Mishap("raise", call=1), Mishap("delay", call=2, seconds=3), Mishap("wrong_id", call=3)]
    runtime = Faults(Scripted(), plan, clock=clock)
    with pytest.raises(RuntimeFaultError):
        runtime.invoke(call(), context())
    assert runtime.invoke(call(), context()).ok
    assert clock.slept == [3]
    assert runtime.invoke(call(id_="mine"), context()).call_id == "not-mine"


def test_what_hangs_ends_when_it_is_cancelled_and_not_by_its_deadline():
    runtime = Faults(Scripted(), [Mishap("hang")])
    ctx = CallContext(deadline=0.0)
    threading.Timer(0.005, ctx.cancelled.cancel, ["enough"]).start()
    assert runtime.invoke(call(), ctx).error.type == "CANCELLED"
    assert Timeout(runtime, 0.01).invoke(call(), context()).error.type == "TIMEOUT"
    ended = asyncio.run(Timeout(runtime, 0.01).ainvoke(call(), context()))
    assert ended.error.type == "TIMEOUT"


def test_a_bad_plan_is_refused():
    for make in (
        lambda: Mishap("explode"),
        lambda: Mishap("error", share=2),
        lambda: Faults(Scripted(), ["error"]),
    ):
        with pytest.raises(ConfigurationError):
            make()
