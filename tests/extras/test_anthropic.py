"""The Messages API of Anthropic: requests and answers as pure translations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar import Param, declare
from altar.adm import Checker, FunctionDeclaration, ToolConfig
from altar.errors import OverloadedError, QuotaError, RateLimitError, ServerError, StreamBrokenError
from altar.llm import (
    BlobPart,
    Data,
    Delta,
    Message,
    Origin,
    OutputSpec,
    PartStart,
    Refusal,
    Request,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    dump_messages,
    fold,
    load_messages,
)
from altar.testing._fake_anthropic_tools import check_output
from tests.strategies.conversations import conversations, json_values
from tests.strategies.schemas import documents, scalars, values_for

pytest.importorskip("anthropic")

from altar_extras._anthropic_models import family_of  # noqa: E402
from altar_extras._anthropic_response import fault  # noqa: E402
from altar_extras._anthropic_schema import compile_schema  # noqa: E402
from altar_extras.anthropic import (  # noqa: E402
    AnthropicProvider,
    StreamReader,
    from_response,
    to_request,
)

MODEL = "claude-opus-5-5"
BUDGET = "claude-sonnet-4-5"  # thinks by a budget
USER = Message.user("Weather?")
HOME = Origin(provider="anthropic", api="messages", model=MODEL)


def get_weather(city: str, days: int = 1) -> str:
    """Weather for a city."""


def send_mail(to: str) -> str:
    """Send a mail."""


WEATHER, MAIL = declare(get_weather), declare(send_mail)


def ask(*messages: Message, model: str = MODEL, **given: Any) -> Request:
    fields: dict[str, Any] = {
        "instructions": None,
        "tools": (),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(model=model, messages=messages or (USER,), **{**fields, **given})


def body_of(*messages: Message, **given: Any) -> dict[str, Any]:
    return to_request(ask(*messages, **given))[0]


def notes_of(*messages: Message, **given: Any) -> list[str]:
    return [note.what for note in to_request(ask(*messages, **given))[1]]


def sent(*messages: Message, **given: Any) -> list[dict[str, Any]]:
    return body_of(*messages, **given)["messages"]


def said(*blocks: Any, model: str = MODEL, **given: Any) -> dict[str, Any]:
    """A message of the API."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    return {**body, **given}


def answer(*blocks: Any, request: Request | None = None, **given: Any) -> Message:
    request = request or ask()
    return from_response(said(*blocks, **given), request, sent=to_request(request)[0]).message


def with_ids(message: Message) -> Message:
    """The message with ids of altar's own on its calls, as the loop issues them."""
    parts = [
        replace(part, id=f"altar-{index}") if isinstance(part, ToolCall) else part
        for index, part in enumerate(message.parts)
    ]
    return replace(message, parts=tuple(parts))


def results(message: Message, *texts: str) -> Message:
    parts = [
        ToolResultPart(call_id=call.id, name=call.name, text=text)
        for call, text in zip(message.calls, texts, strict=True)
    ]
    return Message("tool", tuple(parts))


THOUGHT = {"type": "thinking", "thinking": "Two cities.", "signature": "EqQB+/8="}
REDACTED = {"type": "redacted_thinking", "data": "zJq+/=="}
TEXT = {"type": "text", "text": "I look."}
OSLO = {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {"city": "Oslo"}}
ROME = {"type": "tool_use", "id": "toolu_01B", "name": "get_weather", "input": {"city": "Rome"}}


# -- histories -------------------------------------------------------------------------------


def test_thinking_and_redacted_thinking_go_back_exactly_with_their_signatures():
    request = ask(tools=(WEATHER,))
    reply = with_ids(answer(THOUGHT, REDACTED, TEXT, OSLO, request=request))
    wire = sent(USER, reply, results(reply, "4"), tools=(WEATHER,))
    assert wire[1] == {"role": "assistant", "content": [THOUGHT, REDACTED, TEXT, OSLO]}


def test_thinking_that_is_shown_to_nobody_keeps_its_place_and_signature():
    hidden = {"type": "thinking", "thinking": "", "signature": "EqQB"}
    assert sent(USER, answer(hidden, TEXT), USER)[1]["content"] == [hidden, TEXT]


def test_results_stand_first_in_the_next_user_message_all_of_them_in_order():
    reply = with_ids(answer(OSLO, ROME))
    wire = sent(USER, reply, results(reply, '{"c": 4}', "null"))
    assert wire[2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_01A", "content": '{"c": 4}'},
            {"type": "tool_result", "tool_use_id": "toolu_01B", "content": "null"},
        ],
    }


def test_what_the_user_says_behind_results_stands_after_them_in_the_same_message():
    reply = with_ids(answer(OSLO))
    wire = sent(USER, reply, results(reply, "4"), Message.user("Be kind."))
    assert [block["type"] for block in wire[2]["content"]] == ["tool_result", "text"]
    assert len(wire) == 3


