"""Who writes the journal's records: the loop of those who wait while the disk is quick, or a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.audit import verify
from altar_extras.grid.audit._commit import _Quick
from tests.grid.audit.calls import entry, make_calls, opened, outcome


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
