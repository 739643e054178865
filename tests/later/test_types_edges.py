"""Types at their edges: what stands for itself, what nothing can meet, what libraries validate."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Annotated, Any, Optional, Protocol, Union, runtime_checkable

import pydantic
import pytest

import altar
from altar import Param
from altar.errors import DeclarationError
from altar.later._binding import BindError, Bound, compile_binder
from altar.later._signature import read_signature


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
