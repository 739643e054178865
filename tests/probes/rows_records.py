"""Probes: typed dictionaries, dataclasses, named tuples and plain classes."""

import typing
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import date
from enum import Enum
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    Optional,
    Required,
    Self,
    TypedDict,
    TypeVar,
    Union,
)

import typing_extensions as te

from tests.probes._row import one

__all__ = ["ROWS", "Point"]

T = TypeVar("T")


class Colour(Enum):
    RED = "red"


class City(TypedDict):
    name: str
    size: int


class Partial(TypedDict, total=False):
    name: Required[str]
    size: int


class Loose(TypedDict):
    name: str
    size: NotRequired[int]


class Frozen(te.TypedDict):
    name: te.ReadOnly[str]
    size: te.NotRequired[int]


class Base(TypedDict):
    name: str


class Derived(Base, total=False):
    """A place.

    Attributes:
        size: How many live there.
    """

    size: Annotated[int, "unused text"]


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Documented:
    """A place on a map.

    Attributes:
        lat (float): Degrees north.
        lon: Degrees east.
    """

    lat: float
    lon: float = 0.0


@dataclass
class DocumentedArgs:
    """A place.

    :param lat: Degrees north.
    :ivar lon: Degrees east.
    """

    lat: float
    lon: float


@dataclass
class Item:
    name: str
    price: float = 1.0


@dataclass
class Order:
    customer: str
    items: list[Item]
    ship: Optional[Point] = None
    due: date | None = None
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    colour: Colour
    doors: int = 4


@dataclass
class Job:
    name: str
    seed: InitVar[int]
    total: int = field(init=False)

    def __post_init__(self, seed: int) -> None:
        self.total = seed * 2


@dataclass
class Counted:
    total_made: ClassVar[int] = 0
    name: str = "n"
    _: KW_ONLY
    size: int = 1


@dataclass
class Checked:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("secret size rule")


@dataclass
class Box(Generic[T]):
    value: T
    more: list[T] = field(default_factory=list)


@dataclass
class Chain:
    value: int
    next: Optional[Self] = None


class Pair(NamedTuple):
    x: int
    y: str = "z"


class Money:
    """An amount.

    Args:
        amount: How much.
        currency: In what.
    """

    def __init__(self, amount: int, currency: str = "EUR") -> None:
        self.amount = amount
        self.currency = currency


class Circle(TypedDict):
    shape: Literal["circle"]
    radius: float


class Square(TypedDict):
    shape: Literal["square"]
    side: float


def _order(**facts: Any) -> Order:
    return Order(**facts)


TYPED_DICTS = [
    one(
        "typing.TypedDict",
        "record",
        City,
        [({"name": "A", "size": 1}, {"name": "A", "size": 1})],
        [{"name": "A"}, {"name": "A", "size": "x"}, {}, 5, [], {"name": 1, "size": 1}],
        hard=True,
    ),
    one(
        "typing.TypedDict total=False+Required",
        "record",
        Partial,
        [({"name": "A"}, {"name": "A"}), ({"name": "A", "size": 1}, {"name": "A", "size": 1})],
        [{"size": 1}, {}, {"name": "A", "size": "x"}],
        hard=True,
    ),
    one(
        "typing.TypedDict NotRequired",
        "record",
        Loose,
        [({"name": "A"}, {"name": "A"}), ({"name": "A", "size": 1}, {"name": "A", "size": 1})],
        [{"size": 1}, {"name": "A", "size": None}],
        hard=True,
    ),
    one(
        "typing_ext TypedDict ReadOnly/NotRequired",
        "record",
        Frozen,
        [({"name": "A"}, {"name": "A"}), ({"name": "A", "size": 1}, {"name": "A", "size": 1})],
        [{"size": 1}, {"name": 5}],
    ),
    one(
        "TypedDict inherited, documented",
        "record",
        Derived,
        [({"name": "A"}, {"name": "A"}), ({"name": "A", "size": 3}, {"name": "A", "size": 3})],
        [{}, {"name": "A", "size": "many"}],
        says={"x.size": "unused text"},
        table=False,
    ),
    one(
        "TypedDict union by tag",
        "record",
        Union[Circle, Square],
        [
            ({"shape": "circle", "radius": 1}, {"shape": "circle", "radius": 1.0}),
            ({"shape": "square", "side": 2.5}, {"shape": "square", "side": 2.5}),
        ],
        [{"shape": "circle", "side": 1}, {"shape": "oval"}, {}, None],
        table=False,
    ),
    one(
        "functional TypedDict",
        "record",
        typing.TypedDict("Odd", {"a-b": int, "class": str}),
        [({"a-b": 1, "class": "k"}, {"a-b": 1, "class": "k"})],
        [{"a-b": 1}, {"a-b": "x", "class": "k"}],
        table=False,
    ),
]

