"""Probes: parameter kinds, callables of every sort, docstrings, and names that trip others."""

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Required, TypedDict, Unpack

import altar
from tests.probes._row import Row, Unseen, row, see

__all__ = ["ROWS"]


class Opts(TypedDict, total=False):
    size: Required[int]
    color: str


def var_args(*numbers: int) -> str:
    """Probe."""
    return see(numbers)


def var_kwargs(**more: int) -> str:
    """Probe."""
    return see(more)


def unpacked(**opts: Unpack[Opts]) -> str:
    """Probe."""
    return see(opts)


def positional(a: int, b: str = "x", /) -> str:
    """Probe."""
    return see(a, b)


def keyword(*, a: int, b: str = "x") -> str:
    """Probe."""
    return see(a, b)


def all_kinds(a: int, /, b: int, *rest: int, c: int, d: int = 4, **more: int) -> str:
    """Probe."""
    return see(a, b, rest, c, d, more)


def middle(a: int = 1, b: int = 2, /, c: int = 3, *rest: int) -> str:
    """Probe."""
    return see(a, b, c, rest)


def untyped_rest(*rest, **more) -> str:
    """Probe."""
    return see(rest, more)


KINDS = [
    row(
        "*args: int",
        "kinds",
        var_args,
        runs=[({"numbers": [1, 2]}, ((1, 2),)), ({}, ((),)), ({"numbers": []}, ((),))],
        bad=[{"numbers": ["x"]}, {"numbers": 5}, {"other": [1]}],
        optional=("numbers",),
        hard=True,
    ),
    row(
        "**kwargs: int (flat)",
        "kinds",
        var_kwargs,
        runs=[({"a": 1, "b": 2}, ({"a": 1, "b": 2},)), ({}, ({},))],
        bad=[{"a": "x"}, {"a": 1, "b": None}],
        hard=True,
    ),
    row(
        "**kwargs: Unpack[TypedDict]",
        "kinds",
        unpacked,
        runs=[
            ({"size": 1}, ({"size": 1},)),
            ({"size": 1, "color": "r"}, ({"size": 1, "color": "r"},)),
        ],
        bad=[{}, {"size": "big"}, {"size": 1, "other": 1}, {"color": "r"}],
        optional=("color",),
        hard=True,
    ),
    row(
        "positional-only",
        "kinds",
        positional,
        runs=[({"a": 1}, (1, "x")), ({"a": 1, "b": "y"}, (1, "y"))],
        bad=[{}, {"a": "q"}, {"a": 1, "b": 2}],
        optional=("b",),
        hard=True,
    ),
    row(
        "keyword-only",
        "kinds",
        keyword,
        runs=[({"a": 1}, (1, "x")), ({"a": 1, "b": "y"}, (1, "y"))],
        bad=[{}, {"a": "q"}, {"a": 1, "b": 2}],
        optional=("b",),
    ),
    row(
        "all five kinds together",
        "kinds",
        all_kinds,
        runs=[
            ({"a": 1, "b": 2, "c": 3}, (1, 2, (), 3, 4, {})),
            (
                {"a": 1, "b": 2, "rest": [5, 6], "c": 3, "d": 7, "z": 8},
                (1, 2, (5, 6), 3, 7, {"z": 8}),
            ),
        ],
        bad=[
            {},
            {"a": 1, "b": 2},
            {"a": 1, "b": 2, "c": 3, "z": "x"},
            {"a": 1, "b": 2, "c": 3, "rest": 1},
        ],
        hard=True,
    ),
    row(
        "positional-only defaults left out in the middle",
        "kinds",
        middle,
        runs=[
            ({"b": 5}, (1, 5, 3, ())),
            ({"rest": [7]}, (1, 2, 3, (7,))),
            ({"c": 9, "rest": [7]}, (1, 2, 9, (7,))),
        ],
        bad=[{"a": "x"}],
        optional=("a", "b", "c", "rest"),
        table=False,
    ),
    row(
        "untyped *args and **kwargs",
        "kinds",
        untyped_rest,
        runs=[({"rest": [1, "a"], "k": None}, ((1, "a"), {"k": None}))],
        bad=[{"rest": 1}],
        table=False,
    ),
]


class Greeter:
    def __init__(self, word: str) -> None:
        self.word = word

    def greet(self, name: str, times: int = 1) -> str:
        """Greet."""
        return see(self.word, name, times)

    @staticmethod
    def static(name: str, times: int = 1) -> str:
        """Greet."""
        return see("static", name, times)

    @classmethod
    def klass(cls, name: str, times: int = 1) -> str:
        """Greet."""
        return see(cls.__name__, name, times)

    def __call__(self, name: str, times: int = 1) -> str:
        """Greet."""
        return see(self.word, name, times)


class AsyncGreeter:
    async def __call__(self, name: str, times: int = 1) -> str:
        """Greet."""
        return see("async", name, times)


def greet(word: str, name: str, times: int = 1) -> str:
    """Greet."""
    return see(word, name, times)


async def agreet(word: str, name: str, times: int = 1) -> str:
    """Greet."""
    return see(word, name, times)


def _inner(name: str, times: int = 1) -> str:
    """Greet."""
    return see("wrapped", name, times)


@functools.wraps(_inner)
def wrapped(*args: Any, **kwargs: Any) -> str:
    return _inner(*args, **kwargs)


@functools.lru_cache(maxsize=0)  # every call runs the body
def cached(name: str, times: int = 1) -> str:
    """Greet."""
    return see("cached", name, times)


