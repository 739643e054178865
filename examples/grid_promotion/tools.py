"""A shop's tools: typed arguments, a dataclass, an async tool, one that streams, ones that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from altar import tool


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
