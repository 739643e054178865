"""Running one call: every outcome is a typed result, and nothing else escapes."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import signal
import threading
import time

import pytest

from altar import Context, FunctionCall, Session, ToolError, tool
from altar.errors import ToolCallError
from altar.later import LocalRuntime, SessionLimits
from altar.later._failure import timed_out
from altar.runtime import CallContext, Cancellation
from altar.runtime._deadline import Deadline
from altar.runtime._pool import WorkerPool
from tests.runtime._scripted import press_ctrl_c

WAYS = ["general", "fast", "async", "many"]


def outcome(way, function, args=None, **options):
    """The result of one call, by the way named."""
    session = Session(tools=[function], **options)
    name = session.declarations()[0].name
    if way == "fast":
        for _ in range(4):
            session.execute(name, args)
    if way == "async":
        return asyncio.run(session.aexecute(name, args))
    if way == "many":
        return session.execute_many([(name, args)] * 3)[1]
    return session.execute(name, args)


def kind_of(result):
    json.dumps(result.to_dict(), allow_nan=False).encode()
    return None if result.error is None else result.error.type


class WeirdError(BaseException):
    """Neither an Exception nor an exit."""


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret=42 /etc/passwd"), SystemExit(3), SystemExit(), WeirdError("secret=42"),
        MuteError(), StopIteration(1), StopAsyncIteration(), GeneratorExit(), RecursionError(),
        MemoryError(), asyncio.CancelledError("secret=42"), TimeoutError("secret=42"),
        ExceptionGroup("secret=42", [ValueError("x")]), AssertionError(), OSError(2, "secret=42"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_a_body_raises_is_contained(way, error):
    """The result names the class and nothing of the text; the application gets it whole."""

    def failing():
        raise error

    result = outcome(way, failing)
    assert kind_of(result) == "TOOL_EXECUTION_FAILED"
    assert type(error).__name__ in result.error.message
    assert "secret" not in json.dumps(result.to_dict())
    with pytest.raises(ToolCallError) as caught:
        result.unwrap()
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error", [ValueError("secret=42"), SystemExit(3), WeirdError(), asyncio.CancelledError()]
)
def test_whatever_an_async_body_raises_is_contained(way, error):
    """A coroutine that raises by itself, even CancelledError, has failed; nobody was cancelled."""

    async def failing():
        raise error

    result = outcome(way, failing)
    assert kind_of(result) == "TOOL_EXECUTION_FAILED"
    assert result.cause is error


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_is_not_a_tools_to_keep(way):
    """KeyboardInterrupt reaches the application, from sync and async bodies."""

    def pressed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcome(way, pressed)

    def grouped():
        raise BaseExceptionGroup("several", [KeyboardInterrupt()])

    with pytest.raises(BaseExceptionGroup):
        outcome(way, grouped)

    if way != "async":  # there the event loop itself raises it

        async def apressed():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            outcome(way, apressed)


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_error_says_what_the_model_hears(way):
    """Message, type, retry time and details, made safe where they are not."""

    def refuse():
        raise ToolError(
            "Closed on \ud800 Sundays", type="BUSINESS_RULE_VIOLATION", retry_after=0.0101,
            details={"day": {1, 2}, "text": "\ud800"},
        )  # fmt: skip

    error = outcome(way, refuse).error
    assert error.type == "BUSINESS_RULE_VIOLATION"
    assert error.message == "Closed on ? Sundays"
    assert (error.retry_allowed, error.retry_after_ms) == (True, 11)
    assert error.details["day"] == [1, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ToolError(""), "reported an error"),
        (lambda: ToolError("  ", type=" "), "reported an error"),
        (lambda: ToolError("x", retry_after=float("nan")), "x"),
        (lambda: ToolError("x", retry_after=-5), "x"),
        (lambda: ToolError("x" * 100_000), "..."),
        (lambda: ToolError(None), "None"),
        (lambda: ToolError("x", details={"f": lambda: 0}), "x"),
        (lambda: ToolError("x", details={"big": "y" * 1_000_000}), "x"),
    ],
)
def test_a_careless_tool_error_still_makes_a_result(make, message):
    """Blank, endless or odd fields become something a model can read."""

    def refuse():
        raise make()

    result = outcome("general", refuse)
    assert kind_of(result)
    assert message in result.error.message
    assert len(json.dumps(result.to_dict())) < 25_000


def test_text_of_exceptions_is_opted_in_per_tool(caplog):
    """expose_errors lets the text through, shortened and clean."""
    caplog.set_level(logging.CRITICAL, logger="altar")  # a parallel run cannot report surrogates

    @tool(expose_errors=True)
    def open_book():
        raise ValueError("no such \ud800 row " + "x" * 10_000)

    message = outcome("general", open_book).error.message
    assert "no such ? row" in message
    assert len(message) < 3000

    @tool(expose_errors=True)
    def mute():
        raise MuteError

    assert kind_of(outcome("general", mute)) == "TOOL_EXECUTION_FAILED"


def test_idempotence_decides_whether_a_retry_is_advised():
    """A failure may be retried when the tool says that running twice does no harm."""

    @tool(idempotent=True)
    def safe():
        raise ValueError

    def unsafe():
        raise ValueError

    assert outcome("general", safe).error.retry_allowed is True
    assert outcome("general", unsafe).error.retry_allowed is False


def test_failures_are_logged_under_one_name(caplog):
    """The logger `altar` names the failure; the exception's text waits for DEBUG."""

    def failing():
        raise ValueError("hunter2")

    with caplog.at_level(logging.INFO, logger="altar"):
        outcome("general", failing)
    assert "ValueError" in caplog.text
    assert "hunter2" not in caplog.text
    with caplog.at_level(logging.DEBUG, logger="altar"):
        outcome("general", failing)
    assert any(record.exc_info and record.name == "altar" for record in caplog.records)


