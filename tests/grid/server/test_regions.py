"""Two regions on loopback: a request crosses, with TLS between them."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

pytest.importorskip("nats")
pytest.importorskip("nkeys")

import nats

from altar_extras.grid.server import (
    ServerProcess,
    Site,
    Tls,
    development_certificates,
    node_settings,
)
from tests.grid.nodes import PATIENT, Keys, client_context, held_ports, without_jetstream


def test_a_request_crosses_from_one_region_to_the_other(tmp_path):
    made = development_certificates(tmp_path / "tls")
    tls = Tls(ca=str(made.ca), cert=str(made.server_cert), key=str(made.server_key))
    keys = Keys.fresh(("acme",))

    async def connect(server):
        return await nats.connect(
            server.url,
            tls=client_context(made),
            tls_handshake_first=True,
            connect_timeout=30,
            nkeys_seed_str=keys.host["acme"],
            inbox_prefix=f"grid.v1.re.{server.pid}",
        )

    async def talk(east, west):
        one, other = await connect(east), await connect(west)
        try:

            async def answer(message):
                await message.respond(b"from west")

            await other.subscribe("grid.v1.host.x", cb=answer, queue="host")
            await other.flush()
            async with asyncio.timeout(60):
                while True:
                    try:
                        return (await one.request("grid.v1.host.x", b"", timeout=0.3)).data
                    # Interest, and a moment later the way back, take a while to cross.
                    except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                        await asyncio.sleep(0.02)
        finally:
            await one.close()
            await other.close()

    with ExitStack() as stack:
        *gateways, east, west = stack.enter_context(held_ports(4))
        ports = dict(zip(("east", "west"), gateways, strict=True))
        regions = {name: (f"localhost:{port}",) for name, port in ports.items()}
        servers = []
        for (name, port), own in zip(ports.items(), (east, west), strict=True):
            site = Site(
                name=name,
                tls=tls,
                folder=str(tmp_path / name),
                port=-1,
                monitor=-1,
                cluster_port=own,
                nodes=("localhost",),
                gateway_port=port,
                region=name,
                regions=regions,
            )
            # Without JetStream: its leader's election takes seconds.
            settings = without_jetstream(node_settings(site, keys.public(), times=PATIENT))
            process = ServerProcess(settings, folder=tmp_path / f"{name}-d")
            stack.callback(process.close)
            servers.append(process.start(wait=False, timeout=60))
        for process in servers:
            process.wait_until_ready(timeout=60)
        assert asyncio.run(talk(*servers)) == b"from west"
