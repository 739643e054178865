"""decide: who is let in, as what, with which rights, until when. Pure: no clock, no file, no KV."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from altar.errors import ConfigurationError
from altar_extras.grid.security._keys import key_id
from altar_extras.grid.security._permissions import (
    Permissions,
    bootstrap_permissions,
    permissions_of_client,
    permissions_of_operator,
    permissions_of_runtime,
)
from altar_extras.grid.security._refused import TokenRefused
from altar_extras.grid.security._token import SessionToken

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from altar_extras.grid.security._credentials import Principal
    from altar_extras.grid.security._trust import AcceptedManifest

__all__ = [
    "Admission",
    "AdmissionRole",
    "ConnectRequest",
    "Denial",
    "Rules",
    "connection_name",
    "decide",
    "matching_tools",
]

AdmissionRole = Literal["bootstrap", "client", "operator", "runtime"]
_RUNTIME_NAME = re.compile(r"altar-grid/[0-9]{1,3} runtime ([0-9a-f]{8})", re.ASCII)
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """Who knocks: a public key, whether it ``signed`` the server's nonce, and what it shows.

    ``name`` is the connection's name. ``certificate`` is the verified client
    certificate (PEM), for the log. ``server`` and ``client`` say which
    connection it is, for whoever has to cut it.
    """

    key: str
    signed: bool
    token: str = field(default="", repr=False)
    name: str = ""
    certificate: str = field(default="", repr=False)
    server: str = ""
    client: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Let in: to which account, with which rights, until when (seconds since 1970; None: open).

    ``session`` is the last token of its subjects: the session, the runtime's
    id, or for those who only ask the Hosts the id of the key.
    """

    account: str
    tenant: str
    permissions: Permissions
    expires: int | None
    role: AdmissionRole
    session: str
    principal: str
    key: str


@dataclass(frozen=True, slots=True)
class Denial:
    """Not let in; ``reason`` is one lower_snake word. The peer hears neither, the log does."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a Host knows when it decides, all in memory.

    ``principals`` by public key. ``host_keys`` sign tokens. ``manifests`` by
    tenant (STRICT). ``tools`` by tenant are the (name, major) pairs that
    patterns stand for in DEVELOPMENT. ``revoked`` holds sessions, token ids and
    public keys. ``accounts`` maps tenants to the broker's accounts, each to
    its own name without an entry. Raises ConfigurationError for DEVELOPMENT with a
    manifest.
    """

    mode: Literal["strict", "development"] = "strict"
    principals: Mapping[str, Principal] = field(default_factory=dict)
    host_keys: Collection[str] = ()
    manifests: Mapping[str, AcceptedManifest] = field(default_factory=dict)
    tools: Mapping[str, Collection[tuple[str, int]]] = field(default_factory=dict)
    revoked: Collection[str] = frozenset()
    accounts: Mapping[str, str] = field(default_factory=dict)
    bootstrap_seconds: int = 60
    operator_seconds: int = 3600

    def __post_init__(self) -> None:
        if self.mode == "development" and self.manifests:
            raise ConfigurationError(
                "a deployment that has a manifest is not run in DEVELOPMENT, where it would not "
                "count; type mode='strict', or take the manifest away"
            )

    def account(self, tenant: str) -> str:
        """The broker's account of a tenant."""
        return self.accounts.get(tenant, tenant)


def connection_name(role: str, instance: str = "") -> str:
    """The name a connection gives itself; a runtime's says its instance, 8 hex digits."""
    return f"altar-grid/1 {role} {instance}".rstrip()


def decide(request: ConnectRequest, rules: Rules, *, now: float) -> Admission | Denial:
    """The one way in, on every transport; never raises for what a peer sent."""
    if rules.mode == "development" and rules.manifests:  # the mapping may have been filled since
        return Denial("manifest_in_development", "a manifest counts for nothing in DEVELOPMENT")
    try:
        identity = key_id(request.key)
    except ConfigurationError:
        return Denial("no_key", "no public key was shown")
    if request.key[0] != "U":
        return Denial("no_key", "this is not the key of a user")
    if not request.signed:
        return Denial("not_proven", f"{identity} did not sign the nonce")
    if request.key in rules.revoked:
        return Denial("revoked", f"the key {identity} was revoked")
    try:
        if request.token:
            return _client(request, rules, now)
        runtime = _RUNTIME_NAME.fullmatch(request.name)
        if runtime is not None:
            return _runtime(request, rules, now, f"{identity}-{runtime[1]}")
        return _asker(request, rules, now, identity)
    except TokenRefused as refused:
        return Denial(refused.reason, refused.message)
    except ConfigurationError as error:
        return Denial("no_rights", str(error))


def matching_tools(
    patterns: Iterable[str], known: Iterable[tuple[str, int]]
) -> tuple[tuple[str, int], ...]:
    """The (tool, major) pairs whose name is one of ``patterns`` or fits one."""
    listed = tuple(patterns)
    exact = frozenset(listed)
    wild = [one for one in listed if not _WILD.isdisjoint(one)]
    return tuple(
        pair
        for pair in known
        if pair[0] in exact or any(fnmatchcase(pair[0], pattern) for pattern in wild)
    )


