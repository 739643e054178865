"""Foreign function documents read as declarations, with a list of what had to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm._declaration import FunctionDeclaration
from altar.adm._fields import Fields
from altar.adm._json import json_problems
from altar.adm._names import is_name, legal_name
from altar.adm._problem import json_path
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    Note = Callable[[tuple[str | int, ...], Any, Any, str], None]

__all__ = ["Adopted", "Adoption", "adopt"]

_JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
# words of other languages, lower-cased; "" means: anything goes
_WORDS = {
    **{name: name for name in _JSON_TYPES},
    **dict.fromkeys(("str", "text", "char", "varchar", "charsequence"), "string"),
    **dict.fromkeys(("float", "double", "decimal", "real", "num", "bigdecimal"), "number"),
    **dict.fromkeys(("float32", "float64"), "number"),
    **dict.fromkeys(("int", "long", "short", "byte", "bigint", "biginteger"), "integer"),
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint32", "uint64"), "integer"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("list", "tuple", "set", "frozenset", "sequence", "iterable"), "array"),
    **dict.fromkeys(("arraylist", "linkedlist", "vector", "queue", "stack", "deque"), "array"),
    **dict.fromkeys(("dict", "dictionary", "map", "mapping", "hashmap", "hashtable"), "object"),
    **dict.fromkeys(("struct", "record", "treemap"), "object"),
    **dict.fromkeys(("none", "nonetype", "nil"), "null"),
    **dict.fromkeys(("any", ""), ""),
}
_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_PARAMETER_FIELDS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")


class Adoption(NamedTuple):
    """One change that made a foreign document a declaration."""

    path: str
    before: Any
    after: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} -> {self.after!r} ({self.reason})"


class Adopted(NamedTuple):
    """A declaration and the changes it took; without any the document was one already."""

    declaration: FunctionDeclaration
    changes: tuple[Adoption, ...]


def adopt(doc: dict[str, Any], *, taken: Container[str] = ()) -> Adopted:
    """Read a function document as others write it.

    An illegal name becomes the nearest legal one not ``taken``; type words
    of other languages ("dict", "float", "tuple", "any", "String") become
    JSON Schema's; an empty description becomes the name in words;
    ``input_schema`` and ``inputSchema`` count as parameters, ``response`` as
    the result's schema, and ``{"type": "function", "function": {...}}`` as
    what it wraps. Every change is listed.

    Raises InvalidDataError where no reading makes it a declaration.
    """
    fields = Fields("function document", doc)
    if isinstance(fields.doc.get("function"), dict) and "name" not in fields.doc:
        fields = Fields("function document", fields.doc["function"], path=("function",))
    fields.problems += json_problems(fields.doc, path=fields.path, any_integer=True)
    fields.done()
    changes: list[Adoption] = []

    def note(path: tuple[str | int, ...], before: Any, after: Any, reason: str) -> None:
        changes.append(Adoption(json_path([*fields.path, *path]), before, after, reason))

    name = _adopt_name(fields.doc.get("name"), taken, note)
    extensions = fields.extensions() or {}
    response = fields.doc.get("response")
    if isinstance(response, dict) and "x_returns" not in extensions:
        extensions["x_returns"] = _adopt_schema(response, ("response",), note)
        note(("response",), "response", "x_returns", "the result's schema")
    try:
        declaration = FunctionDeclaration(
            name=name,
            description=_adopt_description(fields.doc.get("description"), name, note),
            parameters=_adopt_parameters(fields.doc, note),
            extensions=extensions or None,
        )
    except InvalidDataError as error:
        raise InvalidDataError("function document", error.problems) from None
    return Adopted(declaration, tuple(changes))


def _adopt_name(name: Any, taken: Container[str], note: Note) -> str:
    if not isinstance(name, str) or not name.strip():
        return name if isinstance(name, str) else ""
    if is_name(name) and name not in taken:
        return name
    legal = legal_name(name, taken)
    note(("name",), name, legal, "taken" if is_name(name) else "not a legal function name")
    return legal


def _adopt_description(description: Any, name: str, note: Note) -> str:
    if isinstance(description, str) and description.strip():
        return description
    words = name.replace("_", " ").strip().capitalize() or "No description"
    note(("description",), description, words, "no description: the name in words")
    return words


def _adopt_parameters(doc: dict[str, Any], note: Note) -> Any:
    field = next((name for name in _PARAMETER_FIELDS if doc.get(name) is not None), None)
    if field is None:
        return None
    if field != "parameters":
        note((field,), field, "parameters", "the parameters' schema")
    return _adopt_schema(doc[field], (field,), note)


def _adopt_schema(schema: Any, path: tuple[str | int, ...], note: Note) -> Any:
    if not isinstance(schema, dict):
        return schema
    out = {
        keyword: _adopt_inner(keyword, value, (*path, keyword), note)
        for keyword, value in schema.items()
    }
    if "type" in out:
        out["type"] = _adopt_type(out["type"], (*path, "type"), note)
        if not out["type"]:
            del out["type"]
    if isinstance(out.get("items"), list):  # the tuple form of older drafts
        out["prefixItems"] = out.pop("items")
        note((*path, "items"), "items", "prefixItems", "a list of schemas, one per place")
    if isinstance(out.get("required"), bool):
        note((*path, "required"), out.pop("required"), None, "required is a list of names")
    return out


def _adopt_inner(keyword: str, value: Any, path: tuple[str | int, ...], note: Note) -> Any:
    """The value of a keyword, with the schemas inside it adopted."""
    if keyword in _ONE and not isinstance(value, list):
        return _adopt_schema(value, path, note)
    if keyword in {*_SEVERAL, "items"} and isinstance(value, list):
        return [_adopt_schema(one, (*path, at), note) for at, one in enumerate(value)]
    if keyword in _NAMED and isinstance(value, dict):
        return {name: _adopt_schema(one, (*path, name), note) for name, one in value.items()}
    return value


def _adopt_type(kind: Any, path: tuple[str | int, ...], note: Note) -> Any:
    if isinstance(kind, list):
        names = [_adopt_type(one, (*path, at), note) for at, one in enumerate(kind)]
        return list(dict.fromkeys(names)) if all(names) else ""
    if not isinstance(kind, str):
        return kind
    word = _WORDS.get(kind.lower())
    if word is None:
        note(path, kind, None, "an unknown type: any value is accepted")
        return ""
    if word == "":
        note(path, kind, None, "any value is accepted")
    elif word not in {kind, kind.lower() if kind.isupper() else kind}:
        note(path, kind, word, "the JSON Schema type")
    return word
