"""gemini: what is sent, what is read, and that a turn goes back as it came."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="google-genai is not installed")

from hypothesis import given
from hypothesis import strategies as st

from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import AltarError, BadRequestError, OverloadedError, StreamBrokenError
from altar.llm import (
    BlobPart,
    Data,
    Message,
    Opaque,
    Origin,
    OutputSpec,
    PartEnd,
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
)
from altar_extras.gemini import GeminiProvider, StreamReader, from_response, to_request

SIGNATURE = "8PHy8/T19vf4+fr7/P3+/29w"
HOME = Origin(provider="gemini", api="generate_content", model="gemini-3.8-flash")
AWAY = Origin(provider="anthropic", api="messages", model="claude-opus-5-5")
WEATHER = FunctionDeclaration(
    name="get_weather",
    description="Weather for a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


def body_of(*parts: Any, reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    return {"candidates": [{**candidate, **more}], "responseId": "rsp-0"}


def call_part(name: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
    call = {"name": name, "args": args}
    if "id" in more:
        call = {"id": more.pop("id"), **call}
    return {"functionCall": call, **more}


def results(message: Message, *texts: str, **more: Any) -> Message:
    """The tool message that answers ``message``; the loop's ids are filled in."""
    return Message(
        "tool",
        tuple(
            ToolResultPart(call_id=call.id, name=call.name, text=text, **more)
            for call, text in zip(message.calls, texts, strict=True)
        ),
    )


def sent(request: Request, **more: Any) -> list[dict[str, Any]]:
    return to_request(request, **more)[0]["contents"]


def notes(request: Request, **more: Any) -> str:
    return "; ".join(f"{one.what}: {one.why}" for one in to_request(request, **more)[1])


def stream(*events: dict[str, Any], request: Request) -> Any:
    reader = StreamReader(request)
    out = [one for event in events for one in reader.feed(event)]
    return [*out, *reader.end()]


# -- a turn goes back as it came ---------------------------------------------------------


PARALLEL = (
    {"text": "I should look up both cities.", "thought": True},
    call_part("get_weather", {"city": "Oslo"}, id="call-a", thoughtSignature=SIGNATURE),
    call_part("get_weather", {"city": "Bergen"}, id="call-b"),
)


def test_a_model_turn_is_sent_back_unchanged_with_its_signature_on_the_same_part(ask):
    """The signature is the server's own string, on the first call alone."""
    answer = from_response(body_of(*PARALLEL), ask("Weather?")).message
    assert sent(ask("Weather?", answer))[1] == {"role": "model", "parts": list(PARALLEL)}
    first, second = answer.calls
    assert [one.data for one in first.opaque] == [SIGNATURE]
    assert second.opaque == ()
    assert (first.wire_id, second.wire_id) == ("call-a", "call-b")


def test_an_empty_text_with_a_signature_stays(ask):
    """It is a part like any other, in whole answers and in streams."""
    parts = ({"text": "Four degrees."}, {"text": "", "thoughtSignature": SIGNATURE})
    whole = from_response(body_of(*parts), ask("?"))
    events = stream(body_of(parts[0], reason=None), body_of(parts[1]), request=ask("?"))
    assert fold(events).message.parts == whole.message.parts
    assert sent(ask("?", whole.message))[1]["parts"] == list(parts)


def test_one_user_turn_answers_all_calls_in_order_under_their_own_ids(ask):
    """As many functionResponses as functionCalls, in one content."""
    answer = from_response(body_of(*PARALLEL), ask("Weather?")).message
    answer = Message("assistant", answer.parts, origin=answer.origin)
    contents = sent(ask("Weather?", answer, results(answer, '{"celsius": 4}', '{"celsius": 6}')))
    assert contents[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": i, "name": "get_weather", "response": {"output": o}}}
            for i, o in (("call-a", {"celsius": 4}), ("call-b", {"celsius": 6}))
        ],
    }


