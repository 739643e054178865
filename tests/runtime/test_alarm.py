"""Alarms share one timer, ring in time in any order, and take back only what is theirs."""

from __future__ import annotations

import asyncio

import pytest

from altar.runtime._alarm import Alarm


async def bounded(seconds, work):
    """What ``work`` comes to, or "late"."""
    alarm = Alarm(seconds)
    try:
        found = await work
    except asyncio.CancelledError:
        if alarm.stop():
            return "late"
        raise
    alarm.stop()
    return found


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose time goes on when it has nothing else to do, and exactly as far as it waits."""

    def __init__(self):
        self.now = 0.0
        super().__init__()
        select = self._selector.select

        def skip(timeout):
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = skip

    def time(self):
        return self.now


async def forever():
    await asyncio.get_running_loop().create_future()


def test_each_rings_at_its_own_time_whatever_order_they_were_set_in():
    async def main():
        ended = []

        async def one(seconds):
            assert await bounded(seconds, forever()) == "late"
            ended.append(seconds)

        await asyncio.gather(*[one(seconds) for seconds in (0.02, 0.005, 0.03, 0.01, 0.005)])
        return ended

    with asyncio.Runner(loop_factory=Hurried) as runner:
        assert runner.run(main()) == [0.005, 0.005, 0.01, 0.02, 0.03]


def test_what_ends_in_time_leaves_nothing_behind():
    async def main():
        first = Alarm(100)
        assert await bounded(50, asyncio.sleep(0, "done")) == "done"
        assert list(first._alarms.pending) == [first]
        assert first.stop() is False
        assert not first._alarms.pending
        return await bounded(0.002, forever())

    assert asyncio.run(main()) == "late"
    assert asyncio.run(main()) == "late", "another event loop of the same thread"


def test_a_cancellation_of_somebody_else_passes():
    async def main():
        task = asyncio.create_task(bounded(50, forever()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await bounded(50, forever())
        async with asyncio.timeout(50):
            assert await bounded(0.002, forever()) == "late"
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(main())


def test_alarms_within_each_other_ring_by_themselves():
    async def main():
        inner = bounded(0.002, forever())
        assert await bounded(50, inner) == "late"
        assert await bounded(0.002, bounded(50, forever())) == "late"
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(main())
