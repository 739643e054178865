"""Figures: what a Host counts, under GRID's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar_extras.grid.host._callout import Callout
    from altar_extras.grid.host._desk import Desk
    from altar_extras.grid.host._evidence import Evidence
    from altar_extras.grid.operate import Metrics

__all__ = ["Figures"]


class Figures:
    """The counters and gauges of one Host."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.denials = metrics.counter(
            "altar_grid_denials_total", "What was refused, by reason.", labels=("reason",)
        )
        self.requests = metrics.counter(
            "altar_grid_host_answers_total", "Requests answered, by message.", labels=("message",)
        )
        self.callouts = metrics.counter(
            "altar_grid_host_callouts_total", "Questions of servers answered."
        )
        self.sequence = metrics.gauge(
            "altar_grid_manifest_sequence", "The manifest in force.", labels=("tenant",)
        )

    def watch_callout(self, callout: Callout) -> None:
        """Ask this when somebody looks."""
        self._metrics.gauge(
            "altar_grid_servers_heard",
            "Servers, of several, that ask this Host who may connect.",
            read=lambda: float(callout.heard_at),
        )

    def watch(self, desks: Mapping[str, Desk], evidence: Evidence) -> None:
        """Ask these when somebody looks."""
        self._metrics.gauge(
            "altar_grid_host_runtimes",
            "Runtimes heard of.",
            read=lambda: float(sum(len(desk.tenant.runtimes) for desk in desks.values())),
        )
        self._metrics.gauge(
            "altar_grid_audit_spool_bytes",
            "What the Host's journals hold.",
            read=lambda: float(evidence.spool_bytes),
        )
        self._metrics.gauge(
            "altar_grid_audit_lag_seconds",
            "How long the oldest record waits to be shipped.",
            read=lambda: float(evidence.lag_seconds),
        )