def test_no_id_is_invented_where_the_server_gave_none(ask):
    """A server without ids matches by order."""
    answer = from_response(body_of(call_part("f", {})), ask("?")).message
    contents = sent(ask("?", answer, results(answer, "1")))
    assert contents[1]["parts"] == [call_part("f", {})]
    assert contents[2]["parts"] == [{"functionResponse": {"name": "f", "response": {"output": 1}}}]


def test_an_error_result_is_sent_as_an_error(ask):
    """The convention of the response object: output, or error."""
    answer = Message("assistant", (ToolCall("f", {}, id="c"),), origin=HOME)
    contents = sent(ask("?", answer, results(answer, '{"message": "no"}', is_error=True)))
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"error": {"message": "no"}}


def test_parts_of_an_unknown_kind_survive_both_ways(ask):
    """Code execution, and whatever comes next, is kept whole and sent back whole."""
    raw = {"executableCode": {"language": "PYTHON", "code": "1+1"}, "thoughtSignature": SIGNATURE}
    answer = from_response(body_of(raw, {"text": "2"}), ask("?")).message
    assert answer.parts[0] == Unknown(raw)
    assert sent(ask("?", answer))[1]["parts"] == [raw, {"text": "2"}]


def test_fields_this_version_does_not_know_are_sent_back(ask):
    """A known part with more to it than its kind says is kept as it came."""
    raw = {"text": "hi", "partMetadata": {"a": 1}}
    bare = {"functionCall": {"name": "f"}}  # no args at all
    answer = from_response(body_of(raw, bare), ask("?")).message
    assert answer.text == "hi"
    assert answer.calls[0].args == {}
    assert sent(ask("?", answer))[1]["parts"] == [raw, bare]


# -- what another model left -------------------------------------------------------------


def foreign() -> Message:
    mark = Opaque(provider="anthropic", api="messages", kind="thinking_signature", data="x")
    return Message(
        "assistant",
        (
            Thinking("hm", opaque=(mark,)),
            Text("Looking."),
            ToolCall("f", {"a": 1}, id="c1", wire_id="toolu_1"),
            ToolCall("f", {"a": 2}, id="c2", wire_id="toolu_2"),
        ),
        origin=AWAY,
    )


def test_the_first_call_of_another_model_gets_the_placeholder_on_gemini_3(ask):
    """Foreign thinking stays behind, the first call goes with the documented placeholder."""
    history = ("go", foreign(), results(foreign(), "1", "2"))
    parts = sent(ask(*history))[1]["parts"]
    assert parts == [
        {"text": "Looking."},
        call_part("f", {"a": 1}, thoughtSignature="skip_thought_signature_validator"),
        call_part("f", {"a": 2}),
    ]
    assert "thinking" in notes(ask(*history))
    old = sent(ask(*history, model="gemini-2.5-flash"))[1]["parts"]
    assert old[1] == call_part("f", {"a": 1})


def test_signatures_of_vertex_and_of_another_family_stay_behind(ask):
    """They are not interchangeable."""
    answer = from_response(body_of(*PARALLEL), ask("?")).message
    away = sent(ask("?", answer), provider="vertex")[1]["parts"]
    assert away[0]["thoughtSignature"] == "skip_thought_signature_validator"
    assert SIGNATURE not in json.dumps(sent(ask("?", answer, model="gemini-2.5-pro")))
    assert SIGNATURE in json.dumps(sent(ask("?", answer, model="gemini-3-pro")))


def test_an_alias_is_at_home_with_its_own_answers(ask):
    """The origin names the model that was asked, whatever version answered."""
    request = ask("?", model="gemini-flash-latest")
    body = {**body_of(*PARALLEL), "modelVersion": "gemini-3.8-flash"}
    answer = from_response(body, request).message
    assert sent(ask("?", answer, model="gemini-flash-latest"))[1]["parts"] == list(PARALLEL)