def test_users_messages_in_a_row_join_and_their_texts_stay_apart():
    wire = sent(Message.user("a"), Message.user("b"))
    assert wire == [{"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "b")]}]


def test_a_paused_turn_and_what_continues_it_stay_two_turns():
    wire = sent(USER, answer(TEXT), answer(TEXT))
    assert [message["role"] for message in wire] == ["user", "assistant", "assistant"]


def test_an_error_result_says_that_it_is_one():
    reply = with_ids(answer(OSLO))
    part = ToolResultPart(call_id=reply.calls[0].id, name="x", text='"no"', is_error=True)
    (block,) = sent(USER, reply, Message("tool", (part,)))[2]["content"]
    assert block["is_error"] is True


def test_ids_of_the_wire_are_kept_and_those_of_foreign_calls_made_legal():
    foreign = Message(
        "assistant",
        (ToolCall("f", {}, id="a:1", wire_id="call#x"), ToolCall("f", {}, id="a;1")),
        origin=Origin(provider="gemini"),
    )
    wire = sent(USER, foreign, results(foreign, "1", "2"))
    assert [block["id"] for block in wire[1]["content"]] == ["a_1", "a_1_2"]
    assert [block["tool_use_id"] for block in wire[2]["content"]] == ["a_1", "a_1_2"]


def test_ids_that_come_twice_in_a_conversation_are_told_apart():
    reply = with_ids(answer(OSLO))
    wire = sent(USER, reply, results(reply, "1"), reply, results(reply, "2"))
    assert [wire[at]["content"][0]["id"] for at in (1, 3)] == ["toolu_01A", "toolu_01A_2"]
    assert wire[4]["content"][0]["tool_use_id"] == "toolu_01A_2"


def test_names_that_no_declaration_may_have_are_made_legal_in_a_call():
    foreign = Message("assistant", (ToolCall("functions.get weather", {}, id="1"),))
    assert sent(USER, foreign)[1]["content"][0]["name"] == "functions_get_weather"


def test_thinking_of_another_model_is_dropped_and_told():
    reply = answer(THOUGHT, TEXT)
    assert sent(USER, reply, USER, model="claude-sonnet-5-5")[1]["content"] == [TEXT]
    assert notes_of(USER, reply, USER, model="claude-sonnet-5-5") == ["thinking"]


def test_a_snapshot_reads_the_thinking_of_its_alias():
    reply = answer(THOUGHT, TEXT, model=f"{MODEL}-20260922")
    assert sent(USER, reply, USER)[1]["content"] == [THOUGHT, TEXT]


def test_thinking_behind_another_system_prompt_or_other_tools_is_dropped_and_told():
    request = ask(instructions="be brief", tools=(WEATHER,))
    reply = answer(THOUGHT, TEXT, request=request)
    history = (USER, reply, USER)
    same = {"instructions": "be brief", "tools": (WEATHER,)}
    assert sent(*history, **same)[1]["content"] == [THOUGHT, TEXT]
    for changed in ({"instructions": "be long"}, {"tools": (WEATHER, MAIL)}, {"tools": ()}):
        assert sent(*history, **{**same, **changed})[1]["content"] == [TEXT]
        assert notes_of(*history, **{**same, **changed}) == ["thinking"]


def test_thinking_behind_a_changed_message_is_dropped_and_told():
    reply = answer(THOUGHT, TEXT)
    assert sent(Message.user("Other"), reply, USER)[1]["content"] == [TEXT]


def test_models_that_bind_no_thinking_keep_it_when_the_system_prompt_changes():
    request = ask(model=BUDGET)
    reply = answer(THOUGHT, TEXT, request=request, model=BUDGET)
    wire = sent(USER, reply, USER, model=BUDGET, instructions="new")
    assert wire[1]["content"] == [THOUGHT, TEXT]


def test_what_was_dropped_once_stays_dropped_and_later_thinking_stays_valid():
    first = answer(THOUGHT, TEXT)
    later = ask(USER, first, USER, instructions="new")
    second = answer(THOUGHT, TEXT, request=later)
    wire = sent(USER, first, USER, second, USER, instructions="new")
    assert [wire[at]["content"] for at in (1, 3)] == [[TEXT], [THOUGHT, TEXT]]


def test_a_cache_mark_unbinds_no_thinking():
    reply = answer(THOUGHT, TEXT, request=ask(instructions="be brief", tools=(WEATHER,)))
    cached = {"anthropic": {"cache": True}}
    wire = sent(USER, reply, USER, instructions="be brief", tools=(WEATHER,), settings=cached)
    assert wire[1]["content"] == [THOUGHT, TEXT]


def test_thinking_without_a_signature_is_dropped_and_told():
    reply = Message("assistant", (Thinking("Hm."), Text("Hi")), origin=HOME)
    assert notes_of(USER, reply, USER) == ["thinking"]


def test_a_message_of_nothing_but_foreign_thinking_is_not_sent_empty():
    reply = Message("assistant", (Thinking("Hm."),), origin=Origin(provider="gemini"))
    assert sent(USER, reply, Message.user("Go")) == [
        {"role": "user", "content": [{"type": "text", "text": t} for t in ("Weather?", "Go")]}
    ]


def test_blank_texts_which_the_api_refuses_are_not_sent():
    assert sent(Message("user", (Text(""), Text(" \n"), Text("a"))))[0]["content"] == [
        {"type": "text", "text": "a"}
    ]


def test_refusals_and_data_go_as_text():
    parts = (Refusal("No."), Data({"ä": 1}))
    content = sent(USER, Message("assistant", parts), USER)[1]["content"]
    assert [block["text"] for block in content] == ["No.", '{"ä":1}']


def test_unknown_and_server_blocks_are_kept_and_go_back_as_they_came():
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    reply = answer(search, found, {"type": "novel", "x": [1]})
    assert [type(part) for part in reply.parts] == [Unknown] * 3
    assert reply.calls == ()
    assert sent(USER, reply, USER)[1]["content"] == [search, found, {"type": "novel", "x": [1]}]


def test_foreign_unknown_parts_are_dropped_and_told():
    parts = (Unknown({"type": "x"}), Text("a"))
    reply = Message("assistant", parts, origin=Origin(provider="openai"))
    assert notes_of(USER, reply, USER) == ["a part of an unknown kind"]


def test_what_else_a_block_had_goes_back_with_it():
    cited = {"type": "text", "text": "Cold.", "citations": [{"type": "page_location"}]}
    call = {**OSLO, "caller": {"type": "direct"}}
    assert sent(USER, answer(cited, call))[1]["content"] == [cited, call]


def test_a_call_whose_arguments_nobody_could_read_goes_back_in_the_vendors_form():
    call = ToolCall("f", None, raw_args='{"a', id="1", wire_id="toolu_1")
    (block,) = sent(USER, Message("assistant", (call,), origin=HOME))[1]["content"]
    assert block["input"] == {"INVALID_JSON": '{"a'}
    repaired = replace(call, args={"a": 1})
    (block,) = sent(USER, Message("assistant", (repaired,), origin=HOME))[1]["content"]
    assert block["input"] == {"a": 1}


@given(conversations())
def test_any_history_is_written_without_an_exception_and_alike_each_time(history):
    request = ask(*history, instructions="be brief", tools=(WEATHER,))
    body, notes = to_request(request)
    assert (body, notes) == to_request(request)
    json.dumps(body, allow_nan=False)
    for message in body["messages"]:
        assert message["content"]
    calls = [b["id"] for m in body["messages"] for b in m["content"] if b["type"] == "tool_use"]
    assert len(calls) == len(set(calls))


@given(conversations(), st.integers(0, 3))
def test_a_longer_history_begins_as_the_shorter_one_did(history, rounds):
    """So the prefix that thinking is bound to, and the cache, hold from round to round."""
    grown = [*history, Message.user("more"), *([Message.assistant("ok")] if rounds else [])]
    short, long = sent(*history, USER), sent(*history, USER, *grown[len(history) :])
    flat = [[b for m in wire for b in m["content"]] for wire in (short, long)]
    assert flat[1][: len(flat[0])] == flat[0]


# -- blobs -----------------------------------------------------------------------------------


def test_images_documents_and_texts_of_a_prompt_have_their_blocks():
    parts = (
        BlobPart("image/png", b"\x89PNG"),
        BlobPart("application/pdf", b"%PDF"),
        BlobPart("text/csv", "a;ä".encode()),
        BlobPart("image/jpeg", uri="https://example.org/a.jpg"),
        BlobPart("application/pdf", file_id="file_1"),
    )
    content = sent(Message("user", parts))[0]["content"]
    assert [(block["type"], block["source"]) for block in content] == [
        ("image", {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}),
        ("document", {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}),
        ("document", {"type": "text", "media_type": "text/plain", "data": "a;ä"}),
        ("image", {"type": "url", "url": "https://example.org/a.jpg"}),
        ("document", {"type": "file", "file_id": "file_1"}),
    ]


def test_blobs_of_a_result_stand_behind_its_text():
    reply = with_ids(answer(OSLO))
    blobs = (BlobPart("image/png", b"1"), BlobPart("application/pdf", b"2"))
    part = ToolResultPart(call_id=reply.calls[0].id, name="x", text="1", blobs=blobs)
    content = sent(USER, reply, Message("tool", (part,)))[2]["content"][0]["content"]
    assert [block["type"] for block in content] == ["text", "image", "document"]


def test_beside_an_error_only_text_is_sent():
    reply = with_ids(answer(OSLO))
    part = ToolResultPart(
        call_id=reply.calls[0].id,
        name="x",
        text="1",
        blobs=(BlobPart("image/png", b"1"),),
        is_error=True,
    )
    history = (USER, reply, Message("tool", (part,)))
    content = sent(*history)[2]["content"][0]["content"]
    assert [block["type"] for block in content] == ["text", "text"]
    assert notes_of(*history) == ["image/png in a message"]


def test_no_blob_stands_in_a_models_message_where_the_api_refuses_it():
    reply = Message("assistant", (BlobPart("application/pdf", b"%PDF"),), origin=HOME)
    (block,) = sent(USER, reply, USER)[1]["content"]
    assert block == {"type": "text", "text": "[application/pdf, 4 bytes: not shown]"}
    assert notes_of(USER, reply, USER) == ["application/pdf in a model's message"]


def test_a_blob_nobody_reads_becomes_a_note():
    part = BlobPart("audio/wav", b"12")
    assert sent(Message("user", (part,)))[0]["content"][0]["text"].startswith("[audio/wav")
    assert notes_of(Message("user", (part,))) == ["audio/wav in a message"]


# -- parameters ------------------------------------------------------------------------------


def test_max_tokens_is_always_sent_by_the_models_family():
    assert body_of()["max_tokens"] == 20_000
    assert body_of(model="claude-3-5-haiku-20241022")["max_tokens"] == 8_192
    assert body_of(model="claude-3-haiku-20240307")["max_tokens"] == 4_096
    assert body_of(sampling=Sampling(max_tokens=7))["max_tokens"] == 7


def test_temperature_top_p_top_k_and_seed_are_not_taken():
    taken = AnthropicProvider(MODEL).capabilities.sampling
    assert taken == {"max_tokens", "stop", "reasoning"}
    assert AnthropicProvider("claude-3-haiku-20240307").capabilities.sampling == {
        "max_tokens",
        "stop",
    }


def test_stop_texts_are_sent():
    assert body_of(sampling=Sampling(stop=("END",)))["stop_sequences"] == ["END"]


def test_instructions_are_the_system_prompt():
    assert body_of(instructions="be brief")["system"] == "be brief"
    assert "system" not in body_of()


@pytest.mark.parametrize(
    ("model", "level", "thinking", "effort"),
    [
        (MODEL, None, None, None),
        (MODEL, "low", {"type": "adaptive", "display": "summarized"}, "low"),
        (MODEL, "minimal", {"type": "adaptive", "display": "summarized"}, "low"),
        (MODEL, "none", None, "low"),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-haiku-5-5", "none", {"type": "disabled"}, None),
        ("claude-opus-4-6", "high", {"type": "adaptive"}, "high"),
        (BUDGET, "low", {"type": "enabled", "budget_tokens": 4_096}, None),
        (BUDGET, "none", {"type": "disabled"}, None),
        ("claude-3-haiku-20240307", "none", None, None),
        ("claude-9-nova", "medium", {"type": "adaptive", "display": "summarized"}, "medium"),
    ],
)
def test_reasoning_is_said_in_the_words_of_the_models_family(model, level, thinking, effort):
    body = body_of(model=model, sampling=Sampling(reasoning=level))
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


def test_thinking_that_cannot_be_turned_off_is_told():
    assert notes_of(sampling=Sampling(reasoning="none")) == ["sampling.reasoning"]


def test_a_thinking_budget_stays_below_max_tokens_and_is_added_to_the_usual_ones():
    high = Sampling(reasoning="high")
    body = body_of(model=BUDGET, sampling=high)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (36_384, 16_384)
    tight = replace(high, max_tokens=4_000)
    body = body_of(model=BUDGET, sampling=tight)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (4_000, 2_000)
    assert notes_of(model=BUDGET, sampling=tight) == ["sampling.reasoning"]
    none = replace(high, max_tokens=1_000)
    assert "thinking" not in body_of(model=BUDGET, sampling=none)
    assert notes_of(model=BUDGET, sampling=none) == ["sampling.reasoning"]


def choice_of(config: ToolConfig | None, model: str = BUDGET, **given: Any) -> Any:
    tools = (WEATHER, MAIL)
    return body_of(model=model, tools=tools, tool_choice=config, **given).get("tool_choice")


def test_tool_choices_have_their_words():
    assert choice_of(None) == {"type": "auto"}
    assert choice_of(ToolConfig()) == {"type": "auto"}
    assert choice_of(ToolConfig(mode="NONE")) == {"type": "none"}
    assert choice_of(ToolConfig(mode="ANY")) == {"type": "any"}
    one = ToolConfig(mode="ANY", allowed_function_names=("send_mail",))
    assert choice_of(one) == {"type": "tool", "name": "send_mail"}
    assert "tool_choice" not in body_of(tool_choice=ToolConfig(mode="ANY"))


def test_a_choice_of_some_tools_is_told_as_what_it_became():
    config = ToolConfig(mode="AUTO", allowed_function_names=("send_mail",))
    notes = notes_of(tools=(WEATHER, MAIL), tool_choice=config)
    assert notes == ["tool_choice.allowed_function_names"]


def test_a_demanded_call_goes_before_a_thinking_budget_and_that_is_told():
    given = {"tools": (WEATHER,), "tool_choice": ToolConfig(mode="ANY"), "model": BUDGET}
    low = Sampling(reasoning="low")
    body = body_of(**given, sampling=low)
    assert "thinking" not in body
    assert body["tool_choice"] == {"type": "any"}
    assert notes_of(**given, sampling=low) == ["sampling.reasoning"]


def test_a_model_that_takes_no_demand_for_a_call_says_so():
    assert not AnthropicProvider(MODEL).capabilities.tool_choice
    given = {"tools": (WEATHER,), "tool_choice": ToolConfig(mode="ANY")}
    assert body_of(**given)["tool_choice"] == {"type": "auto"}
    assert notes_of(**given) == ["tool_choice"]


def test_a_turn_that_began_without_thinking_goes_on_without_a_budget():
    foreign = Message(
        "assistant", (ToolCall("get_weather", {}, id="1"),), origin=Origin(provider="gemini")
    )
    given = {"model": BUDGET, "sampling": Sampling(reasoning="low"), "tools": (WEATHER,)}
    history = (USER, foreign, results(foreign, "1"))
    assert "thinking" not in body_of(*history, **given)
    assert notes_of(*history, **given) == ["sampling.reasoning"]
    assert "thinking" in body_of(*history, Message.assistant("4"), USER, **given)


def test_settings_are_merged_into_the_body_and_reserved_ones_are_not():
    own = {
        "thinking": {"display": "omitted"},
        "metadata": {"user_id": "u"},
        "headers": {"x": "y"},
        "tools": [{"type": "web_search_20260209", "name": "web_search"}],
        "tool_choice": {"disable_parallel_tool_use": True},
    }
    given = {"sampling": Sampling(reasoning="low"), "tools": (WEATHER,)}
    body = body_of(settings={"anthropic": own, "openai": {"x": 1}}, **given)
    assert body["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert body["metadata"] == {"user_id": "u"}
    assert "headers" not in body
    assert [tool["name"] for tool in body["tools"]] == ["get_weather", "web_search"]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_the_cache_is_marked_behind_tools_and_system_only_when_asked_for():
    given = {"instructions": "be brief", "tools": (WEATHER, MAIL)}
    assert "cache_control" not in json.dumps(body_of(**given))
    body = body_of(**given, settings={"anthropic": {"cache": "1h"}})
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, mark]
    assert body["system"] == [{"type": "text", "text": "be brief", "cache_control": mark}]
    body = body_of(**given, settings={"anthropic": {"cache": True}})
    assert body["tools"][-1]["cache_control"] == {"type": "ephemeral"}


def test_system_and_tools_are_rendered_alike_whatever_the_round():
    given = {"instructions": "be brief", "tools": (WEATHER, MAIL)}
    reply = with_ids(answer(THOUGHT, OSLO, request=ask(**given)))
    first = body_of(**given)
    later = body_of(USER, reply, results(reply, "4"), **given)
    for name in ("system", "tools"):
        assert json.dumps(first[name]) == json.dumps(later[name])


# -- schemas ---------------------------------------------------------------------------------


def tool(parameters: dict[str, Any], name: str = "f") -> FunctionDeclaration:
    return FunctionDeclaration(name=name, description="d", parameters=parameters)


def test_a_tool_is_strict_and_closed_and_its_bounds_are_told():
    def rate(
        stars: Annotated[int, Param(description="How good.", ge=1, le=5)],
        unit: Literal["a", "b"] = "a",
        note: Optional[str] = None,
    ) -> str:
        """Rate."""

    (wire,) = body_of(tools=(declare(rate),))["tools"]
    assert wire["strict"] is True
    schema = wire["input_schema"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["stars"]
    assert schema["properties"]["stars"] == {
        "type": "integer",
        "description": "How good. (minimum: 1, maximum: 5)",
    }
    assert schema["properties"]["unit"] == {
        "enum": ["a", "b"],
        "description": '(default: "a")',
    }
    assert schema["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "integer"}]},
        {"enum": [{"a": 1}]},
        {"not": {"type": "string"}},
    ],
)
def test_a_schema_that_cannot_be_cut_down_stays_as_it_is_and_is_not_strict(schema):
    assert compile_schema(schema) is None
    declaration = tool({"type": "object", "properties": {"a": schema}})
    (wire,) = body_of(tools=(declaration,))["tools"]
    assert "strict" not in wire
    assert wire["input_schema"] == declaration.to_dict(dialect="json-schema")["parameters"]


def test_a_schema_that_contains_itself_is_not_strict():
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}},
        "additionalProperties": False,
    }
    assert compile_schema({"$ref": "#/$defs/N", "$defs": {"N": node}}) is None
    assert compile_schema({"$ref": "#/$defs/Gone"}) is None


