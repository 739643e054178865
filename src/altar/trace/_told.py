"""Told: how much of what was lost stands in the file already."""

from __future__ import annotations

__all__ = ["Told"]

_KINDS = ("dropped", "sampled_out", "sink_lost")


class Told:
    """Sums what a sink lost itself, and what its tracer says was lost."""

    __slots__ = ("_known", "_own", "_written")

    def __init__(self) -> None:
        self._own = 0
        self._known = dict.fromkeys(_KINDS, 0)
        self._written = dict.fromkeys(_KINDS, 0)

    def lost(self, spans: int) -> None:
        """Count spans that the sink could not write."""
        self._own += spans

    def note(self, dropped: int, sampled_out: int, sink_lost: int) -> None:
        """What the tracer counts by now, in all."""
        self._known = dict(zip(_KINDS, (dropped, sampled_out, sink_lost), strict=True))

    def total(self) -> dict[str, int]:
        """Every loss so far."""
        return {**self._known, "sink_lost": max(self._own, self._known["sink_lost"])}

    def take(self) -> dict[str, int]:
        """What came since this was last asked; empty when nothing did."""
        total = self.total()
        more = {kind: count - self._written[kind] for kind, count in total.items()}
        self._written = total
        return more if any(more.values()) else {}
