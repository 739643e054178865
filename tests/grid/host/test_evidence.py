"""What a Host writes down, and what it keeps for runtimes."""

from __future__ import annotations

import asyncio
from secrets import token_hex

import pytest

pytest.importorskip("msgpack")

from altar_extras.grid.audit import (
    Batch,
    Entry,
    HostSink,
    Journal,
    JournalSettings,
    Outcome,
    Position,
    Shipper,
    SinkUnavailable,
    SpoolFull,
    read_folder,
)
from altar_extras.grid.security import SigningKey, key_id
from altar_extras.grid.wire import (
    AuditBatch,
    AuthorizeToolCall,
    CreateSession,
    DestroySession,
)
from tests.grid.host.scenes import (
    CLIENT,
    RUNTIME,
    SIGNER,
    claim,
    contract,
    hosting,
    party,
    runtime,
    session,
    until,
)


class Kept:
    """An audit store in memory."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.last_sequence = 0
        self.is_up = True

    async def last(self, writer: str) -> Position:
        return Position(self.last_sequence)

    async def put(self, batch: Batch) -> int:
        if not self.is_up:
            raise SinkUnavailable("no leader")
        if batch.after == self.last_sequence and batch.records:
            self.records += batch.records
            self.last_sequence = batch.last
        return self.last_sequence


def run(scene) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


def notes_in(folder) -> list[str]:
    found = []
    for record in read_folder(folder):
        shown = record.to_dict() if hasattr(record, "to_dict") else {}
        if shown.get("kind") == "note":
            found.append(shown["name"])
    return found


def test_a_host_writes_down_sessions_contracts_and_grants(tmp_path):
    journal = Journal.open(tmp_path, writer="host-1", key=SIGNER)

    async def scene():
        async with hosting(journal=journal) as (broker, (host,)):
            one = contract()
            await runtime(broker, RUNTIME, one.to_dict(), {"name": "bad"})
            found = await session(broker)
            asked = AuthorizeToolCall(id="a", tool="add", digest=claim(one)["digest"])
            await found.ask("authorize_tool_call", asked)
            await found.ask("destroy_session", DestroySession(id="d"))
            assert "altar_grid_audit_spool_bytes" in host.metrics.text()

    try:
        run(scene)
    finally:
        journal.close()
    text = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    for word in (
        b"session_created", b"contracts_accepted", b"contracts_refused", b"grant_given",
        b"session_destroyed",
    ):  # fmt: skip
        assert word in text
    assert SIGNER.seed.encode() not in text


def test_without_evidence_nothing_is_done():
    class Full:
        writable, spool_bytes, lag_seconds = False, 0, 0.0

        async def note(self, name, fields, *, at_ms):
            raise SpoolFull("no space")

    async def scene():
        async with hosting(journal=Full()) as (broker, (host,)):
            door = await party(broker, CLIENT)
            assert await door.refused("create_session", CreateSession(id="1")) == "spool_full"
            assert not host.health().ready
            assert "journal" in host.health().reasons[0]

    run(scene)


def test_a_runtimes_records_are_kept_and_its_heads_countersigned(tmp_path):
    kept = Kept()
    own = Journal.open(tmp_path / "host", writer="host-1", key=SIGNER)
    key = SigningKey.generate()
    writer = f"{key_id(RUNTIME.public)}-{'0' * 8}"
    theirs = Journal.open(tmp_path / "rt", writer=writer, key=RUNTIME, settings=JournalSettings())

    async def scene():
        async with hosting(journal=own, audit=lambda tenant, transport: kept) as (broker, _):
            serving = await runtime(broker)

            async def ask(batch: Batch) -> int:
                return (await serving.party.ask("audit_batch", batch.to_message(token_hex(8)))).last

            shipper = Shipper(theirs, HostSink(ask))
            await shipper.start()
            await theirs.started(Entry("i-1", tool="add"))
            await theirs.finished(Outcome("i-1", "SUCCESS"))
            await until(lambda: kept.records and theirs.acknowledged >= theirs.committed)
            await shipper.close()
            foreign = AuditBatch(
                id="f", writer=f"{key_id(key.public)}-{'0' * 8}", epoch="1", records=(b"x",)
            )
            assert await serving.party.refused("audit_batch", foreign) == "audit_refused"
            kept.is_up = False
            theirs_last = Batch(writer, 1, kept.last_sequence, (kept.records[-1],))
            reason = await serving.party.refused("audit_batch", theirs_last.to_message("u"))
            assert reason in {"audit_refused", "audit_unavailable"}

    try:
        run(scene)
    finally:
        theirs.close()
        own.close()


def test_hosts_that_keep_no_audit_say_so():
    async def scene():
        async with hosting() as (broker, _):
            serving = await runtime(broker)
            batch = AuditBatch(id="b", writer=serving.name, epoch="1")
            assert await serving.party.refused("audit_batch", batch) == "audit_unavailable"

    run(scene)
