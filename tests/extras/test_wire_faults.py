"""What servers do that vendors do not: both vendors' clients, against sockets that misbehave."""

from __future__ import annotations

import json
import threading
import traceback
from contextlib import closing
from typing import Any

import pytest

pytest.importorskip("anthropic")
pytest.importorskip("openai", minversion="2.54")

import altar
from altar.errors import AuthenticationError, BadRequestError, ProviderError, StreamBrokenError
from altar.llm import Message, Options, Origin, Response, Retry, ToolCall, ToolResultPart
from altar.llm.openai_compatible import LocalProvider
from altar_extras.anthropic import AnthropicProvider
from altar_extras.openai import OpenAIProvider, ResponsesReader
from altar_extras.openai import from_response as read_responses
from altar_extras.openai_chat import OpenAIChatProvider
from altar_extras.openai_chat import to_request as write_chat
from tests.llm._sockets import WAIT, Asked, Peer, serving

ONCE = Options(retry=Retry(attempts=1))
ALL = pytest.mark.parametrize("kind", [AnthropicProvider, OpenAIProvider, OpenAIChatProvider])
KEY = "an-odd-key:0123456789"


def run(kind: Any, handler: Any, *, streamed: bool, key: str = KEY, said: str = "Hi") -> Any:
    """What one run gives against a server that does as ``handler`` does, and what it was asked."""
    with serving(handler) as server, closing(kind("gpt-5.5", key=key, url=server.url)) as model:
        try:
            if streamed:
                *_, last = altar.stream(said, model=model, options=ONCE)
                return last.reply, server.asked
            return altar.generate(said, model=model, options=ONCE), server.asked
        except ProviderError as error:
            return error, server.asked


@ALL
@pytest.mark.parametrize("streamed", [False, True])
def test_a_redirect_is_refused_and_the_prompt_goes_nowhere_else(kind, streamed):
    def away(peer: Peer, _: Asked) -> None:
        peer.reply("", status="307 Away", headers=[f"Location: http://localhost:{peer.number}/x"])

    error, asked = run(kind, away, streamed=streamed)
    assert type(error) is BadRequestError
    assert error.status == 307
    assert "sends to another address" in str(error)
    assert len(asked) == 1


@ALL
def test_a_key_that_a_server_repeats_in_any_shape_is_shown_nowhere(kind):
    def refuse(peer: Peer, _: Asked) -> None:
        peer.reply({"error": {"message": f"no {KEY}!", "of": [KEY]}}, status="401 No")

    error, _ = run(kind, refuse, streamed=False)
    assert type(error) is AuthenticationError
    shown = "".join(traceback.format_exception(error)) + repr(error.raw)
    assert KEY not in shown
    assert "[secret]" in shown


@ALL
@pytest.mark.parametrize("key", ["hid-den-key\nX: y", "schl\u00fcssel-geheim"])
def test_a_key_that_no_header_carries_is_an_authentication_error_by_its_variable(kind, key):
    error, asked = run(kind, None, streamed=False, key=key)
    assert type(error) is AuthenticationError
    assert "_API_KEY" in str(error)
    assert key[:7] not in "".join(traceback.format_exception(error))
    assert not asked


@ALL
def test_a_line_break_behind_a_key_is_no_part_of_it(kind):
    _, asked = run(
        kind, lambda peer, _: peer.reply({}, status="400 No"), streamed=False, key=KEY + "\n"
    )
    assert any(value.endswith(KEY) for value in asked[0].headers.values())


@ALL
@pytest.mark.parametrize("streamed", [False, True])
def test_the_words_of_a_body_that_is_no_json_object_are_told(kind, streamed):
    def slow(peer: Peer, _: Asked) -> None:
        peer.reply(
            "<html><title>Slow down, please</title></html>", status="502 Bad", kind="text/html"
        )

    error, _ = run(kind, slow, streamed=streamed)
    assert "an HTML page: 'Slow down, please'" in str(error)


@ALL
def test_json_in_place_of_a_stream_is_told(kind):
    error, _ = run(kind, lambda peer, _: peer.reply({"odd": "one"}), streamed=True)
    assert type(error) is StreamBrokenError
    assert '{"odd": "one"}' in str(error)
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": "too blue"}}
    error, _ = run(kind, lambda peer, _: peer.reply(said), streamed=True)
    assert "too blue" in str(error)


