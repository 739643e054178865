"""Turn: one call of a model's reply, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.llm._parts import ToolCall, ToolResultPart
    from altar.llm._read import Read
    from altar.llm._record import CallRecord

__all__ = ["Turn"]


class Turn:
    """One call of the model's reply on its way from the part to the record."""

    __slots__ = (
        *("approved", "call", "hidden", "kept", "meant", "part", "read", "record", "refused"),
        "text",
    )

    def __init__(
        self, part: ToolCall, call: FunctionCall, refused: ToolResult | None, read: Read | None
    ) -> None:
        self.part = part
        self.call = call
        self.refused = refused  # answered before any tool ran
        self.read = read  # what became of arguments that came as text
        self.record: CallRecord | None = None
        self.text = ""
        self.meant = part  # whose name and arguments count for repeats
        self.hidden = False  # the loop's own business, which no reply tells of
        self.approved = False  # by a person
        self.kept: ToolResultPart | None = None  # the answer, where the history has it already
