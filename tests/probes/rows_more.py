"""Probes beyond the table: overlapping unions, odd records, odd callables."""

import functools
import inspect
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    LiteralString,
    Optional,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
)
from uuid import UUID

import annotated_types as at

import altar
from tests.probes._row import one, row, see

__all__ = ["ROWS"]

K = TypeVar("K")
V = TypeVar("V")


class Hue(Enum):
    RED = "red"
    CRIMSON = "red"
    BLUE = "blue"


class Sized(Enum):
    SMALL = (1, 2)
    LARGE = (3, 4)


@dataclass
class Left:
    a: int


@dataclass
class Right:
    b: int = 0


@dataclass
class Base:
    name: str
    size: Annotated[int, at.Ge(0), "How big."] = 1


@dataclass
class Child(Base):
    tags: frozenset[str] = frozenset()
    limit: Final[int] = 9
    made: datetime | None = field(default=None, kw_only=True, metadata={"x": 1})
    secret: str = field(default="s", repr=False, compare=False)


@dataclass
class Couple(Generic[K, V]):
    key: K
    value: V


@dataclass
class Named(Couple[str, V]):
    label: str = ""


class Outer:
    @dataclass
    class Inner:
        n: int

    def use(self, inner: Inner, other: "Outer.Inner | None" = None) -> str:
        """Probe."""
        return see(inner, other)


class InitDoc:
    """A thing."""

    def __init__(self, width: int, *, depth: float = 1.0) -> None:
        """Set it up.

        Args:
            width: How wide.
            depth: How deep.
        """
        self.width = width
        self.depth = depth


class Slotted:
    __slots__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and other.n == self.n

    __hash__ = None  # type: ignore[assignment]


class Closed(TypedDict):
    kind: Literal["closed"]
    when: date


class Open(TypedDict, total=False):
    kind: Literal["open"]
    until: Optional[date]


