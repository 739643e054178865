"""Options: the knobs of a run, as small frozen values."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from altar.adm import ToolConfig
    from altar.llm._usage import Price
    from altar.runtime import Cancellation

__all__ = ["Clock", "Limits", "Options", "Retry", "Sampling"]

_BACKOFF_BASE = 0.5
_BACKOFF_CAP = 8.0


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
        for name in ("rounds", "calls", "tokens", "cost", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"Limits({name}={value!r}): a number above 0, or None")
        if not self.max_concurrency >= 1:
            raise ConfigurationError(f"Limits(max_concurrency={self.max_concurrency!r}): 1 or more")
        if self.repeats is not None and self.repeats < 2:
            raise ConfigurationError(f"Limits(repeats={self.repeats!r}): 2 or more, or None")


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
        if self.attempts < 1:
            raise ConfigurationError(f"Retry(attempts={self.attempts!r}): 1 or more")

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
    reasoning: Literal["none", "minimal", "low", "medium", "high"] | None = None


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
