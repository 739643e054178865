"""Arguments that HTTP headers repeat: ``x-mcp-header`` in an input schema, since 2026-07-28."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altar.mcp._words import PARAM_HEADER, encode_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["param_headers", "params_of"]

_KEY = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLAIN = ("string", "integer", "boolean")
# keywords whose values are data, in which the key would be no annotation
_DATA = ("default", "examples", "const", "enum")
_NAMED = ("$defs", "definitions", "patternProperties", "dependentSchemas")
_DEPTH = 64


def params_of(schema: Mapping[str, Any]) -> dict[tuple[str, ...], str] | str:
    """Path of properties -> header, or the reason why the schema's annotations are no good.

    A client must leave a tool out whose annotations are no good.
    """
    found: dict[tuple[str, ...], str] = {}
    names: set[str] = set()
    for path, node in _nodes(schema, (), 0):
        if _KEY not in node:
            continue
        header = node[_KEY]
        if not path:
            return f"{_KEY} stands where no property of the arguments is"
        where = ".".join(path)
        if not isinstance(header, str) or not _TOKEN.fullmatch(header):
            return f"{_KEY} of {where!r} is no name of an HTTP header"
        if node.get("type") not in _PLAIN:
            return f"{_KEY} of {where!r} is on something other than a {', '.join(_PLAIN)}"
        if header.lower() in names:
            return f"{_KEY} {header!r} is there twice"
        names.add(header.lower())
        found[path] = header
    return found


def param_headers(
    mirrored: Mapping[tuple[str, ...], str], args: Mapping[str, Any]
) -> dict[str, str] | None:
    """The headers that repeat these arguments; None where there are none."""
    found: dict[str, str] = {}
    for path, header in mirrored.items():
        value: Any = args
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, bool):
            found[PARAM_HEADER + header.lower()] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            found[PARAM_HEADER + header.lower()] = encode_header(str(value))
    return found or None


def _nodes(
    node: Any, path: tuple[str, ...] | None, depth: int
) -> Iterator[tuple[tuple[str, ...] | None, Mapping[str, Any]]]:
    """Every schema within, with its path where only properties lead to it."""
    if not isinstance(node, dict) or depth > _DEPTH:
        return
    yield path, node
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            for name, inner in value.items():
                yield from _nodes(inner, None if path is None else (*path, name), depth + 1)
        elif key not in _DATA:
            for inner in _within(key, value):
                yield from _nodes(inner, None, depth + 1)


def _within(key: str, value: Any) -> list[Any]:
    """The schemas that the value of a keyword holds."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [*value.values()] if key in _NAMED else [value]
    return []
