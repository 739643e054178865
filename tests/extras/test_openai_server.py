"""Both OpenAI providers with the vendor's own client, against a server that holds its rules."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("openai", minversion="2.54")

from openai import AsyncOpenAI

import altar
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    PermissionDeniedError,
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
    Options,
    Refusal,
    Request,
    Response,
    Retry,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    Usage,
    fold,
)
from altar.runtime import Cancellation
from altar.testing import FakeOpenAI, Fault
from altar_extras.openai import OpenAIProvider
from altar_extras.openai_chat import OpenAIChatProvider
from tests.llm._sockets import nobody
from tests.waiting import budgets

ONCE = Options(retry=Retry(attempts=1))
BOTH = pytest.mark.parametrize("kind", [OpenAIProvider, OpenAIChatProvider])


def get_weather(city: str, days: int = 1) -> dict[str, Any]:
    """Weather for a city."""
    return {"city": city, "celsius": len(city), "days": days}


@dataclass
class Person:
    """A person."""

    name: str
    age: int = 7


def provider(kind: Any, fake: FakeOpenAI, model: str = "gpt-5.5", **given: Any) -> Any:
    return kind(model, **{"key": fake.key, "url": f"{fake.url}/v1", **given})


def request(model: str = "gpt-5.5", **given: Any) -> Request:
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


async def gathered(events: Any) -> list[Any]:
    return [event async for event in events]


SCRIPT: list[Any] = [
    [
        Thinking("Two cities."),
        Text("I look."),
        ToolCall("get_weather", {"city": "Oslo"}),
        ToolCall("get_weather", {"city": "Bergen", "days": 2}),
    ],
    [ToolCall("get_weather", {"city": "Rome"})],
    "Cold, cold and warm.",
]


@BOTH
def test_a_conversation_of_three_rounds_by_each_of_the_four_ways(kind: Any):
    """The server checks each history: ids, pairs, reasoning with what it led to."""
    said = {"model": None, "tools": [get_weather]}
    for way in ("generate", "agenerate", "stream", "astream"):
        with FakeOpenAI(SCRIPT) as fake:
            model = provider(kind, fake)
            said["model"] = model
            if way == "generate":
                reply = altar.generate("Weather?", **said)
            elif way == "agenerate":
                reply = asyncio.run(altar.agenerate("Weather?", **said))
            elif way == "stream":
                reply = list(altar.stream("Weather?", **said))[-1].reply
            else:
                reply = asyncio.run(gathered(altar.astream("Weather?", **said)))[-1].reply
            model.close()
            fake.finished()
        assert (reply.text, reply.finish) == ("Cold, cold and warm.", "stop")
        assert [record.call.args for record in reply.calls] == [
            {"city": "Oslo"},
            {"city": "Bergen", "days": 2},
            {"city": "Rome"},
        ]
        assert reply.usage.requests == 3
        assert reply.usage.input_tokens is not None
        assert not reply.adaptations


def test_reasoning_goes_back_and_none_of_it_is_removed():
    with FakeOpenAI(SCRIPT) as fake:
        model = provider(OpenAIProvider, fake)
        altar.generate("Weather?", model=model, tools=[get_weather])
        model.close()
        last = fake.requests[-1].body["input"]
    reasoning = [item for item in last if item.get("type") == "reasoning"]
    assert reasoning
    assert all(item["encrypted_content"] for item in reasoning)


@BOTH
def test_a_stream_folds_into_what_complete_returns(kind: Any):
    """Message parts byte for byte; only the ids are the server's own each time."""
    for entry in (
        SCRIPT[0],
        "Words.",
        [Refusal("No.")],
        Response(message=Message.assistant("Ha"), finish="length"),
    ):
        with FakeOpenAI([entry, entry]) as fake:
            model = provider(kind, fake)
            tools = (altar.declare(get_weather),)
            whole = model.complete(request(tools=tools), attempt())
            folded = fold(model.stream(request(tools=tools), attempt()))
            model.close()
        assert shape(folded) == shape(whole)


def shape(response: Response) -> Any:
    parts = []
    for part in response.message.parts:
        about: Any = getattr(part, "text", None)
        if isinstance(part, ToolCall):
            about = (part.name, part.args)
        parts.append((type(part).__name__, about))
    return parts, response.finish, response.raw_finish


