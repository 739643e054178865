"""Who writes the journal's records: the loop of those who wait while the disk is quick, or a thread."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.audit import SpoolBroken, verify
from altar_extras.grid.audit._commit import ThreadWait, _Quick
from tests.grid.audit.calls import entry, make_calls, opened, outcome
from tests.waiting import PATIENCE, soon


def test_what_a_loop_was_to_write_when_it_ended_is_written_for_whoever_comes_next(tmp_path):
    """A record that its own loop never wrote stands in nobody's way, and is not lost."""
    with opened(tmp_path) as journal:
        loop = asyncio.new_event_loop()
        journal._start(entry(1), loop.create_future())
        loop.close()
        asyncio.run(make_calls(journal, 2, 4))
        journal.finished_sync(outcome(1))
    verdict = verify(tmp_path / "spool")
    assert verdict.ok
    assert (verdict.writers["w1"].started, verdict.writers["w1"].finished) == (3, 3)


def test_a_thread_waits_for_no_loop(tmp_path):
    """A loop that does not turn keeps nobody in another thread waiting."""

    async def run() -> None:
        with opened(tmp_path) as journal:
            asking = asyncio.ensure_future(journal.started(entry(1)))
            await asyncio.sleep(0)  # it waits for the end of this turn
            other = threading.Thread(target=journal.started_sync, args=(entry(2),))
            other.start()
            other.join()  # this loop stands still meanwhile
            await asking
            await journal.finished(outcome(1))
            journal.finished_sync(outcome(2))

    asyncio.run(run())
    verdict = verify(tmp_path / "spool")
    assert verdict.ok
    assert verdict.writers["w1"].finished == 2


def test_after_a_slow_write_a_thread_writes_and_the_order_stays(tmp_path):
    """Records of a loop and of threads are one chain, whoever writes them."""

    async def run() -> None:
        with opened(tmp_path, max_bytes=64 * 64 * 1024) as journal:
            for slow in (False, True, False):
                journal._commit._quick.took(60.0 if slow else 0.0)
                first = 100 + 100 * journal.committed
                await asyncio.gather(
                    *[make_calls(journal, at, at + 5) for at in range(first, first + 50, 5)],
                    *[asyncio.to_thread(one, journal, first + 50 + n) for n in range(5)],
                )

    def one(journal, number: int) -> None:
        journal.started_sync(entry(number))
        journal.finished_sync(outcome(number))

    asyncio.run(run())
    verdict = verify(tmp_path / "spool")
    assert verdict.ok
    assert verdict.writers["w1"].finished == 3 * 55


def test_a_slow_disk_is_left_to_the_thread_for_longer_each_time():
    """One slow write may be chance; a disk that is always slow is asked ever more rarely."""
    quick = _Quick(0.0)
    assert quick.is_likely()
    rests = []
    for _ in range(10):
        quick.took(1.0)
        assert not quick.is_likely()
        rests.append(quick._rest)
    assert rests == sorted(rests)
    assert rests[-1] == rests[-2] == 64.0
    quick.took(0.0001)
    assert quick.is_likely()
    quick.took(1.0)
    assert quick._rest == 2.0


def test_a_turn_that_found_nothing_to_write_says_nothing_of_the_disk(tmp_path):
    """What the thread took meanwhile was not written quickly by the loop."""

    async def run() -> None:
        with opened(tmp_path) as journal:
            quick = journal._commit._quick
            quick.took(60.0)
            quick._until = 0.0  # the time is over
            asking = asyncio.ensure_future(journal.started(entry(1)))
            await asyncio.sleep(0)  # it waits for the end of this turn
            journal.started_sync(entry(2))  # by the thread, and the first as well
            await asking
            assert quick._rest > 1.0

    asyncio.run(run())


def test_while_the_threads_writes_are_slow_no_loop_tries():
    """The thread knows that the disk is slow still; one whose loop never waited says nothing."""
    quick = _Quick(0.0)
    quick.saw(1.0)
    assert quick.is_likely()
    quick.took(1.0)
    before = quick._until
    quick.saw(0.005)
    assert quick._until == before
    quick.saw(1.0)
    assert quick._until > before


@pytest.mark.parametrize("slow", [False, True])
def test_an_end_that_comes_after_the_journal_was_closed_is_refused(tmp_path, slow):
    """Nobody would write it, and whoever asked would wait for ever."""

    async def run() -> None:
        journal = opened(tmp_path)
        await journal.started(entry(1))
        journal._commit._quick.took(60.0 if slow else 0.0)
        await journal.aclose()
        with pytest.raises(SpoolBroken, match="closed"):
            await journal.finished(outcome(1))

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_a_journal_whose_disk_broke_can_be_closed_when_files_were_to_go(tmp_path):
    """Whoever waits for what never comes to the disk is told so, the keeper of the files too."""
    journal = opened(tmp_path)
    asyncio.run(make_calls(journal, 0, 200))
    assert len(journal._shelf.used) > 1
    segment = journal._commit._segment
    whole, segment.fd = segment.fd, os.open(segment.path, os.O_RDONLY)
    with pytest.raises(SpoolBroken):
        journal.started_sync(entry(200))
    os.close(segment.fd)
    segment.fd = whole
    journal.acknowledge(journal.committed)
    assert soon(lambda: not journal._chores.is_set())  # the keeper has begun
    closing = threading.Thread(target=journal.close, daemon=True)
    closing.start()
    assert soon(lambda: not closing.is_alive())


def test_a_write_of_the_loop_that_is_broken_off_leaves_no_thread_waiting(tmp_path):
    """A second Ctrl-C in the write: what a thread gave to the same batch is answered too."""
    waiter = ThreadWait()

    class Interrupted:
        fd = property(lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        used = 0

    async def run() -> None:
        journal._commit._segment = Interrupted()
        journal._commit._waiting.append(waiter)  # it came while the loop was about to write
        await journal.started(entry(1))

    journal = opened(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(run())
    with pytest.raises(SpoolBroken):
        waiter.wait(PATIENCE)
    journal.close()
