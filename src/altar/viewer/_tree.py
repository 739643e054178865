"""Tree: one trace as lines of text, a line for each span and below it what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.viewer._details import call_of, details, label
from altar.viewer._text import Line, columns, count, cut, duration, money, padded, plural, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from altar.trace import SpanRecord, TraceRecord

__all__ = ["title", "tree"]

# columns: below them no tokens and costs, below them no bar, from them on a long one
_NARROWEST, _NARROW, _WIDE = 48, 64, 120
_TIME, _BAR, _TOKENS, _COST = 8, 14, 11, 9
_DEEPEST_SHARE = 2  # at most a half of the width is spent on indentation
_LEAST = 16  # columns for a text, however deep


def title(trace: TraceRecord, width: int) -> Iterator[Line]:
    """What a trace is, in a line or two: its id, when it began, what it took."""
    yield [(cut(f"trace {trace.id}", width), "bold")] + (
        [(f"  {when(trace.start)}", "dim")] if width >= _NARROW else []
    )
    spend = trace.spend
    facts = [duration(trace.seconds), plural(len(trace.spans), "span")]
    if spend.input_tokens or spend.output_tokens:
        facts.append(f"{spend.input_tokens:,} tokens in, {spend.output_tokens:,} out")
    if spend.cost is not None:
        facts.append(money(spend.cost))
    tail: Line = [("  running", "yellow")] if trace.running else []
    if trace.errors:
        tail.append((f"  {plural(trace.errors, 'error')}", "red"))
    room = width - sum(len(text) for text, _ in tail)
    yield [(cut("  ".join(facts), room), ""), *tail]


def tree(
    trace: TraceRecord,
    width: int,
    *,
    full: bool = False,
    errors: bool = False,
    slowest: int | None = None,
) -> Iterator[Line]:
    """The spans of a trace, each below its parent; ``errors`` leaves out what went well.

    With ``slowest`` only so many spans, those that took longest of all that
    have nothing below them, one after the other. ``full`` cuts nothing. The
    columns on the right are the time a span took, where it lay in the trace
    (parallel work lies side by side), tokens in and out, and the cost.
    """
    rows = list(trace.rows())
    if errors:
        rows = _failed(rows)
    if slowest is not None:
        leaves = [(0, span) for _, span in rows if not trace.children(span)]
        rows = sorted(leaves, key=lambda row: row[1].seconds, reverse=True)[:slowest]
    frame = _Frame(trace, width)
    if frame.head:
        yield [(frame.head, "dim")]
    lasts = _lasts(rows)
    above: list[str] = []  # what stands left of a row, by depth
    for number, (depth, span) in enumerate(rows):
        del above[max(0, depth - 1) :]
        before = "".join(above[-frame.most_indents :]) if above else ""
        if len(above) > frame.most_indents:
            before = "…" + before[1:]
        branch = "" if depth == 0 else ("└ " if lasts[number] else "├ ")
        if depth:
            above.append("  " if lasts[number] else "│ ")
        has_more = number + 1 < len(rows) and rows[number + 1][0] > depth
        below = before + ("" if depth == 0 else above[-1]) + ("│ " if has_more else "  ")
        room = max(_LEAST, width - columns(below))
        called = call_of(span)
        line, fits = frame.row(before + branch, span, called)
        yield line
        for more in details(span, room, full=full, call=bool(called) and not fits):
            yield [(below, "dim"), *more]


class _Frame:
    """The columns of a tree: how wide each is, and where the time of a span lies in its bar."""

    def __init__(self, trace: TraceRecord, width: int) -> None:
        self._trace = trace
        self._start = trace.start
        self._length = max(1, trace.end - trace.start)
        spend, fits = trace.spend, width >= _NARROWEST
        self._tokens = _TOKENS if fits and (spend.input_tokens or spend.output_tokens) else 0
        self._cost = _COST if fits and spend.cost is not None else 0
        numbers = _TIME + self._tokens + self._cost
        self._bar = 0 if width < _NARROW else _BAR
        if width >= _WIDE:
            self._bar = max(_BAR, width // 2 - numbers)
        self.left = max(_LEAST, width - numbers - (self._bar + 2 if self._bar else 0))
        self.most_indents = max(1, self.left // _DEEPEST_SHARE // 2)
        self.head = ""
        if self._tokens:
            bar = " " * (self._bar + 2 if self._bar else 0)
            cost = padded("cost", self._cost, right=True) if self._cost else ""
            self.head = f"{' ' * self.left}{'time':>{_TIME}}{bar}{'tokens':>{_TOKENS}}{cost}"

    def row(self, before: str, span: SpanRecord, called: str) -> tuple[Line, bool]:
        """The line of a span, and whether its arguments fit into it."""
        mark = "✗ " if span.error else ""
        name = cut(label(span), max(4, self.left - columns(before + mark)))
        room = self.left - columns(before + mark + name) - 1
        fits = bool(called) and columns(called) + 2 <= room
        shown = f"({called})" if fits else ""
        line: Line = [(before, "dim"), (mark, "red"), (name, _style(span))]
        line.append((padded(shown, max(0, room + 1)), "cyan"))
        time = duration(span.seconds) + ("+" if span.name == "(running)" else "")
        line.append((f"{time:>{_TIME}}", "yellow" if span.placeholder else ""))
        if self._bar:
            line += self._lies(span)
        line.append(self._took(span))
        return _trimmed(line), fits

    def _lies(self, span: SpanRecord) -> Line:
        """A bar as long as the span's share of the trace, where the span lay."""
        begin = (span.start - self._start) * self._bar // self._length
        end = -(-(span.end - self._start) * self._bar // self._length)
        begin = min(begin, self._bar - 1)
        size = max(1, min(end, self._bar) - begin)
        style = "red" if span.error else ("green" if span.kind == "tool" else "cyan")
        if span.kind in ("generate", "round") and not span.error:
            style = "dim"
        return [
            (" " * (begin + 2), ""),
            ("━" * size, style),
            (" " * (self._bar - begin - size), ""),
        ]

    def _took(self, span: SpanRecord) -> tuple[str, str]:
        spend = self._trace.spend_of(span)
        tokens = ""
        if spend.input_tokens or spend.output_tokens:
            tokens = f"{count(spend.input_tokens)}→{count(spend.output_tokens)}"
        cost = money(spend.cost)
        text = padded(tokens, self._tokens, right=True) + padded(cost, self._cost, right=True)
        return text, "" if span.kind == "model" else "dim"


def _trimmed(line: Line) -> Line:
    while line and not line[-1][0].strip():
        line.pop()
    if line:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def _style(span: SpanRecord) -> str:
    if span.error:
        return "red"
    if span.placeholder:
        return "yellow"
    return "bold" if span.kind in ("generate", "tool") else ""


def _lasts(rows: Sequence[tuple[int, SpanRecord]]) -> list[bool]:
    """Of each row, whether no other follows below the same parent."""
    found = [True] * len(rows)
    open_at: list[bool] = []  # by depth: whether a row of that depth follows
    for number in range(len(rows) - 1, -1, -1):
        depth = rows[number][0]
        del open_at[depth + 1 :]
        open_at += [False] * (depth + 1 - len(open_at))
        found[number] = not open_at[depth]
        open_at[depth] = True
    return found


def _failed(rows: Sequence[tuple[int, SpanRecord]]) -> list[tuple[int, SpanRecord]]:
    """The rows with an error, and those above them."""
    found: list[tuple[int, SpanRecord]] = []
    wanted = -1  # the depth of the row above the one found last
    for depth, span in reversed(rows):
        if span.error or depth == wanted:
            found.append((depth, span))
            wanted = depth - 1
    return found[::-1]
