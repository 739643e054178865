"""The Responses API: requests, answers and streams, rule by rule."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("openai", minversion="2.54")

from hypothesis import given, settings
from hypothesis import strategies as st

from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import (
    BadRequestError,
    OverloadedError,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
)
from altar.llm import (
    BlobPart,
    Data,
    Fold,
    Message,
    Origin,
    OutputSpec,
    Refusal,
    Request,
    Response,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    dump_messages,
    load_messages,
)
from altar_extras.openai import ResponsesReader, from_response, to_request
from tests.strategies.conversations import conversations

WEATHER = FunctionDeclaration(
    name="get_weather",
    description="Weather for a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
        "required": ["city"],
    },
)
NOTES = FunctionDeclaration(
    name="keep",
    description="Keep notes.",
    parameters={
        "type": "object",
        "properties": {"notes": {"type": "object", "additionalProperties": {"type": "string"}}},
        "required": ["notes"],
    },
)
PERSON = OutputSpec(
    name="Person[int]",
    schema={
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": 0}},
        "required": ["name"],
    },
    load=lambda value: value,
)
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [
        {"type": "summary_text", "text": "Two"},
        {"type": "summary_text", "text": "cities."},
    ],
    "encrypted_content": "gAAAAABsealed==",
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_a",
    "name": "get_weather",
    "arguments": '{"city": "Oslo", "days": null}',
    "status": "completed",
}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "phase": "final_answer",
    "content": [
        {"type": "output_text", "text": "Cold. ", "annotations": [{"type": "x"}], "logprobs": []},
        {"type": "refusal", "refusal": "Not more."},
    ],
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 8},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 130,
}


def asked(*messages: Message, **given: Any) -> Request:
    about: dict[str, Any] = {
        "model": "gpt-5.5",
        "messages": messages or (Message.user("Hi"),),
        "instructions": None,
        "tools": (WEATHER,),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(**{**about, **given})


def answered(*output: Any, **given: Any) -> dict[str, Any]:
    body = {"id": "resp_1", "object": "response", "model": "gpt-5.5-2026-04-23", "error": None}
    return {**body, "status": "completed", "output": list(output), "usage": USAGE, **given}


def read(*output: Any, request: Request | None = None, **given: Any) -> Response:
    return from_response(answered(*output, **given), request or asked())


def sent(*messages: Message, **given: Any) -> dict[str, Any]:
    return to_request(asked(*messages, **given))[0]


def issued(message: Message) -> Message:
    """The message as the loop keeps it: its calls under ids of altar's own."""
    parts = [
        replace(part, id=f"own-{at}") if isinstance(part, ToolCall) else part
        for at, part in enumerate(message.parts)
    ]
    return replace(message, parts=tuple(parts))


def results(message: Message) -> Message:
    given = [ToolResultPart(call_id=call.id, name=call.name, text="4") for call in message.calls]
    return Message("tool", tuple(given))


# -- what is asked -----------------------------------------------------------------------------


def test_nothing_is_stored_and_reasoning_comes_encrypted():
    body = sent()
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["input"] == [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]


def test_models_that_do_not_reason_are_not_asked_for_encrypted_reasoning():
    """They answer 400 to it."""
    for model in ("gpt-4o", "gpt-4.1-mini-2025-04-14", "ft:gpt-4o-mini:me::x", "gpt-5-chat-latest"):
        assert "include" not in sent(model=model)
    for model in ("gpt-5.5", "o4-mini", "gpt-6-astra", "my-deployment"):
        assert "include" in sent(model=model)


def test_instructions_stand_outside_the_input():
    assert sent(instructions="Be brief.")["instructions"] == "Be brief."


def test_tools_are_strict_where_their_schema_allows_it_and_say_so_where_not():
    """Left out, "strict" would be the server's choice."""
    weather, keep = sent(tools=(WEATHER, NOTES))["tools"]
    assert weather["strict"] is True
    assert weather["parameters"]["required"] == ["city", "days"]
    assert weather["parameters"]["properties"]["days"]["type"] == ["integer", "null"]
    assert keep["strict"] is False
    assert keep["parameters"] == NOTES.to_dict(dialect="json-schema")["parameters"]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolConfig(), "auto"),
        (ToolConfig(mode="ANY"), "required"),
        (ToolConfig(mode="NONE"), "none"),
        (
            ToolConfig(mode="ANY", allowed_function_names=("keep",)),
            {"type": "function", "name": "keep"},
        ),
        (
            ToolConfig(allowed_function_names=("keep",)),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "keep"}],
            },
        ),
        (
            ToolConfig(mode="ANY", allowed_function_names=("keep", "get_weather")),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [
                    {"type": "function", "name": "keep"},
                    {"type": "function", "name": "get_weather"},
                ],
            },
        ),
    ],
)
def test_a_tool_choice_never_changes_the_tools(choice: ToolConfig, wire: Any):
    body = sent(tools=(WEATHER, NOTES), tool_choice=choice)
    assert body["tool_choice"] == wire
    assert len(body["tools"]) == 2


