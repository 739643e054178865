"""Arguments: what a model said, handed to the session as it is."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from altar.adm import loads
from altar.errors import InvalidDataError
from altar.llm import Repair
from altar.repair import RepairError, parse

__all__ = ["UNREAD", "Arguments", "read_object", "unread"]

# a text that was cut off is nobody's to complete
_CUT_OFF = frozenset({"truncated", "incomplete", "ellipsis", "missing_closer", "missing_quote"})


# where a text that was no JSON object stands: in the arguments, since hooks and
# wrappers of the framework copy those, and nothing beside them
UNREAD = "__altar_unread__"


def read_object(said: Any) -> tuple[dict[str, Any] | None, str | None]:
    """The object a model said, or the text that is none; streams always have text."""
    if not isinstance(said, str):
        return dict(said or {}), None
    try:
        value = loads(said) if said.strip() else {}
    except InvalidDataError:
        return None, said
    return (value, None) if value.__class__ is dict else (None, said)


def unread(args: dict[str, Any]) -> str | None:
    """The text that was no JSON object, where arguments carry one; never one that would run."""
    text = args.get(UNREAD)
    if not isinstance(text, str) or not text.strip():
        return None
    return read_object(text)[1]


class Arguments:
    """Takes the place of the framework's validator; refuses nothing, since altar does."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def validate_python(self, input: Any, **_options: Any) -> Any:  # noqa: A002 - its own word
        """The arguments as they are."""
        return input

    def validate_json(self, input: Any, **_options: Any) -> Any:  # noqa: A002 - its own word
        """The object that a text holds, mended where that is safe, or it behind :data:`UNREAD`."""
        text = input if isinstance(input, str) else bytes(input).decode("utf-8", "replace")
        try:
            quick = from_json(text, allow_inf_nan=False)
            # as many colons as names: nothing is nested, and no name can stand there twice
            if quick.__class__ is dict and text.count(":") == len(quick):
                return quick
        except (ValueError, TypeError):  # TypeError: of a lone surrogate
            pass
        try:
            value = loads(text) if text.strip() else {}
        except InvalidDataError as error:
            broken = all(problem.keyword == "syntax" for problem in error.problems)
            value = self._mended(text) if broken else None
        return value if value.__class__ is dict else {UNREAD: text}

    def _mended(self, text: str) -> Any:
        """What altar's own loop makes of it by default, or None."""
        try:
            read = parse(text, self._schema)
        except RepairError:
            return None
        risk = Repair().max_risk
        safe = all(fix.risk <= risk and fix.code not in _CUT_OFF for fix in read.fixes)
        return read.value if safe and not read.alternatives else None
