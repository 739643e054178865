"""Failures of a DSPy program that runs elsewhere: told there, and raised here as DSPy's own."""

from __future__ import annotations

import builtins
import json
from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar import ToolError
from altar.errors import ConfigurationError, ErrorType, ToolCallError
from altar_extras._dspy_errors import words_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import ErrorObject, ToolResult
    from altar_extras._dspy_runner_values import Values

__all__ = ["FACTS", "NoSuchLM", "RemoteProgramError", "raised", "told"]

FACTS = "program"  # where they stand in the error's details
_MOST = 15_000  # bytes of JSON that an error's details hold
_LONGEST = 4_000  # characters of a text where there are more
_FIELDS = ("code", "model", "provider", "provider_code", "status", "request_id", "retry_after")
_TYPES: tuple[tuple[Any, str], ...] = (
    (dspy.LMRateLimitError, ErrorType.RATE_LIMIT_EXCEEDED),
    (dspy.LMTimeoutError, ErrorType.TIMEOUT),
    (dspy.LMAuthError, ErrorType.PERMISSION_DENIED),
    (dspy.LMBillingError, ErrorType.RESOURCE_EXHAUSTED),
    (dspy.LMConfigurationError, ErrorType.CONFIGURATION_ERROR),
    (dspy.LMServerError, ErrorType.SERVICE_UNAVAILABLE),
    (dspy.LMTransportError, ErrorType.SERVICE_UNAVAILABLE),
    (ConfigurationError, ErrorType.CONFIGURATION_ERROR),
)
_BUILTINS = frozenset(
    {
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "ConnectionError",
        "FileNotFoundError",
        "IndexError",
        "KeyError",
        "LookupError",
        "NotImplementedError",
        "OSError",
        "OverflowError",
        "PermissionError",
        "RecursionError",
        "RuntimeError",
        "TimeoutError",
        "TypeError",
        "ValueError",
        "ZeroDivisionError",
    }
)


class NoSuchLM(dspy.LMNotConfiguredError):  # type: ignore[misc, unused-ignore]
    """The caller's model is not there: altar's own words, which may cross."""


class RemoteProgramError(dspy.DSPyError):  # type: ignore[misc, unused-ignore]
    """A run elsewhere that came to nothing, where no exception of DSPy's or Python's says it.

    ``type`` is altar's error type (TIMEOUT, TOOL_NOT_FOUND, CONFIGURATION_ERROR ...),
    ``kind`` the class of the program's exception where it raised one, ``error``
    the whole ErrorObject; ``retry_after`` is in seconds, or None.
    """

    def __init__(self, name: str, error: ErrorObject) -> None:
        wait = error.retry_after_ms
        facts = (error.details or {}).get(FACTS)
        said = facts.get("text") if isinstance(facts, dict) else None
        super().__init__(
            f"{name}: {error.type}: {error.message}" + (f" {said}" if said else ""),
            code=error.type.lower(),
            retry_after=None if wait is None else wait / 1000,
        )
        self.name = name
        self.error = error
        self.type = error.type
        self.kind: str | None = facts.get("kind") if isinstance(facts, dict) else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.error)


