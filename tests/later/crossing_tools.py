"""Well-behaved tools of many kinds, none of them registered; a worker process imports this too."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypedDict
from uuid import UUID

from altar.adm import FunctionDeclaration
from altar.errors import ToolError
from altar.later import Context, SchemaTool
from altar.later._mark import MARK_ATTRIBUTE, ToolOptions, mark_for


class Unit(Enum):
    METRE = "m"
    FOOT = "ft"


@dataclass
class Point:
    x: float
    y: float = 0.0
    label: str | None = None


class Row(TypedDict, total=False):
    name: str
    tags: list[str]


def scalar(a: int, b: float = 0.5, c: bool = False, d: str = "x") -> list[Any]:
    """Several scalars."""
    return [a, b, c, d]


def point(p: Point, others: list[Point] | None = None) -> Point:
    """A record."""
    return Point(p.x * 2, p.y + len(others or ()), p.label)


def moment(at: datetime, on: date, how: Unit = Unit.METRE) -> dict[str, Any]:
    """Times and an enumeration."""
    return {"at": at.astimezone(UTC), "on": on, "how": how}


def odd(amount: Decimal, id: UUID, where: Path) -> dict[str, Any]:  # noqa: A002 - a usual name
    """Types beyond JSON."""
    return {"amount": amount, "id": id, "where": where, "bytes": b"\x00\xff", "set": {1}}


def row(rows: list[Row], mode: Literal["a", "b"] = "a") -> int:
    """Typed dictionaries."""
    return sum(len(one.get("tags", ())) for one in rows) + (mode == "b")


def anything(*values: int, **more: Any) -> dict[str, Any]:
    """Open arguments."""
    return {"values": values, "more": more}


def strange() -> dict[str, Any]:
    """What JSON cannot say as it is."""
    return {"nan": float("nan"), "big": 10**30, "lone": "\ud800", "inf": [float("inf")]}


def huge_int() -> int:
    """More digits than Python reads by itself."""
    return 10**4000


def wide(size: int) -> list[str]:
    """More than is kept."""
    return ["ä€😀"] * size


def echo(value: Any) -> Any:
    """What it was given."""
    return value


def nothing() -> None:
    """None."""


def cyclic() -> list[Any]:
    """A result that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


def nested(depth: int) -> Any:
    """Lists in lists."""
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


def raises(kind: str = "ValueError") -> None:
    """Raise what is asked for."""
    raise {"ValueError": ValueError, "SystemExit": SystemExit, "Exit": GeneratorExit}[kind](
        "secret"
    )


def groups() -> None:
    """Raise several at once."""
    raise ExceptionGroup("several", [ValueError("a"), KeyError("b")])


def told() -> None:
    """Say what the model should hear."""
    raise ToolError("No.", type="PERMISSION_DENIED", retry_after=0.5, details={"at": [1, {"b": 2}]})


def shown() -> None:
    """Fail with a text that may be seen."""
    raise RuntimeError("the text \ud800 of it")


def strict(a: int) -> int:
    """Take no text for a number."""
    return a


def repeatable() -> None:
    """Fail, and be called again."""
    raise OSError("once more")


def texts(to: int) -> Iterator[str]:
    """Chunks of text."""
    for number in range(to):
        yield f"{number},"


def objects(to: int) -> Iterator[Any]:
    """Chunks that are objects, and a result."""
    for number in range(to):
        yield {"n": number}
    return "done"


def breaks_off(to: int) -> Iterator[str]:
    """Fail in the middle of a stream."""
    for number in range(to):
        yield str(number)
    raise ValueError("in the middle")


async def later(a: int) -> int:
    """An async tool."""
    return a + 1


async def later_chunks(to: int) -> AsyncIterator[str]:
    """An async stream."""
    for number in range(to):
        yield str(number)


async def later_raises() -> None:
    """An async tool that fails."""
    raise LookupError("x")


def sometimes(a: int) -> Any:
    """A sync tool that returns an awaitable."""
    return later(a)


@functools.lru_cache
def cached(a: int) -> int:
    """A function behind a cache."""
    return a * a


def wrapped(fn: Any) -> Any:
    @functools.wraps(fn)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return inner


@wrapped
def decorated(a: int) -> int:
    """A function behind a decorator."""
    return -a


class Box:
    @staticmethod
    def inside(a: int) -> int:
        """A static method."""
        return a + 10

    @classmethod
    def made(cls, a: int) -> str:
        """A method of the class."""
        return f"{cls.__name__}{a}"

    def bound(self, a: int) -> int:
        """A method of an object."""
        return a


def takes_object(args: dict[str, Any]) -> Any:
    """What a bridge would call."""
    return {"got": args}


def takes_context(args: dict[str, Any], context: Context) -> Any:
    """What an adapter would call."""
    return [args, context.tool_name]


def _numbered(name: str) -> FunctionDeclaration:
    parameters = {"type": "object", "properties": {"n": {"type": "integer"}}}
    return FunctionDeclaration(name=name, description=name, parameters=parameters)


ISOLATED_BRIDGES = [
    SchemaTool(_numbered("plain_bridge"), takes_object, options=ToolOptions(isolate=True)),
    SchemaTool(
        _numbered("context_bridge"),
        takes_context,
        options=ToolOptions(isolate=True),
        takes_context=True,
    ),
]

BRIDGE = SchemaTool(
    FunctionDeclaration(
        name="bridge",
        description="A tool with a schema.",
        parameters={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    ),
    takes_object,
)

for _fn, _options in (
    (shown, ToolOptions(expose_errors=True)),
    (strict, ToolOptions(strict=True)),
    (repeatable, ToolOptions(idempotent=True)),
):
    setattr(_fn, MARK_ATTRIBUTE, mark_for(_fn, options=_options))

TOOLS: list[Any] = [
    *(
        scalar,
        point,
        moment,
        odd,
        row,
        anything,
        strange,
        huge_int,
        wide,
        echo,
        nothing,
        cyclic,
        nested,
    ),
    *(raises, groups, told, shown, strict, repeatable, texts, objects, breaks_off, later),
    *(later_chunks, later_raises, sometimes, cached, decorated, Box.inside, Box.made, BRIDGE),
    {"renamed": scalar},
]
