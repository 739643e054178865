"""The journal: what is acknowledged is on disk, space is kept for ends, the spool survives."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from contextlib import suppress
from itertools import count

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar.errors import ConfigurationError
from altar_extras.grid.audit import (
    AuditError,
    Entry,
    Journal,
    JournalSettings,
    NoJournal,
    Outcome,
    SpoolBroken,
    SpoolFull,
    read_folder,
    verify,
)
from altar_extras.grid.audit._frames import frame_at, scan
from altar_extras.grid.security import SigningKey
from tests.grid.audit.calls import KEY, SMALL, entry, make_calls, opened, outcome, small
from tests.waiting import soon


def kinds(folder) -> list[str]:
    return [frame_at(raw).record().name for raw in read_folder(folder / "spool")]


def test_what_is_acknowledged_is_on_disk_when_the_await_returns(tmp_path):
    async def run() -> None:
        with opened(tmp_path) as journal:
            await journal.started(entry(1))
            assert kinds(tmp_path)[-1] == "started"
            await journal.finished(outcome(1))
            assert kinds(tmp_path)[-1] == "finished"

    asyncio.run(run())
    verdict = verify(tmp_path / "spool")
    assert verdict.ok
    assert (verdict.writers["w1"].started, verdict.writers["w1"].finished) == (1, 1)


def test_many_calls_of_one_loop_and_of_threads_share_one_chain(tmp_path):
    async def run(journal: Journal) -> None:
        await asyncio.gather(*[make_calls(journal, at, at + 10) for at in range(0, 400, 10)])

    def thread(journal: Journal, first: int) -> None:
        for number in range(first, first + 10):
            journal.started_sync(entry(number))
            journal.finished_sync(outcome(number))

    with opened(tmp_path, max_bytes=16 * SMALL) as journal:
        threads = [threading.Thread(target=thread, args=(journal, at)) for at in (1000, 2000, 3000)]
        for one in threads:
            one.start()
        asyncio.run(run(journal))
        for one in threads:
            one.join()
    found = verify(tmp_path / "spool").writers["w1"]
    assert (found.started, found.finished, found.open) == (430, 430, 0)


def test_arguments_are_nowhere_in_the_spool_and_neither_is_the_key(tmp_path):
    assert "args" not in Entry._fields and "result" not in Outcome._fields
    with opened(tmp_path) as journal:
        journal.started_sync(entry(1))
        assert KEY.seed not in repr(journal)
    data = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    assert KEY.seed.encode() not in data
    assert oct((tmp_path / "spool").stat().st_mode & 0o777) == "0o700"


def test_a_full_spool_refuses_before_anything_runs_and_every_end_has_its_space(tmp_path):
    with opened(tmp_path, max_bytes=2 * SMALL) as journal:
        number = 0
        with pytest.raises(SpoolFull) as caught:
            while True:
                journal.started_sync(entry(number))
                number += 1
        assert caught.value.reason == "spool_full"
        assert number > 50
        longest = Outcome("", "S" * 500, "É" * 500, "unknown", 1.5, "d" * 500)
        for done in range(number):
            journal.finished_sync(longest._replace(invocation_id=f"call-{done}"))
        assert journal.writable
    found = verify(tmp_path / "spool")
    assert found.ok and found.writers["w1"].finished == number


def test_the_spool_grows_with_its_need_and_is_let_go_when_the_sink_has_it(tmp_path):
    with opened(tmp_path, max_bytes=12 * SMALL) as journal:
        for number in range(600):
            journal.started_sync(entry(number))
            journal.finished_sync(outcome(number))
        assert journal.spool_bytes > 3 * SMALL
        assert journal.lag_seconds > 0
        journal.acknowledge(journal.committed)
        assert journal.lag_seconds == 0
        assert soon(lambda: journal.spool_bytes <= SMALL)
    assert verify(tmp_path / "spool").ok
    with opened(tmp_path) as journal:
        assert journal.recovery.unknown == ()


def test_what_a_loop_finds_no_turn_to_write_is_written_by_the_thread(tmp_path):
    async def add(journal) -> None:
        writer = journal._commit
        with writer._turn:  # as the thread has it for a moment after it found nothing
            adding = asyncio.ensure_future(journal.started(entry("late")))
            for _ in range(3):
                await asyncio.sleep(0)
            assert not adding.done()
        await asyncio.wait_for(adding, 30)

    with opened(tmp_path) as journal:
        asyncio.run(add(journal))


def test_a_call_that_outlives_its_file_is_unknown_after_a_crash_and_known_after_an_end(tmp_path):
    with opened(tmp_path, max_bytes=12 * SMALL) as journal:
        journal.started_sync(entry("long"))
        journal.started_sync(entry("longer"))
        for number in range(300):
            journal.started_sync(entry(number))
            journal.finished_sync(outcome(number))
        journal.acknowledge(journal.committed)
        assert soon(lambda: journal.spool_bytes <= SMALL)
        journal.finished_sync(outcome("long"))
        for number in range(300):
            journal.started_sync(entry(number))
            journal.finished_sync(outcome(number))
        journal.acknowledge(journal.committed)
        assert soon(lambda: journal.spool_bytes <= SMALL)
    with opened(tmp_path) as journal:
        assert journal.recovery.unknown == ("call-longer",)
        assert [one.invocation_id for one in journal.recovery.unfinished] == ["call-longer"]
    with opened(tmp_path) as journal:
        assert journal.recovery.unknown == ()


def test_a_call_starts_once_and_ends_once(tmp_path):
    with opened(tmp_path) as journal:
        journal.started_sync(entry(1))
        with pytest.raises(AuditError, match="started already"):
            journal.started_sync(entry(1))
        journal.finished_sync(outcome(1))
        with pytest.raises(AuditError, match="finished already"):
            journal.finished_sync(outcome(1))
        with pytest.raises(AuditError, match="bytes"):
            journal.started_sync(entry(2)._replace(principal="p" * 20_000))
    with pytest.raises(SpoolBroken, match="closed"):
        journal.started_sync(entry(3))


def test_a_caller_that_is_cancelled_while_it_waits_leaves_no_open_call(tmp_path):
    async def run(journal: Journal) -> None:
        task = asyncio.create_task(journal.started(entry(1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with opened(tmp_path) as journal:
        asyncio.run(run(journal))
    found = verify(tmp_path / "spool").writers["w1"]
    assert (found.started, found.finished) == (1, 1)


@pytest.mark.parametrize("cut", [4, 7, 30, 90])
def test_a_torn_last_record_is_cut_and_everything_before_it_is_kept(tmp_path, cut):
    with opened(tmp_path) as journal:
        journal.started_sync(entry(1))
    path = sorted((tmp_path / "spool").glob("*.seg"))[-1]
    data = path.read_bytes()
    frames = scan(data, 16).frames
    start = frames[-1].start
    path.write_bytes(data[: start + cut] + bytes(len(data) - start - cut))
    with opened(tmp_path) as journal:
        assert journal.recovery.torn_bytes > 0
        assert journal.recovery.damaged == ()
        assert journal.recovery.records == len(frames) - 1
        assert journal.recovery.unknown == ("call-1",)
    found = verify(tmp_path / "spool")
    assert found.ok and found.writers["w1"].unknown == 1


def test_a_record_that_is_being_written_is_no_fault_though_empty_files_follow(tmp_path):
    with opened(tmp_path) as journal:
        journal.started_sync(entry(1))
        seen = shutil.copytree(tmp_path / "spool", tmp_path / "seen")
    first, *others = sorted(seen.glob("*.seg"))
    assert others
    data = first.read_bytes()
    start = scan(data, 16).frames[-1].start
    first.write_bytes(data[: start + 30] + bytes(len(data) - start - 30))
    found = verify(seen)
    assert found.ok, found.broken
    assert found.writers["w1"].started == 0


def test_a_rotten_byte_is_named_and_every_whole_record_is_kept(tmp_path):
    with opened(tmp_path) as journal:
        for number in range(5):
            journal.started_sync(entry(number))
            journal.finished_sync(outcome(number))
    path = sorted((tmp_path / "spool").glob("*.seg"))[0]
    data = bytearray(path.read_bytes())
    frames = scan(bytes(data), 16).frames
    broken = frames[6]
    data[broken.start + 30] ^= 1
    path.write_bytes(data)
    with opened(tmp_path) as journal:
        assert journal.recovery.records == len(frames) - 1
        (place,) = journal.recovery.damaged
        assert place == f"{path.name}:{broken.start}-{frames[7].start}"
        journal.started_sync(entry(9))
        shipped = journal.read(0, records=999, size=1 << 20)
        assert len(shipped) == journal.committed - 1
    (found,) = verify(tmp_path / "spool").broken
    assert (found.kind, found.sequence) == ("altered", broken.sequence)


def test_a_length_that_is_rotten_loses_no_other_record(tmp_path):
    with opened(tmp_path) as journal:
        for number in range(5):
            journal.started_sync(entry(number))
    path = sorted((tmp_path / "spool").glob("*.seg"))[0]
    data = bytearray(path.read_bytes())
    frames = scan(bytes(data), 16).frames
    data[frames[3].start : frames[3].start + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with opened(tmp_path) as journal:
        assert journal.recovery.records == len(frames) - 1


def test_a_disk_without_space_refuses_calls_and_not_ends(tmp_path):
    from tests.grid.audit.disk import tiny_disk

    with tiny_disk(tmp_path / "disk", 256 * 1024) as disk:
        if disk is None:
            pytest.skip("no file system of its own can be mounted here")
        with opened(disk, max_bytes=64 * SMALL) as journal:
            number = 0
            with pytest.raises(SpoolFull, match="space|full"):
                while True:
                    journal.started_sync(entry(number))
                    number += 1
            for done in range(number):
                journal.finished_sync(outcome(done))
            journal.acknowledge(journal.committed)
            assert soon(lambda: journal.spool_bytes <= SMALL)
            assert soon(lambda: starts(journal, "later"))  # once the files are gone too
        assert verify(disk / "spool").ok


def starts(journal: Journal, name: str) -> bool:
    """Whether there is space for a call."""
    try:
        journal.started_sync(entry(name))
    except SpoolFull:
        return False
    return True


def test_a_disk_that_is_too_small_for_one_file_is_said_when_the_journal_is_opened(tmp_path):
    from tests.grid.audit.disk import tiny_disk

    with tiny_disk(tmp_path / "disk", 32 * 1024) as disk:
        if disk is None:
            pytest.skip("no file system of its own can be mounted here")
        with pytest.raises(SpoolFull, match="No space"):
            opened(disk)


def test_a_disk_that_becomes_read_only_or_fails_breaks_the_journal_and_says_so(tmp_path):
    async def run(journal: Journal) -> None:
        await journal.started(entry(1))
        fd = journal._commit._segment.fd
        other = os.open(os.devnull, os.O_RDONLY)
        os.dup2(other, fd)  # every write fails from here on
        os.close(other)
        with pytest.raises(SpoolBroken) as caught:
            await journal.finished(outcome(1))
        assert caught.value.reason == "spool_broken"
        with pytest.raises(SpoolBroken):
            await journal.started(entry(2))
        assert not journal.writable

    with opened(tmp_path) as journal:
        asyncio.run(run(journal))
    with opened(tmp_path) as journal:
        assert journal.recovery.unknown == ("call-1",)


def test_a_folder_that_cannot_be_is_a_typed_answer(tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SpoolBroken, match="no place for a spool"):
        opened(tmp_path)


def test_a_folder_belongs_to_one_journal_at_a_time(tmp_path):
    with opened(tmp_path), pytest.raises(ConfigurationError, match="in use"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_spool_keeps_its_writers_name_and_a_new_key_begins_with_an_epoch(tmp_path):
    opened(tmp_path, writer="first").close()
    other = SigningKey.generate()
    with opened(tmp_path, writer="second", key=other) as journal:
        assert (journal.writer, journal.epoch) == ("first", 2)
    (found,) = verify(tmp_path / "spool").broken
    assert found.kind == "foreign_key"
    assert verify(tmp_path / "spool", keys={"first": [KEY.public, other.public]}).ok


@pytest.mark.parametrize(
    "wrong",
    [
        {"segment_bytes": 1},
        {"max_bytes": 1},
        {"commit_interval": 2},
        {"head_records": 0},
        {"sync_timeout": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        JournalSettings(**wrong)


def test_a_name_that_fits_no_subject_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no name of a writer"):
        opened(tmp_path, writer="A.b")


def test_heads_are_signed_as_records_come_and_as_time_goes(tmp_path):
    def heads(epoch: int) -> int:
        """How many an epoch has, beside the one it begins with."""
        own = " ".join(kinds(tmp_path)).split("epoch")[epoch]
        return own.split().count("head") - 1

    def signed_after_one_more() -> bool:
        number = next(numbers)
        journal.started_sync(entry(number))
        journal.finished_sync(outcome(number))
        return heads(1) >= 1

    numbers = count()
    with opened(tmp_path, head_records=20, head_seconds=3600) as journal:
        assert soon(signed_after_one_more)
        assert next(numbers) >= 9
    with opened(tmp_path, head_records=1_000_000, head_seconds=0.05) as journal:
        journal.started_sync(entry("timed"))
        journal.finished_sync(outcome("timed"))
        assert soon(lambda: heads(2) >= 1)
    assert kinds(tmp_path)[-1] == "head"
    assert verify(tmp_path / "spool").writers["w1"].heads >= 4


def test_without_a_journal_the_same_methods_do_nothing():
    async def run() -> None:
        journal = NoJournal()
        await journal.started(entry(1))
        await journal.finished(outcome(1))
        await journal.note("x", {}, at_ms=1)
        await journal.aclose()

    asyncio.run(run())
    public = {name for name in dir(NoJournal) if name[0] != "_"}
    assert public <= {name for name in dir(Journal)} | {"writer"}


def test_closing_leaves_no_thread_and_no_descriptor(tmp_path):
    def held() -> list[str]:
        """The spool's files that this process has open."""
        links = []
        for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
            with suppress(OSError):  # that of listdir itself
                links.append(os.readlink(f"/proc/self/fd/{number}"))
        return [link for link in links if link.startswith(str(tmp_path))]

    before = set(threading.enumerate())
    with opened(tmp_path, max_bytes=8 * SMALL) as journal:
        for number in range(200):
            journal.started_sync(entry(number))
        assert held() or not os.path.isdir("/proc/self/fd")
    left = set(threading.enumerate()) - before
    assert not [one for one in left if one.name.startswith("altar-audit")]
    assert held() == []
    assert small().segment_bytes == SMALL


def test_epochs_go_on_counting_when_the_file_with_the_last_ones_begin_is_gone(tmp_path):
    for epoch in (1, 2, 3):
        with opened(tmp_path, max_bytes=12 * SMALL) as journal:
            assert journal.epoch == epoch
            for number in range(200):
                journal.started_sync(entry(number))
                journal.finished_sync(outcome(number))
            journal.acknowledge(journal.committed)
            assert soon(lambda: journal.spool_bytes <= SMALL)
