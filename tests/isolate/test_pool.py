"""What a call in a worker process comes to, whatever the tool does there."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextvars import ContextVar

import pytest

from altar.adm import FunctionCall
from altar.errors import ConfigurationError
from altar.isolate import ProcessPool, default_pool
from altar.runtime import CallContext, Cancellation
from altar.trace import Tracer
from tests.isolate.conftest import aask, ask, target
from tests.waiting import PATIENCE, gone, is_alive, soon


class Kept:
    def __init__(self) -> None:
        self.spans: list = []

    def write(self, spans) -> None:
        self.spans += spans

    def close(self) -> None:
        pass


def both(pool: ProcessPool, name: str, args: dict | None = None, **options) -> list:
    """The call made from a thread, and on an event loop."""
    return [ask(pool, name, args, **options), asyncio.run(aask(pool, name, args, **options))]


def test_a_call_is_answered_by_another_process(pool: ProcessPool):
    for result in both(pool, "where"):
        assert result.content != os.getpid()
    for result in both(pool, "add", {"a": 2, "b": 3}):
        assert (result.content, result.name, result.error) == (5, "add", None)


def test_a_call_keeps_its_own_id(pool: ProcessPool):
    call = FunctionCall(name="add", args={"a": 1}, call_id="call-7")
    assert pool.invoke(call, CallContext(), target=target("add")).call_id == "call-7"


def test_refused_arguments_name_the_argument(pool: ProcessPool):
    for result in both(pool, "add", {"c": 2}):
        assert result.error.type == "PARAMETER_VALIDATION_FAILED"
        assert "c" in result.error.message


@pytest.mark.parametrize("args", [{"a": {1, 2}}, {"a": float("nan")}])
def test_an_argument_that_is_no_json_is_named_and_reaches_no_worker(pool: ProcessPool, args: dict):
    calls = pool.stats()["calls"]
    error = ask(pool, "add", args).error
    assert error.type == "PARAMETER_VALIDATION_FAILED"
    assert error.details["problems"][0]["path"] == "$.a"
    assert pool.stats()["calls"] == calls


@pytest.mark.parametrize(
    "name, args, word", [("crash", {}, "SIGSEGV"), ("leave", {"code": 3}, "exit code 3")]
)
def test_a_death_is_named_and_the_next_call_is_served(pool: ProcessPool, name, args, word):
    for result in both(pool, name, args):
        assert result.error.type == "TOOL_EXECUTION_FAILED"
        assert f"the worker died: {word}" in result.error.message
        assert result.error.details["executed"] == "unknown"
        assert result.error.retry_allowed is False
        assert ask(pool, "add", {"a": 1}).content == 2
    assert ask(pool, name, args, idempotent=True).error.retry_allowed is True


def test_what_a_dead_worker_printed_is_for_the_application_alone(pool: ProcessPool):
    result = ask(pool, "leave", {"code": 4})
    assert "last words" in result.cause.output
    assert "last words" not in str(result.to_dict())


def test_an_endless_loop_ends_at_the_deadline_with_its_worker(pool: ProcessPool):
    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        pid = ask(pool, "where").content  # the last one that was used is the next one
        result = run(pool, "loop", timeout=0.3)
        assert result.error.type == "TIMEOUT"
        assert result.error.details["timeout_seconds"] >= 0.3
        assert gone(pid)


def test_a_deadline_that_has_passed_begins_nothing(pool: ProcessPool):
    for result in both(pool, "add", {"a": 1}, ctx=CallContext(deadline=time.monotonic() - 1)):
        assert result.error.type == "TIMEOUT"
        assert result.error.details["executed"] == "no"


def test_progress_is_reported_in_order_before_the_result(pool: ProcessPool):
    chunks: list = []
    for result in both(pool, "count", {"n": 200}, ctx=CallContext(emit=chunks.append)):
        assert result.content == list(range(200))
    assert chunks == [*range(200)] * 2


def test_a_listener_that_fails_costs_its_progress_and_nothing_else(pool: ProcessPool):
    heard: list = []

    def emit(chunk: object) -> None:
        heard.append(chunk)
        raise RuntimeError("no ears")

    for result in both(pool, "count", {"n": 5}, ctx=CallContext(emit=emit)):
        assert result.content == [0, 1, 2, 3, 4]
    assert heard == [0, 0]


def test_a_tool_that_hears_is_cancelled_and_its_worker_is_kept(pool: ProcessPool, monkeypatch):
    monkeypatch.setattr("altar.isolate._supervisor.GRACE", PATIENCE)
    for run in (ask, lambda *a, **k: asyncio.run(aask(*a, **k))):
        flag = Cancellation()
        pids: list[int] = []

        def began(pid: int, flag=flag, pids=pids) -> None:
            pids.append(pid)
            threading.Timer(0.01, flag.cancel, ["enough"]).start()

        result = run(pool, "until_cancelled", ctx=CallContext(emit=began, cancelled=flag))
        assert (result.error.type, "enough" in result.error.message) == ("CANCELLED", True)
        assert soon(lambda: pool.stats()["busy"] == 0)
        assert is_alive(pids[0])


def test_a_tool_that_hears_nothing_is_killed_when_it_is_cancelled(pool: ProcessPool):
    flag, pids = Cancellation(), []

    def began(pid: int) -> None:
        pids.append(pid)
        flag.cancel("enough")

    result = ask(pool, "loop", ctx=CallContext(emit=began, cancelled=flag))
    assert result.error.type == "CANCELLED"
    assert soon(lambda: not is_alive(pids[0]))


def test_the_cancellation_of_the_awaiting_task_is_that_of_the_call(pool: ProcessPool):
    pids: list[int] = []

    async def main() -> int:
        begun = asyncio.Event()

        def emit(pid: int) -> None:
            pids.append(pid)
            begun.set()

        task = asyncio.create_task(aask(pool, "loop", ctx=CallContext(emit=emit)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await aask(pool, "add", {"a": 1})).content

    assert asyncio.run(main()) == 2
    assert soon(lambda: not is_alive(pids[0]))


def test_a_call_cancelled_before_it_begins_never_does(pool: ProcessPool):
    flag = Cancellation()
    flag.cancel("too late")
    for result in both(pool, "add", {"a": 1}, ctx=CallContext(cancelled=flag)):
        assert result.error.type == "CANCELLED"


@pytest.mark.parametrize("child", [False, True])
def test_memory_beyond_the_limit_costs_the_worker(pool: ProcessPool, child: bool):
    result = ask(pool, "grow", {"child": child}, memory_mb=150, timeout=60.0)
    assert result.error.type == "RESOURCE_EXHAUSTED"
    assert ask(pool, "add", {"a": 1}).content == 2


def test_a_result_beyond_its_bound_is_refused(pool: ProcessPool):
    for result in both(pool, "large", {"size": 60_000}, max_bytes=10_000):
        assert result.error.type == "RESOURCE_EXHAUSTED"
    for result in both(pool, "large", {"size": 60_000}, max_bytes=100_000):
        assert len(result.content) == 60_000


def test_large_arguments_cross(pool: ProcessPool):
    text = "ä" * 400_000
    for result in both(pool, "add", {"a": text}):
        assert result.error.type == "PARAMETER_VALIDATION_FAILED"


def test_what_tools_print_disturbs_nothing(pool: ProcessPool):
    for result in both(pool, "flood", {"lines": 2000}):
        assert result.content == 2000
    assert ask(pool, "close_standard_files").content == 1
    assert ask(pool, "add", {"a": 1}).content == 2


def test_a_child_that_a_tool_forked_cannot_answer_for_it(pool: ProcessPool):
    for result in both(pool, "fork_and_answer"):
        assert result.content > 0  # the parent's answer
    assert soon(lambda: not is_alive(result.content))


def test_a_target_that_is_not_there_is_a_fault_of_configuration(pool: ProcessPool):
    for result in both(pool, "no_such_tool"):
        assert result.error.type == "CONFIGURATION_ERROR"
        assert isinstance(result.cause, ConfigurationError)


def test_a_worker_that_was_moved_is_replaced(pool: ProcessPool, tmp_path):
    before = pool.stats()["recycled"]
    moved = ask(pool, "move", {"folder": str(tmp_path)}).content
    assert soon(lambda: pool.stats()["recycled"] > before)
    assert gone(moved)


def test_no_call_runs_in_a_worker_that_was_moved(pool: ProcessPool, tmp_path):
    async def aboth() -> tuple[int, int]:
        moved = await aask(pool, "move", {"folder": str(tmp_path)})
        return moved.content, (await aask(pool, "where")).content

    moved = ask(pool, "move", {"folder": str(tmp_path)}).content
    assert ask(pool, "where").content != moved
    moved, next_one = asyncio.run(aboth())
    assert next_one != moved


def test_an_idle_worker_that_is_killed_costs_no_call(pool: ProcessPool):
    for _ in range(2):
        os.kill(ask(pool, "where").content, signal.SIGKILL)
        assert ask(pool, "add", {"a": 1}).content == 2


def test_a_killed_worker_is_told_to_the_trace(pool: ProcessPool):
    kept = Kept()
    with Tracer(kept) as tracer, tracer.span("here"):
        ask(pool, "leave", {"code": 5})
    events = {event[0]: event[2] for span in kept.spans for event in span.events or ()}
    assert events["worker_killed"]["why"] == "exit code 5"


def test_the_default_pool_is_one():
    default_pool().close()  # that of another test, perhaps
    assert default_pool() is default_pool()
    assert default_pool().stats()["workers"] == 0


@pytest.mark.parametrize(
    "option", [{"size": 0}, {"memory_mb": True}, {"idle": 0}, {"spares": -1}, {"affinity": "none"}]
)
def test_an_option_that_cannot_work_is_refused_by_name(option: dict):
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        ProcessPool(**option)


def test_loops_and_threads_take_turns_with_one_worker():
    loops = [asyncio.new_event_loop() for _ in range(2)]
    with ProcessPool(size=1, spares=0) as one:
        try:
            for number in range(6):
                loop = loops[number % 2]
                assert (
                    loop.run_until_complete(aask(one, "add", {"a": number})).content == number + 1
                )
                assert ask(one, "add", {"a": number}).content == number + 1
            given_up = asyncio.wait_for(aask(one, "loop"), 0.03)
            with pytest.raises(TimeoutError):
                loops[0].run_until_complete(given_up)
            assert loops[1].run_until_complete(aask(one, "add", {"a": 1})).content == 2
        finally:
            for loop in loops:
                loop.close()
        assert ask(one, "add", {"a": 1}).content == 2


def test_what_an_awaiting_task_sets_and_raises_is_its_own_affair(pool: ProcessPool):
    seen: ContextVar[int] = ContextVar("seen", default=0)

    async def one(number: int) -> int:
        seen.set(number)
        await aask(pool, "add", {"a": number})
        assert asyncio.current_task() is not None
        if number == 3:
            raise LookupError
        return seen.get()

    async def several() -> list:
        return await asyncio.gather(*map(one, range(1, 6)), return_exceptions=True)

    found = asyncio.run(several())
    assert isinstance(found.pop(2), LookupError)
    assert found == [1, 2, 4, 5]
