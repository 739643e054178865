"""Recording and replaying on the wire: under the vendors' own clients and under plain HTTP."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import live
from altar.errors import CassetteError, ConfigurationError
from altar.llm import Thinking, ToolCall
from altar.testing import FakeOpenAI, Fault, RecordingProxy, ReplayServer

MODEL = "gpt-5.5"
KEY = "sesame-" + "open-0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "wire.jsonl"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def send(url: str, body: object = None, *, to: str = "/v1/x", method: str = "POST", **headers):
    """One request by plain HTTP: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, to, data, named)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextmanager
def upstream(answer):
    """A server whose every answer is what ``answer(handler)`` writes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.body = self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        do_GET = do_POST

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tells(status: int, headers: dict, body: bytes):
    def answer(handler) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def record(path: Path, answer, *bodies: object, **more) -> None:
    with upstream(answer) as url, RecordingProxy(path, upstream=url) as proxy:
        for body in bodies:
            send(proxy.url, body, **more)


OK = tells(
    200, {"Content-Type": "application/json", "X-Request-Id": "r1", "X-New": "1"}, b'{"a":1}'
)


# -- a vendor's own client ---------------------------------------------------------------


def talk(base: str, key: str) -> list[str]:
    """A conversation with tools, whole and streamed, on both APIs."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key=key, base_url=base, max_retries=0) as vendor:
        tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
        items: list = [{"role": "user", "content": "Go"}]
        first = vendor.responses.create(model=MODEL, input=items, tools=[tool], store=False)
        items += [item.model_dump(mode="json", exclude_none=True) for item in first.output]
        call_id = first.output[-1].call_id
        items.append({"type": "function_call_output", "call_id": call_id, "output": "1"})
        events = list(
            vendor.responses.create(
                model=MODEL, input=items, tools=[tool], store=False, stream=True
            )
        )
        chat = vendor.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "\u2028?"}]
        )
    return [
        first.output[-1].arguments,
        events[-1].response.output_text,
        *[event.type for event in events],
        chat.choices[0].message.content,
    ]


def test_a_conversation_of_the_vendors_client_is_recorded_and_replayed_without_the_vendor(path):
    script = [[Thinking("Hm"), ToolCall("f", {"a": 1})], "Grüße, \U0001f600", "chat"]
    with FakeOpenAI(script) as fake, RecordingProxy(path, upstream=fake.url) as proxy:
        said = talk(f"{proxy.url}/v1", fake.key)
    assert fake.key not in path.read_text("utf-8")
    with ReplayServer(path) as server:
        assert talk(f"{server.url}/v1", "any key") == said
    assert lines(path)[2]["response"]["lines"][0] == "event: response.created"


def test_the_async_client_replays_what_the_sync_one_recorded(path):
    openai = pytest.importorskip("openai")

    async def ask(base: str) -> str:
        async with openai.AsyncOpenAI(api_key="k", base_url=base, max_retries=0) as vendor:
            return (await vendor.responses.create(model=MODEL, input="Go")).output_text

    with FakeOpenAI(["hi"]) as fake, RecordingProxy(path, upstream=f"{fake.url}/v1") as proxy:
        with openai.OpenAI(api_key=fake.key, base_url=proxy.url) as vendor:
            vendor.responses.create(model=MODEL, input="Go")
    with ReplayServer(path) as server:
        assert asyncio.run(ask(server.url)) == "hi"


def test_a_vendors_error_is_recorded_with_the_wait_it_asks_for(path):
    openai = pytest.importorskip("openai")

    def ask(base: str, key: str):
        with openai.OpenAI(api_key=key, base_url=base, max_retries=0) as vendor:
            with pytest.raises(openai.RateLimitError) as caught:
                vendor.responses.create(model=MODEL, input="Go")
        return caught.value.code, caught.value.response.headers["retry-after-ms"]

    fault = Fault("rate_limit", retry_after=1.5)
    with FakeOpenAI([fault]) as fake, RecordingProxy(path, upstream=fake.url) as proxy:
        said = ask(f"{proxy.url}/v1", fake.key)
    with ReplayServer(path) as server:
        assert ask(f"{server.url}/v1", "k") == said == ("rate_limit_exceeded", "1500")


