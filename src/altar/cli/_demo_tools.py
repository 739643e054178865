"""Three tools with made-up answers, for the demo."""

from __future__ import annotations

from datetime import date
from typing import Literal

__all__ = ["convert_money", "days_between", "get_weather"]

_SKIES = {"tokyo": (22, "sunny"), "oslo": (4, "snow"), "lima": (18, "fog")}
_EUROS = {"euro": 1.0, "dollar": 1.16, "yen": 176.4}


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Current weather for a city.

    Args:
        city: Name of the city.
        unit: Temperature unit.
    """
    degrees, sky = _SKIES.get(city.lower(), (15, "clouds"))
    shown = degrees if unit == "celsius" else round(degrees * 9 / 5 + 32)
    return f"{sky}, {shown} degrees {unit}"


def convert_money(
    amount: float,
    source: Literal["euro", "dollar", "yen"] = "euro",
    target: Literal["euro", "dollar", "yen"] = "yen",
) -> float:
    """Convert an amount of money from one currency to another.

    Args:
        amount: How much.
        source: The currency it is in.
        target: The currency to convert it to.
    """
    return round(amount / _EUROS[source] * _EUROS[target], 2)


def days_between(start: date, end: date) -> int:
    """Count the days between two dates.

    Args:
        start: The first day.
        end: The last day.
    """
    return (end - start).days
