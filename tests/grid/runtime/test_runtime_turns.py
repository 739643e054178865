"""Calls that come together begin in groups; what stands in line is cancelled, joined and drained."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.wire import Cancel, pack
from tests.grid.runtime._control import Grid

CALLS = 100
RAN: list[int] = []


async def note(n: int) -> int:
    """Note that it ran."""
    RAN.append(n)
    return n


def sent(grid: Grid) -> list[str]:
    """As many calls in one turn of the loop."""
    caller = grid.caller
    messages = [caller.message("note", {"n": n}) for n in range(CALLS)]
    return [caller.send(one, runtime=grid.runtime) for one in messages]


def grid() -> Grid:
    return Grid([note], settings=RuntimeSettings(slots=CALLS, linger_seconds=0.0))


def test_a_hundred_calls_of_one_turn_run_once_each_and_in_their_order():
    async def main():
        RAN.clear()
        async with grid() as one:
            keys = sent(one)
            answers = [await one.caller.result(key) for key in keys]
            assert [answer.result["content"] for answer in answers] == [*range(CALLS)]
            assert RAN == [*range(CALLS)]
            assert one.server.status().inflight == 0

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_call_that_is_cancelled_in_line_never_runs_and_says_so():
    async def main():
        RAN.clear()
        async with grid() as one:
            keys = sent(one)
            one.caller.control(one.runtime, "cancel", Cancel(invocation_id=keys[-1]))
            answers = [await one.caller.result(key) for key in keys]
            assert answers[-1].result["error"]["type"] == "CANCELLED"
            assert answers[-1].executed == "no"
            assert [answer.executed for answer in answers[:-1]] == ["yes"] * (CALLS - 1)
            assert RAN == [*range(CALLS - 1)]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_large_call_that_is_cancelled_before_its_arguments_came_is_answered_at_once():
    """In line or just begun: its caller sends them no more, and is not waited for."""

    async def main(others: int):
        async with grid() as one:
            caller = one.caller
            for n in range(others):
                caller.send(caller.message("note", {"n": n}), runtime=one.runtime)
            key = caller.send(
                caller.message("note", {}, size=10, sha256="0" * 64), runtime=one.runtime
            )
            caller.control(one.runtime, "cancel", Cancel(invocation_id=key))
            answer = await caller.result(key)
            assert answer.result["error"]["type"] == "CANCELLED"
            assert answer.executed == "no"

    for others in (0, CALLS - 1):
        asyncio.run(asyncio.wait_for(main(others), 60))


def test_the_end_of_a_cancelled_attempt_is_not_that_of_the_next_one():
    """A call that came again while its first attempt left the line is counted, and hears."""

    async def main():
        began, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            """Hold the only slot."""
            began.set()
            await go.wait()

        settings = RuntimeSettings(slots=1, linger_seconds=0.0)
        async with Grid([note, hold], settings=settings) as one:
            caller = one.caller
            first = caller.send(caller.message("hold", {}), runtime=one.runtime)
            await began.wait()
            again = caller.message("note", {"n": 1})
            key = caller.send(again, runtime=one.runtime)
            await caller.until(lambda: one.server.status().queued == 1)
            caller.control(one.runtime, "cancel", Cancel(invocation_id=key))
            again.attempt = 2
            caller.send(again, runtime=one.runtime)
            await caller.result(key)
            await caller.until(lambda: one.server.status().queued == 1)
            assert one.server.status().inflight == 1
            caller.control(one.runtime, "cancel", Cancel(invocation_id=key))
            answer = await caller.result(key, 2)
            assert answer.result["error"]["type"] == "CANCELLED"
            go.set()
            await caller.result(first)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_duplicate_of_a_call_in_line_joins_it():
    async def main():
        RAN.clear()
        async with grid() as one:
            caller = one.caller
            messages = [caller.message("note", {"n": n}) for n in range(CALLS)]
            keys = [caller.send(each, runtime=one.runtime) for each in [*messages, messages[-1]]]
            assert len(pack(messages[0])) * CALLS < 60_000  # all of them in one body
            for key in keys:
                await caller.result(key)
            assert RAN == [*range(CALLS)]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_drain_carries_out_what_stands_in_line():
    async def main():
        RAN.clear()
        async with grid() as one:
            keys = sent(one)
            await one.caller.until(lambda: RAN)
            await one.server.drain()
            answers = [await one.caller.result(key) for key in keys]
            assert {answer.executed for answer in answers} == {"yes"}
            assert RAN == [*range(CALLS)]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_tool_that_cancels_its_own_task_leaves_no_caller_without_an_answer():
    async def leave() -> None:
        """End this task."""
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def main():
        async with Grid([leave]) as one:
            answer = await one.caller.call("leave", {}, runtime=one.runtime)
            assert answer.result["error"]["details"]["reason"] == "runtime_failed"
            assert answer.executed == "unknown"

    asyncio.run(asyncio.wait_for(main(), 60))
