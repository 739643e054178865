"""Contracts: which contracts of a tenant count, by a signed manifest or by what runtimes offer."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import ToolContract
from altar.errors import AltarError
from altar_extras.grid.host._askers import denied
from altar_extras.grid.security import contract_digest, matching_tools
from altar_extras.grid.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from altar_extras.grid.security import AcceptedManifest

__all__ = ["Claim", "Contracts", "Offer", "Tool", "contract_key", "read_offers"]

_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]{1,64})?", re.ASCII)
_MOST_CONTRACTS = 2000  # of one tenant in DEVELOPMENT


class Claim(NamedTuple):
    """What a runtime says it serves."""

    name: str
    version: str
    digest: str


class Offer(NamedTuple):
    """A claim, with the whole contract where it came whole."""

    claim: Claim
    contract: ToolContract | None


class Tool(NamedTuple):
    """One tool and the contract that promises it."""

    name: str
    major: int
    contract: ToolContract
    digest: str

    def row(self) -> dict[str, Any]:
        """As SessionCreated lists it."""
        return {
            "name": self.name,
            "contract": self.contract.name,
            "version": self.contract.version,
            "major": self.major,
            "digest": self.digest,
        }


class _Known(NamedTuple):
    contract: ToolContract
    digest: str


class Contracts:
    """The contracts of one tenant. STRICT: those of ``manifest``; DEVELOPMENT: those put in."""

    def __init__(self, *, strict: bool, clock: Callable[[], float]) -> None:
        self._strict = strict
        self._clock = clock
        self.manifest: AcceptedManifest | None = None
        self._known: dict[str, _Known] = {}  # by name and version
        self._digests: dict[str, ToolContract] = {}
        self._tools: tuple[Tool, ...] = ()
        self.version = 0  # grows with every change

    def use(self, manifest: AcceptedManifest) -> None:
        """STRICT: from now on those of this manifest."""
        self.manifest = manifest
        self._known = {
            _key(one.name, one.version): _Known(one, manifest.signed.digests[one.name])
            for one in manifest.contracts
        }
        self._index()

    def put(self, key: str, contract: ToolContract | None) -> None:
        """DEVELOPMENT: what the store says under :func:`contract_key`; None: no more."""
        if contract is None:
            self._known.pop(key, None)
        else:
            self._known[key] = _Known(contract, contract_digest(contract))
        self._index()

    def problem(self) -> Fault | None:
        """Why nothing is served now, if so."""
        if not self._strict:
            return None
        if self.manifest is None:
            return Fault(
                type="SERVICE_UNAVAILABLE", reason="no_manifest", message="there is no manifest"
            )
        if self.manifest.is_expired(self._clock()):
            return Fault(
                type="SERVICE_UNAVAILABLE",
                reason="manifest_expired",
                message=f"manifest {self.manifest.sequence} has expired; a new one must be signed",
            )
        return None

    @property
    def sequence(self) -> int:
        """The manifest's number; 0 in DEVELOPMENT."""
        return 0 if self.manifest is None else self.manifest.sequence

    @property
    def contracts(self) -> tuple[ToolContract, ...]:
        """All that count now."""
        if self.problem() is not None:
            return ()
        return tuple(self._digests.values())

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Every tool; of several minor versions the newest."""
        return () if self.problem() is not None else self._tools

    def allowed(self, patterns: Iterable[str]) -> tuple[Tool, ...]:
        """The tools that these names and patterns stand for."""
        tools = self.tools
        pairs = {*matching_tools(tuple(patterns), [(one.name, one.major) for one in tools])}
        return tuple(one for one in tools if (one.name, one.major) in pairs)

    def by_digest(self, digest: str) -> ToolContract | None:
        """The contract of that digest."""
        return None if self.problem() is not None else self._digests.get(digest)

    def serves(self, public: str, claim: Claim) -> ToolContract | None:
        """The contract that a runtime with this key serves by its claim; None for none."""
        contract = self.by_digest(claim.digest)
        if contract is None or contract.name != claim.name:
            return None
        manifest = self.manifest
        if manifest is not None and not manifest.may_fulfil(public, claim.name, claim.digest):
            return None
        return contract

    def judge(self, public: str, offer: Offer, *, served: Callable[[str], bool]) -> Fault | None:
        """Why a runtime may not serve this, if so; ``served`` says whether a digest is served now.

        What passes in DEVELOPMENT and is not known yet is to be put in.
        """
        stopped = self.problem()
        if stopped is not None:
            return stopped
        claim = offer.claim
        if self._strict:
            return self._judge_by_manifest(public, claim)
        known = self._known.get(_key(claim.name, claim.version))
        if known is not None and known.digest == claim.digest:
            return None
        if offer.contract is None:
            return denied("unknown_contract", "this contract is not known: send it whole")
        if known is not None and served(known.digest):
            return _differs(claim, known.digest, "raise its version")
        return self._clash(offer.contract, served)

    def _judge_by_manifest(self, public: str, claim: Claim) -> Fault | None:
        manifest = self.manifest
        assert manifest is not None
        if manifest.is_revoked(public):
            return denied("revoked", "the manifest revoked this runtime's key")
        digest = manifest.digest_of(claim.name)
        if digest is None:
            return denied("not_in_manifest", "the manifest has no such contract")
        if digest != claim.digest:
            return _differs(claim, digest, "serve what was signed, or sign a new manifest")
        if not manifest.may_fulfil(public, claim.name, claim.digest):
            return denied("not_in_manifest", "the manifest names other runtimes for this contract")
        return None

    def stale(self, contract: ToolContract) -> list[str]:
        """Where the contracts are that declare a tool of this one, under other names."""
        return [
            key
            for key, known in self._known.items()
            if known.contract.name != contract.name
            and known.contract.major == contract.major
            and _shared(known.contract, contract)
        ]

    def _clash(self, contract: ToolContract, served: Callable[[str], bool]) -> Fault | None:
        if len(self._known) >= _MOST_CONTRACTS:
            return Fault(
                type="RESOURCE_EXHAUSTED",
                reason="too_many",
                message=f"{_MOST_CONTRACTS} contracts at most",
            )
        for key in self.stale(contract):
            other = self._known[key]
            if served(other.digest):  # by two contracts a call could reach the wrong runtime
                names = ", ".join(_shared(other.contract, contract))
                message = f"the contract {other.contract.name} declares {names} already"
                return denied("ambiguous_tool", message)
        return None

    def _index(self) -> None:
        self.version += 1
        self._digests = {one.digest: one.contract for one in self._known.values()}
        newest: dict[tuple[str, int], Tool] = {}
        for contract, digest in sorted(self._known.values(), key=lambda one: _order(one.contract)):
            for tool in contract.function_declarations:
                made = Tool(tool.name, contract.major, contract, digest)
                newest[tool.name, contract.major] = made
        self._tools = tuple(newest[pair] for pair in sorted(newest))


def contract_key(claim: Claim) -> str:
    """The last word of the store's key for a contract's name and version."""
    return _key(claim.name, claim.version)


def read_offers(entries: Sequence[Any]) -> list[Offer | tuple[str, Fault]]:
    """What FulfillTools lists, each an offer or (name, why it is none)."""
    return [_offer(entry) for entry in entries]


def _offer(entry: Any) -> Offer | tuple[str, Fault]:
    if not isinstance(entry, dict):
        return "", _malformed("a contract is an object")
    inner = entry.get("contract")
    whole: dict[str, Any] = inner if isinstance(inner, dict) else entry
    shown = whole.get("name")
    name = shown[:128] if isinstance(shown, str) else ""
    if "function_declarations" in whole:
        try:
            contract = ToolContract.from_dict(
                {key: value for key, value in whole.items() if key != "digest"}
            )
            digest = contract_digest(contract)
        except AltarError as error:
            return name, _malformed(f"{error}"[:1000])
        said = entry.get("digest", digest)
        if said != digest:
            return name, _misdigested(contract, str(said), digest)
        return Offer(Claim(contract.name, contract.version, digest), contract)
    version, said = whole.get("version"), whole.get("digest")
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
        return name, _malformed("version is no version such as 1.0.0")
    if not name or not isinstance(said, str) or len(said) > 128:
        return name, _malformed("name and digest are missing")
    return Offer(Claim(name, version, said), None)


def _shared(one: ToolContract, other: ToolContract) -> list[str]:
    """The names of the tools that both declare."""
    names = {tool.name for tool in one.function_declarations}
    return sorted(names & {tool.name for tool in other.function_declarations})


def _malformed(message: str) -> Fault:
    return Fault(type="PARAMETER_VALIDATION_FAILED", reason="malformed", message=message)


def _differs(claim: Claim, other: str, what: str) -> Fault:
    return Fault(
        type="INVALID_STATE",
        reason="digest_differs",
        message=f"{claim.name} {claim.version} has the digest {claim.digest[:24]}..., and "
        f"{other[:24]}... is the one known here; {what}",
    )


def _misdigested(contract: ToolContract, said: str, digest: str) -> Fault:
    return Fault(
        type="INVALID_STATE",
        reason="digest_differs",
        message=f"{contract.name} {contract.version} came with the digest {said[:24]}..., and its "
        f"own is {digest}: that is over the canonical JSON of its ADM form",
    )


def _key(name: str, version: str) -> str:
    return sha256(f"{name}\0{version}".encode()).hexdigest()[:32]


def _order(contract: ToolContract) -> tuple[Any, ...]:
    numbers = re.split(r"[-+]", contract.version, maxsplit=1)
    parts = [int(part) if part.isdigit() else 0 for part in numbers[0].split(".")]
    return contract.name, parts, len(numbers) == 1, contract.version
