"""One call's life: answered exactly once, whatever happens in whatever order."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

import hypothesis.strategies as st
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from altar.adm import FunctionCall
from altar_extras.grid.client import ClientSettings
from altar_extras.grid.client._invocation import Act, Invocation
from altar_extras.grid.wire import (
    Error,
    Fault,
    Part,
    StreamChunk,
    ToolResultMessage,
    executed_of,
)

RUNTIMES = ("rt-a", "rt-b", "rt-c")
ID = "i1"


def message(runtime: str = "rt-a", error: dict[str, Any] | None = None, **fields: Any):
    doc: dict[str, Any] = {"call_id": "c", "name": "add", "status": "SUCCESS", "content": 3}
    if error is not None:
        doc = {"call_id": "c", "name": "add", "status": "ERROR", "error": error}
    return ToolResultMessage(invocation_id=ID, result=doc, runtime=runtime, **fields)


def refusal(reason: str = "overloaded", executed: str = "no") -> dict[str, Any]:
    details = {"executed": executed, "reason": reason}
    return {"message": "no", "type": "RESOURCE_EXHAUSTED", "details": details}


def made(**how: Any) -> Invocation:
    options = ClientSettings(**{"attempts": 3, **how.pop("settings", {})})
    return Invocation(FunctionCall(name="add", args={"a": 1}), ID, settings=options, **how)


def sent(runtime: str = "rt-a", **how: Any) -> Invocation:
    one = made(**how)
    one.sent(runtime, epoch="e1")
    return one


def kinds(acts: list[Act]) -> list[str]:
    return [act.kind for act in acts]


def answer(acts: list[Act]) -> Any:
    return next(act.value for act in acts if act.kind == "answer")


class Life(RuleBasedStateMachine):
    """Peers, networks and callers at their worst; a shell that does what it is told."""

    @initialize(
        idempotent=st.booleans(), listens=st.booleans(), runtime=st.sampled_from(("", *RUNTIMES))
    )
    def begin(self, idempotent: bool, listens: bool, runtime: str) -> None:
        self.one = made(idempotent=idempotent, listens=listens)
        self.answers: list[Any] = []
        self.emitted: list[int] = []
        self.sends = 1
        self.free: set[str] = set()  # who did not hear it while there were others
        self.reached = False  # a runtime said that it runs, or said nothing at all
        self.one.sent(runtime, epoch="e1")

    def do(self, acts: list[Act]) -> None:
        for act in acts:
            if act.kind == "answer":
                self.answers.append(act.value)
            elif act.kind == "emit":
                self.emitted.append(act.value)
            elif act.kind == "send":
                assert not self.answers, "sent again after its answer"
                self.sends += 1
                self.one.sent(RUNTIMES[self.sends % 3], epoch="e1")

    @rule(runtime=st.sampled_from(RUNTIMES), chunks=st.integers(0, 3))
    def result(self, runtime: str, chunks: int) -> None:
        self.do(self.one.take(message(runtime, chunks=chunks)))

    @rule(
        runtime=st.sampled_from(RUNTIMES),
        reason=st.sampled_from(["overloaded", "draining", "spool_full", "digest_differs"]),
        executed=st.sampled_from(["no", "yes", "unknown"]),
    )
    def refused(self, runtime: str, reason: str, executed: str) -> None:
        self.do(self.one.take(message(runtime, refusal(reason, executed))))

    @rule(executed=st.sampled_from(["no", "yes", "rubbish"]))
    def error(self, executed: str) -> None:
        self.do(self.one.take(Error(id=ID, error={"message": "x"}, executed=executed)))

    @rule(seq=st.integers(0, 5))
    def chunk(self, seq: int) -> None:
        self.do(self.one.take(StreamChunk(invocation_id=ID, seq=seq, chunk=seq)))

    @rule()
    def heard(self) -> None:
        self.do(self.one.heard())

    @rule(size=st.sampled_from([3, 10**12]))
    def large(self, size: int) -> None:
        self.do(self.one.take(message("rt-a", size=size, sha256="0" * 64)))

    @rule(seq=st.integers(0, 3), last=st.booleans())
    def part(self, seq: int, last: bool) -> None:
        piece = Part(invocation_id=ID, of="result", seq=seq, data=b"abc", last=last)
        self.do(self.one.take(piece))

    @rule(runtime=st.sampled_from(RUNTIMES))
    def accepted(self, runtime: str) -> None:
        self.do(self.one.accepted(runtime, "e1"))

    @rule(
        state=st.sampled_from(["result", "running", "never_seen", "unknown", "?"]),
        runtime=st.sampled_from(RUNTIMES),
        epoch=st.sampled_from(["e1", "e2", ""]),
    )
    def answered(self, state: str, runtime: str, epoch: str) -> None:
        self.do(self.one.answered(state, runtime, epoch))

    @rule(others=st.booleans())
    def nobody(self, others: bool) -> None:
        if others and self.one.phase in ("sent", "stopping"):
            self.free.add(self.one.runtime)
        self.do(self.one.nobody(others=others))

    @rule(
        what=st.sampled_from(["disconnected", "reattached", "unreachable", "suspect", "vanished"])
    )
    def happens(self, what: str) -> None:
        self.do(getattr(self.one, what)())

    @rule()
    def cancel(self) -> None:
        self.do(self.one.cancel("enough"))

    @rule()
    def unstopped(self) -> None:
        self.do(self.one.unstopped())

    @rule()
    def unsent(self) -> None:
        fault = Fault(type="SERVICE_UNAVAILABLE", reason="disconnected", message="gone")
        if self.one.phase == "new":
            self.do(self.one.unsent(fault))

    @invariant()
    def it_is_answered_once_and_then_it_is_done(self) -> None:
        assert len(self.answers) <= 1
        assert bool(self.answers) == (self.one.phase == "done")

    @invariant()
    def every_error_says_whether_it_ran(self) -> None:
        for result in self.answers:
            if result.error is not None:
                assert result.error.details["executed"] in ("no", "yes", "unknown")
                if executed_of(result) == "no":
                    assert not self.one.may_have_run, "some attempt may have run"

    @invariant()
    def chunks_come_in_order_and_each_once(self) -> None:
        assert self.emitted == list(range(1, len(self.emitted) + 1))

    @invariant()
    def it_is_sent_no_more_often_than_it_may(self) -> None:
        assert self.sends <= self.one.settings.attempts + len(self.free)
        assert self.free <= {"", *RUNTIMES}, "as often as there are runtimes, and the group"

    def teardown(self) -> None:
        """Time ends every call."""
        if hasattr(self, "one") and not self.answers:
            self.do(self.one.late(1.0))
            assert len(self.answers) == 1
            assert self.one.phase == "done"


Life.TestCase.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=20, deadline=None
)
TestLife = Life.TestCase


def test_a_full_runtime_sends_the_call_to_another_with_the_same_id():
    one = sent()
    acts = one.take(message("rt-a", refusal("overloaded")))
    assert kinds(acts) == ["send"], "it is free again in a moment: its breaker stays shut"
    assert acts[-1].value == "rt-a"
    one.sent("rt-b")
    assert (one.id, one.attempt) == (ID, 2)
    assert answer(one.take(message("rt-b"))).content == 3


def test_a_try_that_nobody_heard_counts_only_where_nobody_else_is_left():
    one = sent("rt-0")
    for n in range(1, 50):
        assert kinds(one.nobody(others=True)) == ["bad", "send"], n
        one.sent(f"rt-{n}")
    for n in range(50, 52):
        assert kinds(one.nobody()) == ["bad", "send"], n
        one.sent(f"rt-{n}")
    acts = one.nobody()
    assert kinds(acts) == ["bad", "answer"]
    found = answer(acts)
    assert (found.error.details["reason"], executed_of(found)) == ("no_runtime", "no")


def test_a_runtime_that_nobody_hears_again_and_again_costs_tries():
    one = sent("rt-a")
    for _ in range(3):
        assert kinds(one.nobody(others=True)) == ["bad", "send"]
        one.sent("rt-a")
    assert kinds(one.nobody(others=True)) == ["bad", "answer"]


def test_no_more_attempts_are_made_than_the_wire_can_count():
    one = sent("rt-0")
    while (acts := one.nobody(others=True))[-1].kind == "send":
        one.sent(f"rt-{one.attempt}")
    assert one.attempt == 1000
    assert answer(acts).error.details["reason"] == "no_runtime"


def test_a_call_that_ran_is_never_sent_again():
    one = sent()
    found = answer(one.take(message("rt-a", refusal("overloaded", "yes"))))
    assert executed_of(found) == "yes"


def test_a_lost_connection_is_asked_about_and_the_answer_believed():
    one = sent()
    assert kinds(one.disconnected()) == ["reattach"]
    assert kinds(one.reattached()) == ["query"]
    assert one.answered("running", "rt-a", "e1") == []
    assert answer(one.take(message())).content == 3


def test_what_was_never_seen_is_sent_again():
    one = sent()
    one.disconnected()
    one.reattached()
    assert kinds(one.answered("never_seen", "rt-a", "")) == ["send"]


def test_what_nobody_can_say_is_outcome_unknown():
    one = sent()
    one.disconnected()
    found = answer(one.unreachable())
    assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")


def test_an_idempotent_call_whose_runtime_died_goes_to_another():
    one = sent(idempotent=True)
    assert kinds(one.vanished()) == ["bad", "lost", "send"]
    one.sent("rt-b")
    found = answer(one.take(message("rt-b", refusal("digest_differs"))))
    assert executed_of(found) == "unknown", "the first attempt may have run"


def test_a_gap_in_a_stream_breaks_it_and_stops_the_tool():
    one = sent(listens=True)
    assert kinds(one.take(StreamChunk(invocation_id=ID, seq=1, chunk=1))) == ["emit"]
    acts = one.take(StreamChunk(invocation_id=ID, seq=3, chunk=3))
    assert kinds(acts) == ["cancel", "answer"]
    assert answer(acts).error.type == "STREAM_BROKEN"


def test_credits_go_back_at_half_a_window():
    one = sent(listens=True)
    given = []
    for seq in range(1, 65):
        one.take(StreamChunk(invocation_id=ID, seq=seq, chunk=seq))
        given += [act.value for act in one.heard()]
    assert given == [("chunks", 32), ("chunks", 32)]


def test_an_answer_of_a_runtime_that_was_never_asked_is_dropped():
    one = sent()
    assert kinds(one.take(message("rt-x"))) == ["stray"]
    assert answer(one.take(message("rt-a"))).content == 3
    assert kinds(one.take(message("rt-a"))) == ["stray"]


def test_cancelled_is_said_by_the_runtime_or_not_at_all():
    one = sent()
    assert kinds(one.cancel("enough")) == ["cancel"]
    found = answer(one.unstopped())
    assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")
    other = made()
    found = answer(other.cancel("enough"))
    assert (found.error.type, executed_of(found)) == ("CANCELLED", "no")
