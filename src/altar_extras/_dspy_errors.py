"""What DSPy raises, as altar's typed errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar import ToolError
from altar.adm import ToolResult
from altar.errors import AltarError, ErrorType

if TYPE_CHECKING:
    from altar.adm import ErrorObject

__all__ = ["again", "typed", "words_for"]

# the first that fits; the text of an exception never reaches a model, it may hold prompts or keys
_WORDS: tuple[tuple[type[Exception], str, str], ...] = (
    (dspy.LMRateLimitError, ErrorType.RATE_LIMIT_EXCEEDED, "its model takes no more requests now"),
    (dspy.LMTimeoutError, ErrorType.TIMEOUT, "its model did not answer in time"),
    (dspy.LMServerError, ErrorType.SERVICE_UNAVAILABLE, "its model failed inside"),
    (dspy.LMTransportError, ErrorType.SERVICE_UNAVAILABLE, "its model cannot be reached"),
    (dspy.LMLockTimeoutError, ErrorType.SERVICE_UNAVAILABLE, "its model's keys are in use"),
    (dspy.LMAuthError, ErrorType.CONFIGURATION_ERROR, "its model refuses the application's key"),
    (dspy.LMBillingError, ErrorType.RESOURCE_EXHAUSTED, "the quota of its model is spent"),
    (dspy.LMConfigurationError, ErrorType.CONFIGURATION_ERROR, "its model is not set up"),
    (dspy.LMUnsupportedModelError, ErrorType.CONFIGURATION_ERROR, "there is no such model"),
    (
        dspy.LMUnsupportedFeatureError,
        ErrorType.CONFIGURATION_ERROR,
        "its model cannot do what it asks",
    ),
    (
        dspy.ContextWindowExceededError,
        ErrorType.RESOURCE_EXHAUSTED,
        "the input is longer than its model reads",
    ),
    (dspy.LMCollectionLimitError, ErrorType.RESOURCE_EXHAUSTED, "the answer grew too large"),
    (
        dspy.AdapterParseError,
        ErrorType.TOOL_EXECUTION_FAILED,
        "its model's answer does not hold the fields that were asked for",
    ),
    (
        dspy.CodeInterpreterError,
        ErrorType.TOOL_EXECUTION_FAILED,
        "its code interpreter failed",
    ),
    (dspy.DSPyError, ErrorType.TOOL_EXECUTION_FAILED, "its model failed"),
)
_NO_LM = "No LM is loaded. Please configure the LM"


def again(error: ErrorObject) -> ToolError:
    """The ToolError that makes this error again: of a call inside a call."""
    wait = error.retry_after_ms
    return ToolError(
        error.message,
        type=error.type,
        retry_after=None if wait is None else wait / 1000,
        details=error.details,
    )


def typed(error: Exception) -> ToolError | None:
    """The ToolError for what DSPy or an exported tool raised; None for every other exception."""
    inner = getattr(error, "result", None) if isinstance(error, AltarError) else None
    if isinstance(inner, ToolResult) and inner.error is not None:  # a ToolFailed
        return again(inner.error)
    if isinstance(error, ValueError) and str(error).startswith(_NO_LM):
        return ToolError(
            "The program failed: no model is set up.",
            type=ErrorType.CONFIGURATION_ERROR,
            details={"error": "LMNotConfiguredError", "remedy": "dspy.configure(lm=dspy.LM(...))"},
        )
    for kind, type_, words in _WORDS:
        if isinstance(error, kind):
            return ToolError(
                f"The program failed: {words}.",
                type=type_,
                retry_after=getattr(error, "retry_after", None),
                details=_details(error),
            )
    return None


def words_for(error: Exception) -> str:
    """A sentence for what a program raised, without any text of the exception."""
    for kind, _, words in _WORDS:
        if isinstance(error, kind):
            return f"The program failed: {words}."
    return f"The program failed ({type(error).__name__})."


def _details(error: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, dspy.AdapterParseError):
        signature: Any = error.signature
        details["expected"] = list(signature.output_fields)
        details["found"] = list(error.parsed_result or ())
    if isinstance(error, dspy.DSPyError) and isinstance(error.code, str):
        details["code"] = error.code
    return details
