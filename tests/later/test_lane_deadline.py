"""A tool's fast lane under a deadline answers as the general way does."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

import altar
from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.later import LocalRuntime
from altar.runtime import CallContext, Cancellation, Deadline

CALLS = 32  # past those that go the general way before there is a lane


@altar.tool(name="lane_sleeps")
async def lane_sleeps(seconds: float) -> str:
    """Sleep."""
    await asyncio.sleep(seconds)
    return "slept"


@altar.tool(name="lane_defies")
async def lane_defies(seconds: float) -> str:
    """Sleep on when told to stop."""
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
    return "slept"


async def warm(name: str) -> LocalRuntime:
    runtime = LocalRuntime([lane_sleeps, lane_defies])
    for _ in range(CALLS):
        result = await runtime.ainvoke(call(name, 0.0), CallContext())
        assert result.content == "slept"
    assert name in runtime.async_lanes
    return runtime


def call(name: str, seconds: float) -> FunctionCall:
    return FunctionCall(name=name, args={"seconds": seconds})


@pytest.mark.parametrize("name", ["lane_sleeps", "lane_defies"])
def test_a_lane_ends_at_its_deadline_with_the_seconds_that_were_given(name):
    """Whether the body stops or swallows the cancellation, its caller hears of a timeout."""

    async def main():
        runtime = await warm(name)
        lane = runtime.async_lanes[name]
        ctx = CallContext(deadline=Deadline(0.05), correlation_id="c1")
        found = await runtime.take(lane, call(name, 0.2), ctx=ctx)
        assert found.error.type == ErrorType.TIMEOUT
        assert found.error.details["timeout_seconds"] == 0.05
        assert found.error.correlation_id == "c1"
        assert asyncio.current_task().cancelling() == 0
        again = await runtime.take(lane, call(name, 0.0), ctx=CallContext(deadline=Deadline(60.0)))
        assert again.content == "slept"

    asyncio.run(main())


def test_a_deadline_that_has_passed_is_a_miss_and_runs_nothing():
    """The general way refuses such a call, and says that nothing ran."""

    async def main():
        runtime = await warm("lane_sleeps")
        ctx = CallContext(deadline=Deadline(0.0))
        lane = runtime.async_lanes["lane_sleeps"]
        assert await runtime.take(lane, call("lane_sleeps", 0.0), ctx=ctx) is None

    asyncio.run(main())


def test_who_cancels_before_the_deadline_is_heard():
    """A flag that is raised means CANCELLED; a task that is cancelled raises."""

    async def main():
        runtime = await warm("lane_sleeps")
        lane = runtime.async_lanes["lane_sleeps"]
        flag = Cancellation()
        asyncio.get_running_loop().call_later(0.02, flag.cancel, "enough")
        ctx = CallContext(deadline=Deadline(60.0), cancelled=flag)
        found = await runtime.take(lane, call("lane_sleeps", 60.0), ctx=ctx)
        assert found.error.type == ErrorType.CANCELLED
        ctx = CallContext(deadline=Deadline(60.0))
        task = asyncio.ensure_future(runtime.take(lane, call("lane_sleeps", 60.0), ctx=ctx))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
