"""The events a run shows while it goes on; each carries its ``kind`` and its fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from altar.llm._events import Delta

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.errors import ProviderError
    from altar.llm._events import StreamEvent
    from altar.llm._reply import Reply

__all__ = [
    "Event",
    "EventOf",
    "PartialEvent",
    "ReplyEvent",
    "RetryEvent",
    "RoundEvent",
    "TextEvent",
    "ThinkingEvent",
    "ToolCallEvent",
    "ToolProgressEvent",
    "ToolResultEvent",
    "shown",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoundEvent:
    """The model is about to be asked for the ``number``-th time, from 1."""

    number: int
    kind: Literal["round"] = field(default="round", init=False)


@dataclass(frozen=True, slots=True)
class ThinkingEvent:
    """A piece of what the model thinks."""

    text: str
    kind: Literal["thinking"] = field(default="thinking", init=False)


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A piece of what the model says."""

    text: str
    kind: Literal["text"] = field(default="text", init=False)


@dataclass(frozen=True, slots=True)
class ToolCallEvent:
    """The model called a tool."""

    call: FunctionCall
    kind: Literal["tool_call"] = field(default="tool_call", init=False)


@dataclass(frozen=True, slots=True)
class ToolProgressEvent:
    """A streaming tool yielded ``value``."""

    call: FunctionCall
    value: Any
    kind: Literal["tool_progress"] = field(default="tool_progress", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultEvent:
    """A call was answered; results come in the order in which tools finish."""

    call: FunctionCall
    result: ToolResult
    seconds: float
    kind: Literal["tool_result"] = field(default="tool_result", init=False)


@dataclass(frozen=True, slots=True)
class PartialEvent:
    """The typed answer so far: its JSON ``value``, which no later event changes.

    It is the answer of the attempt in progress: after a ``round`` or ``retry``
    event it begins anew. The last one of a run is the value of its answer.
    """

    value: Any
    kind: Literal["partial"] = field(default="partial", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent:
    """A request failed with ``error`` and is sent again after ``delay`` seconds."""

    error: ProviderError
    attempt: int
    delay: float
    kind: Literal["retry"] = field(default="retry", init=False)


@dataclass(frozen=True, slots=True)
class ReplyEvent(Generic[T]):
    """The run is over; always the last event."""

    reply: Reply[T]
    kind: Literal["end"] = field(default="end", init=False)


EventOf: TypeAlias = (
    RoundEvent
    | ThinkingEvent
    | TextEvent
    | ToolCallEvent
    | ToolProgressEvent
    | ToolResultEvent
    | PartialEvent
    | RetryEvent
    | ReplyEvent[T]
)
Event: TypeAlias = EventOf[Any]


def shown(event: StreamEvent) -> TextEvent | ThinkingEvent | None:
    """What a provider's event shows to the user: text, thinking, or nothing yet."""
    if isinstance(event, Delta) and event.text:
        if event.kind == "text":
            return TextEvent(event.text)
        if event.kind == "thinking":
            return ThinkingEvent(event.text)
    return None
