"""JSON Schema as Gemini's parametersJsonSchema and responseJsonSchema read it.

The documented keywords pass untouched, and so do those the server says it
ignores. Rewritten is what it is known to stumble over: ``const``, enums of
anything but texts and numbers, exclusive bounds, keywords beside ``$ref``, and
references that go in a circle: the server takes them only within properties
that are not required, so such a property is none here.
Arguments and answers are checked against the full schema here in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["gemini_schema"]

_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONE = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_LEFT_OUT = ("$schema", "discriminator", "examples")
_SAID = ("title", "description", "default")
_DEEPEST = 200


def gemini_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` in the words the server takes; the mapping given stays as it is."""
    out = dict(_rewritten(schema, 0))
    _unroll(out)
    return out


def _rewritten(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and depth:
        # a reference may have no keyword beside it; what it is called stands around it
        said = {key: schema[key] for key in _SAID if key in schema}
        return {"anyOf": [{"$ref": reference}], **said} if said else {"$ref": reference}
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _LEFT_OUT:
            continue
        if key in _MAPS and isinstance(value, dict):
            out[key] = {name: _rewritten(one, depth + 1) for name, one in value.items()}
        elif key in _LISTS and isinstance(value, list):
            out[key] = [_rewritten(one, depth + 1) for one in value]
        elif key in _ONE:
            out[key] = _rewritten(value, depth + 1)
        else:
            out[key] = value
    if "const" in out:
        out.setdefault("enum", [out["const"]])
        del out["const"]
    _bounds(out)
    return _enum(out)


def _bounds(out: dict[str, Any]) -> None:
    for exclusive, inclusive, step in (
        ("exclusiveMinimum", "minimum", 1),
        ("exclusiveMaximum", "maximum", -1),
    ):
        bound = out.pop(exclusive, None)
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            continue
        is_whole = out.get("type") == "integer" and isinstance(bound, int)
        out.setdefault(inclusive, bound + step if is_whole else bound)


def _enum(out: dict[str, Any]) -> dict[str, Any]:
    """Enums hold texts and numbers only: null becomes a type of its own, the rest a type."""
    values = out.get("enum")
    if not isinstance(values, list):
        return out
    kept = [one for one in values if _is_plain(one)]
    if len(kept) == len(values):
        return out
    rest = {key: value for key, value in out.items() if key not in ("enum", "type")}
    kinds: list[dict[str, Any]] = []
    if kept:
        kinds.append({"enum": kept, **_type_of(kept)})
    if any(isinstance(one, bool) for one in values):
        kinds.append({"type": "boolean"})
    if any(one is None for one in values):
        kinds.append({"type": "null"})
    if any(isinstance(one, dict) for one in values):
        kinds.append({"type": "object"})
    if any(isinstance(one, list) for one in values):
        kinds.append({"type": "array"})
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _type_of(values: list[Any]) -> dict[str, Any]:
    if all(isinstance(one, str) for one in values):
        return {"type": "string"}
    if all(isinstance(one, int) for one in values):
        return {"type": "integer"}
    return {} if any(isinstance(one, str) for one in values) else {"type": "number"}


def _unroll(root: dict[str, Any]) -> None:
    """Take out of ``required`` what a reference in a circle stands within."""
    found = list(_references(root, "#", None, "", 0))
    reach = _reached([(source, target) for source, target, _, _ in found])
    bare = _reached([(source, target) for source, target, holder, _ in found if holder is None])
    # a circle that no property is part of has to be entered by one that may be left out
    endless = {name for name in bare if name in bare[name]}
    endless |= {name for name in bare if bare[name] & endless}
    for source, target, holder, name in found:
        closes = source in reach.get(target, ()) or target in endless
        if not closes or holder is None or name not in holder.get("required", ()):
            continue
        kept = [one for one in holder["required"] if one != name]
        if kept:
            holder["required"] = kept
        else:
            del holder["required"]


def _reached(edges: list[tuple[str, str]]) -> dict[str, set[str]]:
    """For each definition those that it leads to, near and far."""
    leads: dict[str, set[str]] = {}
    for source, target in edges:
        leads.setdefault(source, set()).add(target)
    out: dict[str, set[str]] = {}
    for name in leads:
        seen = out[name] = set()
        ahead = [name]
        while ahead:
            new = leads.get(ahead.pop(), set()) - seen
            seen |= new
            ahead += new
    return out


_Reference: TypeAlias = "tuple[str, str, dict[str, Any] | None, str]"


def _references(
    schema: Any, owner: str, holder: dict[str, Any] | None, name: str, depth: int
) -> Iterator[_Reference]:
    """Every reference: from which definition to which, and the property it is within."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    target = schema.get("$ref")
    if isinstance(target, str):
        yield owner, "/".join(target.split("/")[:3]), holder, name
    for key, value in schema.items():
        for own, one in _under(key, value):
            if key in ("$defs", "definitions") and not depth:
                yield from _references(one, f"#/{key}/{own}", None, "", depth + 1)
            elif key == "properties":
                yield from _references(one, owner, schema, own, depth + 1)
            else:
                yield from _references(one, owner, holder, name, depth + 1)


def _under(key: str, value: Any) -> list[tuple[str, Any]]:
    """The schemas under a keyword, with their names where they have some."""
    if key in _MAPS and isinstance(value, dict):
        return list(value.items())
    if key in _LISTS and isinstance(value, list):
        return [("", one) for one in value]
    return [("", value)] if key in _ONE else []
