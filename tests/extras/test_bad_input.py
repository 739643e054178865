"""Whatever stands between a program and its model: a typed error that names the fix, or an answer."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

import altar
from altar import Options, live
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    ProviderError,
    TransportError,
    UnknownModelError,
)
from altar.llm import Message, Retry, Unknown, dump_messages, load_messages
from altar.plugins import load_provider
from altar.testing import Fault, FunctionProvider
from tests.llm._sockets import nobody
from tests.seats import SEATS

ONCE = Options(retry=Retry(attempts=1))
KEYS = {
    "gemini": "GEMINI_API_KEY",
    "gemini-interactions": "GEMINI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openai-chat": "OPENAI_API_KEY",
}
VARIABLES = ("GEMINI", "GOOGLE", "ANTHROPIC", "OPENAI", "ALTAR_LOCAL", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(params=SEATS, ids=lambda seat: seat.name)
def seat(request, monkeypatch):
    if not request.param.is_here:
        pytest.skip(f"{request.param.library} is not installed")
    for name in list(os.environ):
        if name.upper().startswith(VARIABLES):
            monkeypatch.delenv(name)
    return request.param


@pytest.fixture(params=["generate", "astream"])
def ask(request):
    def sync(provider, prompt="hi", **given):
        try:
            return altar.generate(prompt, model=provider, **given)
        finally:
            provider.close()

    async def events(provider, prompt, given):
        try:
            return [event async for event in altar.astream(prompt, model=provider, **given)]
        finally:
            await provider.aclose()
            provider.close()

    def coming(provider, prompt="hi", **given):
        return asyncio.run(events(provider, prompt, given))[-1].reply

    return sync if request.param == "generate" else coming


def at(seat, url, key="a-key-of-somebody-0123456789"):
    return seat.make(SimpleNamespace(url=url, key=key))


@pytest.fixture
def closed_port():
    with nobody() as port:
        yield port


def test_without_a_key_the_error_names_the_variable_to_set(seat, ask):
    if seat.name not in KEYS:
        pytest.skip("needs no key of its own")
    provider = load_provider(f"{seat.name}:some-model")
    with live.allow(), pytest.raises(AuthenticationError, match=KEYS[seat.name]) as caught:
        ask(provider, options=ONCE)
    assert caught.value.sent is False
    assert caught.value.messages[0].text == "hi"


def test_a_wrong_key_is_an_authentication_error_that_repeats_no_key(seat, ask):
    with pytest.raises(AuthenticationError) as caught:
        ask(seat.open([Fault("auth")]), options=ONCE)
    assert "0123456789" not in str(caught.value)
    assert "0000000000" not in str(caught.value)


def test_an_unknown_model_is_named(seat, ask):
    with pytest.raises(UnknownModelError):
        ask(seat.open([Fault("unknown_model")]), options=ONCE)


def test_without_a_server_the_error_says_where_there_is_none(seat, ask, closed_port):
    with pytest.raises(TransportError, match=r"127\.0\.0\.1") as caught:
        ask(at(seat, f"http://127.0.0.1:{closed_port}"), options=ONCE)
    assert caught.value.sent is False
    assert caught.value.hint


def test_a_proxy_that_refuses_is_told(seat, ask, monkeypatch, closed_port):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with live.allow(), pytest.raises(TransportError):
        ask(at(seat, "http://nowhere.invalid"), options=ONCE)


def test_a_server_without_tls_is_told(seat, ask):
    provider = seat.open(["ok"])
    plain = provider.fake.url
    other = at(seat, plain.replace("http://", "https://"))
    with pytest.raises(TransportError):
        ask(other, options=ONCE)
    provider.close()


def test_a_server_that_says_nothing_and_closes(seat, ask):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def hang_up():
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(TransportError):
            ask(at(seat, f"http://127.0.0.1:{listening.getsockname()[1]}"), options=ONCE)


@pytest.mark.parametrize("kind", ["garbage", "content_type", "close"])
def test_what_is_no_answer_is_a_typed_error(seat, ask, kind):
    with pytest.raises(ProviderError):
        ask(seat.open([Fault(kind)]), options=ONCE)


def test_an_answer_of_ten_megabytes_arrives_whole(seat, ask):
    text = "0123456789" * 1_000_000
    assert ask(seat.open([text])).text == text


@pytest.fixture(scope="module")
def ten_thousand():
    def numbered(number):
        def work(x: int) -> int:
            return x + number

        work.__name__ = work.__qualname__ = f"tool_{number}"
        work.__doc__ = f"Work number {number}."
        return work

    with altar.Session([numbered(number) for number in range(10_000)]) as session:
        yield session


def test_ten_thousand_tools_are_searched_by_the_model_and_one_is_run(seat, ask, ten_thousand):
    def model(request):
        last = request.messages[-1]
        if last.role == "tool":
            return "done"
        names = [tool.name for tool in request.tools]
        if "call_tool" in names:
            args = {"name": "tool_7777", "arguments": {"x": 1}}
            return altar.llm.ToolCall("call_tool", args)
        return altar.llm.ToolCall("tool_7777", {"x": 1})

    reply = ask(seat.open(model), session=ten_thousand)
    assert reply.text == "done"
    assert reply.calls[0].result.content == 7778


def test_a_history_of_another_version_is_read_and_told_of(seat, ask):
    stored = dump_messages([Message.user("Hello"), Message.assistant("Hi")])
    stored[1]["parts"].append({"kind": "hologram", "light": "green"})
    stored[1]["mood"] = "fine"
    messages = load_messages(stored)
    assert isinstance(messages[1].parts[1], Unknown)
    reply = ask(seat.open(["ok"]), [*messages, Message.user("Go on")])
    assert reply.text == "ok"
    assert any("nknown" in note.what + note.why for note in reply.adaptations)


def test_after_a_failure_the_history_can_be_sent_again(seat, ask):
    provider = seat.open([altar.llm.ToolCall("ping", {}), Fault("context_length")])

    def ping() -> str:
        return "pong"

    with pytest.raises(ProviderError) as caught:
        ask(provider, tools=[ping], options=ONCE)
    history = list(caught.value.messages)
    assert [message.role for message in history] == ["user", "assistant", "tool"]
    again = FunctionProvider(lambda request: "whole")
    assert altar.generate(history, model=again).text == "whole"


def test_a_prefix_nobody_knows_is_told_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="anthropic") as caught:
        altar.generate("hi", model="antropic:claude")
    assert "gemini" in str(caught.value)


def test_where_live_calls_are_forbidden_none_leaves_the_machine(seat, ask):
    provider = at(seat, "http://far.example")
    with live.forbid("This test forbids it."), pytest.raises(ConfigurationError, match="far"):
        ask(provider, options=ONCE)


class Parrot(BaseHTTPRequestHandler):
    """Refuses every request in words that repeat all it was sent."""

    def do_POST(self):
        # what is unread when it closes would reset the connection
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = f"No entry for you: {dict(self.headers)} at {self.path}"
        body = json.dumps({"error": {"message": said, "code": 401, "type": "refused"}}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_a_key_that_the_server_repeats_is_shown_nowhere(seat, ask):
    """Not in the message, not in the raw answer, not in the traceback a program prints."""
    key = "plain-words-are-a-key-too"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(AuthenticationError) as caught:
            ask(at(seat, f"http://127.0.0.1:{server.server_port}", key=key), options=ONCE)
    finally:
        server.shutdown()
        server.server_close()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.raw)
    assert key not in told
    assert "No entry" in told
