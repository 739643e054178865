"""From whatever a caller gives as a schema to one JSON Schema document, and to its root node."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from altar.errors import ConfigurationError
from altar.repair._checks import check_document
from altar.repair._schema_node import Node, Resolver

__all__ = ["as_document", "known_names", "node_of", "wants_string"]

# Types are read by the runtime, floors above this one, so it is found by its name and only
# when a type is given: repair itself works, and is imported, without it.
_TYPES: Final = ("altar.later", "schema_of")
_NO_SCHEMAS: Final = (str, bytes, bytearray, int, float, complex, list, tuple, set, frozenset)
_MANY: Final = 20_000
_NAMED: Final = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTED: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_SINGLE: Final = ("items", "additionalProperties", "then", "else", "if")


def as_document(schema: Any) -> dict[str, Any] | bool | None:
    """The JSON Schema document that ``schema`` stands for; None where there is none.

    Taken are JSON Schema mappings and booleans, what has ``to_dict(dialect=)``
    (an altar Schema, or a FunctionDeclaration for its parameters), classes
    with ``model_json_schema()``, and Python types. Raises ConfigurationError
    for what is no schema, with the path in it, and DeclarationError for a type JSON cannot say.
    """
    if schema is None or isinstance(schema, bool):
        return schema
    if isinstance(schema, Mapping):
        document = _of_parameters(schema)
        if not isinstance(document, bool):
            check_document(document)
        return document
    if isinstance(schema, _NO_SCHEMAS):
        shown = repr(schema) if len(repr(schema)) <= 60 else f"{repr(schema)[:57]}..."
        hint = "; read a JSON text with json.loads first" if isinstance(schema, str) else ""
        raise ConfigurationError(
            f"schema={shown} is no schema: give a JSON Schema as a dict, an altar Schema or "
            f"FunctionDeclaration, or a Python type such as list[int]{hint}"
        )
    if not isinstance(schema, type) and hasattr(schema, "to_dict"):
        return _of_parameters(schema.to_dict(dialect="json-schema"))
    if hasattr(schema, "model_json_schema"):
        return _of_parameters(schema.model_json_schema())
    module, name = _TYPES
    found = getattr(import_module(module), name)(schema)
    return _of_parameters(found.to_dict(dialect="json-schema"))


def _of_parameters(found: Any) -> dict[str, Any] | bool:
    """A document as a plain dict; of a function's declaration, its parameters."""
    if isinstance(found, bool):
        return found
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"a schema came as {type(found).__name__}; a JSON Schema is a dict or a boolean"
        )
    inner = found.get("parameters")
    if isinstance(inner, Mapping) and "name" in found and "type" not in found:
        found = inner
    return found if isinstance(found, dict) else dict(found)


def node_of(schema: Any) -> Node | None:
    """The root node of a schema in any of the forms above; None where it says nothing.

    A Node is given back as it is, so that a caller may keep one.
    """
    if schema is None or isinstance(schema, Node):
        return schema
    document = as_document(schema)
    node = Resolver(document).node(document)
    return None if node.is_any else node


def wants_string(schema: Any, path: tuple[str | int, ...]) -> bool:
    """Whether the schema asks for a string, or null, and nothing else at ``path``."""
    node = node_of(schema)
    for step in path:
        if node is None:
            return False
        node = node.key(step) if isinstance(step, str) else node.item(step)
    return node is not None and node.wants("string")


def known_names(schema: Any) -> frozenset[str]:
    """Every property name that a schema spells out anywhere, the first 20,000 places looked at."""
    document = as_document(schema)
    names: set[str] = set()
    todo: list[Any] = [document]
    seen: set[int] = set()
    while todo and len(seen) < _MANY:
        doc = todo.pop()
        if not isinstance(doc, Mapping) or id(doc) in seen:
            continue
        seen.add(id(doc))
        required = doc.get("required")
        if isinstance(required, (list, tuple)):
            names.update(name for name in required if isinstance(name, str))
        properties = doc.get("properties")
        if isinstance(properties, Mapping):
            names.update(properties)
        for keyword in _NAMED:
            group = doc.get(keyword)
            if isinstance(group, Mapping):
                todo += group.values()
        for keyword in _LISTED:
            group = doc.get(keyword)
            if isinstance(group, (list, tuple)):
                todo += group
        todo += [doc[keyword] for keyword in _SINGLE if keyword in doc]
    return frozenset(names)
