"""ManifestTrust: believes one root key, and never an older manifest than it has seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.adm import dumps, loads
from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.security._files import is_open_to_all, locked, read_bounded, write_private
from altar_extras.grid.security._keys import VerifyKey
from altar_extras.grid.security._manifest import MANIFEST_SECONDS, SignedManifest
from altar_extras.grid.security._refused import ManifestRefused

if TYPE_CHECKING:
    import os

    from altar.adm import ToolContract

__all__ = ["AcceptedManifest", "ManifestTrust", "check_signed"]

_MAX_STATE = 4096
_CLOCK_SLACK = 60  # seconds by which the signer's clock may run ahead


@dataclass(frozen=True, slots=True)
class AcceptedManifest:
    """A manifest that was believed when it came; ask :meth:`check` before each use."""

    signed: SignedManifest

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.signed.tenant

    @property
    def sequence(self) -> int:
        """Its number; a higher one replaces it."""
        return self.signed.sequence

    @property
    def expires(self) -> int:
        """When it stops, in whole seconds since 1970."""
        return self.signed.expires

    @property
    def contracts(self) -> tuple[ToolContract, ...]:
        """What callers may rely on."""
        return self.signed.manifest.contracts

    def contract(self, name: str) -> ToolContract | None:
        """The contract of that name, or None."""
        return self.signed.manifest.get(name)

    def digest_of(self, name: str) -> str | None:
        """The digest over the whole contract of that name, or None."""
        return self.signed.digests.get(name)

    def is_expired(self, now: float) -> bool:
        """Whether it has stopped: nothing is allowed by it any more."""
        return now >= self.signed.expires

    def is_revoked(self, public: str) -> bool:
        """Whether a key was taken back."""
        return public in self.signed.revoked

    def may_fulfil(self, public: str, name: str, digest: str) -> bool:
        """Whether this runtime's key may serve the contract of that name and digest."""
        return (
            public in self.signed.runtimes.get(name, ())
            and self.signed.digests.get(name) == digest
            and not self.is_revoked(public)
        )

    def contracts_of(self, public: str) -> tuple[ToolContract, ...]:
        """The contracts a runtime's key may serve; none for a revoked or unknown one."""
        if self.is_revoked(public):
            return ()
        return tuple(
            one for one in self.contracts if public in self.signed.runtimes.get(one.name, ())
        )

    def tools(self, public: str | None = None) -> tuple[tuple[str, int], ...]:
        """(tool, major version) of every contract, or of those a runtime's key may serve."""
        found = self.contracts if public is None else self.contracts_of(public)
        return tuple((tool.name, one.major) for one in found for tool in one.function_declarations)

    def check(self, now: float) -> None:
        """Raise ManifestRefused (``expired``) once it has stopped."""
        if self.is_expired(now):
            raise _expired(self.signed)


