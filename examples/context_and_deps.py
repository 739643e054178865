"""Context: what the application hands to its tools, typed, and never shown to the model."""

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


if __name__ == "__main__":
    print(list(altar.declare(take).to_dict(dialect="json-schema")["parameters"]["properties"]))
    shop = Shop(stock={"pear": 10})
    with altar.Session(tools=[take], deps=shop) as session:
        print(session.execute("take", {"article": "pear", "pieces": 3}).unwrap())
    print(shop.log)
