"""Schema: what a value must look like, held as one JSON Schema 2020-12 document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from altar.adm._adm10 import render_adm10
from altar.adm._check import Checker
from altar.adm._dialects import copy_json, render_adm, render_json_schema, unknown_keywords
from altar.adm._equal import json_equal, json_key
from altar.adm._frozen import Frozen
from altar.adm._jsonschema import read_document
from altar.adm._problem import Problem
from altar.adm._rendered import Loss, Rendered
from altar.adm._schema_type import SchemaType
from altar.errors import ConfigurationError, InvalidDataError

__all__ = ["Schema"]

_DIALECTS = {"adm": render_adm, "adm-1.0": render_adm10, "json-schema": render_json_schema}
_OWN = ("type", "description", "properties", "required", "items", "enum")


class Schema(Frozen):
    """A frozen JSON Schema 2020-12 document with the ADM's view of it.

    Built from parts (``extra`` holds every other JSON Schema keyword), read
    with :meth:`from_dict`, written with :meth:`render` or :meth:`to_dict`.
    ``properties`` and ``items`` take schemas, mappings or booleans; ``type``
    takes a name in any case, or several. Raises InvalidDataError with every
    problem when the parts are no valid schema.

    Two schemas are equal when their documents are equal as JSON.
    """

    __slots__ = ("_checker", "_strict", "document")

    document: dict[str, Any] | bool
    _checker: Checker | None
    _strict: Checker | None

    def __init__(
        self,
        *,
        type: str | Iterable[str] | None = None,  # noqa: A002 - the keyword's own name
        description: str | None = None,
        properties: Mapping[str, Any] | None = None,
        required: Iterable[str] | None = None,
        items: Any = None,
        enum: Iterable[Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        parts = (
            type if type is None or isinstance(type, str) else list(type),
            description,
            properties,
            required if required is None or isinstance(required, str) else list(required),
            items,
            enum if enum is None or isinstance(enum, str) else list(enum),
        )
        source = {name: part for name, part in zip(_OWN, parts, strict=True) if part is not None}
        for keyword, value in (extra or {}).items():
            if keyword in source:
                twice = Problem(f"$.{keyword}", "the keyword once", "the keyword twice")
                raise InvalidDataError("Schema", [twice])
            source[keyword] = value
        _fill(self, _read(source))

    @classmethod
    def from_dict(cls, document: Any) -> Schema:
        """Read a JSON Schema or ADM document: types in any case, ``nullable``, booleans.

        The document is copied. Keywords nobody knows are kept, and listed by
        :meth:`unknown_keywords`. Raises InvalidDataError with all problems.
        """
        if isinstance(document, Schema):
            return document
        return cls.trusted(_read(document))

    @classmethod
    def trusted(cls, document: dict[str, Any] | bool) -> Schema:
        """Take over a JSON Schema 2020-12 document as it is: no check, no copy."""
        schema = cls.__new__(cls)
        _fill(schema, document)
        return schema

    @property
    def type(self) -> SchemaType | None:
        """The one type besides null, or None where there is no type or several."""
        kind = self._get("type")
        names = [kind] if isinstance(kind, str) else [name for name in kind or () if name != "null"]
        if kind == ["null"]:
            names = ["null"]
        return SchemaType(names[0].upper()) if len(names) == 1 else None

    @property
    def nullable(self) -> bool:
        """Whether null is named among the types or the alternatives."""
        kind = self._get("type")
        if isinstance(kind, list):
            return "null" in kind
        branches = [*(self._get("anyOf") or ()), *(self._get("oneOf") or ())]
        return kind == "null" or any(branch == {"type": "null"} for branch in branches)

    @property
    def description(self) -> str | None:
        """The description, or None."""
        text = self._get("description")
        return text if isinstance(text, str) else None

    @property
    def properties(self) -> Mapping[str, Schema]:
        """The named properties; empty where there are none."""
        named = self._get("properties") or {}
        return MappingProxyType({name: self._inner(item) for name, item in named.items()})

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the properties that must be there."""
        return tuple(self._get("required") or ())

    @property
    def items(self) -> Schema | None:
        """The schema of the items (those after ``prefixItems``), or None."""
        items = self._get("items")
        return None if items is None else self._inner(items)

    @property
    def enum(self) -> tuple[Any, ...] | None:
        """The allowed values, or None where they are not listed."""
        values = self._get("enum")
        return None if values is None else tuple(values)

    def render(self, dialect: str = "adm") -> Rendered:
        """The document in a dialect ("adm", "adm-1.0", "json-schema"), and what it could not say.

        "adm" and "json-schema" carry everything; "adm-1.0" keeps to the
        published rules and lists each thing they cannot express.
        """
        writer = _DIALECTS.get(dialect)
        if writer is None:
            known = ", ".join(repr(name) for name in _DIALECTS)
            raise ConfigurationError(f"no schema dialect {dialect!r}: use one of {known}")
        return writer(self.document)

    def to_dict(self, dialect: str = "adm") -> Any:
        """The document in a dialect; the caller owns it. See :meth:`render`."""
        return self.render(dialect).document

    def checker(self, *, strict: bool = False) -> Checker:
        """The compiled checker, made on first use; see :meth:`check`."""
        known = self._strict if strict else self._checker
        if known is None:
            known = Checker(self.document, formats=strict, int64=strict)
            object.__setattr__(self, "_strict" if strict else "_checker", known)
        return known

    def check(self, value: Any, *, strict: bool = False) -> tuple[Problem, ...]:
        """Every problem of a JSON value, each with its path; () when it holds.

        ``strict`` asserts ``format`` too, and 64 bits for integers.
        """
        return self.checker(strict=strict).check(value)

    def unknown_keywords(self) -> tuple[Loss, ...]:
        """The keywords nothing checks: unknown to JSON Schema 2020-12, and without a prefix."""
        return unknown_keywords(self.document)

    def _get(self, keyword: str) -> Any:
        return self.document.get(keyword) if isinstance(self.document, dict) else None

    def _inner(self, document: Any) -> Schema:
        """A subschema that stands alone: it takes along the definitions its references name."""
        if isinstance(document, dict) and isinstance(self.document, dict):
            shared = self.document.get("$defs")
            if shared and "$defs" not in document and "$ref" in repr(document):
                document = {**document, "$defs": shared}
        return Schema.trusted(document)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return self.document is other.document or json_equal(self.document, other.document)

    def __hash__(self) -> int:
        return hash(json_key(self.document))

    def __repr__(self) -> str:
        text = repr(self.document)
        return f"Schema({text if len(text) <= 200 else text[:199] + '…'})"

    def __copy__(self) -> Schema:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Schema:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Schema.trusted, (copy_json(self.document),)


def _fill(schema: Schema, document: dict[str, Any] | bool) -> None:
    put = object.__setattr__
    put(schema, "document", document)
    put(schema, "_checker", None)
    put(schema, "_strict", None)


def _read(source: Any) -> Any:
    document, problems = read_document(source)
    if problems:
        raise InvalidDataError("Schema", problems)
    return document