def test_a_tool_choice_without_tools_is_not_sent():
    assert "tool_choice" not in sent(tools=(), tool_choice=ToolConfig(mode="NONE"))


def test_a_typed_answer_is_a_strict_schema_under_a_name_the_wire_takes():
    held = sent(output=PERSON)["text"]["format"]
    assert (held["type"], held["name"], held["strict"]) == ("json_schema", "Person_int_", True)
    assert held["schema"]["required"] == ["name", "age"]


def test_sampling_goes_out_under_the_names_of_this_api():
    sampling = Sampling(max_tokens=100, temperature=0.0, top_p=0.5)
    body = sent(model="gpt-4o", sampling=sampling)
    assert (body["max_output_tokens"], body["temperature"], body["top_p"]) == (100, 0.0, 0.5)


@pytest.mark.parametrize(
    ("model", "level", "effort"),
    [
        ("gpt-5.5", "none", "none"),
        ("gpt-5.5", "minimal", "low"),
        ("gpt-5", "none", "minimal"),
        ("gpt-5-mini-2025-08-07", "minimal", "minimal"),
        ("o4-mini", "none", "low"),
        ("o3", "high", "high"),
        ("gpt-6-astra", "medium", "medium"),
    ],
)
def test_reasoning_is_an_effort_the_model_has(model: str, level: Any, effort: str):
    """Where a model lacks a level it gets the nearest, and the run is told."""
    body, told = to_request(asked(model=model, sampling=Sampling(reasoning=level)))
    assert body["reasoning"] == {"effort": effort}
    assert bool(told) is (level != effort)


def test_fewer_tokens_than_the_api_takes_are_raised_and_told():
    body, told = to_request(asked(sampling=Sampling(max_tokens=3)))
    assert body["max_output_tokens"] == 16
    assert told[0].what == "sampling.max_tokens"


def test_settings_go_into_the_body_and_headers_do_not():
    own = {
        "parallel_tool_calls": False,
        "reasoning": {"summary": "auto"},
        "tools": [{"type": "web_search"}],
        "include": ["web_search_call.action.sources"],
        "headers": {"X-A": "b"},
    }
    body = sent(settings={"openai": own}, sampling=Sampling(reasoning="low"))
    assert body["parallel_tool_calls"] is False
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert [tool["type"] for tool in body["tools"]] == ["function", "web_search"]
    assert body["include"] == ["reasoning.encrypted_content", "web_search_call.action.sources"]
    assert "headers" not in body


# -- what is answered --------------------------------------------------------------------------


def test_items_become_parts_in_their_order():
    parts = read(REASONING, SEARCH, CALL, SAID).message.parts
    assert [type(part) for part in parts] == [Thinking, Unknown, ToolCall, Text, Refusal]
    assert parts[0].text == "Two\n\ncities."
    assert parts[1].raw == SEARCH
    assert (parts[3].text, parts[4].text) == ("Cold. ", "Not more.")


def test_a_call_has_the_id_of_the_wire_and_arguments_without_strict_nulls():
    """The null of an optional parameter is no argument; the text stays as the model wrote it."""
    (call,) = read(CALL).message.calls
    assert (call.name, call.wire_id, call.id) == ("get_weather", "call_a", "")
    assert call.args == {"city": "Oslo"}
    assert call.raw_args == CALL["arguments"]


@pytest.mark.parametrize("text", ['{"city": "Os', "[1]", "no", '{"city": NaN}'])
def test_arguments_that_are_no_json_object_stay_text(text: str):
    (call,) = read({**CALL, "arguments": text}).message.calls
    assert (call.args, call.raw_args) == (None, text)


def test_no_argument_text_is_no_arguments():
    (call,) = read({**CALL, "arguments": ""}).message.calls
    assert call.args == {}


