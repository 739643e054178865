"""Types at their edges: what stands for itself, what nothing can meet, what libraries validate."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from decimal import Decimal
from typing import Annotated, Any, Optional, Protocol, TypedDict, Union, runtime_checkable

import msgspec
import pydantic
import pytest

import altar
from altar import Param
from altar.errors import ConfigurationError, DeclarationError
from altar.later._binding import BindError, Bound, compile_binder
from altar.later._signature import read_signature
from altar.later.hints._dump import dump


def bind(fn: Any, args: Any, **options: Any) -> Bound:
    return compile_binder(read_signature(fn)).bind(args, **options)


def problems(fn: Any, args: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(BindError) as caught:
        bind(fn, args, **options)
    return {problem.path: str(problem) for problem in caught.value.problems}


def read_schema(fn: Any) -> dict[str, Any]:
    """The declared parameters of a function, as JSON Schema."""
    found: dict[str, Any] = altar.declare(fn).to_dict("json-schema")["parameters"]
    return found


def test_a_context_or_none_is_injected_like_a_context() -> None:
    def fn(x: int, ctx: altar.Context[Any] | None = None) -> bool:
        return ctx is not None

    def quoted(x: int, ctx: "Optional[altar.Context[Any]]" = None) -> bool:
        return ctx is not None

    for tool in (fn, quoted):
        assert altar.Session(tools={"t": tool}).execute("t", {"x": 1}).content is True
        assert list(read_schema(tool)["properties"]) == ["x"]


class Sized(Protocol):
    size: int


@runtime_checkable
class Empty(Protocol): ...


@pytest.mark.parametrize("proto", [Sized, Empty])
def test_a_protocol_or_none_is_refused_by_name(proto: Any) -> None:
    def fn(x=None) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = proto | None
    with pytest.raises(DeclarationError, match=proto.__name__):
        read_signature(fn)


Itself: Any = Union["Itself", None]
One: Any = Union["Two", int]
Two: Any = Union["One", str]
Nested: Any = Union[list[Annotated["Nested", Param(max_length=2)]], int]  # type: ignore[misc]


@pytest.mark.parametrize("annotation", ["Itself", "One", "list[Two]"])
def test_a_type_that_stands_for_itself_is_refused_by_name(annotation: str) -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = annotation
    with pytest.raises(DeclarationError, match="stands for itself"):
        read_signature(fn)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement came with Python 3.12")
@pytest.mark.parametrize("source", ["type A = A", "type A = B\ntype B = A", "type A = list[A] | A"])
def test_an_alias_that_stands_for_itself_is_refused_by_name(source: str) -> None:
    names: dict[str, Any] = {}
    exec(source, names)

    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = names["A"]
    with pytest.raises(DeclarationError, match="the type A stands for itself"):
        read_signature(fn)


def test_rules_on_a_type_within_itself_are_said_and_checked() -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = Nested
    assert bind(fn, {"x": [[1], 2]}).args == [[[1], 2]]
    assert set(problems(fn, {"x": [[1, 2, 3]]})) == {"$.x[0]"}
    assert '"maxItems": 2' in json.dumps(read_schema(fn))


def test_a_cyclic_or_very_deep_default_is_copied_for_each_call() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]

    def fn(x=loop, y=deep) -> None: ...  # type: ignore[no-untyped-def]

    x, y = bind(fn, {}).args
    assert x is not loop
    assert x[1]["again"] is x
    assert y is not deep
    assert y[0] is not deep[0]


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("hunter2")
    return value


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


@dataclasses.dataclass
class Order:
    count: Annotated[int, pydantic.AfterValidator(_even)]


def test_pydantics_validators_in_annotated_are_applied() -> None:
    def fn(
        after: Annotated[int, "How many.", pydantic.AfterValidator(_even), Param(le=10)] = 0,
        before: Annotated[list[int], pydantic.BeforeValidator(_split)] = [],  # noqa: B006
        wrap: Annotated[int, pydantic.WrapValidator(lambda value, inner: inner(value) + 1)] = 0,
        inner: list[Annotated[int, pydantic.AfterValidator(_even)]] | None = None,
        order: Order | None = None,
        text: Annotated[str, pydantic.StringConstraints(strip_whitespace=True)] = "",
        strict: Annotated[int, pydantic.Strict()] = 0,
    ) -> None: ...

    args = {"after": 4, "before": "1,2", "wrap": 1, "inner": [2], "text": " a "}
    assert bind(fn, args).args == [4, [1, 2], 2, [2], None, "a", 0]
    bad = {"after": 3, "inner": [1], "order": {"count": 5}, "strict": "1"}
    found = problems(fn, bad)
    assert set(found) == {"$.after", "$.inner[0]", "$.order.count", "$.strict"}
    assert "hunter2" not in str(found)
    assert set(problems(fn, {"after": 12})) == {"$.after"}
    after = read_schema(fn)["properties"]["after"]
    assert after == {"type": "integer", "maximum": 10, "description": "How many.", "default": 0}
    tool = altar.Session(tools={"t": fn})
    for _ in range(40):  # through the fast lane too
        assert not tool.execute("t", {"after": 3}).ok
        assert tool.execute("t", {"after": 4}).ok


def test_what_pydantic_cannot_describe_is_refused_by_name() -> None:
    class Odd:
        pass

    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = Annotated[Odd, pydantic.AfterValidator(_even)]
    with pytest.raises(DeclarationError, match="AfterValidator.*a pydantic model"):
        read_signature(fn)

    def by_default(x: int = pydantic.Field(3, strict=True)) -> None: ...

    with pytest.raises(DeclarationError, match=r"Annotated\[\.\.\., Field"):
        read_signature(by_default)


class Row(msgspec.Struct, array_like=True, tag="row"):
    key: str
    count: int = 1
    more: Optional["Row"] = None


class Cell(msgspec.Struct, array_like=True):
    x: int
    y: str = "y"


def test_array_like_structs_are_arrays_both_ways() -> None:
    def fn(row: Row, cells: list[Cell]) -> None: ...

    args = {"row": ["row", "a", 2, ["row", "b"]], "cells": [[1], [2, "z"]]}
    bound = bind(fn, args).args
    assert bound == [Row("a", 2, Row("b")), [Cell(1), Cell(2, "z")]]
    assert dump(bound).content == msgspec.to_builtins(bound)
    bad = {"row": ["cell", "a"], "cells": [[], [1, 2], {"x": 1}, [1, "y", 3]]}
    want = {"$.row[0]", "$.cells[0]", "$.cells[1][1]", "$.cells[2]", "$.cells[3]"}
    assert set(problems(fn, bad)) == want
    declared = altar.declare(fn)
    assert not declared.check_args(args)
    assert {problem.path for problem in declared.check_args(bad)} == want


def test_integers_of_any_size_are_numbers_where_a_double_holds_them() -> None:
    def fn(x: float, y: int | float = 0, z: Decimal = Decimal(0)) -> None: ...

    bound = bind(fn, {"x": 10**20, "y": 10**20, "z": 10**20}, strict=True).args
    assert bound == [1e20, 1e20, Decimal(10**20)]
    assert [type(value) for value in bound[:2]] == [float, float]
    assert set(problems(fn, {"x": 10**400, "z": 10**5000})) == {"$.x", "$.z"}


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2024-01-01t00:00:00z", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("2016-12-31T23:59:60Z", dt.datetime(2017, 1, 1, tzinfo=dt.UTC)),
        ("2016-12-31t23:59:60.5z", dt.datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=dt.UTC)),
        ("23:59:60Z", dt.time(tzinfo=dt.UTC)),
        ("12:00:00z", dt.time(12, tzinfo=dt.UTC)),
    ],
)
def test_every_moment_the_format_allows_is_read(text: str, want: Any) -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = type(want)
    assert altar.declare(fn).parameters.check({"x": text}, strict=True) == ()
    assert bind(fn, {"x": text}, strict=True).args == [want]


@pytest.mark.parametrize("text", ["2016-12-31T12:59:60Z", "2016-12-31T23:59:61Z"])
def test_no_moment_the_format_forbids_is_read(text: str) -> None:
    def fn(x: dt.datetime) -> None: ...

    assert altar.declare(fn).parameters.check({"x": text}, strict=True)
    assert problems(fn, {"x": text})


@pytest.mark.parametrize(
    "text", ["1", "1j", "-1.5e3+2J", "1+2j", ".5-j", "-j", "zz", "", "1+", "1e999", "(1+2j)", "1 "]
)
def test_complex_texts_are_declared_by_a_pattern(text: str) -> None:
    def fn(x: complex) -> None: ...

    allowed = not altar.declare(fn).check_args({"x": text})
    try:
        bind(fn, {"x": text}, strict=True)
    except BindError:
        assert not allowed
    else:
        assert allowed


class Rest:
    def __init__(self, a: int, *rest: int) -> None: ...


class More:
    def __init__(self, a: int, **more: str) -> None: ...


@pytest.mark.parametrize("cls", [Rest, More])
def test_a_class_whose_constructor_takes_anything_is_refused_by_name(cls: Any) -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = cls
    with pytest.raises(DeclarationError, match=rf"{cls.__name__}, whose constructor takes \*"):
        read_signature(fn)


class Typed(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        (Annotated[int, Param(ge="a")], "ge='a' cannot be asked of an integer"),
        (Annotated[int, Param(min_length=3)], "min_length=3 cannot be asked of an integer"),
        (Annotated[bool | None, Param(max_length=3)], "max_length=3"),
        (Annotated[str, Param(multiple_of=2)], "multiple_of=2"),
        (Annotated[str, Param(le=2)], "le=2"),
        (Annotated[int, Param(pattern="^a")], "pattern='\\^a'"),
        (Annotated[dt.date, Param(lt=5)], "lt=5"),
        (Annotated[dt.date, Param(min_length=5)], "min_length=5"),
        (Annotated[Order, Param(gt=1)], "gt=1"),
        (Annotated[Order, Param(max_length=1)], "max_length=1"),
        (Annotated[list[int], Param(ge=1)], "ge=1"),
        (list[Annotated[int, Param(min_length=1)]], "min_length=1"),
        (Annotated[Typed, Param(gt=1)], "gt=1"),
    ],
)
def test_a_limit_that_no_value_can_be_asked_is_refused_by_name(annotation: Any, says: str) -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = annotation
    with pytest.raises(DeclarationError, match=says):
        read_signature(fn)


def test_limits_hold_for_the_alternatives_they_fit() -> None:
    def fn(
        x: Annotated[int | str | None, Param(ge=3, min_length=2)],
        day: Annotated[dt.date, Param(ge=dt.date(2024, 1, 1))] = dt.date(2025, 1, 1),  # noqa: B008
        size: Annotated[Decimal, Param(gt=Decimal(0), multiple_of=2)] = Decimal(2),  # noqa: B008
        data: Annotated[bytes, Param(max_length=1)] = b"",
        typed: Annotated[Typed, Param(min_length=1)] | None = None,
        any_: Annotated[Any, Param(ge=1)] = 1,
    ) -> None: ...

    for good in (3, "ab", None):
        assert bind(fn, {"x": good}).args[0] == good
    for bad in (2, "a"):
        assert problems(fn, {"x": bad})
    found = problems(fn, {"x": 3, "day": "2023-01-01", "size": 3, "data": "YWE=", "any_": 0})
    assert set(found) == {"$.day", "$.size", "$.data", "$.any_"}


class Money:
    pass


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "bla", "zork": 1}, "no JSON Schema: .*type"),
        ({"type": "string", "zork": 1}, "'zork', which JSON Schema does not know"),
        ({"type": "string", "pattern": "("}, "pattern"),
    ],
)
def test_a_type_is_registered_with_a_schema_that_is_one(schema: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        altar.register_type(Money, schema=schema, load=lambda value: Money())
