"""ToolResult: what came of a call."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from altar.adm._error import ErrorObject
from altar.adm._fields import Fields, check_extensions
from altar.adm._frozen import Extended, Frozen, Identified
from altar.adm._ids import is_call_id
from altar.adm._json import dumps
from altar.adm._kinds import is_a, kind_of
from altar.adm._problem import Problem
from altar.errors import InvalidDataError, ToolCallError

__all__ = ["ResultDraft", "ResultStatus", "ToolResult"]

_OUTCOME = frozenset({"status", "content", "error", "is_error"})


class ResultStatus(StrEnum):
    """Whether a call succeeded."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class ResultDraft(Extended, Identified):
    """The slots of a ToolResult while the executor fills them.

    Plain attribute stores and one change of class cost half of what a frozen
    class's own constructor does; ``seal`` is that change of class. Only
    altar's executors use it.
    """

    __slots__ = ("_extensions", "_id", "cause", "content", "error", "metadata", "name", "value")

    _id: str | None
    name: str
    content: Any
    error: ErrorObject | None
    value: Any
    metadata: dict[str, Any] | None
    cause: BaseException | None
    _extensions: dict[str, Any]  # set only where there are some


class ToolResult(Frozen, ResultDraft):
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
        extensions: dict[str, Any] | None = None,
    ) -> None:
        problems = []
        if not is_a(name, str):
            problems.append(Problem("$.name", "a string", kind_of(name), keyword="type"))
        if call_id is not None and not is_call_id(call_id):
            expected = "1 to 128 printable ASCII characters"
            problems.append(Problem("$.call_id", expected, kind_of(call_id), keyword="pattern"))
        if error is not None and not is_a(error, ErrorObject):
            problems.append(Problem("$.error", "an ErrorObject", kind_of(error), keyword="type"))
        if metadata is not None and not is_a(metadata, dict):
            problems.append(Problem("$.metadata", "an object", kind_of(metadata), keyword="type"))
        if error is not None and content is not None:
            problems.append(Problem("$", "content or error, not both", "both", keyword="oneOf"))
        if extensions:
            problems += check_extensions(extensions)
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
        if extensions:
            put(self, "_extensions", extensions)

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> ToolResult:
        """Read ``{call_id, name, status, content or error}``, or ``{content, is_error}``.

        An absent id, or one that breaks the rule, is replaced; without a
        status, an error says ERROR. Unknown unprefixed fields are ignored, but
        a document without any outcome is refused: it is no success.
        """
        fields = Fields("ToolResult", doc)
        if not _OUTCOME.intersection(fields.doc):
            fields.fail("status", "a status, content or an error", "none of them", "required")
        plain = "is_error" in fields.doc and "status" not in fields.doc
        name = fields.text("name", required=not plain)
        content = fields.json("content", any_integer=True)
        failed = _read_status(fields)
        error = _read_error(fields, failed, content if plain else None)
        if failed and not plain and content is not None:
            fields.fail("content", "no content beside an error", kind_of(content), "oneOf")
        metadata = fields.doc.get("x_metadata")
        extensions = fields.extensions()
        fields.done()
        if isinstance(metadata, dict) and extensions:
            del extensions["x_metadata"]
        call_id = fields.doc.get("call_id")
        return cls(
            name=name or "",
            call_id=call_id if is_call_id(call_id) else None,
            content=None if failed else content,
            error=error,
            metadata=metadata if isinstance(metadata, dict) else None,
            extensions=extensions,
        )

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
        parts = (self.name, self.call_id, self.content, self.error, self.metadata)
        return _rebuild_result, (*parts, self.extensions)

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
        out.update(self.extensions)
        return out


def _rebuild_result(
    name: str,
    call_id: str,
    content: Any,
    error: ErrorObject | None,
    *more: dict[str, Any] | None,
) -> ToolResult:
    metadata, extensions = more
    return ToolResult(
        name=name,
        call_id=call_id,
        content=content,
        error=error,
        metadata=metadata,
        extensions=extensions,
    )


def _read_status(fields: Fields) -> bool:
    """Whether a result read says ERROR."""
    status = fields.get("status", "SUCCESS or ERROR", str)
    if status is None:
        is_error = fields.get("is_error", "true or false", bool)
        return bool(is_error) or fields.doc.get("error") is not None
    if status.upper() not in ResultStatus.__members__:
        fields.fail("status", "SUCCESS or ERROR", kind_of(status), "enum")
    return bool(status.upper() == ResultStatus.ERROR)


def _read_error(fields: Fields, failed: bool, content: Any) -> ErrorObject | None:
    """The error of a result read; ``content`` is the message in the ``is_error`` form."""
    source = fields.doc.get("error")
    if not failed:
        if source is not None:
            fields.fail("error", "no error beside SUCCESS", kind_of(source), "oneOf")
        return None
    if source is None and content is not None and not fields.problems:
        source = content if isinstance(content, str) else dumps(content)
        source = source if source.strip() else None
    if source is None and fields.doc.get("is_error") is True:
        source = "the tool failed and gave no reason"
    if source is None:
        fields.fail("error", "an error object", "nothing", "required")
        return None
    try:
        return ErrorObject.from_dict(source)
    except InvalidDataError as error:
        fields.adopt(error, "error")
        return None
