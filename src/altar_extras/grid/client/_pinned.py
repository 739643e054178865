"""Pinned: the signed manifest that a client holds against what Hosts tell it (STRICT)."""

from __future__ import annotations

import logging
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras.grid.security import ManifestRefused, ManifestTrust, SignedManifest, key_id
from altar_extras.grid.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.client._session import ToolRight
    from altar_extras.grid.client._settings import ClientSettings
    from altar_extras.grid.security import AcceptedManifest, Credentials

__all__ = ["Pinned"]

_log = logging.getLogger("altar.grid")


class Pinned:
    """A manifest's file, believed by the root key in the credentials, and read again when it
    changes. No call leaves for a contract that is another, nor once it has expired.
    """

    def __init__(self, path: str, trust: ManifestTrust) -> None:
        self._path = Path(path)
        self._trust = trust
        self._stamp: tuple[int, ...] = ()
        self._accepted = self._read()
        self._index(self._accepted)

    @classmethod
    def of(cls, credentials: Credentials, settings: ClientSettings) -> Pinned | None:
        """What the settings name; None without. Raises ManifestRefused and ConfigurationError."""
        path, state = settings.manifest, settings.manifest_state
        if path is None and credentials.manifest is not None:
            path = credentials.manifest
            state = state or f"{path}.seen"
        if path is None:
            if credentials.root is not None:
                _log.warning(
                    "these credentials pin a root key and the client was given no manifest: "
                    "only Hosts and runtimes check what it calls"
                )
            return None
        if credentials.root is None or state is None:
            raise ConfigurationError(
                "ClientSettings(manifest=...) needs manifest_state=, the file that keeps the "
                'highest sequence seen, and "root" in the credentials, the key that signs'
            )
        trust = ManifestTrust(credentials.root, credentials.tenant, state_path=state)
        return cls(path, trust)

    def look(self) -> None:
        """Read the file again where it has changed; a refused one leaves the old in force."""
        try:
            if self._stat() != self._stamp:
                self._accepted = accepted = self._read()
                self._index(accepted)
        except (ManifestRefused, OSError) as error:
            _log.error("the manifest %s is not taken: %s", self._path, error)

    def refusal(self, right: ToolRight) -> Fault | None:
        """Why this tool, as a Host has shown it, is not called."""
        if self._accepted.is_expired(time()):
            return Fault.of(
                "manifest_expired", "The signed manifest has expired; a new one must be signed."
            )
        if self._digests.get((right.name, right.major)) != right.digest:
            return Fault.of(
                "digest_differs",
                f"The Host's contract of {right.name[:80]!r} is not the signed one.",
            )
        return None

    def rows(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """A directory's rows, as far as the manifest names the runtimes' keys for the tools."""
        kept = []
        for row in rows:
            listed = row.get("tools") if isinstance(row, dict) else None
            if isinstance(listed, (list, tuple)):
                may = self._served.get(str(row.get("runtime"))[:16], frozenset())
                tools = [one for one in listed if isinstance(one, list) and _pair(one) in may]
                kept.append({**row, "tools": tools})
        return [row for row in kept if row["tools"]]

    def _stat(self) -> tuple[int, ...]:
        about = self._path.stat()
        return about.st_mtime_ns, about.st_size, about.st_ino

    def _read(self) -> AcceptedManifest:
        try:
            self._stamp = self._stat()
        except OSError as error:
            raise ManifestRefused(
                "unreadable", f"{self._path} cannot be read: {error.strerror}"
            ) from error
        return self._trust.accept(SignedManifest.read(self._path), now=time())

    def _index(self, accepted: AcceptedManifest) -> None:
        self._digests = {
            (tool.name, contract.major): accepted.digest_of(contract.name)
            for contract in accepted.contracts
            for tool in contract.function_declarations
        }
        keys = {key for listed in accepted.signed.runtimes.values() for key in listed}
        self._served = {key_id(key): frozenset(accepted.tools(key)) for key in keys}


def _pair(row: list[Any]) -> tuple[str, int] | None:
    if len(row) == 2 and isinstance(row[0], str) and type(row[1]) is int:
        return row[0], row[1]
    return None