@BOTH
def test_a_typed_answer_comes_natively_without_strict_nulls(kind: Any):
    """A default that the model leaves to the type is null on the wire, and absent in the text."""
    with FakeOpenAI(['{"name": "Ada", "age": null}', '{"value": ["a"]}']) as fake:
        model = provider(kind, fake)
        reply = altar.generate("Who?", model=model, output=Person)
        assert reply.output == Person("Ada", 7)
        assert json.loads(reply.text) == {"name": "Ada"}
        events = list(altar.stream("Who?", model=model, output=list[str]))
        assert events[-1].reply.output == ["a"]
        assert "".join(event.text for event in events if event.kind == "text") == '["a"]'
        model.close()
        body = json.dumps(fake.requests[0].body)
    assert '"strict": true' in body


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("auth"), AuthenticationError),
        (Fault("permission"), PermissionDeniedError),
        (Fault("unknown_model"), UnknownModelError),
        (Fault("quota"), QuotaError),
        (Fault("rate_limit", retry_after=7), RateLimitError),
        (Fault("overloaded"), OverloadedError),
        (Fault("server_error"), ServerError),
        (Fault("context_length"), ContextLengthError),
        (Fault("close"), TransportError),
        (Fault("garbage"), StreamBrokenError),
        (Fault("content_type"), StreamBrokenError),
    ],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_every_fault_is_a_typed_error_and_one_request(kind: Any, fault: Fault, error: type):
    """Whole and streamed alike, and the vendor's client repeats nothing."""
    with FakeOpenAI([fault, fault]) as fake:
        model = provider(kind, fake)
        for way in (model.complete, lambda *asked: fold(model.stream(*asked))):
            with pytest.raises(error) as caught:
                way(request(), attempt())
            assert caught.value.provider == kind.name
            assert str(caught.value).startswith(f"{kind.name}: ")
            assert fake.key not in str(caught.value)
            if error is RateLimitError:
                assert caught.value.retry_after == 7
            if error in (AuthenticationError, PermissionDeniedError):
                assert "OPENAI_API_KEY" in caught.value.hint
            if error is UnknownModelError:
                assert "the model's name" in caught.value.hint
                assert "OPENAI_API_KEY" not in caught.value.hint
        model.close()
        assert len(fake.requests) == 2


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [("overloaded", OverloadedError), ("close", TransportError), ("garbage", StreamBrokenError)],
)
def test_a_fault_in_mid_stream_is_known_as_such(kind: Any, fault: Any, error: type):
    with FakeOpenAI([Fault(fault, after=4)]) as fake:
        model = provider(kind, fake)
        with pytest.raises(error) as caught:
            for _ in model.stream(request(), attempt()):
                pass
        model.close()
    assert caught.value.in_stream


@BOTH
def test_a_server_that_never_answers_costs_the_run_its_time_alone(kind: Any):
    with FakeOpenAI(lambda asked: Fault("hang")) as fake:
        model = provider(kind, fake)
        for seconds in budgets(0.2):
            options = Options(limits=Limits(seconds=seconds), retry=Retry(attempts=1))
            assert altar.generate("Hi", model=model, options=options).finish == "deadline"
            if fake.requests:
                break
        model.close()
        assert fake.requests


@BOTH
def test_a_deadline_is_also_the_client_s_own(kind: Any):
    """Without the loop's watch the vendor's client gives up by itself."""
    with FakeOpenAI(lambda asked: Fault("hang")) as fake:
        model = provider(kind, fake)
        with pytest.raises(ProviderTimeoutError):
            asyncio.run(model.acomplete(request(), attempt(time.monotonic() + 0.05)))
        with pytest.raises(ProviderTimeoutError) as caught:
            asyncio.run(model.acomplete(request(), attempt(time.monotonic() - 1)))
        assert not caught.value.sent
        model.close()


@BOTH
def test_without_a_key_nothing_is_sent(kind: Any):
    with FakeOpenAI() as fake:
        model = kind("gpt-5.5", url=f"{fake.url}/v1")
        with pytest.raises(AuthenticationError, match="OPENAI_API_KEY") as caught:
            altar.generate("Hi", model=model, options=ONCE)
        assert not caught.value.sent
        assert not fake.requests


