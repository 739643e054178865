"""DSPy's fields and types in JSON: what signatures ask for, what predictions hold."""

from __future__ import annotations

import types
from functools import reduce
from operator import or_
from typing import Annotated, Any, Union, get_args, get_origin

import dspy  # type: ignore[import-untyped]
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from altar import Param, ToolError
from altar.adm import dumps, json_path
from altar.errors import DeclarationError, ErrorType
from altar_extras._dspy_fields import ABSENT, Field

__all__ = [
    "Reader",
    "Refusal",
    "carried",
    "fields_of",
    "plain",
    "problems_of",
    "said_in_json",
    "text_of",
    "wrong_arguments",
]

_AS_THEY_ARE = {str, int, float, bool, Any, dict, list, type(None)}
_SCALARS = {str, int, float, bool, type(None)}
_BASE64 = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")


class Refusal(Exception):  # noqa: N818 - a reason, not a fault
    """Why something of DSPy's cannot be carried."""


def fields_of(infos: dict[str, Any]) -> list[Field]:
    """The fields of one side of a signature class."""
    found = []
    for name, info in infos.items():
        extra = info.json_schema_extra or {}
        annotation = info.rebuild_annotation()
        default = ABSENT
        # DSPy fills in a default, and never calls a default_factory: such a field it lets be absent
        if not info.is_required() and info.default_factory is None:
            default = _default(annotation, info)
        found.append(Field(name, annotation, extra.get("desc") or "", default))
    return carried(found)


def carried(fields: list[Field]) -> list[Field]:
    """The fields, with DSPy's types as JSON has them; DeclarationError for what it has not."""
    found = []
    for field in fields:
        try:
            found.append(field._replace(annotation=said_in_json(field.annotation)))
        except Refusal as reason:
            raise DeclarationError(f"the DSPy field {field.name!r}", [str(reason)]) from None
    return found


def _default(annotation: Any, info: Any) -> Any:
    value = info.default
    try:
        return _adapter(annotation).dump_python(value, mode="json", warnings="none")
    except Exception:  # noqa: BLE001 - a default that JSON cannot say is not shown
        return value


def said_in_json(annotation: Any) -> Any:
    """The same type with DSPy's own replaced by what JSON has for them.

    Refusal for those it has nothing for.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is None or not args:
        return _own(annotation) if isinstance(annotation, type) else annotation
    if origin is Annotated:
        inner = said_in_json(args[0])
        return annotation if inner is args[0] else Annotated[(inner, *args[1:])]
    said = tuple(said_in_json(arg) for arg in args)
    if all(one is other for one, other in zip(said, args, strict=True)):
        return annotation
    if origin is Union or origin is types.UnionType:
        return reduce(or_, said[1:], said[0]) if origin is types.UnionType else Union[said]  # noqa: UP007
    return origin[said]


def _own(cls: Any) -> Any:
    if not cls.__module__.startswith("dspy"):
        return _subclass(cls)
    if issubclass(cls, dspy.Code):
        return Annotated[str, Param(description=f"Source code in {cls.language}.")]
    if issubclass(cls, dspy.Reasoning):
        return str
    return _subclass(cls)


def _subclass(cls: type) -> Any:
    if issubclass(cls, dspy.Tool):
        raise Refusal(
            "a dspy.Tool is code, which JSON cannot carry; give a program its tools "
            "when you make it"
        )
    if issubclass(cls, dspy.Module):
        raise Refusal("a dspy.Module is code, which JSON cannot carry")
    if issubclass(cls, dspy.Example):
        return dict[str, Any]
    if issubclass(cls, (dspy.Type, dspy.History)) and cls.__module__.startswith("dspy"):
        return Annotated[cls, Param(description=_SHORT.get(cls.__name__) or cls.__name__)]
    return cls


_SHORT = {
    "Audio": "Sound, as base64, with its format.",
    "Citations": "Passages of the documents that support the answer.",
    "Document": "A text that can be cited.",
    "File": "A file, as a data: URI or by the id of an upload.",
    "History": "The conversation so far: messages, each an object of the signature's fields.",
    "Image": "An image, by its URL or as a data: URI.",
    "ToolCalls": "Calls of tools.",
}


class Reader:
    """Reads checked JSON arguments as the Python values that a program's fields ask for."""

    __slots__ = ("_adapters",)

    def __init__(self, annotations: dict[str, Any]) -> None:
        self._adapters = {
            name: _adapter(annotation)
            for name, annotation in annotations.items()
            if not _is_plain(annotation)
        }

    def read(self, args: dict[str, Any]) -> dict[str, Any]:
        """The values; ToolError, of arguments, with every problem where pydantic refuses one."""
        if not self._adapters:
            return args
        found, problems = dict(args), []
        for name, adapter in self._adapters.items():
            if name in args:
                try:
                    value = adapter.validate_json(dumps(args[name]))
                    found[name] = _with_calls(value) if isinstance(value, dspy.History) else value
                except ValidationError as error:
                    problems += problems_of(error, name)
        if problems:
            raise wrong_arguments(problems)
        return found


