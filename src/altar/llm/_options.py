"""Options: the knobs of a run, as small frozen values."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias, get_args

from altar.adm import ToolConfig
from altar.llm._checks import check_count, check_kind, check_number, refuse
from altar.llm._usage import Price
from altar.runtime import Cancellation

__all__ = ["Clock", "Limits", "Options", "Retry", "Sampling"]

_BACKOFF_BASE = 0.5
_BACKOFF_CAP = 8.0

_Reasoning: TypeAlias = Literal["none", "minimal", "low", "medium", "high"]
_REASONING: tuple[str, ...] = get_args(_Reasoning)


class Clock:
    """Time as the loop sees it; a test hands in its own."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds on the scale of :func:`time.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, in a thread."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait, on an event loop."""
        import asyncio  # noqa: PLC0415 - 25 ms that a sync run never needs

        await asyncio.sleep(seconds)

    def jitter(self) -> float:
        """A number from 0 to 1 that keeps clients from retrying in step."""
        return random.random()  # noqa: S311 - spreads load, protects nothing


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a run stops, each limit with its own named finish.

    ``rounds`` model requests (``max_rounds``), ``calls`` tool calls
    (``max_calls``), ``tokens`` and ``cost`` (``budget``), ``seconds`` of wall
    clock (``deadline``). ``max_concurrency`` calls of one reply run at a time.
    ``repeats``: that many calls in successive rounds with the same name,
    arguments and result answer an error, one more stops the run
    (``repeated_call``). None lifts a limit.
    """

    rounds: int | None = 25
    calls: int | None = 200
    tokens: int | None = None
    cost: Decimal | None = None
    seconds: float | None = None
    max_concurrency: int = 8
    repeats: int | None = 3

    def __post_init__(self) -> None:
        for name in ("rounds", "calls", "tokens"):
            check_count("Limits", name, getattr(self, name), 1)
        check_count("Limits", "max_concurrency", self.max_concurrency, 1, none=False)
        check_count("Limits", "repeats", self.repeats, 2)
        allowed = "a number of seconds above 0, or None; type Limits(seconds=30)"
        check_number("Limits", "seconds", self.seconds, allowed)
        cost: object = self.cost
        if cost is not None and (not isinstance(cost, Decimal) or cost.is_nan() or cost <= 0):
            amount = _amount(cost)
            allowed = "money is an exact Decimal above 0, or None; type"
            line = f'from decimal import Decimal, then Limits(cost=Decimal("{amount}"))'
            raise refuse("Limits", "cost", cost, f"{allowed} {line}")


def _amount(cost: object) -> str:
    """The amount that was probably meant."""
    try:
        amount = Decimal(str(cost))
    except InvalidOperation:
        return "0.50"
    return str(amount) if amount.is_finite() and amount > 0 else "0.50"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a failed request is sent again, and how long to wait in between.

    ``attempts`` counts the first one; 1 turns retries off. A server's hint is
    followed up to ``max_delay`` seconds; without one the wait is jittered and
    doubles from 0.5 s to 8 s. ``clock`` serves deadlines too.
    """

    attempts: int = 4
    max_delay: float = 60.0
    clock: Clock = SYSTEM_CLOCK

    def __post_init__(self) -> None:
        check_count("Retry", "attempts", self.attempts, 1, none=False)
        allowed = "a number of seconds, 0 or more; type Retry(max_delay=60)"
        if self.max_delay is None:
            raise refuse("Retry", "max_delay", None, allowed)
        if self.max_delay != 0:
            check_number("Retry", "max_delay", self.max_delay, allowed)
        check_kind("Retry", "clock", self.clock, Clock, "Clock()")

    def delay(self, attempt: int, hint: float | None) -> float:
        """Seconds to wait after attempt number ``attempt`` failed."""
        if hint is not None and hint >= 0:
            return min(hint, self.max_delay)
        backoff: float = min(_BACKOFF_CAP, _BACKOFF_BASE * 2.0 ** (attempt - 1))
        return min(backoff * self.clock.jitter(), self.max_delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the model writes; None leaves it to the provider."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: _Reasoning | None = None

    def __post_init__(self) -> None:
        check_count("Sampling", "max_tokens", self.max_tokens, 1)
        check_count("Sampling", "top_k", self.top_k, 1)
        for name in ("temperature", "top_p"):
            allowed = f"a number, 0 or more, or None; type Sampling({name}=0.5)"
            if getattr(self, name) != 0:
                check_number("Sampling", name, getattr(self, name), allowed)
        if self.seed is not None and not isinstance(self.seed, int):
            raise refuse("Sampling", "seed", self.seed, "a whole number; type Sampling(seed=7)")
        stop: object = self.stop  # a text is a sequence of texts, and would stop at each letter
        if not isinstance(stop, (tuple, list)) or not all(isinstance(text, str) for text in stop):
            raise refuse("Sampling", "stop", stop, 'a tuple of texts; type Sampling(stop=("END",))')
        if self.reasoning is not None and self.reasoning not in _REASONING:
            allowed = f"one of {', '.join(map(repr, _REASONING))}, or None"
            raise refuse("Sampling", "reasoning", self.reasoning, allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about a run that is neither its question nor its tools.

    ``tool_choice`` ANY demands a call in the first reply only. ``settings``
    go to the provider as they are. ``prices`` maps a model name to its
    :class:`Price`. ``cancel`` is a flag the application may raise; the run
    then ends with the finish ``cancelled``.
    """

    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    tool_choice: ToolConfig | None = None
    retry: Retry = field(default_factory=Retry)
    settings: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    cancel: Cancellation | None = None

    def __post_init__(self) -> None:
        check_kind("Options", "limits", self.limits, Limits, "Limits(rounds=2)")
        check_kind("Options", "sampling", self.sampling, Sampling, "Sampling(temperature=0.0)")
        check_kind("Options", "retry", self.retry, Retry, "Retry(attempts=1)")
        check_kind("Options", "settings", self.settings, Mapping, '{"name": value}')
        check_kind("Options", "prices", self.prices, Mapping, '{"prefix:name": Price(...)}')
        prices: Mapping[str, object] = self.prices
        for name, price in prices.items():
            if not isinstance(price, Price):
                allowed = "each price is a Price; type Price(input=Decimal(1), output=Decimal(2))"
                raise refuse("Options", "prices", {name: price}, allowed)
        if self.tool_choice is not None:
            example = 'ToolConfig(mode="ANY")'
            check_kind("Options", "tool_choice", self.tool_choice, ToolConfig, example)
        if self.cancel is not None:
            check_kind("Options", "cancel", self.cancel, Cancellation, "Cancellation()")
