"""Imported operations on the wire: TLS, kept connections, answers that break, traces."""

from __future__ import annotations

import contextlib
import gc
import gzip
import json
import time
import weakref

import pytest

import altar
from altar import trace
from altar_extras.openapi import Document, Limits, import_tools
from tests.llm._sockets import certificate, serving
from tests.waiting import soon

DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/it": {
            "get": {"operationId": "get", "responses": {}},
            "post": {
                "operationId": "post",
                "responses": {},
                "requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}},
            },
        }
    },
    "components": {"securitySchemes": {"k": {"type": "http", "scheme": "bearer"}}},
}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"


def session_of(server, **options):
    return altar.Session(import_tools(DOCUMENT, server=server.url, **options))


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("needs openssl")
    return made


def test_tls_is_checked_and_its_waits_are_taken_up_again(tls, monkeypatch):
    context, cert = tls

    def slowly(peer, asked):
        for piece in (OK[:30], OK[30:] + b"t", b"rue"):
            time.sleep(0.05)
            time.sleep(0.01)
            peer.sock.sendall(piece)

    with serving(slowly, tls=context) as server:
        error = session_of(server).execute("get").error
        assert error.type == "SERVICE_UNAVAILABLE"
        assert "CertVerification" in error.message
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        session = session_of(server)
        assert session.execute("get").unwrap() is True
        assert session.execute("post", {"body": "x" * 3_000_000}).unwrap() is True
        assert len(server.asked[-1].body) == 3_000_000


def test_a_connection_that_was_closed_while_idle_is_replaced():
    def once(peer, asked):
        peer.sock.sendall(OK + b"true")
        return True

    with serving(once) as server:
        session = session_of(server)
        for name in ("post", "post", "get"):
            if name == "post" and server.peers:
                assert server.peers[-1].gone.wait(30)
            assert session.execute(name, {}).unwrap() is True
        assert len(server.asked) == 3


def test_a_request_that_may_have_been_heard_is_not_sent_again():
    def drop(peer, asked):
        if len(server.asked) == 1:
            peer.sock.sendall(OK + b"true")
            return None
        return True

    with serving(drop) as server:
        session = session_of(server)
        assert session.execute("post", {"body": "x"}).ok
        assert session.execute("post", {"body": "x"}).error.type == "SERVICE_UNAVAILABLE"
        assert len(server.asked) == 2


TWO = {
    **DOCUMENT,
    "paths": {
        f"/{name}": {"get": {"operationId": name, "responses": {}}} for name in ("early", "late")
    },
}


def test_a_call_never_gets_the_answer_of_another_that_was_announced_first():
    def announce(peer, asked):
        peer.sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2)
        if asked.target.endswith("early"):
            time.sleep(0.03)
        peer.reply(f'"{asked.target[-5:]}"')

    with serving(announce) as server:
        tools = import_tools(TWO, server=server.url)
        assert altar.Session(tools).execute("early").unwrap() == "early"
        assert altar.Session(tools).execute("late").unwrap() == "/late"
        assert len(server.peers) == 1


