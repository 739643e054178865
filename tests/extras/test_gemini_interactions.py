"""gemini-interactions: stateless, every step sent back as it came."""

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="google-genai is not installed")

from hypothesis import given
from hypothesis import strategies as st

import altar
from altar import live
from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
)
from altar.llm import (
    BlobPart,
    Delta,
    Message,
    Opaque,
    Origin,
    OutputSpec,
    PartStart,
    Request,
    Response,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    fold,
)
from altar.testing import FakeGemini, Fault
from altar_extras.gemini_interactions import (
    InteractionsProvider,
    StreamReader,
    from_response,
    to_request,
)
from tests.extras.hangs import check_that_a_hang_ends_at_the_deadline
from tests.llm._sockets import nobody

MODEL = "gemini-3.8-flash"
SIGNATURE = "8PHy8/T19vf4+fr7/P3+/29w"
AWAY = Origin(provider="anthropic", api="messages", model="claude-opus-5-5")
CALLED = [
    {"type": "thought", "signature": SIGNATURE, "summary": [{"type": "text", "text": "Both."}]},
    {"type": "function_call", "id": "fc1", "name": "f", "arguments": {"city": "Oslo"}},
    {"type": "function_call", "id": "fc2", "name": "f", "arguments": {"city": "Rome"}},
]


