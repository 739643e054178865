"""A tool's fast lane under a deadline answers as the general way does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

import altar
from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.later import LocalRuntime
from altar.runtime import CallContext, Cancellation, Deadline

CALLS = 32  # past those that go the general way before there is a lane


@altar.tool(name="lane_waits")
async def lane_waits(for_ever: bool) -> str:
    """Wait for what never comes."""
    if for_ever:
        await asyncio.Event().wait()
    return "done"


@altar.tool(name="lane_defies")
async def lane_defies(for_ever: bool) -> str:
    """The same, and go on when told to stop."""
    with suppress(asyncio.CancelledError):
        if for_ever:
            await asyncio.Event().wait()
    return "done"


async def warm(name: str) -> LocalRuntime:
    runtime = LocalRuntime([lane_waits, lane_defies])
    for _ in range(CALLS):
        result = await runtime.ainvoke(call(name, False), CallContext())
        assert result.content == "done"
    assert name in runtime.async_lanes
    return runtime


def call(name: str, for_ever: bool) -> FunctionCall:
    return FunctionCall(name=name, args={"for_ever": for_ever})


@pytest.mark.parametrize("name", ["lane_waits", "lane_defies"])
def test_a_lane_ends_at_its_deadline_with_the_seconds_that_were_given(name):
    """Whether the body stops or swallows the cancellation, its caller hears of a timeout."""

    async def main():
        runtime = await warm(name)
        lane = runtime.async_lanes[name]
        found = None
        while found is None:  # a miss, where the time was over before the lane was asked
            ctx = CallContext(deadline=Deadline(0.05), correlation_id="c1")
            found = await runtime.take(lane, call(name, True), ctx=ctx)
        assert found.error.type == ErrorType.TIMEOUT
        assert found.error.details["timeout_seconds"] == 0.05
        assert found.error.correlation_id == "c1"
        assert asyncio.current_task().cancelling() == 0
        again = await runtime.take(
            lane, call(name, False), ctx=CallContext(deadline=Deadline(60.0))
        )
        assert again.content == "done"

    asyncio.run(main())


def test_a_deadline_that_has_passed_is_a_miss_and_runs_nothing():
    """The general way refuses such a call, and says that nothing ran."""

    async def main():
        runtime = await warm("lane_waits")
        ctx = CallContext(deadline=Deadline(0.0))
        lane = runtime.async_lanes["lane_waits"]
        assert await runtime.take(lane, call("lane_waits", False), ctx=ctx) is None

    asyncio.run(main())


def test_who_cancels_before_the_deadline_is_heard():
    """A flag that is raised means CANCELLED; a task that is cancelled raises."""

    async def main():
        runtime = await warm("lane_waits")
        lane = runtime.async_lanes["lane_waits"]
        flag = Cancellation()
        asyncio.get_running_loop().call_later(0.02, flag.cancel, "enough")
        ctx = CallContext(deadline=Deadline(60.0), cancelled=flag)
        found = await runtime.take(lane, call("lane_waits", True), ctx=ctx)
        assert found.error.type == ErrorType.CANCELLED
        ctx = CallContext(deadline=Deadline(60.0))
        task = asyncio.ensure_future(runtime.take(lane, call("lane_waits", True), ctx=ctx))
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
