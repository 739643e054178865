"""The state of one check, and the shape of the functions a schema is compiled into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeAlias

from altar.adm._describe import brief, safe_path
from altar.adm._problem import Problem

__all__ = ["MAX_NESTING", "At", "Rule", "Run", "Seen", "Site", "StoppedError", "path_of"]

MAX_NESTING = 128
"""How many references may be open inside one another while a value is checked."""

At: TypeAlias = "tuple[Any, str | int] | None"
"""Where a value stands: None for the whole, else (where its holder stands, the step)."""


class StoppedError(Exception):
    """Ends a check before its end; ``problem`` says why, None when enough were found."""

    def __init__(self, problem: Problem | None = None) -> None:
        super().__init__(problem)
        self.problem = problem


class Seen:
    """The properties and items that some keyword of the same object has evaluated."""

    __slots__ = ("indexes", "names")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.indexes: set[int] = set()

    def add(self, other: Seen) -> None:
        self.names |= other.names
        self.indexes |= other.indexes


class Run:
    """One check of one value.

    ``problems`` is None while only the verdict counts: rules then stop at the
    first violation. ``scope`` is the chain of resources entered, innermost
    first. ``work`` counts down the branches and references still allowed.
    What an alternative says of an object or array is asked once: alternatives
    within alternatives would double the work at each level.
    """

    __slots__ = ("_findings", "_verdicts", "limit", "nesting", "problems", "scope", "work")

    def __init__(self, problems: list[Problem] | None, *, limit: int, work: int) -> None:
        self.problems = problems
        self.limit = limit
        self.work = work
        self.nesting = 0
        self.scope: tuple[Any, Any] | None = None
        # the value is kept beside what was said of it, so that no other gets its id meanwhile
        self._verdicts: dict[tuple[int, int], tuple[Any, bool]] = {}
        self._findings: dict[tuple[int, int, str], tuple[Any, list[Problem]]] = {}

    def refuse(
        self,
        at: At,
        keyword: str,
        expected: str,
        value: Any,
        nearest: str | None = None,
    ) -> bool:
        """Report that a value breaks a rule; always False, so that rules can return it."""
        return self.refuse_as(at, keyword, expected, brief, value, nearest)

    def refuse_as(
        self,
        at: At,
        keyword: str,
        expected: str,
        got: Callable[[Any], str],
        value: Any,
        nearest: str | None = None,
    ) -> bool:
        """Like ``refuse``, with the function that puts the value in words."""
        if self.problems is not None:
            self.keep(Problem(path_of(at), expected, got(value), keyword=keyword, nearest=nearest))
        return False

    def keep(self, problem: Problem) -> None:
        """Add a problem; ends the check when there are enough."""
        if self.problems is not None:
            self.problems.append(problem)
            if len(self.problems) >= self.limit:
                raise StoppedError

    def stop(self, at: At, keyword: str, expected: str, got: str) -> NoReturn:
        """End the check with a last problem."""
        raise StoppedError(Problem(path_of(at), expected, got, keyword=keyword))

    def spend(self, at: At) -> None:
        """Count one branch or reference; ends the check when the allowance is used up."""
        self.work -= 1
        if self.work < 0:
            expected = "a value that can be checked with bounded work"
            self.stop(at, "work", expected, "too many alternatives tried")

    def verdict(self, rule: Rule, value: Any, at: At, seen: Seen | None) -> bool:
        """Apply a rule for its verdict alone."""
        self.spend(at)
        cls = value.__class__
        same = seen is None and self.scope is None and (cls is dict or cls is list)
        key = (id(rule), id(value))
        if same and key in self._verdicts:
            return self._verdicts[key][1]
        problems, self.problems = self.problems, None
        try:
            good = rule(value, at, self, seen)
        finally:
            self.problems = problems
        if same:
            self._verdicts[key] = (value, good)
        return good

    def findings(self, rule: Rule, value: Any, at: At) -> list[Problem]:
        """Apply a rule and hand back its problems instead of keeping them."""
        self.spend(at)
        key = (id(rule), id(value), path_of(at))
        if self.scope is None and key in self._findings:
            return self._findings[key][1]
        problems, self.problems = self.problems, []
        nesting, scope = self.nesting, self.scope
        try:
            rule(value, at, self, None)
        except StoppedError as stopped:
            if stopped.problem is not None:
                raise
            self.nesting, self.scope = nesting, scope
        found, self.problems = self.problems, problems
        if self.scope is None:
            self._findings[key] = (value, found)
        return found


Rule: TypeAlias = "Callable[[Any, At, Run, Seen | None], bool]"
"""A compiled (sub)schema: (value, where, run, seen) -> does it hold?"""


class Site(Protocol):
    """What a keyword's compiler may ask: the schema it stands in, and its neighbours."""

    @property
    def schema(self) -> dict[str, Any]:
        """The schema object that holds the keyword."""
        ...

    @property
    def formats(self) -> bool:
        """Whether ``format`` is asserted."""
        ...

    def compile(self, document: Any) -> Rule:
        """The rule of a subschema."""
        ...

    def reference(self, uri: str) -> Rule:
        """The rule of what a $ref points to."""
        ...

    def dynamic_reference(self, uri: str) -> Rule:
        """The rule of what a $dynamicRef points to."""
        ...


def path_of(at: At) -> str:
    """The JSON path of a place."""
    steps: list[str | int] = []
    while at is not None:
        at, step = at
        steps.append(step)
    steps.reverse()
    return safe_path(steps)
