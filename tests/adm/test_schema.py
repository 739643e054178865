"""Schema: built, read, viewed, compared."""

from __future__ import annotations

import copy
import math
import pickle
from types import MappingProxyType
from typing import Any

import pytest

from altar.adm._schema import Schema
from altar.adm._schema_type import SchemaType
from altar.errors import InvalidDataError


def problems_of(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDataError) as caught:
        Schema.from_dict(document)
    return [(problem.path, problem.keyword) for problem in caught.value.problems]


def nested(levels: int, make: Any) -> Any:
    value: Any = True
    for _ in range(levels):
        value = make(value)
    return value


def test_parts_make_a_document() -> None:
    """A schema built from its parts is the JSON Schema document they spell."""
    schema = Schema(
        type="OBJECT",
        description="A place.",
        properties={"city": Schema(type=SchemaType.STRING), "tags": {"type": "array"}},
        required=("city",),
        extra={"additionalProperties": False, "x_owner": "maps"},
    )
    assert schema.document == {
        "type": "object",
        "description": "A place.",
        "properties": {"city": {"type": "string"}, "tags": {"type": "array"}},
        "required": ["city"],
        "additionalProperties": False,
        "x_owner": "maps",
    }
    assert Schema(type=("string", "null"), enum=["a", None]).nullable
    assert Schema(items=True).items == Schema.from_dict(True)


def test_a_part_given_twice_is_refused() -> None:
    """``extra`` cannot say again what a parameter says."""
    with pytest.raises(InvalidDataError, match="the keyword once"):
        Schema(type="string", extra={"type": "integer"})


def test_wrong_parts_are_refused_all_at_once() -> None:
    """Construction lists every problem with its path."""
    with pytest.raises(InvalidDataError) as caught:
        Schema(type="strin", required="city", items=3, enum="ab", extra={"minLength": -1})
    assert [(problem.path, problem.nearest) for problem in caught.value.problems] == [
        ("$.type", "string"),
        ("$.required", None),
        ("$.items", None),
        ("$.enum", None),
        ("$.minLength", None),
    ]


@pytest.mark.parametrize(
    ("source", "document"),
    [
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "Object"}, {"type": "object"}),
        ({"type": ["STRING", "Null"]}, {"type": ["string", "null"]}),
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "nullable": False}, {"type": "string"}),
        ({"type": "null", "nullable": True}, {"type": "null"}),
        ({"type": ["string", "null"], "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["string", "integer"], "nullable": True},
         {"type": ["string", "integer", "null"]}),
        ({"enum": ["a"], "type": "string", "nullable": True},
         {"enum": ["a", None], "type": ["string", "null"]}),
        ({"enum": ["a", None], "nullable": True}, {"enum": ["a", None]}),
        ({"nullable": True}, {}),
        ({"anyOf": [{"type": "STRING"}], "nullable": True, "description": "d"},
         {"description": "d", "anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"anyOf": [{"type": "null"}], "nullable": True}, {"anyOf": [{"type": "null"}]}),
        ({"type": "string", "const": "a", "nullable": True},
         {"anyOf": [{"type": "string", "const": "a"}, {"type": "null"}]}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"TYPE": 1}}}, None),
        ({"properties": {"type": {"type": "STRING"}}, "default": {"type": "STRING"}},
         {"properties": {"type": {"type": "string"}}, "default": {"type": "STRING"}}),
        (MappingProxyType({"enum": (1, 2)}), {"enum": [1, 2]}),
        (True, True),
        (False, False),
        (Schema(type="string"), {"type": "string"}),
        ({"items": Schema(type="string")}, {"items": {"type": "string"}}),
    ],
)  # fmt: skip
def test_reading_is_tolerant(source: Any, document: Any) -> None:
    """Types in any case, nullable, mappings, tuples and booleans are understood."""
    assert Schema.from_dict(source).document == (source if document is None else document)


