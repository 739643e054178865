"""Calls that need a person: asked on a terminal, listed without one, run with --approve-all."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from altar.adm import FunctionCall, ToolResult
from altar.cli._approve import approver
from altar.cli._console import Console
from altar.cli._run import _Screen
from altar.llm import ToolCallEvent, ToolResultEvent

TOOLS = '''
"""Tools of a test."""

from pathlib import Path

from altar import tool


@tool(approval=True)
def delete_file(path: str) -> str:
    """Delete a file."""
    Path("log").write_text(path)
    return f"deleted {path}"
'''
ASK = ["run", 'delete file path="a.txt"', "--tools", "mine.py", "--model", "offline:"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(TOOLS, "utf-8")
    return tmp_path


def altar_run(here: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "altar", *ASK, *words],
        cwd=here,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=False,
    )


def test_without_a_terminal_the_calls_that_wait_are_listed(here: Path):
    done = altar_run(here)
    assert done.returncode == 1
    assert 'waits for approval: delete_file(path="a.txt")' in done.stderr
    assert "--approve-all" in done.stderr
    assert not (here / "log").exists()


def test_json_holds_the_calls_that_wait(here: Path):
    done = altar_run(here, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["finish"]) == (1, "pending_approval")
    (call,) = document["pending"]
    assert (call["name"], call["args"]) == ("delete_file", {"path": "a.txt"})
    assert json.loads(altar_run(here, "--json", "--approve-all").stdout)["pending"] == []


def test_approve_all_asks_nobody(here: Path):
    done = altar_run(here, "--approve-all")
    assert done.returncode == 0, done.stderr
    assert "deleted a.txt" in done.stdout
    assert (here / "log").read_text() == "a.txt"


def test_who_calls_a_tool_by_hand_has_approved_it(here: Path):
    done = subprocess.run(
        [sys.executable, "-m", "altar", "call", "mine.py:delete_file", '{"path": "b"}'],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, "deleted b")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
@pytest.mark.parametrize(
    ("typed", "ran", "said"),
    [
        (b"y\n", True, "deleted a.txt"),
        (b"\n", False, "did not allow this call."),
        (b"not on a Friday\n", False, "did not allow this call: not on a Friday"),
        (b"\x04", False, "did not allow this call."),
    ],
)
def test_on_a_terminal_a_person_is_asked(here: Path, typed: bytes, ran: bool, said: str):
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "altar", *ASK]
    done = subprocess.Popen(
        command, cwd=here, env=env, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown, asked = b"", False
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
            if b"[y/N] " in shown and not asked:
                asked = os.write(leader, typed) > 0
    except OSError:  # the other end is closed: the program has ended
        pass
    finally:
        os.close(leader)
    assert done.wait(60) == 0
    text = " ".join(shown.decode().split())
    assert 'Run delete_file(path="a.txt")? [y/N]' in text
    assert said in text
    assert (here / "log").exists() is ran


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("n the only copy", "the only copy"),
        ("No, the only copy", "the only copy"),
        ("n\n", False),
        ("NO.", False),
        ("", False),
        ("not on a Friday", "not on a Friday"),
        ("no backup exists", "no backup exists"),
        ("never", "never"),
        ("n\u00e4, that is no copy", "n\u00e4, that is no copy"),
        ("yes, but later", "yes, but later"),
    ],
)
def test_a_typed_no_is_no_part_of_the_reason(monkeypatch, typed, said):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ask = approver(Console(io.StringIO(), Terminal()), approve_all=False)
    assert ask(FunctionCall(name="drop")) == said


def test_what_a_terminal_would_obey_or_hide_is_spelt_out_and_nothing_is_cut(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    err = Terminal()
    ask = approver(Console(io.StringIO(), err), approve_all=False)
    text = "\x1b[2K \x9b2K ü \u202egpj" + "x" * 500
    assert ask(FunctionCall(name="send", args={"text": text})) is True
    shown = err.getvalue()
    assert "x" * 500 in shown
    assert "ü" in shown
    assert r"\u202e" in shown
    assert all(char.isprintable() for char in shown)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (FunctionCall(name="rm", args={"a=1) [allowed] (x": "y"}), 'rm("a=1) [allowed] (x"="y")'),
        (FunctionCall(name="rm it", args={"\uff41-1": 2}), '"rm it"("\\uff41-1"=2)'),
        (FunctionCall(name="rm", args={"to-1.x": "\u3164\u2800"}), r'rm(to-1.x="\u3164\u2800")'),
    ],
)
def test_no_name_can_pass_for_the_end_of_a_call(monkeypatch, call, line):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    err = Terminal()
    approver(Console(io.StringIO(), err), approve_all=False)(call)
    assert f"Run {line}? " in err.getvalue()


def test_results_are_shown_though_a_call_before_them_waits():
    out = io.StringIO()
    screen = _Screen(Console(out=out, err=io.StringIO()))
    calls = [FunctionCall(name=name) for name in ("open", "done")]
    for call in calls:
        screen.show(ToolCallEvent(call))
    result = ToolResult(name="done", call_id=calls[1].call_id, content=1)
    screen.show(ToolResultEvent(call=calls[1], result=result, seconds=0.0))
    screen.close()
    assert "done" in out.getvalue()
    assert "open" not in out.getvalue()
