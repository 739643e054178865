"""Thirty tools over the whole type table: one definition, which every adapter must carry.

Each is deterministic and touches nothing, so that two calls with equal
arguments give equal results wherever they run. ``book`` needs pydantic and is
left out of TOOLS where it is not installed. A session for them has
``deps=DEPS``.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict
from uuid import UUID

from altar import Context, Param, Session, ToolError, tool

try:
    import pydantic
except ModuleNotFoundError:
    pydantic = None  # type: ignore[assignment]

__all__ = ["DEPS", "TOOLS", "make_session"]

DEPS = {"user": "ada"}

# -- what they take ----------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Stars(enum.IntEnum):
    ONE = 1
    FIVE = 5


class User(TypedDict):
    """Somebody.

    Attributes:
        email: Where to write to.
    """

    name: str
    email: NotRequired[str]
    tags: NotRequired[list[str]]


@dataclass
class Item:
    """One line of an order."""

    fruit: str
    crates: int = 1


@dataclass
class Order:
    """What somebody orders.

    Attributes:
        customer: The full name.
        items: The lines of the order.
    """

    customer: str
    items: list[Item]
    notes: dict[str, str] = field(default_factory=dict)
    gift: bool | None = None


class Point(NamedTuple):
    x: float
    y: float
    name: str = "here"


@dataclass
class Circle:
    kind: Literal["circle"]
    radius: float


@dataclass
class Square:
    kind: Literal["square"]
    side: float


@dataclass
class Tree:
    """A node and what hangs below it."""

    label: str
    children: list[Tree] = field(default_factory=list)


if pydantic is not None:

    class Guest(pydantic.BaseModel):
        """Who comes."""

        name: str = pydantic.Field(min_length=1, description="The full name.")
        age: int = pydantic.Field(ge=0, le=150)

    class Stay(pydantic.BaseModel):
        """A stay in a room."""

        model_config = pydantic.ConfigDict(extra="forbid", populate_by_name=False)

        arrival: date = pydantic.Field(alias="from", description="The first night.")
        nights: int = pydantic.Field(1, ge=1, le=30)
        guests: list[Guest] = []

        @pydantic.field_validator("nights")
        @classmethod
        def not_thirteen(cls, value: int) -> int:
            if value == 13:
                raise ValueError("never thirteen")
            return value

    def book(stay: Stay, room: str = "blue") -> Stay:
        """Book a room.

        Args:
            stay: When, and who.
            room: The name of the room.
        """
        stay.nights += room == "blue"
        return stay


# -- scalars, choices --------------------------------------------------------------------


def add(a: int, b: int) -> int:
    """Add two whole numbers.

    Args:
        a: The first.
        b: The second.

    Returns:
        Their sum.
    """
    return a + b


def greet(name: str, title: Optional[str] = None, excited: bool = False) -> str:
    """Greet somebody, with "quotes" and ünïcode.

    Args:
        name: Whom to greet.
        title: What stands before the name.
        excited: Whether to shout.
    """
    return f"Hello {title + ' ' if title else ''}{name}{'!' if excited else '.'} ☃"


def nothing() -> None:
    """Do nothing at all."""


def either(key: int | str | None, other: float | list[int] = 0.5) -> dict[str, Any]:
    """Say which kind of value came."""
    return {"key": type(key).__name__, "other": type(other).__name__}


def paint(color: Color, tone: Literal["light", "dark", 3] = "light") -> str:
    """Paint in a colour."""
    return f"{tone} {color.value}"


def rate(
    stars: Stars,
    score: Annotated[int, Param(ge=1, le=10, description="From one to ten.")],
    note: Annotated[str, Param(max_length=12, pattern="^[a-z ]*$")] = "",
) -> list[Any]:
    """Rate something."""
    return [stars, score, note]


# -- containers, records -----------------------------------------------------------------


def total(numbers: list[int]) -> int:
    """The sum of many numbers."""
    return sum(numbers)


def unique(words: set[str], most: int = 10) -> list[str]:
    """Each word once, by letter."""
    return sorted(words)[:most]


def swap(pair: tuple[int, str]) -> tuple[str, int]:
    """A pair, the other way round."""
    return pair[1], pair[0]


def tally(stock: dict[str, int], extra: dict[Color, list[float]] | None = None) -> dict[str, Any]:
    """Count what is there."""
    return {"pieces": sum(stock.values()), "extra": extra}


def profile(user: User) -> User:
    """A user, with a tag more."""
    return {**user, "tags": [*user.get("tags", []), "seen"]}


def place_order(order: Order, urgent: bool = False) -> Order:
    """Place an order.

    Args:
        order: What is ordered.
        urgent: Whether it is to come today.
    """
    order.notes["urgent"] = str(urgent)
    return order


def locate(point: Point) -> Point:
    """A point, moved by one."""
    return point._replace(x=point.x + 1)


def schedule(
    at: datetime,
    day: date = date(2026, 12, 24),
    hour: time = time(8, 30),
    long: timedelta = timedelta(hours=1),
) -> dict[str, Any]:
    """When something ends."""
    return {"ends": at + long, "day": day, "hour": hour, "long": long}


@tool(read_only=True)
def lookup_by_uuid(id: UUID) -> UUID:  # noqa: A002 - a name that models like
    """The next id."""
    return UUID(int=id.int + 1)


def price(amount: Decimal, rate: Decimal = Decimal("0.19")) -> Decimal:
    """The price with the tax on it."""
    return amount * (1 + rate)


@tool(idempotent=True)
def store_under_path(data: bytes, path: Path = Path("box")) -> dict[str, Any]:
    """Where these bytes would lie, and the bytes backwards."""
    return {"path": path / "data.bin", "data": data[::-1]}


def area(shape: Circle | Square) -> float:
    """The area of a shape."""
    return 3 * shape.radius**2 if isinstance(shape, Circle) else shape.side**2


def depth(tree: Tree) -> int:
    """How deep a tree is."""
    return 1 + max(map(depth, tree.children), default=0)


# -- kinds of functions ------------------------------------------------------------------


def join(sep: str, *parts: str, **labels: int) -> str:
    """Join texts and labels.

    Args:
        sep: What stands between.
        *parts: The texts.
        **labels: Numbers by name.
    """
    return sep.join([*parts, *(f"{name}={value}" for name, value in sorted(labels.items()))])


def power(base: float, /, *, exponent: float = 2.0) -> float:
    """A power; of what is too large, nothing that JSON could say."""
    try:
        return base**exponent
    except OverflowError:
        return float("inf")


async def fetch(page: int, fail: bool = False) -> str:
    """A page of a book."""
    await asyncio.sleep(0)
    if fail:
        raise ToolError(f"there is no page {page}", type="RESOURCE_NOT_FOUND")
    return f"page {page}"


def countdown(start: int) -> Generator[int, None, str]:
    """Count down to nothing."""
    yield from range(start, 0, -1)
    return "lift-off"


async def trickle(words: list[str]) -> AsyncIterator[str]:
    """Say one word after the other."""
    for word in words:
        await asyncio.sleep(0)
        yield word


def whoami(ctx: Context[dict[str, str]], polite: bool = False) -> dict[str, Any]:
    """Who asks, and by which tool."""
    return {"user": ctx.deps["user"], "tool": ctx.tool_name, "polite": polite}


# -- failures, marks ---------------------------------------------------------------------


def reserve(seat: str) -> str:
    """Reserve a seat; of those in row 9 none is free."""
    if seat.startswith("9"):
        raise ToolError(
            f"seat {seat} is taken",
            type="BUSINESS_RULE_VIOLATION",
            retry_after=2.5,
            details={"free": ["1a"]},
        )
    return f"{seat} is yours"


def broken(secret: str = "hunter2") -> str:
    """Always fail, and say too much."""
    raise RuntimeError(f"password={secret} in /etc/passwd")


@tool(approval=True, destructive=True)
def erase_for_good(path: str) -> str:
    """Erase a file, once a person has said yes."""
    return f"erased {path}"


def odd(
    schema: str,
    args: list[int],
    model_config: Any = None,
    name: str = "n",
    config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Take parameters whose names mean something elsewhere."""
    return {"schema": schema, "args": args, "mc": model_config, "name": name, "config": config}


TOOLS = [
    *(add, greet, nothing, either, paint, rate, total, unique, swap, tally),
    *(profile, place_order, locate, schedule, lookup_by_uuid, price, store_under_path),
    *(area, depth, join, power, fetch, countdown, trickle, whoami, reserve, broken),
    *(erase_for_good, odd),
    *(() if pydantic is None else (book,)),
]


def make_session(**options: Any) -> Session:
    """A session of all of them, with what they depend on."""
    return Session(TOOLS, **{"deps": DEPS, **options})
