"""Hosts on real servers, which ask them who may connect."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from secrets import token_hex

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.host import Host
from altar_extras.grid.server import Times
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    GridTransportError,
    NatsStore,
    RemoteError,
    StoreSettings,
)
from altar_extras.grid.wire import DestroySession, Directory, Hello, Subjects
from tests.grid.host.scenes import (
    CLIENT,
    RUNTIME,
    contract,
    credentials,
    development,
    runtime,
    session,
    until,
)
from tests.grid.nodes import connector

PATIENCE = 30.0  # seconds until a test gives up what must come


def host_of(servers, urls, *, bucket: str, replicas: int = 1, **settings) -> Host:
    keys = servers.keys
    made = credentials(
        seed=keys.host["GRID"],
        issuer_seed=keys.issuer,
        tenants={"acme": keys.host["acme"]},
        url=urls if isinstance(urls, str) else urls[0],
    )
    kept = StoreSettings(replicas=replicas, timeout=20.0 if replicas == 1 else 2.0)
    return Host(
        connector(urls),
        credentials=made,
        settings=development(**{"heartbeat": 0.5, "store_timeout": 20.0, **settings}),
        store=lambda transport: NatsStore(transport, bucket, settings=kept),
    )


@asynccontextmanager
async def hosts_on(servers, urls, *, count: int = 2, **how):
    bucket = f"host-{token_hex(4)}"
    hosts = [host_of(servers, urls, bucket=bucket, **how) for _ in range(count)]
    try:
        for host in hosts:
            await host.start()
        yield hosts
    finally:
        for host in hosts:
            await host.drain()


async def at_last(make, *, but: str = ""):
    """What ``make`` returns once no connection fails it any more; RemoteError is an answer, unless
    it is for the reason ``but``.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await make()
            except RemoteError as error:
                if error.reason != but:
                    raise
                await asyncio.sleep(0.02)
            except GridTransportError:
                await asyncio.sleep(0.02)


def run(scene, *, seconds: float = 60) -> None:
    asyncio.run(asyncio.wait_for(scene(), seconds))


def test_servers_let_in_whom_a_host_lets_in_with_just_their_rights(shared_node):
    node = shared_node(callout=True)
    there = connector(node.url)

    async def scene():
        async with hosts_on(node, node.url) as hosts:
            one = await runtime(there, RUNTIME, contract().to_dict())
            found, other = await session(there), await session(there)

            async def listed():
                answer = await found.ask("directory", Directory(id=token_hex(4)))
                return [row["runtime"] for row in answer.runtimes]

            await until(listed)
            assert await listed() == [one.name]
            with pytest.raises(AdmissionRefusedError):
                await there.connect(seed=CLIENT.generate().seed)
            with pytest.raises(GridTransportError):
                await found.transport.subscribe(Subjects.reply(other.name, ">"), print)
            await found.ask("destroy_session", DestroySession(id="d"))
            await until(lambda: all(found.name in host._revoked.names for host in hosts))
            with pytest.raises(AdmissionRefusedError):
                await there.connect(seed=CLIENT.seed, token=found.created.token)
            assert sum(host._figures.callouts.value() for host in hosts) >= 5
            for each in (found, other, one.party):
                await each.transport.close()

    run(scene)


def test_a_system_connection_cuts_what_is_revoked_at_once(shared_node):
    node = shared_node(callout=True)
    there = connector(node.url)

    async def scene():
        async with hosts_on(node, node.url, system_seed=node.keys.host["SYS"]):
            found, other = await session(there), await session(there)
            ended: list[str] = []
            found.transport.listen(lambda event: ended.append(event.kind))
            await found.ask("destroy_session", DestroySession(id="d"))
            await until(lambda: "disconnected" in ended or "closed" in ended)
            assert (await other.ask("hello", Hello(id="h", role="client"))).time_ms
            for each in (found, other):
                await each.transport.close()

    run(scene)