def test_what_cannot_travel_is_told(ask):
    """Data and refusals go as text, unknown parts and unreadable blobs are named."""
    parts = (
        Data({"a": 1}),
        Refusal("no"),
        Unknown({"x": 1}),
        BlobPart("model/gltf", b"abc"),
        ToolCall("f", None, id="c", raw_args="{oops"),
    )
    message = Message("assistant", parts, origin=AWAY)
    request = ask("?", message, results(message, '"bad"', is_error=True))
    assert sent(request)[1]["parts"] == [
        {"text": '{"a": 1}'},
        {"text": "no"},
        {"text": "[model/gltf, 3 bytes: left out]"},
        call_part("f", {}, thoughtSignature="skip_thought_signature_validator"),
    ]
    for word in ("data", "refusal", "unknown parts", "model/gltf", "arguments"):
        assert word in notes(request)


def test_a_message_of_which_nothing_travels_is_left_out(ask):
    """A content without parts is refused by the server."""
    silent = Message("assistant", (Thinking("hm"),), origin=AWAY)
    assert [one["role"] for one in sent(ask("a", silent, "b"))] == ["user", "user"]


# -- blobs -------------------------------------------------------------------------------


def test_a_prompt_carries_images_inline_and_files_by_reference(ask):
    """Bytes are base64 in the standard alphabet."""
    data = bytes(range(240, 256))
    prompt = Message(
        "user",
        (
            Text("What?"),
            BlobPart("image/png", data),
            BlobPart("video/mp4", uri="https://example.com/v"),
            BlobPart("application/pdf", file_id="files/abc"),
        ),
    )
    url = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    assert sent(ask(prompt))[0]["parts"][1:] == [
        {"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/v"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": url}},
    ]


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_an_image_in_an_answer_is_bytes_in_either_alphabet(ask, encode):
    """And goes back in the alphabet it came in."""
    data = bytes(range(240, 256))
    raw = {"inlineData": {"mimeType": "image/png", "data": encode(data).decode()}}
    answer = from_response(body_of(raw), ask("draw")).message
    assert answer.parts[0].data == data
    assert sent(ask("draw", answer))[1]["parts"] == [raw]


def test_images_of_a_result_travel_inside_it_on_gemini_3_and_behind_it_before(ask):
    """Never between the results."""
    answer = Message("assistant", (ToolCall("f", {}, id="a"), ToolCall("g", {}, id="b")))
    image = BlobPart("image/png", b"x")
    told = Message(
        "tool",
        (
            ToolResultPart(call_id="a", name="f", text="1", blobs=(image,)),
            ToolResultPart(call_id="b", name="g", text="2"),
        ),
    )
    inline = {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    new = sent(ask("?", answer, told))[2]["parts"]
    assert new[0]["functionResponse"]["parts"] == [inline]
    assert len(new) == 2
    old = sent(ask("?", answer, told, model="gemini-2.5-pro"))[2]["parts"]
    assert ["functionResponse" in one for one in old] == [True, True, False, False]
    assert old[3] == inline


# -- tools, choice, output, sampling -----------------------------------------------------


def test_schemas_are_sent_as_json_schema(ask):
    """Never in the OpenAPI form, which refuses half of JSON Schema."""
    spec = OutputSpec(name="City", schema={"type": "object", "properties": {}}, load=dict)
    body, _ = to_request(ask("?", tools=(WEATHER,), output=spec, instructions="be brief"))
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert declared["parametersJsonSchema"] == WEATHER.to_dict(dialect="json-schema")["parameters"]
    assert set(declared) == {"name", "description", "parametersJsonSchema"}
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert body["generationConfig"]["responseJsonSchema"] == spec.schema
    assert body["systemInstruction"] == {"parts": [{"text": "be brief"}]}


def test_keywords_the_server_stumbles_over_are_rewritten(ask):
    """const, mixed enums, exclusive bounds and keywords beside a reference."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "kind": {"const": "a"},
            "mood": {"enum": ["up", None]},
            "on": {"const": True},
            "n": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
            "x": {"type": "number", "exclusiveMinimum": 0.5},
            "r": {"$ref": "#/$defs/R", "description": "beside"},
            "size": {"enum": [1, 2]},
        },
        "$defs": {"R": {"type": "string"}},
    }
    before = json.dumps(schema)
    spec = OutputSpec(name="X", schema=schema, load=dict)
    out = to_request(ask("?", output=spec))[0]["generationConfig"]["responseJsonSchema"]
    assert json.dumps(schema) == before
    assert out == {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a"]},
            "mood": {"anyOf": [{"enum": ["up"], "type": "string"}, {"type": "null"}]},
            "on": {"type": "boolean"},
            "n": {"type": "integer", "minimum": 1, "maximum": 8},
            "x": {"type": "number", "minimum": 0.5},
            "r": {"anyOf": [{"$ref": "#/$defs/R"}], "description": "beside"},
            "size": {"enum": [1, 2]},
        },
        "$defs": {"R": {"type": "string"}},
    }


REF = {"$ref": "#/$defs/N"}
TREE = {"type": "array", "items": REF}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("node", "inside", "outside"),
    [
        ({"type": "object", "properties": {"kids": TREE, "v": TEXT}}, ["v"], ["a", "b"]),
        ({"type": "object", "properties": {"v": TEXT}}, ["v"], ["a", "b"]),
        ({"anyOf": [TEXT, TREE]}, None, ["b"]),
    ],
)
def test_a_reference_in_a_circle_stands_in_no_required_property(ask, node, inside, outside):
    """The server refuses it there; what it does not go through stays required."""
    if "properties" in node:
        node = {**node, "required": list(node["properties"])}
    schema = {
        "type": "object",
        "properties": {"a": REF, "b": TEXT},
        "required": ["a", "b"],
        "$defs": {"N": node},
    }
    before = json.dumps(schema)
    spec = OutputSpec(name="X", schema=schema, load=dict)
    out = to_request(ask("?", output=spec))[0]["generationConfig"]["responseJsonSchema"]
    assert json.dumps(schema) == before
    assert out["$defs"]["N"].get("required") == inside
    assert out["required"] == outside


def test_a_name_that_another_model_made_up_is_written_in_the_letters_of_the_api(ask):
    """Alike for the call and its result, and told; names that are legal stay."""
    odd = [ToolCall("wetter für!", {}, id="a"), ToolCall("9", {}, id="b"), ToolCall("a.b", {})]
    asked = Message("assistant", tuple(odd), origin=AWAY)
    told = Message(
        "tool", tuple(ToolResultPart(call_id=one.id, name=one.name, text="1") for one in odd)
    )
    body, found = to_request(ask("?", asked, told))
    for turn, key in ((1, "functionCall"), (2, "functionResponse")):
        names = [part[key]["name"] for part in body["contents"][turn]["parts"]]
        assert names == ["wetter_f_r_", "_9", "a.b"]
    assert "names of calls" in [one.what for one in found]


def test_an_empty_prompt_is_refused_before_it_is_sent(ask):
    """The server would refuse it, in words that help nobody."""
    with pytest.raises(BadRequestError, match="vertex: there is nothing to send") as caught:
        to_request(ask(""), provider="vertex")
    assert caught.value.sent is False


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gemini-2.5-flash-image", False),
        ("gemini-2.5-flash-preview-tts", False),
        ("gemini-2.5-flash-lite", True),
        ("gemini-3-pro-image-preview", True),
    ],
)
def test_models_that_do_not_think_are_not_told_to(ask, model, thinks):
    """Speech and pictures of 2.5 refuse a thinkingConfig."""
    config = to_request(ask("?", model=model))[0].get("generationConfig", {})
    assert ("thinkingConfig" in config) is thinks
    assert GeminiProvider(model, key="k").capabilities.thinking is thinks


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (None, None),
        (ToolConfig(), None),
        (ToolConfig(mode="NONE"), {"mode": "NONE"}),
        (ToolConfig(mode="ANY"), {"mode": "ANY"}),
        (
            ToolConfig(mode="ANY", allowed_function_names=("f",)),
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        (
            ToolConfig(mode="AUTO", allowed_function_names=("f",)),
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_the_tool_choice_is_the_function_calling_mode(ask, choice, wire):
    """AUTO takes no names on the wire; VALIDATED does, and leaves the model free to talk."""
    body, _ = to_request(ask("?", tools=(WEATHER,), tool_choice=choice))
    assert body.get("toolConfig", {}).get("functionCallingConfig") == wire
    assert "toolConfig" not in to_request(ask("?", tool_choice=choice))[0]


@pytest.mark.parametrize(
    ("model", "reasoning", "config", "is_told"),
    [
        ("gemini-3.8-flash", None, {"includeThoughts": True}, False),
        ("gemini-3.8-flash", "high", {"includeThoughts": True, "thinkingLevel": "HIGH"}, False),
        ("gemini-3.8-flash", "none", {"includeThoughts": False, "thinkingLevel": "MINIMAL"}, True),
        ("gemini-3-pro", "minimal", {"includeThoughts": True, "thinkingLevel": "LOW"}, True),
        ("models/gemini-2.5-flash", "none", {"includeThoughts": False, "thinkingBudget": 0}, False),
        ("gemini-2.5-pro", "none", {"includeThoughts": False, "thinkingBudget": 128}, True),
        ("gemini-2.5-pro", "low", {"includeThoughts": True, "thinkingBudget": 1024}, False),
        ("gemini-2.0-flash", "high", None, False),
        ("gemma-3-27b-it", None, None, False),
    ],
)
def test_reasoning_is_a_level_from_gemini_3_on_and_a_budget_on_2_5(
    ask, model, reasoning, config, is_told
):
    """What a model cannot turn off is set to its least, and told."""
    request = ask("?", model=model, sampling=Sampling(reasoning=reasoning))
    body, told = to_request(request)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert bool(told) is is_told


def test_sampling_and_settings_reach_the_body(ask):
    """Settings are merged last; tools of theirs are added, headers are not for the body."""
    sampling = Sampling(max_tokens=9, temperature=0, top_p=0.5, top_k=3, stop=("END",), seed=7)
    own = {
        "headers": {"x-a": "b"},
        "tools": [{"googleSearch": {}}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": False}},
        "cachedContent": "cachedContents/1",
    }
    body, _ = to_request(ask("?", tools=(WEATHER,), sampling=sampling, settings={"gemini": own}))
    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0,
        "topP": 0.5,
        "topK": 3,
        "stopSequences": ["END"],
        "seed": 7,
        "thinkingConfig": {"includeThoughts": False},
    }
    assert [list(one) for one in body["tools"]] == [["functionDeclarations"], ["googleSearch"]]
    assert body["cachedContent"] == "cachedContents/1"
    assert "headers" not in body


@pytest.mark.parametrize(
    ("model", "native", "with_tools", "thinking"),
    [
        ("gemini-3.8-flash", True, True, True),
        ("gemini-flash-latest", True, True, True),
        ("publishers/google/models/gemini-2.5-pro", True, False, True),
        ("gemini-2.0-flash", True, False, False),
        ("gemma-3-27b-it", False, False, False),
    ],
)
def test_capabilities_follow_the_family(model, native, with_tools, thinking):
    """Typed answers beside tools came with Gemini 3."""
    can = GeminiProvider(model).capabilities
    assert (can.native_output, can.output_with_tools, can.thinking) == (
        native,
        with_tools,
        thinking,
    )
    assert can.sampling is not None
    assert ("reasoning" in can.sampling) is thinking
    assert can.max_tools == 512


# -- how answers end ---------------------------------------------------------------------


ENDS = {
    "stop": ["STOP"],
    "length": ["MAX_TOKENS"],
    "blocked": [
        "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR",
        "ESCALATION", "PUP_LIMITED_DISABLED",
    ],
    "malformed": [
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE",
    ],
    "paused": ["CONTINUATION"],
    "unknown": ["OTHER", "IMAGE_OTHER", "NO_IMAGE", "FINISH_REASON_UNSPECIFIED", "BRAND_NEW"],
}  # fmt: skip


def test_every_finish_reason_the_sdk_knows_is_mapped(ask):
    """A reason that a later SDK adds fails here first."""
    from google.genai.types import FinishReason

    listed = {word for words in ENDS.values() for word in words}
    assert {one.value for one in FinishReason} <= listed


@pytest.mark.parametrize(("finish", "word"), [(f, w) for f, words in ENDS.items() for w in words])
def test_a_finish_reason_is_read_alike_whole_and_streamed(ask, finish, word):
    """With the server's word and its message, which the SDK's own types drop."""
    body = body_of({"text": "x"}, reason=word, finishMessage="because")
    whole = from_response(body, ask("?"))
    assert (whole.finish, whole.raw_finish, whole.detail) == (finish, word, "because")
    assert fold(stream(body, request=ask("?"))) == whole


def test_a_malformed_call_keeps_the_servers_message(ask):
    """It comes without content, as HTTP 200."""
    body = {
        "candidates": [
            {
                "finishReason": "MALFORMED_FUNCTION_CALL",
                "finishMessage": "Malformed function call: print(default_api.f(x=))",
            }
        ]
    }
    answer = from_response(body, ask("?"))
    assert answer.message.parts == ()
    assert answer.finish == "malformed"
    assert "default_api" in (answer.detail or "")


def test_a_blocked_prompt_is_an_answer_that_says_why(ask):
    """There is no candidate then."""
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "r"}
    answer = from_response(body, ask("?"))
    assert (answer.finish, answer.raw_finish) == ("blocked", "PROHIBITED_CONTENT")
    assert answer.detail == "the prompt was blocked: PROHIBITED_CONTENT"
    assert fold(stream(body, request=ask("?"))) == answer


def test_a_safety_stop_names_the_category(ask):
    """Where there is no message, the ratings tell."""
    ratings = [
        {"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"},
        {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True},
    ]
    answer = from_response(body_of(reason="SAFETY", safetyRatings=ratings), ask("?"))
    assert answer.detail == "HARM_CATEGORY_DANGEROUS_CONTENT HIGH"


@pytest.mark.parametrize("body", [{}, {"usageMetadata": {"promptTokenCount": 3}}])
def test_an_answer_without_candidates_is_broken(ask, body):
    """Neither blocked nor empty by the model's own will."""
    with pytest.raises(StreamBrokenError, match="neither a candidate"):
        from_response(body, ask("?"))


def test_a_fault_told_as_an_answer_is_the_fault(ask):
    """HTTP 200 with an error object is no empty answer, and goes by the name that was given."""
    body = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}
    with pytest.raises(OverloadedError, match="^vertex: overloaded"):
        from_response(body, ask("?"), name="vertex")
    with pytest.raises(OverloadedError, match="^vertex: overloaded"):
        StreamReader(ask("?"), name="vertex").feed(body)


@pytest.mark.parametrize("nothing", [None, "12", 1.5, [], {}, True])
def test_counts_that_are_no_numbers_count_for_nothing(ask, nothing):
    """They neither end the run nor reach the sum."""
    counts = {
        "promptTokenCount": 100,
        "candidatesTokenCount": nothing,
        "thoughtsTokenCount": nothing,
        "toolUsePromptTokenCount": nothing,
        "cachedContentTokenCount": nothing,
    }
    body = {**body_of({"text": "x"}), "usageMetadata": counts}
    usage = from_response(body, ask("?")).usage
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (100, 0, None)
    without = {**body_of({"text": "x"}), "usageMetadata": {"promptTokenCount": nothing}}
    assert from_response(without, ask("?")).usage.input_tokens is None


JUNK = st.sampled_from([None, 0, -1, 1.5, "", "x", [], {}, [None], {"a": 1}, True, [{}], "{}"])


@given(junk=JUNK, data=st.data())
def test_an_answer_in_no_known_form_is_an_answer_or_one_of_altars_errors(junk, data):
    """Whatever stands in the place of a field, no bare TypeError comes out."""
    body = body_of(
        {"text": "hm", "thought": True, "thoughtSignature": SIGNATURE},
        call_part("f", {"a": 1}, id="a"),
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        reason="SAFETY",
        safetyRatings=[{"category": "c", "probability": "HIGH"}],
    )
    body |= {"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": {"promptTokenCount": 1}}
    holder: Any = body
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], (dict, list)) or not holder[key] or data.draw(st.booleans()):
            holder[key] = junk
            break
        holder = holder[key]
    reader = StreamReader(a_request(Message.user("?")))
    for read in (
        lambda: from_response(body, a_request(Message.user("?"))),
        lambda: fold([*reader.feed(body), *reader.end()]),
    ):
        with suppress(AltarError):
            answer = read()
            json.dumps(dump_messages([answer.message]))


