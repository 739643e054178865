"""Evidence: a Host's own journals, one for each tenant, and what ships them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from altar_extras.grid.audit import AuditUnshipped, Journal, NoJournal, Shipper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar_extras.grid.audit import AuditSink

__all__ = ["Evidence"]

_PATIENCE = 5.0  # seconds for the stream to take what is left at the end


class Evidence:
    """What a Host writes down of itself.

    ``journal`` is one that somebody else opened, ships and closes, or a function
    that opens a tenant's: those are shipped to the tenant's stream, and closed here.
    A tenant has a journal of its own, since its stream is read without the others'.
    """

    def __init__(self, journal: Journal | Callable[[str], Journal] | None) -> None:
        self._given = journal
        self._opened: dict[str, Journal] = {}
        self._shippers: list[Shipper] = []

    def open(self, tenants: Iterable[str]) -> None:
        """Open those of these tenants. Raises ConfigurationError and AuditError."""
        if callable(self._given):
            for name in tenants:
                self._opened[name] = self._given(name)

    def of(self, tenant: str) -> Journal | NoJournal:
        """Where this tenant's evidence goes."""
        if self._given is None or callable(self._given):
            return self._opened.get(tenant) or NoJournal()
        return self._given

    async def ship(self, tenant: str, sink: AuditSink) -> None:
        """Begin to ship a tenant's."""
        if tenant in self._opened:
            shipper = Shipper(self._opened[tenant], sink)
            self._shippers.append(shipper)
            await shipper.start()

    @property
    def writable(self) -> bool:
        """Whether all of them take records."""
        return all(one.writable for one in self._all())

    @property
    def spool_bytes(self) -> int:
        """What all of them hold."""
        return sum(one.spool_bytes for one in self._all())

    @property
    def lag_seconds(self) -> float:
        """The longest wait of a record."""
        return max((one.lag_seconds for one in self._all()), default=0.0)

    async def drain(self) -> None:
        """Ship what there is, as far as the streams take it."""
        for shipper in self._shippers:
            with suppress(AuditUnshipped):
                await shipper.drain(within=_PATIENCE)

    async def close(self) -> None:
        """Stop shipping; what is left lies on disk for the next start."""
        for shipper in self._shippers:
            await shipper.close()
        for journal in self._opened.values():
            await journal.aclose()

    def _all(self) -> list[Journal]:
        if self._given is None or callable(self._given):
            return list(self._opened.values())
        return [self._given]
