"""Pending: a run that waits for a person, as a value that can be stored and taken up elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from altar.adm import FunctionCall
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm._messages import Message
from altar.llm._parts import ToolResultPart
from altar.llm._pending_check import mismatches
from altar.llm._pending_codec import dump_pending, load_pending
from altar.llm._record import CallRecord
from altar.llm._repeats import Streak
from altar.llm._request import Adaptation
from altar.llm._usage import Usage

__all__ = ["Pending"]


class _Decisions(Mapping[str, bool | str]):
    """What was decided, which no holder of a Pending changes under another."""

    __slots__ = ("_said",)

    def __init__(self, said: Mapping[str, bool | str]) -> None:
        self._said = dict(said)

    def __getitem__(self, call_id: str) -> bool | str:
        return self._said[call_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    def __repr__(self) -> str:
        return repr(self._said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A run that waits for a person: the ``calls`` to decide, and all it takes to go on.

    ``approve`` and ``deny`` return a copy that knows one decision more; handed
    on as the prompt, with the same model, tools and options, the run goes on
    from where it was left, in this process or another. Calls allowed are
    carried out under the ids they have, those denied are answered, and what is
    undecided is asked for again.

    ``messages`` is the history so far, in which ``results`` holds what the
    other calls of the same reply brought. ``finished`` is every call of the run
    that has its result; ``rounds``, ``usage`` and ``seconds`` are what the run
    took so far, and count on towards its limits. ``decisions`` maps call ids to
    True, False, or why not; ``mends``, ``asked_again``, ``unusable`` and
    ``streaks`` are the loop's own.

    Keep it where the decision is kept safe: whoever can write it can allow a
    call. Raises InvalidDataError when calls and history do not belong together.
    """

    calls: tuple[FunctionCall, ...]
    messages: tuple[Message, ...]
    trace_id: str
    rounds: int
    usage: Usage
    finished: tuple[CallRecord, ...] = ()
    seconds: float = 0.0
    adaptations: tuple[Adaptation, ...] = ()
    decisions: Mapping[str, bool | str] = field(default_factory=dict)
    mends: int = 0
    asked_again: int = 0
    unusable: tuple[str, ...] = ()
    streaks: tuple[Streak, ...] = ()

    def __post_init__(self) -> None:
        problems = mismatches(self)
        if problems:
            raise InvalidDataError("pending", problems)
        object.__setattr__(self, "decisions", _Decisions(self.decisions))

    @property
    def results(self) -> tuple[ToolResultPart, ...]:
        """What the calls of the same reply brought that waited for nobody."""
        parts = self.messages[-1].parts
        return tuple([part for part in parts if isinstance(part, ToolResultPart)])

    @property
    def undecided(self) -> tuple[FunctionCall, ...]:
        """The calls nobody has decided on."""
        return tuple([call for call in self.calls if call.call_id not in self.decisions])

    def approve(self, *call_ids: str) -> Self:
        """A copy in which a person allowed these calls; without ids, all that are undecided."""
        return self._decided(call_ids, True)

    def deny(self, *call_ids: str, reason: str = "") -> Self:
        """A copy in which a person denied these calls; without ids, all that are undecided.

        The model reads the ``reason``.
        """
        if not isinstance(reason, str):
            raise ConfigurationError(f"deny(reason={reason!r:.60}): give a text")
        return self._decided(call_ids, reason or False)

    def _decided(self, call_ids: tuple[str, ...], verdict: bool | str) -> Self:
        known = [call.call_id for call in self.calls]
        for call_id in call_ids:
            if call_id not in known:
                raise ConfigurationError(
                    f"no call waits under the id {call_id!r:.60}; those that wait are "
                    f"{', '.join([f'{call.call_id!r} ({call.name})' for call in self.calls])}"
                    f"{'' if verdict is True else '; a reason goes as reason='}"
                )
        chosen = call_ids or [call.call_id for call in self.undecided]
        return replace(self, decisions={**self.decisions, **dict.fromkeys(chosen, verdict)})

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; ``from_dict`` reads it back equal."""
        return dump_pending(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises InvalidDataError with every problem and its path, also when a
        call to decide on is no longer that of the history.
        """
        return cls(**load_pending(document))
