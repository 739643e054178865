"""Credentials: one private file with everything a party needs to join a grid."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from altar.adm import dumps, loads
from altar.errors import ConfigurationError, InvalidDataError
from altar_extras.grid.security._files import read_bounded, write_private
from altar_extras.grid.security._keys import SigningKey, VerifyKey
from altar_extras.grid.security._sealed import IDENTIFIER

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CREDENTIALS_VERSION", "Credentials", "Principal", "Role", "TlsFiles"]

Role = Literal["client", "runtime", "host", "operator"]
CREDENTIALS_VERSION = 1
_ROLES: tuple[Role, ...] = ("client", "runtime", "host", "operator")
_MAX_BYTES = 4 * 1024 * 1024
_MAKE = "type: altar grid keys make FOLDER"
_MADE = {
    "client": "type: altar grid keys add FOLDER --client NAME",
    "runtime": "type: altar grid keys add FOLDER --runtime NAME",
    "operator": "type: altar grid keys add FOLDER --operator NAME",
    "host": _MAKE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM texts: whom to trust (``ca``), who this is (``cert``), and the private ``key``."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; null for what is not there."""
        return {"ca": self.ca, "cert": self.cert, "key": self.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whom the Hosts know: a public key, its name, role and tenant, and the tools it may use.

    ``tools`` are exact names or patterns (``"search_*"``, ``"*"``).
    """

    key: str
    name: str
    tenant: str
    role: Role = "client"
    tools: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "key": self.key,
            "name": self.name,
            "tenant": self.tenant,
            "role": self.role,
            "tools": list(self.tools),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A party's role, tenant, name and seed; with a Host's, what only Hosts hold.

    ``root`` is the public key that signs manifests (None: DEVELOPMENT);
    ``manifest`` the whole path of the signed manifest that a client holds its
    Hosts to (what it saw of it is kept beside it, in ``<manifest>.seen``). A
    Host's ``seed`` connects, ``host_seed`` signs tokens and grants,
    ``issuer_seed`` signs the answers to the broker, ``tenants`` maps each
    tenant to the seed of the Host's connection there, ``system_seed`` connects
    to the broker's system account (to cut a revoked session). ``host_keys`` are the
    public keys of every Host, so that each believes the others' tokens. No
    seed is in the repr.
    """

    role: Role
    tenant: str
    name: str
    seed: str = field(repr=False)
    url: str | None = None
    root: str | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)
    manifest: str | None = None
    host_keys: tuple[str, ...] = ()
    host_seed: str | None = field(default=None, repr=False)
    issuer_seed: str | None = field(default=None, repr=False)
    system_seed: str | None = field(default=None, repr=False)
    tenants: dict[str, str] = field(default_factory=dict, repr=False)
    principals: tuple[Principal, ...] = ()

    @property
    def key(self) -> SigningKey:
        """The key this party connects with."""
        return SigningKey.from_seed(self.seed)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, role: Role | None = None) -> Credentials:
        """Read a file that nobody else can read, of ``role`` where one is given.

        Raises ConfigurationError that says what to type, and never shows a secret.
        """
        try:
            data = read_bounded(path, _MAX_BYTES, private=True)
        except OSError as error:
            raise ConfigurationError(
                f"the credentials {path} cannot be read: {error.strerror}; {_made(role)}"
            ) from error
        try:
            found = cls.loads(data)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None
        if role is not None and found.role != role:
            raise ConfigurationError(
                f"{path} holds the credentials of {_a(found.role)}, and {_a(role)}'s are needed; "
                f"{_others(path, role)}"
            )
        return found

    @classmethod
    def loads(cls, data: bytes | str) -> Credentials:
        """Read JSON text; raises ConfigurationError with what is wrong."""
        if len(data) > _MAX_BYTES:
            raise ConfigurationError(f"credentials of more than {_MAX_BYTES} bytes")
        try:
            doc = loads(data)
        except InvalidDataError:  # its message shows the text, and the text is secret
            raise ConfigurationError(f"this is no JSON of a credentials file; {_MAKE}") from None
        if not isinstance(doc, dict):
            raise ConfigurationError(f"this is no credentials file; {_MAKE}")
        if doc.get("v") != CREDENTIALS_VERSION or doc["v"] is True:
            raise ConfigurationError(
                f"credentials of version {doc.get('v')!r:.20}, and this altar reads version "
                f"{CREDENTIALS_VERSION}; {_MAKE}"
            )
        return _from_doc(doc)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, mode 0600, whole or not at all; the path."""
        from pathlib import Path  # noqa: PLC0415

        try:
            write_private(path, (dumps(self.to_dict(), indent=2) + "\n").encode())
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, secrets and all."""
        out: dict[str, Any] = {
            "v": CREDENTIALS_VERSION,
            "role": self.role,
            "tenant": self.tenant,
            "name": self.name,
            "seed": self.seed,
            "tls": self.tls.to_dict(),
            "root": self.root,
            "url": self.url,
            "host_keys": list(self.host_keys),
        }
        if self.manifest is not None:  # an altar that does not know it refuses the file
            out["manifest"] = self.manifest
        if self.role == "host":
            out["host_seed"] = self.host_seed
            out["issuer_seed"] = self.issuer_seed
            out["system_seed"] = self.system_seed
            out["tenants"] = dict(self.tenants)
            out["principals"] = [one.to_dict() for one in self.principals]
        return out


_FIELDS = frozenset(one.name for one in fields(Credentials)) | {"v"}


