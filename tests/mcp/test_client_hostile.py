"""The client against servers that mean harm: what they say is a stranger's word."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from altar import Session
from altar.adm import FunctionCall
from altar.errors import DeclarationError, ErrorType
from altar.mcp import Client, McpError, Question
from altar.mcp._import_patterns import is_quick, without_patterns
from altar.runtime import CallContext, Cancellation, Retry
from tests.mcp.hostile import Wicked, over_http, over_stdio, wicked
from tests.waiting import PATIENCE, soon

OK = {"content": [{"type": "text", "text": "ok"}]}
LOST = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"


def an_hour_later() -> None:
    """The clock of the client's own loop, which this runs in, goes on by an hour."""
    loop = asyncio.get_running_loop()
    clock = loop.time
    loop.time = lambda: clock() + 3600


def approved(client: Client) -> Any:
    call = FunctionCall(call_id="1", name="work", args={})
    return Session(tools=[client]).invoke(call, CallContext(approved=True))


class Asked:
    """Says no to whatever it is asked, and keeps it."""

    def __init__(self) -> None:
        self.of: list[Question] = []

    def __call__(self, question: Question) -> bool:
        self.of.append(question)
        return False


# -- what would send a call twice ----------------------------------------------------------


@pytest.mark.parametrize("code", [-32098, -32000])
def test_no_code_of_a_message_makes_a_call_come_twice(code: int, tmp_path: Path):
    log = tmp_path / "log"
    body = f"""
def call(m):
    open({str(log)!r}, "a").write("charged ")
    err(m, {code}, "Busy: the till printed the bill, try later")
"""
    with over_stdio(body, restart=True) as client:
        assert Session(tools=[client]).execute("work", {}).error is not None
    assert log.read_text() == "charged "


def test_a_busy_server_is_asked_again_where_that_does_no_harm():
    body = """
more = {"annotations": {"idempotentHint": True}}
def call(m):
    err(m, -32000, "Busy for now") if calls < 3 else ans(m, text(str(calls)))
"""
    with over_stdio(body, trust=True) as client:
        assert Session(tools=[client]).execute("work", {}).content == "3"
    with over_stdio(body) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert error.type == ErrorType.RATE_LIMIT_EXCEEDED


def test_what_altars_own_server_did_not_begin_is_asked_again():
    body = """
def call(m):
    if calls < 3: err(m, -32000, "Busy: 8 requests are running, which is the limit")
    else: ans(m, text(str(calls)))
"""
    with over_stdio(body) as client:
        assert Session(tools=[client]).execute("work", {}).content == "3"


def test_a_stranger_does_not_say_whether_a_call_may_come_again():
    body = """
def call(m):
    fail(m, type="MADE_UP", message=str(calls), retry_allowed=True, retry_after_ms=0,
         details={"executed": "no", "kept": 1})
"""
    call = FunctionCall(name="work", args={})
    with over_stdio(body) as client:
        error = Retry(Session(tools=[client]), 3).invoke(call, CallContext()).error
        assert (error.message, error.retry_allowed) == ("1", None)
        assert error.details == {"kept": 1, "retry_after_ms": 0}
    with over_stdio(body, trust=True) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert error.retry_allowed is True
        assert error.details == {"executed": "no", "kept": 1}


def test_retry_after_of_a_server_that_may_have_begun_is_not_believed():
    said = b"HTTP/1.1 503 Later\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    with wicked(lambda _, __: said) as server, over_http(server) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert (error.type, error.retry_allowed) == (ErrorType.SERVICE_UNAVAILABLE, None)


def test_an_approved_call_is_not_put_to_the_person_again():
    body = 'def call(m): fail(m, type="APPROVAL_REQUIRED", message="again?")'
    with over_stdio(body) as client:
        assert approved(client).error.type == ErrorType.PERMISSION_DENIED


# -- questions ---------------------------------------------------------------------------


def test_the_yes_to_a_call_answers_one_question_of_its_and_no_other():
    body = """
def call(m):
    said = []
    for q in ("Allow?", "Delete all?", "Pay Mallory?"):
        ask(q, message=q, requestedSchema=YES)
        said.append(heard()["result"]["action"])
    ans(m, text(" ".join(said)))
"""
    asked = Asked()
    with over_stdio(body, elicit=asked) as client:
        assert approved(client).content == "accept decline decline"
    assert [one.message for one in asked.of] == ["Delete all?", "Pay Mallory?"]


