"""Reply: what came of a run, and the calls it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from altar.llm._messages import Message
    from altar.llm._pending import Pending
    from altar.llm._record import CallRecord
    from altar.llm._request import Adaptation
    from altar.llm._usage import Usage

__all__ = ["Finish", "Reply"]

T = TypeVar("T")

Finish: TypeAlias = Literal[
    "stop",
    "length",
    "refusal",
    "blocked",
    "malformed",
    "max_rounds",
    "max_calls",
    "budget",
    "deadline",
    "repeated_call",
    "pending_approval",
    "cancelled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[T]):
    """What came of a run.

    ``text`` is that of the model's last message, and of those that it went on
    from where the provider cut its answer into several; ``output`` the typed answer
    where one was asked for, and then ``text`` is its JSON; ``calls`` every call
    with its result, refused ones too. ``messages`` is the whole history, ready
    to be sent again. ``finish`` names why the run ended and ``detail`` explains
    it where there is more to say. ``adaptations`` lists what was changed to make
    requests fit, and what was repaired in answers. ``pending`` is what a run with the finish
    ``pending_approval`` waits for; the calls it holds have no results yet.
    """

    text: str
    output: T
    calls: tuple[CallRecord, ...]
    usage: Usage
    messages: tuple[Message, ...]
    finish: Finish
    adaptations: tuple[Adaptation, ...]
    trace_id: str
    detail: str | None = None
    pending: Pending | None = None

    def __str__(self) -> str:
        return self.text


AnyReply: TypeAlias = Reply[Any]
