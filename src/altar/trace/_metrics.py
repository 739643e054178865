"""Metrics: counts and times of what was traced, in Prometheus' text format."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar.trace import _conventions as names
from altar.trace._record import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from altar.trace._span import Span

__all__ = ["Metrics"]

_TOOL_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MODEL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
_OTHER = "(other)"
_LONGEST = 200  # characters of a label's value
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metrics:
    """A sink that keeps sums instead of spans; ``text()`` is what Prometheus collects.

    A label has at most ``max_label_values`` values: what comes later counts
    under ``(other)``. Buckets are upper bounds in seconds. It counts every
    span, those too that its tracer samples out; what the tracer drops or loses
    is counted in ``altar_spans_total`` alone. In a process that was forked it
    begins anew.
    """

    before_sampling = True

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(
        self,
        *,
        tool_buckets: Sequence[float] = _TOOL_BUCKETS,
        model_buckets: Sequence[float] = _MODEL_BUCKETS,
        max_label_values: int = 100,
    ) -> None:
        if type(max_label_values) is not int or max_label_values < 1:
            raise ConfigurationError(
                f"max_label_values is {max_label_values!r}; give a positive number"
            )
        self._options = (max_label_values, tool_buckets, model_buckets)
        self._begin(*self._options)

    def _begin(
        self, most: int, tool_buckets: Sequence[float], model_buckets: Sequence[float]
    ) -> None:
        self._lock = Lock()
        self._tools = _Counter(
            "altar_tool_calls_total", "Tool calls that ended.", ("tool", "status"), most
        )
        self._tool_seconds = _Histogram(
            "altar_tool_seconds", "How long tool calls took.", ("tool",), most, tool_buckets
        )
        self._requests = _Counter(
            "altar_model_requests_total",
            "Requests to models that ended.",
            ("model", "provider", "status"),
            most,
        )
        self._model_seconds = _Histogram(
            "altar_model_seconds", "How long models took.", ("model",), most, model_buckets
        )
        self._tokens = _Counter(
            "altar_tokens_total", "Tokens of those requests.", ("model", "direction"), most
        )
        self._cost = _Counter(
            "altar_cost_usd_total", "What they cost in US dollars, if known.", ("model",), most
        )
        self._runs = _Counter("altar_generate_total", "Runs of the tool loop.", ("finish",), most)
        self._spans = _Counter(
            "altar_spans_total", "Spans: written, or what became of them.", ("outcome",), most
        )

    def write(self, spans: Sequence[Span]) -> None:
        """Count them."""
        with self._lock:
            for span in spans:
                self._count(span)

    def losses(self, found: Mapping[str, int]) -> None:
        """Count what was dropped, sampled out or lost."""
        with self._lock:
            for outcome, count in found.items():
                if count:
                    self._spans.add((outcome,), count)

    def forked(self) -> None:
        """Begin anew: what was counted, and a lock that may be held, are the parent's."""
        self._begin(*self._options)

    def close(self) -> None:
        """What was counted can still be read."""

    def text(self) -> str:
        """Every metric in the text format, version 0.0.4; serve it as ``content_type``."""
        metrics = (
            *(self._tools, self._tool_seconds, self._requests, self._model_seconds),
            *(self._tokens, self._cost, self._runs, self._spans),
        )
        with self._lock:
            return "".join(f"{line}\n" for metric in metrics for line in metric.lines())

    def _count(self, span: Span) -> None:
        status = "ok" if span.error is None else str(span.error[0]) or "error"
        seconds = max(0.0, (span.ended - span.started) / 1e9)
        self._spans.add(("ok" if span.error is None else "error",), 1)
        attributes = span.attributes or {}
        if span.kind == "tool":
            tool = str(attributes.get(names.TOOL_NAME) or span.name)
            self._tools.add((tool, status), 1)
            self._tool_seconds.observe((tool,), seconds)
        elif span.kind == "model":
            self._count_model(attributes, status, seconds)
        elif span.kind == "generate":
            finish = attributes.get(names.FINISH) or ("" if status == "ok" else "error")
            self._runs.add((str(finish or "unknown"),), 1)

    def _count_model(self, attributes: Mapping[str, object], status: str, seconds: float) -> None:
        """Count a request under the name it asked for, of which there are fewer than answered."""
        found = SpanRecord("", "")
        found.summarize(attributes)
        model = str(attributes.get(names.REQUEST_MODEL) or found.model or "unknown")
        self._requests.add((model, found.provider or "unknown", status), 1)
        self._model_seconds.observe((model,), seconds)
        if found.input_tokens is not None:
            self._tokens.add((model, "input"), found.input_tokens)
        if found.output_tokens is not None:
            self._tokens.add((model, "output"), found.output_tokens)
        if found.cost is not None and found.cost >= 0:
            self._cost.add((model,), found.cost)


