"""The Markdown of a run: altar against its bars, then every figure of every peer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.repair._bars import (
    BARS_OF_QUALITY,
    DEEP,
    DEPTH_BAR,
    EXPONENT_BAR,
    PER_MB_BAR,
    STREAM_BAR,
    STREAM_GOAL,
    ratio_bar,
)
from benchmarks.repair._report import growing, mark, per_mb, slope
from benchmarks.repair.documents import DAMAGES, SIZES
from benchmarks.repair.peers import PEERS
from benchmarks.repair.shapes import HOSTILE, SHAPES

__all__ = ["document"]

Values = dict[str, Any]
Cell = Callable[[str], str]
TITLES = {
    "altar_log": "altar, log read",
    "json_repair": "json-repair",
    "fast_json_repair": "fast-json-repair",
    "partial_json_parser": "partial-json-parser",
    "jsonrepair": "jsonrepair (npm)",
}
STREAM_64 = 65_536
ANSWERED = 2 / 3  # of the shapes, for a peer to be called the best other


def document(run: Values) -> str:
    """The tables between the markers."""
    peers = run["peers"]
    machine = run["machine"]
    head = (
        f"Run of {run['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}; load {machine['load']} at the start, "
        f"{run['seconds'] / 60:.0f} minutes."
    )
    parts = [
        head,
        _bars(peers),
        *_ratios(peers, run["limit"]),
        _growth(peers),
        _hostile(peers, run["limit"]),
    ]
    parts += [_streams(peers, run["limit"]), _quality(peers), _versions(peers)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _table(title: str, peers: Iterable[str], rows: Iterable[tuple[str, Cell]]) -> str:
    names = list(peers)
    lines = [
        "| | " + " | ".join(map(_title, names)) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for label, cell in rows:
        lines.append(f"| {label} | " + " | ".join(cell(name) for name in names) + " |")
    return f"### {title}\n\n" + "\n".join(lines)


def _code(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


# ratios


def _base(peers: Values, key: str) -> float | None:
    """The least json.loads of a document, for a peer in whose process there is none."""
    found = [
        figure["base"]
        for peer in peers.values()
        if (figure := peer.get("ratio", {}).get(key)) and figure.get("base")
    ]
    return min(found, default=None)


def _ratio(peers: Values, name: str, key: str) -> tuple[float | None, str]:
    figure = peers[name].get("ratio", {}).get(key)
    if figure is None:
        return None, "-"
    base = figure.get("base") or _base(peers, key)
    if figure["seconds"] is None or base is None:
        return None, figure["mark"] or "-"
    return figure["seconds"] / base, figure["mark"]


def _ratios(peers: Values, limit: float) -> list[str]:
    parts: list[str] = []
    for size in SIZES:
        shown = [n for n in peers if any(k.endswith(f"|{size}") for k in peers[n].get("ratio", {}))]
        if not shown:
            continue

        def row(damage: str, size: str = size) -> Cell:
            def cell(name: str) -> str:
                value, said = _ratio(peers, name, f"{damage}|{size}")
                if said == ">":
                    return f"&gt;{limit:g} s"
                return (_number(value) if value is not None else "") + said

            return cell

        rows = [(damage, row(damage)) for damage in DAMAGES]
        parts.append(_table(f"Documents of {size}, x json.loads", shown, rows))
    return parts


# growth and hostile inputs


def _steepest(peer: Values, part: str) -> tuple[float, str] | None:
    found = [
        (steep, shape)
        for shape, figures in peer.get(part, {}).items()
        if growing(figures) and (steep := slope(figures)) is not None
    ]
    return max(found, default=None)


def _dearest(peer: Values, part: str) -> tuple[float, str] | None:
    found = [
        (cost, shape)
        for shape, figures in peer.get(part, {}).items()
        if (cost := per_mb(figures)) is not None
    ]
    return max(found, default=None)


def _growth(peers: Values) -> str:
    shown = [name for name in peers if peers[name].get("growth")]
    if not shown:
        return ""

    def row(shape: str) -> Cell:
        def cell(name: str) -> str:
            figures = peers[name]["growth"].get(shape, [])
            steep, cost = slope(figures), per_mb(figures)
            if steep is None or cost is None:
                return mark(figures) or "-"
            said = f"{steep:.2f}" if growing(figures) else "-"
            return f"{said} ({_number(cost)}){mark(figures)}"

        return cell

    def count(name: str) -> str:
        found = peers[name]["growth"].values()
        return str(
            sum(1 for f in found if growing(f) and (slope(f) or 0) > EXPONENT_BAR or mark(f) == ">")
        )

    rows = [(shape, row(shape)) for shape in SHAPES]
    rows.append((f"**shapes above {EXPONENT_BAR:g}**", count))
    return _table("Growth: exponent (s per MB at the largest size)", shown, rows)


def _seconds(figure: Values, limit: float) -> str:
    if figure["mark"] == ">":
        return f"&gt;{limit:g} s"
    if figure["seconds"] is None:
        return str(figure["mark"])
    return f"{figure['seconds']:.3f}{figure['mark']}"


def _hostile(peers: Values, limit: float) -> str:
    shown = [name for name in peers if peers[name].get("hostile")]
    if not shown:
        return ""

    def row(case: str) -> Cell:
        def cell(name: str) -> str:
            figures = peers[name]["hostile"].get(case, [])
            if not figures:
                return "-"
            steep = slope(figures) if growing(figures) and len(figures) > 1 else None
            return _seconds(figures[-1], limit) + (f" ({steep:.2f})" if steep is not None else "")

        return cell

    rows = [(f"`{case}`" if "[" in case or "{" in case else case, row(case)) for case in HOSTILE]
    return _table("Hostile inputs: seconds (exponent by halving)", shown, rows)


# streams


def _streams(peers: Values, limit: float) -> str:
    shown = [name for name in peers if peers[name].get("stream")]
    if not shown:
        return ""

    def row(kind: str, size: int) -> Cell:
        def cell(name: str) -> str:
            figures = peers[name]["stream"].get(kind, [])
            found = [f for f in figures if f.get("at") == size]
            return _seconds(found[0], limit) if found else "-"

        return cell

    def exponents(kind: str) -> Cell:
        def cell(name: str) -> str:
            figures = peers[name]["stream"].get(kind, [])
            steep = slope(figures) if growing(figures) else None
            return f"{steep:.2f}" if steep is not None else "-"

        return cell

    rows: list[tuple[str, Cell]] = []
    for kind in dict.fromkeys(kind for name in shown for kind in peers[name]["stream"]):
        sizes = {
            f["at"] for name in shown for f in peers[name]["stream"].get(kind, []) if "at" in f
        }
        rows += [(f"{kind}, {size // 1024} KB", row(kind, size)) for size in sorted(sizes)]
        rows.append((f"{kind}, exponent", exponents(kind)))
    return _table("Streams in chunks of 32 characters: seconds in all", shown, rows)


# quality


def _shares(peer: Values, title: str) -> tuple[float, float, float] | None:
    """Right, raised and lost, in per cent."""
    for scores in peer.get("quality", {}).values():
        found = scores.get(title)
        if found and found["total"]:
            total = found["total"] / 100
            return found["right"] / total, found["raised"] / total, found["lost"] / total
    return None


def _quality(peers: Values) -> str:
    shown = [name for name in peers if peers[name].get("quality")]
    if not shown:
        return ""

    def row(title: str) -> Cell:
        def cell(name: str) -> str:
            found = _shares(peers[name], title)
            return "-" if found is None else " / ".join(f"{value:.1f}" for value in found)

        return cell

    titles = dict.fromkeys(
        title
        for name in shown
        for scores in peers[name]["quality"].values()
        for title, score in scores.items()
        if score["total"]
    )
    totals = {
        title: score["total"]
        for scores in peers[shown[0]]["quality"].values()
        for title, score in scores.items()
    }
    rows = [(f"{title} ({totals.get(title, 0):,})", row(title)) for title in titles]
    return _table("Right / raised / words lost in silence, %", shown, rows)


def _versions(peers: Values) -> str:
    lines = ["| | version | entry measured | followed a stream by |", "|---|---|---|---|"]
    for name, peer in peers.items():
        about = PEERS[name]
        lines.append(
            f"| {_title(name)} | {about.distribution} {peer['version']} | {about.entry} "
            f"| {about.stream or '-'} |"
        )
    return "### Versions\n\n" + "\n".join(lines)


# altar against its bars


def _bars(peers: Values) -> str:
    if "altar" not in peers:
        return ""
    lines = ["| | altar | bar | goal | best other |", "|---|---:|---:|---:|---|"]
    rows = [*_bars_of_ratios(peers), *_bars_of_growth(peers), *_bars_of_quality(peers)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "### altar's repair against its own bars\n\n" + "\n".join(lines)


def _others(peers: Values) -> list[str]:
    return [name for name in peers if not name.startswith("altar")]


def _least(found: Iterable[tuple[float, str]]) -> str:
    best = min(found, default=None)
    return "-" if best is None else f"{_number(best[0])} {_title(best[1])}"


def _bars_of_ratios(peers: Values) -> Iterable[tuple[str, ...]]:
    for size in SIZES:
        for damage in DAMAGES:
            bar = ratio_bar(damage, size)
            value, said = _ratio(peers, "altar", f"{damage}|{size}")
            if bar is None or (value is None and said == "-"):
                continue
            others = [(_ratio(peers, name, f"{damage}|{size}"), name) for name in _others(peers)]
            best = _least((r, n) for (r, m), n in others if r is not None and not m)
            shown = (_number(value) if value is not None else "") + said
            goal = f"{bar[1]:g}" if bar[1] else ""
            yield f"{damage}, {size}, x json.loads", shown, f"{bar[0]:g}", goal, best


def _bars_of_growth(peers: Values) -> Iterable[tuple[str, ...]]:
    titles = {"growth": f"{len(SHAPES)} damage shapes", "hostile": f"{len(HOSTILE)} hostile inputs"}
    own = peers["altar"]
    for part, title in titles.items():
        able = [name for name in _others(peers) if _answers(peers[name].get(part, {}))]
        measures = (
            (_steepest, "steepest exponent", EXPONENT_BAR),
            (_dearest, "s per MB", PER_MB_BAR),
        )
        for measure, what, bar in measures:
            found = measure(own, part)
            if found is None:
                continue
            best = _least((w[0], n) for n in able if (w := measure(peers[n], part)) is not None)
            shown = f"{found[0]:.2f} ({_code(found[1])})"
            yield f"{title}: {what}", shown, f"{bar:g}", "", best
    deep = [own["hostile"][case][-1] for case in DEEP if case in own.get("hostile", {})]
    if deep:
        late = max(deep, key=lambda figure: figure["seconds"] or float("inf"))
        ended = "ended at the limit" if late["mark"] == ">" else late["mark"]
        shown = ended if late["seconds"] is None else f"{late['seconds']:.3f}{late['mark']}"
        yield "100,000 levels deep, s", shown, f"{DEPTH_BAR:g}", "", _best_deep(peers)
    yield from _bars_of_streams(peers)


def _answers(shapes: Values) -> bool:
    """Whether a peer gives a value for most shapes, rather than refusing them."""
    given = sum(1 for figures in shapes.values() if mark(figures) == "")
    return bool(shapes) and given >= ANSWERED * len(shapes)


def _best_deep(peers: Values) -> str:
    found: list[tuple[float, str]] = []
    for name in _others(peers):
        figures = [peers[name].get("hostile", {}).get(case, [None])[-1] for case in DEEP]
        if all(figure and figure["mark"] in {"", "E"} for figure in figures):
            found.append((max(figure["seconds"] for figure in figures), name))
    return _least(found)


def _at_64(peer: Values, kind: str) -> Values | None:
    found = [f for f in peer.get("stream", {}).get(kind, []) if f.get("at") == STREAM_64]
    return found[0] if found and found[0]["seconds"] is not None else None


def _bars_of_streams(peers: Values) -> Iterable[tuple[str, ...]]:
    for kind in peers["altar"].get("stream", {}):
        own = _at_64(peers["altar"], kind)
        if own is None:
            continue
        found = [(_at_64(peers[name], kind), name) for name in _others(peers)]
        best = _least((f["seconds"], n) for f, n in found if f and not f["mark"])
        steep = slope(peers["altar"]["stream"][kind])
        shown = f"{own['seconds']:.3f}{own['mark']}" + (f" ({steep:.2f})" if steep else "")
        title = f"{kind} stream of 64 KB, s (exponent)"
        yield title, shown, f"{STREAM_BAR:g}", f"{STREAM_GOAL:g}", best


def _bars_of_quality(peers: Values) -> Iterable[tuple[str, ...]]:
    for title, bars in BARS_OF_QUALITY.items():
        own = _shares(peers["altar"], title)
        if own is None:
            continue
        others = [(s, n) for n in _others(peers) if (s := _shares(peers[n], title)) is not None]
        for index, what, bar, goal in bars:
            choose = max if index == 0 else min
            best = choose(((s[index], n) for s, n in others), default=None)
            said = "-" if best is None else f"{best[0]:.1f} {_title(best[1])}"
            yield f"{title}: {what}, %", f"{own[index]:.1f}", bar, goal, said