def test_a_continuation_is_taken_up_by_its_token(ask):
    """The pieces so far are not sent again, nor after the answer is complete forgotten."""
    first = from_response(
        body_of({"text": "one "}, reason="CONTINUATION", continuationToken="dG9r"), ask("?")
    )
    assert first.finish == "paused"
    body, _ = to_request(ask("count", first.message))
    assert body["continuationToken"] == "dG9r"
    assert body["contents"] == [{"role": "user", "parts": [{"text": "count"}]}]
    second = from_response(body_of({"text": "two"}), ask("?"))
    body, _ = to_request(ask("count", first.message, second.message, "go on"))
    assert "continuationToken" not in body
    assert [one["parts"][0]["text"] for one in body["contents"]] == [
        "count",
        "one ",
        "two",
        "go on",
    ]


def test_usage_is_inclusive(ask):
    """Thoughts are output, the prompt of server-side tools is input, what is left out is None."""
    raw = {
        "promptTokenCount": 12,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 31,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 55,
    }
    usage = from_response({**body_of(), "usageMetadata": raw}, ask("?")).usage
    assert (usage.input_tokens, usage.output_tokens) == (17, 38)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (4, 31)
    assert usage.raw == (raw,)
    assert usage.total_tokens == raw["totalTokenCount"]
    bare = from_response(body_of(), ask("?")).usage
    assert (bare.input_tokens, bare.output_tokens, bare.raw) == (None, None, ())


