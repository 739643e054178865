"""Thousands of distinct functions, and copies of one function that no cache knows."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable
from typing import Any

__all__ = ["copies", "functions"]

_SOURCE = '''
def {name}(
    origin: str,
    destination: str,
    passengers: int = 1,
    cabin: Literal["economy", "business", "first"] = "economy",
) -> str:
    """Search flights between two airports, desk {number}.

    Args:
        origin: IATA code of the airport of departure.
        destination: IATA code of the airport of arrival.
        passengers: How many people travel.
        cabin: Cabin class of every passenger.
    """
    return origin
'''


_numbers = itertools.count()


def functions(count: int, prefix: str = "flights") -> list[Callable[..., Any]]:
    """``count`` functions with code, name and docstring of their own, in a module ``tools``."""
    space: dict[str, Any] = {"__name__": "tools"}
    exec("from typing import Literal", space)
    made = []
    for number in range(count):
        name = f"{prefix}_{number}"
        source = _SOURCE.format(name=name, number=number)
        exec(compile(source, "tools.py", "exec", dont_inherit=True), space)
        made.append(space[name])
    return made


def copies(function: types.FunctionType, count: int) -> list[Callable[..., Any]]:
    """``count`` new function objects like ``function``, each under a name of its own."""
    made = []
    for _ in range(count):
        name = f"{function.__name__}_{next(_numbers)}"
        code = function.__code__.replace(co_name=name, co_qualname=name)
        copy = types.FunctionType(code, function.__globals__, name, function.__defaults__)
        copy.__kwdefaults__ = function.__kwdefaults__
        copy.__annotations__ = dict(function.__annotations__)
        copy.__doc__ = function.__doc__
        copy.__qualname__ = name
        copy.__module__ = function.__module__
        made.append(copy)
    return made
