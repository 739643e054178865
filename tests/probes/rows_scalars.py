"""Probes: annotated values, scalars from the standard library, untyped parameters, defaults."""

import re
import typing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntFlag
from fractions import Fraction
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Any, NewType, Optional, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import annotated_types as at
import typing_extensions as te

import altar
from tests.probes._row import one, row, see

__all__ = ["ROWS"]

UserId = NewType("UserId", int)
T = TypeVar("T")
B = TypeVar("B", bound=int)
C = TypeVar("C", int, str)
SENTINEL = object()
INF = float("inf")


class Hue(Enum):
    RED = "red"
    BLUE = "blue"


class Bits(IntFlag):
    A = 1
    B = 2


@dataclass(frozen=True)
class Spot:
    x: int
    y: int = 0


def described(x: Annotated[str, "From the annotation."]) -> str:
    """Probe.

    Args:
        x: From the docstring.
    """
    return see(x)


ANNOTATED = [
    one("NewType", "annotated", UserId, [(5, 5)], ["x", None, 1.5]),
    one("TypeVar", "annotated", T, [(5, 5), ("a", "a"), (None, None), ([1], [1])]),
    one("TypeVar bound", "annotated", B, [(5, 5)], ["x", None, []], hard=True),
    one("TypeVar constrained", "annotated", C, [(5, 5), ("a", "a")], [1.5, None, []], hard=True),
    one(
        "Annotated[str,'desc']",
        "annotated",
        Annotated[str, "A city."],
        [("a", "a")],
        [5, None],
        says="A city.",
        hard=True,
    ),
    one(
        "Annotated[Optional,'desc']",
        "annotated",
        Annotated[Optional[str], "A city."],
        [("a", "a"), (None, None)],
        [5],
        default=None,
        says="A city.",
        hard=True,
    ),
    row(
        "Annotated desc + docstring desc",
        "annotated",
        described,
        runs=[({"x": "a"}, ("a",))],
        bad=[{"x": 5}],
        says={"x": "From the"},
        summary="Probe.",
        summary_not=("Args", "From the"),
    ),
    one(
        "Annotated Ge/Lt",
        "annotated",
        Annotated[int, at.Ge(1), at.Lt(10)],
        [(1, 1), (9, 9)],
        [0, 10, "x"],
        hard=True,
    ),
    one(
        "Annotated MaxLen",
        "annotated",
        Annotated[str, at.MaxLen(3)],
        [("abc", "abc"), ("", "")],
        ["abcd", 5],
        hard=True,
    ),
    one(
        "Annotated items + MinLen",
        "annotated",
        Annotated[list[Annotated[int, at.Ge(0)]], at.MinLen(1)],
        [([0], [0])],
        [[], [-1], ["a"], 5],
        hard=True,
    ),
    one(
        "Annotated[str, Doc] (PEP 727)",
        "annotated",
        Annotated[str, te.Doc("A city.")],
        [("a", "a")],
        [5],
        says="A city.",
        hard=True,
    ),
    one(
        "Annotated Interval/Gt/Le/MultipleOf/Len",
        "annotated",
        tuple[
            Annotated[int, at.Interval(ge=1, le=5)],
            Annotated[float, at.Gt(0), at.Le(1)],
            Annotated[int, at.MultipleOf(5)],
            Annotated[list[int], at.Len(1, 2)],
        ],
        [([1, 1, 10, [1]], (1, 1.0, 10, [1]))],
        [[0, 1, 10, [1]], [1, 0, 10, [1]], [1, 1, 11, [1]], [1, 1, 10, []], [1, 1, 10, [1, 2, 3]]],
        table=False,
    ),
    one(
        "Annotated altar.Param",
        "annotated",
        Annotated[int, altar.Param(description="A digit.", ge=1, le=9)],
        [(1, 1), (9, 9)],
        [0, 10, "x"],
        says="A digit.",
        table=False,
    ),
    one(
        "Annotated altar.Param pattern",
        "annotated",
        Annotated[str, altar.Param(pattern="^[a-z]+$", min_length=2)],
        [("ab", "ab")],
        ["a", "AB", "a1", 5],
        table=False,
    ),
    one(
        "Annotated nested",
        "annotated",
        Annotated[Annotated[int, at.Ge(1)], "Outer."],
        [(1, 1)],
        [0],
        says="Outer.",
        table=False,
    ),
    one(
        "Annotated constraint over Optional",
        "annotated",
        Annotated[int | None, at.Ge(1)],
        [(1, 1), (None, None)],
        [0, "x"],
        table=False,
    ),
]

_Z = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_PLUS2 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
_ID = "12345678-1234-5678-1234-567812345678"

