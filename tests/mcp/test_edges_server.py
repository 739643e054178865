"""The server at its edges: odd descriptors, odd heads, clients that stop halfway, odd inputs."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

import altar
from altar.bridge import Importer
from altar.errors import ConfigurationError
from altar.mcp import HttpOptions, Resource, Server, ServerOptions, elicit, serve
from tests.mcp.serving import INITIALIZE, META, Web, frame, listening, modern
from tests.mcp.small import make
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

posix = pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")


# -- stdin and stdout ----------------------------------------------------------------------


@contextmanager
def on_descriptors(
    server: Server,
    source: int,
    sink: int,
    grace: float = PATIENCE,
    make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> Iterator[threading.Thread]:
    """The server in this process on these, as its stdin and stdout; ends with its client.

    ``grace``: seconds for what still runs or was not read when there is no more to take.
    """
    kept = os.dup(0), os.dup(1)
    os.dup2(source, 0)
    os.dup2(sink, 1)
    os.close(source)
    if sink != source:
        os.close(sink)

    def serve() -> None:
        try:
            with asyncio.Runner(loop_factory=make_loop) as runner:
                runner.run(server.aserve())
        finally:  # so that the client sees the end
            for at, one in enumerate(kept):
                os.dup2(one, at)
                os.close(one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("altar.mcp._stdio._GRACE", grace)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield thread
        thread.join(2 * PATIENCE)
    assert not thread.is_alive()


def lines_of(link: socket.socket) -> list[Any]:
    """Every message until the server closes its end."""
    link.settimeout(PATIENCE)
    with link.makefile("rb") as reader:
        return [json.loads(line) for line in reader]


def line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


@posix
def test_one_socket_is_served_until_the_client_has_no_more_to_say():
    ours, its = socket.socketpair()
    last = line(modern("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, 2))
    with ours:
        end = its.detach()
        with on_descriptors(make(), end, end):
            ours.sendall(b"\n  \n" + line(modern("tools/list")) + last.rstrip(b"\n"))
            ours.shutdown(socket.SHUT_WR)
            found = lines_of(ours)
    assert [one["id"] for one in found] == [1, 2]
    assert found[1]["result"]["structuredContent"] == 3


@posix
def test_two_sockets_are_two_pipes():
    ours, source = socket.socketpair()
    theirs, sink = socket.socketpair()
    with ours, theirs, on_descriptors(make(), source.detach(), sink.detach()):
        ours.sendall(line(modern("tools/call", {"name": "count", "arguments": {"n": 1}})))
        ours.close()
        found = lines_of(theirs)
    assert found[0]["result"]["structuredContent"] == 1


@posix
def test_files_are_read_to_their_end_and_answered_into_another(tmp_path: Path):
    asked, said = tmp_path / "asked", tmp_path / "said"
    call = modern("tools/call", {"name": "count", "arguments": {"n": 2}}, "c")
    call["params"]["_meta"] = {**META, "progressToken": 7}
    asked.write_bytes(line(frame("ping")) + line(call))
    source = os.open(asked, os.O_RDONLY)
    with on_descriptors(make(), source, os.open(said, os.O_WRONLY | os.O_CREAT)):
        pass
    found = [json.loads(one) for one in said.read_text().splitlines()]
    assert [one.get("id", one.get("method")) for one in found] == [
        1,
        "notifications/progress",
        "notifications/progress",
        "c",
    ]


@posix
@pytest.mark.parametrize("broken", ["stdin", "stdout"])
def test_a_descriptor_that_fails_ends_the_server_in_order(tmp_path: Path, broken: str):
    (tmp_path / "file").write_bytes(line(frame("ping")))
    source = os.O_WRONLY if broken == "stdin" else os.O_RDONLY
    sink = os.O_WRONLY if broken == "stdin" else os.O_RDONLY
    (tmp_path / "out").touch()
    made = (os.open(tmp_path / "file", source), os.open(tmp_path / "out", sink))
    with on_descriptors(make(), *made):
        pass
    assert (tmp_path / "out").read_bytes() == b""


@posix
def test_what_reads_a_file_takes_nothing_of_another_that_has_its_number_later(tmp_path: Path):
    held, released = threading.Event(), threading.Event()
    readers: list[threading.Thread] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *args: Any, **options: Any) -> asyncio.Handle:
            handle = super().call_soon_threadsafe(*args, **options)
            if threading.current_thread().name == "altar-mcp-stdin" and not readers:
                readers.append(threading.current_thread())
                held.set()
                released.wait(PATIENCE)  # until the server has ended: then it reads on
            return handle

    (tmp_path / "file").write_bytes(line(frame("ping")))
    made = os.open(tmp_path / "file", os.O_RDONLY), os.open(tmp_path / "file", os.O_RDONLY)
    with on_descriptors(make(), *made, make_loop=Loop):  # it ends: nobody can write there
        assert held.wait(PATIENCE)
    later = [socket.socketpair() for _ in range(20)]
    try:
        for ours, theirs in later:
            ours.send(b"1")
            theirs.send(b"2")
        released.set()
        readers[0].join(PATIENCE)
        assert not readers[0].is_alive()
        for ours, theirs in later:
            ours.setblocking(False)
            theirs.setblocking(False)
            assert (ours.recv(2), theirs.recv(2)) == (b"2", b"1")
    finally:
        for pair in later:
            for end in pair:
                end.close()


@posix
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_a_server_that_is_cancelled_twice_writes_nothing_once_its_files_are_closed(
    tmp_path: Path, kind: str
):
    asked, said = os.pipe(), os.pipe()
    sink = said[1] if kind == "pipe" else os.open(tmp_path / "said", os.O_RDWR | os.O_CREAT)
    begun, ended = asyncio.Event(), threading.Event()
    later: list[socket.socket] = []  # they have the numbers that were its own

    @altar.tool
    async def stubborn() -> str:
        """Ends when it likes."""
        begun.set()
        while not ended.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)
        return "late"

    class Impatient(Server):
        async def aserve(self, *args: Any, **options: Any) -> None:
            serving = asyncio.ensure_future(super().aserve(*args, **options))
            await begun.wait()
            while not serving.done():  # at first it waits for the tool
                serving.cancel()
                await asyncio.sleep(0.005)
            for _ in range(20):
                later.extend(socket.socketpair())
            ended.set()
            running = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait(running, timeout=PATIENCE)

    os.write(asked[1], line(modern("tools/call", {"name": "stubborn"})))
    with on_descriptors(Impatient([stubborn]), asked[0], sink):
        pass
    heard = [end for end in later if select.select([end], [], [], 0)[0]]
    for end in later:
        end.close()
    assert (len(later), heard) == (40, [])
    os.close(asked[1])
    os.close(said[0])
    if kind == "file":
        os.close(said[1])
        assert (tmp_path / "said").read_bytes() == b""


@posix
@pytest.mark.parametrize("way", ["one socket", "pipes"])
def test_a_client_that_is_slow_to_read_has_to_wait_and_loses_nothing(way: str):
    ours, its = socket.socketpair()
    source, sink = its.detach(), None
    if way == "pipes":
        reading, sink = os.pipe()
    count, asked = 300, line(modern("tools/list"))

    def write() -> None:
        for _ in range(count):
            ours.sendall(asked)
        ours.shutdown(socket.SHUT_WR)

    with ours, on_descriptors(make(), source, source if sink is None else sink):
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        writer.join(0.05)  # nobody reads: the writer stands still
        if way == "pipes":
            with os.fdopen(reading, "rb") as reader:
                found = sum(1 for _ in reader)
        else:
            found = len(lines_of(ours))
        writer.join(PATIENCE)
    assert found == count


@posix
def test_a_client_that_dies_ends_the_server_and_what_runs():
    asked, source = os.pipe(), os.pipe()
    with on_descriptors(make(), asked[0], source[1], grace=0.5):
        os.write(asked[1], line(frame("initialize", INITIALIZE)))
        os.read(source[0], 65536)
        os.write(asked[1], line(frame("tools/call", {"name": "forever"}, 2)))
        os.close(source[0])
        os.close(asked[1])


@posix
def test_lines_that_are_too_long_are_refused_however_they_come():
    ours, its = socket.socketpair()
    with ours:
        end = its.detach()
        with on_descriptors(make(max_message=500), end, end):
            ours.sendall(b"x" * 400)
            for _ in range(3):  # in pieces
                ours.sendall(b"x" * 400)
                ours.settimeout(PATIENCE)
            assert b"larger than 500" in ours.recv(65536)
            ours.sendall(b"x\n" + b"y" * 600 + b"\n" + line(frame("ping")) + b"z" * 600)
            ours.shutdown(socket.SHUT_WR)
            found = lines_of(ours)
    told = [one.get("error", {}).get("code") for one in found]
    assert told == [-32600, None, -32600]


@posix
def test_changes_are_told_to_a_client_on_a_pipe():
    ours, its = socket.socketpair()
    server = make()
    with ours:
        end = its.detach()
        with on_descriptors(server, end, end), ours.makefile("rb") as reader:
            ours.settimeout(PATIENCE)
            server.tools_changed()  # before the handshake nobody is told
            ours.sendall(line(frame("initialize", INITIALIZE)))
            assert json.loads(reader.readline())["id"] == 1
            told = []
            for id_, method in enumerate(("resources/subscribe", "resources/unsubscribe")):
                ours.sendall(line(frame(method, {"uri": "notes://today"}, id_)))
                assert json.loads(reader.readline())["result"] == {}
                server.resource_updated("notes://today")
                server.resource_updated("notes://another")
                if id_ == 0:
                    told.append(json.loads(reader.readline())["method"])
            server.tools_changed()
            told.append(json.loads(reader.readline())["method"])
            ours.shutdown(socket.SHUT_WR)
    assert told == ["notifications/resources/updated", "notifications/tools/list_changed"]


# -- heads and bodies of HTTP ----------------------------------------------------------------


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with listening(make(page_size=2, instructions="Be kind.", max_message=4000)) as found:
        yield found


def head_of(*lines: str, method: str = "POST", version: str = "1.1") -> bytes:
    made = [f"{method} /mcp HTTP/{version}", "Host: localhost", *lines]
    return ("\r\n".join(made) + "\r\n\r\n").encode()


JSON = ("Content-Type: application/json", "Accept: application/json")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head_of("Content-Length: 5000", *JSON), 413),
        (head_of("Content-Length: 9000", method="GET"), 413),
        (head_of("Transfer-Encoding: gzip", *JSON), 400),
        (head_of("Transfer-Encoding: chunked", "Content-Length: 1", *JSON), 400),
        (head_of("Content-Length: -1", *JSON), 400),
        (head_of("no header", *JSON), 400),
        (head_of("Host: other", *JSON), 400),
        (head_of("X-Long: " + "x" * 40_000), 431),
        (b"POST /mcp HTTP/1.1\r\nX: " + b"x" * 40_000, 431),
        (head_of("Transfer-Encoding: chunked", *JSON) + b"x\r\n", 400),
        (head_of("Transfer-Encoding: chunked", *JSON) + b"1" * 1100, 400),
        (head_of("Transfer-Encoding: chunked", *JSON) + b"1\r\nxyz\r\n", 400),
        (head_of("Transfer-Encoding: chunked", *JSON) + b"fff\r\n" + b"x" * 4095 + b"\r\n", 413),
        (head_of(method="PUT", version="1.0"), 405),
        (head_of("Connection: close", "Content-Length: 0", *JSON), 400),
        (head_of("Origin: null", "Connection: close"), 403),
        (head_of("Host: [::1", "Connection: close"), 400),
        (b"GET /mcp HTTP/1.1\r\nHost: [::1\r\n\r\n", 403),
    ],
)
def test_what_cannot_be_taken_is_told_by_its_status(url: str, data: bytes, status: int):
    found = Web(url).raw(data)
    assert found.startswith(b"HTTP/1.1 %d" % status), found[:80]


def test_a_body_in_chunks_may_have_trailers_and_come_byte_by_byte(url: str):
    body = json.dumps(frame("ping")).encode()
    data = head_of("Transfer-Encoding: chunked", "Connection: close", "Expect: 100-continue", *JSON)
    data += b"%x;name=value\r\n%b\r\n0\r\nTrailer: one\r\n\r\n" % (len(body), body)
    place = Web(url).place
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), 7):
            link.sendall(data[at : at + 7])
        found = b""
        while piece := link.recv(65536):
            found += piece
    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400")
    assert b"Mcp-Session-Id is missing" in found


def test_a_client_of_http_1_0_that_keeps_its_connection_is_served_twice(url: str):
    body = json.dumps(modern("tools/list")).encode()
    own = ("Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list", *JSON)
    own += (f"Content-Length: {len(body)}",)
    data = head_of("Connection: keep-alive", *own, version="1.0") + body
    data += head_of(*own, version="1.0") + body
    assert Web(url).raw(data).count(b"HTTP/1.1 200 OK") == 2


def test_a_half_closed_connection_ends_without_a_request(url: str):
    assert Web(url).raw(b"POST /mcp HTTP/1.1\r\nHost", shut=True) == b""
    assert Web(url).raw(b"", shut=True) == b""


def test_bytes_after_a_refusal_are_not_read_as_a_request(url: str):
    place = Web(url).place
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as link:
        link.sendall(b"GARBAGE\r\n\r\n")
        found = link.recv(65536)
        with suppress(OSError):
            link.sendall(head_of(method="OPTIONS"))
        while piece := link.recv(65536):
            found += piece
    assert found.startswith(b"HTTP/1.1 400")
    assert found.count(b"Content-Length") == 1


@pytest.mark.parametrize("accept", [None, "text/html", "application/*;q=0.5", "*/*"])
def test_what_a_client_accepts_decides_whether_it_is_answered(url: str, accept: str | None):
    own = {"Accept": accept} if accept else {}
    body = json.dumps(frame("initialize", INITIALIZE)).encode()
    status, _, _ = Web(url).send("POST", body, {"Content-Type": "application/json"} | own)
    assert status == (200 if accept in ("*/*", "application/*;q=0.5") else 406)


def test_a_stream_is_given_once_and_to_those_that_accept_it(url: str):
    web = Web(url).open()
    own = {"Mcp-Session-Id": web.session or ""}
    assert web.send("GET", headers=own | {"Accept": "application/json"})[0] == 406
    assert web.send("GET", headers={"Accept": "text/event-stream"})[0] == 400
    place = web.place
    head = head_of(f"Mcp-Session-Id: {web.session}", "Accept: text/event-stream", method="GET")
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as link:
        link.sendall(head)
        assert b"text/event-stream" in link.recv(65536)
        assert web.send("GET", headers=own | {"Accept": "text/event-stream"})[0] == 409
        assert web.send("DELETE", headers=own)[0] == 200
        assert link.recv(65536).endswith(b"0\r\n\r\n")  # it ends with its session
    assert web.send("DELETE", headers=own)[0] == 404


def test_what_is_no_request_of_2026_is_refused_and_a_notification_taken(url: str):
    web = Web(url)
    own = {"Mcp-Protocol-Version": "2026-07-28"}
    note = {"jsonrpc": "2.0", "method": "notifications/odd"}
    assert web.post(note, own)[0] == 202
    status, _, said = web.post(note, {"Mcp-Protocol-Version": "2099-01-01"})
    assert (status, said["error"]["code"]) == (400, -32022)
    status, _, said = web.post({"jsonrpc": "2.0", "id": 1, "result": {}}, own)
    assert (status, said["error"]["code"]) == (400, -32600)
    assert web.post(modern("tools/list"))[0] == 400  # the header is missing
    status, _, said = web.post(frame("tools/list", {"_meta": 1}), own | {"Mcp-Method": "x"})
    assert (status, said["error"]["code"]) == (400, -32602)
    assert web.send("GET", headers=own)[0] == 405
    listen = modern("subscriptions/listen", {"notifications": {}})
    own |= {"Mcp-Method": "subscriptions/listen", "Accept": "application/json"}
    assert web.post(listen, own)[0] == 406


def test_who_is_let_in_is_asked_before_the_body_and_may_take_its_time():
    async def check(token: str) -> str | bool:
        await asyncio.sleep(0)
        return "me" if token == "let me in" else False

    with listening(make(), tokens=check) as here:
        web = Web(here)
        status, headers, _ = web.post(frame("ping"), {"Authorization": "Bearer wrong"})
        assert (status, "www-authenticate" in headers) == (401, True)
        assert (
            web.post(frame("initialize", INITIALIZE), {"Authorization": "Bearer let me in"})[0]
            == 200
        )
        assert web.send("OPTIONS")[0] == 204
        data = head_of("Authorization: Bearer let me in", "Content-Length: 9", *JSON)
        assert web.raw(data, shut=True) == b""  # gone before it was let in


def test_a_check_that_fails_in_an_unknown_way_lets_nobody_in():
    async def check(token: str) -> bool:
        raise SystemError(token)

    with listening(make(), tokens=check) as here:
        status, _, _ = Web(here).post(frame("ping"), {"Authorization": "Bearer something"})
        assert status in (401, 500)


def test_too_many_sessions_at_work_are_told_to_the_next():
    with listening(make(), max_sessions=1) as here:
        web = Web(here).open()
        place = web.place
        head = head_of(f"Mcp-Session-Id: {web.session}", "Accept: text/event-stream", method="GET")
        with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as link:
            link.sendall(head)
            link.recv(65536)
            status, headers, said = Web(here).post(frame("initialize", INITIALIZE))
            assert (said["error"]["code"], "mcp-session-id" in headers) == (-32000, False)


def test_a_handshake_that_is_refused_opens_no_session_and_closes_its_own():
    closed = threading.Event()

    class Session(altar.Session):
        async def aclose(self) -> None:
            await super().aclose()
            closed.set()

    options = ServerOptions(connect=Session)
    with listening(Server([], options=options)) as here:
        status, headers, said = Web(here).post(frame("initialize", {"protocolVersion": 7}))
        assert (said["error"]["code"], "mcp-session-id" in headers) == (-32602, False)
        assert closed.wait(PATIENCE)
        closed.clear()
        assert Web(here).modern("tools/list")[0] == 200
        assert closed.wait(PATIENCE)


# -- what is asked for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tools/call", {"name": 7}, -32602),
        ("tools/call", {"name": "add", "arguments": []}, -32602),
        ("tools/list", {"cursor": 2}, -32602),
        ("tools/list", {"cursor": "two"}, -32602),
        ("tools/list", {"cursor": "99"}, -32602),
        ("tools/list", {"cursor": "9" * 30}, -32602),
        ("prompts/get", {"name": None}, -32602),
        ("prompts/get", {"name": "greet", "arguments": []}, -32602),
        ("prompts/get", {"name": "greet", "arguments": {"times": "no"}}, -32602),
        ("prompts/get", {"name": "greet"}, -32602),
        ("completion/complete", {"ref": {}}, -32602),
        ("completion/complete", {"ref": [], "argument": {}}, -32602),
        ("resources/read", {"uri": 7}, -32602),
        ("resources/read", {"uri": "notes://a/b"}, -32602),
        ("resources/read", {"uri": "notes://" + "x" * 9000}, -32602),
        ("subscriptions/listen", {"notifications": []}, -32602),
        ("ping", {}, -32601),
        ("resources/subscribe", {"uri": "notes://today"}, -32601),
    ],
)
def test_a_parameter_that_is_none_is_told_by_its_code(method: str, params: Any, code: int):
    said = asked(make(page_size=2), modern(method, params))
    assert said["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("initialize", INITIALIZE, -32602),
        ("resources/read", {"uri": "notes://a/b"}, -32002),
        ("resources/subscribe", {}, -32002),
        ("resources/unsubscribe", {"uri": "other://x"}, -32002),
        ("server/discover", {}, -32601),
        ("subscriptions/listen", {}, -32601),
    ],
)
def test_after_a_handshake_its_own_codes_are_told(method: str, params: Any, code: int):
    said = asked(make(), frame("initialize", INITIALIZE, 0), frame(method, params))
    assert said["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("tools/list", "tools"),
    ],
)
def test_a_server_without_any_lists_none(method: str, key: str):
    bare = Server([])
    for message in ([modern(method)], [frame("initialize", INITIALIZE, 0), frame(method)]):
        assert asked(bare, *message)["result"][key] == []


def test_a_server_without_any_knows_no_prompt_no_resource_and_completes_nothing():
    bare = Server([])
    for method, params in (("prompts/get", {"name": "x"}), ("resources/read", {"uri": "a://b"})):
        assert asked(bare, modern(method, params))["error"]["code"] == -32602
    words = {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": ""}}
    said = asked(bare, modern("completion/complete", words))["result"]["completion"]
    assert said["values"] == []
    capabilities = asked(bare, modern("server/discover"))["result"]["capabilities"]
    assert sorted(capabilities) == ["tools"]


def asked(server: Server, *messages: dict[str, Any]) -> Any:
    """The last answer of a server that is given these on one connection."""
    ours, its = socket.socketpair()
    with ours:
        end = its.detach()
        with on_descriptors(server, end, end):
            ours.sendall(b"".join(map(line, messages)))
            ours.shutdown(socket.SHUT_WR)
            return lines_of(ours)[-1]


def test_a_prompt_completes_its_closed_lists_and_nothing_else():
    def paint(colour: Literal["red", "rose", "blue"], size: int = 1) -> str:
        """Paints."""
        return colour

    server = Server([], prompts={"paint": paint})

    def complete(ref: Any, name: str, value: Any) -> list[str]:
        words = {"ref": ref, "argument": {"name": name, "value": value}}
        return asked(server, modern("completion/complete", words))["result"]["completion"]["values"]

    prompt = {"type": "ref/prompt", "name": "paint"}
    assert complete(prompt, "colour", "r") == ["red", "rose"]
    assert complete(prompt, "colour", 7) == []
    assert complete(prompt, "size", "1") == []
    assert complete(prompt, "none", "") == []
    assert complete({"type": "ref/resource", "uri": "a://b"}, "colour", "r") == []


@altar.tool
def _talk(kind: str) -> Any:
    """Talks.

    Args:
        kind: of what
    """
    return {
        "text": "hello",
        "two": ["hello", {"role": "assistant", "content": "hi"}],
        "block": {"role": "user", "content": {"type": "text", "text": "block"}},
        "json": {"role": "user", "content": {"a": 1}},
        "picture": {"role": "user", "content": altar.Blob("image/png", b"p")},
        "nobody": {"role": "system", "content": "no"},
        "nothing": {"role": "user"},
    }[kind]


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        ("text", ["user"]),
        ("two", ["user", "assistant"]),
        ("block", ["user"]),
        ("json", ["user"]),
        ("picture", ["user"]),
        ("nobody", None),
        ("nothing", None),
        ("unknown", None),
    ],
)
def test_a_prompt_is_messages_or_an_internal_error(kind: str, roles: list[str] | None):
    server = Server([], prompts=[_talk])
    said = asked(server, modern("prompts/get", {"name": "_talk", "arguments": {"kind": kind}}))
    if roles is None:
        assert said["error"]["code"] == -32603
    else:
        assert [one["role"] for one in said["result"]["messages"]] == roles


def test_a_resource_may_be_bytes_json_or_a_blob_by_a_function_of_any_kind():
    async def slow(at: str) -> bytes:
        return at.encode()

    def late() -> Any:
        return slow("later")

    def refuses() -> str:
        raise altar.ToolError("Closed on Sundays.")

    def fails() -> str:
        raise ValueError("secret")

    server = Server(
        [],
        resources=[
            Resource("a://bytes", b"raw", mime_type="x/y", title="T", description="D", name="N"),
            Resource("a://blob", altar.Blob("text/csv", b"1,2")),
            Resource("a://json", lambda: [1, 2]),
            Resource("a://late", late),
            Resource("a://refuses", refuses),
            Resource("a://fails", fails),
            Resource("a://nan", lambda: float("nan")),
            Resource("b://{at}", slow),
        ],
    )

    def read(uri: str) -> Any:
        said = asked(server, modern("resources/read", {"uri": uri}))
        if "error" in said:
            return said["error"]["message"]
        one = said["result"]["contents"][0]
        return one["mimeType"], one.get("text", one.get("blob"))

    assert read("a://bytes") == ("x/y", "cmF3")
    assert read("a://blob") == ("text/csv", "MSwy")
    assert read("a://json") == ("application/json", "[1, 2]")
    assert read("a://late") == ("application/octet-stream", "bGF0ZXI=")
    assert read("b://here") == ("application/octet-stream", "aGVyZQ==")
    assert read("a://refuses") == "Closed on Sundays."
    assert read("a://fails") == read("a://nan") == "Internal error"
    listed = asked(server, modern("resources/list"))["result"]["resources"][0]
    assert (listed["name"], listed["title"], listed["description"]) == ("N", "T", "D")


@pytest.mark.parametrize(
    "resources",
    [
        ["a://b"],
        [Resource("a://b", ""), Resource("a://b", "")],
        [Resource("a://{b}", str), Resource("a://{b}", str)],
    ],
)
def test_resources_that_cannot_be_served_together_are_refused(resources: Any):
    with pytest.raises(ConfigurationError):
        Server([], resources=resources)


@pytest.mark.parametrize(
    ("uri", "content"),
    [("none", ""), ("a://{b", ""), ("a://{b}", "no function"), ("a://{b}/{b}", str)],
)
def test_a_resource_that_none_could_read_is_refused(uri: str, content: Any):
    with pytest.raises(ConfigurationError):
        Server([], resources=[Resource(uri, content)])


@pytest.mark.parametrize(
    "chunk", ["a text", {"message": "half"}, [1], 0.5, {"progress": "x"}, True]
)
def test_progress_of_any_kind_only_ever_grows(chunk: Any):
    @altar.tool
    async def work(context: altar.Context) -> str:
        """Tells three times."""
        for _ in range(3):
            context.progress(chunk)
        context.progress({"progress": 9, "total": 10, "message": "m"})
        return "done"

    ours, its = socket.socketpair()
    call = modern("tools/call", {"name": "work"})
    call["params"]["_meta"] = {**META, "progressToken": "p"}
    with ours:
        end = its.detach()
        with on_descriptors(Server([work]), end, end):
            ours.sendall(line(call))
            ours.shutdown(socket.SHUT_WR)
            found = lines_of(ours)
    told = [one["params"] for one in found[:-1]]
    known = [one["progress"] for one in told]
    assert known == sorted(set(known))
    assert told[-1]["total"] == 10
    assert found[-1]["result"]["structuredContent"] == "done"


@pytest.mark.parametrize(
    "said",
    [
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": 7},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "error": "no"},
        {"jsonrpc": "2.0", "id": 1},
        [],
        7,
    ],
)
def test_a_frame_that_is_no_message_is_an_invalid_request(said: Any):
    assert asked(make(), said)["error"]["code"] == -32600


@pytest.mark.parametrize(
    "meta",
    [
        {**META, "io.modelcontextprotocol/protocolVersion": 7},
        {**META, "io.modelcontextprotocol/protocolVersion": "1999-01-01"},
        {**META, "io.modelcontextprotocol/clientCapabilities": 7},
        {},
        7,
    ],
)
def test_an_envelope_that_is_none_is_refused(meta: Any):
    code = asked(make(), frame("tools/list", {"_meta": meta}))["error"]["code"]
    assert code in (-32602, -32022)


@pytest.mark.parametrize("said", [{"action": "decline"}, {"action": "cancel"}, {}, None])
def test_a_call_that_waits_for_a_yes_is_not_made_without_it(said: Any):
    ours, its = socket.socketpair()
    call = {"name": "wipe", "arguments": {"path": "x" * 3000}}
    with ours:
        end = its.detach()
        with on_descriptors(make(), end, end), ours.makefile("rb") as reader:
            ours.settimeout(PATIENCE)
            ours.sendall(line(frame("initialize", INITIALIZE)) + line(frame("tools/call", call, 2)))
            reader.readline()
            question = json.loads(reader.readline())
            answer = {"error": {"code": -1, "message": "no"}} if said is None else {"result": said}
            for id_ in ("altar-77", 3, question["id"], question["id"]):  # most are nobody's
                ours.sendall(line({"jsonrpc": "2.0", "id": id_, **answer}))
            found = json.loads(reader.readline())
            ours.shutdown(socket.SHUT_WR)
    assert question["method"] == "elicitation/create"
    assert "did not allow" in found["result"]["content"][0]["text"]


def test_a_title_is_told_to_each_era_in_its_place():
    importer = Importer("here")
    form = {"type": "object", "properties": {"a": {"type": "string", "description": "A"}}}
    options = {"parameters": form, "extensions": {"x_title": "Sum"}}
    importer.add("sum", lambda args, context: 1, description="Sums.", **options)
    importer.add("ref", lambda args, context: 1, description="R.", returns={"type": "integer"})
    server = Server(importer.tools(), prompts=importer.tools())
    for version, is_new in (("2025-11-25", True), ("2024-11-05", False)):
        opened = frame("initialize", {**INITIALIZE, "protocolVersion": version}, 0)
        one = asked(server, opened, frame("tools/list"))["result"]["tools"][0]
        assert ("title" in one, "annotations" in one) == (is_new, is_new)
    assert asked(server, modern("prompts/list"))["result"]["prompts"][0]["title"] == "Sum"


def test_a_transport_nobody_knows_is_refused():
    with pytest.raises(ConfigurationError, match="stdio"):
        asyncio.run(make().aserve("pigeon"))  # type: ignore[arg-type]


def test_a_server_over_http_runs_until_it_is_cancelled():
    async def main() -> None:
        task = asyncio.ensure_future(make().aserve("http", http=HttpOptions(port=0)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_running_requests_are_told_apart_bounded_and_cancelled():
    ours, its = socket.socketpair()
    with ours:
        end = its.detach()
        with on_descriptors(make(max_running=1), end, end), ours.makefile("rb") as reader:
            ours.settimeout(PATIENCE)
            ours.sendall(line(frame("initialize", INITIALIZE, 0)))
            reader.readline()
            call = frame("tools/call", {"name": "forever"}, 2)
            ours.sendall(line(call) + line(call) + line({**call, "id": 3}))
            told = [json.loads(reader.readline())["error"]["code"] for _ in range(2)]
            for id_ in (None, 99, 2):
                note = {"method": "notifications/cancelled", "params": {"requestId": id_}}
                ours.sendall(line({"jsonrpc": "2.0", **note}))
            ours.sendall(line({"jsonrpc": "2.0", "method": "notifications/odd"}))
            ours.shutdown(socket.SHUT_WR)
    assert told == [-32600, -32000]


def test_a_listener_hears_what_it_asked_for_and_the_end():
    ours, its = socket.socketpair()
    server = make()
    wanted = {"toolsListChanged": True, "resourceSubscriptions": ["notes://today", 7, "x" * 9000]}
    with ours:
        end = its.detach()
        with on_descriptors(server, end, end), ours.makefile("rb") as reader:
            ours.settimeout(PATIENCE)
            ours.sendall(line(modern("subscriptions/listen", {"notifications": wanted})))
            agreed = json.loads(reader.readline())["params"]["notifications"]
            server.resource_updated("notes://another")
            server.resource_updated("notes://today")
            server.tools_changed()
            told = [json.loads(reader.readline())["method"].split("/", 1)[1] for _ in range(2)]
            ours.shutdown(socket.SHUT_WR)
            assert json.loads(reader.readline())["id"] == 1
    assert agreed == {"toolsListChanged": True, "resourceSubscriptions": ["notes://today"]}
    assert told == ["resources/updated", "tools/list_changed"]


def test_a_result_that_is_no_object_is_wrapped_where_its_references_stay_good():
    importer = Importer("here")
    inside = {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}
    nested = {"type": "array", "items": {"$ref": "#"}}
    for name, returns in (("inside", inside), ("nested", nested)):
        importer.add(name, lambda args, context: [], parameters={"type": "object"}, returns=returns)
    tools = importer.accepted()
    opened = frame("initialize", INITIALIZE, 0)
    listed = asked(Server(tools), opened, frame("tools/list"))["result"]["tools"]
    found = {one["name"]: one.get("outputSchema") for one in listed}
    assert found["inside"]["$defs"] == inside["$defs"]
    assert found.get("nested") is None


def test_who_cannot_ask_a_person_is_a_typed_error_to_the_tool():
    opened = frame("initialize", {**INITIALIZE, "capabilities": {}}, 0)
    said = asked(make(), opened, frame("tools/call", {"name": "survey"}))
    assert "ELICITATION_UNSUPPORTED" in said["result"]["content"][0]["text"]
    with pytest.raises(altar.ToolError):
        asyncio.run(elicit("Anybody?"))


def test_a_header_may_come_twice_where_both_say_more(url: str):
    body = json.dumps(frame("initialize", INITIALIZE)).encode()
    own = ("Accept: text/html", f"Content-Length: {len(body)}", "Connection: close", *JSON)
    assert Web(url).raw(head_of(*own) + body).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "make_it",
    [
        lambda: ServerOptions(page_size=0),
        lambda: ServerOptions(cache_scope="us"),  # type: ignore[arg-type]
        lambda: HttpOptions(timeout=0),
        lambda: HttpOptions(max_sessions=0),
        lambda: serve([], "pigeon"),  # type: ignore[arg-type]
        lambda: serve([], http=HttpOptions()),
    ],
)
def test_options_that_cannot_be_are_refused(make_it: Any):
    with pytest.raises(ConfigurationError):
        make_it()