def body_of(*steps: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": "v1_1", "status": status, "steps": list(steps), **more}


def output(*texts: str) -> dict[str, Any]:
    return {"type": "model_output", "content": [{"type": "text", "text": one} for one in texts]}


def sent(request: Request, **more: Any) -> list[dict[str, Any]]:
    return to_request(request, **more)[0]["input"]


def stream(body: dict[str, Any], request: Request, cut: int = 2) -> list[Any]:
    """The events of ``body`` as the server streams it, texts in pieces of ``cut``."""
    reader = StreamReader(request)
    told = {key: value for key, value in body.items() if key != "steps"}
    out = reader.feed({"event_type": "interaction.created", "interaction": {"id": body["id"]}})
    for index, step in enumerate(body["steps"]):
        begin, deltas = _cut(step, cut)
        out += reader.feed({"event_type": "step.start", "index": index, "step": begin})
        for delta in deltas:
            out += reader.feed({"event_type": "step.delta", "index": index, "delta": delta})
        out += reader.feed({"event_type": "step.stop", "index": index})
    out += reader.feed({"event_type": "interaction.completed", "interaction": told})
    return [*out, *reader.end()]


def _cut(step: dict[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def pieces(text: str) -> list[str]:
        return [text[at : at + size] for at in range(0, len(text), size)]

    if step["type"] == "model_output":
        deltas = []
        for one in step["content"]:
            if set(one) == {"type", "text"}:
                deltas += [{"type": "text", "text": piece} for piece in pieces(one["text"])]
            else:
                deltas.append(one)
        return {"type": "model_output", "content": []}, deltas
    if step["type"] == "thought":
        texts = [piece for one in step.get("summary", ()) for piece in pieces(one["text"])]
        deltas = [
            {"type": "thought_summary", "content": {"type": "text", "text": one}} for one in texts
        ]
        if "signature" in step:
            deltas.append({"type": "thought_signature", "signature": step["signature"]})
        return {"type": "thought"}, deltas
    if step["type"] == "function_call":
        import json

        text = json.dumps(step["arguments"])
        deltas = [{"type": "arguments_delta", "arguments": one} for one in pieces(text)]
        return {**step, "arguments": {}}, deltas
    return step, []


# -- a history goes back as it came ------------------------------------------------------


def test_every_step_is_sent_back_and_nothing_is_stored(ask):
    """Thoughts with their signatures, calls, then all results, then what follows."""
    answer = from_response(body_of(*CALLED, status="requires_action"), ask("Weather?")).message
    results = Message(
        "tool",
        (
            ToolResultPart(call_id="", name="f", text='{"celsius": 4}'),
            ToolResultPart(call_id="", name="f", text='"no such city"', is_error=True),
        ),
    )
    body, told = to_request(ask("Weather?", answer, results, "And?", instructions="be brief"))
    assert body["store"] is False
    assert body["system_instruction"] == "be brief"
    assert body["input"] == [
        {"type": "user_input", "content": [{"type": "text", "text": "Weather?"}]},
        *CALLED,
        {"type": "function_result", "call_id": "fc1", "name": "f", "result": {"celsius": 4}},
        {
            "type": "function_result",
            "call_id": "fc2",
            "name": "f",
            "result": '"no such city"',
            "is_error": True,
        },
        {"type": "user_input", "content": [{"type": "text", "text": "And?"}]},
    ]
    assert not told


def test_a_step_of_several_contents_is_several_parts_and_one_step_again(ask):
    """Annotations, images and new kinds of content ride with it."""
    step = {
        "type": "model_output",
        "content": [
            {"type": "text", "text": "Look:", "annotations": [{"url": "x"}]},
            {"type": "image", "mime_type": "image/png", "data": "eA=="},
            {"type": "hologram", "x": 1},
        ],
    }
    answer = from_response(body_of(step), ask("?")).message
    assert [type(one) for one in answer.parts] == [Text, BlobPart, Unknown]
    assert sent(ask("?", answer))[1:] == [step]


def test_steps_of_the_servers_own_tools_survive_both_ways(ask):
    """They are unknown parts, kept whole."""
    step = {
        "type": "google_search_call",
        "id": "g",
        "arguments": {"queries": ["x"]},
        "signature": "s",
    }
    answer = from_response(body_of(step, output("It is.")), ask("?")).message
    assert answer.parts[0] == Unknown(step)
    assert sent(ask("?", answer))[1:] == [step, output("It is.")]


def test_the_history_of_another_api_goes_without_its_signatures(ask):
    """The first call follows a thought with the documented placeholder, ids are the loop's."""
    mark = Opaque(provider="gemini", api="generate_content", kind="thought_signature", data="s")
    call = ToolCall("f", {"a": 1}, id="c1", wire_id="toolu_1", opaque=(mark,))
    message = Message("assistant", (Thinking("hm"), call), origin=AWAY)
    results = Message("tool", (ToolResultPart(call_id="c1", name="f", text="1"),))
    request = ask("?", message, results)
    assert sent(request)[1:] == [
        {"type": "thought", "signature": "skip_thought_signature_validator"},
        {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        {"type": "function_result", "call_id": "c1", "name": "f", "result": "1"},
    ]
    assert {one.what for one in to_request(request)[1]} >= {"thinking", "signatures"}
    old = sent(ask("?", message, results, model="gemini-2.5-flash"))
    assert [one["type"] for one in old] == ["user_input", "function_call", "function_result"]


def test_a_name_that_another_model_made_up_is_written_in_the_letters_of_the_api(ask):
    """Alike for the call and its result, and told."""
    asked = Message("assistant", (ToolCall("wetter für!", {}, id="a"),), origin=AWAY)
    told = Message("tool", (ToolResultPart(call_id="a", name="wetter für!", text="1"),))
    body, found = to_request(ask("?", asked, told))
    names = [step["name"] for step in body["input"] if "name" in step]
    assert names == ["wetter_f_r_", "wetter_f_r_"]
    assert "names of calls" in [one.what for one in found]


def test_an_empty_prompt_is_refused_before_it_is_sent(ask):
    """The server would refuse it, in words that help nobody."""
    with pytest.raises(BadRequestError, match="gemini-interactions: there is nothing to send"):
        to_request(ask(""))


def test_blobs_are_contents_of_their_kind(ask):
    """In prompts and beside the text of a result."""
    prompt = Message("user", (BlobPart("image/png", b"x"), BlobPart("application/pdf", uri="u")))
    call = Message("assistant", (ToolCall("f", {}, id="c"),))
    result = ToolResultPart(call_id="c", name="f", text="1", blobs=(BlobPart("image/png", b"x"),))
    image = {"type": "image", "mime_type": "image/png", "data": "eA=="}
    steps = sent(ask(prompt, call, Message("tool", (result,))))
    assert steps[0]["content"] == [
        image,
        {"type": "document", "mime_type": "application/pdf", "uri": "u"},
    ]
    assert steps[-1]["result"] == [{"type": "text", "text": "1"}, image]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (None, None),
        (ToolConfig(mode="ANY"), "any"),
        (ToolConfig(mode="NONE"), "none"),
        (
            ToolConfig(mode="ANY", allowed_function_names=("f",)),
            {"allowed_tools": {"mode": "any", "tools": ["f"]}},
        ),
        (
            ToolConfig(allowed_function_names=("f",)),
            {"allowed_tools": {"mode": "validated", "tools": ["f"]}},
        ),
    ],
)
def test_tools_choice_output_and_sampling_have_their_fields(ask, choice, wire):
    """Settings are merged last."""
    declared = FunctionDeclaration(name="f", description="F", parameters={"type": "object"})
    spec = OutputSpec(name="X", schema={"type": "object"}, load=dict)
    body, told = to_request(
        ask(
            "?",
            tools=(declared,),
            tool_choice=choice,
            output=spec,
            sampling=Sampling(max_tokens=5, temperature=0, stop=("END",), reasoning="low"),
            settings={"gemini-interactions": {"service_tier": "flex", "headers": {"a": "b"}}},
        )
    )
    parameters = declared.to_dict(dialect="json-schema")["parameters"]
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "F", "parameters": parameters}
    ]
    config = {
        "max_output_tokens": 5,
        "temperature": 0,
        "stop_sequences": ["END"],
        "thinking_summaries": "auto",
        "thinking_level": "low",
    }
    assert body["generation_config"] == (
        config if wire is None else {**config, "tool_choice": wire}
    )
    schema = {"type": "text", "mime_type": "application/json", "schema": {"type": "object"}}
    assert body["response_format"] == schema
    assert body["service_tier"] == "flex"
    assert "headers" not in body
    assert not told


