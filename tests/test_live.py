"""The switch that forbids live calls."""

from __future__ import annotations

import os
import threading

import pytest

import altar
from altar import live
from altar.errors import ConfigurationError
from tests.waiting import PATIENCE

REASON = "The tests of this project call no model; type --altar-live."


@pytest.fixture(autouse=True)
def _no_word_of_others():
    with live.allow():
        yield


@pytest.mark.parametrize("url", [None, "", "https://api.example.invalid/v1", "http://[::1"])
def test_nothing_is_forbidden_until_somebody_forbids(url: str | None):
    live.check("gemini", url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9",
        "http://localhost:11434/v1",
        "http://LOCALHOST",
        "http://models.localhost:1/v1",
        "http://[::1]:9",
        "http://[::ffff:127.0.0.1]:9/",
        "http://user:secret@127.0.0.1:8080/v1",
    ],
)
def test_loopback_is_reached_while_live_calls_are_forbidden(url: str):
    with live.forbid(REASON):
        live.check("local", url)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://api.openai.com/v1",
        "http://127.0.0.1@evil.example/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example",
        "http://[2001:db8::1]/",
        "http://10.0.0.1:8000/v1",
        "http://[::1",
        "127.0.0.1:8080",
        "//",
    ],
)
def test_any_other_address_is_refused_with_the_reason_and_what_to_type(url: str | None):
    with live.forbid(REASON), pytest.raises(ConfigurationError) as caught:
        live.check("openai", url)
    said = str(caught.value)
    assert "'openai:'" in said
    assert REASON in said
    assert "ScriptedProvider" in said


def test_the_message_repeats_the_host_and_no_secret_of_the_address():
    url = "https://user:sesame@api.example.invalid:443/v1?key=sesame2"
    with live.forbid(REASON), pytest.raises(ConfigurationError) as caught:
        live.check("gemini", url)
    assert "api.example.invalid" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_the_innermost_word_counts_and_the_outer_one_returns():
    url = "https://api.example.invalid"
    with live.forbid("Outer."):
        with live.allow():
            live.check("gemini", url)
            with live.forbid("Inner."), pytest.raises(ConfigurationError, match=r"Inner\."):
                live.check("gemini", url)
            live.check("gemini", url)
        with pytest.raises(ConfigurationError, match=r"Outer\."):
            live.check("gemini", url)
    live.check("gemini", url)


def test_words_that_end_in_another_order_take_only_themselves_away():
    first, second = live.forbid("First."), live.forbid("Second.")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(ConfigurationError, match=r"Second\."):
        live.check("gemini", None)
    second.__exit__(None, None, None)
    live.check("gemini", None)


def test_a_block_that_raises_ends_its_word():
    with pytest.raises(KeyError), live.forbid(REASON):
        raise KeyError
    live.check("gemini", None)


def test_every_thread_sees_the_switch():
    """A sync provider works in a thread of its own, which inherits no context."""
    said: list[BaseException] = []

    def ask() -> None:
        try:
            live.check("gemini", None)
        except ConfigurationError as error:
            said.append(error)

    with live.forbid(REASON):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(said) == 1


def test_a_block_that_is_thrown_away_ends_wherever_the_collector_runs():
    """The collector may run in a thread that is about to begin one."""

    def collect() -> None:
        with live._state.lock, live.allow():
            pass

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(PATIENCE)
    assert not collecting.is_alive()


def test_many_threads_that_forbid_and_allow_leave_nothing_behind():
    def work() -> None:
        for _ in range(200):
            with live.forbid(REASON), live.allow():
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live.check("gemini", None)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic:claude-opus-5-5",
        "openai:gpt-5.5",
        "openai-chat:gpt-5.5",
        "gemini:gemini-3.8-flash",
        "gemini-interactions:gemini-3.8-flash",
        "vertex:gemini-3.8-flash",
    ],
)
def test_the_switch_is_asked_before_a_key_is_missed(model, monkeypatch, tmp_path):
    pytest.importorskip({"a": "anthropic", "o": "openai"}.get(model[0], "google.genai"))
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "OPENAI_", "GOOGLE_", "GEMINI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with live.forbid("Nobody."), pytest.raises(ConfigurationError, match=r"vendor's own|live call"):
        altar.generate("Hi", model=model)
