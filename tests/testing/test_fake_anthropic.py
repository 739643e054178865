"""FakeAnthropic: the Messages API as its own client sees it, and every rule it enforces."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Data,
    Message,
    Opaque,
    Origin,
    Refusal,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    Usage,
)
from altar.llm._offline import OfflineProvider
from altar.testing import FakeAnthropic, Fault
from tests.testing._wire import CITY, anthropic_headers, connect, post, send

MODEL = "claude-opus-5-5"
TOOL = {"name": "get_weather", "description": "Weather", "input_schema": CITY, "strict": True}
REDACTED = Thinking(
    "", opaque=(Opaque(provider="x", api="y", kind="redacted_thinking", data=None),)
)
CALLS = [
    Thinking("Two cities, two calls."),
    Text("I'll look both up."),
    ToolCall("get_weather", {"city": "Oslo"}),
    ToolCall("get_weather", {"city": "Bergen"}),
]


def body(**more: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "max_tokens": 2048,
        "system": "be brief",
        "thinking": {"type": "adaptive"},
        "tools": [TOOL],
        "messages": [{"role": "user", "content": "Weather in Oslo and Bergen?"}],
        **more,
    }


def ask(fake: FakeAnthropic, given: dict[str, Any], version: str = "2026-10-21"):
    return post(fake, "/v1/messages", given, anthropic_headers(fake, version))


def results(content: list[dict[str, Any]]) -> dict[str, Any]:
    calls = [block["id"] for block in content if block["type"] == "tool_use"]
    blocks = [{"type": "tool_result", "tool_use_id": call, "content": "{}"} for call in calls]
    return {"role": "user", "content": blocks}


def answered(fake: FakeAnthropic, **more: Any) -> dict[str, Any]:
    """A body that answers the calls of a first reply, as the vendor wants it."""
    asked = body(**more)
    content = ask(fake, asked).body["content"]
    asked["messages"] += [{"role": "assistant", "content": content}, results(content)]
    return asked


# --- with the vendor's own client


def client(fake: FakeAnthropic, kind: str = "Anthropic", **more: Any) -> Any:
    anthropic = pytest.importorskip("anthropic")
    return getattr(anthropic, kind)(api_key=fake.key, base_url=fake.url, max_retries=0, **more)


def test_the_vendors_client_finds_the_fake_by_its_environment(monkeypatch):
    """``env`` is all that a program needs to be led here."""
    anthropic = pytest.importorskip("anthropic")
    with FakeAnthropic(["hello"]) as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        with anthropic.Anthropic() as own:
            given = body()
            assert own.messages.create(**given).content[0].text == "hello"


@pytest.mark.parametrize("streamed", [False, True])
def test_the_vendors_client_goes_through_a_round_of_calls(streamed: bool):
    """Thinking, text and parallel calls come and go back, whole and streamed."""
    with FakeAnthropic([CALLS, "4 and 6"]) as fake, client(fake) as own:
        given = body()

        def create() -> Any:
            if not streamed:
                return own.messages.create(**given)
            with own.messages.stream(**given) as stream:
                return stream.get_final_message()

        first = create()
        kinds = [block.type for block in first.content]
        assert kinds == ["thinking", "text", "tool_use", "tool_use"]
        assert first.stop_reason == "tool_use"
        assert [block.input for block in first.content[2:]] == [
            {"city": "Oslo"},
            {"city": "Bergen"},
        ]
        wire = [block.model_dump(exclude_none=True) for block in first.content]
        given["messages"] = [
            *given["messages"],
            {"role": "assistant", "content": first.content},
            results(wire),
        ]
        last = create()
        assert (last.content[0].text, last.stop_reason) == ("4 and 6", "end_turn")


def test_the_vendors_async_client_goes_through_a_round_of_calls():
    """The same from an event loop, streamed."""

    async def run(fake: FakeAnthropic) -> str:
        async with client(fake, "AsyncAnthropic") as own:
            given = body()
            async with own.messages.stream(**given) as stream:
                first = await stream.get_final_message()
            wire = [block.model_dump(exclude_none=True) for block in first.content]
            given["messages"] = [
                *given["messages"],
                {"role": "assistant", "content": first.content},
                results(wire),
            ]
            return (await own.messages.create(**given)).content[0].text

    with FakeAnthropic([CALLS, "4 and 6"]) as fake:
        assert asyncio.run(run(fake)) == "4 and 6"


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("auth", "AuthenticationError", None),
        ("permission", "PermissionDeniedError", None),
        ("unknown_model", "NotFoundError", None),
        ("quota", "RateLimitError", "enforced_spend_limit_reached"),
        ("rate_limit", "RateLimitError", None),
        ("overloaded", "OverloadedError", None),
        ("server_error", "InternalServerError", None),
        ("context_length", "BadRequestError", None),
    ],
)
def test_the_vendors_client_raises_its_own_errors(kind: Any, error: str, code: str | None):
    """Each fault is the class the client has for it, with type, code and request id."""
    anthropic = pytest.importorskip("anthropic")
    with FakeAnthropic([Fault(kind, retry_after=1.5)]) as fake, client(fake) as own:
        with pytest.raises(getattr(anthropic, error)) as raised:
            own.messages.create(**body())
    assert raised.value.request_id.startswith("req_")
    assert raised.value.body["error"].get("details", {}).get("error_code") == code
    assert raised.value.response.headers["retry-after-ms"] == "1500"


# --- what an answer can be


def test_usage_leaves_the_cache_out_of_the_input():
    """Inclusive counters become the vendor's: input without cache, output with thinking."""
    usage = Usage(
        input_tokens=1424,
        output_tokens=60,
        cached_tokens=900,
        cache_write_tokens=120,
        reasoning_tokens=36,
        raw=({"service_tier": "priority"},),
    )
    reply = Response(message=Message.assistant("x"), usage=usage)
    with FakeAnthropic([reply, reply]) as fake:
        whole = ask(fake, body()).body["usage"]
        assert whole == {
            "input_tokens": 404,
            "cache_creation_input_tokens": 120,
            "cache_read_input_tokens": 900,
            "output_tokens": 60,
            "cache_creation": {"ephemeral_5m_input_tokens": 120, "ephemeral_1h_input_tokens": 0},
            "output_tokens_details": {"thinking_tokens": 36},
            "service_tier": "priority",
        }
        events = dict(ask(fake, body(stream=True)).events)
        assert events["message_start"]["message"]["usage"]["input_tokens"] == 404
        assert events["message_delta"]["usage"] == whole


