"""FakeServer: what every fake does whatever it speaks, seen from a plain HTTP client."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    OverloadedError,
    RateLimitError,
    TransportError,
)
from altar.llm import Request, Response, Sampling, Text
from altar.testing import FakeServer, Fault, FunctionProvider, Gate, ScriptedProvider
from altar.testing._fake_http import Answer, Answered, ServerEvent
from altar.testing._fake_neutral import neutral_request
from altar.testing._fake_server import FakeCall, Received
from tests.testing._wire import connect, post, send
from tests.waiting import PATIENCE, soon


class Plain(FakeServer):
    """The smallest vendor: a body is {"say": ..., "stream": ...}, an answer {"text": ...}."""

    vendor = "plain"

    def route(self, received: Received) -> FakeCall | None:
        if received.path.partition("?")[0] == "/closed":
            raise Answered(Answer(410, {"gone": True}))
        if received.path.partition("?")[0] != "/say":
            return None
        body = received.body if isinstance(received.body, dict) else {}
        return FakeCall(api="plain", streamed=bool(body.get("stream")))

    def read(self, call: FakeCall) -> Request:
        if call.body.get("say") == "forbidden":
            raise self.refused(400, "not that")
        return neutral_request("m", (), instructions=call.body.get("say"))

    def write(self, call: FakeCall, response: Response):
        return {"text": response.message.text}

    def write_events(self, call: FakeCall, response: Response):
        return [ServerEvent({"piece": piece}) for piece in response.message.text.split()]

    def error(self, status: int, message: str, *, code: str = "", api: str = "") -> Answer:
        return Answer(status, {"error": {"message": message, "code": code}})

    def write_fault(self, call: FakeCall, fault: Fault) -> Answer:
        wait = "" if fault.retry_after is None else str(fault.retry_after)
        return Answer(429, {"error": {"message": fault.kind}}, {"Wait": wait})

    def write_stream_fault(self, call: FakeCall, fault: Fault):
        return [ServerEvent({"error": fault.kind}, "error")]


def ask(fake: FakeServer, say: str = "hi", **more):
    return post(fake, "/say", {"say": say, **more}, {})


def test_entries_are_answered_in_order_in_every_form_a_script_knows():
    """A text, a part, a list, a Response and a Gate are what ScriptedProvider makes of them."""
    said = ScriptedProvider(["e"]).complete(
        neutral_request("m", ()),
        attempt=None,  # type: ignore[arg-type]
    )
    gate = Gate("f")
    gate.open()
    with Plain(["a", Text("b"), ["c", Text("d")], said, gate]) as fake:
        assert [ask(fake).body["text"] for _ in range(5)] == ["a", "b", "cd", "e", "f"]


def test_a_connection_is_kept_between_requests():
    """Three requests, streamed and not, and a refusal between them, go over one socket."""
    with Plain(["one", "two words", "three"]) as fake, closing(connect(fake)) as connection:
        first = send(connection, "/say", {"say": "x"}, {})
        used = connection.sock
        streamed = send(connection, "/say", {"say": "x", "stream": True}, {})
        refused = send(connection, "/say", {"say": "forbidden"}, {})
        last = send(connection, "/say", {"say": "x"}, {})
        assert connection.sock is used
        assert [first.body["text"], refused.status, last.body["text"]] == ["one", 400, "three"]
        assert [data["piece"] for _, data in streamed.events] == ["two", "words"]


def test_each_of_many_threads_gets_an_entry_of_its_own():
    """Twelve threads at once: every entry is given once."""
    entries = [f"entry {n}" for n in range(48)]
    with Plain(entries) as fake, ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda _: ask(fake).body["text"], entries))
        assert sorted(said) == sorted(entries)
        assert len(fake.requests) == len(fake.asked) == 48


def test_a_client_sees_an_event_before_the_next_is_sent():
    """At a gate after one event, the first can be read while the server waits."""
    gate = Gate("first second third", after=1)
    with Plain([gate]) as fake, closing(connect(fake)) as connection:
        connection.request("POST", "/say", json.dumps({"stream": True}))
        answer = connection.getresponse()
        assert gate.reached(PATIENCE)
        assert answer.readline() == b'data: {"piece":"first"}\n'
        gate.open()
        assert answer.read().count(b"piece") == 2


def test_a_gate_holds_back_a_whole_answer_too():
    """Nothing is sent before the gate opens."""
    gate = Gate("late")
    with Plain([gate]) as fake, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, fake)
        assert gate.reached(PATIENCE)
        assert not waiting.done()
        gate.open()
        assert waiting.result(PATIENCE).body == {"text": "late"}


def test_a_client_that_leaves_disturbs_nobody():
    """A client that goes away in the middle of a stream is forgotten, and the next is served."""
    gate = Gate("a b c d", after=1)
    with Plain([gate, "next"]) as fake:
        with closing(connect(fake)) as connection:
            connection.request("POST", "/say", json.dumps({"stream": True}))
            answer = connection.getresponse()
            assert gate.reached(PATIENCE)
            answer.close()
        gate.open()
        assert ask(fake).body == {"text": "next"}


def test_a_client_that_leaves_in_the_middle_of_its_request_uses_up_no_entry():
    """A body that is shorter than announced is no request."""
    with Plain(["whole"]) as fake:
        host, port = fake.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            raw.sendall(b"POST /say HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert ask(fake).body == {"text": "whole"}
        assert len(fake.requests) == 1


def test_a_request_in_chunks_is_read():
    """A body without a length, in chunks, is a body."""
    with Plain(["fine"]) as fake, closing(connect(fake)) as connection:
        connection.request("POST", "/say", iter([b'{"say":', b' "chunks"}']), encode_chunked=True)
        assert json.loads(connection.getresponse().read()) == {"text": "fine"}
        assert fake.asked[0].instructions == "chunks"


@pytest.mark.parametrize("after", [None, 1])
def test_what_hangs_is_released_when_the_server_closes(after: int | None):
    """A client that waits for ever gets the end of its connection, at once."""
    fake = Plain([Fault("hang", after=after)])
    with closing(connect(fake)) as connection:
        connection.request("POST", "/say", json.dumps({"stream": True}))
        if after is not None:
            assert connection.getresponse().readline().startswith(b"data:")
        else:
            assert soon(lambda: fake.asked)
        fake.close()
        assert connection.sock is None or connection.sock.recv(4096) in (b"", b"\n")


def test_a_server_closes_while_a_copy_of_all_it_holds_is_open_elsewhere():
    """As in a child that was forked meanwhile, and knows nothing of it."""
    fake = Plain(["x"])
    listener = fake._listener
    with ExitStack() as copies:
        for end in (listener._wake, listener.woken, listener._socket):
            copies.callback(os.close, os.dup(end.fileno()))
        closing_it = threading.Thread(target=fake.close, daemon=True)
        closing_it.start()
        closing_it.join(PATIENCE)
        assert not closing_it.is_alive()


def test_a_server_in_a_process_of_more_than_a_thousand_open_files_answers():
    """``select`` would refuse its sockets, and nobody would let a client in."""
    resource = pytest.importorskip("resource")
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4096:
        pytest.skip("so many files are not allowed here")
    with ExitStack() as files:
        highest = 0
        while highest < 1100:
            highest = os.dup(0)
            files.callback(os.close, highest)
        with Plain(["fine", Fault("hang")]) as fake, closing(connect(fake)) as connection:
            assert ask(fake).body == {"text": "fine"}
            connection.request("POST", "/say", "{}")
            assert soon(lambda: len(fake.asked) == 2)
            assert connection.sock.fileno() > 1024


def test_a_gate_that_is_reached_when_the_server_has_closed_holds_back_nobody():
    gate = Gate("late")

    def closes(request: Request) -> Gate:
        fake.close()
        return gate

    fake = Plain(closes)
    name = f"altar-fake-{fake.url.rpartition(':')[2]}-client"
    with closing(connect(fake)) as connection:
        with pytest.raises((OSError, http.client.HTTPException)):
            send(connection, "/say", {"say": "x"}, {})
    assert gate.reached(PATIENCE)
    assert soon(lambda: name not in {one.name for one in threading.enumerate()})


def test_what_hangs_ends_when_the_client_leaves():
    """No thread keeps waiting for a client that is gone."""
    with Plain([Fault("hang"), "next"]) as fake:
        with closing(connect(fake)) as connection:
            connection.request("POST", "/say", json.dumps({}))
            assert soon(lambda: fake.asked)
        client = f"altar-fake-{fake.url.rpartition(':')[2]}-client"
        assert soon(lambda: client not in [thread.name for thread in threading.enumerate()])
        assert ask(fake).body == {"text": "next"}


def test_a_server_can_be_closed_twice_and_leaves_no_thread():
    """Close is final, quick to repeat, and takes its threads with it."""
    fake = Plain(["x"])
    gate_threads = [t for t in threading.enumerate() if t.name.startswith("altar-fake-")]
    ask(fake)
    fake.close()
    fake.close()
    assert not [t for t in gate_threads if t.is_alive()]
    with pytest.raises(OSError, match=r"refused|reset|closed"):
        ask(fake)


def test_before_any_byte_the_connection_can_close():
    """Fault("close") is a connection that says nothing."""
    with Plain([Fault("close")]) as fake, pytest.raises(http.client.RemoteDisconnected):
        ask(fake)


def test_an_answer_can_break_off_half_way():
    """A whole answer stops in its body, a stream between two events."""
    broken = [Fault("close", after=2, reply="a b c d") for _ in range(2)]
    with Plain(broken) as fake:
        with pytest.raises(http.client.IncompleteRead) as whole:
            ask(fake)
        assert whole.value.partial == b'{"text":"'
        with pytest.raises(http.client.IncompleteRead) as streamed:
            ask(fake, stream=True)
        assert streamed.value.partial.count(b"data:") == 2


def test_what_is_no_answer_can_be_sent():
    """Broken JSON, a page of HTML, and broken JSON in the middle of a stream."""
    faults = [Fault("garbage"), Fault("content_type"), Fault("garbage", after=1)]
    with Plain(faults) as fake:
        garbage, page = ask(fake), ask(fake, stream=True)
        with pytest.raises(json.JSONDecodeError):
            _ = garbage.body
        assert (page.status, page.headers["content-type"]) == (200, "text/html")
        middle = ask(fake, stream=True).raw.split(b"\n\n")
        assert json.loads(middle[0].removeprefix(b"data: "))
        with pytest.raises(json.JSONDecodeError):
            json.loads(middle[1].partition(b"data: ")[2])


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_huge_and_still_true(stream: bool):
    """It is many megabytes of white space and then the answer: only a bound refuses it."""
    with Plain([Fault("huge", reply="x")]) as fake:
        found = ask(fake, stream=stream)
        assert len(found.raw) > 32_000_000
        said = found.events[0][1] if stream else found.body
        assert said in ({"text": "x"}, {"piece": "x"})


def test_a_fault_is_spelt_by_the_vendor():
    """Before any byte as an answer with its headers, in a stream after n events."""
    with Plain([Fault("rate_limit", retry_after=2), Fault("overloaded", after=1)]) as fake:
        first = ask(fake, stream=True)
        assert (first.status, first.headers["wait"], first.words) == (429, "2", "rate_limit")
        events = ask(fake, stream=True).events
        assert [name for name, _ in events] == [None, "error"]
        assert events[1][1] == {"error": "overloaded"}


def test_in_an_answer_that_is_not_streamed_a_late_fault_is_an_early_one():
    """There is no middle to fail in."""
    with Plain([Fault("overloaded", after=3)]) as fake:
        assert ask(fake).status == 429


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RateLimitError("slow", retry_after=3.0), "rate_limit"),
        (OverloadedError("busy"), "overloaded"),
        (AuthenticationError("who"), "auth"),
    ],
)
def test_an_error_of_altars_is_the_fault_a_vendor_would_answer_with(error, kind):
    """In a script, and raised by a brain."""

    def brain(request):
        raise error

    for replies in ([error], FunctionProvider(brain)):
        with Plain(replies) as fake:
            assert ask(fake).words == kind


def test_a_transport_error_is_a_closed_connection():
    """What never was an answer is none here either."""
    with Plain([TransportError("gone")]) as fake, pytest.raises(http.client.RemoteDisconnected):
        ask(fake)


def test_a_brain_is_asked_with_the_neutral_request():
    """A provider, a function and an async function see what the client asked."""

    async def later(request):
        return f"later {request.instructions}"

    brains = [
        (FunctionProvider(lambda request: f"provider {request.instructions}"), "provider why"),
        (lambda request: [Text(f"function {request.instructions}")], "function why"),
        (later, "later why"),
    ]
    for brain, said in brains:
        with Plain(brain) as fake:
            assert ask(fake, "why").body == {"text": said}
            assert ask(fake, "why").body == {"text": said}


def test_a_function_may_answer_with_a_fault():
    """A brain can fail whenever it likes."""
    with Plain(lambda request: Fault("overloaded")) as fake:
        assert ask(fake).words == "overloaded"


def test_a_refused_request_uses_up_no_entry():
    """The vendor's no comes before the script."""
    with Plain(["for the next"]) as fake:
        assert (ask(fake, "forbidden").status, ask(fake).body) == (400, {"text": "for the next"})
        assert len(fake.requests) == 2
        assert len(fake.asked) == 1