def test_a_typed_answer_is_read_without_strict_nulls_and_sent_back_as_written():
    """OutputSpec.load sees the value as the schema means it; the model sees its own words."""
    text = '{"name": "Ada", "age": null}'
    item = {**SAID, "content": [{"type": "output_text", "text": text, "annotations": []}]}
    request = asked(output=PERSON)
    message = read(item, request=request).message
    assert json.loads(message.text) == {"name": "Ada"}
    assert to_request(asked(Message.user("Hi"), message, output=PERSON))[0]["input"][1] == item


def test_an_answer_of_a_list_is_unwrapped():
    output = OutputSpec(
        name="list", schema={"type": "array", "items": {"type": "integer"}}, load=id
    )
    item = {**SAID, "content": [{"type": "output_text", "text": '{"value":[1,2]}'}]}
    assert read(item, request=asked(output=output)).message.text == "[1,2]"


def test_usage_is_counted_inclusively_and_kept_as_it_came():
    usage = read(SAID).usage
    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (100, 40, 8)
    assert (usage.output_tokens, usage.reasoning_tokens) == (30, 20)
    assert usage.raw == (USAGE,)
    assert read(SAID, usage=None).usage.input_tokens is None


def test_the_origin_is_the_model_that_answered():
    origin = read(SAID).message.origin
    assert origin == Origin(
        provider="openai", api="responses", model="gpt-5.5-2026-04-23", response_id="resp_1"
    )


@pytest.mark.parametrize(
    ("given", "finish", "raw"),
    [
        ({}, "stop", "completed"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length", "max_output_tokens"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "blocked", "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "unknown", "steered"),
        ({"status": "incomplete", "incomplete_details": None}, "unknown", "incomplete"),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "Against the rules."}}, "blocked", "invalid_prompt"),
        ({"status": None}, "stop", "completed"),
    ],
)  # fmt: skip
def test_why_an_answer_ended(given: dict[str, Any], finish: str, raw: str):
    plain = {**SAID, "content": SAID["content"][:1]}
    response = read(plain, **given)
    assert (response.finish, response.raw_finish) == (finish, raw)
    assert response.detail == ((given.get("error") or {}).get("message"))


def test_a_refusal_is_a_finish_of_its_own():
    assert read(SAID).finish == "refusal"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "Sorry"}, ServerError),
        ({"code": "rate_limit_exceeded", "message": "Slow, try again in 2s"}, RateLimitError),
        ({"code": "invalid_image", "message": "No image"}, BadRequestError),
        ({}, ServerError),
    ],
)
def test_a_reply_that_failed_is_an_error_by_its_code(error: Any, kind: type[ProviderError]):
    with pytest.raises(kind) as caught:
        read(status="failed", error=error)
    assert caught.value.provider == "openai"
    if kind is RateLimitError:
        assert caught.value.retry_after == 2


def test_a_body_of_another_api_says_so():
    with pytest.raises(StreamBrokenError, match="openai-chat"):
        from_response({"choices": []}, asked())


def test_what_the_server_took_out_of_the_history_is_told():
    removed = {"id": "rs_1", "action": "removed", "reason": "model_mismatch", "type": "reasoning"}
    told = read(SAID, input_transformations=[removed]).adaptations
    assert [(one.what, one.why) for one in told] == [("reasoning rs_1", "removed: model_mismatch")]


# -- histories ---------------------------------------------------------------------------------


def test_a_history_goes_back_item_by_item_as_it_came():
    """Reasoning exactly and before its call, ids, phases, unknown items: nothing is lost."""
    first = issued(read(REASONING, CALL, {**CALL, "id": "fc_2", "call_id": "call_b"}).message)
    last = read(SEARCH, SAID).message
    history = load_messages(
        json.loads(json.dumps(dump_messages([Message.user("Hi"), first, results(first), last])))
    )
    body, told = to_request(asked(*history))
    assert body["input"][1:4] == [REASONING, CALL, {**CALL, "id": "fc_2", "call_id": "call_b"}]
    assert body["input"][4:6] == [
        {"type": "function_call_output", "call_id": "call_a", "output": "4"},
        {"type": "function_call_output", "call_id": "call_b", "output": "4"},
    ]
    assert body["input"][6:] == [SEARCH, SAID]
    assert not told


