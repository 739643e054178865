"""What a policy's fields may hold beside numbers: a breaker's and a cache's settings, a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altar.errors import ConfigurationError

__all__ = ["BreakerSettings", "CacheSettings", "is_count", "is_number", "rate_of"]

_MOST = 1e15  # seconds, or calls: what is more is a mistake, and overflows somewhere
_LEAST = 1e-12  # calls a second
_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
    **dict.fromkeys(("d", "day"), 86400.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """``failures`` in a row open the breaker; after ``wait`` seconds one call may try."""

    failures: int = 5
    wait: float = 30.0

    def __post_init__(self) -> None:
        if not is_count(self.failures):
            _refuse("BreakerSettings", "failures", self.failures, "a whole number, 1 or more", "5")
        if not is_number(self.wait):
            _refuse("BreakerSettings", "wait", self.wait, "seconds above zero", "30")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """An answer is good for ``seconds``; the newest ``size`` answers of a tool are kept."""

    seconds: float = 60.0
    size: int = 256

    def __post_init__(self) -> None:
        if not is_number(self.seconds):
            _refuse("CacheSettings", "seconds", self.seconds, "seconds above zero", "60")
        if not is_count(self.size):
            _refuse("CacheSettings", "size", self.size, "a whole number, 1 or more", "256")


def rate_of(value: Any) -> tuple[float, float] | None:
    """(calls, the seconds they may come in) of a number per second or "100/min"; None for neither.

    "10/s", "100/min", "5/10s": a number of calls, a slash, and a unit of time
    (s, sec, second, m, min, minute, h, hour, d, day) with or without a number.
    """
    if is_number(value):
        return (float(value), 1.0) if value >= _LEAST else None
    if not isinstance(value, str):
        return None
    count, slash, span = value.partition("/")
    span = span.strip()
    unit = span.lstrip("0123456789.")
    seconds = _UNITS.get(unit.strip().lower())
    calls, times = _number(count), _number(span[: len(span) - len(unit)] or "1")
    if not slash or seconds is None or calls is None or times is None:
        return None
    each = calls / (times * seconds)
    return (calls, times * seconds) if _LEAST <= each <= _MOST else None


def is_number(value: Any) -> bool:
    """Whether it is a number above zero that a clock can count."""
    return value.__class__ in (int, float) and 0 < value <= _MOST


def is_count(value: Any) -> bool:
    """Whether it is a whole number of 1 or more."""
    return value.__class__ is int and 1 <= value <= _MOST


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if is_number(found) else None


def _refuse(owner: str, name: str, value: object, allowed: str, example: str) -> None:
    raise ConfigurationError(
        f"{owner}({name}={value!r:.100}): give {allowed}; type {owner}({name}={example})"
    )
