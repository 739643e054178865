"""Answers read: results and errors as peers write them, in the terms of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult, loads
from altar.errors import AltarError, ErrorType

if TYPE_CHECKING:
    from altar.adm import FunctionCall

__all__ = ["error_of", "failed_with", "read_result"]


def read_result(doc: dict[str, Any], call: FunctionCall, whole: bytes | None = None) -> Any:
    """The ToolResult of an answer, under the call's own name and id; None for what is none.

    ``whole`` is content that came in parts: UTF-8 JSON.
    """
    try:
        if whole is not None:
            doc = {**doc, "content": loads(whole)}
        if len(doc) == 4 and doc.get("status") == "SUCCESS" and "content" in doc:
            return ToolResult(name=call.name, call_id=call.call_id, content=doc["content"])
        found = ToolResult.from_dict(doc)
        return ToolResult(
            name=call.name,
            call_id=call.call_id,
            content=found.content,
            error=found.error,
            metadata=found.metadata,
            extensions=found.extensions,
        )
    except (AltarError, ValueError, RecursionError):
        return None


def error_of(doc: dict[str, Any]) -> ErrorObject:
    """The error of an Error message, whatever its peer put there."""
    try:
        return ErrorObject.from_dict(doc)
    except (AltarError, TypeError, ValueError):
        return ErrorObject(message="The grid refused the call.", type=ErrorType.SERVICE_UNAVAILABLE)


def failed_with(
    call: FunctionCall, error: ErrorObject, like: ToolResult | None = None
) -> ToolResult:
    """The result that answers ``call`` with an error, and with the metadata of another."""
    metadata = None if like is None else like.metadata
    return ToolResult(name=call.name, call_id=call.call_id, error=error, metadata=metadata)
