"""The rule every provider holds histories to: each call has one result, in the next message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from altar.adm import Problem
from altar.errors import InvalidDataError
from altar.llm._calls import not_run
from altar.llm._messages import Message
from altar.llm._parts import ToolResultPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.llm._parts import Part, ToolCall

__all__ = ["check_history", "drop_orphans", "mend_history"]


def check_history(messages: Sequence[Message], start: int = 0) -> None:
    """Hold the rule: results in the next message, first, and in the order of the calls.

    ``start`` skips messages that were checked before. Raises
    InvalidDataError with every problem found.
    """
    problems: list[Problem] = []
    owed: tuple[ToolCall, ...] = messages[start - 1].calls if start else ()
    for index in range(start, len(messages)):
        message = messages[index]
        problem = _check_results(message, owed, f"$[{index}].parts")
        if problem is not None:
            problems.append(problem)
        owed = message.calls
    if owed:
        names = ", ".join(repr(call.name) for call in owed)
        wanted = f"a message with the results of {names}"
        problems.append(Problem(f"$[{len(messages)}]", wanted, "the end of the messages"))
    if problems:
        raise InvalidDataError("messages", problems)


def _check_results(message: Message, owed: tuple[ToolCall, ...], path: str) -> Problem | None:
    parts = message.parts
    if len(owed) == len(parts) and _answers(parts, owed):
        return None  # the usual message of results
    results = [part for part in parts if isinstance(part, ToolResultPart)]
    if not owed and not results:
        return None
    wanted = [call.id for call in owed]
    given = [part.call_id for part in results]
    if given != wanted:
        return Problem(path, f"results for the calls {wanted}, in this order", str(given))
    if list(message.parts[: len(results)]) != results:
        return Problem(path, "results before any other part", "another part first")
    return None


def _answers(parts: Sequence[Part], owed: Sequence[ToolCall]) -> bool:
    for part, call in zip(parts, owed, strict=True):
        if not isinstance(part, ToolResultPart) or part.call_id != call.id:
            return False
    return True


def mend_history(messages: Sequence[Message], reason: str) -> tuple[list[Message], int]:
    """Give every call without a result an error result; the messages, and how many it took.

    A program that stopped between a reply and its results leaves such a
    history, and so does a run that waits for a person. Only what is missing is
    added; what is there keeps its order. Results without their calls stay: a run
    leaves them out, and tells it.
    """
    mended: list[Message] = []
    added = 0
    last = len(messages) - 1
    owed: tuple[ToolCall, ...] = ()
    for index, message in enumerate(messages):
        if owed:
            filled = _filled(message, owed, reason)
            added += len(filled.parts) - len(message.parts)
            mended.append(filled)
        else:
            mended.append(message)
        owed = message.calls
        if not owed:
            continue
        follower = messages[index + 1].parts if index < last else ()
        if not any(isinstance(part, ToolResultPart) for part in follower):
            mended.append(Message("tool", tuple([not_run(call, reason) for call in owed])))
            added += len(owed)
            owed = ()
    return mended, added


def _filled(message: Message, owed: tuple[ToolCall, ...], reason: str) -> Message:
    """A message of results, with one for each call; as it is where more than some are missing."""
    results = [part for part in message.parts if isinstance(part, ToolResultPart)]
    given = {part.call_id: part for part in results}
    if len(results) >= len(owed) or list(message.parts[: len(results)]) != results:
        return message
    if [part.call_id for part in results] != [call.id for call in owed if call.id in given]:
        return message  # in another order, twice, or a stranger: no message of a run that stopped
    parts = [given.get(call.id) or not_run(call, reason) for call in owed]
    return replace(message, parts=(*parts, *message.parts[len(results) :]))


def drop_orphans(messages: Sequence[Message]) -> tuple[list[Message], int]:
    """The messages without the results that follow no call, and how many those were.

    A history that was cut has such; no provider takes them.
    """
    kept: list[Message] = []
    dropped = 0
    called = False
    for message in messages:
        parts = message.parts
        if not called and any(isinstance(part, ToolResultPart) for part in parts):
            others = tuple([part for part in parts if not isinstance(part, ToolResultPart)])
            dropped += len(parts) - len(others)
            if not others:
                continue
            message = replace(message, parts=others)  # noqa: PLW2901
        kept.append(message)
        called = bool(message.calls)
    return kept, dropped
