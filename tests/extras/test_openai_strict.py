"""Strict schemas: what they hold, what they refuse, and that they are undone exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar.adm import Schema
from altar.llm import OutputSpec
from altar_extras._openai_forms import Form, output_form
from altar_extras._openai_strict import strict, wrapped
from altar_extras._openai_text import Rewriter
from tests.strategies import schemas as any_schemas
from tests.strategies.strict_schemas import answers, strict_cases

ALLOWED = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf",
    "$ref", "$defs", "description", "title", "format", "pattern", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
}  # fmt: skip


def schema_of(**properties: Any) -> dict[str, Any]:
    required = [name for name, inner in properties.items() if not inner.pop("optional", False)]
    return {"type": "object", "properties": properties, "required": required}


def holds(document: Any, value: Any) -> bool:
    return not Schema.from_dict(document).check(value)


def check_rules(node: Any) -> None:
    """The vendor's rules for a strict schema, object by object."""
    assert isinstance(node, dict), node
    assert set(node) <= ALLOWED, node
    if "$ref" in node:
        assert set(node) == {"$ref"}
        return
    assert "anyOf" in node or "type" in node, node
    for name, inner in node.get("$defs", {}).items():
        assert isinstance(name, str)
        check_rules(inner)
    for inner in node.get("anyOf", ()):
        check_rules(inner)
    if node.get("type") == "object":
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
        for inner in node["properties"].values():
            check_rules(inner)
    if node.get("type") == "array":
        check_rules(node["items"])


@settings(max_examples=300)
@given(strict_cases())
def test_any_value_is_said_with_nulls_and_undone_exactly(case: tuple[Any, Any, Any]):
    """To strict, answered with a null for all that is left out, undone: the value itself."""
    document, value, answer = case
    held = strict(document)
    assert held is not None
    check_rules(held.schema)
    assert holds(held.schema, answer)
    undone = answer if held.undo is None else held.undo.value(answer)
    assert undone == value
    assert holds(document, undone)


EXTRA: list[dict[str, Any]] = [
    {"minLength": 1},
    {"uniqueItems": True},
    {"minProperties": 1},
    {"additionalProperties": {"type": "integer"}},
    {"additionalProperties": True},
    {"not": {"const": "x"}},
    {"required": []},
    {"required": ["b", "zz"]},
    {"type": ["object", "null"]},
    {"type": ["array", "string"]},
    {"nullable": True},
    {"default": 3},
    {"format": "email"},
    {"format": "made-up"},
    {"minimum": 0},
    {"pattern": "^[a-z]*$"},
    {"examples": ["x"]},
    {"allOf": [{"type": "string"}]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"const": None},
    {"enum": ["x", None]},
    {"$ref": "#"},
]


def nodes(node: Any) -> list[dict[str, Any]]:
    """Every schema inside a document, itself first."""
    inner = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    inner += [*node.get("anyOf", ()), *node.get("oneOf", ())]
    inner += [node["items"]] if isinstance(node.get("items"), dict) else []
    return [node, *(deeper for one in inner for deeper in nodes(one))]


@settings(max_examples=400)
@given(strict_cases(), st.data())
def test_a_schema_with_any_keyword_more_is_held_without_loss_or_not_strict(case: Any, data: Any):
    """Whatever strict() takes, each value of the schema can be said, and is undone to itself."""
    document = json.loads(json.dumps(case[0]))
    for node in data.draw(st.lists(st.sampled_from(nodes(document)), min_size=1, max_size=2)):
        extra = data.draw(st.sampled_from(EXTRA))
        if data.draw(st.booleans()):
            node.update(extra)
        else:
            node.clear()
            node.update({"type": "object", "properties": {}} if node is document else extra)
    held = strict(document)
    if held is None:
        return
    check_rules(held.schema)
    for value in (case[1], *data.draw(st.lists(any_schemas.values_for(document), max_size=3))):
        if not isinstance(value, dict) or not holds(document, value):
            continue
        for answer in answers(held.schema, held.schema, value):
            if holds(held.schema, answer):
                undone = answer if held.undo is None else held.undo.value(answer)
                assert holds(document, undone)
                assert without_nulls(undone) == without_nulls(value)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@settings(max_examples=300)
@given(strict_cases(), st.sampled_from([None, 1]), st.lists(st.integers(1, 9), max_size=40))
def test_text_is_undone_as_values_are_however_it_is_cut(case: Any, indent: Any, cuts: list[int]):
    """The text of an answer, undone in pieces, is the JSON of the value."""
    document, value, answer = case
    undo = strict(document).undo
    text = json.dumps(answer, indent=indent)
    rewriter = Rewriter(undo)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(rewriter.feed(text[at : at + cut]))
        at += cut
    said = "".join([*pieces, rewriter.feed(text[at:]), rewriter.end()])
    whole = Rewriter(undo)
    assert said == whole.feed(text) + whole.end()
    assert json.loads(said) == (value if undo is not None else answer)


@given(st.text('{}[]":,n ul\\1', max_size=20), st.booleans())
def test_text_that_is_no_json_survives_and_is_the_same_however_it_is_cut(text: str, wraps: bool):
    undo = strict(schema_of(a={"type": "integer", "optional": True})).undo
    one, other = Rewriter(undo, wrapped=wraps), Rewriter(undo, wrapped=wraps)
    whole = one.feed(text) + one.end()
    assert whole == "".join(map(other.feed, text)) + other.end()