def test_references_are_kept_and_those_with_words_beside_them_written_out():
    point = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    compiled = compile_schema(
        {
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/P"},
                "b": {"$ref": "#/$defs/P", "description": "The end."},
            },
            "required": ["a", "b"],
            "$defs": {"P": point},
        }
    )
    assert compiled is not None
    closed = {**point, "additionalProperties": False}
    assert compiled.schema["properties"]["a"] == {"$ref": "#/$defs/P"}
    assert compiled.schema["properties"]["b"] == {**closed, "description": "The end."}
    assert compiled.schema["$defs"] == {"P": closed}


def test_alternatives_and_types_in_a_list_are_counted():
    compiled = compile_schema(
        {
            "type": "object",
            "properties": {
                "a": {"type": ["integer", "string"], "minimum": 2},
                "b": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
            },
        }
    )
    assert compiled is not None
    assert (compiled.optional, compiled.unions) == (2, 2)
    assert compiled.schema["properties"]["a"]["anyOf"][0]["description"] == "(minimum: 2)"


def test_strict_stops_at_the_limits_of_a_request():
    one = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    tools = tuple(tool(one, f"f{index}") for index in range(25))
    assert sum("strict" in wire for wire in body_of(tools=tools)["tools"]) == 20
    optional = {"type": "object", "properties": {n: {"type": "integer"} for n in "abcdefghij"}}
    tools = tuple(tool(optional, f"f{index}") for index in range(3))
    assert ["strict" in wire for wire in body_of(tools=tools)["tools"]] == [True, True, False]
    union = {"type": ["integer", "null"]}
    wide = {"type": "object", "properties": dict.fromkeys("abcdefghi", union)}
    wide["required"] = list("abcdefghi")
    tools = tuple(tool(wide, f"f{index}") for index in range(2))
    assert ["strict" in wire for wire in body_of(tools=tools)["tools"]] == [True, False]


