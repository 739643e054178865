"""Probes: primitives, unions, literals, enums and containers."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Literal, Optional, Union

from tests.probes._row import one, row, see

__all__ = ["ROWS", "Color"]


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mood(StrEnum):
    GLAD = "glad"
    SAD = "sad"


class Mixed(Enum):
    ONE = 1
    TWO = "two"
    HALF = 0.5


class Perm(IntFlag):
    X = 1
    W = 2
    R = 4


class Side(Flag):
    LEFT = 1
    RIGHT = 2


@dataclass
class Cat:
    kind: Literal["cat"]
    lives: int


@dataclass
class Dog:
    kind: Literal["dog"]
    barks: bool


def text(x: str) -> str:
    """Say something.

    Args:
        x: What to say.
    """
    return see(x)


def noargs() -> str:
    """Do nothing."""
    return see()


PRIMITIVE = [
    row(
        "str",
        "primitive",
        text,
        runs=[({"x": "a"}, ("a",)), ({"x": ""}, ("",)), ({"x": '{"a": 1}'}, ('{"a": 1}',))],
        bad=[{}, {"x": 5}, {"x": None}, {"x": ["a"]}, {"x": {}}, {"x": True}, {"x": "a", "y": 1}],
        wrong=[{"x": "\ud800"}],
        says={"x": "What to say."},
        optional=(),
        summary="Say something.",
        summary_not=("Args", "What to say"),
    ),
    one(
        "int",
        "primitive",
        int,
        [(5, 5), (-1, -1), (2**63 - 1, 2**63 - 1)],
        [3.5, "abc", True, None, [], {}, "4_2", "\u0664", " 5", "0x1f", "1e3", "05", ""],
        wrong=[2**63, -(2**63) - 1],
        coerced=[("42", 42), (3.0, 3), ("-7", -7)],
    ),
    one(
        "float",
        "primitive",
        float,
        [(1.5, 1.5), (3, 3.0), (-0.25, -0.25)],
        ["abc", True, None, [], "nan", "inf", "1_0.5", ""],
        wrong=[float("nan"), float("inf")],
        coerced=[("1.5", 1.5)],
        hard=True,
    ),
    one(
        "bool",
        "primitive",
        bool,
        [(True, True), (False, False)],
        [2, "maybe", None, [], 1.0, ""],
        reject=[1, "true"],
        coerced=[("true", True), ("false", False)],
    ),
    row("noargs", "primitive", noargs, runs=[({}, ())], bad=[{"x": 1}], optional=()),
    one("none", "primitive", None, [(None, None)], [1, "None", [], False]),
]

UNION = [
    one(
        "Optional[int]=None",
        "union",
        Optional[int],
        [(5, 5), (None, None)],
        ["a", []],
        default=None,
    ),
    one(
        "int|None=None", "union", int | None, [(5, 5), (None, None)], ["a", 1.5, True], default=None
    ),
    one("Optional required", "union", Optional[int], [(5, 5), (None, None)], ["a", []]),
    one(
        "Union[int,str] keeps '5'",
        "union",
        Union[int, str],
        [(5, 5), ("5", "5"), ("a", "a")],
        [1.5, None, [], True],
        hard=True,
    ),
    one(
        "Union[int,list[str],None]",
        "union",
        Union[int, list[str], None],
        [(5, 5), (["a"], ["a"]), (None, None), ([], [])],
        [[1], {}, 1.5, "a"],
    ),
    one(
        "Union of dataclasses by tag",
        "union",
        Union[Cat, Dog],
        [
            ({"kind": "cat", "lives": 9}, Cat("cat", 9)),
            ({"kind": "dog", "barks": True}, Dog("dog", True)),
        ],
        [{"kind": "cow", "lives": 9}, {"kind": "cat"}, {"kind": "dog", "barks": "loud"}, {}, 5],
        hard=True,
    ),
    one(
        "Union[date,int]",
        "union",
        Union[date, int],
        [("2026-01-02", date(2026, 1, 2)), (5, 5)],
        [None, [], 1.5],
        wrong=["soon"],
        formats="date",
        hard=True,
    ),
]

LITERAL = [
    one("Literal str", "literal", Literal["a", "b"], [("a", "a"), ("b", "b")], ["c", 1, None, ""]),
    one("Literal int", "literal", Literal[1, 2], [(1, 1), (2, 2)], [3, "a", True, None]),
    one(
        "Literal mixed str/int/bool",
        "literal",
        Literal["a", 1, True],
        [("a", "a"), (1, 1), (True, True)],
        ["b", 2, False, None],
        hard=True,
    ),
    one(
        "Literal with None",
        "literal",
        Literal["a", None],
        [("a", "a"), (None, None)],
        ["b", 0, False],
        hard=True,
    ),
    one(
        "Literal[Enum.member]",
        "literal",
        Literal[Color.RED],
        [("red", Color.RED)],
        ["green", "blue", None, 1],
        hard=True,
    ),
    one(
        "Literal of a member beside text",
        "literal",
        Literal[Level.HIGH, "any"],
        [(2, Level.HIGH), ("any", "any")],
        [1, "some", None],
        table=False,
    ),
    one(
        "Literal bytes",
        "literal",
        Literal["a", 0, None],
        [(0, 0), ("a", "a")],
        [False, 1],
        table=False,
    ),
]

ENUM = [
    one(
        "Enum",
        "enum",
        Color,
        [("red", Color.RED), ("green", Color.GREEN)],
        ["pink", 1, None, [], ""],
        coerced=[("RED", Color.RED), ("Green", Color.GREEN)],
    ),
    one("IntEnum", "enum", Level, [(1, Level.LOW), (2, Level.HIGH)], [3, None, "x", 1.5, True]),
    one("StrEnum", "enum", Mood, [("glad", Mood.GLAD), ("sad", Mood.SAD)], ["mad", 1, None]),
    one(
        "Enum mixed values",
        "enum",
        Mixed,
        [(1, Mixed.ONE), ("two", Mixed.TWO), (0.5, Mixed.HALF)],
        [2, "three", None, True],
    ),
    one(
        "list[Enum]",
        "enum",
        list[Color],
        [(["red", "red"], [Color.RED, Color.RED])],
        [["pink"], "?"],
    ),
    one(
        "IntFlag combination",
        "enum",
        Perm,
        [(4, Perm.R), (6, Perm.R | Perm.W), (7, Perm.R | Perm.W | Perm.X), (0, Perm(0))],
        [8, -1, "Q", None, 1.5, True],
        hard=True,
    ),
    one(
        "Flag combination",
        "enum",
        Side,
        [(1, Side.LEFT), (3, Side.LEFT | Side.RIGHT)],
        [4, None, True],
        table=False,
    ),
]

CONTAINER = [
    one(
        "list", "container", list, [([1, "a", None], [1, "a", None]), ([], [])], [5, {}, None, "a"]
    ),
    one(
        "list[int]",
        "container",
        list[int],
        [([1, 2], [1, 2]), ([], [])],
        [["a"], [1, None], 5, None, [True], {}],
        coerced=[("[1, 2]", [1, 2]), (["3"], [3])],
    ),
    one(
        "list[list[float]]",
        "container",
        list[list[float]],
        [([[1, 2.5]], [[1.0, 2.5]])],
        [[1], [["a"]]],
    ),
    one(
        "tuple[int,str]",
        "container",
        tuple[int, str],
        [([1, "a"], (1, "a"))],
        [[1], [1, "a", 2], ["a", "b"], [1, 2], {}, None],
        hard=True,
    ),
    one(
        "tuple[int,...]",
        "container",
        tuple[int, ...],
        [([1, 2], (1, 2)), ([], ())],
        [["a"], 5, None],
    ),
    one("set[int]", "container", set[int], [([1, 2], {1, 2}), ([], set())], [["a"], 5, None]),
    one("frozenset[str]", "container", frozenset[str], [(["a"], frozenset({"a"}))], [[1], 5, None]),
    one("deque[int]", "container", deque[int], [([1, 2], deque([1, 2]))], [["a"], 5], hard=True),
    one("dict", "container", dict, [({"a": [1]}, {"a": [1]}), ({}, {})], [5, [], None, "a"]),
    one(
        "dict[str,int]",
        "container",
        dict[str, int],
        [({"a": 1}, {"a": 1})],
        [{"a": "x"}, {"a": None}, [], 5],
    ),
    one(
        "Mapping[str,int]", "container", Mapping[str, int], [({"a": 1}, {"a": 1})], [{"a": "x"}, []]
    ),
    one(
        "dict[int,str] keys back to int",
        "container",
        dict[int, str],
        [({"1": "a", "-2": "b"}, {1: "a", -2: "b"})],
        [{"x": "a"}, {"1": 5}, {"1.5": "a"}, []],
        hard=True,
    ),
    one(
        "dict[Enum,int]",
        "container",
        dict[Color, int],
        [({"red": 1}, {Color.RED: 1})],
        [{"pink": 1}, {"red": "x"}, []],
        hard=True,
    ),
    one("Sequence[int]", "container", Sequence[int], [([1], [1])], [["a"], 5, {}]),
    one("Iterable[int]", "container", Iterable[int], [([1], [1])], [["a"], 5, {}], hard=True),
    one(
        "defaultdict[str,list[int]]",
        "container",
        defaultdict[str, list[int]],
        [({"a": [1]}, defaultdict(list, {"a": [1]}))],
        [{"a": ["x"]}, {"a": 1}, []],
        hard=True,
    ),
    one("tuple[()]", "container", tuple[()], [([], ())], [[1], None], table=False),
    one("tuple", "container", tuple, [([1, "a"], (1, "a"))], [5, None], table=False),
    one("set", "container", set, [([1, "a"], {1, "a"})], [5, None], table=False),
    one("AbstractSet[int]", "container", AbstractSet[int], [([1], {1})], [["a"]], table=False),
    one(
        "MutableSequence[int]",
        "container",
        MutableSequence[int],
        [([1], [1])],
        [["a"]],
        table=False,
    ),
    one(
        "dict[IntEnum,str]",
        "container",
        dict[Level, str],
        [({"1": "a"}, {Level.LOW: "a"})],
        [{"9": "a"}, {"1": 1}],
        table=False,
    ),
    one(
        "list of unions",
        "container",
        list[int | str | None],
        [([1, "1", None], [1, "1", None])],
        [[1.5], [[]], [True]],
        table=False,
    ),
    one(
        "dict[str,list[dict[str,int]]]",
        "container",
        dict[str, list[dict[str, int]]],
        [({"a": [{"b": 1}]}, {"a": [{"b": 1}]})],
        [{"a": [{"b": "x"}]}, {"a": {}}],
        table=False,
    ),
]

ROWS = [*PRIMITIVE, *UNION, *LITERAL, *ENUM, *CONTAINER]
