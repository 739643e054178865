"""Counts: what became of every span a tracer recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Counts"]


class Counts:
    """``recorded`` is ``drained`` + ``sampled_out`` + ``dropped`` + ``waiting``, exactly.

    ``drained`` spans were handed to the sinks, ``sampled_out`` were not kept,
    ``dropped`` found their thread's ring full, or came after the end.
    ``waiting`` is 0 after a flush, and when the tracer is closed. ``lost`` has,
    for each sink, the drained spans that did not arrive there.
    """

    __slots__ = ("drained", "dropped", "lost", "sampled_out", "waiting")

    def __init__(
        self,
        *,
        drained: int,
        sampled_out: int,
        dropped: int,
        waiting: int,
        lost: Mapping[str, int],
    ) -> None:
        self.drained = drained
        self.sampled_out = sampled_out
        self.dropped = dropped
        self.waiting = waiting
        self.lost = lost

    @property
    def recorded(self) -> int:
        """The spans that have ended."""
        return self.drained + self.sampled_out + self.dropped + self.waiting

    def __repr__(self) -> str:
        return (
            f"Counts(recorded={self.recorded}, drained={self.drained}, "
            f"sampled_out={self.sampled_out}, dropped={self.dropped}, waiting={self.waiting}, "
            f"lost={dict(self.lost)})"
        )
