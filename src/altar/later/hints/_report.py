"""Report: what binding found wrong with a value, and what it had to coerce."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from altar.adm._problem import Problem, json_path

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "INVALID",
    "MAX_DEPTH",
    "REFUSALS",
    "Invalid",
    "Path",
    "Report",
    "clean",
    "kind_of",
    "nearest_of",
    "show",
    "steps_of",
    "surrogate_free",
    "type_names",
    "written",
]

type_names: Final = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}

# A path is a linked list that grows downwards: (path of the parent, step), None at the root.
# It is written out only when there is something to say.
Path = Any

REFUSALS: Final = (Exception, SystemExit)
"""What a user's class may raise to refuse a value; Ctrl-C and cancellation pass."""
MAX_DEPTH: Final = 100
"""How deep a recursive type or an untyped value may nest."""

_MAX_PROBLEMS: Final = 100
_HINTED_PROBLEMS: Final = 8
_HINTS: Final = 64
_FUEL: Final = 50_000
_SHOWN: Final = 40


class Invalid:
    """The class of INVALID, which ``load`` returns after it reported a problem."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class Report:
    """Collects problems and coercions while one set of arguments is loaded.

    ``strict`` forbids coercions. The first 100 problems are kept, ``missed``
    counts the others. ``fuel`` is a shared counter that bounds how many union
    alternatives are tried in all, so that hostile input cannot make nested
    unions cost exponential time; ``hints`` bounds the searches for the
    nearest name, which cost more than everything else.
    """

    __slots__ = ("coercions", "depth", "fuel", "hints", "missed", "nested", "problems", "strict")

    def __init__(self, *, strict: bool = False) -> None:
        self.problems: list[Problem] = []
        self.coercions: list[dict[str, str]] = []
        self.strict = strict
        self.depth = 0
        self.nested = False
        self.fuel = [_FUEL]
        self.hints = [_HINTS]
        self.missed = 0

    def trial(self, *, strict: bool) -> Report:
        """A report for one alternative; ``adopt`` it when the alternative is taken."""
        report = Report(strict=strict or self.strict)
        report.depth = self.depth
        report.nested = True
        report.fuel = self.fuel
        report.hints = self.hints
        return report

    def adopt(self, other: Report) -> None:
        """Take over what a trial found."""
        self.coercions += other.coercions
        room = _MAX_PROBLEMS - len(self.problems)
        self.problems += other.problems[:room]
        self.missed += other.missed + len(other.problems[room:])

    def fail(
        self, path: Path, expected: str, value: object, keyword: str, nearest: str | None = None
    ) -> Invalid:
        """Note that ``value`` is not what was expected."""
        if len(self.problems) >= _MAX_PROBLEMS:
            self.missed += 1
            return INVALID
        return self.note(path, expected, show(value), keyword, nearest)

    def note(
        self, path: Path, expected: str, got: str, keyword: str, nearest: str | None = None
    ) -> Invalid:
        """Note a problem whose ``got`` is already text; only the first 100 are kept."""
        if len(self.problems) < _MAX_PROBLEMS:
            where = written(path)
            problem = Problem(where, expected, got, keyword=keyword, nearest=nearest)
            self.problems.append(problem)
        else:
            self.missed += 1
        return INVALID

    def unknown(self, path: Path, name: object, allowed: Iterable[str]) -> Invalid:
        """Note a name that nothing declares, with the closest one that exists."""
        if len(self.problems) >= _MAX_PROBLEMS:
            self.missed += 1
            return INVALID
        known = list(allowed)
        expected = f"only {', '.join(known[:20])}" if known else "no fields"
        where: Path = (path, clean(name))
        return self.note(where, expected, "an unknown name", "unknown", self.nearest(name, known))

    def nearest(self, name: object, known: Iterable[object]) -> str | None:
        """``nearest_of`` for the first few problems; None for the others."""
        if len(self.problems) >= _HINTED_PROBLEMS or self.hints[0] <= 0:
            return None
        self.hints[0] -= 1
        return nearest_of(name, known)

    def coerced(self, path: Path, source: str, target: str, listed: Any = None) -> None:
        """Note that a value was read as another: its JSON type, and of listed values which.

        What came is not told, since it may be a secret; what the schema lists is none.
        """
        where = written(path)
        note = {"path": where, "from": source, "to": target}
        if listed.__class__ is str:
            note["value"] = clean(listed)
        self.coercions.append(note)


def surrogate_free(text: str) -> bool:
    """True when UTF-8 can write the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def steps_of(path: Path) -> list[str | int]:
    """The steps of a linked path, outermost first."""
    steps: list[str | int] = []
    while path is not None:
        path, step = path
        steps.append(step)
    steps.reverse()
    return steps


def written(path: Path) -> str:
    """A linked path as text: ``$.items[0]``."""
    return json_path(steps_of(path))


def kind_of(value: object) -> str:
    """The JSON type of a value, or the name of its Python class."""
    return type_names.get(type(value)) or type(value).__name__


def clean(text: object) -> str:
    """Text that is safe in JSON and short: lone surrogates replaced."""
    return str(text)[:100].encode("utf-8", "replace").decode()


def show(value: object) -> str:
    """A short text that says what came: its JSON type and, for scalars, the value."""
    cls = type(value)
    if value is None or cls is bool:
        return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]
    if isinstance(value, str):
        text = clean(value[:_SHOWN]) + ("..." if len(value) > _SHOWN else "")
        return f"string {_quoted(text)}"
    if isinstance(value, int):
        big = value.bit_length() > 64
        return f"integer of {value.bit_length()} bits" if big else f"integer {int(value)}"
    if isinstance(value, float):
        return f"number {float(value)!r}"
    if isinstance(value, list):
        return f"array of {len(value)}"
    if isinstance(value, dict):
        return f"object with {len(value)} field{'' if len(value) == 1 else 's'}"
    return f"a Python {cls.__name__}, which is not JSON"


def _quoted(text: str) -> str:
    """A text in quotes that do not stand in it: ``"it's"``, ``'{"a": 1}'``."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


def nearest_of(name: object, known: Iterable[object]) -> str | None:
    """The known name closest to ``name``, or None when nothing is close."""
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms, only to explain a mistake

    if not isinstance(name, str) or len(name) > 100:
        return None
    names = [text for text in known if isinstance(text, str)][:1000]
    folded = {text.casefold(): text for text in reversed(names)}
    exact = folded.get(name.casefold())
    if exact is not None:
        return exact
    # what is much longer or shorter can never be as close as the cutoff asks
    size = len(name)
    folded = {k: v for k, v in folded.items() if 3 * len(k) <= 7 * size and 3 * size <= 7 * len(k)}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None
