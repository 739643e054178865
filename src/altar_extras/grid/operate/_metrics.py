"""Metrics: counters, gauges and histograms of one process, as Prometheus reads them."""

from __future__ import annotations

import re
from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Counter", "Gauge", "Histogram", "Metrics"]

MOST_SERIES = 2000  # of one metric; what comes beyond is counted as "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}", re.ASCII)


class Counter:
    """What only grows. ``add`` takes the values of the labels in their order."""

    kind = "counter"

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._series: dict[tuple[str, ...], float] = {}

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count one more."""
        key = self._key(values)
        self._series[key] = self._series.get(key, 0.0) + by

    def value(self, *values: str) -> float:
        """The count so far."""
        return self._series.get(values, 0.0)

    def lines(self, name: str) -> Iterable[str]:
        """The samples."""
        for key, value in sorted(self._series.items()):
            yield f"{name}{_labelled(self._labels, key)} {_number(value)}"

    def _key(self, values: tuple[str, ...]) -> tuple[str, ...]:
        if values in self._series:
            return values
        if len(values) != len(self._labels):
            raise ConfigurationError(f"{len(values)} values for the labels {self._labels}")
        # a peer's words must not fill the memory
        return values if len(self._series) < MOST_SERIES else ("other",) * len(values)


class Gauge(Counter):
    """What goes up and down; ``read`` may be given to be asked when somebody looks."""

    kind = "gauge"

    def __init__(
        self, labels: tuple[str, ...], read: Callable[[], float | None] | None = None
    ) -> None:
        super().__init__(labels)
        self._ask = read

    def set(self, value: float, *values: str) -> None:
        """It is this now."""
        self._series[self._key(values)] = value

    def drop(self, *values: str) -> None:
        """It is nothing any more."""
        self._series.pop(values, None)

    def lines(self, name: str) -> Iterable[str]:
        """The samples."""
        if self._ask is not None:
            found = self._ask()
            return [] if found is None else [f"{name} {_number(found)}"]
        return super().lines(name)


class Histogram:
    """How values are spread; ``bounds`` are the upper ends, seconds by default."""

    kind = "histogram"

    def __init__(self, labels: tuple[str, ...], bounds: tuple[float, ...] = SECONDS) -> None:
        self._labels = labels
        self._bounds = bounds
        self._series: dict[tuple[str, ...], list[float]] = {}

    def observe(self, value: float, *values: str) -> None:
        """One more value."""
        counts = self._series.get(values)
        if counts is None:
            if len(self._series) >= MOST_SERIES:
                values = ("other",) * len(values)
            counts = self._series.setdefault(values, [0.0] * (len(self._bounds) + 2))
        counts[bisect_left(self._bounds, value)] += 1
        counts[-1] += value

    def lines(self, name: str) -> Iterable[str]:
        """The samples."""
        for key, counts in sorted(self._series.items()):
            total = 0.0
            for bound, count in zip((*self._bounds, inf), counts[:-1], strict=True):
                total += count
                edge = "+Inf" if bound == inf else f"{bound:g}"
                labels = _labelled((*self._labels, "le"), (*key, edge))
                yield f"{name}_bucket{labels} {_number(total)}"
            yield f"{name}_sum{_labelled(self._labels, key)} {_number(counts[-1])}"
            yield f"{name}_count{_labelled(self._labels, key)} {_number(total)}"


class Metrics:
    """The figures of one process; each name once. ``text()`` is what /metrics says."""

    CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._all: dict[str, tuple[str, Counter | Histogram]] = {}

    def counter(self, name: str, about: str, *, labels: tuple[str, ...] = ()) -> Counter:
        """A new counter; its name ends in _total."""
        made = Counter(labels)
        self._put(name, about, made)
        return made

    def gauge(
        self,
        name: str,
        about: str,
        *,
        labels: tuple[str, ...] = (),
        read: Callable[[], float | None] | None = None,
    ) -> Gauge:
        """A new gauge; ``read`` is asked when somebody looks, and None is left out."""
        made = Gauge(labels, read)
        self._put(name, about, made)
        return made

    def histogram(
        self,
        name: str,
        about: str,
        *,
        labels: tuple[str, ...] = (),
        bounds: tuple[float, ...] = SECONDS,
    ) -> Histogram:
        """A new histogram."""
        made = Histogram(labels, bounds)
        self._put(name, about, made)
        return made

    def add(self, name: str, about: str, metric: Counter | Histogram) -> None:
        """Show what is counted elsewhere."""
        self._put(name, about, metric)

    def text(self) -> str:
        """All of them in Prometheus' text format."""
        out: list[str] = []
        for name, (about, metric) in sorted(self._all.items()):
            shown = about.replace("\\", "\\\\").replace("\n", "\\n")
            out += [f"# HELP {name} {shown}", f"# TYPE {name} {metric.kind}", *metric.lines(name)]
        return "\n".join(out) + "\n"

    def _put(self, name: str, about: str, metric: Counter | Histogram) -> None:
        if _NAME.fullmatch(name) is None or name in self._all:
            raise ConfigurationError(f"{name!r:.80} is no name of a metric, or it is taken")
        self._all[name] = (about, metric)


def _labelled(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    clean = value[:128].encode("utf-8", "replace").decode()
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