@pytest.mark.parametrize("way", WAYS)
def test_results_that_have_no_json_form_are_told(way):
    """A cycle, or a value whose own class fails, becomes an error that names the stage."""

    class Hostile(list):
        def __iter__(self):
            raise RuntimeError("secret=42")

    def cyclic():
        loop: list = []
        loop.append(loop)
        return loop

    def hostile():
        return Hostile([1])

    for body in (cyclic, hostile):
        result = outcome(way, body)
        if body is hostile and result.ok:
            continue  # read without its own iterator
        assert kind_of(result) == "TOOL_EXECUTION_FAILED"
        assert result.error.details == {"stage": "result"}
        assert "secret" not in result.error.message


@pytest.mark.parametrize("way", WAYS)
def test_a_large_result_keeps_head_and_tail_and_the_whole_value(way):
    """The model gets at most the limit, the application everything."""
    text = "a" * 70_000 + "z"
    result = outcome(way, lambda: text)
    assert result.value == text
    assert result.content.startswith("aaa")
    assert result.content.endswith("z")
    assert len(result.content) < 65_536
    assert result.metadata["truncated"]
    assert (
        len(outcome(way, lambda: "x" * 90, limits=SessionLimits(max_result_bytes=80)).content) != 90
    )
    assert (
        outcome(way, lambda: "x" * 78, limits=SessionLimits(max_result_bytes=80)).metadata is None
    )
    assert outcome(way, lambda: "x" * 79, limits=SessionLimits(max_result_bytes=80)).metadata


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("value", "content"),
    [
        (None, None), (True, True), (1, 1), (1.5, 1.5), ("x", "x"), ("é", "é"),
        (float("nan"), None), (2**63 - 1, 2**63 - 1), (2**63, str(2**63)), ("\ud800", "\ufffd"),
        ((1, 2), [1, 2]), ({"a": {1}}, {"a": [1]}), ({1: 2}, {"1": 2}), ("", ""), (-0.0, -0.0),
    ],
    ids=repr,
)  # fmt: skip
def test_results_are_json_whichever_way_they_came(way, value, content):
    """content is JSON, value the Python object itself."""
    result = outcome(way, lambda: value)
    assert result.content == content
    assert result.value is value
    assert type(result.content) is type(content)
    assert kind_of(result) is None


