"""Corners of the fakes: rules and readings that the vendors' own clients never come to."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import Any

import pytest

from altar.errors import ConfigurationError, ProviderError
from altar.llm import BlobPart, Unknown
from altar.testing import FakeAnthropic, FakeGemini, FakeOpenAI
from altar.testing._fake_anthropic_history import check_history
from altar.testing._fake_anthropic_tools import check_output, check_tools
from altar.testing._fake_chat import check_messages
from altar.testing._fake_gemini_tools import check_tools as check_functions
from altar.testing._fake_http import Answer, Answered
from altar.testing._fake_interactions import steps_of
from altar.testing._fake_openai_history import check_input
from altar.testing._fake_openai_rules import Refusals, tool_of
from altar.testing._fake_openai_strict import strict_faults
from altar.testing._fake_script import fault_of
from altar.testing._fake_seal import Seal
from tests.testing._wire import CITY, anthropic_headers, connect, gemini_headers, post

CLOSED = {"type": "object", "additionalProperties": False}
GEMINI = "gemini-3.5-flash"


def bad(words: str) -> Answered:
    return Answered(Answer(400, words))


def words_of(refusal: pytest.ExceptionInfo[Answered]) -> str:
    body = refusal.value.answer.body
    return body if isinstance(body, str) else body["error"]["message"]


@pytest.mark.parametrize(
    ("role", "block", "words"),
    [
        ("user", "hello", "content.0.type: Field required"),
        ("user", {"type": "text"}, "content.0.text.text: Field required"),
        ("assistant", {"type": "redacted_thinking"}, "redacted_thinking.data: Field required"),
        ("assistant", {"type": "tool_use", "id": "a", "input": {}}, "at least 1 character"),
        ("user", {"type": "tool_result"}, "tool_result.tool_use_id: Field required"),
    ],
)
def test_anthropic_refuses_a_block_that_lacks_what_its_kind_needs(role, block, words):
    """The refusal names the field."""
    with pytest.raises(Answered) as refusal:
        check_history({"messages": [{"role": role, "content": [block]}]}, bad, new=True)
    assert words in words_of(refusal)


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ({"input_schema": CITY, "description": 1}, "description: Input should be a valid string"),
        ({"strict": True, "input_schema": {**CLOSED, "oneOf": []}}, "does not support oneOf"),
        (
            {"strict": True, "input_schema": {**CLOSED, "properties": {"a": {"oneOf": []}}}},
            "Schema type 'oneOf' is not supported",
        ),
        (
            {
                "strict": True,
                "input_schema": {
                    **CLOSED,
                    "properties": {"a": {"type": "array", "items": {}, "minItems": 2}},
                },
            },
            "For 'array' type, properties minItems are not supported",
        ),
    ],
)
def test_anthropic_refuses_a_tool_that_no_grammar_can_be_made_of(tool, words):
    """Strict tools know fewer keywords."""
    with pytest.raises(Answered) as refusal:
        check_tools({"tools": [{"name": "t", **tool}]}, bad)
    assert words in words_of(refusal)


def test_anthropic_refuses_an_output_format_without_its_schema():
    """The type alone says nothing."""
    with pytest.raises(Answered) as refusal:
        check_output({"output_config": {"format": {"type": "json_schema"}}}, bad)
    assert words_of(refusal) == "output_config.format.schema: Field required"


def test_definitions_that_meet_again_are_no_recursion():
    """A diamond of references is taken; a ring is refused."""

    def links(**refs: str) -> dict[str, Any]:
        defs = {
            name: {"anyOf": [{"$ref": f"#/$defs/{to}"} for to in held]}
            for name, held in refs.items()
        }
        form = {"type": "json_schema", "schema": {**CLOSED, "$defs": defs}}
        return {"output_config": {"format": form}}

    check_output(links(a="bc", b="d", c="d", d=""), bad)
    with pytest.raises(Answered) as refusal:
        check_output(links(a="b", b="a"), bad)
    assert "Recursive schemas are not supported" in words_of(refusal)


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["hello"], "Invalid type for 'input[0]': expected an object, but got a string instead."),
        ([{"text": "hello"}], "Missing required parameter: 'input[0].type'."),
        (
            [CALL, {"type": "function_call_output", "output": "4"}],
            "Missing required parameter: 'input[1].call_id'.",
        ),
        ([CALL, CALL], "Duplicate function call found with call_id c."),
    ],
)
def test_openai_refuses_items_that_it_cannot_place(items, words):
    """Each in the vendor's words."""
    with pytest.raises(Answered) as refusal:
        check_input(items, Refusals("responses"))
    assert words_of(refusal) == words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hello", "Invalid type for 'messages[0]': expected an object, but got a string instead."),
        (
            {"role": "assistant", "tool_calls": [7]},
            "'messages[0].tool_calls[0]': expected an object, but got a number instead.",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]},
            "Missing required parameter: 'messages[0].tool_calls[0].function'.",
        ),
    ],
)
def test_a_chat_refuses_messages_and_calls_without_their_shape(message, words):
    """Each with the place of what is wrong."""
    with pytest.raises(Answered) as refusal:
        check_messages([message], Refusals("chat"))
    assert words_of(refusal).endswith(words)


