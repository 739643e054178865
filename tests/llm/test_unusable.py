"""Unusable replies: asked for again once each, told in a retry event, counted, and then named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import altar
from altar.adm import ToolConfig
from altar.errors import UnusableReplyError
from altar.llm import (
    BlobPart,
    Delta,
    End,
    Limits,
    Message,
    Opaque,
    Options,
    PartStart,
    Refusal,
    Response,
    Start,
    Task,
    Text,
    Thinking,
    ToolCall,
    Usage,
    arun,
    astream,
    check_history,
    run,
    stream,
)
from altar.testing import ScriptedProvider
from tests.llm._table import Table

ADD = ToolCall("add", {"a": 1, "b": 2})
SIGNED = Opaque(provider="p", api="x", kind="signature", data="s==")


def reply_of(*parts, finish="stop", **fields):
    usage = Usage(input_tokens=10, output_tokens=1)
    return Response(message=Message("assistant", parts), finish=finish, usage=usage, **fields)


MALFORMED = reply_of(finish="malformed", raw_finish="MALFORMED_FUNCTION_CALL", detail="call:add{a:")
EMPTY = reply_of()
SILENT = [EMPTY, reply_of(Thinking("hm")), reply_of(Text("", opaque=(SIGNED,)))]


def drive(*replies, **options):
    """The events and the reply of every driver, which must agree; the last script's requests."""

    def fresh():
        model = ScriptedProvider(replies)
        return model, Task(model, [Message.user("go")], options=Options(**options))

    table = Table(add=lambda a, b: a + b)

    async def collect(task):
        return [event async for event in astream(task, table)]

    model, task = fresh()
    events = list(stream(task, table))
    model.finished()
    reply = events[-1].reply
    later = asyncio.run(collect(fresh()[1]))
    assert [event.kind for event in later] == [event.kind for event in events]
    for other in (run(fresh()[1], table), asyncio.run(arun(fresh()[1], table)), later[-1].reply):
        assert (other.finish, other.text, other.detail) == (reply.finish, reply.text, reply.detail)
        assert other.usage == reply.usage
        assert len(other.messages) == len(reply.messages)
    check_history(reply.messages)
    return events, reply, model.requests


def retries(events):
    return [event for event in events if event.kind == "retry"]


# The complaints: googleapis/python-genai#2667 (nothing at all after a tool result), #1982 (the
# same in a stream), #1789 (MALFORMED_FUNCTION_CALL, and no word about it).


@pytest.mark.parametrize("silent", SILENT, ids=["nothing", "thinking", "a signature"])
def test_nothing_after_a_tool_result_is_asked_for_again(silent):
    events, reply, requests = drive(ADD, silent, "it is 3")
    assert (reply.text, reply.finish, reply.detail) == ("it is 3", "stop", None)
    assert requests[2].messages == requests[1].messages
    (retry,) = retries(events)
    assert isinstance(retry.error, UnusableReplyError)
    assert (retry.attempt, retry.delay) == (1, 0.0)
    assert "said nothing after the results" in str(retry.error)


def test_nothing_in_a_stream_after_a_tool_result_is_asked_for_again():
    silent = [Start(), End(usage=Usage(input_tokens=10, output_tokens=0))]
    _, reply, requests = drive(ADD, silent, "it is 3")
    assert (reply.text, len(requests)) == ("it is 3", 3)


def test_a_malformed_call_without_a_word_is_asked_for_again():
    events, reply, requests = drive(MALFORMED, "it is 3")
    assert (reply.text, reply.finish) == ("it is 3", "stop")
    assert requests[1].messages == requests[0].messages
    (retry,) = retries(events)
    assert retry.error.code == "MALFORMED_FUNCTION_CALL"
    assert "call:add{a:" in str(retry.error)


def test_a_reply_that_stays_malformed_ends_the_run_and_says_what_the_provider_said():
    _, reply, _ = drive(MALFORMED, MALFORMED)
    assert (reply.finish, reply.text, reply.detail) == ("malformed", "", "call:add{a:")
    assert [message.role for message in reply.messages] == ["user"]


def test_a_malformed_reply_nobody_explained_is_explained():
    plain = reply_of(finish="malformed")
    assert "malformed" in drive(plain, plain)[1].detail


def test_a_model_that_stays_silent_ends_the_run_and_it_is_said():
    _, reply, _ = drive(ADD, EMPTY, EMPTY)
    assert (reply.finish, reply.text) == ("stop", "")
    assert reply.detail == (
        "the model said nothing after the results of its tools, also when it was asked again"
    )
    assert [message.role for message in reply.messages] == ["user", "assistant", "tool"]


def test_each_kind_is_asked_for_again_once_in_a_run():
    _, reply, requests = drive(ADD, EMPTY, ADD, MALFORMED, ADD, EMPTY)
    assert (reply.finish, len(requests)) == ("stop", 6)
    _, reply, _ = drive(MALFORMED, ADD, EMPTY, MALFORMED)
    assert reply.finish == "malformed"


