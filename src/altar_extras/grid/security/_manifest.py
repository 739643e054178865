"""SignedManifest: the contracts of a tenant, and who may fulfil them, signed offline."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.adm import ToolManifest, canonical_bytes, digest, dumps, loads
from altar.errors import AltarError, CanonicalError, ConfigurationError
from altar_extras.grid.security._digest import contract_digest
from altar_extras.grid.security._files import read_bounded, replace_file
from altar_extras.grid.security._keys import SigningKey, VerifyKey, document
from altar_extras.grid.security._refused import ManifestRefused
from altar_extras.grid.security._sealed import IDENTIFIER

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["MANIFEST_SECONDS", "MAX_MANIFEST_BYTES", "SignedManifest"]

MANIFEST_SECONDS = 30 * 24 * 3600  # the longest a manifest may be in force
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_VERSION = 1
_LARGEST = 2**53 - 1
_MOST_KEYS = 10_000
_FIELDS = frozenset(
    {"v", "tenant", "sequence", "issued", "expires", "revoked", "runtimes", "digests"}
    | {"manifest", "root", "signature"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """A manifest with tenant, sequence, expiry, revoked keys, and runtimes for each contract.

    ``issued`` and ``expires`` are whole seconds since 1970, at most 30 days
    apart. ``runtimes`` maps each contract's name to the public keys that may
    fulfil it, ``digests`` to the digest over the whole contract. ``root`` is
    the key that signed. An object of this class is well formed; whether to
    believe it is for :class:`ManifestTrust` to say.
    """

    manifest: ToolManifest
    tenant: str
    sequence: int
    issued: int
    expires: int
    runtimes: dict[str, tuple[str, ...]]
    digests: dict[str, str]
    root: str
    signature: bytes = field(repr=False)
    revoked: tuple[str, ...] = ()

    @classmethod
    def sign(  # noqa: PLR0913 - one keyword for each thing that is signed
        cls,
        manifest: ToolManifest,
        *,
        root: SigningKey,
        tenant: str,
        sequence: int,
        expires: float,
        runtimes: Mapping[str, Sequence[str]],
        revoked: Collection[str] = (),
        now: float | None = None,
    ) -> SignedManifest:
        """Sign; ``expires`` in seconds since 1970, at most 30 days ahead of ``now`` (the clock's).

        Raises ConfigurationError for what no trust would accept: an unknown
        contract or key, a tool that two contracts declare under one major
        version, integers beyond 2^53-1, a longer life.
        """
        unsigned = {
            "v": _VERSION,
            "manifest": manifest.to_dict(),
            "tenant": tenant,
            "sequence": sequence,
            "issued": int(time.time() if now is None else now),
            "expires": int(expires),
            "revoked": sorted(set(revoked)),
            "runtimes": {name: sorted(set(keys)) for name, keys in runtimes.items()},
            "digests": {one.name: contract_digest(one) for one in manifest.contracts},
            "root": root.public,
        }
        try:
            signature = root.sign(document("manifest", canonical_bytes(unsigned)))
            made = cls.from_dict({**unsigned, "signature": b64encode(signature).decode()})
        except (ManifestRefused, CanonicalError) as error:
            raise ConfigurationError(f"this manifest cannot be signed: {error}") from error
        if made.expires <= made.issued:
            raise ConfigurationError("this manifest would have expired already")
        return made

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SignedManifest:
        """Read a file; raises ManifestRefused (``unreadable``, and those of :meth:`loads`)."""
        try:
            data = read_bounded(path, MAX_MANIFEST_BYTES)
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise ManifestRefused("unreadable", message) from error
        return cls.loads(data)

    @classmethod
    def loads(cls, data: bytes | str) -> SignedManifest:
        """Read JSON text, whatever it is.

        Raises ManifestRefused: too_large (more than 8 MB), malformed, unsigned,
        unknown_version, integer_too_large, ambiguous_tool, digest_differs,
        too_long.
        """
        if len(data) > MAX_MANIFEST_BYTES:
            raise ManifestRefused("too_large", f"more than {MAX_MANIFEST_BYTES:,} bytes")
        try:
            doc = loads(data)
        except AltarError as error:
            raise ManifestRefused("malformed", f"this is no JSON: {error}") from error
        return cls.from_dict(doc)

    @classmethod
    def from_dict(cls, doc: Any) -> SignedManifest:
        """Read the JSON object; raises as :meth:`loads`. The signature is not checked here."""
        _check_shape(doc)
        try:
            canonical_bytes(doc)
        except CanonicalError as error:
            raise ManifestRefused("integer_too_large", str(error)) from error
        manifest = _manifest(doc["manifest"])
        digests = {one.name: contract_digest(one) for one in manifest.contracts}
        if doc["digests"] != digests:
            message = "a digest is not that of its contract; sign the manifest again"
            raise ManifestRefused("digest_differs", message)
        for name in doc["runtimes"]:
            if name not in digests:
                raise ManifestRefused("malformed", f"runtimes for {name!r:.80}: no such contract")
        return cls(
            manifest=manifest,
            tenant=doc["tenant"],
            sequence=doc["sequence"],
            issued=doc["issued"],
            expires=doc["expires"],
            runtimes={name: tuple(keys) for name, keys in doc["runtimes"].items()},
            digests=digests,
            root=doc["root"],
            signature=_signature(doc["signature"]),
            revoked=tuple(doc["revoked"]),
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file: readers see the old text or the new one. Raises OSError."""
        replace_file(Path(path), self.dumps().encode())

    def dumps(self) -> str:
        """The signed manifest as indented JSON text."""
        return dumps(self.to_dict(), indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return {**self._unsigned(), "signature": b64encode(self.signature).decode()}

    @property
    def digest(self) -> str:
        """``sha256:...`` over what is signed."""
        return digest(self._unsigned())

    def is_signed_by(self, root: VerifyKey) -> bool:
        """Whether the signature is that of ``root``."""
        message = document("manifest", canonical_bytes(self._unsigned()))
        return self.root == root.public and root.verify(message, self.signature)

    def _unsigned(self) -> dict[str, Any]:
        return {
            "v": _VERSION,
            "manifest": self.manifest.to_dict(),
            "tenant": self.tenant,
            "sequence": self.sequence,
            "issued": self.issued,
            "expires": self.expires,
            "revoked": list(self.revoked),
            "runtimes": {name: list(keys) for name, keys in self.runtimes.items()},
            "digests": dict(self.digests),
            "root": self.root,
        }


def _check_shape(doc: Any) -> None:
    """Raise ManifestRefused unless every field is there, of its kind, and none is unknown."""
    if not isinstance(doc, dict):
        raise ManifestRefused("malformed", "a signed manifest is a JSON object")
    if "signature" not in doc:
        message = (
            "this manifest is not signed; "
            "type: altar manifest sign FILE --key ROOT_SEED --tenant NAME --sequence N"
        )
        raise ManifestRefused("unsigned", message)
    if type(doc.get("v")) is not int or doc["v"] != _VERSION:
        version = doc.get("v")
        raise ManifestRefused("unknown_version", f"version {version!r:.20}; {_VERSION} is known")
    if {*doc} != _FIELDS:
        names = ", ".join(sorted({*map(str, doc)} ^ _FIELDS))
        raise ManifestRefused("malformed", f"fields missing or unknown: {names:.200}")
    _check_fields(doc)
    for keys in (doc["revoked"], [doc["root"]], *doc["runtimes"].values()):
        _check_keys(keys)


def _check_fields(doc: dict[str, Any]) -> None:
    if not isinstance(doc["tenant"], str) or IDENTIFIER.fullmatch(doc["tenant"]) is None:
        raise ManifestRefused("malformed", "a tenant is 1 to 64 of [a-z0-9_-]")
    for name in ("sequence", "issued", "expires"):
        if type(doc[name]) is not int or doc[name] < 0:
            raise ManifestRefused("malformed", f"{name} is a whole number, not {doc[name]!r:.40}")
        if doc[name] > _LARGEST:
            raise ManifestRefused("integer_too_large", f"{name} is beyond 2^53-1")
    if doc["expires"] - doc["issued"] > MANIFEST_SECONDS:
        raise ManifestRefused("too_long", "a manifest is in force for 30 days at most")
    if not isinstance(doc["runtimes"], dict) or not isinstance(doc["digests"], dict):
        raise ManifestRefused("malformed", "runtimes and digests are objects")


def _check_keys(keys: Any) -> None:
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise ManifestRefused("malformed", f"a list of {_MOST_KEYS:,} public keys at most")
    try:
        for public in keys:
            VerifyKey(public)
    except ConfigurationError as error:
        raise ManifestRefused("malformed", str(error)) from None


def _manifest(doc: Any) -> ToolManifest:
    if not isinstance(doc, dict):
        raise ManifestRefused("malformed", "the manifest is no object")
    try:
        manifest = ToolManifest.from_dict(doc)
    except AltarError as error:
        raise ManifestRefused("malformed", f"the manifest: {error}") from error
    if canonical_bytes(manifest.to_dict()) != canonical_bytes(doc):
        # what is signed and what is used would differ
        raise ManifestRefused("malformed", "the manifest holds fields that altar does not know")
    seen: dict[tuple[str, int], str] = {}
    for contract in manifest.contracts:
        for tool in contract.function_declarations:
            other = seen.setdefault((tool.name, contract.major), contract.name)
            if other != contract.name:
                # a runtime of one contract would be called for the other's tool
                message = f"{other} and {contract.name} both declare {tool.name} {contract.major}.x"
                raise ManifestRefused("ambiguous_tool", message)
    return manifest


def _signature(text: Any) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, TypeError, ValueError):
        raw = b""
    if len(raw) != 64:
        raise ManifestRefused("malformed", "a signature is 64 bytes in base64")
    return raw
