"""Tenant: what a Host knows of one tenant, and what a session may see of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.adm import ToolContract
from altar.errors import AltarError
from altar_extras.grid.host._askers import Askers
from altar_extras.grid.host._awaited import Awaited
from altar_extras.grid.host._contracts import Contracts, Tool
from altar_extras.grid.host._directory import Runtimes
from altar_extras.grid.host._quarantine import is_quarantined
from altar_extras.grid.security import contract_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from altar_extras.grid.audit import AuditReceiver, Journal, NoJournal
    from altar_extras.grid.host._askers import Asker
    from altar_extras.grid.host._directory import Runtime
    from altar_extras.grid.host._mirror import Mirror
    from altar_extras.grid.host._revoked import Revoked
    from altar_extras.grid.host._settings import HostSettings
    from altar_extras.grid.security import AcceptedManifest, Principal, SigningKey
    from altar_extras.grid.wire import Fault

__all__ = ["DYNAMIC", "OpRefusedError", "Shared", "Tenant"]

DYNAMIC = "session_tools"  # the contract that a session's own tools appear under
_MOST_LISTED = 1000


class OpRefusedError(AltarError):
    """What was asked for is refused with this fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)

    def __reduce__(self) -> tuple[type[OpRefusedError], tuple[Fault]]:
        return type(self), (self.fault,)