def test_strict_is_off_when_told_and_for_models_that_have_none():
    off = {"anthropic": {"strict": False}}
    assert "strict" not in body_of(tools=(WEATHER,), settings=off)["tools"][0]
    assert "strict" not in body_of(tools=(WEATHER,), model="claude-3-5-haiku-20241022")["tools"][0]


def closed(properties: dict[str, Any], names: Any) -> dict[str, Any]:
    required = [name for name in properties if name in names]
    shape = {"type": "object", "properties": properties, "required": required}
    return {**shape, "additionalProperties": False}


counts = st.integers(0, 3)
leaves = st.one_of(
    st.builds(lambda least: {"type": "integer", "minimum": least}, counts),
    st.builds(lambda most: {"type": "string", "maxLength": most}, counts),
    st.builds(lambda values: {"enum": values}, st.lists(scalars, min_size=1, max_size=3)),
    st.sampled_from(
        [
            {"type": ["number", "null"], "maximum": 4, "default": None},
            {"type": "boolean", "title": "T"},
            {"$ref": "#/$defs/D"},
            {"$ref": "#/$defs/D", "description": "here"},
            {"type": "array"},
            {},
        ]
    ),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            closed, st.dictionaries(st.sampled_from("abc"), inner, max_size=3), st.text("abc")
        ),
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner,
            counts,
        ),
        st.builds(lambda choices: {"anyOf": choices}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties: {
                "type": ["object", "null"],
                "properties": properties,
                "additionalProperties": False,
            },
            st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        ),
    ),
    max_leaves=6,
)