@pytest.mark.parametrize(
    ("reply", "stop", "found"),
    [
        (Response(message=Message.assistant("x"), finish="length"), "max_tokens", {}),
        (Response(message=Message.assistant("x"), finish="paused"), "pause_turn", {}),
        (
            Response(message=Message.assistant("x"), raw_finish="stop_sequence", detail="END"),
            "stop_sequence",
            {"stop_sequence": "END"},
        ),
        (
            Response(message=Message.assistant("x"), raw_finish="model_context_window_exceeded"),
            "model_context_window_exceeded",
            {},
        ),
        (
            Response(
                message=Message("assistant", (Refusal("No."),)), finish="refusal", detail="bio"
            ),
            "refusal",
            {"stop_details": {"type": "refusal", "category": None, "explanation": "bio"}},
        ),
    ],
)
def test_every_end_of_an_answer_can_be_told(reply: Response, stop: str, found: dict[str, Any]):
    """stop_reason, stop_sequence and stop_details, whole and streamed."""
    with FakeAnthropic([reply, reply]) as fake:
        whole = ask(fake, body()).body
        delta = dict(ask(fake, body(stream=True)).events)["message_delta"]["delta"]
        assert whole["stop_reason"] == delta["stop_reason"] == stop
        for name, value in found.items():
            assert whole[name] == delta[name] == value


