"""What a runtime needs of an audit journal: that a call is on disk before and after it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from altar_extras.grid.audit import Entry, Outcome

__all__ = ["RuntimeJournal", "lost_calls"]


class RuntimeJournal(Protocol):
    """A :class:`altar_extras.grid.audit.Journal`, or whatever keeps the same promise.

    Whoever opened it closes it, once the runtime was drained or closed.
    """

    async def started(self, entry: Entry) -> None:
        """Return when the call is on disk; what it raises refuses the call, and nothing runs."""
        ...

    async def finished(self, outcome: Outcome) -> None:
        """Return when the call's end is on disk; the reply leaves after that."""
        ...


def lost_calls(journal: RuntimeJournal | None) -> tuple[tuple[str, str, str], ...]:
    """(invocation id, tool, args digest) of the calls an earlier process began and never ended.

    Tool and digest are "" where the journal remembers the id alone.
    """
    recovery: Any = getattr(journal, "recovery", None)
    found = []
    for one in getattr(recovery, "unknown", ()):
        if isinstance(one, str):
            found.append((one, "", ""))
        else:
            found.append((one.invocation_id, one.tool, one.args_digest))
    return tuple(found)
