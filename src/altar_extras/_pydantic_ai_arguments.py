"""Arguments: what a model said, handed to the session as it is."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from altar.adm import loads
from altar.errors import InvalidDataError
from altar.llm import Repair
from altar.repair import RepairError, parse

__all__ = ["Arguments", "Unread"]

# a text that was cut off is nobody's to complete
_CUT_OFF = frozenset({"truncated", "incomplete", "ellipsis", "missing_closer", "missing_quote"})


class Unread(dict[str, Any]):
    """No arguments: the ``text`` that was no JSON object."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Arguments:
    """Takes the place of the framework's validator; refuses nothing, since altar does."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def validate_python(self, input: Any, **_options: Any) -> Any:  # noqa: A002 - its own word
        """The arguments as they are."""
        return input

    def validate_json(self, input: Any, **_options: Any) -> Any:  # noqa: A002 - its own word
        """The object that a text holds, mended where that is safe, or :class:`Unread`."""
        text = input if isinstance(input, str) else bytes(input).decode("utf-8", "replace")
        try:
            quick = from_json(text, allow_inf_nan=False)
            # as many colons as names: nothing is nested, and no name can stand there twice
            if quick.__class__ is dict and text.count(":") == len(quick):
                return quick
        except ValueError:
            pass
        try:
            value = loads(text) if text.strip() else {}
        except InvalidDataError as error:
            broken = all(problem.keyword == "syntax" for problem in error.problems)
            value = self._mended(text) if broken else None
        return value if value.__class__ is dict else Unread(text)

    def _mended(self, text: str) -> Any:
        """What altar's own loop makes of it by default, or None."""
        try:
            read = parse(text, self._schema)
        except RepairError:
            return None
        risk = Repair().max_risk
        safe = all(fix.risk <= risk and fix.code not in _CUT_OFF for fix in read.fixes)
        return read.value if safe and not read.alternatives else None
