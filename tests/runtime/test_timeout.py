"""A timeout ends a call in time, whatever carries it out."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from altar.adm import ToolResult
from altar.errors import ConfigurationError
from altar.later import LocalRuntime
from altar.resilience import RetryPolicy
from altar.runtime import CallContext, Retry, Timeout
from altar.runtime._pool import WorkerPool
from tests.runtime._scripted import Hand, Prompt, Scripted, call, context, error, press_ctrl_c


class Stubborn:
    """Ignores its deadline; ends when it is let go, or told that nobody waits."""

    def __init__(self):
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.flags = []

    def invoke(self, asked, ctx):
        self.flags.append(ctx.cancelled)
        ctx.cancelled.on_cancel(self.gate.set)
        self.begun.set()
        self.gate.wait(60)
        return ToolResult(name=asked.name, call_id=asked.call_id, content="late")

    async def ainvoke(self, asked, ctx):
        self.flags.append(ctx.cancelled)
        await asyncio.Event().wait()


def test_a_call_to_a_runtime_without_deadlines_is_answered_in_time(monkeypatch):
    inner = Stubborn()
    pool = Prompt(inner.begun)
    monkeypatch.setattr("altar.runtime._timeout.default_pool", lambda: pool)
    runtime = Timeout(inner, 0.02, clock=Hand())
    sync = runtime.invoke(call(), context(correlation_id="c"))
    later = asyncio.run(runtime.ainvoke(call(), context(correlation_id="c")))
    for result in (sync, later):
        assert (result.error.type, result.error.correlation_id) == ("TIMEOUT", "c")
        assert result.error.message == "The tool 'read' did not finish within 0.02 s."
        assert result.error.retry_allowed is False
    assert all(flag.reason == "nobody waits any more" for flag in inner.flags)


def test_cancelling_reaches_a_runtime_without_deadlines(monkeypatch):
    monkeypatch.setattr("altar.runtime._timeout._PATIENCE", 60)
    inner = Stubborn()
    ctx = CallContext()
    threading.Timer(0.005, ctx.cancelled.cancel, ["enough"]).start()
    assert Timeout(inner, 60).invoke(call(), ctx).content == "late"
    assert inner.flags[0].reason == "enough"
    assert not ctx.cancelled._listeners, "nobody listens any more"


def test_a_runtime_that_keeps_deadlines_is_given_one_and_no_thread():
    inner = Scripted()
    clock = Hand()
    assert Timeout(inner, 5, clock=clock).invoke(call(), context()).ok
    assert inner.seen[0][1].deadline == clock.time + 5


def test_an_earlier_deadline_stays():
    inner = Scripted()
    clock = Hand()
    Timeout(inner, 5, clock=clock).invoke(call(), context(deadline=clock.time + 1))
    assert inner.seen[0][1].deadline == clock.time + 1


def test_inside_a_retry_each_attempt_has_its_own_time_around_it_all_share_one():
    clock = Hand()
    again = error(again=True)

    def slow(asked, ctx):
        clock.time += 2
        return again

    policy = RetryPolicy(attempts=3, clock=clock)
    inside = Scripted(slow, slow, slow)
    Retry(Timeout(inside, 3, clock=clock), policy).invoke(call(), context())
    assert [ctx.deadline - 1000 for _, ctx in inside.seen] == [3, 5.5, 8.5]
    clock.time = 1000.0
    around = Scripted(slow, slow, slow)
    result = Timeout(Retry(around, policy), 3, clock=clock).invoke(call(), context())
    assert [ctx.deadline - 1000 for _, ctx in around.seen] == [3, 3]
    assert result.error.details["attempts"] == 2, "a third would have begun after the deadline"


def test_what_the_inner_runtime_raises_comes_through_the_thread():
    class Raising:
        def invoke(self, asked, ctx):
            raise KeyError("a bug")

        async def ainvoke(self, asked, ctx):
            raise TimeoutError("its own")

    with pytest.raises(KeyError):
        Timeout(Raising(), 5).invoke(call(), context())
    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(Timeout(Raising(), 5).ainvoke(call(), context()))


def test_a_deadline_that_is_over_begins_nothing():
    inner = Stubborn()
    ctx = context(deadline=time.monotonic() - 1)
    results = [
        Timeout(inner, 5).invoke(call(), ctx),
        asyncio.run(Timeout(inner, 5).ainvoke(call(), ctx)),
    ]
    for result in results:
        assert result.error.type == "TIMEOUT"
        assert result.error.details == {"executed": "no"}
    assert not inner.flags


def test_a_stack_keeps_deadlines_when_all_of_it_does():
    local = LocalRuntime()
    assert Retry(Timeout(Stubborn(), 5)).honours_deadline
    assert Retry(local).honours_deadline
    assert not Retry(Stubborn()).honours_deadline


@pytest.mark.parametrize("seconds", [0, -1, None, "5", float("inf")])
def test_a_bad_number_of_seconds_is_refused(seconds):
    with pytest.raises(ConfigurationError, match=r"Timeout\(seconds="):
        Timeout(Scripted(), seconds)


def test_an_interrupted_wait_tells_the_call_and_leaves_its_thread():
    inner = Stubborn()

    def press():
        if inner.begun.wait(60):
            press_ctrl_c()

    thread = threading.Thread(target=press)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        Timeout(inner, 60).invoke(call(), context())
    thread.join(60)
    assert inner.flags[0].reason == "interrupted"
    assert inner.gate.wait(60)


def test_an_awaited_call_that_is_cancelled_is_told():
    inner = Stubborn()

    async def main():
        task = asyncio.create_task(Timeout(inner, 10).ainvoke(call(), context()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert inner.flags[0].reason == "nobody waits any more"


def test_a_call_that_never_left_the_queue_says_so(monkeypatch):
    pool = WorkerPool(1)
    monkeypatch.setattr("altar.runtime._timeout.default_pool", lambda: pool)
    busy = threading.Event()
    pool.submit(lambda: busy.wait(60))
    inner = Scripted()
    inner.honours_deadline = False
    error = Timeout(inner, 0.01).invoke(call(), context()).error
    busy.set()
    assert (error.type, error.details) == ("TIMEOUT", {"executed": "no"})
    assert inner.ran == 0


class Deaf:
    """Ignores deadlines and flags."""

    def __init__(self):
        self.gate = threading.Event()
        self.begun = threading.Event()

    def invoke(self, asked, ctx):
        self.begun.set()
        self.gate.wait(120)

    async def ainvoke(self, asked, ctx):
        self.begun.set()
        await asyncio.Event().wait()


def test_a_raised_flag_ends_a_call_whose_runtime_does_not_listen(monkeypatch):
    monkeypatch.setattr("altar.runtime._timeout._PATIENCE", 0.01)
    inner = Deaf()
    pool = Prompt(inner.begun)
    monkeypatch.setattr("altar.runtime._timeout.default_pool", lambda: pool)
    for way in (
        lambda ctx: Timeout(inner, 60).invoke(call(), ctx),
        lambda ctx: asyncio.run(Timeout(inner, 60).ainvoke(call(), ctx)),
    ):
        for delay in (0, 0.005):
            ctx = CallContext()
            inner.begun.clear()

            def cancel(ctx=ctx, delay=delay):
                inner.begun.wait(60)
                time.sleep(delay)
                ctx.cancelled.cancel("enough")

            threading.Thread(target=cancel).start()
            error = way(ctx).error
            assert (error.type, error.details) == ("CANCELLED", {"executed": "unknown"})
            assert "enough" in error.message
    inner.gate.set()
