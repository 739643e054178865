"""The messages of the control plane: what clients and runtimes say to the Hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from altar_extras.grid.wire._message import (
    LEVEL,
    Message,
    flag,
    many,
    number,
    raws,
    registered,
    seconds,
    text,
    tree,
)

__all__ = [
    "Ack",
    "AnnounceRuntime",
    "AuditAck",
    "AuditBatch",
    "AuthorizeToolCall",
    "AuthorizeToolCallAnswer",
    "CreateSession",
    "DestroySession",
    "Directory",
    "DirectoryAnswer",
    "FulfillTools",
    "FulfillToolsAnswer",
    "Hello",
    "HelloAnswer",
    "ListTools",
    "ListToolsAnswer",
    "LogToolResult",
    "RegisterTools",
    "RegisterToolsAnswer",
    "RenewSession",
    "ReportLost",
    "SessionCreated",
    "op_of",
]


@registered
@dataclass(slots=True, kw_only=True)
class Hello(Message):
    """Who speaks, and what it can do; the answer holds what both can."""

    TYPE: ClassVar[str] = "Hello"
    id: str = text(64)
    role: str = text(16)
    level: int = number(LEVEL, low=1, high=9)
    features: tuple[Any, ...] = many(64)
    software: str = text(128, "")


@registered
@dataclass(slots=True, kw_only=True)
class HelloAnswer(Message):
    """What both sides can; ``time_ms`` is Host time. Safety is not part of it."""

    TYPE: ClassVar[str] = "HelloAnswer"
    id: str = text(64)
    level: int = number(1, low=1, high=9)
    features: tuple[Any, ...] = many(64)
    host: str = text(64, "")
    mode: str = text(16, "")
    time_ms: int = number()
    manifest_sequence: int = number(0)


@registered
@dataclass(slots=True, kw_only=True)
class CreateSession(Message):
    """Open a session for the caller's key; ``ttl`` in seconds, ``tools`` wanted (none: all)."""

    TYPE: ClassVar[str] = "CreateSession"
    id: str = text(64)
    ttl: float = seconds(3600.0)
    tools: tuple[Any, ...] = many(4096)


@registered
@dataclass(slots=True, kw_only=True)
class SessionCreated(Message):
    """A session: its id, its token, and when both end (Host milliseconds).

    ``tools`` lists {"name", "contract", "version", "digest", ...} of what may be called.
    """

    TYPE: ClassVar[str] = "SessionCreated"
    id: str = text(64)
    session: str = text(64)
    token: str = text(8192, shown=False)
    expires_ms: int = number()
    time_ms: int = number()
    tools: tuple[Any, ...] = many()


@registered
@dataclass(slots=True, kw_only=True)
class RenewSession(Message):
    """A new token for the caller's session, in time."""

    TYPE: ClassVar[str] = "RenewSession"
    id: str = text(64)
    ttl: float = seconds(3600.0)


@registered
@dataclass(slots=True, kw_only=True)
class DestroySession(Message):
    """End the caller's session; its connections are cut."""

    TYPE: ClassVar[str] = "DestroySession"
    id: str = text(64)


@registered
@dataclass(slots=True, kw_only=True)
class Ack(Message):
    """Done. ``time_ms`` is Host time; ``notes`` what the asker should know."""

    TYPE: ClassVar[str] = "Ack"
    id: str = text(64)
    time_ms: int = number(0)
    notes: dict[str, Any] | None = tree(None)


@registered
@dataclass(slots=True, kw_only=True)
class Directory(Message):
    """Which runtimes serve what this session may call?"""

    TYPE: ClassVar[str] = "Directory"
    id: str = text(64)


@registered
@dataclass(slots=True, kw_only=True)
class DirectoryAnswer(Message):
    """The runtimes, each {"runtime", "epoch", "tools", "slots", "inflight", "queued", "age_ms"}.

    ``tools`` are pairs [name, major]; ``quarantined`` lists digests of calls that killed runtimes.
    ``sessions``, for operators: {"principal", "sessions", "since_ms", "expires_ms"}.
    """

    TYPE: ClassVar[str] = "DirectoryAnswer"
    id: str = text(64)
    time_ms: int = number()
    runtimes: tuple[Any, ...] = many()
    quarantined: tuple[Any, ...] = many()
    sessions: tuple[Any, ...] = many()


@registered
@dataclass(slots=True, kw_only=True)
class ListTools(Message):
    """The contracts this session may use, from ``cursor`` on."""

    TYPE: ClassVar[str] = "ListTools"
    id: str = text(64)
    cursor: int = number(0)


@registered
@dataclass(slots=True, kw_only=True)
class ListToolsAnswer(Message):
    """ADM contracts; ``next`` is the cursor of what remains, 0 when nothing does."""

    TYPE: ClassVar[str] = "ListToolsAnswer"
    id: str = text(64)
    contracts: tuple[Any, ...] = many(256)
    next: int = number(0)


