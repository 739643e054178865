"""Fifteen behaviours of the tool loop that hold by default, by every way in and every provider."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

import altar
from altar.errors import ToolError
from altar.llm import ToolCall
from altar.testing import FunctionProvider, ScriptedProvider
from tests.seats import SEATS
from tests.waiting import PATIENCE, asoon


def generate(model, tools):
    return altar.generate("go", model=model, tools=tools)


def agenerate(model, tools):
    async def run():
        try:
            return await altar.agenerate("go", model=model, tools=tools)
        finally:
            if hasattr(model, "fake"):
                await model.aclose()

    return asyncio.run(run())


def stream(model, tools):
    return list(altar.stream("go", model=model, tools=tools))[-1].reply


def astream(model, tools):
    async def last():
        try:
            return [event async for event in altar.astream("go", model=model, tools=tools)]
        finally:
            if hasattr(model, "fake"):
                await model.aclose()

    return asyncio.run(last())[-1].reply


def _script(replies):
    return replies[0] if len(replies) == 1 and callable(replies[0]) else list(replies)


def _scripted(replies):
    script = _script(replies)
    return FunctionProvider(script) if callable(script) else ScriptedProvider(script)


class Ask:
    """One way into the loop, with one provider in front of the script."""

    def __init__(self, way, seat):
        self.way = way
        self.seat = seat
        self.has_text_arguments = seat is None or not seat.library.startswith("google")

    def __call__(self, *replies, tools):
        if self.seat is None:
            return self.way(_scripted(replies), tools)
        provider = self.seat.open(_script(replies))
        try:
            return self.way(provider, tools)
        finally:
            provider.close()


# without a wire by every way in; each vendor's wire by one sync and one async way
ASKED = [(way, None) for way in (generate, agenerate, stream, astream)]
ASKED += [(way, seat) for seat in SEATS for way in (generate, astream)]


def _shown(pair):
    way, seat = pair
    return f"{way.__name__}-{seat.name if seat is not None else 'scripted'}"


@pytest.fixture(params=ASKED, ids=_shown)
def ask(request):
    way, seat = request.param
    if seat is not None and not seat.is_here:
        pytest.skip(f"{seat.library} is not installed")
    return Ask(way, seat)


def heard(reply, at=0):
    """What the model read as the result number ``at``."""
    parts = [part for m in reply.messages if m.role == "tool" for part in m.parts]
    return parts[at]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_01_parallel_sync_tools_run_at_the_same_time(ask):
    meeting = threading.Barrier(3, timeout=PATIENCE)

    def meet(who: str) -> str:
        meeting.wait()
        return who

    reply = ask([ToolCall("meet", {"who": who}) for who in "abc"], "ok", tools=[meet])
    assert [record.result.content for record in reply.calls] == ["a", "b", "c"]


def test_02_parallel_async_tools_run_at_the_same_time(ask):
    arrived: list[str] = []
    everyone = threading.Event()

    async def meet(who: str) -> str:
        arrived.append(who)
        if len(arrived) == 3:
            everyone.set()
        return who if await asoon(everyone.is_set) else "alone"

    reply = ask([ToolCall("meet", {"who": who}) for who in "abc"], "ok", tools=[meet])
    assert [record.result.content for record in reply.calls] == ["a", "b", "c"]


def test_03_an_error_in_a_body_reaches_the_model_as_a_result(ask):
    def fail() -> str:
        raise ToolError("the printer is out of paper", retry_after=3)

    reply = ask(ToolCall("fail"), "I see", tools=[fail])
    assert reply.text == "I see"
    assert heard(reply).is_error
    assert heard(reply).value["error"]["message"] == "the printer is out of paper"


def test_04_a_bad_argument_is_answered_with_its_field(ask):
    reply = ask(ToolCall("add", {"a": "many", "b": 1}), "sorry", tools=[add])
    assert "$.a" in heard(reply).text
    assert "integer" in heard(reply).text


def test_05_a_missing_argument_is_answered_with_its_field(ask):
    reply = ask(ToolCall("add", {"a": 1}), "sorry", tools=[add])
    assert heard(reply).is_error
    assert '"b"' in heard(reply).text or "$.b" in heard(reply).text


def test_06_an_extra_argument_is_refused(ask):
    ran = []

    def note(text: str) -> None:
        ran.append(text)

    reply = ask(ToolCall("note", {"text": "a", "txet": "b"}), "sorry", tools=[note])
    assert heard(reply).is_error
    assert "txet" in heard(reply).text
    assert ran == []


def test_07_an_unknown_tool_is_survivable(ask):
    reply = ask(ToolCall("subtract", {"a": 1}), ToolCall("add", {"a": 1, "b": 2}), "3", tools=[add])
    assert heard(reply).value["error"]["type"] == "TOOL_NOT_FOUND"
    assert "add" in heard(reply).text
    assert reply.text == "3"


def test_08_malformed_json_is_survivable(ask):
    broken = ToolCall("add", raw_args='{"a": 1, "b": ')
    reply = ask(broken, ToolCall("add", {"a": 1, "b": 2}), "3", tools=[add])
    assert reply.text == "3"
    if ask.has_text_arguments:  # Gemini never shows it: it ends its reply as malformed
        assert "not valid JSON" in heard(reply).value["error"]["message"]
        assert heard(reply, 1).value == 3


def test_09_a_model_that_never_stops_is_stopped_at_25_rounds(ask):
    def endless(request):
        return ToolCall("add", {"a": len(request.messages), "b": 0})

    reply = ask(endless, tools=[add])
    assert (reply.finish, reply.usage.requests) == ("max_rounds", 25)


def test_10_identical_repeated_calls_are_noticed_and_stopped(ask):
    reply = ask(lambda request: ToolCall("add", {"a": 1, "b": 2}), tools=[add])
    assert (reply.finish, len(reply.calls)) == ("repeated_call", 4)
    assert [record.result.ok for record in reply.calls] == [True, True, False, False]


def test_11_a_result_is_capped_for_the_model_and_whole_for_the_application(ask):
    def book() -> str:
        return "head" + "x" * 500_000 + "tail"

    reply = ask(ToolCall("book"), "long", tools=[book])
    text = heard(reply).text
    assert len(text.encode()) <= 66_000
    assert "head" in text
    assert "tail" in text
    assert len(reply.calls[0].result.value) == 500_008


def test_12_results_are_json_and_never_a_python_repr(ask):
    def odd() -> dict[str, object]:
        return {"ok": True, "none": None, "set": {1}, "when": time.gmtime(0)[:3], "b": b"hi"}

    reply = ask(ToolCall("odd"), "fine", tools=[odd])
    value = heard(reply).value
    assert (value["ok"], value["none"], value["set"]) == (True, None, [1])
    assert "True" not in heard(reply).text
    assert "None" not in heard(reply).text


def test_13_system_exit_in_a_tool_is_contained(ask):
    def leave() -> None:
        sys.exit(3)

    reply = ask(ToolCall("leave"), "still here", tools=[leave])
    assert reply.text == "still here"
    assert heard(reply).is_error


def test_14_exception_text_is_withheld_unless_it_was_meant_for_the_model(ask):
    def leak() -> None:
        raise ValueError("password=hunter2 in /etc/secrets")

    @altar.tool(expose_errors=True)
    def tell() -> None:
        raise ValueError("no such city")

    reply = ask([ToolCall("leak"), ToolCall("tell")], "ok", tools=[leak, tell])
    assert "hunter2" not in heard(reply).text
    assert "/etc" not in heard(reply).text
    assert "no such city" in heard(reply, 1).text
    with pytest.raises(altar.errors.ToolCallError) as caught:
        reply.calls[0].result.unwrap()
    assert "hunter2" in str(caught.value.__cause__)


def test_15_a_sync_tool_with_a_timeout_returns_in_time(ask):
    release = threading.Event()

    @altar.tool(timeout=0.03)
    def hang() -> None:
        release.wait(PATIENCE)

    reply = ask(ToolCall("hang"), "gave up", tools=[hang])
    release.set()
    assert heard(reply).value["error"]["type"] == "TIMEOUT"
    assert reply.text == "gave up"
