"""Declarations, names, tools, tool configurations, and foreign documents adopted."""

from __future__ import annotations

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import (
    FunctionDeclaration,
    Schema,
    Tool,
    ToolConfig,
    adopt,
    digest,
    is_name,
    legal_name,
)
from altar.errors import CanonicalError, ConfigurationError, InvalidDataError
from tests.strategies import nouns as strategies

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city."},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": ["integer", "null"]},
    },
    "required": ["city"],
}


def weather(**changes):
    fields = {"name": "get_weather", "description": "Weather.", "parameters": WEATHER}
    return FunctionDeclaration(**{**fields, **changes})


def problems_of(make):
    with pytest.raises(InvalidDataError) as caught:
        make()
    return caught.value.problems


def test_every_problem_of_a_declaration_is_told_at_once():
    problems = problems_of(
        lambda: FunctionDeclaration(
            name="get weather",
            description=" ",
            parameters={"type": "array", "items": 3, "default": float("nan")},
            extensions={"y": 1, "x_returns": {"type": "nonsense"}},
        )
    )
    assert [problem.path for problem in problems] == [
        "$.name",
        "$.description",
        "$.parameters.default",
        "$.parameters.items",
        "$.y",
        "$.x_returns.type",
    ]
    assert problems[0].nearest == "get_weather"


@pytest.mark.parametrize("parameters", [None, {}, {"type": "OBJECT"}, Schema(type="object")])
def test_parameters_are_an_object_even_when_empty(parameters):
    made = FunctionDeclaration(name="f", description="d", parameters=parameters)
    assert made.to_dict()["parameters"] == {"type": "OBJECT", "properties": {}}
    assert made.to_dict("json-schema")["parameters"] == {"type": "object", "properties": {}}
    assert made.check_args({}) == ()


@pytest.mark.parametrize(
    "parameters",
    [
        True,
        {"type": "string"},
        {"type": ["object", "null"]},
        Schema(type="array", items=True),
        "x",
        [],
    ],
)
def test_parameters_that_are_no_object_are_refused(parameters):
    assert problems_of(lambda: weather(parameters=parameters))[0].path.startswith("$.parameters")


def test_nan_surrogates_and_depth_are_refused_in_a_schema():
    deep: dict[str, object] = {}
    for _ in range(100):
        deep = {"type": "array", "items": [deep]}
    for inner in ({"default": float("inf")}, {"title": "\ud800"}, deep):
        parameters = {"properties": {"a": inner}}
        assert problems_of(lambda: weather(parameters=parameters))  # noqa: B023


def test_each_dialect_is_name_description_parameters():
    made = weather(extensions={"x_returns": {"type": "STRING", "nullable": True}, "vendor_a": 1})
    for dialect in ("adm", "adm-1.0", "json-schema"):
        assert list(made.to_dict(dialect))[:3] == ["name", "description", "parameters"]
    assert made.to_dict()["x_returns"] == {"type": "STRING", "nullable": True}
    assert made.to_dict("adm-1.0")["vendor_a"] == 1
    assert set(made.to_dict("json-schema")) == {"name", "description", "parameters"}
    assert made.to_dict("json-schema")["parameters"] == WEATHER
    assert made.returns == Schema.from_dict({"type": ["string", "null"]})
    assert weather().returns is None
    losses = made.render("adm-1.0").losses
    assert {loss.path for loss in losses} == {"$.parameters.properties.days", "$.x_returns"}
    assert made.render().losses == () == made.render("json-schema").losses
    with pytest.raises(ConfigurationError, match="adm-1.0"):
        made.to_dict("openapi")


@given(strategies.declarations)
def test_the_wire_bytes_are_the_document_in_compact_ascii(declaration):
    for dialect in ("json-schema", "adm"):
        wire = declaration.wire(dialect)
        assert json.loads(wire) == declaration.to_dict(dialect)
        assert wire.isascii()


