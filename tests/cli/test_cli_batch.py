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
    for text, said in (
        ('{"name": 1}', "line 1: write"),
        ("{", "line 1 is no JSON"),
        ('{"name": "half", "arg": {"n": 1}}', "line 1: 'arg' is not known"),
        ('{"name": "half", "args": [1]}', "line 1: args are no object"),
        ('{"name": "half", "args": 0}', "line 1: args are no object"),
    ):
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


def test_what_ran_before_a_bad_line_is_in_the_file(here, capsys):
    (here / "calls.jsonl").write_text('{"name": "half", "args": {"n": 4}}\n{')
    words = ("batch", here / "tools.py", here / "calls.jsonl", "--save", here / "out.jsonl")
    assert ran(capsys, *words)[0] == 2
    assert len((here / "out.jsonl").read_text().splitlines()) == 2


def test_a_place_that_cannot_be_written_is_named(here, capsys, monkeypatch):
    words = ("batch", here / "tools.py", here / "calls.jsonl", "--save")
    code, _, err = ran(capsys, *words, here / "nowhere" / "out.jsonl")
    assert (code, "nowhere/out.jsonl: No such file" in err.replace("\\", "/")) == (2, True)
    if sys.platform == "linux":
        code, _, err = ran(capsys, *words, "/dev/full")
        assert (code, "--save /dev/full: No space" in err) == (2, True)
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = ran(capsys, "batch", here / "tools.py", "-")
    assert (code, "standard input is closed" in err) == (2, True)
