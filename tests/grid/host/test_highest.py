"""The highest sequence of a manifest is in the Hosts' store too: the file alone is not trusted."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from secrets import token_hex

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import ToolManifest
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.security import ManifestRefused, SignedManifest, SigningKey
from altar_extras.grid.transport import NatsStore, StoreSettings
from tests.grid.host.scenes import RUNTIME, contract, credentials
from tests.grid.nodes import connector

ROOT = SigningKey.generate()


def sign(folder, sequence, *, root=ROOT, tools=("add",)):
    found = ToolManifest(contracts=(contract("math", *tools),))
    SignedManifest.sign(
        found,
        root=root,
        tenant="acme",
        sequence=sequence,
        expires=time.time() + 3600,
        runtimes={"math": [RUNTIME.public]},
    ).write(folder / "signed.json")


@pytest.fixture
def serving(shared_node):
    """A Host of one bucket on a real server, with the manifest and the memory of a folder."""
    node, bucket = shared_node(callout=True), f"host-{token_hex(4)}"

    @asynccontextmanager
    async def serve(folder, root=ROOT):
        host = Host(
            connector(node.url),
            credentials=credentials(
                seed=node.keys.host["GRID"],
                issuer_seed=node.keys.issuer,
                tenants={"acme": node.keys.host["acme"]},
                url=node.url,
                root=root.public,
                principals=(),
            ),
            settings=HostSettings(
                manifests={"acme": folder / "signed.json"}, state_folder=folder, store_timeout=20.0
            ),
            store=lambda at: NatsStore(at, bucket, settings=StoreSettings(timeout=20.0)),
        )
        await host.start()
        try:
            yield host
        finally:
            await host.drain()

    return serve


async def refusal(entered) -> str:
    with pytest.raises(ManifestRefused) as caught:
        async with entered:
            pass
    return caught.value.reason


def test_a_host_that_lost_its_memory_takes_no_older_manifest_than_another_has_accepted(
    serving, tmp_path
):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    async def scene() -> None:
        sign(here, 5)
        async with serving(here) as host:
            sign(here, 6)
            await host.reload()
            sign(there, 5)
            assert await refusal(serving(there)) == "older"
        for lost in here.glob("manifest-*"):
            lost.unlink()
        sign(here, 5)
        assert await refusal(serving(here)) == "older"
        sign(there, 6, tools=("add", "mul"))
        assert await refusal(serving(there)) == "sequence_reused"
        sign(there, 7)
        async with serving(there) as host:
            assert host.health().ready

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_grid_with_another_root_begins_at_its_own_sequence(serving, tmp_path):
    other = SigningKey.generate()
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()

    async def scene() -> None:
        sign(old, 9)
        async with serving(old):
            pass
        sign(new, 1, root=other)
        async with serving(new, other) as host:
            assert host.health().ready

    asyncio.run(asyncio.wait_for(scene(), 60))
