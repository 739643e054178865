"""Settings and plugins: what wins, what is read when, and what an error says to type."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import altar
from altar import config, plugins
from altar.errors import ConfigurationError
from altar.resilience import RetryPolicy
from altar.runtime import Policy
from altar.testing import ScriptedProvider


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config.reset()
    yield
    config.reset()


def write(text: str) -> None:
    with open("altar.toml", "w", encoding="utf-8") as file:
        file.write(text)


def entries(monkeypatch, *found: EntryPoint) -> None:
    monkeypatch.setattr(
        plugins, "_entries", lambda group: {e.name: e for e in found if e.group == group}
    )


def hide(monkeypatch, package: str) -> None:
    """Look as if this version of altar held nothing of ``package``."""
    found = plugins._found
    monkeypatch.setattr(
        plugins, "_found", lambda module: not module.startswith(package) and found(module)
    )


def test_the_defaults_are_local_and_no_model():
    assert config.settings() == config.Settings(mode="local", model=None, grid_url=None)


def test_configure_wins_over_the_environment_and_that_over_the_file(monkeypatch):
    write('model = "file:m"\ngrid_url = "nats://file:1"\n')
    assert config.settings().model == "file:m"
    config.reset()
    monkeypatch.setenv("ALTAR_MODEL", "env:m")
    assert config.settings().model == "env:m"
    assert altar.configure(model="offline:m").model == "offline:m"
    assert config.settings().grid_url == "nats://file:1"
    assert altar.configure(grid_url="nats://given:1").model == "offline:m"


def test_settings_are_read_once(monkeypatch):
    config.settings()
    monkeypatch.setenv("ALTAR_MODEL", "late:m")
    assert config.settings().model is None


def test_importing_reads_nothing(tmp_path):
    (tmp_path / "altar.toml").write_text("this is no toml")
    code = "import altar, altar.config, altar.agent; print('quiet')"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout == "quiet\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = 'local'", "unknown 'modle'; allowed are mode, model, grid_url"),
        ("mode = 3", "mode in altar.toml must be a text"),
        ("mode = ", "not valid TOML"),
        ("grid_url = 'localhost'", "nats://"),
        ("mode = 'nowhere'", "allowed now: .*'local'"),
        ("modle = 'local'", "did you mean 'mode"),
        ("trace = 3", "trace in altar.toml must be a text"),
        ("policy = 3", r"policy in altar.toml must be a table.*type \[policy\]"),
        ("[policy]\ntimout = 3", "unknown 'timout'.*did you mean 'timeout'"),
        ("[policy]\nrate = 'often'", "policy.rate in altar.toml is 'often': .*type rate = "),
    ],
)
def test_a_bad_file_is_answered_with_what_is_allowed(text, said):
    write(text)
    with pytest.raises(ConfigurationError, match=said):
        config.settings()


def test_the_files_policy_is_read_and_configure_replaces_it():
    write("[policy]\ntimeout = 30\nretry = {attempts = 2}\ncache = false\n")
    assert config.settings().policy == Policy(
        timeout=30, retry=RetryPolicy(attempts=2), cache=False
    )
    before = config.settings().policy
    assert altar.configure(model="offline:").policy is before
    assert altar.configure(policy=Policy(rate="1/s")).policy == Policy(rate="1/s")
    with pytest.raises(ConfigurationError, match=r"configure\(policy=altar.runtime.Policy"):
        altar.configure(policy={"timeout": 30})


def test_a_session_says_what_is_wrong_with_the_file():
    write("[policy]\ntimeout = 0\n")
    with pytest.raises(ConfigurationError, match="policy.timeout in altar.toml is 0"):
        altar.Session([])


def test_a_trace_is_named_by_the_file_the_environment_or_the_program(monkeypatch):
    write("trace = 'a.jsonl'")
    assert config.settings().trace == "a.jsonl"
    config.reset()
    monkeypatch.setenv("ALTAR_TRACE", "b.db")
    assert config.settings().trace == "b.db"
    assert altar.configure(trace="c.jsonl").trace == "c.jsonl"


def test_tomllib_is_loaded_where_there_is_a_file_alone(tmp_path):
    code = (
        "import altar, sys; altar.Session([]); print('tomllib' in sys.modules, 'pathlib' in "
        "sys.modules and 'altar.plugins' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],  # -S: what measures coverage reads TOML itself
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(altar.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "False False\n"


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "altar.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"altar\.toml cannot be read"):
        config.settings()


def test_a_bad_environment_names_the_variable(monkeypatch):
    monkeypatch.setenv("ALTAR_GRID_URL", "localhost")
    with pytest.raises(ConfigurationError, match="ALTAR_GRID_URL"):
        config.settings()


def test_a_refused_change_changes_nothing():
    altar.configure(model="offline:a")
    with pytest.raises(ConfigurationError):
        altar.configure(model="offline:b", mode="nowhere")
    assert config.settings().model == "offline:a"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nope:x", "unknown model provider 'nope'.*Usable now: 'local:', 'offline:'"),
        ("gpt-5", "has no prefix; write 'prefix:name'"),
        ("openai:gpt-5", "this version of altar has no 'openai:' provider"),
    ],
)
def test_a_model_nobody_can_provide_is_refused_when_it_is_configured(monkeypatch, model, said):
    entries(monkeypatch)
    hide(monkeypatch, "altar_extras")
    with pytest.raises(ConfigurationError, match=said):
        altar.configure(model=model)
    assert config.settings().model is None


def test_a_model_whose_library_is_missing_may_be_configured(monkeypatch):
    monkeypatch.setattr(plugins, "_found", lambda module: module.startswith("altar_extras"))
    assert altar.configure(model="gemini:flash").model == "gemini:flash"


def test_a_plugged_in_model_may_be_configured(monkeypatch):
    entries(monkeypatch, EntryPoint("acme", "tests.nowhere:acme", "altar.providers"))
    assert altar.configure(model="acme:large").model == "acme:large"


def test_a_mode_names_the_extra_that_will_bring_it(monkeypatch):
    entries(monkeypatch)
    hide(monkeypatch, "altar_extras")
    with pytest.raises(ConfigurationError, match=r"has no mode 'grid'.*the extra \"\.\[grid\]\""):
        altar.configure(mode="grid")


def test_a_mode_whose_library_is_missing_says_what_to_install(monkeypatch):
    entries(monkeypatch)
    monkeypatch.setattr(plugins, "_found", lambda module: module.startswith("altar_extras"))
    with pytest.raises(ConfigurationError, match=r"library nats-py, .*pip install \"\.\[grid\]\""):
        altar.configure(mode="grid")


def test_an_entry_point_brings_a_mode(monkeypatch):
    entries(monkeypatch, EntryPoint("mars", "tests.test_config:mars_runtime", "altar.runtimes"))
    altar.configure(mode="mars")

    def where() -> str:
        return "here"

    from altar.llm import ToolCall

    reply = altar.generate("?", model=ScriptedProvider([ToolCall("where"), "ok"]), tools=[where])
    assert reply.calls[0].result.content == "on mars"


def mars_runtime(settings):
    from altar.adm import ToolResult

    class Mars:
        def invoke(self, call, ctx):
            return ToolResult(name=call.name, call_id=call.call_id, content=f"on {settings.mode}")

        async def ainvoke(self, call, ctx):
            return self.invoke(call, ctx)

    return Mars()


def test_an_entry_point_brings_a_provider(monkeypatch):
    entries(monkeypatch, EntryPoint("acme", "tests.test_config:acme", "altar.providers"))
    assert altar.generate("hi", model="acme:large").text == "I am large"


def acme(model):
    return ScriptedProvider([f"I am {model}"], model=model)


def test_a_broken_plugin_is_named(monkeypatch):
    entries(monkeypatch, EntryPoint("acme", "tests.nowhere:acme", "altar.providers"))
    with pytest.raises(ConfigurationError, match=r"acme.*tests.nowhere"):
        plugins.load_provider("acme:x")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "gemni:x",
            r"unknown model provider 'gemni'.*did you mean 'gemini:x'.*Usable now: 'offline:'",
        ),
        ("nosuch:x", r"Usable now: 'offline:'.*, or an object with the Provider protocol"),
        ("ollama:qwen3", r"did you mean 'local:qwen3'\?"),
        ("google:gemini-3.8-flash", r"did you mean 'gemini:gemini-3.8-flash'\?"),
        ("google_genai:x", r"did you mean 'google-genai:x'\?"),
        ("OPENAI:gpt-5.5", r"did you mean 'openai:gpt-5.5'\?"),
        ("OPENAI:", r"did you mean 'openai:gpt-5.5'\?"),
        ("claude", r"did you mean 'anthropic:claude-opus-5-5'\?"),
        ("claude-haiku-5", r"did you mean 'anthropic:claude-haiku-5'\?"),
        ("gpt-5.5", r"did you mean 'openai:gpt-5.5'\?"),
        ("gemini-3.8-flash", r"did you mean 'gemini:gemini-3.8-flash'\?"),
        ("qwen3", r"write 'prefix:name'\. Usable"),
        ("nosuch:x", r"in 'nosuch:x'\. Usable"),
        ("gemni:x", r"'gemini:', 'gemini-interactions:', 'vertex:' with pip install"),
        ("nosuch:x", r"'gemini:', .* with pip install \"google-genai>=2.30\".*unrelated package"),
        ("gemini-3.8-flash", r"has no prefix; write 'prefix:name'"),
        ("gemini:", r"type, for example, 'gemini:gemini-3.8-flash'"),
        ("", "has no prefix"),
    ],
)
def test_a_bad_model_string_is_answered_with_what_to_type(monkeypatch, model, said):
    entries(monkeypatch)
    present = ("altar.llm._offline", "altar_extras")
    monkeypatch.setattr(plugins, "_found", lambda module: module.startswith(present))
    with pytest.raises(ConfigurationError, match=said):
        plugins.load_provider(model)


def test_a_missing_library_is_told_by_its_own_name(monkeypatch):
    entries(monkeypatch)
    present = ("altar.llm._offline", "altar_extras")
    monkeypatch.setattr(plugins, "_found", lambda module: module.startswith(present))
    with pytest.raises(ConfigurationError) as caught:
        plugins.load_provider("gemini:flash")
    said = str(caught.value)
    assert 'pip install "google-genai>=2.30"' in said
    assert 'pip install ".[gemini]"' in said
    assert "Usable now: 'offline:'" in said


def test_the_offline_model_needs_no_name():
    assert plugins.load_provider("offline").name == "offline"
    assert plugins.load_provider("offline:").name == "offline"
    assert "offline" in plugins.provider_names()
    assert "local" in plugins.runtime_names()


def test_an_unknown_runtime_lists_the_known_ones(monkeypatch):
    entries(monkeypatch)
    with pytest.raises(ConfigurationError, match="known are 'grid', 'local'"):
        plugins.load_runtime("nowhere")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "gemini:flash",
            r"no 'gemini:' provider.*Planned: 'gemini:' with the extra \"\.\[gemini\]\"",
        ),
        ("gemini:", r"no 'gemini:' provider"),
        ("local:qwen3", r"no 'local:' provider.*Planned: 'local:' with altar itself"),
        (
            "nobody:x",
            r"Planned, and not in this version: .*'gemini:' with the extra \"\.\[gemini\]\"",
        ),
    ],
)
def test_a_provider_this_version_does_not_hold_offers_nothing_to_install(monkeypatch, model, said):
    entries(monkeypatch)
    monkeypatch.setattr(plugins, "_found", lambda module: module.startswith("altar.llm._offline"))
    with pytest.raises(ConfigurationError, match=said) as caught:
        plugins.load_provider(model)
    assert "pip" not in str(caught.value)
    assert "Usable now: 'offline:', or an object with the Provider protocol" in str(caught.value)
