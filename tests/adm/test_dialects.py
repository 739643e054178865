"""The dialects of a schema: lossless ones read back, the strict one keeps its rules and says more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from altar.adm._rendered import Loss
from altar.adm._schema import Schema
from altar.errors import ConfigurationError
from tests.strategies.schemas import documents, values_for

KINDS = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
ALLOWED = {"type", "description", "properties", "required", "items", "enum"}

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def broken_rules(document: Any, path: str = "$") -> Iterator[str]:
    """Every way in which a document breaks the rules of ADM 1.0; written apart from the writer."""
    if not isinstance(document, dict):
        yield f"{path}: not an object"
        return
    if extra := set(document) - ALLOWED:
        yield f"{path}: {sorted(extra)}"
    kind = document.get("type")
    if kind not in KINDS:
        yield f"{path}: type {kind!r}"
    if "description" in document and not str(document["description"]).strip():
        yield f"{path}: a blank description"
    if (kind == "OBJECT") != ("properties" in document):
        yield f"{path}: properties go with OBJECT"
    if (kind == "ARRAY") != ("items" in document):
        yield f"{path}: items go with ARRAY"
    properties = document.get("properties", {})
    required = document.get("required", [])
    if len(set(required)) < len(required) or not set(required) <= set(properties):
        yield f"{path}: required {required!r}"
    if "enum" in document:
        values = document["enum"]
        texts = all(isinstance(value, str) for value in values)
        if kind != "STRING" or not values or not texts or len(set(values)) < len(values):
            yield f"{path}: enum {values!r}"
    for name, inner in properties.items():
        yield from broken_rules(inner, f"{path}.{name}")
    if "items" in document:
        yield from broken_rules(document["items"], f"{path}[]")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    document = draw(documents())
    return document, draw(st.lists(values_for(document), min_size=1, max_size=4))


@st.composite
def plain_documents(draw: st.DrawFn, depth: int = 2) -> Any:
    """Documents near to what ADM 1.0 can say, so that often nothing is lost."""
    kind = draw(st.sampled_from(["string", "integer", "boolean", "object", "array", "choice"]))
    if kind == "object" and depth:
        names = draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True))
        inner = {name: draw(plain_documents(depth - 1)) for name in names}
        some = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        return {"type": "object", "properties": inner, "required": some}
    if kind == "array" and depth:
        return {"type": "array", "items": draw(plain_documents(depth - 1))}
    if kind == "choice":
        texts = st.lists(st.sampled_from(["a", "b", "c", 1, None]), min_size=1, max_size=3)
        values = draw(texts)
        return draw(
            st.sampled_from(
                [
                    {"enum": values},
                    {"type": "string", "enum": values},
                    {"type": ["string", "null"], "enum": values},
                    {"const": values[0]},
                    {"anyOf": [{"const": value} for value in values]},
                    {"oneOf": [{"type": "string", "enum": ["a"]}, {"const": "b"}]},
                    {"allOf": [{"type": "string"}, {"enum": values}]},
                    {"type": ["integer", "number"]},
                ]
            )
        )
    return {"type": kind if kind in ("string", "integer", "boolean") else "number"}


@slow
@given(documents())
def test_the_adm_dialect_reads_back_equal(document: Any) -> None:
    """Schema -> ADM -> Schema is the identity, and nothing is lost on the way."""
    schema = Schema.from_dict(document)
    rendered = schema.render("adm")
    note(str(rendered))
    assert Schema.from_dict(rendered.document) == schema
    assert rendered.losses == ()


@slow
@given(documents())
def test_the_json_schema_dialect_is_valid_and_reads_back_equal(document: Any) -> None:
    """Every emitted JSON Schema satisfies the 2020-12 metaschema and is the same schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="the metaschema needs jsonschema")
    schema = Schema.from_dict(document)
    rendered = schema.render("json-schema")
    jsonschema.Draft202012Validator.check_schema(rendered.document)
    assert Schema.from_dict(rendered.document) == schema
    assert rendered.losses == ()


@slow
@given(cases())
def test_adm_1_0_keeps_its_rules_and_its_losses_are_honest(case: tuple[Any, list[Any]]) -> None:
    """Every ADM 1.0 document follows the rules; where nothing is lost it means the same."""
    document, values = case
    schema = Schema.from_dict(document)
    rendered = schema.render("adm-1.0")
    note(str(rendered))
    assert list(broken_rules(rendered.document)) == []
    if not rendered.losses:
        narrow = Schema.from_dict(rendered.document)
        for value in values:
            assert narrow.checker().ok(value) is schema.checker().ok(value)