def test_grounding_is_kept_with_the_message_and_not_sent(ask):
    """It belongs to the answer as a whole."""
    grounding = {"webSearchQueries": ["x"]}
    answer = from_response(body_of({"text": "x"}, groundingMetadata=grounding), ask("?"))
    assert [one.data for one in answer.message.opaque] == [grounding]
    assert sent(ask("?", answer.message))[1]["parts"] == [{"text": "x"}]


# -- streams -----------------------------------------------------------------------------


def test_pieces_of_text_are_one_part_and_calls_arrive_whole(ask):
    """Thoughts and text are told apart; the last usage counts."""
    events = stream(
        {**body_of({"text": "Let me ", "thought": True}, reason=None)},
        {**body_of({"text": "see.", "thought": True}, reason=None), "usageMetadata": {"promptTokenCount": 1}},
        body_of({"text": "Os"}, reason=None),
        body_of({"text": "lo"}, PARALLEL[1], reason=None),
        {**body_of({"text": ""}), "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 9}},
        request=ask("?"),
    )  # fmt: skip
    answer = fold(events)
    assert answer.message.parts[:2] == (Thinking("Let me see."), Text("Oslo"))
    assert answer.message.calls[0].args == {"city": "Oslo"}
    assert answer.usage.output_tokens == 9
    starts = [one for one in events if isinstance(one, PartStart)]
    assert [one.kind for one in starts] == ["thinking", "text", "tool_call"]
    assert starts[2].name == "get_weather"
    assert [one.index for one in events if isinstance(one, PartEnd)] == [0, 1, 2]


def test_a_signed_piece_is_never_merged_with_an_unsigned_one(ask):
    """The server's rule, on both sides of it."""
    signed = {"text": "b", "thoughtSignature": SIGNATURE}
    events = stream(
        body_of({"text": "a"}, reason=None),
        body_of(signed, reason=None),
        body_of({"text": "c"}),
        request=ask("?"),
    )
    message = fold(events).message
    assert [one.text for one in message.parts] == ["a", "b", "c"]
    assert sent(ask("?", message))[1]["parts"] == [{"text": "a"}, signed, {"text": "c"}]


def test_a_stream_without_a_finish_reason_was_cut_off(ask):
    """A server that closes cleanly in the middle is told from one that is done."""
    reader = StreamReader(ask("?"))
    reader.feed(body_of({"text": "half"}, reason=None))
    with pytest.raises(StreamBrokenError, match="before the answer was complete") as caught:
        reader.end()
    assert caught.value.in_stream


# -- laws --------------------------------------------------------------------------------


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
signatures = st.binary(min_size=1, max_size=12).map(lambda raw: b64encode(raw).decode())
objects = st.dictionaries(words, st.none() | st.booleans() | st.integers() | words, max_size=3)


@st.composite
def wire_parts(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["text", "thought", "call", "image", "unknown", "empty"]))
    part: dict[str, Any]
    if kind == "text":
        part = {"text": draw(words)}
    elif kind == "thought":
        part = {"text": draw(words), "thought": True}
    elif kind == "call":
        part = call_part(draw(words), draw(objects), **draw(st.sampled_from([{}, {"id": "i"}])))
    elif kind == "image":
        data = b64encode(draw(st.binary(max_size=6))).decode()
        part = {"inlineData": {"mimeType": "image/png", "data": data}}
    elif kind == "unknown":
        part = {"somethingNew": draw(objects)}
    else:
        return {"text": "", "thoughtSignature": draw(signatures)}
    if draw(st.booleans()):
        part["thoughtSignature"] = draw(signatures)
    return part