def test_a_message_without_contents_goes_back_too():
    empty = {**SAID, "content": []}
    assert sent(Message.user("Hi"), read(REASONING, empty).message)["input"][1:] == [
        REASONING,
        empty,
    ]


def test_contents_of_an_unknown_kind_go_back_in_their_place():
    content = [{"type": "hologram", "data": 1}, *SAID["content"], {"type": "smell"}]
    item = {**SAID, "content": content}
    message = read(item, SEARCH).message
    assert sent(Message.user("Hi"), message)["input"][1:] == [item, SEARCH]


def test_reasoning_without_what_it_led_to_stays_behind():
    """A reply cut off while the model reasoned: the server refuses reasoning that leads nowhere."""
    cut = read(REASONING, status="incomplete").message
    body, told = to_request(asked(Message.user("Hi"), cut, Message.user("Go on")))
    assert [item.get("role") for item in body["input"]] == ["user", "user"]
    assert told[0].what == "reasoning"


def test_arguments_that_were_changed_by_hand_are_sent_as_they_are_now():
    call = replace(issued(read(CALL).message).calls[0], args={"city": "Rome"})
    message = Message("assistant", (call,), origin=read(CALL).message.origin)
    item = sent(Message.user("Hi"), message, results(message))["input"][1]
    assert json.loads(item["arguments"]) == {"city": "Rome"}


def test_text_that_was_changed_by_hand_is_sent_as_it_is_now():
    message = read(SAID).message
    edited = replace(
        message, parts=(replace(message.parts[0], text="[redacted]"), message.parts[1])
    )
    assert "Cold" not in json.dumps(sent(Message.user("Hi"), edited)["input"])


def test_broken_arguments_go_back_as_the_model_wrote_them():
    message = issued(read({**CALL, "arguments": '{"city"'}).message)
    assert sent(Message.user("Hi"), message, results(message))["input"][1]["arguments"] == '{"city"'


def test_a_history_of_another_provider_is_told_in_plain_items():
    origin = Origin(provider="gemini", api="generate_content", model="gemini-3.8-flash")
    call = ToolCall("a.b", {"x": None}, id="own-1", wire_id="theirs")
    parts = (Thinking("hm"), Text("Look:"), Unknown({"a": 1}), Refusal("No."), Data([1]), call)
    foreign = Message("assistant", parts, origin=origin)
    body, told = to_request(asked(Message.user("Hi"), foreign, results(foreign)))
    assert body["input"][1:] == [
        {"role": "assistant", "content": "Look:"},
        {"role": "assistant", "content": "No."},
        {"role": "assistant", "content": "[1]"},
        {"type": "function_call", "call_id": "own-1", "name": "a_b", "arguments": '{"x":null}'},
        {"type": "function_call_output", "call_id": "own-1", "output": "4"},
    ]
    assert {one.what for one in told} == {"thinking", "Unknown parts", "names of calls"}


def test_reasoning_is_not_sent_to_a_model_that_does_not_reason():
    history = (Message.user("Hi"), read(REASONING, SAID).message)
    body, told = to_request(asked(*history, model="gpt-4o"))
    assert body["input"][1:] == [
        {"role": "assistant", "content": "Cold. "},
        {"role": "assistant", "content": "Not more."},
    ]
    assert told[0].what == "thinking"


def test_two_calls_of_one_id_have_two_on_the_wire():
    """Ids of a history made by hand may be long, empty or the same; the wire's are none of that."""
    ids = ["c", "c", "x" * 100, ""]
    calls = tuple([ToolCall("get_weather", {}, id=own) for own in ids])
    message = Message("assistant", calls)
    items = sent(Message.user("Hi"), message, results(message))["input"][1:]
    wire = [item["call_id"] for item in items[:4]]
    assert len(set(wire)) == 4
    assert all(0 < len(one) <= 64 for one in wire)
    assert [item["call_id"] for item in items[4:]] == wire


