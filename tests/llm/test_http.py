"""HTTP by hand: connections, their reuse and their end, proxies, TLS, and answers of every kind."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import time
import zlib
from contextlib import closing
from typing import Any

import pytest

from altar import live
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    ProviderTimeoutError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
    UnsupportedError,
)
from altar.llm import Attempt, Delta, Message, Request, Response, Sampling, fold
from altar.llm.openai_compatible import LocalProvider, Timeout
from altar.llm.openai_compatible import _http as http_module
from altar.llm.openai_compatible._address import Address, proxy_for
from altar.runtime import Cancellation
from tests.llm._sockets import WAIT, Asked, Peer, Server, certificate, nobody, serving

ANSWER = {"choices": [{"message": {"content": "pong"}, "finish_reason": "stop"}]}
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
PROXY_VARIABLES = [
    name
    for word in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in (word, word.upper())
]


@pytest.fixture(autouse=True)
def _far_servers_are_meant():
    """Those named here are reached through proxies of this machine, or not at all."""
    with live.allow():
        yield


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in [*PROXY_VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"]:
        monkeypatch.delenv(name, raising=False)


def attempt(seconds: float | None = None, flag: Cancellation | None = None) -> Attempt:
    deadline = None if seconds is None else time.monotonic() + seconds
    return Attempt(number=1, deadline=deadline, cancelled=Cancellation() if flag is None else flag)


def delta(text: str | None = None, **choice: Any) -> dict[str, Any]:
    said = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": said, **choice}]}


END = delta(finish_reason="stop")


def ask(server: Server | str, *, seconds: float | None = None, **options: Any) -> Response:
    url = server if isinstance(server, str) else server.url
    with closing(LocalProvider("m", url=url, **options)) as provider:
        return provider.complete(REQUEST, attempt(seconds))


def streamed(server: Server, **options: Any) -> Response:
    with closing(LocalProvider("m", url=server.url, **options)) as provider:
        return fold(provider.stream(REQUEST, attempt()))


def pong(peer: Peer, asked: Asked) -> None:
    peer.reply(ANSWER)


# -- one request and its answer --------------------------------------------------------------


def test_a_request_is_a_post_of_json_to_the_endpoint():
    with serving(pong) as server:
        assert ask(server, key="sesame", headers={"X-Team": "a"}).message.text == "pong"
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/v1/chat/completions")
    assert asked.json["messages"] == [{"role": "user", "content": "ping"}]
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer sesame"
    assert asked.headers["x-team"] == "a"


@pytest.mark.parametrize("form", ["chunked", "until closed", "length", "gzip", "deflate", "x-gzip"])
def test_a_body_may_come_in_any_form(form):
    text = json.dumps(ANSWER).encode()

    def answer(peer: Peer, asked: Asked) -> object:
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if form == "chunked":
            peer.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(text), 7):
                peer.chunk(text[at : at + 7])
            peer.send("0\r\nTrailer: x\r\n\r\n")
        elif form == "until closed":
            peer.send(head.encode() + b"Connection: close\r\n\r\n" + text)
            return True
        elif form == "length":
            peer.reply(ANSWER)
        else:
            packed = zlib.compress(text) if form == "deflate" else gzip.compress(text)
            peer.reply(packed, headers=[f"Content-Encoding: {form}"])
        return None

    with serving(answer) as server:
        assert ask(server).message.text == "pong"


def test_ten_megabytes_are_no_trouble():
    long = "é" * (10 * 1024 * 1024 // len("\\u00e9"))  # as JSON writes it

    def answer(peer: Peer, asked: Asked) -> None:
        if asked.json.get("stream"):
            peer.events(delta(long), END)
        else:
            peer.reply({"choices": [{"message": {"content": long}}]})

    with serving(answer) as server:
        assert ask(server).message.text == long
        assert streamed(server).message.text == long


def test_a_body_past_the_limit_is_refused_and_never_asked_for_again(monkeypatch):
    monkeypatch.setattr("altar.llm.openai_compatible._provider.MAX_REPLY", 1000)
    bomb = gzip.compress(b" " * 1_000_000)

    def answer(peer: Peer, asked: Asked) -> None:
        if asked.headers["x-form"] == "bomb":
            peer.reply(bomb, headers=["Content-Encoding: gzip"])
        else:
            peer.reply(b" " * 100_000)

    with serving(answer) as server:
        for form in ("bomb", "plain"):
            with pytest.raises(StreamBrokenError, match="longer than 1000 bytes") as caught:
                ask(server, headers={"X-Form": form})
            assert not caught.value.retryable


def test_the_limit_is_64_megabytes():
    assert http_module.MAX_REPLY == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", "<html><body>Welcome\nto nginx", "text/html that is no JSON.*Welcome to"),
        ("text/plain", "x" * 200, "text/plain that is no JSON, which begins '" + "x" * 80 + "'"),
        ("application/json", "{", "application/json that is no JSON, which begins '{'"),
        ("application/json", "[1]", "no JSON object"),
        ("application/json", b"\xff\xfe", "no JSON"),
        (None, "hello", "a text that is no JSON, which begins 'hello'"),
        ("application/json", "[" * 200_000, "no JSON"),
    ],
)
def test_what_is_no_answer_is_shown_with_its_type_and_beginning(kind, body, said):
    with serving(lambda peer, asked: peer.reply(body, kind=kind)) as server:
        with pytest.raises(StreamBrokenError, match=said) as caught:
            ask(server)
    assert "ALTAR_LOCAL_URL" in caught.value.hint


def test_an_unknown_coding_is_refused():
    def answer(peer: Peer, asked: Asked) -> None:
        peer.reply(b"??", headers=["Content-Encoding: br"])

    with serving(answer) as server, pytest.raises(StreamBrokenError, match="'br'"):
        ask(server)


def test_a_packed_body_that_is_cut_off_or_no_such_thing_is_broken():
    def answer(peer: Peer, asked: Asked) -> None:
        packed = gzip.compress(json.dumps(ANSWER).encode())
        body = packed[:-12] if asked.headers["x-form"] == "cut" else b"no gzip at all"
        peer.reply(body, headers=["Content-Encoding: gzip"])

    with serving(answer) as server:
        for form in ("cut", "junk"):
            with pytest.raises(StreamBrokenError, match="stopped in the middle"):
                ask(server, headers={"X-Form": form})


def test_answers_that_end_too_early_are_broken():
    def answer(peer: Peer, asked: Asked) -> bool:
        form = asked.headers["x-form"]
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if form == "length":
            peer.send(head + "Content-Length: 100\r\n\r\n{")
        elif form == "chunk":
            peer.send(head + "Transfer-Encoding: chunked\r\n\r\n10\r\n{")
        else:
            peer.send(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        return True

    with serving(answer) as server:
        for form in ("length", "chunk", "no last chunk"):
            with pytest.raises(StreamBrokenError, match="stopped in the middle") as caught:
                ask(server, headers={"X-Form": form})
            assert caught.value.retryable
            assert caught.value.in_stream


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("", TransportError),
        ("SSH-2.0-OpenSSH_9.9\r\n", StreamBrokenError),
        ("HTTP/1.1 200 OK\r\nX: " + "y" * 70_000 + "\r\n\r\n", StreamBrokenError),
        ("HTTP/1.1 abc\r\n\r\n", StreamBrokenError),
    ],
)
def test_what_is_no_http_is_told(said, kind):
    def answer(peer: Peer, asked: Asked) -> bool:
        peer.send(said)
        return True

    with serving(answer) as server, pytest.raises(kind) as caught:
        ask(server)
    assert (type(caught.value), caught.value.sent) == (kind, True)
    assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_a_redirect_is_not_followed():
    def answer(peer: Peer, asked: Asked) -> None:
        place = "https://elsewhere.example/v1/chat/completions?key=secret"
        peer.reply("moved", status="307 Temporary Redirect", headers=[f"Location: {place}"])

    with serving(answer) as server, pytest.raises(BadRequestError) as caught:
        ask(server, key="sesame")
    assert (len(server.asked), caught.value.status) == (1, 307)
    assert "elsewhere.example" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "hint"),
    [
        ("401 Unauthorized", {"error": "bad key"}, AuthenticationError, "bad key", "LOCAL_KEY"),
        (
            "404 Not Found",
            {"error": {"message": 'model "m" not found, try pulling it first'}},
            UnknownModelError,
            "try pulling",
            "ollama pull m",
        ),
        (
            "404 Not Found",
            {"object": "error", "message": "The model `m` does not exist.", "code": 404},
            UnknownModelError,
            "does not exist",
            "/v1/models",
        ),
        ("404 Not Found", "404 page not found", BadRequestError, "page not found", "/v1"),
        ("404 Not Found", {"detail": "Not Found"}, BadRequestError, "Not Found", "LOCAL_URL"),
        (
            "400 Bad Request",
            {"error": {"message": "registry/library/x:latest does not support tools"}},
            UnsupportedError,
            "does not support tools",
            "another model",
        ),
        (
            "400 Bad Request",
            {"error": {"message": "exceeds the available context size", "code": 400}},
            ContextLengthError,
            "context size",
            "Send fewer",
        ),
        (
            "503 Service Unavailable",
            {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}},
            OverloadedError,
            "Loading model",
            "",
        ),
        ("500 Internal Server Error", b"", ServerError, "no JSON but ''", ""),
        (
            "502 Bad Gateway",
            "<html><head><title>502 Bad &amp; Gateway</title><style>x</style></head></html>",
            ServerError,
            "an HTML page: '502 Bad & Gateway'",
            "",
        ),
        (
            "500 Oops",
            "<html><script>x</script><body><h1>It broke</h1></html>",
            ServerError,
            "It broke",
            "",
        ),
    ],
)
def test_an_error_of_the_server_is_told_with_what_to_do(status, body, kind, said, hint):
    with serving(lambda peer, asked: peer.reply(body, status=status)) as server:
        with pytest.raises(kind) as caught:
            ask(server)
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.status == int(status[:3])


def test_a_wait_the_server_asks_for_is_kept():
    def answer(peer: Peer, asked: Asked) -> None:
        peer.reply({"error": "slow"}, status="429 Too Many", headers=["Retry-After: 7"])

    with serving(answer) as server, pytest.raises(RateLimitError) as caught:
        ask(server)
    assert caught.value.retry_after == 7


def test_an_error_without_an_end_is_told_in_time():
    """Of an error no more is read than can be of use."""

    def answer(peer: Peer, asked: Asked) -> None:
        peer.send("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(100_000):
                peer.chunk("x" * 1000)

    with serving(answer) as server, pytest.raises(ServerError, match="xxx"):
        ask(server)


def test_a_refusal_in_the_middle_of_a_long_request_is_heard():
    """A server may answer, and close, before it has read everything."""
    release = threading.Event()

    class Early(Peer):
        def read_request(self):
            self.sock.recv(1000)
            self.reply({"error": "too large"}, status="413 Too Large")
            self.sock.shutdown(socket.SHUT_RDWR)
            release.set()

    long = Request(
        **{
            **{name: getattr(REQUEST, name) for name in Request.__slots__},
            "messages": (Message.user("x" * 30_000_000),),
        }
    )
    with serving(pong) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.llm._sockets.Peer", Early)
        with closing(LocalProvider("m", url=server.url)) as provider:
            with pytest.raises((ContextLengthError, TransportError)) as caught:
                provider.complete(long, attempt())
        assert release.wait(WAIT)
    assert caught.value.sent


# -- connections -----------------------------------------------------------------------------


def test_a_connection_serves_many_requests(monkeypatch):
    monkeypatch.setattr(http_module, "_AFTERMATH", WAIT)  # the end of a stream may be slow to come

    def answer(peer: Peer, asked: Asked) -> None:
        if asked.json.get("stream"):
            peer.events(delta("pong"), END)
        else:
            peer.reply(ANSWER)

    with serving(answer) as server:
        with closing(LocalProvider("m", url=server.url)) as provider:
            for _ in range(2):
                provider.complete(REQUEST, attempt())
                assert fold(provider.stream(REQUEST, attempt())).message.text == "pong"
        assert [asked.connection for asked in server.asked] == [0, 0, 0, 0]
        assert server.peers[0].gone.wait(WAIT), "close() lets go of it"


def test_a_connection_the_server_closed_meanwhile_is_replaced():
    def answer(peer: Peer, asked: Asked) -> bool:
        peer.reply(ANSWER)
        return True  # without having said so

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as provider:
        for at in range(3):
            assert provider.complete(REQUEST, attempt()).message.text == "pong"
            assert server.peers[at].gone.wait(WAIT)
    assert [asked.connection for asked in server.asked] == [0, 1, 2]


def test_a_request_that_left_is_never_sent_again():
    """The server may have acted on it: the loop knows that, and decides."""

    def answer(peer: Peer, asked: Asked) -> bool:
        if len(server.asked) > 1:
            return True  # closes without an answer
        peer.reply(ANSWER)
        return False

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as provider:
        provider.complete(REQUEST, attempt())
        with pytest.raises(TransportError) as caught:
            provider.complete(REQUEST, attempt())
    assert len(server.asked) == 2
    assert (caught.value.sent, caught.value.retryable) == (True, True)


def test_an_answer_that_says_close_or_was_left_unread_ends_its_connection():
    def answer(peer: Peer, asked: Asked) -> object:
        if len(server.asked) == 1:
            peer.reply(ANSWER, headers=["Connection: close"])
            return True
        peer.begin_events()
        peer.chunk(f"data: {json.dumps(delta('a'))}\n\n")
        return peer.wait_gone()

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as provider:
        provider.complete(REQUEST, attempt())
        events = provider.stream(REQUEST, attempt())
        next(events)
        events.close()
        assert server.peers[1].gone.wait(WAIT)


def test_eight_idle_connections_are_kept_at_most():
    together = threading.Barrier(12)

    def answer(peer: Peer, asked: Asked) -> None:
        together.wait(WAIT)
        peer.reply(ANSWER)

    with serving(answer) as server, closing(LocalProvider("m", url=server.url)) as provider:
        threads = [
            threading.Thread(target=provider.complete, args=(REQUEST, attempt())) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert len(server.peers) == 12
        assert len(provider._http._idle) == 8
        kept = {line._socket.getsockname() for _, line, _ in provider._http._idle}
        for peer in server.peers:
            if peer.sock.fileno() >= 0 and _name(peer) not in kept:
                assert peer.gone.wait(WAIT), "the others are closed"
        provider.close()
        assert all(peer.gone.wait(WAIT) for peer in server.peers)


def _name(peer: Peer) -> object:
    try:
        return peer.sock.getpeername()
    except OSError:
        return None


def test_a_provider_that_was_closed_still_answers_and_keeps_nothing():
    with serving(pong) as server:
        provider = LocalProvider("m", url=server.url)
        provider.close()
        assert provider.complete(REQUEST, attempt()).message.text == "pong"
        assert server.peers[0].gone.wait(WAIT)


def test_a_connection_that_lay_long_is_not_used_again(monkeypatch):
    with serving(pong) as server, closing(LocalProvider("m", url=server.url)) as provider:
        provider.complete(REQUEST, attempt())
        monkeypatch.setattr(http_module, "_IDLE", 0.0)
        provider.complete(REQUEST, attempt())
    assert [asked.connection for asked in server.asked] == [0, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_takes_no_part_in_its_parents_conversations(monkeypatch):
    with serving(pong) as server, closing(LocalProvider("m", url=server.url)) as provider:
        provider.complete(REQUEST, attempt())
        here = os.getpid()
        monkeypatch.setattr(http_module.os, "getpid", lambda: here + 1)
        provider.complete(REQUEST, attempt())
    assert [asked.connection for asked in server.asked] == [0, 1]


# -- no connection ---------------------------------------------------------------------------


@pytest.fixture
def closed_port():
    with nobody() as port:
        yield port


def test_where_nobody_listens_the_error_says_what_to_type():
    with nobody() as port, pytest.raises(TransportError) as caught:
        ask(f"http://127.0.0.1:{port}")
    said = str(caught.value)
    assert (caught.value.sent, caught.value.retryable) == (False, True)
    for word in (f"http://127.0.0.1:{port}/v1", "ALTAR_LOCAL_URL", "ollama serve", "refused"):
        assert word in said


def test_a_server_that_accepts_nobody_is_given_up_in_time():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:  # until the queue is full, and a connection would have to wait
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        quick = Timeout(connect=0.05, read=0.05)
        with pytest.raises(ProviderTimeoutError):
            ask(f"http://127.0.0.1:{port}", timeout=quick)
        for sock in waiting:
            sock.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "https://127.0.0.1:9"])
def test_an_ipv4_or_secure_address_without_a_server_is_told(url):
    with pytest.raises(TransportError, match="no server at"):
        ask(url)


def test_a_switch_against_live_calls_is_asked_before_anything_is_sent():
    with live.forbid("Tests forbid it."), pytest.raises(ConfigurationError, match="Tests forbid"):
        ask("http://192.0.2.1/v1")
    with live.forbid("Tests forbid it."), serving(pong) as server:
        assert ask(server).message.text == "pong"


# -- time and cancellation -------------------------------------------------------------------


def silent(peer: Peer, asked: Asked) -> None:
    peer.wait_gone()


def half(peer: Peer, asked: Asked) -> None:
    peer.begin_events()
    peer.chunk(f"data: {json.dumps(delta('half'))}\n\n")
    peer.wait_gone()


def dripping(peer: Peer, asked: Asked) -> None:
    """A header that never ends: each byte comes in time."""
    peer.send("HTTP/1.1 200 OK\r\nX: ")
    while not peer.gone.wait(0.005):
        peer.send("y")


@pytest.mark.parametrize("handler", [silent, half, dripping])
def test_the_deadline_of_an_attempt_ends_it(handler):
    with serving(handler) as server, pytest.raises(ProviderTimeoutError, match="time was up"):
        with closing(LocalProvider("m", url=server.url)) as provider:
            fold(provider.stream(REQUEST, attempt(0.1)))


def test_an_attempt_whose_time_is_up_sends_nothing():
    with serving(pong) as server:
        with pytest.raises(ProviderTimeoutError) as caught:
            ask(server, seconds=-1.0)
    assert not caught.value.sent
    assert server.asked == []


def test_silence_is_given_up():
    with serving(silent) as server:
        with pytest.raises(ProviderTimeoutError, match=r"said nothing for 0\.05 seconds") as caught:
            ask(server, timeout=Timeout(connect=WAIT, read=0.05))
    assert caught.value.sent


def test_silence_in_the_middle_of_an_answer_is_given_up():
    with serving(half) as server, closing(LocalProvider("m", url=server.url)) as provider:
        events = provider.stream(REQUEST, attempt())
        while not isinstance(next(events), Delta):
            pass
        (watch,) = provider._http._busy
        watch.silence = 0.05
        with pytest.raises(ProviderTimeoutError, match="the answer stopped: .* for 0.05 seconds"):
            next(events)


@pytest.mark.parametrize("handler", [silent, half, dripping])
def test_a_raised_flag_ends_an_attempt_at_once(handler):
    flag = Cancellation()
    with serving(handler) as server, closing(LocalProvider("m", url=server.url)) as provider:

        def cancel() -> None:
            server.wait_asked()
            flag.cancel("enough")

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(TransportError, match="the run ended"):
            fold(provider.stream(REQUEST, attempt(flag=flag)))
        canceller.join(WAIT)
        assert server.peers[0].gone.wait(WAIT)
    assert flag._listeners == {}


def test_a_flag_that_is_up_already_lets_nothing_out():
    flag = Cancellation()
    flag.cancel()
    with serving(pong) as server, closing(LocalProvider("m", url=server.url)) as provider:
        with pytest.raises(TransportError) as caught:
            provider.complete(REQUEST, attempt(flag=flag))
        assert not caught.value.sent
        provider.complete(REQUEST, attempt())
        with pytest.raises(TransportError) as caught:  # on a connection that was kept
            provider.complete(REQUEST, attempt(flag=flag))
        assert not caught.value.sent
    assert len(server.asked) == 1


def test_a_flag_is_not_listened_to_when_the_answer_is_there():
    flag = Cancellation()
    with serving(pong) as server, closing(LocalProvider("m", url=server.url)) as provider:
        provider.complete(REQUEST, attempt(flag=flag))
        assert flag._listeners == {}
        flag.cancel()
        assert provider.complete(REQUEST, attempt()).message.text == "pong"
    assert [asked.connection for asked in server.asked] == [0, 0]


def test_a_flag_ends_nothing_on_a_connection_that_others_have_by_now():
    """Raised between the end of an answer and that of its attempt: another may be using the line."""
    flag = Cancellation()
    with serving(pong) as server, closing(LocalProvider("m", url=server.url)) as provider:
        keep = provider._http.keep

        def kept(*args: Any) -> None:
            keep(*args)
            flag.cancel()

        provider._http.keep = kept  # type: ignore[method-assign]
        assert provider.complete(REQUEST, attempt(flag=flag)).message.text == "pong"
        assert provider.complete(REQUEST, attempt()).message.text == "pong"
    assert [asked.connection for asked in server.asked] == [0, 0]


def test_a_stream_that_is_thrown_away_ends_wherever_the_collector_runs():
    """The collector may run in a thread that holds the lock its end takes."""
    with serving(half) as server, closing(LocalProvider("m", url=server.url)) as provider:
        events = provider.stream(REQUEST, attempt())
        while not isinstance(next(events), Delta):
            pass

        def collect() -> None:
            with provider._http._lock:
                events.close()

        collecting = threading.Thread(target=collect, daemon=True)
        collecting.start()
        collecting.join(WAIT)
        assert not collecting.is_alive()


# -- TLS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("no openssl to make a certificate with")
    return made


def test_a_secure_server_is_trusted_by_the_file_that_says_so(secure, monkeypatch):
    context, trusted = secure
    with serving(pong, tls=context) as server:
        with pytest.raises(TransportError, match="not trusted") as caught:
            ask(server)
        assert not caught.value.sent
        assert not caught.value.retryable
        assert "SSL_CERT_FILE" in caught.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with closing(LocalProvider("m", url=server.url)) as provider:
            for _ in range(3):
                assert provider.complete(REQUEST, attempt()).message.text == "pong"
    assert len({asked.connection for asked in server.asked}) < 3, "a connection was kept"


def test_a_plain_server_behind_https_and_the_reverse_are_told(secure):
    class Plain(Peer):
        def read_request(self):
            self.sock.recv(65_536)  # all of the hello: what is unread would reset the connection
            self.send("HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(pong) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.llm._sockets.Peer", Plain)
        with pytest.raises(TransportError, match="no TLS with") as caught:
            ask(server.url.replace("http:", "https:"))
    assert (caught.value.sent, caught.value.retryable) == (False, False)
    assert "plain HTTP" in caught.value.hint
    with serving(pong, tls=secure[0]) as server, pytest.raises(TransportError) as caught:
        ask(server.url.replace("https:", "http:"))
    assert "https" in str(caught.value) or "without an answer" in str(caught.value)


@pytest.mark.parametrize("handler", [silent, half])
def test_a_flag_reaches_a_secure_connection_too(handler, secure, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(secure[1]))
    flag = Cancellation()
    with serving(handler, tls=secure[0]) as server:
        with closing(LocalProvider("m", url=server.url)) as provider:

            def cancel() -> None:
                server.wait_asked()
                flag.cancel()

            threading.Thread(target=cancel).start()
            with pytest.raises(TransportError, match="the run ended"):
                fold(provider.stream(REQUEST, attempt(flag=flag)))


def test_a_flag_reaches_a_handshake_that_never_ends():
    """A server that accepts and says nothing: TLS waits for it."""
    flag = Cancellation()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted = threading.Event()

        def cancel() -> None:
            sock, _ = listening.accept()
            sock.recv(10)  # the hello of the client: the handshake has begun
            accepted.set()
            flag.cancel()
            sock.recv(100_000)
            sock.close()

        threading.Thread(target=cancel, daemon=True).start()
        port = listening.getsockname()[1]
        with closing(LocalProvider("m", url=f"https://127.0.0.1:{port}")) as provider:
            with pytest.raises(TransportError, match="the run ended") as caught:
                provider.complete(REQUEST, attempt(flag=flag))
    assert accepted.is_set()
    assert not caught.value.sent


# -- proxies ---------------------------------------------------------------------------------

FAR = "http://model.example:8000/v1"


class TunnelProxy(Server):
    """Connects whoever asks for it to ``target``, wherever they wanted to go."""

    def __init__(self, target: int, status: str = "200 Connected") -> None:
        self.target = target
        self.status = status
        super().__init__(self._tunnel)

    def _tunnel(self, peer: Peer, asked: Asked) -> bool:
        peer.send(f"HTTP/1.1 {self.status}\r\n\r\n")
        if not self.status.startswith("200"):
            return True
        with socket.create_connection(("127.0.0.1", self.target), WAIT) as far:
            back = threading.Thread(target=_pump, args=(far, peer.sock), daemon=True)
            back.start()
            _pump(peer.sock, far)
            back.join(WAIT)
        return True


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_far_server_is_asked_through_the_proxy_of_the_environment(monkeypatch):
    with serving(pong) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://us%40er:pass@127.0.0.1:{proxy.port}")
        assert ask(FAR, key="sesame").message.text == "pong"
    (asked,) = proxy.asked
    assert asked.target == "http://model.example:8000/v1/chat/completions"
    assert asked.headers["host"] == "model.example:8000"
    assert asked.headers["proxy-authorization"] == "Basic dXNAZXI6cGFzcw=="
    assert asked.headers["authorization"] == "Bearer sesame"


def test_a_secure_server_is_asked_through_a_tunnel(secure, monkeypatch):
    """The proxy sees where to, and its own password; what is asked it does not see."""
    context, trusted = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setattr(Address, "is_loopback", False)
    with serving(pong, tls=context) as server:
        proxy = TunnelProxy(server.port)
        try:
            monkeypatch.setenv("ALL_PROXY", f"http://a:b@127.0.0.1:{proxy.port}")
            with closing(LocalProvider("m", url=server.url, key="sesame")) as provider:
                for _ in range(2):
                    assert provider.complete(REQUEST, attempt()).message.text == "pong"
        finally:
            proxy.close()
        assert server.asked[0].target == "/v1/chat/completions"
        assert server.asked[0].headers["authorization"] == "Bearer sesame"
        assert "proxy-authorization" not in server.asked[0].headers
    asked = proxy.asked[0]
    assert (asked.method, asked.target) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert asked.headers["proxy-authorization"] == "Basic YTpi"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("status", "retryable"), [("407 Proxy Authentication Required", False), ("502 Bad", True)]
)
def test_a_proxy_that_refuses_is_told_by_its_variable(status, retryable, monkeypatch):
    proxy = TunnelProxy(0, status)
    try:
        monkeypatch.setenv("https_proxy", f"http://user:hidden@127.0.0.1:{proxy.port}")
        with pytest.raises(TransportError) as caught:
            ask("https://model.example/v1")
    finally:
        proxy.close()
    said = str(caught.value)
    assert (caught.value.sent, caught.value.retryable) == (False, retryable)
    for word in (status, "https_proxy", "NO_PROXY=model.example"):
        assert word in said
    assert "hidden" not in said


def test_a_proxy_that_is_not_there_is_told_by_its_variable(monkeypatch, closed_port):
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{closed_port}")
    with pytest.raises(TransportError, match="through the proxy") as caught:
        ask(FAR)
    assert "HTTP_PROXY" in caught.value.hint


def test_this_machine_is_never_asked_through_a_proxy(monkeypatch, closed_port):
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with serving(pong) as server:
        assert ask(server).message.text == "pong"
        assert ask(f"http://localhost:{server.port}").message.text == "pong"


@pytest.mark.parametrize(
    ("excepted", "through"),
    [("", True), ("other.example", True), ("model.example", False), (".example", False),
     ("model.example:8000", False), ("model.example:1", True), ("*", False)],
)  # fmt: skip
def test_no_proxy_names_the_servers_that_are_asked_directly(excepted, through, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    found = proxy_for(Address.of(FAR, "url"))
    assert (found is not None) == through


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "https://127.0.0.1", "http://"])
def test_a_proxy_of_another_kind_is_refused_by_name(value, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ConfigurationError, match="ALL_PROXY names no http:// proxy"):
        ask(FAR)


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "path"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", "/v1/chat/completions"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1", "/v1/chat/completions"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1", "/v1/chat/completions"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1", "/v1/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "/v1/chat/completions"),
        ("HTTPS://Host.Example/api/v3", "https://host.example/api/v3", "/api/v3/chat/completions"),
        (
            "http://u:p@h:1/v1/chat/completions?api-version=2",
            "http://h:1/v1",
            "/v1/chat/completions?api-version=2",
        ),
    ],
)
def test_a_base_url_is_read_in_any_usual_form(url, shown, path):
    address = Address.of(url, "url")
    assert (address.shown, address.path) == (shown, path)


@pytest.mark.parametrize(
    "url", ["", "ftp://h/v1", "http://", "http://h:99999999", "http://h/a b", "http://[::1", "//"]
)
def test_what_is_no_address_is_refused_by_the_name_of_its_source(url):
    with pytest.raises(ConfigurationError, match="ALTAR_LOCAL_URL"):
        Address.of(url, "ALTAR_LOCAL_URL")


def test_user_and_password_of_a_url_are_sent_and_never_shown(closed_port):
    with serving(pong) as server:
        url = server.url.replace("//", "//me:hidden@")
        ask(url)
        with pytest.raises(TransportError) as caught:
            ask(url.replace(str(server.port), str(closed_port)))
    assert server.asked[0].headers["authorization"] == "Basic bWU6aGlkZGVu"
    assert "hidden" not in str(caught.value)