def refused(message: str) -> Exception:
    return AssertionError(message)


@given(st.data())
def test_what_is_compiled_is_what_the_api_takes_and_forbids_no_valid_value(data):
    definition = data.draw(leaves.filter(lambda schema: "$ref" not in schema))
    schema = {**data.draw(schemas), "$defs": {"D": definition}}
    compiled = compile_schema(schema)
    if compiled is None or compiled.optional > 24 or compiled.unions > 16:
        return
    form = {"type": "json_schema", "schema": compiled.schema}
    check_output({"output_config": {"format": form}}, refused)
    value = data.draw(values_for(schema))
    if Checker(schema).ok(value):
        assert Checker(compiled.schema).check(value) == ()


@settings(max_examples=25)  # drawing one takes longer than compiling it
@given(documents())
def test_any_schema_at_all_is_compiled_to_what_the_api_takes_or_not_at_all(document):
    if isinstance(document, dict):
        body = body_of(output=spec(document))
        check_output({"output_config": body.get("output_config")}, refused)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "integer"}}, "anyOf": [{"type": "object", "properties": {}}]},
        {"anyOf": [{"type": "integer"}], "oneOf": [{"type": "integer"}]},
        {"type": "object", "properties": {}, "required": ["a"]},
        {"$ref": "#/$defs/D", "required": ["a"], "$defs": {"D": closed({}, "")}},
    ],
)
def test_what_must_hold_twice_is_not_cut_down_to_once(schema):
    assert compile_schema(schema) is None


