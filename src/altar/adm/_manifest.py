"""ToolManifest: the contracts a host vouches for, as one file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.adm._canonical import canonical_bytes, digest
from altar.adm._contract import ToolContract
from altar.adm._diff import ManifestDiff, contract_changes
from altar.adm._fields import Fields, check_extensions
from altar.adm._json import dumps, json_problems, loads
from altar.adm._kinds import is_a, kind_of
from altar.adm._problem import Problem
from altar.errors import CanonicalError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MANIFEST_VERSION", "ToolManifest"]

MANIFEST_VERSION = "1.0.0"
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolManifest:
    """The contracts a host trusts, and texts about the manifest itself.

    ``manifest_version`` is the version of this format: 1.x is read, a later
    minor one too (its new fields are ignored), another major one is refused.
    Contract names are unique. Raises InvalidDataError with every problem.
    """

    contracts: tuple[ToolContract, ...]
    manifest_version: str = MANIFEST_VERSION
    global_metadata: dict[str, str] | None = None
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        contracts: Iterable[Any] = self.contracts
        if is_a(contracts, list):
            object.__setattr__(self, "contracts", tuple(contracts))
        problems = _version_problems(self.manifest_version)
        problems += _contract_problems(self.contracts)
        problems += _metadata_problems(self.global_metadata)
        if self.extensions is not None:
            problems += check_extensions(self.extensions)
        if problems:
            raise InvalidDataError("ToolManifest", problems)
        try:
            canonical_bytes(self.extensions or {})
        except CanonicalError as error:
            raise InvalidDataError("ToolManifest", error.problems) from None

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> ToolManifest:
        """Read a manifest; unknown unprefixed fields are ignored."""
        fields = Fields("ToolManifest", doc)
        version = fields.text("manifest_version", required=True)
        if version is not None:
            fields.problems += _version_problems(version)
        listed = fields.items("contracts", required=True)
        contracts = fields.nested("contracts", ToolContract.from_dict, listed)
        metadata = fields.get("global_metadata", "an object", dict)
        extensions = fields.extensions()
        fields.done()
        return cls(
            manifest_version=str(version),
            contracts=tuple(contracts),
            global_metadata=metadata,
            extensions=extensions,
        )

    @classmethod
    def loads(cls, text: str | bytes) -> ToolManifest:
        """Read JSON text; see :func:`altar.adm.loads` for what is refused."""
        return cls.from_dict(loads(text))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ToolManifest:
        """Read a file. Raises OSError when it cannot be opened."""
        return cls.loads(Path(path).read_bytes())

    def dumps(self) -> str:
        """The manifest as indented JSON text that ends in a newline."""
        return dumps(self.to_dict(), indent=2) + "\n"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file: readers see the old text or the new one, never a part."""
        target = Path(path)
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            draft.write_text(self.dumps(), encoding="utf-8", newline="\n")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def __hash__(self) -> int:
        return hash((self.manifest_version, self.contracts))

    @property
    def digest(self) -> str:
        """``sha256:...`` over the canonical bytes of the whole manifest."""
        return digest(self.to_dict())

    def get(self, name: str) -> ToolContract | None:
        """The contract of that name, or None."""
        return next((item for item in self.contracts if item.name == name), None)

    def diff(self, newer: ToolManifest) -> ManifestDiff:
        """What ``newer`` adds, removes and changes, and whether callers of this one break."""
        old = {contract.name: contract for contract in self.contracts}
        new = {contract.name: contract for contract in newer.contracts}
        changes = [
            change
            for name in dict.fromkeys([*old, *new])
            for change in contract_changes(name, old.get(name), new.get(name))
        ]
        broken = dict.fromkeys(change.contract for change in changes if change.breaking)
        return ManifestDiff(
            changes=tuple(changes),
            under_versioned=tuple(
                name
                for name in broken
                if name in old and name in new and new[name].major <= old[name].major
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object; absent optional fields are omitted."""
        out: dict[str, Any] = {
            "manifest_version": self.manifest_version,
            "contracts": [contract.to_dict() for contract in self.contracts],
        }
        if self.global_metadata is not None:
            out["global_metadata"] = dict(self.global_metadata)
        return {**out, **(self.extensions or {})}


def _version_problems(version: object) -> list[Problem]:
    field = "$.manifest_version"
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        expected = 'a version such as "1.0.0"'
        return [Problem(field, expected, kind_of(version), keyword="pattern")]
    if version.partition(".")[0] != MANIFEST_VERSION.partition(".")[0]:
        expected = f"version 1 of the format ({MANIFEST_VERSION})"
        return [Problem(field, expected, version, keyword="const")]
    return []


def _contract_problems(contracts: object) -> list[Problem]:
    if not isinstance(contracts, tuple):
        return [Problem("$.contracts", "an array", kind_of(contracts), keyword="type")]
    if not contracts:
        return [Problem("$.contracts", "at least one contract", "none", keyword="minItems")]
    problems = []
    seen: set[str] = set()
    for at, item in enumerate(contracts):
        path = f"$.contracts[{at}]"
        if not is_a(item, ToolContract):
            problems.append(Problem(path, "a ToolContract", kind_of(item), keyword="type"))
        elif item.name in seen:
            got = f"{item.name!r} again"
            problems.append(Problem(f"{path}.name", "each name once", got, keyword="uniqueItems"))
        else:
            seen.add(item.name)
    return problems


def _metadata_problems(metadata: object) -> list[Problem]:
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [Problem("$.global_metadata", "an object", kind_of(metadata), keyword="type")]
    problems = json_problems(metadata, path=("global_metadata",))
    if problems:
        return problems
    for name, value in metadata.items():
        if not name:
            problems.append(Problem("$.global_metadata", "names that are not empty", "''"))
        if not isinstance(value, str):
            path = f"$.global_metadata.{name}"
            problems.append(Problem(path, "a string", kind_of(value), keyword="type"))
    return problems
