"""How a call, its arguments, its result and its time look on a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.cli._console import compact, shorten

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.cli._console import Console

__all__ = ["duration", "show_call"]


def show_call(console: Console, call: FunctionCall, *, result: ToolResult, seconds: float) -> None:
    """Two lines: the call with its arguments, then the result and the time it took."""
    mark = console.style("▸", "green") if result.ok else console.style("✗", "red")
    width = console.width
    room = width - len(call.name) - 4
    arguments = shorten(", ".join(f"{k}={compact(v)}" for k, v in call.args.items()), room)
    console.print(f"{mark} {console.style(call.name, 'bold')}({arguments})")
    took = duration(seconds)
    if result.error is None:
        text = console.style(shorten(compact(result.content), width - len(took) - 7), "cyan")
    else:
        error = result.error
        line = shorten(f"{error.type}: {error.message}", width - len(took) - 7)
        text = console.style(line, "red")
    console.print(f"  → {text}  {console.style(took, 'dim')}")


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s"
