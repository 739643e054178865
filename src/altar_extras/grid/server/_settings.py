"""ServerSettings: what a NATS server of the grid is told, and the text that tells it."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.server._parts import Limits, Times

if TYPE_CHECKING:
    from altar_extras.grid.server._parts import (
        Account,
        AccountUser,
        Callout,
        Cluster,
        Gateway,
        JetStream,
        Tls,
    )

__all__ = ["ServerSettings"]

_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server. ``text()`` is its configuration; nothing that matters is left to a default.

    A port of -1 is chosen by the system. ``monitor`` listens on loopback only; None: no
    monitoring. Without ``accounts`` everybody may connect: for tests on loopback only.
    """

    name: str
    host: str = "127.0.0.1"
    port: int = -1
    monitor: int | None = -1
    jetstream: JetStream | None = None
    accounts: tuple[Account, ...] = ()
    system_users: tuple[AccountUser, ...] = ()
    callout: Callout | None = None
    tls: Tls | None = None
    cluster: Cluster | None = None
    gateway: Gateway | None = None
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)

    def text(self) -> str:
        """The configuration file. Raises ConfigurationError: with TLS, routes need DNS names."""
        return _rendered(self)


def _rendered(settings: ServerSettings) -> str:
    parts = [
        _top(settings),
        _tls(settings.tls, clients=True, timeout=settings.times.tls),
        _jetstream(settings),
        _accounts(settings),
        _authorization(settings),
        _cluster(settings),
        _gateway(settings),
    ]
    return "\n".join(part for part in parts if part)


def _top(settings: ServerSettings) -> str:
    times, limits = settings.times, settings.limits
    lines = [
        f"server_name: {_name(settings.name)}",
        f"listen: {_text(f'{settings.host}:{settings.port}')}",
    ]
    if settings.monitor is not None:
        lines.append(f"http: {_text(f'127.0.0.1:{settings.monitor}')}")
    lines += [
        f"ping_interval: {_text(_seconds(times.ping))}",
        f"ping_max: {times.pings}",
        f"write_deadline: {_text(_seconds(times.write_deadline))}",
        f"lame_duck_duration: {_text(_seconds(times.lame_duck))}",
        f"lame_duck_grace_period: {_text(_seconds(times.lame_duck_grace))}",
        f"max_payload: {limits.max_payload}",
        f"max_pending: {limits.max_pending}",
        f"max_connections: {limits.max_connections}",
        f"max_subscriptions: {limits.max_subscriptions}",
        f"max_control_line: {limits.max_control_line}",
        "",
    ]
    return "\n".join(lines)


def _tls(tls: Tls | None, *, clients: bool = False, timeout: float = 2.0, indent: str = "") -> str:
    if tls is None:
        return ""
    lines = [
        "tls {",
        f"  ca_file: {_text(tls.ca)}",
        f"  cert_file: {_text(tls.cert)}",
        f"  key_file: {_text(tls.key)}",
        "  verify: true",
        '  min_version: "1.3"',
        f"  timeout: {timeout:g}",
    ]
    # Between servers the name in the certificate counts: a client's must not pass for a server's.
    lines += [
        "  handshake_first: true" if clients else "  verify_cert_and_check_known_urls: true",
        "}",
    ]
    return "".join(f"{indent}{line}\n" for line in lines)


def _jetstream(settings: ServerSettings) -> str:
    store = settings.jetstream
    if store is None:
        return ""
    lines = [
        "jetstream {",
        f"  store_dir: {_text(store.folder)}",
        f"  max_memory_store: {store.max_memory}",
        f"  max_file_store: {store.max_file}",
        "  sync_interval: always",
    ]
    if store.domain:
        lines.append(f"  domain: {_text(store.domain)}")
    return "\n".join([*lines, "}", ""])


