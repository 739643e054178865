"""Scenarios in which runtimes and Hosts break, or leave."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from altar.runtime import Cancellation
from altar_extras.grid.audit import Verdict, read_folder, verify
from altar_extras.grid.audit._frames import frame_at
from tests.grid.audit.disk import tiny_disk
from tests.grid.chaos.ledger import Ledger, pause, read_marks
from tests.grid.chaos.world import World


async def runtime_killed(world: World, ledger: Ledger, seconds: float) -> None:
    """One of two runtimes is killed with calls and streams under way; it is started again."""
    one, _ = await asyncio.gather(world.runtime("r0", audit=True), world.runtime("r1", audit=True))
    client = await world.client()
    load = asyncio.create_task(ledger.load([client], rate=100, seconds=seconds))
    for number in range(20):
        ledger.send(client, ms=800)
        ledger.send(client, "count", to=60, ms=20, listen=True)
        ledger.send(client, "block", ms=400, idempotent=number % 2 == 0)
    await ledger.began(50)
    ledger.fault()
    one.kill()
    await one.ended()
    again = asyncio.create_task(world.runtime("r0", audit=True))
    await load
    await again
    await ledger.settled()
    broken = [one for one in ledger.calls if one.tool == "count" and not one.ok]
    ledger.notes.append(f"{len(broken)} streams broken with the runtime")
    await _audited(world, ledger)


async def _audited(world: World, ledger: Ledger) -> None:
    """Every member leaves in order; what ran is in the audit, exactly once, and nothing else."""
    for client in world.clients:
        await client.aclose()
    runtimes = [one for one in world.members if one.name.startswith("r") and not one.was_killed]
    for one in runtimes:
        one.terminate()
    for one in runtimes:
        code = await one.ended()
        ledger.expect(code == 0, f"{one.name} ended with {code}")
    await _is_exact(await world.audit(), ledger, world)


async def _is_exact(groups: Any, ledger: Ledger, world: World) -> None:
    marks = read_marks(world.marks)
    verdict: Verdict = verify(groups)
    for broken in verdict.broken:
        ledger.say(f"the audit is broken: {broken}")
    started: dict[str, int] = {}
    ended: dict[int | str, int] = {}
    for records in groups.values():
        for raw in records:
            record = frame_at(raw).record()
            if record.name == "started":
                key = record.field("correlation_id")
                started[key] = started.get(key, 0) + 1
            elif record.name in ("finished", "unknown"):
                ended[record.name] = ended.get(record.name, 0) + 1
    ran = 0
    for call in ledger.calls:
        begun = sum(1 for mark in marks.get(call.key, ()) if mark.kind == "B")
        there = started.get(call.key, 0)
        ran += begun
        if there < begun:
            ledger.say(f"{call.key} ran {begun} times and is in the audit {there} times")
        if there > begun and not world_killed(world):
            ledger.say(f"{call.key} is in the audit {there} times and ran {begun} times")
    total = sum(found.started for found in verdict.writers.values())
    finished = sum(found.finished for found in verdict.writers.values())
    unknown = sum(found.unknown for found in verdict.writers.values())
    ledger.expect(
        total == finished + unknown, f"{total} started, {finished} finished, {unknown} unknown"
    )
    ledger.notes.append(f"audit: {total} started = {finished} finished + {unknown} unknown")


def world_killed(world: World) -> bool:
    """Whether some process died: a call may then be written down and not have begun."""
    return any(one.was_killed for one in world.members)


async def every_role_killed(world: World, ledger: Ledger, seconds: float) -> None:
    """Server, Host and runtime are killed one after the other under load, all with the audit on."""
    runtimes = [await world.runtime(f"r{n}", audit=True) for n in range(2)]
    client = await world.client()
    load = asyncio.create_task(ledger.load([client], rate=60, seconds=max(seconds, 2.0) + 2.0))
    await ledger.good()
    ledger.fault()
    runtimes[0].kill()
    await runtimes[0].ended()
    await world.runtime("r0", audit=True)
    host = next(one for one in world.members if one.name == "host0")
    host.kill()
    await host.ended()
    await ledger.good()  # without a Host
    await world.host("host1")
    await ledger.good()
    await asyncio.to_thread(world.nodes[0].kill)
    await asyncio.to_thread(world.nodes[0].start)
    await load
    await ledger.settled()
    await _audited(world, ledger)


async def runtime_first(world: World, ledger: Ledger, seconds: float) -> None:
    """A runtime starts while no Host runs; it waits, and serves once one is there. The servers
    refuse it for 1 s each time: the Host comes after it has been refused.
    """
    starting = asyncio.create_task(world.runtime("r0", settings={"ready_timeout": None}))
    await pause(2.0)
    ledger.expect(not starting.done(), "a runtime serves without a Host")
    await world.host("host0")
    await asyncio.wait_for(starting, 60.0)
    client = await world.client()
    ledger.fault()
    await ledger.load([client], rate=50, seconds=seconds / 2)
    await ledger.settled()
    failed = [call for call in ledger.calls if not call.ok]
    ledger.expect(not failed, f"{len(failed)} calls failed after the Host had come")


async def runtime_drained(world: World, ledger: Ledger, seconds: float) -> None:
    """A runtime leaves with 200 calls under way, and more come meanwhile; another is there."""
    wide = {"slots": 256, "linger_seconds": 1.0}
    one = await world.runtime("r0", settings=wide, audit=True)
    client = await world.client()
    for _ in range(200):
        ledger.send(client, ms=700)
    await ledger.began(200)
    await world.runtime("r1", settings=wide, audit=True)
    load = asyncio.create_task(ledger.load([client], rate=200, seconds=seconds))
    await ledger.good(5)
    ledger.fault()
    one.terminate()
    code = await one.ended()
    await load
    await ledger.settled()
    ledger.expect(code == 0, f"the runtime ended with {code}")
    failed = [call for call in ledger.calls if not call.ok]
    ledger.expect(not failed, f"{len(failed)} calls failed while a runtime drained")
    await _audited(world, ledger)


async def host_killed(world: World, ledger: Ledger, seconds: float) -> None:
    """One of two Hosts is killed, then the other: live sessions go on; then one is back."""
    await world.runtime("r0")
    client = await world.client()
    hosts = [one for one in world.members if one.name.startswith("host")]
    load = asyncio.create_task(ledger.load([client], rate=100, seconds=seconds + 1.0))
    await ledger.good()
    ledger.fault()
    hosts[0].kill()
    await hosts[0].ended()
    began = time.monotonic()
    other = await world.client()
    ledger.notes.append(f"a new session {(time.monotonic() - began) * 1000:.0f} ms after the first")
    ledger.send(other)
    hosts[1].kill()
    await load
    await ledger.settled()
    failed = [call for call in ledger.calls if not call.ok]
    ledger.expect(not failed, f"{len(failed)} calls of live sessions failed without a Host")
    back = asyncio.create_task(world.host("host2"))
    await ledger.load([client, other], rate=100, seconds=0.5)
    await back
    late = await world.client()
    ledger.send(late)
    await ledger.settled()


async def host_silent(world: World, ledger: Ledger, seconds: float) -> None:
    """One of two Hosts stands still (SIGSTOP): sessions are opened and calls go on."""
    await world.runtime("r0")
    client = await world.client()
    hosts = [one for one in world.members if one.name.startswith("host")]
    hosts[0].process.send_signal(19)
    ledger.fault()
    try:
        worst = 0.0
        for _ in range(6):
            began = time.monotonic()
            other = await world.client()
            worst = max(worst, time.monotonic() - began)
            ledger.send(other)
        ledger.notes.append(f"the slowest new session took {worst * 1000:.0f} ms")
        await ledger.load([client], rate=100, seconds=seconds / 2)
        await ledger.settled()
    finally:
        hosts[0].process.send_signal(18)
    failed = [call for call in ledger.calls if not call.ok]
    ledger.expect(not failed, f"{len(failed)} calls failed with one Host silent")


async def poison(world: World, ledger: Ledger, seconds: float) -> None:
    """A call kills each runtime that takes it; after three it is refused everywhere. Between two
    of them is a second: what Hosts know reaches a client with its next directory.
    """
    names = [f"r{number}" for number in range(4)]
    await asyncio.gather(*[world.runtime(name) for name in names])
    client = await world.client(query_after=0.3)
    ledger.fault()
    refused = 0
    for _ in range(12):
        sent, task = ledger.send(client, "poison", key="the-poison", idempotent=True)
        await task
        if sent.reason == "quarantined":
            refused += 1
            break
        await pause(1.0)
    dead = [one for one in world.members if one.process.poll() is not None]
    for one in dead:
        one.was_killed = True
    ledger.expect(refused == 1, f"poison is not refused: {[one.reason for one in ledger.calls]}")
    ledger.expect(len(dead) == 3, f"poison killed {len(dead)} runtimes, not 3")
    ledger.calls.clear()  # one key for all of them: what it killed is the account
    ledger.notes.append(f"{len(dead)} runtimes died of it")
    await ledger.load([client], rate=50, seconds=1.0)
    await ledger.settled()


async def clock_skew(world: World, ledger: Ledger, seconds: float) -> None:
    """The runtimes' clocks count from elsewhere and run too fast or too slow."""
    await asyncio.gather(
        world.runtime("r0", ahead=-1e5, rate=1.0002, settings={"slots": 2}),
        world.runtime("r1", ahead=5e5, rate=0.9998, settings={"slots": 2}),
    )
    client = await world.client(breaker_failures=1_000_000)
    # more than they can do: calls wait in line until their deadlines pass
    await ledger.load([client], rate=300, seconds=seconds, ms=30, timeout=0.4)
    ledger.fault()
    await ledger.settled()
    await ledger.load([client], rate=50, seconds=0.5)
    await ledger.settled()


