"""What a session tells: one span for each call, whatever way it takes."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

import altar
from altar import config, trace
from altar.adm import FunctionCall
from altar.cli import main
from altar.errors import ConfigurationError
from altar.trace import MemorySink, Tracer, current_span, event, load, span, switch
from tests.trace.telling import Told, tracing

WAYS = ("execute", "aexecute", "execute_many", "aexecute_many")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def slow_add(a: int, b: int) -> int:
    """Add two numbers, slowly."""
    await asyncio.sleep(0)
    return a + b


def nests(ctx: altar.Context[Any], depth: int) -> str:
    """Nest."""
    with span("own"):
        event("inside", {"depth": depth})
        if depth:
            return ctx.session.execute("nests", {"depth": depth - 1}).unwrap()  # type: ignore[union-attr]
    return threading.current_thread().name


async def anests(ctx: altar.Context[Any], depth: int) -> int:
    """Nest."""
    if depth:
        both = [ctx.session.aexecute("anests", {"depth": depth - 1}) for _ in range(2)]  # type: ignore[union-attr]
        return sum([result.unwrap() for result in await asyncio.gather(*both)])
    return 1


def call(session: altar.Session, way: str, name: str, args: Any) -> Any:
    if way == "execute":
        return session.execute(name, args)
    if way == "aexecute":
        return asyncio.run(session.aexecute(name, args))
    if way == "execute_many":
        return session.execute_many([(name, args)])[0]
    return asyncio.run(session.aexecute_many([(name, args)]))[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "args", "error"),
    [
        ("add", {"a": 1, "b": 2}, None),
        ("slow_add", {"a": 1, "b": 2}, None),
        ("add", {"a": 1}, "PARAMETER_VALIDATION_FAILED"),
        ("add", '{"a": 1, "b": 2}', None),
        ("add", "no object", "PARAMETER_VALIDATION_FAILED"),
        ("nobody", {}, "TOOL_NOT_FOUND"),
    ],
)
def test_each_call_is_one_span(way: str, name: str, args: Any, error: str | None):
    with altar.Session(tools=[add, slow_add]) as session:
        with tracing() as told:
            result = call(session, way, name, args)
        found = told().one("tool")
        assert found.name == f"execute_tool {name}"
        assert (found.error and found.error[0]) == error
        assert found.attributes["gen_ai.tool.call.id"] == result.call_id
        assert found.attributes["altar.session.id"] == session.id
        assert found.parent_id == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["add", "slow_add"])
def test_a_call_on_the_fast_lane_is_one_span_too(way: str, name: str):
    with altar.Session(tools=[add, slow_add]) as session:
        for _ in range(40):
            call(session, way, name, {"a": 1, "b": 2})
        with tracing() as told:
            for _ in range(3):
                assert call(session, way, name, {"a": 1, "b": 2}).content == 3
        results = [one.attributes["gen_ai.tool.call.result"] for one in told().kind("tool")]
        assert results == ["3"] * 3


def test_a_call_that_is_sent_twice_and_one_to_a_closed_session_are_told():
    with tracing() as told:
        with altar.Session(tools=[add]) as session:
            for args in ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 9, "b": 9}):
                session.execute(FunctionCall(name="add", args=args, call_id="one"))
        session.execute("add", {"a": 1, "b": 2})
    errors = [one.error and one.error[0] for one in told().kind("tool")]
    assert errors == [None, None, "INVALID_STATE", "INVALID_STATE"]


def test_calls_within_calls_and_spans_of_ones_own_have_their_parents_in_threads():
    with tracing() as told, altar.Session(tools=[altar.tool(timeout=60)(nests)]) as session:
        session.execute("nests", {"depth": 2})
    found = told()
    (tree,) = found.tree()
    kinds = []
    while True:
        kinds.append((tree[1], tree[3]))
        if not tree[4]:
            break
        (tree,) = tree[4]
    assert kinds == [("tool", ()), ("custom", ("inside",))] * 3


@pytest.mark.parametrize("way", WAYS)
def test_a_span_of_ones_own_belongs_to_its_call_wherever_the_tool_runs(way: str):
    def inline() -> None:
        """Inline."""
        with span("own"):
            pass

    async def on_a_loop() -> None:
        """On a loop."""
        with span("own"):
            await asyncio.sleep(0)

    def streams() -> Any:
        """In pieces."""
        with span("own"):
            yield "piece"

    @altar.tool(timeout=60)
    def in_time() -> None:
        """In time."""
        with span("own"):
            pass

    with tracing() as told, altar.Session(tools=[inline, on_a_loop, streams, in_time]) as session:
        for name in ("inline", "on_a_loop", "streams", "in_time"):
            assert call(session, way, name, {}).ok
    found = told()
    parents = [found.by_id[one.parent_id].name for one in found.named("own")]
    assert sorted(parents) == sorted(one.name for one in found.kind("tool"))


def test_calls_within_calls_have_their_parents_in_tasks():
    async def main() -> None:
        async with altar.Session(tools=[anests]) as session:
            await session.aexecute("anests", {"depth": 3})

    with tracing() as told:
        asyncio.run(main())

    def count(branch: Any) -> list[int]:
        below = [count(one) for one in branch[4]]
        return [len(below), *[number for one in below for number in one]]

    found = told()
    assert len(found.spans) == 15
    (tree,) = found.tree()
    assert sorted(count(tree)) == [0] * 8 + [2] * 7


def test_threads_that_share_a_session_keep_their_own_parents():
    sink = MemorySink()
    with Tracer(sink, interval=60) as tracer, altar.Session(tools=[add]) as session:

        def work(number: int) -> None:
            with tracer.span(f"work {number}"):
                for _ in range(25):
                    session.execute("add", {"a": number, "b": 0})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)
    found = Told(sink)
    for one in found.kind("tool"):
        args = json.loads(one.attributes["gen_ai.tool.call.arguments"])
        assert found.by_id[one.parent_id].name == f"work {args['a']}"
    assert len(found.kind("tool")) == 200


def test_values_of_any_kind_are_told_as_json():
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    args = {"a": float("nan"), "b": {1: Odd(), "k": b"bytes"}, "c": deep, "d": "\ud800"}
    with tracing() as told, altar.Session(tools=[add]) as session:
        session.execute("add", args)
    text = told().one("tool").attributes["gen_ai.tool.call.arguments"]
    said = json.loads(text)
    assert said["a"] is None
    assert said["b"] == {"1": "<Odd>", "k": {"size": 5}}


# -- what the settings ask for ---------------------------------------------------------------


@pytest.fixture
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    config.reset()
    yield
    config.reset()


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("how", ["environment", "altar.toml", "configure"])
def test_the_first_session_begins_the_trace_that_is_configured(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if how == "environment":
        monkeypatch.setenv("ALTAR_TRACE", "run.jsonl")
    elif how == "altar.toml":
        (tmp_path / "altar.toml").write_text('trace = "run.jsonl"\n', encoding="utf-8")
    else:
        altar.configure(trace="run.jsonl")
    assert switch.tracer is None
    with altar.Session(tools=[add]) as session:
        session.execute("add", {"a": 1, "b": 2})
    altar.generate("hello", model="offline:")
    config.reset()
    assert switch.tracer is None
    names = [one.name for one in load("run.jsonl").spans]
    assert names.count("execute_tool add") == 1
    assert names.count("invoke_agent") == 1


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("path", ["nowhere/run.jsonl", "run.txt", "folder.db"])
def test_a_path_that_cannot_be_written_is_refused_where_it_is_configured(path: str, tmp_path: Path):
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ConfigurationError, match="type altar.configure"):
        altar.configure(trace=path)
    assert config.settings().trace is None


@pytest.mark.usefixtures("_settings")
def test_a_path_of_the_environment_that_cannot_be_written_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("ALTAR_TRACE", "nowhere/run.jsonl")
    with pytest.warns(RuntimeWarning) as warned:
        for _ in range(2):
            with trace.span("mine"), altar.Session(tools=[add]) as session:
                assert session.execute("add", {"a": 1, "b": 2}).content == 3
    (said,) = [str(one.message) for one in warned]
    assert "nothing is traced: trace='nowhere/run.jsonl' in the variable ALTAR_TRACE" in said


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("how", ["span", "event", "continued"])
def test_the_first_span_of_ones_own_begins_the_trace_that_is_configured(
    how: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALTAR_TRACE", "run.jsonl")
    if how == "event":
        trace.event("nobody's")
    elif how == "continued":
        with trace.continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
            pass
    else:
        with trace.span("mine"), altar.Session(tools=[add]) as session:
            session.execute("add", {"a": 1, "b": 2})
    assert switch.tracer is not None
    config.reset()
    names = [one.name for one in load("run.jsonl").spans]
    assert names == (["execute_tool add", "mine"] if how == "span" else [])


@pytest.mark.usefixtures("_settings")
def test_threads_that_begin_the_trace_at_once_share_it():
    assert trace.span("before").name == ""  # nothing is configured: it is asked once
    assert switch.settled
    altar.configure(trace="run.jsonl")
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        trace.span(f"work {number}").finish()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    config.reset()
    assert len(load("run.jsonl").spans) == 8


@pytest.mark.usefixtures("_settings")
def test_settings_that_cannot_be_read_are_told_once_by_the_first_span(tmp_path: Path):
    (tmp_path / "altar.toml").write_text("trace = 3\n", encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="nothing is traced: trace in altar.toml"):
        trace.span("mine").finish()
    trace.span("mine").finish()  # and a warning here is an error


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("words", [["call", "nothing.py", "add"], ["demo"], ["run", "hi"]])
def test_the_command_line_refuses_a_trace_that_cannot_be_written_before_it_runs(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("ALTAR_TRACE", "run.txt")
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("altar: error: trace='run.txt' in the variable ALTAR_TRACE: ")


@pytest.mark.usefixtures("_settings")
def test_a_tracer_of_the_applications_own_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALTAR_TRACE", "run.jsonl")
    with tracing() as told, altar.Session(tools=[add]) as session:
        session.execute("add", {"a": 1, "b": 2})
    assert len(told().spans) == 1
    assert not Path("run.jsonl").exists()
    assert current_span.get() is None
