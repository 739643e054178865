"""What is measured, in which process, and in which table it is shown."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BARS", "METRICS", "ONCE", "TABLES", "Bar", "Column", "Table"]

METRICS = (
    "size",
    "import",
    "declare",
    "dispatch",
    "memory_lazy",
    "memory_declared",
    "many",
    "loop",
)
"""The groups; each runs in a process of its own, peer after peer, round after round."""

ONCE = frozenset({"size", "memory_lazy", "memory_declared", "many"})
"""Groups that run in the first round only: exact, or very slow for some peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure: its key in a worker's answer, its heading, and how it is written.

    ``over`` names the figure it is divided by; the table then shows both the
    figure and the ratio.
    """

    key: str
    title: str
    digits: int = 1
    over: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: a row per peer, a column per figure."""

    title: str
    columns: tuple[Column, ...]


TABLES = (
    Table(
        title="Import and size",
        columns=(
            Column(key="import_ms", title="import + one decorated function, CPU ms"),
            Column(key="import_mb", title="resident memory of that, MB"),
            Column(key="import_modules", title="modules loaded", digits=0),
            Column(key="disk_mb", title="installed with dependencies, MB"),
            Column(key="dependencies", title="dependencies", digits=0),
        ),
    ),
    Table(
        title="Declaring",
        columns=(
            Column(key="decorate_us", title="decorator alone, us", digits=2),
            Column(key="declare_us", title="4 documented parameters, us"),
            Column(key="nested_us", title="dataclass + pydantic model, us"),
            Column(key="nested_first_us", title="the same, classes never seen, us"),
            Column(key="nested_long_us", title="the same as the third, in 1,600 lines, us"),
            Column(key="wire_bytes", title="wire of the 4 parameters, bytes", digits=0),
        ),
    ),
    Table(
        title="Running a call",
        columns=(
            Column(
                key="sync_us",
                title="3 arguments, us (x json.loads)",
                digits=2,
                over="sync_loads_us",
            ),
            Column(
                key="async_us",
                title="async tool, us (x json.loads)",
                digits=2,
                over="async_loads_us",
            ),
            Column(
                key="record_us",
                title="nested dataclass, us (x json.loads)",
                digits=2,
                over="record_loads_us",
            ),
            Column(key="turn_us", title="loop, CPU us per tool turn"),
        ),
    ),
    Table(
        title="Many tools",
        columns=(
            Column(key="lazy_mb", title="1,000 tools, none declared, MB", digits=2),
            Column(key="declared_mb", title="1,000 tools, all declared, MB", digits=2),
            Column(key="register_s", title="register 10,000, s", digits=3),
            Column(key="list_ms", title="first list of 10,000, ms"),
            Column(key="list_again_ms", title="list again, ms", digits=4),
            Column(key="lookup_us", title="look one up, us", digits=2),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What altar holds itself to for one figure (or ratio), and what it aims at."""

    key: str
    title: str
    bar: float
    goal: float | None = None
    digits: int = 2
    over: str | None = None
    others: str | None = None  # the figure of the peers, where it is another


BARS = (
    Bar(key="import_ms", title="import + one decorated function, ms", bar=5, goal=3),
    Bar(key="import_mb", title="resident memory of that, MB", bar=2),
    Bar(key="decorate_us", title="`@tool` alone, us", bar=1),
    Bar(key="declare_us", title="declaration, 4 documented parameters, us", bar=60, goal=45),
    Bar(key="nested_us", title="declaration, dataclass + model, us", bar=150, goal=110),
    Bar(key="nested_long_us", title="the same in a file of 1,600 lines, us", bar=150, goal=110),
    Bar(key="sync_us", title="call, x json.loads", bar=0.9, goal=0.5, over="sync_loads_us"),
    Bar(key="async_us", title="async call, x json.loads", bar=1.6, goal=0.9, over="async_loads_us"),
    Bar(
        key="record_us",
        title="call with nested dataclass, x json.loads",
        bar=1.1,
        goal=0.7,
        over="record_loads_us",
    ),
    Bar(key="lazy_mb", title="1,000 tools, none declared, MB", bar=0.8),
    Bar(key="declared_mb", title="1,000 tools, all declared, MB", bar=1.5),
    Bar(key="register_s", title="register 10,000 tools, s", bar=0.05, digits=3),
    Bar(key="list_again_ms", title="list 10,000 for a session, ms", bar=0.1, digits=4),
    Bar(key="lookup_us", title="look one of 10,000 up, us", bar=0.1),
    Bar(key="turn_us", title="loop, CPU us per tool turn", bar=40, goal=25, digits=1),
    Bar(
        key="source_mb",
        title="core on disk, .py, MB (others: with dependencies)",
        bar=0.8,
        others="disk_mb",
    ),
    Bar(key="dependencies", title="dependencies", bar=0, digits=0),
)
