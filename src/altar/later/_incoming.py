"""What callers hand to a session: calls in their forms, and seconds."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, Problem, loads
from altar.errors import ConfigurationError, InvalidDataError
from altar.later._binding import ReadArgs
from altar.later._failure import bad_arguments, clean
from altar.later.hints._report import kind_of, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult

__all__ = ["Batch", "as_call", "as_items", "check_count", "check_seconds", "item_calls"]

_MAX_NAME = 4096
_FORMS = (
    'FunctionCalls, pairs ("name", {...}) and names: [FunctionCall(...), ("name", {...}), "name"]'
)


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
    if args is None or isinstance(args, dict):
        return FunctionCall(name=name, args=args, call_id=call_id)
    if isinstance(args, Mapping):
        return FunctionCall(name=name, args=dict(args), call_id=call_id)
    found = _read(args) if isinstance(args, str) else [_no_object(show(args))]
    if isinstance(found, list):
        return bad_arguments(clean(name), call_id, found)
    return FunctionCall(name=name, args=found, call_id=call_id)


def as_items(calls: object) -> list[FunctionCall | ToolResult]:
    """The items of ``execute_many``, each a call or the result that refuses its arguments.

    Raises ConfigurationError for what is no list of calls, one call included:
    a text would be read letter by letter, and a pair as two names.
    """
    return list(item_calls(calls, "execute_many"))


def item_calls(calls: object, verb: str) -> Iterator[FunctionCall | ToolResult]:
    """As :func:`as_items` for the function ``verb``; items are read when they are asked for."""
    if isinstance(calls, (str, bytes, FunctionCall, Mapping)) or _is_pair(calls):
        what = "one pair" if _is_pair(calls) else f"a {type(calls).__name__}"
        raise ConfigurationError(
            f"{verb} takes a list, not {what}: {calls!r:.100}; it may hold {_FORMS}. "
            "For one call write execute(name, {...})"
        )
    if not isinstance(calls, Iterable):
        raise ConfigurationError(f"{verb} takes a list, not {calls!r:.100}; of {_FORMS}")
    return (_as_item(at, item, verb) for at, item in enumerate(calls))


async def aitem_calls(
    calls: AsyncIterable[Any], verb: str
) -> AsyncIterator[FunctionCall | ToolResult]:
    """As :func:`item_calls`, of an async iterator."""
    at = 0
    async for item in calls:
        yield _as_item(at, item, verb)
        at += 1


def _as_item(at: int, item: object, verb: str) -> FunctionCall | ToolResult:
    if isinstance(item, (FunctionCall, str)):
        return as_call(item, None, None)
    if isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str):
        return as_call(item[0], item[1], None)
    hint = "; read it with FunctionCall.from_dict(...)" if isinstance(item, Mapping) else ""
    raise ConfigurationError(
        f"{verb} cannot use its item {at}, {item!r:.100}: it takes {_FORMS}{hint}"
    )


def _is_pair(calls: object) -> bool:
    """Whether this is one (name, args) rather than a list that holds two names or calls."""
    if not isinstance(calls, (list, tuple)) or len(calls) != 2 or not isinstance(calls[0], str):
        return False
    args = calls[1]
    return args is None or isinstance(args, Mapping) or _is_json_object(args)


def _is_json_object(text: object) -> bool:
    return isinstance(text, str) and text.lstrip()[:1] == "{"  # no tool's name begins so


def _read(text: str) -> ReadArgs | list[Problem]:
    """The arguments a JSON text holds, or what is wrong with it; no text is no arguments."""
    try:
        value = loads(text) if text.strip() else {}
    except InvalidDataError as error:
        return [*error.problems]  # type: ignore[list-item]
    if not isinstance(value, dict):
        return [_no_object(f"a JSON text that holds {_article(kind_of(value))}")]
    return ReadArgs(text, value)


def _no_object(got: str) -> Problem:
    return Problem("$", "an object of arguments", got, keyword="type")


def _article(kind: str) -> str:
    return kind if kind == "null" else f"an {kind}" if kind[0] in "ai" else f"a {kind}"


def check_seconds(what: str, value: Any, *, zero: bool = False) -> None:
    """Raise ConfigurationError unless ``value`` is None or a number of seconds.

    ``zero`` allows 0 too, as a deadline that has passed leaves it.
    """
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (zero and value == 0)):
        allowed = "seconds, 0 or more" if zero else "seconds above zero"
        raise ConfigurationError(f"{what}={value!r}: give {allowed}, or None for no limit")


def check_count(what: str, value: Any) -> None:
    """Raise ConfigurationError unless ``value`` is an integer of at least 1."""
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{what}={value!r}: give an integer of at least 1")


class Batch:
    """The calls of one ``execute_many``: those that can run, and those refused as they are."""

    __slots__ = ("_items", "ready")

    def __init__(
        self, calls: Iterable[Any], told: Callable[[ToolResult, object], ToolResult]
    ) -> None:
        self._items = as_items(calls)
        self.ready = [item for item in self._items if isinstance(item, FunctionCall)]
        for item in self._items:
            if not isinstance(item, FunctionCall):
                told(item, None)

    def merged(self, made: list[ToolResult]) -> list[ToolResult]:
        """The results in the order the calls had."""
        fresh = iter(made)
        return [next(fresh) if isinstance(i, FunctionCall) else i for i in self._items]