def test_the_yes_to_a_call_does_not_answer_the_question_of_one_that_was_given_up():
    body = """
first = None
def call(m):
    global first
    if first is None:
        first = m
        token = m["params"]["_meta"]["progressToken"]
        put({"method": "notifications/progress", "params": {"progressToken": token}})
        return
    ask("q", message="Allow the first?", requestedSchema=YES)
    ans(m, text(heard()["result"]["action"]))
    ans(first, text("late"))
def other(m):
    if m.get("method") == "ping": ans(m, {})
"""
    asked = Asked()
    with over_stdio(body, elicit=asked) as client:
        given_up = Cancellation()
        context = CallContext(cancelled=given_up, emit=lambda _: given_up.cancel())
        call = FunctionCall(call_id="0", name="work", args={})
        error = Session(tools=[client]).invoke(call, context).error
        assert error.type == ErrorType.CANCELLED
        assert approved(client).content == "decline"
        client.request("ping")  # behind the late answer: nothing is open any more
        assert approved(client).content == "accept"
    assert len(asked.of) == 1


def test_the_yes_to_a_call_answers_nothing_but_a_yes_or_no():
    forms = [
        {},
        {"requestedSchema": {"type": "object"}},
        {"requestedSchema": {"type": "object", "required": ["pin"]}},
        {"requestedSchema": {"type": "object", "properties": {}, "anyOf": [{}]}},
    ]
    body = f"""
def call(m):
    said = []
    for at, form in enumerate({forms!r}):
        ask(at, message="x", **form)
        said.append(heard()["result"]["action"])
    ans(m, text(" ".join(said)))
"""
    asked = Asked()
    with over_stdio(body, elicit=asked) as client:
        assert approved(client).content == " ".join(["decline"] * 4)
    assert len(asked.of) == 4


def test_other_modes_and_pages_that_are_none_are_refused():
    bad = [
        {"mode": "made-up"},
        {"mode": 7},
        {"mode": "url"},
        {"mode": "url", "url": 7},
        {"mode": "url", "url": "file:///etc/passwd"},
        {"mode": "url", "url": "javascript:alert(1)"},
        {"mode": "url", "url": "http://[x"},
        {"mode": "url", "url": "https://a\nb/"},
        {"mode": "url", "url": "https://x/" + "a" * 5000},
    ]
    body = f"""
def call(m):
    codes = []
    for at, params in enumerate({bad!r}):
        ask(at, message="x", **params)
        codes.append(heard()["error"]["code"])
    ans(m, text(str(set(codes))))
"""
    asked = Asked()
    with over_stdio(body, elicit=asked) as client:
        assert approved(client).content == "{-32602}"
    assert not asked.of


def test_a_page_of_the_web_is_put_to_the_person():
    body = """
def call(m):
    ask("q", message="x", mode="url", url="https://example.com/pay?a=1")
    ans(m, text(str(heard()["result"])))
"""
    with over_stdio(body, elicit=lambda q: q.url is not None) as client:
        assert approved(client).content == "{'action': 'accept'}"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_answer_that_ends_the_process_ends_only_its_question(way: str):
    body = """
def call(m):
    ask("q", message="x")
    ans(m, text(heard()["error"]["message"]))
"""

    def leave(_: Question) -> bool:
        sys.exit(3)

    async def aleave(_: Question) -> bool:
        sys.exit(3)

    async def main() -> str:
        async with over_stdio(body, elicit=leave if way == "sync" else aleave) as client:
            session = Session(tools=[client])
            said = (await session.aexecute("work", {})).content
            assert (await session.aexecute("work", {})).content == said
            return said

    assert asyncio.run(main()).startswith("Asking a person for")


def test_an_id_that_is_open_is_refused_and_one_person_is_asked():
    body = """
def call(m):
    for _ in range(40): ask("q", message="x")
    codes = [heard().get("error", {}).get("code") for _ in range(39)]
    ask("end", message="end")
    heard(), heard()
    ans(m, text(str(set(codes))))
"""
    over = threading.Event()
    asked: list[str] = []

    def wait(question: Question) -> bool:
        asked.append(question.message)
        if question.message == "end":
            over.set()
        return over.wait(PATIENCE)

    with over_stdio(body, elicit=wait) as client:
        assert Session(tools=[client]).execute("work", {}).content == "{-32600}"
    assert sorted(asked) == ["end", "x"]  # each in a thread of its own