def _from_doc(doc: dict[str, Any]) -> Credentials:
    unknown = sorted(str(name) for name in doc if name not in _FIELDS)
    if unknown:
        raise ConfigurationError(f"unknown fields {', '.join(unknown)[:200]}; {_MAKE}")
    role = doc.get("role")
    if role not in _ROLES:
        raise ConfigurationError(f"role {role!r:.40}; it is one of {', '.join(_ROLES)}")
    seed = _text(doc, "seed")
    _check_seed("seed", seed, "user")
    tls = doc.get("tls") or {}
    if not isinstance(tls, dict) or not {*tls} <= {"ca", "cert", "key"}:
        raise ConfigurationError('"tls" holds "ca", "cert" and "key", PEM texts or null')
    root = _maybe(doc, "root")
    keys = doc.get("host_keys") or []
    if not isinstance(keys, list):
        raise ConfigurationError('"host_keys" is a list of public keys')
    manifest = _maybe(doc, "manifest")
    if manifest is not None and (role != "client" or root is None or not os.path.isabs(manifest)):  # noqa: PTH117
        raise ConfigurationError(
            '"manifest" is the whole path of a signed manifest, for clients, beside its "root"'
        )
    for public in [*keys, *([] if root is None else [root])]:
        VerifyKey(public)
    return Credentials(
        role=role,
        tenant=_name(doc, "tenant"),
        name=_text(doc, "name"),
        seed=seed,
        url=_maybe(doc, "url"),
        root=root,
        manifest=manifest,
        tls=TlsFiles(ca=_maybe(tls, "ca"), cert=_maybe(tls, "cert"), key=_maybe(tls, "key")),
        host_keys=tuple(keys),
        **(_host_fields(doc, seed) if role == "host" else {}),
    )


def _made(role: Role | None) -> str:
    """How credentials of this role come to be, on one machine and in a fleet."""
    if role is None:
        return _MAKE
    return f"altar grid up makes .altar-grid/{role}.json; for a fleet {_MADE[role]}"


def _a(role: Role) -> str:
    return f"an {role}" if role == "operator" else f"a {role}"


def _others(path: str | os.PathLike[str], role: Role) -> str:
    """Where credentials of this role are, beside these, or how they are made."""
    beside = os.path.join(os.path.dirname(path), f"{role}.json")  # noqa: PTH118, PTH120
    return f"take {beside}" if os.path.isfile(beside) else _MADE[role]  # noqa: PTH113


def _host_fields(doc: dict[str, Any], seed: str) -> dict[str, Any]:
    """What only a Host's file holds."""
    host_seed, issuer_seed = _text(doc, "host_seed"), _text(doc, "issuer_seed")
    system_seed = _maybe(doc, "system_seed")
    _check_seed("host_seed", host_seed, "user")
    _check_seed("issuer_seed", issuer_seed, "account")
    if system_seed is not None:
        _check_seed("system_seed", system_seed, "user")
    tenants = _tenants(doc.get("tenants") or {})
    principals = doc.get("principals") or []
    if not isinstance(principals, list):
        raise ConfigurationError('"principals" is a list of objects')
    if host_seed in {seed, system_seed, *tenants.values()}:
        raise ConfigurationError(
            '"seed" connects and "host_seed" signs; a key that connects signs what the '
            f"server chooses, so they differ; {_MAKE}"
        )
    return {
        "host_seed": host_seed,
        "issuer_seed": issuer_seed,
        "system_seed": system_seed,
        "tenants": tenants,
        "principals": tuple(map(_principal, principals)),
    }


def _principal(doc: Any) -> Principal:
    if not isinstance(doc, dict):
        raise ConfigurationError('"principals" is a list of objects')
    role, tools = doc.get("role", "client"), doc.get("tools", [])
    if role not in _ROLES:
        raise ConfigurationError(f"role {role!r:.40}; it is one of {', '.join(_ROLES)}")
    if not isinstance(tools, list) or not all(isinstance(one, str) and one for one in tools):
        raise ConfigurationError('"tools" of a principal is a list of names or patterns')
    public = _text(doc, "key")
    VerifyKey(public)
    return Principal(
        key=public,
        name=_text(doc, "name"),
        tenant=_name(doc, "tenant"),
        role=role,
        tools=tuple(tools),
    )


def _tenants(doc: Any) -> dict[str, str]:
    if not isinstance(doc, dict):
        raise ConfigurationError('"tenants" maps tenants to seeds')
    for tenant in doc:
        _name({"tenant": tenant}, "tenant")
        _check_seed("tenants", _text(doc, tenant), "user")
    return dict(doc)


def _check_seed(field_name: str, seed: str, kind: str) -> None:
    try:
        found = SigningKey.from_seed(seed).kind
    except ConfigurationError as error:
        raise ConfigurationError(f'"{field_name}": {error}') from None
    if found != kind:
        raise ConfigurationError(f'"{field_name}" is the seed of {found}, not of {kind}; {_MAKE}')


def _text(doc: dict[str, Any], name: str) -> str:
    value = doc.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f'"{name}" is missing or no text; {_MAKE}')
    return value


def _name(doc: dict[str, Any], name: str) -> str:
    value = _text(doc, name)
    if IDENTIFIER.fullmatch(value) is None:
        raise ConfigurationError(f'"{name}" is 1 to 64 of [a-z0-9_-], not {value!r:.80}')
    return value


def _maybe(doc: dict[str, Any], name: str) -> str | None:
    return None if doc.get(name) is None else _text(doc, name)