UNIONS = [
    one("Union[int,float]", "more", Union[int, float], [(5, 5), (1.5, 1.5)], ["a", None, True]),
    one("Union[bool,int]", "more", Union[bool, int], [(True, True), (1, 1), (0, 0)], ["a", 1.5]),
    one("Union[str,datetime]", "more", Union[str, datetime], [("2026-01-02", "2026-01-02")], [5]),
    one(
        "Union[list[int],list[str]]",
        "more",
        Union[list[int], list[str]],
        [([1], [1]), (["a"], ["a"]), ([], [])],
        [[1, "a"], [None], {}],
    ),
    one(
        "Union of untagged dataclasses",
        "more",
        Union[Left, Right],
        [({"a": 1}, Left(1)), ({"b": 2}, Right(2)), ({}, Right())],
        [{"a": "x"}, {"c": 1}, 5],
    ),
    one(
        "Union[dict[str,int],list[int]]",
        "more",
        Union[dict[str, int], list[int]],
        [({"a": 1}, {"a": 1}), ([1], [1])],
        [{"a": "x"}, ["x"], 5],
    ),
    one(
        "Union of tagged TypedDicts with a date",
        "more",
        Union[Closed, Open],
        [
            (
                {"kind": "closed", "when": "2026-01-02"},
                {"kind": "closed", "when": date(2026, 1, 2)},
            ),
            ({"kind": "open", "until": None}, {"kind": "open", "until": None}),
        ],
        [{"kind": "ajar"}, {"kind": "closed"}],
        wrong=[{"kind": "open", "until": "x"}],
    ),
    one(
        "Union[UUID,int]",
        "more",
        Union[UUID, int],
        [
            (5, 5),
            ("12345678-1234-5678-1234-567812345678", UUID("12345678123456781234567812345678")),
        ],
        [None, []],
        wrong=["x"],
    ),
    one(
        "Optional[list[Optional[Enum]]]",
        "more",
        Optional[list[Optional[Hue]]],
        [(["red", None], [Hue.RED, None]), (None, None)],
        [["pink"], "red", [1]],
        default=None,
    ),
    one(
        "list of dataclass or None",
        "more",
        list[Left | None],
        [([{"a": 1}, None], [Left(1), None])],
        [[{}], [5]],
    ),
    one(
        "Literal beside a type",
        "more",
        Literal["auto"] | int,
        [("auto", "auto"), (5, 5)],
        ["x", None],
    ),
    one("nested Literal", "more", Literal["a", Literal["b", 3]], [("b", "b"), (3, 3)], ["c", 4]),
    one(
        "Literal['True', True]",
        "more",
        Literal["True", True],
        [("True", "True"), (True, True)],
        [1],
    ),
    one("Literal of big and negative", "more", Literal[-1, 2**62], [(-1, -1), (2**62, 2**62)], [1]),
    one(
        "Literal with odd text",
        "more",
        Literal["", "ä", 'q"', "\\"],
        [("", ""), ('q"', 'q"')],
        ["a"],
    ),
    one("Enum with an alias", "more", Hue, [("red", Hue.RED), ("blue", Hue.BLUE)], ["pink"]),
    one("LiteralString", "more", LiteralString, [("a", "a")], [5, None]),
    one(
        "OrderedDict[str,int]",
        "more",
        OrderedDict[str, int],
        [({"a": 1}, OrderedDict(a=1))],
        [{"a": "x"}],
    ),
    one(
        "tuple[int,*tuple[str,...]]",
        "more",
        tuple[int, *tuple[str, ...]],
        [([1, "a", "b"], (1, "a", "b"))],
        [["a"], [1, 2], []],
    ),
    one(
        "tuple[Unpack[tuple[int, str]], bool]",
        "more",
        tuple[Unpack[tuple[int, str]], bool],
        [([1, "a", True], (1, "a", True))],
        [[1, "a"], [1, "a", 5], [1, "a", True, 1]],
    ),
    one(
        "tuple of tuples",
        "more",
        tuple[tuple[int, int], ...],
        [([[1, 2]], ((1, 2),))],
        [[[1]], [1]],
    ),
    one(
        "dict of sets",
        "more",
        dict[str, set[Hue]],
        [({"a": ["red"]}, {"a": {Hue.RED}})],
        [{"a": ["x"]}],
    ),
    one("set of tuples", "more", set[tuple[int, str]], [([[1, "a"]], {(1, "a")})], [[[1]], [5]]),
    one("dict[str,Any]", "more", dict[str, Any], [({"a": [1, {}]}, {"a": [1, {}]})], [[], 5]),
    one("list[Path]", "more", list[Path], [(["a"], [Path("a")])], [[5], "a/b"]),
    one(
        "dict[Literal,int]",
        "more",
        dict[Literal["a", "b"], int],
        [({"a": 1}, {"a": 1})],
        [{"c": 1}, {"a": "x"}],
    ),
    one(
        "negative timedelta",
        "more",
        timedelta,
        [("-PT1H", timedelta(hours=-1)), ("P1D", timedelta(days=1))],
        [None],
    ),
    one(
        "Annotated[Decimal, Ge]",
        "more",
        Annotated[Decimal, at.Ge(0)],
        [("1.5", Decimal("1.5"))],
        wrong=["-1", -1],
    ),
    one(
        "Annotated[date, Ge]",
        "more",
        Annotated[date, at.Ge(date(2026, 1, 1))],
        [("2026-01-02", date(2026, 1, 2))],
        wrong=["2025-01-01"],
    ),
    one(
        "Annotated[dict, MaxLen]",
        "more",
        Annotated[dict[str, int], at.MaxLen(1)],
        [({"a": 1}, {"a": 1})],
        [{"a": 1, "b": 2}],
    ),
    one(
        "Annotated[set, MinLen]",
        "more",
        Annotated[set[int], at.MinLen(2)],
        [([1, 2], {1, 2})],
        [[1], []],
    ),
]

