"""The worker pool: bounded, replaced when abandoned, never starved by calls within calls."""

from __future__ import annotations

import os
import threading
import time

import pytest

from altar.runtime import Cancellation
from altar.runtime._pool import Gate, PoolExhaustedError, WorkerPool, default_pool
from tests.waiting import PATIENCE


def run(pool, work):
    """Submit and wait for the job to end."""
    gate = Gate()

    def wrapped():
        work()
        gate.open()

    pool.submit(wrapped)
    assert gate.wait(60)


def test_no_more_threads_than_its_size():
    """However many jobs are given, at most `size` run at once."""
    pool = WorkerPool(3)
    lock, running, most = threading.Lock(), [0], [0]
    gates = []
    for _ in range(20):
        gate = Gate()
        gates.append(gate)

        def work(gate=gate):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.002)
            with lock:
                running[0] -= 1
            gate.open()

        pool.submit(work)
    assert all(gate.wait(60) for gate in gates)
    assert 1 <= most[0] <= 3


def test_an_abandoned_thread_is_replaced():
    """A job that never ends costs its own thread, not the pool's place."""
    pool = WorkerPool(1)
    hold, begun = Gate(), Gate()

    def stuck():
        begun.open()
        hold.wait()

    job = pool.submit(stuck)
    assert begun.wait(60)
    assert pool.abandon(job) is False
    run(pool, lambda: None)
    hold.open()


def test_a_job_that_waits_can_be_dropped():
    """An abandoned job that has not begun never will."""
    pool = WorkerPool(1)
    hold, begun, ran = Gate(), Gate(), []

    def stuck():
        begun.open()
        hold.wait()

    pool.submit(stuck)
    assert begun.wait(60)
    job = pool.submit(lambda: ran.append(1))
    assert pool.abandon(job) is True
    assert pool.abandon(job) is False
    hold.open()
    run(pool, lambda: None)
    assert ran == []


def test_a_finished_job_cannot_be_abandoned():
    """Too late is no harm."""
    pool = WorkerPool(1)
    gate = Gate()
    job = pool.submit(gate.open)
    assert gate.wait(60)
    run(pool, lambda: None)
    assert pool.abandon(job) is False


def test_a_blocked_worker_lends_its_place():
    """Jobs that wait for jobs go as deep as they like in a pool of one."""
    pool = WorkerPool(1)

    def nested(depth):
        if depth:
            with pool.blocking():
                run(pool, lambda: nested(depth - 1))

    run(pool, lambda: nested(20))


def test_too_many_abandoned_jobs_are_refused():
    """Stuck threads are bounded: past the bound the pool says so."""
    pool = WorkerPool(2, max_lost=3)
    hold = threading.Event()
    for _ in range(3):
        begun = Gate()

        def stuck(begun=begun):
            begun.open()
            hold.wait()

        job = pool.submit(stuck)
        assert begun.wait(60)
        pool.abandon(job)
    with pytest.raises(PoolExhaustedError):
        pool.submit(lambda: None)
    hold.set()


def test_a_system_without_threads_is_told(monkeypatch):
    """When no thread can be started the caller hears it, and nothing stays queued."""
    pool = WorkerPool(1)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(PoolExhaustedError):
            pool.submit(lambda: None)
    run(pool, lambda: None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_has_a_pool_of_its_own():
    """After a fork the default pool is new, and works."""
    parent = default_pool()
    run(parent, lambda: None)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(default_pool(), lambda: None)
            code = 0 if default_pool() is not parent else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_cancellation_tells_each_listener_once():
    """Listeners hear of it once; late ones at once; forgotten ones never."""
    flag, heard = Cancellation(), []
    first, gone = lambda: heard.append("first"), lambda: heard.append("gone")
    flag.on_cancel(first)
    flag.on_cancel(gone)
    flag.forget(gone)
    flag.forget(gone)
    assert not flag
    flag.cancel("why")
    flag.cancel("again")
    flag.on_cancel(lambda: heard.append("late"))
    assert heard == ["first", "late"]
    assert flag
    assert flag.reason == "why"
    assert "why" in repr(flag)


def test_a_cancellation_reaches_listeners_of_every_thread():
    """Whoever listens while the flag goes up is told exactly once."""
    for _ in range(50):
        flag, heard = Cancellation(), []
        start = threading.Barrier(3)

        def listen(flag=flag, heard=heard, start=start):
            start.wait()
            for number in range(20):
                flag.on_cancel(lambda number=number: heard.append(number))

        def cancel(flag=flag, start=start):
            start.wait()
            flag.cancel()

        threads = [threading.Thread(target=t) for t in (listen, listen, cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(heard) == 40


def test_a_job_is_given_up_wherever_the_collector_runs():
    """It may run in a thread that holds the very lock, and end a call that was thrown away."""
    pool, begun, hold = WorkerPool(1), threading.Event(), threading.Event()

    def held() -> None:
        begun.set()
        hold.wait(PATIENCE)

    running = pool.submit(held)
    assert begun.wait(PATIENCE)
    queued = pool.submit(held)
    given_up: list[bool] = []

    def collect() -> None:
        with pool._lock:
            given_up.extend(map(pool.abandon, (queued, running)))

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(PATIENCE)
    assert not collecting.is_alive()
    hold.set()
    assert given_up == [True, False]
