"""Messages keep their parts, their JSON form and the rule of calls and results."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from altar.errors import InvalidDataError
from altar.llm import (
    Message,
    Text,
    ToolCall,
    ToolResultPart,
    Unknown,
    check_history,
    dump_messages,
    load_messages,
    mend_history,
)
from tests.strategies.conversations import conversations

CALL = ToolCall("add", {"a": 1}, id="c1")
RESULT = ToolResultPart(call_id="c1", name="add", text="1")


@given(conversations())
def test_a_history_survives_its_json_form(history):
    text = json.dumps(dump_messages(history), allow_nan=False)
    assert load_messages(json.loads(text)) == history


@given(conversations())
def test_a_history_with_every_result_passes_and_needs_no_mending(history):
    check_history(history)
    assert mend_history(history, "lost") == (history, 0)


@given(conversations())
def test_a_history_without_its_results_is_mended_into_one_that_passes(history):
    torn = [message for message in history if message.role != "tool"]
    mended, added = mend_history(torn, "lost")
    check_history(mended)
    assert added == sum(len(message.calls) for message in torn)
    assert [message for message in mended if message.role != "tool"] == torn


def test_a_history_with_some_of_its_results_is_given_the_others():
    calls = [ToolCall("add", {}, id=f"c{number}") for number in range(4)]
    kept = [ToolResultPart(call_id=f"c{number}", name="add", text="1") for number in (1, 3)]
    torn = [Message("assistant", tuple(calls)), Message("tool", (*kept, Text("and?")))]
    mended, added = mend_history(torn, "lost")
    check_history(mended)
    parts = mended[1].parts
    assert (len(mended), added) == (2, 2)
    assert [parts[1], parts[3], parts[4]] == [*kept, Text("and?")]
    assert "lost" in parts[0].text
    odd = [torn[0], Message("tool", tuple(reversed(kept)))]
    assert mend_history(odd, "lost") == (odd, 0)


@pytest.mark.parametrize(
    "follower",
    [
        None,
        Message("tool", ()),
        Message("tool", (RESULT, RESULT)),
        Message("tool", (ToolResultPart(call_id="c2", name="add", text="1"),)),
        Message("user", (Text("and?"), RESULT)),
    ],
    ids=["none", "empty", "twice", "another's", "after text"],
)
def test_a_call_needs_exactly_its_result_first_in_the_next_message(follower):
    history = [Message.user("hi"), Message("assistant", (CALL,))]
    with pytest.raises(InvalidDataError, match="result"):
        check_history([*history, follower] if follower else history)


def test_a_result_without_a_call_is_refused():
    with pytest.raises(InvalidDataError):
        check_history([Message.user("hi"), Message("tool", (RESULT,))])


def test_results_stand_in_the_order_of_the_calls():
    other = ToolCall("add", {}, id="c2")
    late = ToolResultPart(call_id="c2", name="add", text="2")
    check_history([Message("assistant", (CALL, other)), Message("tool", (RESULT, late))])
    with pytest.raises(InvalidDataError, match="order"):
        check_history([Message("assistant", (CALL, other)), Message("tool", (late, RESULT))])


def test_an_unknown_part_is_kept_whole():
    stored = [{"role": "assistant", "parts": [{"kind": "hologram", "z": [1]}]}]
    part = load_messages(stored)[0].parts[0]
    assert part == Unknown({"kind": "hologram", "z": [1]})


def test_reading_reports_every_problem_with_its_path():
    stored = [
        {"role": "boss", "parts": [{"kind": "text"}, {"kind": "tool_call", "name": 3}]},
        {"role": "user", "parts": "hi"},
        {"role": "user", "parts": [{"kind": "blob", "mime": "image/png", "data": "%%%"}]},
        "what",
        {"role": "user", "parts": [3], "origin": {}, "opaque": [{"kind": "x"}]},
    ]
    with pytest.raises(InvalidDataError) as caught:
        load_messages(stored)
    assert [problem.path for problem in caught.value.problems] == [
        "$[0].role",
        "$[0].parts[0].text",
        "$[0].parts[1].name",
        "$[1].parts",
        "$[2].parts[0].data",
        "$[3]",
        "$[4].parts[0]",
        "$[4].origin",
        "$[4].opaque[0]",
    ]


def test_the_value_of_a_result_that_is_no_json_is_its_text():
    assert ToolResultPart(call_id="c", name="n", text="plain words").value == "plain words"


def test_the_text_of_a_message_leaves_thinking_out():
    message = load_messages(
        [
            {
                "role": "assistant",
                "parts": [
                    {"kind": "thinking", "text": "hm"},
                    {"kind": "text", "text": "a"},
                    {"kind": "text", "text": "b"},
                ],
            }
        ]
    )[0]
    assert message.text == "ab"


def test_parts_are_frozen():
    with pytest.raises(AttributeError):
        CALL.name = "other"  # type: ignore[misc]
