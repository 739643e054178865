"""What a run tells: one tree, whichever way it is driven, and however it ends."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing, closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import altar
from altar.errors import QuotaError, ServerError, TransportError
from altar.llm import Mender, Message, Opaque, Options, Price, Repair, Retry, Text, ToolCall
from altar.llm.openai_compatible import LocalProvider
from altar.testing import FakeOpenAI, FunctionProvider, ScriptedProvider
from altar.trace import current_span, span
from tests.trace.telling import tracing
from tests.waiting import PATIENCE

AT_ONCE = Options(retry=Retry(attempts=3, max_delay=0))


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fails() -> None:
    """Fail."""
    raise ValueError("secret detail")


def asks(question: str) -> str:
    """Ask another model."""
    with span("thinking"):
        return altar.generate(question, model=ScriptedProvider(["inner"]), tools=[]).text


def calls_on(ctx: altar.Context[Any]) -> int:
    """Call a sibling."""
    return ctx.session.execute("add", {"a": 1, "b": 1}).unwrap()  # type: ignore[union-attr]


async def slow_add(a: int, b: int) -> int:
    """Add two numbers, slowly."""
    await asyncio.sleep(0)
    return a + b


def _pay() -> Any:
    @altar.tool(approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    return pay


TOOLS = [add, fails, asks, calls_on, slow_add, _pay()]
WAYS = ("run", "arun", "stream", "astream")


def play(way: str, prompt: Any, **given: Any) -> Any:
    """The reply, or the error, of a run that is driven to its end."""
    given = {"tools": TOOLS, **given}
    try:
        if way == "run":
            return altar.generate(prompt, **given)
        if way == "arun":
            return asyncio.run(altar.agenerate(prompt, **given))
        if way == "stream":
            events = []
            for event in altar.stream(prompt, **given):
                assert current_span.get() is None
                events.append(event)
            return events[-1].reply
        return asyncio.run(_astreamed(prompt, given))
    except altar.errors.ProviderError as error:
        return error


async def _astreamed(prompt: Any, given: dict[str, Any]) -> Any:
    reply = None
    async for event in altar.astream(prompt, **given):
        assert current_span.get() is None
        if event.kind == "end":
            reply = event.reply
    return reply


@dataclass
class Answer:
    ok: bool


def scripted(*replies: Any) -> Any:
    return lambda: {"model": ScriptedProvider(list(replies))}


def _chain() -> dict[str, Any]:
    bad = ScriptedProvider([QuotaError("none left")] * 2, model="first")
    good = ScriptedProvider([[ToolCall("add", {"a": 1, "b": 2})], "3"], model="second")
    return {"model": altar.fallback(bad, good)}


def _mended() -> dict[str, Any]:
    broken = ToolCall("add", raw_args='{"a": 1 "b" ??? 2}')
    mender = Mender(ScriptedProvider(['{"a": 1, "b": 2}'], model="mender"))
    model = ScriptedProvider([[broken], "3"])
    return {"model": model, "options": Options(repair=Repair(mender=mender))}


SCENARIOS: dict[str, Any] = {
    "an answer": scripted("hello"),
    "parallel tools": scripted(
        [ToolCall("add", {"a": 1, "b": 2}), ToolCall("slow_add", {"a": 3, "b": 4})], "7"
    ),
    "tools that fail": scripted(
        [ToolCall("fails"), ToolCall("nope"), ToolCall("add", {"a": "x"})], "sorry"
    ),
    "a call that is no JSON": scripted([ToolCall("add", raw_args="{nonsense")], "sorry"),
    "repaired arguments": scripted([ToolCall("add", raw_args="{'a': 1, 'b': 2,}")], "3"),
    "mended arguments": _mended,
    "retries": lambda: {
        "model": ScriptedProvider([ServerError("busy"), TransportError("gone"), "hello"]),
        "options": AT_ONCE,
    },
    "no answer at all": lambda: {
        "model": ScriptedProvider([ServerError("busy")] * 3),
        "options": AT_ONCE,
    },
    "a run in a tool": scripted([ToolCall("asks", {"question": "why"})], "because"),
    "a tool in a tool": scripted([ToolCall("calls_on")], "2"),
    "a chain of models": _chain,
    "a typed answer": lambda: {
        "model": ScriptedProvider(['{"ok": "perhaps"}', '{"ok": true}']),
        "output": Answer,
        "tools": [],
    },
    "a call for a person": scripted([ToolCall("pay", {"amount": 3}), ToolCall("fails")], "never"),
    "a person's yes": lambda: {
        "model": ScriptedProvider([[ToolCall("pay", {"amount": 3})], "paid"]),
        "options": Options(approve=lambda call: True),
    },
    "too many rounds": lambda: {
        "model": ScriptedProvider([[ToolCall("add", {"a": 1, "b": n})] for n in range(2)]),
        "options": Options(limits=altar.llm.Limits(rounds=2)),
    },
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_tells_the_same_tree_whichever_way_it_is_driven(name: str):
    trees = {}
    for way in WAYS:
        with tracing() as told:
            reply = play(way, "question", **SCENARIOS[name]())
        found = told()
        trees[way] = found.tree()
        root = next(one for one in found.kind("generate") if not one.parent_id)
        if not isinstance(reply, Exception):
            assert reply.trace_id == f"{root.trace_id:032x}"
            assert root.attributes["altar.finish"] == reply.finish
            assert root.error is None
        else:
            assert root.error[0] == type(reply).__name__
    assert trees["run"] == trees["arun"] == trees["stream"] == trees["astream"]


@pytest.mark.parametrize("way", WAYS)
def test_attempts_add_up_to_the_run_and_calls_belong_to_their_round(way: str):
    prices = {"scripted:script": Price(input=Decimal(3), output=Decimal(15))}
    model = ScriptedProvider([[ToolCall("add", {"a": 1, "b": "2"})], "three"])
    with tracing() as told:
        reply = play(
            way, "question", model=model, instructions="Be brief.", options=Options(prices=prices)
        )
    found = told()
    root, models, (tool,) = found.one("generate"), found.kind("model"), found.kind("tool")
    for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        assert root.attributes[name] == sum(one.attributes[name] for one in models)
    spent = sum(Decimal(one.attributes["altar.cost"]) for one in models)
    assert Decimal(root.attributes["altar.cost"]) == spent == reply.usage.cost
    assert found.by_id[tool.parent_id].name == "round 1"
    said = tool.attributes
    assert json.loads(said["gen_ai.tool.call.arguments"]) == {"a": 1, "b": "2"}
    assert (said["gen_ai.tool.call.result"], said["altar.coercions"]) == (
        "3",
        ["$.b: string -> integer"],
    )
    assert said["gen_ai.tool.call.id"] == reply.calls[0].call.call_id
    sessions = {one.attributes["gen_ai.conversation.id"] for one in (root, *models)}
    assert sessions == {said["altar.session.id"]}
    assert root.attributes["gen_ai.system_instructions"] == [
        {"type": "text", "content": "Be brief."}
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_request_tells_what_is_new_in_it_and_a_run_its_prompt_and_its_answer(way: str):
    history = [Message.user("old"), Message.assistant("older"), Message.user("question")]
    model = ScriptedProvider([[ToolCall("add", {"a": 1, "b": 2})], "three"])
    with tracing() as told:
        reply = play(way, history, model=model)
    found = told()
    prompt = [{"role": "user", "parts": [{"type": "text", "content": "question"}]}]
    root = found.one("generate").attributes
    assert (root["altar.messages.offset"], root["gen_ai.input.messages"]) == (2, prompt)
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "three"}]}
    assert root["gen_ai.output.messages"] == [{**answer, "finish_reason": "stop"}]
    first, second = [one.attributes for one in found.kind("model")]
    assert (first["altar.messages.offset"], first["gen_ai.input.messages"]) == (2, prompt)
    call = first["gen_ai.output.messages"][0]["parts"][0]
    assert (call["type"], call["id"]) == ("tool_call", reply.calls[0].call.call_id)
    assert second["altar.messages.offset"] == 3
    assert [one["role"] for one in second["gen_ai.input.messages"]] == ["assistant", "tool"]
    assert second["gen_ai.response.finish_reasons"] == ["stop"]
    has_first_chunk = "gen_ai.response.time_to_first_chunk" in second
    assert has_first_chunk == (way in ("stream", "astream"))


@pytest.mark.parametrize("way", WAYS)
def test_bytes_and_a_providers_own_data_never_reach_a_trace(way: str):
    @altar.tool
    def draw() -> list[Any]:
        """Draw."""
        return [altar.Blob("image/png", b"PIXELS" * 50), "done"]

    sealed = Opaque(provider="scripted", api="", kind="seal", data="OPAQUE")
    model = ScriptedProvider([[Text("hm", opaque=(sealed,)), ToolCall("draw")], "drawn"])
    with tracing() as told:
        play(way, ["look", altar.Blob("image/jpeg", b"PIXELS" * 9)], model=model, tools=[draw])
    text = repr([(one.attributes, one.events) for one in told().spans])
    assert "PIXELS" not in text
    assert "UElYRUxT" not in text  # the same as base64
    assert "OPAQUE" not in text
    assert "{'type': 'blob', 'mime_type': 'image/jpeg', 'modality': 'image', 'size': 54}" in text


def test_what_is_large_is_cut_when_it_is_told():
    @altar.tool
    def echo(text: str, many: list[int]) -> str:
        """Echo."""
        return text

    with tracing() as told, altar.Session(tools=[echo]) as session:
        session.execute("echo", {"text": "x" * 1_000_000, "many": list(range(100_000))})
    said = told().one("tool").attributes
    assert len(said["gen_ai.tool.call.arguments"]) < 100_000
    assert len(said["gen_ai.tool.call.result"]) < 100_000
    json.loads(said["gen_ai.tool.call.arguments"])


# -- ways out --------------------------------------------------------------------------------


def _long() -> ScriptedProvider:
    calls = [ToolCall("add", {"a": 1, "b": 2}), ToolCall("calls_on")]
    return ScriptedProvider([["let me see " * 4, *calls], "x" * 40])


def test_a_stream_that_is_left_anywhere_ends_each_span_once():
    total = len(list(altar.stream("q", model=_long(), tools=TOOLS)))
    for count in range(total + 1):
        with tracing() as told, closing(altar.stream("q", model=_long(), tools=TOOLS)) as events:
            for _ in range(count):
                next(events)
        found = told()
        if count == 0:
            assert found.spans == []  # nothing had begun
            continue
        root = found.one("generate")
        assert root.error == (None if count == total else ("cancelled", "")), count


def test_an_async_stream_that_is_left_anywhere_ends_each_span_once():
    async def read(count: int) -> int:
        seen = 0
        async with aclosing(altar.astream("q", model=_long(), tools=TOOLS)) as events:
            if count:
                async for _ in events:
                    assert current_span.get() is None
                    seen += 1
                    if seen == count:
                        break
        return seen

    total = asyncio.run(read(1_000))
    for count in range(1, total + 1):
        with tracing() as told:
            asyncio.run(read(count))
        assert told().one("generate").error == (None if count == total else ("cancelled", ""))


def test_two_streams_read_in_turn_keep_apart():
    with tracing() as told:
        both = [altar.stream("q", model=_long(), tools=TOOLS) for _ in range(2)]
        while both:
            for one in list(both):
                if next(one, None) is None:
                    both.remove(one)
    trees = told().tree()
    assert len(trees) == 2
    assert trees[0] == trees[1]


@pytest.mark.parametrize("where", ["model", "tool"])
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_ends_what_is_open_under_its_own_name(way: str, where: str):
    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    @altar.tool
    def stops() -> None:
        """Stop."""
        raise KeyboardInterrupt

    model = (
        FunctionProvider(interrupt) if where == "model" else ScriptedProvider([[ToolCall("stops")]])
    )
    with tracing() as told, pytest.raises(KeyboardInterrupt):
        play(way, "q", model=model, tools=[stops])
    found = told()
    assert found.one(where).error == ("KeyboardInterrupt", "")
    # asyncio ends the event loop by it, and cancels whoever waits for another task's tool
    ends = ["KeyboardInterrupt", "cancelled"] if way == "astream" else ["KeyboardInterrupt"]
    assert found.one("generate").error[0] in ends


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("where", ["model", "tool"])
def test_a_cancelled_task_ends_what_is_open(where: str, streamed: bool):
    async def main() -> None:
        reached = asyncio.Event()

        async def waits(*_: Any) -> str:
            reached.set()
            await asyncio.Event().wait()
            return ""

        @altar.tool
        async def hang() -> None:
            """Hang."""
            await waits()

        model = (
            FunctionProvider(waits) if where == "model" else ScriptedProvider([[ToolCall("hang")]])
        )
        given = {"model": model, "tools": [hang]}
        run = _astreamed("q", given) if streamed else altar.agenerate("q", **given)
        task = asyncio.create_task(run)
        await asyncio.wait_for(reached.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with tracing() as told:
        asyncio.run(main())
    found = told()
    assert found.one("generate").error == ("cancelled", "")
    assert found.one(where).error == ("cancelled", "")


def test_a_run_that_waited_for_a_person_goes_on_in_its_trace():
    model = ScriptedProvider([[ToolCall("pay", {"amount": 3})], "paid"])
    with tracing() as told:
        waiting = altar.generate("pay", model=model, tools=TOOLS)
        assert waiting.pending is not None
        reply = altar.generate(waiting.pending.approve(), model=model, tools=TOOLS)
    found = told()
    first, second = found.kind("generate")
    assert reply.trace_id == waiting.trace_id == f"{second.trace_id:032x}"
    assert first.trace_id == second.trace_id
    assert second.parent_id == 0
    assert second.attributes["altar.resumed"] == waiting.trace_id
    errors = [one.error and one.error[0] for one in found.kind("tool")]
    assert errors == ["APPROVAL_REQUIRED", None]
    (event,) = [event for one in found.kind("round") for event in one.events or ()]
    assert (event[0], event[2]) == ("approval", {"tool": "pay", "approved": True})


def test_a_run_that_nobody_traces_is_as_it_was():
    reply = altar.generate("q", model=ScriptedProvider(["hello"]))
    assert len(reply.trace_id) == 36


def test_a_chain_tells_each_member_and_counts_its_answer_once():
    with tracing() as told:
        reply = altar.generate("q", tools=TOOLS, **_chain())
    found = told()
    counted = [one for one in found.spans if "gen_ai.usage.input_tokens" in (one.attributes or {})]
    models = [one for one in counted if one.kind == "model"]
    assert [one.name for one in models] == ["chat second", "chat second"]
    assert sum(one.attributes["gen_ai.usage.input_tokens"] for one in models) == (
        reply.usage.input_tokens
    )
    assert Counter(one.name for one in found.kind("model")) == {"chat first": 2, "chat second": 2}


def test_a_model_behind_a_server_tells_what_it_answered():
    script = ScriptedProvider([[ToolCall("add", {"a": 1, "b": 2})], "three"])
    with FakeOpenAI(script, quirks="ollama") as fake, tracing() as told:
        model = LocalProvider("qwen3", url=f"{fake.url}/v1")
        with closing(altar.stream("q", model=model, tools=TOOLS)) as events:
            reply = list(events)[-1].reply
        model.close()
    found = told()
    last = found.kind("model")[-1].attributes
    assert (last["gen_ai.provider.name"], last["gen_ai.request.model"]) == ("local", "qwen3")
    assert last["gen_ai.response.time_to_first_chunk"] > 0
    assert last["gen_ai.response.id"]
    assert last["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": reply.text}]
    assert [one.name for one in found.kind("tool")] == ["execute_tool add"]


CALLS = st.sampled_from(
    [
        ToolCall("add", {"a": 1, "b": 2}),
        ToolCall("slow_add", {"a": 1, "b": "2"}),
        ToolCall("fails"),
        ToolCall("nope", {"x": 1}),
        ToolCall("calls_on"),
        ToolCall("asks", {"question": "why"}),
        ToolCall("add", raw_args="{'a': 1, 'b': 2"),
        ToolCall("pay", {"amount": 1}),
    ]
)
ROUNDS = st.lists(
    st.one_of(st.lists(CALLS, min_size=1, max_size=4), st.just(ServerError("busy"))), max_size=4
)


@settings(max_examples=40)
@given(rounds=ROUNDS, way=st.sampled_from(WAYS))
def test_whatever_a_model_does_each_span_ends_once_under_its_parent(rounds: list[Any], way: str):
    model = ScriptedProvider([*rounds, *["done"] * 4])
    with tracing() as told:
        reply = play(way, "q", model=model, options=AT_ONCE)
    found = told()
    asked = [one for one in found.kind("model") if one.name == "chat script"]
    own = [one for one in asked if found.by_id[found.by_id[one.parent_id].parent_id].parent_id == 0]
    assert len(own) == len(model.requests)
    for one in found.kind("tool"):
        assert found.by_id[one.parent_id].kind in ("round", "tool")
    for one in found.kind("round"):
        assert found.by_id[one.parent_id].kind == "generate"
    if not isinstance(reply, Exception):
        assert f"{found.kind('generate')[-1].trace_id:032x}" == reply.trace_id