def test_images_and_files_go_into_prompts():
    parts = (
        Text("See:"),
        BlobPart("image/png", b"\x89PNG"),
        BlobPart("image/jpeg", uri="https://example.com/a.jpg"),
        BlobPart("image/png", file_id="file_1"),
        BlobPart("application/pdf", b"%PDF"),
        BlobPart("application/pdf", uri="https://example.com/a.pdf"),
        Data({"a": 1}),
    )
    (item,) = sent(Message("user", parts))["input"]
    assert item["content"] == [
        {"type": "input_text", "text": "See:"},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw=="},
        {"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.jpg"},
        {"type": "input_image", "detail": "auto", "file_id": "file_1"},
        {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_text", "text": '{"a":1}'},
    ]  # fmt: skip


def test_images_go_beside_the_text_of_a_result():
    message = issued(read(CALL).message)
    shown = ToolResultPart(
        call_id=message.calls[0].id,
        name="get_weather",
        text='{"mime": "image/png"}',
        blobs=(BlobPart("image/png", b"\x89PNG"), BlobPart("audio/wav", b"RIFF")),
    )
    body, told = to_request(asked(Message.user("Hi"), message, Message("tool", (shown,))))
    output = body["input"][-1]["output"]
    assert [one["type"] for one in output] == ["input_text", "input_image", "input_text"]
    assert output[0]["text"] == '{"mime": "image/png"}'
    assert told[0].what == "audio/wav blobs"


@given(conversations())
def test_any_conversation_can_be_sent(history: list[Message]):
    """Whoever made it: the texts are all there, each call has its result, and it is JSON."""
    body, _ = to_request(asked(*history))
    items = json.loads(json.dumps(body))["input"]
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    assert calls == outputs
    text = json.dumps(items, ensure_ascii=False)
    for message in history:
        for part in message.parts:
            if isinstance(part, Text | ToolResultPart):
                assert json.dumps(part.text, ensure_ascii=False)[1:-1] in text


# -- streams -----------------------------------------------------------------------------------


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)] or [""]


def events_of(body: dict[str, Any], size: int = 3) -> list[dict[str, Any]]:
    """The events by which the server says ``body``."""
    out: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**body, "output": [], "status": "in_progress"}}
    ]
    for at, item in enumerate(body["output"]):
        early = {
            **item,
            "content": [],
            "summary": [],
            "arguments": "",
            "encrypted_content": "early",
        }
        bare = {name: early[name] for name in item}
        out.append({"type": "response.output_item.added", "output_index": at, "item": bare})
        out += [{**event, "output_index": at} for event in _inner(item, size)]
        out.append({"type": "response.output_item.done", "output_index": at, "item": item})
    last = "completed" if body["status"] == "completed" else body["status"]
    out.append({"type": f"response.{last}", "response": body})
    return out


def _inner(item: dict[str, Any], size: int) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for at, piece in enumerate(item.get("summary") or ()):
        for delta in pieces(piece["text"], size):
            kind = "response.reasoning_summary_text.delta"
            out.append({"type": kind, "summary_index": at, "delta": delta})
    if item["type"] == "function_call":
        for delta in pieces(item["arguments"], size):
            out.append({"type": "response.function_call_arguments.delta", "delta": delta})
    for at, content in enumerate(item.get("content") or () if item["type"] == "message" else ()):
        out.append({"type": "response.content_part.added", "content_index": at, "part": content})
        for field, kind in (("text", "output_text"), ("refusal", "refusal")):
            for delta in pieces(content[field], size) if field in content else ():
                out.append({"type": f"response.{kind}.delta", "content_index": at, "delta": delta})
    return out


def streamed(events: list[dict[str, Any]], request: Request) -> tuple[Response, list[Any]]:
    reader = ResponsesReader(request)
    said = [one for event in events for one in reader.feed(event)]
    said += reader.end()
    folding = Fold()
    for event in said:
        folding.feed(event)
    check_grammar(said)
    return folding.response(), said


def check_grammar(said: list[Any]) -> None:
    """Parts begin in order, and the deltas of a text spell it out."""
    began = [event.index for event in said if type(event).__name__ == "PartStart"]
    ended = [event.index for event in said if type(event).__name__ == "PartEnd"]
    assert began == list(range(len(began)))
    assert sorted(ended) == began
    spelt: dict[int, str] = {}
    for event in said:
        if type(event).__name__ == "Delta":
            spelt[event.index] = spelt.get(event.index, "") + event.text
        if type(event).__name__ == "PartEnd" and isinstance(event.part, Text | Thinking):
            assert spelt.get(event.index, "") == event.part.text


