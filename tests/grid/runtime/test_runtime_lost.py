"""A runtime that starts before its Hosts, and one that finds calls which killed it before."""

from __future__ import annotations

import asyncio
import shutil

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.errors import ClosedError
from altar_extras.grid.audit import Journal
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.runtime._patience import Patience
from altar_extras.grid.security import key_id
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    GridTransportError,
    LoopbackBroker,
    NotConnectedError,
    RemoteError,
)
from altar_extras.grid.wire import Error, Fault, ReportLost, unpack
from tests.grid.client.grids import (
    RUNTIME,
    Grid,
    host_credentials,
    runtime_credentials,
)
from tests.waiting import asoon

BEGUN: list[str] = []
SERVER = RuntimeSettings(heartbeat=0.1, ask_seconds=20.0, linger_seconds=0.0)


async def poison(key: str) -> str:
    """Never end; whoever runs it is ended."""
    BEGUN.append(key)
    await asyncio.Event().wait()
    return key


def serving(broker, journal=None, settings=SERVER) -> RuntimeServer:
    return RuntimeServer(
        broker, [poison], credentials=runtime_credentials(), settings=settings, journal=journal
    )


def hosting(broker) -> Host:
    settings = HostSettings(mode="development", heartbeat=0.1, shortest_session=0.2)
    return Host(broker, credentials=host_credentials(), settings=settings)


def by_a_client(subject: str) -> bool:
    """Whether a client's session reports, and not a runtime."""
    return not subject.rpartition(".")[2].startswith(key_id(RUNTIME.public))


async def until(true) -> None:
    assert await asoon(true)


@pytest.mark.parametrize("admits", [True, False])
def test_a_runtime_that_starts_before_any_host_waits_and_serves_once_there_is_one(admits):
    async def main():
        broker = LoopbackBroker()
        asked = []

        def nobody(*args, **how):
            asked.append(args)
            raise AdmissionRefusedError("there is no Host to ask", "no_host")

        if not admits:
            broker.admit = nobody
        server = serving(broker, settings=RuntimeSettings(ready_timeout=None, ask_seconds=0.05))
        starting = asyncio.create_task(server.start())
        if admits:
            await until(lambda: server._is_made)
        else:
            await until(lambda: len(asked) > 2)
        assert not starting.done()
        host = hosting(broker)
        broker.admit = host.admit
        await host.start()
        await asyncio.wait_for(starting, 30)
        assert server.status().tools == ("poison",)
        await server.close()
        await host.close()

    asyncio.run(main())


def test_a_runtime_with_a_bound_gives_up_when_no_host_came():
    async def main():
        bounded = RuntimeSettings(ready_timeout=0.05, ask_seconds=0.02)
        server = serving(LoopbackBroker(), settings=bounded)
        with pytest.raises(GridTransportError, match="no Host answers"):
            await server.start()
        assert server.status().state == "closed"

    asyncio.run(main())


class Halting:
    """A connector: its broker's connection comes when it is let go."""

    def __init__(self, broker) -> None:
        self.broker, self.made = broker, []
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def connect(self, **how):
        self.asked.set()
        await self.let_go.wait()
        self.made.append(await self.broker.connect(**how))
        return self.made[-1]


@pytest.mark.parametrize("how", ["close", "drain"])
@pytest.mark.parametrize("is_connected", [True, False])
def test_a_runtime_that_is_ended_while_it_starts_never_serves(how, is_connected):
    async def main():
        broker = LoopbackBroker()
        host = hosting(broker)
        broker.admit = host.admit
        if not is_connected:
            await host.start()
        connector = Halting(broker)
        server = serving(connector)
        starting = asyncio.create_task(server.start())
        await asyncio.wait_for(connector.asked.wait(), 30)
        if is_connected:
            connector.let_go.set()
            await until(lambda: server._is_made)  # and no Host answers it
        await asyncio.wait_for(getattr(server, how)(), 30)
        connector.let_go.set()
        if is_connected:
            await host.start()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(starting, 30)
        assert server.status().state == "closed"
        assert [one.is_connected for one in connector.made] == [False]
        await host.close()

    asyncio.run(main())