@functools.singledispatch
def dispatched(name: str, times: int = 1) -> str:
    """Greet."""
    return see("single", name, times)


async def coroutine(name: str, times: int = 1) -> str:
    """Greet."""
    return see("async", name, times)


def generator(name: str, times: int = 1) -> Iterator[str]:
    """Greet."""
    see("generator", name, times)
    for _ in range(times):
        yield name


async def agenerator(name: str, times: int = 1) -> AsyncIterator[str]:
    """Greet."""
    see("agenerator", name, times)
    for _ in range(times):
        yield name


def counter(n: int) -> Iterator[int]:
    """Count."""
    see(n)
    yield from range(n)


def returning(n: int) -> Iterator[int]:
    """Count, then say so."""
    see(n)
    yield n
    return {"done": n}


class Maker:
    """Make a thing.

    Args:
        name: What to call it.
    """

    def __init__(self, name: str, times: int = 1) -> None:
        self.name = name
        self.times = times
        see("maker", name, times)


@dataclass
class Made:
    """Make a record."""

    name: str
    times: int = 1

    def __post_init__(self) -> None:
        see("made", self.name, self.times)


def _greets(
    id: str, fn: Callable[..., Any], who: str, *, hidden: tuple[str, ...] = (), **facts: Any
) -> Row:
    return row(
        id,
        "callable",
        fn,
        runs=[({"name": "A", "times": 2}, (who, "A", 2)), ({"name": "B"}, (who, "B", 1))],
        bad=[{}, {"name": 5}, {"name": "A", "times": "x"}, {"name": "A", "other": 1}],
        hidden=(*hidden, "self", "cls"),
        optional=facts.pop("optional", ("times",)),
        **facts,
    )


CALLABLES = [
    _greets("bound method", Greeter("hi").greet, "hi"),
    _greets("staticmethod", Greeter.static, "static"),
    _greets("classmethod", Greeter.klass, "Greeter"),
    _greets("callable instance", Greeter("called"), "called", hard=True),
    _greets(
        "functools.partial",
        functools.partial(greet, word="part"),
        "part",
        hard=True,
        optional=None,
    ),
    _greets(
        "partial positional", functools.partial(greet, "part"), "part", hidden=("word",), hard=True
    ),
    row(
        "partial of bound method",
        "callable",
        functools.partial(Greeter("hi").greet, "A"),
        runs=[({"times": 2}, ("hi", "A", 2)), ({}, ("hi", "A", 1))],
        bad=[{"times": "x"}, {"name": "B"}],
        hidden=("name", "self"),
        optional=("times",),
        hard=True,
    ),
    row(
        "lambda",
        "callable",
        lambda name, times=1: see("lambda", name, times),
        runs=[({"name": "A", "times": 2}, ("lambda", "A", 2)), ({"name": 5}, ("lambda", 5, 1))],
        bad=[{}, {"name": "A", "other": 1}],
        optional=("times",),
        hard=True,
    ),
    _greets("functools.wraps decorated", wrapped, "wrapped"),
    row(
        "lru_cache wrapped",
        "callable",
        cached,
        runs=[({"name": "A", "times": 2}, ("cached", "A", 2))],
        bad=[{}, {"name": 5}, {"name": "A", "times": "x"}],
        optional=("times",),
        hard=True,
    ),
    _greets("singledispatch", dispatched, "single", hard=True),
    _greets("async function", coroutine, "async"),
    _greets("generator", generator, "generator", hard=True),
    _greets("async generator", agenerator, "agenerator", hard=True),
    _greets(
        "class as tool (constructor)", Maker, "maker", hard=True, says={"name": "What to call it."}
    ),
    row(
        "builtin math.gcd-like (no hints)",
        "callable",
        math.comb,
        runs=[({"n": 5, "k": 2}, None)],
        bad=[{}, {"n": 5}, {"n": 5, "k": 2, "z": 1}],
        content=10,
        optional=(),
        hard=True,
    ),
    row(
        "builtin math.gcd (no hints, *integers)",
        "callable",
        math.gcd,
        runs=[({"integers": [12, 18]}, None)],
        bad=[{"z": 1}],
        content=6,
        optional=("integers",),
        table=False,
    ),
    _greets("dataclass as tool", Made, "made", table=False),
    _greets("async callable instance", AsyncGreeter(), "async", table=False),
    _greets("partial of async", functools.partial(agreet, "part"), "part", table=False),
    _greets(
        "partial of partial",
        functools.partial(functools.partial(greet, "part"), times=1),
        "part",
        table=False,
    ),
    _greets("staticmethod object", Greeter.__dict__["static"], "static", table=False),
    row(
        "generator of numbers",
        "callable",
        counter,
        runs=[({"n": 3}, (3,))],
        bad=[{"n": "x"}],
        content=[0, 1, 2],
        table=False,
    ),
    row(
        "generator that returns",
        "callable",
        returning,
        runs=[({"n": 3}, (3,))],
        bad=[{"n": "x"}],
        content={"done": 3},
        table=False,
    ),
]


def injected(x: int, ctx: altar.Context, y: int = 2) -> str:
    """Probe."""
    return see(x, ctx, y)


CONTEXT = [
    row(
        "Context in any position",
        "names",
        injected,
        runs=[({"x": 1}, (1, Unseen(altar.Context), 2))],
        bad=[{"x": "q"}, {"x": 1, "ctx": {}}],
        hidden=("ctx",),
        optional=("y",),
        table=False,
    ),
]

ROWS = [*KINDS, *CALLABLES, *CONTEXT]