SCALAR = [
    one(
        "datetime",
        "scalar",
        datetime,
        [
            ("2026-01-02T03:04:05Z", _Z),
            ("2026-01-02T03:04:05+02:00", _PLUS2),
            ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
        ],
        [None, [], {}, True],
        wrong=["yesterday", "2026-13-01T00:00:00Z", ""],
        formats="date-time",
    ),
    one(
        "date",
        "scalar",
        date,
        [("2026-01-02", date(2026, 1, 2))],
        [5, None, []],
        wrong=["soon", "2026-02-30", "", "2026-01-02T03:04:05Z"],
        formats="date",
    ),
    one(
        "time",
        "scalar",
        time,
        [("03:04:05", time(3, 4, 5)), ("03:04:05Z", time(3, 4, 5, tzinfo=UTC))],
        [None, []],
        wrong=["noon", "25:00:00"],
        formats="time",
    ),
    one(
        "timedelta",
        "scalar",
        timedelta,
        [
            ("PT1H30M", timedelta(hours=1, minutes=30)),
            ("P1DT2S", timedelta(days=1, seconds=2)),
            ("PT0.5S", timedelta(seconds=0.5)),
            ("P2W", timedelta(weeks=2)),
        ],
        [None, [], {}],
        wrong=["long", "P", "PT", "PT1X"],
        formats="duration",
    ),
    one(
        "UUID",
        "scalar",
        UUID,
        [(_ID, UUID(_ID))],
        [5, None],
        wrong=["x", _ID + "0"],
        formats="uuid",
    ),
    one(
        "Decimal",
        "scalar",
        Decimal,
        [("1.50", Decimal("1.50")), (2, Decimal(2)), (1.1, Decimal("1.1")), ("-3", Decimal(-3))],
        [None, [], True],
        wrong=["abc", ""],
    ),
    one("Path", "scalar", Path, [("a/b", Path("a/b"))], [5, None, []]),
    one(
        "bytes",
        "scalar",
        bytes,
        [("aGk=", b"hi"), ("", b"")],
        [5, None, [1]],
        wrong=["@@@@", "a"],
        formats="byte",
    ),
    one("re.Pattern", "scalar", re.Pattern, [("a+", re.compile("a+"))], [5, None], wrong=["("]),
    one(
        "IPv4Address",
        "scalar",
        IPv4Address,
        [("1.2.3.4", IPv4Address("1.2.3.4"))],
        [None, []],
        wrong=["1.2.3", "::1"],
        formats="ipv4",
    ),
    one(
        "complex",
        "scalar",
        complex,
        [("1+2j", 1 + 2j), ("3j", 3j)],
        [None, [], True],
        wrong=["x"],
        hard=True,
    ),
    one(
        "Fraction",
        "scalar",
        Fraction,
        [("1/3", Fraction(1, 3))],
        [None],
        wrong=["1/0", "x"],
        table=False,
    ),
    one(
        "IPv6Address",
        "scalar",
        IPv6Address,
        [("::1", IPv6Address("::1"))],
        [None],
        wrong=["1.2.3.4", "x"],
        formats="ipv6",
        table=False,
    ),
    one(
        "IPv4Network",
        "scalar",
        IPv4Network,
        [("10.0.0.0/8", IPv4Network("10.0.0.0/8"))],
        [None],
        wrong=["x"],
        table=False,
    ),
    one(
        "IPv6Network",
        "scalar",
        IPv6Network,
        [("fe80::/10", IPv6Network("fe80::/10"))],
        [None],
        wrong=["x"],
        table=False,
    ),
    one(
        "IPv4Interface",
        "scalar",
        IPv4Interface,
        [("10.0.0.1/8", IPv4Interface("10.0.0.1/8"))],
        [None],
        wrong=["x"],
        table=False,
    ),
    one(
        "IPv6Interface",
        "scalar",
        IPv6Interface,
        [("fe80::1/10", IPv6Interface("fe80::1/10"))],
        [None],
        wrong=["x"],
        table=False,
    ),
    one(
        "ZoneInfo",
        "scalar",
        ZoneInfo,
        [("UTC", ZoneInfo("UTC"))],
        [None, 5],
        wrong=["Nowhere/Land", "../../etc/passwd"],
        table=False,
    ),
    one(
        "PurePosixPath", "scalar", PurePosixPath, [("a/b", PurePosixPath("a/b"))], [5], table=False
    ),
    one("PurePath", "scalar", PurePath, [("a/b", PurePath("a/b"))], [5], table=False),
    one(
        "typing.Pattern[str]",
        "scalar",
        typing.Pattern[str],
        [("a", re.compile("a"))],
        [5],
        wrong=["("],
        table=False,
    ),
    one(
        "list[datetime]",
        "scalar",
        list[datetime],
        [(["2026-01-02T03:04:05Z"], [_Z])],
        [[5.5], [None]],
        wrong=[["x"]],
        formats={"x.[]": "date-time"},
        table=False,
    ),
]

