"""Probes in the syntax of Python 3.12: PEP 695 aliases, classes and functions."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from tests.probes._row import one, row, see

__all__ = ["ROWS"]

type Age = Annotated[int, "In years."]
type Json = int | str | None | list[Json] | dict[str, Json]
type Both[A, B] = tuple[A, B]


@dataclass
class Box[T]:
    value: T
    next: "Box[T] | None" = None


class Shelf[T](TypedDict):
    items: list[T]


def generic[T: int](x: T) -> str:
    """Probe."""
    return see(x)


def constrained[T: (int, str)](x: list[T]) -> str:
    """Probe."""
    return see(x)


ROWS = [
    one("PEP 695 alias", "pep695", Age, [(5, 5)], ["x", None], table=False),
    one(
        "PEP 695 recursive alias",
        "pep695",
        Json,
        [(1, 1), ([1, ["a", None]], [1, ["a", None]]), ({"a": {"b": [1]}}, {"a": {"b": [1]}})],
        [1.5, [[2.5]], {"a": True}],
        table=False,
    ),
    one(
        "PEP 695 generic alias",
        "pep695",
        Both[int, str],
        [([1, "a"], (1, "a"))],
        [["a", 1], [1]],
        table=False,
    ),
    one(
        "PEP 695 Box[int]",
        "pep695",
        Box[int],
        [({"value": 1}, Box(1)), ({"value": 1, "next": {"value": 2}}, Box(1, Box(2)))],
        [{"value": "a"}, {"value": 1, "next": {"value": "b"}}],
        table=False,
    ),
    row(
        "PEP 695 def f[T: int]",
        "pep695",
        generic,
        runs=[({"x": 5}, (5,))],
        bad=[{"x": "a"}, {}],
        table=False,
    ),
    row(
        "PEP 695 def f[T: (int, str)]",
        "pep695",
        constrained,
        runs=[({"x": [5, "a"]}, ([5, "a"],))],
        bad=[{"x": [1.5]}, {}],
        table=False,
    ),
    one(
        "PEP 695 generic TypedDict",
        "pep695",
        Shelf[int],
        [({"items": [1]}, {"items": [1]})],
        [{"items": ["a"]}, {}],
        table=False,
    ),
]
