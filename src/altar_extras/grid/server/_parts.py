"""The parts of a server's settings: TLS, streams, accounts, neighbours, times and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Account",
    "AccountUser",
    "Callout",
    "Cluster",
    "Gateway",
    "JetStream",
    "Limits",
    "Times",
    "Tls",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS 1.3, mutual, handshake first: the files of the CA, our certificate and its key (PEM)."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStream:
    """Where streams lie and how much they may take; every write is on disk when acknowledged."""

    folder: str
    max_memory: str = "256MB"
    max_file: str = "8GB"
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUser:
    """A user known by its nkey ("U..."). Both lists name something: an empty one permits all."""

    key: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account: one per tenant (without JetStream), one for the Hosts (with it).

    Limits count per server: connections, subscriptions of one connection, bytes of one message.
    """

    name: str
    users: tuple[AccountUser, ...] = ()
    jetstream: bool = False
    max_connections: int = 10_000
    max_subscriptions: int = 20_000
    max_payload: str = "1MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callout:
    """Who answers for connections that are not users of the configuration.

    ``issuer`` is the public key ("A...") answers are signed with, ``account`` the one the
    question is put in, ``users`` the keys that are let in without a question: the Hosts'.
    """

    issuer: str
    users: tuple[str, ...]
    account: str = "GRID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The servers of one region: their routes, "host:port" each; with TLS, hosts are DNS names that
    the certificates carry, so that a client's certificate does not pass for a server's.
    """

    name: str
    routes: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 6222
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The regions: this one's name, and where each of them listens ("host:port")."""

    name: str
    regions: Mapping[str, tuple[str, ...]]
    host: str = "127.0.0.1"
    port: int = 7222
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds. A peer that answers no ping for ``ping * (pings + 1)`` is cut off, one that takes no
    bytes for ``write_deadline`` too. ``lame_duck`` is at least 30, which the server insists on.
    """

    ping: float = 1.0
    pings: int = 2
    write_deadline: float = 2.0
    authorization: float = 2.0
    tls: float = 2.0
    lame_duck: float = 30.0
    lame_duck_grace: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server takes: sizes as the server writes them ("1MB"), and counts."""

    max_payload: str = "1MB"
    max_pending: str = "16MB"
    max_connections: int = 50_000
    max_subscriptions: int = 20_000
    max_control_line: str = "4KB"