def test_a_stream_that_broke_off_breaks_off_again(path):
    openai = pytest.importorskip("openai")

    def ask(base: str, key: str) -> list[str]:
        seen = []
        with openai.OpenAI(api_key=key, base_url=base, max_retries=0) as vendor:
            with pytest.raises(Exception) as caught:
                for event in vendor.responses.create(model=MODEL, input="Go", stream=True):
                    seen.append(event.type)
        assert type(caught.value).__name__ in {"APIConnectionError", "RemoteProtocolError"}
        return seen

    fault = Fault("close", after=5)
    with FakeOpenAI([fault]) as fake, RecordingProxy(path, upstream=fake.url) as proxy:
        said = ask(f"{proxy.url}/v1", fake.key)
    assert len(said) == 5
    with ReplayServer(path) as server:
        assert ask(f"{server.url}/v1", "k") == said


# -- what is written ---------------------------------------------------------------------


def test_no_key_no_cookie_and_no_new_header_is_written(path):
    echo = tells(
        200,
        {"Content-Type": "text/plain", "Set-Cookie": "s=1", "Date": "now", "Retry-After": "3"},
        f"your key is {KEY}, {KEY}2 and {KEY}3".encode(),
    )
    record(
        path,
        echo,
        {"prompt": f"({KEY})"},
        to=f"/v1/x?key={KEY}2&alt=sse",
        Authorization=f"Bearer {KEY}",
        x_goog_api_key=f"{KEY}3",
        Cookie="crumb=1",
        anthropic_version="2026-10-21",
    )
    text = path.read_text("utf-8")
    assert KEY not in text
    assert "crumb" not in text
    assert lines(path)[1]["request"]["query"] == {"key": "[secret]", "alt": "sse"}
    assert lines(path)[1]["request"]["headers"] == {"anthropic-version": "2026-10-21"}
    told = lines(path)[1]["response"]["headers"]
    assert told == {"content-type": "text/plain", "retry-after": "3"}


def told_in_pieces(secret: str) -> list[tuple[str, bytes]]:
    """A secret in the ways in which vendors stream: events, lines, and a list of documents."""
    events, lines_, documents = [], [], []
    for at, piece in enumerate([secret[:5], secret[5:9], secret[9:], " and more."]):
        other = {"type": "text", "index": 1, "delta": f"word {at} "}
        document = {"type": "text", "index": 0, "delta": {"text": piece}}
        for one in (document, other):
            events.append(f"event: text\ndata: {json.dumps(one)}\n\n")
            lines_.append(json.dumps(one) + "\n")
            documents.append(one)
    return [
        ("text/event-stream", "".join(events).encode()),
        ("application/x-ndjson", "".join(lines_).encode()),
        ("application/json", json.dumps(documents).encode()),
    ]


@pytest.mark.parametrize("form", [0, 1, 2])
@pytest.mark.parametrize("secret", [KEY, 'hunter2"quo\\ted\nand tail'])
def test_a_secret_that_comes_in_pieces_is_not_written(path, monkeypatch, secret, form):
    """What the pieces spell is taken out whole; the rest of the stream stays as it came."""
    monkeypatch.setenv("MY_API_KEY", secret)
    kind, body = told_in_pieces(secret)[form]
    record(path, tells(200, {"Content-Type": kind}, body), {"prompt": json.dumps({"pw": secret})})
    text = path.read_text("utf-8")
    for piece in (secret[:5], secret[9:15], "tail"):
        assert piece not in text
    with ReplayServer(path) as replay:
        _, _, came = send(replay.url, {"prompt": json.dumps({"pw": secret})})
    if form == 2:
        said = json.loads(came)
    else:
        rows = [row.removeprefix("data: ") for row in came.decode().split("\n")]
        said = [json.loads(row) for row in rows if row.startswith("{")]
    assert "".join([one["delta"]["text"] for one in said[::2]]) == "[secret] and more."
    assert [one["delta"] for one in said[1::2]] == [f"word {at} " for at in range(4)]