def test_coercions_are_listed_unless_strict():
    """What was read as another type stands in the metadata; strict refuses it."""

    def plus(x: int) -> int:
        return x + 1

    result = outcome("general", plus, {"x": "41"})
    assert result.content == 42
    assert result.metadata["coercions"][0]["path"] == "$.x"
    strict = outcome("general", plus, {"x": "41"}, strict=True)
    assert kind_of(strict) == "PARAMETER_VALIDATION_FAILED"

    @tool(strict=True)
    def own(x: int) -> int:
        return x + 1

    assert kind_of(outcome("general", own, {"x": "41"})) == "PARAMETER_VALIDATION_FAILED"


def test_a_slow_sync_tool_is_left_behind_in_time():
    """The caller has its answer while the body still runs, and the pool goes on."""
    release, ended = threading.Event(), []

    @tool(timeout=0.03)
    def stuck():
        ended.append(release.wait(120))

    def quick():
        return "quick"

    session = Session(tools=[stuck, quick])
    for _ in range(3):
        result = session.execute("stuck")
        assert kind_of(result) == "TIMEOUT"
        assert result.error.details["timeout_seconds"] == 0.03
        assert kind_of(asyncio.run(session.aexecute("stuck"))) == "TIMEOUT"
    assert not ended
    assert session.execute("quick", timeout=60).content == "quick"
    release.set()
    assert session.execute("quick", timeout=60).content == "quick"


def test_the_earliest_limit_holds():
    """Of the tool's timeout, the call's and the deadline, the first ends the call."""
    release = threading.Event()

    @tool(timeout=60)
    def stuck():
        release.wait(120)

    async def endless():
        await asyncio.Event().wait()

    session = Session(tools=[stuck, endless])
    for name in ("stuck", "endless"):
        assert kind_of(session.execute(name, timeout=0.02)) == "TIMEOUT"
        assert kind_of(asyncio.run(session.aexecute(name, timeout=0.02))) == "TIMEOUT"
        assert kind_of(session.execute(name, timeout=0)) == "TIMEOUT"
    release.set()
    assert session.execute("stuck", timeout=50).ok


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.1, "0.1"), (0.0987, "0.0987"), (2.5, "2.5"), (3600, "3600"), (90061.25, "90061.25")]
    + [(0.004, "0.004"), (0.0004, "0.0004")],
)
def test_seconds_are_told_as_they_are_typed(seconds, shown):
    """No rests of a subtraction, no exponents."""
    message = timed_out("slow", None, seconds).error.message
    assert message == f"The tool 'slow' did not finish within {shown} s."


def test_a_timeout_names_the_seconds_that_were_given():
    """Not those that were left when the body began, nor another limit's."""

    @tool(timeout=30)
    async def endless():
        await asyncio.Event().wait()

    session = Session(tools=[endless])
    results = [session.execute("endless", timeout=0.03)]
    results.append(asyncio.run(session.aexecute("endless", timeout=0.03)))
    results.append(asyncio.run(session.aexecute("endless", timeout=0.03, call_id="a")))
    for result in results:
        assert result.error.details["timeout_seconds"] == 0.03
        if "executed" not in result.error.details:  # else it was over before the body began
            assert "within 0.03 s" in result.error.message


def test_an_async_tool_that_times_out_is_cancelled():
    """Its cleanup runs, and the awaiting task is as it was."""
    seen = []

    @tool(timeout=0.05)
    async def endless():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        result = await Session(tools=[endless]).aexecute("endless")
        await asyncio.sleep(0)
        return result, asyncio.current_task().cancelling()

    result, cancelling = asyncio.run(main())
    assert kind_of(result) == "TIMEOUT"
    assert (seen, cancelling) == (["cancelled"], 0)


def test_an_async_tool_that_blocks_its_loop_is_left_behind_by_execute():
    """The background loop is replaced, and later calls work."""
    release = threading.Event()

    @tool(timeout=0.02)
    async def blocking():
        release.wait(60)

    async def quick():
        return "quick"

    session = Session(tools=[blocking, quick])
    assert kind_of(session.execute("blocking")) == "TIMEOUT"
    assert session.execute("quick").content == "quick"
    release.set()


