"""generate, Agent and Chat: where tools, a model and the loop meet."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Literal, TypedDict

import pytest

import altar
from altar import config, plugins
from altar.errors import ClosedError, ConfigurationError, OverloadedError
from altar.llm import (
    BlobPart,
    Limits,
    Message,
    Options,
    Refusal,
    Response,
    Retry,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Usage,
    check_history,
    dump_messages,
    unfold,
)
from altar.testing import FunctionProvider, ScriptedProvider


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = ToolCall("add", {"a": 1, "b": 2})
NO_RETRY = Options(retry=Retry(attempts=1))


def test_the_golden_path():
    with ScriptedProvider([ADD, "it is 3"]) as model:
        reply = altar.generate("1 + 2?", model=model, tools=[add], instructions="be brief")
    assert str(reply) == reply.text == "it is 3"
    assert [(record.call.name, record.result.unwrap()) for record in reply.calls] == [("add", 3)]
    first, second = model.requests
    assert first.instructions == "be brief"
    assert [declaration.name for declaration in first.tools] == ["add"]
    assert [message.role for message in second.messages] == ["user", "assistant", "tool"]
    assert reply.trace_id
    assert reply.calls[0].seconds >= 0


def test_a_reply_is_a_history_that_goes_on():
    first = altar.generate("1 + 2?", model=ScriptedProvider([ADD, "3"]), tools=[add])
    model = ScriptedProvider(["again: 3"])
    stored = dump_messages(first.messages)
    altar.generate([*stored, Message.user("again?")], model=model)
    assert model.requests[0].messages == (*first.messages, Message.user("again?"))


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("hi", (Text("hi"),)),
        (["see", altar.Blob("image/png", b"1")], (Text("see"), BlobPart("image/png", b"1"))),
        (altar.Blob("image/png", b"1"), (BlobPart("image/png", b"1"),)),
        (Text("hi"), (Text("hi"),)),
        (Message.user("hi"), (Text("hi"),)),
        ([Message.user("hi")], (Text("hi"),)),
        (dump_messages([Message.user("hi")]), (Text("hi"),)),
        (dump_messages([Message.user("hi")])[0], (Text("hi"),)),
    ],
)
def test_a_prompt_is_a_text_parts_or_messages(prompt, parts):
    model = ScriptedProvider(["ok"])
    altar.generate(prompt, model=model)
    assert model.requests[0].messages == (Message("user", parts),)


@pytest.mark.parametrize("prompt", [None, 3, [], b"x", ["a", 3]])
def test_anything_else_is_no_prompt(prompt):
    with pytest.raises(ConfigurationError, match="a prompt is a text"):
        altar.generate(prompt, model=ScriptedProvider([]))


@pytest.mark.parametrize(
    ("role", "line"),
    [
        ("user", r"Message\.user\('hi'\)"),
        ("assistant", r"Message\.assistant\('hi'\)"),
        ("system", r"instructions='hi' beside the prompt"),
        ("tool", r"reply\.messages"),
    ],
)
def test_a_message_of_another_library_is_answered_with_the_line_to_type(role, line):
    message = {"role": role, "content": "hi"}
    for prompt in (message, [message], [Message.user("first"), message]):
        refused(ConfigurationError, f"a prompt is a text.*For this one give .*{line}",
                altar.generate, prompt, model=ScriptedProvider([]))  # fmt: skip


def test_a_registry_means_all_its_tools():
    registry = altar.Registry()
    registry.register(add)
    model = ScriptedProvider([ADD, "3"])
    assert altar.generate("?", model=model, tools=registry).calls[0].result.content == 3


def test_a_session_brings_its_tools_and_stays_open():
    with altar.Session(tools=[add]) as session:
        altar.generate("?", model=ScriptedProvider([ADD, "3"]), session=session)
        assert session.execute("add", {"a": 1, "b": 1}).content == 2


def test_tools_and_a_session_together_are_refused():
    with altar.Session(tools=[add]) as session, pytest.raises(ConfigurationError, match="not both"):
        altar.generate("?", model=ScriptedProvider([]), tools=[add], session=session)


def test_options_reach_the_request_and_the_loop():
    model = ScriptedProvider([ADD, ADD])
    options = Options(
        sampling=Sampling(temperature=0.0), limits=Limits(rounds=2), settings={"scripted": {"x": 1}}
    )
    reply = altar.generate("?", model=model, tools=[add], options=options)
    assert reply.finish == "max_rounds"
    assert model.requests[0].sampling.temperature == 0.0
    assert model.requests[0].settings == {"scripted": {"x": 1}}


def test_without_any_configuration_the_labelled_demo_answers():
    reply = altar.generate("What is 1 plus 2?", tools=[add])
    assert "offline demo model" in reply.text
    assert reply.calls[0].result.content == 3


def test_a_configured_model_is_used_and_never_replaced(monkeypatch):
    monkeypatch.setenv("ALTAR_MODEL", "nosuch:model")
    config.reset()
    with pytest.raises(ConfigurationError, match="unknown model provider 'nosuch'"):
        altar.generate("hi")


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ConfigurationError, match="prefix|text such as"):
        altar.generate("hi", model=42)  # type: ignore[arg-type]


def test_a_bad_setting_raises_before_the_first_event():
    with pytest.raises(ConfigurationError):
        altar.stream("hi", model="nosuch:x")
    with pytest.raises(ConfigurationError):
        altar.astream("hi", model="nosuch:x")


def test_a_provider_error_carries_the_history_so_far():
    model = ScriptedProvider([ADD, OverloadedError("full")])
    with pytest.raises(OverloadedError) as caught:
        altar.generate("?", model=model, tools=[add], options=NO_RETRY)
    check_history(caught.value.messages)
    resumed = altar.generate(caught.value.messages, model=ScriptedProvider(["3"]), tools=[add])
    assert resumed.text == "3"


def test_an_agent_keeps_no_conversation():
    model = ScriptedProvider(["a", "b"])
    agent = altar.Agent(model=model, instructions="be kind")
    assert (agent.run("1").text, asyncio.run(agent.arun("2")).text) == ("a", "b")
    assert [len(request.messages) for request in model.requests] == [1, 1]
    assert {request.instructions for request in model.requests} == {"be kind"}


def test_an_agent_streams():
    agent = altar.Agent(model=ScriptedProvider([ADD, "three", "four"]), tools=[add])
    kinds = [event.kind for event in agent.stream("?")]
    assert kinds == ["round", "tool_call", "tool_result", "round", "text", "end"]

    async def collect():
        return [event.kind async for event in agent.astream("?")]

    assert asyncio.run(collect()) == ["round", "text", "end"]


def test_a_chat_remembers():
    model = ScriptedProvider([ADD, "3", "yes", "yes!", "bye"])
    with altar.Agent(model=model, tools=[add]).chat() as chat:
        assert chat.send("1 + 2?").text == "3"
        assert asyncio.run(chat.asend("sure?")).text == "yes"
        assert list(chat.stream("really?"))[-1].reply.text == "yes!"

        async def collect():
            return [event async for event in chat.astream("bye")]

        assert asyncio.run(collect())[-1].reply.text == "bye"
        check_history(chat.messages)
        assert [len(request.messages) for request in model.requests] == [1, 3, 5, 7, 9]
        assert len(chat.messages) == 10


def test_a_failed_turn_leaves_a_chat_that_can_be_used():
    broken = OverloadedError("full")
    model = ScriptedProvider([broken, "hello", ADD, broken, "it was 3"])
    chat = altar.Agent(model=model, tools=[add], options=NO_RETRY).chat()
    with pytest.raises(OverloadedError):
        chat.send("hi")
    assert chat.messages == ()
    assert chat.send("hi again").text == "hello"
    with pytest.raises(OverloadedError):
        chat.send("1 + 2?")
    check_history(chat.messages)
    assert [message.role for message in chat.messages[-3:]] == ["user", "assistant", "tool"]
    assert chat.send("well?").text == "it was 3"


def test_a_cancelled_turn_leaves_a_chat_that_can_be_used():
    async def slow() -> str:
        await asyncio.Event().wait()
        return "never"

    model = ScriptedProvider([ToolCall("slow"), "hello"])

    async def main():
        async with altar.Agent(model=model, tools=[slow]).chat() as chat:
            turn = asyncio.create_task(chat.asend("hi"))
            for _ in range(50):
                await asyncio.sleep(0)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            check_history(chat.messages)
            return (await chat.asend("still there?")).text

    assert asyncio.run(main()) == "hello"


def test_a_chat_answers_one_message_at_a_time():
    chat = altar.Agent(model=FunctionProvider(lambda request: chat.send("inner"))).chat()
    with pytest.raises(ConfigurationError, match="one message at a time"):
        chat.send("outer")


def test_a_stream_read_late_follows_what_was_said_meanwhile():
    with altar.Agent(model=ScriptedProvider(["one", "two"])).chat() as chat:
        late = chat.stream("first")
        chat.send("second")
        list(late)
        assert [message.text for message in chat.messages] == ["second", "one", "first", "two"]


def test_threads_that_share_a_chat_lose_no_turn():
    with altar.Agent(model=FunctionProvider(lambda request: "a")).chat() as chat:
        said = []

        def talk():
            for _ in range(20):
                with suppress(ConfigurationError):  # another thread has the floor
                    chat.send("x")
                    said.append(1)

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [Thread(target=talk) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        finally:
            sys.setswitchinterval(before)
        assert len(chat.messages) == 2 * len(said)


def _interrupted_at(line, chat):
    """Whether a Ctrl-C at the ``line``-th line of the loop ended what the chat was asked."""
    left = line

    def trace(frame, event, _):
        nonlocal left
        if not any(part in frame.f_code.co_filename for part in _LOOP):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        chat.send("q")
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


_LOOP = [str(Path("altar", "llm")), str(Path("altar", "agent"))]


def test_no_interrupt_wherever_it_comes_ends_a_chat():
    @altar.tool(approval=True)
    def pay(a: int) -> str:
        """Pay."""
        return f"paid {a}"

    options = Options(approve=lambda call: True)
    script = [[ADD, ToolCall("pay", {"a": 1})], "done"]
    agent = altar.Agent(model=FunctionProvider(None), tools=[add, pay], options=options)
    line, interrupted = 1, True
    while interrupted:
        agent.model = ScriptedProvider([*script, "and on", "and on", "and on"])
        chat = agent.chat()
        interrupted = _interrupted_at(line, chat)
        check_history(chat.messages)
        assert chat.send("next").text
        chat.close()
        line += 13  # any stride: all of the lines take seconds
    assert line > 300


def test_results_whose_calls_are_lost_are_left_out_and_told():
    stray = Message("tool", (ToolResultPart(call_id="c9", name="add", text="3"),))
    history = [Message.user("hi"), stray]
    with altar.Agent(model=ScriptedProvider(["ok"])).chat(history=history) as chat:
        reply = chat.send("go on")
    assert [message.role for message in chat.messages] == ["user", "user", "assistant"]
    assert "1 results of the history" in str(reply.adaptations)


def test_a_chat_closed_between_a_stream_and_its_first_event_answers_nothing():
    chat = altar.Agent(model=ScriptedProvider([])).chat()
    late = chat.stream("q")
    chat.close()
    with pytest.raises(ClosedError):
        next(late)


def test_a_stream_nobody_begins_opens_nothing(monkeypatch):
    loaded = []
    monkeypatch.setattr(plugins, "load_provider", loaded.append)
    altar.stream("q", model="offline:x").close()
    altar.Agent(model="offline:x", tools=[add]).stream("q").close()
    assert loaded == []


def test_a_stream_is_not_given_the_provider_of_a_block_that_has_ended():
    with altar.Agent(model="offline:") as agent:
        events = agent.stream("q")
    assert agent.lifetime()[0] is None
    assert [event.kind for event in events][-1] == "end"


def test_a_closed_chat_answers_nothing():
    model = ScriptedProvider([])
    chat = altar.Agent(model=model, tools=[add]).chat()
    chat.close()
    with altar.Session(tools=[add]) as session:
        lent = altar.Agent(model=model).chat(session=session)
        lent.close()
        for closed in (chat, lent):
            refused(ClosedError, r"begin another with agent\.chat\(\)", closed.send, "?")
            refused(ClosedError, r"begin another", closed.stream, "?")
            refused(ClosedError, r"begin another", closed.astream, "?")
            with pytest.raises(ClosedError, match="begin another"):
                asyncio.run(closed.asend("?"))
        assert not session.closed
    assert model.requests == []


def test_a_chat_whose_session_was_closed_answers_nothing():
    with altar.Session(tools=[add]) as session:
        chat = altar.Agent(model=ScriptedProvider([])).chat(session=session)
    refused(ClosedError, "the chat's session is closed", chat.send, "?")


def test_a_closed_session_is_refused_before_the_model_is_asked():
    session = altar.Session(tools=[add])
    session.close()
    model = ScriptedProvider([])
    agent = altar.Agent(model=model)
    said = "session= was given a Session that is closed.*make a new altar.Session"
    for ask in (altar.generate, altar.stream, altar.astream):
        refused(ClosedError, said, ask, "?", model=model, session=session)
    for ask in (agent.run, agent.stream, agent.astream):
        refused(ClosedError, said, ask, "?", session=session)
    refused(ClosedError, said, agent.chat, session=session)
    with pytest.raises(ClosedError, match=said):
        asyncio.run(altar.agenerate("?", model=model, session=session))
    assert model.requests == []


def refused(kind, said, function, *args, **kwargs):
    with pytest.raises(kind, match=said):
        function(*args, **kwargs)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"options": Limits(rounds=2)}, r"not Limits; type options=Options\(limits=Limits\("),
        ({"options": {"limits": 2}}, r"not dict; type options=Options\(limits=Limits\(rounds=2"),
        ({"options": Retry()}, r"not Retry; type options=Options\(retry=Retry\("),
        ({"options": Sampling()}, r"type options=Options\(sampling=Sampling\("),
        (
            {"model": ScriptedProvider},
            r"not the class ScriptedProvider; type model=Scr.*\(\.\.\.\)",
        ),
        ({"model": 42}, r"an object with the Provider protocol.*, not int"),
        ({"instructions": ["be", "brief"]}, r"instructions= takes a text, not list"),
        ({"output": "Verdict"}, r"is a text; give the type itself, without quotes: output=Verdict"),
        ({"output": {"type": "object"}}, r"output=altar\.adm\.Schema\.from_dict"),
    ],
)
def test_what_an_agent_cannot_use_is_refused_when_it_is_made(given, said):
    refused(ConfigurationError, said, altar.Agent, **given)
    refused(ConfigurationError, said, altar.generate, "?", **given)


def test_what_is_no_session_is_refused():
    said = r"session= takes an altar.Session, not list; type session=altar\.Session\(tools="
    refused(ConfigurationError, said, altar.generate, "?", session=[add])


def test_an_agent_with_tools_takes_no_session():
    agent = altar.Agent(model=ScriptedProvider([]), tools=[add])
    said = r"this Agent has tools of its own.*without tools=, and session=altar\.Session\(tools="
    with altar.Session(tools=[add]) as session:
        for ask in (agent.run, agent.stream, agent.astream):
            refused(ConfigurationError, said, ask, "?", session=session)
        refused(ConfigurationError, said, agent.chat, session=session)


def test_no_tools_may_be_said_by_an_empty_list():
    with altar.Session(tools=[add]) as session:
        model = ScriptedProvider([ADD, "3"])
        assert altar.generate("?", model=model, tools=[], session=session).text == "3"


def test_deps_come_with_a_session():
    def limited(context: altar.Context[int]) -> int:
        return context.deps

    with altar.Session(tools=[limited], deps=7) as session:
        model = ScriptedProvider([ToolCall("limited"), "7"])
        reply = altar.generate("?", model=model, session=session)
    assert reply.calls[0].result.content == 7


@dataclass
class User:
    name: str
    age: int
    tags: list[str] = field(default_factory=list)


class Pair(TypedDict):
    left: int
    right: int


@pytest.mark.parametrize(
    ("output", "text", "value"),
    [
        (User, '{"name": "John", "age": 30}', User("John", 30)),
        (list[User], '[{"name": "John", "age": 30}]', [User("John", 30)]),
        (Pair, '{"left": 1, "right": 2}', {"left": 1, "right": 2}),
        (int, " 3 ", 3),
        (int | None, "null", None),
        (Literal["up", "down"], '```json\n"up"\n```', "up"),
        (altar.adm.Schema(type="integer"), "3", 3),
    ],
)
def test_a_typed_answer_is_an_object_of_the_type(output, text, value):
    model = ScriptedProvider([text])
    reply = altar.generate("who?", model=model, output=output, instructions="be brief")
    assert (reply.output, reply.finish) == (value, "stop")
    assert model.requests[0].instructions == "be brief"


def test_an_answer_that_does_not_fit_is_asked_for_again_with_its_problems():
    model = ScriptedProvider(
        ["I think John", '{"name": "John", "agee": 1}', '{"name": "J", "age": 1}']
    )
    reply = altar.generate("who?", model=model, output=User)
    assert reply.output == User("J", 1)
    first, second = (request.messages[-1].text for request in model.requests[1:])
    assert "not valid" in first
    assert "$.age" in second
    assert "agee" in second


def test_an_answer_is_asked_for_again_twice_at_most():
    with ScriptedProvider(["no"] * 3) as model:
        reply = altar.generate("who?", model=model, output=User)
    assert (reply.output, reply.finish) == (None, "malformed")
    assert "does not fit" in reply.detail
    check_history(reply.messages)


def test_tools_run_before_a_typed_answer():
    model = ScriptedProvider([ADD, "3"])
    reply = altar.Agent(model=model, tools=[add], output=int).run("1 + 2?")
    assert (reply.output, len(reply.calls)) == (3, 1)


def test_a_type_nothing_can_express_is_refused_at_once():
    with pytest.raises(altar.errors.DeclarationError) as caught:
        altar.Agent(output=type(sys))
    assert str(caught.value).startswith("output=module: module cannot be said in JSON; write")


def test_what_is_wrong_inside_a_type_is_told_of_the_type():
    @dataclass
    class Holder:
        module: type(sys)

    with pytest.raises(altar.errors.DeclarationError) as caught:
        altar.generate("?", output=Holder)
    said = str(caught.value)
    assert said.startswith("output=Holder: field 'module' of ")
    assert "Holder: module cannot be said in JSON; write" in said
    assert "line" not in said
    assert "answer" not in said


def test_a_schema_that_does_not_hold_is_asked_for_again():
    model = ScriptedProvider(["3.5", "[1, 2]", "4"])
    reply = altar.generate("?", model=model, output=altar.adm.Schema(type="integer"))
    assert reply.output == 4


def test_a_long_list_of_problems_is_shortened():
    model = ScriptedProvider([str(["x"] * 40).replace("'", '"'), "[1]"])
    assert altar.generate("?", model=model, output=list[int]).output == [1]
    assert "more" in model.requests[1].messages[-1].text


def test_the_offline_model_extracts():
    reply = altar.generate("John is 30 years old", model="offline:", output=User)
    assert reply.output == User("John", 30)


def test_a_script_must_be_played_to_its_end():
    with (
        pytest.raises(AssertionError, match="1 of 2 replies"),
        ScriptedProvider(["a", "b"]) as model,
    ):
        altar.generate("hi", model=model)
    with pytest.raises(AssertionError, match="asked for one more"):
        altar.generate("hi", model=ScriptedProvider([]))
    with pytest.raises(ConfigurationError, match="a script's reply is"):
        altar.generate("hi", model=ScriptedProvider([3]))


def test_scripted_replies_have_an_estimated_usage():
    prompt = "x" * 400
    reply = altar.generate(prompt, model=ScriptedProvider(["y" * 40]), instructions="z" * 40)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (110, 10)
    parts = [Thinking("t" * 8), BlobPart("image/png", b"1234"), Refusal("no")]
    assert altar.generate("?", model=ScriptedProvider([parts])).usage.output_tokens > 3


def test_a_limit_of_tokens_works_with_scripted_replies():
    numbers = iter(range(100))
    busy = FunctionProvider(lambda request: ToolCall("add", {"a": next(numbers), "b": 0}))
    reply = altar.generate(
        "x" * 400, model=busy, tools=[add], options=Options(limits=Limits(tokens=450))
    )
    assert (reply.finish, reply.usage.requests) == ("budget", 4)
    assert "Limits(tokens=450)" in reply.detail


def test_the_estimate_does_not_depend_on_what_was_asked_before():
    model = ScriptedProvider([ADD, "3", "a", "b"])
    altar.generate("x" * 400, model=model, tools=[add])
    short, shorter = (altar.generate("x" * n, model=model).usage for n in (40, 4))
    assert (short.input_tokens, shorter.input_tokens) == (10, 1)


def test_a_scripted_reply_keeps_its_own_usage():
    message = Message.assistant("hi")
    counted = Response(message=message, usage=Usage(input_tokens=7, output_tokens=3))
    model = ScriptedProvider([counted, Response(message=message), list(unfold(counted)), message])
    totals = [altar.generate("hi", model=model).usage.total_tokens for _ in range(4)]
    assert totals == [10, None, 10, 2]


def test_a_function_may_answer_async():
    async def answer(request):
        return Response(message=Message.assistant(f"{len(request.messages)} message"))

    model = FunctionProvider(answer)
    assert asyncio.run(altar.agenerate("hi", model=model)).text == "1 message"
    with pytest.raises(altar.errors.UnsupportedError, match="agenerate"):
        altar.generate("hi", model=model)


@pytest.fixture(autouse=True)
def _fresh_settings():
    config.reset()
    yield
    config.reset()


def test_a_context_is_no_typed_answer():
    with pytest.raises(ConfigurationError, match="no model can write one"):
        altar.generate("q", model=ScriptedProvider([]), output=altar.Context)
