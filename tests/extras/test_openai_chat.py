"""Chat Completions of OpenAI: what this vendor's dialect adds to the wire local servers share."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("openai", minversion="2.54")

from hypothesis import given
from hypothesis import strategies as st

from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import OverloadedError, StreamBrokenError
from altar.llm import (
    Delta,
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
)
from altar_extras.openai_chat import ChatStreamReader, from_response, to_request
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
    name="Person",
    schema={
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": 0}},
        "required": ["name"],
    },
    load=lambda value: value,
)
CALL = {
    "id": "call_a",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo", "days": null}'},
}
HOME = Origin(provider="openai", api="chat", model="gpt-5.5")


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


def sent(*messages: Message, **given: Any) -> dict[str, Any]:
    return to_request(asked(*messages, **given))[0]


def body_of(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "chatcmpl-1", "model": "gpt-5.5-2026-04-23", "choices": [choice], "usage": usage}


def chunks_of(body: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """The chunks by which the server says ``body``."""
    (choice,) = body["choices"]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for field in ("content", "refusal"):
        text = message.get(field) or ""
        deltas += [{field: text[at : at + size]} for at in range(0, len(text), size)]
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {"name": function["name"], "arguments": ""}
        deltas.append({"tool_calls": [{**call, "index": number, "function": begun}]})
        text = function["arguments"]
        for at in range(0, len(text), size):
            piece = {"arguments": text[at : at + size]}
            deltas.append({"tool_calls": [{"index": number, "function": piece}]})
    about = {"id": body["id"], "model": body["model"], "object": "chat.completion.chunk"}
    out = [{**about, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    return [*out, {**about, "choices": [last]}, {**about, "choices": [], "usage": body["usage"]}]


def streamed(chunks: list[dict[str, Any]], request: Request) -> tuple[Response, list[Any]]:
    reader = ChatStreamReader(request)
    said = [one for chunk in chunks for one in reader.feed(chunk)] + reader.end()
    folding = Fold()
    for event in said:
        folding.feed(event)
    return folding.response(), said


def test_tools_are_strict_where_their_schema_allows_it():
    weather, keep = (tool["function"] for tool in sent(tools=(WEATHER, NOTES))["tools"])
    assert (weather["strict"], keep["strict"]) == (True, False)
    assert weather["parameters"]["required"] == ["city", "days"]
    assert keep["parameters"] == NOTES.to_dict(dialect="json-schema")["parameters"]


def test_strict_can_be_switched_off():
    own = {"openai-chat": {"strict": False}}
    body = sent(settings=own)
    assert body["tools"][0]["function"]["strict"] is False
    assert body["tools"][0]["function"]["parameters"]["required"] == ["city"]
    assert "strict" not in body


def test_a_typed_answer_is_a_strict_schema():
    held = sent(output=PERSON)["response_format"]
    assert held["type"] == "json_schema"
    assert held["json_schema"]["strict"] is True
    assert held["json_schema"]["schema"]["required"] == ["name", "age"]


def test_the_names_of_this_vendor_s_fields():
    """Instructions are the developer's, tokens those of the completion, effort a word."""
    sampling = Sampling(max_tokens=9, reasoning="minimal", seed=0)
    body, told = to_request(asked(instructions="Be brief.", sampling=sampling), stream=True)
    assert body["messages"][0] == {"role": "developer", "content": "Be brief."}
    assert (body["max_completion_tokens"], body["reasoning_effort"], body["seed"]) == (9, "low", 0)
    assert "max_tokens" not in body
    assert body["stream_options"] == {"include_usage": True}
    assert [one.what for one in told] == ["sampling.reasoning"]
    plain = sent(model="gpt-4o", instructions="Be brief.")
    assert plain["messages"][0]["role"] == "system"


def test_a_choice_of_tools_never_changes_the_tools():
    choice = ToolConfig(allowed_function_names=("keep",))
    body = sent(tools=(WEATHER, NOTES), tool_choice=choice)
    assert len(body["tools"]) == 2
    assert body["tool_choice"]["type"] == "allowed_tools"