def test_a_tool_whose_calls_could_not_be_heard_is_heard_when_it_is_tried_again():
    async def main():
        broker = LoopbackBroker()
        host = hosting(broker)
        broker.admit = host.admit
        await host.start()
        server = serving(broker)
        connect, refused = broker.connect, []

        async def connecting(**how):
            transport = await connect(**how)
            subscribe = transport.subscribe

            async def once_without(subject, handler, *, queue=""):
                if queue and not refused:
                    refused.append(subject)
                    raise NotConnectedError("lost for a moment", reason="lost")
                return await subscribe(subject, handler, queue=queue)

            transport.subscribe = once_without
            return transport

        broker.connect = connecting
        await asyncio.wait_for(server.start(), 30)
        heard = server._standing._heard["poison", 1]
        assert refused
        assert len(heard) == 2
        await server.close()
        await host.close()

    asyncio.run(main())


@pytest.mark.parametrize("client_tells", [True, False])
def test_a_call_that_kills_each_runtime_is_quarantined_after_three_without_being_retried(
    tmp_path, client_tells
):
    BEGUN.clear()
    told: list[tuple[str, ReportLost]] = []

    async def main():
        grid = Grid([poison], runtimes=0)
        client = grid.client(query_after=0.05, attempts=6)
        await client.aopen()
        deliver = grid.broker.deliver

        def watching(subject, body, reply):
            if ".report_lost." in subject:
                told.extend((subject, one) for one in unpack(body))
                if not client_tells and by_a_client(subject):
                    return True
            return deliver(subject, body, reply)

        grid.broker.deliver = watching
        lives = []
        for number in range(4):
            spool = tmp_path / f"life{number}"
            with Journal.open(spool, writer="rt", key=RUNTIME) as journal:
                server = serving(grid.broker, journal)
                await server.start()
                lives.append((server.id, server.epoch))
                call = asyncio.create_task(client.acall("poison", {"key": "k"}, timeout=60))
                if number == 3:
                    found = await call
                    assert found.error.details["reason"] == "quarantined"
                    assert found.error.details["executed"] == "no"
                    assert len(BEGUN) == 3, "it ran once for each runtime it killed"
                else:
                    await until(lambda n=number: len(BEGUN) > n)
                    # what a kill -9 leaves on the disk: a start without an end
                    shutil.copytree(spool, tmp_path / f"life{number + 1}")
                    await server._transport.close()
                    assert (await call).error.details["executed"] == "unknown"
                await server.close()
        reports = [one for subject, one in told if not by_a_client(subject)]
        assert [(one.runtime, one.epoch) for one in reports] == lives[:3]
        assert len({one.invocation_id for one in reports}) == 3
        await client.aclose()
        await grid.close()

    asyncio.run(asyncio.wait_for(main(), 100))


def refusal(reason: str) -> RemoteError:
    fault = Fault(type="SERVICE_UNAVAILABLE", reason=reason, message="not now")
    return RemoteError(Error(id="1", error=fault.error().to_dict(), executed="no"))


def test_a_host_that_refuses_for_good_is_asked_for_a_while_and_one_without_its_store_for_ever(
    monkeypatch,
):
    monkeypatch.setattr("altar_extras.grid.runtime._patience.PATIENCE", 0.0)

    async def scene():
        await Patience(None).pause(refusal("store_unavailable"))  # returns: it is tried again
        with pytest.raises(GridTransportError, match="not now"):
            await Patience(None).pause(refusal("not_allowed"))
        with pytest.raises(GridTransportError, match="not now"):
            await Patience(0.0).pause(refusal("store_unavailable"))

    asyncio.run(scene())
