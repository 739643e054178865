"""The vocabulary of JSON Schema 2020-12: what each keyword holds."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

__all__ = ["KEYWORDS", "MAX_DEPTH", "TYPES", "Holds", "is_extension", "subschemas"]

MAX_DEPTH = 128
"""The deepest nesting, in JSON levels, a schema document may have."""

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


class Holds(Enum):
    """The kind of value a keyword takes; the text says it to a person."""

    SCHEMA = "a schema (an object or a boolean)"
    SCHEMAS = "a non-empty array of schemas"
    SCHEMA_MAP = "an object of schemas"
    STRING = "a string"
    URI = "a URI reference"
    BASE_URI = "a URI reference without a fragment"
    ANCHOR = "a plain name: a letter or '_', then letters, digits, '.', '-' or '_'"
    PATTERN = "a regular expression"
    BOOLEAN = "a boolean"
    NUMBER = "a number"
    POSITIVE = "a number above 0"
    COUNT = "an integer of 0 or more"
    NAMES = "an array of different strings"
    NAMES_MAP = "an object of arrays of different strings"
    FLAGS = "an object of booleans"
    TYPE = "a type name or an array of different type names"
    ARRAY = "an array"
    ANY = "any value"


KEYWORDS: dict[str, Holds] = {
    # core
    "$schema": Holds.URI,
    "$id": Holds.BASE_URI,
    "$ref": Holds.URI,
    "$dynamicRef": Holds.URI,
    "$anchor": Holds.ANCHOR,
    "$dynamicAnchor": Holds.ANCHOR,
    "$vocabulary": Holds.FLAGS,
    "$comment": Holds.STRING,
    "$defs": Holds.SCHEMA_MAP,
    "definitions": Holds.SCHEMA_MAP,  # the older name of $defs, still in the metaschema
    # applicators
    "allOf": Holds.SCHEMAS,
    "anyOf": Holds.SCHEMAS,
    "oneOf": Holds.SCHEMAS,
    "not": Holds.SCHEMA,
    "if": Holds.SCHEMA,
    "then": Holds.SCHEMA,
    "else": Holds.SCHEMA,
    "dependentSchemas": Holds.SCHEMA_MAP,
    "prefixItems": Holds.SCHEMAS,
    "items": Holds.SCHEMA,
    "contains": Holds.SCHEMA,
    "properties": Holds.SCHEMA_MAP,
    "patternProperties": Holds.SCHEMA_MAP,
    "additionalProperties": Holds.SCHEMA,
    "propertyNames": Holds.SCHEMA,
    "unevaluatedItems": Holds.SCHEMA,
    "unevaluatedProperties": Holds.SCHEMA,
    # validation
    "type": Holds.TYPE,
    "enum": Holds.ARRAY,
    "const": Holds.ANY,
    "multipleOf": Holds.POSITIVE,
    "maximum": Holds.NUMBER,
    "exclusiveMaximum": Holds.NUMBER,
    "minimum": Holds.NUMBER,
    "exclusiveMinimum": Holds.NUMBER,
    "maxLength": Holds.COUNT,
    "minLength": Holds.COUNT,
    "pattern": Holds.PATTERN,
    "maxItems": Holds.COUNT,
    "minItems": Holds.COUNT,
    "uniqueItems": Holds.BOOLEAN,
    "maxContains": Holds.COUNT,
    "minContains": Holds.COUNT,
    "maxProperties": Holds.COUNT,
    "minProperties": Holds.COUNT,
    "required": Holds.NAMES,
    "dependentRequired": Holds.NAMES_MAP,
    # annotations
    "title": Holds.STRING,
    "description": Holds.STRING,
    "default": Holds.ANY,
    "deprecated": Holds.BOOLEAN,
    "readOnly": Holds.BOOLEAN,
    "writeOnly": Holds.BOOLEAN,
    "examples": Holds.ARRAY,
    "format": Holds.STRING,
    "contentEncoding": Holds.STRING,
    "contentMediaType": Holds.STRING,
    "contentSchema": Holds.SCHEMA,
}


def is_extension(keyword: str) -> bool:
    """True for a keyword that says by its prefix that it is somebody's own."""
    return keyword.startswith(("x_", "x-", "vendor_"))


def subschemas(document: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas directly inside a schema, each with the steps that lead to it."""
    if not isinstance(document, dict):
        return
    for keyword, value in document.items():
        holds = KEYWORDS.get(keyword)
        if holds is Holds.SCHEMA:
            yield (keyword,), value
        elif holds is Holds.SCHEMAS and isinstance(value, list):
            for index, item in enumerate(value):
                yield (keyword, index), item
        elif holds is Holds.SCHEMA_MAP and isinstance(value, dict):
            for name, item in value.items():
                yield (keyword, name), item
