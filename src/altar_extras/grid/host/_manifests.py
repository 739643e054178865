"""Manifests: in STRICT each tenant has one in force, and there is no way back to DEVELOPMENT."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.host._highest import keep_highest
from altar_extras.grid.host._sessions import tell_revoked
from altar_extras.grid.security import ManifestRefused, ManifestTrust
from altar_extras.grid.transport import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from altar_extras.grid.host._figures import Figures
    from altar_extras.grid.host._mirror import Mirror
    from altar_extras.grid.host._settings import HostSettings
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.security import AcceptedManifest

__all__ = ["Manifests"]

_log = logging.getLogger("altar.grid.host")


class Manifests:
    """``accepted`` are those in force, by tenant; it is the same object for good. ``root`` is the
    key that signs them, ``cut`` ends the connections of the keys that one revokes.

    In DEVELOPMENT there are none, and all of this does nothing.
    """

    def __init__(
        self,
        accepted: dict[str, AcceptedManifest],
        *,
        settings: HostSettings,
        root: str | None,
        figures: Figures,
        cut: Callable[[Collection[str]], object],
    ) -> None:
        self.accepted = accepted
        self._settings = settings
        self._root = root
        self._figures = figures
        self._cut = cut

    async def start(self, mirror: Mirror, tenants: Iterable[Tenant]) -> None:
        """Accept every tenant's. Raises ManifestRefused, and ConfigurationError in DEVELOPMENT
        where the deployment was STRICT before.
        """
        await self._claim_mode(mirror)
        if self._settings.mode == "strict":
            for tenant in tenants:
                await self._accept(tenant)

    async def reload(self, tenants: Iterable[Tenant]) -> None:
        """Read the files again. One that is refused leaves the old one in force, and does not
        keep the others from being read. Raises the first ManifestRefused.
        """
        if self._settings.mode != "strict":
            return
        problems = []
        for tenant in tenants:
            try:
                await self._accept(tenant)
            except ManifestRefused as refused:
                problems.append(refused)
                self._figures.denials.add(f"manifest_{refused.reason}")
                _log.error("the manifest of %s is refused: %s", tenant.name, refused)
        if problems:
            raise problems[0]

    async def _accept(self, tenant: Tenant) -> None:
        """Accept a tenant's manifest from its file; what it revokes is cut."""
        name, shared, settings = tenant.name, tenant.shared, self._settings
        assert self._root is not None
        assert settings.state_folder is not None
        folder = Path(settings.state_folder)
        trust = ManifestTrust(self._root, name, state_path=folder / f"manifest-{name}.json")
        before = self.accepted.get(name)
        path, now = settings.manifests[name], shared.clock()
        accepted = await asyncio.to_thread(trust.accept_file, path, now=now)
        await keep_highest(shared.mirror, name, accepted)
        self.accepted[name] = accepted
        for runtime in tenant.use(accepted):
            tenant.tell(runtime, "drain", {})
        fresh = {*accepted.signed.revoked} - ({*before.signed.revoked} if before else set())
        self._figures.sequence.set(accepted.sequence, name)
        with suppress(AltarError):
            await shared.note("manifest_accepted", tenant=name, sequence=accepted.sequence)
        for public in fresh:
            tell_revoked(tenant, public)
        self._cut(fresh)
        if before is not None:  # what each runtime may serve is judged anew
            for one, _ in list(tenant.runtimes.present(shared.monotonic())):
                tenant.tell(one.id, "refresh", {})

    async def _claim_mode(self, mirror: Mirror) -> None:
        """A deployment that was ever STRICT never serves DEVELOPMENT."""
        key, mode = "mode.grid.this", self._settings.mode
        found = mirror.get(key)
        if found is not None and found.get("mode") == "strict" and mode != "strict":
            raise ConfigurationError(
                "this deployment's store says mode strict: mode='development' is refused"
            )
        if mode == "strict" and found is None:
            try:
                await mirror.change(key, lambda doc: {"mode": "strict"} if doc is None else None)
            except StoreError as error:
                _log.warning("that this deployment is strict was not written down: %s", error)
