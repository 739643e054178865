"""Plain functions: four documented parameters, three for dispatch, one for the loop.

Annotations are evaluated (no ``from __future__ import annotations``), because
some peers cannot read them as strings; that would measure a failure.
"""

import json
from typing import Any, Literal

__all__ = [
    "FLAT_ARGS",
    "FLAT_RESULT",
    "FLAT_TEXT",
    "MINIMAL_WIRE",
    "forecast",
    "forecast_async",
    "lookup",
    "search_flights",
]


def search_flights(
    origin: str,
    destination: str,
    passengers: int = 1,
    cabin: Literal["economy", "business", "first"] = "economy",
) -> str:
    """Search flights between two airports.

    Args:
        origin: IATA code of the airport of departure.
        destination: IATA code of the airport of arrival.
        passengers: How many people travel.
        cabin: Cabin class of every passenger.

    Returns:
        A text that lists the flights.
    """
    return f"{origin}-{destination} {passengers} {cabin}"


def forecast(city: str, days: int, unit: Literal["celsius", "fahrenheit"]) -> str:
    """Weather forecast for a city.

    Args:
        city: Name of the city.
        days: How many days ahead.
        unit: Temperature unit.
    """
    return city


async def forecast_async(city: str, days: int, unit: Literal["celsius", "fahrenheit"]) -> str:
    """Weather forecast for a city.

    Args:
        city: Name of the city.
        days: How many days ahead.
        unit: Temperature unit.
    """
    return city


def lookup(key: str) -> str:
    """Look up a key.

    Args:
        key: The key.
    """
    return key


FLAT_TEXT = '{"city": "Tokyo", "days": 3, "unit": "celsius"}'
FLAT_ARGS: dict[str, Any] = json.loads(FLAT_TEXT)
FLAT_RESULT = "Tokyo"

MINIMAL_WIRE: dict[str, Any] = {
    "name": "search_flights",
    "description": "Search flights between two airports.",
    "parameters": {
        "type": "object",
        "properties": {
            "origin": {
                "type": "string",
                "description": "IATA code of the airport of departure.",
            },
            "destination": {
                "type": "string",
                "description": "IATA code of the airport of arrival.",
            },
            "passengers": {
                "type": "integer",
                "description": "How many people travel.",
                "default": 1,
            },
            "cabin": {
                "enum": ["economy", "business", "first"],
                "description": "Cabin class of every passenger.",
                "default": "economy",
            },
        },
        "required": ["origin", "destination"],
    },
}
"""``search_flights`` written by hand, as short as it goes without losing anything."""
