"""DevelopmentGrid: it is there while it is wanted, and nothing of it afterwards."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

import altar  # noqa: E402 - the libraries above may be missing
from altar.errors import AltarError, ClosedError, ConfigurationError  # noqa: E402
from altar_extras.grid.client import GridClient  # noqa: E402
from altar_extras.grid.node import DevelopmentGrid, GridShape, StateFolder  # noqa: E402
from altar_extras.grid.transport import (  # noqa: E402
    GridTransportError,
    NatsStore,
    StoreUnavailableError,
)
from tests.grid.nodes import held_ports  # noqa: E402
from tests.waiting import PATIENCE  # noqa: E402


def double(number: int) -> int:
    """Double a number.

    Args:
        number: The number.
    """
    return 2 * number


def test_what_cannot_start_lets_go_of_everything(tmp_path):
    before = set(threading.enumerate())
    grid = DevelopmentGrid([object()], folder=tmp_path / "grid")
    with pytest.raises((AltarError, TypeError)):
        grid.start()
    assert not any(process.running for process in grid.servers.processes)
    assert not StateFolder(tmp_path / "grid").is_in_use
    left = [one for one in threading.enumerate() if one not in before]
    for one in left:  # those of other tests may begin and end meanwhile
        one.join(PATIENCE if one.name.startswith("altar-grid") else 0.0)
    assert not [one for one in left if one.is_alive() and one.name.startswith("altar-grid")]


def test_a_port_that_is_taken_leaves_no_folder(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        grid = DevelopmentGrid([double], folder=tmp_path / "g", shape=GridShape(port=port))
        with pytest.raises(ConfigurationError, match=f"port {port} is in use"):
            grid.start()
    assert not (tmp_path / "g").exists()


def test_a_folder_holds_one_grid_at_a_time_and_a_grid_starts_once(tmp_path):
    with DevelopmentGrid([double], folder=tmp_path / "grid") as grid:
        with pytest.raises(ConfigurationError, match="a grid runs in"):
            DevelopmentGrid([double], folder=tmp_path / "grid").start()
        with pytest.raises(ClosedError):
            grid.start()
        assert grid.tool_names == ("double",)
    grid.stop()  # again is nothing
    with grid, GridClient(credentials=grid.client_credentials) as client:
        assert client.call("double", {"number": 4}).content == 8


def test_the_next_start_has_the_same_port_and_keys_and_none_of_the_old_contracts(tmp_path):
    @altar.tool
    def halve(number: int) -> int:
        """Halve a number.

        Args:
            number: The number.
        """
        return number // 2

    folder = tmp_path / "grid"
    with held_ports(1) as (port,):  # while no server has it, nobody else is given it
        StateFolder(folder).make()
        StateFolder(folder).remember_port(port)
        with DevelopmentGrid([double], folder=folder) as first:
            url, seed = first.url, first.parties.client.seed
        with DevelopmentGrid([halve], folder=folder) as second:
            assert (second.url, second.parties.client.seed) == (url, seed)
            with GridClient(credentials=second.client_credentials) as client:
                assert [tool.name for tool in client.tools()] == ["halve"]
    assert url.endswith(f":{port}")
    assert StateFolder(folder).last_port == port


def test_a_grid_that_has_started_serves_at_every_host_though_the_store_tells_them_late(
    monkeypatch,
):
    async def watch(store, prefix="", *, settled=None):
        settled()
        await asyncio.Event().wait()  # a follower that is behind has nothing to tell
        yield

    monkeypatch.setattr(NatsStore, "watch", watch)
    shape = GridShape(hosts=2, runtimes=2, audit=False)
    with DevelopmentGrid([double], shape=shape) as grid:
        for host in grid.hosts:
            tools = host._desks["dev"].tenant.contracts.tools
            assert [tool.name for tool in tools] == ["double"]
        with GridClient(credentials=grid.client_credentials) as client:
            assert client.call("double", {"number": 4}).content == 8


def test_a_grid_that_does_not_come_up_says_so(monkeypatch):
    async def fulfill(*_):
        raise StoreUnavailableError("no leader")

    monkeypatch.setattr("altar_extras.grid.node._grid._READY", 1.0)
    monkeypatch.setattr("altar_extras.grid.host._mirror.Mirror.change", fulfill)
    grid = DevelopmentGrid([double], shape=GridShape(audit=False))
    with pytest.raises(GridTransportError, match="not up within 1 s"):
        grid.start()
    assert not any(process.running for process in grid.servers.processes)


def test_no_secret_is_shown():
    with DevelopmentGrid([double], shape=GridShape(audit=False)) as grid:
        seeds = [grid.parties.client.seed, grid.parties.host.seed, grid.parties.system_seed]
        shown = f"{grid!r} {grid.parties!r} {grid.folder.state()}"
        assert not [seed for seed in seeds if seed in shown]