def test_a_call_that_is_given_up_before_its_loop_comes_to_it_never_begins(monkeypatch):
    """Its caller was told TIMEOUT, and may have done something else since."""
    monkeypatch.setattr("altar.later._run._PATIENCE", 0.01)
    begun, release = threading.Event(), threading.Event()
    loops, ran = [], []

    async def blocking():
        loops.append(asyncio.get_running_loop())
        begun.set()
        release.wait(60)

    async def late():
        ran.append("late")

    session = Session(tools=[blocking, late])
    thread = threading.Thread(target=session.execute, args=("blocking",))
    thread.start()
    assert begun.wait(60)
    assert kind_of(session.execute("late", timeout=0.02)) == "TIMEOUT"
    release.set()
    thread.join(60)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loops[0]).result(60)
    assert ran == []


def test_a_time_that_is_over_before_a_call_begins_is_named_as_it_was_given():
    """However late the machine comes to it."""

    async def endless():
        await asyncio.Event().wait()

    session = Session(tools=[endless])
    over = Deadline(0.03, time.monotonic() - 1)
    error = session.invoke(FunctionCall(name="endless"), CallContext(deadline=over)).error
    assert (error.type, error.details) == ("TIMEOUT", {"timeout_seconds": 0.03, "executed": "no"})


