"""Writing schemas: the ADM and JSON Schema dialects, which carry everything."""

from __future__ import annotations

from typing import Any

from altar.adm._describe import safe_path
from altar.adm._keywords import KEYWORDS, Holds, is_extension, subschemas
from altar.adm._rendered import Loss, Rendered

__all__ = ["copy_json", "render_adm", "render_json_schema", "unknown_keywords"]

Steps = tuple[str | int, ...]
_BLOCKERS = ("const", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if")


def render_json_schema(document: Any) -> Rendered:
    """The document as JSON Schema 2020-12: as it is, in a copy of its own."""
    return Rendered(copy_json(document), unknown_keywords(document))


def render_adm(document: Any) -> Rendered:
    """The document in the ADM's words: upper-case types, ``nullable``, the rest beside them."""
    return Rendered(_adm(document), unknown_keywords(document))


def unknown_keywords(document: Any) -> tuple[Loss, ...]:
    """The keywords that JSON Schema 2020-12 does not know and no prefix explains."""
    out: list[Loss] = []
    pending: list[tuple[Steps, Any]] = [((), document)]
    while pending:
        steps, schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        for keyword in schema:
            if keyword not in KEYWORDS and not is_extension(keyword):
                reason = "no keyword of JSON Schema 2020-12: kept, but nothing checks it"
                out.append(Loss(safe_path(list(steps)), keyword, reason))
        inner = [((*steps, *more), item) for more, item in subschemas(schema)]
        pending.extend(reversed(inner))
    return tuple(out)


def copy_json(value: Any) -> Any:
    """A deep copy of JSON data."""
    if isinstance(value, dict):
        return {name: copy_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return value


def _adm(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    nullable = _says_nullable(schema)
    for keyword, value in schema.items():
        holds = KEYWORDS.get(keyword)
        if keyword == "type":
            if nullable:
                out["type"] = value[0].upper()
                out["nullable"] = True
            else:
                out["type"] = value.upper() if isinstance(value, str) else _upper(value)
        elif keyword == "enum" and nullable and value[-1] is None and value.count(None) == 1:
            out["enum"] = copy_json(value[:-1])
        elif holds is Holds.SCHEMA:
            out[keyword] = _adm(value)
        elif holds is Holds.SCHEMAS:
            out[keyword] = [_adm(item) for item in value]
        elif holds is Holds.SCHEMA_MAP:
            out[keyword] = {name: _adm(item) for name, item in value.items()}
        else:
            out[keyword] = copy_json(value)
    return out


def _upper(names: list[str]) -> list[str]:
    return [name.upper() for name in names]


def _says_nullable(schema: dict[str, Any]) -> bool:
    """Whether ``nullable: true`` beside a single type reads back as this very schema."""
    kind = schema.get("type")
    if not isinstance(kind, list) or len(kind) != 2 or kind[1] != "null" or kind[0] == "null":
        return False
    if any(keyword in schema for keyword in _BLOCKERS):
        return False
    values = schema.get("enum")
    return values is None or (isinstance(values, list) and None in values)
