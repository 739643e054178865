"""Streaming tools: generators whose chunks are told as they come and make the result."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from altar import FunctionCall, Session, tool
from altar.errors import ConfigurationError
from altar.later import SessionLimits
from altar.runtime import CallContext
from tests.runtime._scripted import Prompt
from tests.waiting import PATIENCE, asoon


def run(way, function, args=None, *, emit=None, **options):
    session = Session(tools=[function], **options)
    name = session.declarations()[0].name
    call = FunctionCall(name=name, args=args)
    ctx = CallContext(emit=emit)
    if way == "sync":
        return session.invoke(call, ctx)
    return asyncio.run(session.ainvoke(call, ctx))


def kind_of(result):
    return None if result.error is None else result.error.type


def texts(n: int):
    for i in range(n):
        yield f"{i}"


async def atexts(n: int):
    for i in range(n):
        await asyncio.sleep(0)
        yield f"{i}"


def mixed(n: int):
    for i in range(n):
        yield {"at": i} if i else "start"


def returning(n: int):
    for i in range(n):
        yield i
    return {"total": n}


class Listener:
    async def told(self, chunk: object) -> None:
        """Nobody awaits this."""

    async def __call__(self, chunk: object) -> None:
        """Nor this."""


@pytest.mark.parametrize(
    "emit",
    [Listener().told, Listener(), partial(Listener.told, Listener())],
    ids=["method", "object", "partial"],
)
def test_a_listener_that_would_have_to_be_awaited_is_refused_before_the_call(emit):
    with pytest.raises(ConfigurationError, match="give a plain function of one chunk"):
        CallContext(emit=emit)
    with pytest.raises(ConfigurationError, match="run_coroutine_threadsafe"):
        CallContext().replace(emit=emit)
    assert CallContext().replace(emit=None).emit is None


def test_an_async_listener_is_told_of_each_chunk_as_the_refusal_says():
    chunks: list[object] = []

    async def told(chunk: object) -> None:
        chunks.append(chunk)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ctx = CallContext(emit=lambda chunk: asyncio.run_coroutine_threadsafe(told(chunk), loop))
        await Session(tools=[texts]).ainvoke(FunctionCall(name="texts", args={"n": 3}), ctx)
        assert await asoon(lambda: len(chunks) == 3)

    asyncio.run(main())
    assert chunks == ["0", "1", "2"]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("function", "n", "content"),
    [
        (texts, 3, "012"), (atexts, 3, "012"), (mixed, 2, ["start", {"at": 1}]),
        (returning, 3, {"total": 3}), (texts, 0, []), (atexts, 0, []), (returning, 0, {"total": 0}),
    ],
)  # fmt: skip
def test_chunks_are_told_and_make_the_result(way, function, n, content):
    """Texts are joined, others listed; a return value comes before them."""
    chunks: list = []
    result = run(way, function, {"n": n}, emit=chunks.append)
    assert result.content == content
    assert len(chunks) == n
    assert run(way, function, {"n": n}).content == content


@pytest.mark.parametrize("way", ["sync", "async"])
def test_chunks_come_while_the_tool_runs(way):
    """Each is told before the next is asked for."""
    order = []

    def steps():
        for i in range(3):
            order.append(f"make {i}")
            yield i

    run(way, steps, emit=lambda chunk: order.append(f"told {chunk}"))
    assert order == ["make 0", "told 0", "make 1", "told 1", "make 2", "told 2"]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_stream_that_fails_is_a_failure(way):
    """What was told stays told; the result is the error; the stream was closed."""
    closed = []

    def failing():
        try:
            yield "one"
            raise ValueError("secret")
        finally:
            closed.append(1)

    async def afailing():
        try:
            yield "one"
            raise ValueError("secret")
        finally:
            closed.append(1)

    for function in (failing, afailing):
        chunks: list = []
        result = run(way, function, emit=chunks.append)
        assert kind_of(result) == "TOOL_EXECUTION_FAILED"
        assert "secret" not in result.error.message
        assert chunks == ["one"]
    assert closed == [1, 1]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_endless_stream_is_bounded(way):
    """Past the number of chunks the stream is closed and the call told."""
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(1)

    async def aendless():
        try:
            while True:
                yield 1
        finally:
            closed.append(1)

    for function in (endless, aendless):
        result = run(way, function, limits=SessionLimits(max_chunks=50))
        assert kind_of(result) == "RESOURCE_EXHAUSTED"
        assert "50" in result.error.message
    assert closed == [1, 1]


def test_a_stream_of_enormous_chunks_is_bounded(monkeypatch):
    """The size that is kept has a bound as well."""
    monkeypatch.setattr("altar.later._stream._MAX_SIZE", 10_000)

    def heavy():
        while True:
            yield "x" * 1000

    assert kind_of(run("sync", heavy)) == "RESOURCE_EXHAUSTED"


def test_a_timeout_closes_the_stream(monkeypatch):
    """Sync streams stop at their next chunk, async ones at once."""
    begun, closed = threading.Event(), threading.Event()
    aclosed = []
    pool = Prompt(begun)
    monkeypatch.setattr("altar.later._run.default_pool", lambda: pool)
    monkeypatch.setattr("altar.later._run._PATIENCE", PATIENCE)

    @tool(timeout=0.03)
    def slow():
        try:
            begun.set()
            while True:
                time.sleep(0.005)
                yield 1
        finally:
            closed.set()

    @tool(timeout=0.03)
    async def aslow():
        try:
            while True:
                await asyncio.sleep(0.005)
                yield 1
        finally:
            aclosed.append(1)

    for way in ("sync", "async"):
        begun.clear()
        closed.clear()
        assert kind_of(run(way, slow)) == "TIMEOUT"
        assert closed.wait(60)
        assert kind_of(run(way, aslow)) == "TIMEOUT"
    assert aclosed == [1, 1]


def test_cancelling_closes_an_async_stream():
    """The awaiting task's cancellation reaches the generator's cleanup."""
    closed = []

    async def endless():
        try:
            while True:
                await asyncio.sleep(0.001)
                yield 1
        finally:
            closed.append(1)

    async def main():
        session = Session(tools=[endless])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.aexecute("endless")

    asyncio.run(main())
    assert closed == [1]


def test_closing_the_session_stops_an_inline_stream():
    """Between two chunks the stream sees that nobody wants it any more."""
    closed = []

    def endless():
        try:
            while True:
                yield 1
                session.close()
        finally:
            closed.append(1)

    session = Session(tools=[endless])
    result = session.execute("endless")
    assert kind_of(result) == "CANCELLED"
    assert closed == [1]


def test_a_stream_that_will_not_close_does_no_harm():
    """A generator that ignores its closing is logged, and the answer stands."""

    def stubborn():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            yield 3

    async def astubborn():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            yield 3

    for function in (stubborn, astubborn):
        result = run("sync", function, limits=SessionLimits(max_chunks=1))
        assert kind_of(result) == "RESOURCE_EXHAUSTED"


def test_a_listener_runs_where_the_tool_runs():
    """With a timeout the chunks come from the tool's thread."""
    seen = set()
    session = Session(tools=[texts])
    ctx = CallContext(
        emit=lambda chunk: seen.add(threading.get_ident()), deadline=time.monotonic() + 60
    )
    assert session.invoke(FunctionCall(name="texts", args={"n": 3}), ctx).content == "012"
    assert seen
    assert threading.get_ident() not in seen
