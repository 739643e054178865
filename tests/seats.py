"""Seats: every provider of altar in front of a fake that speaks its wire, by one name each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import altar.testing

__all__ = ["SEATS", "Seat"]


@dataclass(frozen=True)
class Seat:
    """One provider: the library it needs, the fake it speaks to, and how it is made."""

    name: str
    library: str
    fake: str
    make: Callable[[Any], Any]
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether its library is installed."""
        if not self.library:
            return True
        try:
            return find_spec(self.library) is not None
        except ModuleNotFoundError:
            return False

    def open(self, replies: Any) -> Any:
        """A provider whose model gives ``replies``; closing it closes the fake."""
        fake = getattr(altar.testing, self.fake)(replies, **dict(self.options))
        provider = self.make(fake)
        provider.fake = fake
        close, aclose = provider.close, provider.aclose

        def shut() -> None:
            close()
            fake.close()

        async def leave() -> None:  # a provider's own aclose may call its close
            provider.close = close
            try:
                await aclose()
            finally:
                provider.close = shut

        provider.close = shut
        provider.aclose = leave
        return provider


def _of(target: str, model: str, path: str = "", **given: Any) -> Callable[[Any], Any]:
    module, _, name = target.partition(":")

    def make(fake: Any) -> Any:
        return getattr(import_module(module), name)(
            model, key=fake.key, url=fake.url + path, **given
        )

    return make


def _vertex(fake: Any) -> Any:
    from google.auth.credentials import AnonymousCredentials

    class Token(AnonymousCredentials):
        def __init__(self) -> None:
            super().__init__()
            self.token = fake.key

    from altar_extras.gemini import VertexProvider

    return VertexProvider(
        "gemini-3.8-flash",
        project="p1",
        location="europe-west4",
        credentials=Token(),
        url=fake.url,
    )


_LOCAL = "altar.llm.openai_compatible:LocalProvider"

SEATS = (
    Seat(
        "gemini",
        "google.genai",
        "FakeGemini",
        _of("altar_extras.gemini:GeminiProvider", "gemini-3.8-flash"),
    ),
    Seat("vertex", "google.genai", "FakeGemini", _vertex),
    Seat(
        "gemini-interactions",
        "google.genai",
        "FakeGemini",
        _of("altar_extras.gemini_interactions:InteractionsProvider", "gemini-3.8-flash"),
    ),
    Seat(
        "anthropic",
        "anthropic",
        "FakeAnthropic",
        _of("altar_extras.anthropic:AnthropicProvider", "claude-opus-5-5"),
    ),
    Seat(
        "openai",
        "openai",
        "FakeOpenAI",
        _of("altar_extras.openai:OpenAIProvider", "gpt-5.5", "/v1"),
    ),
    Seat(
        "openai-chat",
        "openai",
        "FakeOpenAI",
        _of("altar_extras.openai_chat:OpenAIChatProvider", "gpt-5.5", "/v1"),
    ),
    Seat("ollama", "", "FakeOpenAI", _of(_LOCAL, "qwen3", "/v1"), (("quirks", "ollama"),)),
    Seat("vllm", "", "FakeOpenAI", _of(_LOCAL, "qwen3", "/v1"), (("quirks", "vllm"),)),
    Seat("llama.cpp", "", "FakeOpenAI", _of(_LOCAL, "qwen3", "/v1"), (("quirks", "llama.cpp"),)),
)
