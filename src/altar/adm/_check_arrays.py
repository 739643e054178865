"""Rules about arrays: how many items there are, and what each holds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from altar.adm._check_run import At, Rule, Run, Seen, Site
from altar.adm._equal import json_key

__all__ = ["ARRAY_RULES"]


def _prefix_items(site: Site, schemas: Any) -> Rule:
    children = [site.compile(schema) for schema in schemas]

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list):
            return True
        good = True
        for index, (item, child) in enumerate(zip(value, children, strict=False)):
            if seen is not None:
                seen.indexes.add(index)
            if not child(item, (at, index), run, None):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _items(site: Site, schema: Any) -> Rule:
    first = len(site.schema.get("prefixItems", ()))
    if schema is False:
        return _no_more_items(first)
    child = site.compile(schema)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list):
            return True
        if seen is not None:
            seen.indexes.update(range(first, len(value)))
        good = True
        for index in range(first, len(value)):
            if not child(value[index], (at, index), run, None):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _no_more_items(first: int) -> Rule:
    expected = f"at most {first} item{'' if first == 1 else 's'}"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list) or len(value) <= first:
            return True
        return run.refuse(at, "items", expected, value)

    return check


def _contains(site: Site, schema: Any) -> Rule:
    child = site.compile(schema)
    least = site.schema.get("minContains", 1)
    most = site.schema.get("maxContains")
    limits = f"at least {least}" if most is None else f"{least} to {most}"
    expected = f"an array with {limits} items of the kind its schema names under contains"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list):
            return True
        found = 0
        for index, item in enumerate(value):
            if run.verdict(child, item, (at, index), None):
                found += 1
                if seen is not None:
                    seen.indexes.add(index)
                elif found >= least and most is None:
                    return True
        if found < least or (most is not None and found > most):
            return run.refuse_as(at, "contains", expected, _matching, found)
        return True

    return check


def _matching(found: int) -> str:
    return f"{found} of them"


def _unique_items(site: Site, wanted: Any) -> Rule | None:
    if wanted is not True:
        return None

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list):
            return True
        places: dict[Hashable, int] = {}
        good = True
        for index, item in enumerate(value):
            first = places.setdefault(json_key(item), index)
            if first != index:
                if run.problems is None:
                    return False
                place = (at, index)
                good = run.refuse_as(
                    place, "uniqueItems", "an item unlike all others", _twin, first
                )
        return good

    return check


def _twin(first: int) -> str:
    return f"the same as item {first}"


def _unevaluated_items(site: Site, schema: Any) -> Rule:
    child = None if schema is False else site.compile(schema)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        if not isinstance(value, list) or seen is None:
            return True
        good = True
        for index in [index for index in range(len(value)) if index not in seen.indexes]:
            seen.indexes.add(index)
            item = value[index]
            if child is None:
                good = run.refuse((at, index), "unevaluatedItems", "no such item", item)
            elif not child(item, (at, index), run, None):
                good = False
            if not good and run.problems is None:
                return False
        return good

    return check


def _size(keyword: str, words: str, holds: Callable[[int, Any], bool]) -> Any:
    def compile_size(site: Site, limit: Any) -> Rule:
        expected = f"{words} {limit} item{'' if limit == 1 else 's'}"

        def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            if not isinstance(value, list) or holds(len(value), limit):
                return True
            return run.refuse(at, keyword, expected, value)

        return check

    return compile_size


ARRAY_RULES: dict[str, Callable[[Site, Any], Rule | None]] = {
    "minItems": _size("minItems", "at least", lambda size, limit: bool(size >= limit)),
    "maxItems": _size("maxItems", "at most", lambda size, limit: bool(size <= limit)),
    "prefixItems": _prefix_items,
    "items": _items,
    "contains": _contains,
    "uniqueItems": _unique_items,
    "unevaluatedItems": _unevaluated_items,
}