def test_other_parts_are_written_as_the_vendor_has_them():
    """JSON as text, unknown blocks verbatim, ids and response ids as the script gives them."""
    raw = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}}
    origin = Origin(provider="anthropic", response_id="msg_own")
    parts = (Data({"a": 1}), Unknown(raw), ToolCall("f", {}, wire_id="toolu_own"), REDACTED)
    with FakeAnthropic([Message("assistant", parts, origin=origin)]) as fake:
        said = ask(fake, body()).body
    assert said["id"] == "msg_own"
    assert said["content"][:2] == [{"type": "text", "text": '{"a":1}'}, raw]
    assert said["content"][2] == {"type": "tool_use", "id": "toolu_own", "name": "f", "input": {}}
    assert said["content"][3]["type"] == "redacted_thinking"


def test_a_part_that_no_message_holds_is_no_answer():
    """A picture is told to the test, not swallowed."""
    with pytest.raises(AssertionError, match="Anthropic's answers hold no BlobPart"):
        with FakeAnthropic([BlobPart("image/png", b"x")]) as fake:
            assert ask(fake, body()).status == 500


def test_malformed_arguments_stream_as_they_stand():
    """The fragments spell exactly the text of the script; whole, it is the input itself."""
    call = ToolCall("get_weather", raw_args='{"city": "Os')
    with FakeAnthropic([call, call]) as fake:
        events = ask(fake, body(stream=True)).events
        deltas = [data["delta"] for name, data in events if name == "content_block_delta"]
        assert "".join([delta["partial_json"] for delta in deltas]) == '{"city": "Os'
        assert len(deltas) > 2
        assert ask(fake, body()).body["content"][0]["input"] == '{"city": "Os'


def test_a_stream_has_the_vendors_grammar():
    """message_start, blocks with their deltas in order, a ping, message_delta, message_stop."""
    with FakeAnthropic([[Thinking("hm"), ToolCall("get_weather", {"city": "Oslo"})]]) as fake:
        names = [name for name, _ in ask(fake, body(stream=True)).events]
    inner = names[1:-2]
    assert (names[0], names[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert inner.count("content_block_start") == inner.count("content_block_stop") == 2
    assert inner[1] == "ping"


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
PARTS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Thinking),
    st.just(REDACTED),
    st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.none()), max_size=3).map(
        lambda args: ToolCall("get_weather", args)
    ),
)


@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_a_stream_spells_the_same_message_as_an_answer_in_one_piece(parts: list[Any]):
    """Blocks put together from their deltas are the blocks of the whole answer, ids aside."""
    with FakeAnthropic([parts, parts]) as fake, closing(connect(fake)) as connection:
        headers = anthropic_headers(fake)
        whole = send(connection, "/v1/messages", body(), headers).body
        events = send(connection, "/v1/messages", body(stream=True), headers).events
    blocks: list[dict[str, Any]] = []
    for name, data in events:
        if name == "content_block_start":
            blocks.append({**data["content_block"], "json": ""})
        elif name == "content_block_delta":
            delta = data["delta"]
            field = {"input_json_delta": "json", "signature_delta": "signature"}.get(
                delta["type"], delta["type"].removesuffix("_delta")
            )
            value = delta.get("partial_json", delta.get(field))
            blocks[-1][field] = blocks[-1].get(field, "") + value
    for block in blocks:
        text = block.pop("json")
        if text:
            block["input"] = json.loads(text)
    for block in [*blocks, *whole["content"]]:
        for given_by_number in ("id", "signature", "data"):
            block.pop(given_by_number, None)
    assert blocks == whole["content"]


# --- the neutral request


