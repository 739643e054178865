"""A grid that is broken in every way there is: what it promises holds for every single call."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import ErrorObject, ToolResult
from tests.grid.chaos import bodies
from tests.grid.chaos.ledger import Ledger, Row, Sent
from tests.grid.chaos.run import SCENARIOS, run_one
from tests.waiting import PATIENCE

# What each law needs, once: no ghost, nothing twice and nothing lost (partition), the audit exact
# and unknown only where nobody can know (runtime_killed), CANCELLED means stopped (cancelled),
# typed failures (full_disk). All the others are the long form's: nox -s chaos.
QUICK = ("hostile_runtime", "cancelled")
LONG = (
    "runtime_killed",
    "partition",
    "runtime_first",
    "frames",
    "full_disk",
    "level_one",
)


def play(name):
    row = asyncio.run(asyncio.wait_for(run_one(name, 1.0, short=True), 6 * PATIENCE))
    assert row.broken == [], row.line()
    assert row.answered == row.sent > 0
    assert (row.ghosts, row.duplicates, row.lost) == (0, 0, 0)


@pytest.mark.parametrize("name", QUICK)
def test_every_call_is_accounted_for_when(name):
    play(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_every_call_is_accounted_for_also_when(name):
    play(name)


def test_every_scenario_says_what_it_does():
    assert all(one.play.__doc__ for one in SCENARIOS.values())
    assert {*QUICK, *LONG} <= SCENARIOS.keys()


def test_an_outage_over_its_bar_is_marked():
    assert "120! " in Row(bar=0.1, outage=0.12).line()
    assert "!" not in Row(bar=0.1, outage=0.08).line()
    assert "!" not in Row(outage=9.0).line()
    assert Row(bar=0.1, recovered=False).is_over


def failed(kind, executed):
    error = ErrorObject(message="no", type=kind, details={"executed": executed, "reason": "r"})
    return ToolResult(name="work", call_id="c", error=error)


@pytest.mark.parametrize(
    ("lines", "came", "said"),
    [
        ([], None, "never answered"),
        (["B k 1 5.0", "E k 1 5.1", "B k 2 6.0"], "k", "ran 2 times"),
        (["B k 1 11.0"], "k", "after its deadline"),
        (["B k 1 5.0"], failed("SERVICE_UNAVAILABLE", "no"), "answered executed=no"),
        ([], failed("TIMEOUT", "yes"), "did not run"),
        ([], failed("TIMEOUT", ""), "untyped"),
        (["B k 1 5.0"], failed("CANCELLED", "yes"), "had not stopped"),
        (["B k 1 5.0"], "another", "answered with 'another'"),
        ([], "k", "no body began"),
    ],
)
def test_the_accounting_sees_a_broken_law(tmp_path, lines, came, said):
    file = tmp_path / "marks"
    file.write_text("".join(f"{line}\n" for line in lines))
    ledger = Ledger(file)
    sent = Sent("k", "work", 4.0, 10.0, wanted="k")
    if came is not None:
        done = ToolResult(name="work", call_id="c", content=came)
        sent.answers.append(came if isinstance(came, ToolResult) else done)
        sent.answered_at = 7.0
    ledger.calls.append(sent)
    assert any(said in line for line in ledger.account().broken)


def test_marks_outlive_the_process_that_wrote_them(tmp_path):
    bodies.begin(tmp_path / "marks")
    try:
        assert asyncio.run(bodies.work("k", ms=1)) == "k"
    finally:
        bodies.end()
    lines = (tmp_path / "marks").read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [["B", "k"], ["E", "k"]]