def test_the_proxy_passes_the_key_and_the_body_on(path):
    seen = []

    def answer(handler) -> None:
        seen.append((handler.path, handler.headers["x-api-key"], handler.body))
        OK(handler)

    record(path, answer, {"a": 1}, to="/v1/x?key=abc", x_api_key=KEY)
    assert seen == [("/v1/x?key=abc", KEY, b'{"a": 1}')]


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("application/json", b'{"a": [1, null]}', "body"),
        ("text/event-stream", b"event: a\ndata: 1\n\n: ping\n\ndata: [DONE]\n\n", "lines"),
        ("text/event-stream", "data: Grüße\r\n\r\ndata: 2\r\n\r\n".encode(), "lines"),
        ("text/event-stream", b"data: 1\n\ndata: 2\r\n\r\n", "text"),
        ("text/event-stream", b"data: \xff\n\n", "base64"),
        ("text/event-stream", b"data: no end", "lines"),
        ("text/html", b"<html>", "text"),
        ("image/png", b"\x89PNG\xff", "base64"),
        ("application/json", b"", None),
    ],
)
def test_every_kind_of_body_comes_back_byte_for_byte(path, kind, body, field):
    record(path, tells(200, {"Content-Type": kind}, body), {"a": 1})
    response = lines(path)[1]["response"]
    assert {"body", "lines", "text", "base64"} & set(response) == ({field} if field else set())
    with ReplayServer(path) as server:
        status, headers, came = send(server.url, {"a": 1})
    assert status == 200
    assert headers["content-type"].startswith(kind)
    if field == "body":
        assert json.loads(came) == json.loads(body)
    else:
        assert came == body


