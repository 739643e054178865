"""Real NATS servers for the grid's tests: one, several as a cluster, with TLS, with the callout."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nkeys

from altar_extras.grid.server import (
    HOSTS_ACCOUNT,
    SYSTEM_ACCOUNT,
    Certificates,
    GridKeys,
    JetStream,
    Limits,
    ServerProcess,
    ServerSettings,
    Site,
    Times,
    Tls,
    development_certificates,
    node_settings,
)

# a busy machine is no dead peer, and a Host that is slow to say who may connect no silent one
PATIENT = Times(ping=20.0, write_deadline=20.0, authorization=8.0, tls=20.0)


def connector(url: str | list[str], **how: Any) -> Any:
    """A NatsConnector that takes a busy machine for no silent server."""
    from altar_extras.grid.transport import NatsConnector, NatsSettings  # noqa: PLC0415 - nats-py

    return NatsConnector(url, settings=NatsSettings(connect_timeout=30.0, dead_after=20.0), **how)


def new_seed(kind: int = nkeys.PREFIX_BYTE_USER) -> str:
    """A fresh nkey seed: "SU..." of a user; nkeys.PREFIX_BYTE_ACCOUNT for "SA..."."""
    return nkeys.encode_seed(os.urandom(32), kind).decode()


def public_of(seed: str) -> str:
    """The public key of a seed: "U..." or "A..."."""
    return nkeys.from_seed(seed.encode()).public_key.decode()


@dataclass(frozen=True)
class Keys:
    """The seeds of a node with a callout: the issuer's ("SA..."), and the Hosts' by account."""

    issuer: str
    host: dict[str, str]  # {"GRID": "SU...", "SYS": ..., "acme": ...}

    @classmethod
    def fresh(cls, tenants: tuple[str, ...]) -> Keys:
        accounts = (HOSTS_ACCOUNT, SYSTEM_ACCOUNT, *tenants)
        return cls(new_seed(nkeys.PREFIX_BYTE_ACCOUNT), {name: new_seed() for name in accounts})

    def public(self) -> GridKeys:
        hosts = {name: public_of(seed) for name, seed in self.host.items()}
        return GridKeys(issuer=public_of(self.issuer), hosts=hosts)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a node is to have. ``callout`` brings accounts and keys; without it anybody connects."""

    mtls: bool = False
    callout: bool = False
    jetstream: bool = True
    tenants: tuple[str, ...] = ("acme",)
    max_payload: str = "1MB"
    times: Times = field(default_factory=Times)


class Node:
    """One server. What the process can do, a node can; ``tls()`` is a client's side of mTLS.

    Its ports are held until it is closed: nobody else is given one while it is down.
    """

    def __init__(
        self,
        process: ServerProcess,
        certificates: Certificates | None,
        keys: Keys | None,
        held: ExitStack,
    ) -> None:
        self._held = held
        self.process = process
        self.certificates = certificates
        self.keys = keys

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def monitor_url(self) -> str:
        return self.process.monitor_url

    @property
    def log(self) -> str:
        return self.process.log_text()

    def tls(self) -> ssl.SSLContext | None:
        """A client's context (TLS 1.3, our CA, the client's certificate); None without mTLS."""
        return client_context(self.certificates)

    def connect_options(self, account: str | None = None) -> dict[str, Any]:
        """What ``nats.connect`` needs: a Host's own connection in ``account`` with the callout
        (GRID when not named), TLS with mTLS.
        """
        options: dict[str, Any] = {"servers": self.url, "connect_timeout": 30}
        options["inbox_prefix"] = f"grid.v1.re.{os.urandom(16).hex()}"
        if self.certificates is not None:
            options |= {"tls": self.tls(), "tls_handshake_first": True, "tls_hostname": "localhost"}
        if self.keys is not None:
            options["nkeys_seed_str"] = self.keys.host[account or HOSTS_ACCOUNT]
        return options

    def start(self, *, timeout: float = 60.0, wait: bool = True) -> Node:
        self.process.start(timeout=timeout, wait=wait)
        return self

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def suspend(self) -> None:
        self.process.suspend()

    def resume(self) -> None:
        self.process.resume()

    def lame_duck(self) -> None:
        self.process.lame_duck()

    def close(self) -> None:
        self.process.close()
        self._held.close()


