"""What cannot cross into a worker is refused by name, at the earliest moment, with what to type."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import altar
from altar.errors import ConfigurationError, DeclarationError, ErrorType
from altar.isolate import default_pool
from altar.later import Context, LocalRuntime, ProcessRuntime, SchemaTool
from altar.later._mark import Mark, ToolOptions
from altar.runtime._inside import inside
from tests.later import bad_tools, crossing_tools
from tests.later.bad_tools import isolated

SRC = str(Path(altar.__file__).parents[1])


@pytest.fixture(autouse=True, scope="module")
def _closed():
    yield
    default_pool().close()


def refusal(fn: Any, name: str = "x") -> str:
    """What a session says of an isolated tool that it cannot have."""
    mark = Mark(fn, name, None, ToolOptions(isolate=True))
    with pytest.raises(DeclarationError) as caught:
        altar.Session([mark])
    text = str(caught.value)
    assert "the isolated tool" in text
    return text


@isolated(inline=True)
def inline() -> None:
    """In two places at once."""


@isolated()
def needs_deps(context: Context[dict[str, int]]) -> None:
    """Dependencies do not cross."""


class Callable_:
    def __call__(self, a: int) -> int:
        return a


def plain(a: int) -> int:
    return a


def replaced(a: int) -> int:
    return a


original = replaced


def replaced(a: int) -> int:  # type: ignore[no-redef]  # noqa: F811
    return -a


def test_functions_that_no_interpreter_can_find_are_refused():
    def local(a: int) -> int:
        return a

    assert "is local to a function" in refusal(local)
    assert "a lambda" in refusal(lambda: None)
    assert "a method of an object" in refusal(crossing_tools.Box().bound)
    assert "a partial" in refusal(functools.partial(plain, 1))
    assert "a Callable_" in refusal(Callable_())
    assert "another object than the tool" in refusal(original)
    made = ModuleType("made_by_hand")
    sys.modules["made_by_hand"] = made
    try:
        exec("def f() -> None: ...", vars(made))
        assert "made while the program runs" in refusal(vars(made)["f"])
    finally:
        del sys.modules["made_by_hand"]
    assert "not in sys.modules" in refusal(vars(made)["f"])


def test_options_that_contradict_isolation_are_refused():
    with pytest.raises(DeclarationError, match="inline=True and isolate=True"):
        altar.Session([inline])
    with pytest.raises(DeclarationError, match="do not cross"):
        altar.Session([needs_deps])
    with pytest.raises(DeclarationError, match="is local to a function"):

        @altar.tool(isolate=True)
        def local() -> None: ...

        altar.declare(local)


def test_a_process_runtime_tells_all_that_cannot_cross_at_once():
    with pytest.raises(DeclarationError) as caught:
        ProcessRuntime({"one": lambda: None, "two": functools.partial(plain, 1), "three": plain})
    assert [problem[:3] for problem in caught.value.problems] == ["one", "two"]


def test_a_bridge_crosses_with_what_was_coerced_and_with_its_context():
    with altar.Session(crossing_tools.ISOLATED_BRIDGES) as session:
        plain = session.execute("plain_bridge", {"n": "3"})
        context = session.execute("context_bridge", {"n": 4.0})
    assert plain.content == {"got": {"n": 3}}
    assert context.content == [{"n": 4}, "context_bridge"]
    assert plain.metadata["coercions"][0]["path"] == "$.n"


def test_a_bridge_that_cannot_cross_is_answered():
    declaration = crossing_tools.BRIDGE.declaration
    tool = SchemaTool(declaration, lambda args: args, options=ToolOptions(isolate=True))
    error = altar.Session([tool]).execute("bridge", {"n": 1}).error
    assert error is not None
    assert error.type == ErrorType.CONFIGURATION_ERROR
    assert "a lambda" in error.message


def test_a_module_that_cannot_be_imported_afresh_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    package = ModuleType("gone_package.inner")
    package.__file__ = str(tmp_path / "inner.py")
    Path(package.__file__).write_text("def f() -> int: return 1\n")
    sys.modules[package.__name__] = package
    try:
        exec("def f() -> int: return 1", vars(package))
        mark = Mark(vars(package)["f"], "f", None, ToolOptions(isolate=True))
        with altar.Session([mark]) as session:
            result = session.execute("f")
    finally:
        del sys.modules[package.__name__]
    assert result.error is not None
    assert result.error.type == ErrorType.CONFIGURATION_ERROR
    assert str(tmp_path) not in result.error.message
    assert "cannot import the module gone_package.inner" in str(result.cause)
    assert "sys.path" in str(result.cause)
    assert "gone_package" in caplog.text


def test_a_module_beside_every_path_is_read_from_its_file(tmp_path: Path):
    from importlib.util import module_from_spec, spec_from_file_location

    (tmp_path / "lonely.py").write_text("def f(a: int) -> int:\n    return a + 1\n")
    spec = spec_from_file_location("lonely_tools", tmp_path / "lonely.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["lonely_tools"] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        mark = Mark(module.f, "f", None, ToolOptions(isolate=True))
        with altar.Session([mark]) as session:
            assert session.execute("f", {"a": 1}).content == 2
    finally:
        del sys.modules["lonely_tools"]


def test_a_module_that_fails_on_import_is_told_where_and_no_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "breaking.py"
    path.write_text("def f() -> int:\n    return 1\n\nKEY = {}['secret']\n")
    module = ModuleType("breaking")
    module.__file__ = str(path)
    sys.modules["breaking"] = module
    try:
        exec("def f() -> int: return 1", vars(module))
        with altar.Session([Mark(vars(module)["f"], "f", None, ToolOptions(isolate=True))]) as it:
            result = it.execute("f")
    finally:
        del sys.modules["breaking"]
    assert "breaking.py" in str(result.cause)
    assert "KeyError" in str(result.cause)
    assert "secret" not in str(result.to_dict()) + caplog.text


def test_in_a_worker_isolated_tools_run_where_they_are(monkeypatch: pytest.MonkeyPatch):
    import os

    monkeypatch.setattr(inside, "worker", True)
    with altar.Session([bad_tools.process]) as session:
        assert session.execute("process").content == os.getpid()


def test_what_begins_while_a_worker_imports_is_told_of_the_guard(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inside, "worker", True)
    monkeypatch.setattr(inside, "loading", "run.py")
    with altar.Session([bad_tools.add]) as session:
        for begin in (
            lambda: session.execute("add", {"a": 1}),
            lambda: ProcessRuntime([plain]),
            lambda: altar.generate("Hello"),
        ):
            with pytest.raises(ConfigurationError, match="__name__ == .__main__."):
                begin()
    assert LocalRuntime([plain]) is not None


TOOL = """
import altar

