"""What a tool may return: twenty-one kinds, each usable as JSON without a Python repr."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import altar


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Bits(IntFlag):
    A = 1
    B = 2


@dataclass
class Spot:
    x: int
    when: dt.date | None = None
    tags: set[str] = field(default_factory=set)


Pair = namedtuple("Pair", "left right")
_ID = UUID("12345678-1234-5678-1234-567812345678")
_WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _numbers() -> Iterator[int]:
    yield 1
    yield 2


def _pydantic() -> Any:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        n: int
        when: dt.datetime

    return Model(n=1, when=_WHEN)


ANY: Any = object()
NESTED = {
    "spots": [Spot(1, dt.date(2026, 1, 2), {"b", "a"})],
    Colour.RED: (_ID, {Level.LOW: b"hi"}),
}

KINDS: dict[str, tuple[Any, Any]] = {
    "None": (lambda: None, None),
    "bool": (lambda: True, True),
    "int": (lambda: 7, 7),
    "nan": (lambda: float("nan"), None),
    "dict": (lambda: {"a": 1}, {"a": 1}),
    "list": (lambda: [1, "a"], [1, "a"]),
    "tuple": (lambda: (1, "a"), [1, "a"]),
    "set": (lambda: {3, 1, 2}, [1, 2, 3]),
    "datetime": (lambda: _WHEN, ANY),
    "Decimal": (lambda: Decimal("1.50"), "1.50"),
    "Enum": (lambda: Colour.RED, "red"),
    "UUID": (lambda: _ID, str(_ID)),
    "bytes": (lambda: b"hi\xff", "aGn/"),
    "Path": (lambda: Path("a/b"), "a/b"),
    "dataclass": (lambda: Spot(1), {"x": 1, "when": None, "tags": []}),
    "pydantic model": (_pydantic, ANY),
    "exception": (lambda: ValueError("too big"), ANY),
    "nested mix": (
        lambda: NESTED,
        {
            "spots": [{"x": 1, "when": "2026-01-02", "tags": ["a", "b"]}],
            "red": [str(_ID), {"1": "aGk="}],
        },
    ),
    "int-key dict": (lambda: {1: "a", 2: "b"}, {"1": "a", "2": "b"}),
    "lone surrogate": (lambda: "a\ud800b", "a\ufffdb"),
    "generator": (_numbers, [1, 2]),
}
MORE: dict[str, tuple[Any, Any]] = {
    "infinity": (lambda: {"a": [float("inf"), -float("inf")]}, {"a": [None, None]}),
    "huge int": (lambda: 2**70, ANY),
    "IntEnum": (lambda: Level.LOW, 1),
    "IntFlag": (lambda: Bits.A | Bits.B, 3),
    "frozenset of mixed": (lambda: frozenset({1, "a"}), ANY),
    "deque": (lambda: deque([1]), [1]),
    "defaultdict": (lambda: defaultdict(list, {"a": [1]}), {"a": [1]}),
    "OrderedDict": (lambda: OrderedDict(a=1), {"a": 1}),
    "named tuple": (lambda: Pair(1, 2), ANY),
    "time": (lambda: dt.time(3, 4), ANY),
    "timedelta": (lambda: dt.timedelta(minutes=90), "PT1H30M"),
    "Fraction": (lambda: Fraction(1, 3), "1/3"),
    "complex": (lambda: 1 + 2j, ANY),
    "IP": (lambda: IPv4Address("1.2.3.4"), "1.2.3.4"),
    "range": (lambda: range(3), [0, 1, 2]),
    "surrogate key": (lambda: {"\ud800": 1}, {"\ufffd": 1}),
    "keys that collide as text": (lambda: {1: "a", "1": "b"}, ANY),
    "tuple key": (lambda: {(1, 2): "a"}, ANY),
    "None key": (lambda: {None: 1, True: 2}, ANY),
    "str subclass": (lambda: type("S", (str,), {})("a"), "a"),
    "int subclass": (lambda: type("I", (int,), {})(5), 5),
    "dict subclass": (lambda: type("D", (dict,), {})(a=1), {"a": 1}),
    "bytearray": (lambda: bytearray(b"hi"), "aGk="),
    "memoryview": (lambda: memoryview(b"hi"), "aGk="),
    "deep list": (lambda: _deep(50), ANY),
    "Blob": (lambda: altar.Blob("image/png", b"hi"), {"mime": "image/png", "data": "aGk="}),
    "list of Blobs": (lambda: [altar.Blob("a/b", b"")], [{"mime": "a/b", "data": ""}]),
    "exception group": (lambda: ExceptionGroup("g", [ValueError("x")]), ANY),
}
REFUSED: dict[str, Any] = {
    "cycle": lambda: _cycle(),
    "object": lambda: object(),
    "function": lambda: len,
    "very deep": lambda: _deep(100_000),
    "object inside": lambda: {"a": [object()]},
    "live iterator": lambda: map(str, [1, 2]),
    "lock": lambda: __import__("threading").Lock(),
    "cyclic dataclass": lambda: _cyclic_spot(),
}


def _deep(depth: int) -> list[Any]:
    out: list[Any] = []
    for _ in range(depth):
        out = [out]
    return out


def _cycle() -> list[Any]:
    out: list[Any] = []
    out.append({"self": out})
    return out


def _cyclic_spot() -> Spot:
    spot = Spot(1)
    spot.x = spot  # type: ignore[assignment]
    return spot


def _run(make: Any) -> altar.ToolResult:
    def probe():
        """Return something."""
        return make()

    with altar.Session(tools=[probe]) as session:
        result = session.execute("probe", {})

        async def main() -> altar.ToolResult:
            return await session.aexecute("probe", {})

        other = asyncio.run(main())
    assert other.content == result.content
    assert (other.error is None) == (result.error is None)
    return result


def test_twenty_one_kinds_are_counted() -> None:
    assert len(KINDS) == 21


@pytest.mark.parametrize("kind", [*KINDS, *MORE])
def test_a_return_value_becomes_json_without_a_python_repr(kind: str) -> None:
    make, want = {**KINDS, **MORE}[kind]
    result = _run(make)
    assert result.ok, result.error
    text = json.dumps(result.to_dict(), allow_nan=False, ensure_ascii=False).encode().decode()
    for sign in ("<", "object at", "UUID(", "datetime.", "Decimal(", "Path(", "Spot(", "Error('"):
        assert sign not in text
    if want is not ANY:
        assert result.content == want
        assert type(result.content) is type(want)


@pytest.mark.parametrize("kind", ["nan", "lone surrogate", "huge int", "infinity", "surrogate key"])
def test_what_was_changed_is_noted(kind: str) -> None:
    result = _run({**KINDS, **MORE}[kind][0])
    assert (result.metadata or {}).get("notes")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_json_cannot_say_is_a_typed_error_and_never_raises(kind: str) -> None:
    result = _run(REFUSED[kind])
    assert not result.ok
    assert result.error is not None
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert "0x" not in text
    assert "Traceback" not in text


def test_returned_containers_are_copied() -> None:
    kept = {"a": [1]}
    result = _run(lambda: kept)
    kept["a"].append(2)
    assert result.content == {"a": [1]}


def test_a_value_is_kept_beside_its_json() -> None:
    assert _run(lambda: _ID).value == _ID


def test_an_exception_that_is_returned_says_its_type_and_keeps_its_text() -> None:
    failures = [ValueError("password=hunter2"), ExceptionGroup("hunter2", [OSError("hunter2")])]
    assert _run(lambda: failures).content == [{"type": "ValueError"}, {"type": "ExceptionGroup"}]
    told = {"type": "ToolError", "message": "no seat left"}
    assert _run(lambda: [altar.ToolError("no seat left")]).content == [told]


def test_text_chunks_of_a_generator_are_joined() -> None:
    assert _run(lambda: (part for part in ("ab", "cd"))).content == "abcd"


def test_a_large_result_keeps_its_head_and_tail_within_the_cap() -> None:
    result = _run(lambda: "a" * 100_000 + "é" * 1_000_000 + "z" * 100_000)
    assert result.ok
    text = json.dumps(result.content, ensure_ascii=False)
    assert len(text.encode()) <= 65536 + 64
    assert text.startswith('"aaa')
    assert text.endswith('zzz"')
    assert (result.metadata or {}).get("truncated")
    assert len(result.value) == 1_200_000


def test_a_large_structure_is_capped_too() -> None:
    result = _run(lambda: [{"n": n} for n in range(100_000)])
    assert result.ok
    assert len(result.content.encode()) <= 65536
    assert len(result.value) == 100_000
