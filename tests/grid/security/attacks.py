"""A STRICT grid on a real server, with a Host, an honest runtime, and parties that are not."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from secrets import token_hex

from altar.adm import ToolContract, ToolManifest
from altar.later import Session
from altar_extras.grid.client import ClientSettings, GridClient
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.security import Credentials, Principal, SignedManifest, SigningKey
from altar_extras.grid.transport import NatsStore, StoreSettings
from tests.grid.client.grids import PATIENCE
from tests.grid.host import scenes
from tests.grid.host.scenes import contract
from tests.grid.nodes import connector

ROOT = SigningKey.generate()
ANA, BOB, EVIL, GOOD = (SigningKey.generate() for _ in range(4))
RAN: list[str] = []


def upper(text: str = "true") -> str:
    """Text in capitals."""
    RAN.append(text)
    return text.upper()


def _contract(name: str, *tools) -> ToolContract:
    with Session(tools=tools) as session:
        declared = tuple(session.declarations())
    return ToolContract(
        name=name, version="1.0.0", description="Tools.", function_declarations=declared
    )


FAST, SLOW = contract("fast", "add"), _contract("slow", upper)
RUNTIMES = {"fast": [EVIL.public], "slow": [GOOD.public]}


def sign(path, *, contracts=(FAST, SLOW), runtimes=None, **changes) -> None:
    fields = {"sequence": 1, "root": ROOT, "tenant": "acme", "expires": time.time() + 3600}
    SignedManifest.sign(
        ToolManifest(contracts=contracts), runtimes=runtimes or RUNTIMES, **{**fields, **changes}
    ).write(path)


def host_credentials(node, **changes) -> Credentials:
    keys = node.keys
    principals = (
        Principal(key=ANA.public, name="ana", tenant="acme", tools=("*",)),
        Principal(key=BOB.public, name="bob", tenant="acme", tools=("*",)),
    )
    fields = {
        "seed": keys.host["GRID"],
        "issuer_seed": keys.issuer,
        "tenants": {"acme": keys.host["acme"]},
        "url": node.url,
        "root": ROOT.public,
        "principals": principals,
    }
    return scenes.credentials(**{**fields, **changes})


def host_of(node, folder, **changes) -> Host:
    settings = HostSettings(
        heartbeat=0.1,
        misses=300,  # a busy machine makes no runtime a lost one
        store_timeout=20.0,
        state_folder=folder,
        manifests={"acme": folder / "signed.json"},
        system_seed=node.keys.host["SYS"],
    )
    bucket = changes.pop("bucket", f"attacks-{token_hex(4)}")
    return Host(
        connector(node.url),
        credentials=host_credentials(node, **changes),
        settings=settings,
        store=lambda transport: NatsStore(transport, bucket, settings=StoreSettings(timeout=20.0)),
    )


@asynccontextmanager
async def strict(node, folder, **changes):
    """A Host of ``node`` in STRICT, and where to connect."""
    if not (folder / "signed.json").exists():
        sign(folder / "signed.json")
    host = host_of(node, folder, **changes)
    try:
        await host.start()
        yield host, connector(node.url)
    finally:
        await host.drain()


@asynccontextmanager
async def serving(there, key=GOOD, **settings):
    """An honest runtime."""
    made = RuntimeServer(
        there,
        [upper],
        credentials=Credentials(role="runtime", tenant="acme", name="good", seed=key.seed),
        contracts=(SLOW,),
        settings=RuntimeSettings(
            **{"heartbeat": 0.1, "linger_seconds": 0.0, "ready_timeout": 60.0, **settings}
        ),
    )
    await made.start()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def calling(there, key=ANA, **settings):
    """An honest client on this loop."""
    credentials = Credentials(role="client", tenant="acme", name="ana", seed=key.seed)
    client = GridClient(
        connector=there,
        credentials=credentials,
        settings=ClientSettings(**{**PATIENCE, **settings}),
    )
    await client.aopen()
    try:
        yield client
    finally:
        await client.aclose()


def run(scene, *, seconds: float = 60) -> None:
    asyncio.run(asyncio.wait_for(scene(), seconds))
