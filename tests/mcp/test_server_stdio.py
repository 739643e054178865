"""The server on stdin and stdout: one process, two eras, any bytes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.mcp._stdio import Lines
from tests.mcp.serving import INITIALIZE, Pipe, frame, modern
from tests.waiting import PATIENCE

COMMAND = ("-m", "altar", "mcp", "tests/mcp/small.py")


def call(tool: str, args: object = None, id_: int | str = 1, **more: object) -> dict[str, object]:
    return modern("tools/call", {"name": tool, "arguments": args or {}, **more}, id_)


@pytest.fixture(scope="module")
def pipe():
    with Pipe(*COMMAND) as pipe:
        yield pipe


def test_both_eras_are_served_on_one_pipe(pipe: Pipe):
    assert pipe.ask(call("add", {"a": 1, "b": 2}))["result"]["structuredContent"] == 3
    with Pipe(*COMMAND) as other:
        said = other.ask(frame("initialize", INITIALIZE))["result"]
        assert said["protocolVersion"] == "2025-11-25"
        other.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        asked = frame("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
        assert other.ask(asked)["result"]["structuredContent"] == {"result": 3}
        assert other.ask(call("add", {"a": 1, "b": 2}))["result"]["structuredContent"] == 3


def test_what_tools_print_never_reaches_the_protocol(pipe: Pipe):
    said = pipe.ask(call("noisy"))
    assert said["result"]["content"][0]["text"] == "read ''"
    assert pipe.ask(call("add", {"a": 2, "b": 2}, 2))["id"] == 2


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{garbage\n", -32700),
        (b"\xff\xfe\x00\n", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":NaN}}\n', -32700),
        (b"[" * 50_000 + b"\n", -32700),
        (b'{"a":' + b"1" * 9000 + b"}\n", -32700),
        (b"[]\n", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n', -32600),
        (b'"text"\n', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1}\n', -32600),
        (b"x" * 150_000 + b"\n", -32600),
        (json.dumps(frame("tools/list")).encode() + b"\n", -32602),
        (json.dumps(frame("tools/call", {"_meta": 5})).encode() + b"\n", -32602),
        (json.dumps(modern("no/such")).encode() + b"\n", -32601),
        (json.dumps(modern("ping")).encode() + b"\n", -32601),
        (json.dumps(modern("tools/call", {"name": "nope"})).encode() + b"\n", -32602),
        (json.dumps(modern("tools/call", {"name": ["add"]})).encode() + b"\n", -32602),
        (
            json.dumps(modern("tools/call", {"name": "add", "arguments": 5})).encode() + b"\n",
            -32602,
        ),
        (json.dumps(modern("tools/list", {"cursor": "later"})).encode() + b"\n", -32602),
        (json.dumps(modern("resources/read", {"uri": "notes://"})).encode() + b"\n", -32602),
    ],
)
def test_each_bad_message_has_a_typed_answer_and_the_next_one_is_served(
    pipe: Pipe, raw: bytes, code: int
):
    assert pipe.ask(raw)["error"]["code"] == code
    assert pipe.ask(call("add", {"a": 1, "b": 1}, 7))["result"]["structuredContent"] == 2


def test_a_version_nobody_knows_is_refused_with_those_that_are_served(pipe: Pipe):
    asked = modern("tools/list")
    asked["params"]["_meta"] = {
        **asked["params"]["_meta"],
        "io.modelcontextprotocol/protocolVersion": "2099-01-01",
    }
    error = pipe.ask(asked)["error"]
    assert error["code"] == -32022
    assert error["data"] == {"supported": ["2026-07-28"], "requested": "2099-01-01"}


@given(raw=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_lines_are_the_same_however_they_arrive(raw: bytes, cuts: list[int]):
    raw = raw.replace(b"\x00", b"\n")
    whole = Lines(8).feed(raw + b"\n")
    marks = [0, *sorted(cuts), len(raw)]
    parts = Lines(8)
    found = [line for a, b in pairwise(marks) for line in parts.feed(raw[a:b])]
    assert found + parts.feed(b"\n") == whole
    assert [line if len(line) <= 8 else None for line in raw.split(b"\n")] == whole


def test_strange_notifications_and_answers_are_dropped(pipe: Pipe):
    pipe.write(
        b"\n",
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}},
        {"jsonrpc": "2.0", "method": "notifications/unheard-of"},
        {"jsonrpc": "2.0", "id": "altar-1", "result": {}},
        {"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}},
    )
    assert pipe.ask(call("add", {"a": 1, "b": 1}, 8))["id"] == 8


def test_a_cancelled_call_is_ended_and_never_answered(pipe: Pipe):
    pipe.write(call("forever", id_="long"))
    cancelled = {"requestId": "long", "reason": "enough"}
    pipe.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
    assert pipe.ask(call("add", {"a": 1, "b": 1}, 9))["id"] == 9
    assert pipe.ask(call("add", {"a": 1, "b": 1}, "long"))["result"]["structuredContent"] == 2


def test_a_request_with_the_id_of_a_running_one_is_refused(pipe: Pipe):
    pipe.write(call("forever", id_=50))
    assert pipe.ask(call("add", {"a": 1, "b": 1}, 50))["error"]["code"] == -32600
    pipe.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 50}})


def test_a_flood_is_answered_to_the_last_call(pipe: Pipe):
    for start in range(0, 2000, 50):
        pipe.write(*(call("add", {"a": n, "b": 0}, n) for n in range(start, start + 50)))
        found = {pipe.read()["id"] for _ in range(50)}
        assert found == set(range(start, start + 50))


def test_more_running_calls_than_allowed_are_refused_at_once():
    with Pipe(*COMMAND) as pipe:
        pipe.write(*(call("forever", id_=n) for n in range(70)))
        refused = [pipe.read() for _ in range(6)]
        assert {one["error"]["code"] for one in refused} == {-32000}
        pipe.write(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        )
        asked = (pipe.ask(call("add", {"a": 1, "b": 1}, n)) for n in range(100, 200))
        assert next(one for one in asked if "result" in one)["result"]["structuredContent"] == 2


def test_calls_that_run_when_stdin_closes_are_still_answered():
    patient = "import altar.mcp._stdio as stdio; stdio._GRACE = 60.0\nfrom tests.mcp.small import *"
    with Pipe("-c", f"{patient}\nfrom altar.mcp import serve; serve(server)") as pipe:
        raw = json.dumps(call("add", {"a": 20, "b": 1}, 4)).encode()
        pipe.write(call("wait", {"seconds": 0.02}, 3), raw)  # the last one without its end
        left, code = pipe.end()
    assert {json.loads(line)["id"] for line in left.splitlines()} == {3, 4}
    assert code == 0


def test_a_call_that_would_run_for_ever_does_not_keep_the_server_alive():
    with Pipe(*COMMAND) as pipe:
        pipe.write(call("forever"))
        pipe.ask(call("add", {"a": 1, "b": 1}, 2))
        left, code = pipe.end()
    assert (left, code) == (b"", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_told_to_stop_it_stops():
    with Pipe(*COMMAND) as pipe:
        pipe.ask(call("add", {"a": 1, "b": 1}))
        pipe.process.send_signal(signal.SIGTERM)
        assert pipe.process.wait(PATIENCE) == 0


def test_a_file_as_stdin_is_read_to_its_end(tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text(json.dumps(call("add", {"a": 3, "b": 4})) + "\n")
    with asked.open() as source:
        done = subprocess.run(
            [sys.executable, *COMMAND], stdin=source, capture_output=True, timeout=120, check=True
        )
    assert json.loads(done.stdout)["result"]["structuredContent"] == 7


def test_progress_goes_to_who_asked_for_it_before_the_answer(pipe: Pipe):
    asked = call("count", {"n": 3}, 60)
    asked["params"]["_meta"] = {**asked["params"]["_meta"], "progressToken": "mine"}  # type: ignore[index]
    pipe.write(asked)
    said = [pipe.read() for _ in range(4)]
    assert [one["params"]["progress"] for one in said[:3]] == [1, 2, 3]
    assert said[0]["params"] == {
        "progressToken": "mine",
        "progress": 1,
        "total": 3,
        "message": "at 1",
    }
    assert said[3]["result"]["structuredContent"] == 3
    assert "method" not in pipe.ask(call("count", {"n": 3}, 61))


def test_a_listener_hears_that_it_listens_and_is_cancelled_silently(pipe: Pipe):
    wanted = {"toolsListChanged": True, "promptsListChanged": True}
    said = pipe.ask(modern("subscriptions/listen", {"notifications": wanted}, "ear"))
    assert said["method"] == "notifications/subscriptions/acknowledged"
    assert said["params"]["notifications"] == {"toolsListChanged": True}
    assert said["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "ear"}
    pipe.write(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "ear"}}
    )
    assert pipe.ask(call("add", {"a": 1, "b": 1}, 62))["id"] == 62
