"""local: a model behind a loopback server, from the settings to the whole loop, sync and async."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

import pytest

import altar
from altar.adm import ToolConfig
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    OverloadedError,
    ServerError,
    StreamBrokenError,
    TransportError,
)
from altar.llm import (
    Attempt,
    Capabilities,
    Delta,
    End,
    Limits,
    Message,
    Options,
    Provider,
    Request,
    Retry,
    Sampling,
    Text,
    ToolCall,
    fold,
)
from altar.llm.openai_compatible import LocalProvider, Timeout
from altar.llm.openai_compatible._threads import ThreadedProvider
from altar.runtime import Cancellation
from tests.llm._sockets import WAIT, Asked, Peer, serving
from tests.waiting import asoon, budgets

ONCE = Options(retry=Retry(attempts=1))
REQUEST = Request(
    model="m",
    messages=(Message.user("ping"),),
    instructions=None,
    tools=(),
    tool_choice=None,
    output=None,
    sampling=Sampling(),
    settings={},
)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("ALTAR_LOCAL_URL", "ALTAR_LOCAL_KEY"):
        monkeypatch.delenv(name, raising=False)


def attempt(flag: Cancellation | None = None, deadline: float | None = None) -> Attempt:
    flag = Cancellation() if flag is None else flag
    return Attempt(number=1, deadline=deadline, cancelled=flag)


def message(**fields: Any) -> dict[str, Any]:
    return {"id": "r", "model": "m:latest", "choices": [{"index": 0, "message": fields}]}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "r", "model": "m:latest", "choices": [choice]}


def call(name: str, arguments: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "type": "function", "function": {"name": name, "arguments": arguments}}


def get_weather(city: str) -> str:
    """Weather for a city."""
    return f"sunny in {city}"


def weatherman(peer: Peer, asked: Asked) -> None:
    """Calls the tool for two cities in Ollama's way, then says what it heard."""
    results = [one["content"] for one in asked.json["messages"] if one["role"] == "tool"]
    calls = [
        call("get_weather", json.dumps({"city": city}), index=0, id="") for city in ("Oslo", "Rome")
    ]
    usage = {"usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    if asked.json.get("stream"):
        said = [chunk(content=word) for word in results] or [chunk(tool_calls=[c]) for c in calls]
        peer.events(*said, chunk("stop"), {"choices": [], **usage})
    elif results:
        peer.reply({**message(content="".join(results)), **usage})
    else:
        peer.reply({**message(content="", tool_calls=calls), **usage})


# -- the loop --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["generate", "stream", "agenerate", "astream"])
def test_the_whole_loop_runs_over_real_sockets(way):
    """Two calls without ids, both answered under ids of altar's own; nothing of it is lost."""

    async def awaited(model):
        if way == "agenerate":
            return await altar.agenerate("Weather?", model=model, tools=[get_weather])
        async for event in altar.astream("Weather?", model=model, tools=[get_weather]):
            last = event
        return last.reply

    with serving(weatherman) as server, closing(LocalProvider("m", url=server.url)) as model:
        if way == "generate":
            reply = altar.generate("Weather?", model=model, tools=[get_weather])
        elif way == "stream":
            *_, end = altar.stream("Weather?", model=model, tools=[get_weather])
            reply = end.reply
        else:
            reply = asyncio.run(awaited(model))
    assert reply.text == '"sunny in Oslo""sunny in Rome"'
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (10, 14)
    second = server.asked[1].json["messages"]
    assert [one["role"] for one in second] == ["user", "assistant", "tool", "tool"]
    ids = [one["id"] for one in second[1]["tool_calls"]]
    assert ids == [record.call.call_id for record in reply.calls]
    assert [one["tool_call_id"] for one in second[2:]] == ids
    assert second[1]["content"] is None
    assert server.asked[0].json["tools"] == server.asked[1].json["tools"]


def test_the_prefix_and_the_environment_find_it(monkeypatch):
    with serving(lambda peer, asked: peer.reply(message(content="hi"))) as server:
        monkeypatch.setenv("ALTAR_LOCAL_URL", server.url)
        monkeypatch.setenv("ALTAR_LOCAL_KEY", "sesame")
        for prefix in ("local", "openai-compatible"):
            assert altar.generate("hi", model=f"{prefix}:qwen3:8b").text == "hi"
    for asked in server.asked:
        assert asked.json["model"] == "qwen3:8b"
        assert asked.headers["authorization"] == "Bearer sesame"


def test_without_a_word_it_is_ollama_on_this_machine_and_no_key():
    provider = LocalProvider("m")
    assert isinstance(provider, Provider)
    assert provider.url == "http://127.0.0.1:11434/v1"
    assert "Authorization" not in provider._headers
    assert "top_k" not in provider.capabilities.sampling


@dataclass
class Verdict:
    word: str
    score: int


def test_a_typed_answer_is_held_to_its_schema_or_asked_for_in_words():
    with serving(
        lambda peer, asked: peer.reply(message(content='{"word":"a","score":1}'))
    ) as server:
        with closing(LocalProvider("m", url=server.url)) as model:
            reply = altar.generate("Judge", model=model, output=Verdict)
            told = Options(settings={"local": {"native_output": False}})
            again = altar.generate("Judge", model=model, output=Verdict, options=told)
    assert reply.output == again.output == Verdict("a", 1)
    first, second = [asked.json for asked in server.asked]
    schema = first["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["word", "score"]
    assert "response_format" not in second
    assert '"score"' in second["messages"][0]["content"]
    assert "native_output" not in second


def test_settings_reach_the_body_and_the_headers():
    own = {"keep_alive": "5m", "options": {"num_ctx": 8192}, "headers": {"X-A": "b"}}
    options = Options(settings={"local": own, "openai": {"store": True}})
    with serving(lambda peer, asked: peer.reply(message(content="hi"))) as server:
        with closing(LocalProvider("m", url=server.url, headers={"X-A": "a", "X-B": "c"})) as model:
            altar.generate("hi", model=model, options=options)
    (asked,) = server.asked
    assert (asked.json["keep_alive"], asked.json["options"]) == ("5m", {"num_ctx": 8192})
    assert {"headers", "store"}.isdisjoint(asked.json)
    assert (asked.headers["x-a"], asked.headers["x-b"]) == ("b", "c")
    assert own["headers"] == {"X-A": "b"}, "the application's settings stay as they were"


def test_ollama_is_asked_for_a_call_in_words_and_that_is_told():
    choice = Options(tool_choice=ToolConfig(mode="ANY"))
    with serving(weatherman) as server:
        with closing(LocalProvider("m", url=server.url, server="ollama")) as model:
            reply = altar.generate("Weather?", model=model, tools=[get_weather], options=choice)
    assert "tool_choice" not in server.asked[0].json
    assert "calling one of the tools" in server.asked[0].json["messages"][0]["content"]
    assert [one.what for one in reply.adaptations] == ["tool_choice"]


@pytest.mark.parametrize(
    ("server", "reasoning", "sent"),
    [
        (None, "none", {"reasoning_effort": "none"}),
        ("ollama", "none", {"reasoning_effort": "none"}),
        ("vllm", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("llama.cpp", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("vllm", "minimal", {"reasoning_effort": "low"}),
        ("llama.cpp", "high", {"reasoning_effort": "high"}),
    ],
)
def test_reasoning_is_asked_for_in_the_words_of_the_server(server, reasoning, sent):
    provider = LocalProvider("m", server=server, url="http://127.0.0.1:8000")
    request = Request(
        **{
            **{name: getattr(REQUEST, name) for name in Request.__slots__},
            "sampling": Sampling(reasoning=reasoning),
        }
    )
    body, _ = provider.to_request(request)
    assert {key: body[key] for key in body if key not in ("model", "messages")} == sent


def test_what_a_model_can_do_may_be_said():
    can = Capabilities(blobs=("audio/*",), output_with_tools=True)
    assert LocalProvider("m", capabilities=can).capabilities is can


@pytest.mark.parametrize("key", ["hid\nden", "hidden\u2028x", "versteckt-\u00fc"])
def test_a_key_that_no_header_can_carry_is_told_by_its_variable_and_never_shown(key):
    with pytest.raises(AuthenticationError, match="ALTAR_LOCAL_KEY") as caught:
        LocalProvider("m", key=key)
    assert key[:6] not in str(caught.value)


def test_white_space_around_a_key_is_no_part_of_it():
    with serving(lambda peer, _: peer.reply({"error": "no"}, status="400 Bad")) as server:
        with (
            pytest.raises(BadRequestError),
            closing(LocalProvider("m", url=server.url, key=" abc\n")) as local,
        ):
            altar.generate("x", model=local)
        assert server.asked[0].headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://x"}, r"LocalProvider\(url=...\) is no address"),
        ({"server": "lmstudio"}, "'lmstudio' is not known; it is one of 'ollama', 'vllm'"),
        ({"headers": {"X-A": "a\r\nb: c"}}, "'X-A' cannot be sent"),
        ({"headers": {"X A": "a"}}, "'X A' cannot be sent"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_made(options, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        LocalProvider("m", **options)
    assert "hidden" not in str(caught.value)


def test_settings_that_are_no_json_or_no_headers_are_refused():
    with serving(weatherman) as server, closing(LocalProvider("m", url=server.url)) as model:
        for own in ({"x": object()}, {"x": float("nan")}, {"headers": {"A": "\n"}}):
            with pytest.raises(ConfigurationError):
                altar.generate("hi", model=model, options=Options(settings={"local": own}))
    assert server.asked == []


def test_half_a_surrogate_pair_goes_out_as_an_escape():
    with serving(lambda peer, asked: peer.reply(message(content="hi"))) as server:
        with closing(LocalProvider("m", url=server.url)) as model:
            model.complete(
                Request(
                    **{
                        **{name: getattr(REQUEST, name) for name in Request.__slots__},
                        "messages": (Message.user("é\ud800"),),
                    }
                ),
                attempt(),
            )
    assert server.asked[0].json["messages"][0]["content"] == "é\ud800"


def test_a_key_is_in_no_text_about_the_provider():
    with serving(lambda peer, asked: peer.reply({"error": "no"}, status="401 No")) as server:
        with closing(LocalProvider("m", url=server.url, key="sesame-hidden-key")) as model:
            with pytest.raises(altar.errors.AuthenticationError) as caught:
                model.complete(REQUEST, attempt())
    assert "sesame" not in repr(model) + str(caught.value) + repr(caught.value.raw)


# -- streams ---------------------------------------------------------------------------------


def stream(handler, **options):
    with serving(handler) as server, closing(LocalProvider("m", url=server.url)) as model:
        return list(model.stream(REQUEST, attempt()))


def test_an_answer_is_shown_as_it_comes():
    """Each piece is there before the server says the next."""
    turn = threading.Semaphore(0)

    def answer(peer: Peer, asked: Asked) -> None:
        peer.begin_events()
        for word in ("a", "b", "c"):
            peer.chunk(f"data: {json.dumps(chunk(content=word))}\n\n")
            assert turn.acquire(timeout=WAIT)
        peer.chunk(f"data: {json.dumps(chunk('stop'))}\n\ndata: [DONE]\n\n")
        peer.send("0\r\n\r\n")

    said = []
    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as model:
        for event in model.stream(REQUEST, attempt()):
            if isinstance(event, Delta):
                said.append(event.text)
                turn.release()
    assert said == ["a", "b", "c"]


@pytest.mark.parametrize("cut", [1, 3, 7, 10_000])
def test_where_the_stream_is_cut_changes_nothing(cut):
    events = [chunk(content="é\U0001f600"), chunk(reasoning="ü"), chunk("length")]
    text = "".join([f"data: {json.dumps(one, ensure_ascii=False)}\r\n\r\n" for one in events])
    data = f": hello\r\n\r\n{text}data: [DONE]\r\n\r\n".encode()

    def answer(peer: Peer, asked: Asked) -> None:
        peer.begin_events()
        for at in range(0, len(data), cut):
            peer.chunk(data[at : at + cut])
        peer.send("0\r\n\r\n")

    response = fold(stream(answer))
    assert [part.text for part in response.message.parts] == ["é\U0001f600", "ü"]
    assert response.finish == "length"


def test_an_answer_is_whole_without_done_and_without_a_reason():
    """One of the two will do; with neither the answer was cut off."""
    no_done = stream(lambda peer, asked: peer.events(chunk("stop", content="a"), done=False))
    assert fold(no_done).message.parts == (Text("a"),)
    no_reason = stream(lambda peer, asked: peer.events(chunk(content="a")))
    assert fold(no_reason).finish == "stop"


@pytest.mark.parametrize("end", ["closed", "reset", "ended", "chunk"])
def test_an_answer_that_stops_in_the_middle_is_broken(end):
    def answer(peer: Peer, asked: Asked) -> bool:
        peer.begin_events()
        peer.chunk(f"data: {json.dumps(chunk(content='half'))}\n\n")
        if end == "ended":
            peer.send("0\r\n\r\n")
        elif end == "chunk":
            peer.send("100\r\ndata: {")
        elif end == "reset":
            peer.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset, no farewell
        return True

    with pytest.raises(StreamBrokenError, match="stopped in the middle") as caught:
        stream(answer)
    assert caught.value.in_stream
    assert caught.value.retryable


def test_a_stream_of_nothing_is_broken():
    with pytest.raises(StreamBrokenError):
        stream(lambda peer, asked: peer.events(done=False))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("no JSON", "an event that is no JSON object, which begins 'no JSON'"),
        ("[1]", "no JSON object"),
        ('{"choices": ', "no JSON object"),
        ("[" * 100_000, "no JSON object"),
    ],
)
def test_garbage_in_a_stream_is_shown(event, said):
    with pytest.raises(StreamBrokenError, match=said) as caught:
        stream(lambda peer, asked: peer.events(chunk(content="a"), event))
    assert caught.value.in_stream


def test_a_stream_that_is_none_is_shown():
    def answer(peer: Peer, asked: Asked) -> None:
        peer.reply("<html>Sign in", kind=asked.headers["x-kind"])

    for kind in ("text/event-stream", "text/html"):
        with serving(answer) as server:
            with closing(LocalProvider("m", url=server.url, headers={"X-Kind": kind})) as model:
                with pytest.raises(StreamBrokenError, match="which begins '<html>Sign in'"):
                    list(model.stream(REQUEST, attempt()))


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ('data: {"error": {"message": "full", "type": "overloaded_error"}}\n\n', OverloadedError),
        ('data: {"error": "the runner has stopped"}\n\n', ServerError),
        ('error: {"code": 503, "message": "Loading", "type": "unavailable_error"}\n\n',
         OverloadedError),
        ('event: error\ndata: {"message": "boom"}\n\n', ServerError),
    ],
)  # fmt: skip
def test_an_error_in_a_stream_is_the_error_it_stands_for(lines, kind):
    def answer(peer: Peer, asked: Asked) -> None:
        peer.begin_events()
        peer.chunk(f"data: {json.dumps(chunk(content='half'))}\n\n")
        peer.chunk(lines)
        peer.send("0\r\n\r\n")

    with pytest.raises(kind) as caught:
        stream(answer)
    assert caught.value.in_stream


def test_a_server_that_answers_in_the_other_form_is_understood():
    """A whole answer where a stream was asked for, and a stream where none was."""
    whole = stream(lambda peer, asked: peer.reply(message(content="a", role="assistant")))
    assert fold(whole).message.parts == (Text("a"),)
    with serving(lambda peer, asked: peer.events(chunk("stop", content="a"))) as server:
        with closing(LocalProvider("m", url=server.url)) as model:
            assert model.complete(REQUEST, attempt()).message.parts == (Text("a"),)


def test_whole_and_streamed_answers_are_the_same():
    with serving(weatherman) as server, closing(LocalProvider("m", url=server.url)) as model:
        whole = model.complete(REQUEST, attempt())
        pieces = fold(model.stream(REQUEST, attempt()))
    assert pieces.message == whole.message
    assert pieces.usage == whole.usage
    assert [part.args for part in whole.message.parts] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert all(isinstance(part, ToolCall) and part.wire_id is None for part in whole.message.parts)


# -- async -----------------------------------------------------------------------------------


def waiting(peer: Peer, asked: Asked) -> None:
    if asked.json.get("stream"):
        peer.begin_events()
        peer.chunk(f"data: {json.dumps(chunk(content='half'))}\n\n")
    peer.wait_gone()


def own_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "altar-local"]


def ended_threads() -> bool:
    """Whether every thread of an attempt ends, now that nobody waits for it."""
    threads = own_threads()
    for thread in threads:
        thread.join(WAIT)
    return not any(thread.is_alive() for thread in threads)


def test_many_answers_are_awaited_at_once():
    """No executor of a few threads stands between them and their server."""
    together = threading.Barrier(40)

    def answer(peer: Peer, asked: Asked) -> None:
        together.wait(WAIT)
        peer.reply(message(content="hi"))

    async def main(model: LocalProvider) -> list[str]:
        answers = [model.acomplete(REQUEST, attempt()) for _ in range(40)]
        return [one.message.text for one in await asyncio.gather(*answers)]

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as model:
        assert asyncio.run(main(model)) == ["hi"] * 40
    assert ended_threads()


@pytest.mark.parametrize("form", ["acomplete", "astream"])
def test_a_cancelled_task_hangs_up_at_once_and_leaves_no_thread(form):
    async def main(server, model: LocalProvider) -> None:
        flag = Cancellation()

        async def ask() -> None:
            if form == "acomplete":
                await model.acomplete(REQUEST, attempt(flag))
            else:
                async with aclosing(model.astream(REQUEST, attempt(flag))) as events:
                    async for _ in events:
                        pass

        task = asyncio.create_task(ask())
        assert await asoon(lambda: server.asked)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert await asoon(lambda: server.peers[0].gone.is_set() and not own_threads())
        assert flag._listeners == {}
        assert not flag, "the application's own flag is not ours to raise"

    with serving(waiting) as server, closing(LocalProvider("m", url=server.url)) as model:
        asyncio.run(main(server, model))


def test_closing_an_async_stream_hangs_up():
    async def main(server, model: LocalProvider) -> None:
        events = model.astream(REQUEST, attempt())
        while not isinstance(await anext(events), Delta):
            pass
        await events.aclose()
        assert await asoon(lambda: server.peers[0].gone.is_set() and not own_threads())

    with serving(waiting) as server, closing(LocalProvider("m", url=server.url)) as model:
        asyncio.run(main(server, model))


@pytest.mark.parametrize("form", ["acomplete", "astream"])
def test_a_raised_flag_and_a_deadline_end_the_async_forms(form):
    async def ask(model: LocalProvider, tried: Attempt) -> None:
        if form == "acomplete":
            await model.acomplete(REQUEST, tried)
        else:
            async for _ in model.astream(REQUEST, tried):
                pass

    async def main(server, model: LocalProvider) -> None:
        flag = Cancellation()
        task = asyncio.create_task(ask(model, attempt(flag)))
        assert await asoon(lambda: server.asked)
        flag.cancel()
        with pytest.raises(TransportError, match="the run ended"):
            await task
        with pytest.raises(altar.errors.ProviderTimeoutError):
            await ask(model, attempt(deadline=time.monotonic() + 0.05))

    with serving(waiting) as server, closing(LocalProvider("m", url=server.url)) as model:
        asyncio.run(main(server, model))
    assert ended_threads()


def test_whatever_a_thread_comes_to_the_task_that_waits_hears_of_it():
    """A future takes no StopIteration, which ``next`` in somebody's own provider may raise."""

    class Own(ThreadedProvider):
        name = model = "own"

        def __init__(self, said: Any) -> None:
            self.said = said

        def complete(self, request: Request, attempt: Attempt) -> Any:
            return next(self.said)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration") as caught:
            await asyncio.wait_for(Own(iter(())).acomplete(REQUEST, attempt()), WAIT)
        assert isinstance(caught.value.__cause__, StopIteration)
        nothing: Any = Own(iter([None])).acomplete(REQUEST, attempt())
        assert await asyncio.wait_for(nothing, WAIT) is None

    asyncio.run(main())


def test_an_error_reaches_whoever_awaits():
    async def main(model: LocalProvider) -> None:
        with pytest.raises(ServerError):
            await model.acomplete(REQUEST, attempt())
        with pytest.raises(ServerError):
            async for _ in model.astream(REQUEST, attempt()):
                pass
        await model.aclose()

    with serving(lambda peer, asked: peer.reply({"error": "x"}, status="500 No")) as server:
        asyncio.run(main(LocalProvider("m", url=server.url)))


def test_an_async_stream_ends_with_its_end():
    async def main(model: LocalProvider) -> list[Any]:
        return [event async for event in model.astream(REQUEST, attempt())]

    with serving(lambda peer, asked: peer.events(chunk("stop", content="a"))) as server:
        with closing(LocalProvider("m", url=server.url)) as model:
            events = asyncio.run(main(model))
            assert events == list(model.stream(REQUEST, attempt()))
    assert isinstance(events[-1], End)


@pytest.mark.parametrize("way", ["generate", "agenerate"])
def test_the_time_limit_of_a_run_reaches_the_socket(way):
    with serving(waiting) as server, closing(LocalProvider("m", url=server.url)) as model:
        for seconds in budgets(0.1):
            options = Options(retry=Retry(attempts=1), limits=Limits(seconds=seconds))
            if way == "generate":
                reply = altar.generate("hi", model=model, options=options)
            else:
                reply = asyncio.run(altar.agenerate("hi", model=model, options=options))
            assert reply.finish == "deadline"
            if server.asked:
                break
        assert all(peer.gone.wait(WAIT) for peer in server.peers)
    assert server.asked


def test_a_loading_model_is_asked_again_by_the_loop():
    def answer(peer: Peer, asked: Asked) -> None:
        if len(server.asked) == 1:
            body = {"error": {"message": "Loading model", "code": 503}}
            peer.reply(body, status="503 Unavailable", headers=["Retry-After: 0"])
        else:
            peer.reply(message(content="there"))

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as model:
        assert altar.generate("hi", model=model).text == "there"


def test_a_number_is_the_longest_silence_and_no_connect_takes_longer():
    def times(timeout) -> tuple[float, float]:
        provider = LocalProvider("m", timeout=timeout)
        return provider._http._timeout.connect, provider._silence

    assert times(5) == (5, 5)
    assert times(30) == (10, 30)
    assert times(Timeout(connect=1, read=2)) == (1, 2)
    assert times(Timeout()) == (10, 600)
