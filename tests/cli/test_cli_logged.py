"""What ``altar mcp`` writes to standard error of calls that fail."""

from __future__ import annotations

import logging
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from altar.cli._console import Console
from altar.cli._logged import logged
from altar.errors import ToolError
from altar.mcp import connect

TOOLS = """
import altar

@altar.tool
def fail(x: int) -> int:
    "Fail."
    raise ValueError("a secret")
"""


@pytest.mark.parametrize("debug", [False, True])
def test_a_tool_that_fails_is_a_line_and_with_debug_a_traceback(tmp_path: Path, debug: bool):
    file = tmp_path / "tools.py"
    file.write_text(TOOLS)
    more = ["--debug"] if debug else []
    with connect([sys.executable, "-m", "altar", "mcp", str(file), *more]) as client:
        said = client.request("tools/call", {"name": "fail", "arguments": {"x": 1}})
        told = client.stderr
    assert said["isError"] is True
    assert "a secret" not in str(said)
    assert "warning: tool 'fail', call " in told
    assert "it failed (ValueError)" in told
    assert ("ValueError: a secret" in told) is debug


def console(*, debug: bool = False) -> Console:
    made = Console(StringIO(), StringIO())
    made.debug = debug
    return made


def written(to: Console) -> str:
    assert isinstance(to.err, StringIO)
    return to.err.getvalue()


def test_an_error_is_told_by_its_class_on_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
    shown = console()
    with logged(shown):
        logging.getLogger("altar").error("it\nfailed", exc_info=ToolError("a secret"))
        logging.getLogger("altar").debug("not shown")
    logging.getLogger("altar").error("later")
    assert written(shown) == "error: it failed (ToolError)\n"


def test_a_served_file_with_a_log_of_its_own_gets_the_records_once(
    monkeypatch: pytest.MonkeyPatch,
):
    shown, own = console(debug=True), StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(own)])
    with logged(shown):
        logging.getLogger("altar").debug("hello")
    assert written(shown) == ""
    assert own.getvalue() == "hello\n"
    assert logging.getLogger("altar").level == logging.NOTSET


def test_nobody_reading_stops_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    shown = console()
    shown.err.close()
    with logged(shown):
        logging.getLogger("altar").warning("hello")


def test_other_commands_load_no_log():
    code = (
        "import sys; from altar.cli import _main; _main.main(['--version']); "
        "sys.exit('altar.cli._logged' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
