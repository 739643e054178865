"""Fan-out: many calls at once, in order, bounded, and never stuck."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from altar.adm import FunctionCall, ToolResult
from altar.runtime import CallContext, ainvoke_many, invoke_many

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Echo:
    """A runtime that answers with what it is told, after `body` ran."""

    def __init__(self, body=lambda call: None):
        self.body = body

    def invoke(self, call, ctx):
        return ToolResult(name=call.name, content=self.body(call))

    async def ainvoke(self, call, ctx):
        await asyncio.sleep(0)
        return ToolResult(name=call.name, content=self.body(call))


def calls(count):
    return [FunctionCall(name=str(n)) for n in range(count)], [CallContext()] * count


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40])
@pytest.mark.parametrize("width", [1, 2, 8])
def test_every_call_is_answered_in_order_and_told_once(count, width):
    """Results keep the order; `done` hears of each exactly once."""
    told: dict[int, str] = {}
    made = invoke_many(
        Echo(), *calls(count), max_concurrency=width, done=lambda n, r: told.update({n: r.name})
    )
    expected = [str(n) for n in range(count)]
    assert [result.name for result in made] == expected
    assert [told[n] for n in range(count)] == expected
    told.clear()
    made = asyncio.run(
        ainvoke_many(
            Echo(), *calls(count), max_concurrency=width, done=lambda n, r: told.update({n: r.name})
        )
    )
    assert [result.name for result in made] == expected
    assert [told[n] for n in range(count)] == expected


def test_no_more_at_once_than_asked_for():
    """max_concurrency bounds the calls that run together."""
    lock, running, most = threading.Lock(), [0], [0]
    turn = threading.Event()

    def body(call):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        turn.wait(0.002)
        with lock:
            running[0] -= 1

    invoke_many(Echo(body), *calls(20), max_concurrency=3)
    assert most[0] <= 3


def test_calls_really_run_together():
    """Three calls that wait for each other all end."""
    meet = threading.Barrier(3)
    invoke_many(Echo(lambda call: meet.wait(60)), *calls(3))


def test_each_call_sees_the_callers_variables_and_not_its_siblings():
    """Context variables flow in, and not across."""
    seen = []

    def body(call):
        seen.append(variable.get())
        variable.set(call.name)

    variable.set("outer")
    invoke_many(Echo(body), *calls(12), max_concurrency=2)
    assert seen == ["outer"] * 12
    assert variable.get() == "outer"


@pytest.mark.parametrize("bad", range(4))
def test_what_a_runtime_raises_reaches_the_caller(bad):
    """A runtime's own bug is not swallowed, whichever thread met it."""

    def body(call):
        if call.name == str(bad):
            raise LookupError("a bug")

    with pytest.raises(LookupError):
        invoke_many(Echo(body), *calls(4), max_concurrency=2)
    with pytest.raises(LookupError):
        asyncio.run(ainvoke_many(Echo(body), *calls(4), max_concurrency=2))


def test_cancelling_the_task_cancels_every_call():
    """The awaiting task's cancellation reaches all of its calls and is raised."""
    ended = []

    class Slow(Echo):
        async def ainvoke(self, call, ctx):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(call.name)

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ainvoke_many(Slow(), *calls(3))

    asyncio.run(main())
    assert sorted(ended) == ["0", "1", "2"]


def test_fan_out_within_fan_out_ends():
    """Nested far beyond the pool's size, every call is answered."""

    def body(call):
        if len(call.name) < 4:
            inner = [FunctionCall(name=call.name + str(n)) for n in range(4)]
            invoke_many(Echo(body), inner, [CallContext()] * 4)

    assert len(invoke_many(Echo(body), *calls(8))) == 8
