"""What Anthropic refuses in tools and output schemas: names, shapes, the limits of strict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.testing._fake_http import Answered

    Bad = Callable[[str], Answered]

__all__ = ["check_output", "check_tools"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MOST_STRICT, _MOST_OPTIONAL, _MOST_UNIONS = 20, 24, 16
_UNSUPPORTED = {
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength"},
    "array": {"maxItems", "uniqueItems", "contains", "prefixItems"},
    "object": {"patternProperties", "minProperties", "maxProperties", "propertyNames"},
}
_HOLDERS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf")


def check_tools(body: dict[str, Any], bad: Bad) -> None:
    """Raise what ``bad`` makes of the first thing that is wrong with the tools."""
    tools = body.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise bad("tools: Input should be a valid list")
    names: set[str] = set()
    strict = []
    for at, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise bad(f"tools.{at}: Input should be a valid dictionary")
        name = tool.get("name")
        if name in names:
            raise bad("tools: Tool names must be unique.")
        names.add(str(name))
        if tool.get("type", "custom") == "custom":
            _check_tool(tool, f"tools.{at}.custom", bad)
            if tool.get("strict") is True:
                strict.append((f"tools.{at}.custom", tool["input_schema"]))
    if len(strict) > _MOST_STRICT:
        raise bad(
            f"Too many strict tools: {len(strict)}. A request may contain at most "
            f"{_MOST_STRICT} tools with `strict: true`."
        )
    _check_strict(strict, bad)


def check_output(body: dict[str, Any], bad: Bad) -> None:
    """The same for the schema of a structured output."""
    config = body.get("output_config")
    form = config.get("format") if isinstance(config, dict) else None
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        raise bad("output_config.format.type: Input should be 'json_schema'")
    if not isinstance(form.get("schema"), dict):
        raise bad("output_config.format.schema: Field required")
    _check_strict([("output_config.format.schema", form["schema"])], bad)


def _check_tool(tool: dict[str, Any], path: str, bad: Bad) -> None:
    name, schema = tool.get("name"), tool.get("input_schema")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad(f"{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    if not isinstance(schema, dict):
        raise bad(f"{path}.input_schema: Field required")
    if schema.get("type") != "object":
        wrong = "Field required" if "type" not in schema else "Input should be 'object'"
        raise bad(f"{path}.input_schema.type: {wrong}")
    if any(word in schema for word in _LISTS):
        raise bad(
            f"{path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the "
            "top level"
        )
    if not isinstance(tool.get("description", ""), str):
        raise bad(f"{path}.description: Input should be a valid string")


def _check_strict(schemas: list[tuple[str, dict[str, Any]]], bad: Bad) -> None:
    optional = unions = 0
    for path, schema in schemas:
        if _is_recursive(schema):
            raise bad(f"{path}: Recursive schemas are not supported")
        for node in _nodes(schema):
            _check_node(node, path, bad)
            required = node.get("required") or ()
            optional += sum(name not in required for name in node.get("properties") or ())
            unions += "anyOf" in node or isinstance(node.get("type"), list)
    if optional > _MOST_OPTIONAL:
        raise bad(
            f"Schemas contain too many optional parameters ({optional}), which would make grammar "
            f"compilation inefficient. Reduce the number of optional parameters in your tool "
            f"schemas (limit: {_MOST_OPTIONAL})."
        )
    if unions > _MOST_UNIONS:
        raise bad(
            f"Schemas contains too many parameters with union types ({unions} parameters with type "
            f"arrays or anyOf). This causes exponential compilation cost. Reduce the number of "
            f"nullable or union-typed parameters (limit: {_MOST_UNIONS})."
        )


def _check_node(node: dict[str, Any], path: str, bad: Bad) -> None:
    kinds = node.get("type")
    if "oneOf" in node:
        raise bad(f"{path}: Schema type 'oneOf' is not supported")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        wrong = sorted(_UNSUPPORTED.get(str(kind), set()) & set(node))
        if kind == "array" and node.get("minItems", 0) not in (0, 1):
            wrong.append("minItems")
        if wrong:
            raise bad(f"{path}: For '{kind}' type, properties {', '.join(wrong)} are not supported")
        if kind == "object" and node.get("additionalProperties") is not False:
            raise bad(
                f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )


def _children(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in _HOLDERS:
        inner = node.get(holder)
        yield from [one for one in (inner or {}).values() if isinstance(one, dict)]
    for word in _LISTS:
        yield from [one for one in node.get(word) or () if isinstance(one, dict)]
    if isinstance(node.get("items"), dict):
        yield node["items"]


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    todo = [schema]
    while todo:
        node = todo.pop()
        yield node
        todo += _children(node)


def _is_recursive(schema: dict[str, Any]) -> bool:
    """Whether a definition reaches itself through ``$ref``."""
    if any(node.get("$ref") == "#" for node in _nodes(schema)):
        return True
    links: dict[str, set[str]] = {}
    for holder in ("$defs", "definitions"):
        for name, inner in (schema.get(holder) or {}).items():
            refs = {str(node["$ref"]) for node in _nodes(inner) if "$ref" in node}
            links[f"#/{holder}/{name}"] = refs
    for start, first in links.items():
        seen: set[str] = set()
        todo = [*first]
        while todo:
            ref = todo.pop()
            if ref == start:
                return True
            if ref not in seen:
                seen.add(ref)
                todo += links.get(ref, ())
    return False
