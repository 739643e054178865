"""From the workers' answers to the Markdown between the markers of a document."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.harness._catalogue import BARS, TABLES, Bar, Column, Table

__all__ = ["END", "START", "constants", "document", "figure", "merge", "render", "replace_between"]

START = "<!-- bench:start -->"
END = "<!-- bench:end -->"

Values = dict[str, float | None]


def constants(source: str) -> dict[str, Any]:
    """The upper-case names a module assigns literals to, by reading its text alone."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper():
                found[name] = ast.literal_eval(node.value)
    return found


def merge(answers: Iterable[Mapping[str, float | None]]) -> Values:
    """The least of every figure over all rounds; a figure nobody gave stays None."""
    merged: Values = {}
    for answer in answers:
        for key, value in answer.items():
            known = merged.get(key)
            if value is None:
                merged.setdefault(key, None)
            else:
                merged[key] = value if known is None else min(known, value)
    return merged


def figure(values: Mapping[str, float | None], spec: Column | Bar) -> float | None:
    """The figure itself, or its ratio where the spec says ``over``; None if it was not measured."""
    value = values.get(spec.key)
    if value is None or spec.over is None:
        return value
    base = values.get(spec.over)
    return value / base if base else None


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _cell(values: Mapping[str, float | None], column: Column) -> str:
    value = values.get(column.key)
    if value is None:
        return "-"
    digits = column.digits if abs(value) < 1000 else 0
    text = _number(value, digits)
    if column.over is None:
        return text
    ratio = figure(values, column)
    return text if ratio is None else f"{text} ({ratio:,.2f})"


def render(table: Table, peers: list[dict[str, Any]], notes: list[str]) -> str:
    """One table; what a peer says about a cell is added to ``notes`` and referred to by number."""
    lines = [
        "| | " + " | ".join(column.title for column in table.columns) + " |",
        "|---|" + "---:|" * len(table.columns),
    ]
    for peer in peers:
        cells = []
        for column in table.columns:
            text = _cell(peer["values"], column)
            note = peer["notes"].get(column.key)
            if note is not None:
                full = f"{peer['title']}: {note}"
                if full not in notes:
                    notes.append(full)
                text += f" [{notes.index(full) + 1}]"
            cells.append(text)
        lines.append(f"| {peer['title']} | " + " | ".join(cells) + " |")
    return f"### {table.title}\n\n" + "\n".join(lines)


def _versions(peers: list[dict[str, Any]]) -> str:
    lines = ["| | version | Python entry measured |", "|---|---|---|"]
    for peer in peers:
        version = peer["version"]
        if peer.get("newest") and peer["newest"] != version:
            version += f" (newest installable; {peer['newest']} is listed)"
        lines.append(f"| {peer['title']} | {peer['distribution']} {version} | {peer['entry']} |")
    return "### Versions\n\n" + "\n".join(lines)


def _bars(peers: list[dict[str, Any]]) -> str:
    own = next((peer for peer in peers if peer["name"] == "altar"), None)
    if own is None:
        return ""
    others = [peer for peer in peers if peer["name"] != "altar"]
    lines = ["| | altar | bar | goal | best other |", "|---|---:|---:|---:|---|"]
    for bar in BARS:
        value = figure(own["values"], bar)
        shown = "-" if value is None else _number(value, bar.digits)
        goal = "" if bar.goal is None else f"{bar.goal:g}"
        best = _best(others, bar)
        lines.append(f"| {bar.title} | {shown} | {bar.bar:g} | {goal} | {best} |")
    return "### altar against its own bars\n\n" + "\n".join(lines)


def _best(peers: list[dict[str, Any]], bar: Bar) -> str:
    spec = bar if bar.others is None else replace(bar, key=bar.others)
    found = [
        (value, peer["title"])
        for peer in peers
        if (value := figure(peer["values"], spec)) is not None
    ]
    if not found:
        return "-"
    value, title = min(found)
    return f"{_number(value, bar.digits)} {title}"


def document(run: dict[str, Any]) -> str:
    """The whole text between the markers: machine, bars, tables, footnotes."""
    peers = run["peers"]
    machine = run["machine"]
    notes: list[str] = []
    head = (
        f"Run of {run['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}; rounds: {run['rounds']}, load {machine['load']} at the start."
    )
    parts = [
        head,
        _bars(peers),
        *(render(table, peers, notes) for table in TABLES),
    ]
    if notes:
        parts.append("\n".join(f"{index}. {note}" for index, note in enumerate(notes, 1)))
    parts.append(_versions(peers))
    return "\n\n".join(part for part in parts if part) + "\n"


def replace_between(text: str, body: str, first: str = START, last: str = END) -> str:
    """``text`` with what stands between the two markers replaced by ``body``.

    Raises ValueError when a marker is missing.
    """
    head, start, rest = text.partition(first)
    _, end, tail = rest.partition(last)
    if not start or not end:
        raise ValueError(f"the document needs the two lines {first} and {last}, in this order")
    return f"{head}{first}\n\n{body}\n{last}{tail}"
