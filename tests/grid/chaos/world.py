"""A grid to break: real servers, Hosts and runtimes in processes of their own, clients here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from altar_extras.grid.audit import read_stream
from altar_extras.grid.client import ClientSettings, GridClient
from altar_extras.grid.security import Credentials, Principal, SigningKey
from altar_extras.grid.server import Times
from altar_extras.grid.transport import NatsConnector
from tests.grid.chaos import bodies
from tests.grid.chaos.member import PATIENT
from tests.grid.nodes import Node, Options, start_cluster, start_node
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
TENANT = "acme"
# a Host counts a runtime that was silent for 3 s as absent: more than a heartbeat and a question
_QUICK = {"heartbeat": 0.5, "ask_seconds": 1.0, "linger_seconds": 0.3, "ready_timeout": 60.0}
# in the short form a busy machine decides nothing
_PATIENT = {"connect_timeout": 30.0, "ask_timeout": 10.0, "reattach": 20.0, "stop_wait": 20.0}


class Member:
    """A process of the grid."""

    def __init__(self, name: str, given: dict[str, Any], folder: Path) -> None:
        self.name = name
        file = folder / f"{name}.json"
        file.write_text(json.dumps(given), "utf-8")
        self._log = (folder / f"{name}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.grid.chaos.member", str(file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, bodies.MARKS: str(folder / "marks")},
        )
        self.pid = self.process.pid
        self.id = ""
        self.was_killed = False

    async def ready(self) -> Member:
        assert self.process.stdout is not None
        try:
            said = asyncio.to_thread(self.process.stdout.readline)
            line = await asyncio.wait_for(said, 3 * PATIENCE)
        except TimeoutError:
            self.kill()
            line = b""
        if not line.startswith(b"ready "):
            text = Path(self._log.name).read_text("utf-8")[-2000:]
            raise RuntimeError(f"{self.name} did not start: {text}")
        self.id = line.split()[1].decode()
        return self

    def kill(self) -> None:
        """kill -9."""
        self.was_killed = True
        self.process.kill()

    def terminate(self) -> None:
        """SIGTERM: it drains."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = 60.0) -> int:
        return await asyncio.to_thread(self.process.wait, seconds)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for one in (self.process.stdin, self.process.stdout, self._log):
            if one is not None:
                one.close()


