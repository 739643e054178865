"""FakeGemini's Interactions: stored and stateless conversations, steps, streams, rules."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.llm import (
    BlobPart,
    Message,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    Usage,
)
from altar.testing import FakeGemini, Fault
from tests.testing._wire import CITY, connect, gemini_headers, post, send

MODEL = "gemini-3.8-flash"
PATH = "/v1/interactions"
WEATHER = {"type": "function", "name": "get_weather", "description": "W", "parameters": CITY}
CALLS = [
    Thinking("Two cities, two calls."),
    ToolCall("get_weather", {"city": "Oslo"}),
    ToolCall("get_weather", {"city": "Bergen"}),
]
QUESTION = {"type": "user_input", "content": [{"type": "text", "text": "Oslo and Bergen?"}]}


def body(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": [QUESTION], "tools": [WEATHER], **more}


def ask(fake: FakeGemini, given: dict[str, Any]):
    return post(fake, PATH, given, gemini_headers(fake))


def results(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": "function_result", "call_id": step["id"], "name": step["name"], "result": {"c": 4}}
        for step in steps
        if step["type"] == "function_call"
    ]


def answered(fake: FakeGemini) -> dict[str, Any]:
    """A stateless body that answers the calls of a first reply."""
    given = body(store=False)
    steps = ask(fake, given).body["steps"]
    return {**given, "input": [QUESTION, *steps, *results(steps)]}


def client(fake: FakeGemini) -> Any:
    genai = pytest.importorskip("google.genai")
    return genai.Client(api_key=fake.key, http_options={"base_url": fake.url})


def test_the_vendors_client_goes_through_a_stored_conversation():
    """The second request names the first, and carries the results alone."""
    with FakeGemini([CALLS, "4 and 6"]) as fake:
        own = client(fake)  # it closes itself as soon as nobody holds it
        first = own.interactions.create(model=MODEL, input="Oslo and Bergen?", tools=[WEATHER])
        assert (first.status, [step.type for step in first.steps]) == (
            "requires_action",
            ["thought", "function_call", "function_call"],
        )
        last = own.interactions.create(
            model=MODEL,
            previous_interaction_id=first.id,
            tools=[WEATHER],
            input=results([step.model_dump() for step in first.steps]),
        )
        assert (last.status, last.steps[0].content[0].text) == ("completed", "4 and 6")
        roles = [message.role for message in fake.asked[1].messages]
        assert roles == ["user", "assistant", "tool"]


def test_the_vendors_client_streams_an_interaction():
    """From interaction.created to interaction.completed, sync and async, arguments in pieces."""

    async def run(fake: FakeGemini) -> list[str]:
        own = client(fake)
        stream = await own.aio.interactions.create(
            model=MODEL, input="x", tools=[WEATHER], stream=True
        )
        return [event.event_type async for event in stream]

    with FakeGemini([CALLS, CALLS]) as fake:
        own = client(fake)
        events = list(own.interactions.create(model=MODEL, input="x", tools=[WEATHER], stream=True))
        names = [event.event_type for event in events]
        assert names[:3] == ["interaction.created", "interaction.status_update", "step.start"]
        assert names[-2:] == ["step.stop", "interaction.completed"]
        pieces = [e.delta.arguments for e in events if getattr(e, "delta", None) and e.index == 1]
        assert json.loads("".join(pieces)) == {"city": "Oslo"}
        assert len(pieces) > 1
        assert events[-1].interaction.status == "requires_action"
        assert asyncio.run(run(fake)) == names


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("auth", 400, "invalid_request"),
        ("permission", 403, "permission_denied"),
        ("unknown_model", 404, "not_found"),
        ("rate_limit", 429, "resource_exhausted"),
        ("overloaded", 503, "unavailable"),
        ("server_error", 500, "internal"),
    ],
)
def test_faults_have_the_shape_of_this_api(kind: Any, status: int, code: str):
    """A code that is a word; in a stream an error event."""
    with FakeGemini([Fault(kind), Fault(kind, after=2)]) as fake:
        early = ask(fake, body())
        assert (early.status, early.body["error"]["code"]) == (status, code)
        name, data = ask(fake, body(stream=True)).events[-1]
        assert (name, data["event_type"], data["error"]["code"]) == ("error", "error", code)


def test_usage_counts_thoughts_beside_the_answer():
    """The totals are those of the script, each in its own counter."""
    usage = Usage(input_tokens=27, output_tokens=63, cached_tokens=9, reasoning_tokens=36)
    with FakeGemini([Response(message=Message.assistant("x"), usage=usage)]) as fake:
        assert ask(fake, body()).body["usage"] == {
            "total_input_tokens": 27,
            "total_output_tokens": 27,
            "total_thought_tokens": 36,
            "total_cached_tokens": 9,
            "total_tokens": 90,
        }


@pytest.mark.parametrize(
    ("finish", "status", "code"),
    [
        ("length", "incomplete", "length"),
        ("paused", "requires_continuation", "paused"),
        ("refusal", "failed", "safety"),
        ("blocked", "failed", "blocked"),
        ("malformed", "failed", "malformed_function_call"),
    ],
)
def test_every_end_of_an_interaction_can_be_told(finish: Any, status: str, code: str):
    """Its status, and what there is to say about it among its errors, whole and streamed."""
    reply = Response(message=Message("assistant", ()), finish=finish, detail="because")
    with FakeGemini([reply, reply]) as fake:
        whole = ask(fake, body()).body
        ended = ask(fake, body(stream=True)).events[-2][1]["interaction"]
        for said in (whole, ended):
            assert said["status"] == status
            assert said["errors"] == [{"code": code, "message": "because"}]


def test_a_call_follows_a_thought_with_a_signature_even_when_nothing_was_said():
    """The vendor signs each step of calls once."""
    with FakeGemini([CALLS[1:]]) as fake:
        steps = ask(fake, body()).body["steps"]
    assert [step["type"] for step in steps] == ["thought", "function_call", "function_call"]
    assert set(steps[0]) == {"type", "signature"}


def test_other_parts_are_steps_too():
    """Blobs in the output, unknown steps verbatim."""
    raw = {"type": "google_search_call", "id": "s1", "arguments": {"queries": ["x"]}}
    with FakeGemini([[Unknown(raw), BlobPart("image/png", b"x")]]) as fake:
        steps = ask(fake, body()).body["steps"]
    image = {"type": "image", "mime_type": "image/png", "data": "eA=="}
    assert steps == [raw, {"type": "model_output", "content": [image]}]


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
PARTS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Thinking),
    st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers()), max_size=3).map(
        lambda args: ToolCall("get_weather", args)
    ),
)


@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_a_stream_spells_the_same_steps_as_an_answer_in_one_piece(parts: list[Any]):
    """Steps put together from their deltas are those of the whole answer, ids aside."""
    with FakeGemini([parts, parts]) as fake, closing(connect(fake)) as connection:
        whole = send(connection, PATH, body(), gemini_headers(fake)).body
        events = send(connection, PATH, body(stream=True), gemini_headers(fake)).events
    steps: list[dict[str, Any]] = []
    for name, data in events:
        if name == "step.start":
            steps.append({**data["step"], "said": ""})
        elif name == "step.delta":
            delta = data["delta"]
            steps[-1]["signature"] = delta.get("signature", steps[-1].get("signature"))
            content = delta.get("content", delta)
            steps[-1]["said"] += content.get("text", content.get("arguments", ""))
    assert [_bare(step) for step in steps] == [_bare(step) for step in whole["steps"]]
    assert events[-1] == ("done", "[DONE]")


def _bare(step: dict[str, Any]) -> tuple[Any, ...]:
    said = step.get("said")
    texts = step.get("content") or step.get("summary") or []
    if said is None:
        said = "".join([one["text"] for one in texts])
        if "arguments" in step:
            said = json.dumps(step["arguments"])
    if "arguments" in step:
        said = json.loads(said)
    return step["type"], step.get("name"), said, bool(step.get("signature"))


def drop(*path: Any):
    """A change that takes out what is at ``path``."""

    def change(given: Any) -> None:
        for step in path[:-1]:
            given = given[step]
        del given[path[-1]]

    return change


def put(*path: Any, value: Any):
    """A change that sets what is at ``path``."""

    def change(given: Any) -> None:
        for step in path[:-1]:
            given = given[step]
        given[path[-1]] = value

    return change


RULES: list[tuple[str, Any, str]] = [
    ("no input", drop("input"), "'input' is required."),
    ("no model", put("model", value=None), "Either 'model' or 'agent' must be specified."),
    ("an unknown field", put("prompt", value="x"), "Unknown parameter 'prompt'."),
    ("a step without a type", put("input", 1, value={}), "input[1]: 'type' is required."),
    ("a call without an id", drop("input", 2, "id"), "'id' is required for a function_call step"),
    ("a result without a call id", drop("input", 4, "call_id"), "'call_id' is required"),
    ("a result without a result", drop("input", 4, "result"), "'result' is required"),
    ("a text as arguments", put("input", 2, "arguments", value="{}"), "must be an object"),
    ("a missing result", drop("input", 5), "no function_result for call_id fc_"),
    (
        "words before the results",
        lambda given: given["input"].insert(4, QUESTION),
        "Please ensure that every function_call step is followed by its function response",
    ),
    (
        "a call between the results",
        lambda given: given["input"].insert(5, {**given["input"][2], "id": "x"}),
        "Please ensure that every function_call step is followed",
    ),
    (
        "a result for no call",
        put("input", 4, "call_id", value="x"),
        "no function_call step with id",
    ),
    (
        "a result twice",
        lambda given: given["input"].append(given["input"][4]),
        "awaits this function response",
    ),
    ("no thought", drop("input", 1), "Function call is missing a thought_signature."),
    ("no signature", drop("input", 1, "signature"), "Function call is missing a thought_signature"),
    ("another signature", put("input", 1, "signature", value="AAAA"), "Corrupted thought"),
    ("a tool without a type", drop("tools", 0, "type"), "tools[0]: 'type' is required."),
    ("an illegal name", put("tools", 0, "name", value="1st"), "Invalid function name."),
    ("a name twice", lambda given: given["tools"].append(WEATHER), "Duplicate function"),
    (
        "a schema of no object",
        put("tools", 0, "parameters", value={"type": "string"}),
        "schema must be of type object",
    ),
    (
        "a level nobody knows",
        put("generation_config", value={"thinking_level": "much"}),
        "generation_config.thinking_level: invalid value 'much'.",
    ),
    (
        "a choice nobody knows",
        put("generation_config", value={"tool_choice": "some"}),
        "generation_config.tool_choice: invalid value 'some'.",
    ),
    (
        "an allowed tool nobody declared",
        put("generation_config", value={"tool_choice": {"allowed_tools": {"tools": ["x"]}}}),
        "allowed_tools contains 'x'",
    ),
]


@pytest.mark.parametrize(
    ("change", "words"), [(row[1], row[2]) for row in RULES], ids=[row[0] for row in RULES]
)
def test_a_broken_rule_is_refused(change: Any, words: str):
    """A conversation that is taken as it stands is refused once one thing of it is changed."""
    with FakeGemini([CALLS, "taken"]) as fake:
        good = answered(fake)
        broken = json.loads(json.dumps(good))
        change(broken)
        refused = ask(fake, broken)
        assert (refused.status, refused.body["error"]["code"]) == (400, "invalid_request")
        assert words in refused.words
        assert ask(fake, good).body["status"] == "completed"


@pytest.mark.parametrize("stored", [False, True])
def test_only_what_was_stored_can_be_gone_on_from(stored: bool):
    """``store`` is true unless a request says otherwise."""
    with FakeGemini(["a", *(["b"] if stored else [])]) as fake:
        first = ask(fake, body(**({} if stored else {"store": False}))).body
        answer = ask(fake, body(previous_interaction_id=first["id"], input="and on"))
        assert answer.status == (200 if stored else 404)
        if stored:
            assert [message.text for message in fake.asked[1].messages][1:] == ["a", "and on"]


def test_stored_calls_wait_for_their_results():
    """Going on with words instead of results is refused."""
    with FakeGemini([CALLS]) as fake:
        first = ask(fake, body()).body
        refused = ask(fake, body(previous_interaction_id=first["id"], input="never mind"))
        assert (refused.status, "function_result" in refused.words) == (400, True)


def test_the_documented_dummy_is_taken_for_a_foreign_thought():
    """It stands where another vendor's model thought."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        given["input"][1] = {"type": "thought", "signature": "skip_thought_signature_validator"}
        assert ask(fake, given).status == 200