DATACLASSES = [
    one(
        "dataclass (only param)",
        "record",
        Point,
        [({"x": 1}, Point(1)), ({"x": 1, "y": 2}, Point(1, 2))],
        [{}, {"x": "a"}, {"x": 1, "z": 2}, 5, [1, 2], None],
        coerced=[('{"x": 1, "y": 2}', Point(1, 2)), ({"x": "3"}, Point(3))],
        defaults={"x.y": 0},
    ),
    one(
        "dataclass attribute docs",
        "record",
        Documented,
        [({"lat": 1.5, "lon": 2}, Documented(1.5, 2.0))],
        [{"lon": 1.0}, {"lat": "north"}],
        says={"x.lat": "Degrees north.", "x.lon": "Degrees east."},
        hard=True,
    ),
    one(
        "nested dataclass",
        "record",
        Order,
        [
            (
                {"customer": "c", "items": [{"name": "n", "price": 2}]},
                _order(customer="c", items=[Item("n", 2.0)]),
            ),
            (
                {
                    "customer": "c",
                    "items": [],
                    "ship": {"x": 1},
                    "due": "2026-01-02",
                    "tags": ["t"],
                },
                _order(customer="c", items=[], ship=Point(1), due=date(2026, 1, 2), tags=["t"]),
            ),
        ],
        [
            {"customer": "c"},
            {"customer": "c", "items": [{"price": 2}]},
            {"customer": "c", "items": [{"name": 5}]},
            {"customer": "c", "items": [], "ship": {"x": "far"}},
            {"customer": "c", "items": [], "tags": None},
        ],
        wrong=[{"customer": "c", "items": [], "due": "soon"}],
        defaults={"x.ship": None, "x.items.[].price": 1.0},
        formats={"x.due": "date"},
    ),
    one(
        "dataclass slots/frozen/kw_only/enum",
        "record",
        Car,
        [
            ({"colour": "red"}, Car(colour=Colour.RED)),
            ({"colour": "red", "doors": 2}, Car(colour=Colour.RED, doors=2)),
        ],
        [{"colour": "blue"}, {"doors": 2}, {"colour": "red", "doors": "two"}],
        defaults={"x.doors": 4},
    ),
    one(
        "dataclass InitVar/init=False",
        "record",
        Job,
        [({"name": "a", "seed": 2}, Job("a", 2))],
        [{"name": "a"}, {"name": "a", "seed": 2, "total": 3}, {"name": "a", "seed": "x"}],
        hard=True,
    ),
    one(
        "dict[str, dataclass]",
        "record",
        dict[str, Point],
        [({"a": {"x": 1}}, {"a": Point(1)})],
        [{"a": {}}, {"a": 5}, {"a": {"x": "q"}}, []],
    ),
    one(
        "dataclass attribute docs, Sphinx",
        "record",
        DocumentedArgs,
        [({"lat": 1, "lon": 2}, DocumentedArgs(1.0, 2.0))],
        [{"lon": 1.0}],
        says={"x.lat": "Degrees north.", "x.lon": "Degrees east."},
        table=False,
    ),
    one(
        "dataclass ClassVar/KW_ONLY",
        "record",
        Counted,
        [({}, Counted()), ({"size": 3}, Counted(size=3))],
        [{"total_made": 1}, {"_": 1}],
        table=False,
    ),
    one(
        "dataclass that refuses in __post_init__",
        "record",
        Checked,
        [({"size": 1}, Checked(1))],
        [{"size": "x"}],
        wrong=[{"size": -1}],
        table=False,
    ),
    one(
        "generic dataclass",
        "record",
        Box[int],
        [({"value": 1, "more": [2]}, Box(1, [2]))],
        [{"value": "a"}, {"value": 1, "more": ["a"]}],
        table=False,
    ),
    one(
        "generic dataclass of a dataclass",
        "record",
        Box[Point],
        [({"value": {"x": 1}}, Box(Point(1)))],
        [{"value": 1}, {"value": {"x": "a"}}],
        table=False,
    ),
    one(
        "unparametrised generic dataclass",
        "record",
        Box,
        [({"value": "any"}, Box("any")), ({"value": 1}, Box(1))],
        [{}],
        table=False,
    ),
    one(
        "Self-recursive dataclass",
        "record",
        Chain,
        [({"value": 1, "next": {"value": 2, "next": None}}, Chain(1, Chain(2)))],
        [{"value": 1, "next": {"value": "x"}}, {"value": 1, "next": {"next": None}}],
        table=False,
    ),
    one(
        "Optional nested default",
        "record",
        Point | None,
        [({"x": 1}, Point(1)), (None, None)],
        [{}, {"x": "a"}, 5],
        default=None,
        table=False,
    ),
]

OTHERS = [
    one(
        "NamedTuple",
        "record",
        Pair,
        [([1, "a"], Pair(1, "a"))],
        [["a", "b"], [1, "a", 2], 5, None],
        hard=True,
    ),
    one(
        "NamedTuple as object",
        "record",
        Pair,
        [({"x": 1, "y": "a"}, Pair(1, "a")), ({"x": 1}, Pair(1))],
        [{"y": "a"}, {"x": "a"}, {"x": 1, "z": 2}],
        hard=True,
    ),
    one(
        "plain class with typed __init__",
        "record",
        Money,
        [({"amount": 5}, Money(5)), ({"amount": 5, "currency": "USD"}, Money(5, "USD"))],
        [{}, {"amount": "x"}, {"amount": 5, "currency": 1}, {"amount": 5, "other": 1}, 5],
        says={"x.amount": "How much.", "x.currency": "In what."},
        hard=True,
    ),
    one(
        "list[NamedTuple]",
        "record",
        list[Pair],
        [([[1, "a"], {"x": 2}], [Pair(1, "a"), Pair(2)])],
        [[5], [[]]],
        table=False,
    ),
]

ROWS = [*TYPED_DICTS, *DATACLASSES, *OTHERS]
