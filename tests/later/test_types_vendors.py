"""Classes of other libraries and of one's own: recognised, loaded, dumped, their errors told."""

from __future__ import annotations

import enum
import sys
from typing import Annotated, Any, Optional

import annotated_types
import attrs
import msgspec
import pydantic
import pytest

import altar
from altar.errors import ConfigurationError, DeclarationError
from altar.later._binding import BindError, Bound, compile_binder
from altar.later._signature import read_signature
from altar.later.hints import _custom
from altar.later.hints._dump import dump


def bind(fn: Any, args: Any, **options: Any) -> Bound:
    return compile_binder(read_signature(fn)).bind(args, **options)


def refused(fn: Any, args: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(BindError) as caught:
        bind(fn, args, **options)
    return {problem.path: str(problem) for problem in caught.value.problems}


def schema_of(fn: Any) -> dict[str, Any]:
    return altar.declare(fn).to_dict("json-schema")["parameters"]  # type: ignore[no-any-return]


class Color(enum.Enum):
    RED = "red"


class Sub(pydantic.BaseModel):
    """A part."""

    color: Color = Color.RED
    count: int


class Whole(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(alias="label", description="What it is called.")
    level: int = pydantic.Field(3, ge=1)
    sub: Sub

    @pydantic.field_validator("level")
    @classmethod
    def not_five(cls, value: int) -> int:
        if value == 5:
            raise ValueError("password=hunter2")
        return value


class Knot(pydantic.BaseModel):
    inner: list[Knot] = []


Knot.model_rebuild()


def takes_whole(whole: Whole) -> None: ...


def test_a_models_schema_stands_inline_and_says_everything() -> None:
    found = schema_of(takes_whole)
    assert "$defs" not in found
    whole = found["properties"]["whole"]
    assert whole["properties"]["label"] == {"type": "string", "description": "What it is called."}
    assert whole["properties"]["sub"]["description"] == "A part."
    assert whole["properties"]["sub"]["properties"]["color"]["default"] == "red"
    assert "title" not in str(found)


def test_a_recursive_model_keeps_its_definition() -> None:
    def fn(a: Knot, b: list[Knot]) -> None: ...

    assert list(schema_of(fn)["$defs"]) == ["Knot"]
    (a, b) = bind(fn, {"a": {"inner": [{}]}, "b": [{}]}).args
    assert a == Knot(inner=[Knot()])
    assert b == [Knot()]


def test_a_model_is_loaded_and_its_lax_conversions_are_coercions() -> None:
    args = {"whole": {"label": "a", "level": "7", "sub": {"count": 1}}}
    bound = bind(takes_whole, args)
    assert bound.args == [Whole(label="a", level=7, sub=Sub(count=1))]
    assert bound.coercions == [{"path": "$.whole.level", "from": "string", "to": "integer"}]
    assert "$.whole.level" in refused(takes_whole, args, strict=True)


def test_a_models_violations_are_problems_with_paths_and_no_exception_text() -> None:
    found = refused(takes_whole, {"whole": {"level": 5, "sub": {"count": True}, "x": 1}})
    assert set(found) >= {"$.whole.label", "$.whole.sub.count", "$.whole.x"}
    found = refused(takes_whole, {"whole": {"label": "a", "level": 5, "sub": {"count": 1}}})
    assert "hunter2" not in found["$.whole.level"]


def test_a_model_as_a_json_text_is_read() -> None:
    bound = bind(takes_whole, {"whole": '{"label": "a", "sub": {"count": 1}}'})
    assert bound.args[0].name == "a"
    assert bound.coercions


def test_pydantics_field_is_metadata_and_default() -> None:
    def fn(
        a: int = pydantic.Field(5, ge=2, description="An a."),
        b: list[int] = pydantic.Field(default_factory=list),
        c: Annotated[str, pydantic.Field(max_length=2)] = "x",
        d: int = pydantic.Field(..., gt=0),
    ) -> None: ...

    found = schema_of(fn)
    assert found["properties"]["a"] == {
        "type": "integer",
        "minimum": 2,
        "description": "An a.",
        "default": 5,
    }
    assert found["required"] == ["d"]
    assert bind(fn, {"d": 1}).args == [5, [], "x", 1]
    assert set(refused(fn, {"a": 1, "c": "xyz", "d": 0})) == {"$.a", "$.c", "$.d"}


@attrs.define
class Attrs:
    """An attrs class.

    Attributes:
        size: How big.
    """

    size: int = attrs.field(validator=attrs.validators.ge(3))
    _hidden: list[int] = attrs.Factory(list)
    text: str = attrs.Factory(lambda self: str(self.size), takes_self=True)
    next: Optional[Attrs] = None


class First(msgspec.Struct, tag="first"):
    x: Annotated[int, msgspec.Meta(ge=1, description="An x.")]
    y: list[int] = msgspec.field(default_factory=list, name="why")


class Second(msgspec.Struct, tag="second"):
    z: int


def test_attrs_and_msgspec_classes_are_built_as_their_libraries_build_them() -> None:
    def fn(a: Attrs, s: First | Second) -> None: ...

    args = {"a": {"size": 4, "hidden": [1], "next": {"size": 3}}, "s": {"type": "first", "x": 2}}
    bound = bind(fn, args)
    assert bound.args == [Attrs(4, [1], next=Attrs(3)), First(2)]
    assert dump(bound.args[1]).content == {"type": "first", "x": 2, "why": []}
    found = refused(fn, {"a": {"size": 1}, "s": {"type": "third", "x": 2}})
    assert set(found) == {"$.a", "$.s.type"}
    assert schema_of(fn)["$defs"]["Attrs"]["properties"]["size"]["description"] == "How big."


def test_annotated_types_are_checked_and_written_where_schemas_can_say_them() -> None:
    def fn(
        a: Annotated[list[int], annotated_types.Len(1, 2)],
        b: Annotated[str, annotated_types.Predicate(str.isupper)],
        c: Annotated[float, annotated_types.Interval(gt=0, le=1)],
        d: Annotated[int, annotated_types.MultipleOf(3)],
    ) -> None: ...

    assert bind(fn, {"a": [1], "b": "A", "c": 1, "d": 9}).args == [[1], "A", 1.0, 9]
    assert len(refused(fn, {"a": [], "b": "a", "c": 0, "d": 1})) == 4
    properties = schema_of(fn)["properties"]
    assert properties["a"] == {
        "type": "array",
        "items": {"type": "integer"},
        "minItems": 1,
        "maxItems": 2,
    }
    assert properties["c"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


def test_the_libraries_are_not_imported_for_those_who_do_not_use_them() -> None:
    import subprocess

    code = (
        "import sys, altar\n"
        "def fn(a: int, b: list[str]) -> str: ...\n"
        "altar.declare(fn)\n"
        "print(sorted({'pydantic', 'attr', 'msgspec', 'annotated_types'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Money:
    __slots__ = ("cents",)

    def __init__(self, cents):  # type: ignore[no-untyped-def]
        self.cents = cents


def load_money(value: str) -> Money:
    if value == "0":
        raise ValueError("password=hunter2")
    return Money(int(value))


@pytest.fixture
def money() -> Any:
    altar.register_type(
        Money,
        schema={"type": "string", "pattern": "^[0-9]+$"},
        load=load_money,
        dump=lambda money: str(money.cents),
    )
    yield
    _custom._types.pop(Money, None)
    for forget in _custom._listeners:
        forget()


@pytest.mark.usefixtures("money")
def test_a_registered_class_is_declared_loaded_checked_and_dumped() -> None:
    def fn(x: Money, y: list[Money]) -> None: ...

    assert schema_of(fn)["properties"]["x"] == {"type": "string", "pattern": "^[0-9]+$"}
    assert bind(fn, {"x": "5", "y": ["6"]}).args[0].cents == 5
    found = refused(fn, {"x": "abc", "y": ["0"]})
    assert set(found) == {"$.x", "$.y[0]"}
    assert "hunter2" not in str(found)
    assert dump([Money(7)]).content == ["7"]


def test_an_unknown_class_is_refused_with_what_to_type() -> None:
    def fn(x: Money) -> None: ...

    with pytest.raises(DeclarationError, match="register_type"):
        read_signature(fn)


def test_an_entry_point_named_after_the_class_makes_it_known(monkeypatch: Any) -> None:
    class Point:
        name = "tests.later.test_types_vendors.Money"

        def load(self) -> Any:
            return _custom.CustomType(schema={"type": "integer"}, load=Money)

    monkeypatch.setattr(_custom, "_plugins", {Point.name: Point()})
    monkeypatch.setattr(Money, "__module__", "tests.later.test_types_vendors")

    def fn(x: Money) -> None: ...

    try:
        assert bind(fn, {"x": 5}).args[0].cents == 5
    finally:
        _custom._types.pop(Money, None)
        for forget in _custom._listeners:
            forget()


@pytest.mark.parametrize(
    "options",
    [
        {"cls": 5, "schema": {}, "load": int},
        {"cls": Money, "schema": "string", "load": int},
        {"cls": Money, "schema": {}, "load": None},
    ],
)
def test_a_bad_registration_says_what_to_type(options: Any) -> None:
    with pytest.raises(ConfigurationError, match="register_type"):
        altar.register_type(options.pop("cls"), **options)
