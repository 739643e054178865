"""The fast lane and the general way cannot be told apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import FunctionCall, Session, ToolError, tool
from altar.later import LocalRuntime
from altar.runtime import CallContext


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    city: str
    lat: float = 0.0
    tags: list[str] = field(default_factory=list)

    def __post_init__(self):
        if self.city == "nowhere":
            raise ValueError("no such city")


def scalars(text: str, whole: int = 1, part: float = 0.5, flag: bool = False) -> Any:
    if text == "raise":
        raise ValueError("secret")
    if text == "refuse":
        raise ToolError("refused", retry_after=whole if abs(whole) < 10 else None)
    if text == "exit":
        raise SystemExit(whole)
    return {"text": text, "whole": whole, "part": part, "flag": flag}.get(text, part)


def echo(value: Any) -> Any:
    return value


def choices(unit: Literal["c", "f", 3], colour: Colour = Colour.RED, maybe: Optional[int] = None):
    return [unit, colour, maybe]


def nested(place: Place, others: list[Place] = [], *, table: dict[str, int] = {}) -> Any:  # noqa: B006
    others.append(place)
    return others if table else place


def positional(a: int, /, b: int = 2, *, c: int = 3) -> int:
    return a * b * c


def nothing() -> None:
    return None


async def ascalars(text: str, whole: int = 1, part: float = 0.5, flag: bool = False) -> Any:
    return scalars(text, whole, part, flag)


async def anested(place: Place, others: list[Place] = []) -> Any:  # noqa: B006
    await asyncio.sleep(0)
    return nested(place, others)


GOOD = {
    "scalars": {"text": "x"},
    "echo": {"value": 1},
    "choices": {"unit": "c"},
    "nested": {"place": {"city": "Rome"}},
    "positional": {"a": 1},
    "nothing": {},
    "ascalars": {"text": "x"},
    "anested": {"place": {"city": "Rome"}},
}
TOOLS = [scalars, echo, choices, nested, positional, nothing, ascalars, anested]

fast = Session(tools=TOOLS, id="same")
general = LocalRuntime(TOOLS)
for _ in range(20):
    for _name, _args in GOOD.items():
        fast.execute(_name, _args)

words = st.sampled_from(
    ["text", "whole", "part", "raise", "refuse", "exit", "", "é", "\ud800", "red", "RED", "42", "c"]
)
leaves = (
    words
    | st.text(max_size=5)
    | st.integers(-(2**70), 2**70)
    | st.integers(-3, 12)
    | st.floats()
    | st.booleans()
    | st.none()
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
places = st.fixed_dictionaries(
    {"city": st.sampled_from(["Rome", "nowhere", 3, "\udfff"])},
    optional={"lat": leaves, "tags": st.lists(leaves, max_size=2), "zip": leaves},
)
ARGUMENTS = {
    "scalars": {"text": leaves, "whole": leaves, "part": leaves, "flag": leaves},
    "echo": {"value": values},
    "choices": {"unit": leaves, "colour": leaves, "maybe": leaves},
    "nested": {
        "place": places | leaves,
        "others": st.lists(places, max_size=2) | leaves,
        "table": st.dictionaries(words, leaves, max_size=2) | leaves,
    },
    "positional": {"a": leaves, "b": leaves, "c": leaves},
    "nothing": {},
}
ARGUMENTS["ascalars"] = ARGUMENTS["scalars"]
ARGUMENTS["anested"] = ARGUMENTS["nested"]


@st.composite
def calls(draw):
    """A tool's name, and arguments that are nearly right or plainly wrong."""
    name = draw(st.sampled_from(sorted(GOOD)))
    args = dict(GOOD[name]) if draw(st.booleans()) else {}
    for key, strategy in ARGUMENTS[name].items():
        if draw(st.booleans()):
            args[key] = draw(strategy)
    if draw(st.integers(0, 9)) == 0:
        args[draw(words)] = draw(leaves)
    return name, args


def seen(result):
    """All of a result that anybody can see, its id aside."""
    told = result.to_dict()
    del told["call_id"]
    kinds = type(result.value), type(result.cause), type(result)
    return repr(told), repr(result.value), kinds


def test_every_tool_here_has_a_fast_lane():
    """Otherwise the property below would say nothing."""
    assert set(fast._fast) | set(fast._afast) == set(GOOD)


@given(calls())
def test_both_ways_answer_alike(call):
    """Same content, error, metadata, value and cause, for good calls and bad ones."""
    name, args = call
    expected = seen(general.invoke(FunctionCall(name=name, args=args), CallContext()))
    assert seen(fast.execute(name, args)) == expected
    again = fast.invoke(FunctionCall(name=name, args=args), CallContext())
    assert seen(again) == expected


@given(calls())
def test_both_ways_answer_alike_on_a_loop(call):
    """The same for aexecute."""
    name, args = call

    async def main():
        expected = await general.ainvoke(FunctionCall(name=name, args=args), CallContext())
        return seen(await fast.aexecute(name, args)), seen(expected)

    made, expected = asyncio.run(main())
    assert made == expected


def test_a_miss_has_not_run_the_body():
    """What the fast lane cannot read is run once, by the general way."""
    ran = []

    def note(x: int) -> int:
        ran.append(x)
        return x

    session = Session(tools=[note])
    for _ in range(4):
        session.execute("note", {"x": 1})
    ran.clear()
    assert session.execute("note", {"x": "7"}).content == 7
    assert ran == [7]


def test_mutable_defaults_are_fresh_for_every_call():
    """A body that changes its default changes it for itself alone."""

    def gather(item: int, into: list[int] = []) -> list[int]:  # noqa: B006
        into.append(item)
        return into

    session = Session(tools=[gather])
    for _ in range(6):
        assert session.execute("gather", {"item": 1}).content == [1]


@pytest.mark.parametrize("slow", ["timeout", "stream", "open"])
def test_what_needs_the_general_way_never_gets_a_lane(slow):
    """Timeouts, streams and open names are not for the fast lane."""

    @tool(timeout=60)
    def timeout() -> int:
        return 1

    def stream():
        yield 1

    def open(**rest: int) -> int:  # noqa: A001
        return 1

    session = Session(tools=[{"timeout": timeout, "stream": stream, "open": open}[slow]])
    for _ in range(6):
        assert session.execute(slow).ok
    assert not session._fast


def test_a_result_of_the_fast_lane_is_a_whole_result():
    """It is frozen, has an id that stays, and reads like any other."""
    result = fast.execute("echo", {"value": "x"})
    assert fast.execute("echo", {"value": "x"}).call_id != result.call_id == result.call_id
    assert len(result.call_id) == 36
    assert result.unwrap() == "x"
    with pytest.raises(AttributeError):
        result.content = 3
    with_id = fast.invoke(call := FunctionCall(name="echo", args={"value": 1}), CallContext())
    assert with_id.call_id == call.call_id
    bad = fast.invoke(
        FunctionCall(name="scalars", args={"text": "raise"}), CallContext(correlation_id="c-1")
    )
    assert bad.error.correlation_id == "c-1"
