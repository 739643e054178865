"""The command line does what it says, answers mistakes with a line that helps, and keeps its exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import altar
from altar.cli import main
from altar.cli._console import Console
from altar.isolate import default_pool
from altar.llm import ToolCall
from altar.testing import FakeOpenAI

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
    ran = run("run", "Add a=2 b=40", "--tools", "mine.py", "--model", "offline:")
    assert ran.status == 0
    assert "add(a=2, b=40)" in ran.out
    assert "→ 42 " in ran.out
    assert re.search(r"→ 42 +\S*\d m?s\b", ran.out), ran.out
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


def test_tools_says_what_a_tool_does_and_whether_a_person_must_agree(run, here: Path):
    (here / "effects.py").write_text(EFFECTS, "utf-8")
    lines = run("tools", "effects.py").out.splitlines()
    assert "wipe_disk (approval, destructive)  Wipe a disk." in lines
    assert "look_at_disk (read-only)  Look at a disk." in lines


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
    monkeypatch.setattr(altar, "Session", lambda *tools, **options: 1 / 0)
    ran = run("tools", "mine.py")
    assert ran.status == 2
    assert "ZeroDivisionError" in ran.err
    assert "--debug" in ran.err


CRASHES = '''
"""Tools that fail, stream, and want something."""

import json
from dataclasses import dataclass

from altar import Context, tool


@dataclass
class Place:
    """A place."""

    street: str
    town: str = "Oslo"


@dataclass
class Guest:
    name: str
    homes: list[Place]
    friend: "Guest | None" = None


@tool
def crash(a: int) -> int:
    """Crash."""
    raise RuntimeError(f"no {a}\\nsecond line")


@tool
def read(text: str) -> str:
    """Read."""
    return json.loads(text)


@tool
def mute(a: int) -> int:
    """Fail with an exception that cannot be read."""
    raise Mute


class Mute(Exception):
    def __str__(self):
        raise ValueError


@tool
def count(to: int):
    """Count."""
    for number in range(to):
        yield {"at": number}
    return "done"


@tool
def greet(name: str, context: Context[dict[str, str]]) -> str:
    """Greet."""
    return context.deps["greeting"] + name


@tool
def invite(guest: Guest, score: dict[str, int]) -> None:
    """Invite."""


@tool
def opaque() -> object:
    """Return what no JSON can say."""
    return object.__init__


deps = {"greeting": "Hello "}


def make():
    return {"greeting": "Made "}


def fails():
    raise OSError("no database")


async def later():
    return None
'''
LINES = {text: number for number, text in enumerate(CRASHES.splitlines(), 1)}
RAISES = LINES['    raise RuntimeError(f"no {a}\\nsecond line")']


@pytest.fixture
def crashes(here: Path) -> str:
    (here / "crashes.py").write_text(CRASHES, "utf-8")
    return "crashes.py"


def test_call_shows_a_crash_with_its_place_and_not_in_the_result(run, crashes: str):
    ran = run("call", "crashes.py:crash", '{"a": 1}')
    assert ran.status == 1
    assert ran.err.splitlines() == [
        "altar: error: crash: TOOL_EXECUTION_FAILED: The tool 'crash' failed (RuntimeError)",
        f"  RuntimeError: no 1 second line (crashes.py:{RAISES})",
    ]
    ran = run("call", "crashes.py:crash", '{"a": 1}', "--json")
    assert "second line" not in ran.out
    assert f"(crashes.py:{RAISES})" in ran.err


def test_a_crash_inside_a_library_names_the_line_that_called_it(run, crashes: str):
    line = LINES["    return json.loads(text)"]
    assert f"(crashes.py:{line})" in run("call", "crashes.py:read", '{"text": "x"}').err


def test_a_crash_without_python_code_is_shown_without_a_place(run):
    ran = run("call", "math:sqrt", '{"x": -1}')
    assert ran.err.splitlines()[-1].startswith("  ValueError: ")
    assert ".py:" not in ran.err


@pytest.mark.slow  # worker processes
def test_call_shows_what_an_isolated_tool_raised_and_where_its_worker_died(run, here: Path):
    (here / "apart.py").write_text(
        "import os\nfrom altar import tool\n\n"
        "@tool(isolate=True)\ndef lost() -> str:\n    'L.'\n    return {}['boom']\n\n"
        "@tool(isolate=True)\ndef dies() -> str:\n    'D.'\n    print('the last')\n    os.abort()\n",
        "utf-8",
    )
    assert run("call", "apart.py:lost").err.splitlines()[1:] == ["  KeyError: 'boom' (apart.py:7)"]
    assert run("call", "apart.py:dies").err.splitlines()[1:] == [
        "  the worker died: SIGABRT (apart.py:13)",
        "  it printed: the last",
    ]
    default_pool().close()


def test_an_exception_that_cannot_be_read_is_named(run, crashes: str):
    assert (
        "  Mute: its message cannot be read (crash" in run("call", "crashes.py:mute", '{"a":1}').err
    )


def test_a_result_without_a_json_form_is_said_once(run, crashes: str):
    assert run("call", "crashes.py:opaque").err.count("\n") == 1


@pytest.mark.parametrize("at", [0, 1, 4])
def test_debug_shows_the_traceback_of_a_tool_wherever_it_stands(run, crashes: str, at: int):
    words = ["call", "crashes.py:crash", '{"a": 1}', "--json"]
    err = run(*words[:at], "--debug", *words[at:]).err
    assert "Traceback (most recent call last)" in err
    assert "raise RuntimeError" in err


def test_debug_works_with_the_verbs_of_a_command(run):
    assert "Traceback" in run("manifest", "show", "--debug", "none.json").err


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_run_shows_a_crash_with_its_place(run, crashes: str, how: list[str]):
    ran = run("run", "crash a=4", "--tools", "crashes.py:crash", "--model", "offline:", *how)
    assert f"  RuntimeError: no 4 second line (crashes.py:{RAISES})" in ran.err
    assert "second line" not in ran.out
    debug = run("--debug", "run", "crash a=4", "--tools", "crashes.py:crash", "--model", "offline:")
    assert "Traceback" in debug.err


def test_several_problems_stand_one_per_line(run, crashes: str):
    ran = run("call", "mine.py:add", '{"b": "x", "c": 2}')
    assert ran.err.splitlines()[0].endswith("PARAMETER_VALIDATION_FAILED: 3 arguments are wrong:")
    assert sorted(line[:5] for line in ran.err.splitlines()[1:]) == ["  $.a", "  $.b", "  $.c"]


def test_problems_of_another_kind_are_left_alone():
    from altar.adm import ErrorObject
    from altar.cli._failure import problems_of

    details = {"problems": [{"what": 1}, {"what": 2}]}
    assert problems_of(ErrorObject(message="no", type="X", details=details)) == []


def test_every_problem_of_a_declaration_has_its_line(run, here: Path):
    (here / "bad.py").write_text(
        "import threading\nfrom altar import tool\n@tool\n"
        "def broken(a: threading.Thread, b: dict[tuple, int]) -> None:\n    'Broken.'\n"
    )
    lines = run("tools", "bad.py").err.splitlines()
    assert lines[0].startswith("altar: error: broken")
    assert lines[0].endswith(": 2 problems")
    assert [line.strip()[:13] for line in lines[1:]] == ["parameter 'a'", "parameter 'b'"]


def test_progress_of_a_streaming_tool_is_shown(run, crashes: str):
    ran = run("call", "crashes.py:count", '{"to": 2}')
    assert ran.out == '"done"\n'
    assert ran.err == '  count: {"at": 0}\n  count: {"at": 1}\n'
    ran = run("run", "count to=2", "--tools", "crashes.py:count", "--model", "offline:")
    assert '  count: {"at": 1}\n' in ran.out
    many = run("call", "crashes.py:count", '{"to": 99}').err
    assert many.count("\n") == 51
    assert "more chunks follow" in many


@pytest.mark.parametrize(("name", "says"), [("deps", "Hello Ada"), ("make", "Made Ada")])
def test_deps_reach_the_tool(run, crashes: str, name: str, says: str):
    deps = ["--deps", f"crashes.py:{name}"]
    assert run("call", "crashes.py:greet", '{"name": "Ada"}', *deps).out == f'"{says}"\n'
    ran = run("run", "greet name=Ada", "--tools", "crashes.py", "--model", "offline:", *deps)
    assert says in ran.out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "names no object; write --deps crashes.py:NAME"),
        (":nothing", "crashes.py has no 'nothing' to be the deps"),
        (":Place", "cannot be called without arguments: missing a required argument: 'street'"),
        (":fails", "fails on line "),
        (":later", "is async"),
    ],
)
def test_deps_that_cannot_be_had_are_one_line(run, crashes: str, name: str, says: str):
    ran = run("call", "crashes.py:greet", '{"name": "Ada"}', "--deps", f"crashes.py{name}")
    assert ran.status == 2
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_fields_of_objects_stand_below_them(run, crashes: str):
    shown = run("tools", "crashes.py:invite").out.splitlines()[1:]
    rows = [line[2:].partition("  (")[0].rstrip() for line in shown]
    assert [row.split() for row in rows] == [
        ["guest", "Guest"],
        ["name", "string"],
        ["homes", "object[]"],
        ["street", "string"],
        ["town?", "string"],
        ["friend?", "Guest", "|", "null"],
        ["score", "{*:", "integer}"],
    ]
    assert [len(row) - len(row.lstrip()) for row in rows] == [0, 2, 2, 4, 4, 2, 0]


def test_a_name_defined_twice_in_one_file_is_a_problem(run, here: Path):
    (here / "again.py").write_text(
        "from altar import tool\n@tool\ndef one(a: int) -> int:\n    'One.'\n    return a\n"
        "@tool\ndef one(a: int) -> int:\n    'One.'\n    return a\n"
    )
    ran = run("check", "again.py")
    assert ran.status == 1
    assert "the one defined on line 2 is lost: line 6 defines it again" in ran.out
    assert "1 tool, 1 problem" in ran.out


@pytest.mark.parametrize(
    ("words", "usage", "says"),
    [
        (["run", "hello", "--tool", "x"], "altar run ", "--tool x; did you mean '--tools'?"),
        (["run"], "altar run ", "required: question"),
        (["call", "a", "b", "c"], "altar call ", "not understood: c"),
        (["manifest", "diff", "a", "b", "--jsn"], "altar manifest diff ", "mean '--json'?"),
        (["rnu"], "altar ", "there is no command 'rnu'; did you mean 'run'?"),
        (["xyz"], "altar ", "there are run, demo, tools"),
    ],
)
def test_what_is_not_understood_is_answered_with_the_commands_usage(run, words, usage, says):
    ran = run(*words)
    assert ran.status == 2
    assert ran.err.startswith(f"usage: {usage}")
    assert says in ran.err


def test_run_without_tools_says_how_to_give_them(run):
    assert run("run", "Hello", "--model", "offline:").err == "no tools given; --tools FILE\n"


def test_an_interrupt_exits_with_130(run, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*tools, **options):
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
    assert done.wait(60) == 0
    text = shown.decode()
    assert "\x1b[1madd\x1b[0m(a=1, b=2)" in text


def test_a_reader_that_goes_away_is_no_error(here: Path):
    command = f"{sys.executable} -m altar tools mine.py --format adm | head -n 1"
    done = subprocess.run(command, shell=True, cwd=here, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("[")
    assert "Traceback" not in done.stderr


EFFECTS = '''\
from altar import tool

@tool(approval=True, destructive=True)
def wipe_disk(disk: str) -> None:
    """Wipe a disk."""

@tool(read_only=True)
def look_at_disk(disk: str) -> None:
    """Look at a disk."""
'''

KINDS = '''
from typing import Any, Literal, NamedTuple, Optional

from altar import tool


class Pair(NamedTuple):
    a: int
    b: str


class Node:
    def __init__(self, value: int, parent: "Node | None" = None) -> None:
        self.value = value


@tool
def kinds(
    anything: Any,
    fixed: tuple[int, str],
    rows: list[dict[str, int]],
    maybe: list[Optional[int]],
    only: Literal["one"],
    either: int | list[str],
    node: Node,
) -> None:
    """All kinds."""
'''


def test_every_kind_of_type_has_a_short_text_in_the_table(run, here: Path):
    (here / "kinds.py").write_text(KINDS, "utf-8")
    rows = {}
    for line in run("tools", "kinds.py").out.splitlines()[1:]:
        name, _, kind = line.partition("(default")[0].strip().partition(" ")
        rows[name] = kind.strip()
    assert rows == {
        "anything": "any",
        "fixed": "[integer, string]",
        "rows": "{*: integer}[]",
        "maybe": "(integer | null)[]",
        "only": '"one"',
        "either": "integer | string[]",
        "node": "Node",
        "value": "integer",
        "parent?": "Node | null",
    }


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (True, "any"),
        ({}, "any"),
        ({"const": 3}, "3"),
        ({"anyOf": [{"type": "integer"}, {"type": "integer"}]}, "integer"),
        ({"type": ["integer", "null"]}, "integer | null"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "array", "items": True}, "any[]"),
        ({"description": "x"}, "any"),
    ],
)
def test_a_schema_reads_in_a_few_characters(schema, text: str):
    from altar.cli._tools import type_text

    assert type_text(schema) == text


def test_a_failed_call_is_shown_with_its_type_and_message(run):
    ran = run("run", 'fail reason="no luck"', "--tools", "mine.py", "--model", "offline:")
    assert '✗ fail(reason="no luck")' in ran.out.replace("x fail", "✗ fail")
    assert "TOOL_EXECUTION_FAILED: no luck" in ran.out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00004, "0.0 ms"), (0.0123, "12.3 ms"), (0.25, "250 ms"), (2.51, "2.5 s")],
)
def test_a_time_reads_in_the_unit_that_fits(seconds: float, text: str):
    from altar.cli._calls import duration

    assert duration(seconds) == text


def test_a_streaming_tool_and_a_retry_are_shown(run, here: Path, monkeypatch: pytest.MonkeyPatch):
    from altar.errors import OverloadedError
    from altar.llm import Clock, Options, Retry, Thinking, ToolCall
    from altar.testing import ScriptedProvider

    class NoWait(Clock):
        def sleep(self, seconds: float) -> None:
            pass

    (here / "chunks.py").write_text(
        "from altar import tool\n@tool\ndef chunks():\n    'Chunks.'\n    yield 'a'\n    yield 'b'\n"
    )
    script = [
        OverloadedError("busy"),
        [Thinking("let me see"), ToolCall("chunks", {})],
        "It is ab.",
    ]
    real = altar.stream

    def scripted(question, *, model, tools, instructions):
        options = Options(retry=Retry(clock=NoWait()))
        return real(question, model=ScriptedProvider(script), tools=tools, options=options)

    monkeypatch.setattr(altar, "stream", scripted)
    ran = run("run", "Go", "--tools", "chunks.py")
    assert ran.status == 0
    assert "busy; again in" in ran.err
    assert '"ab"' in ran.out
    assert ran.out.endswith("It is ab.\n")


def test_a_registry_may_be_named(run, here: Path):
    (here / "own.py").write_text(
        "import altar\nown = altar.Registry()\n\n@own.register\n"
        "def one() -> int:\n    'One.'\n    return 1\n"
    )
    assert run("call", "own.py:own").out == "1\n"


def test_a_registry_keeps_the_names_it_gave(run, here: Path):
    (here / "renamed.py").write_text(
        "import altar\nown = altar.Registry()\n"
        "def one() -> int:\n    'One.'\n    return 1\n"
        "own.register(one, name='uno')\n"
    )
    assert run("tools", "renamed.py:own").out == "uno  One.\n"
    assert "✓ uno" in run("check", "renamed.py:own").out.replace("+ uno", "✓ uno")


def test_a_tool_called_by_two_names_is_one_and_a_clash_is_a_problem(run, here: Path):
    (here / "twice.py").write_text(
        "from altar import tool\n"
        "class Left:\n    @tool\n    def go(self) -> int:\n        'Go.'\n        return 1\n"
        "class Right:\n    @tool\n    def go(self) -> int:\n        'Go.'\n        return 2\n"
        "left, right = Left(), Right()\nsame = left\n"
    )
    ran = run("check", "twice.py")
    assert ran.status == 1
    assert "another tool is called 'go' too" in ran.out
    assert "2 tools, 1 problem" in ran.out


def test_a_manifest_may_hold_several_contracts(run, here: Path):
    from altar.adm import ToolManifest

    run("manifest", "write", "mine.py", "--out", "a.json")
    run("manifest", "write", "mine.py:plain", "--name", "other", "--out", "b.json")
    both = [c for name in ("a.json", "b.json") for c in ToolManifest.read(here / name).contracts]
    ToolManifest(contracts=tuple(both)).write(here / "both.json")
    out = run("manifest", "show", "both.json").out
    assert "mine 1.0.0" in out
    assert "other 1.0.0" in out


def test_the_module_runs_as_a_program(here: Path):
    done = subprocess.run(
        [sys.executable, "-m", "altar", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"altar {altar.__version__}\n"


def test_run_tells_what_was_adapted(capsys, tmp_path, monkeypatch):
    """What was repaired in an answer is a remark, and a field of the JSON."""
    tools = tmp_path / "echo.py"
    tools.write_text(
        "from altar import tool\n@tool\ndef ping(word: str) -> str:\n    return word\n"
    )
    broken = ToolCall("ping", raw_args='{"word": "a",}')
    with FakeOpenAI([broken, "ok", broken, "ok"], quirks="vllm") as server:
        monkeypatch.setenv("ALTAR_LOCAL_URL", f"{server.url}/v1")
        words = ["run", "hi", "--model", "local:qwen3", "--tools", str(tools)]
        assert main(words) == 0
        assert "trailing_comma" in capsys.readouterr().err
        assert main([*words, "--json"]) == 0
        assert "arguments" in [
            one["what"] for one in json.loads(capsys.readouterr().out)["adaptations"]
        ]