@pytest.mark.parametrize("warm", [0, 5])
def test_cancelling_the_task_cancels_the_tool_and_is_raised(warm):
    """asyncio.timeout, wait_for, TaskGroup and Task.cancel work as anywhere."""
    cancelled = []

    async def maybe(wait: bool = False):
        if wait:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(1)
                raise

    async def main():
        session = Session(tools=[maybe])
        for _ in range(warm):
            await session.aexecute("maybe", {})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.aexecute("maybe", {"wait": True})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.aexecute("maybe", {"wait": True}), 0.01)
        task = asyncio.create_task(session.aexecute("maybe", {"wait": True}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(session.aexecute("maybe", {"wait": True}))
                await asyncio.sleep(0)
                raise ValueError
        assert not session._local._tasks.running
        assert not session._local._tasks.stopping

    asyncio.run(main())
    assert len(cancelled) == 4


@pytest.mark.parametrize("warm", [0, 5])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_closing_cancels_what_runs_and_the_task_goes_on(warm, elsewhere):
    """Running calls answer CANCELLED; their task is not cancelled, whoever closes."""

    async def maybe(wait: bool = False):
        if wait:
            await asyncio.Event().wait()

    async def one(session):
        result = await session.aexecute("maybe", {"wait": True})
        await asyncio.sleep(0)  # would raise if the request had been left behind
        return result, asyncio.current_task().cancelling()

    async def main():
        session = Session(tools=[maybe])
        for _ in range(warm):
            await session.aexecute("maybe", {})
        tasks = [asyncio.create_task(one(session)) for _ in range(3)]
        await asyncio.sleep(0)
        if elsewhere:
            await asyncio.to_thread(session.close)
        else:
            session.close()
        return await asyncio.gather(*tasks)

    for result, cancelling in asyncio.run(main()):
        assert kind_of(result) == "CANCELLED"
        assert "closed" in result.error.message
        assert cancelling == 0


@pytest.mark.parametrize("warm", [0, 5])
@pytest.mark.parametrize("how", ["here", "elsewhere", "close", "cancel", "twice"])
def test_a_caller_of_ainvoke_stops_its_own_call_and_no_other(warm, how):
    """The caller's flag, the session's end and the task's cancellation, in the fast lane too."""

    async def maybe(wait: bool = False):
        if wait:
            await asyncio.Event().wait()
        return "done"

    session = Session(tools=[maybe])

    async def one(flag, wait):
        ctx = CallContext(cancelled=flag, correlation_id="c")
        result = await session.ainvoke(FunctionCall(name="maybe", args={"wait": wait}), ctx)
        await asyncio.sleep(0)
        return result, asyncio.current_task().cancelling()

    async def main():
        for _ in range(warm):
            assert (await one(Cancellation(), False))[0].content == "done"
        assert ("maybe" in session._afast) is (warm > 0)
        flag, other = Cancellation(), Cancellation()
        task = asyncio.create_task(one(flag, True))
        bystander = asyncio.create_task(one(other, True))
        await asyncio.sleep(0)
        if how == "elsewhere":
            await asyncio.to_thread(flag.cancel, "given up")
        elif how in ("here", "twice"):
            flag.cancel("given up")
            if how == "twice":
                session.close()
        elif how == "close":
            session.close()
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        if how not in ("close", "twice"):
            await asyncio.sleep(0)
            assert not bystander.done()
            other.cancel("enough")
        rest = [await bystander] if how == "cancel" else [await task, await bystander]
        assert not flag._listeners and not other._listeners and not session._closing._listeners
        assert not session._local._tasks.running
        return rest

    for result, cancelling in asyncio.run(main()):
        assert kind_of(result) == "CANCELLED"
        assert result.error.correlation_id == "c"
        assert cancelling == 0


@pytest.mark.parametrize("warm", [0, 5])
def test_a_flag_that_is_raised_too_late_or_from_within_stops_nothing(warm):
    """A body that raises its own caller's flag ends by itself; one that is done stays done."""
    flags = [Cancellation()]

    async def raiser(loud: bool = False):
        if loud:
            flags[-1].cancel("from within")
        await asyncio.sleep(0)
        return "done"

    async def outer():
        inner = FunctionCall(name="raiser", args={"loud": True})
        return (await session.ainvoke(inner, CallContext(cancelled=flags[-1]))).content

    session = Session(tools=[raiser, outer])

    async def main():
        for _ in range(warm):
            await session.ainvoke(FunctionCall(name="raiser"), CallContext())
        for name, args in (("raiser", {"loud": True}), ("outer", {})):
            flags.append(Cancellation())
            ctx = CallContext(cancelled=flags[-1] if name == "raiser" else Cancellation())
            result = await session.ainvoke(FunctionCall(name=name, args=args), ctx)
            assert result.content == "done"
            ctx.cancelled.cancel("late")
            await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert asyncio.run(main()) == 0


def test_closing_while_the_task_is_cancelled_lets_the_cancellation_win():
    """A request from outside is never swallowed by the session's own."""

    async def endless():
        await asyncio.Event().wait()

    async def main(order):
        session = Session(tools=[endless])
        task = asyncio.create_task(session.aexecute("endless"))
        await asyncio.sleep(0)
        for step in order:
            session.close() if step == "close" else task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main(["close", "cancel"]))
    asyncio.run(main(["cancel", "close"]))


def test_closing_stops_tools_within_tools_from_the_outermost():
    """The outer body is cancelled too; one result comes out, at the outermost call."""
    seen = []

    async def inner():
        await asyncio.Event().wait()

    async def outer(ctx_free: int = 0):
        try:
            seen.append(await session.aexecute("inner"))
        except asyncio.CancelledError:
            seen.append("outer cancelled")
            raise

    session = Session(tools=[inner, outer])

    async def main():
        for warm in range(3):
            task = asyncio.create_task(session.aexecute("outer"))
            await asyncio.sleep(0.002)
            if warm < 2:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        session.close()
        return await task, task.cancelling()

    result, cancelling = asyncio.run(main())
    assert kind_of(result) == "CANCELLED"
    assert seen == ["outer cancelled"] * 3
    assert cancelling == 0


def test_cancelling_an_inner_call_leaves_the_outer_one_alone():
    """An explicit cancel stops the call it belongs to, not the tool around it."""
    flag = Cancellation()

    async def inner():
        await asyncio.Event().wait()

    async def outer():
        from altar import FunctionCall

        result = await session.ainvoke(FunctionCall(name="inner"), CallContext(cancelled=flag))
        await asyncio.sleep(0)
        return result.error.type

    session = Session(tools=[inner, outer])

    async def main():
        task = asyncio.create_task(session.aexecute("outer"))
        await asyncio.sleep(0.002)
        flag.cancel("enough")
        return await task

    assert asyncio.run(main()).content == "CANCELLED"


def test_a_tool_that_swallows_the_request_leaves_no_trace():
    """Its result counts, and the task is not cancelled later."""

    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "stayed"

    async def main(warm):
        session = Session(tools=[stubborn])
        for _ in range(warm):
            task = asyncio.create_task(session.aexecute("stubborn"))
            await asyncio.sleep(0)
            task.cancel()
            assert (await task).content == "stayed"
        task = asyncio.create_task(session.aexecute("stubborn"))
        await asyncio.sleep(0)
        session.close()
        return await task, task.cancelling()

    for warm in (0, 4):
        result, cancelling = asyncio.run(main(warm))
        assert result.content == "stayed"
        assert cancelling == 0


def test_a_tool_may_close_its_own_session():
    """It ends by itself; later calls are refused."""

    async def closing():
        session.close()
        await asyncio.sleep(0)
        return "done"

    session = Session(tools=[closing])
    assert asyncio.run(session.aexecute("closing")).content == "done"
    assert kind_of(session.execute("closing")) == "INVALID_STATE"


def test_closing_ends_a_wait_for_a_sync_tool():
    """A sync body cannot be stopped, but nobody waits for it any more."""
    begun, release = threading.Event(), threading.Event()

    def stuck():
        begun.set()
        release.wait(120)

    session = Session(tools=[stuck])

    async def main():
        task = asyncio.create_task(session.aexecute("stuck"))
        await asyncio.to_thread(begun.wait, 60)
        session.close()
        return await task

    assert kind_of(asyncio.run(main())) == "CANCELLED"

    begun.clear()
    second = Session(tools=[stuck])
    made = []
    thread = threading.Thread(target=lambda: made.append(second.execute("stuck", timeout=60)))
    thread.start()
    begun.wait(60)
    second.close()
    thread.join(60)
    release.set()
    assert kind_of(made[0]) == "CANCELLED"


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_context_variables_reach_every_body():
    """Inline, in a thread, on the caller's loop and on the background loop."""

    def sync():
        return variable.get()

    async def coroutine():
        return variable.get()

    session = Session(tools=[sync, coroutine])
    variable.set("mine")
    results = [
        session.execute("sync"),
        session.execute("sync", timeout=60),
        session.execute("coroutine"),
        *session.execute_many(["sync", "coroutine"]),
    ]

    async def main():
        return [await session.aexecute("sync"), await session.aexecute("coroutine")]

    results += asyncio.run(main())
    assert [result.content for result in results] == ["mine"] * 7


def test_execute_of_an_async_tool_works_everywhere():
    """In a plain script, inside a running loop, in a thread, and inside async tools."""

    async def leaf():
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def twig():
        return session.execute("leaf").content

    async def branch():
        return session.execute("twig").content

    session = Session(tools=[leaf, twig, branch])
    assert session.execute("leaf").content == "altar-loop"

    async def inside():
        return session.execute("leaf")

    assert asyncio.run(inside()).content == "altar-loop"
    made = []
    thread = threading.Thread(target=lambda: made.append(session.execute("leaf")))
    thread.start()
    thread.join(60)
    assert made[0].ok
    # the background loop waits for itself here: each level gets a loop of its own
    assert session.execute("twig").ok
    assert session.execute("branch").ok
    assert asyncio.run(session.aexecute("branch")).ok


def test_an_async_tool_runs_in_the_callers_own_task():
    """On the caller's loop and in its task, so that task-bound things work."""

    async def which():
        return id(asyncio.current_task())

    async def main():
        session = Session(tools=[which])
        for _ in range(5):
            assert (await session.aexecute("which")).content == id(asyncio.current_task())

    asyncio.run(main())


def test_where_a_sync_tool_runs():
    """Inline for execute; in a thread for aexecute, unless it says inline."""

    def where():
        return threading.get_ident()

    @tool(inline=True)
    def here():
        return threading.get_ident()

    me = threading.get_ident()
    session = Session(tools=[where, here])
    assert session.execute("where").content == me
    assert session.execute("where", timeout=60).content != me
    for _ in range(4):
        assert asyncio.run(session.aexecute("where")).content != me
        assert asyncio.run(session.aexecute("here")).content == me


def test_calls_within_calls_never_deadlock():
    """Deeper and wider than the pool, in every mixture."""

    def down(depth: int) -> int:
        if depth == 0:
            return 0
        call = ("adown" if depth % 2 else "down", {"depth": depth - 1})
        if depth % 3 == 0:
            return 1 + max(r.unwrap() for r in session.execute_many([call, call]))
        if depth % 3 == 1:
            return 1 + session.execute(*call, timeout=60).unwrap()
        return 1 + session.execute(*call).unwrap()

    async def adown(depth: int) -> int:
        if depth == 0:
            return 0
        return 1 + (await session.aexecute("down", {"depth": depth - 1})).unwrap()

    session = Session(tools=[down, adown])
    assert session.execute("down", {"depth": 9}).content == 9
    assert asyncio.run(session.aexecute("down", {"depth": 9})).content == 9
    wide = session.execute_many([("down", {"depth": 4})] * 64, max_concurrency=64)
    assert [result.content for result in wide] == [4] * 64

    async def main():
        return await session.aexecute_many([("down", {"depth": 4})] * 64, max_concurrency=64)

    assert [result.content for result in asyncio.run(main())] == [4] * 64


def test_a_function_that_returns_a_coroutine_is_awaited():
    """Wrappers and lambdas around async functions work, both ways."""

    async def inner(x: int) -> int:
        await asyncio.sleep(0)
        return x * 2

    def wrapper(x: int):
        return inner(x)

    async def numbers(x: int):
        yield x

    def stream(x: int):
        return numbers(x)

    session = Session(tools=[wrapper, stream])
    for _ in range(5):
        assert session.execute("wrapper", {"x": 2}).content == 4
        assert asyncio.run(session.aexecute("wrapper", {"x": 2})).content == 4
        assert session.execute("stream", {"x": 2}).content == [2]


def test_a_bug_in_a_runtime_is_an_answer_with_its_cause_and_is_logged(caplog):
    class Buggy:
        def invoke(self, call, ctx):
            raise LookupError("a bug")

        async def ainvoke(self, call, ctx):
            raise LookupError("a bug")

    session = Session(tools=[], runtime=Buggy())
    for result in (session.execute("x"), asyncio.run(session.aexecute("x", call_id="1"))):
        assert result.error.type == "TOOL_EXECUTION_FAILED"
        assert isinstance(result.cause, LookupError)
    assert caplog.text.count("Buggy raised LookupError") == 2


def test_a_local_runtime_stands_alone():
    """It needs no session."""
    from altar import FunctionCall

    runtime = LocalRuntime([lambda x: x], strict=True)
    call = FunctionCall(name="lambda_", args={"x": [1]})
    assert runtime.invoke(call, CallContext()).content == [1]


def test_a_body_that_only_sometimes_returns_a_coroutine_is_awaited_all_the_same():
    """Also when its plain answers have earned it the fast lane."""

    async def inner(x: int) -> int:
        return x * 2

    def sometimes(x: int, how: str = "plain"):
        if how == "stream":
            return (n for n in range(x))
        return inner(x) if how == "later" else x

    session = Session(tools=[sometimes])
    for _ in range(5):
        assert session.execute("sometimes", {"x": 2}).content == 2
    assert "sometimes" in session._fast
    assert session.execute("sometimes", {"x": 2, "how": "later"}).content == 4
    assert session.execute("sometimes", {"x": 2, "how": "stream"}).content == [0, 1]
    assert asyncio.run(session.aexecute("sometimes", {"x": 2, "how": "later"})).content == 4


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals for threads")
@pytest.mark.parametrize("what", ["sync", "async", "many"])
def test_ctrl_c_ends_a_wait(what):
    """Pressed while the application waits for a tool, it is raised at once."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    begun, release = threading.Event(), threading.Event()

    def stuck(ctx: Context) -> bool:
        begun.set()
        release.wait(60)
        return ctx.cancelled

    async def astuck():
        begun.set()
        await asyncio.Event().wait()

    def press():
        if begun.wait(60):
            press_ctrl_c()

    session = Session(tools=[stuck, astuck])
    thread = threading.Thread(target=press)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        if what == "sync":
            session.execute("stuck", timeout=60)
        elif what == "async":
            session.execute("astuck")
        else:
            session.execute_many(["astuck", "astuck", "astuck"])
    release.set()
    thread.join(60)
    assert session.execute("stuck").content is False
    session.close()  # or the others of the batch would hold their threads


def test_without_a_free_thread_a_call_is_told(monkeypatch):
    """Too many abandoned bodies: RESOURCE_EXHAUSTED, and inline calls go on."""
    release = threading.Event()
    monkeypatch.setattr("altar.runtime._pool._default", WorkerPool(1, max_lost=1))

    def stuck(seconds: float = 60):
        release.wait(seconds)

    session = Session(tools=[stuck])
    kinds = [kind_of(session.execute("stuck", timeout=0.02))]
    while kinds[-1] == "TIMEOUT" and len(kinds) < 1000:  # until one had begun
        kinds.append(kind_of(session.execute("stuck", timeout=0.02)))
    assert set(kinds) == {"TIMEOUT", "RESOURCE_EXHAUSTED"}
    assert kind_of(session.execute("stuck", timeout=0.02)) == "RESOURCE_EXHAUSTED"
    assert kind_of(asyncio.run(session.aexecute("stuck"))) == "RESOURCE_EXHAUSTED"
    assert session.execute("stuck", {"seconds": 0}).ok
    made = session.execute_many([("stuck", {"seconds": 0})] * 3)
    assert all(result.ok for result in made)
    release.set()


def test_a_value_whose_class_fails_while_it_is_read_is_told():
    """The exception's text stays with the application, whole."""

    class Hostile(dict):
        def items(self):
            raise RuntimeError("secret=42")

        __iter__ = keys = items

    result = outcome("general", lambda: Hostile(a=1))
    if not result.ok:  # otherwise it was read without its own methods
        assert "secret" not in json.dumps(result.to_dict())
        assert result.error.details == {"stage": "result"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_goes_on():
    """After a fork the session works: pool, background loop and ids are the child's own."""

    async def later():
        return "later"

    def now():
        return "now"

    session = Session(tools=[later, now])
    assert session.execute("later").ok
    assert session.execute("now", timeout=60).ok
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fine = session.execute("later").content == "later"
            fine = fine and session.execute("now", timeout=60).content == "now"
            code = 0 if fine else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_tool_that_cancels_its_own_task_has_failed_for_a_synchronous_caller():
    async def suicidal():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    result = Session(tools=[suicidal]).execute("suicidal", {})
    assert result.error.type == "TOOL_EXECUTION_FAILED"


@pytest.mark.parametrize("body", ["swallows", "blocks"])
@pytest.mark.parametrize("way", ["execute", "aexecute"])
def test_a_result_that_comes_after_the_time_is_a_timeout(body, way):
    @tool(timeout=0.02)
    async def swallows():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "late"

    @tool(timeout=0.02)
    async def blocks():
        time.sleep(0.04)
        return "late"

    session = Session(tools=[swallows, blocks])
    if way == "execute":
        result = session.execute(body, {})
    else:
        result = asyncio.run(session.aexecute(body, {}))
    assert result.error.type == "TIMEOUT"


def test_a_value_whose_class_exits_while_it_is_read_is_contained():
    class Exits:
        def __getattribute__(self, name):
            raise SystemExit(3)

    result = Session(tools={"exits": lambda: Exits()}).execute("exits", {})
    assert result.error.type == "TOOL_EXECUTION_FAILED"


@pytest.mark.parametrize("way", WAYS)
def test_a_class_that_exits_while_an_argument_is_built_refuses_the_argument(way):
    class Exits:
        def __init__(self, a: int):
            raise SystemExit(a)

    def takes(x: Exits): ...

    takes.__annotations__["x"] = Exits
    result = outcome(way, takes, {"x": {"a": 1}})
    assert result.error.type == "PARAMETER_VALIDATION_FAILED"
    assert result.error.details["problems"][0]["path"] == "$.x"