def test_what_is_dropped_counts_in_rounds_and_usage():
    _, reply, _ = drive(ADD, EMPTY, MALFORMED, reply_of(Text("ok")))
    assert reply.usage.requests == 4
    _, reply, requests = drive(ADD, EMPTY, limits=Limits(rounds=2))
    assert (reply.finish, len(requests), reply.usage.requests) == ("stop", 2, 2)
    _, reply, requests = drive(MALFORMED, limits=Limits(tokens=11))
    assert (reply.finish, len(requests)) == ("malformed", 1)
    assert reply.usage.total_tokens == 11


@pytest.mark.parametrize(
    "part",
    [Text("so"), Text(" "), Refusal("no"), BlobPart("image/png", b"x")],
    ids=["text", "white space", "a refusal", "a picture"],
)
def test_an_answer_of_any_kind_counts(part):
    _, _, requests = drive(ADD, reply_of(part))
    assert len(requests) == 2
    _, reply, requests = drive(reply_of(part, finish="malformed"))
    assert (reply.finish, len(requests)) == ("malformed", 1)


def test_an_empty_first_reply_is_an_answer():
    _, reply, requests = drive(EMPTY)
    assert (reply.finish, reply.text, len(requests)) == ("stop", "", 1)


def test_a_malformed_reply_with_a_call_keeps_its_call_and_runs_nothing():
    _, reply, requests = drive(reply_of(ADD, finish="malformed"))
    assert (reply.finish, len(requests)) == ("malformed", 1)
    assert not reply.calls[0].result.ok


def test_what_somebody_saw_is_not_asked_for_again():
    shown = [
        Start(),
        PartStart(0, "text"),
        Delta(0, "so"),
        End(finish="malformed", usage=Usage()),
    ]
    model = ScriptedProvider([shown, "never"])
    events = list(stream(Task(model, [Message.user("go")], options=Options()), Table()))
    assert (events[-1].reply.finish, len(model.requests)) == ("malformed", 1)


def test_a_call_that_is_demanded_is_demanded_again():
    choice = ToolConfig(mode="ANY")
    requests = drive(MALFORMED, ADD, "3", tool_choice=choice)[2]
    assert [request.tool_choice.mode for request in requests] == ["ANY", "ANY", "AUTO"]


BROKEN_OFF = "the reply ended as 'OTHER', which does not say that it is whole"


def test_an_end_that_nobody_knows_is_no_stop_and_the_text_stays():
    half = reply_of(Text("it is"), finish="unknown", raw_finish="OTHER", detail="aborted")
    _, reply, requests = drive(half)
    assert (reply.finish, reply.text, len(requests)) == ("malformed", "it is", 1)
    assert reply.detail == f"{BROKEN_OFF} (aborted)"


@pytest.mark.parametrize("before", [(), (ADD,)])
def test_nothing_with_an_end_that_nobody_knows_is_asked_for_again(before):
    nothing = reply_of(finish="unknown", raw_finish="OTHER")
    events, reply, requests = drive(*before, nothing, "it is 3")
    assert (reply.finish, reply.text, len(requests)) == ("stop", "it is 3", 2 + len(before))
    assert BROKEN_OFF in str(next(one for one in events if one.kind == "retry").error)
    _, reply, requests = drive(*before, nothing, nothing)
    assert (reply.finish, len(requests)) == ("malformed", 2 + len(before))
    assert reply.detail == f"{BROKEN_OFF}, also when it was asked again"


def test_a_typed_answer_with_an_end_that_nobody_knows_is_not_taken():
    model = ScriptedProvider([reply_of(Text("12"), finish="unknown", raw_finish="OTHER")])
    reply = altar.generate("go", model=model, output=int)
    assert (reply.finish, reply.output, reply.text) == ("malformed", None, "12")
    assert reply.detail == BROKEN_OFF


HALVES = [reply_of(Text('{"a": [1'), finish="paused"), reply_of(Text("2], "), finish="paused")]


def test_the_text_of_an_answer_that_was_paused_is_all_of_it():
    _, reply, requests = drive(*HALVES, '"b": 3}')
    assert (reply.finish, reply.text) == ("stop", '{"a": [12], "b": 3}')
    assert [one.text for one in reply.messages[1:]] == ['{"a": [1', "2], ", '"b": 3}']
    assert requests[2].messages == reply.messages[:3]
    _, reply, _ = drive(*HALVES, limits=Limits(rounds=2))
    assert (reply.finish, reply.text) == ("max_rounds", '{"a": [12], ')
    _, reply, _ = drive(HALVES[0], ADD, "it is 3")
    assert reply.text == "it is 3"


def test_a_typed_answer_that_was_paused_is_read_as_a_whole_and_so_are_its_partials():
    last = reply_of(Text('"b": 3}'))
    reply = altar.generate("go", model=ScriptedProvider([*HALVES, last]), output=dict[str, Any])
    assert (reply.finish, reply.output) == ("stop", {"a": [12], "b": 3})
    model = ScriptedProvider([*HALVES, last])
    events = list(altar.stream("go", model=model, output=dict[str, Any]))
    partials = [event.value for event in events if event.kind == "partial"]
    assert all("a" in value for value in partials if value)
    assert partials[-1] == {"a": [12], "b": 3}
    wrong = [reply_of(Text("[1,"), finish="paused"), "2]", '{"a": 1}']
    reply = altar.generate("go", model=ScriptedProvider(wrong), output=dict[str, Any])
    assert reply.output == {"a": 1}