class ManifestTrust:
    """Pins a root key and a tenant, and remembers the highest sequence in a file.

    ``state_path`` holds that memory (mode 0600, written atomically, on disk
    before a manifest counts as accepted); several processes may share it.
    Whoever can delete it can roll back, down to what has not yet expired.
    Raises ConfigurationError for a root that is no public key.
    """

    def __init__(
        self, root_public: str, tenant: str, *, state_path: str | os.PathLike[str]
    ) -> None:
        self.root = VerifyKey(root_public)
        self.tenant = tenant
        self.state_path = Path(state_path)

    def __repr__(self) -> str:
        return f"ManifestTrust({self.root.public!r}, {self.tenant!r})"

    def accept(self, signed: SignedManifest | bytes | str, *, now: float) -> AcceptedManifest:
        """Believe a manifest, or raise ManifestRefused; ``now`` in seconds since 1970.

        Its ``reason`` is foreign_root, bad_signature, foreign_tenant, expired,
        not_yet_valid, too_long, older, sequence_reused, state_broken, or one of
        :meth:`SignedManifest.loads`. The sequence is on disk when this returns.
        """
        found = signed if isinstance(signed, SignedManifest) else SignedManifest.loads(signed)
        check_signed(found, self.root, self.tenant, now)
        try:
            self._check_folder()
            with locked(self.state_path):
                self._advance(found)
        except OSError as error:
            message = f"{self.state_path} cannot be kept: {error.strerror}; nothing was accepted"
            raise ManifestRefused("state_broken", message) from error
        return AcceptedManifest(found)

    def accept_file(self, path: str | os.PathLike[str], *, now: float) -> AcceptedManifest:
        """:meth:`accept` of a file."""
        return self.accept(SignedManifest.read(path), now=now)

    @property
    def sequence(self) -> int:
        """The highest sequence accepted so far, 0 for none; ManifestRefused (state_broken)."""
        state = self._state()
        return 0 if state is None else int(state["sequence"])

    def _check_folder(self) -> None:
        folder = self.state_path.parent
        if is_open_to_all(folder):
            message = (
                f"everybody may delete what is in {folder}, and with it the memory of the highest "
                f"sequence; type: chmod o-w {folder}"
            )
            raise ManifestRefused("state_broken", message)

    def _advance(self, found: SignedManifest) -> None:
        state = self._state()
        digest = found.digest
        if state is not None:
            highest = state["sequence"]
            if found.sequence < highest:
                message = (
                    f"sequence {found.sequence}, and {highest} has been seen: put the newest "
                    f"manifest of tenant {self.tenant!r} in the place of this one"
                )
                raise ManifestRefused("older", message)
            if found.sequence == highest:
                if digest != state["digest"]:
                    message = f"sequence {highest} is that of another manifest; sign a higher one"
                    raise ManifestRefused("sequence_reused", message)
                return
        doc = {
            "v": 1,
            "root": self.root.public,
            "tenant": self.tenant,
            "sequence": found.sequence,
            "digest": digest,
        }
        write_private(self.state_path, (dumps(doc) + "\n").encode())

    def _state(self) -> dict[str, Any] | None:
        doc: Any = None
        try:
            doc = loads(read_bounded(self.state_path, _MAX_STATE))
            sequence = doc["sequence"]
            good = (
                doc["v"] == 1
                and type(sequence) is int
                and sequence >= 0
                and isinstance(doc["digest"], str)
                and (doc["root"], doc["tenant"]) == (self.root.public, self.tenant)
            )
        except FileNotFoundError:
            return None
        except (OSError, AltarError, ConfigurationError, KeyError, TypeError):
            good = False
        if not good:
            raise ManifestRefused(
                "state_broken",
                f"{self.state_path} is not the memory of this root and tenant; look what changed "
                "it, and only then delete it: without it an older manifest would be believed",
            )
        return dict(doc)


def check_signed(found: SignedManifest, root: VerifyKey, tenant: str, now: float) -> None:
    """Raise ManifestRefused unless ``root`` signed this for ``tenant`` and it is in force."""
    if found.root != root.public:
        raise ManifestRefused(
            "foreign_root", f"signed by {found.root}, and {root.public} is trusted"
        )
    if not found.is_signed_by(root):
        raise ManifestRefused("bad_signature", "the signature does not fit the manifest")
    if found.tenant != tenant:
        message = f"a manifest of tenant {found.tenant!r}, and one of tenant {tenant!r} is needed"
        raise ManifestRefused("foreign_tenant", message)
    if now >= found.expires:
        raise _expired(found)
    if found.issued > now + _CLOCK_SLACK:
        message = "this manifest is of a later time; is the clock right?"
        raise ManifestRefused("not_yet_valid", message)
    if found.expires - now > MANIFEST_SECONDS + _CLOCK_SLACK:
        raise ManifestRefused("too_long", "a manifest is in force for 30 days at most")


def _expired(found: SignedManifest) -> ManifestRefused:
    return ManifestRefused(
        "expired",
        f"manifest {found.sequence} of {found.tenant} has expired; "
        "type: altar manifest sign FILE --key ROOT_SEED "
        f"--tenant {found.tenant} --sequence {found.sequence + 1}",
    )
