"""Rules that combine schemas: allOf, anyOf, oneOf, not, if, and references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from altar.adm._check_run import At, Rule, Run, Seen, Site, path_of
from altar.adm._check_values import literal, one_of, type_words
from altar.adm._describe import nearest
from altar.adm._problem import Problem

__all__ = ["LOGIC_RULES"]


def _all_of(site: Site, schemas: Any) -> Rule:
    children = [site.compile(schema) for schema in schemas]

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        good = True
        for child in children:
            if not child(value, at, run, seen):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _any_of(site: Site, schemas: Any) -> Rule:
    children = [site.compile(schema) for schema in schemas]
    expected = _alternatives(schemas)
    tag = _tag_of(schemas)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        good = False
        for child in children:
            if seen is None:
                if run.verdict(child, value, at, None):
                    return True
            else:  # every branch that holds has its say about what is evaluated
                own = Seen()
                if run.verdict(child, value, at, own):
                    seen.add(own)
                    good = True
        if good or run.problems is None:
            return good
        if tag is not None and isinstance(value, dict):
            return _by_tag(run, at, tag, value, children)
        return _explain(run, at, "anyOf", expected, value, children)

    return check


def _one_of(site: Site, schemas: Any) -> Rule:
    children = [site.compile(schema) for schema in schemas]
    expected = _alternatives(schemas)
    tag = _tag_of(schemas)

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        holding = 0
        for child in children:
            own = None if seen is None else Seen()
            if run.verdict(child, value, at, own):
                holding += 1
                if holding > 1 and run.problems is None:
                    return False
                if seen is not None and own is not None:
                    seen.add(own)
        if holding == 1:
            return True
        if holding:
            wanted = f"exactly one of {len(children)} alternatives to hold"
            return run.refuse_as(at, "oneOf", wanted, _holding, holding)
        if tag is not None and run.problems is not None and isinstance(value, dict):
            return _by_tag(run, at, tag, value, children)
        return _explain(run, at, "oneOf", expected, value, children)

    return check


def _holding(count: int) -> str:
    return f"{count} that hold"


def _tag_of(schemas: list[Any]) -> tuple[str, dict[str, int]] | None:
    """The property whose constant says which alternative is meant, and the place of each."""
    first = schemas[0].get("properties") if isinstance(schemas[0], dict) else None
    for name in first if isinstance(first, dict) and len(schemas) > 1 else ():
        values = [_constant(schema, name) for schema in schemas]
        if all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
            return name, {str(value): place for place, value in enumerate(values)}
    return None


def _constant(schema: Any, name: str) -> Any:
    """The one value that a property must have, or None."""
    if not isinstance(schema, dict) or name not in schema.get("required", ()):
        return None
    properties = schema.get("properties")
    node = properties.get(name) if isinstance(properties, dict) else None
    if not isinstance(node, dict):
        return None
    listed = node.get("enum")
    return listed[0] if isinstance(listed, list) and len(listed) == 1 else node.get("const")


def _by_tag(
    run: Run, at: At, tag: tuple[str, dict[str, int]], value: Any, children: list[Rule]
) -> bool:
    """Report the problems of the alternative that the tag names, or the tag itself."""
    name, places = tag
    if name not in value:
        expected = f"{one_of([literal(one) for one in places])} (required)"
        return run.refuse_as((at, name), "required", expected, lambda _: "nothing", None)
    said = value[name]
    if not isinstance(said, str) or said not in places:
        expected = one_of([literal(one) for one in places])
        return run.refuse((at, name), "enum", expected, said, nearest(said, list(places)))
    found = run.findings(children[places[said]], value, at)
    for problem in found:
        run.keep(problem)
    return False if found else run.refuse(at, "anyOf", "another alternative", value)


def _explain(
    run: Run, at: At, keyword: str, expected: str, value: Any, children: list[Rule]
) -> bool:
    """Report the problems of the one alternative that was meant, or else the choice."""
    if run.problems is None:
        return False
    here = path_of(at)
    close: list[list[Problem]] = []
    hint: str | None = None
    for child in children:
        found = run.findings(child, value, at)
        if any(_outright(problem, here) for problem in found):
            hint = hint or next((p.nearest for p in found if p.nearest is not None), None)
        elif found:
            close.append(found)
    if len(close) == 1:
        for problem in close[0]:
            run.keep(problem)
        return False
    return run.refuse(at, keyword, expected, value, hint)


def _outright(problem: Problem, here: str) -> bool:
    """Does the problem say that the alternative was not meant: another type, another tag?"""
    if problem.path == here:
        return problem.keyword in ("type", "enum", "const", "not", "false")
    return problem.keyword == "const" and problem.path.count(".") == here.count(".") + 1


def _alternatives(schemas: list[Any]) -> str:
    words = list(dict.fromkeys(_words(schema) for schema in schemas))
    if len(words) > 8:
        words = [*words[:8], f"{len(words) - 8} more"]
    return one_of(words)


def _words(schema: Any) -> str:
    """A schema in a few words."""
    if not isinstance(schema, dict):
        return "any value" if schema else "no value"
    if isinstance(schema.get("title"), str):
        return str(schema["title"][:60])
    if "const" in schema:
        return literal(schema["const"])
    if schema.get("enum"):
        return one_of([literal(value) for value in schema["enum"][:8]])
    if isinstance(schema.get("$ref"), str):
        return schema["$ref"].rpartition("/")[2][:60] or "the whole again"
    if "type" in schema:
        return type_words(schema["type"])
    return "another alternative"


def _not(site: Site, schema: Any) -> Rule:
    child = site.compile(schema)
    expected = f"anything but {_words(schema)}" if schema is not True else "no value"

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        return not run.verdict(child, value, at, None) or run.refuse(at, "not", expected, value)

    return check


def _if(site: Site, schema: Any) -> Rule:
    condition = site.compile(schema)
    then, otherwise = (
        site.compile(site.schema[keyword]) if keyword in site.schema else None
        for keyword in ("then", "else")
    )

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        own = None if seen is None else Seen()
        holds = run.verdict(condition, value, at, own)
        if holds and seen is not None and own is not None:
            seen.add(own)
        branch = then if holds else otherwise
        return branch is None or branch(value, at, run, seen)

    return check


def _ref(site: Site, uri: Any) -> Rule:
    return site.reference(uri)


def _dynamic_ref(site: Site, uri: Any) -> Rule:
    return site.dynamic_reference(uri)


LOGIC_RULES: dict[str, Callable[[Site, Any], Rule | None]] = {
    "$ref": _ref,
    "$dynamicRef": _dynamic_ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
}