async def cancelled(world: World, ledger: Ledger, seconds: float) -> None:
    """Callers give up: before a body begins, in the middle, and when it has ended."""
    await world.runtime("r0", settings={"slots": 8})
    client = await world.client()
    ledger.fault()
    end = time.monotonic() + seconds / 2
    number = 0
    while time.monotonic() < end:
        number += 1
        flag = Cancellation()
        tool = ("work", "block", "count")[number % 3]
        more: dict[str, Any] = (
            {"to": 30, "ms": 2, "listen": True} if tool == "count" else {"ms": 30}
        )
        _, task = ledger.send(client, tool, cancelled=flag, **more)
        asyncio.get_running_loop().call_later((number % 11) * 0.005, flag.cancel, "enough")
        await pause(0.004)
    await ledger.settled()
    ledger.send(client)
    await ledger.settled()


async def full_disk(world: World, ledger: Ledger, seconds: float) -> None:
    """The spool's disk has no room left, and nobody takes what lies on it."""
    folder = world.folder / "disk"
    journal = {"segment_bytes": 65536, "max_bytes": 131072}
    with tiny_disk(folder, 512 * 1024) as disk:
        given = {"ships": False, "journal": {**journal, "max_bytes": 10_000_000}}
        if disk is None:  # no file system of our own here: the spool's own bound
            given, disk = {"ships": False, "journal": journal}, folder
        member = await world.runtime("r0", audit=str(disk / "spool"), **given)
        client = await world.client(breaker_failures=1_000_000)
        for _ in range(40):
            await ledger.load([client], rate=2000, seconds=0.05, ms=0)
            await ledger.settled()
            if any(not one.ok for one in ledger.calls):
                break
        await ledger.load([client], rate=200, seconds=0.5, ms=0)
        await ledger.settled()
        refused = [one for one in ledger.calls if not one.ok]
        ledger.expect(bool(refused), "the disk was never full")
        ledger.expect(
            all(one.result.error.type == "RESOURCE_EXHAUSTED" for one in refused),
            f"refused otherwise: {sorted({str(one.result.error.type) for one in refused})}",
        )
        ledger.expect(
            all(one.executed == "no" for one in refused), "a call ran that the audit did not take"
        )
        member.terminate()
        await member.ended()
        groups = {"": read_folder(disk / "spool")}
        await _is_exact(groups, ledger, world)
