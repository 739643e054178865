"""A server that is silent just as somebody connects costs time, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar.adm import FunctionCall
from altar.runtime import CallContext
from altar_extras.grid import GridClient
from altar_extras.grid.client import ClientSettings
from altar_extras.grid.host import Host
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    AnswerTimeoutError,
    GridTransportError,
    LoopbackBroker,
    NotConnectedError,
    insist,
)
from altar_extras.grid.wire import executed_of
from tests.grid.client.grids import (
    HOST,
    PATIENCE,
    Grid,
    NatsGrid,
    client_credentials,
    host_credentials,
    runtime_credentials,
)
from tests.grid.silent import SilentAtFirst

PASSING = [
    NotConnectedError("it said nothing", "silent"),
    NotConnectedError("it went", "lost"),
    AdmissionRefusedError("nobody could tell it who we are", "no_host"),
]
LASTING = [
    NotConnectedError("nobody listens there"),
    AdmissionRefusedError("the key is not known"),
    AnswerTimeoutError("who knows whether it was heard"),
]


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


class Faulty:
    """A way to a broker that raises these first, one for each connection."""

    def __init__(self, inner: Any, *errors: Exception) -> None:
        self.inner = inner
        self.errors = list(errors)
        self.calls = 0

    async def connect(self, **how: Any) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return await self.inner.connect(**how)


def run(main: Any) -> Any:
    return asyncio.run(asyncio.wait_for(main, 100))


def client_by(connector: Any, **settings: Any) -> GridClient:
    patient = ClientSettings(**{**PATIENCE, **settings})
    return GridClient(connector=connector, credentials=client_credentials(), settings=patient)


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_call_outwaits_a_server_that_does_not_answer_its_first_connection(shared_node, hangs_up):
    pytest.importorskip("nats")
    from altar_extras.grid.transport import NatsConnector, NatsSettings  # noqa: PLC0415 - nats-py

    node = shared_node(callout=True, jetstream=False)

    async def main() -> None:
        grid = NatsGrid(node, [add])
        # however slow this machine: an attempt that is cut is made again
        short = NatsSettings(connect_timeout=0.5, dead_after=20.0)
        with SilentAtFirst(node.url, hangs_up=hangs_up) as way:
            client = client_by(NatsConnector(way.url, settings=short))
            try:
                await grid.start()
                found = await client.acall("add", {"a": 1, "b": 2})
            finally:
                await client.aclose()
                await grid.close()
        assert found.content == 3, found
        assert way.seen >= 3, "the silent one, the session's first, and its own"

    run(main())


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_may_pass_is_tried_again_by_clients_runtimes_and_hosts(error):
    async def main() -> None:
        broker = LoopbackBroker()
        host = Host(Faulty(broker, error), credentials=host_credentials(), settings=HOST)
        broker.admit = host.admit
        await host.start()
        own = runtime_credentials()
        settings = RuntimeSettings(heartbeat=0.1, ask_seconds=20.0, ready_timeout=60.0)
        way = Faulty(broker, error, error)
        runtime = RuntimeServer(way, [add], credentials=own, settings=settings)
        await runtime.start()
        assert way.calls == 3
        way = Faulty(broker, error, error)
        client = client_by(way)
        assert (await client.acall("add", {"a": 1, "b": 2})).content == 3
        assert way.calls == 4
        await client.aclose()
        await runtime.close()
        await host.close()

    run(main())


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_what_no_second_try_changes_is_told_at_once(error):
    async def main() -> None:
        broker = LoopbackBroker()
        way = Faulty(broker, error)
        client = client_by(way, connect_timeout=3600.0)
        found = await client.ainvoke(_call(), CallContext())
        assert (found.ok, executed_of(found), way.calls) == (False, "no", 1)
        await client.aclose()
        way = Faulty(broker, error)
        settings = RuntimeSettings(ready_timeout=None)
        with pytest.raises(GridTransportError) as told:
            await RuntimeServer(
                way, [add], credentials=runtime_credentials(), settings=settings
            ).start()
        assert (told.value, way.calls) == (error, 1)

    run(main())


def test_a_call_for_which_no_host_came_says_who_is_missing_and_not_that_it_is_refused():
    async def main() -> None:
        nobody = [AdmissionRefusedError("there is no Host to ask", "no_host")] * 100
        client = client_by(Faulty(LoopbackBroker(), *nobody), connect_timeout=0.3)
        found = (await client.ainvoke(_call(), CallContext())).error
        await client.aclose()
        assert (found.type, found.details) == (
            "SERVICE_UNAVAILABLE",
            {"executed": "no", "reason": "no_host"},
        )
        assert found.retry_allowed
        assert found.message.startswith("No Host of the grid answers now (tried for ")
        assert "`altar grid status`" in found.message
        assert "`altar grid host --credentials FILE`" in found.message

    run(main())


def test_a_key_that_is_refused_is_still_a_permission_that_is_missing():
    async def main() -> None:
        client = client_by(Faulty(LoopbackBroker(), AdmissionRefusedError("the key is not known")))
        found = (await client.ainvoke(_call(), CallContext())).error
        await client.aclose()
        assert (found.type, found.details["reason"]) == ("PERMISSION_DENIED", "refused")
        assert "does not let this client in" in found.message

    run(main())


def test_a_connection_lost_before_the_session_is_open_costs_time_and_not_the_call():
    async def main() -> None:
        grid = Grid([add])
        await grid.start()
        deliver, lost = grid.broker.deliver, []

        def losing(subject: str, body: bytes, reply: str) -> bool:
            if ".directory." in subject and not lost:
                lost.append(subject)
                grid.broker.disconnect()
                asyncio.get_running_loop().call_later(0.02, grid.broker.reconnect)
                return True
            return deliver(subject, body, reply)

        grid.broker.deliver = losing  # type: ignore[method-assign]
        client = client_by(grid.broker)
        found = await client.ainvoke(_call(), CallContext())
        await client.aclose()
        await grid.close()
        assert (found.content, len(lost)) == (3, 1), found

    run(main())


def test_when_its_time_is_over_the_last_problem_is_told():
    silent = PASSING[0]

    async def work() -> None:
        raise silent

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(NotConnectedError) as told:
            await insist(work, within=0.01)
        assert told.value is silent
        with pytest.raises(TimeoutError):
            await insist(hangs, within=0.01)

    run(main())


def _call() -> FunctionCall:
    return FunctionCall(name="add", args={"a": 1, "b": 2})