@pytest.mark.parametrize("text", ["I cannot help with that.", "", "  null", "{no", '{"a": nul'])
def test_words_pass_as_they_are(text: str):
    undo = strict(schema_of(a={"type": "integer", "optional": True})).undo
    for wraps in (False, True):
        rewriter = Rewriter(undo, wrapped=wraps)
        assert rewriter.feed(text) + rewriter.end() == text


def test_an_optional_parameter_is_asked_for_as_nullable_and_its_default_is_told():
    """All are required; the default, which strict schemas may not hold, stands in words."""
    held = strict(
        schema_of(unit={"type": "string", "enum": ["c", "f"], "default": "c", "optional": True})
    )
    assert held.schema["properties"]["unit"] == {
        "type": ["string", "null"],
        "enum": ["c", "f", None],
        "description": "Default: c.",
    }
    assert held.schema["required"] == ["unit"]
    assert held.schema["additionalProperties"] is False
    assert held.undo.value({"unit": None}) == {}
    assert held.undo.value({"unit": "f"}) == {"unit": "f"}


def test_a_null_that_an_optional_parameter_takes_itself_is_kept():
    held = strict(schema_of(a={"type": ["integer", "null"], "default": None, "optional": True}))
    assert held.undo is None
    assert held.schema["properties"]["a"] == {"type": ["integer", "null"]}


def test_nested_objects_defs_and_unions_are_undone():
    node = schema_of(
        v={"type": "integer"},
        next={"$ref": "#/$defs/N", "optional": True},
        tag={"type": "string", "optional": True},
    )
    other = schema_of(kind={"const": "o"}, tag={"type": "string", "optional": True})
    document = {
        **schema_of(list={"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/N"}, other]}}),
        "$defs": {"N": node},
    }
    held = strict(document)
    check_rules(held.schema)
    answer = {
        "list": [
            {"v": 1, "next": {"v": 2, "next": None, "tag": "x"}, "tag": None},
            {"kind": "o", "tag": None},
        ]
    }
    assert held.undo.value(answer) == {
        "list": [{"v": 1, "next": {"v": 2, "tag": "x"}}, {"kind": "o"}]
    }


def deep(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        inner = schema_of(inner=inner)
    return inner


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
        {"type": "object", "properties": {}, "required": ["a"], "additionalProperties": False},
        {},
        True,
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        {"type": "string", "pattern": "(?=a)b"},
        {"allOf": [{"type": "string"}, {"minLength": 1}]},
        {"not": {"type": "string"}},
        {"enum": [[1]]},
        {"$ref": "https://example.com/x"},
        {"type": "made-up"},
        deep(6),
        {"type": "string", "enum": [str(number) for number in range(501)]},
        schema_of(**{f"p{number}": {"type": "string"} for number in range(101)}),
    ],
    ids=lambda inner: str(inner)[:40],
)
def test_what_strict_cannot_hold_goes_as_it_is(inner: Any):
    """Maps, values of any kind, tuples, unknown keywords, deep and large schemas: not strict."""
    assert strict({"type": "object", "properties": {"x": inner}, "required": ["x"]}) is None
    assert strict(schema_of(x={"type": "string"})) is not None


def test_a_null_that_would_mean_two_things_makes_a_schema_not_strict():
    """Optional and nullable without a null default; and a union that disagrees on one name."""
    assert strict(schema_of(a={"type": ["integer", "null"], "optional": True})) is None
    default = {"type": ["integer", "null"], "default": 5, "optional": True}
    assert strict(schema_of(a=default)) is None
    drops = schema_of(a={"type": "integer", "optional": True})
    means = schema_of(a={"type": ["integer", "null"]})
    assert strict(schema_of(x={"anyOf": [drops, means]})) is None


def form_of(schema: dict[str, Any]) -> Form:
    return output_form(OutputSpec(name="answer", schema=schema, load=lambda value: value))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ({"type": "integer"}, 3),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"type": "array", "items": {"$ref": "#"}}, [[], [[]]]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
    ],
)
def test_an_answer_that_is_no_object_is_asked_for_under_a_name_and_read_without(schema, value):
    form = form_of(schema)
    assert form.schema["type"] == "object"
    said = value if not form.wrapped else {"value": value}
    assert holds(form.schema, said)
    rewriter = form.rewriter()
    text = json.dumps(said)
    assert json.loads(text if rewriter is None else rewriter.feed(text) + rewriter.end()) == value


def test_a_recursive_type_is_the_root_itself():
    """A root that is a reference is asked for as what it names, not under a name."""
    node = schema_of(next={"$ref": "#/$defs/N", "optional": True})
    form = form_of({"$ref": "#/$defs/N", "$defs": {"N": node}})
    assert (form.strict, form.wrapped) == (True, False)
    check_rules(form.schema)
    assert form.undo.value({"next": {"next": None}}) == {"next": {}}


def test_references_to_the_root_follow_it_under_its_name():
    schema = {"type": "array", "items": {"$ref": "#"}}
    assert holds(wrapped(schema), {"value": [[], [[]]]})
    assert not holds(wrapped(schema), {"value": [1]})