class _Metric:
    """A name, its labels, and which values they have had."""

    kind = ""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], most: int) -> None:
        self.name = name
        self.text = text
        self._labels = labels
        self._most = most
        self._seen: tuple[set[str], ...] = tuple(set() for _ in labels)

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} {self.kind}"
        yield from self.samples()

    def samples(self) -> Iterator[str]:
        raise NotImplementedError

    def bounded(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values, or ``(other)`` for those that are too many."""
        return tuple(map(self._one, self._seen, values))

    def _one(self, seen: set[str], value: str) -> str:
        value = value[:_LONGEST]
        if not value.isascii():  # UTF-8 has no lone surrogates
            value = value.encode("utf-8", "replace").decode()
        if value in seen:
            return value
        if len(seen) >= self._most:
            return _OTHER
        seen.add(value)
        return value

    def labelled(self, values: tuple[str, ...], *, suffix: str = "", more: str = "") -> str:
        pairs = [
            f'{label}="{value.translate(_ESCAPED)}"'
            for label, value in zip(self._labels, values, strict=True)
        ]
        return f"{self.name}{suffix}{{{','.join([*pairs, *([more] if more else [])])}}}"


class _Counter(_Metric):
    kind = "counter"

    def __init__(self, name: str, text: str, labels: tuple[str, ...], most: int) -> None:
        super().__init__(name, text, labels, most)
        self._values: dict[tuple[str, ...], int | Decimal] = {}

    def add(self, values: tuple[str, ...], count: int | Decimal) -> None:
        key = self.bounded(values)
        self._values[key] = self._values.get(key, 0) + count

    def samples(self) -> Iterator[str]:
        for key, value in sorted(self._values.items()):
            shown = f"{value:f}" if isinstance(value, Decimal) else str(value)
            yield f"{self.labelled(key)} {shown}"


class _Histogram(_Metric):
    kind = "histogram"

    def __init__(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        most: int,
        buckets: Sequence[float],
    ) -> None:
        super().__init__(name, text, labels, most)
        bounds = [float(bound) for bound in buckets]
        if bounds != sorted(set(bounds)) or not all(abs(bound) < float("inf") for bound in bounds):
            raise ConfigurationError(
                f"buckets are {list(buckets)}; give upper bounds in seconds, each above the last"
            )
        self._bounds = bounds
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, values: tuple[str, ...], seconds: float) -> None:
        key = self.bounded(values)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(self._bounds) + 1)
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + seconds

    def samples(self) -> Iterator[str]:
        for key, counts in sorted(self._counts.items()):
            total = 0
            for bound, count in zip([*map(repr, self._bounds), "+Inf"], counts, strict=True):
                total += count
                bucket = self.labelled(key, suffix="_bucket", more=f'le="{bound}"')
                yield f"{bucket} {total}"
            yield f"{self.labelled(key, suffix='_sum')} {self._sums[key]!r}"
            yield f"{self.labelled(key, suffix='_count')} {total}"
