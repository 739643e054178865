"""What OpenAI refuses in a schema that says it is strict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["strict_faults"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# the keywords of a strict schema, and the formats, as the vendor's guide lists them
_KEYWORDS = _words(
    """type properties required items enum const anyOf $ref $defs definitions description title
    additionalProperties default pattern format multipleOf minimum maximum exclusiveMinimum
    exclusiveMaximum minItems maxItems"""
)
_FORMATS = _words("date-time time date duration email hostname ipv4 ipv6 uuid")
_MOST_PROPERTIES, _DEEPEST = 5000, 10


def strict_faults(schema: dict[str, Any]) -> Iterator[str]:
    """What a schema breaks of the rules for strict ones, in the vendor's words."""
    if schema.get("type") != "object":
        yield f"schema must be a JSON Schema of 'type: \"object\"', got '{schema.get('type')}'."
        return
    count = 0
    for place, node, depth in _nodes(schema, (), 1):
        where = f"In context={place!r}, "
        if not isinstance(node, dict):
            yield f"{where}schema must be an object."
            return
        count += len(node.get("properties") or {})
        if depth > _DEEPEST:
            yield f"{where}schema exceeds the maximum of {_DEEPEST} levels of nesting."
        for fault in _node_faults(node):
            yield where + fault
    if count > _MOST_PROPERTIES:
        yield f"schema exceeds the maximum of {_MOST_PROPERTIES} properties."


def _nodes(
    node: Any, place: tuple[Any, ...], depth: int
) -> Iterator[tuple[tuple[Any, ...], Any, int]]:
    yield place, node, depth
    if not isinstance(node, dict):
        return
    for group in ("properties", "$defs", "definitions"):
        inner = node.get(group)
        for name, one in inner.items() if isinstance(inner, dict) else ():
            yield from _nodes(one, (*place, group, name), depth + (group == "properties"))
    if "items" in node:
        yield from _nodes(node["items"], (*place, "items"), depth)
    for at, one in enumerate(node.get("anyOf") or ()):
        yield from _nodes(one, (*place, "anyOf", str(at)), depth)


def _node_faults(node: dict[str, Any]) -> Iterator[str]:
    for name in node:
        if name not in _KEYWORDS:
            yield f"'{name}' is not permitted."
    if not {"type", "anyOf", "$ref", "enum", "const"} & set(node):
        yield "schema must have a 'type' key."
    beside = set(node) - {"$ref", "description", "title", "default", "$defs", "definitions"}
    if "$ref" in node and beside:
        yield f"$ref cannot have keywords {sorted(beside)}."
    if node.get("format", "date") not in _FORMATS:
        yield f"'{node['format']}' is not a valid format."
    kind = node.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "array" in kinds and "items" not in node:
        yield "array schema missing items."
    if "object" in kinds:
        yield from _object_faults(node)


def _object_faults(node: dict[str, Any]) -> Iterator[str]:
    if node.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    names, required = list(node.get("properties") or {}), node.get("required") or ()
    missing = [name for name in names if name not in required]
    if missing:
        yield (
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing '{missing[0]}'."
        )
    extra = [name for name in required if name not in names]
    if extra:
        yield f"Extra required key '{extra[0]}' supplied."
