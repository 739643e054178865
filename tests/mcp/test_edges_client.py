"""The client at its edges: proxies, TLS, odd streams and answers, odd questions, versions."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from altar import Session
from altar.errors import ConfigurationError, ErrorType
from altar.mcp import Client, ClientOptions, McpError, Question, connect
from altar.mcp._client_loop import LoopThread
from tests.mcp.hostile import HANDSHAKE, Wicked, over_http, over_stdio, wicked
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

OK = {"content": [{"type": "text", "text": "ok"}]}
HOST = "mcp.example"


def fine(server: Wicked, asked: dict[str, Any]) -> bytes:
    return server.json(asked, OK)


def work(client: Client) -> Any:
    return Session(tools=[client]).execute("work", {})


# -- proxies and TLS -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for HOST and 127.0.0.1, and the file that makes it trusted."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = f"subjectAltName=IP:127.0.0.1,DNS:{HOST}"
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x -addext {names}"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


class Proxy:
    """An HTTP proxy whose every place is one port of this machine."""

    def __init__(self, port: int, said: bytes) -> None:
        self.port, self.said = port, said
        self.heads: list[str] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://me:secret@127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self.socket.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError), line:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += line.recv(1)
            self.heads.append(head.decode())
            with socket.create_connection(("127.0.0.1", self.port)) as there:
                if head.startswith(b"CONNECT"):
                    line.sendall(self.said)
                else:
                    there.sendall(head)
                back = threading.Thread(target=_copy, args=(there, line), daemon=True)
                back.start()
                _copy(line, there)
                back.join(PATIENCE)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(
    monkeypatch: pytest.MonkeyPatch, port: int, said: bytes = b"HTTP/1.1 200 Go\r\n\r\n"
) -> Iterator[Proxy]:
    proxy = Proxy(port, said)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    try:
        yield proxy
    finally:
        proxy.socket.close()


@contextmanager
def behind_tls(server: Wicked, context: ssl.SSLContext) -> Iterator[int]:
    """The port where TLS is taken off, and the rest handed to the server."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = server.url.split("/")[2].split(":")
        there = await asyncio.open_connection(host, int(port))

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
            sink.close()

        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    started, here = threading.Event(), {}

    async def main() -> None:
        here["loop"], here["stop"] = asyncio.get_running_loop(), asyncio.Event()
        made = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
        here["port"] = made.sockets[0].getsockname()[1]
        started.set()
        await here["stop"].wait()
        made.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield here["port"]
    finally:
        here["loop"].call_soon_threadsafe(here["stop"].set)
        thread.join(PATIENCE)


def at(url: str, **options: Any) -> Client:
    return connect(url=url, options=ClientOptions(version=HANDSHAKE, timeout=PATIENCE, **options))


def test_a_plain_server_is_asked_through_the_proxy_with_its_password(
    monkeypatch: pytest.MonkeyPatch,
):
    with wicked(fine) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with proxied(monkeypatch, port) as proxy, at(f"http://{HOST}/mcp") as client:
            assert work(client).content == "ok"
        assert proxy.heads[0].startswith(f"POST http://{HOST}/mcp HTTP/1.1\r\n")
        assert "proxy-authorization: Basic " in proxy.heads[0]


def test_a_server_behind_tls_is_asked_through_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, trusted: tuple[ssl.SSLContext, Path]
):
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted[1]))
    with wicked(fine) as server, behind_tls(server, trusted[0]) as port:
        with proxied(monkeypatch, port) as proxy, at(f"https://{HOST}/mcp") as client:
            assert work(client).content == "ok"
        assert proxy.heads[0].startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic " in proxy.heads[0]
        assert "proxy-authorization" not in "".join(server.heads).lower()
        with at(f"https://127.0.0.1:{port}/mcp") as client:
            assert work(client).content == "ok"


def test_a_certificate_nobody_trusts_is_no_server(trusted: tuple[ssl.SSLContext, Path]):
    with wicked(fine) as server, behind_tls(server, trusted[0]) as port:
        with pytest.raises(McpError) as caught, at(f"https://127.0.0.1:{port}/mcp"):
            pass
    assert caught.value.type == ErrorType.SERVICE_UNAVAILABLE
    assert not server.heads


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"HTTP/1.1 407 Who\r\n\r\n", ErrorType.PERMISSION_DENIED),
        (b"HTTP/1.1 502 Bad\r\n\r\n", ErrorType.SERVICE_UNAVAILABLE),
        (b"SSH-2.0\r\n\r\n", ErrorType.SERVICE_UNAVAILABLE),
    ],
)
def test_a_proxy_that_says_no_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, said: bytes, kind: str
):
    with wicked(fine) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with proxied(monkeypatch, port, said):
            with pytest.raises(McpError) as caught, at("https://[2001:db8::1]/mcp"):
                pass
    assert caught.value.type == kind
    assert "secret" not in str(caught.value)


