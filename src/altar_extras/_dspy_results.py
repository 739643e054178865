"""Predictions as results, and results as predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar import ToolError
from altar.errors import ConfigurationError, ErrorType
from altar_extras._dspy_types import plain

if TYPE_CHECKING:
    from altar import ToolResult

__all__ = ["Outputs", "outputs_of", "prediction_of"]


class Outputs(dict[str, Any]):
    """The output fields of a prediction, and the :class:`dspy.Prediction` they come from."""

    __slots__ = ("prediction",)

    def __init__(self, prediction: Any) -> None:
        super().__init__((name, plain(value)) for name, value in prediction.items())
        self.prediction = prediction


def outputs_of(value: Any, *, may_be_none: bool = False) -> Any:
    """What a program returned, as a tool returns it: of a prediction, its fields."""
    if isinstance(value, dspy.Prediction):
        return Outputs(value)
    if value is None and not may_be_none:
        raise ToolError(
            "The program gave no answer: none of its tries succeeded.",
            type=ErrorType.TOOL_EXECUTION_FAILED,
        )
    return plain(value)


def prediction_of(result: ToolResult) -> Any:
    """The :class:`dspy.Prediction` behind a result.

    In the process that made it, the very one, with its completions and usage;
    of a result that was stored or came from elsewhere, one of its fields, as
    JSON has them. Raises what ``result.unwrap()`` raises for a failed call,
    and ConfigurationError where the content holds no fields.
    """
    content = result.unwrap()
    value = result.value
    if isinstance(value, Outputs):
        return value.prediction
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"the result of {result.name!r} holds {type(content).__name__}, not the fields of a "
            "prediction; give prediction_of the result of a DSPy program"
        )
    return dspy.Prediction(**content)
