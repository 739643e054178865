"""Context: injected, never declared, and true to the call."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Optional, TypeVar

import pytest

from altar import Context, FunctionCall, Session, declare, tool
from altar.errors import ConfigurationError, DeclarationError, ToolCallError
from altar.later import LocalRuntime
from altar.runtime import CallContext
from tests.runtime._scripted import Prompt
from tests.waiting import soon


@dataclass
class Deps:
    user: str


def who(greeting: str, ctx: Context[Deps]) -> str:
    """Greet.

    Args:
        greeting: How.
    """
    return f"{greeting} {ctx.deps.user}"


def first(ctx: Context, x: int = 1) -> list:
    return [ctx.call_id, ctx.correlation_id, ctx.deadline, ctx.remaining(), ctx.cancelled]


async def everything(x: int, *, ctx: Context[Deps]) -> dict:
    return {
        "session": ctx.session.id,
        "tools": [d.name for d in ctx.session.declarations()],
        "deps": ctx.deps.user,
        "nested": (await ctx.session.aexecute("who", {"greeting": "hi"})).content,
    }


def test_it_is_injected_wherever_it_stands_and_never_declared():
    """The model sees the other parameters only, and cannot supply it."""
    for function in (who, first, everything):
        assert (
            "ctx"
            not in declare(function).to_dict(dialect="json-schema")["parameters"]["properties"]
        )
    session = Session(tools=[who, first, everything], deps=Deps("Ada"), id="s-1")
    for _ in range(4):
        assert session.execute("who", {"greeting": "hello"}).content == "hello Ada"
    supplied = session.execute("who", {"greeting": "hello", "ctx": {}})
    assert supplied.error.type == "PARAMETER_VALIDATION_FAILED"
    expected = {
        "session": "s-1", "tools": ["who", "first", "everything"], "deps": "Ada", "nested": "hi Ada",
    }  # fmt: skip
    assert session.execute("everything", {"x": 1}).content == expected
    assert asyncio.run(session.aexecute("everything", {"x": 1})).content == expected


def test_it_knows_the_call():
    """Ids, deadline and the time that is left."""
    session = Session(tools=[first])
    result = session.execute("first", call_id="call-1")
    assert result.content == ["call-1", "call-1", None, None, False]
    ctx = CallContext(correlation_id="trace-1", deadline=time.monotonic() + 60)
    call_id, trace, deadline, left, cancelled = session.invoke(
        FunctionCall(name="first"), ctx
    ).content
    assert len(call_id) == 36
    assert trace == "trace-1"
    assert 50 < left <= 60
    assert deadline == pytest.approx(ctx.deadline, abs=30)
    assert cancelled is False


def test_a_runtime_without_a_session_injects_what_it_has():
    """session is None there; the caller's deps are passed on."""

    def alone(ctx: Context[Deps]) -> list:
        return [ctx.session is None, ctx.deps.user]

    runtime = LocalRuntime([alone])
    result = runtime.invoke(FunctionCall(name="alone"), CallContext(deps=Deps("Bob")))
    assert result.content == [True, "Bob"]


def test_a_callers_deps_come_before_the_sessions():
    """A wrapper or loop may hand over its own."""
    session = Session(tools=[who], deps=Deps("Ada"))
    call = FunctionCall(name="who", args={"greeting": "hi"})
    assert session.invoke(call, CallContext(deps=Deps("Bob"))).content == "hi Bob"


def needs(annotation):
    """An async tool whose Context is written so, as an object or as text."""

    async def needy(ctx) -> str:
        return str(ctx.deps)

    needy.__annotations__ = {"ctx": annotation, "return": str}
    return needy


Shop = type("Shop", (), {})


@pytest.mark.parametrize(
    ("annotation", "made"),
    [
        (Context[Deps], "Deps: Session(..., deps=Deps(...))"),
        ("Context[Deps]", "Deps: Session(..., deps=Deps(...))"),
        (Context["Deps"], "Deps: Session(..., deps=Deps(...))"),
        ("Context[OnlyForCheckers]", "OnlyForCheckers: Session(..., deps=OnlyForCheckers(...))"),
        (Context[dict[str, int]], "dict[str, int]: Session(..., deps=...)"),
        (Context[Deps | Shop], "deps=..."),
    ],
)
def test_a_tool_that_declares_dependencies_is_answered_before_it_runs_without_them(
    annotation, made, caplog
):
    """A CONFIGURATION_ERROR says what to type, to the log and to unwrap() as well."""
    session = Session(tools=[needs(annotation)])
    for result in (session.execute("needy", {}), asyncio.run(session.aexecute("needy", {"x": 1}))):
        assert result.error.type == "CONFIGURATION_ERROR"
        assert result.error.message.startswith("The tool 'needy' needs dependencies of type ")
        assert made in result.error.message
        assert result.error.retry_allowed is False
        with pytest.raises(ToolCallError) as caught:
            result.unwrap()
        assert isinstance(caught.value.__cause__, ConfigurationError)
    assert "without its dependencies" in caplog.text
    assert Session(tools=[needs(annotation)], deps={}).execute("needy").ok


