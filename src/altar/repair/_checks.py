"""Checks of what a caller gives: what is wrong, what is allowed, what to type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from altar.errors import ConfigurationError

__all__ = ["POLICIES", "check_document", "check_options", "no_text", "step_into"]

POLICIES: Final = ("best", "first", "last", "all")
_TYPES: Final = ("string", "number", "integer", "boolean", "array", "object", "null")
_GROUPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLES: Final = ("additionalProperties", "items", "not", "if", "then", "else")
_MANY: Final = 20_000
_NOWHERE: Final = object()
_checked: list[Any] = [None]  # the document that was checked last: most callers keep to one


def check_options(policy: Any, max_risk: Any) -> None:
    """Raise ConfigurationError where ``policy`` or ``max_risk`` is none."""
    if policy not in POLICIES:
        raise ConfigurationError(
            f"policy={_shown(policy)}: one of 'best', 'first', 'last' and 'all'; type policy='best'"
        )
    number = isinstance(max_risk, (int, float)) and not isinstance(max_risk, bool)
    if not number or not 0 <= max_risk <= 1:
        raise ConfigurationError(
            f"max_risk={_shown(max_risk)}: a number from 0 to 1; type max_risk=0.2"
        )


def no_text(given: Any) -> TypeError:
    """The error for what is neither text nor bytes."""
    if hasattr(given, "read"):
        hint = "read it first: repair.loads(file.read())"
    elif hasattr(given, "read_text"):
        hint = "read it first: repair.loads(path.read_text())"
    elif isinstance(given, memoryview):
        hint = "type repair.loads(bytes(view))"
    elif given is None:
        hint = "there is no text to read"
    else:
        hint = "a value that was read already needs no repair"
    return TypeError(f"the text is a str or bytes, not {type(given).__name__}; {hint}")


def check_document(document: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, with the path, where a JSON Schema can be none.

    Types, references into the document, and the kinds of the keywords that a
    repair goes by are looked at; what else a schema says is not.
    """
    if document is _checked[0]:
        return
    todo: list[tuple[str, Any]] = [("$", document)]
    seen: set[int] = set()
    while todo and len(seen) < _MANY:
        path, doc = todo.pop()
        if not isinstance(doc, Mapping):
            if not isinstance(doc, bool):
                raise _refused(path, doc, "a schema, which is an object, true or false")
            continue
        if id(doc) in seen:
            continue
        seen.add(id(doc))
        _check_types(path, doc)
        _check_reference(path, doc, document)
        todo += _below(path, doc)
    _checked[0] = document


def _check_types(path: str, doc: Mapping[str, Any]) -> None:
    named = doc.get("type", "null")
    for name in named if isinstance(named, (list, tuple)) else (named,):
        if not isinstance(name, str) or name.lower() not in _TYPES:
            raise _refused(f"{path}.type", name, f"one of {', '.join(_TYPES)}")
    for keyword in ("required", "enum"):
        if not isinstance(doc.get(keyword, []), (list, tuple)):
            raise _refused(f"{path}.{keyword}", doc[keyword], "an array")


def _check_reference(path: str, doc: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    ref = doc.get("$ref", "#")
    if not isinstance(ref, str):
        raise _refused(f"{path}['$ref']", ref, "a reference, such as '#/$defs/Name'")
    if ref.startswith("#/"):
        place: Any = document
        for step in unquote(ref[2:]).split("/"):
            place = step_into(place, step, _NOWHERE)
            if place is _NOWHERE:
                raise _refused(f"{path}['$ref']", ref, "a reference that leads somewhere")


def _below(path: str, doc: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The schemas within one, and their paths."""
    found: list[tuple[str, Any]] = []
    for keyword in _GROUPS:
        group = doc.get(keyword, {})
        if not isinstance(group, Mapping):
            raise _refused(f"{path}.{keyword}", group, "an object of schemas")
        found += [(f"{path}.{keyword}.{name}", one) for name, one in group.items()]
    for keyword in _LISTS:
        several = doc.get(keyword, ())
        if not isinstance(several, (list, tuple)):
            raise _refused(f"{path}.{keyword}", several, "an array of schemas")
        found += [(f"{path}.{keyword}[{at}]", one) for at, one in enumerate(several)]
    for keyword in _SINGLES:
        one = doc.get(keyword, True)
        if isinstance(one, (list, tuple)) and keyword == "items":  # as before the draft of 2020
            found += [(f"{path}.items[{at}]", each) for at, each in enumerate(one)]
        else:
            found.append((f"{path}.{keyword}", one))
    return found


def step_into(place: Any, step: str, nowhere: Any) -> Any:
    """What one step of a JSON Pointer leads to; ``nowhere`` where it leads to nothing."""
    step = step.replace("~1", "/").replace("~0", "~")
    if isinstance(place, Mapping):
        return place.get(step, nowhere)
    if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        return place[int(step)]
    return nowhere


def _refused(path: str, given: Any, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"the schema is none: {path} is {_shown(given)}; it must be {allowed}"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
