"""The offline demo model: labelled, deterministic, and good enough to show a tool loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.adm import FunctionDeclaration, Schema, ToolConfig
from altar.errors import HistoryError, OverloadedError
from altar.llm import (
    Attempt,
    Message,
    Options,
    Origin,
    Request,
    Retry,
    Sampling,
    check_history,
)
from altar.llm._offline import LABEL, OfflineProvider
from altar.runtime import Cancellation
from altar.testing import ScriptedProvider

NO_RETRY = Options(retry=Retry(attempts=1))


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Current weather for a city.

    Args:
        city: Name of the city.
        unit: Temperature unit.
    """
    return f"sunny in {city}"


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def multiply(a: float, b: float) -> float:
    """Multiply two numbers."""
    return a * b


def send_email(to: str, subject: str, urgent: bool = False) -> None:
    """Send an email message."""


def search_web(query: str, limit: int = 10) -> list[str]:
    """Search the web for a query."""
    return []


def mean(values: list[float]) -> float:
    """Arithmetic mean of values."""
    return sum(values) / len(values)


def current_time(zone: str = "UTC") -> str:
    """The current time in a time zone."""
    return "noon"


def book_flight(origin: str, destination: str, day: date) -> str:
    """Book a flight on a date."""
    return "booked"


TOOLS = [get_weather, add, multiply, send_email, search_web, mean, current_time, book_flight]


def asked(prompt, **options):
    reply = altar.generate(prompt, model="offline:", tools=TOOLS, options=Options(**options))
    check_history(reply.messages)
    return [(record.call.name, record.call.args) for record in reply.calls]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("What's the weather in Tokyo?", [("get_weather", {"city": "Tokyo"})]),
        (
            "Weather in Oslo and Bergen?",
            [("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Bergen"})],
        ),
        (
            "weather in New York in fahrenheit",
            [("get_weather", {"city": "New York", "unit": "fahrenheit"})],
        ),
        ("How is the weather in san francisco?", [("get_weather", {"city": "san francisco"})]),
        ("Add 2 and 3", [("add", {"a": 2, "b": 3})]),
        (
            "add 2 and 3 and multiply 4 by 5.5",
            [("add", {"a": 2, "b": 3}), ("multiply", {"a": 4, "b": 5.5})],
        ),
        (
            "What is the weather in Tokyo and what is 17 * 23?",
            [("get_weather", {"city": "Tokyo"}), ("multiply", {"a": 17, "b": 23})],
        ),
        (
            'send an urgent email to bob@example.com with the subject "salt and pepper"',
            [
                (
                    "send_email",
                    {"to": "bob@example.com", "subject": "salt and pepper", "urgent": True},
                )
            ],
        ),
        (
            "search the web for cheap red shoes limit 5",
            [("search_web", {"query": "cheap red shoes", "limit": 5})],
        ),
        ("search_web query=cats limit=3", [("search_web", {"query": "cats", "limit": 3})]),
        ("What is the mean of 1, 2, 3 and 10?", [("mean", {"values": [1, 2, 3, 10]})]),
        ("what time is it in Tokyo?", [("current_time", {"zone": "Tokyo"})]),
        (
            "Book a flight from Oslo to New York on 2026-12-01",
            [("book_flight", {"origin": "Oslo", "destination": "New York", "day": "2026-12-01"})],
        ),
        ("Tell me a joke", []),
    ],
)
def test_words_pick_the_tool_and_types_fill_the_arguments(prompt, calls):
    assert asked(prompt) == calls


def test_its_text_says_what_it_is_and_shows_the_results():
    reply = altar.generate("weather in Oslo?", model="offline:", tools=TOOLS)
    label, line = reply.text.splitlines()
    assert "no language model" in label
    assert line == 'get_weather(city="Oslo") = sunny in Oslo'
    assert reply.usage.cost == 0
    assert reply.usage.input_tokens > 0


def test_what_is_missing_is_asked_for():
    reply = altar.generate("add 5", model="offline:", tools=TOOLS)
    assert (reply.calls, "Please say also: b" in reply.text) == ((), True)


def test_without_a_match_it_names_the_tools():
    assert "get_weather" in altar.generate("sing!", model="offline:", tools=TOOLS).text
    assert "none" in altar.generate("sing!", model="offline:").text


