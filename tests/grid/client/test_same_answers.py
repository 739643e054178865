"""One script, the same answers: thirty tools in this process, and on a grid."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

import altar
from altar.adm import FunctionCall, ToolResult
from altar.runtime import CallContext
from altar_extras.grid.client import GridRuntime
from altar_extras.grid.wire import executed_of
from tests.adapters.cases import CASES
from tests.adapters.tools import TOOLS
from tests.grid.client.grids import Grid, NatsGrid


def shown(result: ToolResult) -> dict[str, Any]:
    """All that a caller sees, but for what only a remote call can say."""
    doc = result.to_dict()
    doc.pop("call_id")
    error = doc.get("error")
    if error is not None:
        details = error.get("details") or {}
        details.pop("executed", None)
        error["details"] = details
    return doc


def script(session: altar.Session) -> list[dict[str, Any]]:
    """The program: it does not know where its tools run."""
    found = []
    for case in CASES:
        chunks: list[Any] = []
        call = FunctionCall(name=case.tool, args=case.args)
        found.append([shown(session.invoke(call, CallContext(emit=chunks.append))), chunks])
        found.append(shown(session.execute(case.tool, case.args)))
    found.append(shown(session.execute("erase_for_good", {"path": "x"}, approved=True)))
    found.append(shown(session.execute("no_such_tool", {})))
    found.append(shown(session.execute("add", {"a": float("nan"), "b": 1})))
    found.append(shown(session.execute("add", {"a": object(), "b": 1})))
    found.append(
        [shown(one) for one in session.execute_many([("add", {"a": 1, "b": n}) for n in range(9)])]
    )
    return found


def compare(grid: Any) -> None:
    with altar.Session(TOOLS) as session:
        here = script(session)
    with (
        grid.client() as client,
        altar.Session(TOOLS, runtime=lambda local: GridRuntime(client, local=local)) as session,
    ):
        there = script(session)
        assert client.status()["session"]
    assert there == here


def test_a_grid_in_the_process_answers_as_this_process_does():
    compare(Grid(TOOLS))


def test_a_grid_on_a_server_answers_as_this_process_does(shared_node):
    pytest.importorskip("nats")
    compare(NatsGrid(shared_node(callout=True), TOOLS))


def test_every_error_of_a_remote_call_says_whether_it_ran():
    grid = Grid(TOOLS)

    async def main() -> None:
        async with grid.client() as client:
            for case in CASES:
                result = await client.acall(case.tool, case.args)
                if result.error is not None:
                    assert result.error.details is not None
                    assert result.error.details["executed"] in ("no", "yes", "unknown"), case.id
                    if case.at:
                        assert executed_of(result) == "no", case.id
        await grid.close()

    asyncio.run(asyncio.wait_for(main(), 60))
