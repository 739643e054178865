"""Imported operations on the wire: TLS, kept connections, answers that break, traces."""

from __future__ import annotations

import gzip
import json
import time

import pytest

import altar
from altar import trace
from altar_extras.openapi import Limits, import_tools
from tests.llm._sockets import certificate, serving

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
                assert server.peers[-1].gone.wait(10)
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
