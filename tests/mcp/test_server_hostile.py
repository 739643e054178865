"""The server, where a client or a tool does what it should not: late, early, too much, twice."""

from __future__ import annotations

import asyncio
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import altar
from altar.mcp import Resource, Server, ServerOptions, elicit
from tests.mcp.serving import INITIALIZE, META, Pipe, Web, frame, listening, modern
from tests.waiting import PATIENCE, soon


class Wire:
    """One connection, for messages out of the ordinary order."""

    def __init__(self, url: str) -> None:
        place = Web(url).place
        self.link = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
        self.found = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()

    def post(self, message: Any, **headers: str) -> Wire:
        """A request, whose answer may come when it will."""
        body = json.dumps(message).encode()
        said = {
            "Host": "localhost",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Content-Length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if "_meta" in message.get("params", {}):
            said |= {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": message["method"]}
            named = message["params"].get("name", message["params"].get("uri"))
            said |= {} if named is None else {"Mcp-Name": named}
        lines = [f"{name}: {value}\r\n" for name, value in said.items()]
        self.link.sendall(f"POST /mcp HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body)
        return self

    def until(self, mark: bytes) -> bytes:
        """What has come, once this is in it, or the connection is closed."""
        while mark not in self.found:
            data = self.link.recv(65536)
            if not data:
                break
            self.found += data
        return self.found


def test_what_a_tool_says_after_its_answer_never_reaches_the_next_answer():
    answered, told = threading.Event(), threading.Event()

    @altar.tool
    def late(context: altar.Context) -> str:
        """Speaks after it has ended."""

        def speak() -> None:
            answered.wait(PATIENCE)
            context.progress("of the first call")
            told.set()

        threading.Thread(target=speak, daemon=True).start()
        return "first"

    @altar.tool
    async def after() -> str:
        """Ends once the other has spoken."""
        answered.set()
        await asyncio.to_thread(told.wait, PATIENCE)
        return "second"

    with listening(Server([late, after])) as url, Wire(url) as wire:
        asked = modern("tools/call", {"name": "late"})
        asked["params"]["_meta"] = {**META, "progressToken": "p"}
        wire.post(asked).until(b"complete")
        found = wire.post(modern("tools/call", {"name": "after"}, 2)).until(b'"second"')
        found += Wire(url).post(modern("ping")).until(b"\r\n")  # the loop has come round
    assert b"of the first call" not in found
    assert b"event" not in found


def test_a_question_after_the_answer_is_refused_to_the_tool():
    refused = []
    done = threading.Event()

    @altar.tool
    async def late() -> str:
        """Asks after it has ended."""

        async def ask() -> None:
            try:
                await over.wait()
                await elicit("Still there?")
            except Exception as error:
                refused.append(error)
            done.set()

        kept.extend((asyncio.ensure_future(ask()), asyncio.get_running_loop()))
        return "first"

    kept: list[Any] = []
    over = asyncio.Event()
    with listening(Server([late])) as url:
        web = Web(url).open()
        assert web.post(frame("tools/call", {"name": "late"}))[0] == 200
        kept[1].call_soon_threadsafe(over.set)
        assert done.wait(PATIENCE)
    assert len(refused) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "files://%2Fetc%2Fhostname",
        "files://a%2Fb",
        "files://a%5Cb",
        "files://..",
        "files://C:secret",
        "tree:///etc/hostname",
        "tree://%2Fetc/hostname",
        "tree://%5C%5Chost/share",
        "tree://C:/secret",
        "tree://c%3A%5Csecret",
        "tree://a/../../b",
        "tree://a/%2e%2e/b",
        "tree://a%00b",
    ],
)
def test_no_hole_of_a_template_leads_out_of_where_it_starts(tmp_path: Path, uri: str):
    def read(path: str) -> str:
        return f"read {tmp_path / path}"

    server = Server(
        [], resources=[Resource("files://{path}", read), Resource("tree://{+path}", read)]
    )
    with listening(server) as url:
        status, said = Web(url).modern("resources/read", {"uri": uri})
        assert (status, said["error"]["code"]) == (400, -32602)
        _, said = Web(url).modern("resources/read", {"uri": "tree://a/b%20c.txt"})
        assert said["result"]["contents"][0]["text"] == f"read {tmp_path}/a/b c.txt"


def test_a_result_that_breaks_its_declaration_is_an_error_for_every_client():
    @altar.tool
    def count() -> int:
        """Says a text."""
        return "seven"  # type: ignore[return-value]

    @altar.tool
    def table() -> dict[str, int]:
        """Says a text in its values."""
        return {"a": "x"}  # type: ignore[dict-item]

    with listening(Server([count, table])) as url:
        web = Web(url).open()
        for name in ("count", "table"):
            for result in (
                web.post(frame("tools/call", {"name": name}))[2]["result"],
                Web(url).modern("tools/call", {"name": name})[1]["result"],
            ):
                assert result["isError"] is True
                assert "structuredContent" not in result
                assert "returned what it does not declare" in result["content"][0]["text"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_client_that_dies_is_no_bug_of_the_server(tmp_path: Path):
    script = "from tests.mcp.small import server\nfrom altar.mcp import serve\nserve(server)\n"
    with Pipe("-c", script) as pipe:
        process = pipe.process
        assert (
            process.stdin is not None and process.stdout is not None and process.stderr is not None
        )
        pipe.ask(modern("tools/list"))
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert b"Traceback" not in process.stderr.read()
        process.stdout = None


def test_a_call_cancelled_before_its_first_step_is_still_ended():
    entered, leave = threading.Event(), threading.Event()

    @altar.tool
    async def block() -> str:
        """Holds the loop, so that what is sent meanwhile is read in one go."""
        entered.set()
        leave.wait(PATIENCE)
        return "b"

    @altar.tool
    async def hang() -> str:
        """Never ends."""
        await asyncio.Event().wait()
        return ""

    with listening(Server([block, hang])) as url:
        session = Web(url).open().session or ""
        own = {"Mcp_Session_Id": session}
        with Wire(url) as first, Wire(url) as second, Wire(url) as third:
            for wire in (second, third):  # known to the loop before it is held
                wire.post(frame("ping"), **own).until(b"}")
            first.post(frame("tools/call", {"name": "block"}, 1), **own)
            assert entered.wait(PATIENCE)
            second.post(frame("tools/call", {"name": "hang"}, 2), **own)
            gone = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
            third.post({**gone, "params": {"requestId": 2}}, **own)
            time.sleep(0.02)
            leave.set()
            second.found = b""
            assert b" 202 " in second.until(b"\r\n\r\n")


HEAD = b"POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json\r\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: evil.example\r\n", b" 403 "),
        (b"Host: localhost\r\nOrigin: https://evil.example\r\n", b" 403 "),
        (b"Host: localhost\r\n", b" 401 "),
        (b"Host: localhost\r\nAuthorization: Bearer wrong\r\n", b" 401 "),
    ],
)
@pytest.mark.parametrize("length", [b"Content-Length: 4000000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("way", ["tokens", "sync", "async"])
def test_who_may_not_call_is_refused_before_a_body_is_taken(
    way: str, length: bytes, headers: bytes, status: bytes
):
    async def averify(token: str) -> bool:
        return token == "secret-token"

    ways: dict[str, Any] = {
        "tokens": ("secret-token",),
        "sync": lambda token: token == "secret-token",
        "async": averify,
    }
    with listening(Server([]), tokens=ways[way]) as url:
        found = Web(url).raw(HEAD + headers + length + b"\r\n\r\n")
    assert status in found
    assert b"Connection: close" in found


def test_no_more_is_taken_in_than_all_requests_together_may_hold(monkeypatch):
    monkeypatch.setattr("altar.mcp._http._HELD", 0)  # four times the largest message is left
    part = HEAD + b"Host: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 99_000
    with listening(Server([], options=ServerOptions(max_message=100_000))) as url:
        wires = [Wire(url) for _ in range(5)]
        try:
            for wire in wires:
                wire.link.sendall(part)
            refused, _, _ = select.select([wire.link for wire in wires], [], [], PATIENCE)
            assert b" 503 " in refused[0].recv(4096)
        finally:
            for wire in wires:
                wire.link.close()
        assert Web(url).modern("tools/list")[0] == 200


def test_a_client_that_sends_ahead_and_leaves_is_noticed():
    running, cancelled = threading.Event(), threading.Event()

    @altar.tool
    async def forever() -> str:
        """Waits."""
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    with listening(Server([forever])) as url, Wire(url) as wire:
        wire.post(modern("tools/call", {"name": "forever"}))
        assert running.wait(PATIENCE)
        wire.link.sendall(b"x" * 300_000)
        wire.link.close()
        assert cancelled.wait(PATIENCE)


def test_a_client_that_leaves_while_its_token_is_checked_holds_nothing():
    async def verify(token: str) -> str:
        checking.set()
        await asyncio.sleep(0.02)
        return "ada"

    checking = threading.Event()
    token = {"Authorization": "Bearer x"}
    with listening(Server([]), tokens=verify) as url:
        web = Web(url)
        opened = web.post(frame("initialize", INITIALIZE), token)[1]["mcp-session-id"]
        listen = (
            "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer x\r\nMcp-Session-Id: {opened}\r\n\r\n"
        ).encode()
        checking.clear()
        with Wire(url) as wire:
            wire.link.sendall(listen)
            assert checking.wait(PATIENCE)

        def is_free() -> bool:
            with Wire(url) as wire:
                wire.link.sendall(listen)
                return b" 200 " in wire.until(b"\r\n\r\n")

        assert soon(is_free), "the stream of who has left is still taken"


def test_what_one_token_runs_is_bounded_over_all_of_its_connections():
    @altar.tool
    async def wait() -> str:
        """Waits for all that may run."""
        running.append(1)
        if len(running) == 2:
            full.set()
        await asyncio.to_thread(leave.wait, PATIENCE)
        return "waited"

    running: list[int] = []
    full, leave = threading.Event(), threading.Event()
    server = Server([wait], options=ServerOptions(max_running=2))
    mine, theirs = {"Authorization": "Bearer token-of-a"}, {"Authorization": "Bearer token-of-b"}
    asked = {"name": "wait"}
    with listening(server, tokens=("token-of-a", "token-of-b")) as url:
        with Wire(url) as first, Wire(url) as second:
            for wire in (first, second):
                wire.post(modern("tools/call", asked), **mine)
            assert full.wait(PATIENCE)
            web = Web(url)
            assert web.modern("tools/call", asked, **mine)[1]["error"]["code"] == -32000
            assert web.modern("tools/list", **mine)[0] == 200
            with Wire(url) as other:
                other.post(modern("tools/call", asked), **theirs)
                leave.set()
                assert b"waited" in other.until(b"complete")
            for wire in (first, second):
                assert b"waited" in wire.until(b"complete")
        assert "result" in web.modern("tools/call", asked, **mine)[1]


def test_functions_of_resources_run_in_a_bounded_number_of_threads(monkeypatch):
    monkeypatch.setattr("altar.mcp._server_threads._MOST", 2)
    leave = threading.Event()
    started = threading.Semaphore(0)

    def slow() -> str:
        started.release()
        leave.wait(PATIENCE)
        return "read"

    with listening(Server([], resources=[Resource("a://slow", slow)])) as url:
        for _ in range(2):
            with Wire(url) as wire:  # and leaves: the thread runs on
                wire.post(modern("resources/read", {"uri": "a://slow"}))
                assert started.acquire(timeout=PATIENCE)
        web = Web(url)
        assert web.modern("resources/read", {"uri": "a://slow"})[1]["error"]["code"] == -32000
        leave.set()
        assert soon(lambda: "error" not in web.modern("resources/read", {"uri": "a://slow"})[1])


def test_a_yes_is_good_once_and_for_whom_it_was_given():
    runs = []

    @altar.tool(approval=True)
    def wipe(path: str) -> str:
        """Remove everything."""
        runs.append(path)
        return "wiped"

    mine, theirs = {"Authorization": "Bearer token-of-a"}, {"Authorization": "Bearer token-of-b"}
    asked = {"name": "wipe", "arguments": {"path": "/"}}
    with listening(Server([wipe]), tokens=("token-of-a", "token-of-b")) as url:
        web = Web(url)
        state = web.modern("tools/call", asked, **mine)[1]["result"]["requestState"]
        yes = {
            **asked,
            "requestState": state,
            "inputResponses": {"approval": {"action": "accept"}},
        }
        said = [web.modern("tools/call", yes, **who)[1]["result"] for who in (theirs, mine, mine)]
        assert [one["resultType"] for one in said] == [
            "input_required",
            "complete",
            "input_required",
        ]
    assert runs == ["/"]


def test_spent_answers_are_forgotten_only_with_what_is_as_old(monkeypatch):
    from altar.mcp import _server_questions as questions

    monkeypatch.setattr(questions, "_MOST_SPENT", 2)
    asker = questions.Asker(altar.FunctionCall(name="wipe", args={}), None)
    made = questions.Questions()
    states = []
    for at in range(4):
        monkeypatch.setattr(questions, "_GOOD_FOR", 3600.0 + at)  # however coarse the clock is
        states.append(made.wanted(asker, {}, "approval", {})["requestState"])
    yes = {"approval": {"action": "accept"}}

    def used(state: str) -> bool:
        return bool(made.answers(asker, {"requestState": state, "inputResponses": yes}))

    assert [used(state) for state in states] == [True] * 4
    assert [used(state) for state in states] == [False] * 4


def test_a_client_that_answers_a_question_with_an_error_has_not_said_yes():
    @altar.tool(approval=True)
    def wipe(path: str) -> str:
        """Remove everything."""
        return "wiped"

    @altar.tool
    async def survey() -> str:
        """Asks, and tells what came."""
        try:
            return (await elicit("Sure?")).action
        except altar.ToolError as error:
            return f"it was {error.type}"

    refusal = {"jsonrpc": "2.0", "error": {"code": -32601, "message": "chosen by the client"}}
    with listening(Server([wipe, survey])) as url:
        web = Web(url).open()
        own = {"Mcp_Session_Id": web.session or ""}
        for at, (name, args, mark) in enumerate(
            [("wipe", {"path": "/"}, b"PERMISSION_DENIED"), ("survey", {}, b"ELICITATION_FAILED")]
        ):
            with Wire(url) as wire:
                wire.post(frame("tools/call", {"name": name, "arguments": args}), **own)
                wire.until(b"elicitation/create")
                web.post({**refusal, "id": f"altar-{at + 1}"})
                found = wire.until(b"\r\n0\r\n")
                assert mark in found
                assert b"chosen by the client" not in found


def test_a_tool_that_handles_errors_of_its_own_still_asks_first():
    @altar.tool
    async def survey() -> str:
        """Goes on where nobody can be asked."""
        try:
            return (await elicit("Sure?")).action
        except Exception:
            return "went on"

    with listening(Server([survey])) as url:
        result = Web(url).modern("tools/call", {"name": "survey"})[1]["result"]
        assert result["resultType"] == "input_required"
        answered = {
            "name": "survey",
            "requestState": result["requestState"],
            "inputResponses": {"elicit-1": {"action": "decline"}},
        }
        result = Web(url).modern("tools/call", answered)[1]["result"]
        assert result["structuredContent"] == "decline"


STUBBORN = """
import asyncio, sys
import altar
from altar.mcp import HttpOptions, serve
import altar.mcp._http as http, altar.mcp._serve as serving
import altar.mcp._server_guests as guests, altar.mcp._stdio as stdio
for one in (http, serving, guests, stdio):
    one._GRACE = 0.05
serving._GRACE_OF_REST = 0.05

@altar.tool
async def stubborn() -> str:
    "Does not end when it is cancelled."
    print("running", file=sys.stderr, flush=True)
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass

if "http" in sys.argv:
    serve([stubborn], "http", http=HttpOptions(port=0), ready=lambda url: print(url, flush=True))
else:
    serve([stubborn])
print("left", file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("way", ["eof", "stdio", "http"])
def test_a_tool_that_does_not_end_does_not_keep_the_server_alive(way: str):
    with Pipe("-c", STUBBORN, way) as pipe:
        process = pipe.process
        assert process.stdin and process.stdout and process.stderr
        asked = modern("tools/call", {"name": "stubborn"})
        if way == "http":
            with Wire(process.stdout.readline().decode().strip()) as wire:
                wire.post(asked)
                assert b"running" in process.stderr.readline()
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
        else:
            pipe.write(asked)
            assert b"running" in process.stderr.readline()
            if way == "eof":
                process.stdin.close()
            else:
                process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        assert process.stderr.read().startswith(b"left\n")
        process.stdin = None


def test_questions_that_a_tool_puts_at_once_are_asked_one_after_the_other():
    @altar.tool
    async def two() -> str:
        """Asks twice, and swallows whatever comes."""
        said = await asyncio.gather(elicit("A?"), elicit("B?"), return_exceptions=True)
        return " ".join(getattr(one, "action", "none") for one in said)

    with listening(Server([two])) as url:
        asked: dict[str, Any] = {"name": "two"}
        for key in ("elicit-1", "elicit-2"):
            result = Web(url).modern("tools/call", asked)[1]["result"]
            assert list(result["inputRequests"]) == [key]
            more = {one: {"action": "accept"} for one in ("elicit-1", "elicit-2", "approval")}
            asked |= {"requestState": result["requestState"], "inputResponses": more}
        result = Web(url).modern("tools/call", asked)[1]["result"]
        assert result["structuredContent"] == "accept accept"


def test_changes_told_from_a_plain_tool_are_sent_by_the_loop_that_serves(monkeypatch):
    from altar.mcp._http_link import HttpLink

    writers = []
    write = HttpLink.event

    def event(self: HttpLink, data: bytes) -> None:
        writers.append(threading.current_thread())
        write(self, data)

    monkeypatch.setattr(HttpLink, "event", event)

    @altar.tool
    def change() -> str:
        """Runs in a thread of its own."""
        tools.append(threading.current_thread())
        server.tools_changed()
        server.resource_updated("notes://today")
        return "told"

    tools: list[threading.Thread] = []
    server = Server([change], resources=[Resource("notes://today", "milk")])
    with listening(server) as url, Wire(url) as wire:
        wanted = {"toolsListChanged": True, "resourceSubscriptions": ["notes://today"]}
        wire.post(modern("subscriptions/listen", {"notifications": wanted}))
        wire.until(b"acknowledged")
        Web(url).modern("tools/call", {"name": "change"})
        wire.until(b"resources/updated")
    assert tools and writers
    assert not set(tools) & set(writers)


def test_a_client_that_listens_needs_a_stream_and_hears_the_end():
    with listening(Server([])) as url:
        asked = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        with Wire(url) as wire:
            assert b" 406 " in wire.post(asked, Accept="application/json").until(b"\r\n\r\n")
        wire = Wire(url)
        wire.post(asked).until(b"acknowledged")
    with wire:
        assert b'"resultType":"complete"' in wire.until(b"\r\n0\r\n")


def test_what_one_client_subscribes_to_is_bounded(monkeypatch):
    monkeypatch.setattr("altar.mcp._server_core.MAX_URIS", 2)
    with listening(Server([], resources=[Resource("a://{x}", lambda x: x)])) as url:
        web = Web(url).open()

        def subscribed(uri: str, method: str = "resources/subscribe") -> Any:
            return web.post(frame(method, {"uri": uri}))[2].get("error", {}).get("code")

        assert [subscribed(f"a://{n}") for n in (1, 2, 3, 2)] == [None, None, -32000, None]
        assert subscribed("a://1", "resources/unsubscribe") is None
        assert subscribed("a://3") is None
        assert subscribed("a://" + "x" * 9000) == -32002


@pytest.mark.parametrize(
    ("template", "uri", "holes"),
    [
        ("a://{x}-{y}", "a://1-2", {"x": "1", "y": "2"}),
        ("a://{x}-{y}", "a://1-2-3", {"x": "1", "y": "2-3"}),
        ("a://{x}.txt", "a://1.txt.txt", {"x": "1.txt"}),
        ("a://{x}/{+y}.txt", "a://1/2/3.txt", {"x": "1", "y": "2/3"}),
        ("a://{x}?y={y}", "a://1?y=2", {"x": "1", "y": "2"}),
        ("a://{x}-{y}-{z}", "a://" + "-" * 8000 + "/", None),
        ("a://{x}-{y}", "a://1/2-3", None),
        ("a://{x}", "a://" + "x" * 9000, None),
    ],
)
def test_a_template_is_matched_from_the_left_and_in_time(template: str, uri: str, holes: Any):
    from altar.mcp._resources import Shelf

    found = Shelf([Resource(template, lambda **_: "")]).find(uri)
    assert (None if found is None else found[1]) == holes


def test_a_new_session_takes_the_place_of_its_owners_own_and_never_of_one_that_listens():
    mine, theirs = {"Authorization": "Bearer token-of-a"}, {"Authorization": "Bearer token-of-b"}

    def opened(who: dict[str, str]) -> str:
        status, headers, said = web.post(frame("initialize", INITIALIZE), who)
        assert status == 200
        return headers.get("mcp-session-id", str(said.get("error", {}).get("code")))

    def alive(session: str, who: dict[str, str]) -> bool:
        return web.post(frame("ping"), {**who, "Mcp-Session-Id": session})[0] == 200

    with listening(Server([]), tokens=("token-of-a", "token-of-b"), max_sessions=2) as url:
        web = Web(url)
        first, second = opened(mine), opened(theirs)
        third = opened(theirs)
        assert alive(first, mine), "silent for longest, but another's"
        assert not alive(second, theirs)
        with Wire(url) as one, Wire(url) as two:
            for wire, session, who in ((one, first, mine), (two, third, theirs)):
                lines = {**who, "Mcp-Session-Id": session, "Accept": "text/event-stream"}
                head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                wire.link.sendall(f"GET /mcp HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
                wire.until(b"\r\n\r\n")
            assert opened(theirs) == "-32000"
            assert alive(first, mine)
            assert alive(third, theirs)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets of POSIX")
def test_one_socket_may_be_stdin_and_stdout():
    ours, its = socket.socketpair()
    script = "from tests.mcp.small import server\nfrom altar.mcp import serve\nserve(server)\n"
    with ours, subprocess.Popen([sys.executable, "-c", script], stdin=its, stdout=its) as process:
        its.close()
        ours.settimeout(PATIENCE)
        for at in range(3):
            asked = {"name": "add", "arguments": {"a": at, "b": 1}}
            ours.sendall(json.dumps(modern("tools/call", asked)).encode() + b"\n")
            assert json.loads(ours.recv(65536))["result"]["structuredContent"] == at + 1
        ours.sendall(json.dumps(modern("tools/list")).encode() + b"\n")
        ours.shutdown(socket.SHUT_WR)
        found = b""
        while data := ours.recv(65536):
            found += data
        assert b"survey" in found
        assert process.wait(PATIENCE) == 0
