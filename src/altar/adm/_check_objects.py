"""Rules about objects: which properties there are, and what each holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from altar.adm._check_run import At, Rule, Run, Seen, Site
from altar.adm._check_values import wanted_words
from altar.adm._describe import brief, nearest
from altar.adm._regex import compile_pattern

__all__ = ["OBJECT_RULES"]


def _properties(site: Site, properties: Any) -> Rule:
    children = [(name, site.compile(schema)) for name, schema in properties.items()]

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name, child in children:
            if name in value:
                if seen is not None:
                    seen.names.add(name)
                if not child(value[name], (at, name), run, None):
                    if run.problems is None:
                        return False
                    good = False
        return good

    return check


def _searches(patterns: Any) -> list[tuple[Callable[[str], Any], Any]]:
    out: list[tuple[Callable[[str], Any], Any]] = []
    for pattern, schema in patterns.items():
        try:
            out.append((compile_pattern(pattern).search, schema))
        except ValueError:  # reported where the document is read; here every name matches
            out.append((lambda name: True, False))
    return out


def _pattern_properties(site: Site, patterns: Any) -> Rule:
    children = [(search, site.compile(schema)) for search, schema in _searches(patterns)]

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name, item in value.items():
            for search, child in children:
                if search(name):
                    if seen is not None:
                        seen.names.add(name)
                    if not child(item, (at, name), run, None):
                        if run.problems is None:
                            return False
                        good = False
        return good

    return check


def _additional_properties(site: Site, schema: Any) -> Rule | None:
    known = site.schema.get("properties", {})
    searches = [search for search, _ in _searches(site.schema.get("patternProperties", {}))]
    names = list(known)
    child = None if schema is False else site.compile(schema)
    expected = "no such property" if names or searches else "no properties"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name, item in value.items():
            if name in known or any(search(name) for search in searches):
                continue
            if seen is not None:
                seen.names.add(name)
            if child is None:
                if run.problems is None:
                    return False
                near = nearest(name, (known for known in names if known not in value))
                good = run.refuse((at, name), "additionalProperties", expected, item, near)
            elif not child(item, (at, name), run, None):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _unevaluated_properties(site: Site, schema: Any) -> Rule:
    child = None if schema is False else site.compile(schema)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict) or seen is None:
            return True
        good = True
        for name in [name for name in value if name not in seen.names]:
            seen.names.add(name)
            item = value[name]
            if child is None:
                if run.problems is None:
                    return False
                near = nearest(name, site.schema.get("properties", {}))
                place = (at, name)
                good = run.refuse(place, "unevaluatedProperties", "no such property", item, near)
            elif not child(item, (at, name), run, None):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _property_names(site: Site, schema: Any) -> Rule:
    child = site.compile(schema)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name in value:
            if not child(name, (at, name), run, None):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _required(site: Site, names: Any) -> Rule:
    known = site.schema.get("properties", {})

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name in names:
            if name not in value:
                if run.problems is None:
                    return False
                expected = wanted_words(known.get(name))
                good = run.refuse_as((at, name), "required", expected, _nothing, None)
        return good

    return check


def _nothing(value: Any) -> str:
    return "nothing"


def _dependent_required(site: Site, dependencies: Any) -> Rule:
    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for holder, names in dependencies.items():
            if holder not in value:
                continue
            for name in names:
                if name not in value:
                    expected = f"this property, which {brief(holder)[7:]} requires"
                    place = (at, name)
                    good = run.refuse_as(place, "dependentRequired", expected, _nothing, None)
        return good

    return check


def _dependent_schemas(site: Site, dependencies: Any) -> Rule:
    children = [(name, site.compile(schema)) for name, schema in dependencies.items()]

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, dict):
            return True
        good = True
        for name, child in children:
            if name in value and not child(value, at, run, seen):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _size(keyword: str, words: str, holds: Callable[[int, Any], bool]) -> Any:
    def compile_size(site: Site, limit: Any) -> Rule:
        expected = f"{words} {limit} {'property' if limit == 1 else 'properties'}"

        def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            if not isinstance(value, dict) or holds(len(value), limit):
                return True
            return run.refuse(at, keyword, expected, value)

        return check

    return compile_size


OBJECT_RULES: dict[str, Callable[[Site, Any], Rule | None]] = {
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "minProperties": _size("minProperties", "at least", lambda size, limit: bool(size >= limit)),
    "maxProperties": _size("maxProperties", "at most", lambda size, limit: bool(size <= limit)),
    "unevaluatedProperties": _unevaluated_properties,
}
