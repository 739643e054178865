"""Two JSON Schemas side by side: what changed, and whether the newer refuses what the older took.

Sound rather than complete: a change of a keyword whose effect is not
understood here counts as breaking.
"""

from __future__ import annotations

from typing import Any

from altar.adm._equal import json_equal
from altar.adm._problem import json_path

__all__ = ["compare_schemas"]

Change = tuple[str, Any, Any, bool]

_ANNOTATIONS = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title"}
    | {"contentEncoding", "contentMediaType", "writeOnly", "$schema", "$id", "$anchor"}
)
_UPPER = frozenset(
    {"exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"}
)
_LOWER = frozenset({"exclusiveMinimum", "minItems", "minLength", "minProperties", "minimum"})
_INNER = frozenset({"additionalProperties", "contains", "items", "propertyNames"})
_NAMED = frozenset({"$defs", "patternProperties", "properties"})
_LOOSENED_WHEN_GONE = frozenset(
    {"additionalProperties", "allOf", "anyOf", "const", "contains", "dependentRequired", "enum"}
    | {"dependentSchemas", "format", "items", "multipleOf", "not", "oneOf", "pattern"}
    | {"patternProperties", "prefixItems", "propertyNames", "type", "unevaluatedItems"}
    | {"unevaluatedProperties", "uniqueItems"}
)


def compare_schemas(
    old: Any, new: Any, path: str = "$", *, open_objects: bool = False
) -> list[Change]:
    """Every change as (path, before, after, breaking).

    Breaking: a value that ``old`` accepts may be refused by ``new``. A
    property that is gone counts as refused unless ``open_objects``.
    """
    out: list[Change] = []
    _compare(old, new, path, out, open_objects)
    return out


def _compare(old: Any, new: Any, path: str, out: list[Change], open_objects: bool) -> None:
    if json_equal(old, new):
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        loosened = new is True or old is False or new == {}
        out.append((path, old, new, not loosened))
        return
    for keyword in dict.fromkeys([*old, *new]):
        before, after = old.get(keyword), new.get(keyword)
        if (keyword in old) == (keyword in new) and json_equal(before, after):
            continue
        at = path + json_path([keyword])[1:]
        if keyword in _INNER and keyword in old and keyword in new:
            _compare(before, after, at, out, open_objects)
        elif keyword in _NAMED:
            _named(keyword, before or {}, after or {}, at, out, open_objects)
        else:
            breaking = _breaks(keyword, before, after)
            out.append((at, before, after, breaking))


def _named(
    keyword: str,
    old: dict[str, Any],
    new: dict[str, Any],
    path: str,
    out: list[Change],
    open_objects: bool,
) -> None:
    for name in dict.fromkeys([*old, *new]):
        at = path + json_path([name])[1:]
        if name in old and name in new:
            _compare(old[name], new[name], at, out, open_objects)
        elif name in old:
            breaking = keyword == "properties" and not open_objects
            out.append((at, old[name], None, breaking))
        else:
            # a property nobody sent before; a pattern may refuse what was sent
            out.append((at, None, new[name], keyword == "patternProperties"))


def _breaks(keyword: str, before: Any, after: Any) -> bool:
    if keyword in _ANNOTATIONS or keyword.startswith(("x_", "vendor_")):
        return False
    if after is None and keyword in _LOOSENED_WHEN_GONE:
        return False
    if keyword == "required":
        return not set(after or ()) <= set(before or ())
    if keyword == "type":
        return before is None or not _types(before) <= _types(after)
    if keyword in {"enum", "anyOf", "oneOf"} and before is not None:
        kept = all(any(json_equal(one, other) for other in after or ()) for one in before)
        return not kept or keyword == "oneOf"
    if keyword in _UPPER:
        return after is not None and (before is None or not after >= before)
    if keyword in _LOWER:
        return after is not None and (before is None or not after <= before)
    if keyword == "additionalProperties":
        return after is not True
    return not (keyword == "uniqueItems" and after is False)


def _types(kind: Any) -> set[str]:
    names = {kind} if isinstance(kind, str) else set(kind)
    return names | {"integer"} if "number" in names else names
