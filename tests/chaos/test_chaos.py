"""A short run of the chaos: a few hundred calls, each accounted for, and nothing left behind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from altar import FunctionCall, Session
from altar.adm import ErrorObject, ToolResult
from altar.resilience import Slots
from altar.runtime import ConcurrencyLimit, Wrapper
from tests.chaos import run as chaos
from tests.chaos import stacks, tools
from tests.chaos.leftovers import footprint, left_behind
from tests.chaos.run import Sent, account

MANY = 200


def test_every_call_is_accounted_for_and_nothing_is_left_behind():
    chaos.run(30, 0, without=frozenset(tools.FAR))
    before = footprint()
    report = chaos.run(MANY, 20, without=frozenset({"grows", "loops", "segfaults", "aborts"}))
    assert report.broken == []
    assert report.answered == report.sent >= MANY
    assert left_behind(before) == []


def test_each_slot_is_free_when_the_calls_have_ended(monkeypatch):
    made: list[Slots] = []

    def limited(inner, random):
        limit = ConcurrencyLimit(inner, 2, max_wait=0.2)
        made.append(limit.slots)
        return limit

    monkeypatch.setattr(stacks, "WRAPPERS", [limited])
    monkeypatch.setattr(stacks, "policy_of", lambda random: limited_by_hand(limited))
    report = chaos.run(120, 7, without=frozenset(tools.FAR))
    assert report.broken == []
    assert made
    assert all(slots.free == slots.limit and slots.queued == 0 for slots in made)


def limited_by_hand(limited):
    return lambda local: limited(local, Random(0))


@pytest.mark.parametrize(
    ("came", "bodies", "said"),
    [
        (ToolResult(name="write", call_id="other", content={"ticket": "t"}), 1, "another call"),
        (ToolResult(name="write", call_id="c", content={"ticket": "u"}), 1, "what another call"),
        (ToolResult(name="write", call_id="c", content={"ticket": "t"}), 0, "no body has begun"),
        (ToolResult(name="write", call_id="c", content={"ticket": "t"}), 2, "may not run twice"),
        (
            ToolResult(
                name="write",
                call_id="c",
                error=ErrorObject(message="no", type="TIMEOUT", details={"executed": "no"}),
            ),
            1,
            "nothing was begun, and 1",
        ),
        (
            ToolResult(name="write", call_id="c", error=ErrorObject(message="no", type="ODD")),
            1,
            "no type of altar's",
        ),
        (ValueError("lost"), 1, "something else than a result"),
        (None, 1, "0 answers, not 1"),
    ],
)
def test_the_accounting_sees_a_broken_law(came, bodies, said):
    call = FunctionCall(name="write", args={"ticket": "t"}, call_id="c")
    sent = Sent(call, timeout=None, approved=False, gives_up=False, twin=False)
    if came is not None:
        sent.keep(came)
    assert any(said in line for line in account([sent], Counter({"t": bodies})).broken)


class Twice(Wrapper):
    """Carries every call out twice."""

    def steps(self, call, ctx):
        yield ctx
        return (yield ctx)


def test_a_runtime_that_runs_bodies_twice_is_found_out(monkeypatch):
    monkeypatch.setattr(stacks, "runtime_of", lambda random, limits: (Twice, "twice"))
    report = chaos.run(40, 1, without=frozenset(tools.FAR | tools.HANGS))
    assert any("may not run twice" in line for line in report.broken)


def test_the_tools_need_no_registry():
    with Session(tools.TOOLS) as session:
        assert len(session) == len(tools.TOOLS)