# -- how interactions end ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "finish"),
    [
        ("completed", "stop"),
        ("requires_action", "stop"),
        ("incomplete", "length"),
        ("budget_exceeded", "length"),
        ("requires_continuation", "paused"),
        ("cancelled", "unknown"),
    ],
)
def test_a_status_is_read_alike_whole_and_streamed(ask, status, finish):
    """With the server's own word."""
    body = body_of(output("x"), status=status)
    whole = from_response(body, ask("?"))
    assert (whole.finish, whole.raw_finish) == (finish, status)
    assert fold(stream(body, ask("?"))) == whole


def test_a_blocked_or_malformed_answer_says_why_and_any_other_failure_raises(ask):
    """A failed interaction has its reason among its errors."""
    for code, finish in (("safety", "blocked"), ("malformed_function_call", "malformed")):
        body = body_of(status="failed", errors=[{"code": code, "message": "because"}])
        answer = from_response(body, ask("?"))
        assert (answer.finish, answer.raw_finish, answer.detail) == (finish, code, "because")
    body = body_of(status="failed", errors=[{"code": "internal", "message": "oops"}])
    with pytest.raises(ServerError, match="oops"):
        from_response(body, ask("?"))


def test_a_continuation_is_taken_up_by_its_token(ask):
    """The input is sent again with the token, without the piece so far."""
    body = body_of(output("one "), status="requires_continuation", continuation_token="t")
    paused = from_response(body, ask("count")).message
    again, _ = to_request(ask("count", paused))
    assert again["continuation_token"] == "t"
    assert [one["type"] for one in again["input"]] == ["user_input"]


