"""What a runtime needs of an audit journal: that a call is on disk before and after it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from altar_extras.grid.audit import Entry, Outcome

__all__ = ["Lost", "RuntimeJournal", "lost_calls"]


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


class Lost(NamedTuple):
    """A call that an earlier process began and never ended; ``epoch`` is that life's.

    All but the id are "" where the journal remembers the id alone.
    """

    invocation_id: str
    tool: str = ""
    args_digest: str = ""
    runtime: str = ""
    epoch: str = ""


def lost_calls(journal: RuntimeJournal | None) -> tuple[Lost, ...]:
    """The calls that the journal found unfinished when it was opened."""
    recovery: Any = getattr(journal, "recovery", None)
    found = {one: Lost(one) for one in getattr(recovery, "unknown", ())}
    for one in getattr(recovery, "unfinished", ()):
        life = (one.runtime, one.runtime_epoch)
        found[one.invocation_id] = Lost(one.invocation_id, one.tool, one.args_digest, *life)
    return tuple(found.values())
