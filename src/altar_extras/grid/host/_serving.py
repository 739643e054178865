"""What runtimes ask of a Host: to be known, to serve contracts, to have their records kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import FunctionDeclaration, ToolContract
from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.audit import Batch, SinkRefused, SinkUnavailable
from altar_extras.grid.host._askers import denied, session_or_key_id
from altar_extras.grid.host._contracts import Offer, contract_key, read_offers
from altar_extras.grid.host._tenant import DYNAMIC, OpRefusedError
from altar_extras.grid.security import contract_digest
from altar_extras.grid.wire import (
    Ack,
    AuditAck,
    Fault,
    FulfillToolsAnswer,
    RegisterToolsAnswer,
)

if TYPE_CHECKING:
    from altar_extras.grid.host._askers import Asker
    from altar_extras.grid.host._mirror import Doc
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.wire import AnnounceRuntime, AuditBatch, FulfillTools, RegisterTools

__all__ = ["announced", "audit", "fulfill", "hear", "hear_claims", "register"]

MOST_DYNAMIC = 50  # tools of one session
_MOST_REVOKED_TOLD = 1000
_KEPT = 24 * 3600  # seconds that DEVELOPMENT knows a contract after it was last offered


def hear(tenant: Tenant, asker: Asker, said: AnnounceRuntime) -> None:
    """A heartbeat, which every Host hears; one that missed what the runtime serves asks again,
    and so does one in DEVELOPMENT every few hours, before the contracts end.
    """
    now = tenant.shared.monotonic()
    runtime = tenant.runtimes.announce(asker.id, asker.key, said, now)
    if runtime is None or said.draining:
        return
    tenant.awaited.begin()
    is_old = not tenant.is_strict and now - runtime.asked > _KEPT / 4
    waited = runtime.beats == 2 or now - runtime.asked >= tenant.shared.settings.heartbeat
    if is_old or (not runtime.has_claimed and runtime.beats >= 2 and waited):
        runtime.asked = now
        tenant.tell(asker.id, "refresh", {})


def announced(tenant: Tenant, asker: Asker, said: AnnounceRuntime) -> Ack:
    """The answer to a heartbeat, which one Host gives."""
    settings = tenant.shared.settings
    runtime = tenant.runtimes.get(asker.id)
    if runtime is None and len(tenant.runtimes) >= settings.most_runtimes:
        raise OpRefusedError(
            Fault(type="RESOURCE_EXHAUSTED", reason="too_many", message="too many runtimes")
        )
    notes: dict[str, Any] = {"heartbeat": settings.heartbeat}
    sequence = tenant.contracts.sequence
    if sequence:
        notes["manifest_sequence"] = sequence
    stopped = tenant.contracts.problem()
    if stopped is not None:
        notes["stopped"] = stopped.reason
    notes["quarantined"] = tenant.quarantined()
    if runtime is None or runtime.beats <= 1:  # it is new, and knows none of them
        names = list(tenant.shared.revoked.names)
        keys = [name for name in names if name[:1] == "U"]  # first: many sessions stand for less
        sessions = [name for name in names if name[:1] != "U"]
        for name in (*keys, *sessions[:_MOST_REVOKED_TOLD]):
            tenant.tell(asker.id, "revoke", {"session": session_or_key_id(name)})
    return Ack(id=said.id, time_ms=tenant.shared.time_ms(), notes=notes)


def hear_claims(tenant: Tenant, asker: Asker, said: FulfillTools) -> None:
    """What a runtime says it serves, which every Host hears."""
    claims = tuple(found.claim for found in read_offers(said.contracts) if isinstance(found, Offer))
    tenant.runtimes.claim(asker.id, asker.key, claims, tenant.shared.monotonic())
    if not tenant.is_strict:
        tenant.awaited.add(claims)


async def fulfill(tenant: Tenant, asker: Asker, said: FulfillTools) -> FulfillToolsAnswer:
    """Which of the contracts the runtime may serve, and why not the others."""
    accepted: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for found in read_offers(said.contracts):
        name, fault = found.claim.name if isinstance(found, Offer) else found[0], None
        if isinstance(found, Offer):
            fault = await _offer(tenant, asker, found)
        else:
            fault = found[1]
        if fault is None and isinstance(found, Offer):
            accepted.append(found.claim._asdict())
        elif fault is not None:
            refused.append({"name": name, "reason": fault.reason, "message": fault.message})
    for what, rows in (("accepted", accepted), ("refused", refused)):
        if rows:
            listed = ", ".join(sorted({str(row["name"]) for row in rows}))[:500]
            await tenant.shared.note(
                f"contracts_{what}", tenant=tenant.name, runtime=asker.id, contracts=listed
            )
    return FulfillToolsAnswer(id=said.id, accepted=tuple(accepted), refused=tuple(refused))


async def _offer(tenant: Tenant, asker: Asker, offer: Offer) -> Fault | None:
    """Judge one offer, and in DEVELOPMENT put what is new into the store."""

    def served(digest: str) -> bool:
        return tenant.runtimes.claims(digest, tenant.shared.monotonic(), but=asker.id)

    fault = tenant.contracts.judge(asker.key, offer, served=served)
    if fault is not None or tenant.is_strict or offer.contract is None:
        return fault
    now = tenant.shared.clock()
    doc = {
        "contract": offer.contract.to_dict(),
        "digest": offer.claim.digest,
        "expires": int(now + _KEPT),
    }

    def put(current: Doc | None) -> Doc | None:
        if current is not None and current.get("digest") == offer.claim.digest:
            return None if current.get("expires", 0) > now + _KEPT / 2 else doc
        if current is not None and served(str(current.get("digest"))):
            # another Host has let another definition in since it was judged here
            raise OpRefusedError(_differs(offer))
        return doc

    mirror = tenant.shared.mirror
    try:
        for stale in tenant.contracts.stale(offer.contract):  # nobody serves these any more
            await mirror.remove(tenant.key("contract", stale))
        await mirror.change(tenant.key("contract", contract_key(offer.claim)), put)
    except OpRefusedError as refused:
        return refused.fault
    return None


async def register(tenant: Tenant, asker: Asker, said: RegisterTools) -> RegisterToolsAnswer:
    """Tools of one session, in DEVELOPMENT."""
    if tenant.is_strict:
        message = "tools come from the manifest alone (mode strict)"
        raise OpRefusedError(denied("not_in_development", message))
    session = asker.id if asker.kind == "session" else said.session
    runtime = said.runtime if asker.kind == "session" else asker.id
    owner = tenant.askers.find(session)
    if isinstance(owner, Fault) or owner.kind != "session":
        raise OpRefusedError(denied("unknown_session", "these tools are for no session"))
    if asker.kind == "session" and tenant.runtimes.get(runtime) is None:
        raise OpRefusedError(denied("unknown_runtime", "no such runtime is there"))
    outcome: tuple[list[str], list[dict[str, Any]]] = ([], [])

    def put(current: Doc | None) -> Doc | None:
        nonlocal outcome
        if current is not None and current["runtime"] != runtime:
            raise OpRefusedError(
                denied("foreign_session", "another runtime serves the tools of this session")
            )
        kept = list(current["contract"]["function_declarations"]) if current is not None else []
        outcome = _registered(tenant, kept, said.tools)
        if not outcome[0]:
            return None
        settings = tenant.shared.settings
        contract = {
            "name": DYNAMIC,
            "version": "0.0.0",
            "description": "The tools of one session.",
            "function_declarations": kept,
        }
        expires = int(tenant.shared.clock() + settings.session_seconds)
        return {"runtime": runtime, "contract": contract, "expires": expires}

    await tenant.shared.mirror.change(tenant.key("dynamic", session), put)
    done, refused = outcome
    status = "FAILURE" if not done else "PARTIAL_SUCCESS" if refused else "SUCCESS"
    return RegisterToolsAnswer(
        id=said.id, status=status, registered=tuple(done), refused=tuple(refused)
    )


def _registered(
    tenant: Tenant, kept: list[dict[str, Any]], offered: tuple[Any, ...]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Add what may be added to ``kept``; the names, and what was refused why."""
    taken = {tool.name for tool in tenant.contracts.tools}
    done: list[str] = []
    refused: list[dict[str, Any]] = []
    for entry in offered:
        shown = entry.get("name") if isinstance(entry, dict) else None
        name = shown[:128] if isinstance(shown, str) else ""
        try:
            tool = FunctionDeclaration.from_dict(entry)
            contract_digest(
                ToolContract(name=DYNAMIC, description="One.", function_declarations=(tool,))
            )
        except (AltarError, TypeError, AttributeError) as error:
            message = f"{error}"[:500] if isinstance(error, AltarError) else "it is no object"
            refused.append({"name": name, "reason": "malformed", "message": message})
            continue
        same = [at for at, one in enumerate(kept) if one["name"] == tool.name]
        if tool.name in taken:
            reason, message = "shadows_contract", "a contract declares a tool of this name"
        elif same and kept[same[0]] != tool.to_dict():
            reason, message = "duplicate_differs", "this session has another tool of this name"
        elif not same and len(kept) >= MOST_DYNAMIC:
            reason, message = "too_many", f"a session has {MOST_DYNAMIC} tools of its own at most"
        else:
            if not same:
                kept.append(tool.to_dict())
            done.append(tool.name)
            continue
        refused.append({"name": tool.name, "reason": reason, "message": message})
    return done, refused