def test_a_body_is_read_into_a_neutral_request():
    """Messages, results with blobs, tools, choice, output schema and sampling are understood."""
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "eA=="},
    }
    with FakeAnthropic([CALLS, "x"]) as fake:
        given = answered(fake)
        given["messages"][-1]["content"][0] |= {
            "content": [{"type": "text", "text": '{"c":4}'}, image],
            "is_error": True,
        }
        given["messages"][-1]["content"].append({"type": "text", "text": "be kind"})
        given |= {
            "tool_choice": {"type": "auto"},
            "stop_sequences": ["END"],
            "output_config": {
                "effort": "low",
                "format": {"type": "json_schema", "schema": CITY},
            },
        }
        assert ask(fake, given).status == 200
        asked = fake.asked[1]
    assert [message.role for message in asked.messages] == ["user", "assistant", "tool", "user"]
    assert asked.instructions == "be brief"
    assert [tool.name for tool in asked.tools] == ["get_weather"]
    assert asked.tool_choice is not None
    assert asked.tool_choice.mode == "AUTO"
    assert asked.output is not None
    assert asked.output.schema == CITY
    assert asked.output.load({"city": "Oslo"}) == {"city": "Oslo"}
    assert (asked.sampling.max_tokens, asked.sampling.stop) == (2048, ("END",))
    assert asked.sampling.reasoning == "low"
    thought, _, first, second = asked.messages[1].parts
    assert isinstance(thought, Thinking)
    assert thought.opaque[0].data == given["messages"][1]["content"][0]["signature"]
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    result = asked.messages[2].parts[0]
    assert result == ToolResultPart(
        call_id=first.id,
        name="get_weather",
        text='{"c":4}',
        is_error=True,
        blobs=(BlobPart("image/png", b"x"),),
    )
    assert asked.messages[3].text == "be kind"


def test_a_typed_answer_is_checked_by_its_schema():
    """The neutral request's ``load`` returns what fits and refuses what does not."""
    form = {"format": {"type": "json_schema", "schema": CITY}}
    with FakeAnthropic(["ok"]) as fake:
        ask(fake, body(output_config=form))
        output = fake.asked[0].output
    assert output is not None
    with pytest.raises(InvalidDataError, match="city"):
        output.load({"city": 3})


def test_what_is_no_tool_of_altars_is_still_understood():
    """Names and schemas that altar has none of are adopted, not refused."""
    tools = [
        {
            "name": "0start",
            "input_schema": {"type": "object", "properties": {"a": {"type": "any"}}},
        },
        {"name": "odd", "input_schema": {"type": "object", "required": "no list"}},
    ]
    with FakeAnthropic(["ok"]) as fake:
        assert ask(fake, body(tools=tools)).status == 200
        assert [tool.name for tool in fake.asked[0].tools] == ["_0start", "odd"]


def test_the_demo_model_can_be_the_brain():
    """It picks the tool of the body, and reads the results that come back."""
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    with FakeAnthropic(OfflineProvider()) as fake:
        given = body(messages=[question])
        content = ask(fake, given).body["content"]
        assert (content[1]["name"], content[1]["input"]) == ("get_weather", {"city": "Oslo"})
        answer = results(content)
        answer["content"][0]["content"] = '{"celsius": 4}'
        given["messages"] += [{"role": "assistant", "content": content}, answer]
        assert '"celsius": 4' in ask(fake, given).body["content"][0]["text"]


# --- the rules


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


def swap(given: Any) -> None:
    content = given["messages"][1]["content"]
    content[0]["signature"] = content[0]["signature"][:-4] + "AAA="


