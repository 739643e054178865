"""Tool, a group of functions, and ToolConfig, which of them a model may or must call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from altar.adm._declaration import FunctionDeclaration
from altar.adm._fields import Fields, check_extensions
from altar.adm._kinds import is_a, kind_of
from altar.adm._names import name_problem
from altar.adm._problem import Problem
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tool", "ToolConfig", "ToolMode", "declaration_problems"]


def declaration_problems(declarations: object) -> list[Problem]:
    """What is wrong with the function declarations of a tool or contract."""
    field = "$.function_declarations"
    if not isinstance(declarations, tuple):
        return [Problem(field, "an array of declarations", kind_of(declarations), keyword="type")]
    if not declarations:
        return [Problem(field, "at least one declaration", "none", keyword="minItems")]
    problems = []
    seen: set[str] = set()
    for at, item in enumerate(declarations):
        if not is_a(item, FunctionDeclaration):
            expected = "a FunctionDeclaration"
            problems.append(Problem(f"{field}[{at}]", expected, kind_of(item), keyword="type"))
        elif item.name in seen:
            got = f"{item.name!r} again"
            path = f"{field}[{at}].name"
            problems.append(Problem(path, "each name once", got, keyword="uniqueItems"))
        else:
            seen.add(item.name)
    return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A group of functions offered together; their names are unique within it.

    Raises InvalidDataError when it is empty, or a name occurs twice.
    """

    function_declarations: tuple[FunctionDeclaration, ...]
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        _as_tuple(self, "function_declarations")
        problems = declaration_problems(self.function_declarations)
        if self.extensions is not None:
            problems += check_extensions(self.extensions)
        if problems:
            raise InvalidDataError("Tool", problems)

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> Tool:
        """Read ``{function_declarations: [...]}``; unknown unprefixed fields are ignored."""
        fields = Fields("Tool", doc)
        field = "function_declarations"
        declared = fields.items(field, required=True)
        made = fields.nested(field, FunctionDeclaration.from_dict, declared)
        extensions = fields.extensions()
        fields.done()
        return cls(function_declarations=tuple(made), extensions=extensions)

    def __hash__(self) -> int:
        return hash(self.function_declarations)

    def get(self, name: str) -> FunctionDeclaration | None:
        """The declaration of that name, or None."""
        return next((item for item in self.function_declarations if item.name == name), None)

    def to_dict(self, dialect: str = "adm") -> dict[str, Any]:
        """The ADM JSON object; ``dialect`` is that of the declarations."""
        declared = [item.to_dict(dialect) for item in self.function_declarations]
        return {"function_declarations": declared, **(self.extensions or {})}


class ToolMode(StrEnum):
    """Whether a model may, must or must not call functions."""

    AUTO = "AUTO"
    ANY = "ANY"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolConfig:
    """Which functions a model may call: AUTO leaves it to it, ANY demands a call, NONE forbids all.

    ``allowed_function_names`` narrows AUTO and ANY; empty means every one.
    Raises InvalidDataError for an unknown mode, an illegal or repeated name,
    or names beside NONE.
    """

    mode: ToolMode | Literal["AUTO", "ANY", "NONE"] = ToolMode.AUTO
    allowed_function_names: tuple[str, ...] = ()
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        _as_tuple(self, "allowed_function_names")
        problems = []
        mode = self.mode.upper() if is_a(self.mode, str) else ""
        if mode not in ToolMode.__members__:
            expected = "AUTO, ANY or NONE"
            problems.append(Problem("$.mode", expected, kind_of(self.mode), keyword="enum"))
        else:
            object.__setattr__(self, "mode", ToolMode(mode))
        problems += _allowed_problems(self.allowed_function_names, mode)
        if self.extensions is not None:
            problems += check_extensions(self.extensions)
        if problems:
            raise InvalidDataError("ToolConfig", problems)

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> ToolConfig:
        """Read ``{mode, allowed_function_names}``; the mode in any case, AUTO when absent."""
        fields = Fields("ToolConfig", doc)
        mode = fields.text("mode")
        names = fields.items("allowed_function_names")
        extensions = fields.extensions()
        fields.done()
        known: Any = ToolMode.AUTO if mode is None else mode
        return cls(mode=known, allowed_function_names=tuple(names), extensions=extensions)

    def __hash__(self) -> int:
        return hash((self.mode, self.allowed_function_names))

    def allows(self, name: str) -> bool:
        """Whether a call of that function is allowed."""
        names = self.allowed_function_names
        return self.mode != ToolMode.NONE and (not names or name in names)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object; no names means no field."""
        out: dict[str, Any] = {"mode": str(self.mode)}
        if self.allowed_function_names:
            out["allowed_function_names"] = list(self.allowed_function_names)
        return {**out, **(self.extensions or {})}


def _allowed_problems(names: object, mode: str) -> list[Problem]:
    field = "$.allowed_function_names"
    if not isinstance(names, tuple):
        return [Problem(field, "an array of names", kind_of(names), keyword="type")]
    problems = []
    if names and mode == ToolMode.NONE:
        problems.append(Problem(field, "no names beside NONE", f"{len(names)}", keyword="oneOf"))
    for at, name in enumerate(names):
        wrong = name_problem(name, f"{field}[{at}]")
        if wrong is not None:
            problems.append(wrong)
        elif name in names[:at]:
            got = f"{name!r} again"
            problems.append(Problem(f"{field}[{at}]", "each name once", got, keyword="uniqueItems"))
    return problems


def _as_tuple(noun: object, field: str) -> None:
    """Take a list, or any other iterable but a text, as the tuple it stands for."""
    value: Iterable[Any] = getattr(noun, field)
    if not is_a(value, tuple, str, bytes, dict) and hasattr(value, "__iter__"):
        object.__setattr__(noun, field, tuple(value))
