"""What tools of pydantic-ai say by raising, as errors of altar's."""

from __future__ import annotations

import json

from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    ModelAPIError,
    ModelRateLimitError,
    ModelRetry,
    ToolFailed,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)

from altar import ToolError
from altar.errors import ConfigurationError, ErrorType

__all__ = ["Failed", "Retry", "told"]


class Retry(ModelRetry):
    """A retry whose text is an error of altar's."""


class Failed(ToolFailed):
    """A failed call whose text is an error of altar's."""


def told(error: Exception) -> ToolError | None:
    """What a model is told of an exception the framework has a meaning for; else None."""
    if isinstance(error, (Retry, Failed)):  # what others say by such a text is a text
        return _said(error.message) or ToolError(error.message)
    if isinstance(error, ModelRetry) and _is_late(error):
        return ToolError(error.message, type=ErrorType.TIMEOUT)
    if isinstance(error, (ModelRetry, ToolFailed)):
        return ToolError(error.message)
    if isinstance(error, ApprovalRequired):
        return ToolError("A person must approve this call first.", type=ErrorType.APPROVAL_REQUIRED)
    if isinstance(error, CallDeferred):
        return ToolError(
            "The result of this call is made elsewhere, later (CallDeferred): this session cannot "
            "wait for it.",
            type=ErrorType.INVALID_STATE,
        )
    if isinstance(error, UserError):  # its text is for whoever wrote the tool
        return ToolError(
            "The tool is not set up rightly (UserError).", type=ErrorType.CONFIGURATION_ERROR
        )
    if isinstance(error, UsageLimitExceeded):
        return ToolError(
            "A limit of usage is reached (UsageLimitExceeded).", type=ErrorType.RESOURCE_EXHAUSTED
        )
    if isinstance(error, ModelAPIError):
        limited = isinstance(error, ModelRateLimitError)
        kind = ErrorType.RATE_LIMIT_EXCEEDED if limited else ErrorType.SERVICE_UNAVAILABLE
        message = f"A model that the tool asked did not answer ({type(error).__name__})."
        return ToolError(message, type=kind, retry_after=_after(error))
    if isinstance(error, UnexpectedModelBehavior):
        message = "A model that the tool asked did not behave (UnexpectedModelBehavior)."
        return ToolError(message, type=ErrorType.SERVICE_UNAVAILABLE)
    return None


def _is_late(error: ModelRetry) -> bool:
    """Whether a toolset says that a tool of its own took too long."""
    before = error.__cause__ or error.__context__
    return isinstance(before, TimeoutError) and error.message.startswith("Timed out after ")


def _said(message: str) -> ToolError | None:
    """An error of altar's that came through the framework as text, as it was."""
    try:
        body = json.loads(message)["error"]
        after = body.get("retry_after_ms")
        return ToolError(
            body["message"],
            type=body["type"],
            retry_after=None if after is None else after / 1000,
            details=body.get("details"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ConfigurationError):
        return None


def _after(error: ModelAPIError) -> float | None:
    after = getattr(error, "retry_after", None)
    return after if isinstance(after, (int, float)) and after >= 0 else None