class World:
    """Servers and what is around them; ``async with World.open(...)``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.touch()
        self.nodes: list[Node] = []
        self.members: list[Member] = []
        self.clients: list[GridClient] = []
        self.short = False
        self.signer, self.client_key = SigningKey.generate(), SigningKey.generate()
        self._runtime_keys: dict[str, SigningKey] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, nodes: int = 1, hosts: int = 1, **how: Any) -> AsyncIterator[World]:
        with tempfile.TemporaryDirectory(prefix="altar-chaos-") as folder:
            world = cls(Path(folder))
            try:
                await world.start(nodes, hosts, **how)
                yield world
            finally:
                await world.close()

    async def start(self, nodes: int, hosts: int, **how: Any) -> None:
        options = Options(callout=True)
        if nodes == 1 and hosts:  # a Host that is slow to say who may connect is no silent one
            options = replace(options, times=Times(authorization=8.0))
        if nodes == 1:
            made = await asyncio.to_thread(start_node, self.folder, options)
            self.nodes, self.keys = [made], made.keys
        else:
            cluster = await asyncio.to_thread(start_cluster, self.folder, nodes, options)
            self.nodes, self.keys = cluster.nodes, cluster.keys
        self.replicas = 3 if nodes >= 3 else 1
        await asyncio.gather(
            *[
                self.host(f"host{number}", at=number if len(self.nodes) > 1 else None, **how)
                for number in range(hosts)
            ]
        )

    def at(self, node: int | None) -> str:
        """The address of one server, of which its clients learn those of the others."""
        return self.url if node is None else self.nodes[node].url

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes)

    def runtime_key(self, name: str) -> SigningKey:
        """The key of a runtime; there are eight, by the last letter of its name."""
        return self._runtime_keys.setdefault(name, SigningKey.generate())

    async def host(self, name: str, *, at: int | None = None, **given: Any) -> Member:
        """One more Host, on one server at first."""
        names = [f"r{number}" for number in range(8)]
        runtimes = tuple(
            Principal(key=self.runtime_key(one).public, name=one, tenant=TENANT, role="runtime")
            for one in names
        )
        client = Principal(key=self.client_key.public, name="ana", tenant=TENANT, tools=("*",))
        credentials = Credentials(
            role="host",
            tenant=TENANT,
            name="host",
            seed=self.keys.host["GRID"],
            host_seed=self.signer.seed,
            issuer_seed=self.keys.issuer,
            tenants={TENANT: self.keys.host[TENANT]},
            principals=(client, *runtimes),
            url=self.at(at),
        )
        file = self.folder / f"{name}.credentials"
        credentials.write(file)
        settings = {"heartbeat": 1.0, "shortest_session": 0.5, **given.pop("settings", {})}
        made = Member(
            name,
            {
                "role": "host",
                "credentials": str(file),
                "replicas": self.replicas,
                "settings": settings,
                **given,
            },
            self.folder,
        )
        self.members.append(made)
        return await made.ready()

    async def runtime(self, name: str, *, url: str = "", **given: Any) -> Member:
        """One more runtime; ``settings`` are RuntimeSettings', the rest is member.py's."""
        credentials = Credentials(
            role="runtime",
            tenant=TENANT,
            name=name,
            seed=self.runtime_key(name).seed,
            url=url or self.url,
        )
        file = self.folder / f"{name}.credentials"
        credentials.write(file)
        given["settings"] = {**_QUICK, **given.get("settings", {})}
        if given.get("audit") is True:
            given["audit"] = str(self.folder / f"{name}.spool")
        given["patient"] = len(self.nodes) == 1
        made = Member(name, {"role": "runtime", "credentials": str(file), **given}, self.folder)
        self.members.append(made)
        return await made.ready()

    async def client(self, url: str = "", **settings: Any) -> GridClient:
        """A client with a session on this loop."""
        credentials = Credentials(
            role="client",
            tenant=TENANT,
            name="ana",
            seed=self.client_key.seed,
            host_keys=(self.signer.public,),
        )
        made = GridClient(
            connector=NatsConnector(
                url or self.url, settings=PATIENT if len(self.nodes) == 1 else None
            ),
            credentials=credentials,
            settings=ClientSettings(
                **{"directory_age": 0.5, **(_PATIENT if self.short else {}), **settings}
            ),
        )
        self.clients.append(made)
        await made.aopen()
        return made

    def node_of(self, client: GridClient) -> Node:
        """The server that a client is connected to."""
        link = client._looped.link  # type: ignore[union-attr]
        port = link.wire.transport._link.address.port  # type: ignore[union-attr]
        return next(node for node in self.nodes if node.url.endswith(f":{port}"))

    def node_of_runtime(self, member: Member) -> Node:
        """The server that a runtime is connected to."""
        name = f"altar-grid/1 runtime {member.id.rpartition('-')[2]}"
        for node in self.nodes:
            rows = node.process.monitor("connz?limit=10000")["connections"]
            if any(row.get("name") == name for row in rows):
                return node
        raise LookupError(f"no server has a connection of {member.name}")

    async def audit(self) -> dict[str, list[bytes]]:
        """Every writer's records in the stream."""
        transport = await NatsConnector(self.url).connect(seed=self.keys.host["GRID"])
        try:
            return await read_stream(transport.jetstream(), tenant=TENANT)
        finally:
            await transport.close()

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()
        for member in self.members:
            member.close()
        for node in self.nodes:
            await asyncio.to_thread(node.close)
