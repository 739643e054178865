"""What vendors' and frameworks' loops get wrong, held by altar with every provider.

docs/vendor-loops.md cites these tests by name, beside those that hold the same
one layer below.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest

import altar
from altar import Limits, Options, Param
from altar.adm import FunctionDeclaration
from altar.errors import QuotaError
from altar.later import SchemaTool
from altar.llm import Clock, Message, Response, Retry, Text, Thinking, ToolCall, Usage
from altar.testing import Fault
from tests.seats import SEATS

STORED = {"openai", "gemini-interactions"}  # APIs that keep what was said unless told not to
SILENT = Response(message=Message("assistant", ()))


class Watch(Clock):
    """A clock that notes how long it was asked to sleep, and does not sleep."""

    __slots__ = ("slept",)

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Ask:
    """One conversation with one provider, by one way; ``fake`` is the vendor it spoke to."""

    def __init__(self, seat: Any, way: str) -> None:
        self.seat = seat
        self.way = way
        self.provider: Any = None

    @property
    def fake(self) -> Any:
        return self.provider.fake

    def open(self, *replies: Any) -> None:
        whole = len(replies) == 1 and callable(replies[0])
        self.provider = self.seat.open(replies[0] if whole else list(replies))

    def __call__(self, *replies: Any, prompt: Any = "go", **given: Any) -> Any:
        if replies:
            self.open(*replies)
        if self.way == "generate":
            return altar.generate(prompt, model=self.provider, **given)
        return asyncio.run(self.last(prompt, given))

    async def last(self, prompt: Any, given: dict[str, Any]) -> Any:
        try:
            events = altar.astream(prompt, model=self.provider, **given)
            return [event async for event in events][-1].reply
        finally:
            await self.provider.aclose()

    def close(self) -> None:
        if self.provider is not None:
            self.provider.close()


@pytest.fixture(params=["generate", "astream"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=SEATS, ids=lambda seat: seat.name)
def ask(request: pytest.FixtureRequest, way: str):
    if not request.param.is_here:
        pytest.skip(f"{request.param.library} is not installed")
    asked = Ask(request.param, way)
    yield asked
    asked.close()


def results(reply: Any) -> list[Any]:
    """What the model read as the results of its calls, in order."""
    return [part for message in reply.messages if message.role == "tool" for part in message.parts]


def now() -> str:
    """The time."""
    return "noon"


# --- calls


def test_a_call_without_any_arguments_is_run(ask: Ask):
    """A call whose arguments field is missing on the wire runs with none."""
    reply = ask(ToolCall("now"), "ok", tools=[now])
    assert (reply.text, reply.calls[0].result.content) == ("ok", "noon")


@pytest.mark.parametrize("given", [3.0, 3])
def test_a_float_parameter_receives_a_float(ask: Ask, given: float):
    """Whether the wire said 3.0 or 3, the body of ``x: float`` gets a float."""
    ran: list[type] = []

    def half(x: float) -> float:
        """Half of a number."""
        ran.append(type(x))
        return x / 2

    reply = ask(ToolCall("half", {"x": given}), "ok", tools=[half])
    assert ran == [float]
    assert reply.calls[0].result.content == 1.5


def test_a_text_stays_a_text_and_a_list_in_a_text_is_read(ask: Ask):
    """JSON in a string is parsed where a list belongs, and left alone where a text belongs."""

    def keep(text: str, numbers: list[int]) -> list[Any]:
        """Keep what came."""
        return [text, numbers]

    call = ToolCall("keep", {"text": '{"a": 1}', "numbers": "[1, 2]"})
    reply = ask(call, "ok", tools=[keep])
    assert reply.calls[0].result.content == ['{"a": 1}', [1, 2]]


def test_a_declaration_stands_beside_a_function(ask: Ask):
    """A tool that is a schema and one that is a function are called in one reply, and both run."""
    schema = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    declared = FunctionDeclaration(name="double", description="Double it.", parameters=schema)
    tools = [now, SchemaTool(declared, lambda args: args["x"] * 2)]
    reply = ask([ToolCall("now"), ToolCall("double", {"x": 4})], "ok", tools=tools)
    assert [record.result.content for record in reply.calls] == ["noon", 8]


class Counter:
    """An object that no copy can be made of: it holds a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0

    def add(self, n: int) -> int:
        """Add to the count."""
        with self.lock:
            self.count += n
            return self.count