def test_usage_is_inclusive(ask):
    """Thoughts are output, the prompt of server-side tools is input."""
    raw = {
        "total_input_tokens": 12,
        "total_output_tokens": 7,
        "total_thought_tokens": 31,
        "total_cached_tokens": 4,
        "total_tool_use_tokens": 2,
    }
    usage = from_response(body_of(usage=raw), ask("?")).usage
    assert (usage.input_tokens, usage.output_tokens) == (14, 38)
    assert (usage.cached_tokens, usage.reasoning_tokens, usage.raw) == (4, 31, (raw,))


# -- streams -----------------------------------------------------------------------------


def test_steps_become_parts_as_they_come(ask):
    """Thoughts, text and fragments of arguments are shown in pieces."""
    events = stream(body_of(*CALLED[:2], output("Done.")), ask("?"))
    starts = [(one.kind, one.name) for one in events if isinstance(one, PartStart)]
    assert starts == [("thinking", ""), ("tool_call", "f"), ("text", "")]
    for index, text in enumerate(("Both.", '{"city": "Oslo"}', "Done.")):
        pieces = [one.text for one in events if isinstance(one, Delta) and one.index == index]
        assert "".join(pieces) == text
        assert len(pieces) > 1


def test_arguments_that_are_no_json_are_kept_as_text_and_answered(ask):
    """They go back as an empty object, which the server takes, and that is told."""
    reader = StreamReader(ask("?"))
    call = {"type": "function_call", "id": "a", "name": "f", "arguments": {}}
    delta = {"type": "arguments_delta", "arguments": '{"city": "Os'}
    events = [
        *reader.feed({"event_type": "step.start", "index": 0, "step": call}),
        *reader.feed({"event_type": "step.delta", "index": 0, "delta": delta}),
        *reader.feed({"event_type": "step.stop", "index": 0}),
        *reader.feed(
            {"event_type": "interaction.completed", "interaction": {"status": "requires_action"}}
        ),
        *reader.end(),
    ]
    message = fold(events).message
    assert (message.calls[0].args, message.calls[0].raw_args) == (None, '{"city": "Os')
    assert sent(ask("?", message))[1] == call
    assert to_request(ask("?", message))[1][0].what == "arguments"


def test_a_stream_without_an_end_was_cut_off(ask):
    """An interaction still in progress is no answer."""
    reader = StreamReader(ask("?"))
    told = {"id": "v", "status": "in_progress"}
    reader.feed({"event_type": "interaction.created", "interaction": told})
    with pytest.raises(StreamBrokenError):
        reader.end()


@pytest.mark.parametrize("seed", range(20))
def test_interleaved_steps_are_told_one_after_the_other(ask, seed):
    """The parts of a stream stand in the order of the whole answer, and their indices too."""
    steps = [CALLED[0], output("one, two"), CALLED[1]]
    body = body_of(*steps, status="requires_action")
    lanes = []
    for index, step in enumerate(steps):
        begun, deltas = _cut(step, 2)
        lane = [{"event_type": "step.start", "index": index, "step": begun}]
        lane += [{"event_type": "step.delta", "index": index, "delta": one} for one in deltas]
        lanes.append([*lane, {"event_type": "step.stop", "index": index}])
    dice, events = Random(seed), [lane.pop(0) for lane in lanes]
    while any(lanes):
        events.append(dice.choice([lane for lane in lanes if lane]).pop(0))
    reader = StreamReader(ask("?"))
    last = {"event_type": "interaction.completed", "interaction": body}
    told = [one for event in [*events, last] for one in reader.feed(event)]
    told += reader.end()
    assert fold(told) == from_response(body, ask("?"))
    starts = [one.index for one in told if isinstance(one, PartStart)]
    assert starts == list(range(len(starts)))


