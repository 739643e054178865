"""Losses: what is missing from a trace file, counted and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TraceLosses"]

_MOST_TOLD = 20  # a file of rubbish is described by its first lines
_LONGEST = 200


class TraceLosses:
    """What is missing from a trace file, in spans and in lines.

    ``dropped`` spans found the tracer's buffers full, ``sampled_out`` spans
    were left out on purpose, ``sink_lost`` spans could not be written.
    ``unreadable`` lines were damaged, and ``problems`` describes the first of
    them; ``repeated`` spans stood there twice, ``left_out`` spans were more
    than the reader was to keep. ``cut`` says that the last line has no end: it
    is being written, or what wrote it was killed.
    """

    __slots__ = (
        *("cut", "dropped", "left_out", "problems", "repeated", "sampled_out", "sink_lost"),
        "unreadable",
    )

    def __init__(self) -> None:
        self.dropped = self.sampled_out = self.sink_lost = 0
        self.unreadable = self.repeated = self.left_out = 0
        self.cut = False
        self.problems: list[str] = []

    def __bool__(self) -> bool:
        """Whether anything is missing that was to be there; sampling is no loss."""
        return bool(
            self.dropped
            or self.sink_lost
            or self.unreadable
            or self.repeated
            or self.left_out
            or self.cut
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}

    def tell(self) -> list[str]:
        """A sentence for each kind of loss, the damaged lines by number; empty when none."""
        counted = (
            (self.dropped, "dropped: a buffer was full, or they ended after the trace"),
            (self.sink_lost, "lost: they could not be written"),
            (self.repeated, "left out: they are in the file twice"),
            (self.left_out, "left out: more than this reader keeps"),
        )
        told = [f"{_spans(count)} {reason}" for count, reason in counted if count]
        if self.unreadable:
            lines = "1 line is" if self.unreadable == 1 else f"{self.unreadable:,} lines are"
            told.append(f"{lines} damaged")
            told += [f"  {problem}" for problem in self.problems]
            if self.unreadable > len(self.problems):
                told.append(f"  and {self.unreadable - len(self.problems):,} more")
        if self.cut:
            told.append("the last line is cut: it is being written, or its program was killed")
        return told

    def unread(self, where: str, why: object) -> None:
        """Count a damaged line."""
        self.unreadable += 1
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(f"{where}: {why}"[:_LONGEST])

    def add(self, told: object) -> None:
        """Add what a line of losses tells; what is no count is ignored."""
        if not isinstance(told, dict):
            return
        self.dropped += _count(told, "dropped")
        self.sampled_out += _count(told, "sampled_out")
        self.sink_lost += _count(told, "sink_lost")


def _count(told: Mapping[str, Any], key: str) -> int:
    found = told.get(key)
    return found if type(found) is int and found > 0 else 0


def _spans(count: int) -> str:
    return "1 span was" if count == 1 else f"{count:,} spans were"
