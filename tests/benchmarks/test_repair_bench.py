"""The pure parts of the repair benchmark and of the fuzz target; nothing is timed, nothing installed."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

from benchmarks.repair._bars import exponent, ratio_bar
from benchmarks.repair._report import plain
from benchmarks.repair._tables import document as tables
from benchmarks.repair._workers import Worker
from benchmarks.repair.documents import DAMAGES, SIZES, document
from benchmarks.repair.peers import PEERS
from benchmarks.repair.shapes import HOSTILE, SHAPES
from benchmarks.repair.speed import END, START

ROOT = Path(__file__).resolve().parents[2]
SOUND = ("valid",)
ANSWERING = """
import json, sys, time
for line in sys.stdin:
    job = json.loads(line)
    for step in job["steps"]:
        if step == "sleep":
            time.sleep(60)
        if step == "die":
            sys.exit(3)
        print(json.dumps({"seconds": step, "mark": ""}), flush=True)
    print('{"done": true}', flush=True)
"""


@pytest.fixture(scope="module")
def target():
    spec = importlib.util.spec_from_file_location("target", ROOT / "fuzz" / "repair_target.py")
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def is_json(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_document_has_the_size_asked_for_and_only_the_sound_one_is_json(damage):
    made = document(damage, 3_000)
    assert json.loads(made.valid)["items"]
    assert 0.7 * 3_000 < len(made.text) < 1.7 * 3_000
    assert is_json(made.text) == (damage in SOUND)


def test_a_document_is_the_same_every_time():
    assert document("inner quotes", 2_000) == document("inner quotes", 2_000)


def test_a_cut_document_expects_what_came_before_the_cut():
    made = document("truncated", 1_000)
    whole = json.loads(made.valid)
    assert made.expected["items"][:-1] == whole["items"][:-1]
    last, note = made.expected["items"][-1], whole["items"][-1]["note"]
    assert list(last)[-1] == "note"
    assert note.startswith(last["note"])


def test_every_other_damage_expects_the_whole_document():
    for damage in set(DAMAGES) - {"truncated"}:
        made = document(damage, 1_000)
        assert made.expected == json.loads(made.valid)


def test_there_are_thirty_shapes_and_twenty_four_hostile_inputs():
    assert len(SHAPES) == 30
    assert len(HOSTILE) == 27


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_damaged_and_grows_by_what_is_asked(shape):
    small, large = SHAPES[shape](2_000), SHAPES[shape](4_000)
    assert 0.9 < len(small) / 2_000 < 1.1
    assert 1.8 < len(large) / len(small) < 2.2
    assert not is_json(small)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_input_doubles_with_its_count(case):
    make = HOSTILE[case][1]
    assert 1.8 < len(make(2_000)) / len(make(1_000)) < 2.2


def test_the_exponent_is_the_slope_of_the_last_points():
    points = [(1, 50.0), *((at, 3e-6 * at**1.5) for at in (10, 20, 40, 80))]
    assert math.isclose(exponent(points), 1.5)
    assert exponent(points[:1]) is None


def test_bars_are_held_for_sound_text_of_every_size_and_for_damage_at_a_megabyte():
    assert {ratio_bar("valid", size) for size in SIZES} == {(1.1, None)}
    assert ratio_bar("1 missing comma", "1 MB") == (5.0, 4.0)
    assert ratio_bar("python repr", "1 MB") == (18.0, 15.0)
    assert ratio_bar("python repr", "1 KB") is None


def figure(seconds, *, at=65_536, mark="", **more):
    return {"at": at, "length": at, "seconds": seconds, "mark": mark, **more}


def grown(power):
    return [figure(1e-6 * at**power, at=at) for at in (8_192, 16_384, 32_768, 65_536)]


def a_run():
    def peer(power, seconds, mark=""):
        return {
            "version": "1.2.3",
            "ratio": {"valid|1 MB": figure(seconds, base=0.01, mark=mark)},
            "growth": {"commas": grown(power)},
            "hostile": {"100k [": [figure(0.1, at=25_000), figure(0.2, at=50_000)]},
            "stream": {"valid": [figure(0.1)]},
            "quality": {
                "corpus": {
                    "corpus, undisputed": {"total": 200, "right": 190, "raised": 3, "lost": 1}
                }
            },
        }

    machine = {"cpu": "a CPU", "cores": 2, "system": "Linux", "python": "3.11.7", "load": "0.1"}
    peers = {"altar": peer(1.0, 0.0105), "json_repair": peer(1.9, 0.02, "~")}
    peers["json_repair"]["stream"]["valid"] = [
        figure(0.3, at=4_096),
        {"at": 65_536, "seconds": None, "mark": ">"},
    ]
    return {"date": "2026-11-21", "machine": machine, "limit": 10, "seconds": 300, "peers": peers}


def test_the_tables_name_date_machine_versions_bars_and_marks():
    text = tables(a_run())
    for words in ("2026-11-21", "a CPU, 2 cores", "json-repair 1.2.3", "| valid | 1.05 | 2.00~ |"):
        assert words in text
    assert "| valid, 1 MB, x json.loads | 1.05 | 1.1 |  | - |" in text  # a wrong value is no best
    assert "| **shapes above 1.15** | 0 | 1 |" in text
    assert "| corpus, undisputed: right, % | 95.0 | >= 98 | 99 | 95.0 json-repair |" in text


def test_a_figure_that_took_too_long_says_so():
    assert "| valid, 64 KB | 0.100 | &gt;10 s |" in tables(a_run())
    run = a_run()
    run["peers"]["json_repair"]["hostile"]["100k ["][-1] = {"seconds": None, "mark": ">"}
    assert "| `100k [` | 0.200 (1.00) | &gt;10 s |" in tables(run)


def test_the_plain_lines_mark_what_misses_its_bar():
    lines = plain(a_run()).splitlines()
    ours, theirs = (lines[: len(lines) // 2], lines[len(lines) // 2 :])
    assert any(line.startswith("    valid") and "1.05" in line for line in ours)
    assert any(line.startswith("  ! valid") and "2.00 ~" in line for line in theirs)
    assert any(line.startswith("  ! commas") for line in theirs)


def test_a_run_of_one_part_is_a_document_too():
    run = a_run()
    run["peers"]["altar"] = {"version": "0.1.0", "growth": run["peers"]["altar"]["growth"]}
    del run["peers"]["json_repair"]
    assert "Growth" in tables(run)


def test_a_process_answers_figure_by_figure_and_is_kept():
    worker = Worker([sys.executable, "-c", ANSWERING], limit=30)
    assert [f["seconds"] for f in worker.ask({"steps": [1, 2]})] == [1, 2]
    assert [f["seconds"] for f in worker.ask({"steps": [3]})] == [3]
    worker.close()


def test_what_hangs_or_dies_is_ended_marked_and_started_again():
    worker = Worker([sys.executable, "-c", ANSWERING], limit=30)
    assert [f["mark"] for f in worker.ask({"steps": [1, "die"]})] == ["", "CRASH"]
    assert worker.ask({"steps": ["sleep"]}, limit=0.05)[-1]["mark"] == ">"
    assert [f["seconds"] for f in worker.ask({"steps": [4]})] == [4]
    worker.close()


def test_the_document_has_a_place_for_the_tables():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert 0 < text.index(START) < text.index(END)


def test_every_peer_says_what_is_measured():
    assert all(peer.distribution and peer.entry for peer in PEERS.values())


def test_the_seeds_of_the_fuzz_are_many_small_and_of_every_kind(target):
    found = list(target.seeds())
    assert len(found) > 200
    assert max(map(len, found)) <= target.LONGEST
    assert any(b"```" in seed for seed in found)


def test_the_laws_hold_for_valid_json_and_for_text_that_is_refused(target):
    for text in ('{"a": [1, 2.5, null, "é"]}', "[]", '"x"', ""):
        target.check(text.encode())


def test_the_laws_see_a_value_that_is_not_what_the_text_says(target):
    class Wrong:
        text, value, fixes, confidence = "[1]", [True], (), 1.0

    with pytest.raises(target.Broken, match="but value"):
        target._laws_of_the_text("[1]", Wrong)


def test_the_laws_see_fixes_that_do_not_lead_to_the_text(target):
    fix = target.repair.Fix("trailing_comma", 2, 3, ",", "", 0.01)

    class Repaired:
        text, value, fixes, confidence = "[1]", [1], (fix,), 0.99

    target._laws_of_the_fixes("[1,]", Repaired, 1.0)
    with pytest.raises(target.Broken, match="too risky"):
        target._laws_of_the_fixes("[1,]", Repaired, 0.0)
    with pytest.raises(target.Broken, match="replaying"):
        target._laws_of_the_fixes("[1,] ", Repaired, 1.0)
    with pytest.raises(target.Broken, match="something else"):
        target._laws_of_the_fixes("[12]", Repaired, 1.0)


def test_random_edits_are_the_same_for_the_same_seed_and_never_too_long(target):
    pool = list(target.seeds())
    ways = [
        [target._edited(target.random.Random(seed), pool[0], pool) for seed in range(50)]
        for _ in range(2)
    ]
    assert ways[0] == ways[1]
    assert max(map(len, ways[0])) <= target.LONGEST


def test_a_broken_law_is_written_down(target, tmp_path, capsys):
    def law(data):
        raise target.Broken("never holds")

    assert target._reported(law, b"abc", tmp_path) == 1
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"abc"
    assert "never holds" in capsys.readouterr().out
