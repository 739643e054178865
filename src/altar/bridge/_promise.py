"""Promise: a result that keeps to what its declaration says of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.adm import ErrorObject, ToolResult
from altar.errors import ErrorType

if TYPE_CHECKING:
    from altar.adm import Schema

__all__ = ["as_declared"]


def as_declared(result: ToolResult, returns: Schema | None) -> ToolResult:
    """The result, or an error in its place where its content breaks ``returns``.

    For clients that check what they get: they would refuse it, and tell a
    model nothing of it. Keep the Schema between calls: it is compiled once.
    """
    if returns is None or result.error is not None:
        return result
    checker = returns.checker()
    if checker.ok(result.content):
        return result
    problems = checker.check(result.content)
    error = ErrorObject(
        type=ErrorType.TOOL_EXECUTION_FAILED,
        message=f"The tool {result.name!r} returned what it does not declare: {problems[0]}",
    )
    return ToolResult(name=result.name, call_id=result.call_id, error=error)
