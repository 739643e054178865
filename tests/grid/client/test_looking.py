"""A tool that the session did not show when it was opened is looked for before it is refused."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import FunctionCall
from altar.later import LocalRuntime
from altar.runtime import CallContext
from altar_extras.grid import GridRuntime
from altar_extras.grid.client import ClientSettings, GridClient
from tests.grid.client.grids import PATIENCE, Grid, client_credentials


def double(number: int) -> int:
    """Double a number.

    Args:
        number: The number.
    """
    return 2 * number


def run(scene) -> None:
    """``scene(grid, client)``, of a grid that has no runtime yet."""

    async def main() -> None:
        grid = Grid([double], runtimes=0)
        settings = ClientSettings(**PATIENCE)
        client = GridClient(connector=grid, credentials=client_credentials(), settings=settings)
        try:
            await client.aopen()
            await scene(grid, client)
        finally:
            await client.aclose()
            await grid.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_session_that_is_older_than_the_runtime_may_call_its_tools():
    async def scene(grid, client):
        assert await client.atools() == ()
        await grid.add()
        assert (await client.acall("double", {"number": 4})).content == 8

    run(scene)


def test_a_tool_of_which_nobody_can_say_whether_it_is_there_is_not_said_to_be_missing():
    async def scene(grid, client):
        deliver = grid.broker.deliver
        grid.broker.deliver = lambda subject, body, reply: (
            ".list_tools." not in subject and deliver(subject, body, reply)
        )
        found = await client.acall("double", {"number": 4})
        assert (found.error.type, found.error.details["reason"]) == (
            "SERVICE_UNAVAILABLE",
            "no_host",
        )
        grid.broker.deliver = deliver
        await grid.add()
        assert (await client.acall("double", {"number": 4})).content == 8  # it is looked for again

    run(scene)


def test_a_governed_call_is_allowed_to_a_session_that_is_older_than_the_runtime():
    async def scene(grid, client):
        runtime = GridRuntime(client, local=LocalRuntime([double]), mode="governed_local")
        assert await client.atools() == ()
        await grid.add()
        found = await runtime.ainvoke(
            FunctionCall(name="double", args={"number": 4}), CallContext()
        )
        assert found.content == 8

    run(scene)
