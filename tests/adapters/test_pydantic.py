"""pydantic: its models as tools, parameters, results and answers; altar's tools as models."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest

pytest.importorskip("pydantic")

import pydantic  # noqa: E402
import pydantic.alias_generators  # noqa: E402
import pydantic.dataclasses  # noqa: E402
from pydantic import BaseModel, ConfigDict, Field  # noqa: E402
from pydantic_core import PydanticCustomError  # noqa: E402

import altar  # noqa: E402
from altar.adm import Schema
from altar.errors import ConfigurationError, DeclarationError
from altar.testing import ScriptedProvider
from altar_extras.pydantic import ToolModel, export_tools, import_tools, model_of, schema_of
from tests.adapters.cases import CASES, GOOD
from tests.adapters.tools import TOOLS, make_session


def problems(result: altar.ToolResult) -> dict[str, str]:
    assert str(result.error.type) == "PARAMETER_VALIDATION_FAILED", result
    return {one["path"]: one["expected"] for one in result.error.details["problems"]}


# -- what pydantic makes, as parameters, results and answers -----------------------------


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(9, gt=0)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Owner(BaseModel):
    """Who has pets."""

    model_config = ConfigDict(alias_generator=pydantic.alias_generators.to_camel)

    full_name: str = Field(min_length=2)
    home: pydantic.HttpUrl | None = None
    pets: list[Pet] = []

    @pydantic.computed_field
    @property
    def count(self) -> int:
        return len(self.pets)


@pydantic.dataclasses.dataclass
class Span:
    low: int
    high: int = Field(alias="upTo", default=3)

    @pydantic.model_validator(mode="after")
    def ordered(self):
        if self.low > self.high:
            raise PydanticCustomError("order", "low must not be above upTo")
        return self


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: Page[T] | None = None


def adopt(owner: Owner, pet: Pet, spans: list[Span] | None = None) -> Owner:
    owner.pets.append(pet)
    return owner


OWNER = {"fullName": "Ada", "pets": [{"kind": "dog"}], "home": "http://a.test/x"}


@pytest.fixture
def session():
    with altar.Session([adopt]) as session:
        yield session


def test_a_discriminator_decides_and_an_unknown_one_is_told_with_those_there_are(session):
    result = session.execute("adopt", {"owner": OWNER, "pet": {"kind": "cat", "lives": 0}})
    assert problems(result) == {"$.pet.lives": "greater than 0"}
    args = {"owner": {**OWNER, "pets": [{"kind": "cow"}, {}]}, "pet": {"kind": "cow"}}
    found = problems(session.execute("adopt", args))
    assert found["$.owner.pets[0].kind"] == found["$.pet.kind"] == "one of 'cat', 'dog'"
    assert found["$.owner.pets[1].kind"] == "a value (required)"


def test_aliases_are_the_names_on_the_way_in_and_on_the_way_out(session):
    result = session.execute("adopt", {"owner": OWNER, "pet": {"kind": "cat"}})
    assert result.content == {
        "fullName": "Ada",
        "home": "http://a.test/x",
        "pets": [{"kind": "dog", "tricks": []}, {"kind": "cat", "lives": 9}],
        "count": 2,
    }
    assert result.value.full_name == "Ada"
    found = problems(
        session.execute("adopt", {"owner": {"full_name": "Ada"}, "pet": {"kind": "cat"}})
    )
    assert "$.owner.fullName" in found


def test_a_result_is_declared_as_it_is_written_with_computed_fields(session):
    (declared,) = session.declarations()
    assert "count" in declared.returns.document["required"]
    assert "count" not in declared.parameters.document["properties"]["owner"]["properties"]
    result = session.execute("adopt", {"owner": OWNER, "pet": {"kind": "cat"}})
    assert not declared.returns.check(result.content)


def test_a_validator_speaks_to_the_model_by_a_custom_error_alone(session):
    args = {"owner": OWNER, "pet": {"kind": "cat"}, "spans": [{"low": 5, "upTo": 4}]}
    assert problems(session.execute("adopt", args)) == {
        "$.spans[0]": "a valid value (low must not be above upTo)"
    }


def test_a_dataclass_of_pydantics_is_written_by_its_aliases():
    def widen(span: Span) -> Span:
        span.high += 1
        return span

    result = altar.Session([widen]).execute("widen", {"span": {"low": 1, "upTo": "4"}})
    assert result.content == {"low": 1, "upTo": 5}


@pytest.mark.parametrize(
    ("annotation", "value", "written"),
    [
        (pydantic.SecretStr, "hush", "**********"),
        (pydantic.AnyUrl, "x://y", "x://y"),
        (pydantic.ByteSize, "2KB", 2000),
        (pydantic.Json[list[int]], "[1]", [1]),
        (pydantic.PositiveInt, 3, 3),
        (
            Page[Cat],
            {"items": [{"kind": "cat"}]},
            {"items": [{"kind": "cat", "lives": 9}], "next": None},
        ),
        (pydantic.RootModel[list[int]], [1, 2], [1, 2]),
    ],
    ids=str,
)
def test_types_of_pydantics_own_go_in_and_come_out(annotation: Any, value: Any, written: Any):
    def same(value):
        return value

    same.__annotations__ = {"value": annotation, "return": annotation}
    result = altar.Session([same]).execute("same", {"value": value})
    assert result.content == written, result


def test_a_union_of_models_is_an_answer_and_a_wrong_one_is_asked_for_again():
    model = ScriptedProvider(['{"kind": "cow"}', '{"kind": "cat", "lives": 7}'])
    assert altar.generate("Which pet?", model=model, output=Pet).output == Cat(kind="cat", lives=7)
    assert "$.kind" in str(model.requests[1].messages[-1])


# -- tools as models ---------------------------------------------------------------------


def test_a_model_refuses_with_altars_words_at_each_problems_place():
    models = {model.__name__: model for model in export_tools(make_session())}
    with pytest.raises(pydantic.ValidationError) as caught:
        models["place_order"].model_validate({"order": {"items": [{"fruit": 5}]}, "urgnt": True})
    assert {error["loc"]: error["msg"].partition(",")[0] for error in caught.value.errors()} == {
        ("order", "customer"): "expected a string (required)",
        ("order", "items", 0, "fruit"): "expected a string",
        ("urgnt",): "expected only order",
    }


def test_what_altar_coerces_is_found_coerced_in_the_model():
    (model,) = export_tools([t for t in TOOLS if t.__name__ == "add"])
    made = model.model_validate_json('{"a": "42", "b": 3.0}')
    assert (made.a, made.b, made()) == (42, 3, 45)
    assert made.altar_args() == {"a": 42, "b": 3}
    assert model(a=1, b=2).run().content == 3


def test_parameters_that_no_attribute_can_be_keep_their_names():
    models = {model.__name__: model for model in export_tools(make_session())}
    made = models["odd"].model_validate({"schema": "s", "args": [1], "model_config": 5})
    assert made.altar_args() == {"schema": "s", "args": [1], "model_config": 5}
    assert made.run().content["mc"] == 5
    assert made.schema_ == "s"


def test_open_names_come_through_a_model():
    models = {model.__name__: model for model in export_tools(make_session())}
    assert models["join"].model_validate({"sep": "-", "x": 1}).run().content == "x=1"


def test_a_failed_tool_is_a_result_of_run_and_an_error_of_a_call():
    models = {model.__name__: model for model in export_tools(make_session())}
    made = models["reserve"](seat="9a")
    assert str(made.run().error.type) == "BUSINESS_RULE_VIOLATION"
    with pytest.raises(altar.ToolError, match="seat 9a is taken"):
        made()
    erase = models["erase_for_good"](path="a")
    assert str(erase.run().error.type) == "APPROVAL_REQUIRED"
    assert erase.run(approved=True).ok
    assert asyncio.run(models["fetch"](page=1).arun()).content == "page 1"


def test_a_tool_stands_inside_a_model_of_ones_own_with_its_schema():
    add, *_ = export_tools(make_session())

    class Plan(BaseModel):
        step: add
        note: str

    assert (
        Plan.model_json_schema()["$defs"]["add"]["properties"]
        == add.model_json_schema()["properties"]
    )
    plan = Plan.model_validate({"step": {"a": 1, "b": "2"}, "note": "n"})
    assert isinstance(plan.step, ToolModel)
    assert plan.step() == 3
    with pytest.raises(pydantic.ValidationError) as caught:
        Plan.model_validate({"step": {"a": 1}, "note": "n"})
    assert [error["loc"] for error in caught.value.errors()] == [("step", "b")]


# -- models as tools ---------------------------------------------------------------------


class Weather(BaseModel):
    """Weather of a day."""

    city: str = Field(alias="in", min_length=2, description="The city.")
    day: date = date(2026, 1, 1)

    @pydantic.field_validator("city")
    @classmethod
    def known(cls, value: str) -> str:
        if value == "Atlantis":
            raise ValueError("password=hunter2")
        return value


class Forecast(Weather):
    """Forecast of a day."""

    async def __call__(self, ctx: altar.Context) -> dict[str, str]:
        return {"city": self.city, "by": ctx.tool_name}


def test_a_model_is_a_tool_whose_result_is_the_model():
    (tool,) = import_tools(Weather)
    assert tool.declaration.name == "Weather"
    assert tool.declaration.description == "Weather of a day."
    document = tool.declaration.parameters.document
    assert document["properties"]["in"]["description"] == "The city."
    assert "title" not in str(document)
    result = altar.Session([tool]).execute("Weather", {"in": "Oslo", "day": "2026-02-03"})
    assert result.value == Weather(**{"in": "Oslo"}, day=date(2026, 2, 3))
    assert not tool.declaration.returns.check(result.content)


def test_a_model_that_can_be_called_is_called_with_the_context_it_asks_for():
    session = altar.Session(import_tools([Forecast]))
    assert session.execute("Forecast", {"in": "Oslo"}).content == {"city": "Oslo", "by": "Forecast"}
    assert asyncio.run(session.aexecute("Forecast", {"in": "Oslo"})).ok


def test_what_the_models_own_validators_refuse_has_its_path_and_no_exception_text():
    session = altar.Session(import_tools(Weather))
    result = session.execute("Weather", {"in": "Atlantis"})
    assert problems(result) == {"$.in": "a value that Weather accepts"}
    assert "hunter2" not in str(result.error.to_dict())
    assert set(problems(session.execute("Weather", {"day": 5}))) == {"$.in", "$.day"}


def test_a_recursive_model_is_a_tool():
    session = altar.Session(import_tools(Page[Cat]))
    (declared,) = session.declarations()
    assert declared.parameters.document["properties"]["items"]
    args = {"items": [], "next": {"items": [{"kind": "cat", "lives": -1}]}}
    assert all(path.startswith("$.next") for path in problems(session.execute(declared.name, args)))


@pydantic.validate_call
def area(width: Annotated[int, Field(gt=0)], *more: int, unit: Literal["m", "ft"] = "m") -> str:
    """The area of a thing.

    Args:
        width: How wide.
    """
    if width == 13:
        Cat.model_validate({})  # the body's own mistake is not the caller's
    return f"{width * sum(more or (1,))} {unit}"


@pydantic.validate_call(validate_return=True)
async def halve(
    number: Annotated[int, pydantic.AfterValidator(lambda value: value * 2)],
) -> Annotated[int, Field(lt=100)]:
    return number // 2


def test_a_validated_function_is_a_tool_and_its_validators_run_once():
    (tool,) = import_tools(halve)
    session = altar.Session([tool])
    assert session.execute("halve", {"number": 21}).content == 21
    assert str(session.execute("halve", {"number": 400}).error.type) == "TOOL_EXECUTION_FAILED"


def test_a_validated_functions_mistakes_are_told_apart_from_its_callers():
    session = altar.Session(import_tools(area))
    (declared,) = session.declarations()
    assert declared.parameters.document["properties"]["width"]["description"] == "How wide."
    assert session.execute("area", {"width": 2, "more": [3, 4], "unit": "ft"}).content == "14 ft"
    assert set(problems(session.execute("area", {"width": 0, "unit": "km"}))) == {
        "$.width",
        "$.unit",
    }
    assert set(problems(session.execute("area", {}))) == {"$.width"}
    assert str(session.execute("area", {"width": 13}).error.type) == "TOOL_EXECUTION_FAILED"


class Out(BaseModel):
    number: int


@pytest.mark.parametrize("is_async", [False, True])
def test_a_result_that_does_not_pass_is_no_mistake_of_the_arguments(is_async: bool):
    ran: list[str] = []

    def spell(number: str) -> Out:
        ran.append(number)
        return {"number": number}  # type: ignore[return-value]

    async def aspell(number: str) -> Out:
        return spell(number)

    validated = pydantic.validate_call(validate_return=True)(aspell if is_async else spell)
    session = altar.Session(import_tools(validated))
    done = session.execute(validated.__name__, {"number": "x"})
    assert (str(done.error.type), ran) == ("TOOL_EXECUTION_FAILED", ["x"])


def refuse_13(number: int) -> int:
    if number == 13:
        raise ValueError("13")
    return number


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    number: int


class StrictField(BaseModel):
    number: Annotated[int, Field(strict=True)]


class Lax(BaseModel):
    number: int
    key: pydantic.SecretStr | None = None


@pydantic.validate_call(config=ConfigDict(strict=True))
def strictly(number: int) -> int:
    return number


def test_what_is_strict_takes_no_text_for_a_number():
    session = altar.Session(import_tools(Strict, StrictField, Lax, strictly))
    for name in ("Strict", "StrictField", "strictly"):
        assert set(problems(session.execute(name, {"number": "1"}))) == {"$.number"}
        assert session.execute(name, {"number": 1}).ok
    assert session.execute("Lax", {"number": "1"}).ok


class Adder:
    @pydantic.validate_call
    def add(self, number: Annotated[int, Field(gt=0), pydantic.AfterValidator(refuse_13)]) -> int:
        return number + 1

    @classmethod
    @pydantic.validate_call
    def ten(cls, number: int) -> int:
        return number * 10


def test_bound_and_class_methods_are_tools_and_unbound_ones_are_refused():
    session = altar.Session(import_tools(Adder().add, Adder.ten))
    assert session.execute("add", {"number": 1}).content == 2
    assert session.execute("ten", {"number": 2}).content == 20
    assert set(problems(session.execute("add", {"number": 13}))) == {"$.number"}
    with pytest.raises(DeclarationError, match="bound method"):
        import_tools(Adder.add)


class Times(BaseModel):
    number: int

    def __call__(self, times: int = 2, *, ctx: altar.Context[Any]) -> str:
        return f"{self.number * times} {ctx.tool_name}"


class Needy(BaseModel):
    def __call__(self, times: int) -> int:
        return times


def test_a_call_of_a_model_gets_a_context_where_it_asks_for_one_and_nothing_else():
    session = altar.Session(import_tools(Times))
    assert session.execute("Times", {"number": 2}).content == "4 Times"
    with pytest.raises(DeclarationError, match="make it a field"):
        import_tools(Needy)


def refuse_20(key: pydantic.SecretStr) -> pydantic.SecretStr:
    raise ValueError(key.get_secret_value())


Key = Annotated[pydantic.SecretStr, pydantic.AfterValidator(refuse_20)]


class Vault(BaseModel):
    key: Key
    pin: Annotated[pydantic.SecretStr, Field(min_length=20)] | None = None


@pydantic.validate_call
def unlock(key: Key) -> str:
    return "open"


def test_no_refusal_shows_what_a_secret_was():
    def enter(key: Key) -> str:
        return "in"

    def store(vault: Vault) -> str:
        return "in"

    def plain(key: Annotated[pydantic.SecretStr, Field(pattern="^x")]) -> str:
        return "in"

    session = altar.Session([enter, store, plain, *import_tools(Vault, unlock)])
    pair = {"key": "hunter2", "pin": "hunter2"}
    calls: list[tuple[str, dict[str, Any]]] = [
        *((name, {"key": "hunter2"}) for name in ("enter", "plain", "unlock")),
        ("store", {"vault": pair}),
        ("Vault", pair),
        ("unlock", {"key": "x", "kei": "hunter2"}),
        ("enter", {"key": "x", "kei": "hunter2"}),
    ]
    for name, args in calls:
        refused = session.execute(name, args)
        assert problems(refused)
        assert "hunter2" not in json.dumps(refused.to_dict()), name
        (model,) = [one for one in export_tools(session) if one.__name__ == name]
        if name in ("enter", "store", "plain"):
            with pytest.raises(pydantic.ValidationError) as caught:
                model.model_validate(args)
            assert "hunter2" not in str(caught.value)


def test_what_cannot_be_a_tool_is_refused_by_name_with_every_reason():
    class Opaque:
        pass

    class Holds(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: Opaque

    class Twice(BaseModel):
        x: int

    class Rows(pydantic.RootModel[list[int]]):
        pass

    with pytest.raises(DeclarationError) as caught:
        import_tools(Holds, Twice, Twice, Rows)
    said = str(caught.value)
    assert "Holds" in said
    assert "Twice: another tool there has the same name" in said
    assert "Rows" in said
    with pytest.raises(ConfigurationError, match="validate_call"):
        import_tools(print)


# -- schemas and models ------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_a_model_made_of_a_tools_schema_says_the_same_and_takes_what_it_takes(tool: Any):
    declaration = altar.declare(tool)
    model = model_of(declaration, name="Args")
    assert schema_of(model) == declaration.parameters
    for case in CASES:
        if case.tool != tool.__name__ or case.coerces:
            continue
        try:
            made = model.model_validate_json(json.dumps(case.args))
        except pydantic.ValidationError:
            made = None
        assert made is not None or case.error is not None, case
        assert made is None or not declaration.parameters.check(case.args), case
        if made is not None:
            dumped = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
            assert not declaration.parameters.check(dumped), dumped


def test_a_models_schema_gives_a_model_again_with_types_bounds_and_branches():
    model = model_of(schema_of(Owner), name="Owner")
    made = model.model_validate({"fullName": "Ada", "pets": [{"kind": "cat", "lives": 3}]})
    assert made.pets[0].lives == 3
    assert type(made.pets[0]).model_fields["kind"].annotation == Literal["cat"]
    with pytest.raises(pydantic.ValidationError) as caught:
        model.model_validate(
            {"fullName": "A", "pets": [{"kind": "cow"}, {"kind": "cat", "lives": 0}]}
        )
    assert {error["loc"][:2] for error in caught.value.errors()} == {
        ("fullName",),
        ("pets", 0),
        ("pets", 1),
    }


def test_formats_are_pythons_types_and_recursion_is_a_recursive_model():
    model = model_of(
        {
            "type": "object",
            "properties": {
                "at": {"type": "string", "format": "date"},
                "tree": {"$ref": "#/$defs/Tree"},
            },
            "required": ["at"],
            "$defs": {
                "Tree": {
                    "type": "object",
                    "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                    "additionalProperties": False,
                }
            },
        }
    )
    made = model.model_validate({"at": "2026-01-02", "tree": {"kids": [{"kids": []}]}})
    assert made.at == date(2026, 1, 2)
    assert type(made.tree) is type(made.tree.kids[0])
    with pytest.raises(pydantic.ValidationError, match=r"tree\.kids\.0\.x"):
        model.model_validate({"at": "2026-01-02", "tree": {"kids": [{"x": 1}]}})


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ({"type": ["integer", "null"], "minimum": 2}, [2, None], [1, "x"]),
        ({"enum": ["a", 1.5, None]}, ["a", 1.5, None], ["b", 2]),
        ({"const": "k"}, ["k"], ["j"]),
        (
            {"type": "array", "uniqueItems": True, "items": {"type": "integer"}},
            [[1, 2]],
            [[1, 1], ["x"]],
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 1, "maxItems": 1},
            [[1]],
            [[], [1, 2]],
        ),
        ({"oneOf": [{"type": "integer"}, {"multipleOf": 2}]}, [3], [4]),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, ["ab"], ["a", 1]),
        ({"not": {"type": "string"}}, [1], ["a"]),
        ({"type": "object", "propertyNames": {"maxLength": 1}}, [{"a": 1}], [{"ab": 1}]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "x"}]),
        ({"type": "string", "format": "uuid"}, ["00000000-0000-4000-8000-000000000001"], ["x", 5]),
        ({"$ref": "#/$defs/L"}, [[[[]]]], [[["x"]]]),
        (False, [], [1]),
        (True, [1, None, {"a": 1}], []),
    ],
    ids=str,
)
def test_every_keyword_is_said_by_a_type_or_checked_as_it_stands(node: Any, good: Any, bad: Any):
    defs = {"L": {"type": "array", "items": {"$ref": "#/$defs/L"}}}
    document = {"type": "object", "properties": {"v": node}, "required": ["v"], "$defs": defs}
    model = model_of(Schema.from_dict(document))
    for value in good:
        assert model.model_validate({"v": value}).model_dump(mode="json")["v"] == value
    for value in bad:
        with pytest.raises(pydantic.ValidationError):
            model.model_validate({"v": value})


def test_a_schema_of_no_object_is_no_model():
    with pytest.raises(ConfigurationError, match="an object"):
        model_of({"type": "string"})
    with pytest.raises(ConfigurationError, match="model_of"):
        model_of({"type": "nothing"})


def test_a_schema_is_had_of_models_adapters_and_exported_tools():
    assert schema_of(Cat) == schema_of(pydantic.TypeAdapter(Cat))
    assert schema_of(list[Cat]).items.document == schema_of(Cat).document
    (add,) = export_tools([t for t in TOOLS if t.__name__ == "add"])
    assert schema_of(add).document == add.model_json_schema()
    assert GOOD


@pytest.mark.parametrize("reference", ["#", "#/definitions/A", "#/properties/other"])
def test_references_to_elsewhere_are_refused_with_what_to_write(reference: str):
    node = {"$ref": reference}
    document = {"type": "object", "properties": {"next": node, "other": {"type": "integer"}}}
    with pytest.raises(ConfigurationError, match="defs"):
        model_of({**document, "definitions": {"A": {"type": "integer"}}})


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ({"type": "string", "pattern": "^(?=a)b?"}, "a", "b"),
        ({"type": "integer", "minimum": 0.5}, 1, 0),
        ({"type": "integer", "multipleOf": 0.5}, 1, "x"),
    ],
)
def test_bounds_that_pydantic_cannot_say_are_checked(node: Any, good: Any, bad: Any):
    model: Any = model_of({"type": "object", "properties": {"value": node}})
    assert model(value=good).value == good
    with pytest.raises(pydantic.ValidationError):
        model(value=bad)
