"""The client over HTTP against servers that answer as none should, and its own options."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from altar import Session
from altar.errors import ConfigurationError, ErrorType
from altar.mcp import Client, ClientOptions, McpError, connect
from altar.mcp._transport_params import param_headers, params_of
from altar.mcp._transport_sse import Event, EventReader, TooLongError
from tests.waiting import PATIENCE, soon

HANDSHAKE = "2025-11-25"
TEXT = {"content": [{"type": "text", "text": "worked"}]}


class Script(ThreadingHTTPServer):
    """A server whose answer to tools/call is ``self.act``; the rest is as it should be."""

    daemon_threads = True
    act: Callable[[Handler, dict], None]
    sessions = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.session = 0
        self.got: Callable[[Handler], None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/mcp"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Script

    def log_message(self, *_: object) -> None:
        pass

    def say(self, status: int, body: object = None, kind: str = "application/json", **more: str):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw = b"" if body is None else raw
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        if body is not None:
            self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def stream(self, *events: str, ended: bool = True) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write("".join(events).encode())
        self.close_connection = True

    def answer(self, asked: dict, result: object = TEXT) -> dict:
        return {"jsonrpc": "2.0", "id": asked["id"], "result": result}

    def note(self, method: str) -> None:
        heads = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, method, heads))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method = asked.get("method", "")
        self.note(method)
        if method == "initialize":
            self.server.session += 1
            told = {"protocolVersion": HANDSHAKE, "capabilities": {}, "serverInfo": {"name": "s"}}
            more = {"mcp_session_id": f"s{self.server.session}"} if self.server.sessions else {}
            self.say(200, self.answer(asked, told), **more)
        elif method == "tools/list":
            tools = [{"name": "work", "inputSchema": {"type": "object"}}]
            self.say(200, self.answer(asked, {"tools": tools}))
        elif method == "tools/call":
            self.server.act(self, asked)
        elif "id" in asked:
            error = {"code": -32601, "message": "no such method"}
            self.say(404, {"jsonrpc": "2.0", "id": asked["id"], "error": error})
        else:
            self.say(202)

    def do_GET(self) -> None:
        self.note("")
        if self.server.got is None:
            self.say(405)
        else:
            self.server.got(self)

    def do_DELETE(self) -> None:
        self.note("")
        self.say(204)


@pytest.fixture
def script() -> Iterator[Script]:
    with Script() as made:
        made.act = lambda handler, asked: handler.say(200, handler.answer(asked))
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield made
        made.shutdown()


def open_client(script: Script, **options: object) -> Client:
    options = {"version": HANDSHAKE, "timeout": PATIENCE, **options}
    bearer = options.pop("bearer", None)
    return connect(url=script.url, bearer=bearer, options=ClientOptions(**options))


def event(document: object, id_: str = "", retry: int | None = None) -> str:
    lines = [f"id: {id_}"] if id_ else []
    lines += [f"retry: {retry}"] if retry is not None else []
    data = "" if document is None else json.dumps(document)
    return "\n".join([*lines, f"data: {data}", "", ""])


def cut_off(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
    handler.wfile.write(b"content-length: 99\r\n\r\n{")
    handler.close_connection = True


BAD = {
    "another type": (lambda h, a: h.say(200, b"<html>", "text/html"), "TOOL_EXECUTION_FAILED"),
    "no body": (lambda h, a: h.say(202), "TOOL_EXECUTION_FAILED"),
    "no json": (lambda h, a: h.say(200, b"{"), "TOOL_EXECUTION_FAILED"),
    "another id": (lambda h, a: h.say(200, h.answer({"id": 999})), "TOOL_EXECUTION_FAILED"),
    "too long": (lambda h, a: h.say(200, h.answer(a, {"x": "x" * 9000})), "RESOURCE_EXHAUSTED"),
    "long event": (lambda h, a: h.stream("data: " + "x" * 9000), "RESOURCE_EXHAUSTED"),
    "no answer": (lambda h, a: h.stream(": hello\n\n"), "SERVICE_UNAVAILABLE"),
    "garbage": (lambda h, a: h.stream("data: {\n\ndata: 7\n\n"), "SERVICE_UNAVAILABLE"),
    "cut off": (lambda h, a: cut_off(h), "SERVICE_UNAVAILABLE"),
    "no http": (lambda h, a: h.wfile.write(b"SSH-2.0\r\n\r\n"), "SERVICE_UNAVAILABLE"),
    "401": (lambda h, a: h.say(401), "PERMISSION_DENIED"),
    "403": (lambda h, a: h.say(403, {"no": "json-rpc"}), "PERMISSION_DENIED"),
    "429": (lambda h, a: h.say(429, retry_after="7"), "RATE_LIMIT_EXCEEDED"),
    "500": (lambda h, a: h.say(500), "SERVICE_UNAVAILABLE"),
    "elsewhere": (
        lambda h, a: h.say(307, location="http://localhost:1/mcp"),
        "PERMISSION_DENIED",
    ),
    "in circles": (lambda h, a: h.say(307, location="/mcp"), "TOOL_EXECUTION_FAILED"),
    "a get": (lambda h, a: h.say(303, location="/mcp"), "TOOL_EXECUTION_FAILED"),
}


@pytest.mark.parametrize("how", list(BAD))
def test_an_answer_that_is_none_is_a_typed_error_and_the_next_call_works(script: Script, how: str):
    act, kind = BAD[how]
    with open_client(script, max_message=8000) as client:
        session = Session(tools=[client])
        script.act, good = act, script.act
        error = session.execute("work", {}).error
        assert error.type == kind, error.message
        if how == "429":
            assert error.retry_after_ms == 7000
        script.act = good
        assert session.execute("work", {}).content == "worked"


def test_a_redirect_on_the_same_origin_is_followed(script: Script):
    def act(handler: Handler, asked: dict) -> None:
        if handler.path == "/mcp":
            handler.say(308, location="/moved")
        else:
            handler.say(200, handler.answer(asked))

    script.act = act
    with open_client(script) as client:
        assert Session(tools=[client]).execute("work", {}).content == "worked"


def test_a_stream_that_breaks_off_is_taken_up_again_where_it_was(script: Script):
    waiting: list[dict] = []

    def act(handler: Handler, asked: dict) -> None:
        waiting.append(asked)
        handler.stream(event(None, "e1", 10))

    def got(handler: Handler) -> None:
        if handler.headers.get("last-event-id") == "e1":
            handler.stream(event(handler.answer(waiting[0]), "e2"))
        else:
            handler.say(405)

    script.act, script.got = act, got
    with open_client(script) as client:
        assert Session(tools=[client]).execute("work", {}).content == "worked"


def test_a_session_the_server_forgot_is_begun_anew_and_the_call_made_again(script: Script):
    def act(handler: Handler, asked: dict) -> None:
        if handler.headers["mcp-session-id"] == "s1":
            handler.say(404)
        else:
            handler.say(200, handler.answer(asked))

    script.act = act
    with open_client(script) as client:
        assert Session(tools=[client]).execute("work", {}).content == "worked"
    gone = ("DELETE", "s2")
    assert soon(lambda: gone in [(how, one.get("mcp-session-id")) for how, _, one in script.seen])


def test_each_request_carries_version_session_token_and_headers(script: Script):
    tokens = iter(["one", "two", "three", "four", "five", "six", "seven", "eight"])
    with open_client(script, bearer=lambda: next(tokens), headers={"X-Team": "a"}) as client:
        Session(tools=[client]).execute("work", {})
    seen = [*script.seen]
    heads = {method: found for how, method, found in seen if how == "POST"}
    assert "mcp-protocol-version" not in heads["initialize"]
    call = heads["tools/call"]
    assert call["mcp-protocol-version"] == HANDSHAKE
    assert call["mcp-session-id"] == "s1"
    assert call["x-team"] == "a"
    assert call["authorization"].startswith("Bearer ")
    assert len({found["authorization"] for _, _, found in seen}) == len(seen)


def test_a_refused_token_is_told_at_once_and_never_shown(script: Script):
    script.sessions = False
    with (
        pytest.raises(McpError) as caught,
        connect(url=script.url, bearer="s3cret") as client,
    ):
        script.act = lambda handler, _: handler.say(401)
        client.request("tools/call", {"name": "work"})
    assert caught.value.type == ErrorType.PERMISSION_DENIED
    assert caught.value.status == 401
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(McpError, match="cannot be reached") as caught:
        connect(url="http://127.0.0.1:9/mcp").tools()
    assert caught.value.type == ErrorType.SERVICE_UNAVAILABLE


def test_a_question_on_the_standing_stream_is_answered(script: Script):
    standing: list[Handler] = []
    waiting: list[tuple[Handler, dict]] = []
    told = threading.Event()
    opened = threading.Event()

    def got(handler: Handler) -> None:
        standing.append(handler)
        ask = {"method": "elicitation/create", "params": {"message": "Sure?"}, "id": "q"}
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.close_connection = True
        opened.set()
        told.wait(PATIENCE)
        handler.wfile.write(event({"jsonrpc": "2.0", **ask}).encode())
        handler.wfile.flush()
        answered.wait(PATIENCE)

    def act(handler: Handler, asked: dict) -> None:
        waiting.append((handler, asked))
        opened.wait(PATIENCE)
        told.set()
        answered.wait(PATIENCE)
        handler.say(200, handler.answer(asked))

    answered = threading.Event()
    script.got, script.act = got, act

    def answer(_: object) -> bool:
        answered.set()
        return True

    with connect(url=script.url, elicit=answer, options=ClientOptions(version=HANDSHAKE)) as client:
        assert Session(tools=[client]).execute("work", {}).content == "worked"
    assert answered.is_set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of the two"),
        ({"command": ["x"], "url": "http://x"}, "one of the two"),
        ({"command": "python server.py"}, "list of texts"),
        ({"command": ["x"], "bearer": "t"}, "is for a url"),
        ({"url": "ftp://x"}, "no address"),
        ({"url": "http://u:p@x/"}, "bearer"),
        ({"url": "http://x", "bearer": "a\nb"}, "token"),
        ({"url": "http://x", "elicit": 7}, "function"),
        ({"url": "http://x", "trust": 1}, "True or False"),
        ({"url": "http://x", "options": {}}, "ClientOptions"),
    ],
)
def test_options_that_cannot_be_are_refused_with_what_to_type(options: dict, words: str):
    with pytest.raises(ConfigurationError, match=words):
        connect(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"connect_timeout": True},
        {"max_message": 0},
        {"version": "2030-01-01"},
        {"approve": "maybe"},
        {"headers": {"a": "b\r\nc"}},
        {"env": {"A": 1}},
        {"restart": "yes"},
        {"prefix": 1},
    ],
)
def test_client_options_that_cannot_be_are_refused(options: dict):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        ClientOptions(**options)


def test_events_are_read_whatever_the_pieces():
    text = (
        b"\xef\xbb\xbf: hi\r\nid: 1\nretry: 20\ndata: a\ndata: b\n\nevent: x\rdata:\r\rdata: z\n\n"
    )
    for size in (1, 2, 3, 7, 100):
        reader = EventReader(100)
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = [one for piece in pieces for one in reader.feed(piece)]
        assert found == [Event("message", "a\nb"), Event("x", ""), Event("message", "z")]
        assert (reader.last_id, reader.retry) == ("1", 20)
    with pytest.raises(TooLongError):
        EventReader(10).feed(b"data: 0123456789")


def test_arguments_are_repeated_in_headers_where_the_schema_wants_it():
    schema = {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "in": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "data": {"type": "object", "default": {"x-mcp-header": 7}},
        },
    }
    mirrored = params_of(schema)
    assert mirrored == {("region",): "Region", ("in", "n"): "N"}
    assert param_headers(mirrored, {"region": "é", "in": {"n": 3}}) == {
        "mcp-param-region": "=?base64?w6k=?=",
        "mcp-param-n": "3",
    }
    assert param_headers(mirrored, {"in": 7}) is None
    for bad in (
        {"items": {"x-mcp-header": "A"}},
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A b"}}},
        {"properties": {n: {"type": "string", "x-mcp-header": n} for n in ("a", "A")}},
    ):
        assert isinstance(params_of(bad), str)