def test_a_server_that_changes_the_protocol_is_hung_up_on():
    def switch(peer, asked):
        peer.sock.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n")

    with serving(switch) as server:
        session = session_of(server)
        assert session.execute("get").error.type == "SERVICE_UNAVAILABLE"
        assert session.execute("get").error.type == "SERVICE_UNAVAILABLE"
        assert len(server.peers) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (CHUNKED + b"-1\r\n", "SERVICE_UNAVAILABLE"),
        (CHUNKED + b"-5\r\n", "SERVICE_UNAVAILABLE"),
        (CHUNKED + b"0\r\n", "RESOURCE_EXHAUSTED"),  # trailers without end
        (b"HTTP/1.1 102 Processing\r\n\r\n", "RESOURCE_EXHAUSTED"),
    ],
)
def test_nothing_around_a_body_goes_past_its_bound(start, kind):
    again = start if b" 102 " in start else b"A: " + b"b" * 60_000 + b"\r\n"

    def on_and_on(peer, asked):
        peer.sock.sendall(start)
        with contextlib.suppress(OSError):
            for _ in range(4_000_000 // len(again)):
                peer.sock.sendall(again)
        return True

    with serving(on_and_on) as server:
        session = session_of(server, limits=Limits(response_bytes=10_000))
        assert session.execute("get").error.type == kind


def test_what_an_import_made_is_let_go_with_it():
    with serving(lambda peer, asked: peer.reply("1")) as server:
        session = session_of(server)
        assert session.execute("get").ok
        gone = weakref.ref(session)
        del session

        def is_gone():  # a thread may let go of it a moment later
            gc.collect()
            return gone() is None

        assert soon(is_gone)
        assert server.peers[0].gone.wait(30)


SECRET = "ab+c/d=<xyz>ab+c/d="
ESCAPED = SECRET.replace("+", r"\u002B").replace("<", r"\u003C").replace(">", r"\u003E")


@pytest.mark.parametrize("status", ["200 OK", "400 No"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("application/json", json.dumps({"echo": SECRET, SECRET: [SECRET]}).encode("utf-16")),
        ("application/json", ('{"e": "%s"}' % SECRET.replace("+", "\\u002b")).encode()),
        ("application/json", ('{"e": "%s"}' % SECRET.replace("/", "\\/")).encode()),
        ("text/plain; charset=utf-16", SECRET.encode("utf-16")),
        ("text/plain", ESCAPED.encode()),
        ("application/octet-stream", b"\0" + SECRET.encode("utf-16-le")),
    ],
)
def test_a_secret_shows_in_no_spelling_that_a_server_may_echo(status, kind, said):
    with serving(lambda peer, asked: peer.reply(said, status=status, kind=kind)) as server:
        document = {**DOCUMENT, "security": [{"k": []}]}
        tools = import_tools(document, server=server.url, secrets={"k": SECRET})
        result = altar.Session(tools).execute("get")
    shown = str(getattr(result.value, "data", result.to_dict()))
    assert "xyz" not in shown.replace("\\x00", "")


def test_a_secret_of_digits_changes_no_number():
    said = {"id": 20251234, "text": "1234"}
    with serving(lambda peer, asked: peer.reply(said)) as server:
        document = {**DOCUMENT, "security": [{"k": []}]}
        tools = import_tools(document, server=server.url, secrets={"k": "1234"})
        result = altar.Session(tools).execute("get").unwrap()
    assert result == {"id": 20251234, "text": "[secret]"}


PACKED = gzip.compress(b"[" + b"1," * 5000 + b"1]", mtime=0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "SERVICE_UNAVAILABLE"),
        (b"nonsense\r\n\r\n", "SERVICE_UNAVAILABLE"),
        (b"", "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nx", "TOOL_EXECUTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx" + PACKED, "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + PACKED[:20], "SERVICE_UNAVAILABLE"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000, "RESOURCE_EXHAUSTED"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[x\r\n\r\n", "TOOL_EXECUTION_FAILED"),
        (b"HTTP/1.1 302 Found\r\nLocation: /a b\r\n\r\n", "TOOL_EXECUTION_FAILED"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /it\r\nContent-Length: 0\r\n\r\n",
            "TOOL_EXECUTION_FAILED",
        ),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "TOOL_EXECUTION_FAILED"),
        (
            b'HTTP/1.1 400 No\r\nContent-Type: application/json\r\n\r\n{"error":{"type":[],"message":"m"}}',
            "PARAMETER_VALIDATION_FAILED",
        ),
        (
            b"HTTP/1.1 400 No\r\nContent-Type: application/json\r\n\r\n[1",
            "PARAMETER_VALIDATION_FAILED",
        ),
        (
            b'HTTP/1.1 500 No\r\nContent-Type: a/b+json\r\n\r\n{"error":{"type":"CANCELLED","message":"m"}}',
            "SERVICE_UNAVAILABLE",
        ),
    ],
)
def test_whatever_a_server_says_is_a_typed_error(answer, kind):
    def say(peer, asked):
        peer.sock.sendall(answer)
        return b"Content-Length: 0" not in answer

    with serving(say) as server:
        session = session_of(server, limits=Limits(response_bytes=10_000))
        assert session.execute("get").error.type == kind


