"""Chat completions: what goes out keeps the wire's rules, and what comes back keeps every quirk."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

import altar
from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    OverloadedError,
    QuotaError,
    ServerError,
    StreamBrokenError,
    UnknownModelError,
)
from altar.llm import (
    BlobPart,
    Capabilities,
    Data,
    Delta,
    Message,
    Opaque,
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
    Travel,
    Unknown,
    Usage,
    fold,
)
from altar.llm.openai_compatible import (
    ChatDialect,
    ChatReader,
    chat_failure,
    chat_request,
    chat_response,
    merged,
)
from tests.strategies.chat import answers, chunked
from tests.strategies.conversations import conversations

HOME = Origin(provider="local", api="chat", model="m")


def get_weather(city: str, unit: str = "celsius") -> str:
    """Weather for a city."""
    return "sunny"


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


TOOLS = (altar.declare(get_weather), altar.declare(add))


def asked(*messages: Message, **fields: Any) -> Request:
    given = {
        "model": "m",
        "messages": messages or (Message.user("hi"),),
        "instructions": None,
        "tools": (),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(**{**given, **fields})


def sent(request: Request, dialect: ChatDialect = ChatDialect(), **options: Any):
    """The body, and what was noted about it."""
    travel = Travel(dialect.provider, "chat", model="m")
    body = chat_request(request, travel, dialect=dialect, **options)
    json.dumps(body, allow_nan=False)
    return body, {note.what: note.why for note in travel.adaptations}


def messages(*history: Message, **options: Any) -> list[dict[str, Any]]:
    return sent(asked(*history), **options)[0]["messages"]


def result(call_id: str, text: str = '"ok"', **fields: Any) -> ToolResultPart:
    return ToolResultPart(call_id=call_id, name="add", text=text, **fields)


def answered(message: dict[str, Any], finish: str | None = "stop", **fields: Any):
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return chat_response({"id": "r1", "model": "m", "choices": [choice], **fields}, asked())


def streamed(*deltas: dict[str, Any], finish: str | None = "stop", **options: Any):
    reader = ChatReader(asked(), **options)
    events = []
    for delta in deltas:
        events += reader.feed({"id": "r1", "model": "m", "choices": [{"index": 0, "delta": delta}]})
    events += reader.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return fold([*events, *reader.end()])


def piece(name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**fields, "function": {key: one for key, one in function.items() if one is not None}}


def calls_of(response) -> list[tuple[Any, ...]]:
    return [(call.wire_id, call.name, call.args) for call in response.message.calls]


# -- the way out -----------------------------------------------------------------------------


def test_a_plain_question_is_a_text_and_nothing_else():
    body, notes = sent(asked(Message.user("hi"), instructions="be brief"))
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ],
    }
    assert notes == {}


def test_a_stream_asks_for_its_usage():
    body, _ = sent(asked(), stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_results_follow_their_calls_in_order_and_what_the_user_said_comes_after():
    """One tool message for each result, directly behind the calls."""
    reply = Message(
        "assistant",
        (
            ToolCall("add", {"a": 1}, id="one", wire_id="w1", raw_args='{ "a":1}'),
            ToolCall("add", {}, id="two", wire_id="w2"),
        ),
        origin=HOME,
    )
    follower = Message(
        "tool", (result("one", '{"n": 1}'), result("two", "2", is_error=True), Text("and thanks"))
    )
    assert messages(Message.user("go"), reply, follower) == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "w1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{ "a":1}'},
                },
                {"id": "w2", "type": "function", "function": {"name": "add", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "w1", "content": '{"n": 1}'},
        {"role": "tool", "tool_call_id": "w2", "content": "2"},
        {"role": "user", "content": "and thanks"},
    ]


@pytest.mark.parametrize(
    ("origin", "wire_id", "expected"),
    [
        (HOME, "w", "w"),
        (HOME, None, "own"),
        (Origin(provider="openai", api="chat", model="m"), "w", "own"),
        (None, "w", "own"),
    ],
)
def test_a_call_has_its_own_servers_id_or_altars_and_its_result_the_same(origin, wire_id, expected):
    reply = Message("assistant", (ToolCall("add", {}, id="own", wire_id=wire_id),), origin=origin)
    out = messages(reply, Message("tool", (result("own"),)))
    assert (out[0]["tool_calls"][0]["id"], out[1]["tool_call_id"]) == (expected, expected)


def test_ids_a_server_gave_twice_or_a_hand_left_out_are_told_apart():
    twice = [ToolCall("add", {}, id=f"own{n}", wire_id="same") for n in (1, 2)]
    none = [ToolCall("add", {}), ToolCall("add", {})]
    out = messages(
        Message("assistant", tuple(twice), origin=HOME),
        Message("tool", (result("own1"), result("own2"))),
        Message("assistant", tuple(none)),
        Message("tool", (result(""), result(""))),
    )
    ids = [[call["id"] for call in one["tool_calls"]] for one in out if "tool_calls" in one]
    assert all(len(set(pair)) == 2 for pair in ids)
    assert [one["tool_call_id"] for one in out if one["role"] == "tool"] == ids[0] + ids[1]


@pytest.mark.parametrize(
    ("call", "strict", "lenient"),
    [
        (ToolCall("f", {"a": 1}), '{"a":1}', '{"a":1}'),
        (ToolCall("f", {"a": "é"}), '{"a":"é"}', '{"a":"é"}'),
        (ToolCall("f", {"a": 1}, raw_args='{ "a" : 1 }'), '{ "a" : 1 }', '{ "a" : 1 }'),
        (ToolCall("f", None, raw_args='{"a": 1}'), '{"a": 1}', '{"a": 1}'),
        (ToolCall("f", {"a": 1}, raw_args='{"a": 1,}'), '{"a":1}', '{"a": 1,}'),
        (ToolCall("f", None, raw_args='{"a": '), "{}", '{"a": '),
        (ToolCall("f", None, raw_args="[1]"), "{}", "[1]"),
        (ToolCall("f", None, raw_args=" "), "{}", "{}"),
        (ToolCall("f"), "{}", "{}"),
    ],
)
def test_arguments_go_back_as_written_where_the_server_can_read_them(call, strict, lenient):
    """Local servers parse them again, OpenAI takes any text."""
    history = (Message("assistant", (replace(call, id="c"),)), Message("tool", (result("c"),)))

    def written(dialect):
        return sent(asked(*history), dialect)[0]["messages"][0]["tool_calls"][0]["function"]

    assert written(ChatDialect())["arguments"] == strict
    assert written(ChatDialect(broken_args=True))["arguments"] == lenient
    noted = "arguments of a call" in sent(asked(*history))[1]
    assert noted == (call.args is None and strict == "{}" and bool((call.raw_args or "").strip()))


def test_parts_are_never_merged_or_reordered():
    parts = (Text("a"), BlobPart("image/png", b"\1"), Text(""), Data({"x": [1, None]}), Text("b"))
    assert messages(Message("user", parts))[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ=="}},
        {"type": "text", "text": ""},
        {"type": "text", "text": '{"x":[1,null]}'},
        {"type": "text", "text": "b"},
    ]


@pytest.mark.parametrize(
    ("blob", "item"),
    [
        (
            BlobPart("image/jpeg", uri="https://example.com/a.jpg"),
            {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
        ),
        (
            BlobPart("audio/wav", b"\0"),
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
        (
            BlobPart("audio/mpeg", b"\0"),
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        ),
        (
            BlobPart("application/pdf", b"\0"),
            {
                "type": "file",
                "file": {
                    "filename": "file.pdf",
                    "file_data": "data:application/pdf;base64,AA==",
                },
            },
        ),
        (BlobPart("application/pdf", file_id="f1"), {"type": "file", "file": {"file_id": "f1"}}),
        (
            BlobPart("video/mp4", b"\0"),
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA=="}},
        ),
    ],
)
def test_a_blob_goes_out_in_the_form_of_its_kind(blob, item):
    assert messages(Message("user", (blob,)))[0]["content"] == [item]


def test_a_blob_nobody_there_can_read_becomes_a_note_and_is_told():
    can = Capabilities(blobs=("image/*",))
    blobs = (BlobPart("audio/wav", b"\0"), BlobPart("image/png", b"\0"))
    body, notes = sent(asked(Message("user", blobs)), can=can)
    kinds = [item["type"] for item in body["messages"][0]["content"]]
    assert kinds == ["text", "image_url"]
    assert list(notes) == ["audio/wav blobs"]
    body, notes = sent(asked(Message("user", (BlobPart("audio/wav", uri="https://e.com"),))))
    assert "audio/wav" in body["messages"][0]["content"]
    assert list(notes) == ["audio/wav blobs"]


def test_blobs_of_a_result_follow_all_results_in_a_users_message():
    """A tool message holds text alone, and no other message may stand between two of them."""
    reply = Message("assistant", (ToolCall("add", {}, id="a"), ToolCall("add", {}, id="b")))
    image = BlobPart("image/png", b"\1")
    follower = Message("tool", (result("a", blobs=(image,)), result("b"), Text("look")))
    body, notes = sent(asked(reply, follower))
    assert [one["role"] for one in body["messages"]] == ["assistant", "tool", "tool", "user"]
    kinds = [item["type"] for item in body["messages"][-1]["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert "add" in body["messages"][-1]["content"][0]["text"]
    assert "blobs of results" in notes
    body, notes = sent(asked(reply, follower), can=Capabilities(blobs=()))
    assert body["messages"][-1] == {"role": "user", "content": "look"}
    assert "does not read" in notes["blobs of results"]


def test_what_another_model_thought_stays_behind_and_is_told():
    foreign = Message(
        "assistant",
        (
            Thinking("hm", opaque=(Opaque(provider="anthropic", api="m", kind="s", data="x"),)),
            Unknown({"type": "server_tool"}),
            Refusal("No."),
            Text("a"),
        ),
        origin=Origin(provider="anthropic", api="messages", model="c"),
    )
    body, notes = sent(asked(foreign))
    content = body["messages"][0]
    assert content == {
        "role": "assistant",
        "content": [{"type": "text", "text": "No."}, {"type": "text", "text": "a"}],
    }
    assert set(notes) == {"thinking", "unknown parts"}


def test_an_answer_without_any_words_is_an_empty_text():
    assert messages(Message("assistant", ()))[0] == {"role": "assistant", "content": ""}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_goes_home_in_the_field_it_came_in(field):
    response = answered({"content": "4", field: "2 + 2"})
    assert response.message.parts[0].text == "2 + 2"
    back = messages(response.message)[0]
    assert back == {"role": "assistant", "content": "4", field: "2 + 2"}
    body, notes = sent(asked(response.message), ChatDialect(reasoning=False))
    assert body["messages"] == [{"role": "assistant", "content": "4"}]
    assert "thinking" in notes


def test_fields_beside_a_call_and_reasoning_details_go_home_as_they_came():
    """Gateways keep signatures there."""
    call = {**piece("add", "{}", id="c1"), "extra_content": {"google": {"thought_signature": "s"}}}
    message = {"content": None, "tool_calls": [call], "reasoning_details": [{"data": "x"}]}
    response = answered({**message, "annotations": [{"n": 1}], "empty": []})
    back = messages(response.message, Message("tool", (result(""),)))[0]
    assert back["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}
    assert back["reasoning_details"] == [{"data": "x"}]
    assert "annotations" not in back
    assert response.message.opaque[0].data["annotations"] == [{"n": 1}]
    strange = replace(response.message, origin=Origin(provider="openai", api="chat"))
    assert "extra_content" not in str(messages(strange, Message("tool", (result(""),))))


@pytest.mark.parametrize(
    ("choice", "tools", "said"),
    [
        (None, ["get_weather", "add"], None),
        (ToolConfig(), ["get_weather", "add"], "auto"),
        (ToolConfig(mode="ANY"), ["get_weather", "add"], "required"),
        (ToolConfig(mode="NONE"), ["get_weather", "add"], "none"),
        (ToolConfig(mode="ANY", allowed_function_names=("add",)), ["add"], "required"),
        (ToolConfig(allowed_function_names=("add",)), ["add"], "auto"),
    ],
)
def test_a_choice_of_tools_is_a_mode_and_declares_those_it_allows(choice, tools, said):
    body, notes = sent(asked(tools=TOOLS, tool_choice=choice))
    assert [tool["function"]["name"] for tool in body["tools"]] == tools
    assert body.get("tool_choice") == said
    assert ("tools" in notes) == (len(tools) == 1)


def test_openai_is_told_which_tools_may_be_called_and_keeps_the_declarations():
    dialect = ChatDialect(allowed_tools=True)
    one = ToolConfig(mode="ANY", allowed_function_names=("add",))
    body, _ = sent(asked(tools=TOOLS, tool_choice=one), dialect)
    assert (len(body["tools"]), body["tool_choice"]["function"]) == (2, {"name": "add"})
    some = ToolConfig(allowed_function_names=("add", "get_weather"))
    body, notes = sent(asked(tools=TOOLS, tool_choice=some), dialect)
    assert body["tool_choice"]["allowed_tools"]["mode"] == "auto"
    assert len(body["tool_choice"]["allowed_tools"]["tools"]) == 2
    assert notes == {}


def test_a_server_without_tool_choice_is_asked_in_words():
    dialect = ChatDialect(tool_choice=False)
    body, notes = sent(asked(tools=TOOLS, tool_choice=ToolConfig(mode="ANY")), dialect)
    assert "tool_choice" not in body
    assert "calling one of the tools" in body["messages"][0]["content"]
    assert "tool_choice" in notes
    body, notes = sent(asked(tools=TOOLS, tool_choice=ToolConfig(mode="NONE")), dialect)
    assert "tools" not in body
    assert "tools" in notes


def test_a_tool_is_declared_as_json_schema_or_as_the_hook_says():
    body, _ = sent(asked(tools=TOOLS))
    assert body["tools"][0]["function"] == TOOLS[0].to_dict(dialect="json-schema")

    def strictly(declaration: FunctionDeclaration) -> dict[str, Any]:
        return {"name": declaration.name, "strict": True}

    body, _ = sent(asked(tools=TOOLS), ChatDialect(declare=strictly))
    assert body["tools"][0]["function"] == {"name": "get_weather", "strict": True}


def test_a_typed_answer_is_held_to_its_schema():
    spec = OutputSpec(name="Verdict", schema={"type": "object"}, load=lambda value: value)
    body, _ = sent(asked(output=spec))
    held = {"name": "Verdict", "schema": {"type": "object"}, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": held}
    body, _ = sent(asked(output=spec), ChatDialect(output=lambda spec: {"name": spec.name}))
    assert body["response_format"]["json_schema"] == {"name": "Verdict"}


def test_sampling_has_the_names_of_the_dialect():
    sampling = Sampling(
        max_tokens=5, temperature=0, top_p=0.5, top_k=3, seed=0, stop=("x",), reasoning="minimal"
    )
    body, notes = sent(asked(sampling=sampling))
    given = {key: body[key] for key in body if key not in ("model", "messages")}
    assert given == {
        "max_tokens": 5,
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 0,
        "stop": ["x"],
        "reasoning_effort": "low",
    }
    assert "'low'" in notes["sampling.reasoning"]
    dialect = ChatDialect(max_tokens="max_completion_tokens", system_role="developer", efforts={})
    body, notes = sent(asked(sampling=sampling, instructions="x"), dialect)
    assert (body["max_completion_tokens"], body["messages"][0]["role"]) == (5, "developer")
    assert "reasoning_effort" not in body
    assert "knows no 'minimal'" in notes["sampling.reasoning"]


def test_settings_are_merged_to_any_depth():
    body = {"a": {"b": {"c": 1}}, "d": [1], "e": {}}
    assert merged(body, {"a": {"b": {"x": 2}}, "d": [2], "e": 3}) == {
        "a": {"b": {"c": 1, "x": 2}},
        "d": [2],
        "e": 3,
    }
    assert body == {"a": {"b": {"c": 1}}, "d": [1], "e": {}}


@given(conversations())
def test_any_history_goes_out_with_each_call_answered_directly(history):
    """The servers' own rule: tool messages behind the calls, in their order, and nothing between."""
    out = messages(*history)
    owed: list[str] = []
    for one in out:
        if one["role"] == "tool":
            assert one["tool_call_id"] == owed.pop(0)
        else:
            assert not owed
            assert one["content"] is not None or one["tool_calls"]
            owed = [call["id"] for call in one.get("tool_calls", ())]
            assert len(set(owed)) == len(owed)
            assert all(
                isinstance(json.loads(c["function"]["arguments"]), dict)
                for c in one.get("tool_calls", ())
            )
    assert not owed


