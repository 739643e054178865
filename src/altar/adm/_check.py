"""Checker: a schema compiled into functions that judge values and say all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altar.adm._check_arrays import ARRAY_RULES
from altar.adm._check_library import Library, Resource
from altar.adm._check_logic import LOGIC_RULES
from altar.adm._check_objects import OBJECT_RULES
from altar.adm._check_run import MAX_NESTING, At, Rule, Run, Seen, StoppedError
from altar.adm._check_values import VALUE_RULES, int64_rule
from altar.adm._equal import TooDeepError
from altar.adm._problem import Problem

__all__ = ["Checker"]

_MAX_PROBLEMS = 64
_MAX_WORK = 1_000_000
_COMPILERS = {
    **VALUE_RULES,
    **LOGIC_RULES,
    **{key: rule for key, rule in ARRAY_RULES.items() if not key.startswith("unevaluated")},
    **{key: rule for key, rule in OBJECT_RULES.items() if not key.startswith("unevaluated")},
}
_UNEVALUATED = {
    "unevaluatedItems": ARRAY_RULES["unevaluatedItems"],
    "unevaluatedProperties": OBJECT_RULES["unevaluatedProperties"],
}
_VALIDATION = frozenset(VALUE_RULES) - {"format"} | {
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "required", "dependentRequired",
}  # fmt: skip


class Checker:
    """A JSON Schema 2020-12 document, compiled.

    ``formats`` asserts ``format``, which is an annotation otherwise;
    ``int64`` refuses integers beyond 64 bits where the type is "integer";
    ``resources`` maps URIs to the further documents that references name
    (nothing is ever fetched: a reference that leads nowhere refuses every
    value). A value is judged with bounded depth and work, whatever it is;
    only a schema's own patterns can be slow, as Python's ``re`` is.
    """

    __slots__ = ("_compiler", "_rule")

    def __init__(
        self,
        document: dict[str, Any] | bool,
        *,
        formats: bool = False,
        int64: bool = False,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        self._compiler = _Compiler(Library(document, resources), formats=formats, int64=int64)
        try:
            self._rule = self._compiler.rule(document, self._compiler.library.main)
        except (RecursionError, TooDeepError):
            self._rule = _unusable

    def check(self, value: Any) -> tuple[Problem, ...]:
        """Every problem of the value (64 at most), in the order of the schema; () when it holds."""
        problems: list[Problem] = []
        run = Run(problems, limit=_MAX_PROBLEMS, work=_MAX_WORK)
        try:
            self._rule(value, None, run, None)
        except StoppedError as stopped:
            if stopped.problem is not None:
                problems.append(stopped.problem)
        except (RecursionError, TooDeepError):
            problems.append(_too_deep())
        return tuple(problems)

    def ok(self, value: Any) -> bool:
        """Whether the value holds; stops at the first violation."""
        run = Run(None, limit=1, work=_MAX_WORK)
        try:
            return self._rule(value, None, run, None)
        except (StoppedError, RecursionError, TooDeepError):
            return False

    def part(self, document: Any) -> Rule:
        """The rule of a schema that stands somewhere in the document: that very object."""
        return self._compiler.rule(document, self._compiler.library.main)


def _too_deep() -> Problem:
    return Problem("$", "a value of bounded nesting", "one nested too deep", keyword="depth")


def _unusable(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
    run.stop(at, "depth", "a schema of bounded nesting", "one nested too deep")


def _anything(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
    return True


def _nothing(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
    return run.refuse(at, "false", "no value here", value)


class _Compiler:
    """Turns schemas into rules, each once; references are followed on first use."""

    __slots__ = ("_rules", "formats", "int64", "library")

    def __init__(self, library: Library, *, formats: bool, int64: bool) -> None:
        self.library = library
        self.formats = formats
        self.int64 = int64
        self._rules: dict[int, Rule] = {}

    def rule(self, document: Any, resource: Resource) -> Rule:
        """The rule of a schema that stands in a resource."""
        if document is True or document == {}:
            return _anything
        if not isinstance(document, dict):
            return _nothing
        known = self._rules.get(id(document))
        if known is None:
            home = self.library.home(document, resource)
            known = self._rules[id(document)] = self._compile(document, home)
        return known

    def _compile(self, document: dict[str, Any], home: Resource) -> Rule:
        place = _Place(self, document, home)
        asserts = self.library.asserts(home)
        rules: list[Rule] = []
        for keyword, compiler in _COMPILERS.items():  # in this order: type comes first
            if keyword in document and (asserts or keyword not in _VALIDATION):
                made = compiler(place, document[keyword])
                if made is not None:
                    rules.append(made)
        if self.int64 and "integer" in document.get("type", ()):
            rules.insert(1, int64_rule)
        last = [
            made
            for keyword, compiler in _UNEVALUATED.items()
            if keyword in document and (made := compiler(place, document[keyword])) is not None
        ]
        rule = _joined(rules, typed="type" in document and asserts)
        if last:
            rule = _collecting(rule, last)
        return _entering(rule, home) if document is home.root and home.dynamic else rule


def _joined(rules: list[Rule], *, typed: bool) -> Rule:
    """All rules together; a value of the wrong type breaks that rule and no other."""
    if not rules:
        return _anything
    if len(rules) == 1:
        return rules[0]
    first, *rest = rules

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        good = first(value, at, run, seen)
        if not good and (typed or run.problems is None):
            return False
        for rule in rest:
            if not rule(value, at, run, seen):
                if run.problems is None:
                    return False
                good = False
        return good

    return check


def _collecting(rule: Rule, last: list[Rule]) -> Rule:
    """The rule, then those about whatever it left unevaluated."""

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        own = Seen()
        good = rule(value, at, run, own)
        if good or run.problems is not None:
            for unevaluated in last:
                good = unevaluated(value, at, run, own) and good
        if seen is not None:
            seen.add(own)
        return good

    return check


def _entering(rule: Rule, resource: Resource) -> Rule:
    """The rule, with its resource in the dynamic scope meanwhile."""

    def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
        outer = run.scope
        run.scope = (outer, resource)
        good = rule(value, at, run, seen)
        run.scope = outer
        return good

    return check


class _Place:
    """A schema object while its keywords are compiled; see Site."""

    __slots__ = ("_compiler", "_home", "schema")

    def __init__(self, compiler: _Compiler, schema: dict[str, Any], home: Resource) -> None:
        self._compiler = compiler
        self._home = home
        self.schema = schema

    @property
    def formats(self) -> bool:
        return self._compiler.formats

    def compile(self, document: Any) -> Rule:
        return self._compiler.rule(document, self._home)

    def reference(self, uri: str) -> Rule:
        """Follows the reference when it is first used: it may lead to where we stand."""
        compiler, home = self._compiler, self._home
        target: Rule | None = None

        def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            nonlocal target
            if target is None:
                target = _follow(compiler, home, uri)
            return _descend(target, value, at, run, seen)

        return check

    def dynamic_reference(self, uri: str) -> Rule:
        """Like a reference, but the outermost resource in scope with that anchor wins."""
        compiler, home = self._compiler, self._home
        static = self.reference(uri)
        name = uri.partition("#")[2]
        try:
            document, _ = compiler.library.find(home, uri)
        except LookupError:
            return static
        if not isinstance(document, dict) or document.get("$dynamicAnchor") != name:
            return static

        def check(value: Any, at: At, run: Run, seen: Seen | None) -> bool:
            scope, chosen = run.scope, None
            while scope is not None:
                scope, resource = scope
                if name in resource.dynamic:
                    chosen = resource
            if chosen is None:
                return static(value, at, run, seen)
            target = _within(compiler, chosen.dynamic[name], chosen)
            return _descend(target, value, at, run, seen)

        return check


def _follow(compiler: _Compiler, home: Resource, uri: str) -> Rule:
    try:
        document, resource = compiler.library.find(home, uri)
    except LookupError as error:
        reason = str(error.args[0])
        return lambda value, at, run, seen: run.refuse_as(
            at, "$ref", f"a schema whose reference {uri[:80]!r} leads somewhere", str, reason
        )
    return _within(compiler, document, resource)


def _within(compiler: _Compiler, document: Any, resource: Resource) -> Rule:
    rule = compiler.rule(document, resource)
    if resource.dynamic and document is not resource.root:
        return _entering(rule, resource)
    return rule


def _descend(target: Rule, value: Any, at: At, run: Run, seen: Seen | None) -> bool:
    """Apply what a reference leads to, within the bounds of nesting and work."""
    run.work -= 1
    run.nesting += 1
    if run.nesting > MAX_NESTING or run.work < 0:
        expected = f"at most {MAX_NESTING} nested references"
        run.stop(at, "depth", expected, "a value nested deeper")
    good = target(value, at, run, seen)
    run.nesting -= 1
    return good
