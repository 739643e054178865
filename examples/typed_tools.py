"""Typed tools: the body receives dates, enums and dataclasses, never loose dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated

import altar
from altar import Param, tool


class Board(Enum):
    """What is included."""

    BREAKFAST = "breakfast"
    FULL = "full"


@dataclass
class Guest:
    """One guest.

    Attributes:
        name: As in the passport.
        age: In years.
    """

    name: str
    age: Annotated[int, Param(ge=0, le=130)]
    wishes: list[str] = field(default_factory=list)


@tool
def book_room(
    arrival: date,
    nights: Annotated[int, Param(description="How many nights.", ge=1, le=30)],
    guests: list[Guest],
    board: Board = Board.BREAKFAST,
) -> dict[str, object]:
    """Book a hotel room.

    Args:
        arrival: The first day.
        guests: Everybody who stays.
        board: What is included.
    """
    price = Decimal("79.50") * nights * len(guests)
    return {
        "departure": arrival + timedelta(days=nights),
        "names": {guest.name for guest in guests},
        "board": board,
        "price": price,
    }


if __name__ == "__main__":
    with altar.Session(tools=[book_room]) as session:
        booked = session.execute(
            "book_room",
            {
                "arrival": "2026-12-24",
                "nights": "3",  # a model's slip: read as 3, and noted
                "guests": [{"name": "Ada", "age": 36}],
                "board": "FULL",
            },
        )
        print(booked.content)
        print(booked.metadata)

        refused = session.execute(
            "book_room", {"arrival": "tomorrow", "nights": 0, "guests": [{"nmae": "Ada"}]}
        )
        assert refused.error is not None
        for problem in (refused.error.details or {})["problems"]:
            print(problem["path"], "expected", problem["expected"])
