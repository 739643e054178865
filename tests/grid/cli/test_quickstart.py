"""Every line that docs/grid/quickstart.md has a person type works as it says there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from tests.gates._source import ROOT  # noqa: E402 - the libraries above may be missing
from tests.gates.test_docs import blocks, matches  # noqa: E402
from tests.waiting import soon  # noqa: E402

PAGE = (ROOT / "docs" / "grid" / "quickstart.md").read_text("utf-8")
LINES = [one.code.strip() for one in blocks(PAGE) if one.language == "sh" and one.is_run]
SHOWN = [one.code for one in blocks(PAGE) if one.language == ""]
PATIENCE = 60


@pytest.fixture
def shell(tmp_path):
    """``shell(line, ...)``: the line in a shell, in a folder that looks like the tree."""
    for name in ("docs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    words = tmp_path / "bin"
    words.mkdir()
    for name, module in (("altar", "-m altar"), ("python", "")):
        path = words / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', "utf-8")
        path.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if key[:6] != "ALTAR_"}
    environment["PATH"] = f"{words}{os.pathsep}{environment['PATH']}"

    def run(line: str, **options):
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}" if "=" not in line.split()[0] else line],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            **options,
        )

    return run


def test_five_lines_lead_from_nothing_to_a_program_on_a_grid():
    assert len(LINES) == 5
    assert LINES[0] == 'pip install -q ".[grid,grid-server]"'
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"grid", "grid-server"} <= extras["optional-dependencies"].keys()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the page's lines are for a POSIX shell")
def test_each_line_does_what_the_page_shows(shell):
    _, up, *others = LINES
    grid = shell(up)
    try:
        said: list[str] = []
        while not said or not said[-1].startswith("Ctrl-C"):
            line = grid.stdout.readline()
            assert line, said
            said.append(line)
        assert matches(steady(SHOWN[0]), steady("".join(said)))
        answers = []
        for line in others:
            answers.append(said_by(shell(line)))
            # who has just left may be shown for a moment, and a call until the next heartbeat
            if line == "altar grid status":
                soon(lambda: is_at_rest(answers[-1]) or answers.append(said_by(shell(others[1]))))
                answers[1:] = answers[-1:]
        assert matches(steady(SHOWN[1]), steady(answers[0]))
        assert matches(steady(SHOWN[2]), steady(answers[1])), answers[1]
        told = json.loads(shell("altar grid status --json").communicate(timeout=PATIENCE)[0])
        assert told["audit"][0]["calls"] == 3  # one that was typed, two of the program
        here = shell(others[-1][others[-1].index("python ") :])
        assert answers[2] == here.communicate(timeout=PATIENCE)[0]
    finally:
        grid.terminate()
        until = time.monotonic() + PATIENCE
        while grid.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        grid.kill()
        grid.stdout.close()
    assert grid.returncode == 0


def said_by(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, text
    return text


def is_at_rest(status: str) -> bool:
    return matches(steady(SHOWN[2]), steady(status))


def steady(text: str) -> str:
    """The text without what differs from one run to the next."""
    text = re.sub(r"[0-9a-f]{16}-[0-9a-f]{8}", "RUNTIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+|process \d+", "PLACE", text)
    return re.sub(r"\d+(\.\d)? s\b", "TIME", text)