# -- answers over HTTP -----------------------------------------------------------------------


def raw(status: str, body: bytes = b"", *lines: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "\r\n"])
    return head.encode() + body


def failure(code: int, message: str) -> bytes:
    error = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()


JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (raw("401 No", failure(-1, "which token"), JSON), ErrorType.PERMISSION_DENIED),
        (raw("404 No", failure(-32600, "no such path"), JSON), ErrorType.TOOL_EXECUTION_FAILED),
        (raw("404 No", failure(-32601, "no method"), JSON), ErrorType.TOOL_NOT_FOUND),
        (
            raw("400 No", b'{"jsonrpc":"2.0","id":1,"result":{}}', JSON),
            ErrorType.TOOL_EXECUTION_FAILED,
        ),
        (raw("400 No", b"{", JSON), ErrorType.TOOL_EXECUTION_FAILED),
        (raw("200 OK", b"{}", JSON, "Two\r\nthree"), ErrorType.TOOL_EXECUTION_FAILED),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", ErrorType.SERVICE_UNAVAILABLE),
        (b"HTTP/1.1 103 Early\r\n\r\n" + raw("503 Later"), ErrorType.SERVICE_UNAVAILABLE),
    ],
)
def test_an_answer_that_is_no_success_is_a_typed_error(said: bytes, kind: str):
    with wicked(lambda *_: said) as server, over_http(server) as client:
        assert work(client).error.type == kind


def test_a_forgotten_session_that_is_told_in_json_is_begun_anew():
    said = [raw("404 No", failure(-32001, "Session not found"), JSON)]
    with wicked(lambda server, asked: said.pop() if said else fine(server, asked)) as server:
        server.session = b"s1"
        with over_http(server) as client:
            assert work(client).content == "ok"
    assert sum("mcp-session-id" not in head.lower() for head in server.heads) == 2


def event(document: object, *lines: str) -> bytes:
    return "\n".join([*lines, f"data: {json.dumps(document)}", "", ""]).encode()