@given(strategies.declarations)
def test_a_declaration_reads_back_from_either_lossless_dialect(declaration):
    assert FunctionDeclaration.from_dict(declaration.to_dict()) == declaration
    plain = FunctionDeclaration.from_dict(declaration.to_dict("json-schema"))
    assert plain.parameters == declaration.parameters
    text = json.dumps(declaration.parameters.document)
    assert (
        FunctionDeclaration.trusted(declaration.name, declaration.description, text).parameters
        == plain.parameters
    )


def test_a_digest_covers_the_whole_document():
    assert weather().digest == digest(weather().to_dict())
    others = [weather(name="g"), weather(description="x"), weather(extensions={"x_a": 1})]
    assert len({made.digest for made in [weather(), *others]}) == 4
    huge = weather(parameters={"properties": {"a": {"maximum": 2**60}}})
    with pytest.raises(CanonicalError, match=r"\$\.parameters\.properties\.a\.maximum"):
        _ = huge.digest


def test_arguments_are_checked_closed_with_the_nearest_name():
    (problem,) = weather().check_args({"city": "Oslo", "unti": "celsius"})
    assert (problem.path, problem.keyword, problem.nearest) == (
        "$.unti",
        "additionalProperties",
        "unit",
    )
    paths = [problem.path for problem in weather().check_args({"unit": "kelvin", "days": 2**63})]
    assert sorted(paths) == ["$.city", "$.days", "$.unit"]
    assert weather().check_args([])[0].path == "$"
    assert weather().check_args({"city": "Oslo", "days": True})[0].path == "$.days"


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {}, "additionalProperties": True},
        {"properties": {}, "additionalProperties": {"type": "integer"}},
        {"properties": {}, "patternProperties": {"^a": {}}, "additionalProperties": True},
        {"anyOf": [{"properties": {"a": {}}}]},
        {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {}}}}},
    ],
)
def test_a_schema_that_speaks_of_other_properties_keeps_its_own_rule(parameters):
    made = weather(parameters=parameters)
    assert made.check_args({"a": 1}) == ()


