"""The vendors' clients end with the event loop that used them: no socket stays, nothing is said."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from contextlib import suppress

import pytest

import altar
from altar.plugins import load_provider
from altar.testing import FakeAnthropic, FakeGemini, FakeOpenAI

RUNS = 3
VENDORS = [
    ("google.genai", FakeGemini, "gemini:gemini-3.8-flash"),
    ("google.genai", FakeGemini, "gemini-interactions:gemini-3.8-flash"),
    ("anthropic", FakeAnthropic, "anthropic:claude-opus-5"),
    ("openai", FakeOpenAI, "openai:gpt-5.5"),
    ("openai", FakeOpenAI, "openai-chat:gpt-5.5"),
]


def _ours(port: int) -> int:
    """How many sockets of this process lead to the port."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile, or no socket, or not connected
            own = os.dup(int(name))
            try:
                found += _peer(own) == port
            finally:
                os.close(own)
    return found


def _peer(number: int) -> object:
    """The port that a socket leads to."""
    one = socket.socket(fileno=number)
    try:
        name = one.getpeername()
    finally:
        one.detach()
    return name[1] if isinstance(name, tuple) else None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")
@pytest.mark.parametrize(("library", "fake", "model"), VENDORS, ids=[row[2] for row in VENDORS])
def test_a_provider_of_many_loops_keeps_no_socket_of_those_that_ended(
    library, fake, model, recwarn, caplog, monkeypatch
):
    pytest.importorskip(library)
    gc.collect()  # what other tests left to the collector is not this test's
    gc.freeze()
    recwarn.clear()
    caplog.clear()
    with fake(["hello"] * RUNS) as server:
        port = int(server.url.rsplit(":", 1)[1].split("/")[0])
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        provider = load_provider(model)

        async def ask() -> int:
            assert (await altar.agenerate("hi", model=provider)).text == "hello"
            return _ours(port)

        gc.disable()  # what is left to the collector is not closed
        try:
            used = [asyncio.run(ask()) for _ in range(RUNS)]
            left = _ours(port)
        finally:
            gc.enable()
        gc.collect()
        assert all(used)
        assert left == 0
    said = [str(one.message) for one in recwarn if one.category is ResourceWarning]
    assert not [one for one in said if "family=1" not in one]  # pairs in this process: the server's
    assert not [one.message for one in caplog.records if one.name == "asyncio"]
