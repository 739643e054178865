"""What sessions ask of a Host: tools, runtimes, grants; and what they have to report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import dumps
from altar_extras.grid.host._askers import denied
from altar_extras.grid.host._quarantine import lost_key, with_loss
from altar_extras.grid.host._tenant import OpRefusedError
from altar_extras.grid.security import LocalGrant, SessionToken, TokenRefused, contract_digest
from altar_extras.grid.wire import (
    Ack,
    AuthorizeToolCallAnswer,
    DirectoryAnswer,
    Fault,
    ListToolsAnswer,
)

if TYPE_CHECKING:
    from altar.adm import ToolContract
    from altar_extras.grid.host._askers import Asker
    from altar_extras.grid.host._mirror import Doc
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.wire import (
        AuthorizeToolCall,
        Directory,
        ListTools,
        LogToolResult,
        ReportLost,
    )

__all__ = ["authorize", "directory", "list_tools", "log_result", "report_lost"]

_PAGE_BYTES = 384 * 1024
_PAGE = 256
_LATE = 600  # seconds after its end in which a grant's results may still be told
_MOST_GRANTS = 50_000
_MOST_LOST = 10_000


def directory(tenant: Tenant, asker: Asker, asked: Directory) -> DirectoryAnswer:
    """The runtimes for what the asker may call, and the calls nobody shall run; an operator hears
    of sessions too.
    """
    sessions = tenant.sessions(tenant.shared.clock()) if asker.kind == "operator" else []
    return DirectoryAnswer(
        id=asked.id,
        time_ms=tenant.shared.time_ms(),
        runtimes=tuple(tenant.directory(asker)),
        quarantined=tuple(tenant.quarantined(tenant.tools(asker))),
        sessions=tuple(sessions),
    )


def list_tools(tenant: Tenant, asker: Asker, asked: ListTools) -> ListToolsAnswer:
    """The contracts the asker may use (a runtime: may serve), a page of them."""
    stopped = tenant.contracts.problem()
    if stopped is not None:
        raise OpRefusedError(stopped)
    found = _contracts_for(tenant, asker)
    page: list[dict[str, Any]] = []
    size = 0
    at = asked.cursor
    while at < len(found) and len(page) < _PAGE:
        doc = found[at].to_dict()
        size += len(dumps(doc))
        if page and size > _PAGE_BYTES:
            break
        page.append(doc)
        at += 1
    return ListToolsAnswer(id=asked.id, contracts=tuple(page), next=at if at < len(found) else 0)


async def authorize(
    tenant: Tenant, asker: Asker, asked: AuthorizeToolCall
) -> AuthorizeToolCallAnswer:
    """A grant to run a tool in the client's own process, for seconds."""
    stopped = tenant.contracts.problem()
    if stopped is not None:
        raise OpRefusedError(stopped)
    contract = _granted_contract(tenant, asker, asked)
    shared = tenant.shared
    now = shared.clock()
    if shared.mirror.count("grant", tenant.name) >= _MOST_GRANTS:
        raise OpRefusedError(
            Fault(type="RESOURCE_EXHAUSTED", reason="too_many", message="too many grants")
        )
    grant = _grant(tenant, asker, contract, asked.uses, now)
    doc = {
        "session": asker.id,
        "tool": asked.tool,
        "uses": asked.uses,
        "used": 0,
        "ends": grant.expires,
        "expires": grant.expires + _LATE,
    }
    await shared.mirror.change(tenant.key("grant", grant.id), lambda _: doc)
    await shared.note(
        "grant_given",
        grant=grant.id,
        session=asker.id,
        tenant=tenant.name,
        key=asker.key_id,
        tool=asked.tool,
        digest=grant.digest,
        uses=asked.uses,
        expires=grant.expires,
    )
    return AuthorizeToolCallAnswer(
        id=asked.id, grant=grant.signed(shared.key), expires_ms=grant.expires * 1000
    )


async def log_result(tenant: Tenant, asker: Asker, said: LogToolResult) -> Ack:
    """A phase ("started", "finished") of a call under a grant: evidence first, then the count."""
    shared = tenant.shared
    if said.phase not in {"started", "finished"}:
        raise OpRefusedError(
            Fault(
                type="PARAMETER_VALIDATION_FAILED",
                reason="malformed",
                message="phase is started or finished",
            )
        )
    key = tenant.key("grant", said.grant_id)
    grant = shared.mirror.get(key) if _is_word(said.grant_id) else None
    problem = _wrong_grant(grant, asker, said)
    await shared.note(
        f"local_{said.phase}",
        grant=said.grant_id,
        session=asker.id,
        tenant=tenant.name,
        invocation_id=said.invocation_id,
        correlation_id=said.correlation_id,
        tool=said.tool,
        status=said.status,
        error_type=said.error_type,
        seconds=said.seconds,
        args_digest=said.args_digest,
        result_digest=said.result_digest,
        grant_problem=problem.reason if problem is not None else "",
    )
    if problem is not None:
        raise OpRefusedError(problem)
    if said.phase == "started":
        await shared.mirror.change(key, _use)
    return Ack(id=said.id, time_ms=shared.time_ms())