@pytest.mark.parametrize(
    "annotation",
    [
        Context,
        Context[Any],
        Context[object],
        Context[None],
        Context[Deps | None],
        Context[Optional[Deps]],
        Context["Deps | None"],
        Context[TypeVar("T")],
        "Context[OnlyForCheckers | None]",
        "Context[Optional[OnlyForCheckers]]",
    ],
)
def test_a_context_that_may_hold_nothing_needs_no_dependencies(annotation):
    assert Session(tools=[needs(annotation)]).execute("needy").content == "None"


def test_a_parameter_named_like_the_context_says_how_to_make_it_one():
    """Without an annotation it accepts anything, which is a warning, and strictly an error."""

    def lost(ctx, context: int, other): ...

    with pytest.warns(UserWarning, match="'ctx' has no annotation.*write ctx: Context") as caught:
        declare(lost)
    assert len(caught) == 1
    with pytest.raises(DeclarationError, match="write context: Context"):
        Session(tools=[tool(strict=True)(lambda context, other=1: context)]).declarations()


def test_progress_reaches_the_listener_as_json():
    """Chunks are made JSON; a listener that fails, or an odd chunk, does not fail the tool."""

    def work(ctx: Context) -> str:
        ctx.progress({"done": {1}})
        ctx.progress(float("nan"))
        ctx.progress(threading.Lock())
        return "done"

    session = Session(tools=[work])
    assert session.execute("work").content == "done"
    chunks: list = []
    call = FunctionCall(name="work")
    assert session.invoke(call, CallContext(emit=chunks.append)).content == "done"
    assert chunks == [{"done": [1]}, None]

    def failing(chunk):
        raise RuntimeError("listener")

    assert session.invoke(call, CallContext(emit=failing)).content == "done"


def test_a_tool_that_was_left_behind_can_see_it(monkeypatch):
    """cancelled turns true on a timeout, on closing, and when the task is cancelled."""
    seen = []

    @tool
    def patient(ctx: Context) -> str:
        begun.set()
        if not soon(lambda: ctx.cancelled):
            return "never"
        seen.append("cancelled")
        ended.set()
        return "stopped"

    session = Session(tools=[patient])
    begun, ended = threading.Event(), threading.Event()
    with monkeypatch.context() as patch:
        pool = Prompt(begun)
        patch.setattr("altar.later._run.default_pool", lambda: pool)
        assert session.execute("patient", timeout=0.02).error.type == "TIMEOUT"
    assert ended.wait(60)

    async def cancelled_task():
        task = asyncio.create_task(session.aexecute("patient"))
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun, ended = threading.Event(), threading.Event()
    asyncio.run(cancelled_task())
    assert ended.wait(60)

    begun, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=session.execute, args=("patient",))
    thread.start()
    assert begun.wait(60)
    session.close()
    thread.join(60)
    assert seen == ["cancelled"] * 3


def test_its_logger_names_the_call(caplog):
    """Records of the tool carry tool, call id and correlation id."""

    def chatty(ctx: Context) -> None:
        ctx.logger.info("working")

    session = Session(tools=[chatty])
    with caplog.at_level(logging.INFO, logger="altar"):
        session.execute("chatty", call_id="call-9")
    (record,) = [record for record in caplog.records if record.message == "working"]
    assert (record.name, record.tool, record.call_id) == ("altar", "chatty", "call-9")


def test_a_tool_with_a_context_is_tested_by_hand():
    """Context(deps=...) is all a unit test needs."""
    ctx = Context(deps=Deps("Eve"))
    assert who("hi", ctx) == "hi Eve"
    assert ctx.remaining() is None
    assert not ctx.cancelled
    ctx.progress("nobody listens")
    assert "Context" in repr(ctx)
