"""From a model's call to a FunctionCall, and from a ToolResult to what the model reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.adm import Blob, ErrorObject, FunctionCall, ToolResult, loads
from altar.errors import ErrorType
from altar.llm._clean import UnboundedError, own_args, sound
from altar.llm._parts import BlobPart, ToolResultPart
from altar.llm._read import Read, read_json, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.llm._parts import ToolCall

    SchemaOf: TypeAlias = Callable[[str], Any]

__all__ = [
    "answer",
    "call_again",
    "inner_call",
    "not_run",
    "read_call",
    "refusal",
    "repeated",
    "result_text",
]

_NAME_LIMIT = 256
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode


def read_call(
    part: ToolCall, schema_of: SchemaOf, max_risk: float
) -> tuple[FunctionCall, ToolResult | None, Read | None]:
    """The call to run, and None; or the call as far as it can be read, and its error result.

    Arguments that came as text are read as well, and what became of the text
    is the third; ``schema_of`` knows the parameters of a tool. The loop issues
    the id: the provider's own stays on the part.
    """
    name: Any = part.name
    args: Any = part.args  # providers hand on what a model said, whatever its kind
    if args.__class__ is dict and name.__class__ is str and len(name) <= _NAME_LIMIT:
        return *_owned(sound(name), args), None
    name = sound(str(name))
    if len(name) > _NAME_LIMIT:
        short = FunctionCall(name=f"{name[:40]}...")
        return short, _bad(short, f"the name of a tool has at most {_NAME_LIMIT} characters"), None
    read = None
    if args is None:
        read = _read_args(part.raw_args, lambda: schema_of(name), max_risk)
        if read.problems:
            call = FunctionCall(name=name)
            fault = f"the arguments are not valid JSON: {'; '.join(read.problems)}"
            return call, _bad(call, fault), read
        args = read.value
    if not isinstance(args, dict):
        call = FunctionCall(name=name)
        fault = f"the arguments must be a JSON object, not {_kind(args)}"
        return call, _bad(call, fault), read
    return *_owned(name, args), read


def _owned(name: str, args: dict[str, Any]) -> tuple[FunctionCall, ToolResult | None]:
    try:
        return FunctionCall(name=name, args=own_args(args)), None
    except UnboundedError:
        call = FunctionCall(name=name)
        return call, _bad(call, "the arguments are nested too deeply, or hold too many values")


def call_again(part: ToolCall) -> FunctionCall:
    """The call of a history, as it is carried out later and elsewhere: under the id it has there.

    Raises InvalidDataError where it is none, or its arguments are no JSON.
    """
    args: Any = part.args
    if args is None:
        args = loads(part.raw_args) if part.raw_args and part.raw_args.strip() else {}
    call = FunctionCall.from_dict({"name": part.name, "args": args})
    return FunctionCall(name=call.name, args=own_args(call.args), call_id=part.id)


def inner_call(call: FunctionCall) -> FunctionCall | None:
    """The call that ``{"name", "arguments"}`` stands for, under the same id; None for other args.

    Raises InvalidDataError where arguments that are text are no JSON.
    """
    name, args = call.args.get("name"), call.args.get("arguments")
    if not isinstance(name, str) or not name.strip():
        return None
    if isinstance(args, str):
        args = loads(args) if args.strip() else {}
    if not isinstance(args, dict) and args is not None:
        return None
    return FunctionCall(name=name.strip(), args=own_args(args or {}), call_id=call.call_id)


def _read_args(raw: str | None, schema_of: Callable[[], Any], max_risk: float) -> Read:
    """The one place where argument text becomes a value."""
    if raw is None or not raw.strip():
        return Read(text="", value={})  # providers write a call without arguments as no text
    return unwrapped(read_json(raw, schema_of, max_risk), max_risk)


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number"}
    if value is None:
        return "null"
    return names.get(type(value), "a number" if isinstance(value, float) else "something else")


def _bad(call: FunctionCall, message: str) -> ToolResult:
    steps = ("Send the call again with one valid JSON object as its arguments.",)
    error = ErrorObject(
        message=message,
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        remediation_steps=steps,
    )
    return ToolResult(name=call.name, call_id=call.call_id, error=error)


def refusal(call: FunctionCall, message: str, error_type: str = ErrorType.CANCELLED) -> ToolResult:
    """The error result of a call the loop did not run, or whose answer it withholds."""
    error = ErrorObject(message=message, type=error_type)
    return ToolResult(name=call.name, call_id=call.call_id, error=error)


def repeated(call: FunctionCall, count: int) -> ToolResult:
    """The error in the place of a result that was the same ``count`` times in a row."""
    return refusal(
        call,
        f"This is call number {count} in a row of {call.name!r} with the same arguments and the "
        "same result. Calling it again changes nothing: use the result you have, change the "
        "arguments, or answer without it.",
        ErrorType.INVALID_STATE,
    )


def not_run(part: ToolCall, reason: str) -> ToolResultPart:
    """The error a model reads for a call of a history that nobody answered."""
    text = _encode({"error": {"message": reason, "type": str(ErrorType.CANCELLED)}})
    return ToolResultPart(call_id=part.id, name=str(part.name), text=text, is_error=True)


def result_text(result: ToolResult) -> str:
    """The result as the JSON text a model reads; never raises for what a tool returned."""
    error = result.error
    if error is None:
        content = result.content
        return _dump(_without_bytes(result) if _blobs(result.value) else content)
    body = error.to_dict()
    body.pop("correlation_id", None)  # finds the call in a log; tells a model nothing
    return _dump({"error": body})


def _blobs(value: object) -> tuple[BlobPart, ...]:
    kind = value.__class__
    if kind is Blob:
        found = [value]
    elif kind is list or kind is tuple:
        found = [item for item in value if item.__class__ is Blob]  # type: ignore[attr-defined]
    else:
        return ()
    return tuple([BlobPart(blob.mime, blob.data) for blob in found])  # type: ignore[attr-defined]


def _without_bytes(result: ToolResult) -> Any:
    """The content with a note in the place of each blob, which travels beside the text."""
    value = result.value
    if isinstance(value, Blob):
        return {"mime": value.mime, "bytes": len(value.data)}
    content = result.content if isinstance(result.content, list) else []
    return [
        {"mime": item.mime, "bytes": len(item.data)} if isinstance(item, Blob) else plain
        for item, plain in zip(value, content, strict=False)
    ]


def _dump(value: Any) -> str:
    try:
        text = _encode(value)
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)  # a lone surrogate stays readable as an escape
    except (TypeError, ValueError, RecursionError):
        note = "the result of the tool is not JSON"
        return _encode({"error": {"message": note, "type": str(ErrorType.TOOL_EXECUTION_FAILED)}})
    return text


def answer(part: ToolCall, result: ToolResult, text: str) -> ToolResultPart:
    """The part that answers ``part`` with ``text``, and with the blobs the tool returned."""
    failed = result.error is not None
    blobs = () if failed else _blobs(result.value)
    return ToolResultPart(call_id=part.id, name=part.name, text=text, is_error=failed, blobs=blobs)