RULES: list[tuple[str, Any, str]] = [
    ("no max_tokens", drop("max_tokens"), "max_tokens: Field required"),
    ("no model", drop("model"), "model: Field required"),
    ("no messages", drop("messages"), "messages: Field required"),
    ("empty messages", put("messages", value=[]), "at least one message is required"),
    ("zero tokens", put("max_tokens", value=0), "greater than or equal to 1"),
    ("a text as a limit", put("max_tokens", value="9"), "valid integer"),
    ("an unknown field", put("prompt", value="x"), "prompt: Extra inputs are not permitted"),
    ("temperature", put("temperature", value=0.5), "temperature: Extra inputs"),
    ("top_p", put("top_p", value=0.5), "top_p: Extra inputs are not permitted"),
    ("top_k", put("top_k", value=5), "top_k: Extra inputs are not permitted"),
    ("a tool role", put("messages", 2, "role", value="tool"), "messages.2.role: Input should be"),
    ("no content", drop("messages", 0, "content"), "messages.0.content: Field required"),
    ("empty content", put("messages", 0, "content", value=[]), "must have non-empty content"),
    (
        "an empty text",
        put("messages", 0, "content", value=[{"type": "text", "text": ""}]),
        "text content blocks must be non-empty",
    ),
    (
        "a blank text",
        put("messages", 0, "content", value=" "),
        "must contain non-whitespace text",
    ),
    (
        "citations on a user's text",
        put("messages", 0, "content", value=[{"type": "text", "text": "x", "citations": []}]),
        "messages.0.content.0.text.citations: Extra inputs are not permitted",
    ),
    (
        "a document of the assistant",
        put("messages", 1, "content", 1, value={"type": "document", "source": {}}),
        "`document` blocks are not permitted in assistant messages",
    ),
    (
        "a call of the user",
        put("messages", 0, "content", value=[{"type": "tool_use", "id": "a"}]),
        "Input tag 'tool_use' found using 'type' does not match",
    ),
    ("a missing result", drop("messages", 2, "content", 1), "without `tool_result` blocks"),
    ("no results", drop("messages", 2), "without `tool_result` blocks immediately after: toolu_"),
    (
        "text before the results",
        lambda given: given["messages"][2]["content"].insert(0, {"type": "text", "text": "x"}),
        "without `tool_result` blocks immediately after",
    ),
    (
        "results in two messages",
        lambda given: given["messages"].append(
            {"role": "user", "content": [given["messages"][2]["content"].pop()]}
        ),
        "without `tool_result` blocks immediately after",
    ),
    (
        "a result nobody asked for",
        lambda given: given["messages"][2]["content"].append(
            {"type": "tool_result", "tool_use_id": "toolu_x", "content": ""}
        ),
        "unexpected `tool_use_id` found in `tool_result` blocks: toolu_x",
    ),
    (
        "a result twice",
        lambda given: given["messages"][2]["content"].append(given["messages"][2]["content"][0]),
        "each tool_use must have a single result",
    ),
    (
        "an id twice",
        lambda given: given["messages"][1]["content"].append(given["messages"][1]["content"][2]),
        "`tool_use` ids must be unique",
    ),
    ("an illegal id", put("messages", 1, "content", 2, "id", value="a b"), "tool_use.id: String"),
    (
        "arguments that are a text",
        put("messages", 1, "content", 2, "input", value="{}"),
        "tool_use.input: Input should be a valid dictionary",
    ),
    ("no signature", drop("messages", 1, "content", 0, "signature"), "signature: Field required"),
    ("another signature", swap, "messages.1.content.0: Invalid `signature` in `thinking` block"),
    (
        "changed thinking",
        put("messages", 1, "content", 0, "thinking", value="Two cities, two calls"),
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    (
        "thinking left out",
        drop("messages", 1, "content", 0),
        "Expected `thinking` or `redacted_thinking`, but found `text`",
    ),
    (
        "thinking twice",
        lambda given: given["messages"][1]["content"].insert(0, given["messages"][1]["content"][0]),
        "blocks in the latest assistant message cannot be modified",
    ),
    ("another model", put("model", value="claude-sonnet-5-5"), "Invalid `signature`"),
    ("another system prompt", put("system", value="be verbose"), "The `system` prompt differs."),
    (
        "a tool more",
        lambda given: given["tools"].append({"name": "b", "input_schema": {"type": "object"}}),
        "bound to a different conversation",
    ),
    (
        "another question",
        put("messages", 0, "content", value="Weather in Rome?"),
        "An earlier message differs.",
    ),
    (
        "an end that is the assistant's",
        lambda given: given["messages"].append({"role": "assistant", "content": "So"}),
        "does not support assistant message prefill",
    ),
    ("an unknown thinking", put("thinking", value={"type": "much"}), "Input tag 'much'"),
    (
        "a small budget",
        put("thinking", value={"type": "enabled", "budget_tokens": 100}),
        "greater than or equal to 1024",
    ),
    (
        "a budget beyond the limit",
        put("thinking", value={"type": "enabled", "budget_tokens": 4096}),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    (
        "a forced call with adaptive thinking, on a model that refuses it",
        put("tool_choice", value={"type": "any"}),
        "Thinking may not be enabled when tool_choice forces tool use",
    ),
    (
        "a choice of no tool",
        put("tool_choice", value={"type": "tool", "name": "x"}),
        "Tool 'x' not found in provided tools",
    ),
    ("a choice that is none", put("tool_choice", value="auto"), "tool_choice: Input should be"),
    (
        "a bad tool name",
        put("tools", 0, "name", value="get weather"),
        "String should match pattern",
    ),
    ("no schema", drop("tools", 0, "input_schema"), "input_schema: Field required"),
    (
        "a schema of no object",
        put("tools", 0, "input_schema", value={"type": "string"}),
        "tools.0.custom.input_schema.type: Input should be 'object'",
    ),
    (
        "a union at the top",
        put("tools", 0, "input_schema", "anyOf", value=[]),
        "does not support oneOf, allOf, or anyOf at the top level",
    ),
    (
        "a tool twice",
        lambda given: given["tools"].append(given["tools"][0]),
        "Tool names must be unique",
    ),
    (
        "strict and open",
        drop("tools", 0, "input_schema", "additionalProperties"),
        "'additionalProperties' must be explicitly set to false",
    ),
    (
        "strict and bounded",
        put("tools", 0, "input_schema", "properties", "city", "minLength", value=1),
        "For 'string' type, properties minLength are not supported",
    ),
    (
        "strict and recursive",
        put("tools", 0, "input_schema", "properties", "city", value={"$ref": "#"}),
        "Recursive schemas are not supported",
    ),
    (
        "strict and recursive through definitions",
        put(
            "tools",
            0,
            "input_schema",
            value={
                **CITY,
                "$defs": {
                    "a": {"type": "array", "items": {"$ref": "#/$defs/b"}},
                    "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]},
                },
            },
        ),
        "Recursive schemas are not supported",
    ),
    ("tools that are no list", put("tools", value={}), "tools: Input should be a valid list"),
    ("a tool that is a text", put("tools", 0, value="x"), "tools.0: Input should be a valid"),
    (
        "an output format nobody knows",
        put("output_config", value={"format": {"type": "xml"}}),
        "output_config.format.type: Input should be 'json_schema'",
    ),
    (
        "thinking without a budget",
        put("thinking", value={"type": "enabled"}),
        "thinking.enabled.budget_tokens: Field required",
    ),
    (
        "a choice without tools",
        lambda given: given.update(tools=[], tool_choice={"type": "auto"}),
        "tool_choice may only be specified while providing tools",
    ),
    ("content that is a number", put("messages", 0, "content", value=1), "valid list"),
    (
        "a result that is a number",
        put("messages", 2, "content", 0, "content", value=4),
        "tool_result.content: Input should be a valid list",
    ),
    (
        "a result of blocks nobody knows",
        put("messages", 2, "content", 0, "content", value=[{"type": "x"}]),
        "tool_result.content.0: Input should be a valid block",
    ),
    (
        "an error that is a word",
        put("messages", 2, "content", 0, "is_error", value="no"),
        "tool_result.is_error: Input should be a valid boolean",
    ),
    (
        "an output schema that is open",
        put(
            "output_config",
            value={"format": {"type": "json_schema", "schema": {"type": "object"}}},
        ),
        "output_config.format.schema: For 'object' type",
    ),
]


@pytest.mark.parametrize(
    ("change", "words"), [(row[1], row[2]) for row in RULES], ids=[row[0] for row in RULES]
)
def test_a_broken_rule_is_refused_in_the_vendors_words(change: Any, words: str):
    """A conversation that is taken as it stands is refused once one thing of it is changed."""
    with FakeAnthropic([CALLS, "taken"]) as fake:
        good = answered(fake)
        broken = json.loads(json.dumps(good))
        change(broken)
        refused = ask(fake, broken)
        assert (refused.status, refused.body["error"]["type"]) == (400, "invalid_request_error")
        assert words in refused.words
        assert ask(fake, good).body["content"][0]["text"] == "taken"


def test_strict_has_its_limits():
    """Twenty strict tools, 24 optional parameters, 16 unions, in one request."""

    def strict(name: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        return {"name": name, "strict": True, "input_schema": schema}

    many = {f"p{n}": {"type": "string"} for n in range(25)}
    unions = {f"p{n}": {"type": ["string", "null"]} for n in range(17)}
    cases = [
        ([strict(f"t{n}", {}, []) for n in range(21)], "Too many strict tools"),
        ([strict("t", many, [])], "too many optional parameters (25)"),
        ([strict("t", unions, list(unions))], "17 parameters with type arrays or anyOf"),
    ]
    with FakeAnthropic(["ok"] * 3) as fake:
        for tools, words in cases:
            assert words in ask(fake, body(tools=tools)).words
            loose = [{**tool, "strict": False} for tool in tools]
            assert ask(fake, body(tools=loose)).status == 200


def test_forced_calls_go_with_no_manual_thinking():
    """With a budget they are refused; with adaptive thinking an older model takes them."""
    forced = {"type": "tool", "name": "get_weather"}
    manual = {"type": "enabled", "budget_tokens": 1024}
    with FakeAnthropic(["ok"]) as fake:
        refused = ask(fake, body(tool_choice=forced, thinking=manual, model="claude-opus-5"))
        assert "forces tool use" in refused.words
        assert ask(fake, body(tool_choice=forced, model="claude-opus-5")).status == 200


def test_manual_thinking_comes_first_in_the_turn_that_calls():
    """With thinking enabled a foreign call without any is refused; adaptive takes it."""
    foreign = [
        {"role": "user", "content": "x"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
    ]
    manual = {"type": "enabled", "budget_tokens": 1024}
    with FakeAnthropic(["ok"]) as fake:
        words = ask(fake, body(messages=foreign, thinking=manual)).words
        assert "but found `tool_use`" in words
        assert ask(fake, body(messages=foreign)).status == 200


def test_thinking_of_a_turn_that_is_over_may_be_left_out():
    """What must stay is the thinking of the calls that are being answered."""
    with FakeAnthropic([CALLS, [Thinking("so"), "4 and 6"], "ok"]) as fake:
        given = answered(fake)
        content = ask(fake, given).body["content"]
        given["messages"] += [
            {"role": "assistant", "content": content[1:]},
            {"role": "user", "content": "thanks"},
        ]
        assert ask(fake, given).status == 200


def test_a_bound_thought_can_be_dropped_instead():
    """With drop_block a changed prefix is taken, and what was dropped is told."""
    dropping = {
        "type": "adaptive",
        "block_binding": {"prefix_mismatch_behavior": "drop_block"},
    }
    with FakeAnthropic([CALLS, "ok"]) as fake:
        given = answered(fake) | {"system": "other", "thinking": dropping}
        assert ask(fake, given).body["input_transformations"] == [
            {
                "type": "thinking_dropped",
                "path": "messages.1.content.0",
                "reason": "prefix_mismatch",
            }
        ]


def test_an_older_model_binds_thinking_to_no_prefix():
    """Before 5.1 the signature alone counts."""
    with FakeAnthropic([CALLS, "ok"]) as fake:
        given = answered(fake, model="claude-opus-5-20260801")
        assert ask(fake, given | {"system": "other", "model": "claude-opus-5"}).status == 200


def test_a_conversation_goes_on_with_another_server():
    """Signatures need no memory: another fake of the vendor reads them."""
    with FakeAnthropic([CALLS]) as first:
        given = answered(first)
    with FakeAnthropic(["ok"]) as second:
        assert ask(second, given).status == 200


def test_redacted_thinking_goes_back_as_it_came():
    """Its data is checked as a signature is."""
    with FakeAnthropic([[REDACTED, ToolCall("get_weather", {"city": "Oslo"})], "ok"]) as fake:
        given = answered(fake)
        broken = json.loads(json.dumps(given))
        broken["messages"][1]["content"][0]["data"] = "AAAA"
        assert "Invalid `signature`" in ask(fake, broken).words
        assert ask(fake, given).status == 200


def test_cache_marks_and_the_form_of_content_change_no_prefix():
    """A text may become a list of one text, and be marked for the cache."""
    with FakeAnthropic([CALLS, "ok"]) as fake:
        given = answered(fake)
        mark = {"cache_control": {"type": "ephemeral"}}
        given["system"] = [{"type": "text", "text": "be brief", **mark}]
        given["tools"][0] = {**TOOL, **mark}
        question = given["messages"][0]["content"]
        given["messages"][0]["content"] = [{"type": "text", "text": question, **mark}]
        assert ask(fake, given).status == 200


def test_a_paused_turn_is_sent_again_as_it_stands():
    """It is the one conversation that may end with the assistant."""
    raw = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}}
    paused = Response(message=Message("assistant", (Text("So"), Unknown(raw))), finish="paused")
    with FakeAnthropic([paused, "and on"]) as fake:
        content = ask(fake, body()).body["content"]
        given = body()
        given["messages"].append({"role": "assistant", "content": content})
        assert ask(fake, given).body["content"][0]["text"] == "and on"


def test_the_older_version_of_the_api_takes_sampling():
    """What 2026-10-21 refuses was allowed before."""
    with FakeAnthropic(["ok"]) as fake:
        given = body(temperature=0.5, top_p=0.9, top_k=40)
        assert ask(fake, given, "2023-06-01").status == 200
        sampling = fake.asked[0].sampling
        assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.5, 0.9, 40)


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 401, "x-api-key header is required"),
        ({"x-api-key": "wrong"}, 401, "invalid x-api-key"),
        ({"authorization": "Bearer wrong"}, 401, "Invalid bearer token"),
        ({"x-api-key": "right"}, 400, "anthropic-version: header is required"),
    ],
)
def test_a_request_without_its_headers_is_refused(headers: Any, status: int, words: str):
    """A missing key, a wrong one, and no version of the API."""
    with FakeAnthropic(key="right") as fake:
        refused = post(fake, "/v1/messages", body(), headers)
        assert (refused.status, refused.words) == (status, words)