words = st.sampled_from(["", "a", "Hello there, ", '{"name": "Ada", "age": null}', "ü\U0001f600"])
contents = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": []}, words),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, words),
    st.just({"type": "hologram", "data": [1]}),
)
items = st.one_of(
    st.builds(lambda some: {**SAID, "content": some}, st.lists(contents, max_size=3)),
    st.builds(lambda text: {**CALL, "arguments": text}, words | st.just(CALL["arguments"])),
    st.builds(
        lambda some: {
            **REASONING,
            "summary": [{"type": "summary_text", "text": one} for one in some],
        },
        st.lists(words, max_size=3),
    ),
    st.just(SEARCH),
)
bodies = st.builds(
    lambda output, given: answered(*output, **given),
    st.lists(items, max_size=4),
    st.sampled_from(
        [{}, {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}]
    ),
)


@settings(max_examples=200)
@given(bodies, st.integers(1, 9), st.sampled_from([None, PERSON]))
def test_a_stream_folds_into_the_whole_answer(body: Any, size: int, output: Any):
    """fold(stream) == complete, byte for byte, and both go back to the server as they came."""
    request = asked(output=output)
    whole = from_response(body, request)
    folded, _ = streamed(events_of(body, size), request)
    assert folded == whole
    items = sent(Message.user("Hi"), issued(whole.message), output=output)["input"][1:]
    output_items = list(body["output"])
    while output_items and output_items[-1]["type"] == "reasoning":
        output_items.pop()
    assert items == output_items


@given(bodies, st.randoms())
def test_items_that_overtake_each_other_keep_their_order(body: Any, random: Any):
    """Events of different items may come in any order; those of one item keep theirs."""
    first, *middle, last = events_of(body)
    queues: dict[int, list[Any]] = {}
    for event in middle:
        queues.setdefault(event["output_index"], []).append(event)
    shuffled = []
    while queues:
        at = random.choice(sorted(queues))
        shuffled.append(queues[at].pop(0))
        if not queues[at]:
            del queues[at]
    folded, _ = streamed([first, *shuffled, last], asked())
    assert folded == from_response(body, asked())


def test_encrypted_content_is_that_of_the_item_when_it_is_done():
    """What .added brings may be incomplete."""
    response, _ = streamed(events_of(answered(REASONING, CALL)), asked())
    assert response.message.parts[0].opaque[0].data == REASONING


def test_thinking_text_and_arguments_are_shown_as_they_come():
    _, said = streamed(events_of(answered(REASONING, CALL, SAID)), asked())
    shown: dict[str, str] = {}
    for event in said:
        if type(event).__name__ == "Delta":
            shown[event.kind] = shown.get(event.kind, "") + event.text
    assert shown == {"thinking": "Two\n\ncities.", "args": CALL["arguments"], "text": "Cold. "}


def test_items_that_were_never_said_to_be_done_are_taken_from_the_end():
    events = [one for one in events_of(answered(REASONING, SAID)) if "done" not in one["type"]]
    response, _ = streamed(events, asked())
    assert response == read(REASONING, SAID)


def test_what_had_begun_is_kept_when_the_end_says_nothing_of_it():
    body = answered(REASONING, CALL, status="incomplete")
    events = [one for one in events_of(body) if "done" not in one["type"]]
    events[-1] = {"type": "response.incomplete", "response": {**body, "output": []}}
    response, _ = streamed(events, asked())
    assert response.message.parts[0] == Thinking("Two\n\ncities.")
    assert response.message.parts[1].raw_args == CALL["arguments"]


def test_a_stream_that_stops_early_is_broken():
    events = events_of(answered(SAID))[:-1]
    reader = ResponsesReader(asked())
    for event in events:
        reader.feed(event)
    with pytest.raises(StreamBrokenError) as caught:
        reader.end()
    assert caught.value.in_stream


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", ServerError),
        ("rate_limit_exceeded", RateLimitError),
        ("insufficient_quota", QuotaError),
        ("server_is_overloaded", OverloadedError),
        ("slow_down", OverloadedError),
    ],
)
def test_an_error_in_mid_stream_is_known_by_its_code(code: str, kind: type[Any], nested: bool):
    said = {"code": code, "message": "Sorry", "param": None}
    event = {"type": "error", "error": said} if nested else {"type": "error", **said}
    with pytest.raises(kind) as caught:
        ResponsesReader(asked()).feed(event)
    assert caught.value.in_stream


def test_a_reply_that_fails_in_mid_stream_is_an_error():
    body = answered(SAID, status="failed", error={"code": "server_error", "message": "Sorry"})
    with pytest.raises(ServerError) as caught:
        streamed(events_of(body), asked())
    assert caught.value.in_stream