def stream(*events: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return head + b"".join(events)


def test_events_of_other_names_and_of_other_answers_are_passed_over():
    def call(server: Wicked, asked: dict[str, Any]) -> bytes:
        other = {"jsonrpc": "2.0", "id": 999, "result": {}}
        note = {"jsonrpc": "2.0", "method": "notifications/odd"}
        mine = {"jsonrpc": "2.0", "id": asked["id"], "result": OK}
        odd = event(mine, "event: endpoint", "retry: x", "id: a\0b", "odd: line")
        return stream(b"\xef\xbb\xbf:\r\n\r\n", odd, event(other), event(note), event(mine))

    with wicked(call) as server, over_http(server) as client:
        assert work(client).content == "ok"


@pytest.mark.parametrize("got", ["500", "405", "nothing"])
def test_a_stream_that_cannot_be_taken_up_again_ends_its_call(got: str):
    cut = stream(b"retry: 1\nid: 7\ndata:\n\n")
    answers = {"500": raw("500 No"), "405": raw("405 No"), "nothing": stream()}
    with wicked(lambda *_: cut) as server, over_http(server) as client:
        server.got = lambda: answers[got]
        assert work(client).error.type == ErrorType.SERVICE_UNAVAILABLE
    assert any("last-event-id: 7" in head.lower() for head in server.heads)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_token_may_be_made_for_each_request(is_async: bool):
    count = iter(range(100))

    async def later() -> str:
        return f"token-{next(count)}"

    bearer: Callable[[], Any] = later if is_async else lambda: f"token-{next(count)}"
    with wicked(fine) as server, over_http(server, bearer=bearer) as client:
        assert work(client).content == "ok"
    tokens = [
        line for head in server.heads for line in head.split("\r\n") if "bearer" in line.lower()
    ]
    assert len(tokens) == len(set(tokens)) == len(server.heads)


# -- questions -------------------------------------------------------------------------------

ASK = """
def call(m):
    ask("q", **PARAMS)
    ans(m, text(json.dumps({k: v for k, v in heard().items() if k in ("result", "error")})))
"""
FORM = {"type": "object", "properties": {"n": {"type": "integer", "default": 3}, "odd": True}}


class Later:
    """An object whose calls are awaited."""

    async def __call__(self, question: Question) -> dict[str, Any]:
        return {"n": 5}


async def _nothing(question: Question) -> None:
    return None


def _fails(question: Question) -> None:
    raise McpError("not today", code=-5)


@pytest.mark.parametrize(
    ("params", "elicit", "said"),
    [
        ({"message": "m", "requestedSchema": FORM}, lambda _: True, {"content": {"n": 3}}),
        ({"message": "m", "requestedSchema": FORM}, lambda _: None, {"action": "cancel"}),
        ({"message": "m", "requestedSchema": FORM}, lambda _: False, {"action": "decline"}),
        ({"message": "m", "requestedSchema": FORM}, Later(), {"content": {"n": 5}}),
        ({"message": "m", "requestedSchema": FORM}, _nothing, {"action": "cancel"}),
        ({"message": "m", "requestedSchema": FORM}, lambda _: 7, {"code": -32603}),
        ({"message": "m", "requestedSchema": FORM}, lambda _: {"n": "x"}, {"code": -32603}),
        ({"message": "m", "requestedSchema": FORM}, _fails, {"code": -5}),
        ({"message": 7, "requestedSchema": 7}, lambda _: True, {"content": {}}),
        ({"message": "m", "requestedSchema": {"properties": 7}}, lambda _: True, {"content": {}}),
        (
            {"message": "m", "requestedSchema": {"type": 7}},
            lambda _: {"a": 1},
            {"content": {"a": 1}},
        ),
        ({"mode": "url", "url": "https://[a"}, lambda _: True, {"code": -32602}),
        ({"mode": "url", "url": "https://a.b/"}, lambda _: True, {"action": "accept"}),
        ({"mode": "url", "url": "https://a.b/"}, lambda _: {"x": 1}, {"action": "accept"}),
    ],
)
def test_what_a_person_says_is_told_as_the_wire_has_it(params: Any, elicit: Any, said: Any):
    with over_stdio(ASK.replace("PARAMS", repr(params)), elicit=elicit) as client:
        found = json.loads(work(client).content)
    told = found.get("result", found.get("error"))
    assert told.items() >= said.items()


def test_an_answer_may_be_awaited_in_the_loop_of_the_application():
    loops: list[object] = []

    async def elicit(question: Question) -> bool:
        loops.append(asyncio.get_running_loop())
        return True

    async def main() -> None:
        body = ASK.replace("PARAMS", repr({"message": "m"}))
        async with over_stdio(body, elicit=elicit) as client:
            said = await Session(tools=[client]).aexecute("work", {})
            assert "accept" in said.content
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(main())


# -- lines, versions, lists ------------------------------------------------------------------


def test_odd_lines_of_a_server_are_nobodys_and_the_call_is_answered():
    body = """
def call(m):
    raw("")
    raw("[]")
    put({"id": None, "error": {"code": 1, "message": "x"}})
    put({"method": "notifications/cancelled", "params": {"requestId": "none"}})
    put({"method": "notifications/cancelled", "params": {"requestId": [1]}})
    put({"method": "notifications/progress", "params": {"progressToken": [1]}})
    put({"method": "notifications/progress", "params": {"progressToken": 999}})
    put({"method": "notifications/odd"})
    put({"id": 999, "result": {}})
    ans(m, text("ok"))
    ans(m, text("again"))
"""
    with over_stdio(body) as client:
        assert work(client).content == "ok"
        assert work(client).content == "ok"


def test_a_long_line_fails_no_other_call():
    body = """
def call(m):
    raw("x" * 5000)
    raw(json.dumps({"jsonrpc": "2.0", "id": 999, "result": "x" * 5000}))
    ans(m, text("ok"))
"""
    with over_stdio(body, max_message=2000) as client:
        assert work(client).content == "ok"


def test_a_server_that_ends_by_a_signal_is_told_so():
    body = "def call(m): os.kill(os.getpid(), 9)"
    with over_stdio(body) as client:
        assert "SIGKILL" in work(client).error.message


def test_a_server_that_closes_its_output_is_there_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("altar.mcp._transport_stdio._LAST_WORDS", 0.05)
    body = "def call(m):\n    os.close(1)\n    time.sleep(0.3)"
    with over_stdio(body) as client:
        assert work(client).error.type == ErrorType.SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"supportedVersions": ["1999-01-01"]}, "no version"),
        ({"supportedVersions": "2026-07-28"}, "no version"),
        ({"supportedVersions": ["2026-07-28"], "_meta": 7, "capabilities": 7}, ""),
        ({"supportedVersions": ["2026-07-28"], "instructions": "Be kind."}, ""),
    ],
)
def test_what_a_server_of_2026_says_of_itself_is_read_with_care(told: Any, words: str):
    body = f"def discover(m): ans(m, {told!r})"
    body += "\ndef tools(m): ans(m, {'tools': [], 'resultType': 'complete'})"
    client = over_stdio(body, version="2026-07-28")
    if words:
        with pytest.raises(McpError, match=words), client:
            pass
        return
    with client:
        assert (client.version, client.server) == ("2026-07-28", {})
        assert client.instructions == told.get("instructions", "")


