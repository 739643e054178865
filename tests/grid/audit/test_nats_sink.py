"""JetStream: 0 lost and 0 doubled through kill -9 of the shipper, of the server, of a leader."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("nkeys")
pytest.importorskip("cryptography")

import nats
import nats.js.errors
from nats.js import JetStreamContext

from altar.errors import ConfigurationError
from altar_extras.grid.audit import (
    Batch,
    NatsAuditSink,
    Position,
    Shipper,
    ShipSettings,
    SinkUnavailable,
    read_stream,
    verify,
)
from tests.grid.audit.calls import SMALL, make_calls, opened
from tests.grid.audit.test_kill import assert_all_there, killed_run
from tests.waiting import PATIENCE

QUICK = ShipSettings(linger=0.002, longest_pause=0.05)


async def connect(servers):
    return await nats.connect(
        servers, reconnect_time_wait=0.05, max_reconnect_attempts=-1, error_cb=nothing
    )


async def nothing(error: Exception) -> None:
    """Connections break here by design."""


async def five_calls(folder):
    """The records of a journal of five calls."""
    with opened(folder) as journal:
        await make_calls(journal, 0, 5)
        return tuple(journal.read(0, records=99, size=1 << 20))


def test_a_stream_takes_each_batch_once_and_lets_nothing_be_deleted(shared_node, tmp_path):
    async def run() -> None:
        nc = await connect(shared_node().url)
        js = nc.jetstream(timeout=PATIENCE)
        records = await five_calls(tmp_path)
        first, second = (NatsAuditSink(js, tenant="once", timeout=PATIENCE) for _ in range(2))
        await first.open()
        await second.open()
        assert await first.last("w1") == Position(0)
        assert await first.put(Batch("w1", 1, 0, records[:4])) == 4
        assert await second.put(Batch("w1", 1, 0, records[:4])) == 4  # another Host, again
        assert await second.put(Batch("w1", 1, 4, records[4:8])) == 8
        assert await first.put(Batch("w1", 1, 4, records[4:8])) == 8  # it knew of 4 only
        assert await first.put(Batch("w1", 1, 9, records[9:])) == 8  # would leave a gap
        assert await first.last("w1") == Position(8, records[7][-32:])
        assert (await read_stream(js, tenant="once"))["w1"] == list(records[:8])
        for sin in (js.delete_msg("GRID_AUDIT_once", 1), js.purge_stream("GRID_AUDIT_once")):
            with pytest.raises(nats.js.errors.APIError):
                await sin
        await nc.close()

    asyncio.run(run())


def test_what_is_lost_on_its_way_to_a_reader_is_read_again(shared_node, tmp_path, monkeypatch):
    real, lost = JetStreamContext.PushSubscription.next_msg, []

    async def next_msg(subscription, timeout=1.0):  # noqa: ASYNC109 - as it is
        message = await real(subscription, timeout)
        if not lost:
            lost.append(message)
            message = await real(subscription, timeout)
        return message

    async def run() -> None:
        nc = await connect(shared_node().url)
        js = nc.jetstream(timeout=PATIENCE)
        records = await five_calls(tmp_path)
        sink = NatsAuditSink(js, tenant="lost", timeout=PATIENCE)
        await sink.open()
        assert await sink.put(Batch("w1", 1, 0, records[:4])) == 4
        assert await sink.put(Batch("w1", 1, 4, records[4:8])) == 8
        monkeypatch.setattr(JetStreamContext.PushSubscription, "next_msg", next_msg)
        assert (await read_stream(js, tenant="lost"))["w1"] == list(records[:8])
        assert len(lost) == 1
        await nc.close()

    asyncio.run(run())


def test_a_stream_that_is_not_there_is_a_typed_answer(shared_node):
    async def run() -> None:
        nc = await connect(shared_node().url)
        sink = NatsAuditSink(nc.jetstream(), tenant="absent", timeout=0.2)
        with pytest.raises(SinkUnavailable):
            await sink.last("w1")
        with pytest.raises(SinkUnavailable):
            await read_stream(nc.jetstream(), tenant="absent")
        await nc.close()

    asyncio.run(run())
    with pytest.raises(ConfigurationError):
        NatsAuditSink(None, tenant="A.b")


def test_a_killed_shipper_loses_and_doubles_nothing(shared_node, tmp_path):
    url = shared_node().url

    async def stream(*, finish: bool) -> dict[str, list[bytes]]:
        nc = await connect(url)
        js = nc.jetstream(timeout=PATIENCE)
        sink = NatsAuditSink(js, tenant="acme", timeout=PATIENCE)
        await sink.open()
        if finish:
            with opened(tmp_path, max_bytes=64 * SMALL) as journal:
                shipper = Shipper(journal, sink, settings=QUICK)
                await shipper.start()
                assert await shipper.drain(within=60), shipper.fault
                await shipper.close()
        found = await read_stream(js, tenant="acme")
        await nc.close()
        return found

    asyncio.run(stream(finish=False))
    said: list[str] = []
    for run, lines in enumerate((700, 40, 300)):
        said += killed_run(tmp_path / "spool", run, lines, url)
    found = asyncio.run(stream(finish=True))
    verdict = verify(found)
    assert verdict.ok, verdict.broken
    assert verdict.writers["w1"].epochs == 4
    assert_all_there(found["w1"], said)


def ship_through(hurt, urls, tmp_path, *, replicas: int, calls: int) -> None:
    """Ship while ``hurt(at, js)`` does its worst; then everything is there, once, in order."""

    async def run() -> None:
        nc = await connect(urls)
        js = nc.jetstream(timeout=1)
        await NatsAuditSink(nc.jetstream(timeout=60), tenant="acme").open(replicas=replicas)
        sink = NatsAuditSink(js, tenant="acme", timeout=1)
        with opened(tmp_path, max_bytes=64 * SMALL) as journal:
            shipper = Shipper(journal, sink, settings=QUICK)
            await shipper.start()
            for at in range(4):
                await hurt(at, js)
                for first in range(0, calls, 10):
                    await make_calls(journal, at * calls + first, at * calls + first + 10)
                    await asyncio.sleep(0.005)
            assert await shipper.drain(within=90), shipper.fault
            await shipper.close()
        async with asyncio.timeout(60):
            while True:
                try:
                    found = await read_stream(js, tenant="acme")
                    break
                except SinkUnavailable:
                    await asyncio.sleep(0.05)
        verdict = verify(found)
        assert verdict.ok, verdict.broken
        assert verdict.writers["w1"].finished == 4 * calls
        await nc.close()

    asyncio.run(run())


def test_a_killed_server_loses_and_doubles_nothing(node, tmp_path):
    server = node()

    async def hurt(at: int, js) -> None:
        if at % 2:
            server.kill()
        elif at:
            await asyncio.to_thread(server.start)

    async def healed(at: int, js) -> None:
        await hurt(at, js)
        if at == 3:
            await asyncio.sleep(0.02)
            await asyncio.to_thread(server.start)

    ship_through(healed, server.url, tmp_path, replicas=1, calls=100)


@pytest.mark.slow
def test_a_killed_leader_of_three_loses_and_doubles_nothing(cluster, tmp_path):
    servers = cluster(3)
    dead = []

    async def hurt(at: int, js) -> None:
        if at % 2 == 0:
            return
        while dead:
            await asyncio.to_thread(dead.pop().start)
        leader = None  # while it is elected there is none
        async with asyncio.timeout(60):
            while not leader:
                with suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
                    leader = (await js.stream_info("GRID_AUDIT_acme")).cluster.leader
                await asyncio.sleep(0.02)
        victim = servers[int(leader[1:]) - 1]
        victim.kill()
        dead.append(victim)

    ship_through(hurt, servers.urls, tmp_path, replicas=3, calls=300)
