"""gemini: and vertex: with the real SDK against a server that keeps the vendor's rules."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="google-genai is not installed")

from google import genai
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

import altar
from altar import Options, live
from altar.errors import (
    AuthenticationError,
    BadRequestError,
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
from altar.llm import (
    Attempt,
    Clock,
    Delta,
    Message,
    Response,
    Retry,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    fold,
)
from altar.runtime import Cancellation
from altar.testing import FakeGemini, Fault
from altar_extras.gemini import GeminiProvider, VertexProvider
from tests.extras.hangs import check_that_a_hang_ends_at_the_deadline
from tests.llm._sockets import nobody
from tests.waiting import budgets

MODEL = "gemini-3.8-flash"


def get_weather(city: str) -> dict[str, int]:
    """The weather of a city."""
    return {"celsius": len(city)}


class Token(Credentials):
    """Google Cloud credentials that never expire."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    def refresh(self, request: object) -> None:
        pass

    @property
    def expired(self) -> bool:
        return False


class Watch(Clock):
    """Waits for nothing."""

    def sleep(self, seconds: float) -> None:
        pass


def gemini(fake: FakeGemini, model: str = MODEL) -> GeminiProvider:
    return GeminiProvider(model, key=fake.key, url=fake.url)


def vertex(fake: FakeGemini, model: str = MODEL) -> VertexProvider:
    credentials = Token(fake.key)
    return VertexProvider(
        model, project="p1", location="europe-west4", credentials=credentials, url=fake.url
    )


def both_ways(provider: GeminiProvider, request: Any, attempt: Attempt) -> list[Response]:
    try:
        return [provider.complete(request, attempt), fold(provider.stream(request, attempt))]
    finally:
        provider.close()


# -- the wire ----------------------------------------------------------------------------


@pytest.mark.parametrize("connect", [gemini, vertex])
def test_a_conversation_with_tools_keeps_every_rule_of_the_server(connect, attempt):
    """Signatures, order, ids and counts: the server refuses what breaks one."""
    calls = [ToolCall("get_weather", {"city": "Oslo"}), ToolCall("get_weather", {"city": "Rome"})]
    script = [[Thinking("Both."), *calls], ToolCall("get_weather", {"city": "Bonn"}), "Cold."]
    for way in ("generate", "stream"):
        with FakeGemini(script) as fake:
            provider = connect(fake)
            if way == "generate":
                reply = altar.generate("Weather?", model=provider, tools=[get_weather])
            else:
                reply = list(altar.stream("Weather?", model=provider, tools=[get_weather]))[
                    -1
                ].reply
            provider.close()
        assert reply.text == "Cold."
        assert len(reply.calls) == 3
        first, last = fake.requests[0].body, fake.requests[2].body
        assert last["contents"][0] == first["contents"][0]
        assert last["tools"] == first["tools"]


@pytest.mark.parametrize("connect", [gemini, vertex])
def test_unknown_parts_and_the_finish_message_arrive_by_either_road(connect, ask, attempt):
    """The SDK's own types drop both."""
    raw = {"executableCode": {"language": "PYTHON", "code": "1"}}
    said = Response(
        message=Message("assistant", (Text("x"), Unknown(raw))),
        finish="malformed",
        detail="Malformed function call: f(x=)",
    )
    with FakeGemini([said, said]) as fake:
        for answer in both_ways(connect(fake), ask("?"), attempt):
            assert answer.message.parts == (Text("x"), Unknown(raw))
            assert (answer.finish, answer.detail) == ("malformed", said.detail)
            assert answer.raw_finish == "MALFORMED_FUNCTION_CALL"


def test_vertex_takes_the_project_its_location_and_a_bearer_token(ask, attempt):
    """And its answers are at home on Vertex alone."""
    with FakeGemini(["ok"]) as fake:
        provider = vertex(fake)
        answer = provider.complete(ask("?"), attempt)
        provider.close()
    place = "/projects/p1/locations/europe-west4/publishers/google/models/"
    assert place in fake.requests[0].path
    assert answer.message.origin is not None
    assert answer.message.origin.provider == "vertex"


def test_the_environment_leads_to_the_server(ask, attempt, monkeypatch):
    """Keys, base URLs, project and location as the SDK names them; Vertex by its switch."""
    with FakeGemini(["one", "two", "three"]) as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        provider = GeminiProvider(MODEL)
        assert provider.complete(ask("?"), attempt).message.text == "one"
        provider.close()
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p2")
        monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east1")
        provider = VertexProvider(MODEL, credentials=Token(fake.key))
        assert provider.complete(ask("?"), attempt).message.text == "two"
        provider.close()
        assert "/projects/p2/locations/us-east1/" in fake.requests[1].path
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        switched = GeminiProvider(MODEL, key=fake.key)
        answer = switched.complete(ask("?"), attempt)
        switched.close()
    assert answer.message.text == "three"
    assert answer.message.origin.provider == "vertex"
    assert "/publishers/google/models/" in fake.requests[2].path


