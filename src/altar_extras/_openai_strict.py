"""Strict schemas: JSON Schema as OpenAI's constrained decoding takes it, and the way back.

A strict object has every property required and none besides, so what altar
calls optional is asked for as nullable; :class:`Undo` takes those nulls out
again. Which keywords may stand in a strict schema, and the bounds, are those
of the vendor's guide to structured outputs, the narrowest it has had; it
answers 400 to others ("'default' is not permitted"). A schema that does not
fit is sent as it is, not strict: nothing of it is lost then, for altar
validates every value itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from altar_extras._openai_undo import Alternatives, LooseError, Undo, accepts_null, undoing

__all__ = ["Strict", "inlined", "is_object", "strict", "wrapped"]

_MOST_PROPERTIES, _DEEPEST, _MOST_ENUMS, _MOST_CHARS = 100, 5, 500, 15_000
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_OF_TYPE: dict[str, frozenset[str]] = {
    "string": frozenset({"pattern"}),
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": frozenset(),
    "null": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
_ANY_TYPE = frozenset({"enum", "const", "type"})
_BRANCHES = ("anyOf", "oneOf", "allOf")
_KEPT = ("title", "description")
_SILENT = frozenset({"$schema", "$comment", "$defs", "readOnly", "writeOnly", "discriminator"})
# what a strict schema may not say in keywords, its description says in words
_TOLD = {
    "examples": "Examples",
    "format": "Format",
    "contentEncoding": "Encoding",
    "contentMediaType": "Media type",
    "deprecated": "Deprecated",
}
_NAMES = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}
_ROOT = "AltarRoot"
_LOOKAROUND = re.compile(r"\(\?(?!:)|\\[bBAZ1-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    """A ``schema`` for the wire, and what undoes it: None where there is nothing to undo."""

    schema: dict[str, Any]
    undo: Undo | None


def strict(document: Mapping[str, Any]) -> Strict | None:
    """The strict form of a JSON Schema, or None where it cannot hold it without loss.

    Every value that ``document`` takes can be said in the strict form, with
    null for each optional property that is left out, and ``undo`` turns that
    back into the value. The exceptions keep their null: an optional property
    that takes null by itself, its default being null, for there it means the
    same. What has no strict form: objects open to names that are not listed,
    values of any type, tuples, keywords outside the vendor's list (minLength,
    uniqueItems, if, not ...), optional nullable properties where null and
    absence differ, deep or large schemas, and unions in which one null could
    mean two things. An object that says nothing of additionalProperties but
    lists properties counts as closed, as it does in altar's own check of
    arguments.
    """
    try:
        schema = _Writer(document).whole()
        undo = undoing(Alternatives(document))
    except (LooseError, RecursionError):
        return None
    return Strict(schema=schema, undo=undo)


def wrapped(document: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of an object that holds a value of ``document`` under the name "value"."""
    inner = dict(_moved(document))
    defs = inner.pop("$defs", {})
    if '"#/$defs/' + _ROOT + '"' in json.dumps(inner) + json.dumps(defs):
        defs = {**defs, _ROOT: inner}
        inner = {"$ref": f"#/$defs/{_ROOT}"}
    out: dict[str, Any] = {"type": "object", "properties": {"value": inner}, "required": ["value"]}
    return {**out, "additionalProperties": False, **({"$defs": defs} if defs else {})}


def _moved(node: Any) -> Any:
    """``node`` with what names the root of its document naming it under its new name."""
    if isinstance(node, Mapping):
        return {
            key: f"#/$defs/{_ROOT}" if key == "$ref" and inner == "#" else _moved(inner)
            for key, inner in node.items()
        }
    return [_moved(inner) for inner in node] if isinstance(node, list) else node


def is_object(document: Mapping[str, Any]) -> bool:
    """Whether a schema says of itself that its values are objects."""
    return document.get("type") == "object"


