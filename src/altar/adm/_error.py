"""ErrorObject: why a call failed."""

from __future__ import annotations

from typing import Any

from altar.adm._fields import Fields
from altar.adm._frozen import Extended, Frozen
from altar.adm._kinds import is_a, kind_of
from altar.adm._problem import Problem
from altar.errors import ErrorType, InvalidDataError

__all__ = ["ErrorObject"]


class ErrorObject(Frozen, Extended):
    """Why a call failed: ``message`` and ``type``, and what helps to mend it.

    ``message`` is safe for a model: it holds no path, stack or secret.
    ``details`` is a JSON object (``problems`` for refused arguments),
    ``retry_allowed`` says whether the same call may be sent again,
    ``retry_after_ms`` when, ``remediation_steps`` what to do first, and
    ``correlation_id`` finds the call in logs and traces.
    """

    __slots__ = (
        "_extensions",
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
    _extensions: dict[str, Any]  # set only where there are some

    def __init__(
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
            Problem(f"$.{field}", "a non-blank string", kind_of(value), keyword="type")
            for field, value in (("message", message), ("type", type))
            if not is_a(value, str) or not value.strip()
        ]
        extra = (details, retry_allowed, retry_after_ms, remediation_steps, correlation_id)
        if extra != (None, None, None, (), None):
            problems += _extra_problems(*extra)
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

    @classmethod
    def from_dict(cls, doc: dict[str, Any] | str) -> ErrorObject:
        """Read ``{message, type, ...}``, or a text that is the message.

        An absent type is TOOL_EXECUTION_FAILED; optional fields of the wrong
        kind are refused; unknown unprefixed fields are ignored.
        """
        fields = Fields("ErrorObject", {"message": doc} if isinstance(doc, str) else doc)
        message = fields.text("message", required=True)
        kind = fields.text("type")
        fields.json("details", any_integer=True)
        details = fields.get("details", "an object", dict)
        allowed = fields.get("retry_allowed", "true or false", bool)
        after = fields.get("retry_after_ms", "an integer", int)
        steps = fields.items("remediation_steps")
        correlation = fields.text("correlation_id")
        extensions = fields.extensions()
        fields.done()
        error = cls(
            message=str(message),
            type=ErrorType.TOOL_EXECUTION_FAILED if kind is None else kind,
            details=details,
            retry_allowed=allowed,
            retry_after_ms=after,
            remediation_steps=tuple(steps),
            correlation_id=correlation,
        )
        return _extended(error, extensions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ErrorObject):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.type, self.message))

    def __repr__(self) -> str:
        return f"ErrorObject(type={self.type!r}, message={self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {slot: getattr(self, slot) for slot in ErrorObject.__slots__[1:]}
        return _rebuild, (fields, self.extensions)

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
        out.update(self.extensions)
        return out


def _rebuild(fields: dict[str, Any], extensions: dict[str, Any]) -> ErrorObject:
    return _extended(ErrorObject(**fields), extensions)


def _extended(error: ErrorObject, extensions: dict[str, Any] | None) -> ErrorObject:
    if extensions:
        object.__setattr__(error, "_extensions", extensions)
    return error


def _extra_problems(
    details: object, allowed: object, after: object, steps: object, correlation: object
) -> list[Problem]:
    """What is wrong with the optional fields of an error."""
    texts = isinstance(steps, (list, tuple)) and all(isinstance(step, str) for step in steps)
    whole = isinstance(after, int) and not isinstance(after, bool) and after >= 0
    rules = (
        ("details", "an object", details, details is None or isinstance(details, dict)),
        ("retry_allowed", "true or false", allowed, allowed is None or isinstance(allowed, bool)),
        ("retry_after_ms", "milliseconds, 0 or more", after, after is None or whole),
        ("remediation_steps", "an array of strings", steps, texts),
        ("correlation_id", "a string", correlation, isinstance(correlation, (str, type(None)))),
    )
    return [
        Problem(f"$.{field}", expected, kind_of(value), keyword="type")
        for field, expected, value, right in rules
        if not right
    ]
