"""Models in both directions: altar's providers for agents of pydantic-ai, and its models for altar."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

import pydantic
from pydantic_ai import (
    Agent,
    BinaryContent,
    ModelResponse,
    NativeOutput,
    RequestUsage,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import (
    ModelRequest,
    NativeToolCallPart,
    ToolReturnPart,
    UploadedFile,
    UserPromptPart,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel

import altar
from altar import Options
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
    UnsupportedError,
    UnusableReplyError,
)
from altar.llm import (
    BlobPart,
    Capabilities,
    Delta,
    End,
    Message,
    Opaque,
    PartEnd,
    PartStart,
    Response,
    Retry,
    Sampling,
    Start,
    Text,
    Thinking,
    ToolCall,
    Unknown,
    Usage,
    dump_messages,
    load_messages,
)
from altar.testing import ScriptedProvider
from altar_extras.pydantic_ai import AltarModel, model_provider
from tests.seats import SEATS

SEAL = (Opaque(provider="scripted", api="v1", kind="seal", data={"s": 1}),)


class Person(pydantic.BaseModel):
    name: str
    age: int


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def scripted(*replies: Any, **can: Any) -> ScriptedProvider:
    return ScriptedProvider(replies, capabilities=Capabilities(**can) if can else None)


# -- altar's providers for agents of pydantic-ai -----------------------------------------


def run_stream(agent: Agent[Any, Any]) -> Any:
    async def main() -> Any:
        async with agent.run_stream_events("go") as events:
            return [event async for event in events][-1].result

    return asyncio.run(main())


@pytest.mark.parametrize("run", [lambda agent: agent.run_sync("go"), run_stream])
def test_tools_thinking_signatures_and_usage_go_through_an_agent_and_back(run: Any):
    first = Message(
        "assistant",
        (
            Thinking("hm", opaque=SEAL),
            Text("I look.", opaque=SEAL),
            ToolCall("add", {"a": 1}, wire_id="w-1", opaque=SEAL),
        ),
        opaque=SEAL,
    )
    used = Usage(input_tokens=9, output_tokens=4, cached_tokens=3, reasoning_tokens=2)
    provider = scripted(Response(message=first, usage=used), "It is two.")
    done = run(Agent(AltarModel(provider), tools=[add], instructions="Be short."))
    assert done.output == "It is two."
    one, two = provider.requests
    assert one.instructions == "Be short."
    assert [tool.name for tool in one.tools] == ["add"]
    asked, said, result = two.messages
    assert (asked.text, said.parts[:2], said.opaque) == ("go", first.parts[:2], SEAL)
    call = said.parts[2]
    assert isinstance(call, ToolCall)
    assert (call.args, call.wire_id, call.opaque) == ({"a": 1}, "w-1", SEAL)
    assert [(part.call_id, part.text) for part in result.parts] == [(call.id, "2")]  # type: ignore[union-attr]
    usage = done.all_messages()[1].usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_reasoning_tokens) == (9, 3, 2)


def test_streamed_arguments_are_an_object_in_the_history_under_one_id():
    call = ToolCall("add", {"a": 1}, wire_id="w-1", opaque=SEAL)
    pieces = [Delta(0, text, kind="args") for text in ('{"a":', " 1}")]
    end = [PartEnd(0, call), End(finish="stop", usage=Usage())]
    provider = scripted([Start(), PartStart(0, "tool_call", name="add"), *pieces, *end], "Two.")
    agent = Agent(AltarModel(provider), tools=[add])

    async def main() -> list[Any]:
        async with agent.run_stream_events("go") as events:
            return [event async for event in events]

    events = asyncio.run(main())
    parts = [event.part for event in events if hasattr(event, "part")]
    ids = {part.tool_call_id for part in parts if isinstance(part, (ToolCallPart, ToolReturnPart))}
    assert len(ids) == 1
    said = provider.requests[1].messages[1].parts[0]
    assert isinstance(said, ToolCall)
    assert (said.args, said.raw_args, said.wire_id) == ({"a": 1}, None, "w-1")
    assert said.opaque == SEAL


def test_a_call_that_another_model_wrote_as_text_is_an_object_for_every_provider():
    calls = [
        ToolCallPart("add", text, f"c{at}") for at, text in enumerate(['{"a": 1}', "{'a'", ""])
    ]
    history = [
        ModelRequest(parts=[UserPromptPart("go")]),
        ModelResponse(parts=calls, provider_name="openai"),
        ModelRequest(parts=[ToolReturnPart("add", 2, one.tool_call_id) for one in calls]),
    ]
    provider = scripted("Two.")
    Agent(AltarModel(provider), tools=[add]).run_sync("again", message_history=history)
    told = [(one.args, one.raw_args) for one in provider.requests[0].messages[1].parts]  # type: ignore[union-attr]
    assert told == [({"a": 1}, None), (None, "{'a'"), ({}, None)]


def test_typed_answers_come_by_a_tool_or_by_the_models_own_schema():
    by_tool = scripted(ToolCall("final_result", {"name": "Ann", "age": 3}))
    agent = Agent(AltarModel(by_tool), output_type=Person)
    assert agent.run_sync("go").output == Person(name="Ann", age=3)
    assert by_tool.requests[0].tool_choice is not None
    assert by_tool.requests[0].tool_choice.mode == "ANY"
    native = scripted('{"name": "Ann", "age": 3}', native_output=True)
    agent = Agent(AltarModel(native), output_type=NativeOutput(Person))
    assert agent.run_sync("go").output == Person(name="Ann", age=3)
    assert native.requests[0].output is not None
    assert native.requests[0].output.schema["required"] == ["name", "age"]
    words = scripted('{"name": "Ann", "age": 3}', tools=False)
    assert Agent(AltarModel(words), output_type=Person).run_sync("go").output.age == 3


def test_a_wrong_typed_answer_is_asked_for_again():
    provider = scripted(
        ToolCall("final_result", {"name": "Ann"}), ToolCall("final_result", {"name": "A", "age": 3})
    )
    assert Agent(AltarModel(provider), output_type=Person).run_sync("go").output.age == 3
    assert provider.requests[1].messages[-1].parts[0].is_error  # type: ignore[union-attr]


def test_settings_files_and_choices_reach_the_provider():
    provider = scripted("seen", thinking=True)
    model = AltarModel(provider, own={"scripted": {"tier": 1}}, settings={"temperature": 0.5})
    settings: Any = {"max_tokens": 7, "stop_sequences": ["X"], "thinking": "high", "seed": 3}
    agent = Agent(model, tools=[add], system_prompt="Old ways.")
    picture = BinaryContent(data=b"1", media_type="image/png")
    agent.run_sync(["look", picture], model_settings={**settings, "tool_choice": "none"})
    (request,) = provider.requests
    expected = Sampling(max_tokens=7, temperature=0.5, stop=("X",), seed=3, reasoning="high")
    assert request.sampling == expected
    assert request.settings == {"scripted": {"tier": 1}}
    assert request.instructions == "Old ways."
    assert request.tool_choice is not None
    assert request.tool_choice.mode == "NONE"
    assert request.messages[0].parts == (Text("look"), BlobPart("image/png", b"1"))


def test_tools_whose_names_altar_does_not_allow_are_called_by_their_own():
    from pydantic_ai import Tool

    provider = scripted(ToolCall("my_add", {"a": 4}), "five")
    run = Agent(AltarModel(provider), tools=[Tool(add, name="my.add")]).run_sync("go")
    assert run.output == "five"
    assert run.all_messages()[2].parts[0].tool_name == "my.add"
    assert provider.requests[1].messages[1].calls[0].name == "my_add"


ERRORS: list[tuple[ProviderError, type[Exception]]] = [
    (AuthenticationError("no key", status=401), ModelAuthenticationError),
    (QuotaError("spent", status=429), ModelQuotaExceededError),
    (RateLimitError("wait", status=429, retry_after=2.0), ModelRateLimitError),
    (OverloadedError("busy", status=529), ModelOverloadedError),
    (ServerError("broken", status=500), ModelServerError),
    (UnknownModelError("no model", status=404), ModelNotFoundError),
    (ContextLengthError("too long", status=400), ModelContextWindowExceededError),
    (ProviderTimeoutError("late"), ModelTimeoutError),
    (TransportError("no line", sent=False), ModelConnectionError),
    (UnsupportedError("no images"), UserError),
    (UnusableReplyError("nonsense"), UnexpectedModelBehavior),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS, ids=lambda it: getattr(it, "__name__", ""))
def test_failures_are_those_of_pydantic_ai_and_come_back_as_altars(
    error: ProviderError, expected: type[Exception]
):
    with pytest.raises(expected) as caught:
        Agent(AltarModel(scripted(error))).run_sync("go")
    if error.status is not None:
        assert isinstance(caught.value, ModelHTTPError)
        assert caught.value.status_code == error.status
        assert caught.value.retry_after == error.retry_after
    provider = model_provider(AltarModel(scripted(error)))
    with pytest.raises(type(error)) as back:
        altar.generate("go", model=provider, options=Options(retry=Retry(attempts=1)))
    assert (back.value.status, back.value.retry_after) == (error.status, error.retry_after)


def test_a_stream_that_breaks_is_an_error_in_the_stream():
    events = [Start(), PartStart(0, "text"), Delta(0, "Half "), StreamBrokenError("gone")]
    with pytest.raises(ModelConnectionError) as caught:
        run_stream(Agent(AltarModel(scripted(events))))
    assert caught.value.in_stream


def test_a_blocked_answer_is_a_content_filters():
    nothing = Response(message=Message("assistant", ()), finish="blocked", detail="SAFETY")
    with pytest.raises(ContentFilterError):
        Agent(AltarModel(scripted(nothing))).run_sync("go")


def test_a_model_is_named_with_its_prefix_or_given_as_a_provider():
    assert AltarModel("offline:demo").model_name == "demo"
    assert Agent(AltarModel("offline:demo")).run_sync("Hello").output
    for wrong in ("nobody:x", 7):
        with pytest.raises(ConfigurationError):
            AltarModel(wrong)  # type: ignore[arg-type]


def test_history_of_another_model_is_read_by_its_words():
    foreign = Agent(TestModel(call_tools=["add"]), tools=[add]).run_sync("go")
    provider = scripted("as I said")
    agent = Agent(AltarModel(provider), tools=[add])
    assert agent.run_sync("again", message_history=foreign.all_messages()).output == "as I said"
    roles = [message.role for message in provider.requests[0].messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


@pytest.mark.parametrize("run", [lambda agent: agent.run_sync("go"), run_stream])
def test_an_answer_that_pauses_is_asked_for_again_as_it_stands(run: Any):
    half = Response(message=Message("assistant", (Text("half, "),)), finish="paused")
    provider = scripted(half, "whole")
    assert run(Agent(AltarModel(provider))).output == "half, whole"
    assert provider.requests[1].messages[-1].text == "half, "


def test_a_stream_that_is_cancelled_keeps_what_was_said():
    async def main() -> Any:
        agent = Agent(AltarModel(scripted("words and more words and many more words")))
        async with agent.run_stream("go") as run:
            async for _ in run.stream_text(delta=True, debounce_by=None):
                await run.cancel()
                break
            return run.all_messages()[-1]

    said = asyncio.run(main())
    assert said.state == "interrupted"
    assert said.parts[0].content


# -- models of pydantic-ai for altar -----------------------------------------------------


def test_a_test_model_is_driven_by_altars_loop_by_all_four_ways():
    for model in (TestModel(), TestModel()):
        provider = model_provider(model)
        reply = altar.generate("go", model=provider, tools=[add])
        assert (reply.text, len(reply.calls), reply.finish) == ('{"add":1}', 1, "stop")
        *_, end = altar.stream("go", model=provider, tools=[add])
        assert end.kind == "end"
        assert end.reply.text == '{"add":1}'
        provider.close()

    async def main() -> None:
        provider = model_provider(TestModel())
        reply = await altar.agenerate("go", model=provider, tools=[add])
        assert reply.calls[0].result.content == 1
        kinds = [event.kind async for event in altar.astream("go", model=provider, tools=[add])]
        assert kinds[-1] == "end"
        await provider.aclose()

    asyncio.run(main())


def test_what_a_model_wants_back_is_kept_verbatim_and_survives_storage():
    seen: list[Any] = []

    def answer(messages: list[Any], info: AgentInfo) -> ModelResponse:
        seen.append((messages, info))
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("done")], usage=RequestUsage(input_tokens=5))
        own: Any = {"provider_name": "function", "provider_details": {"k": 1}}
        return ModelResponse(
            parts=[
                ThinkingPart("hm", id="t1", signature="c2ln", **own),
                NativeToolCallPart("web_search", {"q": "x"}, tool_call_id="n1", **own),
                ToolCallPart("add", '{"a": 2}', tool_call_id="c1", id="i1", **own),
            ],
            provider_name="function",
            provider_response_id="r1",
            provider_details={"finish_reason": "raw"},
            finish_reason="tool_call",
        )

    provider = model_provider(FunctionModel(answer))
    paused = altar.generate("go", model=provider, tools=[add], instructions="Be short.")
    assert paused.text == "done"
    again = load_messages(dump_messages(paused.messages))
    assert tuple(again) == paused.messages
    assert any(isinstance(part, Unknown) for part in paused.messages[1].parts)
    for messages in (seen[-1][0],):
        said = messages[1]
        thinking, native, call = said.parts
        assert (thinking.signature, thinking.id) == ("c2ln", "t1")
        assert isinstance(native, NativeToolCallPart)
        assert native.args == {"q": "x"}
        assert (call.id, call.provider_details) == ("i1", {"k": 1})
        assert (said.provider_response_id, said.provider_name) == ("r1", "function")
        assert messages[2].parts[0].tool_call_id == call.tool_call_id
        assert messages[2].parts[0].content == 3
    info = seen[0][1]
    assert info.instructions == "Be short."
    assert info.function_tools[0].parameters_json_schema["required"] == ["a"]
    provider.close()


def test_a_streamed_model_shows_its_thoughts_words_and_calls_as_they_come():
    async def stream(messages: list[Any], _info: Any) -> Any:
        if len(messages) > 1:
            yield "It is "
            yield "three."
        else:
            yield {0: DeltaThinkingPart(content="hm", signature="s1")}
            yield {1: DeltaToolCall("add", '{"a"')}
            yield {1: DeltaToolCall(json_args=": 2}")}

    provider = model_provider(FunctionModel(stream_function=stream))
    events = list(altar.stream("go", model=provider, tools=[add]))
    assert [event.text for event in events if event.kind == "text"] == ["It is ", "three."]
    assert [event.text for event in events if event.kind == "thinking"] == ["hm"]
    assert events[-1].reply.calls[0].result.content == 3  # type: ignore[union-attr]
    provider.close()


@dataclass
class Pair:
    left: int
    right: str


def test_typed_answers_of_a_model_are_altars():
    def answer(_messages: list[Any], info: AgentInfo) -> ModelResponse:
        assert info.model_request_parameters.output_object is not None
        return ModelResponse(parts=[TextPart('{"left": 1, "right": "r"}')])

    provider = model_provider(FunctionModel(answer))
    assert altar.generate("go", model=provider, output=Pair).output == Pair(1, "r")
    provider.close()


def test_settings_of_a_request_reach_the_model_and_its_profile_says_what_it_can():
    seen: list[Any] = []

    def answer(_messages: list[Any], info: AgentInfo) -> ModelResponse:
        seen.append(info.model_settings)
        return ModelResponse(parts=[TextPart("ok")])

    provider = model_provider(FunctionModel(answer, profile={"supports_image_input": False}))
    assert "image/*" not in provider.capabilities.blobs
    options = Options(
        sampling=Sampling(max_tokens=5, temperature=0.0, stop=("E",)),
        settings={"pydantic-ai": {"service_tier": "flex"}},
    )
    altar.generate("go", model=provider, options=options)
    expected = {"max_tokens": 5, "temperature": 0.0, "stop_sequences": ["E"]}
    assert seen == [{**expected, "service_tier": "flex"}]
    with pytest.raises(ConfigurationError):
        model_provider("nobody:knows")
    with pytest.raises(ConfigurationError):
        model_provider(7)  # type: ignore[arg-type]
    provider.close()


def test_a_bug_of_a_model_stays_what_it_is_and_a_plain_api_error_is_read_by_its_words():
    def answer(_messages: list[Any], _info: Any) -> ModelResponse:
        raise failing[0]

    provider = model_provider(FunctionModel(answer))
    failing: list[Exception] = [KeyError("bug")]
    with pytest.raises(KeyError):
        altar.generate("go", model=provider)
    failing[0] = ModelAPIError("m", "the maximum context length is 8 tokens")
    with pytest.raises(ProviderError):
        altar.generate("go", model=provider)
    failing[0] = ModelHTTPError(429, "m", {"error": "slow down"})
    with pytest.raises(RateLimitError):
        altar.generate("go", model=provider, options=Options(retry=Retry(attempts=1)))
    provider.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "run", [lambda agent: agent.run_sync("go"), run_stream], ids=["", "stream"]
)
@pytest.mark.parametrize(
    "seat", [pytest.param(seat, id=seat.name) for seat in SEATS if seat.is_here]
)
def test_every_provider_of_altars_gets_its_signatures_back_from_an_agent(seat: Any, run: Any):
    first = [Thinking("Two."), ToolCall("add", {"a": 1}), ToolCall("add", {"a": 2})]
    script = [first, [Thinking("More."), ToolCall("add", {"a": 3})], "Four."]
    provider = seat.open(script)  # its fake refuses a history that lost what it wants back
    done = run(Agent(AltarModel(provider), tools=[add], instructions="Be brief."))
    provider.close()
    assert done.output == "Four."
    assert done.usage.tool_calls == 3


def test_a_model_that_pauses_is_asked_again_by_altars_loop():
    left = ["half, ", "whole"]

    def answer(_messages: list[Any], _info: Any) -> ModelResponse:
        state: Any = "suspended" if len(left) == 2 else "complete"
        return ModelResponse(parts=[TextPart(left.pop(0))], state=state)

    provider = model_provider(FunctionModel(answer))
    assert altar.generate("go", model=provider).text == "half, whole"
    provider.close()


def test_blobs_errors_and_data_of_a_history_reach_the_model():
    from altar.llm import Data, ToolResultPart

    seen: list[Any] = []

    def answer(messages: list[Any], _info: Any) -> ModelResponse:
        seen[:] = messages
        return ModelResponse(parts=[TextPart("ok")])

    failed = '{"error": {"type": "TIMEOUT", "message": "late"}}'
    picture = BlobPart("image/png", b"1")
    history = [
        Message("user", (Text("go"), picture, BlobPart("image/png", uri="http://x.test/a.png"))),
        Message("user", (Data({"n": 1}), BlobPart("image/png", file_id="f1"))),
        Message("assistant", (Thinking("hm"), ToolCall("add", {}, id="c1"), picture)),
        Message(
            "tool",
            (
                ToolResultPart(
                    call_id="c1", name="add", text=failed, is_error=True, blobs=(picture,)
                ),
            ),
        ),
        Message.user("and?"),
    ]
    provider = model_provider(FunctionModel(answer))
    reply = altar.generate(history, model=provider, tools=[add])
    assert reply.text == "ok"
    assert [note.what for note in reply.adaptations] == ["BlobPart"]
    first, said, second = seen
    assert [len(first.parts), len(said.parts), len(second.parts)] == [4, 3, 2]
    assert first.parts[3].content == '{"n": 1}'
    result = second.parts[0]
    file = BinaryContent(data=b"1", media_type="image/png")
    assert (result.outcome, result.content) == (
        "failed",
        [{"type": "TIMEOUT", "message": "late"}, file],
    )
    provider.close()


def test_parts_of_answers_that_pydantic_ai_has_no_kind_for_go_back_as_they_came():
    from altar.llm import Refusal

    parts = (
        BlobPart("image/png", b"1", opaque=SEAL),
        Unknown({"type": "new"}),
        Refusal("I would rather not."),
        Text("But here it is."),
    )
    provider = scripted(Message("assistant", parts), "again")
    agent = Agent(AltarModel(provider))
    first = agent.run_sync("go")
    assert first.response.files[0].data == b"1"
    agent.run_sync("more", message_history=first.all_messages())
    assert provider.requests[1].messages[1].parts == parts


def test_choices_of_tools_are_those_of_the_request():
    from pydantic_ai.settings import ToolOrOutput

    def asked(choice: Any, **options: Any) -> tuple[str, tuple[str, ...]]:
        final = ToolCall("final_result", {"name": "A", "age": 1})
        provider = scripted(final if options else "ok")
        agent = Agent(AltarModel(provider), tools=[add], **options)
        try:
            agent.run_sync("go", model_settings={"tool_choice": choice})
        except UserError:
            return "refused", ()
        found = provider.requests[0].tool_choice
        assert found is not None
        return str(found.mode), found.allowed_function_names

    assert asked("none") == ("NONE", ())
    assert asked(ToolOrOutput(function_tools=["add"])) == ("AUTO", ("add",))
    typed: Any = {"output_type": Person}
    assert asked("none", **typed) == ("ANY", ("final_result",))
    assert asked(ToolOrOutput(function_tools=["add"]), **typed) == ("ANY", ("add", "final_result"))
    for forced in ("required", ["add"]):  # an agent's run would never end: pydantic-ai refuses it
        assert asked(forced)[0] in ("refused", "ANY")


def test_settings_and_schemas_that_altar_cannot_take_are_errors_of_the_user():
    agent = Agent(AltarModel(scripted("ok")))
    with pytest.raises(UserError, match="temperature"):
        agent.run_sync("go", model_settings={"temperature": -1})
    from pydantic_ai import Tool

    wrong = Tool.from_schema(lambda: 1, "bad", "Bad.", {"type": "object", "required": 7})
    with pytest.raises(UserError, match="bad"):
        Agent(AltarModel(scripted("ok")), tools=[wrong]).run_sync("go")


def test_live_requests_that_pydantic_ai_forbids_are_not_made():
    from pydantic_ai.models import override_allow_model_requests

    asked = scripted("ok")
    with override_allow_model_requests(False):
        assert Agent(AltarModel(asked)).run_sync("go").output == "ok"
        model = AltarModel("local:nobody")
        with pytest.raises(RuntimeError, match="not allowed"):
            Agent(model).run_sync("go")


def test_calls_and_results_go_back_under_the_ids_of_the_model_that_made_them():
    seen: list[Any] = []

    def answer(messages: list[Any], _info: AgentInfo) -> ModelResponse:
        seen[:] = messages
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("add", {"a": 1}, "abcdefghi")])

    altar.generate("go", model=model_provider(FunctionModel(answer)), tools=[add])
    assert [seen[at].parts[0].tool_call_id for at in (1, 2)] == ["abcdefghi"] * 2


def test_a_model_that_falls_back_is_carried_with_what_all_can_and_its_last_failure():
    def fail(messages: list[Any], _info: AgentInfo) -> ModelResponse:
        raise ModelHTTPError(503, "m", "busy")

    def answer(messages: list[Any], _info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart("here")])

    blind = FunctionModel(answer, profile={"supports_tools": False})
    provider = model_provider(FallbackModel(FunctionModel(fail), blind))
    assert not provider.capabilities.tools
    assert altar.generate("go", model=provider).text == "here"
    broken = model_provider(FallbackModel(FunctionModel(fail), FunctionModel(fail)))
    with pytest.raises(OverloadedError):
        altar.generate("go", model=broken, options=Options(retry=Retry(attempts=1)))


def test_a_file_that_a_vendor_keeps_is_refused_and_not_left_out():
    file = UploadedFile(file_id="f1", provider_name="openai")
    with pytest.raises(UserError, match="give its content"):
        Agent(AltarModel(scripted("x"))).run_sync(["see", file])
