"""Whole conversations through every provider: nothing is lost, and the vendor takes all of it back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import altar
from altar.llm import (
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    dump_messages,
    load_messages,
)
from tests.seats import SEATS

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
).filter(lambda text: text.strip() == text)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def rounds(draw):
    """What a model says: some rounds of thoughts, words and calls, then an answer."""
    said = []
    for _ in range(draw(st.integers(1, 3))):
        reply = [Thinking(draw(words))] if draw(st.booleans()) else []
        reply += [draw(words)] if draw(st.booleans()) else []
        reply += [
            ToolCall("note", {"key": draw(words), "value": draw(values)})
            for _ in range(draw(st.integers(1, 3)))
        ]
        said.append(reply)
    last = [Thinking(draw(words))] if draw(st.booleans()) else []
    return [*said, [*last, draw(words)]]


@altar.tool
def note(key: str, value: object) -> dict[str, object]:
    """Keep a value under a key, and give both back."""
    return {"key": key, "value": value}


def told(messages):
    """What a conversation says, whoever wrote it: words, calls and results, in order."""
    found = []
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                found.append(("call", part.name, json.dumps(part.args, sort_keys=True)))
            elif isinstance(part, ToolResultPart):
                found.append(("result", part.value))
            elif isinstance(part, Text) and part.text:
                found.append((message.role, part.text))
    return found


@pytest.fixture(params=SEATS, ids=lambda seat: seat.name)
def seat(request):
    if not request.param.is_here:
        pytest.skip(f"{request.param.library} is not installed")
    return request.param


def test_a_conversation_comes_back_whole_from_store_and_wire(seat):
    """Two questions, stored and loaded in between; the server checks what it is sent each time."""

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(rounds(), rounds(), words)
    def hold(first, second, question):
        provider = seat.open([*first, *second])
        try:
            reply = altar.generate("Begin.", model=provider, tools=[note])
            stored = json.loads(json.dumps(dump_messages(reply.messages)))
            history = load_messages(stored)
            assert tuple(history) == reply.messages
            events = altar.stream([*history, Message.user(question)], model=provider, tools=[note])
            final = list(events)[-1].reply
            assert final.messages[: len(history)] == tuple(history)
            assert len(final.calls) == sum(
                isinstance(part, ToolCall) for said in second for part in said
            )
            sent = provider.fake.asked[-1].messages
            assert told(sent) == told(final.messages[:-1])
            provider.fake.finished()
        finally:
            provider.close()

    hold()


def test_a_conversation_moves_from_provider_to_provider(seat):
    """A history of each vendor goes on with each other one, and back."""
    script = [
        [Thinking("Hm."), "I look.", ToolCall("note", {"key": "\u00e9", "value": [1, None]})],
        [Thinking("So."), "It is noted."],
    ]
    home = seat.open([*script, "I said so."])
    reply = altar.generate("Note it.", model=home, tools=[note])
    history = [*reply.messages, Message.user("And?")]
    for other in SEATS:
        if other.is_here:
            away = other.open(["Elsewhere."])
            moved = altar.generate(history, model=away, tools=[note])
            assert moved.text == "Elsewhere."
            assert moved.messages[: len(history)] == tuple(history)
            assert told(away.fake.asked[-1].messages) == told(history)
            away.close()
    last = altar.generate([*moved.messages, Message.user("Sure?")], model=home, tools=[note])
    assert last.text == "I said so."
    home.close()


def test_a_model_that_is_only_named_imports_no_library():
    program = (
        "import sys, altar\n"
        "altar.Agent(model='gemini:x'); altar.Agent(model='anthropic:x')\n"
        "altar.fallback('openai:x', 'gemini:x')\n"
        "altar.configure(model='openai:x')\n"
        "found = {'google.genai', 'anthropic', 'openai', 'httpx', 'httpx2', 'pydantic'}\n"
        "print(sorted(found & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