def test_settings_headers_go_into_the_http_request(ask, attempt):
    """By either road."""
    settings = {"gemini": {"headers": {"x-own": "yes"}, "labels": {"team": "a"}}}
    with FakeGemini(["ok", "ok"]) as fake:
        both_ways(gemini(fake), ask("?", settings=settings), attempt)
    for received in fake.requests:
        assert received.headers["x-own"] == "yes"
        assert received.body["labels"] == {"team": "a"}
        assert "headers" not in received.body


def test_the_deadline_is_told_to_the_server_in_seconds(ask):
    """The SDK takes milliseconds."""
    with FakeGemini(["ok", "ok"]) as fake:
        deadline = time.monotonic() + 500
        attempt = Attempt(number=1, deadline=deadline, cancelled=Cancellation())
        both_ways(gemini(fake), ask("?"), attempt)
    for received in fake.requests:
        assert 400 < int(received.headers["x-server-timeout"]) <= 500


def test_continuations_are_not_followed_by_the_sdk(ask, attempt):
    """Each call is one request; the next one carries the token."""
    first = Response(message=Message.assistant("one "), finish="paused")
    with FakeGemini([first, first, "two"]) as fake:
        provider = gemini(fake)
        paused = provider.complete(ask("count"), attempt)
        streamed = fold(provider.stream(ask("count"), attempt))
        assert (paused.finish, streamed.finish) == ("paused", "paused")
        done = provider.complete(ask("count", paused.message), attempt)
        provider.close()
    assert done.message.text == "two"
    assert len(fake.requests) == 3
    assert fake.requests[2].body["continuationToken"]


def test_a_client_of_ones_own_is_used_and_not_closed(ask, attempt):
    """A genai.Client or its async side; anything else is refused."""
    with FakeGemini(["one", "two", "three"]) as fake:
        options = {"base_url": fake.url, "retry_options": {"attempts": 3}}
        client = genai.Client(api_key=fake.key, http_options=options)

        async def main() -> None:
            provider = GeminiProvider(MODEL, client=client)
            assert (await provider.acomplete(ask("?"), attempt)).message.text == "one"
            await provider.aclose()
            other = GeminiProvider(MODEL, client=client.aio)
            assert (await other.acomplete(ask("?"), attempt)).message.text == "two"
            await other.aclose()
            answer = await client.aio.models.generate_content(model=MODEL, contents="?")
            assert answer.text == "three"
            await client.aio.aclose()

        asyncio.run(main())
    with pytest.raises(ConfigurationError, match="google.genai.Client"):
        GeminiProvider(MODEL, client=object())


def test_without_the_raw_road_streams_fall_back_to_typed_events(ask, attempt):
    """Signatures are in the alphabet they came in; what is lost is told."""
    script = [[Thinking("hm"), ToolCall("f", {"a": 1})], "ok"]
    with FakeGemini(script) as fake:
        client = genai.Client(api_key=fake.key, http_options={"base_url": fake.url})

        async def main() -> Response:
            aio = client.aio
            provider = GeminiProvider(MODEL, client=SimpleNamespace(models=aio.models))
            events = [one async for one in provider.astream(ask("?"), attempt)]
            answer = fold(events)
            results = tuple(
                ToolResultPart(call_id="", name=call.name, text="1")
                for call in answer.message.calls
            )
            more = ask("?", answer.message, Message("tool", results))
            await provider.acomplete(more, attempt)
            await aio.aclose()
            return answer

        answer = asyncio.run(main())
    assert answer.message.parts[0] == Thinking("hm")
    assert [one.what for one in answer.adaptations] == ["stream"]


# -- what goes wrong ---------------------------------------------------------------------


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
    """The SDK retries nothing, and its exceptions stay behind as the cause."""
    for form in ("complete", "stream"):
        with FakeGemini([Fault(kind)]) as fake:
            provider = gemini(fake)
            with pytest.raises(error) as caught:
                list([getattr(provider, form)(ask("?"), attempt)][0])
            provider.close()
        assert type(caught.value) is error
        assert len(fake.requests) == 1
        assert fake.key not in str(caught.value)
        assert caught.value.provider == "gemini"


def test_a_rate_limit_says_when_to_come_back(ask, attempt):
    """RetryInfo, though its words speak of billing as those of a spent quota do."""
    words = "You exceeded your current quota, please check your plan and billing details."
    fault = Fault("rate_limit", retry_after=38.0, message=words)
    with FakeGemini([fault]) as fake:
        provider = gemini(fake)
        with pytest.raises(RateLimitError) as caught:
            provider.complete(ask("?"), attempt)
        provider.close()
    assert caught.value.retry_after == 38.0
    assert caught.value.status == 429


