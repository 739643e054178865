"""How tools, times and error results look on a console."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from altar.adm import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.adm import ErrorObject, FunctionDeclaration
    from altar_extras.grid.cli._console import Console

__all__ = ["ago", "example_of", "show_error", "table"]

_SAMPLES: dict[str, Any] = {
    "STRING": "text",
    "INTEGER": 1,
    "NUMBER": 1.5,
    "BOOLEAN": True,
    "ARRAY": [],
    "OBJECT": {},
}


def example_of(tool: FunctionDeclaration) -> str:
    """Arguments that fit, as a shell takes them: '{"city": "Tokyo"}'."""
    schema: dict[str, Any] = tool.to_dict().get("parameters") or {}
    fields: dict[str, Any] = schema.get("properties") or {}
    wanted = schema.get("required") or []
    args = {name: _sample(fields.get(name, {}), name) for name in wanted}
    text = json.dumps(args, ensure_ascii=False).replace("'", "\\u0027")
    return f"'{text}'" if args else ""


def table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what stands in them; the last one is cut at the edge."""
    widths = [max(len(str(row[at])) for row in (head, *rows)) for at in range(len(head))]
    room = max(10, console.width - sum(widths[:-1]) - 2 * (len(head) - 1))
    for number, row in enumerate((head, *rows)):
        cells = [str(cell).ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        last = str(row[-1])
        cells.append(last if len(last) <= room else last[: room - 1] + "…")
        line = "  ".join(cells).rstrip()
        console.print(console.style(line, "dim") if number == 0 else line)


def ago(seconds: float) -> str:
    """A span of time, roughly: "12 s", "3 min", "2 h"."""
    seconds = max(0.0, seconds)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def started(at: float) -> str:
    """How long ago that was."""
    return ago(time.time() - at)


def show_error(console: Console, name: str, error: ErrorObject) -> None:
    """The error on one line, whether the tool ran, and what to do."""
    details = error.details or {}
    reason = f", {details['reason']}" if details.get("reason") else ""
    ran = {"no": "it did not run", "yes": "it ran", "unknown": "whether it ran is not known"}
    executed = ran.get(str(details.get("executed")), "")
    problems = _problems_of(details.get("problems"))
    message = f"{error.message.partition('. ')[0]}:" if problems else error.message
    console.error(f"{name}: {message} ({error.type}{reason})")
    for problem in problems:
        console.more(problem)
    if executed:
        console.more(executed)
    for step in error.remediation_steps:
        console.more(step)


def _problems_of(found: Any) -> list[str]:
    """A line for each problem of the arguments, where there are several."""
    if not isinstance(found, list) or len(found) < _SEVERAL:
        return []
    try:
        return [str(Problem(**one)) for one in found]
    except TypeError:  # the problems of somebody else's error
        return []


_SEVERAL = 2


def _sample(schema: dict[str, Any], name: str = "") -> Any:
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "ARRAY" and schema.get("minItems"):
        return [_sample(schema.get("items") or {})]
    if kind == "OBJECT":
        fields = schema.get("properties") or {}
        return {key: _sample(fields.get(key, {}), key) for key in schema.get("required") or []}
    return "Tokyo" if name == "city" else _SAMPLES.get(str(kind), "text")