@registered
@dataclass(slots=True, kw_only=True)
class AnnounceRuntime(Message):
    """A runtime is there; said again every second or two, with its load."""

    TYPE: ClassVar[str] = "AnnounceRuntime"
    id: str = text(64)
    runtime: str = text(64)
    epoch: str = text(64)
    slots: int = number(1)
    inflight: int = number(0)
    queued: int = number(0)
    level: int = number(1, low=1, high=9)
    features: tuple[Any, ...] = many(64)
    draining: bool = flag()
    software: str = text(128, "")
    manifest_sequence: int = number(0)


@registered
@dataclass(slots=True, kw_only=True)
class FulfillTools(Message):
    """The contracts a runtime serves: each {"name", "version", "digest"}, in DEVELOPMENT whole."""

    TYPE: ClassVar[str] = "FulfillTools"
    id: str = text(64)
    runtime: str = text(64)
    contracts: tuple[Any, ...] = many(256)


@registered
@dataclass(slots=True, kw_only=True)
class FulfillToolsAnswer(Message):
    """Which contracts the runtime may serve, and which not: {"name", "reason", "message"}."""

    TYPE: ClassVar[str] = "FulfillToolsAnswer"
    id: str = text(64)
    accepted: tuple[Any, ...] = many(256)
    refused: tuple[Any, ...] = many(256)


@registered
@dataclass(slots=True, kw_only=True)
class RegisterTools(Message):
    """Tools of one session (DEVELOPMENT): ADM declarations, at most 50 for a session."""

    TYPE: ClassVar[str] = "RegisterTools"
    id: str = text(64)
    runtime: str = text(64)
    session: str = text(64)
    tools: tuple[Any, ...] = many(256)


@registered
@dataclass(slots=True, kw_only=True)
class RegisterToolsAnswer(Message):
    """``status`` is SUCCESS, PARTIAL_SUCCESS or FAILURE; ``refused`` says why of each."""

    TYPE: ClassVar[str] = "RegisterToolsAnswer"
    id: str = text(64)
    status: str = text(32)
    registered: tuple[Any, ...] = many(256)
    refused: tuple[Any, ...] = many(256)


@registered
@dataclass(slots=True, kw_only=True)
class AuthorizeToolCall(Message):
    """May this client run the tool in its own process (GOVERNED_LOCAL)?"""

    TYPE: ClassVar[str] = "AuthorizeToolCall"
    id: str = text(64)
    tool: str = text(64)
    digest: str = text(128)
    uses: int = number(1, low=1, high=10_000)


@registered
@dataclass(slots=True, kw_only=True)
class AuthorizeToolCallAnswer(Message):
    """A signed grant."""

    TYPE: ClassVar[str] = "AuthorizeToolCallAnswer"
    id: str = text(64)
    grant: str = text(8192, shown=False)
    expires_ms: int = number()


@registered
@dataclass(slots=True, kw_only=True)
class LogToolResult(Message):
    """What came of a call that ran under a grant; only digests of what it said."""

    TYPE: ClassVar[str] = "LogToolResult"
    id: str = text(64)
    grant_id: str = text(64)
    invocation_id: str = text(64)
    correlation_id: str = text(128, "")
    tool: str = text(64)
    phase: str = text(16)
    status: str = text(16, "")
    error_type: str = text(128, "")
    seconds: float = seconds(0.0)
    args_digest: str = text(128, "")
    result_digest: str = text(128, "")


@registered
@dataclass(slots=True, kw_only=True)
class ReportLost(Message):
    """A call whose runtime died with it; three such, and the call is quarantined."""

    TYPE: ClassVar[str] = "ReportLost"
    id: str = text(64)
    invocation_id: str = text(64)
    tool: str = text(64)
    args_digest: str = text(128)
    runtime: str = text(64)
    epoch: str = text(64, "")


@registered
@dataclass(slots=True, kw_only=True)
class AuditBatch(Message):
    """Records of a writer's spool, in order; without records: what do you have of this epoch?"""

    TYPE: ClassVar[str] = "AuditBatch"
    id: str = text(64)
    writer: str = text(64)
    epoch: str = text(64)
    first: int = number(0)
    records: tuple[bytes, ...] = raws(1024)  # ShipSettings.most goes as far


@registered
@dataclass(slots=True, kw_only=True)
class AuditAck(Message):
    """The number of the last record that is kept for good; 0 for none."""

    TYPE: ClassVar[str] = "AuditAck"
    id: str = text(64)
    last: int = number(0)


_OPS: dict[type[Message], str] = {
    cls: "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.TYPE).lstrip("_")
    for cls in (
        AnnounceRuntime,
        AuditBatch,
        AuthorizeToolCall,
        CreateSession,
        DestroySession,
        Directory,
        FulfillTools,
        Hello,
        ListTools,
        LogToolResult,
        RegisterTools,
        RenewSession,
        ReportLost,
    )
}


def op_of(request: type[Message]) -> str:
    """The operation that a request to the Hosts is: its type in snake case ("create_session").

    Raises KeyError for a message that is no request to the Hosts.
    """
    return _OPS[request]
