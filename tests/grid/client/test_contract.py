"""GridRuntime keeps the contract of every Runtime, with a Host and a runtime behind it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar.later import LocalRuntime
from altar.runtime import Runtime
from altar.testing import RuntimeContract
from altar_extras.grid.client import ExecutionMode, GridRuntime
from tests.grid.client.grids import Grid


class _Contract(RuntimeContract):
    clients: Any = None

    @pytest.fixture(autouse=True)
    def _closed(self):
        self.clients = {}
        yield
        for client in self.clients.values():
            client.close()

    def client_for(self, tools: Any) -> Any:
        if tools not in self.clients:  # one for all calls of a test
            self.clients[tools] = Grid(tools).client()
        return self.clients[tools]


class TestGridRuntime(_Contract):
    def make_runtime(self, tools: Any) -> Runtime:
        return GridRuntime(self.client_for(tools))


class TestGridRuntimeOfASession(_Contract):
    def make_runtime(self, tools: Any) -> Runtime:
        return GridRuntime(self.client_for(tools), local=LocalRuntime(tools))


class TestGovernedLocal(_Contract):
    def make_runtime(self, tools: Any) -> Runtime:
        mode = ExecutionMode.GOVERNED_LOCAL
        return GridRuntime(self.client_for(tools), local=LocalRuntime(tools), mode=mode)