def test_questions_taken_back_before_they_begin_make_room():
    body = """
def call(m):
    if calls == 1:
        for at in range(16):
            frames = [{"id": at, "method": "elicitation/create", "params": {"message": "x"}},
                      {"method": "notifications/cancelled", "params": {"requestId": at}}]
            sys.stdout.write("".join(json.dumps({"jsonrpc": "2.0", **f}) + "\\n" for f in frames))
        ans(m, text("x"))
    else:
        ask("last", message="x")
        said = heard()
        while said.get("id") != "last": said = heard()
        ans(m, text(said["result"]["action"]))
"""
    with over_stdio(body, elicit=lambda _: True) as client:
        session = Session(tools=[client])
        session.execute("work", {})
        assert session.execute("work", {}).content == "accept"


def test_questions_taken_back_and_put_again_do_not_gather_threads():
    body = """
def call(m):
    for at in range(100):
        ask(at, message="x")
        time.sleep(0.002)
        put({"method": "notifications/cancelled", "params": {"requestId": at}})
    ans(m, text("ok"))
"""
    over = threading.Event()
    count: list[int] = []

    def wait(_: Question) -> bool:
        count.append(1)
        return over.wait(PATIENCE)

    with over_stdio(body, elicit=wait) as client:
        assert Session(tools=[client]).execute("work", {}).content == "ok"
        over.set()
    assert len(count) <= 16


# -- bytes of HTTP -------------------------------------------------------------------------


@pytest.mark.parametrize("session", [b"a\nX-Evil: 1", b"a\rb", b"a b", b"x" * 257, b"\xe9"])
def test_a_session_id_that_is_no_line_of_a_header_is_refused(session: bytes):
    with wicked(lambda w, asked: w.json(asked, OK)) as server:
        server.session = session
        with pytest.raises(McpError), over_http(server):
            pass
        assert len(server.heads) == 1


def test_no_header_is_sent_that_is_more_than_a_line():
    with wicked(lambda w, asked: w.json(asked, OK)) as server, over_http(server) as client:
        wire = client._engine.peer.transport._wire

        async def ask() -> None:
            async with wire.asking("POST", {"a": "b\nX-Evil: 1"}):
                pass

        with pytest.raises(McpError, match="not one line"):
            client._run(ask())
        assert not any("X-Evil" in head for head in server.heads)


@pytest.mark.parametrize(
    "head",
    [
        *(
            b"Content-Length: " + size
            for size in (b"-5", b"+5", b"1_0", b"0x5", b"5, 5", b"9" * 30)
        ),
        b"Content-Length: 2\r\nContent-Length: 3",
    ],
)
def test_lengths_are_digits(head: bytes):
    def call(_: Wicked, __: object) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head + b"\r\n\r\n{}   "

    with wicked(call) as server, over_http(server) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert error.type == ErrorType.SERVICE_UNAVAILABLE
        assert "length" in error.message


@pytest.mark.parametrize("size", [b"-2", b"+2", b"0x2", b"1_0", b"", b"f" * 20])
def test_sizes_of_chunks_are_hexadecimal_digits(size: bytes):
    def call(_: Wicked, __: object) -> bytes:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
        return head + b"\r\n\r\n" + size + b"\r\n{}\r\n0\r\n\r\n"

    with wicked(call) as server, over_http(server) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert (error.type, "no size" in error.message) == (ErrorType.SERVICE_UNAVAILABLE, True)


def test_chunks_are_read_with_their_extensions_and_trailers():
    def call(w: Wicked, asked: dict) -> bytes:
        body = w.json(asked, OK).partition(b"\r\n\r\n")[2]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
        chunks = b"%X ;a=b\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
        return head + b"\r\n\r\n" + chunks

    with wicked(call) as server, over_http(server) as client:
        session = Session(tools=[client])
        assert [session.execute("work", {}).content for _ in range(2)] == ["ok", "ok"]


