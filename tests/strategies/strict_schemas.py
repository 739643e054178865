"""Schemas a strict wire can hold, with a value of each and the answer that says it with nulls."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["answers", "strict_cases"]

_NAMES = ["a", "b", "c", "kind"]
_MISSING = object()


@st.composite
def strict_cases(draw: st.DrawFn) -> tuple[dict[str, Any], Any, Any]:
    """(document, value, answer): the answer is the value with null for what it leaves out."""
    defs: dict[str, Any] = {}
    root = draw(_objects(3, defs))
    value, answer = draw(_said(root, defs, 4))
    return ({**root, "$defs": defs} if defs else root), value, answer


@st.composite
def _objects(draw: st.DrawFn, depth: int, defs: dict[str, Any]) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(_NAMES), max_size=3, unique=True))
    properties: dict[str, Any] = {}
    required = []
    for name in names:
        inner = draw(_nodes(depth - 1, defs))
        how = draw(st.sampled_from(["required", "optional", "default", "nullable"]))
        if how == "required":
            required.append(name)
        elif how == "nullable":
            inner = {"anyOf": [inner, {"type": "null"}], "default": None}
        elif not _takes_null(inner, defs):
            inner = {**inner, "default": 7} if how == "default" else inner
        else:
            inner = {**inner, "default": None}
        properties[name] = inner
    closed = {"additionalProperties": False} if draw(st.booleans()) or not names else {}
    return {"type": "object", "properties": properties, "required": required, **closed}


@st.composite
def _nodes(draw: st.DrawFn, depth: int, defs: dict[str, Any]) -> dict[str, Any]:
    kinds = ["string", "integer", "boolean", "enum", "nullable", "typeless"]
    if depth > 0:
        kinds += ["array", "object", "union", "def", "again"]
    kind = draw(st.sampled_from(kinds))
    if kind == "enum":
        return {"type": "string", "enum": ["x", "y"], "description": "One of two."}
    if kind == "typeless":
        return {"enum": ["x", 1, True]}
    if kind == "nullable":
        return {"type": ["integer", "null"]}
    if kind == "array":
        return {"type": "array", "items": draw(_nodes(depth - 1, defs)), "maxItems": 3}
    if kind == "object":
        return draw(_objects(depth - 1, defs))
    if kind == "union":
        tags = [_tagged(draw(_objects(depth - 1, defs)), tag) for tag in ("one", "two")]
        return {draw(st.sampled_from(["anyOf", "oneOf"])): _agreed(tags, defs)}
    if kind == "def" and len(defs) < 2:
        name = f"D{len(defs)}"
        defs[name] = {}
        defs[name].update(draw(_objects(depth - 1, defs)))
        return {"$ref": f"#/$defs/{name}"}
    if kind == "again" and defs:
        return {"$ref": f"#/$defs/{draw(st.sampled_from(sorted(defs)))}", "title": "Again"}
    return {"type": kind if kind in ("string", "integer", "boolean") else "number"}


def _tagged(node: dict[str, Any], tag: str) -> dict[str, Any]:
    properties = {"kind": {"const": tag, "type": "string"}, **node["properties"]}
    properties["kind"] = {"const": tag, "type": "string"}
    return {
        **node,
        "properties": properties,
        "required": list(dict.fromkeys([*node["required"], "kind"])),
    }


def _agreed(branches: list[dict[str, Any]], defs: dict[str, Any]) -> list[dict[str, Any]]:
    """The branches without the names that one of them leaves out and another may set to null."""
    first, second = branches
    for name in set(first["properties"]) & set(second["properties"]) - {"kind"}:
        del second["properties"][name]
        second["required"] = [one for one in second["required"] if one != name]
    return branches


def _takes_null(node: dict[str, Any], defs: dict[str, Any]) -> bool:
    if "$ref" in node:
        return False  # they are objects
    branches = node.get("anyOf", node.get("oneOf"))
    if branches:
        return any(_takes_null(branch, defs) for branch in branches)
    return "null" in node.get("type", ())


@st.composite
def _said(draw: st.DrawFn, node: dict[str, Any], defs: dict[str, Any], depth: int) -> Any:
    """A value of the schema and the strict answer for it."""
    if "$ref" in node:
        return draw(_said(defs[node["$ref"].rpartition("/")[2]], defs, depth))
    branches = node.get("anyOf", node.get("oneOf"))
    if branches:
        return draw(_said(draw(st.sampled_from(branches)), defs, depth))
    if "const" in node:
        return node["const"], node["const"]
    if "enum" in node:
        one = draw(st.sampled_from(node["enum"]))
        return one, one
    kind = node["type"]
    if isinstance(kind, list):
        kind = draw(st.sampled_from(kind))
    if kind == "object":
        return draw(_said_object(node, defs, depth))
    if kind == "array":
        size = draw(st.integers(0, 2)) if depth > 0 else 0
        pairs = [draw(_said(node["items"], defs, depth - 1)) for _ in range(size)]
        return [value for value, _ in pairs], [answer for _, answer in pairs]
    plain = {
        "string": st.sampled_from(["", "null", 'q"\\', "ü"]),
        "integer": st.integers(-3, 3),
        "number": st.sampled_from([0, 1.5, -2]),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    one = draw(plain[kind])
    return one, one


@st.composite
def _said_object(draw: st.DrawFn, node: dict[str, Any], defs: dict[str, Any], depth: int) -> Any:
    value: dict[str, Any] = {}
    answer: dict[str, Any] = {}
    for name, inner in node["properties"].items():
        must = name in node["required"]
        if not must and (depth <= 0 or draw(st.booleans())):
            answer[name] = None
            if _takes_null(inner, defs):
                value[name] = None  # where null means the same as absence, it is what comes back
        else:
            value[name], answer[name] = draw(_said(inner, defs, depth - 1))
    return value, answer


def answers(node: Any, root: dict[str, Any], value: Any) -> list[Any]:
    """Every way in which a strict schema may be meant to say ``value``, null for what is absent."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return answers(root if node["$ref"] == "#" else root["$defs"][name], root, value)
    if "anyOf" in node:
        return [one for branch in node["anyOf"] for one in answers(branch, root, value)]
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    if isinstance(value, dict) and "object" in kinds:
        found: list[dict[str, Any]] = [{}]
        if not value.keys() <= node["properties"].keys():
            return []
        for name, inner in node["properties"].items():
            said = answers(inner, root, value[name]) if name in value else [None]
            found = [{**one, name: more} for one in found for more in said][:8]
        return found
    if isinstance(value, list) and "array" in kinds:
        lists: list[list[Any]] = [[]]
        for item in value:
            said = answers(node["items"], root, item)
            lists = [[*one, more] for one in lists for more in said][:8]
        return lists
    return [] if isinstance(value, (dict, list)) else [value]