def test_either_header_carries_the_key():
    """The older x-api-key still works."""
    with FakeAnthropic(["ok"]) as fake:
        headers = {"x-api-key": fake.key, "anthropic-version": "2026-10-21"}
        assert post(fake, "/v1/messages", body(), headers).status == 200


def test_a_model_the_vendor_does_not_have_is_not_found():
    """As the vendor says it: 404, not_found_error, the model's name."""
    with FakeAnthropic() as fake:
        refused = ask(fake, body(model="gpt-6"))
        assert (refused.status, refused.words) == (404, "model: gpt-6")


def test_a_thread_holds_what_earlier_requests_said():
    """With the beta, a request names the last answer and carries what is new alone."""
    beta = {"anthropic-beta": "message-threads-2026-08-12"}
    with FakeAnthropic([CALLS, "4 and 6"]) as fake:
        headers = anthropic_headers(fake)
        begun = body(thread={"type": "create"})
        first = post(fake, "/v1/messages", begun, {**headers, **beta}).body
        going_on = {
            "model": MODEL,
            "max_tokens": 2048,
            "messages": [results(first["content"])],
            "thread": {"type": "continue", "previous_message_id": first["id"]},
        }
        assert "thread: Extra inputs" in post(fake, "/v1/messages", going_on, headers).words
        last = post(fake, "/v1/messages", going_on, {**headers, **beta})
        assert last.body["content"][0]["text"] == "4 and 6"
        assert [message.role for message in fake.asked[1].messages] == ["user", "assistant", "tool"]
        assert [tool.name for tool in fake.asked[1].tools] == ["get_weather"]
        lost = going_on | {"thread": {"type": "continue", "previous_message_id": "msg_x"}}
        assert post(fake, "/v1/messages", lost, {**headers, **beta}).status == 404
