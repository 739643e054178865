"""The pure parts of the benchmark harness; nothing is timed against a limit, nothing installed."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from benchmarks.harness._blocks import best_of, best_of_async, best_of_once
from benchmarks.harness._catalogue import BARS, TABLES, Bar, Column, Table
from benchmarks.harness._table import (
    END,
    START,
    constants,
    document,
    figure,
    merge,
    render,
    replace_between,
)

ROOT = Path(__file__).resolve().parents[2]
PEERS = sorted(
    path for path in (ROOT / "benchmarks" / "peers").glob("*.py") if path.name != "__init__.py"
)


@pytest.fixture(autouse=True)
def _thaw():
    yield
    gc.unfreeze()


def peer(name, values, notes=None):
    return {
        "name": name,
        "title": name,
        "distribution": name,
        "entry": "`x`",
        "version": "1.0",
        "newest": "1.1",
        "notes": notes or {},
        "values": values,
    }


def run(*peers):
    machine = {"cpu": "a CPU", "cores": 2, "system": "Linux", "python": "3.11.7", "load": "0.1"}
    return {"date": "2026-11-20", "machine": machine, "rounds": 3, "failures": [], "peers": peers}


def test_merging_keeps_the_least_figure_of_all_rounds():
    assert merge([{"a": 3.0, "b": 1.0}, {"a": 2.0, "b": None}]) == {"a": 2.0, "b": 1.0}


def test_a_figure_no_round_gave_stays_unknown_rather_than_zero():
    assert merge([{"a": None}, {"a": None}]) == {"a": None}


def test_a_zero_is_a_figure_and_not_a_gap():
    assert merge([{"a": 0}, {"a": 3}]) == {"a": 0}
    table = Table(title="T", columns=(Column(key="a", title="A", digits=0),))
    assert "| altar | 0 |" in render(table, [peer("altar", {"a": 0})], [])


def test_a_ratio_is_taken_over_its_own_peers_base():
    column = Column(key="call", title="C", digits=2, over="base")
    assert figure({"call": 0.5, "base": 2.0}, column) == 0.25
    assert figure({"call": 0.5}, column) is None
    assert figure({"base": 2.0}, column) is None


def test_a_missing_capability_is_a_dash_with_a_footnote():
    table = Table(title="T", columns=(Column(key="a", title="A"), Column(key="b", title="B")))
    notes = []
    text = render(table, [peer("slow", {"a": 12.34}, {"b": "cannot"})], notes)
    assert "| slow | 12.3 | - [1] |" in text
    assert notes == ["slow: cannot"]


def test_the_same_remark_of_one_peer_is_one_footnote():
    table = Table(title="T", columns=(Column(key="a", title="A"), Column(key="b", title="B")))
    notes = []
    text = render(table, [peer("p", {}, {"a": "cannot", "b": "cannot"})], notes)
    assert text.count("[1]") == 2
    assert len(notes) == 1


def test_the_document_names_date_machine_versions_and_what_could_not_be_installed():
    text = document(run(peer("altar", {"import_ms": 2.0}), peer("other", {"import_ms": 90.0})))
    for words in ("2026-11-20", "a CPU, 2 cores", "Python 3.11.7", "other 1.0", "1.1 is listed"):
        assert words in text
    assert "90.00 other" in text


def test_a_bar_may_be_held_beside_another_figure_of_the_others():
    text = document(run(peer("altar", {"source_mb": 0.7}), peer("other", {"disk_mb": 3.5})))
    assert "| 0.70 | 0.8 |  | 3.50 other |" in text


def test_a_run_without_altar_has_no_table_of_bars():
    assert "bars" not in document(run(peer("other", {})))


def test_only_the_text_between_the_markers_is_replaced():
    text = f"before\n{START}\nold\n{END}\nafter\n"
    new = replace_between(text, "new\n")
    assert new == f"before\n{START}\n\nnew\n\n{END}\nafter\n"
    assert replace_between(new, "new\n") == new


@pytest.mark.parametrize("text", ["", START, END, f"{END} {START}"])
def test_a_document_without_both_markers_is_refused(text):
    with pytest.raises(ValueError, match="bench:start"):
        replace_between(text, "new")


def test_the_least_block_counts_and_blocks_take_turns():
    calls = []
    first, second = best_of([(calls.append, "a"), (calls.append, "b")], blocks=2, block_seconds=0)
    assert first >= 0
    assert second >= 0
    assert calls == ["a"] * 20 + ["b"] * 20 + ["a", "b", "a", "b"]


def test_an_argument_that_serves_once_is_used_once():
    seen = []
    assert best_of_once(seen.append, [[1, 2], [3]]) >= 0
    assert seen == [1, 2, 3]


def test_a_coroutine_function_is_awaited_inside_one_loop():
    loops = set()

    async def call(_):
        loops.add(asyncio.get_running_loop())

    found = asyncio.run(best_of_async(call, None, (str, 1), blocks=2, block_seconds=0))
    assert len(found) == 2
    assert len(loops) == 1


def test_constants_are_read_without_running_the_module():
    source = "import nothing_like_it\nTITLE = 'a'\nNOTES = {'b': 'c'}\nlower = 1\n"
    assert constants(source) == {"TITLE": "a", "NOTES": {"b": "c"}}


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_every_peer_says_what_the_driver_reads_and_notes_only_known_figures(path):
    about = constants(path.read_text(encoding="utf-8"))
    assert {"TITLE", "DISTRIBUTION", "ENTRY", "SOURCE"} <= set(about)
    compile(about["SOURCE"], path.name, "exec")
    known = {column.key for table in TABLES for column in table.columns}
    assert set(about.get("SKIP", {})) | set(about.get("NOTES", {})) <= known


def test_every_bar_is_a_bar_with_a_goal_not_above_it():
    for bar in BARS:
        assert isinstance(bar, Bar)
        assert bar.goal is None or bar.goal <= bar.bar