@slow
@given(st.data())
def test_no_loss_means_the_same_values(data: st.DataObject) -> None:
    """Schemas close to ADM 1.0 accept the same values there whenever no loss is told."""
    document = data.draw(plain_documents())
    schema = Schema.from_dict(document)
    rendered = schema.render("adm-1.0")
    assert list(broken_rules(rendered.document)) == []
    if not rendered.losses:
        narrow = Schema.from_dict(rendered.document)
        for value in data.draw(st.lists(values_for(document), min_size=1, max_size=5)):
            note(f"{document} -> {rendered.document} on {value!r}")
            assert narrow.checker().ok(value) is schema.checker().ok(value)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": ["integer", "number"]}, {"type": "NUMBER"}),
        ({"enum": ["a", "b"]}, {"type": "STRING", "enum": ["a", "b"]}),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"anyOf": [{"const": "a"}, {"enum": ["b", "a"]}]}, {"type": "STRING", "enum": ["a", "b"]}),
        ({"type": ["string", "null"], "enum": ["a"]}, {"type": "STRING", "enum": ["a"]}),
        ({"type": "string", "enum": ["a", 1]}, {"type": "STRING", "enum": ["a"]}),
        ({"allOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "INTEGER"}),
        (
            {"allOf": [{"type": ["string", "number"]}, {"type": ["integer", "boolean"]}]},
            {"type": "INTEGER"},
        ),
        (
            {"allOf": [{"enum": ["a", "b", "c"]}, {"enum": ["b", "c", "d"]}]},
            {"type": "STRING", "enum": ["b", "c"]},
        ),
        (
            {"type": "array", "items": {"type": "number"}, "allOf": [
                {"items": {"type": ["integer", "string"]}}, {"items": True}]},
            {"type": "ARRAY", "items": {"type": "INTEGER"}},
        ),
        (
            {"type": "object", "properties": {"a": {}}, "allOf": [
                {"properties": {"a": {"type": "string"}}}, {"additionalProperties": True}]},
            {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
        ),
        (
            {"$ref": "#/$defs/P", "$defs": {"P": {"type": "object", "required": []}}},
            {"type": "OBJECT", "properties": {}},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "boolean"}}, "allOf": [
                {"properties": {"b": {"type": "number"}}, "required": ["a", "b"]}]},
            {"type": "OBJECT", "properties": {"a": {"type": "BOOLEAN"}, "b": {"type": "NUMBER"}},
             "required": ["a", "b"]},
        ),
    ],
)  # fmt: skip
def test_what_adm_1_0_can_say_is_said_without_loss(document: Any, expected: Any) -> None:
    """References, constants, unions of texts and merged objects find their place."""
    rendered = Schema.from_dict(document).render("adm-1.0")
    assert rendered.document == expected
    assert rendered.losses == ()


