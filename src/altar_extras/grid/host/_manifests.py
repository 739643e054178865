"""Manifests: in STRICT each tenant has one in force, and there is no way back to DEVELOPMENT."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.host._highest import keep_highest
from altar_extras.grid.host._sessions import tell_revoked
from altar_extras.grid.security import ManifestRefused, ManifestTrust
from altar_extras.grid.transport import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from altar_extras.grid.host._figures import Figures
    from altar_extras.grid.host._mirror import Mirror
    from altar_extras.grid.host._settings import HostSettings
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.security import AcceptedManifest

__all__ = ["Manifests"]

_log = logging.getLogger("altar.grid.host")
_AGAIN = 0.25  # seconds between tries to store what the store did not take


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
        # by tenant ("" for the mode): what is to be in the store, and why it never will be
        self._unstored: dict[str, Callable[[], Awaitable[object]]] = {}
        self._behind: dict[str, str] = {}
        self._storing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self, mirror: Mirror, tenants: Iterable[Tenant], patience: float) -> None:
        """Accept every tenant's, and wait ``patience`` seconds at most until the store has that;
        what it has not then is tried again for good.

        Raises ManifestRefused, and ConfigurationError in DEVELOPMENT where the deployment was
        STRICT before.
        """
        await self._claim_mode(mirror)
        if self._settings.mode != "strict":
            return
        for tenant in tenants:
            await self._accept(tenant)
        now = asyncio.get_running_loop().time
        until = now() + patience
        while self._unstored and now() < until:
            await asyncio.sleep(_AGAIN)
            await self._store_again()
        self._task = asyncio.create_task(self._keep_storing(), name="altar-host-manifests")

    async def close(self) -> None:
        """Try no more; again is nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def problems(self) -> list[str]:
        """Why this Host is not ready, for all that is known here."""
        waiting = "what it accepted is not in the store yet"
        return [*([waiting] if self._unstored else []), *self._behind.values()]

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
        await self._store(name, partial(keep_highest, shared.mirror, name, accepted))
        self._behind.pop(name, None)
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
            claim = partial(mirror.change, key, lambda doc: {"mode": mode} if doc is None else None)
            await self._store("", claim)

    async def _store(
        self, name: str, write: Callable[[], Awaitable[object]], *, again: bool = False
    ) -> None:
        """Write to the store, now or later: one that does not answer is no reason to refuse what
        the file on this machine has decided. Raises ManifestRefused.
        """
        async with self._storing:  # an older one must not come after the newer
            if again and self._unstored.get(name) is not write:
                return
            try:
                await write()
            except StoreError as error:
                if not again:
                    what = f"the manifest of {name}" if name else "that this deployment is strict"
                    _log.warning("%s is not in the store yet, and is tried again: %s", what, error)
                self._unstored[name] = write
            else:
                self._unstored.pop(name, None)

    async def _store_again(self) -> None:
        for name, write in list(self._unstored.items()):
            try:
                await self._store(name, write, again=True)
            except ManifestRefused as refused:
                del self._unstored[name]
                self._behind[name] = f"the manifest of {name} is refused: {refused}"
                raise

    async def _keep_storing(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            try:
                await self._store_again()
            except ManifestRefused as refused:
                # it stays in force as an old one does on every Host that has not read the new
                self._figures.denials.add(f"manifest_{refused.reason}")
                _log.error("a manifest in force here is refused by the store: %s", refused)
