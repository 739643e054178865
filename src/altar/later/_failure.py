"""Failures of a call as ToolResults: what went wrong, said so that a model can mend it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject
from altar.adm._result import ResultDraft, ToolResult
from altar.errors import ConfigurationError, ErrorType, ToolError
from altar.later.hints._dump import DumpError, dump
from altar.later.hints._report import nearest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from altar.adm import Problem

__all__ = [
    "approval_required",
    "bad_arguments",
    "cancelled",
    "exhausted",
    "failed",
    "failure",
    "hidden",
    "invalid_state",
    "no_deps",
    "sealed",
    "timed_out",
    "unknown",
    "unserialisable",
]

_SHOWN_NAMES = 20
_SHOWN_PROBLEMS = 8
_KEPT_PROBLEMS = 32
_MAX_TEXT = 2000
_MAX_DETAILS = 16_384
_LONGEST = 1e12  # seconds, so that their milliseconds are a number any reader takes
_NOT_RUN = {"executed": "no"}  # for breakers and fallbacks: the body has not begun


def sealed(
    name: str,
    call_id: str | None,
    *,
    content: Any = None,
    value: Any = None,
    error: ErrorObject | None = None,
    metadata: dict[str, Any] | None = None,
    cause: BaseException | None = None,
) -> ToolResult:
    """A ToolResult from parts that are known to be right."""
    draft = ResultDraft()
    draft.name = name
    draft._id = call_id  # noqa: SLF001 - the draft is ours until it is sealed
    draft.content = content
    draft.value = value
    draft.error = error
    draft.metadata = metadata
    draft.cause = cause
    draft.__class__ = ToolResult
    return draft  # type: ignore[return-value]


def failure(  # noqa: PLR0913 - the parts of an error
    name: str,
    call_id: str | None,
    message: str,
    *,
    type: str,  # noqa: A002 - the error's own field
    details: dict[str, Any] | None = None,
    steps: tuple[str, ...] = (),
    retry: bool | None = None,
    retry_after: float | None = None,
    cause: BaseException | None = None,
) -> ToolResult:
    """An ERROR result."""
    error = ErrorObject(
        message=clean(message) or "The tool failed.",
        type=type,
        details=details,
        retry_allowed=retry,
        retry_after_ms=_milliseconds(retry_after),
        remediation_steps=steps,
    )
    return sealed(name, call_id, error=error, cause=cause)


def unknown(name: str, call_id: str | None, known: Iterable[str]) -> ToolResult:
    """No tool has this name."""
    names = list(known)
    near = nearest_of(name, names)
    shown = show_name(name)
    hint, step = f"Did you mean {near!r}?", _choose(names)
    if near is None:
        hint = f"The tools are {_listed(names)}." if names else "This session has no tools."
        step = "Call one of the tools that exist." if names else step
    return failure(
        clean(name),
        call_id,
        f"There is no tool {shown}. {hint}",
        type=ErrorType.TOOL_NOT_FOUND,
        details=_available(names, near),
        steps=(step,),
        retry=False,
    )


def hidden(name: str, call_id: str | None, known: Iterable[str]) -> ToolResult:
    """The tool exists, but this session does not show it."""
    names = list(known)
    return failure(
        clean(name),
        call_id,
        f"The tool {show_name(name)} is not available in this session.",
        type=ErrorType.PERMISSION_DENIED,
        details=_available(names, None),
        steps=(_choose(names),),
        retry=False,
    )


def bad_arguments(
    name: str, call_id: str | None, problems: Sequence[Problem], missed: int = 0
) -> ToolResult:
    """The arguments are not what the tool declares; every problem is told at once.

    ``missed`` counts problems that were found and not kept.
    """
    count = len(problems) + missed
    listed = "; ".join(str(problem) for problem in problems[:_SHOWN_PROBLEMS])
    more = f"; and {count - _SHOWN_PROBLEMS} more" if count > _SHOWN_PROBLEMS else ""
    what = "argument is" if count == 1 else "arguments are"
    return failure(
        name,
        call_id,
        cut(f"{count} {what} wrong. {listed}{more}"),
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem.to_dict() for problem in problems[:_KEPT_PROBLEMS]]},
        steps=("Correct the arguments named by the paths and call the tool again.",),
        retry=True,
    )


def failed(
    name: str,
    call_id: str | None,
    error: BaseException,
    *,
    idempotent: bool = False,
    expose: bool = False,
) -> ToolResult:
    """The tool raised; only a ToolError's own words, or opted-in text, reach the model."""
    if isinstance(error, ToolError):
        return _told(name, call_id, error, idempotent=idempotent)
    kind = cut(type(error).__name__, 100)
    text = f": {cut(_text_of(error))}" if expose else ""
    return failure(
        name,
        call_id,
        f"The tool {name!r} failed ({kind}){text}",
        type=ErrorType.TOOL_EXECUTION_FAILED,
        retry=idempotent,
        cause=error,
    )