@pytest.mark.parametrize("body", [b"{no json", b"[1]", b'"text"', b""])
def test_a_body_that_is_no_json_object_is_refused(body: bytes):
    """As the vendor says it, and the server lives on."""
    with Plain(["x"]) as fake:
        refused = post(fake, "/say", body, {})
        assert (refused.status, "JSON" in refused.words) == (400, True)
        ask(fake)


def test_an_unknown_path_is_not_found_and_a_hook_may_answer_by_itself():
    """A route that is None is 404; a hook that raises Answered has answered."""
    with Plain() as fake:
        assert post(fake, "/other", {}, {}).status == 404
        assert post(fake, "/closed", {}, {}).body == {"gone": True}


def test_keys_are_seen_by_hooks_but_never_kept():
    """Headers and the query's key are redacted in what is recorded."""
    secret = {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "x-goog-api-key": "s3cret"}
    with Plain(["x"]) as fake:
        post(fake, "/say?key=s3cret&alt=sse", {"say": "x"}, secret)
        assert "s3cret" not in repr(fake.requests)
        assert fake.requests[0].path == "/say?key=%5Bsecret%5D&alt=sse"
        assert fake.requests[0].headers["authorization"] == "[secret]"
        assert fake.requests[0].body == {"say": "x"}
        assert json.loads(fake.requests[0].raw) == {"say": "x"}