def test_steps_are_read_into_a_neutral_request():
    """Instructions, choice, output schema, sampling, results with blobs and errors."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        given["input"][4] |= {
            "result": [
                {"type": "text", "text": '{"c":4}'},
                {"type": "image", "mime_type": "image/png", "data": "eA=="},
            ],
            "is_error": True,
        }
        given |= {
            "system_instruction": "be brief",
            "response_format": {"type": "text", "mime_type": "application/json", "schema": CITY},
            "generation_config": {
                "temperature": 0.5,
                "max_output_tokens": 9,
                "thinking_level": "low",
                "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["get_weather"]}},
            },
        }
        assert ask(fake, given).status == 200
        asked = fake.asked[1]
    assert asked.instructions == "be brief"
    assert asked.output is not None
    assert asked.output.schema == CITY
    assert asked.tool_choice is not None
    assert asked.tool_choice.to_dict() == {"mode": "ANY", "allowed_function_names": ["get_weather"]}
    sampling = asked.sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.reasoning) == (0.5, 9, "low")
    result = asked.messages[2].parts[0]
    assert isinstance(result, ToolResultPart)
    assert (result.name, result.text, result.is_error) == ("get_weather", '{"c":4}', True)
    assert result.blobs == (BlobPart("image/png", b"x"),)
