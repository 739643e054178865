"""The grid's own server set-ups: one node, the nodes of a region, several regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altar_extras.grid.server._parts import (
    Account,
    AccountUser,
    Callout,
    Cluster,
    Gateway,
    JetStream,
    Limits,
    Times,
    Tls,
)
from altar_extras.grid.server._settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOSTS_ACCOUNT", "SYSTEM_ACCOUNT", "GridKeys", "Site", "node_settings"]

HOSTS_ACCOUNT = "GRID"  # the one with JetStream; who may connect is asked here
SYSTEM_ACCOUNT = "SYS"

# What a Host's own connection may do, by account. Clients and runtimes get theirs from the callout.
# Answers come under grid.v1.re, never under _INBOX, which is everybody's. Without $JS.FC (flow
# control) a long stream stops in the middle when it is read.
_HOSTS = (
    ("$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$KV.>", "$SYS._INBOX.>", "grid.>"),
    ("$KV.>", "$SYS.REQ.USER.AUTH", "grid.>"),
)
_TENANT = (("grid.v1.>",), ("grid.v1.>",))
_SYSTEM = (
    ("$SYS.REQ.SERVER.*.KICK", "$SYS.REQ.SERVER.PING.>"),
    ("$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT", "grid.v1.re.>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridKeys:
    """Public keys: the callout's issuer ("A...") and the Hosts' own, by account ("U...").

    ``hosts`` has "GRID", "SYS" and every tenant. A value such as "$GRID_ISSUER" is read by the
    server from its environment.
    """

    issuer: str
    hosts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a node stands: its name, what it listens on, its files, and the nodes beside it.

    ``nodes`` are the hosts of this region's cluster, ``regions`` those of every region by name
    (with ":port" where it is not the usual one); a single node has neither.
    """

    name: str
    tls: Tls | None
    folder: str
    host: str = "127.0.0.1"
    port: int = 4222
    monitor: int | None = 8222
    nodes: tuple[str, ...] = ()
    region: str = "C1"
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cluster_port: int = 6222
    gateway_port: int = 7222


def node_settings(
    site: Site,
    keys: GridKeys | None = None,
    *,
    times: Times | None = None,
    limits: Limits | None = None,
    jetstream: JetStream | None = None,
) -> ServerSettings:
    """A node of the grid: its accounts, who is asked about connections, its neighbours.

    Without ``keys`` everybody may connect, which suits tests on loopback only.
    """
    accounts: tuple[Account, ...] = ()
    if keys is not None:
        accounts = tuple(
            Account(
                name=name,
                users=(_user(key, _HOSTS if name == HOSTS_ACCOUNT else _TENANT),),
                jetstream=name == HOSTS_ACCOUNT,
            )
            for name, key in keys.hosts.items()
            if name != SYSTEM_ACCOUNT
        )
    return ServerSettings(
        name=site.name,
        host=site.host,
        port=site.port,
        monitor=site.monitor,
        jetstream=jetstream or JetStream(folder=site.folder),
        accounts=accounts,
        system_users=() if keys is None else (_user(keys.hosts[SYSTEM_ACCOUNT], _SYSTEM),),
        callout=None
        if keys is None
        else Callout(issuer=keys.issuer, users=tuple(keys.hosts.values()), account=HOSTS_ACCOUNT),
        tls=site.tls,
        cluster=_cluster(site) if site.nodes or site.regions else None,
        gateway=_gateway(site) if site.regions else None,
        times=times or Times(),
        limits=limits or Limits(),
    )


def _user(key: str, rights: tuple[tuple[str, ...], tuple[str, ...]]) -> AccountUser:
    return AccountUser(key=key, publish=rights[0], subscribe=rights[1])


def _cluster(site: Site) -> Cluster:
    return Cluster(
        name=site.region,
        routes=tuple(_with_port(node, site.cluster_port) for node in site.nodes),
        host=site.host,
        port=site.cluster_port,
        tls=site.tls,
    )


def _gateway(site: Site) -> Gateway:
    return Gateway(
        name=site.region,
        regions={
            name: tuple(_with_port(node, site.gateway_port) for node in nodes)
            for name, nodes in site.regions.items()
        },
        host=site.host,
        port=site.gateway_port,
        tls=site.tls,
    )


def _with_port(node: str, port: int) -> str:
    return node if ":" in node else f"{node}:{port}"
