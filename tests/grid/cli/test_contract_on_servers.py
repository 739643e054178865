"""GridRuntime keeps the contract of every Runtime on real servers: one, three, and with mutual TLS."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.later import LocalRuntime  # noqa: E402 - the libraries above may be missing
from altar.runtime import Runtime  # noqa: E402, TC001 - as the contract says it
from altar.testing import RuntimeContract  # noqa: E402
from altar_extras.grid.client import ClientSettings, GridClient, GridRuntime  # noqa: E402
from altar_extras.grid.node import DevelopmentGrid, GridShape  # noqa: E402

# a busy machine decides nothing
PATIENT = ClientSettings(connect_timeout=30, ask_timeout=10, reattach=30, stop_wait=30)


class _OnServers(RuntimeContract):
    """One grid for all tests of a class: they ask for the same tools, each in its own session."""

    shape = GridShape()
    grids: Any = None

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _ended(cls):
        cls.grids = {}
        yield
        for client, grid in cls.grids.values():
            client.close()
            grid.stop()

    def make_runtime(self, tools: Any) -> Runtime:
        if tools not in self.grids:
            grid = DevelopmentGrid(tools, shape=self.shape).start()
            client = GridClient(credentials=grid.client_credentials, settings=PATIENT)
            self.grids[tools] = client, grid
        return GridRuntime(self.grids[tools][0], local=LocalRuntime(tools))


class TestOneServer(_OnServers):
    pass


class TestThreeServers(_OnServers):
    shape = GridShape(nodes=3)


class TestThreeServersWithMutualTls(_OnServers):
    shape = GridShape(nodes=3, tls=True)
