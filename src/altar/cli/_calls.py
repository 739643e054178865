"""How a call, its arguments, its progress, its result and its time look on a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.cli._console import compact, shorten
from altar.cli._failure import problems_of, show_cause, summary_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.cli._console import Console

__all__ = ["Progress", "duration", "show_call"]

_MOST_CHUNKS = 50  # of one call; a tool may yield a word at a time


class Progress:
    """Shows what streaming tools yield, a line per chunk, and not without end."""

    def __init__(self, write: Callable[[str], None], width: int = 100) -> None:
        self._write = write
        self._width = width
        self._seen: dict[str, int] = {}

    def show(self, call: FunctionCall, chunk: object) -> None:
        """Write the chunk, or that there are more."""
        count = self._seen[call.call_id] = self._seen.get(call.call_id, 0) + 1
        if count > _MOST_CHUNKS + 1:
            return
        text = chunk if isinstance(chunk, str) else compact(chunk)
        if count > _MOST_CHUNKS:
            text = "(more chunks follow, and are not shown)"
        self._write(f"  {call.name}: {shorten(text, self._width - len(call.name) - 4)}")


def show_call(console: Console, call: FunctionCall, *, result: ToolResult, seconds: float) -> None:
    """Two lines: the call with its arguments, then the result and the time it took.

    A failed one is followed by its problems, where there are several, and by
    the tool's own exception.
    """
    mark = console.style("▸", "green") if result.ok else console.style("✗", "red")
    width = console.width
    room = width - len(call.name) - 4
    arguments = shorten(", ".join(f"{k}={compact(v)}" for k, v in call.args.items()), room)
    console.print(f"{mark} {console.style(call.name, 'bold')}({arguments})")
    took = duration(seconds)
    if result.error is None:
        text = console.style(shorten(compact(result.content), width - len(took) - 7), "cyan")
    else:
        text = console.style(shorten(summary_of(result.error), width - len(took) - 7), "red")
    console.print(f"  → {text}  {console.style(took, 'dim')}")
    if result.error is not None:
        for problem in problems_of(result.error):
            console.print(f"    {shorten(problem, width - 4)}")
        show_cause(console, result)


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s"
