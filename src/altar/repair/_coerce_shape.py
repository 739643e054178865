"""One shape for another: arrays, objects and texts that hold the same things."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from altar.repair._coerce_names import folded
from altar.repair._schema_parts import kind_of

if TYPE_CHECKING:
    from altar.repair._schema_node import Node

__all__ = ["SYNTHETIC", "Costs", "Shape", "reshape", "wrapper_of"]

Place = tuple[str | int, ...]

SYNTHETIC: Final = "synthetic"
"""In ``Shape.places``: what is below comes from inside a text and has no place of its own."""

_MENDABLE: Final = 1.0
_PAIRS: Final = (("key", "value"), ("name", "value"), ("k", "v"))
_WRAPPERS: Final = frozenset(
    ("value", "val", "result", "answer", "output", "data", "content", "text", "response")
)
_BULLET: Final = re.compile(r"\s*(?:[-*\u2022\u00b7+]|\d{1,3}[.)])\s+")
_SENTENCE: Final = re.compile(r"[.!?]\s+\S")
_LONGEST_PART: Final = 60


class Costs(Protocol):
    """What decides between shapes: how badly a value fits, and what a text holds."""

    def cost(self, value: Any, node: Node | None, depth: int) -> float:
        """0 where the value fits; below 1 where it can be made to."""
        ...

    def held(self, text: str) -> Any:
        """The array or object that a text holds as JSON, or None."""
        ...


class Shape(NamedTuple):
    """The same data in another shape, yet to be coerced itself.

    ``places`` tells where its parts come from, below the place of the value:
    a path for the whole, a path for each part, or SYNTHETIC; None where the
    value is to become JSON text.
    """

    code: str
    value: Any
    places: Place | dict[Any, Place] | str | None


def reshape(value: Any, node: Node, costs: Costs, depth: int) -> Shape | None:
    """The value in a shape that the node takes; None where no shape is clear."""
    if value.__class__ is list:
        return _of_list(value, node, costs, depth)
    if node.enum is not None:
        return _unwrapped(value, node, costs, depth) if value.__class__ is dict else None
    if value.__class__ is str:
        return _of_text(value, node, costs, depth)
    if value.__class__ is dict:
        return _of_dict(value, node, costs, depth)
    return None if value is None else _wrapped(value, node, costs, depth)


def wrapper_of(value: dict[str, Any], node: Node) -> str | None:
    """The one name in ``value`` under which the whole object stands that the node asks for."""
    if len(value) != 1 or not node.props:
        return None
    name = next(iter(value))
    inner = value[name]
    if inner.__class__ is not dict or node.knows(name) or (node.is_open and not node.required):
        return None
    given = {folded(key) for key in inner}
    wanted = node.required or tuple(node.props)
    return name if all(folded(key) in given for key in wanted) else None


def _improves(value: Any, node: Node | None, costs: Costs, depth: int) -> bool:
    """Whether ``value`` is what the node asks for, though parts of it may be missing or wrong."""
    missing = len(node.required) if node is not None and value.__class__ is dict else 0
    return costs.cost(value, node, depth + 1) < max(_MENDABLE, missing)


def _wrapped(value: Any, node: Node, costs: Costs, depth: int) -> Shape | None:
    """``[value]``, where the array's items would take it."""
    if "array" in node.types and _improves(value, node.item(0), costs, depth):
        return Shape("coerced_array", [value], {0: ()})
    return None


def _of_text(text: str, node: Node, costs: Costs, depth: int) -> Shape | None:
    wants_array = "array" in node.types
    if not wants_array and "object" not in node.types:
        return None
    held = costs.held(text)
    if held is not None:
        is_kind = kind_of(held) in node.types
        if is_kind or _improves(held, node, costs, depth):
            kind = kind_of(held) if is_kind else "array" if wants_array else "object"
            return Shape(f"coerced_{kind}", held, SYNTHETIC)
    if not wants_array:
        return None
    if not text.strip():
        return Shape("coerced_array", [], SYNTHETIC)
    parts = _parts(text, node, costs, depth)
    if parts is not None:
        return Shape("coerced_array", parts, SYNTHETIC)
    return _wrapped(text, node, costs, depth)


def _parts(text: str, node: Node, costs: Costs, depth: int) -> list[str] | None:
    """The items of a list that is written as text, by lines or by commas; None for no list."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(_BULLET.match(line) for line in lines):
        parts = [line[len(_mark(line)) :].strip() for line in lines]
        return parts if _take(parts, node, costs, depth) else None
    wants_text = node.item(0) is None or "string" in node.item(0).types  # type: ignore[union-attr]
    is_prose = wants_text and getattr(node.item(0), "enum", None) is None
    marks = [",", ";", "|", "\n"] if wants_text else [",", ";", "|", "\n", None]
    for mark in marks:
        parts = [part.strip() for part in text.split(mark)]
        if len(parts) < 2:
            continue
        if not parts[-1]:
            parts.pop()
        if len(parts) > 2 and parts[-1][:4].lower() in {"and ", "und "}:
            parts[-1] = parts[-1][4:].strip()
        if not all(parts):
            continue
        if is_prose and (_SENTENCE.search(text) or max(map(len, parts)) > _LONGEST_PART):
            continue
        if _take(parts, node, costs, depth):
            return parts
    return None


def _mark(line: str) -> str:
    match = _BULLET.match(line)
    return match[0] if match else ""


def _take(parts: list[str], node: Node, costs: Costs, depth: int) -> bool:
    """Whether the array's items would take every part."""
    return all(
        costs.cost(part, node.item(i), depth + 1) < _MENDABLE for i, part in enumerate(parts)
    )


