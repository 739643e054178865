"""From the figures of a run to what they say: slopes, costs, and plain lines to tune by."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.repair._bars import (
    DEEP,
    DEPTH_BAR,
    EXPONENT_BAR,
    PER_MB_BAR,
    STREAM_BAR,
    exponent,
    ratio_bar,
)

__all__ = ["growing", "mark", "per_mb", "plain", "slope"]

Values = dict[str, Any]
MB = 1e6


TINY = 0.002


def growing(figures: list[Values]) -> bool:
    """False where the largest figure is so small that a slope over it tells nothing."""
    answered = [f["seconds"] for f in figures if f.get("seconds")]
    return bool(answered) and max(answered) >= TINY


def slope(figures: list[Values]) -> float | None:
    """How seconds grow with length over the largest sizes that were answered."""
    points = [(f["length"], f["seconds"]) for f in figures if f.get("seconds") and "length" in f]
    return exponent(points)


def per_mb(figures: list[Values]) -> float | None:
    """Seconds per million characters at the largest size that was answered."""
    answered = [f for f in figures if f.get("seconds")]
    return answered[-1]["seconds"] / answered[-1]["length"] * MB if answered else None


def mark(figures: list[Values]) -> str:
    """What the last figure says beside its seconds."""
    return str(figures[-1]["mark"]) if figures else ""


def plain(run: Values) -> str:
    """Lines to read while tuning; ``!`` where a bar is not met."""
    lines: list[str] = []
    for name, peer in run["peers"].items():
        lines.append(f"== {name} {peer['version']}")
        lines += _plain_ratios(peer.get("ratio", {}))
        for part in ("growth", "hostile"):
            lines += _plain_growth(part, peer.get(part, {}))
        lines += _plain_streams(peer.get("stream", {}))
    return "\n".join(lines)


def _plain_ratios(found: Values) -> list[str]:
    lines = ["-- x json.loads of the valid document"] if found else []
    for key, figure in found.items():
        damage, _, size = key.partition("|")
        bar = ratio_bar(damage, size)
        ratio = figure["seconds"] / figure["base"] if figure.get("base") else math.inf
        over = "!" if bar and (ratio > bar[0] or figure["mark"]) else " "
        limit = f"<= {bar[0]:g}" if bar else ""
        lines.append(f"  {over} {damage:28}{size:>7}{ratio:9.2f} {figure['mark']:5}{limit}")
    return lines


def _plain_growth(part: str, found: Values) -> list[str]:
    lines = [f"-- {part}: exponent, seconds per MB, seconds at the largest"] if found else []
    for shape, figures in found.items():
        steep, cost = slope(figures) or 0.0, per_mb(figures) or 0.0
        deep = part == "hostile" and shape in DEEP
        last = figures[-1]
        seconds = last["seconds"] if last["seconds"] is not None else math.inf
        typed = last["mark"] == "" or (part == "hostile" and last["mark"] == "E")
        bad = not typed or (deep and seconds > DEPTH_BAR)
        steeper = steep > EXPONENT_BAR and growing(figures)
        over = "!" if bad or steeper or cost > PER_MB_BAR else " "
        lines.append(
            f"  {over} {shape:38}{steep:6.2f}{cost:9.3f} s/MB {seconds:8.4f} s {last['mark']}"
        )
    return lines


def _plain_streams(found: Values) -> list[str]:
    lines = ["-- stream in chunks of 32 characters"] if found else []
    for kind, figures in found.items():
        times = "  ".join(
            f"{f['at'] // 1024} KB {f['seconds']:.3f} s{f['mark']}"
            if f["seconds"] is not None
            else f["mark"]
            for f in figures
        )
        late = any(f.get("at") == 65536 and (f["seconds"] or 1e9) > STREAM_BAR for f in figures)
        lines.append(f"  {'!' if late or mark(figures) else ' '} {kind:8} {times}")
        lines[-1] += f"  exponent {slope(figures) or 0:.2f}"
    return lines
