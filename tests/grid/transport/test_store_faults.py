"""A store whose server goes away and comes back, and one on three servers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from secrets import token_hex

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from nats.js import JetStreamContext

from altar_extras.grid.testing import StoreContract
from altar_extras.grid.transport import (
    ConflictError,
    NatsStore,
    StoreSettings,
    StoreUnavailableError,
    TooLargeError,
)
from tests.grid.nodes import connector
from tests.waiting import asoon


@pytest.mark.slow
class TestThreeServers(StoreContract):
    @pytest.fixture(autouse=True)
    def servers(self, shared_cluster):
        self.urls = shared_cluster(3).urls

    @asynccontextmanager
    async def open_store(self):
        transport = await connector(self.urls).connect()
        try:
            await opened(NatsStore(transport, "contract3", settings=StoreSettings(replicas=3)))
            yield NatsStore(transport, "contract3", settings=StoreSettings(replicas=3, timeout=20))
        finally:
            await transport.close()


async def opened(store):
    """Open it; a cluster that has just begun elects its leaders, and a disk may be slow."""
    async with asyncio.timeout(60):
        while True:
            try:
                await store.open()
                return
            except StoreUnavailableError:
                await asyncio.sleep(0.02)


async def at_last(change):
    """Make a change once the store is there again."""
    tried = False
    while True:
        try:
            await change()
        except StoreUnavailableError:
            tried = True
            await asyncio.sleep(0.02)
        except ConflictError:
            assert tried, "nobody else makes changes"
            return  # it was made, and its answer was lost
        else:
            return


def test_a_store_that_is_gone_says_so_soon_and_a_watch_goes_on_when_it_is_back(node):
    server = node()

    async def main():
        there = connector(server.url)
        mine, theirs = await there.connect(), await there.connect()
        store = NatsStore(mine, "faults", settings=StoreSettings(timeout=2.0))
        other = NatsStore(theirs, "faults", settings=StoreSettings(timeout=2.0))
        await opened(store)
        patient = NatsStore(theirs, "faults", settings=StoreSettings(timeout=30.0))
        revision = await patient.create("a", b"1")
        settled, seen = asyncio.Event(), []

        async def look():
            async with aclosing(store.watch(settled=settled.set)) as changes:
                async for change in changes:
                    seen.append((change.key, change.value))
                    if change.key == "end":
                        return

        task = asyncio.ensure_future(look())
        await asyncio.wait_for(settled.wait(), 60)
        server.kill()
        assert await asoon(lambda: not mine.is_connected)
        for call in (store.get("a"), store.create("b", b""), store.update("a", b"", revision)):
            with pytest.raises(StoreUnavailableError):
                await asyncio.wait_for(call, 20)
        server.start(timeout=60)
        await at_last(lambda: other.update("a", b"2", revision))
        await at_last(lambda: other.create("end", b""))
        await asyncio.wait_for(task, 60)
        assert seen == [("a", b"1"), ("a", b"2"), ("end", b"")]
        with pytest.raises(TooLargeError):
            await store.create("big", b"x" * mine.max_payload)
        await mine.close()
        await theirs.close()
        with pytest.raises(StoreUnavailableError):
            await store.get("a")

    asyncio.run(asyncio.wait_for(main(), 130))


@pytest.fixture
def lost(monkeypatch):
    """What was lost: the first message of any watch, as where a server does not know yet that
    somebody listens.
    """
    found, real = [], JetStreamContext.PushSubscription.next_msg

    async def next_msg(subscription, timeout=1.0):  # noqa: ASYNC109 - as it is
        message = await real(subscription, timeout)
        if not found:
            found.append(message.subject)
            message = await real(subscription, timeout)
        return message

    monkeypatch.setattr(JetStreamContext.PushSubscription, "next_msg", next_msg)
    return found


@asynccontextmanager
async def new_store(node):
    transport = await connector(node.url).connect()
    store = NatsStore(transport, f"lossy-{token_hex(4)}", settings=StoreSettings(timeout=20.0))
    await opened(store)
    yield store
    await transport.close()


def watched(node, scene):
    """Run ``scene(store, seen)`` while a watch of the store, which is empty, puts what it sees
    into ``seen``.
    """

    async def main():
        async with new_store(node) as store:
            settled, seen = asyncio.Event(), []

            async def look():
                async with aclosing(store.watch(settled=settled.set)) as changes:
                    async for change in changes:
                        seen.append((change.key, change.value))

            looking = asyncio.ensure_future(look())
            await asyncio.wait_for(settled.wait(), 60)
            await scene(store, seen)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    asyncio.run(asyncio.wait_for(main(), 130))


def test_a_change_whose_message_was_lost_is_told_though_nothing_else_ever_changes(
    shared_node, lost, monkeypatch
):
    monkeypatch.setattr("altar_extras.grid.transport._store_progress._OWED", 0.1)

    async def scene(store, seen):
        await store.create("a", b"1")
        assert await asoon(lambda: seen == [("a", b"1")]), seen
        assert lost == [f"$KV.{store._bucket}.a"]

    watched(shared_node(), scene)


def test_a_change_whose_message_was_lost_is_told_when_the_next_one_comes(shared_node, lost):
    async def scene(store, seen):
        await store.create("a", b"1")
        await store.create("b", b"2")
        assert await asoon(lambda: len(lost) == 1)
        assert await asoon(lambda: sorted(seen) == [("a", b"1"), ("b", b"2")]), seen

    watched(shared_node(), scene)


def test_a_watch_has_settled_when_all_that_was_there_was_told(shared_node, lost, monkeypatch):
    monkeypatch.setattr("altar_extras.grid.transport._store_progress._OWED", 0.1)

    async def main():
        async with new_store(shared_node()) as store:
            await store.create("a", b"1")
            settled = asyncio.Event()
            async with aclosing(store.watch(settled=settled.set)) as changes:
                change = await anext(changes)
                assert (change.key, change.value) == ("a", b"1")
                assert len(lost) == 1
                assert not settled.is_set()

    asyncio.run(asyncio.wait_for(main(), 130))


def test_keys_that_were_lost_on_their_way_are_asked_for_again(shared_node, lost, monkeypatch):
    monkeypatch.setattr("altar_extras.grid.transport._store_progress._OWED", 0.1)

    async def main():
        async with new_store(shared_node()) as store:
            await store.create("a", b"1")
            assert await store.keys() == ["a"]
            assert len(lost) == 1

    asyncio.run(asyncio.wait_for(main(), 130))
