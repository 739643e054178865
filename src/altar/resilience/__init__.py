"""Resilience: what keeps a program from asking, again and again, what does not answer."""

from __future__ import annotations

from altar.resilience._breaker import BreakerState, CircuitBreaker
from altar.resilience._bucket import TokenBucket
from altar.resilience._clock import SYSTEM_CLOCK, Clock, Flag
from altar.resilience._retry import Backoff, RetryPolicy
from altar.resilience._slots import Place, Slots

__all__ = [
    "SYSTEM_CLOCK",
    "Backoff",
    "BreakerState",
    "CircuitBreaker",
    "Clock",
    "Flag",
    "Place",
    "RetryPolicy",
    "Slots",
    "TokenBucket",
]
