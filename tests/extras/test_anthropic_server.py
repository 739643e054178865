"""The anthropic provider with the vendor's own client, against a server that holds its rules."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import altar
from altar import live
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
)
from altar.live import forbid
from altar.llm import (
    Attempt,
    Limits,
    Message,
    Opaque,
    Options,
    Request,
    Response,
    Retry,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    Unknown,
    Usage,
    fold,
)
from altar.runtime import Cancellation
from altar.testing import FakeAnthropic, Fault

anthropic = pytest.importorskip("anthropic")

from altar_extras.anthropic import AnthropicProvider  # noqa: E402
from tests.waiting import budgets  # noqa: E402

MODEL = "claude-opus-5-5"
ONCE = Options(retry=Retry(attempts=1))
REDACTED = Thinking(
    "", opaque=(Opaque(provider="anthropic", api="messages", kind="redacted_thinking", data="x"),)
)


def get_weather(city: str, days: int = 1) -> dict[str, Any]:
    """Weather for a city."""
    return {"city": city, "celsius": len(city)}


def request(model: str = MODEL, **given: Any) -> Request:
    fields: dict[str, Any] = {
        "messages": (Message.user("Hi"),),
        "instructions": None,
        "tools": (),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(model=model, **{**fields, **given})


def attempt(deadline: float | None = None) -> Attempt:
    return Attempt(number=1, deadline=deadline, cancelled=Cancellation())


def provider(fake: FakeAnthropic, model: str = MODEL) -> AnthropicProvider:
    return AnthropicProvider(model, key=fake.key, url=fake.url)


def complete(fake: FakeAnthropic, model: str = MODEL, **given: Any) -> Response:
    asked = provider(fake, model)
    try:
        return asked.complete(request(model, **given), attempt())
    finally:
        asked.close()


def stream(fake: FakeAnthropic, model: str = MODEL, **given: Any) -> Response:
    asked = provider(fake, model)
    try:
        return fold(asked.stream(request(model, **given), attempt()))
    finally:
        asked.close()


WAYS = pytest.mark.parametrize("way", [complete, stream])


@pytest.mark.parametrize("model", [MODEL, "claude-sonnet-4-5", "claude-haiku-5-5"])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_conversation_with_thinking_and_parallel_calls_is_taken_back(model, streamed):
    """Signatures, redacted thinking and ids come back as they went, or the server refuses."""
    script = [
        [
            Thinking("Two."),
            REDACTED,
            "I look.",
            *[ToolCall("get_weather", {"city": c}) for c in "ab"],
        ],
        [Thinking("More."), ToolCall("get_weather", {"city": "c"})],
        [Thinking("Done."), "Cold."],
        "As I said.",
    ]
    options = Options(sampling=Sampling(reasoning="low"))
    with FakeAnthropic(script) as fake:
        asked = provider(fake, model)
        given = {
            "model": asked,
            "tools": [get_weather],
            "options": options,
            "instructions": "Be brief.",
        }
        if streamed:
            reply = list(altar.stream("Weather?", **given))[-1].reply
        else:
            reply = altar.generate("Weather?", **given)
        more = altar.generate([*reply.messages, Message.user("Sure?")], **given)
        asked.close()
        assert (reply.text, more.text, len(reply.calls)) == ("Cold.", "As I said.", 3)
        assert not [note for note in more.adaptations if note.what == "thinking"]
        heads = {json.dumps([one.body["system"], one.body["tools"]]) for one in fake.requests}
        assert len(heads) == 1
        wire = fake.requests[3].body["messages"][1]["content"]
        kinds = [block["type"] for block in wire]
        assert kinds == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]


def test_a_changed_system_prompt_drops_thinking_that_the_server_would_refuse():
    with FakeAnthropic([[Thinking("Hm."), "One."], [Thinking("Ha."), "Two."], "Three."]) as fake:
        asked = provider(fake)
        first = altar.generate("Hi", model=asked, instructions="Be brief.")
        history = [*first.messages, Message.user("And?")]
        second = altar.generate(history, model=asked, instructions="Be long.")
        history = [*second.messages, Message.user("And?")]
        third = altar.generate(history, model=asked, instructions="Be long.")
        asked.close()
        assert [note.what for note in second.adaptations] == ["thinking"]
        content = [block["type"] for block in fake.requests[2].body["messages"][3]["content"]]
        assert content == ["thinking", "text"]
        assert third.text == "Three."


def test_another_claude_model_goes_on_without_the_thinking_of_the_first():
    script = [[Thinking("Hm."), ToolCall("get_weather", {"city": "a"})], "One.", "Two."]
    with FakeAnthropic(script) as fake:
        first = provider(fake)
        reply = altar.generate("Hi", model=first, tools=[get_weather])
        second = provider(fake, "claude-sonnet-4-5")
        options = Options(sampling=Sampling(reasoning="low"))
        history = [*reply.messages, Message.user("And?")]
        again = altar.generate(history, model=second, tools=[get_weather], options=options)
        first.close()
        second.close()
        assert again.text == "Two."
        assert "thinking" in [note.what for note in again.adaptations]


def test_a_paused_turn_is_sent_again_as_it_stands_and_goes_on():
    search = {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {"q": "a"},
    }
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    first = Message("assistant", (Thinking("Hm."), Unknown(search)))
    second = Message(
        "assistant", (Unknown(found), Thinking("Ha."), Unknown({**search, "id": "srvtoolu_2"}))
    )
    script = [Response(message=m, finish="paused") for m in (first, second)]
    settings = {"anthropic": {"tools": [{"type": "web_search_20260209", "name": "web_search"}]}}
    with FakeAnthropic([*script, "Found."]) as fake:
        asked = provider(fake)
        reply = altar.generate("Search!", model=asked, options=Options(settings=settings))
        asked.close()
        assert (reply.text, reply.finish, reply.calls) == ("Found.", "stop", ())


@WAYS
def test_a_typed_answer_with_strict_tools_is_taken(way):
    from altar.llm import OutputSpec

    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    spec = OutputSpec(name="n", schema=schema, load=lambda value: value)
    declared = tuple(altar.declare(one) for one in (get_weather,))
    with FakeAnthropic(['{"n": 1}']) as fake:
        assert way(fake, output=spec, tools=declared).message.text == '{"n": 1}'
        assert fake.requests[0].body["tools"][0]["strict"] is True
        assert "format" in fake.requests[0].body["output_config"]


def test_many_tools_stay_within_the_limits_of_strict():
    def wide(a: int | str = 1, b: str | None = None, *, c: float | None = None) -> str:
        """Wide."""

    tools = tuple(altar.declare(wide, name=f"wide_{index}") for index in range(30))
    with FakeAnthropic(["ok"]) as fake:
        assert complete(fake, tools=tools).message.text == "ok"
        strict = sum(tool.get("strict", False) for tool in fake.requests[0].body["tools"])
        assert strict == 5


@WAYS
def test_usage_is_inclusive_over_the_wire(way):
    usage = Usage(
        input_tokens=100,
        output_tokens=50,
        cached_tokens=40,
        cache_write_tokens=20,
        reasoning_tokens=30,
    )
    with FakeAnthropic([Response(message=Message.assistant("ok"), usage=usage)]) as fake:
        found = way(fake).usage
    counted = (found.input_tokens, found.cached_tokens, found.cache_write_tokens)
    assert counted == (100, 40, 20)
    assert (found.output_tokens, found.reasoning_tokens) == (50, 30)


def test_the_stream_and_the_whole_are_one():
    said = [
        Thinking("Hm."),
        REDACTED,
        Text("Words with é and \U0001f600."),
        ToolCall("get_weather", {"city": "Ål", "days": 2}, wire_id="toolu_1"),
        ToolCall("get_weather", raw_args='{"city": "O', wire_id="toolu_2"),
        Unknown({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}),
    ]
    with FakeAnthropic([said]) as one, FakeAnthropic([said]) as two:
        whole, streamed = complete(one), stream(two)
    assert streamed == whole


FAULTS = [
    (Fault("auth"), AuthenticationError, 401),
    (Fault("permission"), PermissionDeniedError, 403),
    (Fault("unknown_model"), UnknownModelError, 404),
    (Fault("quota"), QuotaError, 429),
    (Fault("rate_limit", retry_after=1.5), RateLimitError, 429),
    (Fault("overloaded"), OverloadedError, 529),
    (Fault("server_error"), ServerError, 500),
    (Fault("context_length"), ContextLengthError, 400),
    (Fault("close"), TransportError, None),
    (Fault("garbage"), StreamBrokenError, None),
    (Fault("content_type"), StreamBrokenError, None),
]


@WAYS
@pytest.mark.parametrize(("entry", "expected", "status"), FAULTS, ids=[f[0].kind for f in FAULTS])
def test_every_fault_has_its_error_and_is_tried_once(way, entry, expected, status):
    with FakeAnthropic([entry]) as fake:
        with pytest.raises(expected) as caught:
            way(fake)
        assert len(fake.requests) == 1
    error = caught.value
    assert (error.provider, error.status, error.in_stream) == ("anthropic", status, False)
    assert error.__cause__ is not None or expected is StreamBrokenError
    assert error.retry_after == entry.retry_after
    assert fake.key not in f"{error!r} {error} {error.raw}"
    if status is not None:
        assert error.request_id


STREAMED = [
    ("overloaded", OverloadedError),
    ("server_error", ServerError),
    ("rate_limit", RateLimitError),
    ("close", StreamBrokenError),
    ("garbage", StreamBrokenError),
]


@pytest.mark.parametrize(("kind", "expected"), STREAMED)
def test_a_fault_in_the_middle_of_a_stream_is_known_by_its_type_not_its_status(kind, expected):
    with FakeAnthropic([Fault(kind, after=5)]) as fake, pytest.raises(expected) as caught:
        stream(fake)
    assert type(caught.value) is expected
    assert caught.value.in_stream is True


def test_a_whole_answer_that_breaks_off_is_a_transport_error():
    with FakeAnthropic([Fault("close", after=1)]) as fake, pytest.raises(TransportError) as caught:
        complete(fake)
    assert caught.value.sent is True


@WAYS
def test_an_answer_of_many_megabytes_is_read(way):
    with FakeAnthropic([Fault("huge", reply="ok")]) as fake:
        assert way(fake).message.text == "ok"


@WAYS
def test_the_deadline_reaches_the_socket(way):
    from time import monotonic

    with FakeAnthropic(lambda asked: Fault("hang")) as fake:
        asked = provider(fake)
        for seconds in budgets(0.2):
            with pytest.raises(ProviderTimeoutError):
                if way is complete:
                    asked.complete(request(), attempt(monotonic() + seconds))
                else:
                    list(asked.stream(request(), attempt(monotonic() + seconds)))
            if fake.requests:
                break
        asked.close()
        assert fake.requests


def test_a_deadline_that_has_passed_sends_nothing():
    with FakeAnthropic() as fake:
        asked = provider(fake)
        with pytest.raises(ProviderTimeoutError) as caught:
            asyncio.run(asked.acomplete(request(), attempt(0.0)))
        assert (caught.value.sent, fake.requests) == (False, [])


@WAYS
def test_without_a_key_nothing_is_sent_and_the_variable_is_named(way, monkeypatch, tmp_path):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with FakeAnthropic() as fake:
        asked = AnthropicProvider(MODEL, url=fake.url)
        with pytest.raises(AuthenticationError, match="ANTHROPIC_API_KEY") as caught:
            asked.complete(request(), attempt())
        assert (caught.value.sent, fake.requests) == (False, [])


def test_a_profile_that_is_not_there_is_an_authentication_error(monkeypatch, tmp_path):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nobody")
    with pytest.raises(AuthenticationError, match="ANTHROPIC_API_KEY"):
        AnthropicProvider(MODEL).complete(request(), attempt())


def test_the_vendors_variables_lead_the_way(monkeypatch):
    with FakeAnthropic(["ok"]) as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        assert altar.generate("Hi", model=f"anthropic:{MODEL}").text == "ok"


@WAYS
@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "ftp://127.0.0.1"])
def test_a_wrong_address_is_a_transport_error_and_nothing_was_sent(way, url):
    asked = AnthropicProvider(MODEL, key="k", url=url)
    with live.allow(), pytest.raises(TransportError) as caught:
        if way is complete:
            asked.complete(request(), attempt())
        else:
            list(asked.stream(request(), attempt()))
    assert caught.value.sent is False
    assert "ANTHROPIC_BASE_URL" in caught.value.hint
    asked.close()


def test_a_wrong_path_names_the_model_and_the_key():
    with FakeAnthropic() as fake:
        asked = AnthropicProvider(MODEL, key=fake.key, url=f"{fake.url}/nowhere")
        with pytest.raises(UnknownModelError, match="model's name"):
            asked.complete(request(), attempt())
        asked.close()


def test_headers_of_the_settings_are_sent_and_kept_out_of_the_body():
    settings = {"anthropic": {"headers": {"anthropic-beta": "novel-1"}}}
    with FakeAnthropic(["ok"]) as fake:
        complete(fake, settings=settings)
        assert fake.requests[0].headers["anthropic-beta"] == "novel-1"
        assert "headers" not in fake.requests[0].body


def test_a_client_of_the_callers_is_used_and_stays_open():
    async def main() -> None:
        with FakeAnthropic(["ok", Fault("overloaded")]) as fake:
            client = anthropic.AsyncAnthropic(api_key=fake.key, base_url=fake.url, max_retries=5)
            asked = AnthropicProvider(MODEL, client=client)
            answer = await asked.acomplete(request(), attempt())
            assert answer.message.text == "ok"
            with pytest.raises(OverloadedError):
                await asked.acomplete(request(), attempt())
            assert len(fake.requests) == 2
            await asked.aclose()
            assert not client.is_closed()
            await client.close()

    asyncio.run(main())


@WAYS
def test_an_error_that_is_nobodys_known_one_stays_what_it_is(way):
    class Broken:
        base_url = "http://127.0.0.1:1"

        async def post(self, *given: Any, **named: Any) -> Any:
            raise ZeroDivisionError("a bug")

    asked = AnthropicProvider(MODEL, client=Broken())  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError) as caught:
        if way is complete:
            asked.complete(request(), attempt())
        else:
            list(asked.stream(request(), attempt()))
    assert caught.value.__cause__ is None
    asked.close()


def test_a_client_of_our_own_is_closed():
    async def main() -> None:
        with FakeAnthropic(["ok"]) as fake:
            asked = provider(fake)
            await asked.acomplete(request(), attempt())
            client = asked.client()
            await asked.aclose()
            assert client.is_closed()

    asyncio.run(main())


def test_a_stream_that_is_left_lets_go_of_its_connection():
    async def main() -> None:
        with FakeAnthropic(["A long answer, of which nobody reads the end."] * 2) as fake:
            asked = provider(fake)
            events = asked.astream(request(), attempt())
            await anext(events)
            await events.aclose()
            assert (await asked.acomplete(request(), attempt())).message.text
            await asked.aclose()

    asyncio.run(main())


def test_a_live_call_is_forbidden_while_the_switch_is_set():
    asked = AnthropicProvider(MODEL, key="k")
    with forbid("A test said so."), pytest.raises(ConfigurationError, match="api.anthropic.com"):
        asked.complete(request(), attempt())
    asked.close()


def test_a_run_that_fails_leaves_its_history():
    with FakeAnthropic([Fault("auth")]) as fake:
        asked = provider(fake)
        with pytest.raises(ProviderError) as caught:
            altar.generate("Hi", model=asked, options=ONCE)
        asked.close()
    assert caught.value.messages[0].text == "Hi"


def test_the_deadline_of_a_run_ends_a_model_that_never_answers():
    with FakeAnthropic(lambda asked: Fault("hang")) as fake:
        asked = provider(fake)
        for seconds in budgets(0.2):
            options = Options(limits=Limits(seconds=seconds), retry=Retry(attempts=1))
            assert altar.generate("Hi", model=asked, options=options).finish == "deadline"
            if fake.requests:
                break
        asked.close()
        assert fake.requests