class Nodes:
    """Several servers that are one cluster."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.certificates = nodes[0].certificates
        self.keys = nodes[0].keys

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    def tls(self) -> ssl.SSLContext | None:
        return self.nodes[0].tls()

    def connect_options(self, account: str | None = None) -> dict[str, Any]:
        """As a node's, with all their urls."""
        return {**self.nodes[0].connect_options(account), "servers": self.urls}

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)

    def wait_until_ready(self, *, timeout: float = 60.0) -> None:
        for node in self.nodes:
            node.process.wait_until_ready(timeout=timeout)
        until = time.monotonic() + timeout
        while not self._is_whole():
            assert time.monotonic() < until, "the cluster's leader does not know all of its servers"
            time.sleep(0.02)

    def _is_whole(self) -> bool:
        """Whether the leader knows every server to be there: a server is ready before that, and
        until then a stream in three copies finds "no suitable peers".
        """
        try:
            pages = [node.process.monitor("jsz").get("meta_cluster") for node in self.nodes]
        except (OSError, ValueError):
            return False
        if None in pages:
            return True  # no JetStream
        for node, page in zip(self.nodes, pages, strict=True):
            if page.get("leader") == node.process.config.name:
                others = page.get("replicas", ())
                return len(others) == len(self.nodes) - 1 and all(
                    one["current"] and not one.get("offline") for one in others
                )
        return False

    def close(self) -> None:
        with ExitStack() as stack:
            for node in self.nodes:
                stack.callback(node.close)


def client_context(certificates: Certificates | None) -> ssl.SSLContext | None:
    if certificates is None:
        return None
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificates.client_cert, certificates.client_key)
    return context


def start_node(folder: Path, options: Options | None = None) -> Node:
    """One server under ``folder``, ready; close it."""
    options = options or Options()
    certificates, keys = _secrets(folder, options)
    with ExitStack() as failed:
        node = _node(folder, "n1", options, certificates, keys)
        failed.callback(node.close)
        node.start()
        failed.pop_all()
    return node


def start_cluster(folder: Path, size: int = 3, options: Options | None = None) -> Nodes:
    """A cluster under ``folder``, ready (JetStream has its leader, about 1 s); close it."""
    options = options or Options()
    certificates, keys = _secrets(folder, options)
    with ExitStack() as stack:
        ports = stack.enter_context(held_ports(size))
        nodes = []
        for number, port in enumerate(ports, 1):
            routes = tuple(f"localhost:{other}" for other in ports if other != port)
            nodes.append(_node(folder, f"n{number}", options, certificates, keys, routes, port))
        found = Nodes(nodes)
        failed = stack.enter_context(ExitStack())
        failed.callback(found.close)
        for node in nodes:
            node.start(wait=False)
        found.wait_until_ready()
        failed.pop_all()
        nodes[0]._held.callback(stack.pop_all().close)
    return found


@contextmanager
def held_ports(count: int) -> Iterator[list[int]]:
    """Ports of the system's choice that nobody else is given meanwhile: routes must be told before
    their servers run. On Linux a server can listen where a bound socket does not.
    """
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            held = stack.enter_context(socket.socket())
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", 0))
            ports.append(held.getsockname()[1])
        if sys.platform != "linux":
            stack.close()
        yield ports


def _node(
    folder: Path,
    name: str,
    options: Options,
    certificates: Certificates | None,
    keys: Keys | None,
    *cluster: Any,
) -> Node:
    settings = _settings(folder, name, options, certificates, keys, *cluster)
    held = ExitStack()
    if sys.platform == "linux":
        port, monitor = held.enter_context(held_ports(2))
        settings = replace(settings, port=port, monitor=monitor)
    return Node(ServerProcess(settings, folder=folder / name), certificates, keys, held)


def _secrets(folder: Path, options: Options) -> tuple[Certificates | None, Keys | None]:
    certificates = development_certificates(folder / "tls") if options.mtls else None
    return certificates, Keys.fresh(options.tenants) if options.callout else None


def _tls(certificates: Certificates | None) -> Tls | None:
    if certificates is None:
        return None
    return Tls(
        ca=str(certificates.ca),
        cert=str(certificates.server_cert),
        key=str(certificates.server_key),
    )


def _settings(
    folder: Path,
    name: str,
    options: Options,
    certificates: Certificates | None,
    keys: Keys | None,
    routes: tuple[str, ...] = (),
    cluster_port: int = 0,
) -> ServerSettings:
    site = Site(
        name=name,
        tls=_tls(certificates),
        folder=str(folder / name / "js"),
        port=-1,
        monitor=-1,
        nodes=routes,
        cluster_port=cluster_port,
    )
    made = node_settings(
        site,
        None if keys is None else keys.public(),
        times=options.times,
        limits=Limits(max_payload=options.max_payload),
        jetstream=JetStream(folder=site.folder, max_memory="64MB", max_file="1GB"),
    )
    return made if options.jetstream else without_jetstream(made)


def without_jetstream(settings: ServerSettings) -> ServerSettings:
    """The same server with no streams: a cluster of them is ready at once."""
    accounts = tuple(replace(account, jetstream=False) for account in settings.accounts)
    return replace(settings, jetstream=None, accounts=accounts)
