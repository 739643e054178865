"""What altar's repair holds itself to, and the arithmetic of growth."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "BARS_OF_QUALITY",
    "DEEP",
    "DEPTH_BAR",
    "EXPONENT_BAR",
    "PER_MB_BAR",
    "STREAM_BAR",
    "STREAM_GOAL",
    "exponent",
    "ratio_bar",
]

EXPONENT_BAR = 1.15
PER_MB_BAR = 1.5
DEPTH_BAR = 0.5
DEEP = ("100k [", "100k [ closed", '100k {"a":', "100k {")
STREAM_BAR, STREAM_GOAL = 0.25, 0.15

_ONE = {"valid": (1.1, None), "fenced valid": (1.3, None), "prose + valid": (1.3, None)}
_ERROR = ("1 missing comma", "fenced + 1 error", "truncated")


def ratio_bar(damage: str, size: str) -> tuple[float, float | None] | None:
    """The bar and the goal of a figure, in multiples of json.loads; None where there is none."""
    if damage in _ONE:
        return _ONE[damage]
    if size != "1 MB":
        return None
    return (5.0, 4.0) if damage in _ERROR else (18.0, 15.0)


def exponent(points: Sequence[tuple[float, float]], *, last: int = 4) -> float | None:
    """The slope of log(seconds) over log(length), by least squares over the last points."""
    chosen = [(math.log(at), math.log(max(seconds, 1e-9))) for at, seconds in points[-last:]]
    if len(chosen) < 2:
        return None
    mean_x = sum(x for x, _ in chosen) / len(chosen)
    mean_y = sum(y for _, y in chosen) / len(chosen)
    width = sum((x - mean_x) ** 2 for x, _ in chosen)
    return sum((x - mean_x) * (y - mean_y) for x, y in chosen) / width if width else None


# title -> (which share: 0 right, 1 raised, 2 lost; its name; bar; goal)
_ALL = (
    (0, "right", ">= 98", "99"),
    (1, "raised", "<= 1", ""),
    (2, "lost in silence", "<= 0.5", ""),
)
BARS_OF_QUALITY = {
    "corpus, undisputed": _ALL,
    "own cases": (
        (0, "right", ">= 95", ""),
        (1, "raised", "<= 1", ""),
        (2, "lost in silence", "<= 0.5", ""),
    ),
    "single edits": ((0, "right", ">= 90", "92"),),
}
