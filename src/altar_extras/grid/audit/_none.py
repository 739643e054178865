"""NoJournal: the journal's methods where audit is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar_extras.grid.audit._heads import Countersignature
    from altar_extras.grid.audit._records import Entry, Outcome

__all__ = ["NoJournal"]


class NoJournal:
    """Keeps no evidence, and never refuses: for tests, and where ``audit="off"`` was asked for."""

    writer = ""
    writable = True
    spool_bytes = 0
    lag_seconds = 0.0

    async def started(self, entry: Entry) -> None:
        """Nothing."""

    async def finished(self, outcome: Outcome) -> None:
        """Nothing."""

    def started_sync(self, entry: Entry) -> None:
        """Nothing."""

    def finished_sync(self, outcome: Outcome) -> None:
        """Nothing."""

    async def note(self, name: str, fields: Mapping[str, str | int | float], *, at_ms: int) -> None:
        """Nothing."""

    async def countersigned(self, signature: Countersignature) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    async def aclose(self) -> None:
        """Nothing."""
