"""With a journal: on disk before the body and before the reply, through a kill -9 as well."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar_extras.grid.audit import Journal, SpoolBroken, SpoolFull, verify
from altar_extras.grid.security import SigningKey
from altar_extras.grid.wire import Cancel, Query
from tests.grid.runtime._control import Grid

SEEN: list[str] = []


async def look(n: int) -> int:
    """Note that the body runs."""
    SEEN.append("body")
    return n


class Watched:
    """A real journal, and the order in which it was used."""

    def __init__(self, journal, *, refuse=None, fail=None):
        self.journal = journal
        self.recovery = journal.recovery
        self.refuse = refuse
        self.fail = fail
        self.gate = None
        self.begun = 0

    async def started(self, entry):
        if self.refuse is not None:
            raise self.refuse
        self.begun += 1
        if self.gate is not None:
            await self.gate.wait()
        await self.journal.started(entry)
        SEEN.append("started")

    async def finished(self, outcome):
        if self.fail is not None:
            raise self.fail
        await self.journal.finished(outcome)
        SEEN.append("finished")


@pytest.fixture
def journal(tmp_path):
    SEEN.clear()
    with Journal.open(tmp_path / "spool", writer="rt", key=SigningKey.generate()) as opened:
        yield opened


def reason(answer):
    return answer.result["error"]["details"]["reason"]


def test_started_is_on_disk_before_the_body_and_finished_before_the_reply(journal, tmp_path):
    async def main():
        async with Grid([look], journal=Watched(journal)) as grid:
            assert (await grid.caller.call("look", {"n": 1})).result["content"] == 1
            assert SEEN == ["started", "body", "finished"]
            wrong = await grid.caller.call("look", {"n": "x"})
            assert wrong.executed == "no"
            assert SEEN[3:] == ["started", "finished"]
            many = [grid.caller.send(grid.caller.message("look", {"n": n})) for n in range(300)]
            for key in many:  # one that is under way as the runtime is closed stays open
                assert (await grid.caller.result(key)).executed in ("yes", "no")

    asyncio.run(asyncio.wait_for(main(), 60))
    journal.close()
    kept = verify(tmp_path / "spool").writers["rt"]
    assert kept.started > 60
    assert kept.open == 0


def test_a_call_whose_start_cannot_be_written_is_refused_and_does_not_run(journal):
    async def main():
        async with Grid([look], journal=Watched(journal, refuse=SpoolFull("full"))) as grid:
            answer = await grid.caller.call("look", {"n": 1})
            assert (reason(answer), answer.executed) == ("spool_full", "no")
            assert answer.result["error"]["type"] == "RESOURCE_EXHAUSTED"
            assert SEEN == []

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_result_whose_end_cannot_be_written_is_withheld_and_says_that_it_ran(journal):
    async def main():
        async with Grid([look], journal=Watched(journal, fail=SpoolBroken("gone"))) as grid:
            answer = await grid.caller.call("look", {"n": 1})
            assert (reason(answer), answer.executed) == ("spool_broken", "yes")
            assert SEEN == ["started", "body"]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_call_cancelled_while_it_goes_to_the_disk_has_its_end_there_too(journal, tmp_path):
    async def main():
        watched = Watched(journal)
        watched.gate = asyncio.Event()
        async with Grid([look], journal=watched) as grid:
            caller = grid.caller
            keys = [caller.send(caller.message("look", {"n": n})) for n in range(20)]
            for key in keys:
                await caller.until(lambda: watched.begun == 20)
                caller.control(grid.runtime, "cancel", Cancel(invocation_id=key))
            await caller.transport.flush()
            watched.gate.set()
            for key in keys:
                assert (await caller.result(key)).result["error"]["type"] == "CANCELLED"
            assert "body" not in SEEN

    asyncio.run(asyncio.wait_for(main(), 60))
    journal.close()
    kept = verify(tmp_path / "spool").writers["rt"]
    assert (kept.started, kept.open) == (20, 0)


CHILD = """
import asyncio, sys
from altar_extras.grid.audit import Journal
from altar_extras.grid.security import SigningKey
from tests.grid.runtime._control import Grid

async def hang(name: str) -> None:
    "Never end."
    print("running", flush=True)
    await asyncio.Event().wait()

async def main():
    journal = Journal.open(sys.argv[1], writer="rt", key=SigningKey.generate())
    async with Grid([hang], journal=journal) as grid:
        for name in ("one", "two"):
            grid.caller.send(grid.caller.message("hang", {"name": name}, invocation_id=name * 4))
        await asyncio.Event().wait()

asyncio.run(asyncio.wait_for(main(), 60))
"""


def test_calls_that_a_killed_runtime_had_begun_are_unknown_to_the_next(tmp_path):
    spool = tmp_path / "spool"
    root = os.path.dirname(__file__).rsplit("/tests/", 1)[0]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(spool)], stdout=subprocess.PIPE, cwd=root
    )
    try:
        assert child.stdout.readline() == b"running\n"
        assert child.stdout.readline() == b"running\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

    async def main(journal):
        async with Grid([look], journal=journal) as grid:
            caller = grid.caller
            for key in ("oneoneoneone", "twotwotwotwo"):
                caller.control(grid.runtime, "query", Query(invocation_id=key, attempt=1))
                await caller.until(lambda key=key: caller.got(key, "QueryAnswer"))
                assert caller.got(key, "QueryAnswer")[0].state == "unknown"

    with Journal.open(spool, writer="rt", key=SigningKey.generate()) as journal:
        asyncio.run(asyncio.wait_for(main(journal), 60))