def test_a_stream_taken_up_again_is_not_a_storm():
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    count: list[int] = []

    def got() -> bytes:
        count.append(1)
        return stream + b"retry: 0\nid: %d\ndata:\n\n" % len(count)

    with wicked(lambda _, __: stream + b"retry: 0\nid: x\ndata:\n\n") as server:
        server.got = got
        with over_http(server) as client:
            error = Session(tools=[client]).execute("work", {}, timeout=0.3).error
            assert error.type == ErrorType.TIMEOUT
    assert len(count) < 20


@pytest.mark.parametrize("how", ["exits", "raises"])
def test_a_token_that_is_not_given_is_a_typed_error_without_its_words(how: str):
    def bearer() -> str:
        if how == "exits":
            sys.exit("s3cret")
        raise KeyError("s3cret")

    with wicked(lambda w, asked: w.json(asked, OK)) as server:
        with pytest.raises(McpError, match="bearer") as caught, over_http(server, bearer=bearer):
            pass
        assert caught.value.type == ErrorType.CONFIGURATION_ERROR
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("way", "kind"), [("its time", ErrorType.TIMEOUT), ("its caller", ErrorType.CANCELLED)]
)
def test_what_ends_a_call_while_a_session_is_begun_anew_leaves_the_client_alive(
    way: str, kind: str
):
    lost: list[int] = []
    let_go = threading.Event()
    given_up = Cancellation()

    def call(w: Wicked, asked: dict) -> bytes:
        if lost:
            return w.json(asked, OK)
        lost.append(1)
        return LOST

    with wicked(call) as server:
        server.session = b"abc"
        with over_http(server) as client:
            session = Session(tools=[client])
            transport = client._engine.peer.transport
            close = transport.close

            async def closing() -> None:
                if way == "its time":
                    an_hour_later()
                else:
                    given_up.cancel()
                await asyncio.to_thread(let_go.wait, PATIENCE)
                await close()

            transport.close = closing
            asked = FunctionCall(call_id="1", name="work", args={})
            try:
                error = session.invoke(asked, CallContext(cancelled=given_up)).error
                assert soon(lambda: len(client._engine._running) == 1)  # what is begun anew
            finally:
                let_go.set()
            assert error.type == kind
            assert [session.execute("work", {}).content for _ in range(2)] == ["ok", "ok"]


def test_a_server_that_is_ready_at_the_end_of_a_calls_time_is_kept():
    client = over_stdio("")
    opened = client._engine.open

    async def just_in_time() -> Any:
        peer = await opened()
        an_hour_later()
        client._engine.open = opened
        return peer

    client._engine.open = just_in_time
    try:
        with pytest.raises(McpError) as caught:
            client.request("tools/call", {"name": "work"})
        assert caught.value.type == ErrorType.TIMEOUT
        assert client.request("tools/call", {"name": "work"}) == OK
    finally:
        client.close()


def test_a_session_that_is_lost_again_and_again_is_a_typed_error():
    with wicked(lambda _, __: LOST) as server:
        server.session = b"abc"
        with over_http(server) as client:
            error = Session(tools=[client]).execute("work", {}).error
            assert error.type == ErrorType.SERVICE_UNAVAILABLE
            assert "forgotten" in error.message
        assert sum("tools/call" in head or "POST" in head for head in server.heads) < 12


# -- time ----------------------------------------------------------------------------------


def test_pages_that_drip_have_one_time_together():
    body = """
def tools(m):
    time.sleep(0.04)
    ans(m, {"tools": [], "nextCursor": str(m["id"])})
"""
    with pytest.raises(McpError) as caught, over_stdio(body, timeout=0.4):
        pass
    assert caught.value.type == ErrorType.TIMEOUT


def test_all_turns_of_a_call_have_one_time_together():
    body = """
def call(m):
    time.sleep(0.04)
    ans(m, {"resultType": "input_required", "requestState": "x"})
"""
    with over_stdio(body, modern=True) as client:
        with pytest.raises(McpError) as caught:
            client.request("tools/call", {"name": "work"}, timeout=0.3)
        assert caught.value.type == ErrorType.TIMEOUT


def test_a_request_does_not_wait_longer_for_the_start_than_its_own_time(tmp_path: Path):
    go = tmp_path / "go"
    client = over_stdio(f"while not os.path.exists({str(go)!r}): time.sleep(0.005)")
    try:
        with pytest.raises(McpError, match="not ready") as caught:
            client.request("ping", timeout=0.05)
        assert caught.value.details["executed"] == "no"
        go.touch()
        assert Session(tools=[client]).execute("work", {}).content == "ok"  # it went on starting
    finally:
        client.close()


