"""Scenarios in which servers and the network break."""

from __future__ import annotations

import asyncio

from tests.grid.chaos.ledger import Ledger, pause
from tests.grid.chaos.proxy import Proxy
from tests.grid.chaos.world import World

RATE = 200.0


async def server_restart(world: World, ledger: Ledger, seconds: float) -> None:
    """The only server is killed with calls under way, and is back half a second later: the time
    without it is part of the fault.
    """
    await world.runtime("r0")
    client = await world.client()
    for _ in range(20):
        ledger.send(client, ms=300)
    await ledger.began(20)
    load = asyncio.create_task(ledger.load([client], rate=RATE, seconds=seconds))
    await ledger.good()
    for _ in range(20):
        ledger.send(client, ms=600)
    await ledger.running(20)
    ledger.fault()
    await asyncio.to_thread(world.nodes[0].kill)
    await pause(0.5)
    await asyncio.to_thread(world.nodes[0].start, wait=False)
    await load
    await ledger.settled()


async def _three(world: World, ledger: Ledger, seconds: float, whose: str, how: str) -> None:
    """The first server has a Host and a runtime; the other Host and runtime are on the second.
    What a server held when it stopped has half a second to come through once it wakes.
    """
    await asyncio.gather(world.runtime("r0", url=world.at(0)), world.runtime("r1", url=world.at(1)))
    client = await world.client(world.at(0 if whose == "client" else 2))
    node = world.nodes[0]
    load = asyncio.create_task(ledger.load([client], rate=RATE, seconds=seconds))
    for _ in range(10):
        ledger.send(client, ms=400)
    await ledger.running(10)
    await ledger.good()
    for _ in range(10):
        ledger.send(client, ms=400)
    await ledger.running(10)
    ledger.fault()
    await asyncio.to_thread(getattr(node, how))
    try:
        await load
        await ledger.settled()
    finally:
        if how == "suspend":
            node.resume()  # what it held comes now, and must not run
            await pause(0.5)
            for _ in range(20):
                ledger.send(client)
            await ledger.settled()
        else:
            await asyncio.to_thread(node.start, wait=False)
            await asyncio.to_thread(node.process.wait_until_ready, timeout=20.0)


async def client_node_killed(world: World, ledger: Ledger, seconds: float) -> None:
    """Three servers; the client's own is killed."""
    await _three(world, ledger, seconds, "client", "kill")


async def runtime_node_killed(world: World, ledger: Ledger, seconds: float) -> None:
    """Three servers; that of one of two runtimes is killed."""
    await _three(world, ledger, seconds, "runtime", "kill")


async def half_open(world: World, ledger: Ledger, seconds: float) -> None:
    """Three servers; the client's own stops and its socket stays open (SIGSTOP); it wakes later."""
    await _three(world, ledger, max(seconds, 4.0), "client", "suspend")


async def half_open_runtime(world: World, ledger: Ledger, seconds: float) -> None:
    """Three servers; that of one of two runtimes stops, its socket open; it wakes later."""
    await _three(world, ledger, max(seconds, 4.0), "runtime", "suspend")


async def partition(world: World, ledger: Ledger, seconds: float) -> None:
    """The client's way to the only server it has is cut in both directions, and heals after
    2.5 s: that time is the fault.
    """
    await world.runtime("r0")
    port = int(world.nodes[0].url.rpartition(":")[2])
    async with _proxy(port) as proxy:
        client = await world.client(proxy.url)
        load = asyncio.create_task(ledger.load([client], rate=RATE, seconds=seconds + 3.0))
        await ledger.good()
        # these wait in the network, and must not run once their callers have given up
        proxy.cut()
        ledger.fault()
        for _ in range(50):
            ledger.send(client, timeout=0.3)
        await pause(2.5)
        proxy.heal()
        await load
        await ledger.settled()
        ledger.notes.append("cut for 2.5 s")
        await world.clients.pop().aclose()


async def partition_runtime(world: World, ledger: Ledger, seconds: float) -> None:
    """A runtime's way to its server is cut; there is another runtime; it heals after 2.5 s: that
    time is the fault.
    """
    port = int(world.nodes[0].url.rpartition(":")[2])
    async with _proxy(port) as proxy:
        cut = await world.runtime("r0", url=proxy.url)
        await world.runtime("r1")
        client = await world.client()
        load = asyncio.create_task(ledger.load([client], rate=RATE, seconds=seconds + 4.0))
        await ledger.good()
        for _ in range(20):
            ledger.send(client, ms=300)
        await ledger.running(20)
        ledger.fault()
        proxy.cut()
        await pause(2.5)
        proxy.heal()
        await load
        await ledger.settled()
        ledger.notes.append("cut for 2.5 s")
        cut.kill()


async def rolling_restart(world: World, ledger: Ledger, seconds: float) -> None:
    """Three servers are restarted one after the other under load, each by lame duck."""
    await asyncio.gather(world.runtime("r0"), world.runtime("r1"))
    client = await world.client()
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            await ledger.load([client], rate=RATE, seconds=0.5, ms=20)

    loading = asyncio.create_task(load())
    await ledger.good()
    ledger.fault()
    for node in world.nodes:
        node.lame_duck()
        await _left(node, world)
        await asyncio.to_thread(node.process.stop)
        await asyncio.to_thread(node.start, wait=False)
        await asyncio.to_thread(node.process.wait_until_ready, timeout=20.0)
    stop.set()
    await loading
    await ledger.settled()
    row = ledger.account()
    ledger.broken.clear()
    ledger.expect(row.ok == row.sent, f"a rolling restart failed {row.sent - row.ok} calls")


async def _left(node, world) -> None:
    """Until nobody is connected to it any more, a few seconds at most."""
    for _ in range(60):
        try:
            seen = await asyncio.to_thread(node.process.monitor, "connz")
        except OSError:
            return
        if not seen.get("num_connections"):
            return
        await pause(0.05)


class _proxy:
    def __init__(self, port: int) -> None:
        self.proxy = Proxy(port)

    async def __aenter__(self) -> Proxy:
        return await self.proxy.start()

    async def __aexit__(self, *_: object) -> None:
        await self.proxy.close()
