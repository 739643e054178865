"""Sampling: which traces are kept, decided when their local root has ended.

A trace is drawn by the random part of its id, as OpenTelemetry's consistent
sampling does it (the last 56 bits against a threshold), so that processes with
the same share agree on it without talking.
https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.trace._checks import number, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.trace._local import Local
    from altar.trace._span import Span

__all__ = ["Sampler", "Sampling"]

_RANDOM = 1 << 56


class Sampling:
    """Which traces are kept: a ``share`` of all, and those that failed or were slow.

    ``share`` is from 0 to 1; with 1, all are kept, and reach the sinks as they
    end. Else a trace that was not drawn waits until its local root has ended,
    and is kept whole when a span of it failed (``errors``) or took ``slow``
    seconds or more. A trace that another process began is drawn when that
    process says so. At most ``waiting`` spans wait; the oldest are let go first.
    """

    __slots__ = ("errors", "share", "slow", "waiting")

    def __init__(
        self,
        share: float = 1.0,
        *,
        slow: float | None = None,
        errors: bool = True,
        waiting: int = 50_000,
    ) -> None:
        number("Sampling", "share", share, example=0.1, most=1)
        if slow is not None:
            number("Sampling", "slow", slow, example=2.0)
        whole("Sampling", "waiting", waiting, least=1)
        self.share = share
        self.slow = slow
        self.errors = errors
        self.waiting = waiting

    def __repr__(self) -> str:
        return (
            f"Sampling({self.share!r}, slow={self.slow!r}, errors={self.errors!r}, "
            f"waiting={self.waiting!r})"
        )

    def draws(self, trace_id: int) -> bool:
        """Whether a trace is among the share; the same answer in every process."""
        return trace_id % _RANDOM >= _RANDOM - int(self.share * _RANDOM)


class Sampler:
    """Holds back the spans of traces that are not decided; called by the drainer alone."""

    __slots__ = ("_held", "_ripe", "_ripening", "_rule", "_slow", "held", "sampled_out")

    def __init__(self, rule: Sampling) -> None:
        self._rule = rule
        self._slow = None if rule.slow is None else round(rule.slow * 1e9)
        self._held: dict[Local, list[Span]] = {}  # oldest first
        # A root may be seen before a child that ended earlier, in another thread's ring, which was
        # taken first. So a root seen in one round of the drainer decides after the next.
        self._ripening: list[Local] = []
        self._ripe: list[Local] = []
        self.held = 0
        self.sampled_out = 0

    @property
    def keeps_all(self) -> bool:
        """Whether there is nothing to decide."""
        return self._rule.share >= 1

    def take(self, spans: Iterable[Span]) -> list[Span]:
        """The spans to keep, of these and of those that waited."""
        kept: list[Span] = []
        for span in spans:
            local = span._local.owner or span._local  # noqa: SLF001 - one noun in two modules
            if local.kept is None and local.sampled:
                local.kept = True
            if local.kept:
                kept.append(span)
            elif local.kept is False:
                self.sampled_out += 1
            elif self._is_telling(span):
                local.kept = True
                kept += self._release(local)
                kept.append(span)
            else:
                self._hold(local, span)
        while self.held > self._rule.waiting:
            self._let_go(next(iter(self._held)))
        return kept

    def settle(self, *, everything: bool = False) -> None:
        """Decide the traces whose roots were seen before the last round, or all there are."""
        for local in self._ripe:
            local.kept = local.kept is True
            self._let_go(local)
        self._ripe, self._ripening = self._ripening, []
        if everything:
            for local in self._ripe:
                local.kept = local.kept is True
            self._ripe = []
            for local in list(self._held):
                self._let_go(local)

    def _is_telling(self, span: Span) -> bool:
        """Whether a span alone is reason to keep its trace."""
        if self._rule.errors and span.error is not None:
            return True
        # a part that is slow makes the whole slow
        return self._slow is not None and span.ended - span.started >= self._slow

    def _hold(self, local: Local, span: Span) -> None:
        self._held.setdefault(local, []).append(span)
        self.held += 1
        if local.root_id in (span.span_id, 0):
            self._ripening.append(local)

    def _release(self, local: Local) -> list[Span]:
        spans = self._held.pop(local, [])
        self.held -= len(spans)
        return spans

    def _let_go(self, local: Local) -> None:
        """Not kept, as far as is known; what comes later may still tell otherwise."""
        self.sampled_out += len(self._release(local))
