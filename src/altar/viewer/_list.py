"""List: the traces of a file as lines of text, one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.viewer._details import asked
from altar.viewer._text import Line, columns, count, cut, duration, money, plain, plural, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from altar.trace import SpanRecord, TraceRecord

__all__ = ["ID_DIGITS", "ended", "listed"]

ID_DIGITS = 8  # of an id: enough to tell the traces of a file apart
_NARROW = 64
_LEAST_SAID = 12  # columns for what failed, or for what was asked
_MARKS = {"ok": ("✓", "green"), "error": ("✗", "red"), "running": ("▸", "yellow")}


def listed(traces: Sequence[TraceRecord], width: int) -> Iterator[Line]:
    """A heading and a line for each trace: id, start, time, spans, tokens, cost, name, errors."""
    wide = width >= _NARROW
    dates = len({when(trace.start)[:10] for trace in traces}) > 1
    at = 19 if dates else 8
    start = f"{'started':<{at}}  " if wide else ""
    spend = f"{'tokens':>7}{'cost':>10}  " if wide else "  "
    yield [(f"  {'id':<{ID_DIGITS}}  {start}{'time':>8}{'spans':>7}{spend}name", "dim")]
    for trace in traces:
        mark, style = _MARKS[trace.status]
        took = trace.spend
        tokens = took.input_tokens + took.output_tokens
        line: Line = [(f"{mark} ", style), (trace.id[:ID_DIGITS], "bold")]
        if wide:
            line.append((f"  {when(trace.start, date=dates):<{at}}", "dim"))
        time = duration(trace.seconds) + ("+" if trace.running else "")
        line.append((f"  {time:>8}{count(len(trace.spans)):>7}", ""))
        if wide:
            line.append((f"{count(tokens) if tokens else '':>7}{money(took.cost):>10}", ""))
        line.append(("  ", ""))
        room = max(8, width - sum(len(text) for text, _ in line))
        yield line + _named(trace, room)


def _named(trace: TraceRecord, room: int) -> Line:
    """Its name, what failed, and what was asked, as far as there is room."""
    said, style = _failed(trace)
    name = cut(_name(trace), room - min(columns(said), _LEAST_SAID) - 2 if said else room)
    line: Line = [(name, "")]
    left = room - columns(name) - 2
    if said:
        line.append(("  " + cut(said, left), style))
        left -= columns(said) + 2
    prompt = _prompt(trace) if left >= _LEAST_SAID else ""
    if prompt:
        line.append((f"  “{cut(prompt, left - 2)}”", "dim"))
    return line


def _failed(trace: TraceRecord) -> tuple[str, str]:
    error = next((root.error for root in trace.roots if root.error), None)
    if error is not None:
        return plain(f"{error[0]}: {error[1]}" if error[1] else error[0]), "red"
    return (plural(trace.errors, "error"), "yellow") if trace.errors else ("", "")


def _name(trace: TraceRecord) -> str:
    """The root's name; while it runs, what ended last."""
    if trace.running:
        last = max(trace.spans, key=lambda span: span.end)
        return plain(f"{trace.name} after {last.tool or last.name}")
    return plain(trace.name)


def _prompt(trace: TraceRecord) -> str:
    """What the user asked in its first run, wherever that is: as the browser says it."""
    runs = [span for span in trace.spans if span.kind in ("generate", "model")]
    runs.sort(key=lambda span: (span.start, -span.end))
    return plain(next(filter(None, (asked(span.attributes) for span in runs[:5])), ""))


def ended(span: SpanRecord, width: int) -> Line:
    """A span in a line, as it is told when it has just ended."""
    moment = f"{when(span.end, date=False)}.{span.end // 1_000_000 % 1000:03}"
    line: Line = [(moment, "dim"), (f"  {span.trace[:ID_DIGITS]}  ", "dim")]
    line.append((f"{duration(span.seconds):>8}  ", ""))
    line.append(("✗ ", "red") if span.error else ("✓ ", "green"))
    room = max(8, width - sum(len(text) for text, _ in line))
    name = cut(plain(span.tool or span.name), room)
    line.append((name, "red" if span.error else ""))
    left = room - columns(name) - 2
    if span.error and left > 0:
        line.append(("  " + cut(plain(f"{span.error[0]}: {span.error[1]}"), left), "red"))
    return line
