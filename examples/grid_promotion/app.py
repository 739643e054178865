"""A shop's tools, and a program that calls them. Where they run is said in altar.toml alone.

python app.py           here, as altar.toml says
altar grid up app.py    a grid to run them on; it prints three lines for altar.toml
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import altar
from altar import tool
from altar.adm import FunctionCall
from altar.runtime import CallContext, Deadline


class Size(Enum):
    """How large a piece is."""

    SMALL = "small"
    LARGE = "large"


@dataclass
class Line:
    """One line of an order."""

    article: str
    pieces: int = 1
    size: Size = Size.SMALL


PRICES = {"pear": Decimal("0.40"), "melon": Decimal("2.95")}


@tool
def price_of(lines: list[Line]) -> Decimal:
    """What an order costs.

    Args:
        lines: What is ordered.
    """
    each = [PRICES[line.article] * line.pieces for line in lines]
    return sum(each, Decimal(0))


@tool
async def delivery_day(ordered: date, express: bool = False) -> date:
    """When an order arrives.

    Args:
        ordered: The day of the order.
        express: Whether it goes by express.
    """
    await asyncio.sleep(0.01)
    return ordered + timedelta(days=1 if express else 3)


@tool
def pack(pieces: int) -> Iterator[str]:
    """Pack an order, and say how far it is.

    Args:
        pieces: How many pieces there are.
    """
    for number in range(1, pieces + 1):
        yield f"packed {number} of {pieces}"


@tool
def cancel_order(number: int) -> None:
    """Cancel an order.

    Args:
        number: The order's number.
    """
    raise ValueError(f"order {number} has left the house")


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("price_of", {"lines": [{"article": "pear", "pieces": 3}, {"article": "melon"}]}),
    ("delivery_day", {"ordered": "2026-12-30", "express": True}),
    ("pack", {"pieces": 3}),
    ("cancel_order", {"number": 7}),
    ("price_of", {"lines": [{"article": "pear", "pieces": "many"}]}),
    ("price_of", {"lines": [{"article": "plum"}]}),
    ("order_pizza", {}),
]


def main() -> None:
    with altar.Session([price_of, delivery_day, pack, cancel_order]) as session:
        for name, args in CALLS:
            print(f"{name} {args}")
            context = CallContext(emit=lambda chunk: print("   ", chunk), deadline=Deadline(20.0))
            result = session.invoke(FunctionCall(name=name, args=args), context)
            if result.error is None:
                print("  ->", result.content)
            else:
                print("  ->", result.error.type, result.error.message)


if __name__ == "__main__":
    main()
