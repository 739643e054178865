"""Typed answers: three ways to one object, the same whichever way a model can go."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.adm import Schema, ToolConfig
from altar.errors import OverloadedError, UnsupportedError
from altar.llm import (
    Capabilities,
    Delta,
    End,
    Limits,
    Message,
    Options,
    PartEnd,
    PartStart,
    Repair,
    Response,
    Retry,
    Sampling,
    Start,
    Text,
    Thinking,
    ToolCall,
    Usage,
    check_history,
)
from altar.testing import ScriptedProvider
from tests.llm._table import FakeClock

pydantic = pytest.importorskip("pydantic")

NATIVE = Capabilities(native_output=True)
TOOL = Capabilities()
PROMPT = Capabilities(tool_choice=False)
MODES = {"native": NATIVE, "tool": TOOL, "prompt": PROMPT}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@dataclass
class User:
    name: str
    age: int
    tags: list[str] = field(default_factory=list)


@dataclass
class Node:
    number: int
    below: list[Node] = field(default_factory=list)


class Pair(TypedDict):
    left: int
    right: int


class Point(NamedTuple):
    x: int
    y: int


class Person(pydantic.BaseModel):
    name: str
    age: int


class Loose(pydantic.BaseModel):
    extra: dict[str, int]


OUTPUTS = [
    (User, {"name": "John", "age": 30, "tags": ["a"]}, User("John", 30, ["a"])),
    (Node, {"number": 1, "below": [{"number": 2}]}, Node(1, [Node(2)])),
    (Pair, {"left": 1, "right": 2}, {"left": 1, "right": 2}),
    (Point, [1, 2], Point(1, 2)),
    (Person, {"name": "Ada", "age": 36}, Person(name="Ada", age=36)),
    (Loose, {"extra": {"a": 1}}, Loose(extra={"a": 1})),
    (Schema(type="integer"), 3, 3),
    (Schema.from_dict({"type": "object", "properties": {"a": {}}}), {"a": [1]}, {"a": [1]}),
    (Literal["up", "down"], "up", "up"),
    (int | None, None, None),
    (User | Pair, {"left": 1, "right": 2}, {"left": 1, "right": 2}),
    (list[User], [{"name": "John", "age": 30}], [User("John", 30)]),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (int, 3, 3),
    (bool, True, True),
    (str, "so", "so"),
    (float, 2.5, 2.5),
]
IDS = [str(output)[:30] for output, _, _ in OUTPUTS]


def said(mode: str, value: Any, request_tools: Any = None) -> Any:
    """How a model says ``value`` in a mode: as text, or as the call it was given for it."""
    if mode != "tool":
        return json.dumps(value)
    (declared,) = [one for one in request_tools if one.name.startswith("final_answer")]
    properties = declared.to_dict(dialect="json-schema")["parameters"]["properties"]
    wrapped = list(properties) == ["value"] and not (isinstance(value, dict) and "value" in value)
    return ToolCall(declared.name, {"value": value} if wrapped else value, wire_id="w1")


class Answers(ScriptedProvider):
    """A script whose entries may be functions of the request."""

    def _next(self, request):
        entry = super()._next(request)
        return entry(request) if callable(entry) else entry


def asking(mode, *entries):
    return Answers(entries, capabilities=MODES[mode])


def answer(mode, value):
    return lambda request: said(mode, value, request.tools)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("output", "value", "expected"), OUTPUTS, ids=IDS)
def test_every_type_comes_by_every_way(mode, output, value, expected):
    model = asking(mode, answer(mode, value))
    reply = altar.generate("go", model=model, output=output)
    assert reply.finish == "stop"
    assert reply.output == expected
    assert json.loads(reply.text) == value
    assert (model.requests[0].output is not None) == (mode == "native")
    assert ("JSON Schema" in (model.requests[0].instructions or "")) == (mode == "prompt")
    assert [note.what for note in reply.adaptations] == ([] if mode == "native" else ["output"])
    assert reply.calls == ()
    check_history(reply.messages)


@pytest.mark.parametrize("mode", MODES)
def test_what_does_not_fit_is_asked_again_with_its_problems_in_every_way(mode):
    bad = answer(mode, {"name": "J", "age": "many"})
    model = asking(mode, bad, bad, answer(mode, {"name": "J", "age": 1}))
    reply = altar.generate("go", model=model, output=User)
    assert reply.output == User("J", 1)
    told = model.requests[2].messages[-1]
    assert "$.age" in (told.text or told.parts[0].text)
    check_history(reply.messages)


@pytest.mark.parametrize("mode", MODES)
def test_it_is_asked_again_twice_at_most_in_every_way(mode):
    model = asking(mode, *[answer(mode, {"name": "J"})] * 3)
    reply = altar.generate("go", model=model, output=User)
    model.finished()
    assert (reply.output, reply.finish) == (None, "malformed")
    assert "$.age" in reply.detail
    check_history(reply.messages)


@pytest.mark.parametrize("mode", MODES)
def test_tools_run_before_the_answer_in_every_way(mode):
    model = asking(mode, ToolCall("add", {"a": 1, "b": 2}), answer(mode, 3))
    reply = altar.generate("1 + 2?", model=model, tools=[add], output=int)
    assert (reply.output, [record.call.name for record in reply.calls]) == (3, ["add"])


def test_a_model_without_native_types_beside_tools_has_them_without():
    can = Capabilities(native_output=True, output_with_tools=False)
    alone = ScriptedProvider(["3"], capabilities=can)
    assert altar.generate("?", model=alone, output=int).adaptations == ()
    beside = Answers([answer("tool", 3)], capabilities=can)
    (note,) = altar.generate("?", model=beside, tools=[add], output=int).adaptations
    assert "beside tools" in note.why


# -- the call that is the answer ----------------------------------------------------------


def test_every_reply_must_call_a_tool_or_answer():
    model = asking("tool", ToolCall("add", {"a": 1, "b": 2}), answer("tool", 3))
    altar.generate("?", model=model, tools=[add], output=int)
    assert [request.tool_choice.mode for request in model.requests] == ["ANY", "ANY"]
    names = [[one.name for one in request.tools] for request in model.requests]
    assert names == [["add", "final_answer"]] * 2


@pytest.mark.parametrize(
    ("given", "first", "second"),
    [
        (ToolConfig(mode="NONE"), ("final_answer",), ("final_answer",)),
        (ToolConfig(mode="ANY"), ("add",), ()),
        (
            ToolConfig(mode="ANY", allowed_function_names=("add",)),
            ("add",),
            ("add", "final_answer"),
        ),
        (ToolConfig(allowed_function_names=("add",)), *[("add", "final_answer")] * 2),
    ],
    ids=["none", "any", "any of some", "some"],
)
def test_a_tool_choice_of_the_application_holds_beside_the_answer(given, first, second):
    model = asking("tool", ToolCall("add", {"a": 1, "b": 2}), answer("tool", 3))
    options = Options(tool_choice=given)
    reply = altar.generate("?", model=model, tools=[add], output=int, options=options)
    choices = [request.tool_choice for request in model.requests]
    assert [one.mode for one in choices] == ["ANY", "ANY"]
    assert [one.allowed_function_names for one in choices] == [first, second]
    assert reply.output == 3
    assert reply.calls[0].result.ok == (given.mode != "NONE")


def test_a_tool_of_the_same_name_keeps_it():
    def final_answer(text: str) -> str:
        """Say something."""
        return text

    model = asking("tool", ToolCall("final_answer", {"text": "x"}), answer("tool", 3))
    model._script[1] = ToolCall("final_answer_2", {"value": 3})
    reply = altar.generate("?", model=model, tools=[final_answer], output=int)
    assert (reply.output, reply.calls[0].result.content) == (3, "x")


def test_an_answer_beside_calls_is_not_taken_before_their_results_were_read():
    early = [ToolCall("add", {"a": 1, "b": 2}), ToolCall("final_answer", {"value": 9})]
    model = asking("tool", early, answer("tool", 3))
    reply = altar.generate("?", model=model, tools=[add], output=int)
    assert (reply.output, len(reply.calls)) == (3, 1)
    first, second = model.requests[1].messages[-1].parts
    assert (first.value, second.is_error) == (3, True)
    assert "beside other calls" in second.value["error"]["message"]


def test_of_two_answers_the_first_one_counts():
    two = [ToolCall("final_answer", {"value": 1}), ToolCall("final_answer", {"value": 2})]
    reply = altar.generate("?", model=asking("tool", two), output=int)
    assert reply.output == 1
    assert [part.is_error for part in reply.messages[-1].parts] == [False, True]
    check_history(reply.messages)


def test_an_answer_in_the_last_round_counts():
    model = asking("tool", answer("tool", 3))
    options = Options(limits=Limits(rounds=1, calls=1))
    assert altar.generate("?", model=model, output=int, options=options).output == 3


def test_an_answer_that_was_cut_off_does_not_count():
    cut = Response(message=Message("assistant", (ToolCall("final_answer", {"value": 3}),)))
    model = asking("tool", Response(message=cut.message, finish="length"))
    reply = altar.generate("?", model=model, output=int)
    assert (reply.finish, reply.output) == ("length", None)
    check_history(reply.messages)


@pytest.mark.parametrize(
    ("finish", "why"), [("length", "cut off by its token limit"), ("refusal", "as 'refusal'")]
)
def test_an_answer_in_a_reply_that_is_no_whole_one_is_told_so(finish, why):
    call = Message("assistant", (ToolCall("final_answer", {"value": 3}),))
    reply = altar.generate(
        "?", model=asking("tool", Response(message=call, finish=finish)), output=int
    )
    assert why in reply.messages[-1].parts[0].value["error"]["message"]


@pytest.mark.parametrize("strange", [b"x", object(), {1, 2}], ids=["bytes", "object", "set"])
def test_an_answer_by_call_that_is_no_json_is_told_and_asked_for_again(strange):
    model = asking("tool", ToolCall("final_answer", {"value": strange}), answer("tool", 3))
    reply = altar.generate("?", model=model, output=int)
    assert reply.output == 3
    error = model.requests[1].messages[-1].parts[0].value["error"]
    assert error["type"] == "PARAMETER_VALIDATION_FAILED"
    assert "no JSON" in error["message"]


def test_an_answer_is_not_taken_before_the_call_that_the_application_demands():
    model = asking("tool", answer("tool", 9), ToolCall("add", {"a": 1, "b": 2}), answer("tool", 3))
    options = Options(tool_choice=ToolConfig(mode="ANY"))
    reply = altar.generate("?", model=model, tools=[add], output=int, options=options)
    assert (reply.output, len(reply.calls)) == (3, 1)
    said = model.requests[1].messages[-1].parts[0].value["error"]["message"]
    assert "first call one of your other tools" in said


@pytest.mark.parametrize("mode", MODES)
def test_the_text_of_a_reply_is_the_json_of_its_answer(mode):
    fenced = 'Here it is:\n```json\n{"left": 1, "right": "1,200",}\n```'
    by_call = ToolCall("final_answer", {"left": 1, "right": "1,200"})
    reply = altar.generate(
        "?", model=asking(mode, by_call if mode == "tool" else fenced), output=Pair
    )
    assert json.loads(reply.text) == reply.output == {"left": 1, "right": 1200}


@pytest.mark.parametrize("output", [str, str | None])
@pytest.mark.parametrize("mode", MODES)
def test_plain_words_are_the_answer_where_a_text_is_asked_for(mode, output):
    words = "It is sunny, {mostly}. See [1]."
    reply = altar.generate("?", model=asking(mode, words), output=output)
    assert (reply.output, reply.usage.requests) == (words, 1)
    assert json.loads(reply.text) == words
    assert "asked_text" in reply.adaptations[-1].why


def test_plain_words_are_no_answer_where_nothing_is_to_be_repaired_or_json_was_meant():
    strict = Options(repair=Repair(max_risk=0))
    for words, options in (("so", strict), ('"so" or "so"', None)):
        model = asking("native", words, '"yes"')
        reply = altar.generate("?", model=model, output=str, options=options)
        assert (reply.output, reply.usage.requests) == ("yes", 2)


def test_an_answer_in_broken_json_is_repaired():
    model = asking("tool", ToolCall("final_answer", raw_args="{'value': 3,}"))
    reply = altar.generate("?", model=model, output=int)
    assert (reply.output, reply.text) == (3, "3")
    assert "repaired" in reply.adaptations[-1].why


def test_an_answer_in_hopeless_json_is_asked_for_again():
    model = asking("tool", ToolCall("final_answer", raw_args="{"), answer("tool", 3))
    reply = altar.generate("?", model=model, output=int)
    assert reply.output == 3
    assert "not valid JSON" in model.requests[1].messages[-1].parts[0].text


def test_a_model_that_answers_by_text_all_the_same_is_understood():
    assert altar.generate("?", model=asking("tool", "3"), output=int).output == 3
    model = asking("tool", "I think three", answer("tool", 3))
    assert altar.generate("?", model=model, output=int).output == 3
    assert "call 'final_answer'" in model.requests[1].messages[-1].text


def test_a_chat_goes_on_after_an_answer_by_call():
    model = asking("tool", answer("tool", 3), answer("tool", 4))
    with altar.Agent(model=model, output=int).chat() as chat:
        assert (chat.send("?").output, chat.send("and?").output) == (3, 4)
    check_history(model.requests[1].messages)
    assert model.requests[0].tools == model.requests[1].tools


def test_the_references_of_a_wrapped_schema_still_lead_where_they_led():
    schema = Schema.from_dict(
        {
            "type": "array",
            "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/leaf"}]},
            "$defs": {"leaf": {"type": "integer", "default": {"$ref": "#"}}},
        }
    )
    model = asking("tool", answer("tool", [[1], 2]))
    assert altar.generate("?", model=model, output=schema).output == [[1], 2]
    told = model.requests[0].tools[0].to_dict(dialect="json-schema")["parameters"]
    assert told["properties"]["value"]["items"]["anyOf"] == [
        {"$ref": "#/properties/value"},
        {"$ref": "#/$defs/leaf"},
    ]
    assert told["$defs"]["leaf"]["default"] == {"$ref": "#"}
    assert Schema.from_dict(told).check({"value": [[1], 2]}) == ()
    assert Schema.from_dict(told).check({"value": [["x"]]}) != ()


# -- partial objects ----------------------------------------------------------------------


def spelt(mode, value, size=3, wrap=False):
    """The stream of an answer, its text or its arguments in pieces."""
    if mode == "tool":
        args = {"value": value} if wrap else value
        text, kind = json.dumps(args), "args"
        part = ToolCall("final_answer", args)
        start = PartStart(0, "tool_call", name="final_answer")
    else:
        text, kind = json.dumps(value), "text"
        part, start = Text(text), PartStart(0, "text")
    pieces = [Delta(0, text[at : at + size], kind=kind) for at in range(0, len(text), size)]
    return [Start(), start, *pieces, PartEnd(0, part), End(usage=Usage())]


def partials(events):
    return [event.value for event in events if event.kind == "partial"]


def both(model, **asked):
    """The events of the same stream, sync; the async ones must be the same."""

    async def collect():
        return [event async for event in altar.astream("go", model=model(), **asked)]

    events = list(altar.stream("go", model=model(), **asked))
    later = asyncio.run(collect())
    assert [event.kind for event in later] == [event.kind for event in events]
    assert partials(later) == partials(events)
    return events


JOHN = {"name": "John", "age": 30, "tags": ["a", "b"]}


@pytest.mark.parametrize("mode", MODES)
def test_a_typed_answer_is_shown_as_it_grows(mode):
    events = both(lambda: asking(mode, spelt(mode, JOHN, size=1)), output=User)
    seen = partials(events)
    assert seen[0] in ({}, {"name": ""}, {"name": "J"})
    assert {"name": "Jo"} in seen
    assert {"name": "John", "age": 30, "tags": ["a"]} in seen
    assert seen[-1] == JOHN
    assert all(one != other for one, other in zip(seen, seen[1:], strict=False))
    assert events[-1].reply.output == User("John", 30, ["a", "b"])


@pytest.mark.parametrize("mode", MODES)
def test_a_list_is_shown_as_it_grows(mode):
    value = [1, 2, 3]
    events = both(lambda: asking(mode, spelt(mode, value, wrap=True)), output=list[int])
    assert [1, 2] in partials(events)
    assert partials(events)[-1] == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, st.integers(1, 7), st.sampled_from(list(MODES)))
def test_the_last_partial_is_the_answer_and_none_changes_later(value, size, mode):
    stream = altar.stream("go", model=asking(mode, spelt(mode, value, size, True)), output=Any)
    seen, copies = [], []
    for event in stream:
        if event.kind == "partial":
            seen.append(event.value)
            copies.append(json.dumps(event.value))
    if mode == "tool":
        assert event.reply.output == value
    if event.reply.finish == "stop":
        assert json.dumps(seen[-1]) == json.dumps(json.loads(event.reply.text))
    assert [json.dumps(one) for one in seen] == copies


def test_what_partials_copy_of_a_long_list_grows_as_its_text_does():
    numbers = list(range(20_000))
    model = asking("native", answer("native", numbers))
    events = list(altar.stream("?", model=model, output=list[int]))
    shown = partials(events)
    assert shown[-1] == numbers
    assert len(shown) > 100
    assert sum(map(len, shown)) <= 4096 + 17 * len(events[-1].reply.text)


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_is_asked_for_again_begins_anew(mode):
    wrong = {"name": "Jo", "age": "x"}
    events = both(lambda: asking(mode, spelt(mode, wrong), spelt(mode, JOHN)), output=User)
    at = max(index for index, event in enumerate(events) if event.kind == "round")
    later = partials(events[at:])
    assert later[0] in ({}, {"name": ""}, {"name": "J"})
    assert later[-1] == JOHN


def test_an_answer_that_comes_whole_is_one_partial():
    for entry in ("```json\n[1, 2,]\n```", ToolCall("final_answer", {"value": [1, 2]})):
        events = both(lambda entry=entry: asking("tool", entry), output=list[int])
        assert partials(events) == [[1, 2]]


def test_what_other_calls_are_made_of_is_no_part_of_the_answer():
    call = ToolCall("add", {"a": 1, "b": 2})
    first = [
        Start(),
        PartStart(0, "thinking"),
        Delta(0, '{"value": 7}', kind="thinking"),
        PartEnd(0, Thinking('{"value": 7}')),
        PartStart(1, "tool_call", name="add"),
        Delta(1, '{"a": 1, "b": 2}', kind="args"),
        PartEnd(1, call),
        End(usage=Usage()),
    ]
    for mode in MODES:
        events = both(
            lambda mode=mode: asking(mode, first, spelt(mode, 3, wrap=True)),
            output=int,
            tools=[add],
        )
        assert partials(events) == [3]


def test_an_answer_that_was_shown_in_part_is_not_sent_again():
    begun = spelt("tool", JOHN)[:-3]
    retry = Retry(clock=FakeClock())
    with pytest.raises(OverloadedError):
        list(
            altar.stream(
                "go",
                model=asking("tool", [*begun, OverloadedError("full")]),
                output=User,
                options=Options(retry=retry),
            )
        )


# -- what a model does not take -----------------------------------------------------------


def test_what_a_model_does_not_take_is_left_out_and_told_once():
    can = Capabilities(sampling=frozenset({"max_tokens"}))
    model = ScriptedProvider([ToolCall("add", {"a": 1, "b": 2}), "3"], capabilities=can)
    options = Options(sampling=Sampling(temperature=0.0, max_tokens=9))
    reply = altar.generate("?", model=model, tools=[add], options=options)
    assert [request.sampling.temperature for request in model.requests] == [None, None]
    assert [request.sampling.max_tokens for request in model.requests] == [9, 9]
    assert [note.what for note in reply.adaptations] == ["sampling.temperature"]


def test_what_cannot_be_left_out_is_refused_before_it_is_sent():
    model = ScriptedProvider([], capabilities=Capabilities(tools=False))
    with pytest.raises(UnsupportedError, match="does not take tools") as caught:
        altar.generate("?", model=model, tools=[add])
    assert model.requests == []
    assert [message.text for message in caught.value.messages] == ["?"]
    assert not caught.value.sent


@pytest.mark.parametrize("name", ["antropic", "parrot"])
def test_settings_of_a_provider_nobody_knows_are_refused(name):
    options = Options(settings={"anthropic": {}, "scripted": {"a": 1}, name: {"x": 1}})
    with pytest.raises(altar.errors.ConfigurationError) as caught:
        altar.generate("?", model=ScriptedProvider(["ok"]), options=options)
    said = str(caught.value)
    assert "'anthropic'" in said
    assert "'scripted'" in said
    assert ("did you mean 'anthropic'?" in said) == (name == "antropic")


def test_settings_of_known_providers_reach_the_request():
    settings = {"scripted": {"a": 1}, "gemini": {"b": 2}}
    model = ScriptedProvider(["ok"])
    altar.generate("?", model=model, options=Options(settings=settings))
    assert model.requests[0].settings == settings
