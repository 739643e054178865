"""Dumping: whatever a tool returns becomes JSON, or a typed refusal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import ipaddress
import json
import pathlib
import re
import uuid
from collections import OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import attrs
import msgspec
import pydantic
import pytest

from altar.adm import Blob
from altar.errors import ToolError
from altar.later.hints._dump import DumpError, dump


class Color(enum.Enum):
    RED = "red"
    ODD = (1, 2)


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: int
    when: dt.date | None = None


@attrs.define
class Attrs:
    a: int
    _b: int = 2


class Struct(msgspec.Struct, rename="camel", tag=True):
    long_name: int


class Model(pydantic.BaseModel):
    n: int = pydantic.Field(alias="number")
    inner: dt.date


class Pair(NamedTuple):
    a: int
    b: str


class Plain:
    def __init__(self, size: int) -> None:
        self.size = size


SOME_UUID = uuid.UUID(int=5)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("é", "é"),
        ([1, (2,), deque([3])], [1, [2], [3]]),
        ({"b": 1, 2: 3, None: 4, True: 5}, {"b": 1, "2": 3, "null": 4, "true": 5}),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", 1}), [1, "b"]),
        (OrderedDict(a=1), {"a": 1}),
        (Color.RED, "red"),
        (Color.ODD, "ODD"),
        (Access.READ | Access.WRITE, 3),
        (Point(1, dt.date(2026, 1, 2)), {"x": 1, "when": "2026-01-02"}),
        (Attrs(1), {"a": 1, "b": 2}),
        (Struct(3), {"type": "Struct", "longName": 3}),
        (Model(number=1, inner=dt.date(2026, 1, 2)), {"number": 1, "inner": "2026-01-02"}),
        (Pair(1, "x"), {"a": 1, "b": "x"}),
        (Plain(4), {"size": 4}),
        (b"\xff", "/w=="),
        (Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (1 + 2j, "1+2j"),
        (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
        (dt.timedelta(days=1, seconds=5, microseconds=500_000), "P1DT5.5S"),
        (dt.timedelta(seconds=-90), "-PT1M30S"),
        (dt.timedelta(), "PT0S"),
        (SOME_UUID, str(SOME_UUID)),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (re.compile("a+"), "a+"),
        (ipaddress.ip_address("::1"), "::1"),
        (ValueError("text"), {"type": "ValueError"}),
        (ToolError("no seat"), {"type": "ToolError", "message": "no seat"}),
        (range(2), [0, 1]),
        (Blob(mime="image/png", data=b"\x00"), {"mime": "image/png", "data": "AA=="}),
    ],
)
def test_each_kind_of_value_has_one_json_form(value: Any, want: Any) -> None:
    found = dump(value)
    assert found.content == want
    assert not found.notes
    json.dumps(found.content, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (float("nan"), None),
        ([float("inf")], [None]),
        (2**64, str(2**64)),
        ("a\ud800", "a\ufffd"),
        ({"\ud800": 1}, {"\ufffd": 1}),
    ],
)
def test_what_json_cannot_hold_is_changed_with_a_note(value: Any, want: Any) -> None:
    found = dump(value)
    assert found.content == want
    assert len(found.notes) == 1


def cycle() -> Any:
    loop: list[Any] = []
    loop.append({"again": loop})
    return loop


def deep() -> Any:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (cycle(), "contains itself"),
        (deep(), "nests deeper"),
        (iter([]), "live list_iterator"),
        ((x for x in ()), "live generator"),
        ({"a": object()}, "$.a"),
        ([int], "type"),
        (10**6000, "bits"),
        ({("a", object()): 1}, "object"),
    ],
    ids=["cycle", "deep", "iterator", "generator", "object", "class", "huge integer", "key"],
)
def test_what_json_cannot_say_is_refused_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(DumpError) as caught:
        dump(value)
    assert says in str(caught.value)


def test_the_same_object_twice_is_no_cycle() -> None:
    inner = [1]
    assert dump([inner, inner]).content == [[1], [1]]


@pytest.mark.parametrize("value", ["x" * 200_000, ["é" * 90_000], {"k": list(range(50_000))}])
def test_large_results_keep_head_and_tail_within_the_cap(value: Any) -> None:
    found = dump(value)
    assert isinstance(found.content, str)
    assert "bytes left out" in found.content
    assert len(json.dumps(found.content, ensure_ascii=False).encode()) <= 65536 * 1.2
    assert found.truncated is not None
    assert found.notes


def shared(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value, {"again": value}]
    return value


BOTH_ENDS: list[Any] = [
    [{"a": at, "b": [None, True, 1.5, "é" * (at % 7)]} for at in range(20_000)],
    {f"key {at}": {"n": at} for at in range(20_000)},
    [[["x" * 1000] * 100] * 100, Point(1), {"last": b"\x00" * 99}],
    [Point(at) for at in range(20_000)],
    ["start", "x" * 1_000_000, "end"],
    set(range(100_000)),
    range(1_000_000),
    shared(14),
]


@pytest.mark.parametrize("value", BOTH_ENDS, ids=lambda value: type(value).__name__)
def test_a_cut_result_keeps_the_true_head_and_tail_of_its_json(value: Any) -> None:
    whole = dump(value, max_bytes=10**9).content
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    found = dump(value)
    head, _, rest = found.content.partition("\n[... ")
    tail = rest.partition("...]\n")[2]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len((head + tail).encode()) > 65_000
    assert len(head.encode()) + len(tail.encode()) < found.truncated <= len(text.encode())


def test_parts_shared_many_times_cost_no_more_than_what_is_kept() -> None:
    found = dump(shared(60))
    assert found.content.startswith("[[[[")
    assert found.content.endswith("}]}]}]")
    assert "at least" in found.content


def test_what_is_never_kept_is_never_read() -> None:
    read = []

    class Row:
        def __init__(self, at: int) -> None:
            self.number = at

        @property
        def at(self) -> int:
            read.append(self.number)
            return self.number

    # a constructor's parameter is what a plain class keeps
    rows = [Row(at) for at in range(100_000)]
    dump(rows)
    assert len(read) < 60_000


def test_a_range_without_end_is_read_as_far_as_it_is_kept() -> None:
    found = dump(range(10**15))
    assert found.content.startswith("[0,1,2")
    assert found.content.endswith(f"{10**15 - 1}]")


def test_content_is_a_copy() -> None:
    value = {"a": [1]}
    found = dump(value).content
    found["a"].append(2)
    assert value == {"a": [1]}
