"""The pytest plugin, in test suites of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import altar
import altar.testing
from altar import live
from altar.errors import ConfigurationError

# an inner run forgets what it imported: what it will need is imported before it
for _name in altar.testing.__all__:
    getattr(altar.testing, _name)

pytest_plugins = ["pytester"]

PLUGIN = "altar_extras.pytest_plugin"
CALL = """
    from altar import live
    live.check("gemini", "https://api.example.invalid")
"""


class Suite:
    """A folder of tests, and how to run it with the plugin."""

    def __init__(self, pytester: pytest.Pytester, config: pytest.Config) -> None:
        self.pytester = pytester
        self.path = pytester.path
        # where altar is installed with its entry points the plugin is there already
        self.words = () if config.pluginmanager.has_plugin("altar") else ("-p", PLUGIN)

    def run(self, *words: str, **files: str) -> pytest.RunResult:
        """Write the files and run them; the words are the command's."""
        if files:
            self.pytester.makepyfile(**files)
        return self.pytester.runpytest_inprocess(
            *self.words, "-p", "no:cacheprovider", "-p", "no:randomly", "--strict-markers", *words
        )


@pytest.fixture
def suite(
    pytester: pytest.Pytester, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> Suite:
    for name in ("ALTAR_LIVE", "ALTAR_RECORD", "ALTAR_MODEL", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester, pytestconfig)


def said(result: pytest.RunResult) -> str:
    return result.stdout.str()


# -- live calls --------------------------------------------------------------------------


def test_a_live_call_in_a_test_is_refused_with_what_to_type(suite: Suite):
    result = suite.run(test_it=f"def test_call():{CALL}")
    result.assert_outcomes(failed=1)
    assert "ConfigurationError" in said(result)
    assert "pytest --altar-live" in said(result)
    assert "@pytest.mark.live" in said(result)


def test_a_live_call_in_a_thread_a_fixture_or_a_module_is_refused_too(suite: Suite):
    result = suite.run(
        test_it="""
import threading, pytest
from altar import live
from altar.errors import ConfigurationError

with pytest.raises(ConfigurationError):
    live.check("gemini", None)

@pytest.fixture
def calls():
    with pytest.raises(ConfigurationError):
        live.check("gemini", None)

def test_call(calls):
    caught = []
    def call():
        try:
            live.check("gemini", None)
        except ConfigurationError as error:
            caught.append(error)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert caught
"""
    )
    result.assert_outcomes(passed=1)


MARKED = f"""
import pytest

@pytest.mark.live
def test_marked():{CALL}

def test_other():{CALL}
"""


def test_a_marked_test_is_skipped_and_says_how_to_run_it(suite: Suite):
    result = suite.run("-rs", test_it=MARKED)
    result.assert_outcomes(skipped=1, failed=1)
    assert "pytest --altar-live" in said(result)


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_marked_test_may_call_when_it_is_allowed_and_no_other_may(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, how: str
):
    if how == "variable":
        monkeypatch.setenv("ALTAR_LIVE", "1")
    result = suite.run(*(["--altar-live"] if how == "option" else []), test_it=MARKED)
    result.assert_outcomes(passed=1, failed=1)
    assert "test_other" in said(result)


def test_the_variable_can_say_no(suite: Suite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALTAR_LIVE", "0")
    suite.run(test_it=MARKED).assert_outcomes(skipped=1, failed=1)


def test_a_project_with_a_live_marker_of_its_own_names_another(suite: Suite):
    suite.pytester.makeini("[pytest]\naltar_live_marker = vendor\nmarkers = live: on a stage\n")
    result = suite.run(
        test_it=f"""
import pytest

@pytest.mark.live
def test_stage():
    pass

@pytest.mark.vendor
def test_vendor():{CALL}
"""
    )
    result.assert_outcomes(passed=1, skipped=1)


def test_the_switch_is_as_it_was_when_the_run_is_over(suite: Suite):
    with live.allow():
        suite.run("--altar-live", test_it=MARKED)
        live.check("gemini", None)
    with live.forbid("Outer."):
        suite.run("--altar-live", test_it=MARKED)
        with pytest.raises(ConfigurationError, match=r"Outer\."):
            live.check("gemini", None)


# -- cassettes ---------------------------------------------------------------------------

ASKS = """
import altar, pytest
from altar.llm import BaseProvider, Message, Response

class Model(BaseProvider):
    name, model = "mine", "one"
    def complete(self, request, attempt):
        return Response(message=Message.assistant(request.messages[-1].text.upper()))

@pytest.mark.altar_cassette(model=Model())
def test_ask(altar_cassette):
    assert altar.generate("hello", model=altar_cassette).text == "HELLO"
"""


def recordings(suite: Suite) -> list[str]:
    found = suite.path.rglob("*.jsonl")
    return sorted(str(path.relative_to(suite.path)).replace("\\", "/") for path in found)


def test_a_test_without_its_recording_fails_and_says_how_to_make_it(suite: Suite):
    result = suite.run(test_it=ASKS)
    result.assert_outcomes(errors=1)
    assert "type: pytest --altar-record 'test_it.py::test_ask'" in said(result)
    assert recordings(suite) == []


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_recording_is_made_when_asked_for_and_replayed_ever_after(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, how: str
):
    with monkeypatch.context() as changed:
        if how == "variable":
            changed.setenv("ALTAR_RECORD", "1")
        words = ["--altar-record"] if how == "option" else []
        suite.run(*words, test_it=ASKS).assert_outcomes(passed=1)
    assert recordings(suite) == ["cassettes/test_it/test_ask.jsonl"]
    without = ASKS.replace("(model=Model())", "")
    suite.run(test_it=without).assert_outcomes(passed=1)


def test_recording_may_call_live_and_replaying_may_not(suite: Suite):
    calls = ASKS.replace(
        "        return Response",
        "        altar.live.check('mine', None)\n        return Response",
    ).replace("import altar, pytest", "import altar, altar.live, pytest")
    suite.run("--altar-record", test_it=calls).assert_outcomes(passed=1)
    assert len(recordings(suite)) == 1


def test_a_recording_that_a_test_does_not_play_to_its_end_fails_it(suite: Suite):
    suite.run("--altar-record", test_it=ASKS)
    result = suite.run(test_it="def test_ask(altar_cassette):\n    pass\n")
    result.assert_outcomes(passed=1, errors=1)
    assert "was not played to its end" in said(result)


def test_a_test_that_fails_is_not_told_what_it_left_unplayed(suite: Suite):
    suite.run("--altar-record", test_it=ASKS)
    result = suite.run(test_it="def test_ask(altar_cassette):\n    assert 0, 'mine'\n")
    result.assert_outcomes(failed=1)
    assert "played to its end" not in said(result)


def test_a_miss_shows_where_it_differs(suite: Suite):
    suite.run("--altar-record", test_it=ASKS)
    result = suite.run(test_it=ASKS.replace('"hello"', '"good-bye"'))
    result.assert_outcomes(failed=1)
    assert "$.messages[0].parts[0].text" in said(result)


def test_a_test_that_fails_records_nothing(suite: Suite):
    failing = ASKS.replace('"HELLO"', '"something else"')
    suite.run("--altar-record", test_it=failing).assert_outcomes(failed=1)
    assert recordings(suite) == []


def test_the_markers_options_are_those_of_a_cassette(suite: Suite):
    """The nearest marker counts, over those of the class and of the module."""
    given = """
import altar, pytest
from tests_model import Model

pytestmark = pytest.mark.altar_cassette(model=Model(), mode="auto")

@pytest.mark.altar_cassette("kept/one.jsonl")
class TestGroup:
    def test_first(self, altar_cassette):
        altar.generate("a", model=altar_cassette)

    @pytest.mark.altar_cassette(path="kept/two.jsonl", secrets=["sesame"])
    def test_second(self, altar_cassette):
        altar.generate("sesame", model=altar_cassette)
"""
    model = ASKS.split("@pytest")[0]
    suite.pytester.syspathinsert()
    suite.run(test_it=given, tests_model=model).assert_outcomes(passed=2)
    assert recordings(suite) == ["kept/one.jsonl", "kept/two.jsonl"]
    assert "sesame" not in (suite.path / "kept/two.jsonl").read_text("utf-8")


@pytest.mark.parametrize("given", ["modle='x'", "'a', 'b'"])
def test_an_option_that_is_unknown_is_refused(suite: Suite, given: str):
    source = f"""
import pytest

@pytest.mark.altar_cassette({given})
def test_ask(altar_cassette):
    pass
"""
    result = suite.run(test_it=source)
    result.assert_outcomes(errors=1)
    assert "altar_cassette" in said(result)


def test_each_test_has_a_recording_of_its_own_whatever_it_is_called(suite: Suite):
    many = ASKS.replace(
        "@pytest.mark.altar_cassette(model=Model())",
        '@pytest.mark.altar_cassette(model=Model())\n@pytest.mark.parametrize("word", '
        '["a", "a/b", "a:b", "../up", "x" * 200, "y" * 200, "\\u00fc"])',
    ).replace("altar_cassette):", "altar_cassette, word):")
    suite.run("--altar-record", test_it=many).assert_outcomes(passed=7)
    found = recordings(suite)
    assert len(found) == 7
    assert "cassettes/test_it/test_ask[a].jsonl" in found
    assert {str(Path(one).parent) for one in found} == {str(Path("cassettes/test_it"))}
    suite.run(test_it=many).assert_outcomes(passed=7)


# -- the other fixtures ------------------------------------------------------------------


def test_a_scripted_model_must_be_played_to_its_end(suite: Suite):
    result = suite.run(
        test_it="""
import altar

def test_whole(altar_scripted):
    model = altar_scripted(["one", "two"], model="m")
    assert model.model == "m"
    assert [altar.generate("?", model=model).text for _ in range(2)] == ["one", "two"]

def test_capable(altar_scripted):
    model = altar_scripted(["one"], capabilities=altar.llm.Capabilities(tools=False))
    assert not model.capabilities.tools
    altar.generate("?", model=model)

def test_left(altar_scripted):
    altar_scripted(["never"])

def test_failed(altar_scripted):
    altar_scripted(["never"])
    assert 0, "mine"
"""
    )
    result.assert_outcomes(passed=3, failed=1, errors=1)
    assert said(result).count("AssertionError: the script was not played to its end") >= 1
    assert "ERROR at teardown of test_left" in said(result)


def test_the_registry_is_empty_in_a_test_and_as_it_was_after_it(suite: Suite):
    before = altar.registry.snapshot()
    result = suite.run(
        test_it="""
import altar

@altar.tool
def of_the_module() -> str:
    "A tool that every test of this file knows."
    return "x"

def test_empty(altar_registry):
    assert altar_registry is altar.registry
    assert len(altar.registry) == 0

    def of_the_test() -> str:
        "A tool of one test."
        return "x"

    altar_registry.register(of_the_test)
    assert altar.registry.names() == ("of_the_test",)

def test_after():
    assert "of_the_module" in altar.registry
    assert "of_the_test" not in altar.registry
"""
    )
    altar.registry.restore(before)
    result.assert_outcomes(passed=2)


def test_the_session_is_open_in_a_test_and_closed_after_it(suite: Suite):
    result = suite.run(
        test_it="""
import pytest

seen = []

def test_open(altar_session):
    seen.append(altar_session)
    altar_session.add(lambda_free)
    assert altar_session.execute("lambda_free", {}).unwrap() == "x"

def lambda_free() -> str:
    "A tool."
    return "x"

def test_closed():
    assert seen[0].closed
"""
    )
    result.assert_outcomes(passed=2)


# -- how it sits in pytest ---------------------------------------------------------------


def test_options_markers_and_fixtures_explain_themselves(suite: Suite):
    shown = said(suite.run("--help"))
    for word in ("--altar-live", "--altar-record", "altar_live_marker", "ALTAR_RECORD=1"):
        assert word in shown
    shown = said(suite.run("--markers"))
    assert "@pytest.mark.live: " in shown
    assert "@pytest.mark.altar_cassette(" in shown
    shown = said(suite.run("--fixtures"))
    for fixture in ("altar_cassette", "altar_scripted", "altar_registry", "altar_session"):
        assert f"{fixture} --" in shown
    own = shown.partition("altar_cassette --")[2].partition("\n---")[0]
    assert "no docstring available" not in own


def test_the_plugin_loads_nothing_of_altar_beyond_the_switch(suite: Suite):
    """In a new interpreter: a suite that uses no fixture pays for none."""
    suite.pytester.makepyfile(
        test_it="""
import sys

def test_light():
    loaded = {name for name in sys.modules if name.startswith(("altar.", "altar_extras."))}
    assert "altar_extras.pytest_plugin" in loaded
    assert not {name for name in loaded if name.startswith(("altar.llm", "altar.adm"))}
    assert not {"altar.testing._cassette", "altar.agent", "asyncio.runners"} & loaded
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite.words],
        cwd=suite.path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout


def test_it_works_in_the_workers_of_xdist(suite: Suite):
    pytest.importorskip("xdist")
    suite.run("--altar-record", test_it=ASKS, test_live=MARKED)
    suite.pytester.makepyfile(test_it=ASKS, test_live=MARKED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--altar-live",
         *suite.words],
        cwd=suite.path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout
    assert "1 failed" in done.stdout
    assert "pytest --altar-live" in done.stdout


def test_a_recording_is_readable_line_by_line(suite: Suite):
    suite.run("--altar-record", test_it=ASKS)
    (name,) = recordings(suite)
    rows = [json.loads(row) for row in (suite.path / name).read_text("utf-8").splitlines()]
    assert rows[0]["altar-cassette"] == 1
    assert rows[1]["request"]["messages"][0]["parts"][0]["text"] == "hello"