def test_a_wrong_key_names_the_variables(ask, attempt):
    """Of the API that was asked."""
    for connect, name in ((gemini, "GEMINI_API_KEY"), (vertex, "GOOGLE_CLOUD_PROJECT")):
        with FakeGemini() as fake:
            provider = connect(fake)
            fake.key = "another"
            with pytest.raises(AuthenticationError, match=name):
                provider.complete(ask("?"), attempt)
            provider.close()


def test_without_a_key_nothing_is_sent(ask, attempt):
    """The error names the variables to set."""
    provider = GeminiProvider(MODEL)
    for form in (provider.complete, lambda *given: list(provider.stream(*given))):
        missing = pytest.raises(AuthenticationError, match="GEMINI_API_KEY or GOOGLE_API_KEY")
        with live.allow(), missing as caught:
            form(ask("?"), attempt)
        assert not caught.value.sent
    provider.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [("overloaded", OverloadedError), ("garbage", StreamBrokenError), ("close", StreamBrokenError)],
)
def test_a_fault_in_mid_stream_is_told_as_one(kind, error, ask, attempt):
    """After the pieces that came before it."""
    with FakeGemini([Fault(kind, after=2, reply="some words and then some more")]) as fake:
        provider = gemini(fake)
        events = provider.stream(ask("?"), attempt)
        seen = []
        with pytest.raises(error) as caught:
            for event in events:
                seen.append(event)
        provider.close()
    assert caught.value.in_stream
    assert "".join([one.text for one in seen if isinstance(one, Delta)]).startswith("some")
    assert len(fake.requests) == 1


def test_a_server_that_is_not_there_was_not_reached(ask, attempt):
    """Nothing was sent."""
    with nobody() as port:
        provider = GeminiProvider(MODEL, key="some-key", url=f"http://127.0.0.1:{port}")
        with pytest.raises(TransportError) as caught:
            provider.complete(ask("?"), attempt)
        provider.close()
    assert not caught.value.sent


def test_a_hanging_server_is_left_at_the_deadline(ask, attempt):
    check_that_a_hang_ends_at_the_deadline(gemini, ask, attempt)


def test_credentials_that_cannot_be_refreshed_are_a_fault_of_signing_in(ask, attempt):
    """google-auth raises errors of its own."""

    class Spent(Token):
        def refresh(self, request: object) -> None:
            raise RefreshError("the refresh token has expired")

    with FakeGemini() as fake:
        provider = VertexProvider(MODEL, project="p1", credentials=Spent(""), url=fake.url)
        with pytest.raises(AuthenticationError, match="application-default") as caught:
            provider.complete(ask("?"), attempt)
        provider.close()
    assert not caught.value.sent
    assert fake.requests == []


def test_a_name_that_can_be_no_model_is_refused_before_it_is_sent(ask, attempt):
    """By either road."""
    with FakeGemini() as fake:
        for form in ("complete", "stream"):
            provider = gemini(fake, "models/x?y")
            with pytest.raises(BadRequestError) as caught:
                list([getattr(provider, form)(ask("?"), attempt)][0])
            provider.close()
            assert not caught.value.sent
    assert fake.requests == []


def test_a_slow_server_is_a_timeout_by_the_sdks_own_clock(ask):
    """The async forms have nobody else to end them when they are asked without a loop."""

    async def main() -> None:
        replies = iter(["ok"])
        with FakeGemini(lambda asked: next(replies, Fault("hang"))) as fake:
            provider = gemini(fake)
            first = Attempt(number=1, deadline=None, cancelled=Cancellation())
            await provider.acomplete(ask("?"), first)
            for seconds in budgets(0.1):
                deadline = time.monotonic() + seconds
                soon = Attempt(number=1, deadline=deadline, cancelled=Cancellation())
                with pytest.raises(ProviderTimeoutError):
                    await provider.acomplete(ask("?"), soon)
                if len(fake.requests) > 1:
                    break
            await provider.aclose()
            assert len(fake.requests) > 1

    asyncio.run(main())


def test_a_blocked_prompt_ends_the_run_with_its_reason():
    """It is no error."""
    blocked = Response(message=Message("assistant", ()), finish="blocked", detail="it is bad")
    with FakeGemini([blocked, blocked]) as fake:
        provider = gemini(fake)
        reply = altar.generate("?", model=provider)
        last = list(altar.stream("?", model=provider))[-1].reply
        provider.close()
    for one in (reply, last):
        assert (one.finish, one.detail) == ("blocked", "it is bad")


def test_a_retry_is_the_loops_own():
    """One request for each attempt."""
    with FakeGemini([Fault("overloaded"), "ok"]) as fake:
        provider = gemini(fake)

        options = Options(retry=Retry(clock=Watch()))
        assert altar.generate("?", model=provider, options=options).text == "ok"
        provider.close()
    assert len(fake.requests) == 2