def test_a_failed_call_is_rendered_as_such():
    def explode(city: str) -> str:
        """Explode a city."""
        raise altar.ToolError("no such city")

    reply = altar.generate("explode Oslo", model="offline:", tools=[explode])
    assert 'explode(city="Oslo") failed: no such city' in reply.text


def test_tool_choice_is_followed():
    prompt = "weather in Oslo"
    assert asked(prompt, tool_choice=ToolConfig(mode="NONE")) == []
    only = ToolConfig(mode="ANY", allowed_function_names=["search_web"])
    assert [name for name, _ in asked(prompt, tool_choice=only)] == ["search_web"]


def test_it_streams_what_it_says_and_says_the_same_each_time():
    def once():
        events = list(altar.stream("weather in Oslo and Rome?", model="offline:", tools=TOOLS))
        return events, "".join(event.text for event in events if event.kind == "text")

    (events, text), (_, again) = once(), once()
    assert text == again == events[-1].reply.text
    assert [event.kind for event in events].count("text") > 3

    async def awaited():
        return await altar.agenerate("weather in Oslo and Rome?", model="offline:", tools=TOOLS)

    assert asyncio.run(awaited()).text == text


@dataclass
class User:
    name: str
    age: int


@pytest.mark.parametrize(
    ("output", "prompt", "value"),
    [
        (User, "John is 30 years old", User("John", 30)),
        (list[User], "John is 30", [User("John", 30)]),
        (list[int], "1, 2 and 3", [1, 2, 3]),
        (int, "How old is John, 30?", 30),
        (int | None, "30", 30),
        (Literal["up", "down"], "it went up", "up"),
    ],
)
def test_a_typed_answer_is_of_the_users_words_and_says_what_it_is(output, prompt, value):
    reply = altar.generate(prompt, model="offline:", output=output)
    assert (reply.output, reply.finish) == (value, "stop")
    assert reply.detail.startswith(LABEL)


@pytest.mark.parametrize(
    ("output", "prompt", "said"),
    [
        (User, "Hello there", "The prompt does not say: age."),
        (int, "How old?", "The prompt does not say: the answer."),
        (Schema(type="integer", extra={"minimum": 50}), "30", "at least 50"),
    ],
)
def test_words_that_make_no_typed_answer_end_the_run_as_malformed(output, prompt, said):
    reply = altar.generate(prompt, model="offline:", output=output)
    assert (reply.output, reply.finish, reply.usage.requests) == (None, "malformed", 1)
    assert reply.detail.startswith(LABEL)
    assert said in reply.detail
    assert LABEL in reply.text


def test_it_never_reads_what_the_loop_wrote():
    refused = ScriptedProvider(['{"name": "Ada"}', OverloadedError("full")])
    with pytest.raises(OverloadedError) as caught:
        altar.generate("I am Ada, 36", model=refused, output=User, options=NO_RETRY)
    assert "not valid" in caught.value.messages[-1].text
    reply = altar.generate(caught.value.messages, model="offline:", output=User)
    assert reply.output == User("Ada", 36)


WORDS = st.sampled_from(
    [
        "weather",
        "add",
        "and",
        "Oslo",
        '"',
        "'",
        "3",
        "-1e9",
        "=",
        "unit=",
        "a@b.co",
        "\n",
        ",",
        "é",
        ".",
    ]
)


@given(st.lists(WORDS, max_size=14))
def test_no_prompt_makes_it_fail(words):
    altar.generate(" ".join(words) or "x", model="offline:", tools=TOOLS)


@dataclass
class Branch:
    value: int
    twigs: list["Branch"]
    other: "Branch | None" = None


def test_a_type_that_holds_itself_is_read_to_a_bounded_depth():
    def climb(branch: Branch, more: list[Branch] | None = None) -> int:
        """Climb a branch."""
        return branch.value

    reply = altar.generate("climb branch value=3", model="offline:", tools=[climb])
    assert reply.finish == "stop"


def create_ticket(
    title: str,
    priority: Literal["low", "high"] = "low",
    labels: list[str] | None = None,
    due: date | None = None,
) -> None:
    """Create a ticket in the tracker."""


def send_mail(to: list[str], body: str) -> None:
    """Send a mail to people."""


def fetch_page(url: str, follow: bool = True) -> None:
    """Fetch a web page."""


def convert(amount: float, source: str, target: str) -> None:
    """Convert an amount of money from one currency to another."""


