"""The nats-servers of a development grid, on loopback."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from altar_extras.grid.server import (
    JetStream,
    ServerProcess,
    Site,
    Tls,
    node_settings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from altar_extras.grid.server import Certificates, GridKeys, ServerSettings

__all__ = ["Servers", "is_free"]

_READY = 30.0  # seconds in which they must take connections


class Servers:
    """One server, or a cluster of them; ``close`` ends every one."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        port: int,
        keys: GridKeys,
        certificates: Certificates | None,
    ) -> None:
        self._held = _held(size) if size > 1 else []
        ports = [each.getsockname()[1] for each in self._held]
        if sys.platform != "linux":
            self._let_go()
        self.processes = [
            ServerProcess(
                _settings(
                    folder, number, port=port, ports=ports, keys=keys, tls=_tls(certificates)
                ),
                folder=folder / f"n{number}",
            )
            for number in range(1, size + 1)
        ]

    def start(self) -> None:
        """Start them and wait until they take connections. Raises ConfigurationError."""
        with ExitStack() as undo:
            undo.callback(self.close)
            for process in self.processes:
                process.start(timeout=_READY, wait=len(self.processes) == 1)
            for process in self.processes:
                process.wait_until_ready(timeout=_READY)
            undo.pop_all()
        self._let_go()

    @property
    def port(self) -> int:
        """The first server's."""
        ports = self.processes[0].ports
        return 0 if ports is None else ports.client

    @property
    def url(self) -> str:
        """Where clients connect: one URL, or several separated by commas."""
        return ",".join(process.url for process in self.processes)

    @property
    def ended(self) -> list[ServerProcess]:
        """Those that ended though nobody here told them to."""
        return [process for process in self.processes if process.exit_code is not None]

    def stop(self) -> None:
        """End them in order: what is in flight is written."""
        for process in self.processes:
            process.stop(timeout=5.0)

    def close(self) -> None:
        """End them by force; again is nothing."""
        for process in self.processes:
            process.close()
        self._let_go()

    def _let_go(self) -> None:
        while self._held:
            self._held.pop().close()


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _settings(
    folder: Path, number: int, *, port: int, ports: list[int], keys: GridKeys, tls: Tls | None
) -> ServerSettings:
    name = f"n{number}"
    store = folder / name / "js"
    site = Site(
        name=name,
        tls=tls,
        folder=str(store),
        port=port or -1,
        monitor=-1,
        nodes=tuple(f"localhost:{one}" for one in ports if one != ports[number - 1]),
        cluster_port=ports[number - 1] if ports else 0,
    )
    jetstream = JetStream(folder=str(store), max_memory="64MB", max_file="1GB")
    return node_settings(site, keys, jetstream=jetstream)


def _tls(certificates: Certificates | None) -> Tls | None:
    if certificates is None:
        return None
    return Tls(
        ca=str(certificates.ca),
        cert=str(certificates.server_cert),
        key=str(certificates.server_key),
    )


def _held(count: int) -> list[socket.socket]:
    """Ports of the system's choice, which nobody else is given while these are open: routes are
    told before their servers run. On Linux a server can listen where a bound socket does not.
    """
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0))
    return held
