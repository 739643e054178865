"""Fields read from a JSON object: tolerant of what is unknown, strict about what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm._json import json_problems
from altar.adm._kinds import is_a, kind_of
from altar.adm._problem import Problem, json_path
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Fields", "check_extensions", "extensions_of", "is_extension"]

_PREFIXES = ("x_", "vendor_")


def is_extension(name: object) -> bool:
    """True for a field name that survives a round trip: ``x_...`` and ``vendor_...``."""
    return isinstance(name, str) and name.startswith(_PREFIXES)


def extensions_of(doc: dict[str, Any]) -> dict[str, Any] | None:
    """The prefixed fields of an object, or None without any."""
    return {name: value for name, value in doc.items() if is_extension(name)} or None


def check_extensions(extensions: object, path: tuple[str | int, ...] = ()) -> list[Problem]:
    """What is wrong with extensions handed to a constructor."""
    if not isinstance(extensions, dict):
        return [Problem(json_path(path), "an object", kind_of(extensions), keyword="type")]
    problems = [
        Problem(
            json_path([*path, str(name)]), "a name that starts with x_ or vendor_", kind_of(name)
        )
        for name in extensions
        if not is_extension(name)
    ]
    return problems + json_problems(extensions, path=path, any_integer=True)


class Fields:
    """The fields of one JSON object; faults gather in ``problems`` and ``done`` raises them all.

    null counts as absent. Fields nobody asks for are ignored.
    """

    def __init__(self, subject: str, doc: object, *, path: tuple[str | int, ...] = ()) -> None:
        self.subject = subject
        self.path = path
        self.problems: list[Problem] = []
        if not isinstance(doc, dict):
            fault = Problem(json_path(path), "an object", kind_of(doc), keyword="type")
            raise InvalidDataError(subject, [fault])
        self.doc: dict[str, Any] = doc

    def fail(self, name: str, expected: str, got: str, keyword: str = "type") -> None:
        """Note one fault at a field."""
        at = json_path([*self.path, name])
        self.problems.append(Problem(at, expected, got, keyword=keyword))

    def get(self, name: str, expected: str, *kinds: type, required: bool = False) -> Any:
        """A field of one of these kinds (True is no integer), or None."""
        value = self.doc.get(name)
        if value is None:
            if required:
                self.fail(name, expected, "nothing", "required")
            return None
        if not is_a(value, *kinds) or (isinstance(value, bool) and bool not in kinds):
            self.fail(name, expected, kind_of(value))
            return None
        return value

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A string without lone surrogates, or None."""
        value = self.get(name, "a string", str, required=required)
        if value is not None and json_problems(value):
            self.fail(name, "Unicode text", "a lone surrogate", "surrogate")
            return None
        return value if value is None else str(value)

    def json(self, name: str, *, any_integer: bool = False) -> Any:
        """Any JSON value; what is no JSON is noted at its own path."""
        value = self.doc.get(name)
        path = (*self.path, name)
        self.problems += json_problems(value, path=path, any_integer=any_integer)
        return value

    def items(self, name: str, *, required: bool = False) -> list[Any]:
        """An array's items, or none."""
        return list(self.get(name, "an array", list, tuple, required=required) or ())

    def nested(self, name: str, read: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
        """Items read as nouns of their own; their problems are moved under this field."""
        made = []
        for at, value in enumerate(values):
            try:
                made.append(read(value))
            except InvalidDataError as error:
                self.adopt(error, name, at)
        return made

    def adopt(self, error: InvalidDataError, *steps: str | int) -> None:
        """Take over the problems of an inner noun, their paths below ``steps``."""
        lead = json_path([*self.path, *steps])
        for problem in error.problems:
            self.problems.append(
                Problem(
                    lead + problem.path[1:],
                    problem.expected,
                    problem.got,
                    keyword=problem.keyword,
                    nearest=problem.nearest,
                )
            )

    def extensions(self) -> dict[str, Any] | None:
        """The prefixed fields, checked to be JSON."""
        found = extensions_of(self.doc)
        if found is not None:
            self.problems += json_problems(found, path=self.path, any_integer=True)
        return found

    def done(self) -> None:
        """Raise InvalidDataError when anything was wrong."""
        if self.problems:
            raise InvalidDataError(self.subject, self.problems)
