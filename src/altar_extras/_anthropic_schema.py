"""The schemas that Claude holds itself to: JSON Schema cut down to what it compiles, or not at all.

Its grammar knows types, enums, references, anyOf and closed objects. Bounds
and patterns are said in the description instead; they are checked locally
either way. A schema that means something else without a keyword (an open
map, a tuple, a recursion) is not cut down: it stays as it is, non-strict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.adm import FunctionDeclaration

__all__ = ["Allowance", "Compiled", "compile_schema", "render_tools"]

# per request, over all strict tools and the answer's schema
_TOOLS, _OPTIONAL, _UNIONS = 20, 24, 16

_FORMATS = frozenset(
    {
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    }
)
# what says nothing of the values
_SILENT = frozenset({"$schema", "$id", "$comment", "$defs", "readOnly", "writeOnly", "deprecated"})
# what cannot be left out without meaning another thing
_NEEDED = frozenset(
    {
        "prefixItems",
        "patternProperties",
        "propertyNames",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "contains",
        "unevaluatedItems",
        "unevaluatedProperties",
        "$dynamicRef",
        "$anchor",
        "definitions",
    }
)
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "string": ("format", "minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "boolean": (),
    "null": (),
}
# what gives a value its shape, and what is only said of it
_SHAPES = frozenset({"properties", "required", "additionalProperties", "items"})
_WORDS = frozenset({"title", "description", "default", "examples", "$comment", "deprecated"})
_REF = "#/$defs/"


class _UnfitError(Exception):
    """The schema cannot be held strictly."""


class Compiled:
    """A strict schema, and what it takes of the allowance of a request."""

    __slots__ = ("optional", "schema", "unions")

    def __init__(self, schema: dict[str, Any], optional: int, unions: int) -> None:
        self.schema = schema
        self.optional = optional
        self.unions = unions


class Allowance:
    """What one request may hold of strict schemas; whoever comes first is served first."""

    __slots__ = ("_optional", "_tools", "_unions")

    def __init__(self) -> None:
        self._tools, self._optional, self._unions = _TOOLS, _OPTIONAL, _UNIONS

    def take(self, compiled: Compiled, *, tools: int = 1) -> bool:
        """Whether there is room for ``compiled``; the room is taken then."""
        left = self._tools - tools, self._optional - compiled.optional
        unions = self._unions - compiled.unions
        if min(*left, unions) < 0:
            return False
        self._tools, self._optional = left
        self._unions = unions
        return True


def render_tools(
    declarations: Sequence[FunctionDeclaration], allowance: Allowance | None
) -> list[dict[str, Any]]:
    """The declarations as the API takes them: the same for the same declarations, in any round.

    A tool is strict where its schema allows it and ``allowance`` (None: no
    tool is strict) has room for it.
    """
    return [_render(declaration, allowance) for declaration in declarations]


def _render(declaration: FunctionDeclaration, allowance: Allowance | None) -> dict[str, Any]:
    doc = declaration.to_dict(dialect="json-schema")
    tool = {"name": doc["name"], "description": doc["description"]}
    schema = doc.get("parameters") or {"type": "object", "properties": {}}
    if allowance is not None:
        compiled = compile_schema(schema)
        if compiled is not None and allowance.take(compiled):
            return {**tool, "input_schema": compiled.schema, "strict": True}
    return {**tool, "input_schema": schema}


def compile_schema(schema: Mapping[str, Any]) -> Compiled | None:
    """``schema`` as Claude can be held to it, or None when it cannot."""
    compiler = _Compiler(schema)
    try:
        done = compiler.compile(schema)
    except (_UnfitError, RecursionError):
        return None
    if compiler.defs:
        done["$defs"] = compiler.defs
    return Compiled(done, compiler.optional, compiler.unions)


class _Compiler:
    """One schema on its way; counts what is optional and what has alternatives."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.defs: dict[str, Any] = {}
        self.optional = 0
        self.unions = 0
        self._given: Mapping[str, Any] = root.get("$defs") or {}
        self._open: list[str] = []

    def compile(self, schema: object) -> dict[str, Any]:
        if not isinstance(schema, Mapping) or _NEEDED.intersection(schema):
            raise _UnfitError
        if "$ref" in schema:
            return self._follow(schema)
        if "enum" in schema or "const" in schema:
            return _described(_values(schema), schema, {"enum", "const", "type"})
        if "anyOf" in schema or "oneOf" in schema:
            return self._choices(schema)
        kind = schema.get("type")
        if isinstance(kind, (list, tuple)):
            return self._split(schema, list(kind))
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        if kind not in _OF_TYPE:
            raise _UnfitError  # anything goes: there is nothing to hold to
        if kind == "string" and schema.get("format") in _FORMATS:
            made = {"type": kind, "format": schema["format"]}
            return _described(made, schema, {"type", "format"})
        return _described({"type": kind}, schema, {"type"})

    def _choices(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices or _SHAPES.intersection(schema) or {"anyOf", "oneOf"}.issubset(schema):
            raise _UnfitError  # both must hold, and a closed choice would shut the other out
        self.unions += 1
        made = {"anyOf": [self.compile(choice) for choice in choices]}
        return _described(made, schema, {"anyOf", "oneOf", "type"})

    def _follow(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A reference; with words of its own beside it, its target is written out here."""
        name = str(schema["$ref"]).removeprefix(_REF)
        target = self._given.get(name)
        if name in self._open or not isinstance(target, Mapping):
            raise _UnfitError  # it contains itself, or is elsewhere
        beside = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
        if not _WORDS.issuperset(beside):
            raise _UnfitError  # what is said twice must hold twice
        if not beside and name in self.defs:
            return {"$ref": _REF + name}
        self._open.append(name)
        made = self.compile({**target, **beside})
        self._open.pop()
        if beside:
            return made
        self.defs[name] = made
        return {"$ref": _REF + name}

    def _split(self, schema: Mapping[str, Any], kinds: list[Any]) -> dict[str, Any]:
        """Several types are alternatives, each with the keywords that are about it."""
        own = {key for kind in kinds for key in _OF_TYPE.get(kind, ())}
        if len(kinds) > 1:
            self.unions += 1
        choices = []
        for kind in kinds:
            about = {key: schema[key] for key in _OF_TYPE.get(kind, ()) if key in schema}
            choices.append(self.compile({"type": kind, **about}))
        return _described({"anyOf": choices}, schema, {"type", *own})

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties")
        closed = schema.get("additionalProperties") is False
        if not isinstance(properties, Mapping) and not closed:
            raise _UnfitError  # a map: closed, it would hold nothing
        if schema.get("additionalProperties", False) is not False:
            raise _UnfitError
        required = list(schema.get("required", ()))
        if not set(required).issubset(properties or {}):
            raise _UnfitError  # closed, it could not hold what it must
        made = {name: self.compile(value) for name, value in (properties or {}).items()}
        self.optional += len(made) - len(required)
        body = {
            "type": "object",
            "properties": made,
            "required": required,
            "additionalProperties": False,
        }
        return _described(body, schema, {"type", "properties", "required", "additionalProperties"})

    def _array(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        body = {"type": "array", "items": self.compile(schema.get("items"))}
        said = {"type", "items"}
        if schema.get("minItems") in (0, 1):
            body["minItems"] = schema["minItems"]
            said.add("minItems")
        return _described(body, schema, said)


def _values(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An enum or const of plain values; the types are in the values."""
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    if not all(value is None or isinstance(value, (str, int, float)) for value in values):
        raise _UnfitError
    return {"enum": list(values)} if "enum" in schema else {"const": values[0]}


def _described(made: dict[str, Any], schema: Mapping[str, Any], said: set[str]) -> dict[str, Any]:
    """``made`` with title and description, which tells the keywords that are not ``said``."""
    if "title" in schema:
        made["title"] = schema["title"]
    told = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in schema.items()
        if key not in said
        and key not in _SILENT
        and key not in ("title", "description")
        and not (key == "default" and value is None)
    ]
    words = [schema["description"]] if schema.get("description") else []
    if told:
        words.append(f"({', '.join(told)})")
    if words:
        made["description"] = " ".join(words)
    return made