async def report_lost(tenant: Tenant, asker: Asker, said: ReportLost) -> Ack:
    """A call whose runtime died. A client is believed where the Host knew that runtime's run,
    a runtime about the runs of its own key and the tools it serves.
    """
    shared = tenant.shared
    if asker.kind == "runtime":
        if not tenant.may_serve(asker, said.tool):
            raise OpRefusedError(denied("not_allowed", "this runtime does not serve that tool"))
        believed = said.runtime[:16] == asker.key_id and said.runtime[16:17] in {"-", ""}
        believed = believed and bool(said.epoch)
    else:
        may = any(tool.name == said.tool for tool in tenant.tools(asker))
        if not may:
            raise OpRefusedError(denied("not_allowed", "this session has no right to that tool"))
        believed = tenant.heard(said.runtime, said.epoch) is not None
    key = tenant.key("lost", lost_key(said.tool, said.args_digest))
    full = shared.mirror.count("lost", tenant.name) >= _MOST_LOST
    believed = believed and not (full and shared.mirror.get(key) is None)
    if believed:
        facts = {
            "tool": said.tool,
            "args_digest": said.args_digest,
            "runtime": said.runtime,
            "epoch": said.epoch,
        }
        keep = shared.settings.quarantine_seconds
        doc = await shared.mirror.change(
            key, lambda held: with_loss(held, facts, now=shared.clock(), keep=keep)
        )
        if doc is not None and len(doc["runs"]) >= 3:
            await shared.note(
                "quarantined", tenant=tenant.name, tool=said.tool, args_digest=said.args_digest
            )
    return Ack(id=said.id, time_ms=shared.time_ms(), notes={"counted": believed})


def _grant(
    tenant: Tenant, asker: Asker, contract: ToolContract, uses: int, now: float
) -> LocalGrant:
    assert asker.principal is not None
    session = SessionToken(
        session=asker.id,
        tenant=tenant.name,
        principal=asker.principal.name,
        key=asker.key,
        tools=asker.principal.tools,
        issued=int(now),
        expires=_end(tenant, now),
    )
    seconds = tenant.shared.settings.grant_seconds
    try:
        return LocalGrant.of(contract, session, calls=uses, now=now, seconds=seconds)
    except TokenRefused as refused:
        raise OpRefusedError(denied(refused.reason, refused.message)) from None


def _contracts_for(tenant: Tenant, asker: Asker) -> list[ToolContract]:
    contracts = tenant.contracts
    if asker.kind == "runtime":
        manifest = contracts.manifest
        return list(contracts.contracts if manifest is None else manifest.contracts_of(asker.key))
    found = {tool.digest: tool.contract for tool in tenant.tools(asker)}
    return sorted(found.values(), key=lambda one: (one.name, one.version))


def _granted_contract(tenant: Tenant, asker: Asker, asked: AuthorizeToolCall) -> ToolContract:
    tools = tenant.tools(asker)
    own = {one.digest for one in tenant.dynamic(asker.id)}
    named = [one for one in tools if one.name == asked.tool and one.digest not in own]
    if not named:
        raise OpRefusedError(denied("not_allowed", "this session has no right to that tool"))
    contract = next((one.contract for one in named if one.digest == asked.digest), None)
    if contract is None:
        raise OpRefusedError(
            Fault(
                type="INVALID_STATE",
                reason="digest_differs",
                message="the contract here is another; list the tools again",
            )
        )
    allowed = {one.name for one in tools if one.digest == contract_digest(contract)}
    if not {one.name for one in contract.function_declarations} <= allowed:
        # a grant covers the whole contract, and must not reach beyond the rights
        message = "the contract has tools that this session has no right to"
        raise OpRefusedError(denied("grant_wider", message))
    return contract


def _end(tenant: Tenant, now: float) -> int:
    end = int(now) + 3600
    manifest = tenant.contracts.manifest
    return end if manifest is None else min(end, manifest.expires)


def _wrong_grant(grant: Doc | None, asker: Asker, said: LogToolResult) -> Fault | None:
    if grant is None:
        return denied("unknown_grant", "no such grant is known here")
    if grant["session"] != asker.id:
        return denied("foreign_grant", "this grant is another session's")
    if said.phase == "started" and grant["used"] >= grant["uses"]:
        return _used_up(grant)
    return None


def _use(doc: Doc | None) -> Doc | None:
    if doc is None:
        return None
    if doc["used"] >= doc["uses"]:  # other calls were started meanwhile
        raise OpRefusedError(_used_up(doc))
    return {**doc, "used": doc["used"] + 1}


def _used_up(grant: Doc) -> Fault:
    return denied("grant_used_up", f"this grant was for {grant['uses']} calls")


def _is_word(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()
