"""What the tests of the providers share: requests, attempts, and an environment without keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from altar.llm import Attempt, Message, Request, Sampling
from altar.runtime import Cancellation

_VENDORS = ("GOOGLE_", "GEMINI_", "GCLOUD_", "ANTHROPIC_", "OPENAI_", "CLOUDSDK_")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of a vendor reaches a test but those it sets itself."""
    for name in list(os.environ):
        if name.startswith(_VENDORS):
            monkeypatch.delenv(name)


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Makes a Request, with every field that is not given left empty."""

    def make(*messages: Message | str, **given: Any) -> Request:
        said = [Message.user(one) if isinstance(one, str) else one for one in messages]
        fields: dict[str, Any] = {
            "model": "gemini-3.8-flash",
            "instructions": None,
            "tools": (),
            "tool_choice": None,
            "output": None,
            "sampling": Sampling(),
            "settings": {},
        }
        return Request(messages=tuple(said), **{**fields, **given})

    return make


@pytest.fixture
def attempt() -> Attempt:
    """A first attempt without a deadline."""
    return Attempt(number=1, deadline=None, cancelled=Cancellation())
