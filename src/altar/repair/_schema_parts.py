"""Parts: what one schema says of a value, joined with the schemas it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ALL_TYPES", "Parts", "kind_of", "same"]

ALL_TYPES: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_OF_OBJECTS: Final = ("properties", "patternProperties")
_OF_ARRAYS: Final = ("items", "prefixItems")
_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def kind_of(value: Any) -> str:
    """The JSON type of a plain value; an integer is one, though it is a number too."""
    return _KINDS.get(value.__class__, "")


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal as JSON: ``true`` is not ``1``, ``3.0`` is ``3``."""
    return bool(one == other) and (one.__class__ is bool) is (other.__class__ is bool)


class Parts:
    """What a schema says, with everything it refers to merged in; ``choices`` are left open."""

    __slots__ = (
        "choices",
        "enum",
        "extra",
        "hint",
        "is_nullable",
        "items",
        "patterns",
        "prefix",
        "properties",
        "required",
        "types",
    )

    def __init__(self) -> None:
        self.types: frozenset[str] | None = None
        self.hint: str | None = None  # the type that other keywords speak of
        self.is_nullable = False
        self.enum: list[Any] | None = None
        self.properties: dict[str, Any] = {}
        self.required: list[str] = []
        self.extra: Any = None
        self.patterns: dict[str, Any] = {}
        self.prefix: list[Any] = []
        self.items: Any = None
        self.choices: list[list[Any]] = []

    def copy(self) -> Parts:
        """The same parts, without the choices, to be added to."""
        new = Parts()
        for name in Parts.__slots__:
            value = getattr(self, name)
            setattr(new, name, value.copy() if isinstance(value, (list, dict)) else value)
        new.choices = []
        return new

    def kinds(self) -> frozenset[str]:
        """The types that may stand here, as far as anything tells."""
        types = self.types
        if self.enum is not None:
            return frozenset(kind_of(value) for value in self.enum)
        if types is None and self.hint is not None:
            types = frozenset({self.hint})
        if types is None:
            return ALL_TYPES
        return types | {"null"} if self.is_nullable and types else types

    def allow_null(self) -> None:
        """Let null stand here too."""
        self.types = self.kinds() | {"null"}
        if self.enum is not None and None not in self.enum:
            self.enum.append(None)

    def narrow(self, types: frozenset[str]) -> None:
        """Keep only the types that are among ``types`` too."""
        mine = self.types
        if mine is not None:
            both = mine & types
            if ("number" in mine and "integer" in types) or (
                "integer" in mine and "number" in types
            ):
                both |= {"integer"}
            # two that exclude each other: the nearer one is the better guide
            types = both if both or not types else mine
        self.types = types

    def add(self, doc: Mapping[str, Any]) -> None:
        """Merge the keywords of one schema document, references aside."""
        if "type" in doc:
            types = _types_of(doc["type"])
            if types:
                self.narrow(types)
        if doc.get("nullable") is True:
            self.is_nullable = True
        if "enum" in doc and isinstance(doc["enum"], (list, tuple)):
            self._allow(list(doc["enum"]))
        if "const" in doc:
            self._allow([doc["const"]])
        self._add_object(doc)
        self._add_array(doc)
        for keyword in ("anyOf", "oneOf"):
            choice = doc.get(keyword)
            if isinstance(choice, (list, tuple)) and choice:
                self.choices.append(list(choice))
        for keyword in ("then", "else"):  # what holds on a condition may be there, but need not
            part = doc.get(keyword)
            if isinstance(part, Mapping):
                self._add_names(part.get("properties"))

    def _allow(self, values: list[Any]) -> None:
        if self.is_nullable and None not in values:
            values.append(None)
        if self.enum is not None:
            both = [value for value in self.enum if any(same(value, other) for other in values)]
            values = both or values
        self.enum = values

    def _add_names(self, properties: Any) -> None:
        if not isinstance(properties, Mapping):
            return
        for name, raw in properties.items():
            known = self.properties.get(name)
            clash = known is not None and known is not raw
            self.properties[name] = {"allOf": [known, raw]} if clash else raw

    def _add_object(self, doc: Mapping[str, Any]) -> None:
        if any(keyword in doc for keyword in _OF_OBJECTS):
            self.hint = "object"
        self._add_names(doc.get("properties"))
        required = doc.get("required")
        if isinstance(required, (list, tuple)):
            self.required += [name for name in required if isinstance(name, str)]
        patterns = doc.get("patternProperties")
        if isinstance(patterns, Mapping):
            self.patterns.update(patterns)
        extra = doc.get("additionalProperties")
        if isinstance(extra, (Mapping, bool)) and not isinstance(self.extra, Mapping):
            self.extra = extra

    def _add_array(self, doc: Mapping[str, Any]) -> None:
        if self.hint is None and any(keyword in doc for keyword in _OF_ARRAYS):
            self.hint = "array"
        items, prefix = doc.get("items"), doc.get("prefixItems")
        if isinstance(items, (list, tuple)):  # as before the draft of 2020
            items, prefix = doc.get("additionalItems"), items
        if isinstance(items, (Mapping, bool)) and self.items is None:
            self.items = items
        if isinstance(prefix, (list, tuple)) and not self.prefix:
            self.prefix = list(prefix)


def _types_of(named: Any) -> frozenset[str]:
    """The types a ``type`` keyword names, in any case; empty where it names none we know."""
    names = named if isinstance(named, (list, tuple)) else [named]
    return frozenset(
        name.lower() for name in names if isinstance(name, str) and name.lower() in ALL_TYPES
    )
