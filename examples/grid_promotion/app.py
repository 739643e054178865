"""A program that calls tools. Where they run is said in altar.toml, and nowhere in here.

python app.py
"""

from __future__ import annotations

import tools

import altar
from altar.adm import FunctionCall
from altar.runtime import CallContext, Deadline

CALLS = [
    ("price_of", {"lines": [{"article": "pear", "pieces": 3}, {"article": "melon"}]}),
    ("delivery_day", {"ordered": "2026-12-30", "express": True}),
    ("pack", {"pieces": 3}),
    ("cancel_order", {"number": 7}),
    ("price_of", {"lines": [{"article": "pear", "pieces": "many"}]}),
    ("price_of", {"lines": [{"article": "plum"}]}),
    ("order_pizza", {}),
]


def main() -> None:
    shop = [tools.price_of, tools.delivery_day, tools.pack, tools.cancel_order]
    with altar.Session(shop) as session:
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
