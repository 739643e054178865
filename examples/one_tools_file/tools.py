"""The tools of a small bookshop: plain typed functions, which know nothing of any framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import altar

SHELF = {"Emma": Decimal("7.50"), "Dracula": Decimal("9.90"), "Ulysses": Decimal("14.00")}


@dataclass
class Line:
    """One book of an order."""

    title: str
    copies: Annotated[int, altar.Param(ge=1, le=10)] = 1


@dataclass
class Order:
    """What somebody buys.

    Attributes:
        customer: The full name.
        lines: The books.
        wrapped: How it is packed.
    """

    customer: str
    lines: list[Line]
    wrapped: Literal["plain", "gift"] = "plain"
    notes: list[str] = field(default_factory=list)


@altar.tool(read_only=True)
def find_books(below: Decimal = Decimal(100)) -> dict[str, Decimal]:
    """Books on the shelf, with their prices.

    Args:
        below: Only those that cost less.
    """
    return {title: price for title, price in SHELF.items() if price < below}


@altar.tool
def place_order(order: Order, deliver: date) -> str:
    """Order books.

    Args:
        order: Who buys what.
        deliver: The day on which it is to arrive.
    """
    for line in order.lines:
        if line.title not in SHELF:
            raise altar.ToolError(f"there is no {line.title!r}", type="RESOURCE_NOT_FOUND")
    total = sum(SHELF[line.title] * line.copies for line in order.lines)
    return f"{order.customer} pays {total} and has it on {deliver:%d %B}"
