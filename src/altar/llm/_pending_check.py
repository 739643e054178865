"""Whether the parts of a Pending belong together: a call runs as its history says, or never."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from altar.adm import Problem
from altar.errors import InvalidDataError
from altar.llm._calls import call_again, inner_call, result_text
from altar.llm._final import is_final
from altar.llm._history import check_history
from altar.llm._parts import ToolCall, ToolResultPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionCall, ToolResult
    from altar.llm._messages import Message
    from altar.llm._record import CallRecord

    class PendingLike(Protocol):
        """What is checked of a Pending, which imports this."""

        @property
        def calls(self) -> tuple[FunctionCall, ...]: ...
        @property
        def messages(self) -> tuple[Message, ...]: ...
        @property
        def finished(self) -> tuple[CallRecord, ...]: ...
        @property
        def decisions(self) -> Mapping[str, object]: ...


__all__ = ["NO_JSON", "mismatches", "untold"]

NO_JSON = "the result of the tool is not JSON"  # stands for one in a document

_encode = json.JSONEncoder(sort_keys=True, default=repr).encode


def mismatches(pending: PendingLike) -> list[Problem]:
    """What is wrong with a Pending, each with its path in the document."""
    messages = pending.messages
    results: tuple[Any, ...] = ()
    if messages and messages[-1].role == "tool":
        messages, results = messages[:-1], messages[-1].parts
    reply = messages[-1] if messages else None
    if reply is None or reply.role != "assistant" or not reply.calls:
        wanted = "a history that ends with a reply whose calls wait"
        return [Problem("$.messages", wanted, "another end")]
    problems = _history_problems(messages[:-1])
    problems += _result_problems(reply.calls, results, f"$.messages[{len(messages)}].parts")
    if problems:
        return problems
    answered = {part.call_id for part in results}
    problems += _call_problems(pending.calls, reply.calls, answered)
    problems += _record_problems(pending.finished, [*messages], answered)
    if not problems:
        problems += _recordless(pending.finished, reply.calls, answered)
    problems += _decision_problems(pending)
    return problems


def untold(messages: tuple[Message, ...], finished: tuple[CallRecord, ...]) -> list[Problem]:
    """Where a result of the history is not what its record says, each with its path.

    Results that came with blobs, or were no JSON, are told of otherwise.
    """
    records = {record.call.call_id: record.result for record in finished}
    problems = []
    for at, message in enumerate(messages):
        for index, part in enumerate(message.parts):
            if not isinstance(part, ToolResultPart) or part.blobs:
                continue
            result = records.get(part.call_id)
            if result is not None and not _is_no_json(result) and not _says(part, result):
                path = f"$.messages[{at}].parts[{index}].text"
                problems.append(Problem(path, "what $.finished says of it", part.text[:60]))
    return problems


def _is_no_json(result: ToolResult) -> bool:
    return result.error is not None and result.error.message == NO_JSON


def _says(part: ToolResultPart, result: ToolResult) -> bool:
    try:
        said = json.loads(part.text)
    except (ValueError, RecursionError):
        return False
    return bool(said == json.loads(result_text(result)))


def _history_problems(messages: tuple[Message, ...]) -> list[Problem]:
    try:
        check_history(messages)
    except InvalidDataError as error:
        return [_below("$.messages", problem) for problem in error.problems]
    return []


def _below(lead: str, problem: Any) -> Problem:
    path = lead + problem.path[1:]
    return Problem(path, problem.expected, problem.got, keyword=problem.keyword)


def _result_problems(
    calls: tuple[ToolCall, ...], results: tuple[Any, ...], path: str
) -> list[Problem]:
    """The results of a reply are those of some of its calls, in their order."""
    ids = [call.id for call in calls]
    if len(set(ids)) != len(ids):
        return [Problem("$.messages", "calls with ids of their own", f"{ids}"[:200])]
    if not all(isinstance(part, ToolResultPart) for part in results):
        return [Problem(path, "results alone", "another part")]
    given = [part.call_id for part in results]
    if given != [call_id for call_id in ids if call_id in given]:
        wanted = f"results of some of the calls {ids}, in this order"
        return [Problem(path, wanted[:400], f"{given}"[:200])]
    return []


def _call_problems(
    given: tuple[FunctionCall, ...], calls: tuple[ToolCall, ...], answered: set[str]
) -> list[Problem]:
    """The calls to decide on are those of the reply that have no result: all, as they stand."""
    owed = [part for part in calls if part.id not in answered]
    if not owed:
        return [Problem("$.calls", "a call without its result in the history", "none")]
    problems = []
    if len(given) != len(owed):
        wanted = f"the {len(owed)} calls without a result in the history"
        problems.append(Problem("$.calls", wanted, f"{len(given)}"))
    for at, (call, part) in enumerate(zip(given, owed, strict=False)):
        try:
            meant = _meant(part, call.name)
        except InvalidDataError as error:
            problems += [_below(f"$.calls[{at}]", problem) for problem in error.problems]
            continue
        for name in ("call_id", "name", "args"):
            mine, theirs = getattr(call, name), getattr(meant, name)
            if _encode(mine) != _encode(theirs):  # 1 equals True and 1.0, and is neither
                wanted = f"what the history says, {theirs!r}"
                problems.append(Problem(f"$.calls[{at}].{name}", wanted[:200], repr(mine)[:200]))
    return problems


def _meant(part: ToolCall, name: str) -> FunctionCall:
    """The call of a part; where that calls another tool by its ``name``, the call it stands for."""
    call = call_again(part)
    inner = None if call.name == name else inner_call(call)
    return call if inner is None or inner.name != name else inner


def _record_problems(
    finished: tuple[CallRecord, ...], messages: list[Message], answered: set[str]
) -> list[Problem]:
    """A record is of a call of the history that has its result."""
    known = {call.id for message in messages for call in message.calls}
    known -= {call.id for call in messages[-1].calls} - answered
    problems = []
    seen: set[str] = set()
    for at, record in enumerate(finished):
        call_id = record.call.call_id
        if call_id not in known or call_id in seen:
            wanted = "a call of the history that has its result, once"
            problems.append(Problem(f"$.finished[{at}].call.call_id", wanted, repr(call_id)))
        seen.add(call_id)
    return problems


def _recordless(
    finished: tuple[CallRecord, ...], calls: tuple[ToolCall, ...], answered: set[str]
) -> list[Problem]:
    """The calls of the reply that have a result have a record; but for the loop's own."""
    known = {record.call.call_id for record in finished}
    return [
        Problem("$.finished", f"a record of the call {call.id!r} of {call.name!r}", "none")
        for call in calls
        if call.id in answered and call.id not in known and not is_final(call.name)
    ]


def _decision_problems(pending: PendingLike) -> list[Problem]:
    ids = [call.call_id for call in pending.calls]
    problems = []
    for call_id, verdict in pending.decisions.items():
        if call_id not in ids:
            wanted = f"one of the calls that wait, {', '.join(ids)}"
            problems.append(Problem("$.decisions", wanted[:400], repr(call_id)[:200]))
        elif not isinstance(verdict, (bool, str)):
            wanted = "true, false, or a text that says why not"
            problems.append(Problem(f"$.decisions[{call_id!r}]", wanted, repr(verdict)[:60]))
    return problems
