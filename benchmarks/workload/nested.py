"""Nested records: one tool to run (dataclasses, a datetime), one to declare (and a pydantic model).

``make`` builds the declared function with classes nobody has seen yet, for the
first-time figure; ``book`` at module level serves the repeated one. The
harness also writes this file into a module of 1,600 lines, since a schema
should not cost more in a long file.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = [
    "NESTED_ARGS",
    "NESTED_RESULT",
    "NESTED_TEXT",
    "SEEN",
    "book",
    "expected_order",
    "make",
    "place_order",
]


@dataclass
class Customer:
    """Who pays."""

    name: str
    email: str | None = None


@dataclass
class Line:
    """One line of an order."""

    sku: str
    quantity: int


@dataclass
class Order:
    """What is ordered, by whom and when."""

    customer: Customer
    lines: list[Line]
    placed: datetime


SEEN: list[Order] = []
"""The first order a body was given; the harness compares it with ``expected_order()``."""


def place_order(order: Order) -> str:
    """Place an order.

    Args:
        order: The order.
    """
    if not SEEN:
        SEEN.append(order)
    return order.customer.name


def expected_order() -> Order:
    """What the body must have been given: these classes, not dicts."""
    lines = [Line("a-1", 2), Line("b-2", 7)]
    return Order(Customer("Ada"), lines, datetime.fromisoformat("2026-11-20T09:30:00"))


NESTED_TEXT = (
    '{"order": {"customer": {"name": "Ada"}, "lines": [{"sku": "a-1", "quantity": 2},'
    ' {"sku": "b-2", "quantity": 7}], "placed": "2026-11-20T09:30:00"}}'
)
NESTED_ARGS: dict[str, Any] = json.loads(NESTED_TEXT)
NESTED_RESULT = "Ada"


@dataclass
class Address:
    """Where somebody lives."""

    street: str
    city: str
    country: Literal["JP", "DE", "US"] = "JP"


@dataclass
class Guest:
    """Who stays."""

    name: str
    address: Address
    tags: list[str] = field(default_factory=list)


class Payment(BaseModel):
    """How the stay is paid."""

    method: Literal["card", "cash"]
    amount: float = Field(ge=0, description="Sum in euro.")
    reference: str | None = None


def book(guest: Guest, payment: Payment, nights: int = 1) -> str:
    """Book a room.

    Args:
        guest: Who stays.
        payment: How the stay is paid.
        nights: How many nights.
    """
    return f"{guest.name} {payment.method} {nights}"


def make() -> Callable[..., str]:
    """``book`` over classes of its own."""

    @dataclass
    class Address:
        """Where somebody lives."""

        street: str
        city: str
        country: Literal["JP", "DE", "US"] = "JP"

    @dataclass
    class Guest:
        """Who stays."""

        name: str
        address: Address
        tags: list[str] = field(default_factory=list)

    class Payment(BaseModel):
        """How the stay is paid."""

        method: Literal["card", "cash"]
        amount: float = Field(ge=0, description="Sum in euro.")
        reference: str | None = None

    def book(guest: Guest, payment: Payment, nights: int = 1) -> str:
        """Book a room.

        Args:
            guest: Who stays.
            payment: How the stay is paid.
            nights: How many nights.
        """
        return f"{guest.name} {payment.method} {nights}"

    return book
