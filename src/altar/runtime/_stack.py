"""Stack: the wrappers that a tool's policies come to, in their one order.

From the outside in:

    Cache             an answer that is known costs nothing, not even a place
    Breaker           a tool that keeps failing is refused at once: its retries do not wait for it
    Retry             what is below is done anew for each try
    RateLimit         each try counts, for the tool is asked each time
    ConcurrencyLimit  a place is held while the tool works, not while a try waits for its turn
    Timeout           the time is that of one try; waiting for a turn is not the tool's fault
"""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Any

from altar.runtime._policy_parts import BreakerSettings, CacheSettings, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.runtime._protocol import Runtime

__all__ = ["MAX_WAIT", "Parts", "stacked"]

MAX_WAIT = 10.0  # seconds a call waits for its turn under a policy's rate


class Parts:
    """What one tool keeps under ``policy``: a bucket, places, a breaker, a cache.

    Each is made on first use and shared by every stack that is built with it.
    """

    __slots__ = ("_lock", "_made", "policy")

    def __init__(self, policy: object) -> None:
        self.policy = policy
        self._made: dict[str, Any] = {}
        self._lock = allocate_lock()

    def get(self, field: str, make: Callable[[], Any]) -> Any:
        """The part of this field."""
        with self._lock:
            part = self._made.get(field)
            if part is None:
                part = self._made[field] = make()
            return part


def stacked(inner: Runtime, found: Mapping[str, tuple[Any, Parts]]) -> Runtime:
    """``inner`` within the wrappers for the fields in ``found``; those that are False are left out.

    ``found`` maps a field of Policy to its value and to what keeps its part.
    """
    for field, wrap in _INSIDE_OUT:
        told = found.get(field)
        if told is not None and told[0] is not False:
            inner = wrap(inner, *told)
    return inner


def _timeout(inner: Runtime, value: Any, _: Parts) -> Runtime:
    from altar.runtime._timeout import Timeout  # noqa: PLC0415 - each wrapper where it is wanted

    return Timeout(inner, value)


def _concurrency(inner: Runtime, value: Any, parts: Parts) -> Runtime:
    from altar.resilience import Slots  # noqa: PLC0415
    from altar.runtime._limit import ConcurrencyLimit  # noqa: PLC0415

    return ConcurrencyLimit(
        inner, parts.get("concurrency", lambda: Slots(value, max_queue=_MAX_QUEUE))
    )


def _rate(inner: Runtime, value: Any, parts: Parts) -> Runtime:
    from altar.runtime._limit import RateLimit  # noqa: PLC0415

    return RateLimit(inner, parts.get("rate", lambda: _bucket(value)), max_wait=MAX_WAIT)


def _bucket(value: Any) -> Any:
    from altar.resilience import TokenBucket  # noqa: PLC0415

    calls, seconds = rate_of(value) or (1.0, 1.0)
    return TokenBucket(calls / seconds, max(1, int(calls)))


def _retry(inner: Runtime, value: Any, _: Parts) -> Runtime:
    from altar.runtime._retry import Retry, RetryAboveLimits  # noqa: PLC0415

    # what a rate or a limit refused has waited as long as a policy promises
    return (RetryAboveLimits if hasattr(inner, "max_wait") else Retry)(inner, value)


def _breaker(inner: Runtime, value: Any, parts: Parts) -> Runtime:
    from altar.resilience import CircuitBreaker  # noqa: PLC0415
    from altar.runtime._breaker import Breaker  # noqa: PLC0415

    def make() -> CircuitBreaker:
        told = BreakerSettings(failures=value) if isinstance(value, int) else value
        return CircuitBreaker(failures=told.failures, wait=told.wait)

    if isinstance(value, CircuitBreaker):  # the caller's own, for all tools it was given for
        return Breaker(inner, value)
    breaker: CircuitBreaker = parts.get("breaker", make)
    return Breaker(inner, breaker)


def _cache(inner: Runtime, value: Any, parts: Parts) -> Runtime:
    from altar.runtime._cache import Cache  # noqa: PLC0415
    from altar.runtime._cache_store import CacheStore  # noqa: PLC0415

    told = value if isinstance(value, CacheSettings) else CacheSettings(seconds=value)
    store: CacheStore = parts.get("cache", lambda: CacheStore(told.seconds, max_entries=told.size))
    return Cache(inner, store, only=_every)


def _every(_: object) -> bool:
    """Whoever asked for the cache of a policy asked for the tools that it stands before."""
    return True


_MAX_QUEUE = 1000  # as ConcurrencyLimit has it
_INSIDE_OUT = (
    ("timeout", _timeout),
    ("concurrency", _concurrency),
    ("rate", _rate),
    ("retry", _retry),
    ("breaker", _breaker),
    ("cache", _cache),
)
