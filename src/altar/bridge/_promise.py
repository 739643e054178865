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
    model nothing of it. Only results that JSON could not carry whole are
    looked at (an infinity, an integer beyond 64 bits, a text that was cut);
    what a tool returns is otherwise what its annotation says.
    """
    if returns is None or result.error is not None:
        return result
    if result.content is not None and result.metadata is None:
        return result
    problems = returns.check(result.content)
    if not problems:
        return result
    error = ErrorObject(
        type=ErrorType.TOOL_EXECUTION_FAILED,
        message=f"The tool {result.name!r} returned what it does not declare: {problems[0]}",
    )
    return ToolResult(name=result.name, call_id=result.call_id, error=error)