def _client(request: ConnectRequest, rules: Rules, now: float) -> Admission | Denial:
    token = SessionToken.verified(
        request.token, rules.host_keys, now=now, key=request.key, revoked=rules.revoked
    )
    known = rules.principals.get(request.key)
    if known is None:  # it was struck off since the token was signed
        return Denial("unknown_key", f"nobody has the key {key_id(request.key)} any more")
    if known.tenant != token.tenant or known.role != "client":
        return Denial("foreign_tenant", f"{known.name} is no client of {token.tenant}")
    expires = token.expires
    manifest = rules.manifests.get(token.tenant)
    if rules.mode != "development":
        stopped = _stopped(manifest, token.tenant, now, (request.key, token.host))
        if stopped is not None or manifest is None:
            return stopped or Denial("no_manifest")
        expires = min(expires, manifest.expires)
        tools = matching_tools(token.tools, manifest.tools())
        tools = matching_tools(known.tools, tools)  # narrowed, maybe, since it was signed
        permissions = permissions_of_client(token.session, tools)
    else:
        permissions = _open_client(token, rules, known)
    return Admission(
        account=rules.account(token.tenant),
        tenant=token.tenant,
        permissions=permissions,
        expires=expires,
        role="client",
        session=token.session,
        principal=token.principal,
        key=request.key,
    )


def _open_client(token: SessionToken, rules: Rules, known: Principal) -> Permissions:
    """DEVELOPMENT: contracts come and go, so exact names stand for every version."""
    limits = known.tools
    if "*" in token.tools and "*" in limits:
        return permissions_of_client(token.session, "*")
    names = [tool for tool in (*token.tools, *limits) if _WILD.isdisjoint(tool)]
    exact = [(tool, "*") for tool in names if _fits(tool, token.tools) and _fits(tool, limits)]
    matched = matching_tools(token.tools, rules.tools.get(token.tenant, ()))
    matched = matching_tools(limits, matched)
    return permissions_of_client(token.session, [*exact, *matched])


def _fits(tool: str, patterns: Iterable[str]) -> bool:
    return bool(matching_tools(patterns, [(tool, 0)]))


def _runtime(request: ConnectRequest, rules: Rules, now: float, runtime: str) -> Admission | Denial:
    known = rules.principals.get(request.key)
    if known is not None and known.role != "runtime":
        return Denial("wrong_role", f"{known.name} is a {known.role}, not a runtime")
    expires = None
    if rules.mode != "development":
        tenant = _tenant_of_runtime(request.key, known, rules)
        if isinstance(tenant, Denial):
            return tenant
        manifest = rules.manifests.get(tenant)
        stopped = _stopped(manifest, tenant, now, (request.key,))
        if stopped is not None or manifest is None:
            return stopped or Denial("no_manifest")
        expires = manifest.expires
        permissions = permissions_of_runtime(runtime, manifest.tools(request.key))
    elif known is None:
        return Denial("unknown_key", f"no runtime has the key of {runtime}")
    else:
        tenant = known.tenant
        permissions = permissions_of_runtime(runtime, "*")
    return Admission(
        account=rules.account(tenant),
        tenant=tenant,
        permissions=permissions,
        expires=expires,
        role="runtime",
        session=runtime,
        principal=runtime if known is None else known.name,
        key=request.key,
    )


def _tenant_of_runtime(public: str, known: Principal | None, rules: Rules) -> str | Denial:
    """STRICT: the tenant whose manifest names this runtime's key."""
    named = [name for name, one in rules.manifests.items() if one.contracts_of(public)]
    if known is not None:
        named = [name for name in named if name == known.tenant]
    if len(named) == 1:
        return named[0]
    if not named:
        return Denial("not_in_manifest", f"no manifest names the runtime {key_id(public)}")
    return Denial("ambiguous_tenant", f"manifests of {', '.join(named)} name {key_id(public)}")


def _asker(request: ConnectRequest, rules: Rules, now: float, identity: str) -> Admission | Denial:
    known = rules.principals.get(request.key)
    if known is None:
        return Denial("unknown_key", f"nobody has the key {identity}")
    if known.role not in {"client", "operator"}:
        return Denial("wrong_role", f"{known.name} is a {known.role}, and did not say so")
    manifest = rules.manifests.get(known.tenant)
    if manifest is not None and manifest.is_revoked(request.key):
        return Denial("revoked", f"the key {identity} was revoked")
    operator = known.role == "operator"
    return Admission(
        account=rules.account(known.tenant),
        tenant=known.tenant,
        permissions=(permissions_of_operator if operator else bootstrap_permissions)(identity),
        expires=int(now) + (rules.operator_seconds if operator else rules.bootstrap_seconds),
        role="operator" if operator else "bootstrap",
        session=identity,
        principal=known.name,
        key=request.key,
    )


def _stopped(
    manifest: AcceptedManifest | None, tenant: str, now: float, keys: Iterable[str]
) -> Denial | None:
    """Why nothing is allowed under a tenant's manifest, if so."""
    if manifest is None:
        return Denial("no_manifest", f"tenant {tenant} has no manifest here")
    if manifest.is_expired(now):
        return Denial("manifest_expired", f"manifest {manifest.sequence} of {tenant} has expired")
    for public in keys:
        if manifest.is_revoked(public):
            return Denial("revoked", f"the manifest of {tenant} revoked {key_id(public)}")
    return None
