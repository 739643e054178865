"""Resilience: what keeps a program from asking, again and again, what does not answer."""

from __future__ import annotations

from altar.resilience._breaker import BreakerState, CircuitBreaker
from altar.resilience._clock import SYSTEM_CLOCK, Clock

__all__ = ["SYSTEM_CLOCK", "BreakerState", "CircuitBreaker", "Clock"]
