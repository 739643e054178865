"""Probes under ``from __future__ import annotations``: every annotation is a string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypedDict, Unpack

import altar
from tests.probes._row import Row, Unseen, row, see

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers

__all__ = ["ROWS"]


@dataclass
class Spot:
    x: int
    tags: list[str] | None = None


class Place(TypedDict):
    name: str
    spot: Spot


class Pair(NamedTuple):
    left: Spot
    right: int


class Money:
    def __init__(self, amount: int, spot: Spot | None = None) -> None:
        self.amount = amount
        self.spot = spot


class Options(TypedDict, total=False):
    size: int
    colour: Literal["red", "blue"]


def plain(n: int, spot: Spot, names: list[str] | None = None) -> str:
    """Probe."""
    return see(n, spot, names)


def described(city: Annotated[str, "Name of the city."]) -> str:
    """Probe."""
    return see(city)


def checker_only(n: int, amount: OnlyForCheckers, m: int = 2) -> str:
    """Probe."""
    return see(n, amount, m)


def records(place: Place, pair: Pair, money: Money) -> str:
    """Probe."""
    return see(place, pair, money)


def unpacked(**options: Unpack[Options]) -> str:
    """Probe."""
    return see(options)


def context(ctx: altar.Context, n: int) -> str:
    """Probe."""
    return see(ctx, n)


def _local() -> Row:
    @dataclass
    class Local:
        n: int
        inner: Spot | None = None

    @altar.tool
    def local(x: Local, y: list[Local] | None = None) -> str:
        """Probe."""
        return see(x, y)

    return row(
        "future + local class",
        "forward",
        local,
        runs=[
            ({"x": {"n": 1}}, (Local(1), None)),
            ({"x": {"n": 1, "inner": {"x": 2}}, "y": [{"n": 3}]}, (Local(1, Spot(2)), [Local(3)])),
        ],
        bad=[{}, {"x": {"n": "a"}}, {"x": 5}, {"x": {"n": 1}, "y": [5]}],
        optional=("y",),
        hard=True,
    )


def _local_recursive() -> Row:
    @dataclass
    class Leaf:
        n: int
        next: Leaf | None = None

    @altar.tool
    def local(x: Leaf) -> str:
        """Probe."""
        return see(x)

    return row(
        "future + local recursive class",
        "forward",
        local,
        runs=[({"x": {"n": 1, "next": {"n": 2}}}, (Leaf(1, Leaf(2)),))],
        bad=[{}, {"x": {"n": "a"}}, {"x": {"n": 1, "next": {"n": "q"}}}],
        table=False,
    )


ROWS = [
    row(
        "future annotations",
        "forward",
        plain,
        runs=[
            ({"n": 1, "spot": {"x": 2}}, (1, Spot(2), None)),
            ({"n": 1, "spot": {"x": 2, "tags": ["t"]}, "names": ["a"]}, (1, Spot(2, ["t"]), ["a"])),
        ],
        bad=[{}, {"n": "q", "spot": {"x": 2}}, {"n": 1, "spot": {"x": "q"}}],
        optional=("names",),
    ),
    row(
        "future + Annotated desc",
        "forward",
        described,
        runs=[({"city": "A"}, ("A",))],
        bad=[{}, {"city": 5}],
        says={"city": "Name of the city."},
        optional=(),
        hard=True,
    ),
    _local(),
    row(
        "future + TYPE_CHECKING-only name",
        "forward",
        checker_only,
        runs=[
            ({"n": 1, "amount": "1.5"}, (1, "1.5", 2)),
            ({"n": 1, "amount": [2], "m": 3}, (1, [2], 3)),
        ],
        bad=[{}, {"n": "q", "amount": 1}, {"n": 1, "amount": 1, "m": "q"}, {"n": 1}],
        optional=("m",),
        hard=True,
        warns=True,
    ),
    _local_recursive(),
    row(
        "future + records",
        "forward",
        records,
        runs=[
            (
                {
                    "place": {"name": "a", "spot": {"x": 1}},
                    "pair": [{"x": 2}, 3],
                    "money": {"amount": 4, "spot": {"x": 5}},
                },
                ({"name": "a", "spot": Spot(1)}, Pair(Spot(2), 3), Money(4, Spot(5))),
            )
        ],
        bad=[
            {},
            {
                "place": {"name": "a", "spot": {"x": "q"}},
                "pair": [{"x": 2}, 3],
                "money": {"amount": 4},
            },
        ],
        table=False,
    ),
    row(
        "future + Unpack",
        "forward",
        unpacked,
        runs=[({"size": 1, "colour": "red"}, ({"size": 1, "colour": "red"},)), ({}, ({},))],
        bad=[{"size": "q"}, {"colour": "green"}, {"other": 1}],
        table=False,
    ),
    row(
        "future + Context",
        "forward",
        context,
        runs=[({"n": 1}, (Unseen(altar.Context), 1))],
        bad=[{}, {"n": "q"}],
        hidden=("ctx",),
        table=False,
    ),
]