def test_what_is_no_interaction_is_a_fault(ask):
    """HTTP 200 with an error or with nothing is no empty answer."""
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}
    with pytest.raises(OverloadedError, match="^gemini-interactions: overloaded"):
        from_response(error, ask("?"), name="gemini-interactions")
    with pytest.raises(StreamBrokenError, match="neither steps nor a status"):
        from_response({}, ask("?"))
    with pytest.raises(StreamBrokenError, match="not in the form of this API"):
        StreamReader(ask("?")).feed({"event_type": "step.delta", "index": []})


def test_counts_that_are_no_numbers_count_for_nothing(ask):
    """They neither end the run nor reach the sum."""
    usage = {"total_input_tokens": 3, "total_output_tokens": "7", "total_thought_tokens": []}
    told = from_response(body_of(output("x"), usage=usage), ask("?")).usage
    assert (told.input_tokens, told.output_tokens, told.reasoning_tokens) == (3, 0, None)


def test_events_this_version_does_not_know_change_nothing(ask):
    """The API grows."""
    reader = StreamReader(ask("?"))
    told = {"id": "v", "status": "completed"}
    reader.feed({"event_type": "something.new", "x": 1})
    reader.feed({"event_type": "step.delta", "index": 7, "delta": {"type": "text", "text": "x"}})
    events = reader.feed({"event_type": "interaction.completed", "interaction": told})
    assert events == []
    assert reader.end()[-1].finish == "stop"


# -- laws --------------------------------------------------------------------------------


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)
objects = st.dictionaries(words, st.none() | st.booleans() | st.integers() | words, max_size=3)
signatures = st.binary(min_size=1, max_size=9).map(lambda raw: b64encode(raw).decode())
images = st.binary(max_size=5).map(
    lambda raw: {"type": "image", "mime_type": "image/png", "data": b64encode(raw).decode()}
)
text_contents = words.map(lambda text: {"type": "text", "text": text})
steps = st.one_of(
    st.builds(lambda s: {"type": "thought", "signature": s}, signatures),
    st.builds(
        lambda s, t: {"type": "thought", "signature": s, "summary": [{"type": "text", "text": t}]},
        signatures,
        words,
    ),
    st.builds(
        lambda i, n, a: {"type": "function_call", "id": i, "name": n, "arguments": a},
        words,
        words,
        objects,
    ),
    # two texts in a row would be one in a stream
    st.builds(lambda t: {"type": "model_output", "content": [t]}, text_contents),
    st.builds(lambda t, i: {"type": "model_output", "content": [i, t, i]}, text_contents, images),
    st.builds(lambda a: {"type": "something_new", "x": a}, objects),
)
turns = st.lists(steps, max_size=5)


def a_request(*messages: Message) -> Request:
    return Request(
        model=MODEL,
        messages=(Message.user("?"), *messages),
        instructions=None,
        tools=(),
        tool_choice=None,
        output=None,
        sampling=Sampling(),
        settings={},
    )


@given(turns)
def test_every_turn_of_its_own_goes_back_as_it_came(turn):
    """Lossless, for known steps and new ones."""
    answer = from_response(body_of(*turn), a_request()).message
    body, told = to_request(a_request(answer))
    assert body["input"][1:] == turn
    assert not told


@given(turns, st.integers(1, 9))
def test_a_stream_folds_into_the_whole_answer(turn, cut):
    """However the server cuts it."""
    body = body_of(*turn, usage={"total_input_tokens": 3, "total_output_tokens": 2})
    folded = fold(stream(body, a_request(), cut))
    assert folded == from_response(body, a_request())


# -- the wire ----------------------------------------------------------------------------


def get_weather(city: str) -> dict[str, int]:
    """The weather of a city."""
    return {"celsius": len(city)}


def provider_of(fake: FakeGemini) -> InteractionsProvider:
    return InteractionsProvider(MODEL, key=fake.key, url=fake.url)