def test_a_method_runs_on_the_object_it_belongs_to(ask: Ask):
    """The object is not copied: what its method changed is changed."""
    counter = Counter()
    reply = ask(ToolCall("add", {"n": 2}), "ok", tools=[counter.add])
    assert (reply.text, counter.count) == ("ok", 2)


class Color(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


def test_results_that_python_alone_knows_reach_the_server_as_json(ask: Ask):
    """Decimals, moments, dataclasses, sets, paths, enums and ids are JSON where the model reads."""

    def odd() -> dict[str, object]:
        """Odd things."""
        return {
            "price": Decimal("1.50"),
            "when": datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc),
            "point": Point(1, 2),
            "set": {1},
            "path": PurePosixPath("a/b"),
            "color": Color.RED,
            "id": UUID(int=1),
        }

    reply = ask(ToolCall("odd"), "ok", tools=[odd])
    heard = ask.fake.asked[1].messages[-1].parts[0]
    assert heard.value == results(reply)[0].value
    assert heard.value["point"] == {"x": 1, "y": 2}
    assert (heard.value["set"], heard.value["path"], heard.value["color"]) == ([1], "a/b", "red")
    assert heard.value["when"].startswith("2026-01-02T03:04:00")
    assert str(heard.value["price"]) == "1.50"
    assert heard.value["id"] == str(UUID(int=1))


@dataclass
class Tree:
    """A node."""

    name: str
    children: list[Tree]


def test_a_schema_of_every_kind_is_taken_and_its_arguments_arrive(ask: Ask):
    """References, recursion, unions, open maps, bounds and defaults pass every vendor's rules."""
    ran: list[Any] = []

    def plant(
        tree: Tree,
        where: int | str | None = None,
        labels: dict[str, int] | None = None,
        size: Literal["small", "big"] = "small",
        count: Annotated[int, Param(ge=1, le=9)] = 1,
    ) -> str:
        """Plant a tree."""
        ran.append((tree, where, labels, size, count))
        return "planted"

    args = {
        "tree": {"name": "a", "children": [{"name": "b", "children": []}]},
        "labels": {"x": 1},
        "count": 3,
    }
    reply = ask(ToolCall("plant", args), "ok", tools=[plant])
    assert (reply.text, results(reply)[0].is_error) == ("ok", False)
    assert ran == [(Tree("a", [Tree("b", [])]), None, {"x": 1}, "small", 3)]


# --- the history


def test_every_request_holds_the_whole_conversation_and_nothing_stays_at_the_vendor(ask: Ask):
    """No thread, no stored response: the history is the application's alone."""
    ask([Thinking("hm"), ToolCall("now")], "ok", tools=[now])
    assert [message.role for message in ask.fake.asked[1].messages] == ["user", "assistant", "tool"]
    for sent in ask.fake.requests:
        assert not {"thread", "previous_response_id", "previous_interaction_id"} & set(sent.body)
        assert "threads" not in sent.headers.get("anthropic-beta", "")
        if ask.seat.name in STORED:
            assert sent.body["store"] is False


def test_a_conversation_survives_another_prompt_and_other_tools(ask: Ask):
    """Thoughts that were signed for one prompt and its tools do not break the next request."""

    def later() -> str:
        """Later."""
        return "evening"

    said = [Thinking("hm"), "I look.", ToolCall("now")]
    ask.open(said, [Thinking("so"), "noon"], [Thinking("ha"), ToolCall("later")], "evening")
    first = ask(tools=[now], instructions="Be brief.")
    history = [*first.messages, Message.user("And later?")]
    second = ask(prompt=history, tools=[later], instructions="Be long.")
    assert (first.text, second.text) == ("noon", "evening")