def translate(text: str, language: str) -> None:
    """Translate a text into another language."""


OFFICE = [create_ticket, send_mail, fetch_page, convert, translate, get_weather]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        (
            'Create a ticket "Printer on fire" with high priority due 2026-12-24',
            [{"title": "Printer on fire", "priority": "high", "due": "2026-12-24"}],
        ),
        (
            'create ticket title="Fix login" labels=bug,urgent, priority=low',
            [{"title": "Fix login", "priority": "low", "labels": ["bug", "urgent"]}],
        ),
        (
            'Send a mail to ann@example.com and bob@example.com with the body "Lunch at 12?"',
            [{"to": ["ann@example.com", "bob@example.com"], "body": "Lunch at 12?"}],
        ),
        ("Fetch https://example.com/a?b=1.", [{"url": "https://example.com/a?b=1"}]),
        (
            "fetch the page https://example.com follow=no",
            [{"url": "https://example.com", "follow": False}],
        ),
        ("Convert 1,250.50 EUR to GBP", [{"amount": 1250.5, "source": "EUR", "target": "GBP"}]),
        (
            'translate "yes" to German and "no" to Spanish',
            [{"text": "yes", "language": "German"}, {"text": "no", "language": "Spanish"}],
        ),
        (
            "Weather in Oslo, Bergen and Rome",
            [{"city": "Oslo"}, {"city": "Bergen"}, {"city": "Rome"}],
        ),
        ("weather in new york, usa", [{"city": "new york"}]),
    ],
)
def test_each_type_is_found_where_it_stands(prompt, calls):
    """Numbers, quotes, choices, addresses, dates, pairs, yes and no, lists; one call for each."""
    reply = altar.generate(prompt, model="offline:", tools=OFFICE)
    assert [record.call.args for record in reply.calls] == calls


def test_what_it_thought_comes_first_in_a_stream_and_is_counted():
    events = list(altar.stream("weather in Oslo", model="offline:", tools=TOOLS))
    thought = "".join([event.text for event in events if event.kind == "thinking"])
    assert "get_weather" in thought
    kinds = [event.kind for event in events]
    assert kinds.index("thinking") < kinds.index("tool_call") < kinds.index("text")
    usage = events[-1].reply.usage
    assert 0 < usage.reasoning_tokens < usage.output_tokens


def test_its_calls_must_come_back_with_their_signature():
    """As real models want theirs: a history that lost it is refused, and one from elsewhere not."""
    reply = altar.generate("weather in Oslo and Rome", model="offline:", tools=TOOLS)
    said = reply.messages[1]
    assert altar.generate(reply.messages, model="offline:", tools=TOOLS).text
    reordered = (said.parts[1], said.parts[0], *said.parts[2:])
    without = tuple([replace(part, opaque=()) for part in said.parts])
    for parts in (reordered, without, said.parts[1:]):
        history = [reply.messages[0], replace(said, parts=parts), *reply.messages[2:]]
        with pytest.raises(HistoryError, match="message 1 lost its signature"):
            altar.generate(history, model="offline:", tools=TOOLS)
    foreign = replace(said, parts=said.parts[1:], origin=Origin(provider="local", api="chat"))
    history = [reply.messages[0], foreign, *reply.messages[2:]]
    assert altar.generate(history, model="offline:", tools=TOOLS).text


def test_what_may_be_null_is_null_when_it_was_not_said():
    """Strict schemas want every name, and null for what is optional."""
    unit = {"anyOf": [{"type": "string", "enum": ["celsius", "fahrenheit"]}, {"type": "null"}]}
    document = {
        "name": "get_weather",
        "description": "Weather for a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": unit,
                "days": {"type": ["integer", "null"]},
                "kind": {"enum": ["rain", None]},
            },
            "required": ["city", "unit", "days", "kind"],
        },
    }
    declaration = FunctionDeclaration.from_dict(document)
    request = Request(
        model="demo",
        messages=(Message.user("weather in Oslo in celsius"),),
        instructions=None,
        tools=(declaration,),
        tool_choice=None,
        output=None,
        sampling=Sampling(),
        settings={},
    )
    attempt = Attempt(number=1, deadline=None, cancelled=Cancellation())
    (call,) = OfflineProvider().complete(request, attempt).message.calls
    assert call.args == {"city": "Oslo", "unit": "celsius", "days": None, "kind": None}
