"""A store whose server goes away and comes back, and one on three servers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.testing import StoreContract
from altar_extras.grid.transport import (
    ConflictError,
    NatsConnector,
    NatsSettings,
    NatsStore,
    StoreSettings,
    StoreUnavailableError,
    TooLargeError,
)


@pytest.mark.slow
class TestThreeServers(StoreContract):
    @pytest.fixture(autouse=True)
    def servers(self, shared_cluster):
        self.urls = shared_cluster(3).urls

    @asynccontextmanager
    async def open_store(self):
        transport = await NatsConnector(self.urls).connect()
        try:
            store = NatsStore(transport, "contract3", settings=StoreSettings(replicas=3))
            async with asyncio.timeout(20):
                while True:  # a cluster that has just begun elects its leaders
                    try:
                        await store.open()
                        break
                    except StoreUnavailableError:
                        await asyncio.sleep(0.02)
            yield store
        finally:
            await transport.close()


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
        connector = NatsConnector(server.url, settings=NatsSettings(connect_timeout=1.0))
        mine, theirs = await connector.connect(), await connector.connect()
        store = NatsStore(mine, "faults", settings=StoreSettings(timeout=2.0))
        other = NatsStore(theirs, "faults", settings=StoreSettings(timeout=2.0))
        await store.open()
        await other.open()
        revision = await store.create("a", b"1")
        settled, seen = asyncio.Event(), []

        async def look():
            async with aclosing(store.watch(settled=settled.set)) as changes:
                async for change in changes:
                    seen.append((change.key, change.value))
                    if change.key == "end":
                        return

        task = asyncio.ensure_future(look())
        await asyncio.wait_for(settled.wait(), 20)
        server.kill()
        for call in (store.get("a"), store.create("b", b""), store.update("a", b"", revision)):
            with pytest.raises(StoreUnavailableError):
                await asyncio.wait_for(call, 20)
        server.start(timeout=20)
        await at_last(lambda: other.update("a", b"2", revision))
        await at_last(lambda: other.create("end", b""))
        await asyncio.wait_for(task, 20)
        assert seen == [("a", b"1"), ("a", b"2"), ("end", b"")]
        with pytest.raises(TooLargeError):
            await store.create("big", b"x" * mine.max_payload)
        await mine.close()
        await theirs.close()
        with pytest.raises(StoreUnavailableError):
            await store.get("a")

    asyncio.run(asyncio.wait_for(main(), 100))
