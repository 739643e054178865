"""Shipping: in order, each record once, whatever answer is lost; callers wait only with sync."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar.errors import ConfigurationError
from altar_extras.grid.audit import (
    AuditReceiver,
    AuditUnshipped,
    Batch,
    HostSink,
    Shipper,
    ShipSettings,
    SinkRefused,
    SpoolBroken,
    _ship,
    verify,
)
from altar_extras.grid.security import SigningKey, key_id
from altar_extras.grid.wire import pack, unpack
from tests.grid.audit.calls import KEY, SMALL, MemorySink, entry, make_calls, opened, outcome
from tests.waiting import PATIENCE, asoon

QUICK = ShipSettings(linger=0.002, longest_pause=0.01)


def test_every_record_reaches_the_sink_once_though_answers_are_lost(tmp_path):
    async def run() -> MemorySink:
        sink = MemorySink()
        sink.faults = ["before", "after", "", "after", "after", "before", ""]
        with opened(tmp_path, max_bytes=16 * SMALL) as journal:
            shipper = Shipper(journal, sink, settings=QUICK)
            await shipper.start()
            for first in range(0, 60, 10):
                await make_calls(journal, first, first + 10)
                assert await shipper.drain(within=PATIENCE)
            assert journal.lag_seconds == 0
            await shipper.close()
        return sink

    sink = asyncio.run(run())
    verdict = verify(sink.kept)
    assert verdict.ok, verdict.broken
    assert verdict.writers["w1"].finished == 60


def test_batches_grow_behind_a_slow_sink_and_stay_within_their_bounds(tmp_path):
    async def run() -> None:
        sink = MemorySink()
        with opened(tmp_path, max_bytes=16 * SMALL) as journal:
            await make_calls(journal, 0, 200)
            shipper = Shipper(journal, sink, settings=ShipSettings(records=10, most=50))
            await shipper.start()
            assert await shipper.drain(within=PATIENCE)
            await shipper.close()
        assert max(sink.batches) == 50

    asyncio.run(run())


def test_a_restart_goes_on_where_the_sink_stands(tmp_path):
    async def run() -> None:
        sink = MemorySink()
        for first in range(3):
            with opened(tmp_path) as journal:
                await make_calls(journal, first * 10, first * 10 + 10)
                shipper = Shipper(journal, sink, settings=QUICK)
                await shipper.start()
                assert await shipper.drain(within=PATIENCE)
                await make_calls(journal, first * 10 + 100, first * 10 + 103)
                await shipper.close()
        with opened(tmp_path) as journal:
            shipper = Shipper(journal, sink, settings=QUICK)
            await shipper.start()
            assert await shipper.drain(within=PATIENCE)
            await shipper.close()
        found = verify(sink.kept)
        assert found.ok and found.writers["w1"].finished == 39

    asyncio.run(run())


def test_a_host_takes_a_runtimes_records_by_the_wire_and_no_others(tmp_path):
    async def run() -> None:
        sink, name = MemorySink(), f"{key_id(KEY.public)}-0a1b2c3d"
        with opened(tmp_path / "host", writer="host-1", key=SigningKey.generate()) as own:
            receiver = AuditReceiver(sink, key=SigningKey.generate(), journal=own)

            async def ask(batch: Batch) -> int:
                (message,) = unpack(pack(batch.to_message("1")))
                return await receiver.take(Batch.from_message(message), runtime=name[:17] + "99")

            with opened(tmp_path, writer=name) as journal:
                shipper = Shipper(journal, HostSink(ask), settings=QUICK)
                await shipper.start()
                await make_calls(journal, 0, 5)
                assert await shipper.drain(within=PATIENCE)
                await shipper.close()
            assert own.committed == 3  # its epoch, its head, the countersignature
        assert verify(sink.kept).writers[name].finished == 5
        other = f"{'0' * 16}-0a1b2c3d"
        with pytest.raises(SinkRefused, match="does not write as"):
            await receiver.take(Batch(other, 1, 0, ()), runtime=name)
        with pytest.raises(SinkRefused, match="names another's key"):
            await receiver.take(Batch(other, 1, 0, tuple(sink.kept[name])), runtime=other)
        with pytest.raises(SinkRefused, match="no record"):
            await receiver.take(Batch(name, 1, 0, (b"garbage",)), runtime=name)

    asyncio.run(run())


def test_a_spool_that_was_lost_or_copied_is_not_shipped_over_what_is_there(tmp_path):
    async def run() -> None:
        sink = MemorySink()
        for folder, calls in (("a", 20), ("b", 40), ("c", 2)):
            with opened(tmp_path / folder) as journal:
                await make_calls(journal, 0, calls)
                shipper = Shipper(journal, sink, settings=QUICK)
                await shipper.start()
                if folder == "a":
                    assert await shipper.drain(within=PATIENCE)
                else:
                    async with asyncio.timeout(PATIENCE):
                        while shipper.fault is None:
                            await asyncio.sleep(0.002)
                    assert isinstance(shipper.fault, SinkRefused)
                    assert not await shipper.drain(within=0.02)
                    assert journal.lag_seconds > 0
                await shipper.close()
        assert verify(sink.kept).writers["w1"].finished == 20

    asyncio.run(run())


def test_with_sync_a_call_runs_only_when_the_sink_has_its_start(tmp_path):
    async def run() -> None:
        sink = MemorySink()
        with opened(tmp_path, sync=True, sync_timeout=0.05) as journal:
            with pytest.raises(AuditUnshipped):
                await journal.started(entry(1))
            await asyncio.to_thread(refused, journal)
        with opened(tmp_path, sync=True, sync_timeout=30.0) as journal:
            shipper = Shipper(journal, sink, settings=QUICK)
            await shipper.start()
            assert await shipper.drain(within=PATIENCE)
            await journal.started(entry(3))
            await journal.finished(outcome(3))
            assert verify(sink.kept).writers["w1"].finished == 3
            await shipper.close()
        assert verify(tmp_path / "spool").writers["w1"].open == 0

    def refused(journal) -> None:
        with pytest.raises(AuditUnshipped):
            journal.started_sync(entry(2))

    asyncio.run(run())


def test_a_slow_sink_delays_no_call(tmp_path):
    async def run() -> None:
        forever = asyncio.Event()

        async def ask(batch: Batch) -> int:
            await forever.wait()
            return 0

        with opened(tmp_path) as journal:
            shipper = Shipper(journal, HostSink(ask))
            await shipper.start()
            await make_calls(journal, 0, 20)
            assert journal.lag_seconds > 0
            assert not await shipper.drain(within=0.01)
            await shipper.close()

    asyncio.run(run())


def test_a_sink_that_takes_a_cancellation_for_itself_keeps_no_shipper_from_its_end(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_ship, "_AGAIN", 0.01)

    async def run() -> None:
        taken = []

        async def ask(batch: Batch) -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:  # as wait_for of Python 3.11 may
                taken.append(error)
                if len(taken) > 2:
                    raise
            return 0

        with opened(tmp_path) as journal:
            shipper = Shipper(journal, HostSink(ask))
            await shipper.start()
            await asyncio.sleep(0)
            await shipper.close()
            assert 0 < len(taken) <= 3

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_spool_that_cannot_be_read_is_a_fault_and_not_the_shippers_end(tmp_path):
    async def run() -> None:
        sink = MemorySink()
        sink.faults = ["before"] * 1_000_000  # so that there is always something to read
        journal = opened(tmp_path)
        shipper = Shipper(journal, sink, settings=QUICK)
        await shipper.start()
        await make_calls(journal, 0, 3)
        await journal.aclose()
        assert await asoon(lambda: isinstance(shipper.fault, SpoolBroken)), shipper.fault
        await shipper.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigurationError):
        ShipSettings(records=10, most=5)


def test_the_largest_batch_is_one_that_a_host_can_read():
    most = ShipSettings().most
    batch = Batch("w", 1, 0, tuple(b"record" for _ in range(most)))
    (read,) = unpack(pack(batch.to_message("b")))
    assert Batch.from_message(read) == batch
    with pytest.raises(ConfigurationError, match="1024"):
        ShipSettings(most=most + 1)