def spec(schema: dict[str, Any]) -> OutputSpec:
    return OutputSpec(name="answer", schema=schema, load=lambda value: value)


def test_a_typed_answer_has_its_format():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    body = body_of(output=spec(schema), sampling=Sampling(reasoning="low"))
    assert body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {**schema, "additionalProperties": False},
    }
    assert body["output_config"]["effort"] == "low"


def test_a_typed_answer_beyond_the_grammar_is_asked_for_in_words_and_told():
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    body = body_of(output=spec(schema), instructions="be brief")
    assert "output_config" not in body
    assert body["system"].startswith("be brief\n\n")
    assert json.dumps(schema, separators=(",", ":")) in body["system"]
    assert notes_of(output=spec(schema)) == ["output"]


# -- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("tool_use", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "paused"),
        ("refusal", "refusal"),
        ("compaction", "unknown"),
        ("novel", "unknown"),
        (None, "unknown"),
    ],
)
def test_every_stop_reason_has_its_finish(reason, finish):
    response = from_response(said(TEXT, stop_reason=reason), ask())
    assert (response.finish, response.raw_finish) == (finish, reason)


def test_a_refusal_says_why():
    details = {"type": "refusal", "category": "cyber", "explanation": "It could harm."}
    response = from_response(said(stop_reason="refusal", stop_details=details), ask())
    assert response.detail == "cyber: It could harm."
    silent = from_response(said(stop_reason="refusal", stop_details=None), ask())
    assert silent.detail


def test_a_full_context_window_and_a_stop_text_are_told_apart():
    full = from_response(said(TEXT, stop_reason="model_context_window_exceeded"), ask())
    assert "context window" in (full.detail or "")
    stop = said(TEXT, stop_reason="stop_sequence", stop_sequence="END")
    assert "'END'" in (from_response(stop, ask()).detail or "")


def test_usage_is_inclusive():
    raw = {
        "input_tokens": 404,
        "cache_creation_input_tokens": 900,
        "cache_read_input_tokens": 120,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 30},
    }
    usage = from_response(said(TEXT, usage=raw), ask()).usage
    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (1424, 120, 900)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.raw) == (50, 30, (raw,))


