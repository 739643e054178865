"""What tools of pydantic-ai say by raising, as errors of altar's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
from altar.adm import Problem, json_path
from altar.errors import ConfigurationError, ErrorType

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["told", "wrong_arguments"]

_MAX_PROBLEMS = 32
_MAX_SHOWN = 60


def told(error: Exception) -> ToolError | None:
    """What a model is told of an exception the framework has a meaning for; else None."""
    if isinstance(error, (ModelRetry, ToolFailed)):
        return _said(error.message) or ToolError(error.message)
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


def wrong_arguments(error: ValidationError) -> ToolError:
    """The refusal of a tool's own validator, with every problem and its path."""
    found = error.errors(include_url=False, include_context=False)[:_MAX_PROBLEMS]
    problems = [
        Problem(
            json_path(tuple(item["loc"])),
            _lower(item["msg"]),
            "nothing" if item["type"] == "missing" else _shown(item.get("input")),
            keyword="required" if item["type"] == "missing" else item["type"],
        )
        for item in found
    ]
    count = "1 argument is" if len(problems) == 1 else f"{len(problems)} arguments are"
    return ToolError(
        f"{count} wrong. {'; '.join(f'{p.path}: {p.expected}, got {p.got}' for p in problems[:8])}",
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem.to_dict() for problem in problems]},
    )


def _said(message: str) -> ToolError | None:
    """An error of altar's that came through the framework as text, as it was."""
    if not message.startswith('{"error": {'):
        return None
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


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        return type(value).__name__
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
