"""The messages of calls: what a client and a runtime say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from altar_extras.grid.wire._message import (
    Message,
    flag,
    many,
    number,
    raw,
    registered,
    seconds,
    text,
    tree,
    value_of_any_kind,
)

__all__ = [
    "Accepted",
    "Cancel",
    "Credit",
    "Error",
    "Part",
    "Query",
    "QueryAnswer",
    "StreamChunk",
    "ToolCall",
    "ToolResultMessage",
]


@registered
@dataclass(slots=True, kw_only=True)
class ToolCall(Message):
    """A call. ``invocation_id`` stays the same over retries; ``call`` is the ADM FunctionCall.

    ``expires_ms`` is Host time, ``budget_ms`` what was left when it was sent.
    ``credit`` is how many progress chunks the caller takes (0: nobody listens).
    ``digest`` is the contract the caller means. Arguments past 512 KB are left
    out of ``call``: ``size`` and ``sha256`` say what follows as Parts of "args".
    """

    TYPE: ClassVar[str] = "ToolCall"
    invocation_id: str = text(64)
    call: dict[str, Any] = tree()
    correlation_id: str = text(128, "")
    expires_ms: int | None = number(None)
    budget_ms: int | None = number(None)
    attempt: int = number(1, low=1, high=1000)
    credit: int = number(0, high=1024)
    digest: str = text(128, "")
    approved: bool = flag()
    strict: bool = flag()
    max_result_bytes: int | None = number(None)
    traceparent: str = text(128, "")
    tracestate: str = text(512, "")
    baggage: dict[str, Any] | None = tree(None)
    size: int = number(0)
    sha256: str = text(64, "")


@registered
@dataclass(slots=True, kw_only=True)
class Accepted(Message):
    """Who took a call of the queue group: cancel, credit and query go there."""

    TYPE: ClassVar[str] = "Accepted"
    invocation_id: str = text(64)
    runtime: str = text(64)
    epoch: str = text(64, "")


@registered
@dataclass(slots=True, kw_only=True)
class ToolResultMessage(Message):
    """The answer to a call; ``result`` is the ADM ToolResult.

    ``executed`` is "no", "yes" or "unknown". ``chunks`` is how many chunks were
    sent before. ``load`` is {"inflight", "queued", "slots"} of the runtime.
    Content past 512 KB follows as Parts of "result", as ``size`` and ``sha256`` say.
    ``spans`` are what the tool's run traced.
    """

    TYPE: ClassVar[str] = "ToolResult"
    invocation_id: str = text(64)
    result: dict[str, Any] = tree()
    correlation_id: str = text(128, "")
    executed: str = text(8, "")
    seconds: float = seconds(0.0)
    chunks: int = number(0)
    load: dict[str, Any] | None = tree(None)
    runtime: str = text(64, "")
    epoch: str = text(64, "")
    size: int = number(0)
    sha256: str = text(64, "")
    spans: tuple[Any, ...] = many(512)


@registered
@dataclass(slots=True, kw_only=True)
class StreamChunk(Message):
    """One progress chunk; ``seq`` counts from 1 without a gap. It costs one credit."""

    TYPE: ClassVar[str] = "StreamChunk"
    invocation_id: str = text(64)
    seq: int = number()
    chunk: Any = value_of_any_kind()


@registered
@dataclass(slots=True, kw_only=True)
class Part(Message):
    """Bytes of a large payload ("args" or "result"); ``seq`` counts from 1. It costs one credit."""

    TYPE: ClassVar[str] = "Part"
    invocation_id: str = text(64)
    of: str = text(16)
    seq: int = number()
    data: bytes = raw()
    last: bool = flag()


@registered
@dataclass(slots=True, kw_only=True)
class Credit(Message):
    """How many more may be sent: of "chunks", "args" or "result"."""

    TYPE: ClassVar[str] = "Credit"
    invocation_id: str = text(64)
    credit: int = number(high=1024)
    of: str = text(16, "chunks")


@registered
@dataclass(slots=True, kw_only=True)
class Cancel(Message):
    """Stop a call. Its answer says CANCELLED once the body has stopped."""

    TYPE: ClassVar[str] = "Cancel"
    invocation_id: str = text(64)
    reason: str = text(512, "")


@registered
@dataclass(slots=True, kw_only=True)
class Query(Message):
    """What became of a call? One never seen is refused from then on: a retry is safe.

    ``attempt`` is the one that is asked about: later ones may still come to
    this runtime. 0 is every attempt.
    """

    TYPE: ClassVar[str] = "Query"
    invocation_id: str = text(64)
    attempt: int = number(0, high=1000)


@registered
@dataclass(slots=True, kw_only=True)
class QueryAnswer(Message):
    """``state`` is "result" (its ToolResult follows), "running" or "never_seen"."""

    TYPE: ClassVar[str] = "QueryAnswer"
    invocation_id: str = text(64)
    state: str = text(16)
    runtime: str = text(64, "")
    epoch: str = text(64, "")


@registered
@dataclass(slots=True, kw_only=True)
class Error(Message):
    """What was asked for cannot be done; ``error`` is an ADM ErrorObject.

    ``id`` is that of the request, or the invocation id of the call.
    """

    TYPE: ClassVar[str] = "Error"
    id: str = text(128, "")
    error: dict[str, Any] = tree()
    executed: str = text(8, "no")