def test_a_call_comes_without_strict_nulls_and_goes_back_as_written():
    response = from_response(
        body_of({"content": None, "tool_calls": [CALL]}, "tool_calls"), asked()
    )
    (call,) = response.message.calls
    assert (call.args, call.wire_id, response.finish) == ({"city": "Oslo"}, "call_a", "stop")
    result = ToolResultPart(call_id="", name="get_weather", text="4")
    history = (Message.user("Hi"), response.message, Message("tool", (result,)))
    assistant, tool = sent(*history)["messages"][1:]
    assert assistant["tool_calls"] == [CALL]
    assert tool == {"role": "tool", "tool_call_id": "call_a", "content": "4"}


def test_what_a_model_thought_does_not_go_back_on_this_wire():
    message = Message("assistant", (Thinking("hm"), Text("Hello.")), origin=HOME)
    body, told = to_request(asked(Message.user("Hi"), message))
    assert body["messages"][1] == {"role": "assistant", "content": "Hello."}
    assert told[0].what == "thinking"


def test_a_refusal_and_a_filter_are_no_plain_stop():
    refused = from_response(body_of({"content": None, "refusal": "No."}), asked())
    assert (refused.message.parts, refused.finish) == ((Refusal("No."),), "refusal")
    blocked = from_response(body_of({"content": ""}, "content_filter"), asked())
    assert (blocked.finish, blocked.raw_finish) == ("blocked", "content_filter")
    assert from_response(body_of({"content": "a"}, "length"), asked()).finish == "length"


texts = st.sampled_from(["", "Hello there, ", '{"name": "Ada", "age": null}', '{"name": "A'])
messages = st.fixed_dictionaries(
    {"content": st.none() | texts},
    optional={
        "refusal": st.none() | texts,
        "tool_calls": st.lists(
            st.builds(
                lambda number, text: {
                    "id": f"call_{number}",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": text},
                },
                st.integers(0, 99),
                texts | st.just(CALL["function"]["arguments"]),
            ),
            max_size=3,
            unique_by=lambda call: call["id"],
        ),
    },
)


@given(messages, st.integers(1, 9), st.sampled_from([None, PERSON]))
def test_a_stream_folds_into_the_whole_answer(message: Any, size: int, output: Any):
    """And its deltas spell out the text that is shown, strict nulls left out."""
    request = asked(output=output)
    body = body_of(message)
    folded, said = streamed(chunks_of(body, size), request)
    assert folded == from_response(body, request)
    spelt = "".join([one.text for one in said if isinstance(one, Delta) and one.kind == "text"])
    assert spelt == folded.message.text


def test_a_typed_answer_is_read_without_strict_nulls():
    body = body_of({"content": '{"name": "Ada", "age": null}'})
    text = from_response(body, asked(output=PERSON)).message.text
    assert json.loads(text) == {"name": "Ada"}


def test_a_stream_that_stops_early_is_broken():
    reader = ChatStreamReader(asked())
    for chunk in chunks_of(body_of({"content": "Hello"}), 3)[:-2]:
        reader.feed(chunk)
    with pytest.raises(StreamBrokenError):
        reader.end()


def test_an_error_in_mid_stream_is_known_by_its_code():
    with pytest.raises(OverloadedError) as caught:
        ChatStreamReader(asked()).feed({"error": {"code": "slow_down", "message": "Sorry"}})
    assert caught.value.in_stream


@given(conversations())
def test_any_conversation_can_be_sent(history: list[Message]):
    """Each call has its result right behind it, under the same id."""
    body, _ = to_request(asked(*history))
    owed: list[str] = []
    for message in json.loads(json.dumps(body))["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] == owed.pop(0)
        else:
            assert not owed
            owed = [call["id"] for call in message.get("tool_calls", ())]
    assert not owed


def test_calls_of_another_provider_have_ids_of_altar_s():
    call = ToolCall("get_weather", {"city": "Oslo"}, id="own-1", wire_id="theirs")
    foreign = Message("assistant", (call,), origin=Origin(provider="anthropic", api="messages"))
    result = ToolResultPart(call_id="own-1", name="get_weather", text="4")
    assistant, tool = sent(Message.user("Hi"), foreign, Message("tool", (result,)))["messages"][1:]
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == "own-1"
