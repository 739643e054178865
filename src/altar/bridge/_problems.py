"""What another library's validation refused, told as altar tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from altar.errors import ToolError
from altar.later._failure import bad_arguments
from altar.later._hushed import hushed_by, is_secret
from altar.later.hints._nodes_pydantic import tell_errors
from altar.later.hints._report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.adm import Problem

__all__ = ["is_secret", "problems_of", "refusal"]


class Listing(Protocol):
    """A pydantic ValidationError."""

    def errors(self, *, include_url: bool = True) -> list[Any]:
        """Everything that is wrong."""
        ...


def problems_of(
    error: Listing, value: Any, *, name: str = "the tool", schema: Any = None
) -> tuple[Problem, ...]:
    """What a pydantic ValidationError says of ``value``, by JSON path.

    ``name`` says who refused it, where a validator did. What a validator
    raised is told without its text: only a PydanticCustomError speaks to a model.
    What ``schema``, a JSON Schema of ``value``, says is secret is told by its kind.
    """
    report = Report(strict=True)
    tell_errors(error.errors(include_url=False), name, value, (None, report))
    return tuple(hushed_by(report.problems, schema))


def refusal(problems: Sequence[Problem]) -> ToolError:
    """The error that a tool raises to refuse its arguments: PARAMETER_VALIDATION_FAILED."""
    error = bad_arguments("", None, tuple(problems)).error
    if error is None:
        raise TypeError("a refusal has an error")
    return ToolError(error.message, type=error.type, details=error.details)
