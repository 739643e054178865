"""The server over HTTP: who gets in, what each era is told, and clients that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import suppress

import pytest

import altar
from altar.errors import ConfigurationError
from altar.mcp import HttpOptions, Server, ServerOptions
from tests.mcp.serving import INITIALIZE, META, Web, frame, listening, modern
from tests.mcp.small import make
from tests.waiting import PATIENCE, soon


@pytest.fixture(scope="module")
def url():
    with listening(make(max_message=100_000)) as url:
        yield url


def test_a_request_of_2026_is_one_post_and_one_json_answer(url: str):
    status, said = Web(url).modern("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
    assert status == 200
    assert said["result"] == {
        "content": [{"type": "text", "text": "3"}],
        "isError": False,
        "structuredContent": 3,
        "resultType": "complete",
    }


def test_discover_names_versions_capabilities_and_the_server(url: str):
    _, said = Web(url).modern("server/discover")
    result = said["result"]
    assert "2026-07-28" in result["supportedVersions"]
    assert set(result["capabilities"]) == {"tools", "prompts", "resources", "completions"}
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "small"
    assert result["resultType"] == "complete"
    assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Mcp-Method": "tools/list"}, -32020),
        ({"Mcp-Name": "other"}, -32020),
        ({"Mcp-Name": "=?base64?###?="}, -32020),
        ({"Mcp-Protocol-Version": "2025-11-25"}, -32020),
        ({"Mcp-Protocol-Version": "2099-01-01"}, -32020),
    ],
)
def test_headers_that_say_otherwise_than_the_body_are_refused(
    url: str, headers: dict[str, str], code: int
):
    status, said = Web(url).modern("tools/call", {"name": "add"}, **headers)
    assert (status, said["error"]["code"]) == (400, code)


def test_a_name_in_base64_is_the_name(url: str):
    header = {"Mcp-Name": "=?base64?YWRk?="}
    asked = {"name": "add", "arguments": {"a": 1, "b": 1}}
    assert Web(url).modern("tools/call", asked, **header)[0] == 200


def test_an_unknown_method_is_404_and_a_wrong_parameter_400(url: str):
    web = Web(url)
    assert web.modern("no/such")[0] == 404
    assert web.modern("tools/call", {"name": "nope"})[0] == 400


def test_the_handshake_opens_a_session_which_ends_with_delete(url: str):
    web = Web(url).open()
    status, _, said = web.post(frame("tools/list"))
    assert (status, len(said["result"]["tools"])) == (200, 8)
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert web.post(note)[0] == 202
    assert web.send("DELETE", headers={"Mcp-Session-Id": web.session or ""})[0] == 200
    assert web.post(frame("tools/list"))[0] == 404


def test_without_a_session_only_the_handshake_is_answered(url: str):
    status, _, said = Web(url).post(frame("tools/list"))
    assert (status, said["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{garbage", 400, -32700),
        (b"", 400, -32700),
        (b"[]", 400, -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600),
        (b"null", 400, -32600),
    ],
)
def test_a_body_that_is_no_message_is_told_so(url: str, body: bytes, status: int, code: int):
    found, _, said = Web(url).post(body)
    assert (found, said["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Accept": "text/html"}, 406),
    ],
)
def test_other_names_pages_and_media_types_are_refused(
    url: str, headers: dict[str, str], status: int
):
    assert Web(url).post(frame("initialize", INITIALIZE), headers)[0] == status


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"GET /mcp HTTP/2.0\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /mcp HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"POST /mcp HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: a\rSet-Cookie: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"",
    ],
)
def test_bad_http_is_refused_and_the_connection_closed(url: str, data: bytes):
    found = Web(url).raw(data, shut=True)
    assert found == b"" or found.split(b" ")[1] in {b"400", b"413", b"431"}
    assert Web(url).modern("tools/list")[0] == 200


def test_a_body_in_chunks_and_two_requests_in_one_write_are_served(url: str):
    host = b"Host: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    body = json.dumps(frame("initialize", INITIALIZE)).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, body[n : n + 1]) for n in range(len(body)))
    one = b"POST /mcp HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
    last = b"POST /mcp HTTP/1.1\r\n" + host + b"Connection: close\r\nContent-Length: %d\r\n\r\n"
    found = Web(url).raw(one + chunks + b"0\r\n\r\n" + last % len(body) + body)
    assert found.count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_sends_too_slowly_is_cut_off():
    with listening(make(), timeout=0.04) as url:
        with suppress(ConnectionError):  # it may be cut off before it has sent a byte
            assert Web(url).raw(b"POST /mcp HTTP/1.1\r\n") == b""


def test_more_connections_than_allowed_are_refused():
    with listening(make(), max_connections=1) as url:
        place = Web(url).place
        with socket.create_connection((place.hostname, place.port)) as first:
            first.sendall(b"POST")  # they are taken in their order
            assert b" 503 " in Web(url).raw(b"GET / HTTP/1.1\r\n\r\n")

        def recovered() -> bool:
            with suppress(OSError):
                return bool(Web(url).modern("tools/list")[0] == 200)
            return False

        assert soon(recovered)


def test_tokens_let_in_and_the_refusal_says_what_is_wanted():
    with listening(make(), tokens=("first-token", "second-token")) as url:
        web = Web(url)
        asked = frame("initialize", INITIALIZE)
        status, headers, _ = web.post(asked)
        assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="altar"')
        status, headers, _ = web.post(asked, {"Authorization": "Bearer wrong"})
        assert status == 401
        assert headers["www-authenticate"] == 'Bearer realm="altar", error="invalid_token"'
        status, headers, _ = web.post(asked, {"Authorization": "Bearer second-token"})
        assert status == 200
        web.session = headers["mcp-session-id"]
        stolen = web.post(frame("tools/list"), {"Authorization": "Bearer first-token"})
        assert stolen[0] == 404, "a session is for whom it was opened only"
        assert web.post(frame("tools/list"), {"Authorization": "Bearer second-token"})[0] == 200


def test_a_function_may_check_tokens_and_name_who_it_is():
    seen = []

    async def verify(token: str) -> str | None:
        if token == "breaks":
            raise RuntimeError("no database")
        await asyncio.sleep(0)
        return "ada" if token == "hers" else None

    class Watch:
        def __init__(self, inner):
            self.inner = inner

        def invoke(self, call, ctx):
            return self.inner.invoke(call, ctx)

        async def ainvoke(self, call, ctx):
            seen.append(ctx.principal)
            return await self.inner.ainvoke(call, ctx)

    @altar.tool
    def hello() -> str:
        """Hello."""
        return "hello"

    with altar.Session([hello], runtime=Watch) as session:
        with listening(Server(session), tokens=verify) as url:
            web = Web(url)
            asked = {"name": "hello"}
            assert web.modern("tools/call", asked, Authorization="Bearer hers")[0] == 200
            assert web.modern("tools/call", asked, Authorization="Bearer his")[0] == 401
            assert web.modern("tools/call", asked, Authorization="Bearer breaks")[0] == 401
    assert seen == ["ada"]


@pytest.mark.parametrize(
    "options",
    [
        {"host": "0.0.0.0"},
        {"host": ""},
        {"host": "0.0.0.0", "anonymous": "no"},
        {"host": "0.0.0.0", "tokens": iter(())},
        {"tokens": "one-text"},
        {"tokens": ("short",)},
        {"tokens": ("t\u00f6ken-latin-1",)},
        {"tokens": ("two words",)},
        {"tokens": ("         ",)},
        {"tokens": (12345678,)},
        {"tokens": 5},
        {"path": "mcp"},
        {"path": 5},
        {"port": 70000},
        {"port": -1},
        {"port": "80"},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"max_connections": 0},
        {"max_sessions": "x"},
        {"hosts": "app.example"},
        {"hosts": (5,)},
        {"origins": "https://a"},
        {"origins": ("app.example",)},
        {"origins": ("https://app.example/page",)},
    ],
)
def test_options_that_make_no_sense_or_would_let_anybody_in_are_refused(options: dict[str, object]):
    with pytest.raises(ConfigurationError):
        HttpOptions(**options)  # type: ignore[arg-type]


def test_tokens_from_an_iterator_are_asked_for_and_never_shown():
    options = HttpOptions(port=0, tokens=(one for one in ["secret-token-1"]))  # type: ignore[arg-type]
    assert "secret" not in repr(options)
    with listening(make(), tokens=(one for one in ["secret-token-1"])) as url:
        for _ in range(2):
            assert Web(url).modern("tools/list")[0] == 401
            assert Web(url).modern("tools/list", Authorization="Bearer secret-token-1")[0] == 200


@pytest.mark.parametrize("is_async", [False, True])
def test_a_check_of_tokens_that_raises_says_no_and_logs_no_token(caplog, is_async: bool):
    def verify(token: str) -> bool:
        raise ValueError(f"what is {token}?")

    async def averify(token: str) -> bool:
        return verify(token)

    with listening(make(), tokens=averify if is_async else verify) as url:
        assert Web(url).modern("tools/list", Authorization="Bearer SEKRET")[0] == 401
    assert "ValueError" in caplog.text
    assert "SEKRET" not in caplog.text


def test_a_yes_is_good_for_the_very_call_that_was_asked_about(url: str):
    web = Web(url)
    asked = {"name": "wipe", "arguments": {"path": "/tmp"}}
    _, said = web.modern("tools/call", asked)
    result = said["result"]
    assert result["resultType"] == "input_required"
    assert result["inputRequests"]["approval"]["method"] == "elicitation/create"
    yes = {"approval": {"action": "accept", "content": {}}}
    state = result["requestState"]

    def again(state: object, responses: object, path: str = "/tmp") -> dict[str, object]:
        more = {"requestState": state, "inputResponses": responses, "arguments": {"path": path}}
        found: dict[str, object] = web.modern("tools/call", {**asked, **more})[1]["result"]
        return found

    assert again(state, yes)["structuredContent"] == "wiped /tmp"
    for forged in (state + "0", state[:-1], state.upper(), "", ".", "é", 5, None):
        assert again(forged, yes)["resultType"] == "input_required", forged
    assert again(state, yes, "/")["resultType"] == "input_required"
    assert again(state, {})["resultType"] == "input_required"
    assert again(state, [1])["resultType"] == "input_required"
    for no in ({"action": "decline"}, {"action": "cancel"}, "accept", {"action": True}, None):
        assert again(state, {"approval": no}).get("structuredContent") is None, no


def test_a_client_that_takes_no_stream_is_not_asked_in_vain(url: str):
    web = Web(url).open()
    asked = frame("tools/call", {"name": "wipe", "arguments": {"path": "/"}})
    _, _, said = web.post(asked, {"Accept": "application/json"})
    assert "text/event-stream" in said["error"]["message"]
    surveyed = frame("tools/call", {"name": "survey", "arguments": {}})
    assert web.post(surveyed, {"Accept": "application/json"})[2]["result"]["isError"] is True


def test_progress_makes_the_answer_a_stream(url: str):
    meta = {**META, "progressToken": 5}
    message = frame("tools/call", {"name": "count", "arguments": {"n": 2}, "_meta": meta})
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Mcp-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "count",
    }
    _, said, body = Web(url).send("POST", json.dumps(message).encode(), headers)
    assert said["content-type"] == "text/event-stream"
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]
    assert [one["params"]["progress"] for one in events[:2]] == [1, 2]
    assert events[2]["result"]["structuredContent"] == 2


def test_a_call_whose_client_leaves_is_cancelled():
    cancelled = threading.Event()
    running = threading.Event()

    @altar.tool
    async def forever() -> str:
        """Waits."""
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    with listening(Server([forever])) as url:
        body = json.dumps(modern("tools/call", {"name": "forever"})).encode()
        head = (
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\nMcp-Method: tools/call\r\n"
            f"Mcp-Name: forever\r\nMcp-Protocol-Version: 2026-07-28\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        place = Web(url).place
        with socket.create_connection((place.hostname, place.port)) as link:
            link.sendall(head.encode() + body)
            assert running.wait(PATIENCE)
        assert cancelled.wait(PATIENCE)


def test_each_connection_may_have_a_session_of_its_own():
    made: list[altar.Session] = []

    @altar.tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def connect() -> altar.Session:
        made.append(altar.Session([add]))
        return made[-1]

    options = ServerOptions(connect=connect)
    with listening(Server(options=options)) as url:
        first, second = Web(url).open(), Web(url).open()
        asked = frame("tools/call", {"name": "add", "arguments": {"a": 1, "b": 1}})
        for web in (first, second):
            assert web.post(asked)[2]["result"]["structuredContent"] == {"result": 2}
        assert len(made) == 2
        first.send("DELETE", headers={"Mcp-Session-Id": first.session or ""})
        assert second.post(asked)[0] == 200
    assert all(session.closed for session in made)


def test_a_connect_that_fails_is_an_internal_error_and_the_server_goes_on():
    def connect() -> altar.Session:
        raise RuntimeError("secret")

    with listening(Server(options=ServerOptions(connect=connect))) as url:
        for _ in range(2):
            status, said = Web(url).modern("tools/list")
            assert (status, said["error"]["message"]) == (500, "Internal error")


def test_the_session_silent_for_longest_makes_room_for_a_new_one():
    with listening(make(), max_sessions=2) as url:
        webs = [Web(url).open() for _ in range(3)]
        assert [web.post(frame("ping"))[0] for web in webs] == [404, 200, 200]


def test_other_tools_are_told_on_the_stream_of_a_session():
    @altar.tool
    def one() -> int:
        """One."""
        return 1

    @altar.tool
    def two() -> int:
        """Two."""
        return 2

    with altar.Session([one]) as session, listening(Server(session)) as url:
        web = Web(url).open()
        web.post(frame("tools/list"))
        head = (
            "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Mcp-Session-Id: {web.session}\r\n\r\n"
        )
        with socket.create_connection(
            (web.place.hostname, web.place.port), timeout=PATIENCE
        ) as link:
            link.sendall(head.encode())
            found = link.recv(4096)
            assert b"text/event-stream" in found
            session.add(two)
            web.post(frame("tools/list"))
            while b"list_changed" not in found:
                found += link.recv(4096)
        assert b"notifications/tools/list_changed" in found


def test_a_browser_page_of_a_known_origin_may_ask_first(url: str):
    headers = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Headers": "mcp-method",
    }
    status, said, _ = Web(url).send("OPTIONS", headers=headers)
    assert status == 204
    assert said["access-control-allow-origin"] == "http://localhost:5173"
    assert said["access-control-allow-headers"] == "mcp-method"