def test_an_error_object_with_status_200_keeps_its_words():
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": "too blue"}}
    error, _ = run(AnthropicProvider, lambda peer, _: peer.reply(said), streamed=False)
    assert "too blue" in str(error)


def test_a_whole_answer_stays_when_the_connection_drops_behind_it():
    """As for the other providers: what was said to be complete is."""
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": []}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Yes"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]

    def drop(peer: Peer, _: Asked) -> bool:
        peer.begin_events()
        for event in events:
            peer.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
        return True

    reply, _ = run(AnthropicProvider, drop, streamed=True)
    assert reply.text == "Yes"


def test_a_blank_prompt_is_refused_before_it_is_sent():
    error, asked = run(AnthropicProvider, None, streamed=False, said=" ")
    assert type(error) is BadRequestError
    assert "nothing to send" in str(error)
    assert not asked


@pytest.mark.parametrize("name", ["openai/gpt-4o", "azure-gpt-4o", "prod-gpt4o"])
def test_a_name_behind_a_prefix_is_known(name):
    assert "temperature" in OpenAIProvider(name, key="k").capabilities.sampling


@pytest.mark.parametrize("kind", [OpenAIProvider, OpenAIChatProvider])
def test_a_name_that_says_nothing_can_be_explained(kind):
    assert "temperature" not in kind("mine", key="k").capabilities.sampling
    plain = kind("mine", key="k", reasoning=False)
    assert "temperature" in plain.capabilities.sampling
    with serving(lambda peer, _: peer.reply({}, status="400 No")) as server:
        with closing(kind("mine", key=KEY, url=server.url, reasoning=False)) as model:
            with pytest.raises(BadRequestError):
                altar.generate("Hi", model=model, options=ONCE)
        assert "include" not in server.asked[0].json


def test_a_foreign_name_of_a_call_is_written_in_letters_the_api_takes(ask):
    history = (
        Message.user("q"),
        Message(
            "assistant",
            (ToolCall("wetter f\u00fcr!", {}, id="a"),),
            origin=Origin(provider="local", api="chat"),
        ),
        Message("tool", (ToolResultPart(call_id="a", name="wetter f\u00fcr!", text="1"),)),
    )
    body, notes = write_chat(ask(*history))
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "wetter_f_r_"
    assert "names of calls" in [note.what for note in notes]


def test_a_policy_s_refusal_ends_whole_as_it_ends_streamed(ask):
    said = {"code": "cyber_policy", "message": "no"}
    body = {"status": "failed", "output": [], "error": said, "model": "gpt-5.5"}
    whole = read_responses(body, ask("q"))
    assert isinstance(whole, Response)
    assert (whole.finish, whole.detail) == ("blocked", "no")


def test_contents_that_overtake_each_other_keep_their_order(ask):
    reader = ResponsesReader(ask("q"))
    contents = [{"type": "output_text", "text": "one"}, {"type": "refusal", "refusal": "no"}]
    item = {"type": "message", "id": "m", "role": "assistant", "content": contents}
    at = {"output_index": 0}
    events = [
        {"type": "response.output_item.added", **at, "item": {**item, "content": []}},
        {"type": "response.refusal.delta", **at, "content_index": 1, "delta": "no"},
        {"type": "response.output_text.delta", **at, "content_index": 0, "delta": "one"},
        {"type": "response.output_item.done", **at, "item": item},
    ]
    said = [one for event in events for one in reader.feed(event)]
    kinds = [one.kind for one in said if type(one).__name__ == "PartStart"]
    assert kinds == ["text", "other"]


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"type": "reasoning", "summary": 7},
        },
        {"type": {"a": 1}, "output_index": 0},
    ],
)
def test_a_field_of_another_type_is_no_bare_exception(event, ask):
    reader = ResponsesReader(ask("q"))
    with pytest.raises(StreamBrokenError):
        reader.feed(event)
        reader.end()


def test_closing_a_local_provider_wakes_who_waits():
    waiting = threading.Event()
    found: list[BaseException] = []

    def silent(peer: Peer, _: Asked) -> None:
        waiting.set()
        peer.wait_gone()

    with serving(silent) as server:
        model = LocalProvider("m", url=server.url)

        def work() -> None:
            try:
                altar.generate("Hi", model=model, options=ONCE)
            except ProviderError as error:
                found.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert waiting.wait(WAIT)
        model.close()
        thread.join(WAIT)
    assert "was closed" in str(found[0])