def test_the_time_of_a_call_stands_still_while_a_person_is_asked():
    body = """
def call(m):
    ask("q", message="x")
    ans(m, text(heard()["result"]["action"]))
"""

    async def slow(_: Question) -> bool:
        an_hour_later()
        for _ in range(5):
            await asyncio.sleep(0)
        return True

    with over_stdio(body, elicit=slow) as client:
        result = client.request("tools/call", {"name": "work"})
        assert result["content"][0]["text"] == "accept"


def test_progress_that_raises_is_told_and_harms_no_request(caplog: pytest.LogCaptureFixture):
    body = """
def other(m):
    if "id" not in m: return
    token = m["params"].get("_meta", {}).get("progressToken", 0)
    frames = [{"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}}]
    frames += [*frames, {"id": m["id"], "result": {"fine": 1}}]
    sys.stdout.write("".join(json.dumps({"jsonrpc": "2.0", **f}) + "\\n" for f in frames))
    sys.stdout.flush()
"""
    told: list[object] = []

    def bad(chunk: object) -> None:
        told.append(chunk)
        sys.exit("mine")

    with over_stdio(body) as client, caplog.at_level(logging.ERROR, "asyncio"):
        assert client.request("x/y", progress=bad) == {"fine": 1}
        assert client.request("x/y") == {"fine": 1}
    assert told == [{"progress": 1}]
    assert "progress= function" in caplog.text


# -- patterns and shapes -------------------------------------------------------------------


SLOW = {"type": "object", "properties": {"s": {"type": "string", "pattern": "^(a+)+$"}}}


def test_a_pattern_that_never_ends_is_run_on_no_result_argument_or_form():
    body = f"""
slow = {SLOW!r}
more = {{"inputSchema": slow, "outputSchema": slow}}
def call(m):
    ask("q", message="x", requestedSchema=slow)
    heard()
    ans(m, {{"structuredContent": {{"s": "a" * 40 + "!"}}}})
"""
    long = {"s": "a" * 40 + "!"}
    with over_stdio(body, elicit=lambda _: long) as client:
        assert Session(tools=[client]).execute("work", long).content == long


