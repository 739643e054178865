"""A chain of models: who is asked, who is passed by, and what is said of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest

import altar
from altar import plugins
from altar.adm import ToolConfig
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConfigurationError,
    ContextLengthError,
    HistoryError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaError,
    RateLimitError,
    SchemaError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
    UnsupportedError,
)
from altar.llm import (
    Attempt,
    BaseProvider,
    BlobPart,
    Capabilities,
    Clock,
    Delta,
    End,
    FallbackProvider,
    Limits,
    Message,
    Options,
    Origin,
    OutputSpec,
    PartEnd,
    PartStart,
    Price,
    Request,
    Response,
    Retry,
    Sampling,
    Start,
    Text,
    ToolCall,
    Usage,
    fold,
)
from altar.resilience import CircuitBreaker
from altar.runtime import Cancellation
from altar.testing import FunctionProvider, ScriptedProvider


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


ADD = altar.declare(add)
BUSY = OverloadedError("busy", provider="x", retry_after=7.0)


def ask(**given: Any) -> Request:
    fields: dict[str, Any] = {
        "model": "chain",
        "messages": (Message.user("Hi"),),
        "instructions": None,
        "tools": (),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(**{**fields, **given})


def attempt(deadline: float | None = None, cancelled: Cancellation | None = None) -> Attempt:
    flag = Cancellation() if cancelled is None else cancelled
    return Attempt(number=1, deadline=deadline, cancelled=flag)


def scripted(*replies: Any, name: str = "s", can: Capabilities | None = None) -> ScriptedProvider:
    made = ScriptedProvider(replies, model=name)
    if can is not None:
        made.capabilities = can
    return made


def complete(chain: FallbackProvider, request: Request, attempt: Attempt) -> Response:
    return chain.complete(request, attempt)


def acomplete(chain: FallbackProvider, request: Request, attempt: Attempt) -> Response:
    return asyncio.run(chain.acomplete(request, attempt))


def stream(chain: FallbackProvider, request: Request, attempt: Attempt) -> Response:
    return fold(chain.stream(request, attempt))


def astream(chain: FallbackProvider, request: Request, attempt: Attempt) -> Response:
    async def events() -> list[Any]:
        return [event async for event in chain.astream(request, attempt)]

    return fold(asyncio.run(events()))


WAYS = pytest.mark.parametrize("way", [complete, acomplete, stream, astream])
STREAMS = pytest.mark.parametrize("way", [stream, astream])


# -- who answers -----------------------------------------------------------------------------


@WAYS
def test_the_first_member_answers_and_nothing_is_said_of_the_others(way):
    second = scripted(name="b")
    reply = way(altar.fallback(scripted("one", name="a"), second), ask(), attempt())
    assert reply.message.text == "one"
    assert reply.message.origin.model == "a"
    assert (reply.adaptations, second.requests) == ((), [])


@WAYS
@pytest.mark.parametrize(
    "error",
    [
        BUSY,
        RateLimitError("slow"),
        ServerError("ill"),
        TransportError("no connection", sent=False),
        ProviderTimeoutError("nothing came"),
        StreamBrokenError("cut"),
        QuotaError("spent"),
        AuthenticationError("no key"),
        PermissionDeniedError("no right"),
        UnknownModelError("gone"),
        ContextLengthError("too long"),
        CircuitOpenError("left alone"),
        UnsupportedError("no sync form"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_next_member_answers_for_one_that_cannot(way, error):
    chain = altar.fallback(scripted(error, name="a"), scripted("two", name="b"))
    reply = way(chain, ask(), attempt())
    assert reply.message.text == "two"
    assert reply.message.origin.model == "b"
    (note,) = reply.adaptations
    assert note.what == "model"
    assert "scripted:a was passed by" in note.why
    assert error.message in note.why


@WAYS
@pytest.mark.parametrize("kind", [BadRequestError, SchemaError, HistoryError])
def test_a_request_that_is_refused_as_it_stands_is_raised_at_once(way, kind):
    second = scripted("two")
    with pytest.raises(kind, match="^bad$"):
        way(altar.fallback(scripted(kind("bad")), second), ask(), attempt())
    assert second.requests == []


@WAYS
def test_a_bug_or_a_setting_of_ours_is_no_reason_to_ask_another(way):
    def forbidden(request: Request) -> Any:
        raise ConfigurationError("live calls are forbidden")

    second = scripted("two")
    with pytest.raises(ConfigurationError, match="forbidden"):
        way(altar.fallback(FunctionProvider(forbidden), second), ask(), attempt())
    assert second.requests == []


@WAYS
def test_each_member_is_asked_under_its_own_name_with_the_settings_as_they_are(way):
    members = scripted(BUSY, name="a"), scripted("two", name="b")
    way(altar.fallback(*members), ask(settings={"x": {"y": 1}}), attempt())
    assert [member.requests[0].model for member in members] == ["a", "b"]
    assert members[1].requests[0].settings == {"x": {"y": 1}}


def test_every_request_begins_with_the_first_member():
    first = scripted(BUSY, "one", name="a")
    chain = altar.fallback(first, scripted("two", name="b"))
    texts = [chain.complete(ask(), attempt()).message.text for _ in range(2)]
    assert texts == ["two", "one"]


# -- what a member cannot --------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize(
    ("can", "given"),
    [
        (Capabilities(tools=False), {"tools": (ADD,)}),
        (Capabilities(max_tools=0), {"tools": (ADD,)}),
        (
            Capabilities(tool_choice=False),
            {"tools": (ADD,), "tool_choice": ToolConfig(mode="ANY")},
        ),
        (
            Capabilities(blobs=("image/*",)),
            {"messages": (Message("user", (BlobPart("application/pdf", b"1"),)),)},
        ),
        (
            Capabilities(sampling=frozenset()),
            {"sampling": Sampling(temperature=0.5, strict=True)},
        ),
    ],
)
def test_a_member_that_lacks_what_is_needed_is_passed_by_unasked(way, can, given):
    first = scripted("one", name="a", can=can)
    reply = way(altar.fallback(first, scripted("two", name="b")), ask(**given), attempt())
    assert (reply.message.text, first.requests) == ("two", [])
    assert "does not take" in reply.adaptations[0].why


@WAYS
def test_sampling_is_fitted_to_each_member_and_told(way):
    can = Capabilities(sampling=frozenset({"max_tokens"}))
    members = scripted(BUSY, name="a"), scripted("two", name="b", can=can)
    request = ask(sampling=Sampling(temperature=0.5, max_tokens=9))
    reply = way(altar.fallback(*members), request, attempt())
    assert members[0].requests[0].sampling.temperature == 0.5
    assert members[1].requests[0].sampling == Sampling(max_tokens=9)
    assert [note.what for note in reply.adaptations] == ["model", "sampling.temperature"]


@WAYS
def test_a_typed_answer_is_asked_for_in_words_of_a_member_without_native_ones(way):
    spec = OutputSpec(name="n", schema={"type": "integer"}, load=lambda value: value)
    native = Capabilities(native_output=True)
    members = scripted(BUSY, name="a", can=native), scripted("2", name="b")
    reply = way(altar.fallback(*members), ask(output=spec, instructions="Be brief."), attempt())
    assert members[0].requests[0].output is spec
    second = members[1].requests[0]
    assert second.output is None
    assert second.instructions.startswith("Be brief.")
    assert '{"type": "integer"}' in second.instructions
    assert [note.what for note in reply.adaptations] == ["model", "output"]


def test_a_run_with_a_typed_answer_ends_well_with_whichever_member():
    for can in (Capabilities(native_output=True), Capabilities()):
        first = scripted(BUSY, name="a", can=can)
        final = ToolCall("final_answer", {"value": 7})
        second = scripted("7" if can.native_output else final, name="b")
        reply = altar.generate("n?", model=altar.fallback(first, second), output=int)
        assert (reply.output, reply.finish) == (7, "stop")


NO_DEMANDS = Capabilities(native_output=True, output_with_tools=True, tool_choice=False)
WORDS = Capabilities(tool_choice=False)
NO_TOOLS = Capabilities(tools=False)


@pytest.mark.parametrize(
    ("lead", "can", "native"),
    [
        (Capabilities(), NO_DEMANDS, True),
        (Capabilities(), replace(NO_DEMANDS, tools=False), True),
        (Capabilities(), WORDS, False),
        (Capabilities(), NO_TOOLS, False),
        (NO_TOOLS, Capabilities(native_output=True), True),
        (NO_TOOLS, NO_TOOLS, False),
    ],
)
def test_a_member_with_another_way_to_a_typed_answer_is_asked_in_its_own(lead, can, native):
    second = scripted("7", name="b", can=can)
    reply = altar.generate(
        "n?", model=altar.fallback(scripted(BUSY, name="a", can=lead), second), output=int
    )
    assert (reply.output, reply.finish) == (7, "stop")
    (request,) = second.requests
    assert (request.tools, request.tool_choice) == ((), None)
    assert (request.output is not None) is native
    assert native or request.instructions.count('{"type": "integer"}') == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (ToolConfig(mode="NONE"), ToolConfig(mode="NONE")),
        (
            ToolConfig(allowed_function_names=("add",)),
            ToolConfig(allowed_function_names=("add",)),
        ),
    ],
)
@pytest.mark.parametrize("can", [NO_DEMANDS, WORDS])
def test_the_applications_tools_and_choice_stay_with_another_way_to_an_answer(given, expected, can):
    second = scripted("7", name="b", can=can)
    reply = altar.generate(
        "n?",
        model=altar.fallback(scripted(BUSY, name="a"), second),
        output=int,
        tools=[add],
        options=Options(tool_choice=given),
    )
    assert reply.output == 7
    (request,) = second.requests
    assert [one.name for one in request.tools] == ["add"]
    assert request.tool_choice == expected


def test_a_call_that_is_demanded_still_passes_a_member_by_that_takes_no_demands():
    members = scripted(BUSY, name="a"), scripted("7", name="b", can=NO_DEMANDS)
    options = Options(tool_choice=ToolConfig(mode="ANY"), retry=Retry(attempts=1))
    with pytest.raises(OverloadedError, match="does not take tool_choice"):
        altar.generate(
            "n?", model=altar.fallback(*members), output=int, tools=[add], options=options
        )


def test_the_mode_of_a_typed_answer_is_the_first_members():
    plain = altar.fallback(scripted(can=Capabilities(tools=False)), scripted()).capabilities
    assert (plain.tools, plain.tool_choice, plain.native_output) == (True, False, False)
    native = Capabilities(native_output=True, tool_choice=False, blobs=(), max_tools=3)
    chain = altar.fallback(scripted(can=native), scripted()).capabilities
    assert (chain.native_output, chain.tool_choice, chain.max_tools) == (True, True, 3)
    assert chain.blobs == ("*/*",)


# -- when nobody is left ---------------------------------------------------------------------


@WAYS
def test_the_error_names_every_member_and_why_and_has_the_smallest_hint(way):
    chain = altar.fallback(
        scripted(AuthenticationError("no key", hint="Set KEY."), name="a"),
        scripted(RateLimitError("slow", retry_after=9.0, status=429), name="b"),
        scripted(BUSY, name="c"),
    )
    with pytest.raises(RateLimitError) as caught:
        way(chain, ask(), attempt())
    error = caught.value
    for said in ("scripted:a: AuthenticationError: no key", "scripted:b: ", "scripted:c: "):
        assert said in str(error)
    assert (error.retry_after, error.status, error.provider) == (7.0, 429, "fallback")
    assert [one["model"] for one in error.raw] == ["scripted:a", "scripted:b", "scripted:c"]
    assert isinstance(error.__cause__, RateLimitError)


def test_an_error_of_which_none_passes_is_not_tried_again():
    chain = altar.fallback(scripted(QuotaError("spent")), scripted(AuthenticationError("no key")))
    with pytest.raises(QuotaError) as caught:
        altar.generate("Hi", model=chain)
    assert caught.value.retryable is False
    assert caught.value.messages[0].text == "Hi"


def test_a_chain_whose_members_are_all_busy_is_asked_again_after_the_hint():
    class Watch(Clock):
        slept: list[float] = []

        def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    chain = altar.fallback(scripted(BUSY, "one", name="a"), scripted(BUSY, name="b"))
    options = Options(retry=Retry(clock=Watch()))
    assert altar.generate("Hi", model=chain, options=options).text == "one"
    assert Watch.slept == [7.0]


# -- streams ---------------------------------------------------------------------------------


def cut_after(*events: Any, error: ProviderError = BUSY) -> list[Any]:
    return [*events, error]


@STREAMS
def test_nothing_of_a_member_that_failed_unseen_is_in_the_answer(way):
    """A part that was complete, and never shown, would be taken for one of the answer."""
    call = ToolCall("add", {"a": 1})
    unseen = [Start(), PartStart(0, "tool_call"), PartEnd(0, call), PartStart(1, "text")]
    chain = altar.fallback(scripted(cut_after(*unseen)), scripted("two"))
    assert way(chain, ask(), attempt()).message.parts == (Text("two"),)


@STREAMS
@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_after_something_was_shown_no_other_member_is_asked(way, kind):
    seen = [Start(), PartStart(0, kind), Delta(0, "Wo", kind=kind)]
    second = scripted("two")
    error = OverloadedError("busy", in_stream=True)
    with pytest.raises(OverloadedError) as caught:
        way(altar.fallback(scripted(cut_after(*seen, error=error)), second), ask(), attempt())
    assert caught.value is error
    assert second.requests == []


def test_a_demanded_calls_arguments_are_shown_as_they_come():
    events = [
        Start(),
        PartStart(0, "tool_call", name="add"),
        Delta(0, '{"a"', kind="args"),
        Delta(0, ": 1}", kind="args"),
        PartEnd(0, ToolCall("add", {"a": 1})),
        End(usage=Usage()),
    ]
    demanded = ask(tools=(ADD,), tool_choice=ToolConfig(mode="ANY"))
    passed = altar.fallback(scripted(events)).stream(demanded, attempt())
    assert [type(next(passed)) for _ in range(3)] == [Start, PartStart, Delta]
    held = altar.fallback(scripted(events)).stream(ask(tools=(ADD,)), attempt())
    assert list(held) == events


@STREAMS
def test_a_stream_without_an_end_is_a_failure_like_any_other(way):
    class Silent(BaseProvider):
        def stream(self, request: Request, attempt: Attempt) -> Any:
            yield Start()

    assert way(altar.fallback(Silent(), scripted("two")), ask(), attempt()).message.text == "two"


def test_a_stream_that_is_left_closes_the_members_stream():
    closed = []

    class Long(BaseProvider):
        def stream(self, request: Request, attempt: Attempt) -> Any:
            try:
                yield Start()
                yield PartStart(0, "text")
                yield Delta(0, "Wo")
                yield Delta(0, "rds")
            finally:
                closed.append(True)

    events = altar.fallback(Long()).stream(ask(), attempt())
    next(events)
    events.close()
    assert closed == [True]


# -- the breaker -----------------------------------------------------------------------------


@WAYS
def test_a_member_that_fails_three_times_in_a_row_is_left_alone(way):
    first = scripted(BUSY, BUSY, BUSY, name="a")
    chain = altar.fallback(first, scripted(*["two"] * 4, name="b"))
    replies = [way(chain, ask(), attempt()) for _ in range(4)]
    assert len(first.requests) == 3
    assert "CircuitOpenError" in replies[-1].adaptations[0].why


def test_a_request_that_a_member_refuses_opens_no_breaker():
    long = ContextLengthError("too long")
    first = scripted(long, long, long, long, name="a")
    chain = altar.fallback(first, scripted(*["two"] * 4, name="b"))
    for _ in range(4):
        chain.complete(ask(), attempt())
    assert len(first.requests) == 4


def test_when_every_breaker_is_open_the_error_says_so():
    chain = altar.fallback(scripted(BUSY, BUSY, BUSY))
    for _ in range(3):
        with pytest.raises(OverloadedError):
            chain.complete(ask(), attempt())
    with pytest.raises(CircuitOpenError, match="left alone"):
        chain.complete(ask(), attempt())


def test_when_every_breaker_is_open_the_hint_is_the_shortest_wait():
    now = [0.0]
    chain = altar.fallback(*[scripted(BUSY, name=name) for name in ("a", "b")])
    for member, wait in zip(chain._members, (60.0, 20.0), strict=True):
        member.breaker = CircuitBreaker(failures=1, wait=wait, clock=lambda: now[0])
    with pytest.raises(OverloadedError):
        chain.complete(ask(), attempt())
    now[0] = 5.0
    with pytest.raises(CircuitOpenError) as caught:
        chain.complete(ask(), attempt())
    assert caught.value.retry_after == 15.0


def test_who_may_be_asked_again_does_not_wait_for_one_that_is_left_alone():
    chain = altar.fallback(scripted(BUSY, name="a"), scripted(*[ServerError("x")] * 2, name="b"))
    chain._members[0].breaker = CircuitBreaker(failures=1)
    for hint in (7.0, None):
        with pytest.raises(ProviderError) as caught:
            chain.complete(ask(), attempt())
        assert caught.value.retry_after == hint
    assert isinstance(caught.value, ServerError)


@pytest.mark.parametrize("form", ["sync", "async"])
def test_a_member_that_was_seen_to_answer_works_also_when_the_reader_leaves(form):
    now = [0.0]
    first = scripted(BUSY, "a long answer that comes in pieces", "one", name="a")
    chain = altar.fallback(first, scripted("two", name="b"))
    chain._members[0].breaker = CircuitBreaker(failures=1, wait=30, clock=lambda: now[0])
    assert altar.generate("Hi", model=chain).text == "two"
    now[0] = 31.0

    async def leave() -> None:
        async with aclosing(altar.astream("Hi", model=chain)) as events:
            async for event in events:
                if event.kind == "text":
                    return

    if form == "async":
        asyncio.run(leave())
    else:
        for event in altar.stream("Hi", model=chain):
            if event.kind == "text":
                break
    assert altar.generate("Hi", model=chain).text == "one"


# -- deadline and cancellation ---------------------------------------------------------------


@WAYS
def test_at_the_deadline_no_other_member_is_asked(way):
    second = scripted("two")
    with pytest.raises(OverloadedError):
        way(altar.fallback(scripted(BUSY), second), ask(), attempt(deadline=monotonic() - 1))
    assert second.requests == []


@WAYS
def test_after_the_flag_is_raised_no_other_member_is_asked_and_no_breaker_hears_of_it(way):
    flag = Cancellation()
    flag.cancel()
    first, second = scripted(*[TransportError("ended")] * 4, "one"), scripted("two")
    chain = altar.fallback(first, second)
    for _ in range(4):
        with pytest.raises(TransportError, match="^ended$"):
            way(chain, ask(), attempt(cancelled=flag))
    assert second.requests == []
    assert way(chain, ask(), attempt()).message.text == "one"


# -- usage and price -------------------------------------------------------------------------


@WAYS
def test_usage_is_priced_by_the_member_that_answered(way):
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    dear = Capabilities(price=Price(input=Decimal(9), output=Decimal(9)))
    cheap = Capabilities(price=Price(input=Decimal(2), output=Decimal(2)))
    answer = Response(message=Message.assistant("ok"), usage=usage)
    chain = altar.fallback(scripted(BUSY, can=dear), scripted(answer, can=cheap))
    assert way(chain, ask(), attempt()).usage.cost == Decimal(2)


def test_the_applications_prices_are_those_of_the_members():
    usage = Usage(input_tokens=1_000_000, output_tokens=0)

    def said(name: str, part: Any) -> Response:
        origin = Origin(provider="scripted", model=name)
        return Response(message=Message("assistant", (part,), origin=origin), usage=usage)

    first = scripted(said("a", ToolCall("add", {"a": 1, "b": 2})), BUSY, name="a")
    second = scripted(said("b", Text("3")), name="b")
    prices = {
        "scripted:a": Price(input=Decimal(9), output=Decimal(9)),
        "scripted:b": Price(input=Decimal(2), output=Decimal(2)),
    }
    options = Options(prices=prices)
    reply = altar.generate("?", model=altar.fallback(first, second), tools=[add], options=options)
    assert reply.usage.cost == Decimal(11)


# -- names, loading, closing -----------------------------------------------------------------


def test_a_name_that_is_never_asked_imports_no_library():
    code = (
        "import sys, altar\n"
        "from altar.testing import ScriptedProvider\n"
        "chain = altar.fallback(ScriptedProvider(['ok']), 'anthropic:claude-opus-5-5', "
        "'gemini:gemini-3.8-flash', 'offline:')\n"
        "assert altar.generate('hi', model=chain).text == 'ok'\n"
        "bad = [n for n in sys.modules if n in ('anthropic', 'google.genai', "
        "'altar_extras.anthropic', 'altar_extras.gemini', 'altar.llm._offline')]\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def loader(**found: Any) -> Any:
    """Stands in for the loading of plugins, whose libraries may be missing here."""
    loads: list[str] = []

    def load(model: str) -> Any:
        loads.append(model)
        provider = found[model.partition(":")[0]]
        if isinstance(provider, Exception):
            raise provider
        return provider

    load.loads = loads  # type: ignore[attr-defined]
    return load


@WAYS
@pytest.mark.parametrize(
    "error", [ConfigurationError("needs the library openai"), ImportError("broken")]
)
def test_a_member_whose_library_is_missing_is_passed_by_and_told(way, error, monkeypatch):
    load = loader(openai=error, local=scripted("two"))
    monkeypatch.setattr(plugins, "load_provider", load)
    reply = way(altar.fallback("openai:gpt-5.5", "local:qwen3"), ask(), attempt())
    assert reply.message.text == "two"
    assert "openai:gpt-5.5 was passed by" in reply.adaptations[0].why
    assert str(error) in reply.adaptations[0].why


def test_a_member_that_cannot_be_loaded_is_tried_once_a_minute(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("altar.llm._fallback_members.monotonic", lambda: now[0])
    load = loader(openai=ImportError("broken"), local=scripted(*["two"] * 3))
    monkeypatch.setattr(plugins, "load_provider", load)
    chain = altar.fallback("openai:gpt-5.5", "local:qwen3")
    for _ in range(2):
        assert altar.generate("Hi", model=chain).text == "two"
    assert load.loads.count("openai:gpt-5.5") == 1
    now[0] += 60
    altar.generate("Hi", model=chain)
    assert load.loads.count("openai:gpt-5.5") == 2
    chain.close()
    with pytest.raises(AssertionError):  # the script is at its end
        altar.generate("Hi", model=chain)
    assert load.loads.count("openai:gpt-5.5") == 3


def test_a_chain_of_missing_libraries_is_a_configuration_error(monkeypatch):
    load = loader(openai=ConfigurationError("needs openai"), local=ConfigurationError("needs x"))
    monkeypatch.setattr(plugins, "load_provider", load)
    chain = altar.fallback("openai:gpt-5.5", "local:qwen3")
    for how in (lambda: altar.generate("Hi", model=chain), lambda: chain.capabilities):
        with pytest.raises(ConfigurationError, match=r"needs openai.*needs x"):
            how()


def test_a_name_is_loaded_once_and_closed_and_the_callers_own_stays_open(monkeypatch):
    class Closing(ScriptedProvider):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    named, own = Closing([BUSY, BUSY, "again"]), Closing(["one", "two"])
    load = loader(local=named)
    monkeypatch.setattr(plugins, "load_provider", load)
    chain = altar.fallback("local:qwen3", own)
    for _ in range(2):
        chain.complete(ask(), attempt())
    assert load.loads == ["local:qwen3"]
    chain.close()
    chain.close()
    assert (named.closed, own.closed) == (1, 0)
    assert chain.complete(ask(), attempt()).message.text == "again"
    asyncio.run(chain.aclose())
    assert (named.closed, own.closed) == (2, 0)
    assert load.loads == ["local:qwen3"] * 2


def test_the_offline_demo_answers_only_where_it_is_named():
    with pytest.raises(OverloadedError):
        altar.fallback(scripted(BUSY)).complete(ask(), attempt())
    named = altar.fallback(scripted(BUSY), "offline:")
    assert named.complete(ask(), attempt()).message.origin.provider == "offline"


@pytest.mark.parametrize("wrong", [(), (ScriptedProvider,), (3,), ("gpt-5.5",), ("opnai:x",)])
def test_what_is_no_model_is_told_when_the_chain_is_made(wrong):
    with pytest.raises(ConfigurationError):
        altar.fallback(*wrong)


def test_a_chain_may_be_a_member_of_a_chain():
    inner = altar.fallback(scripted(BUSY, name="a"), scripted(BUSY, name="b"))
    reply = altar.fallback(inner, scripted("three", name="c")).complete(ask(), attempt())
    assert reply.message.text == "three"
    assert "scripted:b" in reply.adaptations[0].why


def test_a_chain_is_named_after_its_members():
    chain = altar.fallback(scripted(name="a"), "offline:")
    assert (chain.name, chain.model) == ("fallback", "scripted:a, offline:")
    assert chain.members == ("scripted:a", "offline:")


def test_a_run_goes_through_a_chain_with_tools():
    first = scripted(ToolCall("add", {"a": 1, "b": 2}), BUSY, name="a")
    second = scripted("It is 3.", name="b")
    reply = altar.generate("1+2?", model=altar.fallback(first, second), tools=[add])
    assert (reply.text, reply.calls[0].result.content) == ("It is 3.", 3)
    origins = [m.origin.model for m in reply.messages if m.origin is not None]
    assert origins == ["a", "b"]


def test_a_limit_on_cost_asks_for_the_price_of_every_member():
    one = ScriptedProvider(["a"], model="one")
    two = ScriptedProvider(["b"], model="two")
    price = Price(input=Decimal(1), output=Decimal(1))
    limits = Limits(cost=Decimal(5))
    known = {"scripted:one": price}
    with pytest.raises(ConfigurationError, match="scripted:two"):
        altar.generate(
            "hi", model=altar.fallback(one, two), options=Options(limits=limits, prices=known)
        )
    known["scripted:two"] = price
    options = Options(limits=limits, prices=known, settings={"scripted": {"x": 1}})
    reply = altar.generate("hi", model=altar.fallback(one, two), options=options)
    assert reply.text == "a"
    assert reply.usage.cost is not None
