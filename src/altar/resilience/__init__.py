"""Resilience: what keeps a program from asking, again and again, what does not answer."""

from __future__ import annotations

from altar.resilience._breaker import BreakerState, CircuitBreaker

__all__ = ["BreakerState", "CircuitBreaker"]