def test_a_strict_schema_is_an_object_through_and_through():
    """Its root, and every place where a schema stands."""
    assert list(strict_faults({"type": "array"})) == [
        "schema must be a JSON Schema of 'type: \"object\"', got 'array'."
    ]
    odd = {**CLOSED, "properties": {"a": True}, "required": ["a"]}
    assert list(strict_faults(odd)) == ["In context=('properties', 'a'), schema must be an object."]


def test_a_strict_schema_is_neither_too_deep_nor_too_wide():
    """Ten levels, and 5000 properties."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(10):
        deep = {**CLOSED, "properties": {"a": deep}, "required": ["a"]}
    (fault,) = strict_faults(deep)
    assert fault.endswith("schema exceeds the maximum of 10 levels of nesting.")
    names = {f"p{at}": {"type": "string"} for at in range(5001)}
    # a mapping, whose names are found at once
    wide = {**CLOSED, "properties": names, "required": dict.fromkeys(names)}
    assert list(strict_faults(wide)) == ["schema exceeds the maximum of 5000 properties."]


def test_only_a_function_is_a_function_tool():
    """Other tools, and what is no tool, have no fields of a function."""
    assert tool_of("auto", "chat") is None
    assert tool_of({"type": "web_search"}, "responses") is None


def openai(fake: FakeOpenAI, **more: Any) -> Any:
    given = {"model": "gpt-5.5", **more}
    return post(fake, "/v1/responses", given, {"authorization": f"Bearer {fake.key}"})


def test_openai_says_what_a_request_lacks():
    """The model, the input, and tools that are a list."""
    with FakeOpenAI([]) as fake:
        assert openai(fake, model=None).words == "you must provide a model parameter"
        assert openai(fake).words == "Missing required parameter: 'input'."
        assert "expected an array of objects" in openai(fake, input="hi", tools={}).words


def test_openai_takes_its_own_tools_bare_functions_and_loose_schemas():
    """None of them has a schema that must be strict."""
    form = {"type": "json_schema", "name": "out", "schema": {"type": "object"}}
    tools = [{"type": "web_search"}, {"type": "function", "name": "f"}]
    with FakeOpenAI(["{}"]) as fake:
        answer = openai(fake, input="hi", tools=tools, text={"format": form})
        assert answer.status == 200
        assert [tool.name for tool in fake.asked[0].tools] == ["f"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ({"name": "f", "strict": True}, 'Unknown name "strict"'),
        ({"name": "f", "parameters": "none"}, "(type.googleapis.com/Schema)"),
    ],
)
def test_gemini_refuses_what_no_function_declaration_holds(function, words):
    """Unknown fields, and schemas that are none."""
    with pytest.raises(Answered) as refusal:
        check_functions({"tools": [{"functionDeclarations": [function]}]}, bad)
    assert words in words_of(refusal)


def test_gemini_answers_only_where_it_has_a_service():
    """Not to other methods or paths, and streams are server-sent events."""
    path = f"/v1beta/models/{GEMINI}"
    with FakeGemini([]) as fake:
        with closing(connect(fake)) as connection:
            connection.request("GET", f"{path}:generateContent", headers=gemini_headers(fake))
            answer: http.client.HTTPResponse = connection.getresponse()
            answer.read()
        assert answer.status == 404
        assert post(fake, f"{path}:paint", {}, gemini_headers(fake)).status == 404
        plain = post(fake, f"{path}:streamGenerateContent", {}, gemini_headers(fake))
        assert (plain.status, "?alt=sse" in plain.words) == (400, True)


def test_gemini_reads_files_by_their_uri():
    """A file is a blob without its bytes."""
    file = {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://x"}}
    given = {"contents": [{"role": "user", "parts": [file]}]}
    with FakeGemini(["ok"]) as fake:
        path = f"/v1beta/models/{GEMINI}:generateContent"
        assert post(fake, path, given, gemini_headers(fake)).status == 200
        assert fake.asked[0].messages[0].parts == (BlobPart("video/mp4", uri="gs://x"),)


def test_an_interaction_reads_other_contents_and_steps_too():
    """Files by uri; what it does not know stays as it came."""
    odd, search = {"type": "image", "mime_type": "image/png"}, {"type": "google_search_call"}
    file = {"type": "video", "mime_type": "video/mp4", "uri": "gs://x"}
    steps = [{"type": "user_input", "content": [file, odd]}, {"type": "thought"}, search]
    with FakeGemini(["ok"]) as fake:
        given = {"model": GEMINI, "input": steps}
        assert post(fake, "/v1beta/interactions", given, gemini_headers(fake)).status == 200
        user, model = fake.asked[0].messages
    assert user.parts == (BlobPart("video/mp4", uri="gs://x"), Unknown(odd))
    assert model.parts[0].opaque == ()
    assert model.parts[1] == Unknown(search)


def test_an_interaction_refuses_a_tool_without_its_type():
    """A name is not enough."""
    with FakeGemini([]) as fake:
        given = {"model": GEMINI, "input": "hi", "tools": [{"name": "f"}]}
        answer = post(fake, "/v1beta/interactions", given, gemini_headers(fake))
        assert answer.words == "tools[0]: 'type' is required."


def test_one_content_is_a_users_step():
    """As a text is, and a list of contents."""
    one = {"type": "text", "text": "hi"}
    expected = [{"type": "user_input", "content": [one]}]
    assert steps_of(one) == steps_of([one]) == steps_of("hi") == expected


def test_anthropic_reads_every_source_of_an_image():
    """Bytes, a URL, a file, and one it does not know; thinking may be switched off."""
    sources = [
        {"type": "base64", "media_type": "image/png", "data": "eA=="},
        {"type": "url", "url": "https://x/y"},
        {"type": "file", "file_id": "file_1"},
        {"type": "moon"},
    ]
    content = [{"type": "image", "source": source} for source in sources]
    given = {
        "model": "claude-opus-4-5",
        "max_tokens": 9,
        "thinking": {"type": "disabled"},
        "messages": [{"role": "user", "content": content}],
    }
    with FakeAnthropic(["ok"]) as fake:
        answer = post(fake, "/v1/messages", given, anthropic_headers(fake))
        assert answer.status == 200
        asked = fake.asked[0]
    assert asked.messages[0].parts == (
        BlobPart("image/png", b"x"),
        BlobPart("image/*", uri="https://x/y"),
        BlobPart("image/*", file_id="file_1"),
        Unknown(content[3]),
    )
    assert asked.sampling.reasoning == "none"


def test_a_seal_reads_nothing_from_what_is_no_text():
    """Only its own signatures say anything."""
    seal = Seal("corner")
    assert seal.read(7) is None
    assert len(seal.read(seal.sign(1, "a", "b")) or ()) == 2


def test_an_error_that_no_server_answers_with_is_no_fault():
    """The script says which, and what to use instead."""
    with pytest.raises(ConfigurationError, match="no server answers ProviderError; use a Fault"):
        fault_of(ProviderError("odd"))
