"""Store: what the viewer knows of every span, in columns, and where the rest of it lies."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altar.trace._record import SpanRecord

__all__ = ["NONE", "Store", "Trace"]

NONE = 0xFFFFFFFF
_LONGEST = 500  # characters of a name


class Trace:
    """One trace: its spans in the order in which they ended, and their sums."""

    __slots__ = (
        "asked", "called", "errors", "failed", "first", "id", "keys", "kinds", "last", "place",
        "root", "seen", "spans", "title", "tools", "used", "waited_for",
    )  # fmt: skip

    def __init__(self, identity: str, place: int, first: int) -> None:
        self.id = identity
        self.place = place
        self.spans = array("I")  # sequence numbers in the store
        self.keys: dict[str, int] = {}  # span id -> a small number, own to this trace
        self.seen = bytearray()  # by key: 1 when that span is here
        self.waited_for: set[int] = set()  # parents of this file's programs that have not ended
        self.root = -1
        self.first = self.last = first
        self.errors = 0
        self.failed = False
        self.title: str | None = None  # read when somebody looks
        self.called: set[int] = set()  # models that answered
        self.asked: set[int] = set()  # models that were to
        self.tools: set[int] = set()
        self.kinds: set[int] = set()
        # tokens in, out, cost: of requests to models, and as runs report them
        self.used = [[0, 0, math.nan], [0, 0, math.nan]]

    @property
    def running(self) -> bool:
        """True while no root has ended, and a span that has children has not."""
        return bool(self.waited_for) and self.root < 0

    @property
    def models(self) -> set[int]:
        """The models that answered; those asked where no request is in the file."""
        return self.called or self.asked

    @property
    def usage(self) -> list[Any]:
        """Tokens in, tokens out and US dollars (not a number where nobody knows)."""
        requests, runs = self.used
        is_told = requests[0] or requests[1] or not math.isnan(requests[2])
        return requests if is_told else runs

    def key(self, span: str) -> int:
        """The small number of a span id, given at first sight."""
        found = self.keys.get(span)
        if found is None:
            found = self.keys[span] = len(self.keys)
            self.seen.append(0)
        return found


class Store:
    """Every span of one file, a number for each fact; texts stay where they are."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.by_id: dict[str, Trace] = {}
        self.words: list[str] = []
        self._word: dict[str, int] = {}
        self.start, self.end, self.place = array("q"), array("q"), array("q")
        self.key, self.parent = array("I"), array("I")
        self.name, self.kind, self.error = array("I"), array("I"), array("I")
        self.subject = array("I")  # the model or the tool
        self.input, self.output, self.cost = array("q"), array("q"), array("d")
        self.remote = bytearray()

    def __len__(self) -> int:
        return len(self.start)

    def word(self, text: str) -> int:
        """The number of a text that many spans share; NONE for an empty one."""
        if not text:
            return NONE
        text = text[:_LONGEST]
        found = self._word.get(text)
        if found is None:
            found = self._word[text] = len(self.words)
            self.words.append(text)
        return found

    def find(self, text: str) -> int:
        """The number of a text, -1 when no span has it."""
        return self._word.get(text[:_LONGEST], -1)

    def text(self, number: int) -> str:
        """The text with this number."""
        return "" if number == NONE else self.words[number]

    def take(self, span: SpanRecord) -> bool:
        """Add a span; False when it was there already."""
        trace = self.by_id.get(span.trace)
        if trace is None:
            trace = Trace(span.trace, len(self.traces), span.start)
            self.by_id[span.trace] = trace
            self.traces.append(trace)
        key = trace.key(span.span)
        if trace.seen[key]:
            return False
        trace.seen[key] = 1
        trace.waited_for.discard(key)
        above = trace.key(span.parent) if span.parent else NONE
        if above != NONE and not span.remote and not trace.seen[above]:
            trace.waited_for.add(above)
        at = len(self.start)
        trace.spans.append(at)
        self._add(span, key, above)
        self._sum(trace, span, at)
        return True

    def _add(self, span: SpanRecord, key: int, above: int) -> None:
        self.start.append(span.start)
        self.end.append(span.end)
        self.place.append(span.place)
        self.key.append(key)
        self.parent.append(above)
        self.name.append(self.word(span.name))
        self.kind.append(self.word(span.kind))
        self.error.append(NONE if span.error is None else self.word(span.error[0] or "error"))
        is_tool = span.kind == "tool"
        self.subject.append(self.word(span.tool or span.name if is_tool else span.model))
        self.input.append(_count(span.input_tokens))
        self.output.append(_count(span.output_tokens))
        self.cost.append(math.nan if span.cost is None else float(span.cost))
        self.remote.append(span.remote)

    def _sum(self, trace: Trace, span: SpanRecord, at: int) -> None:
        trace.first = min(trace.first, span.start)
        trace.last = max(trace.last, span.end)
        trace.kinds.add(self.kind[at])
        trace.errors += span.error is not None
        if not span.parent or span.remote:
            trace.failed = trace.failed or span.error is not None
            if trace.root < 0 or span.start < self.start[trace.root]:
                trace.root = at
                trace.title = None
        if span.kind == "tool":
            trace.tools.add(self.subject[at])
        elif span.kind in {"generate", "model"}:
            if span.model:
                (trace.called if span.kind == "model" else trace.asked).add(self.subject[at])
            used = trace.used[span.kind == "generate"]
            used[0] += max(self.input[at], 0)
            used[1] += max(self.output[at], 0)
            if span.cost is not None:
                used[2] = self.cost[at] + (0.0 if math.isnan(used[2]) else used[2])


def _count(value: int | None) -> int:
    """A number of tokens, -1 when it is not told or absurd."""
    return -1 if value is None or value > 2**53 else value