def test_a_script_that_was_not_played_to_its_end_is_told():
    """By finished(), and on leaving the context."""
    with pytest.raises(AssertionError, match=r"1 of 2 replies are left, the next is 'never'"):
        with Plain(["x", "never"]) as fake:
            ask(fake)


def test_a_script_that_ends_too_early_is_told():
    """The client gets an error that nobody retries, and the test fails."""
    with pytest.raises(AssertionError, match="has 1 replies, and was asked for 1 more"):
        with Plain(["x"]) as fake:
            ask(fake)
            assert ask(fake).status == 400


def test_an_answer_that_cannot_be_written_is_told():
    """A hook that breaks answers 500 at once, and finished() raises what it raised."""

    class Broken(Plain):
        def write(self, call, response):
            raise KeyError("no such field")

    with pytest.raises(AssertionError, match="no such field") as told:
        with Broken(["x"]) as fake:
            assert ask(fake).status == 500
    assert isinstance(told.value.__cause__, KeyError)


def test_leaving_by_an_exception_hides_it_behind_nothing():
    """A test's own failure is not replaced by what the script lacks."""
    with pytest.raises(ZeroDivisionError), Plain(["x"]):
        raise ZeroDivisionError


def test_a_text_is_no_list_of_replies():
    """A list of letters is never meant."""
    with pytest.raises(ConfigurationError, match=r"type \['hello'\]"):
        Plain("hello")


def test_an_unknown_fault_names_the_kinds_there_are():
    """A typo is no fault that never happens."""
    with pytest.raises(ConfigurationError, match="rate_limit, overloaded"):
        Fault("overload")  # type: ignore[arg-type]


def test_a_neutral_request_is_whole():
    """A request that says nothing of sampling or tools has the neutral values."""
    with Plain(["x"]) as fake:
        ask(fake, "why")
        asked = fake.asked[0]
        assert (asked.tools, asked.tool_choice, asked.output) == ((), None, None)
        assert asked.sampling == Sampling()
