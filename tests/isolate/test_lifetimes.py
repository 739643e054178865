"""No process outlives its pool, whatever ends it, and a fork shares none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from altar.isolate import ProcessPool, _processes
from altar.isolate._crew import Crew
from altar.isolate._settings import Settings
from altar.runtime import CallContext
from tests.isolate.conftest import ROOT, ask
from tests.waiting import PATIENCE, gone, is_alive, soon

LINUX = sys.platform == "linux"


def program(way: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.isolate.parent", way]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def until_ready(process: subprocess.Popen) -> list[int]:
    pids = []
    late = threading.Timer(4 * PATIENCE, process.kill)  # one that says nothing is not waited for
    late.start()
    try:
        for line in process.stdout:
            if line.strip() == "ready":
                return pids
            pids.append(int(line))
    finally:
        late.cancel()
    raise AssertionError("it ended early")


def test_workers_end_with_a_parent_that_is_killed_even_in_an_endless_loop():
    process = program("wait")
    try:
        pids = until_ready(process)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert len(set(pids)) == 2
    assert soon(lambda: not any(map(is_alive, pids)))


def test_workers_end_with_their_interpreter_and_it_ends_without_a_word():
    process = program("end")
    pids = until_ready(process)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert not any(map(is_alive, pids))


def test_a_forked_child_has_workers_of_its_own_and_leaves_its_parents_alone():
    process = program("fork")
    looping, parents = until_ready(process)
    out, _ = process.communicate(timeout=60)
    childs, parents_again = map(int, out.split())
    assert childs not in (looping, parents, parents_again)
    assert process.returncode == 0
    assert parents_again != looping
    assert not any(map(is_alive, (looping, parents, childs, parents_again)))


def test_closing_answers_the_calls_that_run_and_leaves_no_process():
    pids: list[int] = []
    results: list = []
    pool = ProcessPool(size=1)
    ctx = CallContext(emit=pids.append)
    threads = [
        threading.Thread(target=lambda: results.append(ask(pool, "loop", ctx=ctx))),
        threading.Thread(target=lambda: results.append(ask(pool, "add", {"a": 1}))),
    ]
    threads[0].start()
    assert soon(lambda: pids)
    threads[1].start()
    assert soon(lambda: pool.stats()["waiting"] == 1)
    pool.close()
    for thread in threads:
        thread.join(60)
    assert [result.error.type for result in results] == ["CANCELLED", "CANCELLED"]
    assert not is_alive(pids[0])
    assert ask(pool, "add", {"a": 1}).error.type == "CANCELLED"
    pool.close()  # a second time changes nothing


def test_a_pool_that_nobody_holds_ends_with_its_workers():
    pool = ProcessPool(size=1, spares=0)
    pid = ask(pool, "where").content
    del pool
    assert soon(lambda: not is_alive(pid))


@pytest.mark.skipif(not LINUX, reason="processes that escape are found in /proc")
def test_a_process_that_left_its_session_is_found_by_its_mark_and_killed():
    with ProcessPool(size=1, spares=0) as pool:
        escaped = ask(pool, "escape").content
        ask(pool, "kill_oneself")
        assert soon(lambda: not is_alive(escaped))
        last = ask(pool, "escape").content
    assert gone(last)


def test_processes_are_noticed_where_there_is_no_pidfd():
    settings = Settings(
        size=1, memory_mb=None, recycle_after=None, idle=None, start_timeout=20.0, spares=0,
        affinity="prefer",
    )  # fmt: skip
    pool = ProcessPool(size=1)
    pool._crew = Crew(settings, pidfd=False)
    try:
        assert ask(pool, "add", {"a": 1}).content == 2
        error = ask(pool, "kill_oneself", {"number": signal.SIGTERM}).error
        assert "SIGTERM" in error.message
        os.kill(ask(pool, "where").content, signal.SIGKILL)
        assert ask(pool, "add", {"a": 1}).content == 2
    finally:
        pool._crew.close()
    assert pool._crew.stats()["workers"] == 0


@pytest.mark.skipif(not LINUX, reason="memory is read from /proc")
def test_memory_is_counted_for_a_process_and_those_it_started():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        family = _processes.family(os.getpid())
        assert {os.getpid(), child.pid} <= set(family)
        assert soon(lambda: _processes.resident(child.pid) > 1_000_000)
        assert _processes.shared_out([child.pid, 2**22 + 1]) > 0
    finally:
        child.communicate(b"\n")
    assert _processes.resident(2**22 + 1) == 0


@pytest.mark.parametrize(
    "code, text", [(0, "exit code 0"), (-11, "SIGSEGV"), (-200, "signal 200"), (None, "no exit")]
)
def test_an_exit_is_said_in_a_word(code, text):
    assert text in _processes.exit_text(code)
