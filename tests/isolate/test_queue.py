"""Who is served when: order, deadlines and cancellation in the queue, sessions and their workers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from altar.isolate import ProcessPool
from altar.runtime import CallContext, Cancellation
from tests.isolate.conftest import aask, ask
from tests.waiting import asoon, is_alive, soon


class Held:
    """The one worker of a pool, busy until ``free``."""

    def __init__(self, pool: ProcessPool, path: Path) -> None:
        self.path = path
        args = {"path": str(path)}
        self.thread = threading.Thread(target=lambda: ask(pool, "hold", args))
        self.thread.start()
        assert soon(lambda: pool.stats()["busy"] == 1 and not pool.stats()["waiting"])

    def free(self) -> None:
        self.path.touch()
        self.thread.join(60)


@pytest.fixture(scope="module")
def one():
    with ProcessPool(size=1) as made:
        yield made


def test_calls_beyond_the_size_wait_in_the_order_in_which_they_came(one: ProcessPool, tmp_path):
    held = Held(one, tmp_path / "go")
    served: list[int] = []
    threads = []
    for number in range(6):

        def run(number: int = number) -> None:
            if number % 2:
                asyncio.run(aask(one, "add", {"a": 1}))
            else:
                ask(one, "add", {"a": 1})
            served.append(number)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        assert soon(lambda n=number: one.stats()["waiting"] == n + 1)
    held.free()
    for thread in threads:
        thread.join(60)
    assert sorted(served) == [*range(6)]
    assert one.stats()["waiting"] == one.stats()["busy"] == 0


def test_a_deadline_that_passes_in_the_queue_is_a_timeout_that_ran_nothing(one, tmp_path):
    held = Held(one, tmp_path / "go")
    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        ctx = CallContext(deadline=time.monotonic() + 0.05)
        error = run(one, "add", {"a": 1}, ctx=ctx).error
        assert (error.type, error.details["executed"]) == ("TIMEOUT", "no")
        assert one.stats()["waiting"] == 0
    held.free()


def test_a_call_can_be_cancelled_in_the_queue(one: ProcessPool, tmp_path):
    held = Held(one, tmp_path / "go")
    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        flag = Cancellation()
        threading.Timer(0.02, flag.cancel, ["no more"]).start()
        error = run(one, "add", {"a": 1}, ctx=CallContext(cancelled=flag)).error
        assert (error.type, "no more" in error.message) == ("CANCELLED", True)
    held.free()


def test_a_task_that_is_cancelled_in_the_queue_leaves_it(one: ProcessPool, tmp_path):
    held = Held(one, tmp_path / "go")

    async def main() -> None:
        task = asyncio.create_task(aask(one, "add", {"a": 1}))
        await until(lambda: one.stats()["waiting"] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert one.stats()["waiting"] == 0
    held.free()
    assert ask(one, "add", {"a": 1}).content == 2


async def until(holds: Callable[[], bool]) -> None:
    assert await asoon(holds)


def test_who_waits_is_served_when_the_worker_before_it_dies(one: ProcessPool, tmp_path):
    ctx = CallContext(deadline=None)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(ask(one, "loop", timeout=0.1, ctx=ctx))),
        threading.Thread(target=lambda: results.append(ask(one, "add", {"a": 1}))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(str(result.error and result.error.type) for result in results) == [
        "None",
        "TIMEOUT",
    ]


def test_a_session_finds_the_worker_it_had_last(pool: ProcessPool):
    def where(session: str) -> int:
        return ask(pool, "where", ctx=CallContext(session_id=session)).content

    first = where("a")
    assert soon(lambda: pool.stats()["workers"] >= 2)
    second = where("b")
    assert [where("a"), where("b"), where("a")] == [first, second, first]


def test_a_worker_kept_for_a_session_serves_no_other_and_keeps_its_state(tmp_path):
    def ctx(session: str) -> CallContext:
        return CallContext(session_id=session)

    with ProcessPool(size=2, affinity="session", spares=0) as pool:
        first = ask(pool, "move", {"folder": str(tmp_path)}, ctx=ctx("a")).content
        second = ask(pool, "where", ctx=ctx("b")).content
        assert ask(pool, "where", ctx=ctx("a")).content == first != second
        refused = ask(pool, "where", ctx=ctx("c")).error
        assert (refused.type, refused.retry_allowed) == ("RESOURCE_EXHAUSTED", True)
        pool.end_session("a")
        assert ask(pool, "where", ctx=ctx("c")).content not in (first, second)
        assert soon(lambda: not is_alive(first))


def test_a_worker_is_replaced_after_so_many_calls_and_an_idle_one_ends():
    with ProcessPool(size=2, recycle_after=2, spares=0) as pool:
        pids = [ask(pool, "where").content for _ in range(4)]
        assert pids[0] == pids[1] != pids[2] == pids[3]
    with ProcessPool(size=1, idle=0.05, spares=0) as pool:
        pids = [ask(pool, "where").content]
        assert soon(lambda: pool.stats()["workers"] == 0)
        assert soon(lambda: not any(map(is_alive, pids)))
        assert ask(pool, "add", {"a": 1}).content == 2
