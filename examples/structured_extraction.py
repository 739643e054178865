"""Structured extraction: text in, objects out; and the object while it is being written.

python examples/structured_extraction.py                         # a scripted model
python examples/structured_extraction.py gemini:gemini-3.8-flash # a real one
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import date

import altar
from altar.llm import Provider
from altar.testing import ScriptedProvider

MAIL = """Hi, this is Ada Lovelace. Please send 12 crates of pears and 3 of plums to
Analytical Street 7 by the 4th of March 2027. Thanks!"""
ANSWER = (
    '{"customer": "Ada Lovelace", "deliver_by": "2027-03-04", "items": '
    '[{"fruit": "pears", "crates": 12}, {"fruit": "plums", "crates": 3}]}'
)


@dataclass
class Item:
    """One line of an order."""

    fruit: str
    crates: int


@dataclass
class Order:
    """What somebody orders.

    Attributes:
        customer: The full name.
        deliver_by: The latest day of delivery.
        items: The lines of the order.
    """

    customer: str
    deliver_by: date
    items: list[Item] = field(default_factory=list)


def model() -> str | Provider:
    """The model of the command line, or one that says what a real one would."""
    return sys.argv[1] if len(sys.argv) > 1 else ScriptedProvider([ANSWER])


if __name__ == "__main__":
    reply = altar.generate(MAIL, model=model(), output=Order)
    print(reply.output)

    seen = 0
    for event in altar.stream(MAIL, model=model(), output=Order):
        if event.kind == "partial":
            seen += 1
            if seen % 8 == 1:
                print("so far:", event.value)
        elif event.kind == "end":
            print(event.reply.output == reply.output, "after", seen, "views")
