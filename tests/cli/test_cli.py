"""The command line does what it says, answers mistakes with one line, and keeps its exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import altar
from altar.cli import main
from altar.cli._console import Console

TOOLS = '''
"""Tools of a test."""

from altar import Context, ToolError, tool


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: The first.
    """
    return a + b


@tool
def fail(reason: str) -> None:
    """Fail on purpose."""
    raise ToolError(reason)


def plain(x: float) -> float:
    """A function without a decorator."""
    return x


class Cart:
    @tool
    def put(self, article: str) -> str:
        """Put an article into the cart."""
        return article


cart = Cart()
several = [plain]
number = 3
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own with mine.py in it, and imports that leave nothing behind."""
    (tmp_path / "mine.py").write_text(TOOLS, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if (
            getattr(sys.modules[name], "__file__", None)
            and str(tmp_path) in sys.modules[name].__file__
        ):
            del sys.modules[name]


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]):
    def go(*words: str) -> Ran:
        status = main(words)
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return go


def test_version_is_the_packages(run):
    ran = run("--version")
    assert (ran.status, ran.out) == (0, f"altar {altar.__version__}\n")


def test_help_lists_every_command_and_the_exit_codes(run):
    out = run("--help").out
    for word in ("run", "demo", "tools", "check", "call", "manifest", "exit codes"):
        assert word in out


def test_no_command_is_a_mistake_answered_with_the_help(run):
    ran = run()
    assert ran.status == 2
    assert "usage: altar" in ran.out


@pytest.mark.parametrize("command", ["run", "demo", "tools", "check", "call", "manifest"])
def test_every_command_has_help(run, command: str):
    ran = run(command, "--help")
    assert ran.status == 0
    assert f"usage: altar {command}" in ran.out


def test_run_shows_each_call_with_arguments_result_and_time(run):
    ran = run("run", "Add 2 and 40", "--tools", "mine.py", "--model", "offline:")
    assert ran.status == 0
    assert "add(a=2, b=40)" in ran.out or "add(a=2)" in ran.out
    assert " ms" in ran.out
    assert "offline demo model" in ran.out
    assert "\x1b" not in ran.out


def test_run_json_prints_one_object_and_nothing_else(run):
    ran = run("run", "add a=2 b=40", "--tools", "mine.py", "--json", "--model", "offline:")
    document = json.loads(ran.out)
    assert document["finish"] == "stop"
    (call,) = document["calls"]
    assert (call["name"], call["args"], call["content"]) == ("add", {"a": 2, "b": 40}, 42)
    assert call["seconds"] >= 0
    assert document["usage"]["requests"] == 2


def test_run_without_tools_answers(run):
    assert run("run", "Hello", "--model", "offline:").status == 0


def test_run_refuses_an_unknown_provider_and_says_what_is_there(run):
    ran = run("run", "Hello", "--model", "gemni:x")
    assert ran.status == 2
    assert "did you mean 'gemini:x'" in ran.err
    assert "offline" in ran.err
    assert ran.err.count("\n") == 1


def test_run_obeys_the_variable(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALTAR_MODEL", "nobody:x")
    altar.config.reset()
    try:
        assert "nobody" in run("run", "Hello").err
    finally:
        monkeypatch.delenv("ALTAR_MODEL")
        altar.config.reset()


def test_run_that_stops_at_a_limit_exits_with_1(run, monkeypatch: pytest.MonkeyPatch):
    from altar.llm import Options, ToolCall
    from altar.testing import FunctionProvider

    real = altar.stream

    def stubborn(question, *, model, tools, instructions):
        provider = FunctionProvider(lambda request: ToolCall("add", {"a": 1}))
        return real(question, model=provider, tools=tools, options=Options())

    monkeypatch.setattr(altar, "stream", stubborn)
    ran = run("run", "Loop", "--tools", "mine.py")
    assert ran.status == 1
    assert "stopped by repeated_call" in ran.err


def test_an_unreachable_provider_exits_with_3(run, monkeypatch: pytest.MonkeyPatch):
    from altar.errors import AuthenticationError

    def refuses(*args, **kwargs):
        raise AuthenticationError("no key", hint="set GEMINI_API_KEY")
        yield

    monkeypatch.setattr(altar, "stream", refuses)
    ran = run("run", "Hello")
    assert ran.status == 3
    assert "set GEMINI_API_KEY" in ran.err


def test_an_empty_question_is_refused(run):
    assert run("run", "  ").status == 2


def test_demo_runs_to_its_end(run):
    ran = run("demo")
    assert ran.status == 0
    for word in ("get_weather(", "convert_money(", "days_between(", "357", "altar run"):
        assert word in ran.out


def test_tools_is_a_table_of_names_types_and_texts(run):
    ran = run("tools", "mine.py")
    assert "add  Add two numbers." in ran.out
    assert "  a   integer  The first." in ran.out
    assert "  b?  integer  (default 1)" in ran.out
    assert "put  Put an article into the cart." in ran.out


@pytest.mark.parametrize(
    ("dialect", "kind"), [("adm", "OBJECT"), ("adm-1.0", "OBJECT"), ("json-schema", "object")]
)
def test_tools_writes_declarations_in_every_dialect(run, dialect: str, kind: str):
    rows = json.loads(run("tools", "mine.py", "--format", dialect).out)
    assert [row["name"] for row in rows] == ["add", "fail", "put"]
    assert {row["parameters"]["type"] for row in rows} == {kind}


def test_check_passes_good_tools(run):
    ran = run("check", "mine.py")
    assert ran.status == 0
    assert "3 tools, no problems" in ran.out


def test_check_lists_every_problem_and_exits_with_1(run, here: Path):
    (here / "bad.py").write_text(
        "import threading\n"
        "from altar import tool\n"
        "@tool\n"
        "def broken(a: threading.Thread, b: dict[tuple, int]) -> None:\n"
        "    'Broken.'\n"
        "@tool\n"
        "def odd(a: int) -> None:\n"
        "    '''Odd.\n\n    Args:\n        z: Nothing.\n    '''\n",
        "utf-8",
    )
    ran = run("check", "bad.py")
    assert ran.status == 1
    assert "'a'" in ran.out
    assert "'b'" in ran.out
    assert "warning" in ran.out
    assert "2 tools, 2 problems" in ran.out
    assert "3 problems" in run("check", "bad.py", "--strict").out


def test_a_warning_about_a_tool_is_one_line(run, here: Path):
    (here / "odd.py").write_text(
        "from altar import tool\n@tool\ndef odd(a: int) -> int:\n"
        "    '''Odd.\n\n    Args:\n        z: Nothing.\n    '''\n    return a\n"
    )
    ran = run("call", "odd.py:odd", '{"a": 1}')
    assert ran.out == "1\n"
    assert ran.err.startswith("warning: odd: the docstring describes 'z'")
    assert ran.err.count("\n") == 1


def test_call_prints_the_content(run):
    ran = run("call", "mine.py:add", '{"a": 41}')
    assert (ran.status, ran.out) == (0, "42\n")


def test_call_runs_undecorated_functions_methods_and_lists_of_one(run):
    assert run("call", "mine.py:plain", '{"x": 1.5}').out == "1.5\n"
    assert run("call", "mine.py:several", '{"x": 1.5}').out == "1.5\n"
    assert run("call", "mine.py:cart", '{"article": "pear"}').out == '"pear"\n'
    assert run("call", "mine:cart.put", '{"article": "pear"}').out == '"pear"\n'


def test_call_reads_arguments_from_standard_input(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"a": 1}'))
    assert run("call", "mine.py:add", "-").out == "2\n"


def test_call_shows_an_error_on_one_line_and_exits_with_1(run):
    ran = run("call", "mine.py:fail", '{"reason": "no luck"}')
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.splitlines()[0] == "altar: error: fail: TOOL_EXECUTION_FAILED: no luck"


def test_call_json_is_the_whole_result(run):
    ran = run("call", "mine.py:add", '{"a": "1", "c": 2}', "--json")
    document = json.loads(ran.out)
    assert document["status"] == "ERROR"
    assert document["error"]["type"] == "PARAMETER_VALIDATION_FAILED"


def test_call_notes_what_was_mended(run):
    ran = run("call", "mine.py:add", '{"a": "41"}')
    assert ran.out == "42\n"
    assert "coercions" in ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["tools", "none.py"], "there is no file none.py"),
        (["tools", "no_such_module"], "no file and no module is called 'no_such_module'"),
        (["tools", "mine.py:nothing"], "mine.py has no 'nothing'; its tools: add"),
        (["tools", "mine.py:number"], "is a int, not a tool"),
        (["tools", "empty.py"], "empty.py holds no tools"),
        (["tools", "raises.py"], "raises.py fails on line 2: ValueError: no"),
        (["tools", "leaves.py"], "leaves.py fails on line 1: SystemExit"),
        (["tools", "syntax.py"], "syntax.py fails on line 1: SyntaxError"),
        (["tools", "needs.py"], "needs.py needs the module 'not_there'"),
        (["call", "mine.py:add", "{"], "the arguments are not JSON"),
        (["call", "mine.py:add", "[1]"], "must be a JSON object"),
        (["call", "mine.py", "{}"], "names 3 tools"),
        (["manifest", "show", "none.json"], "none.json cannot be read"),
        (["manifest", "show", "mine.py"], "mine.py: "),
    ],
)
def test_a_mistake_is_answered_with_one_line_that_helps(run, here: Path, words, says: str):
    (here / "empty.py").write_text("x = 1\n")
    (here / "raises.py").write_text("x = 1\nraise ValueError('no')\n")
    (here / "leaves.py").write_text("raise SystemExit(3)\n")
    (here / "syntax.py").write_text("def :\n")
    (here / "needs.py").write_text("import not_there\n")
    ran = run(*words)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("altar: error: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_a_traceback_appears_with_debug_alone(run, here: Path):
    (here / "raises.py").write_text("raise ValueError('no')\n")
    assert "Traceback" not in run("tools", "raises.py").err
    assert "Traceback" in run("--debug", "tools", "raises.py").err
    assert "Traceback" in run("tools", "--debug", "raises.py").err


def test_a_file_called_like_a_module_in_use_is_loaded_all_the_same(run, here: Path):
    (here / "json.py").write_text(TOOLS, "utf-8")
    assert run("call", "json.py:add", '{"a": 1}').out == "2\n"
    assert json.loads("1") == 1


def test_a_file_may_import_its_neighbour(run, here: Path):
    (here / "folder").mkdir()
    (here / "folder" / "neighbour_of_main.py").write_text("VALUE = 5\n")
    (here / "folder" / "main_tools.py").write_text(
        "from altar import tool\nfrom neighbour_of_main import VALUE\n\n"
        "@tool\ndef five() -> int:\n    'Five.'\n    return VALUE\n"
    )
    assert run("call", "folder/main_tools.py:five").out == "5\n"


def test_a_manifest_is_written_shown_and_compared(run, here: Path):
    assert run("manifest", "write", "mine.py", "--out", "old.json").status == 0
    document = json.loads((here / "old.json").read_text("utf-8"))
    assert document["contracts"][0]["description"] == "Tools of a test."
    assert json.loads(run("manifest", "write", "mine.py").out) == document
    assert "add  Add two numbers." in run("manifest", "show", "old.json").out

    same = run("manifest", "diff", "old.json", "old.json")
    assert (same.status, same.out) == (0, "no changes\n")

    run("manifest", "write", "mine.py:plain", "--out", "new.json")
    changed = run("manifest", "diff", "old.json", "new.json")
    assert changed.status == 1
    assert "mine.add: removed (breaking)" in changed.out
    assert "major version" in changed.err
    assert json.loads(run("manifest", "diff", "old.json", "new.json", "--json").out)["breaking"]


def test_a_manifest_that_cannot_be_written_is_one_line(run):
    ran = run("manifest", "write", "mine.py", "--out", "no/such/folder.json")
    assert ran.status == 2
    assert ran.err.count("\n") == 1


def test_a_bug_is_one_line_that_says_how_to_see_more(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(altar, "Session", lambda **options: 1 / 0)
    ran = run("tools", "mine.py")
    assert ran.status == 2
    assert "ZeroDivisionError" in ran.err
    assert "--debug" in ran.err


def test_an_interrupt_exits_with_130(run, monkeypatch: pytest.MonkeyPatch):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(altar, "Session", interrupted)
    assert run("tools", "mine.py").status == 130


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_colour_appears_on_a_terminal_and_not_under_no_color(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Console(Terminal(), io.StringIO()).style("x", "red") == "\x1b[31mx\x1b[0m"
    assert Console(io.StringIO(), Terminal()).style("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(Terminal(), Terminal()).style("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Console(Terminal(), Terminal()).style("x", "red") == "x"


def test_a_model_cannot_send_control_characters_to_the_terminal():
    screen = Terminal()
    Console(screen, Terminal()).write("a\x1b[2Jb\x9bc\n")
    assert "\x1b[2J" not in screen.getvalue()
    assert "\x9b" not in screen.getvalue()


def test_a_passing_line_is_taken_away_before_the_next_output(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    console = Console(screen, Terminal())
    console.status("working")
    console.print("done")
    assert screen.getvalue().endswith("\r\x1b[2Kdone\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_on_a_real_terminal_the_run_is_in_colour(here: Path):
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "altar", "run", "add a=1 b=2", "--tools", "mine.py"]
    done = subprocess.Popen(command, cwd=here, env=env, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:  # the other end is closed: the program has ended
        pass
    finally:
        os.close(master)
    assert done.wait(30) == 0
    text = shown.decode()
    assert "\x1b[1madd\x1b[0m(a=1, b=2)" in text


def test_a_reader_that_goes_away_is_no_error(here: Path):
    command = f"{sys.executable} -m altar tools mine.py --format adm | head -n 1"
    done = subprocess.run(command, shell=True, cwd=here, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("[")
    assert "Traceback" not in done.stderr
