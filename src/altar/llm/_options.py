"""Options: the knobs of a run, as small frozen values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from altar.adm import FunctionCall, ToolConfig
from altar.llm._checks import amount, check_count, check_kind, check_number, check_share, refuse
from altar.llm._mender import Mender
from altar.llm._sampling import Sampling
from altar.llm._shelf import ToolSearch
from altar.llm._usage import Price
from altar.resilience import SYSTEM_CLOCK, Backoff, CircuitBreaker, Clock
from altar.runtime import Cancellation

__all__ = ["Limits", "Options", "Repair", "Retry"]

_BACKOFF = Backoff(base=0.5, cap=8.0)


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
            meant = amount(cost)
            allowed = "money is an exact Decimal above 0, or None; type"
            line = f'from decimal import Decimal, then Limits(cost=Decimal("{meant}"))'
            raise refuse("Limits", "cost", cost, f"{allowed} {line}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a failed request is sent again, and how long to wait in between.

    ``attempts`` counts the first one; 1 turns retries off. A server's hint is
    followed up to ``max_delay`` seconds; without one the wait is jittered and
    doubles from 0.5 s to 8 s. ``clock`` serves deadlines too. A ``breaker`` is
    asked before each attempt and told what came of it: while it is open nothing
    is sent, and CircuitOpenError is raised. Keep one from run to run.
    """

    attempts: int = 4
    max_delay: float = 60.0
    clock: Clock = SYSTEM_CLOCK
    breaker: CircuitBreaker | None = None

    def __post_init__(self) -> None:
        check_count("Retry", "attempts", self.attempts, 1, none=False)
        allowed = "a number of seconds, 0 or more; type Retry(max_delay=60)"
        if self.max_delay is None:
            raise refuse("Retry", "max_delay", None, allowed)
        if self.max_delay != 0:
            check_number("Retry", "max_delay", self.max_delay, allowed)
        check_kind("Retry", "clock", self.clock, Clock, "Clock()")
        if self.breaker is not None:
            check_kind("Retry", "breaker", self.breaker, CircuitBreaker, "CircuitBreaker()")

    def delay(self, attempt: int, hint: float | None) -> float:
        """Seconds to wait after attempt number ``attempt`` failed."""
        if hint is not None and hint >= 0:
            return min(hint, self.max_delay)
        return min(_BACKOFF.delay(attempt, self.clock), self.max_delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What is made of broken JSON, in the arguments of a call or in a typed answer.

    It is repaired when every fix has a risk of ``max_risk`` at most, from 0 to
    1 as ``altar.repair.CODES`` says, no other reading is close, and nothing of
    the text is cut off; the model is told what is wrong otherwise. The default takes the fixes that
    neither leave out a value nor make one up; 0 repairs nothing. With a
    ``mender`` another model is asked first for what cannot be repaired.
    """

    max_risk: float = 0.2
    mender: Mender | None = None

    def __post_init__(self) -> None:
        check_share("Repair", "max_risk", self.max_risk, 0.2)
        if self.mender is not None:
            check_kind("Repair", "mender", self.mender, Mender, 'Mender("prefix:name")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about a run that is neither its question nor its tools.

    ``tool_choice`` ANY demands a call in the first reply only. ``settings``
    maps a provider's prefix to settings that go into its requests as they are:
    ``{"anthropic": {"service_tier": "auto"}}``. ``prices`` maps a model name to its
    :class:`Price`. ``cancel`` is a flag the application may raise; the run
    then ends with the finish ``cancelled``. ``repair`` says what is made of
    broken JSON. ``approve`` is asked about each call that needs a person: a
    function, sync or async, from the FunctionCall to True, False, or a text
    that says why not. Without one such calls end the run: see ``reply.pending``.
    With ``tool_search`` the model searches the tools instead of being told of
    them all; so it does where a model does not take as many.
    """

    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    tool_choice: ToolConfig | None = None
    retry: Retry = field(default_factory=Retry)
    settings: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    cancel: Cancellation | None = None
    repair: Repair = field(default_factory=Repair)
    approve: Callable[[FunctionCall], bool | str | Awaitable[bool | str]] | None = None
    tool_search: ToolSearch | None = None

    def __post_init__(self) -> None:
        check_kind("Options", "limits", self.limits, Limits, "Limits(rounds=2)")
        check_kind("Options", "sampling", self.sampling, Sampling, "Sampling(temperature=0.0)")
        check_kind("Options", "retry", self.retry, Retry, "Retry(attempts=1)")
        check_kind("Options", "settings", self.settings, Mapping, '{"name": value}')
        check_kind("Options", "prices", self.prices, Mapping, '{"prefix:name": Price(...)}')
        settings: Mapping[str, object] = self.settings
        for name, own in settings.items():
            if not isinstance(own, Mapping):
                allowed = "the settings of each provider; type"
                line = f'Options(settings={{"anthropic": {{{name!r}: {own!r}}}}})'
                if name in Sampling.__dataclass_fields__:
                    line = f"Options(sampling=Sampling({name}={own!r}))"
                raise refuse("Options", "settings", {name: own}, f"{allowed} {line}")
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
        check_kind("Options", "repair", self.repair, Repair, "Repair(max_risk=0.1)")
        approve: object = self.approve
        if approve is not None and not callable(approve):
            allowed = "a function from the FunctionCall to True, False, or a text that says why not"
            line = "Options(approve=lambda call: call.name == 'send')"
            raise refuse("Options", "approve", approve, f"{allowed}; type {line}")
        if self.tool_search is not None:
            check_kind("Options", "tool_search", self.tool_search, ToolSearch, "ToolSearch()")
