"""A runtime that goes: what was under way is answered, over the loopback and over a real server."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.transport import LoopbackBroker
from altar_extras.grid.wire import Ack, AnnounceRuntime, Query, Subjects, pack
from tests.grid.nodes import connector as connector_to
from tests.grid.runtime._control import Grid

CALLS = 200
RUNNING: list[int] = []


async def work(n: int) -> int:
    """Take a moment."""
    RUNNING.append(n)
    await asyncio.sleep(0.02)
    return n


@pytest.fixture(params=["loopback", "node"])
def connector(request):
    if request.param == "loopback":
        return LoopbackBroker
    url = request.getfixturevalue("shared_node")(jetstream=False).url
    return lambda: connector_to(url)


def test_a_drain_with_200_calls_in_flight_loses_none(connector):
    async def main():
        RUNNING.clear()
        settings = RuntimeSettings(slots=64, queue=CALLS, linger_seconds=0.0)
        async with Grid([work], connector=connector(), settings=settings) as grid:
            caller = grid.caller
            keys = [caller.send(caller.message("work", {"n": n})) for n in range(CALLS)]
            await caller.until(lambda: len(RUNNING) >= 10)
            await grid.server.drain()
            assert grid.server.status().state == "closed"
            results = [await caller.result(key) for key in keys]
            assert [one.result["content"] for one in results] == [*range(CALLS)]
            assert sorted(RUNNING) == [*range(CALLS)]
            assert grid.control.said(AnnounceRuntime)[-1].draining

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_drained_runtime_answers_questions_for_a_while_and_takes_no_call(connector):
    async def main():
        settings = RuntimeSettings(linger_seconds=30.0)
        async with Grid([work], connector=connector(), settings=settings) as grid:
            caller = grid.caller
            key = caller.send(caller.message("work", {"n": 1}))
            await caller.result(key)
            admin = Subjects.admin(grid.runtime, "drain")
            grid.control.transport.publish(admin, pack(Ack(id="d")))
            await caller.until(lambda: grid.server.status().state == "draining")
            await caller.until(lambda: grid.server._desk.is_closed)
            caller.control(grid.runtime, "query", Query(invocation_id=key))
            assert (await caller.result(key, 2)).result["content"] == 1
            before = len(RUNNING)
            lost = []
            message = caller.message("work", {"n": 2})
            caller.requests.expect(message.invocation_id, lost.append, on_lost=lost.append)
            subject = Subjects.direct(grid.runtime, "work", 1, caller.session)
            caller.requests.send(subject, message.invocation_id, pack(message))
            await caller.until(lambda: lost)
            assert type(lost[0]).__name__ == "NoRespondersError"
            assert len(RUNNING) == before

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_does_not_end_in_time_is_told_to_stop_and_says_so():
    async def endless() -> None:
        """Never end."""
        RUNNING.append(0)
        await asyncio.Event().wait()

    async def main():
        RUNNING.clear()
        settings = RuntimeSettings(drain_seconds=0.02, linger_seconds=0.0)
        async with Grid([endless], settings=settings) as grid:
            key = grid.caller.send(grid.caller.message("endless", {}))
            await grid.caller.until(lambda: RUNNING)
            await grid.server.drain()
            answer = await grid.caller.result(key)
            assert (answer.result["error"]["type"], answer.executed) == ("CANCELLED", "yes")

    asyncio.run(asyncio.wait_for(main(), 60))