def told(
    error: Exception, predictors: Mapping[str, Any], values: Values, beside: dict[str, Any]
) -> ToolError:
    """What a program raised, for the process that called it; ``beside`` is trace and usage.

    Of an LM's error its text stays here, which is a provider's and may quote keys and
    addresses; altar's words go instead. Texts of the program's own exceptions go, in the
    details: the message, which a model may read, has none.

    An error's details hold little: where that is too much, the trace stays
    behind, then long texts lose their end.
    """
    kind = "LMNotConfiguredError" if isinstance(error, NoSuchLM) else type(error).__name__
    is_an_lms = isinstance(error, dspy.LMError) and not isinstance(error, NoSuchLM)
    text = words_for(error) if is_an_lms else _text_of(error)
    facts: dict[str, Any] = {"kind": kind, "text": text}
    if isinstance(error, dspy.DSPyError):
        facts["fields"] = {
            key: value if isinstance(value, (str, int, float)) else str(value)
            for key in _FIELDS
            if (value := getattr(error, key, None)) is not None
        }
    if isinstance(error, dspy.AdapterParseError):
        facts["parse"] = _parse_facts(error, predictors, values)
    whole = {**facts, **beside}
    if _size(whole) > _MOST:
        whole = {**facts, "usage": beside["usage"], "trace": [], "trace_left_out": True}
    if _size(whole) > _MOST:
        whole["text"] = text[:_LONGEST]
        if "parse" in whole:
            whole["parse"] = {
                **whole["parse"],
                "response": whole["parse"]["response"][:_LONGEST],
                "parsed": None,
            }
    found = next((name for cls, name in _TYPES if isinstance(error, cls)), None)
    return ToolError(
        words_for(error),
        type=found or ErrorType.TOOL_EXECUTION_FAILED,
        retry_after=getattr(error, "retry_after", None),
        details={FACTS: whole},
    )


def raised(result: ToolResult, predictors: Mapping[str, Any], values: Values) -> Exception:
    """The exception that a failed run is here: the program's own kind where it is known."""
    error = result.error
    assert error is not None
    name = result.name or "the program"
    cause = RemoteProgramError(name, error)
    cause.__cause__ = ToolCallError(name, error)
    facts = (error.details or {}).get(FACTS)
    if not isinstance(facts, dict):
        return cause
    made = _rebuilt(facts, predictors, values)
    if made is None:
        return cause
    made.__cause__ = cause
    return made


def _rebuilt(
    facts: dict[str, Any], predictors: Mapping[str, Any], values: Values
) -> Exception | None:
    kind, text = str(facts.get("kind")), str(facts.get("text"))
    if kind in _BUILTINS:
        plain: Exception = getattr(builtins, kind)(text)
        return plain
    if kind == ConfigurationError.__name__:
        return ConfigurationError(text)
    parse = facts.get("parse")
    fields = facts.get("fields", {})
    cls: Any = getattr(dspy, kind, None)
    if not (isinstance(cls, type) and issubclass(cls, dspy.DSPyError)):
        return None
    made: Any
    if issubclass(cls, dspy.AdapterParseError):
        if parse is None:
            return None
        made = cls(
            adapter_name=parse["adapter"],
            signature=_signature(parse, predictors),
            lm_response=parse["response"],
            parsed_result=None if parse["parsed"] is None else values.load(parse["parsed"]),
        )
        made.message, made.args = text, (text,)  # which may say more than these facts
    elif issubclass(cls, dspy.ContextWindowExceededError):
        made = cls(message=text, **fields)
    else:
        made = cls(text, **fields)
    found: Exception = made
    return found


def _parse_facts(error: Any, predictors: Mapping[str, Any], values: Values) -> dict[str, Any]:
    signature = error.signature
    names = [n for n, found in predictors.items() if found.signature == signature]
    parsed = error.parsed_result
    return {
        "adapter": str(error.adapter_name),
        "response": str(error.lm_response),
        "parsed": None if parsed is None else values.dump(dict(parsed), lossy=True),
        "predictor": names[0] if names else None,
        "inputs": list(signature.input_fields),
        "outputs": list(signature.output_fields),
    }


def _signature(parse: dict[str, Any], predictors: Mapping[str, Any]) -> Any:
    """The local signature that could not be filled; one of the same fields where there is none."""
    found = predictors.get(parse["predictor"])
    if found is not None:
        return found.signature
    make: Any = dspy.Signature
    return make(f"{', '.join(parse['inputs'])} -> {', '.join(parse['outputs'])}")


def _text_of(error: Exception) -> str:
    message = getattr(error, "message", None)  # without the model's name, which is put before it
    if isinstance(error, dspy.DSPyError) and isinstance(message, str):
        return message
    if len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]
    return str(error)


def _size(found: dict[str, Any]) -> int:
    return len(json.dumps(found, ensure_ascii=False).encode())
