"""Context: what the application hands to its tools, typed, and never shown to the model.

altar run 'take 3 pieces of "pear"' --tools FILE --deps FILE:opening_stock, with this file as FILE
"""

from __future__ import annotations

from dataclasses import dataclass, field

import altar
from altar import Context, tool


@dataclass
class Shop:
    """The application's own object."""

    stock: dict[str, int]
    log: list[str] = field(default_factory=list)


@tool
def take(article: str, pieces: int, context: Context[Shop]) -> int:
    """Take pieces of an article out of the stock.

    Args:
        article: What to take.
        pieces: How many.
    """
    shop = context.deps
    shop.stock[article] -= pieces
    shop.log.append(f"took {pieces} {article}")
    return shop.stock[article]


def opening_stock() -> Shop:
    """What the shop opens with; --deps of the command line calls it."""
    return Shop(stock={"pear": 10})


if __name__ == "__main__":
    print(list(altar.declare(take).to_dict(dialect="json-schema")["parameters"]["properties"]))
    shop = opening_stock()
    with altar.Session(tools=[take], deps=shop) as session:
        print(session.execute("take", {"article": "pear", "pieces": 3}).unwrap())
    print(shop.log)