# -- the way back ----------------------------------------------------------------------------


@given(chunked())
def test_a_stream_folds_into_the_whole_answer(made):
    body, chunks = made
    reader = ChatReader(asked())
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    assert fold([*events, *reader.end()]) == chat_response(body, asked())
    assert reader.finished


@given(chunked())
def test_a_stream_keeps_to_the_grammar(made):
    """Parts begin in order, deltas spell out the text, and the end is last."""
    reader = ChatReader(asked())
    events = [event for chunk in made[1] for event in reader.feed(chunk)]
    events += reader.end()
    started = [event.index for event in events if isinstance(event, PartStart)]
    assert started == list(range(len(started)))
    response = fold(events)
    for at, part in enumerate(response.message.parts):
        spelt = "".join([e.text for e in events if isinstance(e, Delta) and e.index == at])
        if isinstance(part, (Text, Thinking)):
            assert spelt == part.text
        elif isinstance(part, ToolCall):
            assert spelt == (part.raw_args or "")


@given(answers())
def test_an_answer_goes_back_as_it_came(body):
    """What its own server said is what it hears again, ids, argument text and reasoning included."""
    said = body["choices"][0]["message"]
    response = chat_response(body, asked())
    issued = tuple(
        [
            replace(part, id=f"own{at}") if isinstance(part, ToolCall) else part
            for at, part in enumerate(response.message.parts)
        ]
    )
    back = sent(asked(replace(response.message, parts=issued)), ChatDialect(broken_args=True))[0][
        "messages"
    ][0]
    for field in ("reasoning", "reasoning_content"):
        assert back.get(field, "") == said.get(field, "")
    for old, new in zip(said.get("tool_calls", ()), back.get("tool_calls", ()), strict=True):
        text = old["function"]["arguments"]
        assert new["id"] == old["id"]
        assert new["function"]["arguments"] == (text if text.strip() else "{}")