def test_reading_names_every_problem() -> None:
    """All that is wrong with a document is told at once, each with path and keyword."""
    assert problems_of(
        {
            "type": ["dict", "dict"],
            "nullable": "yes",
            "required": ["a", "a"],
            "minimum": True,
            "multipleOf": 0,
            "maxLength": 1.5,
            "pattern": "(",
            "uniqueItems": 1,
            "format": 1,
            "$anchor": "1a",
            "$id": "a#b",
            "$vocabulary": {"a": 1},
            "allOf": [],
            "anyOf": [{"type": "x"}, 7],
            "not": None,
            "properties": [],
            "patternProperties": {"[": True},
            "dependentRequired": {"a": "b"},
            "default": {"a": [math.nan]},
            "const": {1},
        }
    ) == [
        ("$.type[0]", "type"),
        ("$.type[1]", "type"),
        ("$.type", "type"),
        ("$.nullable", "nullable"),
        ("$.required", "required"),
        ("$.minimum", "minimum"),
        ("$.multipleOf", "multipleOf"),
        ("$.maxLength", "maxLength"),
        ("$.pattern", "pattern"),
        ("$.uniqueItems", "uniqueItems"),
        ("$.format", "format"),
        ("$['$anchor']", "$anchor"),
        ("$['$id']", "$id"),
        ("$['$vocabulary']", "$vocabulary"),
        ("$.allOf", "allOf"),
        ("$.anyOf[0].type", "type"),
        ("$.anyOf[1]", "schema"),
        ("$.not", "schema"),
        ("$.properties", "properties"),
        ("$.patternProperties['[']", "pattern"),
        ("$.dependentRequired", "dependentRequired"),
        ("$.default.a[0]", "json"),
        ("$.const", "json"),
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (7, "$"),
        ({1: 2}, "$"),
        ({"properties": {1: {}}}, "$.properties"),
        ({"default": {1: 2}}, "$.default"),
        ({"description": "\ud800"}, "$.description"),
        ({"x_\ud800": 1}, "$"),
        ({"enum": [math.inf]}, "$.enum[0]"),
        ({"$ref": "#/$defs/a"}, "$['$ref']"),
        ({"$ref": "#a"}, "$['$ref']"),
        ({"$defs": {"a": {"$id": "x", "$ref": "#/nowhere"}}}, "$['$defs'].a['$ref']"),
        ({"$ref": "#/required/0", "required": ["a"]}, "$['$ref']"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(document: Any, path: str) -> None:
    """Each fault alone is found where it stands."""
    assert [found for found, _ in problems_of(document)] == [path]


@pytest.mark.parametrize(
    "document",
    [
        nested(100_000, lambda inner: {"not": inner}),
        nested(100_000, lambda inner: {"items": inner}),
        {"const": nested(100_000, lambda inner: [inner])},
        {"default": nested(100_000, lambda inner: {"a": inner})},
        {"x_own": nested(100_000, lambda inner: [inner])},
    ],
)
def test_a_document_without_end_is_refused_at_its_depth(document: Any) -> None:
    """Depth is bounded, told once, and never a RecursionError."""
    assert [keyword for _, keyword in problems_of(document)].count("depth") == 1


@pytest.mark.parametrize("levels", [40, 100_000])
def test_shared_parts_cannot_spell_an_endless_document(levels: int) -> None:
    """A document that doubles at each level by sharing is refused for its size or depth."""
    document = nested(levels, lambda inner: {"allOf": [inner, inner]})
    assert problems_of(document)[0][1] in ("size", "depth")


def test_the_list_of_problems_is_bounded() -> None:
    """A document with a thousand faults is answered with 64."""
    assert len(problems_of({"enum": [math.nan] * 1000})) == 64


def test_references_to_documents_elsewhere_are_left_alone() -> None:
    """A reference to another document is no fault of this one, but it accepts nothing."""
    schema = Schema.from_dict({"$ref": "http://elsewhere/schema"})
    (problem,) = schema.check(1)
    assert (problem.path, problem.keyword) == ("$", "$ref")
    assert "http://elsewhere/schema" in problem.expected


def test_views() -> None:
    """The ADM's fields are read off the document, whatever dialect it came in."""
    schema = Schema.from_dict(
        {
            "type": "OBJECT",
            "description": "A node.",
            "properties": {"next": {"$ref": "#/$defs/node"}, "any": True},
            "required": ["next"],
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        }
    )
    assert schema.type is SchemaType.OBJECT
    assert (schema.description, schema.required, schema.enum) == ("A node.", ("next",), None)
    assert schema.items is None
    assert list(schema.properties) == ["next", "any"]
    assert schema.properties["any"].document is True
    following = schema.properties["next"]
    assert following.check({"next": {"next": {}}}) == ()
    assert [problem.path for problem in following.check({"next": {"next": 1}})] == ["$.next.next"]


@pytest.mark.parametrize(
    ("document", "kind", "nullable"),
    [
        ({"type": "string"}, SchemaType.STRING, False),
        ({"type": ["string", "null"]}, SchemaType.STRING, True),
        ({"type": "null"}, SchemaType.NULL, True),
        ({"type": ["null"]}, SchemaType.NULL, True),
        ({"type": ["string", "integer"]}, None, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, True),
        ({"oneOf": [{"type": "string"}]}, None, False),
        ({}, None, False),
        (True, None, False),
    ],
)
def test_type_and_nullable(document: Any, kind: SchemaType | None, nullable: bool) -> None:
    """The one type and whether null passes are told for every way of saying it."""
    schema = Schema.from_dict(document)
    assert (schema.type, schema.nullable) == (kind, nullable)


def test_the_document_is_copied_and_frozen() -> None:
    """Neither the source nor an attribute can change a schema."""
    source: dict[str, Any] = {"enum": ["a"], "properties": {"a": {}}}
    schema = Schema.from_dict(source)
    source["enum"].append("b")
    source["properties"]["a"]["type"] = "string"
    assert schema.enum == ("a",)
    assert schema.properties["a"].document == {}
    with pytest.raises(AttributeError, match="frozen"):
        schema.document = {}  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del schema.document


def test_trusted_takes_the_document_over() -> None:
    """``trusted`` neither copies nor checks."""
    document = {"type": "string"}
    assert Schema.trusted(document).document is document


def test_equality_is_that_of_json() -> None:
    """Order of names and 1 against 1.0 make no difference; True against 1 does."""
    left = Schema.from_dict({"type": "object", "const": {"a": 1, "b": [1.0]}})
    right = Schema.from_dict({"const": {"b": [1], "a": 1.0}, "type": "OBJECT"})
    assert left == right
    assert hash(left) == hash(right)
    assert Schema.from_dict({"const": True}) != Schema.from_dict({"const": 1})
    assert Schema.from_dict(True) != True  # noqa: E712 - a schema is no document
    assert len({left, right}) == 1


def test_copies_and_pickles() -> None:
    """A schema copies to itself and survives pickling."""
    schema = Schema(type="object", properties={"a": {"type": "string"}})
    assert copy.copy(schema) is schema
    assert copy.deepcopy(schema) is schema
    assert pickle.loads(pickle.dumps(schema)) == schema


def test_repr_is_short() -> None:
    """The repr shows the document, shortened."""
    assert repr(Schema(type="string")) == "Schema({'type': 'string'})"
    assert len(repr(Schema(enum=["a" * 1000]))) < 220


def test_the_checker_is_kept() -> None:
    """A schema compiles its checkers once each."""
    schema = Schema(type="string", extra={"format": "date"})
    assert schema.checker() is schema.checker()
    assert schema.checker(strict=True) is schema.checker(strict=True)
    assert schema.check("no date") == ()
    assert [problem.keyword for problem in schema.check("no date", strict=True)] == ["format"]
