"""``altar batch``: JSON lines in, JSON lines out, each call answered or the line named."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from altar.cli import main

TOOLS = '''
from altar import ToolError, tool

@tool
def half(n: int) -> float:
    """Half of a number."""
    if n < 0:
        raise ToolError("negative")
    return n / 2
'''


@pytest.fixture
def here(tmp_path):
    (tmp_path / "tools.py").write_text(TOOLS)
    calls = [json.dumps({"name": "half", "args": {"n": n}}) for n in (4, -1, 6)]
    (tmp_path / "calls.jsonl").write_text("\n".join([*calls, "", '{"name": "nope"}']) + "\n")
    return tmp_path


def ran(capsys, *words) -> tuple[int, list[dict], str]:
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


def test_each_call_is_one_line_and_a_failure_is_the_exit_code(here, capsys):
    code, lines, _ = ran(capsys, "batch", here / "tools.py", here / "calls.jsonl", "--ordered")
    assert code == 1
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert [line.get("content") for line in lines] == [2.0, None, 3.0, None]
    assert [line["error"]["type"] for line in lines if line["status"] == "ERROR"] == [
        "TOOL_EXECUTION_FAILED",
        "TOOL_NOT_FOUND",
    ]


def test_it_goes_on_from_its_file(here, capsys):
    words = ("batch", here / "tools.py", here / "calls.jsonl", "--save", here / "out.jsonl")
    first = ran(capsys, *words)[1]
    (here / "tools.py").write_text(TOOLS.replace("n < 0", "True").replace("negative", "never"))
    again = ran(capsys, *words)[1]
    assert sorted(map(str, again)) == sorted(map(str, first))
    assert ran(capsys, *words, "--retry-failed", "-n", "1")[0] == 1


def test_a_line_that_is_no_call_is_named(here, capsys):
    for text, said in (('{"name": 1}', "line 1: write"), ("{", "line 1 is no JSON")):
        (here / "calls.jsonl").write_text(text)
        code, _, err = ran(capsys, "batch", here / "tools.py", here / "calls.jsonl")
        assert (code, said in err) == (2, True)
    (here / "calls.jsonl").write_bytes(b"\xff")
    assert "UTF-8" in ran(capsys, "batch", here / "tools.py", here / "calls.jsonl")[2]
    assert "cannot be read" in ran(capsys, "batch", here / "tools.py", here / "nowhere")[2]
    assert "max_concurrency=0" in ran(
        capsys, "batch", here / "tools.py", here / "calls.jsonl", "-n", "0"
    )[2]  # fmt: skip


def test_calls_may_come_through_a_pipe(here):
    done = subprocess.run(
        [sys.executable, "-m", "altar", "batch", "tools.py", "-"],
        input='{"name": "half", "args": {"n": 3}}\n',
        capture_output=True,
        text=True,
        cwd=here,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["content"]) == (0, 1.5), done.stderr