ANY_VALUES = [(5, 5), ("a", "a"), (None, None), ([1], [1]), ({"a": 1}, {"a": 1}), (True, True)]


def untyped(x, y=3):
    """Probe."""
    return see(x, y)


UNTYPED = [
    one("Any", "untyped", Any, ANY_VALUES),
    one("object", "untyped", object, ANY_VALUES, hard=True),
    row(
        "no annotation",
        "untyped",
        untyped,
        runs=[({"x": value}, (value, 3)) for value, _ in ANY_VALUES] + [({"x": 1, "y": 2}, (1, 2))],
        bad=[{}, {"x": 1, "z": 2}],
        optional=("y",),
        defaults={"y": 3},
    ),
    one("list[Any]", "untyped", list[Any], [([1, "a"], [1, "a"])], [5, None], table=False),
]


def implicit(x: str = None) -> str:
    """Probe."""
    return see(x)


def mutable(x: list[int] = [1]) -> str:  # noqa: B006 - the probe's point
    """Probe."""
    see(list(x))
    x.append(9)
    return "seen"


def many(a: int, b: str = "b", c: float = 1.5, d: bool = True, e: None = None) -> str:
    """Probe."""
    return see(a, b, c, d, e)


DEFAULTS = [
    row(
        "x: str = None",
        "defaults",
        implicit,
        runs=[({}, (None,)), ({"x": "a"}, ("a",))],
        bad=[{"x": 5}],
        optional=("x",),
    ),
    row(
        "mutable list default",
        "defaults",
        mutable,
        runs=[({}, ([1],)), ({}, ([1],)), ({"x": [2]}, ([2],))],
        bad=[{"x": ["a"]}],
        optional=("x",),
        defaults={"x": [1]},
    ),
    one(
        "enum default",
        "defaults",
        Hue,
        [("blue", Hue.BLUE)],
        ["pink"],
        default=Hue.RED,
        defaults={"x": "red"},
        hard=True,
    ),
    one(
        "dataclass-instance default",
        "defaults",
        Spot,
        [({"x": 5}, Spot(5))],
        [{"x": "a"}, 5],
        default=Spot(1, 2),
        defaults={"x": {"x": 1, "y": 2}},
        hard=True,
    ),
    one(
        "datetime default",
        "defaults",
        datetime,
        [("2026-01-02T03:04:05Z", _Z)],
        [None],
        wrong=["x"],
        default=datetime(2026, 1, 2),
        defaults={"x": "2026-01-02T00:00:00"},
        formats="date-time",
        hard=True,
    ),
    one(
        "inf default (must stay valid JSON)",
        "defaults",
        float,
        [(1.5, 1.5)],
        ["a", None],
        default=INF,
        hard=True,
    ),
    one("sentinel default", "defaults", int, [(5, 5)], ["a", None], default=SENTINEL, hard=True),
    one(
        "set default",
        "defaults",
        set[int],
        [([3], {3})],
        [["a"]],
        default={1, 2},
        defaults={"x": [1, 2]},
        hard=True,
    ),
    row(
        "omitted default arrives",
        "defaults",
        many,
        runs=[
            ({"a": 1}, (1, "b", 1.5, True, None)),
            ({"a": 1, "d": False}, (1, "b", 1.5, False, None)),
        ],
        bad=[{}, {"a": 1, "c": "x"}],
        optional=("b", "c", "d", "e"),
        defaults={"b": "b", "c": 1.5, "d": True, "e": None},
    ),
    one("nan default", "defaults", float, [(1.5, 1.5)], ["a"], default=float("nan"), table=False),
    one(
        "IntFlag default",
        "defaults",
        Bits,
        [(1, Bits.A)],
        [8],
        default=Bits.A | Bits.B,
        defaults={"x": 3},
        table=False,
    ),
    one(
        "Path default",
        "defaults",
        Path,
        [("b", Path("b"))],
        [5],
        default=Path("a"),
        defaults={"x": "a"},
        table=False,
    ),
    one(
        "Decimal default",
        "defaults",
        Decimal,
        [("2", Decimal(2))],
        [None],
        default=Decimal("1.5"),
        table=False,
    ),
    one(
        "bytes default",
        "defaults",
        bytes,
        [("aGk=", b"hi")],
        [5],
        default=b"hi",
        defaults={"x": "aGk="},
        table=False,
    ),
    one("function default", "defaults", int, [(5, 5)], ["a"], default=len, table=False),
    one(
        "dict default",
        "defaults",
        dict[str, int],
        [({"b": 2}, {"b": 2})],
        [5],
        default={"a": 1},
        defaults={"x": {"a": 1}},
        table=False,
    ),
]

ROWS = [*ANNOTATED, *SCALAR, *UNTYPED, *DEFAULTS]
