"""Isolated tools: whatever they do, it costs one typed error, and the next call works."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time

import pytest

from altar import Session, trace
from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.isolate import default_pool
from altar.runtime import CallContext
from altar.trace import MemorySink, Tracer
from tests.later import bad_tools
from tests.waiting import gone

TOOLS = [tool for tool in vars(bad_tools).values() if hasattr(tool, "__altar_tool__")]
FAILED, EXHAUSTED = ErrorType.TOOL_EXECUTION_FAILED, ErrorType.RESOURCE_EXHAUSTED


@pytest.fixture(scope="module")
def session():
    with Session(TOOLS) as made:
        yield made
    default_pool().close()


def test_it_runs_in_another_process(session: Session):
    result = session.execute("process")
    assert result.ok
    assert result.content != os.getpid()
    assert asyncio.run(session.aexecute("process")).content != os.getpid()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("segfault", FAILED),
        ("exits", FAILED),
        ("aborts", FAILED),
        ("leaves", FAILED),
        ("interrupts", FAILED),
        ("loops", ErrorType.TIMEOUT),
        ("loops_stubbornly", ErrorType.TIMEOUT),
        ("loops_in_c", ErrorType.TIMEOUT),
        ("sleeps_on", ErrorType.TIMEOUT),
        ("grows_at_once", EXHAUSTED),
        ("grows_slowly", EXHAUSTED),
        ("closes_all", FAILED),
        ("takes_over", FAILED),
        ("traces", FAILED),
        ("returns_junk", FAILED),
        ("raises", FAILED),
        ("refuses", "BUSINESS_RULE_VIOLATION"),
    ],
)
def test_what_goes_wrong_is_one_typed_error_and_the_next_call_works(
    session: Session, name: str, kind: str
):
    error = session.execute(name).error
    assert error is not None
    assert error.type == kind, error
    assert "secret" not in str(error.to_dict())
    assert session.execute("add", {"a": 2}).content == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("forks_on", "parent"),
        ("closes_output", "closed"),
        ("redirects", "redirected"),
        ("closes_many", "closed"),
        ("floods", "printed"),
        ("moves", "/"),
        ("starts_a_thread", None),
        ("handles_signals", None),
        ("sets_alarm", None),
    ],
)
def test_what_a_tool_leaves_behind_is_left_with_its_worker(
    session: Session, name: str, content: object
):
    before = session.execute("place").content
    result = session.execute(name)
    assert (result.ok, result.content) == (True, content)
    assert session.execute("place").content == before


def test_a_call_that_changed_nothing_keeps_its_worker(session: Session):
    assert session.execute("process").content == session.execute("process").content


@pytest.mark.parametrize("name", ["daemonises", "leaves_a_child", "starts_unmarked"])
def test_processes_that_a_tool_leaves_behind_are_killed(session: Session, name: str):
    pid = session.execute(name).content
    assert gone(pid)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("closes_the_first", {}),
        ("sets_a_timer", {"which": signal.ITIMER_VIRTUAL}),
        ("sets_a_timer", {"which": signal.ITIMER_PROF}),
        ("blocks_a_signal", {}),
        ("lowers_a_limit", {}),
        ("leaks_descriptors", {"many": 100}),
        ("starts_a_namesake", {}),
        ("guts_the_interpreter", {}),
        ("leaves_a_task", {"stubborn": True}),
    ],
)
def test_what_would_spoil_the_next_call_costs_the_worker(
    session: Session, name: str, args: dict[str, object]
):
    spoiled = session.execute(name, args)
    assert spoiled.ok, spoiled.error
    assert session.execute("process").content != spoiled.content


@pytest.mark.parametrize(
    ("name", "args"), [("leaks_descriptors", {"many": 3}), ("leaves_a_task", {"stubborn": False})]
)
def test_what_harms_nobody_costs_no_worker(session: Session, name: str, args: dict[str, object]):
    first = session.execute("process").content
    assert session.execute(name, args).content == first
    assert session.execute("process").content == first


def test_a_huge_result_is_cut_where_it_was_made(session: Session):
    size = 200_000_000  # above what a frame holds
    result = session.execute("returns_much", {"size": size})
    assert result.ok
    assert len(result.content) < 70_000
    assert result.metadata is not None
    assert result.metadata["truncated"] == size


def test_an_idempotent_tool_whose_worker_died_may_be_retried(session: Session, tmp_path):
    path = str(tmp_path / "lived")
    first = session.execute("dies_once", {"path": path})
    if first.error is not None:
        assert first.error.retry_allowed is True
    assert session.execute("dies_once", {"path": path}).content == "alive"
    died = session.execute("exits")
    assert died.error is not None
    assert died.error.retry_allowed is False


def test_a_context_knows_its_call_and_its_words_arrive(
    session: Session, caplog: pytest.LogCaptureFixture
):
    chunks: list[object] = []
    ctx = CallContext(
        correlation_id="c-7", deadline=time.monotonic() + 10_000, emit=chunks.append, approved=True
    )
    with caplog.at_level(logging.WARNING, "altar"):
        result = session.invoke(FunctionCall(name="about", call_id="id-1"), ctx)
    assert result.content == {
        "call_id": "id-1",
        "correlation_id": "c-7",
        "left": 10_000,
        "approved": True,
        "tool": "about",
    }
    assert chunks == [{"step": 1}]
    record = next(one for one in caplog.records if "a word from the worker" in one.getMessage())
    assert (record.levelname, record.call_id) == ("WARNING", "id-1")


@pytest.mark.parametrize("name", ["asks_session", "asks_deps"])
def test_objects_that_do_not_cross_are_refused_by_name(session: Session, name: str):
    with Session(TOOLS, deps=object()) as other:
        error = other.execute(name).error
    assert error is not None
    assert error.type == ErrorType.CONFIGURATION_ERROR
    assert f"ctx.{name.removeprefix('asks_')}" in error.message


def test_the_traceback_of_a_worker_reaches_the_application_and_no_model(session: Session):
    result = session.execute("raises")
    assert "ValueError: secret=42" in str(result.cause)
    assert "secret" not in str(result.to_dict())
    with pytest.raises(Exception, match="failed") as caught:
        result.unwrap()
    assert caught.value.__cause__ is result.cause


@pytest.mark.parametrize("name", ["closes_all", "takes_over"])
def test_a_tool_that_takes_its_workers_line_is_named_as_the_cause(session: Session, name: str):
    result = session.execute(name)
    assert result.error is not None
    assert result.error.details is not None
    assert "70" in result.error.details["exit"]


def test_what_a_worker_says_of_itself_stays_out_of_the_result(session: Session):
    assert session.execute("raises").extensions == {}


def test_bad_arguments_never_leave_the_process(session: Session):
    calls = default_pool().stats()["calls"]
    error = session.execute("add", {"a": "many"}).error
    assert error is not None
    assert error.type == ErrorType.PARAMETER_VALIDATION_FAILED
    assert default_pool().stats()["calls"] == calls


def test_closing_a_session_cancels_what_it_runs():
    session = Session(TOOLS)
    begun = threading.Event()

    def close() -> None:
        begun.wait(60)
        session.close()

    thread = threading.Thread(target=close)
    thread.start()
    ctx = CallContext(emit=lambda _: begun.set())
    result = session.invoke(FunctionCall(name="watches"), ctx)
    thread.join(60)
    assert result.error is not None
    assert result.error.type == ErrorType.CANCELLED


def test_cancelling_the_awaiting_task_ends_the_call(session: Session):
    async def main() -> str:
        try:
            async with asyncio.timeout(0.03):
                await session.aexecute("waits")
        except TimeoutError:
            return (await session.aexecute("add", {"a": 1})).status
        return "swallowed"

    assert asyncio.run(main()) == "SUCCESS"


def test_calls_run_side_by_side(session: Session):
    results = session.execute_many([("add", {"a": n}) for n in range(20)])
    assert [result.content for result in results] == list(range(1, 21))


def test_a_flood_of_chunks_arrives_in_order(session: Session):
    chunks: list[object] = []
    call = FunctionCall(name="yields", args={"to": 2000})
    result = session.invoke(call, CallContext(emit=chunks.append))
    assert chunks == [str(number) for number in range(2000)]
    assert result.content == "".join(map(str, range(2000)))


def test_spans_of_a_worker_belong_to_the_trace_of_the_call(session: Session):
    sink = MemorySink()
    with Tracer(sink) as tracer:
        with trace.span("around") as around:
            assert session.execute("spans").ok
        tracer.flush()
        found = {span.name: span for span in sink.spans}
    inner = found["in the worker"]
    assert inner.trace_id == around.trace_id
    assert inner.process != os.getpid()
    assert inner.attributes == {"step": 1}
    assert inner.parent_id in {span.span_id for span in sink.spans}
