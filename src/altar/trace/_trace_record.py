"""TraceRecord: the spans of one trace as a tree, with its times and what it took."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from altar.trace._record import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Spend", "TraceRecord"]


class Spend(NamedTuple):
    """What some work took; ``cost`` is in USD, None where nobody knew a price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None

    def plus(self, other: Spend) -> Spend:
        """Both together."""
        return Spend(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            _more(self.cost, other.cost, Decimal.__add__),
        )

    def at_least(self, other: Spend) -> Spend:
        """The greater of each figure: two accounts of the same work."""
        return Spend(
            max(self.input_tokens, other.input_tokens),
            max(self.output_tokens, other.output_tokens),
            _more(self.cost, other.cost, max),
        )


class TraceRecord:
    """One trace of a file.

    ``start`` is when its first span began, ``end`` when the last that the file
    holds ended, in nanoseconds since the epoch; ``errors`` is how many spans
    ended with one.

    A span whose parent is not in the file stands under a placeholder: named
    ``(running)`` while the trace's root has not ended, ``(lost)`` after that.
    A span whose parent is in another process that wrote elsewhere is a root.
    """

    def __init__(self, id: str) -> None:  # noqa: A002 - a trace's own field
        self.id = id
        self.spans: list[SpanRecord] = []
        self.start = 0
        self.end = 0
        self.errors = 0
        self._ids: set[str] = set()
        self._tree: _Tree | None = None

    def __repr__(self) -> str:
        return f"TraceRecord({self.name!r}, {len(self.spans)} spans, id={self.id!r})"

    def add(self, span: SpanRecord) -> bool:
        """Take one more span of this trace; False when it has one of that id."""
        if span.span in self._ids:
            return False
        self._ids.add(span.span)
        self.start = min(self.start, span.start) if self.spans else span.start
        self.end = max(self.end, span.end)
        self.errors += span.error is not None
        self.spans.append(span)
        self._tree = None
        return True

    @property
    def roots(self) -> Sequence[SpanRecord]:
        """The spans that belong to no other, oldest first; placeholders among them."""
        return self._built.roots

    @property
    def root(self) -> SpanRecord:
        """The first of them."""
        return self._built.roots[0]

    def children(self, span: SpanRecord) -> Sequence[SpanRecord]:
        """The spans directly below one, in the order in which they began."""
        return self._built.children.get(span.span, ())

    def rows(self) -> Iterator[tuple[int, SpanRecord]]:
        """Every span with its depth, each before what is below it; placeholders too."""
        return iter(self._built.rows)

    @property
    def name(self) -> str:
        """The root's."""
        return self.root.name

    @property
    def seconds(self) -> float:
        """From when its first span began until the last that the file holds ended."""
        return (self.end - self.start) / 1e9

    @property
    def running(self) -> bool:
        """Whether its root has not ended, as far as the file tells."""
        return self.root.placeholder

    @property
    def status(self) -> Literal["ok", "error", "running"]:
        """What became of its root: errors of spans below it may have been dealt with."""
        if self.running:
            return "running"
        return "error" if any(root.error for root in self.roots) else "ok"

    @property
    def spend(self) -> Spend:
        """What it took, all in all.

        The sum of a run and those of its requests tell the same twice and count
        once; a run inside a tool counts beside the run that called the tool.
        """
        return self._built.total

    def spend_of(self, span: SpanRecord) -> Spend:
        """What a span and everything below it took."""
        return self._built.spends.get(span.span, Spend())

    @property
    def _built(self) -> _Tree:
        tree = self._tree
        if tree is None:
            tree = self._tree = _Tree(self.id, self.spans)
        return tree


class _Tree:
    """Who is below whom; made anew when a span was added."""

    def __init__(self, trace: str, spans: Sequence[SpanRecord]) -> None:
        self.children: dict[str, list[SpanRecord]] = {}
        self.roots = self._link(trace, spans)
        for below in self.children.values():
            below.sort(key=_began)
        self.rows: list[tuple[int, SpanRecord]] = []
        seen: set[str] = set()
        self._walk(self.roots, seen)
        if len(seen) < len(spans):  # spans that say they are each other's parents
            for span in sorted(spans, key=_began):
                if span.span not in seen:
                    self.roots.append(span)
                    self._walk([span], seen)
        self.spends: dict[str, Spend] = {}
        self.total = Spend()
        self._sum()

    def _link(self, trace: str, spans: Sequence[SpanRecord]) -> list[SpanRecord]:
        """Put every span below its parent; those that have none are returned."""
        children = self.children
        known = {span.span for span in spans}
        roots: list[SpanRecord] = []
        missing: dict[str, SpanRecord] = {}
        for span in spans:
            parent = span.parent
            if parent in known and parent != span.span:
                children.setdefault(parent, []).append(span)
            elif not parent or span.remote or parent == span.span:
                roots.append(span)
            else:
                children.setdefault(parent, []).append(span)
                _stretch(missing, span, trace)
        roots.sort(key=_began)
        ended = any(not root.remote for root in roots)
        for placeholder in sorted(missing.values(), key=_began):
            placeholder.name = "(lost)" if ended else "(running)"
            if roots:  # the first of all is most likely above the others
                children.setdefault(roots[0].span, []).append(placeholder)
            else:
                roots.append(placeholder)
        return roots or [SpanRecord(trace, "", name="(empty)")]

    def _walk(self, spans: Iterable[SpanRecord], seen: set[str]) -> None:
        waiting = [(0, span) for span in reversed(list(spans))]
        while waiting:
            depth, span = waiting.pop()
            if span.span in seen:
                continue
            seen.add(span.span)
            self.rows.append((depth, span))
            below = self.children.get(span.span)
            if below:
                waiting.extend((depth + 1, one) for one in reversed(below))

    def _sum(self) -> None:
        """Add up from below: of a run's sum and those of its parts the greater counts.

        What runs inside a tool took is no part of the sum of the run around it.
        """
        levels: list[tuple[Spend, Spend]] = []  # by depth: of the run's own, and within tools
        none = Spend()
        for depth, span in reversed(self.rows):
            while len(levels) <= depth + 1:
                levels.append((none, none))
            inner, apart = levels[depth + 1]
            levels[depth + 1] = (none, none)
            if span.input_tokens or span.output_tokens or span.cost is not None:
                own = Spend(span.input_tokens or 0, span.output_tokens or 0, span.cost)
                inner = own.at_least(inner)
            both = inner if apart is none else inner.plus(apart)
            if both is not none:
                self.spends[span.span] = both
                around, beside = levels[depth]
                if span.kind == "tool":
                    levels[depth] = (around, beside.plus(both))
                else:
                    levels[depth] = (
                        around if inner is none else around.plus(inner),
                        beside if apart is none else beside.plus(apart),
                    )
        self.total = levels[0][0].plus(levels[0][1]) if levels else none


def _began(span: SpanRecord) -> int:
    return span.start


def _stretch(missing: dict[str, SpanRecord], span: SpanRecord, trace: str) -> None:
    """Let the placeholder for a span's parent last as long as what is below it."""
    found = missing.get(span.parent)
    if found is None:
        found = missing[span.parent] = SpanRecord(trace, span.parent, name="(running)")
        found.placeholder = True
        found.start, found.end, found.process = span.start, span.end, span.process
    found.start = min(found.start, span.start)
    found.end = max(found.end, span.end)


def _more(
    a: Decimal | None, b: Decimal | None, join: Callable[[Decimal, Decimal], Decimal]
) -> Decimal | None:
    if a is None or b is None:
        return a if b is None else b
    return join(a, b)