def _of_list(value: list[Any], node: Node, costs: Costs, depth: int) -> Shape | None:
    types = node.types
    if "object" in types and node.enum is None:
        if not value:
            return None if node.required else Shape("coerced_object", {}, ())
        made = _from_pairs(value) or _from_singles(value, node)
        if made is not None and _improves(made.value, node, costs, depth):
            return made
    if len(value) == 1 and _improves(value[0], node, costs, depth):
        return Shape(_code_for(types), value[0], (0,))
    is_text = "string" in types and node.enum is None
    return Shape("coerced_string", value, None) if is_text else None


def _from_pairs(value: list[Any]) -> Shape | None:
    """``[["a", 1], ["b", 2]]`` or ``[{"key": "a", "value": 1}, ...]`` as an object."""
    for name, other in ((0, 1), *_PAIRS):
        if all(_is_pair(item, name, other) for item in value):
            made = {item[name]: item[other] for item in value}
            if len(made) == len(value):
                places: dict[Any, Place] = {item[name]: (i, other) for i, item in enumerate(value)}
                return Shape("coerced_object", made, places)
    return None


def _is_pair(item: Any, name: Any, other: Any) -> bool:
    if len(item) != 2 if isinstance(item, (list, dict)) else True:
        return False
    if isinstance(item, list):
        return name == 0 and item[0].__class__ is str
    return name in item and other in item and item[name].__class__ is str


def _from_singles(value: list[Any], node: Node) -> Shape | None:
    """``[{"a": 1}, {"b": 2}]`` as one object, where the schema knows every name."""
    made: dict[str, Any] = {}
    places: dict[Any, Place] = {}
    for i, item in enumerate(value):
        if item.__class__ is not dict or len(item) != 1 or len(value) < 2:
            return None
        name, inner = next(iter(item.items()))
        if name in made or not node.knows(name):
            return None
        made[name] = inner
        places[name] = (i, name)
    return Shape("coerced_object", made, places)


def _of_dict(value: dict[str, Any], node: Node, costs: Costs, depth: int) -> Shape | None:
    types = node.types
    if "array" in types:
        made = _numbered(value, node) or _listed(value, node, costs, depth)
        if made is not None:
            return made
        shape = _wrapped(value, node, costs, depth)
        if shape is not None:
            return shape
    if "string" in types:
        return Shape("coerced_string", value, None)
    return _unwrapped(value, node, costs, depth)


def _unwrapped(value: dict[str, Any], node: Node, costs: Costs, depth: int) -> Shape | None:
    """The scalar in ``{"value": 5}``."""
    if len(value) == 1:
        name, inner = next(iter(value.items()))
        is_scalar = not isinstance(inner, (list, dict)) and inner is not None
        if is_scalar and folded(name) in _WRAPPERS and _improves(inner, node, costs, depth):
            return Shape(_code_for(node.types), inner, (name,))
    return None


def _numbered(value: dict[str, Any], node: Node) -> Shape | None:
    """``{"0": "a", "1": "b"}`` as an array."""
    if not value:
        return Shape("coerced_array", [], ())
    first = next(iter(value))
    if first not in {"0", "1"} or (len(value) == 1 and first != "0"):
        return None
    start = int(first)
    if any(name != str(i) for i, name in enumerate(value, start)):
        return None
    places: dict[Any, Place] = {i: (name,) for i, name in enumerate(value)}
    return Shape("coerced_array", list(value.values()), places)


def _listed(value: dict[str, Any], node: Node, costs: Costs, depth: int) -> Shape | None:
    """``{"items": [...]}``, where the items are what is asked and the object is not."""
    if len(value) != 1:
        return None
    name, inner = next(iter(value.items()))
    item = node.item(0)
    if inner.__class__ is not list or (item is not None and item.knows(name)):
        return None
    if item is None or item.is_any or ("object" in item.types and not item.props):
        return None
    if _improves(inner, node, costs, depth):
        return Shape("coerced_array", inner, (name,))
    return None


def _code_for(types: frozenset[str]) -> str:
    """The code for a value that was taken out of its wrapping."""
    for kind in ("object", "array", "number", "integer", "boolean", "string"):
        if kind in types:
            return "coerced_number" if kind == "integer" else f"coerced_{kind}"
    return "coerced_null"
