"""A stream folds into the very answer that complete returns."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given

from altar.errors import TransportError, UnsupportedError
from altar.llm import (
    Attempt,
    BaseProvider,
    Delta,
    End,
    Message,
    Options,
    PartEnd,
    PartStart,
    Response,
    Start,
    Task,
    Text,
    Thinking,
    ToolCall,
    Usage,
    arun,
    astream,
    fold,
    run,
    unfold,
)
from altar.runtime import Cancellation
from tests.llm._table import Table
from tests.strategies.conversations import responses

ATTEMPT = Attempt(number=1, deadline=None, cancelled=Cancellation())


@given(responses)
def test_unfold_and_fold_are_inverse(response):
    assert fold(unfold(response)) == response


@given(responses)
def test_the_deltas_spell_out_the_texts(response):
    spelt: dict[int, str] = {}
    for event in unfold(response):
        if isinstance(event, Delta):
            spelt[event.index] = spelt.get(event.index, "") + event.text
    for index, part in enumerate(response.message.parts):
        if isinstance(part, (Text, Thinking)):
            assert spelt.get(index, "") == part.text


def test_parts_that_overlap_stand_in_their_order():
    call = ToolCall("add", {"a": 1})
    events = [
        Start(),
        PartStart(0, "text"),
        PartStart(1, "tool_call", name="add"),
        PartEnd(1, call),
        Delta(0, "hi"),
        PartEnd(0, Text("hi")),
        End(usage=Usage()),
    ]
    assert fold(events).message.parts == (Text("hi"), call)


def test_a_stream_without_its_end_is_a_transport_error():
    with pytest.raises(TransportError):
        fold([Start(), PartEnd(0, Text("hi"))])


class Whole(BaseProvider):
    def complete(self, request, attempt):
        return Response(message=Message.assistant("from complete"))


class Streaming(BaseProvider):
    def stream(self, request, attempt):
        yield from unfold(Response(message=Message.assistant("from stream")))


class AsyncWhole(BaseProvider):
    async def acomplete(self, request, attempt):
        return Response(message=Message.assistant("from acomplete"))


class AsyncStreaming(BaseProvider):
    async def astream(self, request, attempt):
        for event in unfold(Response(message=Message.assistant("from astream"))):
            yield event


def task(provider):
    return Task(provider, [Message.user("hi")], options=Options())


@pytest.mark.parametrize("provider", [Whole(), Streaming()])
def test_sync_forms_are_derived_from_one_another(provider):
    whole = run(task(provider), Table()).text
    assert fold(provider.stream(None, ATTEMPT)).message.text == whole


async def _async_forms(provider):
    whole = (await arun(task(provider), Table())).text
    streamed = [event async for event in astream(task(provider), Table())]
    assert "".join(event.text for event in streamed if event.kind == "text") == whole
    return whole


@pytest.mark.parametrize("provider", [Whole(), Streaming(), AsyncWhole(), AsyncStreaming()])
def test_async_forms_are_derived_from_whatever_there_is(provider):
    assert asyncio.run(_async_forms(provider)).startswith("from ")


@pytest.mark.parametrize("provider", [AsyncWhole(), AsyncStreaming()])
def test_an_async_provider_has_no_sync_form_and_says_what_to_use(provider):
    with pytest.raises(UnsupportedError, match="agenerate"):
        run(task(provider), Table())