def test_what_was_not_counted_is_none_and_not_zero():
    usage = from_response(said(TEXT, usage={"input_tokens": 1, "output_tokens": 2}), ask()).usage
    assert (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == (None,) * 3
    assert from_response(said(TEXT, usage=None), ask()).usage.input_tokens is None


def test_thinking_that_the_provider_itself_left_out_is_told_whole_or_streamed():
    gone = {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "model_mismatch"}
    kept = {"type": "thinking_mismatch_allowed", "path": "messages.1.content.0", "reason": "x"}
    message = said(TEXT, input_transformations=[gone, gone, kept])
    whole = from_response(message, ask(), sent=to_request(ask())[0])
    assert [note.what for note in whole.adaptations] == ["thinking"]
    assert "model_mismatch, 2 times" in whole.adaptations[0].why
    events = events_of(said(TEXT))
    events[-2]["input_transformations"] = [gone, gone, kept]
    assert fold(read(events)) == whole


def test_the_origin_names_the_model_that_answered_but_not_a_gateways_alias_for_it():
    dated = said(TEXT, model=f"{MODEL}-20260922")
    origin = from_response(dated, ask()).message.origin
    assert origin == replace(HOME, model=f"{MODEL}-20260922", response_id="msg_1")
    other = from_response(said(TEXT, model="claude-opus-5"), ask()).message.origin
    assert other is not None and other.model == "claude-opus-5"
    alias = from_response(said(TEXT, model="prod-7"), ask(model="my-claude")).message.origin
    assert alias is not None and alias.model == "my-claude"


def test_json_that_is_no_message_is_a_broken_answer():
    with pytest.raises(StreamBrokenError):
        from_response({"type": "error"}, ask())


def test_a_known_kind_in_an_unknown_shape_is_kept_as_it_came():
    odd = {"type": "text", "text": None}
    assert answer(odd, "x", {"type": "tool_use", "input": {}}).parts == (
        Unknown(odd),
        Unknown("x"),
        Unknown({"type": "tool_use", "input": {}}),
    )


# -- streams ---------------------------------------------------------------------------------


def events_of(message: dict[str, Any], size: int = 3) -> list[dict[str, Any]]:
    """The message as the vendor streams it, in pieces of ``size`` characters."""
    begin = {**message, "content": [], "stop_reason": None}
    usage = message["usage"]
    begin["usage"] = {**usage, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begin}, {"type": "ping"}]

    def cut(text: str) -> list[str]:
        return [text[at : at + size] for at in range(0, len(text), size)]

    for index, block in enumerate(message["content"]):
        start, deltas = dict(block), []
        for name in ("text", "thinking", "signature"):
            if name in block:
                start[name] = ""
                deltas += [{"type": f"{name}_delta", name: piece} for piece in cut(block[name])]
        if "input" in block:
            given = block["input"]
            text = given if isinstance(given, str) else json.dumps(given) if given else ""
            start["input"] = {}
            pieces = ["", *cut(text)]
            deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {name: message.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    events.append({"type": "message_delta", "delta": end, "usage": usage})
    return [*events, {"type": "message_stop"}]


def read(events: list[dict[str, Any]], request: Request | None = None) -> list[Any]:
    reader = StreamReader(request or ask(), sent=to_request(request or ask())[0])
    found = [one for event in events for one in reader.feed(event)]
    reader.end()
    return found


words = st.text(max_size=9)
blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, words),
    st.builds(
        lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, words, words
    ),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, words),
    st.builds(
        lambda name, given: {"type": "tool_use", "id": "toolu_1", "name": name, "input": given},
        words,
        st.dictionaries(words, json_values, max_size=3),
    ),
    st.builds(
        lambda given: {"type": "server_tool_use", "id": "s", "name": "web", "input": given},
        st.dictionaries(words, json_values, max_size=2),
    ),
    st.builds(lambda value: {"type": "novel", "value": value}, json_values),
)
messages = st.builds(
    lambda content, reason: said(*content, stop_reason=reason),
    st.lists(blocks, max_size=4),
    st.sampled_from(["end_turn", "tool_use", "max_tokens", "pause_turn", "refusal"]),
)


@given(messages, st.integers(1, 5))
def test_a_stream_folds_into_the_whole_answer(message, size):
    whole = from_response(message, ask(), sent=to_request(ask())[0])
    assert fold(read(events_of(message, size))) == whole


@given(messages)
def test_an_answer_goes_back_block_by_block_as_it_came(message):
    reply = with_ids(answer(*message["content"]))
    (stored,) = load_messages(dump_messages([reply]))
    assert stored == reply
    wire = [one for one in sent(USER, stored) if one["role"] == "assistant"]
    content = [
        block
        for block in message["content"]
        if (block["type"] != "text" or block["text"].strip())
        and (block["type"] != "thinking" or block["signature"])
    ]
    echoed = [block for one in wire for block in one["content"]]
    assert [rest(block) for block in echoed] == [rest(block) for block in content]


def rest(block: dict[str, Any]) -> dict[str, Any]:
    """The block without what may have had to be made legal."""
    if block["type"] != "tool_use":
        return block
    return {name: value for name, value in block.items() if name not in ("id", "name")}