@pytest.mark.parametrize("kind", ["prompt", "", None, 7])
def test_a_kind_of_items_that_is_none_is_refused_with_those_that_are(kind: Any):
    with over_stdio("") as client, pytest.raises(ConfigurationError, match="resourceTemplates"):
        client.items(kind)


def test_a_server_without_a_list_has_none_and_one_that_breaks_it_is_told():
    body = """
def other(m):
    if m.get("method") == "prompts/list": err(m, -32601, "no")
    elif m.get("method") == "resources/list": ans(m, {"resources": 7})
    elif m.get("method") == "resources/templates/list": err(m, -32603, "no")
"""
    with over_stdio(body) as client:
        assert client.items("prompts") == []
        for kind in ("resources", "resourceTemplates"):
            with pytest.raises(McpError):
                client.items(kind)
        assert client.refresh() is False


def test_a_client_that_is_closed_is_used_no_more():
    client = over_stdio("")
    with client:
        assert "Client" in repr(client)
    client.close()
    with pytest.raises(McpError, match="closed"):
        client.request("ping")
    with pytest.raises(McpError, match="closed"):
        client.__enter__()


@pytest.mark.parametrize("way", ["thread", "task"])
def test_what_is_asked_of_a_loop_that_ends_meanwhile_is_answered(way: str):
    asked, begun = threading.Event(), threading.Event()
    said: list[BaseException] = []

    async def last() -> AsyncIterator[None]:
        try:
            yield
        finally:  # the loop has ended, and what it had; this is collected at its very end
            asked.set()
            while not begun.is_set():
                await asyncio.sleep(0)

    async def hold() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def nothing() -> None:
        pass

    def ask() -> None:
        try:
            asyncio.run(loop.arun(hold())) if way == "task" else loop.run(hold())
        except BaseException as error:
            said.append(error)

    async def begin() -> None:
        await anext(generator)

    loop, generator = LoopThread(nothing), last()
    loop.run(begin())
    loop.halt()
    assert asked.wait(PATIENCE)
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    loop.stop()
    ask()  # and when it has ended
    assert [(type(one), str(one)) for one in said] == [(McpError, "This MCP client is closed.")] * 2


@pytest.mark.parametrize("way", ["thread", "task"])
def test_what_a_loop_was_asked_in_its_last_moment_is_answered(way: str):
    """It had no turn left in which to begin, and was not closed yet."""
    ending, asked = threading.Event(), threading.Event()
    said: list[BaseException] = []

    class Loop(asyncio.SelectorEventLoop):
        def close(self) -> None:
            ending.set()
            asked.wait(PATIENCE)
            super().close()

        def call_soon_threadsafe(self, *args: Any, **options: Any) -> asyncio.Handle:
            try:
                return super().call_soon_threadsafe(*args, **options)
            finally:
                if ending.is_set():
                    asked.set()

    async def nothing() -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", Loop)
        loop = LoopThread(nothing)
    loop.halt()
    assert ending.wait(PATIENCE)

    def ask() -> None:
        try:
            asyncio.run(loop.arun(nothing())) if way == "task" else loop.run(nothing())
        except BaseException as error:
            said.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    assert [(type(one), str(one)) for one in said] == [(McpError, "This MCP client is closed.")]


@pytest.mark.parametrize(
    "make_it",
    [
        lambda: connect(url=7),  # type: ignore[arg-type]
        lambda: ClientOptions(prefix=7),  # type: ignore[arg-type]
        lambda: ClientOptions(approve="maybe"),
        lambda: ClientOptions(headers=7),  # type: ignore[arg-type]
        lambda: ClientOptions(version="1999-01-01"),
        lambda: ClientOptions(watch=1),  # type: ignore[arg-type]
    ],
)
def test_options_that_cannot_be_are_refused(make_it: Any):
    with pytest.raises(ConfigurationError):
        make_it()
