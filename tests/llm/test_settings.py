"""Settings stand under the name of the provider they are for; any other name is told at once."""

from __future__ import annotations

import pytest

import altar
from altar import Options
from altar.errors import ConfigurationError
from altar.testing import ScriptedProvider


def ask(settings, model=None):
    model = model or ScriptedProvider(["ok"])
    return altar.generate("hi", model=model, options=Options(settings=settings)).text


@pytest.mark.parametrize("name", ["scripted", "gemini", "anthropic", "openai-chat", "local"])
def test_settings_of_a_known_provider_are_taken_whoever_is_asked(name):
    assert ask({name: {"x": 1}}) == "ok"


@pytest.mark.parametrize(
    ("said", "meant"), [("google-genai", "gemini"), ("openai-compatible", "local")]
)
def test_the_other_name_of_a_prefix_is_told_with_the_one_that_counts(said, meant):
    with pytest.raises(ConfigurationError, match=f"'{meant}'"):
        ask({said: {"x": 1}})


def test_a_name_that_no_provider_has_is_told_with_the_nearest():
    with pytest.raises(ConfigurationError, match="did you mean 'anthropic'"):
        ask({"antropic": {"x": 1}})


def test_settings_without_a_provider_are_told_with_the_line_to_type():
    with pytest.raises(ConfigurationError, match="temperature"):
        Options(settings={"temperature": 1})


def test_a_chain_takes_settings_for_any_of_its_members():
    chain = altar.fallback(ScriptedProvider(["ok"]), "offline:")
    assert ask({"scripted": {"x": 1}}, chain) == "ok"
