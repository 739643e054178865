"""A runtime and a real Host: admitted by it, under its permissions, at its word."""

from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import ToolManifest
from altar.errors import ConfigurationError
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings, contracts_of
from altar_extras.grid.security import (
    Credentials,
    Principal,
    SignedManifest,
    SigningKey,
    key_id,
)
from altar_extras.grid.transport import LoopbackBroker, Requests
from altar_extras.grid.wire import CreateSession, Subjects
from tests.grid.runtime._control import Caller

CLIENT, RUNTIME, SIGNER, GRID_KEY, ACME_KEY, ROOT = (SigningKey.generate() for _ in range(6))


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def host_credentials(root=None) -> Credentials:
    return Credentials(
        role="host",
        tenant="acme",
        name="h1",
        seed=GRID_KEY.seed,
        host_seed=SIGNER.seed,
        root=root,
        tenants={"acme": ACME_KEY.seed},
        principals=(
            Principal(key=CLIENT.public, name="ana", tenant="acme", tools=("*",)),
            Principal(key=RUNTIME.public, name="r1", tenant="acme", role="runtime"),
        ),
    )


def runtime_credentials(root=None) -> Credentials:
    return Credentials(role="runtime", tenant="acme", name="r1", seed=RUNTIME.seed, root=root)


async def caller_of(broker) -> Caller:
    """A client with a session of its own, as the Host gives it."""
    identity = key_id(CLIENT.public)
    door = Requests(await broker.connect(seed=CLIENT.seed), identity)
    await door.start()
    subject = Subjects.host("create_session", identity)
    made = await door.ask(subject, CreateSession(id="1"), timeout=20.0)
    transport = await broker.connect(seed=CLIENT.seed, token=made.token)
    caller = Caller(transport, made.session)
    await caller.requests.start()
    return caller


@pytest.mark.parametrize("mode", ["development", "strict"])
def test_a_runtime_serves_what_a_real_host_accepts(mode, tmp_path):
    contract = contracts_of([add])[0]
    root = ROOT.public if mode == "strict" else None
    settings = HostSettings(mode=mode, heartbeat=0.05, misses=100)
    contracts = None
    if mode == "strict":
        contracts = signed(contract)
        contracts.write(tmp_path / "manifest.json")
        settings = HostSettings(
            mode="strict",
            heartbeat=0.05,
            misses=100,
            manifests={"acme": tmp_path / "manifest.json"},
            state_folder=tmp_path,
        )

    async def main():
        broker = LoopbackBroker()
        host = Host(broker, credentials=host_credentials(root), settings=settings)
        broker.admit = host.admit
        await host.start()
        state = str(tmp_path / "runtime.state") if mode == "strict" else None
        server = RuntimeServer(
            broker,
            [add],
            credentials=runtime_credentials(root),
            contracts=contracts,
            settings=RuntimeSettings(linger_seconds=0.0, manifest_state=state),
        )
        try:
            await server.start()
            assert server.status().tools == ("add",)
            caller = await caller_of(broker)
            found = await caller.call("add", {"a": 1, "b": 2}, digest=contract.digest)
            assert found.result["content"] == 3
            found = await caller.call("add", {"a": 1, "b": 2}, runtime=server.id)
            assert found.result["content"] == 3
            await server.drain()
        finally:
            await server.close()
            await host.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def signed(contract, *, key=ROOT, tenant="acme", sequence=1):
    return SignedManifest.sign(
        ToolManifest(contracts=(contract,)),
        root=key,
        tenant=tenant,
        sequence=sequence,
        expires=int(time.time()) + 3600,
        runtimes={contract.name: [RUNTIME.public]},
    )


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"key": SigningKey.generate()}, "not signed by the root"),
        ({"tenant": "other"}, "tenant other's"),
    ],
)
def test_a_runtime_believes_no_manifest_of_another_root_or_tenant(how, words):
    contract = contracts_of([add])[0]
    with pytest.raises(ConfigurationError, match=words):
        RuntimeServer(
            LoopbackBroker(),
            [add],
            credentials=runtime_credentials(ROOT.public),
            contracts=signed(contract, **how),
        )


def test_a_runtime_whose_tool_is_not_the_one_that_was_promised_does_not_start():
    contract = contracts_of([add])[0]

    async def other(a: int) -> int:
        """Another tool of that name."""
        return a

    with pytest.raises(ConfigurationError, match="other parameters"):
        RuntimeServer(
            LoopbackBroker(),
            {"add": other},
            credentials=runtime_credentials(),
            contracts=[contract],
        )