@pytest.mark.parametrize(
    ("document", "losses"),
    [
        (True, ["$ type"]),
        (False, ["$ false", "$ type"]),
        ({"type": "string", "format": "date", "x_id": 1}, ["$ format", "$ x_id"]),
        ({"type": "string", "made-up": 1}, ["$ made-up"]),
        ({"type": "string", "description": " "}, ["$ description"]),
        ({"type": "null"}, ["$ nullable"]),
        ({"type": ["string", "integer", "null"]}, ["$ nullable", "$ type"]),
        ({"enum": []}, ["$ type", "$ enum"]),
        ({"type": "integer", "enum": [1]}, ["$ enum"]),
        ({"type": "array", "items": False}, ["$.items false"]),
        ({"type": "array"}, ["$.items type"]),
        ({"type": "string", "items": True}, ["$ items"]),
        ({"type": "object", "required": ["a"]}, ["$ required"]),
        ({"type": "object", "properties": {"a": False}}, ["$.properties.a false"]),
        ({"type": "object", "additionalProperties": False}, ["$ additionalProperties"]),
        ({"anyOf": [{"type": "null"}]}, ["$ nullable", "$ nullable"]),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ["$ anyOf"]),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, ["$ type"]),
        ({"allOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, ["$ enum"]),
        ({"type": "string", "$ref": "http://elsewhere"}, ["$ $ref"]),
        ({"$dynamicRef": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, ["$ $dynamicRef"]),
        ({"allOf": [{"anyOf": [{"type": "integer"}]}, {"type": "string"}]}, ["$ type"]),
        ({"oneOf": [{"const": "a"}, {"enum": ["a", "b"]}]}, ["$ oneOf"]),
        ({"anyOf": [{"const": "a"}, {"const": 1}]}, ["$ anyOf"]),
        ({"anyOf": [{"const": "a"}, {"enum": ["a"], "type": "integer"}]}, ["$ anyOf"]),
        ({"anyOf": [{"enum": []}, {"const": "a"}]}, ["$ anyOf", "$ type", "$ enum"]),
        ({"anyOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, ["$ anyOf", "$ title"]),
        (
            {
                "type": "string",
                "description": "outer",
                "$ref": "#/$defs/a",
                "$defs": {"a": {"description": "inner"}},
            },
            ["$ description"],
        ),
        (
            {"type": "object", "properties": {"kid": {"$ref": "#"}}},
            ["$.properties.kid.properties.kid $ref"],
        ),
    ],
)
def test_every_drop_is_told(document: Any, losses: list[str]) -> None:
    """Whatever ADM 1.0 cannot say is listed with the place where it stood."""
    rendered = Schema.from_dict(document).render("adm-1.0")
    assert [f"{loss.path} {loss.keyword}" for loss in rendered.losses] == losses
    assert all(loss.reason and str(loss) for loss in rendered.losses)
    assert list(broken_rules(rendered.document)) == []


def test_writing_out_references_stays_small() -> None:
    """References that double at each step are written out up to a bound, and told."""
    names = [f"d{level}" for level in range(40)]
    definitions: dict[str, Any] = {"d40": {"type": "string"}}
    for name, deeper in zip(names, [*names[1:], "d40"], strict=True):
        twice = {side: {"$ref": f"#/$defs/{deeper}"} for side in ("left", "right")}
        definitions[name] = {"type": "object", "properties": twice}
    rendered = Schema.from_dict({"$ref": "#/$defs/d0", "$defs": definitions}).render("adm-1.0")
    assert len(repr(rendered.document)) < 1_000_000
    assert {loss.keyword for loss in rendered.losses} == {"$ref"}
    assert list(broken_rules(rendered.document)) == []


@pytest.mark.parametrize(
    ("document", "adm"),
    [
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "STRING", "nullable": True, "enum": ["a"]},
        ),
        (
            {"type": ["string", "null"], "enum": [None, "a"]},
            {"type": "STRING", "nullable": True, "enum": [None, "a"]},
        ),
        (
            {"type": ["string", "null"], "enum": ["a"]},
            {"type": ["STRING", "NULL"], "enum": ["a"]},
        ),
        ({"type": ["string", "null"], "const": "a"}, {"type": ["STRING", "NULL"], "const": "a"}),
        ({"type": ["null", "string"]}, {"type": ["NULL", "STRING"]}),
        ({"type": ["string", "integer"]}, {"type": ["STRING", "INTEGER"]}),
        (
            {"properties": {"type": {"type": "string"}}},
            {"properties": {"type": {"type": "STRING"}}},
        ),
        ({"default": {"type": "string"}}, {"default": {"type": "string"}}),
        ({"items": {"type": "null"}, "format": "x"}, {"items": {"type": "NULL"}, "format": "x"}),
        (True, True),
    ],
)
def test_the_adm_dialect_is_upper_case_and_nullable(document: Any, adm: Any) -> None:
    """Types are upper case, null beside one type is ``nullable``; both read back the same."""
    schema = Schema.from_dict(document)
    assert schema.to_dict() == adm
    assert Schema.from_dict(adm) == schema


def test_unknown_keywords_are_kept_and_told() -> None:
    """A keyword nobody knows stays in the lossless dialects, with a Loss beside it."""
    document = {"type": "object", "properties": {"a b": {"minimun": 1}}, "x_own": 1, "x-own": 2}
    schema = Schema.from_dict(document)
    (loss,) = schema.unknown_keywords()
    assert isinstance(loss, Loss)
    assert (loss.path, loss.keyword) == ("$.properties['a b']", "minimun")
    for dialect in ("adm", "json-schema"):
        assert schema.render(dialect).losses == (loss,)
        assert schema.to_dict(dialect)["properties"]["a b"] == {"minimun": 1}
    assert Schema.from_dict(schema.to_dict()) == schema


def test_a_rendered_document_is_the_callers_own() -> None:
    """Changing what was rendered changes no schema."""
    schema = Schema.from_dict({"enum": [[1]], "properties": {"a": {"default": {}}}})
    for dialect in ("adm", "adm-1.0", "json-schema"):
        before = repr(schema.document)
        document = schema.to_dict(dialect)
        document.setdefault("enum", []).append(2)
        document.setdefault("properties", {}).clear()
        assert repr(schema.document) == before


def test_an_unknown_dialect_is_answered_with_the_known_ones() -> None:
    """A wrong dialect name raises, and the message says what to type."""
    with pytest.raises(ConfigurationError, match="'adm', 'adm-1.0', 'json-schema'"):
        Schema(type="string").render("openai")