@pytest.mark.parametrize("way", ["generate", "stream"])
def test_a_conversation_with_tools_keeps_every_rule_of_the_server(way):
    """Stateless: each request carries the whole history, and stores nothing."""
    calls = [ToolCall("get_weather", {"city": "Oslo"}), ToolCall("get_weather", {"city": "Rome"})]
    script = [[Thinking("Both."), *calls], ToolCall("get_weather", {"city": "Bonn"}), "Cold."]
    with FakeGemini(script) as fake:
        provider = provider_of(fake)
        if way == "generate":
            reply = altar.generate("Weather?", model=provider, tools=[get_weather])
        else:
            reply = list(altar.stream("Weather?", model=provider, tools=[get_weather]))[-1].reply
        provider.close()
    assert (reply.text, len(reply.calls)) == ("Cold.", 3)
    for received in fake.requests:
        assert received.body["store"] is False
        assert "previous_interaction_id" not in received.body
    before, after = fake.requests[1].body["input"], fake.requests[2].body["input"]
    assert after[: len(before)] == before


FAULTS: list[tuple[str, type[ProviderError]]] = [
    ("auth", AuthenticationError),
    ("permission", PermissionDeniedError),
    ("unknown_model", UnknownModelError),
    ("quota", QuotaError),
    ("rate_limit", RateLimitError),
    ("overloaded", OverloadedError),
    ("server_error", ServerError),
    ("context_length", ContextLengthError),
    ("close", TransportError),
    ("garbage", StreamBrokenError),
    ("content_type", StreamBrokenError),
]


@pytest.mark.parametrize(("kind", "error"), FAULTS)
def test_a_fault_is_one_of_altars_errors_after_one_request(kind, error, ask, attempt):
    """This part of the SDK has exceptions of its own, and retries by default: not here."""
    for form in ("complete", "stream"):
        with FakeGemini([Fault(kind)]) as fake:
            provider = provider_of(fake)
            with pytest.raises(error) as caught:
                list([getattr(provider, form)(ask("?"), attempt)][0])
            provider.close()
        assert type(caught.value) is error
        assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [("overloaded", OverloadedError), ("garbage", StreamBrokenError), ("close", StreamBrokenError)],
)
def test_a_fault_in_mid_stream_is_told_as_one(kind, error, ask, attempt):
    """After the pieces that came before it."""
    with FakeGemini([Fault(kind, after=5, reply="some words and then some more")]) as fake:
        provider = provider_of(fake)
        seen = []
        with pytest.raises(error) as caught:
            for event in provider.stream(ask("?"), attempt):
                seen.append(event)
        provider.close()
    assert caught.value.in_stream
    assert [one for one in seen if isinstance(one, Delta)]


def test_a_server_that_is_not_there_was_not_reached(ask, attempt):
    """Nothing was sent, and it was tried once."""
    with nobody() as port:
        provider = InteractionsProvider(MODEL, key="some-key", url=f"http://127.0.0.1:{port}")
        with pytest.raises(TransportError) as caught:
            provider.complete(ask("?"), attempt)
        provider.close()
    assert not caught.value.sent


def test_a_hanging_server_is_left_at_the_deadline(ask, attempt):
    check_that_a_hang_ends_at_the_deadline(provider_of, ask, attempt)


def test_without_a_key_nothing_is_sent(ask, attempt):
    """The error names the variables to set."""
    missing = pytest.raises(AuthenticationError, match="GEMINI_API_KEY or GOOGLE_API_KEY")
    with live.allow(), missing:
        InteractionsProvider(MODEL).complete(ask("?"), attempt)


def test_a_blocked_answer_ends_the_run_with_its_reason():
    """It is no error."""
    blocked = Response(message=Message("assistant", ()), finish="blocked", detail="it is bad")
    with FakeGemini([blocked]) as fake:
        provider = provider_of(fake)
        reply = altar.generate("?", model=provider)
        provider.close()
    assert (reply.finish, reply.detail) == ("blocked", "it is bad")
