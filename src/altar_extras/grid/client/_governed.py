"""Governed calls: leave to run a tool in this process, and what the Hosts are told of it."""

from __future__ import annotations

import logging
import threading
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import ToolResult, digest
from altar.errors import AltarError, ErrorType
from altar_extras.grid.client._faults import fault_of
from altar_extras.grid.security import GrantUses, LocalGrant, TokenRefused
from altar_extras.grid.transport import GridTransportError
from altar_extras.grid.wire import (
    AuthorizeToolCall,
    AuthorizeToolCallAnswer,
    Fault,
    LogToolResult,
)

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.runtime import CallContext
    from altar_extras.grid.client._client import GridClient
    from altar_extras.grid.client._engine import Engine

__all__ = ["Governor", "Leave", "outcome"]

_log = logging.getLogger("altar.grid")


class Leave(NamedTuple):
    """A use of a grant: for one call of one tool."""

    grant: LocalGrant
    invocation_id: str


class Governor:
    """The grants of one client. A grant is asked for once and used until it ends."""

    def __init__(self, client: GridClient) -> None:
        self._credentials = client.credentials
        self._uses = client.settings.grant_uses
        self._client = client
        self._grants: dict[str, LocalGrant] = {}
        self._used = GrantUses()
        self._lock = threading.Lock()

    def live(self, tool: str) -> Leave | None:
        """Leave by a grant that is here already; None where there is none."""
        now = self._client.host_ms()
        if now is None:
            return None
        with self._lock:
            grant = self._grants.get(tool)
            if grant is not None and self._used.take(grant, now / 1000):
                return Leave(grant, token_hex(16))
        return None

    async def leave(self, engine: Engine, tool: str) -> Leave | Fault:
        """Leave for one call, or why there is none; the Hosts are asked where need be."""
        found = self.live(tool)
        if found is not None:
            return found
        try:
            right = await engine.right(tool)
            if right is None:
                return _denied("no_tool", f"The grid shows this session no tool {tool[:80]!r}.")
            refused = None if engine.pinned is None else engine.pinned.refusal(right)
            if refused is not None:
                return refused
            ask = AuthorizeToolCall(
                id=token_hex(8), tool=tool[:64], digest=right.digest, uses=self._uses
            )
            link = await engine.ready()
            answer = await link.ask("authorize_tool_call", ask)
        except GridTransportError as error:
            return fault_of(error)
        now = engine.clock.now_ms()
        if not isinstance(answer, AuthorizeToolCallAnswer) or now is None:
            return _denied("no_grant", "The Host gave no grant.")
        try:
            grant = LocalGrant.verified(
                answer.grant,
                self._credentials.host_keys,
                now=now / 1000,
                key=self._credentials.key.public,
                digest=right.digest,
            )
        except TokenRefused as error:
            return _denied(error.reason, f"The grant is not believed: {error}")
        if grant.session != link.session or grant.tenant != self._credentials.tenant:
            return _denied("foreign_grant", "The grant is for another session.")
        with self._lock:
            self._grants[tool] = grant
        return self.live(tool) or _denied("no_grant", "The grant has no call left.")

    async def begun(
        self, engine: Engine, leave: Leave, call: FunctionCall, ctx: CallContext
    ) -> Fault | None:
        """Tell that the body is about to run: it runs only when this was heard."""
        try:
            link = await engine.ready()
            await link.ask("log_tool_result", _record(leave, call, ctx, {"phase": "started"}))
        except GridTransportError as error:
            return fault_of(error)
        return None

    async def ended(
        self, engine: Engine, leave: Leave, call: FunctionCall, *, told: dict[str, Any]
    ) -> None:
        """Tell what came of it; the caller has its result whether or not this is heard."""
        ctx = told.pop("ctx")
        for attempt in (1, 2):
            try:
                link = await engine.ready()
                await link.ask("log_tool_result", _record(leave, call, ctx, told))
            except GridTransportError as error:
                if attempt == 2:
                    engine.count("unlogged")
                    _log.error("the Hosts did not hear of %s: %s", leave.invocation_id, error)
            else:
                return


def outcome(result: ToolResult, seconds: float) -> dict[str, Any]:
    """What is told of a result."""
    return {
        "phase": "finished",
        "status": result.status.value,
        "error_type": "" if result.error is None else str(result.error.type)[:128],
        "seconds": seconds,
        "result_digest": "" if result.error is not None else _digest(result.content),
    }


def _record(
    leave: Leave, call: FunctionCall, ctx: CallContext, told: dict[str, Any]
) -> LogToolResult:
    return LogToolResult(
        id=token_hex(8),
        grant_id=leave.grant.id,
        invocation_id=leave.invocation_id,
        correlation_id=ctx.correlation_id[:128],
        tool=call.name[:64],
        args_digest=_digest(call.args),
        **told,
    )


def _digest(value: Any) -> str:
    try:
        return digest(value, big_integers="exact")
    except AltarError:
        return ""


def _denied(reason: str, message: str) -> Fault:
    return Fault(type=ErrorType.PERMISSION_DENIED, reason=reason, message=message)