def test_properties_gathered_from_branches_count_as_declared():
    made = weather(parameters={"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})
    assert made.check_args({"a": 1, "b": 2}) == ()
    assert [problem.path for problem in made.check_args({"c": 1})] == ["$.c"]


def test_a_thousand_declarations_stay_small():
    made = [weather(name=f"tool_{at}") for at in range(100)]
    size = sum(sys.getsizeof(item) + sys.getsizeof(item._parameters) for item in made) / len(made)
    assert size < 500


@given(st.text(max_size=80), st.sets(strategies.names, max_size=3))
def test_a_legal_name_is_made_of_any_text_and_never_taken(text, taken):
    name = legal_name(text, taken)
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name)
    assert name not in taken
    if is_name(text) and text not in taken:
        assert name == text


def test_names_keep_what_they_can():
    assert legal_name("math.sum") == "math_sum"
    assert legal_name("Größe ändern") == "Gro_e_andern"
    assert legal_name("2nd") == "_2nd"
    assert legal_name("") == "_"
    assert legal_name("a" * 70, {"a" * 64}) == "a" * 62 + "_2"
    assert legal_name("f", {"f", "f_2"}) == "f_3"
    assert not is_name("a\n")
    assert not is_name(5)


def test_a_tool_holds_one_or_more_functions_of_different_names():
    assert [problem.path for problem in problems_of(lambda: Tool(function_declarations=[]))] == [
        "$.function_declarations"
    ]
    twice = problems_of(
        lambda: Tool(function_declarations=[weather(), weather(), 5], extensions={"a": 1})
    )
    assert [problem.path for problem in twice] == [
        "$.function_declarations[1].name",
        "$.function_declarations[2]",
        "$.a",
    ]
    assert problems_of(lambda: Tool(function_declarations="ab"))
    assert problems_of(lambda: Tool(function_declarations=None))
    tool = Tool(function_declarations=[weather()])
    assert tool.get("get_weather") == weather()
    assert tool.get("other") is None
    assert tool.to_dict("json-schema")["function_declarations"][0]["parameters"]["type"] == "object"
    inner = problems_of(lambda: Tool.from_dict({"function_declarations": [{"name": "2"}, 7]}))
    assert [problem.path for problem in inner] == [
        "$.function_declarations[0].name",
        "$.function_declarations[0].description",
        "$.function_declarations[1]",
    ]


def test_a_tool_configuration_checks_mode_and_names():
    assert ToolConfig().to_dict() == {"mode": "AUTO"}
    read = ToolConfig.from_dict({"mode": "any", "allowed_function_names": ["f"]})
    assert (read.mode, read.allows("f"), read.allows("g")) == ("ANY", True, False)
    assert ToolConfig.from_dict({}).allows("anything")
    assert not ToolConfig(mode="NONE").allows("f")
    wrong = problems_of(
        lambda: ToolConfig(
            mode="some", allowed_function_names=["f", "f", "a b"], extensions={"q": 1}
        )
    )
    assert [problem.path for problem in wrong] == [
        "$.mode",
        "$.allowed_function_names[1]",
        "$.allowed_function_names[2]",
        "$.q",
    ]
    assert problems_of(lambda: ToolConfig(mode="none", allowed_function_names=["f"]))
    assert problems_of(lambda: ToolConfig(mode=5, allowed_function_names="f"))


def test_foreign_documents_are_adopted_and_every_change_is_told():
    document = {
        "name": "math.sum",
        "parameters": {
            "type": "dict",
            "properties": {
                "a": {"type": "float"},
                "b": {"type": "String"},
                "c": {"type": "any"},
                "d": {"type": "tuple", "items": [{"type": "int"}, {"type": "STRING"}]},
                "e": {"type": ["Integer", "None"], "required": True},
                "f": {"anyOf": [{"type": "Widget"}, {"type": 5}]},
            },
        },
    }
    with pytest.raises(InvalidDataError, match=r"anyOf\[1\]"):
        adopt(document)
    document["parameters"]["properties"]["f"]["anyOf"].pop()
    declaration, changes = adopt(document, taken={"math_sum"})
    assert declaration.name == "math_sum_2"
    assert declaration.description == "Math sum 2"
    assert declaration.parameters.document["properties"] == {
        "a": {"type": "number"},
        "b": {"type": "string"},
        "c": {},
        "d": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        "e": {"type": ["integer", "null"]},
        "f": {"anyOf": [{}]},
    }
    told = {change.path: (change.before, change.after) for change in changes}
    assert told["$.name"] == ("math.sum", "math_sum_2")
    assert told["$.parameters.type"] == ("dict", "object")
    assert told["$.parameters.properties.c.type"] == ("any", None)
    assert told["$.parameters.properties.e.required"] == (True, None)
    assert "$.parameters.properties.d.items[1].type" not in told
    assert "not a legal function name" in str(changes[0])


@pytest.mark.parametrize(
    "document",
    [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": WEATHER}},
        {"name": "f", "description": "d", "input_schema": WEATHER},
        {"name": "f", "description": "d", "inputSchema": WEATHER, "parameters": None},
        {"name": "f", "description": "d", "parameters": WEATHER},
    ],
)
def test_the_envelopes_of_others_are_read(document):
    declaration, _ = adopt(document)
    assert declaration.parameters.document == WEATHER


def test_a_document_that_is_one_already_takes_no_change():
    declaration, changes = adopt(weather().to_dict())
    assert declaration == weather()
    assert changes == ()
    response = adopt({**weather().to_dict(), "response": {"type": "dict", "properties": {}}})
    assert response.declaration.returns == Schema(type="object", properties={})
    for broken in ({}, {"name": 5}, {"name": "f", "parameters": {"type": float("nan")}}):
        with pytest.raises(InvalidDataError):
            adopt(broken)
