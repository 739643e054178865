"""Showing: one streamed attempt, what of it is shown, and the answer it folds into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.llm._events import Fold
from altar.llm._live import shown

if TYPE_CHECKING:
    from altar.llm._events import StreamEvent
    from altar.llm._live import Event
    from altar.llm._request import Response
    from altar.llm._steps import AskModel

__all__ = ["Showing"]


class Showing:
    """The events of one attempt, fed one by one."""

    __slots__ = ("_folding", "_partials", "_step", "visible")

    def __init__(self, step: AskModel) -> None:
        self._folding = Fold()
        self._step = step
        self._partials = partials = step.partials
        self.visible = False  # something was shown that cannot be taken back
        if partials is not None:
            partials.begin()

    def feed(self, event: StreamEvent) -> tuple[Event, ...]:
        """What ``event`` shows, in order."""
        self._folding.feed(event)
        seen = shown(event)
        if seen is not None:
            self.visible = self._step.visible = True
            if seen.kind == "text":
                self._step.said = True
        if self._partials is None:
            return () if seen is None else (seen,)
        partial = self._partials.feed(event)
        if partial is None:
            return () if seen is None else (seen,)
        self.visible = self._step.visible = True
        return (partial,) if seen is None else (seen, partial)

    def response(self) -> Response:
        """The whole answer; raises TransportError when the stream stopped before its end."""
        return self._folding.response()
