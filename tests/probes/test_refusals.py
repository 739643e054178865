"""What a signature cannot say is refused by name, and odd but sayable things are not."""

from __future__ import annotations

import asyncio
import collections
import enum
import io
import json
import socket
import typing
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import altar
from altar.errors import AltarError, DeclarationError


def _with(annotation: Any) -> Callable[..., Any]:
    def look_up(x, place=0):
        """Look something up."""
        return "reached"

    look_up.__annotations__ = {"x": annotation, "place": int}
    return look_up


class Untyped:
    def __init__(self, a, b):
        self.a = a


class Shape(typing.Protocol):
    def area(self) -> float: ...


REFUSED = {
    "Callable": Callable[[int], str],
    "bare Callable": Callable,
    "socket": socket.socket,
    "Generator": Generator[int, None, None],
    "type[int]": type[int],
    "Protocol": Shape,
    "StringIO": io.StringIO,
    "Queue": asyncio.Queue,
    "a value": 5,
    "a module": json,
    "list[Callable]": list[Callable[[], int]],
    "open tuple with an end": tuple[*tuple[int, ...], str],
    "dict of a dict key": dict[frozenset[int], int],
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_type_that_json_cannot_carry_is_refused_by_name(kind: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        altar.declare(_with(REFUSED[kind]))
    message = str(caught.value)
    assert "look_up" in message
    assert "'x'" in message
    assert len(message) < 600


# Each is either declared soundly or refused by name: never another exception.
EITHER = {
    "OrderedDict": collections.OrderedDict[str, int],
    "Counter": collections.Counter[str],
    "ChainMap": collections.ChainMap[str, int],
    "UserDict": collections.UserDict,
    "Iterator": Iterator[int],
    "typing.List": typing.List[int],  # noqa: UP006
    "typing.Dict": typing.Dict[str, int],  # noqa: UP006
    "typing.Text": typing.Text,  # noqa: UP019
    "AnyStr": typing.AnyStr,
    "LiteralString": typing.LiteralString,
    "Never": typing.Never,
    "NoReturn": typing.NoReturn,
    "Hashable": typing.Hashable,
    "SupportsInt": typing.SupportsInt,
    "Final": typing.Final[int],
    "ClassVar": typing.ClassVar[int],
    "bytearray": bytearray,
    "memoryview": memoryview,
    "range": range,
    "slice": slice,
    "untyped class": Untyped,
    "Exception": ValueError,
    "ellipsis": ...,
    "NotImplemented": NotImplemented,
    "tuple star": tuple[int, *tuple[str, ...]],
    "empty union": typing.Union[None],  # noqa: UP007
    "nested Annotated": typing.Annotated[typing.Annotated[int, object()], object()],
    "odd Param": typing.Annotated[int, altar.Param(description="x")],
    "dict[bool,int]": dict[bool, int],
    "dict[float,int]": dict[float, int],
    "empty Enum": enum.Enum("Empty", []),
    "Enum of objects": enum.Enum("Objects", [("A", object()), ("B", (1, 2))]),
    "bad string": "list[",
    "string of nothing": "",
    "string that raises": "1/0",
    "string call": "open('x')",
    "unknown attribute": "json.nothing",
    "TypeVarTuple": typing.TypeVarTuple("Ts"),
    "ParamSpec": typing.ParamSpec("P"),
    "Literal of a list": typing.Literal[[1]],  # type: ignore[valid-type]
    "Literal of text and a list": typing.Literal["a", [1]],  # type: ignore[valid-type]
    "Literal of bytes": typing.Literal[b"a"],
    "Literal of nothing": typing.Literal[()],
    "generic alias of a plain class": typing.Generic,
    "object()": object(),
    "dict": {"type": "string"},
}


@pytest.mark.parametrize("kind", EITHER)
def test_an_odd_type_is_declared_soundly_or_refused_by_name(kind: str) -> None:
    fn = _with(EITHER[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            document = altar.declare(fn).to_dict(dialect="json-schema")
        except DeclarationError as error:
            assert "look_up" in str(error)
            assert "x" in str(error)
            return
        validators = pytest.importorskip("jsonschema")
        validators.Draft202012Validator.check_schema(document["parameters"])
        json.dumps(document, allow_nan=False)
        with altar.Session(tools=[fn]) as session:
            for value in (None, 1, "a", [], {}, [1], {"a": 1}, 1.5, True):
                result = session.execute("look_up", {"x": value})
                assert result.ok or result.error.type == "PARAMETER_VALIDATION_FAILED"


def _session(fn: Callable[..., Any]) -> altar.Session:
    return altar.Session(tools=[fn])


def test_a_bad_signature_fails_before_any_model_sees_it() -> None:
    with pytest.raises(AltarError):
        _session(_with(Callable[[int], str]))


def test_an_unknown_argument_is_refused_with_the_nearest_name() -> None:
    def weather(city: str, unit: typing.Literal["celsius", "fahrenheit"] = "celsius") -> str:
        """Weather."""
        return "reached"

    with _session(weather) as session:
        result = session.execute("weather", {"city": "A", "unti": "celsius"})
        problems = result.error.details["problems"]
        assert [(p["path"], p.get("nearest")) for p in problems] == [("$.unti", "unit")]
        result = session.execute("weather", {"city": "A", "unit": "celcius"})
        problems = result.error.details["problems"]
        assert [(p["path"], p.get("nearest")) for p in problems] == [("$.unit", "celsius")]


def test_all_problems_are_told_at_once_each_with_its_path() -> None:
    @dataclass
    class Item:
        name: str
        price: float

    @altar.tool
    def order(items: list[Item], count: int, note: str = "") -> str:
        """Order."""
        return "reached"

    args = {"items": [{"name": 1, "price": 2.0}, {"price": "x"}], "note": None, "extra": 1}
    with _session(order) as session:
        result = session.execute("order", args)
    paths = {p["path"] for p in result.error.details["problems"]}
    assert paths == {
        "$.items[0].name",
        "$.items[1].name",
        "$.items[1].price",
        "$.note",
        "$.extra",
        "$.count",
    }
    for path in paths:
        assert path in result.error.message


def test_a_name_only_a_checker_sees_warns_and_is_an_error_when_strict() -> None:
    def lookup(n: int, x: Unknown) -> str:  # noqa: F821 # type: ignore[name-defined]
        """Look."""
        return "reached"

    with pytest.warns(UserWarning, match="'x'.*Unknown"):
        document = altar.declare(lookup).to_dict(dialect="json-schema")["parameters"]
    assert document["properties"]["x"] == {} or "type" not in document["properties"]["x"]
    assert document["properties"]["n"]["type"] == "integer"
    strict = altar.tool(strict=True)(lookup)
    with pytest.raises(DeclarationError) as caught:
        altar.declare(strict)
    assert "Unknown" in str(caught.value)
    assert "lookup" in str(caught.value)


def test_a_stale_docstring_warns_and_is_an_error_when_strict() -> None:
    def lookup(n: int) -> str:
        """Look.

        Args:
            n: Number.
            hours: Gone.
        """
        return "reached"

    with pytest.warns(UserWarning, match="hours"):
        altar.declare(lookup)
    with pytest.raises(DeclarationError) as caught:
        altar.declare(altar.tool(strict=True)(lookup))
    assert "hours" in str(caught.value)


def test_without_a_docstring_the_description_is_the_name_in_words() -> None:
    def get_current_weather(city: str) -> str:
        return city

    said = altar.declare(get_current_weather).to_dict()["description"]
    assert said.strip(".").lower() == "get current weather"


def test_a_declared_name_is_a_tool_name_whatever_the_function_is_called() -> None:
    def größe(n: int) -> int:
        """Size."""
        return n

    for fn in (größe, lambda x: x):
        name = altar.declare(fn).to_dict()["name"]
        assert name.isascii()
        assert name.isidentifier()
    assert altar.declare(größe, name="size").to_dict()["name"] == "size"


@pytest.mark.parametrize("name", ["a b", "", "1a", "x" * 65, "größe", "a.b", "-a"])
def test_a_given_name_that_breaks_the_rule_is_refused(name: str) -> None:
    with pytest.raises(AltarError) as caught:
        altar.declare(_with(int), name=name)
    assert "name" in str(caught.value)


HOSTILE: dict[str, Any] = {
    "deep list": lambda: _nest(100_000, lambda inner: [inner]),
    "deep object": lambda: _nest(100_000, lambda inner: {"value": 1, "children": [inner]}),
    "huge text": lambda: "x" * 10_000_000,
    "huge int": lambda: 10**5000,
    "surrogate key": lambda: {"\ud800": 1},
    "nan": lambda: float("nan"),
    "not json": lambda: object(),
    "tuple": lambda: (1, 2),
    "set": lambda: {1},
    "int key": lambda: {1: 2},
}


def _nest(depth: int, wrap: Callable[[Any], Any]) -> Any:
    out: Any = wrap(0)
    for _ in range(depth):
        out = wrap(out)
    return out


@dataclass
class Tree:
    value: int
    children: list[Tree] | None = None


ANNOTATIONS = [
    int,
    float,
    str,
    bool,
    list[int],
    dict[str, int],
    Tree,
    int | str | None,
    dict,
    list,
    Any,
]


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_arguments_are_answered_with_a_result(kind: str, annotation: Any) -> None:
    fn = _with(annotation)
    with _session(fn) as session:
        result = session.execute("look_up", {"x": HOSTILE[kind]()})
        assert result.ok or result.error.type == "PARAMETER_VALIDATION_FAILED"
        if not result.ok:
            text = json.dumps(result.to_dict(), allow_nan=False)
            assert len(text) < 5000


@pytest.mark.parametrize("args", [None, [], "x", 5, [1], True], ids=repr)
def test_arguments_that_are_no_object_are_answered_or_refused(args: Any) -> None:
    with _session(_with(int)) as session:
        try:
            result = session.execute("look_up", args)
        except AltarError:
            return
        assert not result.ok
