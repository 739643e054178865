"""Predictions as results, and results as predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar import ToolError
from altar.errors import ConfigurationError, ErrorType
from altar.later.hints import DumpError, dump
from altar_extras._dspy_types import plain, text_of

if TYPE_CHECKING:
    from altar import ToolResult

__all__ = ["TOLD", "Outputs", "outputs_of", "prediction_of"]

TOLD = frozenset(("history", "trajectory"))  # what agents add: it holds all that tools gave back
_DEEPEST = 32
_SCALARS = {str, int, float, bool, type(None)}


class Outputs(dict[str, Any]):
    """The output fields of a prediction, and the :class:`dspy.Prediction` they come from."""

    __slots__ = ("prediction",)

    def __init__(self, prediction: Any) -> None:
        for name, value in prediction.items():
            if value.__class__ in _SCALARS:
                self[name] = value
            else:
                self[name] = _told(plain(value)) if name in TOLD else plain(value)
        self.prediction = prediction


def _told(value: Any, depth: int = 0) -> Any:
    """The value with the text of what is no JSON: an answer is not lost for an agent's steps."""
    if value.__class__ in _SCALARS:
        return value
    if depth > _DEEPEST:
        return text_of(value)
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else text_of(key): _told(one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_told(one, depth + 1) for one in value]
    try:
        dump(value)
    except DumpError:
        return text_of(value)
    return value


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
