"""A synchronous callable with a form for async callers answers each caller in its own way."""

from __future__ import annotations

import asyncio
import functools

import pytest

from altar import FunctionDeclaration, Session
from altar.adm import Schema
from altar.later import SchemaTool, ToolOptions

DECLARATION = FunctionDeclaration(
    name="who",
    description="Who.",
    parameters=Schema.trusted({"type": "object", "properties": {"for": {}}}),
)


class Both:
    def __call__(self, args: dict) -> str:
        return "sync"

    async def __altar_async__(self, args: dict) -> str:
        await (asyncio.Event().wait() if args else asyncio.sleep(0))
        return "async"


def test_sync_callers_get_the_call_and_async_callers_the_async_form():
    session = Session([SchemaTool(DECLARATION, Both())])
    assert session.execute("who", {}).content == "sync"
    assert [r.content for r in session.execute_many([("who", {}), ("who", {})])] == ["sync"] * 2
    assert asyncio.run(session.aexecute("who", {})).content == "async"


def test_the_async_form_is_bound_by_the_timeout_and_ends_with_its_task():
    session = Session([SchemaTool(DECLARATION, Both(), options=ToolOptions(timeout=0.02))])
    assert asyncio.run(session.aexecute("who", {"for": "ever"})).error.type == "TIMEOUT"

    async def cancelled() -> None:
        task = asyncio.ensure_future(session.aexecute("who", {"for": "ever"}))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_a_wrapper_is_not_walked_past():
    both = Both()
    both.__dict__["__altar_async__"] = both.__altar_async__

    @functools.wraps(both)
    def guarded(args: dict) -> str:
        return "guarded"

    session = Session([SchemaTool(DECLARATION, guarded)])
    assert asyncio.run(session.aexecute("who", {})).content == "guarded"