RECORDS = [
    one(
        "inherited dataclass",
        "more",
        Child,
        [
            ({"name": "a"}, Child("a")),
            (
                {"name": "a", "size": 2, "tags": ["t"], "limit": 3, "made": "2026-01-02T00:00:00"},
                Child("a", 2, frozenset({"t"}), 3, made=datetime(2026, 1, 2)),
            ),
        ],
        [{}, {"name": "a", "size": -1}, {"name": "a", "tags": "t"}, {"name": "a", "limit": "x"}],
        says={"x.size": "How big."},
        defaults={"x.tags": [], "x.limit": 9, "x.secret": "s"},
    ),
    one(
        "two type variables",
        "more",
        Couple[str, list[int]],
        [({"key": "a", "value": [1]}, Couple("a", [1]))],
        [{"key": 1, "value": [1]}, {"key": "a", "value": ["x"]}],
    ),
    one(
        "half-bound generic subclass",
        "more",
        Named[int],
        [({"key": "a", "value": 1, "label": "l"}, Named("a", 1, "l"))],
        [{"key": 1, "value": 1}, {"key": "a", "value": "x"}],
    ),
    one(
        "two forms of one generic",
        "more",
        tuple[Couple[int, str], Couple[str, int]],
        [([{"key": 1, "value": "a"}, {"key": "a", "value": 1}], (Couple(1, "a"), Couple("a", 1)))],
        [[{"key": "a", "value": 1}, {"key": "a", "value": 1}]],
    ),
    one(
        "class documented in __init__",
        "more",
        InitDoc,
        [({"width": 1}, InitDoc(1)), ({"width": 1, "depth": 2}, InitDoc(1, depth=2.0))],
        [{}, {"width": "x"}],
        says={"x.width": "How wide.", "x.depth": "How deep."},
    ),
    one("slotted class", "more", Slotted, [({"n": 1}, Slotted(1))], [{}, {"n": "x"}]),
    row(
        "class nested in a class",
        "more",
        Outer().use,
        runs=[
            ({"inner": {"n": 1}}, (Outer.Inner(1), None)),
            ({"inner": {"n": 1}, "other": {"n": 2}}, (Outer.Inner(1), Outer.Inner(2))),
        ],
        bad=[{}, {"inner": {"n": "x"}}],
        optional=("other",),
    ),
    row(
        "two parameters of one class",
        "more",
        lambda a, b: see(a, b),
        runs=[({"a": 1, "b": "x"}, (1, "x"))],
        bad=[{}],
    ),
]


def declared_otherwise(*args: Any, **kwargs: Any) -> str:
    """Probe."""
    return see(args, kwargs)


declared_otherwise.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter("city", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str),
        inspect.Parameter("n", inspect.Parameter.KEYWORD_ONLY, annotation=int, default=2),
    ]
)


def _adds(fn):
    @functools.wraps(fn)
    def wrapper(city: str, extra: int = 0) -> str:
        return fn(city)

    del wrapper.__wrapped__  # its annotations are the inner function's all the same
    return wrapper


def _plain(city: str) -> str:
    """Weather.

    Args:
        city: Name of the city.
    """
    return see(city)


@altar.tool(name="renamed", description="Said elsewhere.")
def marked(city: str) -> str:
    """Not this."""
    return see(city)


class Service:
    @altar.tool
    async def find(self, city: str, *, limit: int = 5) -> str:
        """Find."""
        return see(city, limit)

    @altar.tool
    @staticmethod
    def static(city: str) -> str:
        """Find."""
        return see(city)

    @classmethod
    @altar.tool
    def klass(cls, city: str) -> str:
        """Find."""
        return see(city)


def seven(a: int, b: float, c: str, d: bool, e: list[int], f: dict[str, int], g: Left) -> str:
    """Probe."""
    return see(a, b, c, d, e, f, g)


CALLABLES = [
    row(
        "__signature__ of one's own",
        "more",
        declared_otherwise,
        runs=[({"city": "A"}, (("A",), {"n": 2})), ({"city": "A", "n": 3}, (("A",), {"n": 3}))],
        bad=[{}, {"city": 5}, {"city": "A", "n": "x"}],
        optional=("n",),
    ),
    row(
        "wrapper with a signature of its own",
        "more",
        _adds(_plain),
        runs=[({"city": "A"}, ("A",)), ({"city": "A", "extra": 1}, ("A",))],
        bad=[{}],
        optional=("extra",),
        says={"city": "Name of the city."},
    ),
    row(
        "marked with name and description",
        "more",
        marked,
        runs=[({"city": "A"}, ("A",))],
        bad=[{}],
        summary="Said elsewhere.",
        summary_not=("Not this",),
    ),
    row(
        "marked async method",
        "more",
        Service().find,
        runs=[({"city": "A"}, ("A", 5))],
        bad=[{}, {"city": "A", "limit": "x"}],
        hidden=("self",),
        optional=("limit",),
    ),
    row("marked static method", "more", Service.static, runs=[({"city": "A"}, ("A",))], bad=[{}]),
    row(
        "marked class method",
        "more",
        Service.klass,
        runs=[({"city": "A"}, ("A",))],
        bad=[{}],
        hidden=("cls",),
    ),
    row(
        "seven kinds at once",
        "more",
        seven,
        runs=[
            (
                {"a": 1, "b": 2, "c": "c", "d": True, "e": [1], "f": {"x": 1}, "g": {"a": 1}},
                (1, 2.0, "c", True, [1], {"x": 1}, Left(1)),
            )
        ],
        bad=[{"a": 1}],
        optional=(),
    ),
]


ROWS = [replace(each, table=False) for each in (*UNIONS, *RECORDS, *CALLABLES)]