def timed_out(
    name: str,
    call_id: str | None,
    seconds: float,
    *,
    idempotent: bool = False,
    begun: bool = True,
) -> ToolResult:
    """The call did not end in time; ``begun`` is False where its body surely never began."""
    details = {"timeout_seconds": round(seconds, 6)}
    return failure(
        name,
        call_id,
        f"The tool {name!r} did not finish within {_spoken(seconds)} s."
        if begun and seconds > 0
        else f"The time for {name!r} was over before it began.",
        type=ErrorType.TIMEOUT,
        details=details if begun else {**details, **_NOT_RUN},
        steps=("Ask for less at once, or go on without this result.",),
        retry=idempotent,
    )


def cancelled(
    name: str, call_id: str | None, reason: str | None, *, begun: bool = True
) -> ToolResult:
    """The call was given up by the application; ``begun`` as in :func:`timed_out`."""
    return failure(
        name,
        call_id,
        f"The call was not finished: {reason or 'cancelled by the application'}.",
        type=ErrorType.CANCELLED,
        details=None if begun else dict(_NOT_RUN),
        retry=False,
    )


def invalid_state(name: str, call_id: str | None, message: str, step: str = "") -> ToolResult:
    """The session cannot take this call in the state it is in."""
    steps = (step,) if step else ()
    kind = ErrorType.INVALID_STATE
    return failure(
        clean(name), call_id, message, type=kind, details=dict(_NOT_RUN), steps=steps, retry=False
    )


def no_deps(name: str, call_id: str | None, wanted: str) -> ToolResult:
    """The tool declares dependencies that the application did not give its session."""
    made = f"{wanted}(...)" if wanted.isidentifier() else "..."
    error = ConfigurationError(
        f"The tool {name!r} needs dependencies of type {wanted}: Session(..., deps={made})"
    )
    return failure(
        name,
        call_id,
        str(error),
        type=ErrorType.CONFIGURATION_ERROR,
        steps=("Go on without this tool: only the application can set it up.",),
        retry=False,
        cause=error,
    )


def approval_required(name: str, call_id: str | None) -> ToolResult:
    """The tool needs a person's yes, which this call does not bring."""
    return failure(
        name,
        call_id,
        f"The tool {name!r} runs only with a person's approval, and this call has none.",
        type=ErrorType.APPROVAL_REQUIRED,
        details=dict(_NOT_RUN),
        steps=("Wait for a person to approve the call, or go on without it.",),
        retry=False,
    )


def exhausted(name: str, call_id: str | None, message: str) -> ToolResult:
    """A bound of this process or session was reached."""
    return failure(name, call_id, message, type=ErrorType.RESOURCE_EXHAUSTED, retry=False)


def unserialisable(
    name: str, call_id: str | None, why: str, value: Any, error: BaseException
) -> ToolResult:
    """What the tool returned has no JSON form."""
    result = failure(
        name,
        call_id,
        f"The tool {name!r} ran, but its result cannot be written as JSON: {cut(why)}",
        type=ErrorType.TOOL_EXECUTION_FAILED,
        details={"stage": "result"},
        retry=False,
        cause=error,
    )
    object.__setattr__(result, "value", value)
    return result


def show_name(name: str) -> str:
    """A name for a message, quoted and shortened."""
    return repr(cut(name, 80))


def clean(text: str) -> str:
    """Text that UTF-8 can write: lone surrogates become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def cut(text: str, limit: int = _MAX_TEXT) -> str:
    """At most ``limit`` characters of a text, and a sign where there was more."""
    return clean(text) if len(text) <= limit else clean(text[: limit - 3]) + "..."


def _told(name: str, call_id: str | None, error: ToolError, *, idempotent: bool) -> ToolResult:
    retry_after = error.retry_after
    message: object = error.message
    return failure(
        name,
        call_id,
        cut(message if isinstance(message, str) else _text_of(error)).strip()
        or f"The tool {name!r} reported an error.",
        type=error.type.strip() or ErrorType.TOOL_EXECUTION_FAILED,
        details=_details_of(error.details),
        retry=True if retry_after is not None else idempotent or None,
        retry_after=retry_after,
        cause=error,
    )


def _details_of(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not details:
        return None
    try:
        content = dump(dict(details), max_bytes=_MAX_DETAILS).content
    except (DumpError, TypeError, ValueError):
        return {"note": "The details the tool gave cannot be written as JSON."}
    return content if isinstance(content, dict) else {"text": content}


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ is the tool's, not ours
        return "its message cannot be read"


def _milliseconds(seconds: object) -> int | None:
    # no math.isfinite: it raises for a whole number beyond the floats
    if isinstance(seconds, (int, float)) and -math.inf < seconds < math.inf:
        return math.ceil(min(max(seconds, 0), _LONGEST) * 1000)
    return None


def _spoken(seconds: float) -> str:
    """Seconds as a reader wants them: ``0.1``, ``2.5``, ``3600``."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") if seconds >= 1 else f"{seconds:.3g}"


def _available(names: list[str], near: str | None) -> dict[str, Any]:
    details: dict[str, Any] = {"available": names[:_SHOWN_NAMES], "available_count": len(names)}
    if near is not None:
        details["nearest"] = near
    return details


def _choose(names: list[str]) -> str:
    if not names:
        return "Answer without tools: this session has none."
    return f"Call one of the tools that exist: {_listed(names)}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more
