"""Generated JSON Schema 2020-12 documents, and values that often satisfy them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["NAMES", "documents", "json_values", "values_for"]

NAMES = ["a", "b", "ab", "c"]
PATTERNS = ["^a", "b$", "[0-9]+", "^[ab]*$", "^.$", r"^\d\D?$"]
TYPES = ["string", "number", "integer", "boolean", "array", "object", "null"]
ANNOTATIONS = {"title": "A title", "description": "A text", "default": 1, "deprecated": True}

numbers = st.integers(-4, 6) | st.sampled_from([0.5, 1.0, -2.0, 2.5, 1e300])
texts = st.text("ab1 é", max_size=4)
scalars = st.none() | st.booleans() | numbers | texts
small = st.integers(0, 3)


def json_values(leaves: int = 6) -> st.SearchStrategy[Any]:
    """Any JSON value, small."""
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
        ),
        max_leaves=leaves,
    )


@st.composite
def documents(draw: st.DrawFn, *, unevaluated: bool = True) -> Any:
    """A whole document: booleans, every keyword of the vocabulary, $defs and recursion."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.booleans())
    root: dict[str, Any] = draw(_schema(3, unevaluated))
    names = [name for name in ("A", "B") if f"#/$defs/{name}" in repr(root)]
    if names:
        root = {**root, "$defs": {name: draw(_definition(unevaluated)) for name in ("A", "B")}}
    return root


@st.composite
def _definition(draw: st.DrawFn, unevaluated: bool) -> Any:
    """A definition refers to others from within properties or items alone, so it ends."""
    inner = draw(_schema(1, unevaluated, refs=False))
    kids: dict[str, Any] = {"properties": {"c": {"$ref": "#/$defs/A"}, "b": {"$ref": "#"}}}
    return {**kids, **inner} if draw(st.booleans()) else inner


@st.composite
def _schema(draw: st.DrawFn, depth: int, unevaluated: bool, refs: bool = True) -> Any:
    if depth == 0:
        return draw(st.booleans() | _leaf())
    out: dict[str, Any] = draw(_leaf())
    inner = _schema(depth - 1, unevaluated, refs)
    for group in draw(st.lists(st.sampled_from(["object", "array", "logic"]), max_size=2)):
        out |= draw({"object": _object, "array": _array, "logic": _logic}[group](inner))
    if unevaluated and draw(st.integers(0, 5)) == 0:
        keyword = draw(st.sampled_from(["unevaluatedProperties", "unevaluatedItems"]))
        out[keyword] = draw(st.just(False) | inner)
    if refs and draw(st.integers(0, 6)) == 0:
        out["$ref"] = draw(st.sampled_from(["#/$defs/A", "#/$defs/B"]))
    return out


@st.composite
def _leaf(draw: st.DrawFn) -> dict[str, Any]:
    options: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
        "enum": st.lists(json_values(3), min_size=1, max_size=4),
        "const": json_values(3),
        "minimum": numbers,
        "maximum": numbers,
        "exclusiveMinimum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5]),
        "minLength": small,
        "maxLength": small,
        "pattern": st.sampled_from(PATTERNS),
        "format": st.sampled_from(["date", "email", "made-up"]),
    }
    keys = draw(st.lists(st.sampled_from(["type", "type", *options]), max_size=2, unique=True))
    out = {key: draw(options[key]) for key in keys}
    if draw(st.integers(0, 3)) == 0:
        key = draw(st.sampled_from(sorted(ANNOTATIONS)))
        out[key] = ANNOTATIONS[key]
    return out


def _some(options: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=3, unique=True)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: options[key] for key in chosen}))


def _names_to(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)


def _object(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    return _some(
        {
            "properties": _names_to(inner),
            "required": names,
            "additionalProperties": st.booleans() | inner,
            "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
            "propertyNames": inner,
            "dependentRequired": st.dictionaries(st.sampled_from(NAMES), names, max_size=2),
            "dependentSchemas": _names_to(inner),
            "minProperties": small,
            "maxProperties": small,
        }
    )


def _array(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return _some(
        {
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "minContains": small,
            "maxContains": small,
            "uniqueItems": st.booleans(),
            "minItems": small,
            "maxItems": small,
        }
    )


def _logic(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    options = {"allOf": some, "anyOf": some, "oneOf": some, "not": inner}
    return _some({**options, "if": inner, "then": inner, "else": inner})


@st.composite
def values_for(draw: st.DrawFn, document: Any) -> Any:
    """A value that tries to satisfy the document, or any value at all."""
    if draw(st.integers(0, 3)) == 0:
        return draw(json_values())
    return _value(draw, document, document, 4)


def _value(draw: st.DrawFn, schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth == 0:
        return draw(json_values(2))
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema and draw(st.booleans()):
            branch = draw(st.sampled_from(schema[keyword]))
            return _value(draw, branch, root, depth - 1)
    if "$ref" in schema and draw(st.booleans()):
        name = schema["$ref"].rpartition("/")[2]
        target = root if name == "#" else root["$defs"][name]
        return _value(draw, target, root, depth - 1)
    kinds = schema.get("type", _likely(schema))
    kind = kinds if isinstance(kinds, str) else draw(st.sampled_from(kinds))
    return _of_kind(draw, kind, schema, root, depth)


def _likely(schema: dict[str, Any]) -> list[str]:
    if schema.keys() & {"properties", "required", "propertyNames", "patternProperties"}:
        return ["object"]
    if schema.keys() & {"items", "prefixItems", "contains", "uniqueItems"}:
        return ["array"]
    return TYPES


def _of_kind(draw: st.DrawFn, kind: str, schema: dict[str, Any], root: Any, depth: int) -> Any:
    if kind == "object":
        named = schema.get("properties", {})
        chosen = draw(st.lists(st.sampled_from([*NAMES, *named]), max_size=3, unique=True))
        names = dict.fromkeys([*schema.get("required", ()), *chosen])
        return {name: _value(draw, named.get(name, True), root, depth - 1) for name in names}
    if kind == "array":
        head = [_value(draw, item, root, depth - 1) for item in schema.get("prefixItems", ())]
        rest = schema.get("items", schema.get("contains", True))
        size = draw(st.integers(0, 3))
        return [*head, *(_value(draw, rest, root, depth - 1) for _ in range(size))]
    plain = {
        "string": texts,
        "number": numbers,
        "integer": numbers.filter(lambda number: number == int(number)),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return draw(plain[kind])