def test_calls_without_ids_and_all_numbered_0_are_told_apart():
    """Ollama's way: each call whole, in a delta of its own."""
    response = streamed(
        {"tool_calls": [piece("add", '{"a": 1}', index=0, id="")]},
        {"tool_calls": [piece("add", '{"a": 2}', index=0, id="")]},
        {"tool_calls": [piece("mul", '{"a": 3}', index=0)]},
    )
    assert calls_of(response) == [
        (None, "add", {"a": 1}),
        (None, "add", {"a": 2}),
        (None, "mul", {"a": 3}),
    ]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # several whole calls in one delta, without ids and numbers
        ([[piece("f", "{}"), piece("f", "{}")]], [(None, "f", {}), (None, "f", {})]),
        # the same in one delta, all numbered 0, arguments to follow
        (
            [[piece("f", "", index=0, id="a"), piece("g", "", index=1, id="b")],
             [piece(None, '{"x":', index=0), piece(None, '{"y":2}', index=1)],
             [piece(None, "1}", index=0)]],
            [("a", "f", {"x": 1}), ("b", "g", {"y": 2})],
        ),
        # the head and the arguments of one call as two entries of one delta
        ([[piece("f", None, index=0, id="a"), piece(None, '{"x":1}', index=0)]],
         [("a", "f", {"x": 1})]),
        # the name in every delta
        ([[piece("f", '{"x"', index=0, id="a")], [piece("f", ":1}", index=0, id="a")],
          [piece("f", "", index=0, id="a")]],
         [("a", "f", {"x": 1})]),
        # the name in every delta, and no id
        ([[piece("f", '{"x"', index=0)], [piece("f", ":1}", index=0)],
          [piece("f", '{"x":2}', index=0)]],
         [(None, "f", {"x": 1}), (None, "f", {"x": 2})]),
        # a new id for every piece, as one version of vLLM made them
        ([[piece("f", '{"x"', index=0, id="r1")], [piece(None, ":1}", index=0, id="r2")]],
         [("r1", "f", {"x": 1})]),
        # number 0 for all, ids tell them apart
        ([[piece("f", '{"x":1}', index=0, id="a")], [piece("f", '{"x":2}', index=0, id="b")]],
         [("a", "f", {"x": 1}), ("b", "f", {"x": 2})]),
        # one id for two calls, the numbers tell them apart
        ([[piece("f", '{"x":1}', index=0, id="a"), piece("f", '{"x":2}', index=1, id="a")]],
         [("a", "f", {"x": 1}), ("a", "f", {"x": 2})]),
        # pieces of two calls, told apart by the id alone
        ([[piece("f", '{"x"', id="a")], [piece("g", '{"y"', id="b")], [piece(None, ":1}", id="a")],
          [piece(None, ":2}", id="b")]],
         [("a", "f", {"x": 1}), ("b", "g", {"y": 2})]),
        # no id, no number: a piece without a name goes to the last
        ([[piece("f", "{")], [piece(None, "}")], [piece("g", "{")], [piece(None, "}")]],
         [(None, "f", {}), (None, "g", {})]),
        # the id first, the name later
        ([[{"index": 0, "id": "a"}], [piece("f", "{}", index=0)]], [("a", "f", {})]),
        # an object where text belongs
        ([[piece("f", {"x": 1}, index=0, id="")], [piece("f", {"x": 2}, index=0)]],
         [(None, "f", {"x": 1}), (None, "f", {"x": 2})]),
        # no arguments at all, null ones, and what is no call
        ([[piece("f", None, index=0, id="a"), "odd", None]], [("a", "f", {})]),
        # a list of arguments stays a text for the loop to refuse
        ([[piece("f", [1], index=0, id="a")]], [("a", "f", None)]),
    ],
)  # fmt: skip
def test_pieces_find_their_call(deltas, expected):
    assert calls_of(streamed(*[{"tool_calls": entries} for entries in deltas])) == expected


