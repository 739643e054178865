"""Reading schemas: JSON Schema or ADM, types in any case, every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from altar.adm._check_library import Library
from altar.adm._describe import brief, nearest, safe_path
from altar.adm._keywords import KEYWORDS, MAX_DEPTH, TYPES, Holds, subschemas
from altar.adm._problem import Problem
from altar.adm._regex import compile_pattern

__all__ = ["read_document"]

_MAX_PROBLEMS = 64
_MAX_SIZE = 250_000
_BLOCKERS = ("const", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if")
_ANNOTATIONS = ("title", "description", "default", "examples", "deprecated", "$comment")

Steps = tuple[str | int, ...]


def read_document(source: Any) -> tuple[Any, list[Problem]]:
    """An own JSON Schema 2020-12 document made from a foreign one, and what is wrong with it.

    ``nullable`` becomes the type "null", types become lower case; keywords
    nobody knows stay as they are. The document is usable only without problems.
    """
    reader = _Reader()
    document: Any = True
    try:
        document = reader.schema(source, ())
        if not reader.problems:
            reader.references(document)
    except _StoppedError:
        pass
    return document, reader.problems


class _StoppedError(Exception):
    """Ends the reading of a document that is too deep, too large or too faulty."""


class _Reader:
    """Copies a schema document and gathers its problems on the way."""

    __slots__ = ("_size", "problems")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._size = 0

    def refuse(
        self, steps: Steps, expected: str, value: Any, keyword: str, near: str | None = None
    ) -> None:
        path = safe_path(list(steps))
        self.problems.append(Problem(path, expected, brief(value), keyword=keyword, nearest=near))
        if len(self.problems) >= _MAX_PROBLEMS:
            raise _StoppedError

    def schema(self, source: Any, steps: Steps) -> Any:
        """One schema, its subschemas included."""
        if isinstance(source, bool):
            return source
        document = getattr(source, "document", None)
        if document is not None and type(source).__name__ == "Schema":
            return self.schema(document, steps)
        if not isinstance(source, Mapping):
            self.refuse(steps, Holds.SCHEMA.value, source, "schema")
            return True
        self._enter(steps, source)
        out: dict[str, Any] = {}
        for keyword, value in source.items():
            if not isinstance(keyword, str):
                self.refuse(steps, "names that are strings", keyword, "schema")
            elif keyword == "nullable":
                if not isinstance(value, bool):
                    self.refuse((*steps, keyword), Holds.BOOLEAN.value, value, keyword)
            elif self._text(keyword, steps):
                out[keyword] = self._keyword(keyword, value, (*steps, keyword))
        return _nullable(out) if source.get("nullable") is True else out

    def _keyword(self, keyword: str, value: Any, steps: Steps) -> Any:
        holds = KEYWORDS.get(keyword)
        if holds is Holds.SCHEMA:
            return self.schema(value, steps)
        if holds is Holds.TYPE:
            return self._type(value, steps)
        if holds is Holds.SCHEMAS:
            if isinstance(value, (list, tuple)) and value:
                return [self.schema(item, (*steps, at)) for at, item in enumerate(value)]
            self.refuse(steps, holds.value, value, keyword)
            return []
        if holds is Holds.SCHEMA_MAP:
            return self._schema_map(keyword, value, steps)
        copy = self.json(value, steps)
        if holds is not None and holds is not Holds.ANY and not _HOLDS[holds](copy):
            self.refuse(steps, holds.value, copy, keyword)
        elif keyword == "pattern":
            self._pattern(copy, steps)
        return copy

    def _schema_map(self, keyword: str, value: Any, steps: Steps) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(steps, Holds.SCHEMA_MAP.value, value, keyword)
            return {}
        out = {}
        for name, item in value.items():
            if not isinstance(name, str):
                self.refuse(steps, "names that are strings", name, keyword)
            elif self._text(name, steps):
                out[name] = self.schema(item, (*steps, name))
                if keyword == "patternProperties":
                    self._pattern(name, (*steps, name))
        return out

    def _pattern(self, pattern: str, steps: Steps) -> None:
        try:
            compile_pattern(pattern)
        except ValueError as error:
            expected = f"{Holds.PATTERN.value} ({str(error)[:120]})"
            self.refuse(steps, expected, pattern, "pattern")

    def _type(self, value: Any, steps: Steps) -> Any:
        if isinstance(value, (list, tuple)):
            names = [self._type_name(item, (*steps, at)) for at, item in enumerate(value)]
            if not names or len(set(names)) < len(names):
                self.refuse(steps, Holds.TYPE.value, value, "type")
            return names
        return self._type_name(value, steps)

    def _type_name(self, value: Any, steps: Steps) -> str:
        if isinstance(value, str):
            name = str(value).lower()
            if name in TYPES:
                return name
        near = _ALIASES.get(value.lower(), nearest(value.lower(), TYPES)) if isinstance(
            value, str) else None  # fmt: skip
        self.refuse(steps, "one of " + ", ".join(TYPES), value, "type", near)
        return "null"

    def json(self, value: Any, steps: Steps) -> Any:
        """A copy of plain JSON data."""
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            if not isfinite(value):
                self.refuse(steps, "a finite number", value, "json")
            return value
        if isinstance(value, str):
            self._text(value, steps)
            return str(value)
        if isinstance(value, (list, tuple)):
            self._enter(steps, value)
            return [self.json(item, (*steps, at)) for at, item in enumerate(value)]
        if isinstance(value, Mapping):
            self._enter(steps, value)
            return self._json_object(value, steps)
        self.refuse(steps, "a JSON value", value, "json")
        return None

    def _json_object(self, value: Mapping[Any, Any], steps: Steps) -> dict[str, Any]:
        out = {}
        for name, item in value.items():
            if not isinstance(name, str):
                self.refuse(steps, "names that are strings", name, "json")
            elif self._text(name, steps):
                out[name] = self.json(item, (*steps, name))
        return out

    def _text(self, text: str, steps: Steps) -> bool:
        if text.isascii():
            return True
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.refuse(steps, "text without lone surrogates", text, "surrogate")
            return False
        return True

    def _enter(self, steps: Steps, value: Any) -> None:
        """Bound the depth, and the size: few shared parts can spell an endless document."""
        self._size += 1 + len(value)
        if len(steps) >= MAX_DEPTH:
            self.refuse(steps[:8], f"at most {MAX_DEPTH} nested levels", value, "depth")
            raise _StoppedError
        if self._size > _MAX_SIZE:
            self.refuse((), f"at most {_MAX_SIZE} parts in all", value, "size")
            raise _StoppedError

    def references(self, document: Any) -> None:
        """Report the references that lead nowhere inside the document itself."""
        library = Library(document)
        pending: list[tuple[Steps, Any]] = [((), document)]
        while pending:
            steps, schema = pending.pop()
            if not isinstance(schema, dict):
                continue
            home = library.home(schema, library.main)
            for keyword in ("$ref", "$dynamicRef"):
                reference = schema.get(keyword)
                if isinstance(reference, str) and library.is_known(home, reference):
                    try:
                        library.find(home, reference)
                    except LookupError as error:
                        expected = f"a reference that leads somewhere ({error.args[0]})"
                        self.refuse((*steps, keyword), expected, reference, keyword)
            pending.extend(((*steps, *inner), item) for inner, item in subschemas(schema))


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, widened to accept null too (OpenAPI's and the ADM's ``nullable``)."""
    if any(keyword in schema for keyword in _BLOCKERS):
        return _with_null_branch(schema)
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
    elif isinstance(kind, list) and "null" not in kind:
        schema["type"] = [*kind, "null"]
    values = schema.get("enum")
    if isinstance(values, list) and None not in values:
        schema["enum"] = [*values, None]
    return schema


