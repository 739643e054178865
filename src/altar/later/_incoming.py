"""What callers hand to a session: calls in their forms, and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, Problem
from altar.errors import ConfigurationError
from altar.later._failure import bad_arguments, clean
from altar.later.hints._report import show

if TYPE_CHECKING:
    from altar.adm import ToolResult

__all__ = ["as_call", "as_item", "check_count", "check_seconds"]

_MAX_NAME = 4096


def as_call(call: object, args: object, call_id: str | None) -> FunctionCall | ToolResult:
    """A FunctionCall of what ``execute`` was given, or the result that refuses its arguments.

    Raises ConfigurationError when ``call`` is neither a call nor a name, and
    InvalidDataError for an id that breaks the rule for ids.
    """
    if isinstance(call, FunctionCall):
        if args is not None or call_id is not None:
            raise ConfigurationError(
                "a FunctionCall carries its own args and call_id: write execute(call), "
                "or execute(name, args, call_id=...)"
            )
        return call
    if not isinstance(call, str):
        raise ConfigurationError(
            f"execute takes a FunctionCall or a tool's name, not {type(call).__name__}"
        )
    name = call[:_MAX_NAME]
    if args is not None and not isinstance(args, dict):
        if not isinstance(args, Mapping):
            problem = Problem("$", "an object of arguments", show(args), keyword="type")
            return bad_arguments(clean(name), call_id, [problem])
        args = dict(args)
    return FunctionCall(name=name, args=args, call_id=call_id)


def as_item(item: object) -> FunctionCall | ToolResult:
    """One item of ``execute_many``: a FunctionCall, a pair (name, args), or a name."""
    if isinstance(item, (list, tuple)):
        if len(item) != 2 or not isinstance(item[0], str):
            raise ConfigurationError(
                f"execute_many takes FunctionCalls, pairs (name, args) or names, not {item!r:.100}"
            )
        return as_call(item[0], item[1], None)
    return as_call(item, None, None)


def check_seconds(what: str, value: Any, *, zero: bool = False) -> None:
    """Raise ConfigurationError unless ``value`` is None or a number of seconds."""
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (zero and value == 0)):
        raise ConfigurationError(f"{what}={value!r}: give seconds above zero, or None for no limit")


def check_count(what: str, value: Any) -> None:
    """Raise ConfigurationError unless ``value`` is an integer of at least 1."""
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{what}={value!r}: give an integer of at least 1")