def test_calls_are_seen_whatever_the_reason_of_the_end():
    call = piece("add", '{"a": 1}', id="c")
    for finish in ("stop", "tool_calls", "function_call", None, ""):
        response = answered({"content": "", "tool_calls": [call]}, finish)
        assert (len(response.message.calls), response.finish) == (1, "stop")


def test_the_form_before_tools_is_a_call_too():
    response = answered({"content": None, "function_call": {"name": "add", "arguments": "{}"}})
    assert calls_of(response) == [(None, "add", {})]


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": 1', None),
        ('{"a": NaN}', None),
        ('{"a": 1, "a": 2}', None),
        ("[1]", None),
        ('"{}"', None),
        ("{}" + " " * 9, {}),
        ("[" * 100_000, None),
    ],
)
def test_arguments_that_are_no_object_stay_the_text_they_came_as(text, args):
    (call,) = answered({"tool_calls": [piece("f", text)]}).message.calls
    assert (call.args, call.raw_args) == (args, text)


def test_what_strict_schemas_did_to_arguments_is_undone_and_the_text_kept():
    def undo(name: str, args: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in args.items() if value is not None}

    dialect = ChatDialect(read_args=undo, broken_args=True)
    body = {"choices": [{"message": {"tool_calls": [piece("f", '{"a":1,"b":null}', id="c")]}}]}
    response = chat_response(body, asked(), dialect=dialect)
    (call,) = response.message.calls
    assert (call.args, call.raw_args) == ({"a": 1}, '{"a":1,"b":null}')
    back = sent(asked(response.message, Message("tool", (result(""),))), dialect)[0]["messages"][0]
    assert back["tool_calls"][0]["function"]["arguments"] == '{"a":1,"b":null}'


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "blocked"),
        ("STOP", "stop"),
        ("abort", "unknown"),
        (None, "stop"),
    ],
)
def test_why_it_ended_keeps_the_servers_word(word, finish):
    response = answered({"content": "a"}, word)
    assert (response.finish, response.raw_finish) == (finish, word)


