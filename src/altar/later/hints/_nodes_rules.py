"""Bounds, lengths, patterns and predicates on top of a type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._families import Refused
from altar.later.hints._nodes import Node, Refs
from altar.later.hints._nodes_choice import ChoiceNode
from altar.later.hints._nodes_scalar import NONE
from altar.later.hints._nodes_union import UnionNode
from altar.later.hints._report import INVALID, REFUSALS, show, type_names
from altar.later.hints._rules_fit import fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["CheckedNode", "ConvertNode", "Rules", "constrain"]

_BOUNDS: Final = {
    "ge": ("minimum", ">=", "at least"),
    "gt": ("exclusiveMinimum", ">", "above"),
    "le": ("maximum", "<=", "at most"),
    "lt": ("exclusiveMaximum", "<", "below"),
}
_SIMPLE: Final = ("multiple_of", "min_length", "max_length", "pattern")
_LENGTHS: Final = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


class Rules:
    """What metadata demands of a value; ``tests`` are predicates with their names."""

    __slots__ = ("bounds", "max_length", "min_length", "multiple_of", "pattern", "tests")

    def __init__(self) -> None:
        self.bounds: dict[str, Any] = {}
        self.multiple_of: Any = None
        self.min_length: int | None = None
        self.max_length: int | None = None
        self.pattern: Any = None
        self.tests: list[tuple[str, Callable[[Any], Any]]] = []

    def __bool__(self) -> bool:
        return bool(self.tests or self.given())

    def given(self) -> list[tuple[str, Any]]:
        """The rules that have names, with their values; predicates aside."""
        simple = ((name, getattr(self, name)) for name in _SIMPLE)
        return [*self.bounds.items(), *(pair for pair in simple if pair[1] is not None)]


def constrain(node: Node, rules: Rules) -> Node:
    """The node under these rules; in a union every alternative takes those that fit it.

    Raises Refused for a rule that no value could be asked.
    """
    if not rules:
        return node
    options = node.options if isinstance(node, UnionNode) else (node,)
    for name, value in rules.given():
        if not any(fits(option, name, value) for option in options if option is not NONE):
            what = f"{name}={value!r} cannot be asked of {node.label}"
            raise Refused(what, "a limit that fits the type")
    if not isinstance(node, UnionNode):
        return CheckedNode(node, rules)
    return UnionNode(tuple(_fitting(option, rules) for option in options))


def _fitting(option: Node, rules: Rules) -> Node:
    """One alternative under those of the rules that fit it."""
    if option is NONE:
        return option
    own = Rules()
    own.tests = rules.tests
    for name, value in rules.given():
        if not fits(option, name, value):
            continue
        if name in _BOUNDS:
            own.bounds[name] = value
        else:
            setattr(own, name, value)
    return CheckedNode(option, own) if own else option


class CheckedNode(Node):
    """A type whose values must also meet some rules."""

    __slots__ = ("hashable", "identity", "inner", "pattern", "rules")

    def __init__(self, inner: Node, rules: Rules) -> None:
        self.inner = inner
        self.rules = rules
        self.identity = inner.identity
        self.hashable = inner.hashable
        self.pattern = None if rules.pattern is None else re.compile(rules.pattern)

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]
        return self.inner.kinds

    @property
    def prime(self) -> frozenset[type]:
        return self.inner.prime

    @property
    def note(self) -> str | None:
        return self.inner.note

    @property
    def legend(self) -> str | None:
        return self.inner.legend

    @property
    def label(self) -> str:
        return self.inner.label

    def body(self, refs: Refs) -> dict[str, Any]:
        doc = self.inner.schema(refs)
        kinds = doc.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        if "$ref" in doc:  # a type that stands within itself
            kinds = tuple(type_names[kind] for kind in self.kinds)
        rules = self.rules
        if not {"number", "integer"}.isdisjoint(kinds) or not kinds:
            for name, bound in rules.bounds.items():
                if bound.__class__ in (int, float) and bound - bound == 0:
                    doc[_BOUNDS[name][0]] = bound
            if rules.multiple_of is not None:
                doc["multipleOf"] = rules.multiple_of
        if doc.get("format") != "byte":
            _put_lengths(doc, kinds, rules)
        if self.pattern is not None and doc.get("pattern") is None and "string" in kinds:
            doc["pattern"] = self.pattern.pattern
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        found = self.inner.load(value, path, report)
        if found is INVALID or self.check(found, path, report):
            return found
        return INVALID

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        found = self.inner.load_key(text, path, report)
        if found is INVALID or self.check(found, path, report):
            return found
        return INVALID

    def key_schema(self) -> dict[str, Any] | None:
        return None if self.inner.key_schema() is None else super().key_schema()

    def check(self, found: Any, path: Path, report: Report) -> bool:
        """Whether the loaded object meets the rules; what it breaks is reported."""
        before = len(report.problems)
        rules, got = self.rules, show(found)
        if not isinstance(found, (str, int, float, list, dict)) and found is not None:
            got = str(found)[:60] if not isinstance(found, (bytes, set, tuple)) else "a value"
        for name, bound in rules.bounds.items():
            if not _meets(name, found, bound):
                keyword, _, words = _BOUNDS[name]
                report.note(path, f"{self.label} {words} {bound}", got, keyword)
        if rules.multiple_of is not None and not _divides(rules.multiple_of, found):
            report.note(path, f"a multiple of {rules.multiple_of}", got, "multipleOf")
        if rules.min_length is not None and _size(found) < rules.min_length:
            expected = f"a length of at least {rules.min_length}"
            report.note(path, expected, f"a length of {_size(found)}", "minLength")
        if rules.max_length is not None and _size(found) > rules.max_length:
            expected = f"a length of at most {rules.max_length}"
            report.note(path, expected, f"a length of {_size(found)}", "maxLength")
        if self.pattern is not None and not _matches(self.pattern, found):
            report.note(path, f"text that matches {self.pattern.pattern}", got, "pattern")
        for name, test in rules.tests:
            if not _passes(test, found):
                report.note(path, f"a value that satisfies {name}", got, "predicate")
        return len(report.problems) == before

    def emit(self, gen: Gen, var: str) -> None:
        if isinstance(self.inner, ChoiceNode) or self.rules.multiple_of is not None:
            self.emit_call(gen, var)
            return
        gen.emit(self.inner, var)
        rules = self.rules
        for name, bound in rules.bounds.items():
            source = repr(bound) if bound.__class__ is int else gen.const(bound)
            gen.miss_if(f"not {var} {_BOUNDS[name][1]} {source}")
        if rules.min_length:
            gen.miss_if(f"len({var}) < {rules.min_length}")
        if rules.max_length is not None:
            gen.miss_if(f"len({var}) > {rules.max_length}")
        if self.pattern is not None:
            gen.miss_if(f"{gen.const(self.pattern.search)}({var}) is None")
        for _, test in rules.tests:
            gen.miss_if(f"not {gen.const(test)}({var})")


def _put_lengths(doc: dict[str, Any], kinds: tuple[str, ...], rules: Rules) -> None:
    for kind in kinds:
        low, high = _LENGTHS.get(kind, ("", ""))
        if low and rules.min_length:
            doc[low] = max(rules.min_length, doc.get(low, 0))
        if high and rules.max_length is not None:
            doc[high] = min(rules.max_length, doc.get(high, rules.max_length))


def _meets(name: str, found: Any, bound: Any) -> bool:
    try:
        if name == "ge":
            return bool(found >= bound)
        if name == "gt":
            return bool(found > bound)
        return bool(found <= bound) if name == "le" else bool(found < bound)
    except TypeError:
        return False


def _divides(factor: Any, found: Any) -> bool:
    try:
        if factor.__class__ is int and not isinstance(found, float):
            return bool(found % factor == 0)
        quotient = found / factor
        return bool(int(quotient) == quotient)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return False


def _size(found: Any) -> int:
    try:
        return len(found)
    except TypeError:
        return 0


def _matches(pattern: Any, found: Any) -> bool:
    return isinstance(found, str) and pattern.search(found) is not None


def _passes(test: Callable[[Any], Any], found: Any) -> bool:
    try:
        return bool(test(found))
    except REFUSALS:  # a predicate that fails does not hold
        return False


class ConvertNode(Node):
    """A subclass of str, int, float or a container: the base's value, made into the class."""

    __slots__ = ("_cls", "hashable", "inner", "kinds")

    def __init__(self, inner: Node, cls: Any) -> None:
        self.inner = inner
        self._cls = cls
        self.kinds = inner.kinds
        self.hashable = getattr(cls, "__hash__", None) is not None

    @property
    def prime(self) -> frozenset[type]:
        return self.inner.prime

    @property
    def label(self) -> str:
        return self.inner.label

    def body(self, refs: Refs) -> dict[str, Any]:
        return self.inner.body(refs)

    def load(self, value: Any, path: Path, report: Report) -> Any:
        return self._made(self.inner.load(value, path, report), path, report)

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        return self._made(self.inner.load_key(text, path, report), path, report)

    def _made(self, found: Any, path: Path, report: Report) -> Any:
        if found is INVALID:
            return INVALID
        try:
            return self._cls(found)
        except REFUSALS as error:  # whatever the user's class raises
            expected = f"a value that {self._cls.__name__} accepts"
            return report.note(path, expected, f"refused ({type(error).__name__})", "constructor")

    def emit(self, gen: Gen, var: str) -> None:
        gen.emit(self.inner, var)
        gen.add(f"{var} = {gen.const(self._cls)}({var})")