async def audit(tenant: Tenant, asker: Asker, said: AuditBatch) -> AuditAck:
    """Keep a runtime's records; what is acknowledged is kept for good."""
    if tenant.receiver is None:
        raise OpRefusedError(_no_audit("these Hosts keep no audit"))
    try:
        last = await tenant.receiver.take(Batch.from_message(said), runtime=asker.id)
    except SinkRefused as error:
        raise OpRefusedError(
            Fault(type="INVALID_STATE", reason="audit_refused", message=f"{error}"[:500])
        ) from None
    except SinkUnavailable:
        raise OpRefusedError(_no_audit("the audit's store does not answer now")) from None
    except (ConfigurationError, ValueError) as error:
        raise OpRefusedError(
            Fault(type="PARAMETER_VALIDATION_FAILED", reason="malformed", message=f"{error}"[:500])
        ) from None
    return AuditAck(id=said.id, last=last)


def _no_audit(message: str) -> Fault:
    return Fault(
        type="SERVICE_UNAVAILABLE",
        reason="audit_unavailable",
        message=message,
        retry_after_ms=1000,
    )


def _differs(offer: Offer) -> Fault:
    return Fault(
        type="INVALID_STATE",
        reason="digest_differs",
        message=f"another runtime defined {offer.claim.name} {offer.claim.version} otherwise; "
        "raise its version",
    )
