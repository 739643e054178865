"""The nats-servers of a development grid, on loopback."""

from __future__ import annotations

import socket
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
        ports = _free_ports(size) if size > 1 else []
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
                process.start(wait=len(self.processes) == 1)
            for process in self.processes:
                process.wait_until_ready(timeout=20.0)
            undo.pop_all()

    @property
    def port(self) -> int:
        """The first server's."""
        ports = self.processes[0].ports
        return 0 if ports is None else ports.client

    @property
    def url(self) -> str:
        """Where clients connect: one URL, or several separated by commas."""
        return ",".join(process.url for process in self.processes)

    def stop(self) -> None:
        """End them in order: what is in flight is written."""
        for process in self.processes:
            process.stop(timeout=5.0)

    def close(self) -> None:
        """End them by force; again is nothing."""
        for process in self.processes:
            process.close()


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


def _free_ports(count: int) -> list[int]:
    """Ports that the system had free just now: routes are told before their servers run."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
