"""verify names the first broken place: missing, altered, reordered, doubled, forged, unwitnessed."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from altar_extras.grid.audit import AuditReceiver, Batch, read_folder, verify
from altar_extras.grid.audit._frames import START, frame_at, link
from altar_extras.grid.audit._heads import Head, head_bytes
from altar_extras.grid.security import SigningKey, key_id
from tests.grid.audit.calls import KEY, MemorySink, entry, opened, outcome

OTHER = SigningKey(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[bytes]:
    """Two epochs of 6 calls each, with heads between them."""
    folder = tmp_path_factory.mktemp("audit")
    for epoch in range(2):
        with opened(folder) as journal:
            for number in range(6):
                journal.started_sync(entry(f"{epoch}-{number}"))
                journal.finished_sync(outcome(f"{epoch}-{number}"))
                if number == 3:
                    journal._sign(reserved=False)
    return read_folder(folder / "spool")


def broken(records, **options):
    (found,) = verify(records, **options).broken
    return found.kind, found.sequence


def test_records_as_they_were_written_are_whole(records):
    verdict = verify(records)
    assert verdict.ok
    found = verdict.writers["w1"]
    assert (found.epochs, found.started, found.finished, found.unknown) == (2, 12, 12, 0)
    assert found.last == len(records)


@given(data=st.data())
def test_any_one_record_missing_reordered_doubled_or_altered_is_named(records, data):
    at = data.draw(st.integers(1, len(records) - 2))
    assert broken(records[:at] + records[at + 1 :]) == ("missing", at + 1)
    assert broken([*records[:at], records[at], *records[at:]]) == ("doubled", at + 1)
    assert broken([*records[:at], records[at + 1], records[at], *records[at + 2 :]]) == (
        "reordered",
        at + 1,
    )
    byte = data.draw(st.integers(0, len(records[at]) - 1))
    raw = bytearray(records[at])
    raw[byte] ^= data.draw(st.integers(1, 255))
    assert broken([*records[:at], bytes(raw), *records[at + 1 :]]) == ("altered", at + 1)


def rewritten(records: list[bytes], at: int, change) -> list[bytes]:
    """The records with one changed and every hash after it made anew, as a forger would."""
    made, head = list(records[:at]), frame_at(records[at - 1]).head
    for number, raw in enumerate(records[at:], at):
        frame = frame_at(raw)
        values = list(msgpack.unpackb(frame.body))
        if number == at:
            values = change(values)
        if values[0] == 0:
            values[6], head = head, START
        raw, head = link(head, frame.sequence, msgpack.packb(values))
        made.append(raw)
    return made


def test_a_record_changed_with_every_hash_after_it_is_found_by_the_next_signed_head(records):
    forged = rewritten(records, 4, lambda values: [*values[:6], "mallory", *values[7:]])
    (found,) = verify(forged).broken
    assert found.kind == "altered"
    assert "signed head" in found.text


def test_a_head_signed_by_another_key_is_forged(records):
    at = next(i for i, raw in enumerate(records) if i > 3 and frame_at(raw).record().name == "head")

    def sign(values):
        head = Head("w1", values[1], values[2], values[3])
        return [*values[:5], OTHER.sign(head_bytes(head))]

    assert broken(rewritten(records, at, sign)) == ("forged_head", at + 1)


def test_an_epoch_begun_with_another_key_is_foreign(records):
    at = next(i for i, raw in enumerate(records) if i and frame_at(raw).record().name == "epoch")
    forged = rewritten(records, at, lambda values: [*values[:2], OTHER.public, *values[3:]])
    assert broken(forged) == ("foreign_key", at + 1)
    assert broken(records, keys={"w1": [OTHER.public]}) == ("foreign_key", 1)


def test_the_beginning_may_be_missing_from_a_spool_and_not_from_a_stream(records):
    assert verify(records[5:], partial=True).ok
    assert broken(records[5:]) == ("missing", 1)


def test_a_writer_named_by_a_key_needs_that_key(tmp_path):
    with opened(tmp_path, writer=f"{key_id(OTHER.public)}-0a1b2c3d") as journal:
        journal.started_sync(entry(1))
    assert broken(read_folder(tmp_path / "spool")) == ("foreign_key", 1)


def test_heads_are_countersigned_and_what_a_host_has_seen_cannot_be_cut_off(tmp_path, records):
    async def run() -> dict[str, list[bytes]]:
        sink = MemorySink()
        with opened(tmp_path, writer="host-1", key=OTHER) as journal:
            receiver = AuditReceiver(sink, key=OTHER, journal=journal)
            for at in range(0, len(records), 5):
                batch = Batch("w1", 1, at, tuple(records[at : at + 5]))
                assert await receiver.take(batch, runtime="w1") == batch.last
        return {**sink.kept, "host-1": read_folder(tmp_path / "spool")}

    every = asyncio.run(run())
    verdict = verify(every, hosts=[OTHER.public])
    assert verdict.ok, verdict.broken
    found = verdict.writers["w1"]
    assert found.countersigned == found.heads >= 5
    (cut,) = verify({**every, "w1": records[:-3]}, hosts=[OTHER.public]).broken
    assert (cut.kind, cut.sequence) == ("missing", len(records) - 2)
    (alone,) = verify({"w1": records}, hosts=[OTHER.public]).broken
    assert alone.kind == "not_countersigned"
    assert not verify(every, hosts=[KEY.public]).ok
