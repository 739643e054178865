"""ToolResult and ErrorObject: what came of a call."""

from __future__ import annotations

from _thread import allocate_lock
from enum import StrEnum
from typing import Any, NoReturn

from altar.adm._ids import is_call_id, new_call_id
from altar.adm._problem import Problem
from altar.errors import ErrorType, InvalidDataError, ToolCallError

__all__ = ["ErrorObject", "ResultDraft", "ResultStatus", "ToolResult"]

_first_read = allocate_lock()


class ResultStatus(StrEnum):
    """Whether a call succeeded."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class ErrorObject:
    """Why a call failed: ``message`` and ``type``, and what helps to mend it.

    ``message`` is safe for a model: it holds no path, stack or secret.
    ``details`` is a JSON object (``problems`` for refused arguments),
    ``retry_allowed`` says whether the same call may be sent again,
    ``retry_after_ms`` when, ``remediation_steps`` what to do first, and
    ``correlation_id`` finds the call in logs and traces.
    """

    __slots__ = (
        "correlation_id",
        "details",
        "message",
        "remediation_steps",
        "retry_after_ms",
        "retry_allowed",
        "type",
    )

    message: str
    type: str
    details: dict[str, Any] | None
    retry_allowed: bool | None
    retry_after_ms: int | None
    remediation_steps: tuple[str, ...]
    correlation_id: str | None

    def __init__(  # noqa: PLR0913 - one parameter per field of the noun
        self,
        *,
        message: str,
        type: str = ErrorType.TOOL_EXECUTION_FAILED,  # noqa: A002 - the ADM's own name
        details: dict[str, Any] | None = None,
        retry_allowed: bool | None = None,
        retry_after_ms: int | None = None,
        remediation_steps: tuple[str, ...] = (),
        correlation_id: str | None = None,
    ) -> None:
        problems = [
            Problem(f"$.error.{field}", "a non-blank string", repr(value), keyword="type")
            for field, value in (("message", message), ("type", type))
            if not isinstance(value, str) or not value.strip()
        ]
        if problems:
            raise InvalidDataError("ErrorObject", problems)
        put = object.__setattr__
        put(self, "message", message)
        put(self, "type", str(type))
        put(self, "details", details)
        put(self, "retry_allowed", retry_allowed)
        put(self, "retry_after_ms", retry_after_ms)
        put(self, "remediation_steps", tuple(remediation_steps))
        put(self, "correlation_id", correlation_id)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"ErrorObject is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"ErrorObject is frozen: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ErrorObject):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.type, self.message))

    def __repr__(self) -> str:
        return f"ErrorObject(type={self.type!r}, message={self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_error, tuple(getattr(self, slot) for slot in ErrorObject.__slots__)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object; absent fields are omitted."""
        out: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.details is not None:
            out["details"] = self.details
        if self.retry_allowed is not None:
            out["retry_allowed"] = self.retry_allowed
        if self.retry_after_ms is not None:
            out["retry_after_ms"] = self.retry_after_ms
        if self.remediation_steps:
            out["remediation_steps"] = list(self.remediation_steps)
        if self.correlation_id is not None:
            out["correlation_id"] = self.correlation_id
        return out


def _rebuild_error(*values: Any) -> ErrorObject:
    return ErrorObject(**dict(zip(ErrorObject.__slots__, values, strict=True)))


class ResultDraft:
    """The slots of a ToolResult while the executor fills them.

    Plain attribute stores and one change of class cost half of what a frozen
    class's own constructor does; ``seal`` is that change of class. Only
    altar's executors use it.
    """

    __slots__ = ("_id", "cause", "content", "error", "metadata", "name", "value")

    _id: str | None
    name: str
    content: Any
    error: ErrorObject | None
    value: Any
    metadata: dict[str, Any] | None
    cause: BaseException | None


class ToolResult(ResultDraft):
    """What came of one call.

    ``content`` is JSON (it may be None) and ``error`` is None on SUCCESS;
    ``error`` is an :class:`ErrorObject` and ``content`` None on ERROR.
    ``value`` is the Python object the tool returned and ``cause`` the
    exception it raised, both in this process only. ``metadata`` is None or a
    JSON object with ``coercions``, ``notes`` and ``truncated``, as they apply.

    Raises InvalidDataError when both or neither of content and error are given.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        call_id: str | None = None,
        content: Any = None,
        error: ErrorObject | None = None,
        value: Any = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        problems = []
        if not isinstance(name, str):
            problems.append(Problem("$.name", "a string", type(name).__name__, keyword="type"))
        if call_id is not None and not is_call_id(call_id):
            expected = "1 to 128 printable ASCII characters"
            problems.append(Problem("$.call_id", expected, repr(call_id)[:60], keyword="pattern"))
        if error is not None and not isinstance(error, ErrorObject):
            problems.append(Problem("$.error", "an ErrorObject", type(error).__name__))
        if error is not None and content is not None:
            problems.append(Problem("$", "content or error, not both", "both", keyword="oneOf"))
        if problems:
            raise InvalidDataError("ToolResult", problems)
        put = object.__setattr__
        put(self, "_id", call_id)
        put(self, "name", name)
        put(self, "content", content)
        put(self, "error", error)
        put(self, "value", content if value is None else value)
        put(self, "metadata", metadata)
        put(self, "cause", None)

    @property
    def call_id(self) -> str:
        """The id of the call this answers; generated on first read if it had none."""
        known = self._id
        if known is None:
            with _first_read:  # two threads that read first must see one id
                known = self._id
                if known is None:
                    known = new_call_id()
                    object.__setattr__(self, "_id", known)
        return known

    @property
    def ok(self) -> bool:
        """True when the call succeeded."""
        return self.error is None

    @property
    def status(self) -> ResultStatus:
        """SUCCESS or ERROR."""
        return ResultStatus.SUCCESS if self.error is None else ResultStatus.ERROR

    def unwrap(self) -> Any:
        """The content; raises ToolCallError, chained to the tool's own exception, on ERROR."""
        if self.error is None:
            return self.content
        raise ToolCallError(self.name, self.error) from self.cause

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"ToolResult is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"ToolResult is frozen: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ToolResult):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.call_id, self.name, self.error is None))

    def __repr__(self) -> str:
        what = f"content={self.content!r}" if self.error is None else f"error={self.error!r}"
        return f"ToolResult(name={self.name!r}, status={self.status.value}, {what})"

    def __reduce__(self) -> tuple[Any, ...]:
        # value and cause belong to the process that made them
        return _rebuild_result, (self.name, self.call_id, self.content, self.error, self.metadata)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object; metadata travels as ``x_metadata``."""
        out: dict[str, Any] = {
            "call_id": self.call_id,
            "name": self.name,
            "status": self.status.value,
        }
        if self.error is None:
            out["content"] = self.content
        else:
            out["error"] = self.error.to_dict()
        if self.metadata:
            out["x_metadata"] = self.metadata
        return out


def _rebuild_result(
    name: str,
    call_id: str,
    content: Any,
    error: ErrorObject | None,
    metadata: dict[str, Any] | None,
) -> ToolResult:
    return ToolResult(name=name, call_id=call_id, content=content, error=error, metadata=metadata)
