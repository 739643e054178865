"""RuntimeFigures: what /metrics says of one runtime, under GRID's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar_extras.grid.operate import Counter, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.audit import Journal
    from altar_extras.grid.runtime import RuntimeServer

__all__ = ["RuntimeFigures"]


class RuntimeFigures(Metrics):
    """The figures of a runtime, taken from its status when somebody looks."""

    def __init__(self, server: RuntimeServer, journal: Journal | None) -> None:
        super().__init__()
        status = self._status = server.status
        self.add(
            "altar_grid_call_seconds",
            "How long calls took, from their arrival to their answer.",
            server.call_seconds,
        )
        self._calls = self.counter(
            "altar_grid_calls_total", "Calls answered.", labels=("tool", "status", "executed")
        )
        self._denials = self.counter(
            "altar_grid_denials_total", "What was refused, by reason.", labels=("reason",)
        )
        self.gauge("altar_grid_inflight", "Calls that run.", read=lambda: float(status().inflight))
        self.gauge("altar_grid_queued", "Calls that wait.", read=lambda: float(status().queued))
        self.gauge(
            "altar_grid_clock_offset_seconds",
            "Host time minus this machine's.",
            read=lambda: status().clock_offset,
        )
        self.gauge(
            "altar_grid_manifest_sequence",
            "The manifest in force.",
            read=lambda: float(status().manifest_sequence),
        )
        if journal is not None:
            self.gauge(
                "altar_grid_audit_spool_bytes",
                "What the journal holds.",
                read=lambda: float(journal.spool_bytes),
            )
            self.gauge(
                "altar_grid_audit_lag_seconds",
                "How long the oldest record waits to be shipped.",
                read=lambda: float(journal.lag_seconds),
            )

    def text(self) -> str:
        """All of them in Prometheus' text format."""
        status = self._status()
        _raise(self._calls, status.calls.items())
        _raise(self._denials, [((name,), count) for name, count in status.denials.items()])
        return super().text()


def _raise(counter: Counter, counts: Iterable[tuple[tuple[str, ...], int]]) -> None:
    for labels, count in counts:
        counter.add(*labels, by=count - counter.value(*labels))
