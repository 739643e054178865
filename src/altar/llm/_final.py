"""FinalTool: a call by which a model gives its typed answer, where it has no other way to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionDeclaration, ToolConfig, ToolResult
from altar.errors import ErrorType
from altar.llm._calls import refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from altar.adm import FunctionCall

__all__ = ["FinalTool", "free_name", "is_final"]

_NAME = "final_answer"
_WRAP = "value"
_ABOUT = (
    "Gives your final answer, and ends the conversation. Call it once, alone, when you have read "
    "the results of every other call you need; its arguments are the answer."
)
_TAKEN = "The answer was taken."
_EARLY = (
    "This answer was not taken: it came beside other calls, whose results you had not read. Read "
    "them, then call {!r} again, alone."
)
_CALL_FIRST = "This answer was not taken: first call one of your other tools, then answer."
_ENDED = "This answer was not taken: {}."
_ONE = "One answer is enough; the first one counts."
# what these hold is data, or names that anybody may choose
_DATA = frozenset({"const", "default", "enum", "examples"})
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class FinalTool:
    """The declaration whose arguments are the answer, and what becomes of its calls.

    A schema that is no plain object is wrapped into one, under ``value``.
    """

    __slots__ = ("declaration", "name", "parameters", "wrapped")

    def __init__(self, schema: Mapping[str, Any], taken: Collection[str]) -> None:
        self.name = free_name(_NAME, taken)
        self.wrapped = not _is_plain_object(schema)
        self.parameters = _wrap(schema) if self.wrapped else dict(schema)
        text = _compact(self.parameters)
        self.declaration = FunctionDeclaration.trusted(self.name, _ABOUT, text)

    def choice(self, choice: ToolConfig | None, first: bool, others: tuple[str, ...]) -> ToolConfig:
        """The application's choice, made one by which every reply calls a tool or answers.

        A call that the application demands of the ``first`` reply is one of
        the ``others``, its own tools.
        """
        if choice is None:
            return ToolConfig(mode="ANY")
        names = choice.allowed_function_names
        if choice.mode == "NONE":
            return ToolConfig(mode="ANY", allowed_function_names=(self.name,))
        if choice.mode == "ANY" and first and (names or others):
            return ToolConfig(mode="ANY", allowed_function_names=names or others)
        allowed = (*names, self.name) if names else ()
        return ToolConfig(mode="ANY", allowed_function_names=allowed)

    def text(self, args: Mapping[str, Any]) -> str:
        """The answer as JSON text, out of the arguments of a call.

        Raises TypeError, ValueError or RecursionError for what is no JSON.
        """
        value = args[_WRAP] if self.wrapped and _WRAP in args else args
        return json.dumps(value, ensure_ascii=False)

    def inner(self, value: Any) -> tuple[Any, bool]:
        """The answer so far, and whether there is one, out of arguments so far."""
        if not self.wrapped:
            return value, isinstance(value, dict)
        if isinstance(value, dict) and _WRAP in value:
            return value[_WRAP], True
        return None, False

    def taken(self, call: FunctionCall) -> ToolResult:
        """The result of the call that gave the answer."""
        return ToolResult(name=call.name, call_id=call.call_id, content=_TAKEN)

    def early(self, call: FunctionCall) -> ToolResult:
        """The result of a call that came beside others."""
        return refusal(call, _EARLY.format(self.name), ErrorType.INVALID_STATE)

    def ahead(self, call: FunctionCall) -> ToolResult:
        """The result of a call that came before the one that the application demands."""
        return refusal(call, _CALL_FIRST, ErrorType.INVALID_STATE)

    def ended(self, call: FunctionCall, why: str) -> ToolResult:
        """The result of a call in a reply that ended as no answer does."""
        return refusal(call, _ENDED.format(why), ErrorType.INVALID_STATE)

    def second(self, call: FunctionCall) -> ToolResult:
        """The result of one answer too many."""
        return refusal(call, _ONE, ErrorType.INVALID_STATE)

    def wrong(self, call: FunctionCall, fault: str) -> ToolResult:
        """The result of an answer that does not fit, with its problems."""
        said = f"Your answer is not valid:\n{fault}\nCall {self.name!r} again, with all of it."
        return refusal(call, said, ErrorType.PARAMETER_VALIDATION_FAILED)


def free_name(name: str, taken: Collection[str]) -> str:
    """``name``, or the first of name_2, name_3, ... that is not taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def is_final(name: str) -> bool:
    """Whether a tool of this name may be the one that gives the answer."""
    return name.startswith(_NAME)


def _is_plain_object(schema: Mapping[str, Any]) -> bool:
    """Whether every vendor takes the schema as that of a tool's parameters."""
    if schema.get("type") != "object" or not schema.get("properties"):
        return False
    return not any(word in schema for word in ("$ref", "anyOf", "oneOf", "allOf", "not", "if"))


def _wrap(schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = _moved(dict(schema))
    wrapped: dict[str, Any] = {
        "type": "object",
        "properties": {_WRAP: inner},
        "required": [_WRAP],
        "additionalProperties": False,
    }
    for word in ("$defs", "definitions"):  # references point to them from the root
        if word in inner:
            wrapped[word] = inner.pop(word)
    return wrapped


def _moved(schema: Any) -> Any:
    """The schema one level down: a reference to the root follows it there."""
    if isinstance(schema, list):
        return [_moved(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved: dict[str, Any] = {}
    for word, below in schema.items():
        if word == "$ref" and isinstance(below, str):
            moved[word] = _moved_reference(below)
        elif word in _DATA:
            moved[word] = below
        elif word in _NAMED and isinstance(below, dict):
            moved[word] = {name: _moved(one) for name, one in below.items()}
        else:
            moved[word] = _moved(below)
    return moved


def _moved_reference(target: str) -> str:
    if target == "#" or (target.startswith("#/") and not _is_definition(target)):
        return f"#/properties/{_WRAP}{target[1:]}"
    return target


def _is_definition(target: str) -> bool:
    return target.startswith(("#/$defs/", "#/definitions/"))
