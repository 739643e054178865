"""Vendors on this machine: fakes that answer as the offline demo model, behind the vendors' own variables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

import altar.testing
from altar.plugins import load_provider

__all__ = ["installed", "vendors_here"]

_FAKES = ("FakeAnthropic", "FakeGemini", "FakeOpenAI")


def installed(library: str) -> bool:
    """Whether a library can be imported."""
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def vendors_here() -> Iterator[dict[str, str]]:
    """The environment in which every vendor's client, and `local:`, reaches a fake on loopback."""
    with ExitStack() as stack:
        found: dict[str, str] = {}
        for name in _FAKES:
            fake = getattr(altar.testing, name)(load_provider("offline:"))
            stack.callback(fake.close)
            found |= fake.env
        local = altar.testing.FakeOpenAI(load_provider("offline:"), quirks="ollama")
        stack.callback(local.close)
        found["ALTAR_LOCAL_URL"] = f"{local.url}/v1"
        yield found