@given(messages)
def test_the_deltas_spell_what_the_parts_say(message):
    spelt: dict[int, str] = {}
    for event in read(events_of(message)):
        if isinstance(event, Delta):
            spelt[event.index] = spelt.get(event.index, "") + event.text
    for index, block in enumerate(message["content"]):
        if block["type"] in ("text", "thinking"):
            assert spelt.get(index, "") == block[block["type"]]


def test_parts_begin_with_their_kind_and_a_call_with_its_name():
    starts = [
        (event.kind, event.name)
        for event in read(events_of(said(THOUGHT, REDACTED, TEXT, OSLO, {"type": "novel"})))
        if isinstance(event, PartStart)
    ]
    assert starts == [
        ("thinking", ""),
        ("thinking", ""),
        ("text", ""),
        ("tool_call", "get_weather"),
        ("other", ""),
    ]


def test_parallel_blocks_that_come_interleaved_stand_in_their_order():
    events = events_of(said(OSLO, ROME))
    starts = [event for event in events if event.get("index") == 0]
    others = [event for event in events if event.get("index") == 1]
    mixed = [one for pair in zip(starts, others, strict=True) for one in pair]
    calls = fold(read([events[0], *mixed, *events[-2:]])).message.calls
    assert [call.args for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]


def test_malformed_arguments_stay_as_text():
    (call,) = fold(read(events_of(said({**OSLO, "input": '{"city": "Os'})))).message.calls
    assert (call.args, call.raw_args) == (None, '{"city": "Os')


def test_arguments_that_are_no_object_stay_as_text():
    (call,) = fold(read(events_of(said({**OSLO, "input": "[1]"})))).message.calls
    assert (call.args, call.raw_args) == (None, "[1]")


def test_citations_of_a_stream_are_those_of_the_whole():
    cited = {"type": "text", "text": "Cold.", "citations": [{"a": 1}, {"b": 2}]}
    events = events_of(said(TEXT))
    start = next(event for event in events if event["type"] == "content_block_start")
    start["content_block"] = {"type": "text", "text": "", "citations": []}
    at = events.index(start) + 1
    notes = [{"type": "citations_delta", "citation": note} for note in cited["citations"]]
    more = [{"type": "content_block_delta", "index": 0, "delta": note} for note in notes]
    body = fold(read([*events[:at], *more, *events[at:]])).message
    assert body.parts == answer({**cited, "text": "I look."}).parts


@pytest.mark.parametrize("keep", range(11))
def test_a_stream_that_ends_early_is_broken_wherever_it_ends(keep):
    events = events_of(said(TEXT, OSLO), 40)
    assert len(events) == 11
    with pytest.raises(StreamBrokenError) as caught:
        read(events[:keep])
    assert caught.value.in_stream is (keep > 0)


def test_an_event_of_an_unknown_type_adds_nothing():
    events = events_of(said(TEXT))
    assert fold(read([{"type": "novel"}, *events])) == fold(read(events))


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_start", "index": 0},
        {"type": "content_block_stop"},
        {"type": "content_block_start", "index": 0, "content_block": 3},
    ],
)
def test_an_event_that_makes_no_sense_is_a_broken_stream(event):
    with pytest.raises(StreamBrokenError):
        list(StreamReader(ask()).feed(event))


def error(kind: str, message: str = "m", code: str | None = None) -> dict[str, Any]:
    details = {} if code is None else {"details": {"error_code": code}}
    return {"type": "error", "error": {"type": kind, "message": message, **details}}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", OverloadedError),
        ("api_error", ServerError),
        ("rate_limit_error", RateLimitError),
        ("invalid_request_error", ServerError),
        ("novel_error", ServerError),
    ],
)
def test_an_error_in_a_stream_is_known_by_its_type(kind, expected):
    reader = StreamReader(ask())
    with pytest.raises(expected) as caught:
        list(reader.feed(error(kind)))
    assert caught.value.in_stream is True
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error("rate_limit_error", code="org_spend_limit_exceeded")),
        (402, error("billing_error")),
        (400, error("invalid_request_error", "Your credit balance is too low to ...")),
        (400, error("invalid_request_error", "You have reached your specified API usage limits.")),
    ],
)
def test_what_was_spent_is_a_quota_error(status, body):
    assert type(fault(body, status=status)) is QuotaError


def test_hints_of_the_server_are_kept():
    plain = fault(error("rate_limit_error"), status=429, headers={"Retry-After": "3"})
    assert plain.retry_after == 3.0
    fine = fault(error("overloaded_error"), status=529, headers={"retry-after-ms": "250"})
    assert fine.retry_after == 0.25
    never = fault(error("rate_limit_error"), status=429, headers={"x-should-retry": "false"})
    assert (type(never), never.retryable) == (RateLimitError, False)
    named = fault(error("api_error"), status=500, headers={"request-id": "req_1"})
    assert named.request_id == "req_1"


def test_the_families_hold_what_the_vendor_says():
    assert family_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0") == family_of(BUDGET)
    assert family_of("claude-opus-4-0") == family_of("claude-opus-4-20250514")
    assert family_of("claude-nova-9") == family_of(MODEL)
    assert not family_of("claude-3-7-sonnet-latest").strict
    assert AnthropicProvider(MODEL).capabilities.native_output
    assert not AnthropicProvider("claude-opus-4-0").capabilities.native_output
