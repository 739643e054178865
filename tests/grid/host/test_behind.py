"""A Host whose watch of the store is behind what another Host has put there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from secrets import token_hex

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.host import Host
from altar_extras.grid.host._contracts import Claim
from altar_extras.grid.transport import (
    LoopbackBroker,
    MemoryStore,
    RemoteError,
    StoreUnavailableError,
)
from altar_extras.grid.wire import Directory, ListTools
from tests.grid.host.scenes import (
    RUNTIME,
    contract,
    credentials,
    development,
    runtime,
    session,
    until,
)


class Behind:
    """A store as its follower sees it: the watch has nothing to tell; ``answers`` is over all."""

    def __init__(self, leader: MemoryStore) -> None:
        self._leader = leader
        self.answers = True
        self.looks = 0

    def __getattr__(self, name):
        return getattr(self._leader, name)

    async def get(self, key):
        self.looks += 1
        if not self.answers:
            raise StoreUnavailableError("no leader")
        return await self._leader.get(key)

    async def watch(self, prefix="", *, settled=None):
        settled()
        await asyncio.Event().wait()
        yield


def host_of(broker, store) -> Host:
    return Host(broker, credentials=credentials(), settings=development(), store=store)


def run(scene) -> None:
    """``scene(broker, store, other)``: beside a Host that has all of the store there is another,
    whose store tells it nothing; both know the runtimes that come from now on.
    """

    async def main():
        leader = MemoryStore()
        store, broker = Behind(leader), LoopbackBroker()
        one, other = host_of(broker, leader), host_of(broker, store)
        broker.admit = one.admit
        await one.start()
        try:
            await scene(broker, store, one, other)
        finally:
            for host in (one, other):
                await host.drain()

    asyncio.run(asyncio.wait_for(main(), 60))


async def behind(broker, one: Host, other: Host):
    """A runtime whose contract only ``one`` has seen come; ``other`` is left alone with that."""
    serving = await runtime(broker, RUNTIME, contract().to_dict())
    await other.start()
    broker.admit = other.admit
    await serving.beat()
    await serving.fulfill(contract().to_dict())
    await one.drain()
    return serving


def test_a_session_is_told_of_tools_that_another_host_let_in():
    async def scene(broker, store, one, other):
        serving = await behind(broker, one, other)
        found = await session(broker)
        assert [row["name"] for row in found.created.tools] == ["add"]
        listed = await found.ask("list_tools", ListTools(id=token_hex(4)))
        assert [row["name"] for row in listed.contracts] == ["math"]
        rows = (await found.ask("directory", Directory(id=token_hex(4)))).runtimes
        assert [(row["runtime"], row["tools"]) for row in rows] == [(serving.name, [["add", 1]])]
        assert await other.serves("acme", serving.name) == ("add",)

    run(scene)


def test_a_session_that_came_while_the_store_was_silent_learns_of_the_tools_when_it_is_back():
    async def scene(broker, store, one, other):
        store.answers = False
        await runtime(broker, RUNTIME, contract().to_dict())
        await other.start()
        broker.admit = other.admit
        serving = await runtime(broker, RUNTIME)
        await serving.beat()
        listening = [desk.tenant for desk in other._desks.values()]
        # it may be the one that is asked, and cannot put the contract in
        with suppress(RemoteError):
            await serving.fulfill(contract().to_dict())
        await one.drain()
        assert await until(lambda: all(len(tenant.awaited) for tenant in listening)) is None
        found = await session(broker)
        assert found.created.tools == ()
        store.answers = True

        async def listed():
            answer = await found.ask("list_tools", ListTools(id=token_hex(4)))
            return [row["name"] for row in answer.contracts] == ["math"]

        await until(listed)

    run(scene)


def test_a_heartbeat_is_enough_to_look_for_what_is_behind():
    async def scene(broker, store, one, other):
        serving = await behind(broker, one, other)
        await serving.beat()
        tenants = [desk.tenant for desk in other._desks.values()]
        await until(lambda: all(tenant.served_by(serving.name) for tenant in tenants))

    run(scene)


def test_what_no_host_let_in_is_looked_for_a_while_and_no_longer():
    async def scene(broker, store, one, other):
        await behind(broker, one, other)
        tenant = other._desks["acme"].tenant
        tenant.awaited.add([Claim("never", "1.0.0", "sha256:0")])
        before = store.looks
        await session(broker)
        assert store.looks > before
        assert len(tenant.awaited) == 1
        later = tenant.shared.monotonic() + 21
        tenant.awaited._monotonic = lambda: later
        assert len(tenant.awaited) == 0
        before = store.looks
        await session(broker)
        assert store.looks == before

    run(scene)


def test_a_host_starts_when_its_store_can_be_made(monkeypatch):
    class Opening(MemoryStore):
        tries = 0

        async def open(self):
            self.tries += 1
            if self.tries < 3:
                raise StoreUnavailableError("no suitable peers")

    async def scene():
        store = Opening()
        host = host_of(LoopbackBroker(), store)
        await host.start()
        assert store.tries == 3
        assert host.health().ready
        await host.drain()
        monkeypatch.setattr("altar_extras.grid.host._host._OPENING", 0.0)
        gone = Opening()
        with pytest.raises(StoreUnavailableError, match="no suitable peers"):
            await host_of(LoopbackBroker(), gone).start()
        assert gone.tries == 1

    asyncio.run(asyncio.wait_for(scene(), 60))
