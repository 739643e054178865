"""Random runtimes: every wrapper, in any order, with faults of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from altar import FunctionCall
from altar.later import LocalRuntime, ProcessRuntime
from altar.resilience import Backoff, CircuitBreaker, RetryPolicy
from altar.runtime import (
    Approval,
    Breaker,
    BreakerSettings,
    Bulkhead,
    Cache,
    CallContext,
    ConcurrencyLimit,
    Fallback,
    Observe,
    Policy,
    RateLimit,
    Retry,
    Timeout,
    invoke_many,
)
from altar.testing import Faults, Mishap
from tests.chaos import tools

if TYPE_CHECKING:
    from random import Random

    from altar.runtime import Runtime

LONGEST = 1.0  # seconds that no call takes much longer than
ATTEMPTS = 3


class Elsewhere:
    """The process runtime of a run, where it has one: it lives as long as the run."""

    runtime: ProcessRuntime | None = None

    @classmethod
    def open(cls, limits: Any) -> None:
        """Start its workers."""
        calm = [tools.quick, tools.write, tools.aquick, tools.fails, tools.says_retry]
        cls.runtime = ProcessRuntime(calm, workers=2, limits=limits)
        calls = [FunctionCall(name="quick", args={"ticket": f"first.{at}"}) for at in range(8)]
        invoke_many(cls.runtime, calls, [CallContext() for _ in calls])  # both of them, now

    @classmethod
    def close(cls) -> None:
        """End its workers."""
        if cls.runtime is not None:
            cls.runtime.close()
            cls.runtime = None


def runtime_of(random: Random, limits: Any) -> tuple[Any, str]:
    """What ``Session(runtime=)`` takes, and what it is called in the table."""
    drawn = random.random()
    if drawn < 0.05 and Elsewhere.runtime is not None:
        return Elsewhere.runtime, "processes"
    if drawn < 0.15:
        return None, "none"
    if drawn < 0.45:
        return policy_of(random), "policy"
    made = [random.choice(WRAPPERS) for _ in range(random.randint(1, 4))]

    def build(local: Runtime) -> Runtime:
        runtime = local
        for wrap in made:
            runtime = wrap(runtime, random)
        return Timeout(runtime, LONGEST)

    return build, "wrappers"


def policy_of(random: Random) -> Policy:
    """A policy with some of its fields."""
    fields: dict[str, Any] = {
        "timeout": random.choice([0.05, 0.5]),
        "retry": _retries(random),
        "rate": random.choice([200, "3000/min"]),
        "concurrency": random.choice([2, 8]),
        "breaker": BreakerSettings(failures=3, wait=0.02),
        "cache": 0.05,
    }
    return Policy(**{name: value for name, value in fields.items() if random.random() < 0.5})


def _retries(random: Random) -> RetryPolicy:
    return RetryPolicy(
        attempts=random.randint(2, ATTEMPTS), backoff=Backoff(base=0.001), max_delay=0.05
    )


def _faults(inner: Runtime, random: Random) -> Runtime:
    plan = [
        Mishap("error", share=0.1),
        Mishap("error", share=0.1, error="RATE_LIMIT_EXCEEDED", retry_after=0.001),
        Mishap("delay", share=0.05, seconds=0.01),
        Mishap("raise", share=0.02),
        Mishap("hang", share=0.01),
        Mishap("wrong_id", share=0.02),
    ]
    return Faults(inner, plan, seed=random.randrange(1000))


def _fallback(inner: Runtime, random: Random) -> Runtime:
    return Fallback(inner, LocalRuntime([tools.quick, tools.write]))


WRAPPERS: list[Any] = [
    lambda inner, random: Timeout(inner, random.choice([0.05, 0.3])),
    lambda inner, random: Retry(inner, _retries(random)),
    lambda inner, random: RateLimit(inner, 300, burst=20, max_wait=0.05),
    lambda inner, random: ConcurrencyLimit(inner, random.choice([1, 6]), max_wait=0.2),
    lambda inner, random: Bulkhead(inner, 2, max_queue=3),
    lambda inner, random: Breaker(inner, lambda: CircuitBreaker(failures=3, wait=0.02)),
    lambda inner, random: Cache(inner, 0.05, only=["quick", "aquick", "far"]),
    lambda inner, random: Approval(inner, lambda call: crc32(call.call_id.encode()) % 2 == 0),
    lambda inner, random: Observe(inner, lambda seen: None),
    _faults,
    _fallback,
]
