"""Check a server's configuration: what it comes to, and what in it is unsafe for a grid."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras.grid.server._read import read_config, seconds_of, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Problem", "check_config", "effective_config", "look", "read"]

_LARGEST = 8 * 1024 * 1024  # what the server itself warns above
_NOTHING = ("leafnodes", "leaf", "websocket", "ws", "mqtt", "prof_port", "no_auth_user")
_LOUD = ("debug", "trace", "trace_verbose")
# nats-server 2.15: what holds when a setting is not there.
_DEFAULTS: dict[tuple[str, ...], object] = {
    ("ping_interval",): "2m",
    ("ping_max",): 2,
    ("write_deadline",): "10s",
    ("lame_duck_duration",): "2m",
    ("lame_duck_grace_period",): "10s",
    ("max_payload",): "1MB",
    ("max_pending",): "64MB",
    ("max_connections", "max_conn"): 65536,
    ("max_subscriptions", "max_subs"): 0,
    ("max_control_line",): "4KB",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is unsafe: where it stands ("accounts.acme.users[0]") and what to do."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def check_config(config: str | Path) -> list[Problem]:
    """Every problem of a configuration: a Path is a file, a str its text. Empty: it is safe.

    It reads what the file says, not what the files it names hold; ``nats-server -t`` checks those.
    Raises ConfigurationError for a file that cannot be read.
    """
    found = read(config)
    parts = (_listeners, _monitoring, _times, _limits, _jetstream, _accounts, _callout, _others)
    return [problem for part in parts for problem in part(found)]


def effective_config(config: str | Path) -> list[tuple[str, str, bool]]:
    """What the server goes by: (name, value, whether the file says so). The others are defaults."""
    found = read(config)
    rows = []
    for names, default in _DEFAULTS.items():
        value = look(found, *names)
        rows.append((names[0], str(default if value is None else value), value is not None))
    host, port = _address(found, "0.0.0.0", 4222)  # noqa: S104 - the server's default
    rows.append(("listen", f"{host}:{port}", look(found, "listen", "port", "host") is not None))
    tls = look(found, "tls")
    rows.append(("tls", "none" if tls is None else _tls_words(tls), tls is not None))
    store = look(found, "jetstream")
    if store:
        sync = look(store, "sync_interval", "sync") if isinstance(store, dict) else None
        rows.append(("jetstream.sync_interval", str(sync or "2m"), sync is not None))
    for name, account in _mapping(look(found, "accounts")).items():
        users = look(account, "users") if isinstance(account, dict) else None
        kind = "with JetStream" if _has_jetstream(account) else "without JetStream"
        rows.append((f"accounts.{name}", f"{len(_list(users))} users, {kind}", True))
    return rows


def read(config: str | Path) -> dict[str, Any]:
    """The values of a configuration. Raises ConfigurationError."""
    if isinstance(config, str):
        return read_config(config)
    try:
        return read_config(config.read_text("utf-8"), folder=config.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config} cannot be read: {error}") from error


def look(mapping: object, *names: str) -> Any:
    """The value under the first of ``names``, whose letters do not count; None without one."""
    if isinstance(mapping, dict):
        for key, value in mapping.items():
            if str(key).lower() in names:
                return value
    return None


def _listeners(found: dict[str, Any]) -> Iterator[Problem]:
    blocks = [("", found, "0.0.0.0", 4222)]  # noqa: S104 - the server's default
    for name, port in (("cluster", 6222), ("gateway", 7222)):
        block = look(found, name)
        if isinstance(block, dict):
            blocks.append((name, block, "0.0.0.0", port))  # noqa: S104 - as above
    for name, block, host, port in blocks:
        where = f"{name}." if name else ""
        address = _address(block, host, port)
        tls = look(block, "tls")
        if tls is None:
            if not _is_loopback(address[0]):
                yield Problem(
                    f"{where}tls",
                    f"{address[0]} is off loopback and would speak plaintext: add a tls block",
                )
            continue
        yield from _tls(tls, f"{where}tls", first=not name)
    if look(found, "allow_non_tls"):
        yield Problem("allow_non_tls", "a client could choose plaintext: remove it")
    gateway = look(found, "gateway")
    if (
        gateway is not None
        and look(gateway, "reject_unknown_cluster", "reject_unknown") is not True
    ):
        yield Problem("gateway.reject_unknown_cluster", "any cluster could join: set it to true")


def _tls(tls: object, where: str, *, first: bool) -> Iterator[Problem]:
    for name in ("ca_file", "cert_file", "key_file"):
        if not look(tls, name):
            yield Problem(f"{where}.{name}", "it is missing: name a PEM file")
    if look(tls, "verify", "verify_and_map") is not True:
        yield Problem(f"{where}.verify", "clients need no certificate: set verify: true")
    if str(look(tls, "min_version")) != "1.3":
        yield Problem(f"{where}.min_version", 'older TLS is taken: set min_version: "1.3"')
    if look(tls, "insecure", "allow_insecure_cipher_suites"):
        yield Problem(f"{where}.insecure", "certificates are not checked: remove it")
    if not first and look(tls, "verify_cert_and_check_known_urls") is not True:
        yield Problem(
            f"{where}.verify_cert_and_check_known_urls",
            "a client's certificate would pass for a server's: set it to true",
        )
    if first and look(tls, "handshake_first", "first", "immediate") is not True:
        yield Problem(
            f"{where}.handshake_first",
            "the first bytes are plaintext, which a stranger can change: set it to true",
        )


def _monitoring(found: dict[str, Any]) -> Iterator[Problem]:
    for name in ("http", "https", "http_port", "monitor_port", "https_port"):
        value = look(found, name)
        if value is None:
            continue
        host = _address({"listen": value}, _address(found, "0.0.0.0", 0)[0], 0)[0]  # noqa: S104
        if not _is_loopback(host):
            yield Problem(
                name,
                f"the monitoring port on {host} tells everybody of subjects and connections, and "
                'asks for nothing: http: "127.0.0.1:8222"',
            )


def _times(found: dict[str, Any]) -> Iterator[Problem]:
    for name, most in (("ping_interval", 10.0), ("write_deadline", 5.0)):
        value = look(found, name)
        span = seconds_of(value)
        if span is None or not 0 < span <= most:
            said = "the default" if value is None else repr(value)
            yield Problem(
                name,
                f"{said} leaves a dead connection unnoticed for too long: {most:g}s at most",
            )
    pings = look(found, "ping_max")
    if not isinstance(pings, int) or not 1 <= pings <= 3:
        yield Problem("ping_max", "say how many pings may go unanswered: 1 to 3")
    for name in ("lame_duck_duration", "lame_duck_grace_period"):
        if seconds_of(look(found, name)) is None:
            yield Problem(name, 'it is left to a default: say how long, as in "30s"')


def _limits(found: dict[str, Any]) -> Iterator[Problem]:
    size = size_of(look(found, "max_payload"))
    if size is None or not 64 * 1024 <= size <= _LARGEST:
        yield Problem("max_payload", "say the largest message: 64KB to 8MB, as in 1MB")
    for names in (
        ("max_pending",),
        ("max_connections", "max_conn"),
        ("max_subscriptions", "max_subs"),
        ("max_control_line",),
    ):
        count = size_of(look(found, *names))
        if count is None or count <= 0:
            yield Problem(names[0], "it is without a limit, or left to a default: say a number")
    for name, account in _mapping(look(found, "accounts")).items():
        limits = look(account, "limits")
        for names in (
            ("max_connections", "max_conn"),
            ("max_subscriptions", "max_subs"),
            ("max_payload", "max_pay"),
        ):
            if name == _system(found):
                continue
            count = size_of(look(limits, *names))
            if count is None or count <= 0:
                yield Problem(
                    f"accounts.{name}.limits.{names[0]}", "one tenant can take everything: set it"
                )


def _jetstream(found: dict[str, Any]) -> Iterator[Problem]:
    store = look(found, "jetstream")
    if not store:
        return
    sync = look(store, "sync_interval", "sync") if isinstance(store, dict) else None
    if sync != "always":
        said = "the default, 2 minutes" if sync is None else repr(sync)
        yield Problem(
            "jetstream.sync_interval",
            f"{said}: a power failure loses what was acknowledged: set sync_interval: always",
        )
    for names in (
        ("store_dir", "store", "storedir"),
        ("max_memory_store", "max_mem_store", "max_mem"),
        ("max_file_store", "max_file"),
    ):
        if not isinstance(store, dict) or look(store, *names) is None:
            yield Problem(f"jetstream.{names[0]}", "it is left to a default: set it")
    keeper = look(look(look(found, "authorization"), "auth_callout", "auth_hook"), "account", "acc")
    for name, account in _mapping(look(found, "accounts")).items():
        if _has_jetstream(account) and name != (keeper or "GRID"):
            yield Problem(
                f"accounts.{name}.jetstream",
                "a tenant's clients could reach its streams: only the Hosts' account has JetStream",
            )


def _accounts(found: dict[str, Any]) -> Iterator[Problem]:
    accounts = _mapping(look(found, "accounts"))
    if not accounts:
        yield Problem("accounts", "everybody may connect and do everything: give tenants accounts")
    elif _system(found) not in accounts:
        yield Problem("system_account", "name one of the accounts")
    for name, account in accounts.items():
        where = f"accounts.{name}"
        for crossing in ("imports", "exports", "mappings", "maps"):
            if look(account, crossing):
                yield Problem(f"{where}.{crossing}", "accounts keep tenants apart: remove it")
        yield from _users(account, where, is_system=name == _system(found))
    yield from _users(look(found, "authorization"), "authorization", is_system=False)


def _users(block: object, where: str, *, is_system: bool) -> Iterator[Problem]:
    if any(look(block, name) is not None for name in ("user", "username", "token", "password")):
        yield Problem(where, "a shared password or token: use nkeys")
    shared = look(block, "default_permissions", "default_permission", "permissions")
    if shared is not None:
        yield from _permissions(shared, f"{where}.default_permissions", is_system=is_system)
    users = look(block, "users")
    for index, user in enumerate(_list(users)):
        at = f"{where}.users[{index}]"
        if not str(look(user, "nkey") or "").startswith("U"):
            yield Problem(at, 'a user without an nkey ("U..."): passwords travel and are shared')
        rights = look(user, "permissions", "permission", "authorization")
        if rights is not None:
            yield from _permissions(rights, f"{at}.permissions", is_system=is_system)
        elif shared is None:
            yield Problem(f"{at}.permissions", "without permissions a user may do everything")


def _permissions(rights: object, where: str, *, is_system: bool) -> Iterator[Problem]:
    if look(rights, "allow_responses", "publish_allow_responses") not in (None, False):
        yield Problem(
            f"{where}.allow_responses",
            "a caller chooses the reply, and could have it purge a stream: name subjects",
        )
    for name, short in (("publish", "pub"), ("subscribe", "sub")):
        side = look(rights, name, short)
        allowed = look(side, "allow") if isinstance(side, dict) else side
        subjects = [allowed] if isinstance(allowed, str) else allowed
        if not isinstance(subjects, list) or not any(subjects):
            yield Problem(f"{where}.{name}", "an empty list permits everything: name subjects")
        elif not is_system and ">" in subjects:
            yield Problem(f"{where}.{name}", "'>' permits everything: name subjects")


def _callout(found: dict[str, Any]) -> Iterator[Problem]:
    callout = look(look(found, "authorization"), "auth_callout", "auth_hook")
    if callout is None:
        if look(found, "accounts"):
            yield Problem("authorization.auth_callout", "no Host is asked who may connect: add it")
        return
    where = "authorization.auth_callout"
    if not str(look(callout, "issuer") or "").startswith("A"):
        yield Problem(f"{where}.issuer", 'name the public key that signs answers ("A...")')
    accounts = _mapping(look(found, "accounts"))
    if str(look(callout, "account", "acc")) not in accounts:
        yield Problem(f"{where}.account", "name the Hosts' account")
    known = [
        look(user, "nkey")
        for account in accounts.values()
        for user in _list(look(account, "users"))
    ]
    named = _list(look(callout, "auth_users", "users"))
    if not named:
        yield Problem(f"{where}.auth_users", "the Hosts themselves could not connect: name them")
    for user in named:
        if user not in known:
            yield Problem(f"{where}.auth_users", f"{user} is no user of an account")


def _others(found: dict[str, Any]) -> Iterator[Problem]:
    for name in _NOTHING:
        if look(found, name) not in (None, False):
            yield Problem(name, "a door that the grid does not use and nobody checks: remove it")
    for name in _LOUD:
        if look(found, name):
            yield Problem(name, "the log would show what travels: remove it")
    if look(found, "operator", "operators", "resolver", "trusted", "trusted_keys") is not None:
        yield Problem("operator", "accounts of an operator cannot be checked here: list accounts")


def _address(block: object, host: str, port: int) -> tuple[str, int]:
    listen = look(block, "listen")
    if isinstance(listen, int):
        return host, listen
    if isinstance(listen, str):
        name, _, number = listen.rpartition(":")
        if re.fullmatch(r"-?[0-9]{1,5}", number):
            return name.strip("[]") or host, int(number)
        return listen, port
    own = look(block, "host", "net")
    number = look(block, "port")
    return str(own or host), number if isinstance(number, int) else port


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_jetstream(account: object) -> bool:
    value = look(account, "jetstream")
    if isinstance(value, str):
        return value.lower() not in ("disabled", "disable", "false")
    return value not in (None, False)


def _system(found: dict[str, Any]) -> str:
    return str(look(found, "system_account", "system") or "$SYS")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _tls_words(tls: object) -> str:
    names = ("verify", "min_version", "handshake_first")
    return ", ".join(f"{name} {look(tls, name)}" for name in names)