def test_a_refusal_is_one_whole_or_in_pieces():
    whole = answered({"content": None, "refusal": "I will not."})
    pieces = streamed({"refusal": "I will"}, {"refusal": " not."})
    assert whole.message.parts == pieces.message.parts == (Refusal("I will not."),)
    assert (whole.finish, pieces.finish) == ("refusal", "refusal")


def test_content_may_be_a_list_of_parts():
    """Mistral's way, thinking included; a kind nobody knows is kept and goes home."""
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
        "b",
        {"type": "reference", "ids": [1]},
        {"type": "text", "text": "c"},
    ]
    whole = answered({"content": content})
    pieces = streamed(*[{"content": [item]} for item in content])
    assert whole == replace(pieces, raw_finish="stop")
    assert [part.text for part in whole.message.parts[:2]] == ["hm", "abc"]
    assert whole.message.parts[2] == Unknown({"type": "reference", "ids": [1]})
    assert {"type": "reference", "ids": [1]} in messages(whole.message)[0]["content"]


def test_tags_of_thinking_in_the_text_stay_text():
    """A model may write about the tag; only its server knows the template."""
    response = streamed({"content": "<thi"}, {"content": "nk>hm</think>4"})
    assert response.message.parts == (Text("<think>hm</think>4"),)


def test_reasoning_said_in_two_fields_is_taken_once():
    response = streamed({"reasoning": "a", "reasoning_content": "a"}, {"reasoning_content": "b"})
    assert [part.text for part in response.message.parts] == ["ab"]


