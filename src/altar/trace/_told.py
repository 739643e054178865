"""Told: what was lost and does not stand in the file yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Told"]


class Told:
    """Adds up what a sink could not write, and what its tracer says is missing.

    A tracer counts what the sink could not write too: that counts once.
    """

    __slots__ = ("_open", "_own", "_theirs")

    def __init__(self) -> None:
        self._own = self._theirs = 0
        self._open: dict[str, int] = {}

    def lost(self, spans: int) -> None:
        """Count spans that the sink could not write."""
        self._own += spans

    def note(self, found: Mapping[str, int]) -> None:
        """What the tracer counted since it was noted last."""
        for kind, count in found.items():
            self._open[kind] = self._open.get(kind, 0) + count
        self._theirs += found.get("sink_lost", 0)

    def untold(self, found: Mapping[str, int]) -> None:
        """It was not written, and will be noted again."""
        self.note({kind: -count for kind, count in found.items()})

    def open(self, *, last: bool = False) -> dict[str, int]:
        """What is to be written; the last time with what no tracer has told."""
        found = {kind: count for kind, count in self._open.items() if count}
        if last and self._own > self._theirs:
            found["sink_lost"] = found.get("sink_lost", 0) + self._own - self._theirs
        return found

    def done(self) -> None:
        """It was written."""
        self._open = {}