def is_plain(part: dict[str, Any]) -> bool:
    return "text" in part and "thoughtSignature" not in part


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Parts of which no two plain texts of a kind follow each other: a stream cannot tell those."""
    turn: list[dict[str, Any]] = []
    for part in draw(st.lists(wire_parts(), max_size=6)):
        before = turn[-1] if turn else {}
        if is_plain(part) and is_plain(before) and part.get("thought") == before.get("thought"):
            continue
        turn.append(part)
    return turn


def a_request(*messages: Message) -> Request:
    return Request(
        model="gemini-3.8-flash",
        messages=(Message.user("?"), *messages),
        instructions=None,
        tools=(),
        tool_choice=None,
        output=None,
        sampling=Sampling(),
        settings={},
    )


@given(turns())
def test_every_turn_of_its_own_goes_back_as_it_came(turn):
    """Lossless, for known parts, unknown parts and signatures."""
    answer = from_response(body_of(*turn), a_request()).message
    body, told = to_request(a_request(answer))
    assert body["contents"][1:] == ([{"role": "model", "parts": turn}] if turn else [])
    assert not told


@given(turns(), st.data())
def test_a_stream_folds_into_the_whole_answer(turn, data):
    """However the server cuts plain text, and in whatever events it packs the parts."""
    whole = {**body_of(*turn), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
    events, pieces = [], []
    for part in turn:
        cuts = [part]
        if is_plain(part) and len(part["text"]) > 1:
            at = data.draw(st.integers(1, len(part["text"]) - 1))
            cuts = [{**part, "text": part["text"][:at]}, {**part, "text": part["text"][at:]}]
        for cut in cuts:
            pieces.append(cut)
            if data.draw(st.booleans()):
                events.append(body_of(*pieces, reason=None))
                pieces = []
    last = {**body_of(*pieces), "usageMetadata": whole["usageMetadata"]}
    folded = fold(stream(*events, last, request=a_request()))
    assert folded == from_response(whole, a_request())
