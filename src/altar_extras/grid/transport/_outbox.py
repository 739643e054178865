"""Outbox: what is sent within one turn of the loop, in order, small bodies joined. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outbox", "Parcel"]


class Parcel:
    """One message in the making: its bodies, and whom to tell when it cannot leave."""

    __slots__ = ("parts", "reply", "size", "subject", "unsent")

    def __init__(self, subject: str, reply: str) -> None:
        self.subject = subject
        self.reply = reply
        self.parts: list[bytes] = []
        self.unsent: list[Callable[[Exception], None]] = []
        self.size = 0

    @property
    def body(self) -> bytes:
        """What travels."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class Outbox:
    """Parcels of this turn. Bodies for one subject keep their order, whatever their reply:
    a body joins only the parcel that is its subject's latest.
    """

    __slots__ = ("_latest", "_parcels", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parcels: list[Parcel] = []
        self._latest: dict[str, Parcel] = {}

    def __len__(self) -> int:
        return len(self._parcels)

    def holds(self, subject: str) -> bool:
        """Whether a body for ``subject`` waits, which a later one must not overtake."""
        return subject in self._latest

    def add(
        self,
        subject: str,
        body: bytes,
        reply: str,
        *,
        join: bool,
        unsent: Callable[[Exception], None] | None,
    ) -> bool:
        """Put a body in; true when it is the first of this turn."""
        first = not self._parcels
        parcel = self._latest.get(subject)
        size = len(body)
        if not join or parcel is None or parcel.reply != reply or parcel.size + size > self.limit:
            parcel = self._latest[subject] = Parcel(subject, reply)
            self._parcels.append(parcel)
        parcel.parts.append(body)
        parcel.size += size if join else self.limit + 1  # nothing joins one that travels alone
        if unsent is not None:
            parcel.unsent.append(unsent)
        return first

    def take(self) -> list[Parcel]:
        """Everything, in order; the outbox is empty afterwards."""
        parcels, self._parcels = self._parcels, []
        self._latest = {}
        return parcels
