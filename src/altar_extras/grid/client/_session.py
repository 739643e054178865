"""What a client knows of its session: what it may call, and when it has to renew. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar_extras.grid.wire import SessionCreated, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SessionState", "ToolRight", "rights_of"]


class ToolRight(NamedTuple):
    """A tool that the session may call."""

    name: str
    major: int
    digest: str
    idempotent: bool


class SessionState:
    """One session: its id, its token, and until when (seconds of this process' clock)."""

    __slots__ = ("ends", "id", "renews", "token", "tools")

    def __init__(self, created: SessionCreated, now: float) -> None:
        # only the distance counts: Host time and ours need not agree
        span = max(0.0, (created.expires_ms - created.time_ms) / 1000)
        self.id = created.session if is_id(created.session) else ""
        self.token = created.token
        self.ends = now + span
        self.renews = now + span * 2 / 3
        self.tools = rights_of(created.tools)

    def __repr__(self) -> str:
        return f"<SessionState {self.id}>"  # never the token


def rights_of(rows: Iterable[Any]) -> dict[str, ToolRight]:
    """The tools of a list of ``{"name", "version", "digest", ...}``; what is none is left out."""
    found: dict[str, ToolRight] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            continue
        digest = row.get("digest")
        right = ToolRight(
            row["name"],
            major_of(row.get("version")),
            digest if isinstance(digest, str) else "",
            row.get("idempotent") is True or row.get("x_idempotent") is True,
        )
        before = found.get(right.name)
        if before is None or before.major < right.major:
            found[right.name] = right
    return found


def major_of(version: Any) -> int:
    """The major number of a version; 0 where there is none."""
    head = str(version).partition(".")[0] if isinstance(version, (str, int)) else ""
    return int(head) if head.isascii() and head.isdigit() and len(head) < 10 else 0
