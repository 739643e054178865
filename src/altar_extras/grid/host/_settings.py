"""HostSettings: what a Host is told, and what it refuses to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from altar.errors import ConfigurationError
from altar_extras.grid.security import MAX_GRANT_SECONDS, MAX_SESSION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from altar_extras.grid.security import Credentials

__all__ = ["HostSettings", "check_deployment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """How a Host serves; every time is in seconds.

    STRICT needs ``manifests``, a signed manifest's file for each tenant, and
    ``state_folder``, where the highest sequence seen is kept. DEVELOPMENT has
    neither. ``http_port`` None means no HTTP; 0 is chosen by the system.
    ``system_seed`` is the key of a connection in the server's system account;
    with it connections of what is revoked are cut at once, without it they end
    with their token, while runtimes and Hosts refuse them. ``most_pending``
    requests of one key are under way at once, four times as many of all.
    """

    mode: Literal["strict", "development"] = "strict"
    name: str = "host"
    manifests: Mapping[str, str | Path] = field(default_factory=dict)
    state_folder: str | Path | None = None
    session_seconds: float = 3600.0
    shortest_session: float = 30.0
    grant_seconds: int = MAX_GRANT_SECONDS
    heartbeat: float = 2.0
    misses: int = 3
    quarantine_seconds: float = 3600.0
    store_timeout: float = 1.0
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    http_public: bool = False
    system_seed: str | None = field(default=None, repr=False)
    most_pending: int = 2000
    most_runtimes: int = 10_000

    def __post_init__(self) -> None:
        if self.mode not in {"strict", "development"}:
            raise ConfigurationError(f"mode is 'strict' or 'development', not {self.mode!r:.40}")
        low, high = self.shortest_session, self.session_seconds
        if not 0 < low <= high <= MAX_SESSION_SECONDS:
            raise ConfigurationError(
                f"a session lasts from shortest_session={low:g} to session_seconds={high:g}: "
                f"above 0, in this order, {MAX_SESSION_SECONDS} at most"
            )
        if not 0 < self.grant_seconds <= MAX_GRANT_SECONDS:
            raise ConfigurationError(f"grant_seconds is 1 to {MAX_GRANT_SECONDS}")
        if min(self.heartbeat, self.misses, self.store_timeout, self.quarantine_seconds) <= 0:
            raise ConfigurationError(
                "heartbeat, misses, store_timeout and quarantine_seconds are above 0"
            )

    @property
    def absent_after(self) -> float:
        """How long a runtime may be silent and still count as there."""
        return self.heartbeat * self.misses


def check_deployment(settings: HostSettings, credentials: Credentials) -> None:
    """Raise ConfigurationError for a mode that does not fit where it would serve."""
    if credentials.role != "host":
        raise ConfigurationError(
            f"these are the credentials of a {credentials.role}; type: altar grid keys make FOLDER"
        )
    if credentials.host_seed is None:
        raise ConfigurationError('a Host\'s credentials need "host_seed", which signs tokens')
    if settings.mode == "strict":
        _check_strict(settings, credentials)
        return
    if settings.manifests or credentials.root is not None:
        raise ConfigurationError(
            "this deployment has a manifest (or pins the key that signs one), and mode="
            "'development' would let anybody's contracts in: say mode='strict'"
        )
    for url in (credentials.url or "").split(","):
        if url.strip() and not _is_loopback(urlsplit(url.strip()).hostname or ""):
            raise ConfigurationError(
                "mode='development' serves this machine only (127.0.0.1, ::1, localhost), and the "
                "credentials name a server elsewhere: say mode='strict' and sign a manifest"
            )
    if settings.http_port is not None and not _is_loopback(settings.http_host):
        raise ConfigurationError(
            f"mode='development' listens on this machine only, not on {settings.http_host}"
        )


def _check_strict(settings: HostSettings, credentials: Credentials) -> None:
    if credentials.root is None:
        raise ConfigurationError(
            "mode='strict' needs \"root\" in the credentials: the public key that signs manifests"
        )
    missing = sorted({*tenants_of(credentials)} - {*settings.manifests})
    if missing or settings.state_folder is None:
        raise ConfigurationError(
            "mode='strict' needs state_folder=, and manifests={tenant: file} for each tenant"
            + (f"; none is given for {', '.join(missing)}" if missing else "")
        )


def tenants_of(credentials: Credentials) -> dict[str, str]:
    """The Host's seed in each tenant's account; alone in its own where none is listed."""
    return dict(credentials.tenants) or {credentials.tenant: credentials.seed}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
