"""kill -9: everything acknowledged is there, once, and started = finished + unknown."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.audit import read_folder, verify
from altar_extras.grid.audit._frames import frame_at
from tests.grid.audit.calls import opened
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]


def killed_run(folder: Path, run: int, lines: int, url: str = "") -> list[str]:
    """Let a process make calls, kill it after so many lines, and return all it acknowledged."""
    command = [sys.executable, "-m", "tests.grid.audit.killed", str(folder), str(run), url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        late = threading.Timer(4 * PATIENCE, process.kill)  # one that says nothing more
        late.start()
        said = [process.stdout.readline() for _ in range(lines)]
        assert late.is_alive(), f"it stood still after {len(said)} lines"
        late.cancel()
        process.kill()
        said += process.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


def names(records: list[bytes]) -> dict[str, list[str]]:
    """The invocation ids of the records of each kind."""
    found: dict[str, list[str]] = {"started": [], "finished": [], "unknown": []}
    for raw in records:
        record = frame_at(raw).record()
        if record.name in found:
            found[record.name].append(record.field("invocation_id"))
    return found


def assert_all_there(records: list[bytes], said: list[str]) -> None:
    there = names(records)
    started, finished = set(there["started"]), set(there["finished"])
    assert len(started) == len(there["started"]), "a start was doubled"
    assert len(finished) == len(there["finished"]), "an end was doubled"
    assert {f"call-{line[2:]}" for line in said if line[0] == "s"} <= started
    assert {f"call-{line[2:]}" for line in said if line[0] == "f"} <= finished
    assert started == finished | set(there["unknown"])
    assert not finished & set(there["unknown"])


@pytest.mark.parametrize("seed", range(2))
def test_after_any_number_of_kills_everything_acknowledged_is_there(tmp_path, seed):
    chance = random.Random(seed)
    said: list[str] = []
    for run in range(3):
        said += killed_run(tmp_path / "spool", run, 1 + int(chance.random() ** 2 * 400))
    opened(tmp_path).close()
    verdict = verify(tmp_path / "spool", partial=False)
    assert verdict.ok, verdict.broken
    found = verdict.writers["w1"]
    assert found.started == found.finished + found.unknown
    assert found.epochs == 4
    assert_all_there(read_folder(tmp_path / "spool"), said)


@pytest.mark.slow
def test_twenty_kills_lose_and_double_nothing(tmp_path):
    chance = random.Random(7)
    said: list[str] = []
    for run in range(20):
        said += killed_run(tmp_path / "spool", run, 1 + int(chance.random() ** 2 * 900))
    opened(tmp_path).close()
    assert verify(tmp_path / "spool", partial=False).ok
    assert_all_there(read_folder(tmp_path / "spool"), said)