def test_roles_said_again_empty_texts_and_other_choices_are_no_parts():
    reader = ChatReader(asked())
    events = reader.feed({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    events += reader.feed({"choices": [{"index": 1, "delta": {"content": "other"}}]})
    events += reader.feed({"choices": [{"delta": {"role": "assistant", "content": "a"}}, None]})
    events += reader.feed({"choices": []}) + reader.feed({}) + reader.feed({"choices": None})
    assert fold([*events, *reader.end()]).message.parts == (Text("a"),)
    assert not reader.finished


def test_an_answer_of_nothing_is_a_message_of_no_parts():
    assert answered({"content": None}).message.parts == ()
    assert answered({"content": ""}).message.parts == ()
    assert fold(ChatReader(asked()).end()).message.parts == ()


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (None, Usage()),
        ("many", Usage()),
        ({}, Usage(raw=({},))),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(input_tokens=9, output_tokens=5, cached_tokens=4, reasoning_tokens=2),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": None, "prompt_tokens_details": None},
            Usage(input_tokens=9),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": True, "prompt_cache_hit_tokens": 3},
            Usage(input_tokens=9, cached_tokens=3),
        ),
    ],
)
def test_usage_is_what_was_reported_and_none_where_nothing_was(raw, usage):
    found = answered({"content": "a"}, usage=raw).usage
    assert replace(found, raw=()) == replace(usage, raw=())
    assert found.raw == ((raw,) if isinstance(raw, dict) else ())


