"""FakeOpenAI under the vendor's own client, sync and async, and under plain HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.llm import (
    BlobPart,
    Data,
    Message,
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
from altar.testing import ChatQuirks, FakeOpenAI, Fault

openai = pytest.importorskip("openai")

MODEL = "gpt-5.5"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "name": "get_weather", "description": "Weather", "parameters": CITY}
STRICT = {**TOOL, "strict": True}
CHAT_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather", "parameters": CITY},
}
CALLS = [
    Thinking("Two cities.\n\nTwo calls."),
    "I look.",
    ToolCall("get_weather", {"city": "Oslo"}),
    ToolCall("get_weather", {"city": "Bergen"}),
]


def client(fake: FakeOpenAI, **more):
    return openai.OpenAI(
        api_key=fake.key, base_url=fake.env["OPENAI_BASE_URL"], max_retries=0, **more
    )


def ask(fake: FakeOpenAI, items="Weather?", **more):
    body = {"model": MODEL, "input": items, "store": False, **more}
    body.setdefault("include", ["reasoning.encrypted_content"])
    with client(fake) as vendor:
        answer = vendor.responses.create(**body)
        return list(answer) if body.get("stream") else answer


def chat(fake: FakeOpenAI, messages=None, **more):
    messages = [{"role": "user", "content": "Weather?"}] if messages is None else messages
    with client(fake) as vendor:
        answer = vendor.chat.completions.create(**{"model": MODEL, "messages": messages, **more})
        return list(answer) if more.get("stream") else answer


def plain(model) -> dict:
    return model.model_dump(mode="json", exclude_none=True)


def refused(call, *args, **more):
    """The error that a request is refused with."""
    with pytest.raises(openai.APIStatusError) as caught:
        call(*args, **more)
    return caught.value


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def outputs(answer) -> list[dict]:
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": '{"celsius": 4}'}
        for item in answer.output
        if item.type == "function_call"
    ]


# -- Responses: what is answered ---------------------------------------------------------


def test_the_environment_variables_lead_the_vendors_client_to_the_fake(monkeypatch):
    with FakeOpenAI(["hi"]) as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        with openai.OpenAI() as vendor:
            answer = vendor.responses.create(model=MODEL, input="Hello")
    assert answer.output_text == "hi"
    assert fake.requests[0].headers["authorization"] == "[secret]"
    assert fake.asked[0].messages == (Message.user("Hello"),)


def test_parts_become_items_in_their_order():
    with FakeOpenAI([CALLS]) as fake:
        answer = ask(fake, tools=[STRICT])
    reasoning, message, first, second = answer.output
    assert [one.text for one in reasoning.summary] == ["Two cities.", "Two calls."]
    assert reasoning.encrypted_content.startswith("gAAAA")
    assert message.content[0].text == "I look."
    assert [json.loads(call.arguments) for call in (first, second)] == [
        {"city": "Oslo"},
        {"city": "Bergen"},
    ]
    assert len({first.call_id, second.call_id, first.id, second.id}) == 4
    assert answer.status == "completed"


def test_a_conversation_that_goes_back_whole_is_taken_and_read():
    with FakeOpenAI([CALLS, "Cold."]) as fake:
        first = ask(fake, [user("Oslo and Bergen?")], tools=[STRICT])
        history = [user("Oslo and Bergen?"), *map(plain, first.output), *outputs(first)]
        second = ask(fake, history, tools=[STRICT], instructions="Be brief.")
    assert second.output_text == "Cold."
    assert getattr(second, "input_transformations", None) is None
    request = fake.asked[1]
    assert request.instructions == "Be brief."
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    thinking, text, *calls = request.messages[1].parts
    assert thinking.text == "Two cities.\n\nTwo calls."
    assert text == Text("I look.")
    assert [call.args for call in calls] == [{"city": "Oslo"}, {"city": "Bergen"}]
    results = request.messages[2].parts
    assert [part.call_id for part in results] == [call.id for call in calls]
    assert [part.name for part in results] == ["get_weather"] * 2
    assert request.tools[0].name == "get_weather"


def test_every_kind_of_input_is_read():
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAEC", "detail": "auto"}
    paper = {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,AAEC",
    }
    kept = {"type": "input_file", "file_id": "file_1"}
    far = {"type": "input_image", "image_url": "https://pictures.invalid/a.png"}
    call = {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{"}
    output = {"type": "function_call_output", "call_id": "c",
              "output": [{"type": "input_text", "text": "1"}, image]}  # fmt: skip
    declined = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    items = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [image, paper, kept, far]},
        {"role": "assistant", "content": "I look."},
        call,
        output,
        user("And?"),
        declined,
        searched,
        user("Please."),
    ]
    with FakeOpenAI(["ok"]) as fake:
        ask(fake, items, instructions="Be brief.", tools=[TOOL])
    (request,) = fake.asked
    assert request.instructions == "Be brief.\n\nBe kind."
    first, said_so, results, more, no, last = request.messages
    assert first.parts == (
        BlobPart("image/png", b"\0\1\2"),
        BlobPart("application/pdf", b"\0\1\2"),
        BlobPart("application/octet-stream", file_id="file_1"),
        BlobPart("image/*", uri="https://pictures.invalid/a.png"),
    )
    assert said_so.parts == (
        Text("I look."),
        ToolCall("get_weather", raw_args="{", id="c", wire_id="c"),
    )
    (result,) = results.parts
    assert (result.text, result.blobs) == ("1", (BlobPart("image/png", b"\0\1\2"),))
    assert no.parts == (Refusal("No."), Unknown(searched))
    assert (more.text, last.text) == ("And?", "Please.")


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("auto", "AUTO", ()),
        ("required", "ANY", ()),
        ("none", "NONE", ()),
        ({"type": "function", "name": "get_weather"}, "ANY", ("get_weather",)),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]},
            "AUTO",
            ("get_weather",),
        ),
    ],
)  # fmt: skip
def test_every_tool_choice_is_read_from_both_apis(choice, mode, names):
    def nested(value):
        """The same choice as chat completions spell it."""
        if isinstance(value, str):
            return value
        if value["type"] == "function":
            return {"type": "function", "function": {"name": value["name"]}}
        inner = {"mode": value["mode"], "tools": list(map(nested, value["tools"]))}
        return {"type": "allowed_tools", "allowed_tools": inner}

    with FakeOpenAI(["ok", "ok"]) as fake:
        ask(fake, tools=[TOOL], tool_choice=choice)
        chat(fake, tools=[CHAT_TOOL], tool_choice=nested(choice))
    for request in fake.asked:
        assert request.tool_choice.mode == mode
        assert request.tool_choice.allowed_function_names == names


def test_a_typed_answer_is_read_from_both_apis():
    with FakeOpenAI(["{}", "{}"]) as fake:
        form = {"type": "json_schema", "name": "Place", "schema": CITY, "strict": True}
        ask(fake, text={"format": form})
        own = {"name": "Place", "schema": CITY, "strict": True}
        chat(fake, response_format={"type": "json_schema", "json_schema": own})
    assert [request.output.name for request in fake.asked] == ["Place", "Place"]
    assert [request.output.schema for request in fake.asked] == [CITY, CITY]


def test_files_and_sounds_of_a_chat_are_read():
    content = [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAEC"}},
        {"type": "file", "file": {"file_id": "file_1"}},
        {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "wav"}},
    ]  # fmt: skip
    with FakeOpenAI(["ok"]) as fake:
        declined = {"role": "assistant", "content": None, "refusal": "No."}
        chat(fake, [{"role": "user", "content": content}, declined, user("Please.")])
    first, no, _ = fake.asked[0].messages
    assert first.parts == (
        BlobPart("application/pdf", b"\0\1\2"),
        BlobPart("application/octet-stream", file_id="file_1"),
        BlobPart("audio/wav", b"\0\1\2"),
    )
    assert no.parts == (Refusal("No."),)


def test_a_stored_response_is_continued_by_its_id():
    with FakeOpenAI([CALLS, "Cold."]) as fake, client(fake) as vendor:
        first = vendor.responses.create(model=MODEL, input="Weather?", tools=[STRICT])
        assert first.output[0].encrypted_content is None
        second = vendor.responses.create(
            model=MODEL, previous_response_id=first.id, input=outputs(first), tools=[STRICT]
        )
        assert second.output_text == "Cold."
        unknown = refused(
            vendor.responses.create, model=MODEL, previous_response_id="resp_9", input="?"
        )
    assert unknown.code == "previous_response_not_found"
    assert len(fake.asked[1].messages) == 3


def test_usage_has_its_details_and_the_numbers_of_the_script():
    usage = Usage(
        input_tokens=1000, output_tokens=50, cached_tokens=900, cache_write_tokens=20,
        reasoning_tokens=30,
    )  # fmt: skip
    with FakeOpenAI([Response(message=Message.assistant("hi"), usage=usage)]) as fake:
        found = ask(fake).usage
    assert (found.input_tokens, found.output_tokens, found.total_tokens) == (1000, 50, 1050)
    assert found.input_tokens_details.cached_tokens == 900
    assert found.output_tokens_details.reasoning_tokens == 30


@pytest.mark.parametrize(
    ("finish", "raw", "reason"),
    [
        ("length", None, "max_output_tokens"),
        ("blocked", None, "content_filter"),
        ("unknown", "steered", "steered"),
    ],
)
def test_an_answer_that_was_cut_is_incomplete_and_says_why(finish, raw, reason):
    entry = Response(message=Message.assistant("half"), finish=finish, raw_finish=raw)
    with FakeOpenAI([entry, entry]) as fake:
        answer = ask(fake)
        events = ask(fake, stream=True)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", reason)
    assert answer.output[0].status == "incomplete"
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == reason


def test_a_refusal_is_content_of_a_message():
    with FakeOpenAI([["Well.", Refusal("I cannot.")]]) as fake:
        (message,) = ask(fake).output
    assert [part.type for part in message.content] == ["output_text", "refusal"]
    assert message.content[1].refusal == "I cannot."


def test_data_is_sent_as_json_and_an_unknown_part_as_it_stands():
    raw = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": None}
    with FakeOpenAI([[Unknown(raw), Data({"a": 1})]]) as fake:
        search, message = ask(fake).output
    assert (search.type, search.id) == ("web_search_call", "ws_1")
    assert message.content[0].text == '{"a":1}'


def test_malformed_argument_text_arrives_as_it_is():
    with FakeOpenAI([ToolCall("get_weather", raw_args='{"city": ')] * 2) as fake:
        assert ask(fake, tools=[TOOL]).output[0].arguments == '{"city": '
        assert done(ask(fake, tools=[TOOL], stream=True)).output[0].arguments == '{"city": '


def done(events):
    return events[-1].response


# -- Responses: streams ------------------------------------------------------------------


def test_a_stream_has_the_vendors_events_in_the_vendors_order():
    with FakeOpenAI([[Thinking("Hm"), "Hi", Refusal("no"), ToolCall("f", {"a": 1})]]) as fake:
        events = ask(fake, stream=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    short = [event.type.removeprefix("response.") for event in events]
    assert short == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_every_event_is_of_the_type_the_vendors_library_knows():
    with FakeOpenAI([CALLS]) as fake:
        events = ask(fake, stream=True, tools=[TOOL])
    for event in events:
        kind = "".join(word.title() for word in event.type.replace(".", "_").split("_"))
        assert type(event).__name__.removesuffix("Event") in {
            kind,
            kind.replace("OutputText", "Text"),
        }
        assert event.model_extra.keys() <= {"obfuscation", "name"}


def test_a_stream_tells_the_same_as_an_answer_in_one_piece():
    with FakeOpenAI([CALLS, CALLS]) as fake:
        whole = ask(fake, tools=[STRICT])
        events = ask(fake, tools=[STRICT], stream=True)
    streamed = events[-1].response
    without = {"id", "call_id", "encrypted_content"}

    def shown(answer):
        return [
            {k: v for k, v in plain(item).items() if k not in without} for item in answer.output
        ]

    assert shown(streamed) == shown(whole)
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == "I look."
    args: dict[int, str] = {}
    for event in events:
        if event.type == "response.function_call_arguments.delta":
            args[event.output_index] = args.get(event.output_index, "") + event.delta
    assert list(map(json.loads, args.values())) == [{"city": "Oslo"}, {"city": "Bergen"}]
    assert [e.item for e in events if e.type == "response.output_item.done"] == streamed.output


def test_encrypted_content_is_whole_only_when_its_item_is_done():
    with FakeOpenAI([[Thinking("Hm"), "Hi"], "never"]) as fake:
        events = ask(fake, stream=True)
        added = next(e.item for e in events if e.type == "response.output_item.added")
        ended = next(e.item for e in events if e.type == "response.output_item.done")
        assert ended.encrypted_content.startswith(added.encrypted_content)
        assert len(added.encrypted_content) < len(ended.encrypted_content)
        message = events[-1].response.output[1]
        history = [user("Weather?"), plain(added), plain(message)]
        error = refused(ask, fake, history)
        assert error.code == "invalid_encrypted_content"
        ask(fake, [user("Weather?"), plain(ended), plain(message), user("And?")])


def test_the_async_client_gets_the_same():
    async def run(fake):
        async with openai.AsyncOpenAI(
            api_key=fake.key, base_url=f"{fake.url}/v1", max_retries=0
        ) as vendor:
            answer = await vendor.responses.create(model=MODEL, input="?")
            stream = await vendor.chat.completions.create(
                model=MODEL, messages=[user("?")], stream=True
            )
            chunks = [chunk async for chunk in stream]
        return answer.output_text, "".join(c.choices[0].delta.content or "" for c in chunks)

    with FakeOpenAI(["responses", "chat completions"]) as fake:
        assert asyncio.run(run(fake)) == ("responses", "chat completions")


# -- Responses: what is refused ----------------------------------------------------------


@pytest.fixture
def talk():
    """A fake, its first answer, and the history that goes on from it."""
    with FakeOpenAI([CALLS, "Cold."]) as fake:
        first = ask(fake, [user("Weather?")], tools=[TOOL])
        history = [user("Weather?"), *map(plain, first.output), *outputs(first)]
        yield fake, history
        try:
            ask(fake, history, tools=[TOOL])  # whatever was refused used up no entry
        except openai.BadRequestError as error:
            assert "was asked for one more" in str(error)
            raise AssertionError("a refused request used up an entry") from None


def edited(history: list[dict], at: int, **change) -> list[dict]:
    return [{**item, **change} if index == at else item for index, item in enumerate(history)]


def test_a_call_without_its_reasoning_is_refused(talk):
    fake, history = talk
    error = refused(ask, fake, [item for item in history if item.get("type") != "reasoning"])
    assert error.status_code == 400
    assert "was provided without its required 'reasoning' item: 'rs_" in error.message
    assert error.param == "input"


def test_reasoning_without_what_followed_is_refused(talk):
    fake, history = talk
    error = refused(ask, fake, history[:2])
    assert "of type 'reasoning' was provided without its required following item." in error.message


def test_a_call_without_output_is_refused(talk):
    fake, history = talk
    error = refused(ask, fake, history[:-1])
    assert error.message.count("No tool output found for function call call_") == 1


def test_an_output_without_call_is_refused(talk):
    fake, history = talk
    stray = {"type": "function_call_output", "call_id": "call_x", "output": "1"}
    error = refused(ask, fake, [*history, stray])
    assert "No tool call found for function call output with call_id call_x." in error.message


def test_an_output_twice_is_refused(talk):
    fake, history = talk
    assert "Duplicate output" in refused(ask, fake, [*history, history[-1]]).message


def test_an_item_twice_is_refused(talk):
    fake, history = talk
    error = refused(ask, fake, [*history[:3], history[2], *history[3:]])
    assert "Duplicate item found with id msg_" in error.message


def test_changed_encrypted_content_is_refused(talk):
    fake, history = talk
    sealed = history[1]["encrypted_content"]
    at = len(sealed) // 2
    changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
    error = refused(ask, fake, edited(history, 1, encrypted_content=changed))
    assert error.code == "invalid_encrypted_content"


def test_encrypted_content_of_another_item_is_refused(talk):
    fake, history = talk
    fake_id = {"id": "rs_000999"}
    linked = [
        {**item, "id": item["id"].partition("x")[0]} if "x0" in item.get("id", "") else item
        for item in history
    ]
    error = refused(ask, fake, edited(linked, 1, **fake_id))
    assert error.code == "invalid_encrypted_content"


def test_reasoning_that_was_not_stored_and_has_no_content_is_not_found(talk):
    fake, history = talk
    bare = {k: v for k, v in history[1].items() if k != "encrypted_content"}
    error = refused(ask, fake, [history[0], bare, *history[2:]])
    assert error.status_code == 404
    assert "Items are not persisted when `store` is set to false" in error.message


@pytest.mark.parametrize(
    ("at", "change", "said"),
    [
        (3, {"arguments": {"city": "Oslo"}}, "expected a string, but got an object instead"),
        (3, {"id": "call_1"}, "Expected an ID that begins with 'fc'"),
        (3, {"call_id": "c" * 65}, "maximum length 64"),
        (3, {"call_id": ""}, "empty string"),
        (3, {"name": None}, "Missing required parameter: 'input[3].name'"),
        (3, {"parsed_arguments": 1}, "Unknown parameter: 'input[3].parsed_arguments'"),
        (5, {"output": {"celsius": 4}}, "a string or an array of objects"),
        (5, {"output": [{"type": "text", "text": "x"}]}, "Supported values are: 'input_text'"),
        (5, {"output": None}, "Missing required parameter"),
        (0, {"role": "tool"}, "Supported values are: 'user', 'assistant', 'system', and"),
        (0, {"content": [{"type": "output_text", "text": "x"}]}, "'input_text', 'input_image'"),
        (0, {"content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        (0, {"content": None}, "input[0].content"),
        (0, {"content": 3}, "a string or an array of objects"),
        (1, {"summary": None}, "input[1].summary"),
        (2, {"content": [{"type": "input_text", "text": "x"}]}, "'output_text' and 'refusal'"),
    ],
)
def test_an_item_out_of_form_is_refused(talk, at, change, said):
    fake, history = talk
    error = refused(ask, fake, edited(history, at, **change))
    assert error.status_code == 400
    assert said in error.message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "o3"}, "model_mismatch"),
        ({"input": "another question"}, "prefix_mismatch"),
    ],
)
def test_reasoning_that_does_not_fit_is_left_out_and_the_answer_says_so(change, reason):
    with FakeOpenAI([CALLS, "Cold.", "Cold."]) as fake:
        first = ask(fake, [user("Weather?")], tools=[TOOL])
        start = user(change.pop("input", "Weather?"))
        history = [start, *map(plain, first.output), *outputs(first)]
        answer = ask(fake, history, tools=[TOOL], **change)
        (told,) = plain(answer)["input_transformations"]
        streamed = done(ask(fake, history, tools=[TOOL], stream=True, **change))
    assert told == {
        "id": first.output[0].id,
        "action": "removed",
        "reason": reason,
        "type": "reasoning",
    }
    assert plain(streamed)["input_transformations"] == [told]


def test_reasoning_travels_to_another_server_of_the_same_kind():
    with FakeOpenAI([CALLS]) as fake:
        first = ask(fake, [user("Weather?")], tools=[TOOL])
    with FakeOpenAI(["Cold."]) as other:
        history = [user("Weather?"), *map(plain, first.output), *outputs(first)]
        assert ask(other, history, tools=[TOOL], model=f"{MODEL}-2026-01-01").output_text == "Cold."


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"stop": ["x"]}, "Unknown parameter: 'stop'.", "unknown_parameter"),
        ({"seed": 1}, "Unknown parameter: 'seed'.", "unknown_parameter"),
        ({"temperature": 0.5}, "'temperature' is not supported with this model", "unsupported_parameter"),
        ({"reasoning": {"effort": "huge"}}, "Supported values are: 'none'", "invalid_value"),
        ({"model": "gpt-4.1", "reasoning": {"effort": "low"}}, "reasoning.effort", "unsupported_parameter"),
        ({"stream_options": {}}, "only allowed when 'stream' is enabled", None),
        ({"tool_choice": "required"}, "only allowed when 'tools' are specified", None),
        ({"tools": [TOOL], "tool_choice": "any"}, "'none', 'auto', and 'required'", "invalid_value"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "x"}}, "'x' not found", None),
        ({"tools": [TOOL, TOOL]}, "Duplicate tool name", None),
        ({"tools": [{**TOOL, "name": "a b"}]}, "does not match pattern", "invalid_value"),
        ({"tools": [{**TOOL, "name": "a" * 65}]}, "maximum length 64", "string_above_max_length"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
        ({"tools": [CHAT_TOOL]}, "tools[0].name", "missing_required_parameter"),
        ({"tools": [{**TOOL, "parameters": {"type": "string"}}]}, "'type: \"object\"'", "invalid_function_parameters"),
        ({"tools": [{**TOOL, "parameters": 3}]}, "expected an object", "invalid_type"),
        ({"tools": [{**TOOL, "name": f"t{n}"} for n in range(129)]}, "array with length 129", "array_above_max_length"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "missing_required_parameter"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema", "missing_required_parameter"),
        ({"input": 3}, "one of a string or array", "invalid_type"),
    ],
)  # fmt: skip
def test_a_parameter_that_does_not_fit_is_refused(change, said, code):
    with FakeOpenAI() as fake:
        with client(fake) as vendor:
            body = {"model": MODEL, "input": "?", **change}
            error = refused(vendor.post, "/responses", body=body, cast_to=object)
    assert error.status_code == 400
    assert said in error.body["message"]
    assert error.code == code
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize("change", [{"temperature": 0.5, "model": "gpt-4.1"},
                                    {"temperature": 0.5, "reasoning": {"effort": "none"}},
                                    {"tool_choice": "none"}])  # fmt: skip
def test_a_parameter_that_fits_the_model_is_taken(change):
    with FakeOpenAI(["ok"]) as fake:
        assert ask(fake, **change).output_text == "ok"


# -- strict schemas ----------------------------------------------------------------------


def with_property(schema: dict) -> dict:
    return {**CITY, "properties": {"city": schema}}


BROKEN = {
    "is required to be supplied and to be false": {k: v for k, v in CITY.items() if k != "additionalProperties"},
    "additionalProperties": {**CITY, "additionalProperties": True},
    "Missing 'unit'": {**CITY, "properties": {**CITY["properties"], "unit": {"type": "string"}}},
    "Extra required key 'town'": {**CITY, "required": ["city", "town"]},
    "context=('properties', 'city'), 'not' is not permitted": with_property({"type": "string", "not": {}}),
    "'oneOf' is not permitted": with_property({"oneOf": [{"type": "string"}]}),
    "must have a 'type' key": with_property({}),
    "'uri' is not a valid format": with_property({"type": "string", "format": "uri"}),
    "array schema missing items": with_property({"type": "array"}),
    "context=('properties', 'city', 'items')": with_property({"type": "array", "items": {"type": "object"}}),
    "context=('properties', 'city', 'anyOf', '0')": with_property({"anyOf": [{"type": "object"}]}),
    "context=('$defs', 'A')": {**CITY, "$defs": {"A": {"type": "object"}}},
    "$ref cannot have keywords": {**with_property({"$ref": "#/$defs/A", "type": "string"}), "$defs": {"A": {"type": "string"}}},
    "schema must be an object": with_property(True),
}  # fmt: skip


@pytest.mark.parametrize("said", sorted(BROKEN))
@pytest.mark.parametrize("api", ["responses", "chat", "output"])
def test_a_schema_that_says_it_is_strict_and_is_not_is_refused(said, api):
    schema, strict = BROKEN[said], {"strict": True}
    with FakeOpenAI() as fake, client(fake) as vendor:
        body: dict = {"model": MODEL, "input": "?"}
        if api == "responses":
            body["tools"] = [{**TOOL, "parameters": schema, **strict}]
        elif api == "output":
            form = {"type": "json_schema", "name": "Out", "schema": schema, **strict}
            body["text"] = {"format": form}
        else:
            function = {**CHAT_TOOL["function"], "parameters": schema, **strict}
            tools = [{"type": "function", "function": function}]
            body = {"model": MODEL, "messages": [user("?")], "tools": tools}
        path = "/chat/completions" if api == "chat" else "/responses"
        error = refused(vendor.post, path, body=body, cast_to=object)
    assert said in error.message
    codes = {"output": "invalid_json_schema"}
    assert error.code == codes.get(api, "invalid_function_parameters")


@pytest.mark.parametrize("said", sorted(BROKEN))
def test_the_same_schema_is_taken_where_it_does_not_say_so(said):
    with FakeOpenAI(["ok"]) as fake, client(fake) as vendor:
        vendor.post(
            "/responses",
            body={"model": MODEL, "input": "?", "tools": [{**TOOL, "parameters": BROKEN[said]}]},
            cast_to=object,
        )


def test_a_strict_schema_of_every_allowed_kind_is_taken():
    schema = {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"], "description": "Which"},
            "when": {"type": ["string", "null"], "format": "date"},
            "sizes": {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1},
            "inner": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
            "self": {"$ref": "#"},
        },
        "required": ["kind", "when", "sizes", "inner", "self"],
        "additionalProperties": False,
        "$defs": {"Inner": {**CITY, "title": "Inner"}},
    }
    with FakeOpenAI(["ok"]) as fake:
        ask(fake, tools=[{**TOOL, "parameters": schema, "strict": True}])


# -- keys, models, faults ----------------------------------------------------------------


@pytest.mark.parametrize("call", [ask, chat])
def test_a_wrong_key_is_refused_and_not_repeated(call):
    with FakeOpenAI() as fake:
        url = f"{fake.url}/v1"
        with openai.OpenAI(api_key="sesame-open-1234567", base_url=url, max_retries=0) as vendor:
            error = refused(vendor.responses.create, model=MODEL, input="?")
    assert isinstance(error, openai.AuthenticationError)
    assert error.code == "invalid_api_key"
    assert "sesame-open" not in error.message


def test_a_missing_key_is_refused():
    with FakeOpenAI() as fake:
        status, _, body = raw(fake, "POST", "/v1/responses", {"model": MODEL, "input": "?"})
    assert status == 401
    assert "You didn't provide an API key" in body


@pytest.mark.parametrize("call", [ask, chat])
def test_a_model_that_is_no_openai_model_is_not_found(call):
    with FakeOpenAI() as fake:
        error = refused(call, fake, model="claude-opus-5-5")
    assert (error.status_code, error.code) == (404, "model_not_found")


def test_the_models_that_were_named_are_the_only_ones():
    with FakeOpenAI(["ok"], models=["mine"]) as fake:
        assert ask(fake, model="mine").output_text == "ok"
        assert refused(ask, fake).code == "model_not_found"
        with client(fake) as vendor:
            assert [model.id for model in vendor.models.list()] == ["mine"]


FAULTS = {
    "auth": (openai.AuthenticationError, "invalid_api_key"),
    "permission": (openai.PermissionDeniedError, None),
    "unknown_model": (openai.NotFoundError, "model_not_found"),
    "quota": (openai.RateLimitError, "insufficient_quota"),
    "rate_limit": (openai.RateLimitError, "rate_limit_exceeded"),
    "overloaded": (openai.InternalServerError, "slow_down"),
    "server_error": (openai.InternalServerError, "server_error"),
    "context_length": (openai.BadRequestError, "context_length_exceeded"),
}


@pytest.mark.parametrize("call", [ask, chat])
@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_a_fault_before_any_byte_is_the_vendors_error(kind, call):
    with FakeOpenAI([Fault(kind, retry_after=1.5), Fault(kind, message="in other words")]) as fake:
        first = refused(call, fake)
        second = refused(call, fake, stream=True)
    expected, code = FAULTS[kind]
    assert type(first) is type(second) is expected
    assert (first.code, second.code) == (code, code)
    assert first.request_id.startswith("req_")
    assert first.response.headers["retry-after-ms"] == "1500"
    assert first.response.headers["retry-after"] == "2"
    assert ("Please try again in 1.5s." in first.message) is (kind == "rate_limit")
    assert "in other words" in second.message


def test_a_fault_in_the_middle_of_a_responses_stream_is_an_event():
    with FakeOpenAI([Fault("overloaded", after=4), Fault("server_error", after=4)]) as fake:
        first, second = (ask(fake, stream=True) for _ in range(2))
    assert len(first) == len(second) == 5
    assert (first[-1].type, first[-1].code) == ("error", "slow_down")
    assert second[-1].type == "response.failed"
    assert second[-1].response.error.code == "server_error"


def test_a_fault_in_the_middle_of_a_chat_stream_is_an_error_of_the_client():
    with FakeOpenAI([Fault("rate_limit", after=2)]) as fake:
        seen = []
        with pytest.raises(openai.APIError, match="Rate limit reached"):
            with client(fake) as vendor:
                for chunk in vendor.chat.completions.create(
                    model=MODEL, messages=[user("?")], stream=True
                ):
                    seen.append(chunk)
    assert len(seen) == 2


def test_a_connection_that_breaks_in_a_stream_is_an_error_of_the_client():
    with FakeOpenAI([Fault("close", after=3)]) as fake:
        with pytest.raises(Exception) as caught:
            ask(fake, stream=True)
    # of the client's library where it translates, and of the transport where it does not
    assert type(caught.value).__name__ in {"APIConnectionError", "RemoteProtocolError"}


def test_an_unknown_path_is_refused():
    with FakeOpenAI() as fake, client(fake) as vendor:
        error = refused(vendor.post, "/nothing", body={}, cast_to=object)
    assert error.message.count("Invalid URL (POST /v1/nothing)") == 1


# -- chat completions --------------------------------------------------------------------


def test_a_chat_completion_has_content_calls_and_usage():
    usage = Usage(input_tokens=100, output_tokens=50, cached_tokens=90, reasoning_tokens=30)
    parts = tuple([Text("I look."), ToolCall("get_weather", {"city": "Oslo"})])
    entry = Response(message=Message("assistant", parts), usage=usage)
    with FakeOpenAI([entry]) as fake:
        answer = chat(fake, tools=[CHAT_TOOL])
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "I look."
    (call,) = choice.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    assert answer.usage.prompt_tokens_details.cached_tokens == 90
    assert answer.usage.completion_tokens_details.reasoning_tokens == 30
    assert answer.usage.total_tokens == 150


@pytest.mark.parametrize(
    ("entry", "finish", "content", "refusal"),
    [
        ("hi", "stop", "hi", None),
        (Refusal("I cannot."), "stop", None, "I cannot."),
        (Response(message=Message.assistant("ha"), finish="length"), "length", "ha", None),
        (Response(message=Message("assistant", ()), finish="blocked"), "content_filter", None, None),
        (Response(message=Message.assistant("x"), raw_finish="odd"), "odd", "x", None),
        ([Thinking("kept to itself"), "hi"], "stop", "hi", None),
    ],
)  # fmt: skip
def test_how_a_chat_completion_ends(entry, finish, content, refusal):
    with FakeOpenAI([entry, entry]) as fake:
        message = chat(fake).choices[0].message
        chunks = chat(fake, stream=True)
    assert (message.content, message.refusal) == (content, refusal)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == (content or "")
    assert "".join(delta.refusal or "" for delta in deltas) == (refusal or "")
    assert chunks[-1].choices[0].finish_reason == finish


def test_a_chat_stream_has_the_id_and_name_first_and_then_fragments_by_index():
    calls = [ToolCall("get_weather", {"city": "Oslo"}), ToolCall("get_weather", {"city": "Bergen"})]
    with FakeOpenAI([calls]) as fake:
        chunks = chat(fake, tools=[CHAT_TOOL], stream=True)
    deltas = [d for c in chunks for d in c.choices[0].delta.tool_calls or ()]
    texts = {0: "", 1: ""}
    for delta in deltas:
        texts[delta.index] += delta.function.arguments
    assert [json.loads(text) for text in texts.values()] == [{"city": "Oslo"}, {"city": "Bergen"}]
    named = [delta for delta in deltas if delta.id]
    assert [delta.index for delta in named] == [0, 1]
    assert all(delta.function.name == "get_weather" for delta in named)
    assert len(deltas) > 4
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_usage_comes_in_a_chunk_of_its_own_when_it_is_asked_for():
    with FakeOpenAI(["hi", "hi"]) as fake:
        with_usage = chat(fake, stream=True, stream_options={"include_usage": True})
        without = chat(fake, stream=True)
    assert with_usage[-1].choices == []
    assert with_usage[-1].usage.total_tokens > 0
    assert [chunk.usage for chunk in with_usage[:-1]] == [None] * (len(with_usage) - 1)
    assert all(chunk.usage is None and chunk.choices for chunk in without)


def said(*ids: str, **more) -> dict:
    function = {"name": "get_weather", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls, **more}


def tool(call_id: str, content: object = "1") -> dict:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_a_chat_history_is_read_as_messages():
    png = "data:image/png;base64,AAEC"
    image = {"type": "image_url", "image_url": {"url": png}}
    history = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Look"}, image]},
        said("a", "b", content="I look."),
        tool("b", '{"c": 1}'),
        tool("a", [{"type": "text", "text": "2"}]),
        user("And?"),
    ]
    with FakeOpenAI(["ok"]) as fake:
        chat(fake, history, tools=[CHAT_TOOL], tool_choice="required", max_completion_tokens=9)
    (request,) = fake.asked
    assert request.instructions == "Be brief."
    asked, reply, results, last = request.messages
    assert asked.parts == (Text("Look"), BlobPart("image/png", b"\0\1\2"))
    assert reply.origin == Origin(provider="openai", api="chat", model=MODEL)
    assert [call.wire_id for call in reply.calls] == ["a", "b"]
    assert results.parts == (
        ToolResultPart(call_id="b", name="get_weather", text='{"c": 1}'),
        ToolResultPart(call_id="a", name="get_weather", text="2"),
    )
    assert last == Message.user("And?")
    assert request.tool_choice.mode == "ANY"
    assert request.sampling.max_tokens == 9


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "empty array"),
        (None, "Missing required parameter: 'messages'"),
        ("text", "expected an array of objects, but got a string"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "model", "content": "x"}], "Supported values are: 'system', 'assistant'"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "expected a string, got null"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "Invalid value: 'input_text'"),
        ([user("x"), said("a")], "did not have response messages: a"),
        ([user("x"), said("a", "b"), tool("a")], "did not have response messages: b"),
        ([user("x"), said("a"), user("y"), tool("a")], "did not have response messages: a"),
        ([user("x"), tool("a")], "must be a response to a preceeding message"),
        ([user("x"), said("a"), tool("b")], "'tool_call_id' of 'b' not found"),
        ([user("x"), said("a"), tool("a"), tool("a")], "Duplicate value for 'tool_call_id'"),
        ([user("x"), said("a", "a"), tool("a")], "Duplicate 'id'"),
        ([user("x"), {"role": "tool", "content": "1"}], "messages[1].tool_call_id"),
        ([user("x"), said()], "messages[1].tool_calls"),
        ([user("x"), {**said("a"), "role": "user", "content": "x"}], "messages[1].tool_calls"),
        ([user("x"), {"role": "assistant", "content": None}], "expected a string, got null"),
        ([user("x"), said("a"), tool("a", {"c": 1})], "string or array of objects"),
        ([user("x"), said("a"), tool("a", [{"type": "image_url", "image_url": {"url": "u"}}])], "image_url is only supported"),
    ],
)  # fmt: skip
def test_a_chat_history_that_breaks_a_rule_is_refused(history, words):
    with FakeOpenAI() as fake, client(fake) as vendor:
        body = {"model": MODEL, **({} if history is None else {"messages": history})}
        error = refused(vendor.post, "/chat/completions", body=body, cast_to=object)
    assert error.status_code == 400
    assert words in error.message


@pytest.mark.parametrize("arguments", [{"city": "Oslo"}, None, 3])
@pytest.mark.parametrize("quirks", [None, "ollama", "vllm", "llama.cpp"])
def test_arguments_that_are_no_text_are_refused(arguments, quirks):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    with FakeOpenAI(quirks=quirks) as fake, client(fake) as vendor:
        body = {"model": MODEL, "messages": [user("x"), message, tool("a")]}
        error = refused(vendor.post, "/chat/completions", body=body, cast_to=object)
    assert "function.arguments" in error.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_tokens": 5}, "Use 'max_completion_tokens' instead"),
        ({"temperature": 0.1}, "not supported with this model"),
        ({"top_k": 3}, "Unknown parameter: 'top_k'"),
        ({"tools": []}, "empty array"),
        ({"tool_choice": "auto"}, "only allowed when 'tools' are specified"),
        ({"tools": [TOOL]}, "tools[0].function"),
        ({"model": "gpt-4.1", "reasoning_effort": "low"}, "reasoning_effort"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_chat_parameter_that_does_not_fit_is_refused(change, said):
    with FakeOpenAI() as fake, client(fake) as vendor:
        body = {"model": MODEL, "messages": [user("x")], **change}
        error = refused(vendor.post, "/chat/completions", body=body, cast_to=object)
    assert said in error.message


# -- local servers -----------------------------------------------------------------------

TWO_CALLS = [Thinking("Hm"), ToolCall("f", {"a": 1}), ToolCall("g", {"b": "two"})]


def test_ollama_gives_no_ids_no_index_no_reason_and_whole_calls():
    with FakeOpenAI([TWO_CALLS, TWO_CALLS], quirks="ollama") as fake:
        choice = chat(fake, model="qwen3").choices[0]
        chunks = chat(fake, model="qwen3", stream=True)
    assert choice.finish_reason == "stop"
    assert [call.id for call in choice.message.tool_calls] == ["", ""]
    assert choice.message.reasoning == "Hm"
    deltas = [d for c in chunks for d in c.choices[0].delta.tool_calls or ()]
    assert [(d.index, d.id, d.function.arguments) for d in deltas] == [
        (0, "", '{"a":1}'),
        (0, "", '{"b":"two"}'),
    ]


def test_vllm_streams_reasoning_content_and_fragments():
    with FakeOpenAI([TWO_CALLS], quirks="vllm") as fake:
        chunks = list(
            chat(fake, model="qwen3", stream=True, stream_options={"include_usage": True})
        )
    assert (
        "".join(getattr(c.choices[0].delta, "reasoning_content", "") for c in chunks[:-1]) == "Hm"
    )
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage.prompt_tokens > 0


def test_llama_cpp_sends_objects_for_arguments_no_usage_and_no_end_mark():
    with FakeOpenAI([TWO_CALLS, TWO_CALLS], quirks="llama.cpp") as fake:
        body = {"model": "any", "messages": [user("x")]}
        _, _, whole = raw(fake, "POST", "/v1/chat/completions", body)
        options = {"stream": True, "stream_options": {"include_usage": True}}
        _, _, streamed = raw(fake, "POST", "/v1/chat/completions", {**body, **options})
    calls = json.loads(whole)["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"a": 1}, {"b": "two"}]
    assert "usage" not in json.loads(whole)
    assert "[DONE]" not in streamed
    assert "usage" not in streamed


@given(
    quirks=st.builds(
        ChatQuirks,
        server=st.sampled_from(["ollama", "vllm", "llama.cpp"]),
        empty_ids=st.booleans(),
        zero_index=st.booleans(),
        stop_with_calls=st.booleans(),
        object_args=st.booleans(),
        reasoning=st.sampled_from(["reasoning", "reasoning_content"]),
        usage=st.booleans(),
        whole_calls=st.booleans(),
        done=st.booleans(),
    )
)
def test_each_quirk_is_on_the_wire_alone(quirks: ChatQuirks):
    with FakeOpenAI([TWO_CALLS, TWO_CALLS], quirks=quirks) as fake:
        body = {"model": "any", "messages": [user("x")]}
        whole = json.loads(raw(fake, "POST", "/v1/chat/completions", body)[2])
        text = raw(fake, "POST", "/v1/chat/completions", {**body, "stream": True})[2]
    (choice,) = whole["choices"]
    message = choice["message"]
    assert [call["id"] == "" for call in message["tool_calls"]] == [quirks.empty_ids] * 2
    assert (choice["finish_reason"] == "stop") is quirks.stop_with_calls
    kinds = {type(call["function"]["arguments"]) for call in message["tool_calls"]}
    assert kinds == ({dict} if quirks.object_args else {str})
    assert message[quirks.reasoning] == "Hm"
    assert ("usage" in whole) is quirks.usage
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert (events[-1] == "[DONE]") is quirks.done
    deltas = [
        delta
        for event in events
        if event != "[DONE]"
        for choice in json.loads(event)["choices"]
        for delta in choice["delta"].get("tool_calls", ())
    ]
    assert {delta["index"] for delta in deltas} == ({0} if quirks.zero_index else {0, 1})
    assert (len(deltas) == 2) is (quirks.whole_calls or quirks.object_args)


@pytest.mark.parametrize(
    ("quirks", "kind", "page"),
    [
        ("ollama", "text/plain", "404 page not found"),
        ("vllm", "application/json", '{"detail":"Not Found"}'),
        ("llama.cpp", "text/html", "<h1>404 Not Found</h1>"),
    ],
)
def test_a_local_server_has_its_own_words_for_an_unknown_path(quirks, kind, page):
    with FakeOpenAI(quirks=quirks) as fake:
        status, headers, body = raw(fake, "POST", "/v1/responses", {"model": "x", "input": "?"})
    assert (status, headers["content-type"]) == (404, kind)
    assert page in body


@pytest.mark.parametrize(
    ("quirks", "error"),
    [
        ("ollama", {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}),
        ("vllm", {"message": "The model `nope` does not exist.", "type": "NotFoundError", "param": None, "code": 404}),
        ("llama.cpp", {"code": 404, "message": "model 'nope' not found", "type": "not_found_error"}),
    ],
)  # fmt: skip
def test_a_local_server_has_its_own_words_for_an_unknown_model(quirks, error):
    with FakeOpenAI(quirks=quirks, models=["qwen3"]) as fake:
        body = {"model": "nope", "messages": [user("x")]}
        status, _, text = raw(fake, "POST", "/v1/chat/completions", body)
    assert status == 404
    assert json.loads(text)["error"] == error


@pytest.mark.parametrize("quirks", ["ollama", "vllm", "llama.cpp"])
@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_a_local_servers_fault_has_a_status_and_words(quirks, kind):
    expected, _ = FAULTS[kind]
    with FakeOpenAI([Fault(kind, retry_after=2)], quirks=quirks) as fake:
        error = refused(chat, fake, model="qwen3")
    assert type(error) is expected
    assert error.response.headers["retry-after"] == "2"


@pytest.mark.parametrize(("quirks", "status"), [("ollama", 400), ("vllm", 400), ("llama.cpp", 500)])
def test_a_local_server_refuses_arguments_that_are_no_json(quirks, status):
    broken = said("a")
    broken["tool_calls"][0]["function"] = {"name": "f", "arguments": '{"a": '}
    with FakeOpenAI(quirks=quirks) as fake:
        error = refused(chat, fake, [user("x"), broken, tool("a")], model="qwen3")
    assert error.status_code == status


def test_a_local_server_asks_for_no_key_and_names_its_variable():
    with FakeOpenAI(["hi"], quirks="vllm") as fake:
        assert fake.env["ALTAR_LOCAL_URL"] == f"{fake.url}/v1"
        body = {"model": "any", "messages": [user("x")]}
        assert raw(fake, "POST", "/v1/chat/completions", body)[0] == 200
    assert fake.asked[0].messages[0].origin is None


def test_reasoning_that_goes_back_to_a_local_server_is_read():
    history = [user("x"), said("a", reasoning_content="Hm"), tool("a")]
    with FakeOpenAI(["ok"], quirks="vllm") as fake:
        chat(fake, history, model="any")
    thinking = fake.asked[0].messages[1].parts[0]
    assert thinking.text == "Hm"
    assert fake.asked[0].messages[1].origin.provider == "local"


def test_unknown_quirks_are_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"'ollama', 'vllm', 'llama\.cpp'"):
        FakeOpenAI(quirks="lmstudio")


def test_a_part_that_no_answer_can_hold_fails_the_test_and_not_in_silence():
    with pytest.raises(AssertionError, match="could not answer"):
        with FakeOpenAI([BlobPart("image/png", b"x")]) as fake:
            refused(ask, fake)


def raw(fake: FakeOpenAI, method: str, path: str, body: object) -> tuple[int, dict, str]:
    """One request by plain HTTP, without a key."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(fake.url.rpartition(":")[2]), timeout=60
    )
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
    finally:
        connection.close()


def test_a_default_in_a_strict_schema_is_taken():
    schema = with_property({"type": "string", "default": "x"})
    with FakeOpenAI(["Hi"]) as fake, client(fake) as vendor:
        held = {"type": "json_schema", "name": "a", "schema": schema, "strict": True}
        vendor.responses.create(model="gpt-5.5", input="q", text={"format": held})
