"""The parties of a development grid: their keys, and a credentials file for each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.security import Credentials, Principal, SigningKey, TlsFiles
from altar_extras.grid.server import HOSTS_ACCOUNT, SYSTEM_ACCOUNT, GridKeys

if TYPE_CHECKING:
    from altar_extras.grid.node._folder import StateFolder
    from altar_extras.grid.security import Role
    from altar_extras.grid.server import Certificates

__all__ = ["TENANT", "Parties"]

TENANT = "dev"
_ROLES: tuple[Role, ...] = ("client", "runtime", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who takes part: the Host, a runtime, a client and an operator, all of one tenant.

    Client, runtime and operator keep their keys from one start to the next, and so
    do those that `altar grid keys add` put beside them; what only servers and Hosts
    know of each other is made anew. Whoever was revoked is given a new key.
    """

    host: Credentials
    runtime: Credentials
    client: Credentials
    operator: Credentials
    system_seed: str = field(repr=False)

    @classmethod
    def of(cls, folder: StateFolder, certificates: Certificates | None) -> Parties:
        """Those whose files are in the folder, and new ones for the others."""
        tls = _tls(certificates)
        signer = SigningKey.generate()
        known = _known(folder)
        made = {role: _kept(folder, role, tls, signer.public, known) for role in _ROLES}
        own = {
            one.key.public: Principal(
                key=one.key.public, name=one.name, tenant=TENANT, role=one.role, tools=("*",)
            )
            for one in made.values()
        }
        principals = tuple({**own, **(known or {})}.values())
        host = Credentials(
            role="host",
            tenant=TENANT,
            name="host",
            seed=SigningKey.generate().seed,
            host_seed=signer.seed,
            issuer_seed=SigningKey.generate(kind="account").seed,
            tenants={TENANT: SigningKey.generate().seed},
            principals=principals,
            host_keys=(signer.public,),
            tls=tls,
        )
        return cls(
            host=host,
            runtime=made["runtime"],
            client=made["client"],
            operator=made["operator"],
            system_seed=SigningKey.generate().seed,
        )

    @property
    def keys(self) -> GridKeys:
        """What the servers are told: public keys alone."""
        seeds = {
            HOSTS_ACCOUNT: self.host.seed,
            SYSTEM_ACCOUNT: self.system_seed,
            **self.host.tenants,
        }
        issuer = SigningKey.from_seed(self.host.issuer_seed or "")
        return GridKeys(
            issuer=issuer.public,
            hosts={name: SigningKey.from_seed(seed).public for name, seed in seeds.items()},
        )

    def at(self, url: str) -> Parties:
        """The same, who know where the servers are."""
        return replace(
            self,
            host=replace(self.host, url=url),
            runtime=replace(self.runtime, url=url),
            client=replace(self.client, url=url),
            operator=replace(self.operator, url=url),
        )

    def write(self, folder: StateFolder) -> None:
        """A file for each, mode 0600; of the others, what changes from start to start."""
        for one in (self.host, self.runtime, self.client, self.operator):
            one.write(folder / f"{one.role}.json")
        keys = {one.key for one in self.host.principals}
        for path in folder.path.glob("*.json"):
            with suppress(ConfigurationError):
                one = Credentials.read(path)
                if one.role != "host" and one.key.public in keys:
                    host = self.host
                    replace(one, url=host.url, tls=host.tls, host_keys=host.host_keys).write(path)


def _known(folder: StateFolder) -> dict[str, Principal] | None:
    """Whom the last Host here knew, by key; None where there was none."""
    try:
        host = Credentials.read(folder / "host.json", role="host")
    except ConfigurationError:
        return None
    return {one.key: one for one in host.principals if one.tenant == TENANT}


def _kept(
    folder: StateFolder,
    role: Role,
    tls: TlsFiles,
    signer: str,
    known: dict[str, Principal] | None,
) -> Credentials:
    try:
        key = Credentials.read(folder / f"{role}.json", role=role).key
    except ConfigurationError:  # not there, or not ours: a new one is as good
        key = SigningKey.generate()
    if known is not None and key.public not in known:  # it was revoked
        key = SigningKey.generate()
    seed = key.seed
    return Credentials(role=role, tenant=TENANT, name=role, seed=seed, tls=tls, host_keys=(signer,))


def _tls(certificates: Certificates | None) -> TlsFiles:
    if certificates is None:
        return TlsFiles()
    return TlsFiles(
        ca=certificates.ca.read_text("ascii"),
        cert=certificates.client_cert.read_text("ascii"),
        key=certificates.client_key.read_text("ascii"),
    )