def _with_null_branch(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    outer = {key: value for key, value in schema.items() if key in _ANNOTATIONS}
    null = {"type": "null"}
    branches = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    if isinstance(branches, list) and null not in branches:
        branches = [*branches, null]
    return {**outer, "anyOf": branches}


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(item, str) for item in value)
        and len(set(value)) == len(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_anchor(value: Any) -> bool:
    if not isinstance(value, str) or not value.isascii() or not value:
        return False
    head = value[0].isalpha() or value[0] == "_"
    return head and value.translate(_ANCHOR_MARKS).isalnum()


_ANCHOR_MARKS = str.maketrans("-._", "000")

_HOLDS: dict[Holds, Callable[[Any], bool]] = {
    Holds.STRING: lambda value: isinstance(value, str),
    Holds.URI: lambda value: isinstance(value, str),
    Holds.BASE_URI: lambda value: isinstance(value, str) and "#" not in value[:-1],
    Holds.ANCHOR: _is_anchor,
    Holds.PATTERN: lambda value: isinstance(value, str),
    Holds.BOOLEAN: lambda value: isinstance(value, bool),
    Holds.NUMBER: _is_number,
    Holds.POSITIVE: lambda value: _is_number(value) and value > 0,
    Holds.COUNT: _is_count,
    Holds.NAMES: _is_names,
    Holds.NAMES_MAP: lambda value: isinstance(value, dict) and all(map(_is_names, value.values())),
    Holds.FLAGS: lambda value: (
        isinstance(value, dict) and all(isinstance(item, bool) for item in value.values())
    ),
    Holds.ARRAY: lambda value: isinstance(value, list),
}

_ALIASES = {
    "dict": "object", "map": "object", "hashmap": "object", "struct": "object",
    "list": "array", "tuple": "array", "set": "array", "arraylist": "array",
    "float": "number", "double": "number", "decimal": "number",
    "int": "integer", "long": "integer", "short": "integer", "byte": "integer",
    "str": "string", "text": "string", "char": "string",
    "bool": "boolean", "none": "null", "nil": "null",
}  # fmt: skip
