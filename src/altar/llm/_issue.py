"""Issuer: from the calls of a reply to turns, under the loop's own ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType
from altar.llm._calls import call_again, inner_call, read_call, refusal
from altar.llm._clean import UnboundedError, own_args, sound, sound_args
from altar.llm._parts import ToolCall
from altar.llm._request import Adaptation
from altar.llm._turn import Turn

if TYPE_CHECKING:
    from altar.adm import FunctionCall, FunctionDeclaration, ToolConfig, ToolResult
    from altar.llm._final import FinalTool
    from altar.llm._options import Options
    from altar.llm._read import Read
    from altar.llm._shelf import Shelf

__all__ = ["Issuer"]


class Issuer:
    """Knows what the model was offered, and what it may call."""

    __slots__ = ("_choice", "_final", "_max_risk", "_offered", "_shelf")

    def __init__(
        self,
        options: Options,
        offered: tuple[FunctionDeclaration, ...],
        *,
        shelf: Shelf | None,
        final: FinalTool | None,
    ) -> None:
        self._choice = options.tool_choice
        self._max_risk = options.repair.max_risk
        self._offered = offered
        self._shelf = shelf
        self._final = final

    def issue(self, part: ToolCall, noted: list[Adaptation]) -> Turn:
        """The turn of a call as a model made it; what was repaired is added to ``noted``."""
        call, refused, read = read_call(part, self.schema_of, self._max_risk)
        outer, unread = call, refused is not None
        inner = None
        if self._shelf is not None and not unread:
            call, refused, inner = self._meant(self._shelf, call, noted)
        if self._choice is not None and refused is None:
            refused = self.forbidden(call)
        args: Any = part.args
        raw_args = part.raw_args
        if args is not None and not isinstance(args, dict):
            args, raw_args = None, _written(args)  # a history holds objects, or a text
        elif args is not None and unread:
            args = outer.args  # what could not be read cannot be sent again either
        elif read is not None and read.fixes and not read.problems:
            _note(noted, call, read)
            args = None if unread else own_args(outer.args)
        if inner is not None:  # so that the history says what was read, and a person is shown it
            args = inner
        issued = ToolCall(
            sound(str(part.name)),
            args if args is None else sound_args(args),
            id=call.call_id,
            raw_args=raw_args if raw_args is None else sound(raw_args),
            wire_id=part.wire_id or part.id or None,
            opaque=part.opaque,
        )
        turn = Turn(issued, call, refused, read)
        if not unread and (issued.args is None or call.name != issued.name):
            turn.meant = ToolCall(call.name, own_args(call.args))
        return turn

    def _meant(
        self, shelf: Shelf, call: FunctionCall, noted: list[Adaptation]
    ) -> tuple[FunctionCall, ToolResult | None, dict[str, Any] | None]:
        """The call that is meant where tools are searched, and its result where that is known.

        The third is what its arguments were repaired to, as those of the call that was made.
        """
        refused: ToolResult | None = None
        inner = None
        if call.name == shelf.call:
            made = call
            call, refused, read = shelf.meant(call, self.schema_of, self._max_risk)
            if read is not None and read.fixes and not read.problems:
                _note(noted, call, read)
                if refused is None:
                    inner = _with_inner(made, call)
        if call.name == shelf.find and refused is None:
            refused = shelf.results(call, self._choice)
        return call, refused, inner

    def forbidden(self, call: FunctionCall) -> ToolResult | None:
        """The result of a call that the application's choice rules out."""
        if self._choice is None or self._allows(self._choice, call.name):
            return None
        reason = f"{call.name!r} may not be called in this conversation."
        return refusal(call, reason, ErrorType.PERMISSION_DENIED)

    def _allows(self, choice: ToolConfig, name: str) -> bool:
        final = self._final
        return choice.allows(name) or (final is not None and name == final.name)

    def schema_of(self, name: str) -> Any:
        """The JSON Schema of a tool's parameters; None for a tool nobody declared."""
        for declaration in self._offered:
            if declaration.name == name:
                return declaration.to_dict(dialect="json-schema")["parameters"]
        return None if self._shelf is None else self._shelf.schema_of(name)

    def open_call(self, part: ToolCall) -> FunctionCall:
        """The call a person decides on, as it stands in the history.

        Raises InvalidDataError where it is no JSON.
        """
        call = call_again(part)
        if self._shelf is None or call.name != self._shelf.call:
            return call
        return inner_call(call) or call


def _note(noted: list[Adaptation], call: FunctionCall, read: Read) -> None:
    which = f"those of the call of {call.name!r} were repaired"
    noted.append(Adaptation("arguments", f"{which}: {read.note}"))


def _with_inner(made: FunctionCall, meant: FunctionCall) -> dict[str, Any] | None:
    try:
        return own_args({**made.args, "arguments": meant.args})
    except UnboundedError:  # one level deeper is one too many
        return None


def _written(args: Any) -> str:
    try:
        return json.dumps(args)
    except (TypeError, ValueError, RecursionError):
        return repr(args)[:4096]