def test_usage_comes_in_a_chunk_of_its_own_or_grows_with_each():
    reader = ChatReader(asked())
    reader.feed({"choices": [{"delta": {"content": "a"}}], "usage": {"completion_tokens": 1}})
    reader.feed({"choices": [{"delta": {"content": "b"}}], "usage": None})
    reader.feed({"choices": [], "usage": {"completion_tokens": 2}})
    assert fold([*reader.feed({}), *reader.end()]).usage.output_tokens == 2


def test_the_origin_says_who_answered():
    origin = answered({"content": "a"}).message.origin
    assert origin == Origin(provider="local", api="chat", model="m", response_id="r1")
    body = {"choices": [{"message": {"content": "a"}}]}
    assert chat_response(body, asked()).message.origin == HOME


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"error": {"message": "bad key", "code": "invalid_api_key"}}, AuthenticationError, "bad"),
        ({"error": "model 'x' not found"}, UnknownModelError, "not found"),
        ({"object": "error", "message": "no", "code": 400}, BadRequestError, "no"),
        ({"error": {"message": "Loading model", "code": 503}}, OverloadedError, "Loading"),
        (
            {"error": {"message": "too long", "type": "exceed_context_size_error", "code": 400}},
            BadRequestError,
            "too long",
        ),
        ({"error": {"message": "the context size is exceeded"}}, ContextLengthError, "exceeded"),
        ({"error": {"message": "x", "type": "insufficient_quota"}}, QuotaError, "x"),
        ({"error": {"message": None, "type": "server_error"}}, ServerError, "server_error"),
        ({"detail": [{"msg": "field required"}]}, BadRequestError, "field required"),
    ],
)
def test_an_error_object_is_the_error_it_stands_for(body, kind, said):
    with pytest.raises(kind, match=said):
        chat_response(body, asked())
    with pytest.raises(kind if kind is not BadRequestError else (kind, ServerError)) as caught:
        ChatReader(asked()).feed(body)
    assert caught.value.in_stream
    assert caught.value.provider == "local"


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": ["x"]}, {"choices": "x"}])
def test_a_body_without_an_answer_is_no_answer(body):
    with pytest.raises(StreamBrokenError, match="no choices"):
        chat_response(body, asked())


def test_a_key_in_an_error_is_not_repeated():
    error = chat_failure({"error": {"message": "Incorrect API key: sk-abcdefghijklmnop"}}, "local")
    assert "abcdefghijklmnop" not in str(error)
