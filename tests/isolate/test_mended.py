"""Whatever interrupts a call, and however odd its program: the pool has all its workers again."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from altar.isolate import ProcessPool
from altar.isolate._processes import bearers
from altar.runtime import CallContext, Cancellation
from tests.isolate.conftest import ROOT, aask, ask, settled
from tests.waiting import PATIENCE, asoon, gone, is_alive, soon

LINUX = sys.platform == "linux"


def is_calm(pool: ProcessPool) -> bool:
    figures = pool.stats()
    return figures["busy"] == figures["waiting"] == 0


class Interrupts:
    """Raises KeyboardInterrupt where a handler of signals may: as the nth call in altar.isolate
    begins or a C function has returned; and once more ``again`` such moments later.
    """

    def __init__(self, number: int, again: int) -> None:
        self.left = [number] + [again] * bool(again)

    def __call__(self, frame, event, arg) -> None:
        if event not in ("call", "c_return") or "altar/isolate" not in frame.f_code.co_filename:
            return
        self.left[0] -= 1
        if self.left[0] <= 0:
            del self.left[0]
            if not self.left:
                sys.setprofile(None)
            raise KeyboardInterrupt


@pytest.mark.parametrize("again", [0, 2])
def test_an_interrupt_at_any_moment_leaves_nobody_busy_and_nobody_waiting(again: int):
    with ProcessPool(size=1, spares=0) as pool:
        for number in range(1 + again, 130, 18):
            interrupts = Interrupts(number, again)
            try:
                sys.setprofile(interrupts)
                ask(pool, "add", {"a": 1})
            except KeyboardInterrupt:
                pass
            finally:
                sys.setprofile(None)
            assert soon(lambda: is_calm(pool)), number
        assert ask(pool, "add", {"a": 1}).content == 2


@pytest.mark.parametrize("closed", [True, False])
def test_a_loop_that_stops_keeps_neither_a_worker_nor_a_place_in_the_queue(closed, tmp_path):
    never, now = str(tmp_path / "never"), str(tmp_path)
    with ProcessPool(size=1, spares=0) as pool:
        assert ask(pool, "hold", {"path": now}).ok  # imported: a call's time begins at once
        loop = asyncio.new_event_loop()
        tasks: list[asyncio.Task] = []

        async def begin() -> None:
            for timeout in (None if closed else 0.1, 0.1):
                call = aask(pool, "hold", {"path": never}, ctx=CallContext(), timeout=timeout)
                tasks.append(asyncio.ensure_future(call))
            await asyncio.sleep(0.02)

        loop.run_until_complete(begin())
        if closed:
            held = [one for one in pool._crew._supervisor.workers.values() if one.held]
            loop.close()
            assert held
            assert soon(lambda: all(one.sock.fileno() < 0 for one in held)), "its files are closed"
            assert ask(pool, "add", {"a": 1}).content == 2
            for task in tasks:  # no word about them when they are collected
                task._log_destroy_pending = False
        else:
            assert soon(lambda: pool.stats()["killed"] == 1)
            results = loop.run_until_complete(asyncio.gather(*tasks))
            assert [result.error.type for result in results] == ["TIMEOUT"] * 2
            loop.close()
        assert soon(lambda: is_calm(pool))


@pytest.mark.parametrize("waits", ["for its worker", "for its turn"])
def test_a_call_that_is_thrown_away_is_released_wherever_the_collector_runs(waits, tmp_path):
    """It may run in a thread that holds the very locks."""
    with ProcessPool(size=1, spares=0) as pool:
        assert ask(pool, "add", {"a": 1}).ok
        loop = asyncio.new_event_loop()
        crew = pool._crew

        async def begin() -> list[asyncio.Task]:
            call = {"path": str(tmp_path / "never")}
            made = [asyncio.ensure_future(aask(pool, "hold", call)) for _ in range(2)]
            assert await asoon(lambda: pool.stats()["waiting"] == 1)
            return made

        tasks = loop.run_until_complete(begin())
        coroutine = tasks[waits == "for its turn"].get_coro()

        def collect() -> None:
            with crew.roster.lock, crew._running._bell._lock:
                coroutine.close()

        collecting = threading.Thread(target=collect, daemon=True)
        collecting.start()
        collecting.join(PATIENCE)
        assert not collecting.is_alive()
        assert soon(lambda: (pool.stats()["busy"], pool.stats()["waiting"]) == (1, 0))
        loop.close()
        for task in tasks:  # no word about them when they are collected
            task._log_destroy_pending = False
        assert soon(lambda: is_calm(pool))


@pytest.mark.skipif(not LINUX, reason="families are found in /proc")
def test_a_killed_worker_takes_along_what_it_started_wherever_that_went(pool: ProcessPool):
    flag, pids = Cancellation(), []

    def began(pid: int) -> None:
        pids.append(pid)
        flag.cancel("enough")

    error = ask(pool, "scatter", ctx=CallContext(emit=began, cancelled=flag)).error
    assert error.type == "CANCELLED"
    assert gone(pids[0])


@pytest.mark.skipif(not LINUX, reason="elsewhere no group is left with the line open")
def test_a_death_is_told_though_another_process_holds_the_line(pool: ProcessPool):
    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        pids: list[int] = []
        error = run(pool, "leave_the_line_open", ctx=CallContext(emit=pids.append)).error
        assert "exit code 3" in error.message
        assert is_alive(pids[0])
        os.kill(pids[0], signal.SIGKILL)


def test_a_program_without_descriptors_is_told_and_its_pool_works_later(pool: ProcessPool):
    assert soon(lambda: settled(pool))  # or its next worker would be refused as well
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ProcessPool(size=1, spares=0) as poor:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            result = ask(poor, "add", {"a": 1})
            assert bearers("mark") == [], "a supervisor that cannot look goes on"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (result.error.type, type(result.cause)) == ("CONFIGURATION_ERROR", OSError)
        assert ask(poor, "add", {"a": 1}).content == 2


def test_odd_and_long_paths_do_not_hinder_a_start(monkeypatch):
    long = [f"/nowhere/{'x' * 1000}{number}" for number in range(400)]
    monkeypatch.setattr(sys, "path", [*sys.path, b"/tmp", None, object(), *long])
    with ProcessPool(size=1, spares=0) as pool:
        assert ask(pool, "add", {"a": 1}).content == 2


def test_an_interpreter_that_nobody_knows_is_told(monkeypatch, pool: ProcessPool):
    assert soon(lambda: settled(pool))  # or its next worker would be refused as well
    monkeypatch.setattr(sys, "executable", None)
    with ProcessPool(size=1, spares=0) as lost:
        for _ in range(2):
            assert ask(lost, "add", {"a": 1}).error.type == "CONFIGURATION_ERROR"


@pytest.mark.skipif(not LINUX, reason="open files are counted in /proc")
def test_a_closed_pool_leaves_no_file_open():
    # in a program of its own: the pools of other tests open and close files when they like
    command = [sys.executable, "-m", "tests.isolate.parent", "count"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    before, meanwhile, after = map(int, done.stdout.split())
    assert after <= before < meanwhile


@pytest.mark.parametrize("deadline", [float("inf"), 1e308])
def test_a_deadline_that_never_comes_is_none(pool: ProcessPool, deadline: float):
    ctx = CallContext(deadline=deadline)
    assert ask(pool, "add", {"a": 1}, ctx=ctx, timeout=deadline).content == 2
    assert asyncio.run(aask(pool, "add", {"a": 1}, ctx=ctx)).content == 2


def test_a_slow_listener_does_not_stretch_the_deadline(pool: ProcessPool):
    heard: list = []

    def emit(chunk: object) -> None:
        heard.append(chunk)
        time.sleep(0.004)

    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        ctx = CallContext(emit=emit, deadline=time.monotonic() + 0.1)
        assert run(pool, "count", {"n": 3000}, ctx=ctx).error.type == "TIMEOUT"
    assert len(heard) < 200


def test_a_spare_has_imported_what_was_called_before():
    with ProcessPool(size=1) as pool:
        assert ask(pool, "where").error is None

        def spare() -> bool:
            idle = pool._crew.roster.idle
            return any(worker.told and not worker.calls for worker in idle)

        assert soon(spare)
        ask(pool, "kill_oneself")
        assert ask(pool, "imported").error is None


def test_what_was_printed_before_is_not_quoted_for_another_call():
    with ProcessPool(size=1, spares=0) as pool:
        assert ask(pool, "flood", {"lines": 3}).content == 3

        def is_read_whole() -> bool:
            return any(b"".join(w.output).count(b"\n") == 3 for w in list(pool._crew.roster.idle))

        assert soon(is_read_whole)
        output = ask(pool, "leave", {"code": 5}).cause.output
    assert "last words" in output
    assert "yyy" not in output


def test_a_death_where_the_system_reaps_by_itself_has_no_exit_code():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with ProcessPool(size=1, spares=0) as pool:
            assert "no exit code" in ask(pool, "leave", {"code": 3}).error.message
    finally:
        signal.signal(signal.SIGCHLD, before)
