"""Messages: who said what, in parts that are never merged, split or reordered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from altar.llm._parts import Opaque, Origin, Part, Text, ToolCall

__all__ = ["Message", "Role"]

Role: TypeAlias = Literal["user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: ``role``, ``parts``, and for a model's message its ``origin``.

    ``opaque`` is provider data of the message as a whole.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = field(default=None, kw_only=True)
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)

    @property
    def text(self) -> str:
        """Its text parts, joined; thinking and refusals are not text."""
        return "".join([part.text for part in self.parts if isinstance(part, Text)])

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls among its parts, in order."""
        return tuple([part for part in self.parts if isinstance(part, ToolCall)])

    @staticmethod
    def user(text: str) -> Message:
        """A user's message of one text."""
        return Message("user", (Text(text),))

    @staticmethod
    def assistant(text: str) -> Message:
        """A model's message of one text."""
        return Message("assistant", (Text(text),))
