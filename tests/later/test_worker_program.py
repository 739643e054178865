"""The program of a worker, spoken to by hand: every word of the wire, and every way to end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from altar.isolate import _wire as wire
from altar.isolate._spawn import spawn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix sockets")

ROOT = str(Path(__file__).parents[2])
HERE = "tests.later.worker_tools"


class Talk:
    """One worker and this end of its line."""

    def __init__(self, memory_mb: int | None = None) -> None:
        program = ("tests.later.measured_worker", ROOT)
        self.worker = spawn("by-hand", memory_mb=memory_mb, program=program)
        self.line: socket.socket = self.worker.sock
        self.line.settimeout(60)
        while self.worker.rest:
            self.worker.rest = self.worker.rest[self.line.send(self.worker.rest) :]
        self.number = 0
        self.expect(wire.READY)

    def say(self, kind: int, body: dict) -> None:
        self.line.sendall(wire.encode(kind, body))

    def hear(self) -> tuple[int, dict]:
        head = self._take(wire.HEADER.size)
        if not head:
            return 0, {}
        length, kind = wire.HEADER.unpack(head)
        return kind, wire.decode(self._take(length))

    def expect(self, kind: int) -> dict:
        heard, body = self.hear()
        assert heard == kind, (heard, body)
        return body

    def begin(self, name: str, args: dict | None = None, **more) -> None:
        self.number += 1
        extra = {"behind": 0} | more.pop("extra", {})
        path = more.pop("target", f"{HERE}:{name}")
        doc = {"id": self.number, "target": path, "extra": extra, "max_bytes": 4096}
        doc |= {"name": name, "call_id": "c", "args": args or {}, **more}
        self.say(wire.CALL, doc)

    def ask(self, name: str, args: dict | None = None, **more) -> dict:
        """The body of the answer, LOADED and chunks left out."""
        self.begin(name, args, **more)
        while True:
            kind, body = self.hear()
            if kind not in (wire.LOADED, wire.CHUNK):
                assert kind in (wire.RESULT, wire.REFUSED), kind
                assert body["id"] == self.number
                return body

    def content(self, name: str, args: dict | None = None, **more):
        return self.ask(name, args, **more)["result"]["content"]

    def error(self, name: str, args: dict | None = None, **more) -> dict:
        return self.ask(name, args, **more)["result"]["error"]

    def ended(self) -> int:
        return self.worker.process.wait(60)

    def close(self) -> None:
        self.line.close()
        try:
            os.killpg(self.worker.process.pid, signal.SIGCONT)
            self.ended()
        except ProcessLookupError:
            pass
        except Exception:
            self.worker.process.kill()
            raise

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.line.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data


@pytest.fixture(scope="module")
def talk():
    made = Talk()
    yield made
    made.say(wire.BYE, {})
    assert made.ended() == 0
    made.close()


@pytest.fixture
def fresh():
    made = Talk()
    yield made
    made.close()


@pytest.mark.parametrize("name", ["add", "aadd"])
def test_a_call_is_answered_again_and_again(talk, name):
    assert [talk.content(name, {"a": n}) for n in range(12)] == list(range(1, 13))
    assert talk.error(name, {"a": "x"})["type"] == "PARAMETER_VALIDATION_FAILED"


@pytest.mark.parametrize("name", ["count", "acount"])
def test_a_stream_tells_its_chunks_where_somebody_listens(talk, name):
    talk.begin(name, {"to": 3}, emit=True)
    heard = [talk.hear()]
    while heard[-1][0] != wire.RESULT:
        heard.append(talk.hear())
    assert [body["chunk"] for kind, body in heard if kind == wire.CHUNK] == ["0", "1", "2"]
    assert heard[-1][1]["result"]["content"] == "012"


def test_what_a_tool_raises_is_told_with_its_traceback_for_the_application_alone(talk):
    result = talk.ask("broken")["result"]
    assert result["error"]["message"] == "The tool 'broken' failed (ValueError)"
    assert "inside" in result["x_worker"]["traceback"]
    exposed = talk.error("broken", extra={"expose_errors": True})
    assert exposed["message"].endswith("inside")
    assert "Faulty" in talk.ask("faulty")["result"]["error"]["message"]
    assert talk.error("interrupted")["type"] == "TOOL_EXECUTION_FAILED"


def test_what_a_tool_logs_comes_with_its_answer_up_to_a_bound(talk):
    logs = talk.ask("logs", {"times": 300}, max_bytes=100_000)["result"]["x_worker"]["logs"]
    assert len(logs) == 200
    assert logs[0] == {"level": 30, "text": "line 0", "extra": {"tool": "logs"}}


def test_want_of_memory_is_told_as_the_limit_it_is(talk):
    assert talk.error("starving")["type"] == "TOOL_EXECUTION_FAILED"
    assert "512 MB" in talk.error("starving", memory_mb=512)["message"]


def test_objects_that_stayed_behind_refuse_whatever_is_asked_of_them(talk):
    assert "ctx.deps" in talk.error("depends", extra={"deps": True})["message"]
    assert "ctx.session" in talk.error("sessions", session="s")["message"]
    shown = talk.content("shows", approved=True, seconds=5.0, session="s", correlation_id="k")
    assert shown[0].startswith("<ctx.session")
    assert shown[1:] == [None, True, True]


def test_a_raised_flag_reaches_a_tool_that_looks(talk):
    talk.begin("waits")
    heard = talk.hear()[0]
    assert heard == wire.LOADED
    talk.say(wire.CANCEL, {"id": talk.number - 1, "reason": "another call's"})
    talk.say(wire.CANCEL, {"id": talk.number, "reason": "enough"})
    assert talk.expect(wire.RESULT)["result"]["content"] == "heard"


def test_what_is_too_large_or_too_deep_is_answered_in_its_place(talk):
    assert talk.error("large", {"size": 9000})["type"] == "RESOURCE_EXHAUSTED"
    assert "deep" in talk.error("deep", {"levels": 150})["message"]
    talk.begin("chunks", {"size": 9000}, emit=True)
    heard = [talk.hear()]
    while heard[-1][0] != wire.RESULT:
        heard.append(talk.hear())
    assert [body["chunk"] for kind, body in heard if kind == wire.CHUNK] == ["small"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tests.later.nowhere:f", "cannot import"),
        (f"{HERE}:nothing", "holds no nothing"),
        ("__mp_main__:f", ""),
        ("tests.later.bad_import:f", "raised RuntimeError"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_reason(talk, path, why):
    body = talk.ask("f", target=path)
    assert why in body["why"]
    assert "result" not in body


def test_a_tool_may_be_hidden_behind_its_name_or_have_a_schema_alone(talk):
    assert (
        talk.content("hidden_one", {"n": 3}, target=f"{HERE}:_hidden", extra={"behind": None}) == 3
    )
    assert talk.content("raw", {"any": [1]}, extra={"schema": True}) == {"any": [1]}
    assert talk.content("add", {"a": 1}, extra={"strict": True, "max_chunks": 5}) == 2


def test_what_a_tool_set_for_the_interpreter_is_taken_back(talk):
    before = talk.content("recursion")
    talk.ask("meddles")
    assert talk.content("recursion") == before


def test_threads_and_tasks_that_end_when_they_are_told_to_are_no_change(talk):
    assert talk.content("threaded") == 2
    assert talk.content("leaves_tasks", {"stubborn": False}) == "left"
    assert talk.content("add", {"a": 1}) == 2


def test_spans_of_a_traced_call_come_with_its_answer(talk):
    header = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    body = talk.ask("traced", traceparent=header)
    names = {span["name"] for span in body["spans"]}
    assert "inside" in names
    assert {span["trace"] for span in body["spans"]} == {"a" * 32}
    assert "spans" not in talk.ask("traced")


@pytest.mark.parametrize(
    "what",
    [
        *("working directory", "umask", "signal handlers", "threads", "children"),
        *("resource limits", "descriptors", "environment", "modules", "streams"),
    ],
)
def test_a_worker_that_was_changed_says_so_and_ends(fresh, what):
    assert fresh.content("changes", {"what": what}) == what
    assert what in fresh.expect(wire.RETIRED)["changed"]
    assert fresh.ended() == wire.RETIRED_CODE


def test_a_task_that_does_not_end_is_a_change(fresh):
    assert fresh.content("leaves_tasks", {"stubborn": True}) == "left"
    assert "tasks" in fresh.expect(wire.RETIRED)["changed"]


def test_a_worker_kept_for_its_session_may_be_changed(fresh):
    assert fresh.content("changes", {"what": "environment"}, kept=True) == "environment"
    assert fresh.content("add", {"a": 1}, kept=True) == 2


def test_what_was_loaded_ahead_is_loaded_once(fresh):
    words = {"name": "add", "target": f"{HERE}:add", "extra": {"behind": 0}}
    missing = {"name": "f", "target": "tests.later.nowhere:f", "extra": {"behind": 0}}
    fresh.say(wire.LOAD, {"targets": [words, missing]})
    fresh.begin("add", {"a": 1})
    assert fresh.hear()[0] == wire.LOADED
    assert fresh.expect(wire.RESULT)["result"]["content"] == 2


def test_a_call_that_comes_while_another_runs_is_answered_after_it(fresh):
    fresh.begin("waits")
    assert fresh.hear()[0] == wire.LOADED
    first = fresh.number
    time.sleep(0.05)
    fresh.begin("add", {"a": 1})
    fresh.say(wire.CANCEL, {"id": first, "reason": "enough"})
    assert fresh.expect(wire.RESULT)["result"]["content"] == "heard"
    assert fresh.hear()[0] == wire.LOADED
    assert fresh.expect(wire.RESULT)["result"]["content"] == 2


@pytest.mark.parametrize("how", ["bye", "end of file"])
@pytest.mark.parametrize("when", ["idle", "busy"])
def test_the_end_of_the_parent_is_the_end_whatever_runs(fresh, how, when):
    if when == "busy":
        fresh.begin("waits")
        assert fresh.hear()[0] == wire.LOADED
    if how == "bye":
        fresh.say(wire.BYE, {})
    else:
        fresh.line.shutdown(socket.SHUT_WR)
    assert fresh.ended() == 0


def test_a_forked_child_that_comes_back_answers_nobody(fresh):
    pid = fresh.content("forks")
    assert pid > 0


def test_a_tool_that_takes_the_line_ends_its_worker(fresh):
    fresh.begin("drops_line")
    assert fresh.ended() == 70


def test_a_frame_beyond_the_limit_ends_the_worker(fresh):
    fresh.line.sendall(wire.HEADER.pack(wire.HARD_LIMIT + 1, wire.CALL) + b"{}")
    assert fresh.ended() == 70


def test_a_worker_whose_memory_is_bounded_serves_within_it():
    made = Talk(memory_mb=256)
    try:
        assert made.content("add", {"a": 1}) == 2
        assert made.content("large", {"size": 10}) == "x" * 10
    finally:
        made.close()
