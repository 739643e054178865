"""Plain functions as tools for google-genai, which older versions read without postponed hints."""

import time
from decimal import Decimal
from typing import Any

__all__ = ["fail", "get_weather", "half", "now", "price", "ran", "slow"]

ran: list[Any] = []  # what was run; a test clears it


def get_weather(city: str) -> dict[str, int]:
    """The weather of a city."""
    ran.append(city)
    return {"celsius": 4}


def now() -> str:
    """The time."""
    ran.append("now")
    return "noon"


def half(x: float) -> float:
    """Half of a number."""
    ran.append(x)
    return x / 2


def fail() -> str:
    """Fail."""
    raise ValueError("secret=42")


def price() -> dict[str, Any]:
    """A price."""
    return {"price": Decimal("1.50")}


def slow(n: int) -> int:
    """Take a while."""
    ran.append(("begin", n))
    time.sleep(0.02)
    ran.append(("end", n))
    return n