@BOTH
def test_a_wrong_key_is_refused_and_never_repeated(kind: Any):
    with FakeOpenAI() as fake:
        model = provider(kind, fake, key="sk-wrong-0123456789abcdef")
        with pytest.raises(AuthenticationError) as caught:
            altar.generate("Hi", model=model, options=ONCE)
        assert "0123456789abcdef" not in str(caught.value)
        assert "sk-wrong" not in repr(model)
        model.close()


@BOTH
def test_the_vendor_s_variables_are_honoured(kind: Any, monkeypatch: pytest.MonkeyPatch):
    """Key and address come from the environment, when the first request is made."""
    with FakeOpenAI(["Hello."]) as fake:
        model = kind("gpt-5.5")
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        assert altar.generate("Hi", model=model).text == "Hello."
        model.close()


@BOTH
def test_a_server_that_is_not_there_was_never_reached(kind: Any):
    with nobody() as port, pytest.raises(TransportError) as caught:
        model = kind("gpt-5.5", key="k", url=f"http://127.0.0.1:{port}/v1")
        model.complete(request(), attempt())
    assert not caught.value.sent
    assert "127.0.0.1" in str(caught.value)
    model.close()


@BOTH
def test_a_client_of_the_caller_s_is_used_as_it_is_and_stays_open(kind: Any):
    """Its headers go out, its retries do not happen, and close() leaves it alone."""

    async def ask(fake: FakeOpenAI) -> None:
        client = AsyncOpenAI(
            api_key=fake.key, base_url=f"{fake.url}/v1", default_headers={"X-Mine": "yes"}
        )
        model = kind("gpt-5.5", client=client)
        with pytest.raises(ServerError):
            await model.acomplete(request(), attempt())
        await model.acomplete(request(), attempt())
        await model.aclose()
        assert not client.is_closed()
        await client.close()

    with FakeOpenAI([Fault("server_error"), "Hello."]) as fake:
        asyncio.run(ask(fake))
        assert len(fake.requests) == 2
        assert fake.requests[0].headers["x-mine"] == "yes"


@BOTH
def test_headers_of_the_settings_go_beside_the_body(kind: Any):
    with FakeOpenAI(["Hello."]) as fake:
        model = provider(kind, fake)
        own = {"headers": {"X-Mine": "yes"}, "service_tier": "flex"}
        options = Options(settings={model.name: own})
        altar.generate("Hi", model=model, options=options)
        model.close()
        (received,) = fake.requests
    assert received.headers["x-mine"] == "yes"
    assert received.body["service_tier"] == "flex"
    assert "headers" not in received.body


@BOTH
def test_live_calls_can_be_forbidden(kind: Any):
    with forbid("No live calls in tests."), pytest.raises(ConfigurationError, match="forbidden"):
        altar.generate("Hi", model=kind("gpt-5.5", key="k"), options=ONCE)


@BOTH
def test_usage_is_the_server_s_own(kind: Any):
    usage = Usage(input_tokens=100, output_tokens=30, cached_tokens=40, reasoning_tokens=20)
    entry = Response(message=Message.assistant("Ha"), usage=usage)
    with FakeOpenAI([entry, entry]) as fake:
        model = provider(kind, fake)
        for response in (
            model.complete(request(), attempt()),
            fold(model.stream(request(), attempt())),
        ):
            got = response.usage
            assert (got.input_tokens, got.output_tokens) == (100, 30)
            assert (got.cached_tokens, got.reasoning_tokens) == (40, 20)
        model.close()


@BOTH
def test_sampling_the_model_does_not_take_is_left_out_and_told(kind: Any):
    with FakeOpenAI(["Hello.", "Hello."]) as fake:
        for name in ("gpt-5.5", "gpt-4o"):
            model = provider(kind, fake, name)
            sampling = Sampling(temperature=0.0, max_tokens=50, top_k=3, stop=("END",), seed=1)
            reply = altar.generate("Hi", model=model, options=Options(sampling=sampling))
            told = {one.what for one in reply.adaptations}
            assert "sampling.top_k" in told
            assert ("sampling.temperature" in told) is (name == "gpt-5.5")
            model.close()
