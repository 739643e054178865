"""What tools of LangChain say by raising, as errors of altar's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.tools import ToolException

from altar import ToolError
from altar.adm import Problem, json_path
from altar.errors import ErrorType
from altar_extras._langchain_progress import is_control_flow
from altar_extras._langchain_tool import CallFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError
    from pydantic.v1 import ValidationError as ValidationErrorV1

__all__ = ["again", "is_unwritten", "said_of", "wrong_arguments"]

_MAX_PROBLEMS = 32
_MAX_SHOWN = 60


def said_of(error: Exception) -> ToolError | None:
    """What a model is told of an exception that LangChain has a meaning for; else None."""
    if isinstance(error, CallFailedError):
        failed = error.result.error
        return None if failed is None else again(failed.to_dict())
    if isinstance(error, ToolException):
        return ToolError(str(error) or "The tool failed (ToolException).")
    if is_control_flow(error):
        return _steered(error)
    if is_unwritten(error):
        return ToolError(
            "The tool has no implementation for this kind of call (NotImplementedError).",
            type=ErrorType.CONFIGURATION_ERROR,
        )
    return None


def again(error: Mapping[str, Any]) -> ToolError:
    """An error of altar's that came through LangChain, as it was."""
    after = error.get("retry_after_ms")
    return ToolError(
        error["message"],
        type=error["type"],
        retry_after=None if after is None else after / 1000,
        details=error.get("details"),
    )


def is_unwritten(error: Exception, *, at_once: bool = False) -> bool:
    """Whether the tool itself says that it has no such form; ``at_once`` for the first it does.

    What did something before it said so is not to be run again.
    """
    if not isinstance(error, NotImplementedError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_name not in {"_run", "_arun"}:
        return False
    lines = [line for *_, line in trace.tb_frame.f_code.co_lines() if line is not None]
    first = next((line for line in lines if line != lines[0]), lines[0])  # after the def's own
    return not at_once or trace.tb_lineno == first


def wrong_arguments(error: ValidationError | ValidationErrorV1, message: str | None) -> ToolError:
    """The refusal of a tool's own schema, with every problem; ``message`` is the tool's own."""
    problems = [_problem(item) for item in error.errors()[:_MAX_PROBLEMS]]
    if message is None:
        count = "1 argument is" if len(problems) == 1 else f"{len(problems)} arguments are"
        message = f"{count} wrong. {'; '.join(map(str, problems[:8]))}"
    return ToolError(
        message,
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem.to_dict() for problem in problems]},
    )


def _problem(item: Any) -> Problem:
    kind = str(item["type"])
    missing = kind in {"missing", "value_error.missing"}
    said = str(item["msg"])
    return Problem(
        json_path([step for step in item["loc"] if step != "__root__"]),
        said[:1].lower() + said[1:],
        "nothing" if missing else _shown(item["input"]) if "input" in item else "another value",
        keyword="required" if missing else kind,
    )


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        return type(value).__name__
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _steered(error: Exception) -> ToolError:
    """LangGraph's exceptions, by name: an interrupt waits for a person, the rest for a graph."""
    name = type(error).__name__
    if "Interrupt" in name:
        return ToolError(
            f"The tool waits for a person's answer ({name}), which reaches it in a graph alone.",
            type=ErrorType.APPROVAL_REQUIRED,
        )
    return ToolError(
        f"The tool steers a graph ({name}), and there is none here.",
        type=ErrorType.INVALID_STATE,
    )