def inlined(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document whose root is a reference, with what it names for its root."""
    name = str(document.get("$ref", "")).removeprefix("#/$defs/")
    target = document.get("$defs", {}).get(name)
    if not isinstance(target, Mapping) or "#" in name:
        return document
    about = {key: value for key, value in document.items() if key != "$ref"}
    return {**target, **about}


class _Writer:
    """Writes one document in the strict subset; raises LooseError where it cannot."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._finder = Alternatives(root)
        self._properties = self._enums = self._chars = 0

    def whole(self) -> dict[str, Any]:
        root = self._root
        if root.get("type") != "object":
            raise LooseError("the root is no object")
        schema = self._body({**root, "properties": root.get("properties", {})}, 1)
        self._annotate(schema, root)
        defs = root.get("$defs")
        if defs:
            if not isinstance(defs, Mapping):
                raise LooseError("$defs is no object")
            schema["$defs"] = {name: self._node(inner, 2) for name, inner in defs.items()}
            self._chars += sum(map(len, defs))
        too_much = (
            self._properties > _MOST_PROPERTIES
            or self._enums > _MOST_ENUMS
            or self._chars > _MOST_CHARS
        )
        if too_much:
            raise LooseError("too large")
        return schema

    def _node(self, node: Any, depth: int) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            raise LooseError("a schema that takes anything, or nothing")
        schema = self._body(node, depth)
        self._annotate(schema, node)
        return schema

    def _body(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        own = {key for key in node if not _is_annotation(key)}
        if "$ref" in own:
            if own != {"$ref"}:
                raise LooseError("a reference with more beside it")
            self._finder.target(node["$ref"])
            reference = {"$ref": node["$ref"]}
            beside = any(key in node for key in (*_KEPT, "default", *_TOLD))
            return {"anyOf": [reference]} if beside else reference  # a $ref stands alone
        for key in _BRANCHES:
            if key in own:
                branches = node[key]
                if own != {key} or not isinstance(branches, list) or not branches:
                    raise LooseError(f"{key} with more beside it")
                if key == "allOf" and len(branches) > 1:
                    raise LooseError("allOf")
                return {"anyOf": [self._node(branch, depth) for branch in branches]}
        return self._typed(node, own, depth)

    def _typed(self, node: Mapping[str, Any], own: set[str], depth: int) -> dict[str, Any]:
        kinds = _kinds(node)
        allowed = frozenset().union(*[_OF_TYPE[kind] for kind in kinds]) | _ANY_TYPE
        if not own <= allowed:
            raise LooseError(f"{sorted(own - allowed)}")
        if len(kinds) > 1 and not _SCALARS.issuperset(kinds):
            if own & {"enum", "const"}:
                raise LooseError("listed values of several types")
            return {
                "anyOf": [
                    self._typed({**_only(node, _OF_TYPE[kind]), "type": kind}, {"type"}, depth)
                    for kind in kinds
                ]
            }
        if kinds == ["object"]:
            return self._object(node, depth)
        if kinds == ["array"]:
            if "enum" in own or "const" in own:
                raise LooseError("a list of arrays")
            sizes = {key: node[key] for key in ("minItems", "maxItems") if key in node}
            return {"type": "array", "items": self._node(node.get("items"), depth), **sizes}
        return self._scalar(node, kinds)

    def _scalar(self, node: Mapping[str, Any], kinds: list[str]) -> dict[str, Any]:
        listed = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        if any(type(value) not in _NAMES for value in listed):
            raise LooseError("a list of values that are no scalars")
        self._enums += len(listed)
        self._chars += sum(len(value) for value in listed if isinstance(value, str))
        pattern = node.get("pattern", "")
        if not isinstance(pattern, str) or _LOOKAROUND.search(pattern):
            raise LooseError("a pattern that looks around")
        out: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
        kept = (*sorted(_NUMBERS), "pattern", "enum", "const")
        out |= {key: node[key] for key in kept if key in node}
        if node.get("format") in _FORMATS and "string" in kinds:
            out["format"] = node["format"]
        return out

    def _object(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = node.get("properties")
        extra = node.get("additionalProperties")
        required = node.get("required", ())
        if depth > _DEEPEST:
            raise LooseError("too deep")
        if not isinstance(properties, Mapping) or extra not in (None, False):
            raise LooseError("an object of any names")
        if not properties and extra is None and depth > 1:
            raise LooseError("an object of any names")
        if not set(required) <= set(properties) or "enum" in node or "const" in node:
            raise LooseError("a required name that nobody describes")
        self._properties += len(properties)
        self._chars += sum(map(len, properties))
        return {
            "type": "object",
            "properties": {
                name: self._property(inner, depth + 1, name in required)
                for name, inner in properties.items()
            },
            "required": list(properties),
            "additionalProperties": False,
        }

    def _property(self, node: Any, depth: int, required: bool) -> dict[str, Any]:
        schema = self._node(node, depth)
        if required:
            return schema
        if accepts_null(node, self._finder):
            if node.get("default", 0) is not None:
                raise LooseError("null and absence differ")
            return schema
        return _nullable(schema)

    def _annotate(self, schema: dict[str, Any], node: Mapping[str, Any]) -> None:
        """Put beside ``schema`` what ``node`` says of itself."""
        words = [node["description"]] if node.get("description") else []
        for key, name in _TOLD.items():
            if key in node and schema.get(key) != node[key]:
                words.append(f"{name}: {_shown(node[key])}.")
        if node.get("default") is not None:
            words.append(f"Default: {_shown(node['default'])}.")
        if words:
            schema["description"] = " ".join(words)
        if node.get("title"):
            schema["title"] = node["title"]


def _is_annotation(key: str) -> bool:
    return (
        key in _KEPT
        or key in _SILENT
        or key in _TOLD
        or key == "default"
        or key.startswith(("x-", "x_"))
    )


def _kinds(node: Mapping[str, Any]) -> list[str]:
    """The types a schema takes; where it lists values alone, theirs."""
    kind = node.get("type")
    if kind is None:
        listed = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        kind = list(dict.fromkeys([_NAMES.get(type(value), "?") for value in listed]))
    kinds = kind if isinstance(kind, list) else [kind]
    if not kinds or not all(one in _OF_TYPE for one in kinds):
        raise LooseError("a value of any type")
    return list(kinds)


def _only(node: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key in keys}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` or null, its annotations kept outermost."""
    notes = {key: schema.pop(key) for key in _KEPT if key in schema}
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    elif _SCALARS.issuperset(kinds) and "const" not in schema:
        schema["type"] = list(dict.fromkeys([*kinds, "null"]))
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    else:
        schema = {"anyOf": [schema, {"type": "null"}]}
    return {**schema, **notes}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