class Shared:
    """What all tenants of a Host share."""

    def __init__(
        self,
        *,
        settings: HostSettings,
        key: SigningKey,
        mirror: Mirror,
        revoked: Revoked,
        journal: Callable[[str], Journal | NoJournal],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.key = key
        self.mirror = mirror
        self.revoked = revoked
        self.journal = journal
        self.clock = clock
        self.monotonic = monotonic

    def time_ms(self) -> int:
        """Host time."""
        return int(self.clock() * 1000)

    async def note(self, name: str, *, tenant: str, **fields: str | float) -> None:
        """Write into the tenant's journal; raises AuditError where that cannot be."""
        known = {"tenant": tenant, **fields}
        await self.journal(tenant).note(name, known, at_ms=self.time_ms())


class Tenant:
    """One tenant's contracts, runtimes and askers. ``tell`` sends a word to its runtimes,
    ``sessions`` (of a time) are those that were let in, a row for each principal.
    """

    def __init__(self, name: str, shared: Shared, principals: Mapping[str, Principal]) -> None:
        settings = shared.settings
        self.name = name
        self.shared = shared
        self.askers = Askers(name, principals, shared.revoked.names)
        self.contracts = Contracts(strict=settings.mode == "strict", clock=shared.clock)
        self.runtimes = Runtimes(absent_after=settings.absent_after, most=settings.most_runtimes)
        self.awaited = Awaited(
            self.key("contract", ""), shared.mirror, self.contracts, monotonic=shared.monotonic
        )
        self.receiver: AuditReceiver | None = None
        self.tell: Callable[[str, str, dict[str, Any]], None] = _nobody
        self.sessions: Callable[[float], list[dict[str, Any]]] = _none

    @property
    def is_strict(self) -> bool:
        """Whether a manifest rules."""
        return self.shared.settings.mode == "strict"

    def key(self, kind: str, name: str) -> str:
        """The store's key for a value of this tenant."""
        return f"{kind}.{self.name}.{name}"

    def use(self, manifest: AcceptedManifest) -> list[str]:
        """A manifest was accepted: the runtimes it takes back are forgotten; their ids."""
        self.contracts.use(manifest)
        named = {public for keys in manifest.signed.runtimes.values() for public in keys}
        self.askers.use(manifest, named)
        return self.runtimes.cut(manifest.signed.revoked)

    # --- what an asker may see

    def patterns(self, asker: Asker) -> tuple[str, ...]:
        """The names and patterns of tools that this session was made for."""
        narrowed = self.shared.mirror.get(self.key("session", asker.id))
        if narrowed is not None:
            return tuple(narrowed["tools"])
        return () if asker.principal is None else asker.principal.tools

    def tools(self, asker: Asker) -> tuple[Tool, ...]:
        """The tools an asker may call, those of its session at the end."""
        if asker.kind == "operator":
            return self.contracts.tools
        if asker.principal is None or asker.kind != "session":
            return ()
        found = self.contracts.allowed(asker.principal.tools)
        patterns = self.patterns(asker)
        if patterns != asker.principal.tools:
            narrow = {(one.name, one.major) for one in self.contracts.allowed(patterns)}
            found = tuple(one for one in found if (one.name, one.major) in narrow)
        return (*found, *self.dynamic(asker.id))

    def may_serve(self, asker: Asker, tool: str) -> bool:
        """Whether a runtime may take calls of this tool: by the manifest, or as it has said."""
        manifest = self.contracts.manifest
        if manifest is not None:
            return any(name == tool for name, _ in manifest.tools(asker.key))
        runtime = self.runtimes.get(asker.id)
        return runtime is not None and any(name == tool for name, _ in self._served(runtime))

    def dynamic(self, session: str) -> tuple[Tool, ...]:
        """The session's own tools; those a contract has meanwhile declared are no more."""
        contract = self.dynamic_contract(session)
        if contract is None:
            return ()
        digest = contract_digest(contract)
        taken = {one.name for one in self.contracts.tools}
        return tuple(
            Tool(one.name, contract.major, contract, digest)
            for one in contract.function_declarations
            if one.name not in taken
        )

    def dynamic_contract(self, session: str) -> ToolContract | None:
        """The contract that stands for a session's own tools."""
        doc = self.shared.mirror.get(self.key("dynamic", session))
        if doc is None or self.is_strict:
            return None
        with suppress(AltarError):
            return ToolContract.from_dict(doc["contract"])
        return None

    def rows(self, tools: Iterable[Tool]) -> tuple[dict[str, Any], ...]:
        """As SessionCreated lists them."""
        return tuple(one.row() for one in tools)[:4096]

    def directory(self, asker: Asker) -> list[dict[str, Any]]:
        """The runtimes that serve what an asker may call."""
        allowed = {(one.name, one.major) for one in self.tools(asker)}
        doc = self.shared.mirror.get(self.key("dynamic", asker.id))
        own = {(one.name, one.major) for one in self.dynamic(asker.id)}
        now = self.shared.monotonic()
        out = []
        for runtime, said in self.runtimes.present(now):
            pairs = [pair for pair in self._served(runtime) if pair in allowed]
            if doc is not None and doc["runtime"] == runtime.id:
                pairs += own
            if not pairs or runtime.key in self.shared.revoked.names:
                continue
            out.append(
                {
                    "runtime": runtime.id,
                    "epoch": said.epoch,
                    "tools": [list(pair) for pair in pairs],
                    "slots": said.slots,
                    "inflight": said.inflight,
                    "queued": said.queued,
                    "age_ms": max(0, int((now - runtime.heard) * 1000)),
                    "level": said.level,
                    "features": list(said.features),
                }
            )
            if len(out) == 4096:
                break
        return out

    def quarantined(self, tools: Iterable[Tool] | None = None) -> list[str]:
        """The calls that killed three runtimes: tool, a space, and the arguments' digest."""
        names = None if tools is None else {one.name for one in tools}
        return [
            f"{doc['tool']} {doc['args_digest']}"
            for doc in self.shared.mirror.of_kind("lost", self.name)
            if (names is None or doc["tool"] in names) and is_quarantined(doc, self.heard)
        ][:_MOST_LISTED]

    def served_by(self, runtime: str) -> tuple[str, ...]:
        """The tools for which calls are sent to a runtime."""
        now = self.shared.monotonic()
        there = (one for one, _ in self.runtimes.present(now) if one.id == runtime)
        return tuple(name for one in there for name, _ in self._served(one))

    def heard(self, runtime: str, epoch: str) -> float | None:
        """When a run of a runtime was last heard, in seconds since 1970."""
        at = self.runtimes.heard_at(runtime, epoch)
        return None if at is None else self.shared.clock() - (self.shared.monotonic() - at)

    def _served(self, runtime: Runtime) -> tuple[tuple[str, int], ...]:
        stamp = (self.contracts.version, id(runtime.claims))
        if self.contracts.problem() is not None:
            return ()
        if runtime.pairs_of != stamp:
            found: dict[tuple[str, int], None] = {}
            for claim in runtime.claims:
                contract = self.contracts.serves(runtime.key, claim)
                if contract is not None:
                    for tool in contract.function_declarations:
                        found[tool.name, contract.major] = None
            runtime.pairs, runtime.pairs_of = tuple(found), stamp
        return runtime.pairs


def _none(now: float) -> list[dict[str, Any]]:
    del now
    return []


def _nobody(runtime: str, op: str, notes: dict[str, Any]) -> None:
    del runtime, op, notes
