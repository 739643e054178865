"""Every store keeps the contract: in memory, and in a bucket of JetStream."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.testing import StoreContract
from altar_extras.grid.transport import MemoryStore, NatsStore, StoreSettings
from tests.grid.nodes import connector


class TestMemory(StoreContract):
    @asynccontextmanager
    async def open_store(self):
        yield MemoryStore()


class TestNats(StoreContract):
    @pytest.fixture(autouse=True)
    def server(self, shared_node):
        self.url = shared_node().url

    @asynccontextmanager
    async def open_store(self):
        transport = await connector(self.url).connect()
        try:
            store = NatsStore(transport, "contract", settings=StoreSettings(timeout=20.0))
            await store.open()
            yield store
        finally:
            await transport.close()
