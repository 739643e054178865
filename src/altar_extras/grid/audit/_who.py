"""Who a session was of: what Hosts noted when they made it, for the calls that name the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from altar_extras.grid.audit._frames import frame_at
from altar_extras.grid.audit._records import NOTE
from altar_extras.grid.security import key_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["Who", "principals"]

_MADE = "session_created"


class Who(NamedTuple):
    """The principal of a session, and the writer of the note that says so."""

    principal: str
    noted_by: str


def principals(
    groups: Mapping[str, Sequence[bytes]], hosts: Collection[str] = ()
) -> dict[str, Who]:
    """Each session of which a Host has noted whose it is.

    With ``hosts``, public keys, only what writers with one of those keys have noted counts. Of a
    session about which writers differ nothing is said: any writer can write such a note.
    """
    trusted = tuple(f"{key_id(key)}-" for key in hosts)
    found: dict[str, Who] = {}
    disputed: set[str] = set()
    for writer, records in groups.items():
        if trusted and not writer.startswith(trusted):
            continue
        for raw in records:
            said = _said(raw)
            if said is not None:
                session, principal = said
                if found.setdefault(session, Who(principal, writer)).principal != principal:
                    disputed.add(session)
    return {session: who for session, who in found.items() if session not in disputed}


def _said(raw: bytes) -> tuple[str, str] | None:
    frame = frame_at(raw)
    record = None if frame is None else frame.record()
    if record is None or record.kind != NOTE or record.field("name") != _MADE:
        return None
    fields = record.field("fields")
    if not isinstance(fields, dict):
        return None
    session, principal = fields.get("session"), fields.get("principal")
    return (session, principal) if isinstance(session, str) and isinstance(principal, str) else None