def test_one_of_two_hosts_dies_under_load_and_nobody_is_failed_for_long(shared_node):
    node = shared_node(callout=True)
    there = connector(node.url)

    async def scene():
        async with hosts_on(node, node.url) as hosts:
            found = await session(there)
            answered, failed = [], []

            async def ask(number: int) -> None:
                try:
                    patience = PATIENCE if number > 200 else 6
                    message = Directory(id=f"{number}")
                    answer = await found.ask("directory", message, timeout=patience)
                    answered.append(answer.id)
                except GridTransportError as error:
                    failed.append((number, type(error).__name__))

            async def left(gone):
                """Whether the server knows that they are gone."""
                page = await asyncio.to_thread(node.process.monitor, "connz?limit=100000")
                return not gone & {one["cid"] for one in page["connections"]}

            tasks = []
            for number in range(400):
                tasks.append(asyncio.ensure_future(ask(number)))
                if number == 200:
                    gone = {one._link.client.client_id for one in hosts[0]._transports.values()}
                    for transport in hosts[0]._transports.values():
                        await transport.close()  # what a killed process leaves: nothing
                    await until(lambda: left(gone))
                if number % 10 == 0:
                    await asyncio.sleep(0.002)
            await asyncio.gather(*tasks)
            assert len(answered) + len(failed) == 400
            # what lay before the dead one is lost; nothing that was asked later is
            assert [one for one in failed if one[0] > 200] == []
            fresh = await session(there)  # the other one answers the server's questions
            assert (await fresh.ask("directory", Directory(id="f"))).time_ms
            for each in (found, fresh):
                await each.transport.close()

    run(scene)


@pytest.mark.slow
def test_when_the_stores_leader_is_lost_sessions_go_on_and_changes_are_refused_typed(cluster):
    # a server that has come back, and finds no Host yet to ask, is not to be silent for long
    servers = cluster(3, callout=True, times=Times())
    there = connector(servers.urls)

    async def scene():
        how = {"store_timeout": 0.5, "replicas": 3}
        async with hosts_on(servers, servers.urls, **how) as hosts:
            # interest takes its time from server to server: until then nobody is there to ask
            # and three copies on a busy disk may take longer than the little that is given here
            slow = {"but": "store_unavailable"}
            one = await at_last(lambda: runtime(there, RUNTIME, contract().to_dict()), **slow)
            found = await at_last(lambda: session(there), **slow)
            lost = await at_last(lambda: session(there), **slow)
            links = [t for host in hosts for t in host._transports.values()]
            # two of three gone: no leader can be, for as long as that lasts
            for node in servers.nodes[:2]:
                node.kill()
            await until(lambda: all(link.is_connected for link in links), seconds=PATIENCE)

            async def listed(each):
                return await each.ask("directory", Directory(id=token_hex(4)), timeout=2)

            # what was on its way to a killed server is lost, and is asked again
            for each in (found, lost):
                await at_last(lambda each=each: listed(each))

            async def refused():
                try:
                    message = DestroySession(id=token_hex(4))
                    await lost.ask("destroy_session", message, timeout=PATIENCE / 3)
                except RemoteError as error:
                    return error.reason
                raise AssertionError("it was done, with no leader")

            # an answer, not an end of patience: the Host gives its store up long before that
            assert await at_last(refused) == "store_unavailable"
            # it changes nothing, so it needs no leader
            fresh = await at_last(lambda: session(there))
            assert fresh.name != found.name
            for node in servers.nodes[:2]:
                node.start(wait=False)
            await asyncio.to_thread(servers.wait_until_ready, timeout=2 * PATIENCE)

            async def destroyed():
                try:
                    message = DestroySession(id=token_hex(4))
                    return await lost.ask("destroy_session", message, timeout=2)
                except RemoteError as error:
                    return error.reason == "revoked"  # an answer was lost on its way
                except GridTransportError:
                    return None

            await until(destroyed, seconds=PATIENCE)
            known = [host._revoked for host in hosts]
            await until(lambda: all(lost.name in one.names for one in known), seconds=PATIENCE)
            for each in (found, lost, fresh, one.party):
                await each.transport.close()

    run(scene, seconds=130)
