"""The provider's contract, there and back: altar's own provider as a model of pydantic-ai's,

and that model as a provider again. The wire below is a real one, of a fake server.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from altar.llm.openai_compatible import LocalProvider
from altar.testing import FakeOpenAI, ProviderContract
from altar_extras.pydantic_ai import AltarModel, model_provider


class TestModelThereAndBack(ProviderContract):
    def make_provider(self, replies: Any) -> Any:
        server = FakeOpenAI(replies, quirks="vllm")
        inner = LocalProvider("gateway-1", url=f"{server.url}/v1")
        provider = model_provider(AltarModel(inner))
        provider.closing = (inner, server)  # type: ignore[attr-defined]
        return provider

    def close_provider(self, provider: Any) -> None:
        provider.close()
        for one in provider.closing:
            one.close()