@pytest.mark.parametrize(
    ("pattern", "quick"),
    [
        (r"^\d{4}-\d{2}$", True),
        (r"^[^@]+@[^@]+$", True),
        (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", True),
        (r"[+*]{2}(?:a|b)(?<n>c)?\(", True),
        (r"", True),
        (r"^(a+)+$", False),
        (r"(a|aa)*b", False),
        (r"[^](a+)+$", False),
        (r"((ab)*)*", False),
        (r"(\)a+){2,}", False),
        (r"(a)\1", False),
        (r"a*a*a*", False),
        (r"^.*.*.*x", False),
        (r"a)", False),
        ("a" * 2000, False),
    ],
)
def test_quick_patterns_are_told_from_those_that_may_take_for_ever(pattern: str, quick: bool):
    assert is_quick(pattern) is quick


def test_patterns_are_taken_out_wherever_schemas_are_and_nowhere_else():
    slow = {"pattern": "(a+)+", "description": "kept"}
    schema = {
        "properties": {"pattern": slow, "list": {"items": [slow], "minItems": 1}},
        "default": slow,
        "patternProperties": {"^x(a*)*": {}},
        "additionalProperties": False,
        "$defs": {"d": {"patternProperties": {"^x": {}}, "additionalProperties": False}},
        "not": slow,
    }
    kept = {"description": "kept"}
    assert without_patterns(schema) == {
        "properties": {"pattern": kept, "list": {"items": [kept], "minItems": 1}},
        "default": slow,
        "$defs": {"d": schema["$defs"]["d"]},
        "not": kept,
    }
    assert without_patterns({"pattern": "^x$"}) == {"pattern": "^x$"}
    assert without_patterns({"pattern": "^x$"}, keep_quick=False) == {}
    assert without_patterns(schema["$defs"]["d"], keep_quick=False) == {}


def test_null_says_nothing_and_any_error_is_one():
    null = {"type": "text", "text": "null"}
    results = [
        ({"structuredContent": None, **OK}, "ok"),
        ({"structuredContent": None, "content": []}, None),
        ({"structuredContent": None, "content": [null]}, None),
        ({"isError": None, **OK}, "ok"),
        ({"isError": False, **OK}, "ok"),
    ]
    bad = [{"isError": said, **OK} for said in (1, "yes", {})]
    told = [*(result for result, _ in results), *bad]
    with over_stdio(f"def call(m): ans(m, {told!r}[m['params']['arguments']['at']])") as client:
        session = Session(tools=[client])
        for at, (result, content) in enumerate(results):
            assert session.execute("work", {"at": at}).content == content, result
        for at in range(len(results), len(told)):
            assert session.execute("work", {"at": at}).error.message == "ok"


def test_waits_that_are_none_are_no_waits():
    waits = ["1e999", "1" + "0" * 400, "-1", '"x"', "true"]
    body = f"""
waits = {waits!r}
def other(m):
    if "id" not in m: return
    error = '{{"error":{{"type":"X","message":"m","retry_after_ms":%s}}}}' % waits.pop()
    frame = {{"jsonrpc": "2.0", "id": m["id"], "error": {{"code": 1, "message": "", "data": 0}}}}
    raw(json.dumps(frame).replace('"data": 0', '"data": ' + error))
"""
    with over_stdio(body) as client:
        for _ in waits:
            with pytest.raises(McpError) as caught:
                client.request("x/y")
            assert (caught.value.type, caught.value.retry_after) == ("X", None)


def test_texts_of_a_server_are_bounded():
    body = """
more = {"description": "d" * 10**6, "title": "t" * 10**6, "annotations": {"x": "y" * 10**6}}
TOO = [{"name": "x" * 10**6, "inputSchema": {"type": "object"}}]
def tools(m): ans(m, {"tools": [{"name": "work", "inputSchema": {}, **more}, *TOO]})
def call(m): fail(m, type="T" * 10**6, message="m" * 10**6)
"""
    with over_stdio(body, skip_refused=True) as client:
        (tool,) = client.tools()
        assert len(json.dumps(tool.declaration.to_dict())) < 30_000
        assert [len(one.name) for one in client.refused] == [100]
        error = Session(tools=[client]).execute("work", {}).error
        assert len(error.message) + len(error.type) < 3000


def test_a_definition_that_nests_too_deeply_is_refused_by_name():
    nested = '{"properties":{"a":' * 450 + "{}" + "}}" * 450
    body = f"""
def tools(m):
    raw('{{"jsonrpc":"2.0","id":%d,"result":{{"tools":[{{"name":"work","inputSchema":%s}}]}}}}'
        % (m["id"], {nested!r}))
"""
    with over_stdio(body) as client_made:
        with pytest.raises(DeclarationError, match="work"):
            client_made.tools()


# -- the end -------------------------------------------------------------------------------


def test_a_collector_does_not_wait_for_a_client_that_nobody_closed():
    let_go = threading.Event()
    done: list[bool] = []

    def gone() -> None:
        let_go.wait(PATIENCE)
        done.append(True)

    with wicked(lambda w, asked: w.json(asked, OK)) as server:
        server.session, server.gone = b"abc", gone
        client = over_http(server)
        client.tools()
        del client
        gc.collect()
        assert not done
        let_go.set()


def test_a_client_that_nobody_closed_says_goodbye_at_the_end_of_the_process():
    import subprocess  # noqa: PLC0415

    said = threading.Event()
    with wicked(lambda w, asked: w.json(asked, OK)) as server:
        server.session, server.gone = b"abc", said.set
        code = (
            "from altar.mcp import connect, ClientOptions\n"
            f"client = connect(url={server.url!r}, options=ClientOptions(version='2025-11-25'))\n"
            "client.tools()\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
        assert said.wait(PATIENCE)


def test_a_caller_cancelled_while_the_client_closes_leaves_no_word(
    caplog: pytest.LogCaptureFixture,
):
    async def main() -> None:
        async with over_stdio("def call(m): pass") as client:
            session = Session(tools=[client])
            task = asyncio.create_task(session.aexecute("work", {}))
            while not client._engine._running:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)
            task.cancel()

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(main())
        gc.collect()
    assert "never retrieved" not in caplog.text
