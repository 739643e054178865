"""Whole grids in this process for the client's tests: a Host, runtimes, and what clients need."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from altar_extras.grid.client import ClientSettings, GridClient
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.security import Credentials, Principal, SigningKey
from altar_extras.grid.transport import LoopbackBroker
from tests.grid.nodes import connector
from tests.waiting import PATIENCE as WAIT

CLIENT, RUNTIME, SIGNER, GRID_KEY, ACME_KEY = (SigningKey.generate() for _ in range(5))


def host_credentials() -> Credentials:
    return Credentials(
        role="host",
        tenant="acme",
        name="h1",
        seed=GRID_KEY.seed,
        host_seed=SIGNER.seed,
        tenants={"acme": ACME_KEY.seed},
        principals=(
            Principal(key=CLIENT.public, name="ana", tenant="acme", tools=("*",)),
            Principal(key=RUNTIME.public, name="r1", tenant="acme", role="runtime"),
        ),
    )


def client_credentials(**changes: Any) -> Credentials:
    fields = {
        "role": "client",
        "tenant": "acme",
        "name": "ana",
        "seed": CLIENT.seed,
        "host_keys": (SIGNER.public,),
    }
    return Credentials(**{**fields, **changes})


def runtime_credentials() -> Credentials:
    return Credentials(role="runtime", tenant="acme", name="r1", seed=RUNTIME.seed)


# a busy machine decides nothing: what is to be short is given to a client by its test
PATIENCE = {
    "connect_timeout": 30.0,
    "ask_timeout": 20.0,
    "reattach": 20.0,
    "stop_wait": 20.0,
    "breaker_wait": 60.0,
}
HOST = HostSettings(mode="development", heartbeat=0.1, misses=300, shortest_session=0.2)


class Grid:
    """A Host and runtimes around a broker; started on the loop that first connects to it.

    It is a Connector: clients of any kind bring their own loop.
    """

    def __init__(self, tools: Any, *, runtimes: int = 1, **settings: Any) -> None:
        self.tools = tools
        self.count = runtimes
        self.settings = RuntimeSettings(
            **{"heartbeat": 0.1, "ask_seconds": 10.0, "ready_timeout": 60.0, **settings}
        )
        self.broker = LoopbackBroker()
        self.host: Host | None = None
        self.runtimes: list[RuntimeServer] = []
        self._started: asyncio.Task[None] | None = None

    async def connect(self, **how: Any) -> Any:
        await self._begun()
        return await self.broker.connect(**how)

    async def _begun(self) -> None:
        """Started, once; whoever is tired of waiting does not end it for the others."""
        if self._started is None:
            self._started = asyncio.get_running_loop().create_task(self.start())
        await asyncio.shield(self._started)

    async def start(self) -> None:
        host = self.host = Host(
            self.broker,
            credentials=host_credentials(),
            settings=HOST,
        )
        self.broker.admit = host.admit
        await host.start()
        for _ in range(self.count):
            await self.add()

    async def add(self) -> RuntimeServer:
        made = RuntimeServer(
            self.broker, self.tools, credentials=runtime_credentials(), settings=self.settings
        )
        await made.start()
        self.runtimes.append(made)
        return made

    async def close(self) -> None:
        self._started = None
        for one in self.runtimes:
            await one.close()
        if self.host is not None:
            await self.host.close()

    def client(self, **settings: Any) -> GridClient:
        patient = ClientSettings(**{**PATIENCE, **settings})
        return _Keeper(self, credentials=client_credentials(), settings=patient)


class _Keeper(GridClient):
    """A client on whose thread the grid runs, which ends with it."""

    def __init__(self, grid: Grid, **how: Any) -> None:
        super().__init__(connector=grid, **how)
        self.grid = grid

    def close(self) -> None:
        portal, engine = self._portal, self._threaded
        if portal is not None and engine is not None and portal.is_alive:
            portal.run(engine.close(), 2 * WAIT)
            portal.run(self.grid.close(), 2 * WAIT)
        super().close()


class NatsGrid(Grid):
    """The same around a server, whose callout the Host answers."""

    def __init__(self, node: Any, tools: Any, **how: Any) -> None:
        super().__init__(tools, **how)
        self.node = node
        self.connector = connector(node.url)

    async def connect(self, **how: Any) -> Any:
        await self._begun()
        return await self.connector.connect(**how)

    async def start(self) -> None:
        keys = self.node.keys
        credentials = replace(
            host_credentials(),
            seed=keys.host["GRID"],
            issuer_seed=keys.issuer,
            tenants={"acme": keys.host["acme"]},
        )
        self.host = Host(
            self.connector,
            credentials=credentials,
            settings=replace(HOST, store_timeout=20.0),
            tenants={"acme": self.connector},
        )
        await self.host.start()
        for _ in range(self.count):
            await self.add()

    async def add(self) -> RuntimeServer:
        made = RuntimeServer(
            self.connector, self.tools, credentials=runtime_credentials(), settings=self.settings
        )
        await made.start()
        self.runtimes.append(made)
        return made
