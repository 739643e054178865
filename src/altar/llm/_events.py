"""The stream grammar: what a provider says while an answer comes, and how it folds into one.

    stream := Start? (PartStart Delta* PartEnd)* End

Parts carry an index, begin in order and may overlap. A PartEnd holds the
finished part, of which the deltas before it were the pieces; text and
thinking deltas spell out exactly its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from altar.errors import TransportError
from altar.llm._messages import Message
from altar.llm._parts import Opaque, Origin, Part, Text, Thinking, ToolCall
from altar.llm._request import Adaptation, ReplyEnd, Response
from altar.llm._usage import Usage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

__all__ = [
    "Delta",
    "End",
    "Fold",
    "PartEnd",
    "PartStart",
    "Start",
    "StreamEvent",
    "fold",
    "unfold",
]

_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Start:
    """The provider began to answer."""

    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class PartStart:
    """Part ``index`` begins; for a tool call ``name`` may be known already."""

    index: int
    kind: Literal["text", "thinking", "tool_call", "other"]
    name: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of part ``index``: text, thinking, or a fragment of a call's argument text."""

    index: int
    text: str
    kind: Literal["text", "thinking", "args"] = field(default="text", kw_only=True)


@dataclass(frozen=True, slots=True)
class PartEnd:
    """Part ``index`` is complete."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The answer is complete: why it ended, what it took, what belongs to the whole message."""

    finish: ReplyEnd = "stop"
    usage: Usage
    raw_finish: str | None = None
    detail: str | None = None
    origin: Origin | None = None
    opaque: tuple[Opaque, ...] = ()
    adaptations: tuple[Adaptation, ...] = ()


StreamEvent: TypeAlias = Start | PartStart | Delta | PartEnd | End


class Fold:
    """Folds stream events, fed one by one, into the Response that ``complete`` returns."""

    __slots__ = ("_end", "_origin", "_parts")

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._origin: Origin | None = None
        self._end: End | None = None

    def feed(self, event: StreamEvent) -> None:
        """Take one event."""
        if isinstance(event, PartEnd):
            self._parts[event.index] = event.part
        elif isinstance(event, End):
            self._end = event
        elif isinstance(event, Start):
            self._origin = event.origin

    def response(self) -> Response:
        """The answer; raises TransportError when the stream stopped before its End."""
        end = self._end
        if end is None:
            raise TransportError("the stream stopped before the answer was complete")
        parts = tuple([self._parts[index] for index in sorted(self._parts)])
        origin = end.origin if end.origin is not None else self._origin
        return Response(
            message=Message("assistant", parts, origin=origin, opaque=end.opaque),
            finish=end.finish,
            usage=end.usage,
            raw_finish=end.raw_finish,
            detail=end.detail,
            adaptations=end.adaptations,
        )


def fold(events: Iterable[StreamEvent]) -> Response:
    """The Response that ``events`` spell out."""
    folding = Fold()
    for event in events:
        folding.feed(event)
    return folding.response()


def unfold(response: Response) -> Generator[StreamEvent, None, None]:
    """A stream that folds into ``response``, its texts cut into small pieces."""
    message = response.message
    yield Start(message.origin)
    for index, part in enumerate(message.parts):
        yield from _spell(index, part)
    yield End(
        finish=response.finish,
        usage=response.usage,
        raw_finish=response.raw_finish,
        detail=response.detail,
        origin=message.origin,
        opaque=message.opaque,
        adaptations=response.adaptations,
    )


def _spell(index: int, part: Part) -> Generator[StreamEvent, None, None]:
    if isinstance(part, Text):
        yield PartStart(index, "text")
        for at in range(0, len(part.text), _CHUNK):
            yield Delta(index, part.text[at : at + _CHUNK])
    elif isinstance(part, Thinking):
        yield PartStart(index, "thinking")
        for at in range(0, len(part.text), _CHUNK):
            yield Delta(index, part.text[at : at + _CHUNK], kind="thinking")
    elif isinstance(part, ToolCall):
        yield PartStart(index, "tool_call", name=str(part.name))
    else:
        yield PartStart(index, "other")
    yield PartEnd(index, part)
