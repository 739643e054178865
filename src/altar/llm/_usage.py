"""Usage and price: what requests took, in inclusive buckets; None where nobody said."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from altar.llm._checks import check_amount, check_count, check_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Price", "Usage"]

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a million tokens cost: ``input``, ``output``, and cached input where it differs.

    ``cache_write`` is what input costs that is written into a cache. Beyond
    ``long_above`` input tokens a request is priced by ``long`` as a whole.
    """

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    long_above: int | None = None
    long: Price | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached", "cache_write"):
            check_amount("Price", name, getattr(self, name), none=name.startswith("cache"))
        check_count("Price", "long_above", self.long_above, 0)
        if self.long is not None:
            check_kind("Price", "long", self.long, Price, "Price(input=..., output=...)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one reply, or of every reply of a run.

    ``input_tokens`` includes ``cached_tokens`` (read) and
    ``cache_write_tokens``; ``output_tokens`` includes ``reasoning_tokens``.
    None means that the provider did not report it, never zero. ``requests``
    counts the answered requests, ``cost`` is None when any price is unknown,
    and ``raw`` holds each provider's own counters.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    requests: int = 1
    cost: Decimal | None = None
    raw: tuple[Any, ...] = field(default=())

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, or None when either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    def priced(self, price: Price | None) -> Decimal | None:
        """What these tokens cost at ``price``; None when a count or the price is unknown."""
        if price is None or self.input_tokens is None or self.output_tokens is None:
            return None
        if price.long is not None and self.input_tokens > (price.long_above or 0):
            price = price.long
        cached = self.cached_tokens or 0
        written = self.cache_write_tokens or 0
        read_at = price.input if price.cached is None else price.cached
        write_at = price.input if price.cache_write is None else price.cache_write
        fresh = (self.input_tokens - cached - written) * price.input
        output = self.output_tokens * price.output
        return (fresh + cached * read_at + written * write_at + output) / _MILLION

    @staticmethod
    def total(usages: Iterable[Usage], price: Price | None = None) -> Usage:
        """The sum over ``usages``: a counter that one of them lacks stays None."""
        every = list(usages)
        costs = [usage.priced(price) if usage.cost is None else usage.cost for usage in every]
        return Usage(
            input_tokens=_sum([usage.input_tokens for usage in every]),
            output_tokens=_sum([usage.output_tokens for usage in every]),
            cached_tokens=_sum([usage.cached_tokens for usage in every]),
            cache_write_tokens=_sum([usage.cache_write_tokens for usage in every]),
            reasoning_tokens=_sum([usage.reasoning_tokens for usage in every]),
            requests=sum([usage.requests for usage in every]),
            cost=_sum_costs(costs),
            raw=tuple([raw for usage in every for raw in usage.raw]),
        )


def _sum(counts: list[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total if counts else None


def _sum_costs(costs: list[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total if costs else None
