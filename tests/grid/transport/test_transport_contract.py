"""Every transport keeps the contract: in the process, on one server, on three, under mutual TLS."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.server import Account, AccountUser, ServerProcess, ServerSettings
from altar_extras.grid.testing import TransportContract
from altar_extras.grid.transport import ClientTls, LoopbackBroker, Rights
from tests.grid.nodes import PATIENT, connector, held_ports, new_seed, public_of

OPEN = ("open.>",)


class TestLoopback(TransportContract):
    async def make_connector(self):
        self.broker = LoopbackBroker()
        return self.broker

    async def make_narrow(self):
        rights = Rights(publish=OPEN, subscribe=OPEN)
        return await LoopbackBroker(admit=lambda *_: (rights, None)).connect()

    def cut(self):
        self.broker.disconnect()

    def restore(self):
        self.broker.reconnect()


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """One that anybody may use, one with a user of few rights, and that user's seed."""
    seed, folder = new_seed(), tmp_path_factory.mktemp("nats")
    users = (AccountUser(key=public_of(seed), publish=OPEN, subscribe=OPEN),)
    every = ServerSettings(name="n1", times=PATIENT)
    few = ServerSettings(name="n2", accounts=(Account(name="A", users=users),), times=PATIENT)
    with (
        held_ports(2) as (port, monitor),  # of nobody else's while the server is down
        ServerProcess(replace(every, port=port, monitor=monitor), folder=folder / "open").start(
            timeout=60
        ) as process,
        ServerProcess(few, folder=folder / "few").start(timeout=60) as narrow,
    ):
        yield process, narrow, seed


class TestOneServer(TransportContract):
    @pytest.fixture(autouse=True)
    def mine(self, servers):
        self.process, self.narrow, self.seed = servers

    async def make_connector(self):
        return connector(self.process.url)

    async def make_narrow(self):
        return await connector(self.narrow.url).connect(seed=self.seed)

    def cut(self):
        self.process.kill()

    def restore(self):
        self.process.start(timeout=30)


class TestThreeServers(TransportContract):
    @pytest.fixture(autouse=True)
    def servers(self, shared_cluster):
        self.cluster = shared_cluster(3)

    async def make_connector(self):
        return Turns([connector(node.url) for node in self.cluster.nodes])


class TestMutualTls(TransportContract):
    @pytest.fixture(autouse=True)
    def servers(self, shared_node):
        self.node = shared_node(mtls=True)

    async def make_connector(self):
        found = self.node.certificates
        tls = ClientTls(ca=str(found.ca), cert=str(found.client_cert), key=str(found.client_key))
        return connector(self.node.url.replace("nats://", "tls://"), tls=tls)


class Turns:
    """Every connection to another server."""

    def __init__(self, connectors):
        self.connectors = connectors

    async def connect(self, **who):
        self.connectors.append(self.connectors.pop(0))
        return await self.connectors[0].connect(**who)