def _accounts(settings: ServerSettings) -> str:
    if not settings.accounts:
        return ""
    lines = ["accounts {"]
    for account in settings.accounts:
        lines += _account(account)
    lines.append("  SYS {")
    if settings.system_users:
        lines += ["    users: [", *map(_user, settings.system_users), "    ]"]
    return "\n".join([*lines, "  }", "}", 'system_account: "SYS"', ""])


def _account(account: Account) -> list[str]:
    lines = [f"  {_text(account.name)} {{"]
    if account.jetstream:
        lines.append("    jetstream: enabled")
    lines += [
        "    limits {",
        f"      max_connections: {account.max_connections}",
        f"      max_subscriptions: {account.max_subscriptions}",
        f"      max_payload: {account.max_payload}",
        "    }",
    ]
    if account.users:
        lines += ["    users: [", *map(_user, account.users), "    ]"]
    return [*lines, "  }"]


def _user(user: AccountUser) -> str:
    return (
        f"      {{ nkey: {_name(user.key)}, permissions: {{ "
        f"publish: {{ allow: {_list(user.publish)} }}, "
        f"subscribe: {{ allow: {_list(user.subscribe)} }} }} }}"
    )


def _authorization(settings: ServerSettings) -> str:
    callout = settings.callout
    if callout is None:
        return ""
    return "\n".join(
        [
            "authorization {",
            f"  timeout: {settings.times.authorization:g}",
            "  auth_callout {",
            f"    issuer: {_name(callout.issuer)}",
            f"    account: {_text(callout.account)}",
            f"    auth_users: [{', '.join(map(_name, callout.users))}]",
            "  }",
            "}",
            "",
        ]
    )


def _cluster(settings: ServerSettings) -> str:
    cluster, times = settings.cluster, settings.times
    if cluster is None:
        return ""
    routes = _urls(cluster.routes, cluster.tls)
    return "\n".join(
        [
            "cluster {",
            f"  name: {_text(cluster.name)}",
            f"  listen: {_text(f'{cluster.host}:{cluster.port}')}",
            f"  routes: {_list(routes)}",
            f"  ping_interval: {_text(_seconds(times.ping))}",
            f"  ping_max: {times.pings}",
            f"  write_deadline: {_text(_seconds(times.write_deadline))}",
            "  pool_size: 3",
            "  compression: off",
            _tls(cluster.tls, timeout=times.tls, indent="  ") + "}",
            "",
        ]
    )


def _gateway(settings: ServerSettings) -> str:
    gateway, times = settings.gateway, settings.times
    if gateway is None:
        return ""
    lines = [
        "gateway {",
        f"  name: {_text(gateway.name)}",
        f"  listen: {_text(f'{gateway.host}:{gateway.port}')}",
        "  reject_unknown_cluster: true",
        f"  write_deadline: {_text(_seconds(times.write_deadline))}",
        "  gateways: [",
    ]
    for name, addresses in gateway.regions.items():
        urls = _list(_urls(addresses, gateway.tls))
        lines.append(f"    {{ name: {_text(name)}, urls: {urls} }}")
    lines += ["  ]", _tls(gateway.tls, timeout=times.tls, indent="  ") + "}", ""]
    return "\n".join(lines)


def _urls(addresses: tuple[str, ...], tls: Tls | None) -> tuple[str, ...]:
    if tls is None:
        return tuple(f"nats://{address}" for address in addresses)
    for address in addresses:
        host = address.rpartition(":")[0].strip("[]")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            continue
        raise ConfigurationError(
            f"{address}: with TLS, servers know each other by the DNS names of their "
            "certificates: give a name (on loopback: localhost)"
        )
    return tuple(f"tls://{address}" for address in addresses)


def _list(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _name(value: str) -> str:
    """A name or a key; "$NAME" is left for the server to read from its environment."""
    return value if _VARIABLE.fullmatch(value) else _text(value)


def _text(value: str) -> str:
    return json.dumps(value)


def _seconds(value: float) -> str:
    return f"{value:g}s"
