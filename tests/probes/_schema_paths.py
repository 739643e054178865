"""Reading an emitted schema: the nodes a path can reach, and the published ADM rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["adm_faults", "nodes"]

_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
_STRICT = {"type", "description", "properties", "required", "items", "enum"}


def nodes(document: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """Every schema node that ``a.[].b`` can mean, through references and unions."""
    found = list(_spread(document, document, 0))
    for step in path.split("."):
        after: list[dict[str, Any]] = []
        for node in found:
            if step == "[]":
                children = [node.get("items"), *node.get("prefixItems", ())]
            else:
                children = [node.get("properties", {}).get(step)]
            for child in children:
                if isinstance(child, dict):
                    after.extend(_spread(child, document, 0))
        found = after
    return found


def _spread(node: dict[str, Any], root: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    yield node
    if depth > 8:
        return
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        target: Any = root
        for part in ref[1:].split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        yield from _spread(target, root, depth + 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for child in node.get(keyword, ()):
            if isinstance(child, dict):
                yield from _spread(child, root, depth + 1)


def adm_faults(node: Any, path: str = "$") -> list[str]:
    """What breaks the strict ADM 1.0 rules in a Schema document."""
    if not isinstance(node, dict):
        return [f"{path}: not an object"]
    faults = [f"{path}: {key!r} is not ADM 1.0" for key in node if key not in _STRICT]
    kind = node.get("type")
    if kind not in _TYPES:
        return [*faults, f"{path}: type {kind!r}"]
    if "description" in node and not isinstance(node["description"], str):
        faults.append(f"{path}: description")
    if kind == "ARRAY":
        if "items" not in node:
            faults.append(f"{path}: ARRAY without items")
        else:
            faults += adm_faults(node["items"], f"{path}[]")
    elif "items" in node:
        faults.append(f"{path}: items on {kind}")
    if kind != "OBJECT" and ("properties" in node or "required" in node):
        faults.append(f"{path}: properties on {kind}")
    properties = node.get("properties", {})
    required = node.get("required", [])
    if len(set(required)) != len(required) or not set(required) <= set(properties):
        faults.append(f"{path}: required {required!r}")
    for name, child in properties.items():
        faults += adm_faults(child, f"{path}.{name}")
    if "enum" in node and (
        kind != "STRING"
        or not node["enum"]
        or not all(isinstance(value, str) for value in node["enum"])
    ):
        faults.append(f"{path}: enum on {kind}")
    return faults
