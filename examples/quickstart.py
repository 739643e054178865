"""Quickstart: typed functions, a question, and a model that calls them.

altar run "What is the weather in Tokyo and in Oslo?" --tools examples/quickstart.py
python examples/quickstart.py
"""

from typing import Literal

import altar
from altar import tool


@tool
def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, object]:
    """Current weather for a city.

    Args:
        city: Name of the city.
        unit: Temperature unit.
    """
    degrees, sky = {"tokyo": (22, "sunny"), "oslo": (4, "snow")}.get(city.lower(), (15, "clouds"))
    if unit == "fahrenheit":
        degrees = round(degrees * 9 / 5 + 32)
    return {"city": city, "sky": sky, "degrees": degrees, "unit": unit}


@tool
def add_numbers(numbers: list[float]) -> float:
    """Add numbers up.

    Args:
        numbers: The numbers to add.
    """
    return sum(numbers)


if __name__ == "__main__":
    reply = altar.generate(
        "What is the weather in Tokyo and in Oslo?", tools=[get_weather, add_numbers]
    )
    for record in reply.calls:
        print(record.call.name, record.call.args, "->", record.result.content)
    print(reply.text)