def test_a_server_that_answers_before_it_has_read_is_heard():
    def early(peer, asked):
        peer.sock.sendall(
            b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        return True

    with serving(early) as server:
        error = session_of(server).execute("post", {"body": "x"}).error
        assert error.type == "PARAMETER_VALIDATION_FAILED"


def test_a_trace_of_a_signed_call_holds_no_secret():
    secret = "token-55aa77cc"

    def echo(peer, asked):
        said = json.dumps({"seen": asked.headers["authorization"]}).encode()
        size = str(len(said)).encode()
        head = b"HTTP/1.1 403 No\r\nContent-Type: application/json\r\nContent-Length: " + size
        peer.sock.sendall(head + b"\r\n\r\n" + said)

    document = {**DOCUMENT, "security": [{"k": []}]}
    sink = trace.MemorySink()
    with serving(echo) as server, trace.Tracer(sink, interval=60):
        tools = import_tools(document, server=server.url, secrets={"k": lambda: secret})
        result = altar.Session(tools).execute("get")
        assert server.asked[0].headers["authorization"] == f"Bearer {secret}"
    assert result.error.details["problem"] == {"seen": "Bearer [secret]"}
    spans = repr([(one.name, one.attributes, one.events) for one in sink.spans])
    assert sink.spans
    assert secret not in spans + repr(result.cause) + repr(vars(result.cause))


PAIR = [gzip.compress(part, mtime=0) for part in (b'{"a":', b"[1]}")]


@pytest.mark.parametrize(
    ("status", "body", "value"),
    [
        ("204 No Content", b"", None),
        ("200 OK", b"", None),
        ("200 OK", PAIR[0] + PAIR[1], {"a": [1]}),
    ],
)
def test_gzip_may_be_empty_or_in_several_members(status, body, value):
    packed = ["Content-Encoding: gzip"]
    say = {"status": status, "headers": packed}
    with serving(lambda peer, asked: peer.reply(body, **say)) as server:
        assert session_of(server).execute("get").unwrap() == value


def test_a_kept_connection_opens_no_host_to_who_may_not_go_there():
    with serving(lambda peer, asked: peer.reply("1")) as server:
        hostile = {**TWO, "servers": [{"url": server.url}]}
        named = {**DOCUMENT, "servers": [{"url": "/v1"}]}
        own = Document(named, url=f"{server.url}/openapi.json")
        session = altar.Session(import_tools(own, hostile))
        assert session.execute("get").ok
        assert session.execute("early").error.type == "PERMISSION_DENIED"


def test_fields_of_an_object_replace_no_secret_and_no_sibling():
    schemes = {
        "k": {"type": "apiKey", "in": "query", "name": "key"},
        "c": {"type": "apiKey", "in": "cookie", "name": "sid"},
    }
    shown = [("filter", "query", "object"), ("prefs", "cookie", "object"), ("n", "query", "string")]
    get = {
        "operationId": "get",
        "security": [{"k": [], "c": []}],
        "responses": {},
        "parameters": [
            {"name": name, "in": place, "schema": {"type": kind}} for name, place, kind in shown
        ],
    }
    document = {**DOCUMENT, "paths": {"/it": {"get": get}}}
    document["components"] = {"securitySchemes": schemes}
    with serving(lambda peer, asked: peer.reply("1")) as server:
        tools = import_tools(document, server=server.url, secrets={"k": "one", "c": "two"})
        session = altar.Session(tools)
        for bad in ({"filter": {"KEY": "x"}}, {"filter": {"n": "x"}}, {"prefs": {"sid": "x"}}):
            assert session.execute("get", bad).error.type == "PARAMETER_VALIDATION_FAILED"
        assert not server.asked
        good = {"filter": {"sid": "x", "filter": "y"}, "prefs": {"n": "z"}}
        assert session.execute("get", good).ok
        assert server.asked[0].target == "/v1/it?sid=x&filter=y&key=one"
