"""A tool that keeps failing is left alone, and what only the call is to blame for does not count."""

from __future__ import annotations

import asyncio
import threading

import pytest

from altar import Session
from altar.errors import ConfigurationError
from altar.resilience import CircuitBreaker
from altar.runtime import Breaker
from altar.runtime._pool import WorkerPool
from tests.runtime._scripted import Hand, Scripted, call, context, error


def broken(*outcomes, failures=1):
    clock = Hand()
    inner = Scripted(*outcomes)
    make = lambda: CircuitBreaker(failures=failures, wait=10, clock=clock.now)  # noqa: E731
    return Breaker(inner, make), inner, clock


def test_an_open_breaker_answers_for_the_tool_and_says_when_to_come_back():
    runtime, inner, clock = broken(error("TIMEOUT"))
    runtime.invoke(call(), context())
    clock.time += 4
    refused = runtime.invoke(call(), context(correlation_id="c")).error
    assert (refused.type, refused.retry_after_ms, refused.correlation_id) == (
        "CIRCUIT_OPEN",
        6000,
        "c",
    )
    assert (refused.retry_allowed, refused.details) == (True, {"executed": "no"})
    assert inner.ran == 1
    clock.time += 6
    assert runtime.invoke(call(), context()).ok
    assert runtime.invoke(call(), context()).ok


def test_each_tool_has_a_breaker_unless_one_is_shared():
    runtime, _, _ = broken(error("TIMEOUT"))
    runtime.invoke(call("a"), context())
    assert runtime.invoke(call("b"), context()).ok
    shared = Breaker(Scripted(error("TIMEOUT")), CircuitBreaker(failures=1))
    shared.invoke(call("a"), context())
    assert shared.invoke(call("b"), context()).error.type == "CIRCUIT_OPEN"


@pytest.mark.parametrize(
    "kind",
    ["TIMEOUT", "SERVICE_UNAVAILABLE", "TOOL_EXECUTION_FAILED", "LOCAL_EXECUTION_FAILED"],
)
def test_what_says_that_the_tool_is_failing_counts(kind):
    runtime, _, _ = broken(error(kind))
    runtime.invoke(call(), context())
    assert runtime.breaker("read").state == "open"


@pytest.mark.parametrize(
    "kind",
    [
        "APPROVAL_REQUIRED", "BUSINESS_RULE_VIOLATION", "CANCELLED", "CIRCUIT_OPEN",
        "CONFIGURATION_ERROR", "INVALID_STATE", "PARAMETER_VALIDATION_FAILED",
        "PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "RESOURCE_NOT_FOUND",
        "SOMEBODY_ELSES", "TOOL_NOT_FOUND",
    ],
)  # fmt: skip
def test_what_is_only_about_the_call_does_not_count(kind):
    runtime, inner, _ = broken(*[error(kind)] * 5)
    for _ in range(5):
        runtime.invoke(call(), context())
    assert (inner.ran, runtime.breaker("read").state) == (5, "closed")


def test_a_call_that_was_never_begun_does_not_count():
    runtime, _, _ = broken(error("TIMEOUT", executed="no"))
    runtime.invoke(call(), context())
    assert runtime.breaker("read").state == "closed"


def test_a_refusal_in_between_does_not_forget_the_failures():
    runtime, _, _ = broken(
        error("TIMEOUT"), error("PARAMETER_VALIDATION_FAILED"), error("TIMEOUT"), failures=2
    )
    for _ in range(3):
        runtime.invoke(call(), context())
    assert runtime.breaker("read").state == "open"


def test_a_runtime_that_raises_is_failing():
    runtime, _, _ = broken(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        runtime.invoke(call(), context())
    assert runtime.breaker("read").state == "open"


def test_made_up_names_do_not_pile_up():
    runtime, _, _ = broken()
    for number in range(3000):
        runtime.invoke(call(f"made_up_{number}"), context())
    assert len(runtime._keyed) <= 1024


def test_what_makes_no_breaker_is_refused():
    with pytest.raises(ConfigurationError, match="type Breaker"):
        Breaker(Scripted(), 5)


def test_calls_that_never_began_say_nothing_of_a_tool():
    """Or whoever has no time left would close it for everyone."""

    def fine() -> str:
        return "ok"

    with Session(
        {"fine": fine}, runtime=lambda local: Breaker(local, lambda: CircuitBreaker(failures=2))
    ) as session:
        for _ in range(4):
            late = session.execute("fine", timeout=0)
            assert late.error.details["executed"] == "no"
            assert (
                asyncio.run(session.aexecute("fine", timeout=0)).error.details["executed"] == "no"
            )
        assert session.execute("fine").ok


def test_a_call_that_the_pool_never_reached_was_not_begun(monkeypatch):
    pool = WorkerPool(1)
    monkeypatch.setattr("altar.later._run.default_pool", lambda: pool)
    busy = threading.Event()
    pool.submit(lambda: busy.wait(60))

    def fine() -> str:
        return "ok"

    with Session({"fine": fine}) as session:
        sync = session.execute("fine", timeout=0.01)
        late = asyncio.run(session.aexecute("fine", timeout=0.01))

        async def closed():
            task = asyncio.create_task(session.aexecute("fine"))
            await asyncio.sleep(0.005)
            session.close()
            return await task

        ended = asyncio.run(closed())
        refused = session.execute("fine")
    busy.set()
    assert [one.error.type for one in (sync, late, ended, refused)] == [
        "TIMEOUT",
        "TIMEOUT",
        "CANCELLED",
        "INVALID_STATE",
    ]
    assert all(one.error.details["executed"] == "no" for one in (sync, late, ended, refused))