def test_an_answer_that_was_packed_is_written_unpacked(path):
    body = gzip.compress(b'{"a": 1}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with upstream(tells(200, headers, body)) as url, RecordingProxy(path, upstream=url) as proxy:
        _, told, came = send(proxy.url, {})
    assert (told["content-encoding"], came) == ("gzip", body)
    assert lines(path)[1]["response"]["body"] == {"a": 1}


def test_a_reader_that_left_early_is_recorded_as_far_as_it_came(path):
    """The upstream goes on for ever: what is written is what had come."""
    go = threading.Event()

    def answer(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"data: 1\n\n")
        handler.wfile.flush()
        go.wait(60)
        handler.close_connection = True

    try:
        with upstream(answer) as url:
            with RecordingProxy(path, upstream=url) as proxy:
                connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"))
                connection.request("POST", "/v1/x", b"{}")
                response = connection.getresponse()
                assert response.readline() == b"data: 1\n"
                response.close()
                connection.close()
            go.set()
    finally:
        go.set()
    assert lines(path)[1]["response"]["lines"] == ["data: 1", "", ""]
    assert lines(path)[1]["response"]["cut"] is True


def test_a_block_that_raises_leaves_the_recording_as_it_was(path):
    record(path, OK, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(KeyError) as caught, upstream(OK) as url:
        with RecordingProxy(path, upstream=url) as proxy:
            send(proxy.url, {"b": 2})
            raise KeyError
    assert path.read_bytes() == before
    assert "was not written" in caught.value.__notes__[0]


def test_an_upstream_out_of_reach_is_told_to_the_client_and_to_the_test(path):
    with upstream(OK) as url:
        pass
    with pytest.raises(CassetteError, match="upstream did not answer"):
        with RecordingProxy(path, upstream=url) as proxy:
            status, headers, body = send(proxy.url, {})
    assert (status, headers["x-should-retry"]) == (502, "false")
    assert b"upstream did not answer" in body
    assert not path.exists()


def test_recording_beyond_this_machine_obeys_the_switch(path):
    with live.forbid("No."), pytest.raises(ConfigurationError, match=r"api\.example\.invalid"):
        RecordingProxy(path, upstream="https://api.example.invalid")


@pytest.mark.parametrize("url", ["api.example.invalid", "ftp://x", "http://"])
def test_an_upstream_that_is_no_address_is_refused(path, url):
    with pytest.raises(ConfigurationError, match="upstream"):
        RecordingProxy(path, upstream=url)


# -- when a request is the recorded one --------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "came"),
    [
        ({"toolConfig": {"functionNames": ["a"]}}, {"tool_config": {"function_names": ["a"]}}),
        ({"parameters_json_schema": {"type": "x"}}, {"parametersJsonSchema": {"type": "x"}}),
        ({"sig": "8PHy8/T19vf4+fr7/P3+/29w"}, {"sig": "8PHy8_T19vf4-fr7_P3-_29w"}),
        ({"sig": "8PHy8/T19vf4+fr7/P3+/w=="}, {"sig": "8PHy8_T19vf4-fr7_P3-_w"}),
        ({"n": 1, "m": [1.0]}, {"m": [1], "n": 1.0}),
        (
            {"a": "7d444840-9dc0-41d1-b245-5ffdce74fad2", "b": "7d444840-9dc0-41d1-b245-5ffdce74fad2"},
            {"a": "d4735e3a-265e-46ee-8a5f-3c1f1a2b3c4d", "b": "d4735e3a-265e-46ee-8a5f-3c1f1a2b3c4d"},
        ),
        ({"properties": {"City": 1, "city": 2}}, {"properties": {"city": 2, "City": 1}}),
    ],
)  # fmt: skip
def test_how_a_library_spells_a_request_does_not_count(path, recorded, came):
    record(path, OK, recorded)
    with ReplayServer(path) as server:
        assert send(server.url, came)[0] == 200


@pytest.mark.parametrize(
    ("recorded", "came", "where"),
    [
        ({"a": 1}, {"a": 2}, "$.body.a"),
        ({"a": 1}, {"a": True}, "$.body.a"),
        ({"a": [1]}, {"a": [1, 2]}, "$.body.a[1]"),
        ({"a": 1}, {"a": 1, "b": 1}, "$.body.b"),
        ({"properties": {"City": 1, "city": 2}}, {"properties": {"City": 2, "city": 1}}, "City"),
        (
            {"a": "7d444840-9dc0-41d1-b245-5ffdce74fad2", "b": "7d444840-9dc0-41d1-b245-5ffdce74fad2"},
            {"a": "d4735e3a-265e-46ee-8a5f-3c1f1a2b3c4d", "b": "7d444840-9dc0-41d1-b245-5ffdce74fad2"},
            "$.body.b",
        ),
    ],
)  # fmt: skip
def test_what_a_request_says_counts(path, recorded, came, where):
    record(path, OK, recorded)
    with pytest.raises(CassetteError) as caught, ReplayServer(path) as server:
        status, headers, body = send(server.url, came)
    assert (status, headers["x-should-retry"]) == (501, "false")
    error = json.loads(body)["error"]
    assert error["code"] == "altar_replay_miss"
    assert where in error["message"]
    assert str(caught.value) == error["message"]


@pytest.mark.parametrize("change", [{"method": "GET"}, {"to": "/v1/y"}, {"to": "/v1/x?alt=sse"}])
def test_method_path_and_query_count(path, change):
    record(path, OK, {"a": 1})
    with pytest.raises(CassetteError, match="differ first at"), ReplayServer(path) as server:
        assert send(server.url, {"a": 1}, **change)[0] == 501


def test_a_key_in_the_query_does_not_count(path):
    record(path, OK, {"a": 1}, to="/v1/x?key=one")
    with ReplayServer(path) as server:
        assert send(server.url, {"a": 1}, to="/v1/x?key=two")[0] == 200


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "aB", "a_b", "c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(recorded=values, came=values)
def test_a_request_is_found_exactly_when_it_says_the_same(recorded, came):
    """Against a slow and simple reading: the same JSON once names are in one spelling."""
    from altar.testing._wire_file import wire_difference

    def request(body) -> dict:
        return {"method": "POST", "path": "/", "body": body}

    assert wire_difference(request(recorded), request(recorded)) is None
    found = wire_difference(request(recorded), request(came)) is None
    assert found is (spelt(recorded) == spelt(came))


def spelt(value):
    if isinstance(value, dict):
        both = {"aB", "a_b"} <= set(value)
        names = {name: "a_b" if name == "aB" and not both else name for name in value}
        return {"object": {names[name]: spelt(inner) for name, inner in value.items()}}
    if isinstance(value, list):
        return ["array", *map(spelt, value)]
    return (type(value).__name__, value)


# -- order -------------------------------------------------------------------------------


def test_requests_come_in_the_recorded_order(path):
    record(path, OK, {"a": 1}, {"a": 2})
    with pytest.raises(CassetteError, match="The next is exchange 1"):
        with ReplayServer(path) as server:
            send(server.url, {"a": 2})


def test_without_order_requests_come_as_they_like_and_equal_ones_in_theirs(path):
    count = iter(range(9))

    def answer(handler) -> None:
        tells(200, {"Content-Type": "text/plain"}, b"%d" % next(count))(handler)

    record(path, answer, {"a": 1}, {"a": 2}, {"a": 1})
    with ReplayServer(path, ordered=False) as server:
        came = [send(server.url, {"a": n})[2] for n in (2, 1, 1)]
    assert came == [b"1", b"0", b"2"]


def test_one_request_too_many_is_a_miss(path):
    record(path, OK, {"a": 1})
    with pytest.raises(CassetteError, match="all of its 1 exchanges were played"):
        with ReplayServer(path) as server:
            send(server.url, {"a": 1})
            send(server.url, {"a": 1})


def test_exchanges_that_are_left_fail(path):
    record(path, OK, {"a": 1}, {"a": 2})
    with pytest.raises(CassetteError, match=r"1 of 2 exchanges are left, the first is number 2"):
        with ReplayServer(path) as server:
            send(server.url, {"a": 1})


def test_an_error_that_came_of_a_miss_gives_way_to_the_miss(path):
    record(path, OK, {"a": 1})
    with pytest.raises(CassetteError) as caught, ReplayServer(path) as server:
        send(server.url, {"b": 1})
        raise ValueError("the library's own")
    assert isinstance(caught.value.__cause__, ValueError)


def test_any_other_error_of_the_block_stays(path):
    record(path, OK, {"a": 1})
    with pytest.raises(KeyError), ReplayServer(path):
        raise KeyError


def test_threads_replay_at_once(path):
    record(path, OK, *[{"a": n} for n in range(12)])
    with ReplayServer(path, ordered=False) as server:
        threads = [
            threading.Thread(target=send, args=(server.url, {"a": n})) for n in reversed(range(12))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


# -- files -------------------------------------------------------------------------------


def test_a_missing_recording_says_how_to_make_it(path):
    with pytest.raises(CassetteError, match="RecordingProxy"):
        ReplayServer(path)


@pytest.mark.parametrize(
    "text",
    ["{", '{"altar-wire": 2}', '{"altar-cassette": 1}', "[]", '{"altar-wire": 1}\n{"request": {}}',
     '{"altar-wire": 1}\n{"request": {"method": "GET", "path": "/"}, "response": {"status": "x"}}'],
)  # fmt: skip
def test_a_broken_file_is_told_with_its_line(path, text):
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    with pytest.raises(CassetteError, match="line [12]: no recorded exchange"):
        ReplayServer(path)


def test_recording_again_writes_the_same_bytes(path):
    record(path, OK, {"a": 1}, {"b": 2})
    first = path.read_bytes()
    record(path, OK, {"a": 1}, {"b": 2})
    assert path.read_bytes() == first