def problems_of(error: ValidationError, name: str, *, skip: int = 0) -> list[dict[str, Any]]:
    """What pydantic refuses of the argument ``name``, each with its JSON path.

    ``skip`` steps of its own path, which lead to the argument, are left out.
    """
    return [
        {
            "path": json_path((name, *one["loc"][skip:])),
            "expected": one["msg"],
            "got": type(one.get("input")).__name__,
            "keyword": one["type"],
        }
        for one in error.errors(include_url=False, include_context=False)
    ]


def wrong_arguments(problems: list[dict[str, Any]]) -> ToolError:
    """The refusal of arguments that broke DSPy's rules, not altar's."""
    count = len(problems)
    what = "argument is" if count == 1 else "arguments are"
    listed = "; ".join(f"{one['path']}: {one['expected']}" for one in problems[:8])
    return ToolError(
        f"{count} {what} wrong. {listed}",
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": problems},
    )


def text_of(value: Any) -> str:
    """The text of anything, of what has none the name of its class."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - foreign code
        return f"<{type(value).__name__}>"


def _calls(value: Any) -> dict[str, Any]:
    """Calls of tools and what came of them, so that a conversation can go on from its JSON."""
    found = {"tool_calls": [plain(dict(call)) for call in value.tool_calls]}
    results = value.tool_call_results
    if isinstance(results, dspy.ToolCallResults):
        found["tool_call_results"] = [plain(dict(one)) for one in results.tool_call_results]
    return found


def _with_calls(history: Any) -> Any:
    """A history whose messages hold calls of tools as DSPy's own objects again."""
    for message in history.messages:
        calls = message.get("tool_calls")
        if isinstance(calls, dict) and isinstance(calls.get("tool_calls"), list):
            calls = dict(calls)
            results = calls.pop("tool_call_results", None)
            if results is not None:
                calls["tool_call_results"] = dspy.ToolCallResults.model_validate(results)
            message["tool_calls"] = dspy.ToolCalls.model_validate(calls)
    return history


def _is_plain(annotation: Any) -> bool:
    """Whether a value of this type is its JSON already."""
    if annotation in _AS_THEY_ARE:
        return True
    origin = get_origin(annotation)
    if origin in (list, Union, types.UnionType):
        return all(map(_is_plain, get_args(annotation)))
    if origin is dict:
        return get_args(annotation)[0] is str and _is_plain(get_args(annotation)[1])
    return False


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=_BASE64)
    except PydanticUserError:  # models bring their own configuration
        return TypeAdapter(annotation)


def plain(value: Any) -> Any:
    """A value of a prediction with DSPy's own objects as JSON has them; the rest as it is."""
    if value.__class__ in _SCALARS:
        return value
    if isinstance(value, (dspy.Code, dspy.Reasoning)):
        return value.format()
    if isinstance(value, dspy.ToolCalls):
        return _calls(value)
    if isinstance(value, (dspy.Type, dspy.History)):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dspy.Example):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if type(value) is tuple:
        return tuple(plain(one) for one in value)
    return value
