"""Schemas as Python types that pydantic validates."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Literal, Optional, Protocol, Union

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, SchemaError

from altar.adm import Schema, json_steps
from altar_extras._pydantic_out import line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import Problem

__all__ = ["Models", "Types"]

_NOTES = {
    *("title", "description", "default", "examples", "$comment", "$schema", "$defs"),
    *("discriminator", "deprecated", "readOnly", "writeOnly", "nullable"),
}
_FORMATS: dict[str, Any] = {
    "date-time": datetime,
    "date": date,
    "time": time,
    "duration": timedelta,
    "uuid": uuid.UUID,
}
_TEXT = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_NUMBER = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_ITEMS = {"minItems": "min_length", "maxItems": "max_length"}
_FIELDS = {"minProperties": "min_length", "maxProperties": "max_length"}
_KNOWN = {
    "string": {*_TEXT, "format"},
    "integer": {*_NUMBER},
    "number": {*_NUMBER},
    "boolean": set[str](),
    "null": set[str](),
    "array": {*_ITEMS, "items", "prefixItems"},
    "object": {*_FIELDS, "properties", "required", "additionalProperties"},
}


class Models(Protocol):
    """Makes models of objects."""

    def resolved(self, node: Any) -> tuple[Any, str | None]:
        """What a node says, and the definition that says it."""
        ...

    def named(self, label: str, name: str | None = None) -> Any:
        """The model of a definition, or its name while it is being made."""
        ...

    def model(self, body: dict[str, Any], name: str, *, named: bool = False) -> Any:
        """The model of one object."""
        ...


class Types:
    """The type of each node of one document."""

    def __init__(self, defs: dict[str, Any], models: Models) -> None:
        self._defs = defs
        self._models = models
        self._open: set[str] = set()  # definitions of no objects that are being read

    def of(self, node: Any, name: str) -> Any:
        """The annotation of a value that ``node`` describes; ``name`` is for models below it."""
        if node is False:
            return self._checked(Any, False)
        if not isinstance(node, dict):
            return Any
        if "$ref" in node:
            return self._reference(node, name)
        keywords = node.keys() - _NOTES
        if not keywords:
            return Any
        if "const" in node or "enum" in node:
            return self._literal(node, keywords)
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return self._union(node, keywords, branches, name)
        return self._typed(node, keywords, name)

    def model_check(self, node: dict[str, Any]) -> Any:
        """A validator of a whole model: what its fields do not say."""
        check = self._check(node)

        def altar_check(_: type[Any], data: Any) -> Any:
            return check(data) if isinstance(data, dict) else data

        made: Any = classmethod(altar_check)
        return model_validator(mode="before")(made)

    # -- kinds of nodes ------------------------------------------------------------------

    def _reference(self, node: dict[str, Any], name: str) -> Any:
        body, label = self._models.resolved(node)
        beside = {key: node[key] for key in node.keys() - _NOTES - {"$ref"}}
        if label is None:
            found: Any = self._checked(Any, node) if body is True else self.of(body, name)
        elif isinstance(body, dict) and body.get("properties"):
            made = self._models.named(label)
            found = ForwardRef(made) if isinstance(made, str) else made
        elif label in self._open:  # a recursive type that is no object
            found = self._checked(Any, node)
        else:
            self._open.add(label)
            found = self.of(body, label)
            self._open.discard(label)
        return self._checked(found, beside) if beside else found

    def _literal(self, node: dict[str, Any], keywords: set[str]) -> Any:
        values = node["enum"] if "enum" in node else [node["const"]]
        plain = all(value is None or isinstance(value, (str, int)) for value in values)
        numbers = {type(value) for value in values} & {int, bool}
        if not plain or not values or len(numbers) > 1:
            return self._checked(Any, node)
        found: Any = Literal[tuple(values)]
        rest = keywords - {"enum", "const", "type"}
        return self._checked(found, node) if rest or numbers else found

    def _union(
        self, node: dict[str, Any], keywords: set[str], branches: list[Any], name: str
    ) -> Any:
        made = [self.of(branch, f"{name}_{at}") for at, branch in enumerate(branches, 1)]
        tag = self._tag(branches)
        found: Any = Union[tuple(made)]  # noqa: UP007 - of a list
        if tag is not None:
            found = Annotated[found, Field(discriminator=tag)]
        rest = keywords - {"anyOf"} - ({"oneOf"} if tag is not None else set())
        return self._checked(found, node) if rest else found

    def _tag(self, branches: list[Any]) -> str | None:
        """The property whose constant says which branch a value is of."""
        bodies = [self._models.resolved(branch)[0] for branch in branches]
        if len(bodies) < 2 or not all(
            isinstance(body, dict) and "properties" in body for body in bodies
        ):
            return None
        for name in bodies[0]["properties"]:
            values = [_constant(body, name) for body in bodies]
            if all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
                return name if name.isidentifier() and not name.startswith("_") else None
        return None

    def _typed(self, node: dict[str, Any], keywords: set[str], name: str) -> Any:
        kinds: Any = node.get("type")
        listed: list[Any] = kinds if isinstance(kinds, list) else [kinds]
        if kinds is None and "properties" in node:
            listed = ["object"]
        if not listed or any(kind not in _KNOWN for kind in listed):
            return self._checked(Any, node)
        found: Any = None
        solid = [kind for kind in listed if kind != "null"]
        if len(solid) > 1:
            found = Union[tuple(self._one(kind, {}, name) for kind in solid)]  # noqa: UP007
            found = self._checked(found, node) if keywords - {"type"} else found
        elif solid:
            found = self._one(solid[0], node, name)
            if keywords - {"type"} - _KNOWN[solid[0]] or _is_open(solid[0], node):
                found = self._checked(found, node)
        return Optional[found] if "null" in listed else found  # noqa: UP045 - of a value

    def _one(self, kind: str, node: dict[str, Any], name: str) -> Any:
        if kind == "string":
            of_format = _FORMATS.get(node.get("format", ""))
            if of_format is not None and not node.keys() & _TEXT.keys():
                return self._checked(of_format, node)
            return self._checked(str, node) if "format" in node else self._bounded(str, node, _TEXT)
        if kind == "integer":
            return self._bounded(int, node, _NUMBER)
        if kind == "number":
            return self._bounded(float, node, _NUMBER)
        if kind == "array":
            return self._array(node, name)
        if kind == "object":
            return self._object(node, name)
        return bool if kind == "boolean" else None

    def _array(self, node: dict[str, Any], name: str) -> Any:
        items = node.get("items", True)
        if "prefixItems" not in node:
            return _bounded(list[self.of(items, f"{name}_item")], node, _ITEMS)  # type: ignore[misc]
        first = node["prefixItems"]
        closed = items is False or node.get("maxItems") == len(first)
        if not (closed and node.get("minItems") == len(first)):
            return self._checked(list[Any], node)
        parts = [self.of(one, f"{name}_{at}") for at, one in enumerate(first)]
        return tuple[tuple(parts)]  # type: ignore[misc]

    def _object(self, node: dict[str, Any], name: str) -> Any:
        if "properties" in node:
            return self._models.model(node, name)
        rest = node.get("additionalProperties", True)
        return _bounded(dict[str, self.of(rest, f"{name}_value")], node, _FIELDS)  # type: ignore[misc]

    def _bounded(self, found: Any, node: dict[str, Any], table: dict[str, str]) -> Any:
        """The type with its bounds; checked by altar where pydantic cannot say one of them."""
        made = _bounded(found, node, table)
        try:
            TypeAdapter(made)
        except (SchemaError, TypeError, ValueError, OverflowError):
            return self._checked(_bounded(found, {}, table), node)
        return made

    # -- what Python's types do not say --------------------------------------------------

    def _checked(self, found: Any, node: Any) -> Any:
        return Annotated[found, BeforeValidator(self._check(node))]

    def _check(self, node: Any) -> Callable[[Any], Any]:
        """A validator that lets JSON pass as it is, once the schema takes it; and what is built."""
        document = {**node, "$defs": self._defs} if isinstance(node, dict) and self._defs else node
        schema = Schema.from_dict(document)

        def check(value: Any) -> Any:
            if value is not None and not isinstance(value, (str, int, float, list, dict)):
                return value  # an object of Python's, as pydantic takes it
            problems = schema.check(value)
            if problems:
                raise ValidationError.from_exception_data("schema", _lines(problems, value))
            return value

        return check


def _lines(problems: tuple[Problem, ...], value: Any) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(type=line_of(one.to_dict()), loc=json_steps(one.path), input=value)
        for one in problems
    ]


def _bounded(found: Any, node: dict[str, Any], table: dict[str, str]) -> Any:
    said = {option: node[keyword] for keyword, option in table.items() if keyword in node}
    if found is float:
        said["allow_inf_nan"] = False
    found = Annotated[found, Field(**said)] if said else found
    return Annotated[found, BeforeValidator(_no_boolean)] if table is _NUMBER else found


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):  # which is an int in Python, and a 1 to pydantic
        raise PydanticCustomError("type", "Input should be a number, not a boolean")
    return value


def _constant(body: dict[str, Any], name: str) -> Any:
    node = body["properties"].get(name)
    if not isinstance(node, dict) or name not in body.get("required", ()):
        return None
    listed = node.get("enum") or [None]
    return node.get("const", listed[0] if len(listed) == 1 else None)


def _is_open(kind: str, node: dict[str, Any]) -> bool:
    """Whether an object asks for properties that it does not describe."""
    return kind == "object" and "properties" not in node and bool(node.get("required"))
