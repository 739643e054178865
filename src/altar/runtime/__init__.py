"""The seam between a session and the place where its calls run."""

from __future__ import annotations

from altar._lazy import lazy_names
from altar.runtime._deadline import Deadline
from altar.runtime._fanout import ainvoke_many, invoke_many
from altar.runtime._policy import Policy
from altar.runtime._policy_parts import BreakerSettings, CacheSettings
from altar.runtime._protocol import CallContext, Cancellation, Runtime
from altar.runtime._wrapper import Step, Steps, Wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.runtime._approve import Approval
    from altar.runtime._breaker import Breaker
    from altar.runtime._cache import Cache
    from altar.runtime._cache_store import CacheStore
    from altar.runtime._fallback import Fallback
    from altar.runtime._inside import stays_local
    from altar.runtime._limit import Bulkhead, ConcurrencyLimit, RateLimit
    from altar.runtime._observe import Observation, Observe
    from altar.runtime._retry import Retry
    from altar.runtime._timeout import Timeout

__all__ = [
    "Approval",
    "Breaker",
    "BreakerSettings",
    "Bulkhead",
    "Cache",
    "CacheSettings",
    "CacheStore",
    "CallContext",
    "Cancellation",
    "ConcurrencyLimit",
    "Deadline",
    "Fallback",
    "Observation",
    "Observe",
    "Policy",
    "RateLimit",
    "Retry",
    "Runtime",
    "Step",
    "Steps",
    "Timeout",
    "Wrapper",
    "ainvoke_many",
    "invoke_many",
    "stays_local",
]

# loaded when they are first asked for: a session needs none of them
_HOMES = {
    "Approval": "altar.runtime._approve",
    "Breaker": "altar.runtime._breaker",
    "Bulkhead": "altar.runtime._limit",
    "Cache": "altar.runtime._cache",
    "CacheStore": "altar.runtime._cache_store",
    "ConcurrencyLimit": "altar.runtime._limit",
    "Fallback": "altar.runtime._fallback",
    "Observation": "altar.runtime._observe",
    "Observe": "altar.runtime._observe",
    "RateLimit": "altar.runtime._limit",
    "Retry": "altar.runtime._retry",
    "Timeout": "altar.runtime._timeout",
    "stays_local": "altar.runtime._inside",
}
# looked for here, and elsewhere
_BELOW = {
    "Backoff": "altar.resilience",
    "CircuitBreaker": "altar.resilience",
    "Clock": "altar.resilience",
    "LocalRuntime": "altar.later",
    "ProcessRuntime": "altar.later",
    "RetryPolicy": "altar.resilience",
    "SessionLimits": "altar.later",
    "Slots": "altar.resilience",
    "TokenBucket": "altar.resilience",
}
__getattr__, _lazy_dir = lazy_names(__name__, _HOMES, below=_BELOW)


def __dir__() -> list[str]:
    return sorted({*globals(), *_lazy_dir()})