def test_a_history_that_lost_its_results_is_mended_and_told(ask: Ask):
    """After a crash between call and result the conversation goes on; nothing is invented."""
    lost = [
        Message.user("The time?"),
        Message("assistant", (Text("I look."), ToolCall("now", {}, id="c-1"))),
        Message.user("Still there?"),
    ]
    reply = ask("Yes.", prompt=lost, tools=[now])
    assert reply.text == "Yes."
    assert results(reply)[0].is_error
    assert any(note.what == "history" for note in reply.adaptations)


# --- where it ends


def test_a_run_that_was_stopped_leaves_no_call_open_and_goes_on(ask: Ask):
    """At the limit every call has its result, and the vendor takes the history back."""
    numbers = iter(range(100))

    def model(request: Any) -> Any:
        if request.messages[-1].text == "Enough?":
            return "Enough."
        return ToolCall("count", {"n": next(numbers)})

    def count(n: int) -> int:
        """Count."""
        return n

    ask.open(model)
    reply = ask(tools=[count], options=Options(limits=Limits(rounds=2)))
    assert (reply.finish, len(reply.calls), len(results(reply))) == ("max_rounds", 2, 2)
    more = ask(prompt=[*reply.messages, Message.user("Enough?")], tools=[count])
    assert more.text == "Enough."


def test_a_budget_stops_the_run_before_the_next_request(ask: Ask):
    """What the first answer cost is counted before a second one is asked for."""
    usage = Usage(input_tokens=900, output_tokens=100)
    said = Response(message=Message("assistant", (ToolCall("now"),)), usage=usage)
    reply = ask(said, tools=[now], options=Options(limits=Limits(tokens=5)))
    assert (reply.finish, len(ask.fake.requests)) == ("budget", 1)
    if reply.usage.total_tokens is None:  # llama.cpp counts nothing: the run estimates, and says so
        assert "limits.tokens" in [note.what for note in reply.adaptations]
    else:
        assert reply.usage.total_tokens == 1000


def test_silence_after_a_result_is_asked_about_once(ask: Ask):
    """An empty answer behind tool results is asked for again, and said if it stays empty."""
    reply = ask(ToolCall("now"), SILENT, "noon", tools=[now])
    assert (reply.text, reply.usage.requests) == ("noon", 3)
    ask.close()
    reply = ask(ToolCall("now"), SILENT, SILENT, tools=[now])
    assert (reply.text, reply.usage.requests) == ("", 3)
    assert "said nothing" in reply.detail


# --- faults


def test_a_wait_of_an_hour_is_cut_to_the_longest_wait(ask: Ask):
    """The server's hint is followed up to ``Retry(max_delay=)``."""
    watch = Watch()
    options = Options(retry=Retry(clock=watch))
    assert ask(Fault("rate_limit", retry_after=5000), "ok", options=options).text == "ok"
    assert watch.slept == [60.0]


def test_a_spent_budget_is_one_request(ask: Ask):
    """What no waiting lifts is neither retried by altar nor by the vendor's client."""
    watch = Watch()
    with pytest.raises(QuotaError):
        ask(Fault("quota"), options=Options(retry=Retry(clock=watch)))
    assert (len(ask.fake.requests), watch.slept) == (1, [])


def test_a_retry_runs_no_tool_twice(ask: Ask):
    """A request that fails behind a result is sent again with that result."""
    ran: list[int] = []

    def pay() -> str:
        """Pay."""
        ran.append(1)
        return "paid"

    script = [ToolCall("pay"), Fault("overloaded"), Fault("server_error"), "ok"]
    reply = ask(*script, tools=[pay], options=Options(retry=Retry(clock=Watch())))
    assert (reply.text, ran) == ("ok", [1])


def test_an_overload_in_a_stream_is_asked_again_while_nothing_was_seen(ask: Ask):
    """An error event behind status 200 is an overload, and retried before the first word."""
    fault = Fault("overloaded", after=0, reply="Some words.")
    watch = Watch()
    reply = ask(fault, "ok", options=Options(retry=Retry(clock=watch)))
    assert (reply.text, len(watch.slept)) == ("ok", 1)


def test_a_provider_lives_while_its_own_name_is_held(ask: Ask):
    """Nothing inside it, a client or a connection, is closed behind its back."""
    gc.freeze()  # what other tests hold is not looked through
    ask.open("ok")
    gc.collect()
    assert ask().text == "ok"
