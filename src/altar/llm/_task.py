"""Task: all a run was given, and its history, which grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.llm._history import drop_orphans, mend_history
from altar.llm._pending import Pending
from altar.runtime import Cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.adm import FunctionDeclaration
    from altar.llm._messages import Message
    from altar.llm._options import Options
    from altar.llm._provider import Provider
    from altar.llm._request import OutputSpec
    from altar.llm._shelf import Shelves
    from altar.llm._traced import RunTrace

__all__ = ["LOST", "Task"]

LOST = "The program stopped before this call had a result; whether it ran is not known."


class Task:
    """A question, and what may be used to answer it.

    ``messages`` is the run's own list: it grows while the run goes on, and
    whenever nobody is inside the run it is a history that can be sent. Given a
    :class:`Pending` instead, the run it belongs to goes on; ``pending`` is what
    a run that came to its end waits for, or None.
    """

    __slots__ = (
        "cancelled",
        "close",
        "declarations",
        "dropped",
        "instructions",
        "mended",
        "messages",
        "options",
        "output",
        "pending",
        "provider",
        "resumed",
        "shelves",
        "trace",
    )

    def __init__(
        self,
        provider: Provider,
        messages: Sequence[Message] | Pending,
        *,
        declarations: tuple[FunctionDeclaration, ...] = (),
        instructions: str | None = None,
        output: OutputSpec | None = None,
        options: Options,
        shelves: Shelves | None = None,
    ) -> None:
        self.provider = provider
        self.shelves = shelves  # kept from run to run, where tools are searched
        self.pending: Pending | None = None
        self.resumed = messages if isinstance(messages, Pending) else None
        if isinstance(messages, Pending):
            self.messages, self.mended, self.dropped = list(messages.messages), 0, 0
        else:
            whole, self.dropped = drop_orphans(messages)
            self.messages, self.mended = mend_history(whole, LOST)
        self.declarations = declarations
        self.instructions = instructions
        self.output = output
        self.options = options
        self.cancelled = Cancellation()
        self.close: Callable[[], None] | None = None  # what the run owes, while it goes on
        self.trace: RunTrace | None = None  # while it goes on, where it is traced

    def settled(self) -> list[Message]:
        """The history as it can be sent, also where a run was interrupted between two lines."""
        if self.close is not None:
            self.close()
        if self.pending is not None:
            return self.messages
        return mend_history(self.messages, LOST)[0]