@altar.tool(isolate=True)
def add(a: int) -> int:
    return a + 1
"""
CALLS = (
    "result = altar.Session([add]).execute('add', {'a': 1}); print(result.content, result.cause)"
)
GUARDED = TOOL + f"if __name__ == '__main__':\n    {CALLS}\n"
UNGUARDED = TOOL + CALLS + "; print('message:', result.error and result.error.message)"
REFUSED = TOOL + "altar.Session([add])"


def run(*arguments: str, stdin: str = "", cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        input=textwrap.dedent(stdin),
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_tools_of_a_program_with_a_guard_cross(tmp_path: Path):
    (tmp_path / "run.py").write_text(GUARDED)
    assert run("run.py", cwd=tmp_path) == "2 None\n"
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "base.py").write_text("ONE = 1")
    (tmp_path / "pack" / "prog.py").write_text("from .base import ONE\n" + GUARDED)
    assert run("-m", "pack.prog", cwd=tmp_path) == "2 None\n"


def test_a_program_whose_tools_live_beside_others_that_import_multiprocessing(tmp_path: Path):
    (tmp_path / "other.py").write_text(
        "import multiprocessing, altar\n@altar.tool(isolate=True)\ndef one() -> int:\n    return 1\n"
    )
    calls = "other.one, add]); print(s.execute('one').content, s.execute('add', {'a': 2}).content)"
    (tmp_path / "run.py").write_text(
        "import other\n" + TOOL + f"if __name__ == '__main__':\n    s = altar.Session([{calls}\n"
    )
    assert run("run.py", cwd=tmp_path) == "1 3\n"


def test_a_program_without_a_guard_is_told_so_and_does_not_recurse(tmp_path: Path):
    (tmp_path / "run.py").write_text(UNGUARDED)
    out = run("run.py", cwd=tmp_path)
    assert 'if __name__ == "__main__":' in out
    assert "run.py" in out
    assert out.startswith("None")
    message = out.rpartition("message:")[2]
    assert 'if __name__ == "__main__":' in message
    assert "run.py" not in message


def test_tools_without_a_file_are_refused(tmp_path: Path):
    for out in (run("-c", REFUSED, cwd=tmp_path), run("-", stdin=REFUSED, cwd=tmp_path)):
        assert "DeclarationError" in out
        assert "Put it in a file and import it" in out
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as app:
        app.writestr("__main__.py", textwrap.dedent(REFUSED))
    assert "another module of the archive" in run("app.pyz", cwd=tmp_path)


def test_a_program_without_isolated_tools_imports_nothing_of_it(tmp_path: Path):
    code = """
    import sys, altar
    @altar.tool
    def add(a: int) -> int:
        return a + 1
    assert altar.Session([add]).execute("add", {"a": 1}).content == 2
    print([name for name in sys.modules if "isolate" in name or "crossing" in name])
    """
    assert run("-", stdin=code, cwd=tmp_path) == "[]\n"


def test_what_a_module_takes_to_be_imported_is_not_its_tools_time(tmp_path: Path):
    def answered(name: str) -> bool:
        (tmp_path / f"{name}.py").write_text(
            "import time\ntime.sleep(0.3)\ndef f(a: int) -> int:\n    return a\n"
        )
        module = ModuleType(name)
        module.__file__ = str(tmp_path / f"{name}.py")
        sys.modules[name] = module
        try:
            exec("def f(a: int) -> int: return a", vars(module))
            options = ToolOptions(isolate=True, timeout=0.2)
            with altar.Session([Mark(vars(module)["f"], "f", None, options)]) as session:
                return session.execute("f", {"a": 1}).content == 1
        finally:
            del sys.modules[name]

    # a busy machine may need 0.2 s for the tool itself; no machine imports such a module in that
    assert any(answered(f"slowly_{number}") for number in range(20))
