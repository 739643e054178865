"""A Pending as JSON: what is written, and how it is read with every problem and its path."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, FunctionCall, ToolResult, dumps
from altar.adm._fields import Fields
from altar.adm._ids import is_call_id
from altar.errors import InvalidDataError
from altar.llm._codec import dump_messages, load_messages
from altar.llm._pending_check import NO_JSON, untold
from altar.llm._record import CallRecord
from altar.llm._repeats import Streak
from altar.llm._request import Adaptation
from altar.llm._usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["dump_pending", "load_pending"]

_VERSION = 1
_COUNTERS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_NAMES = frozenset(
    [
        "version",
        "calls",
        "messages",
        "trace_id",
        "rounds",
        "usage",
        "finished",
        "seconds",
        "adaptations",
        "decisions",
        "mends",
        "asked_again",
        "unusable",
        "streaks",
    ]
)


def dump_pending(pending: Any) -> dict[str, Any]:
    """The JSON object of a Pending."""
    return {
        "version": _VERSION,
        "calls": [call.to_dict() for call in pending.calls],
        "decisions": dict(pending.decisions),
        "messages": dump_messages(pending.messages),
        "finished": [_dump_record(record) for record in pending.finished],
        "trace_id": pending.trace_id,
        "rounds": pending.rounds,
        "seconds": pending.seconds,
        "usage": _dump_usage(pending.usage),
        "adaptations": [{"what": one.what, "why": one.why} for one in pending.adaptations],
        "mends": pending.mends,
        "asked_again": pending.asked_again,
        "unusable": list(pending.unusable),
        "streaks": [_dump_slots(streak) for streak in pending.streaks if _is_json(streak.args)],
    }


def _dump_slots(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _is_json(value: Any) -> bool:
    try:
        dumps(value)
    except InvalidDataError:
        return False
    return True


def _dump_record(record: CallRecord) -> dict[str, Any]:
    """A record; what a runtime returned that is no JSON is told as the model was told it."""
    call, result = record.call.to_dict(), record.result.to_dict()
    if not _is_json(call):
        call = {**call, "args": {}}
    if not _is_json(result):
        error = ErrorObject(message=NO_JSON)
        result = ToolResult(name=call["name"], call_id=call["call_id"], error=error).to_dict()
    return {"call": call, "result": result, "seconds": record.seconds}


def _dump_usage(usage: Usage) -> dict[str, Any]:
    counts = {name: getattr(usage, name) for name in _COUNTERS}
    return {
        **{name: count for name, count in counts.items() if count is not None},
        "requests": usage.requests,
        **({} if usage.cost is None else {"cost": str(usage.cost)}),
        "raw": [raw for raw in usage.raw if _is_json(raw)],
    }


def load_pending(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Pending; raises InvalidDataError with every problem and its path."""
    top = Fields("pending", document)
    version = top.doc.get("version")
    if version != _VERSION or isinstance(version, bool):
        top.fail("version", f"{_VERSION}", repr(version)[:60], "const")
        top.done()  # a document of another version means nothing here
    for name in top.doc:
        if name not in _NAMES:
            top.fail(str(name), "no such field", "one", "additionalProperties")
    made = {
        "calls": tuple(top.nested("calls", _load_call, top.items("calls", required=True))),
        "decisions": top.get("decisions", "an object", dict) or {},
        "messages": _load_messages(top),
        "finished": tuple(top.nested("finished", _load_record, top.items("finished"))),
        "trace_id": _trace_id(top),
        "rounds": _count(top, "rounds", 1, required=True),
        "seconds": _seconds(top),
        "usage": _one(top, "usage", _load_usage),
        "adaptations": tuple(top.nested("adaptations", _load_adaptation, top.items("adaptations"))),
        "mends": _count(top, "mends"),
        "asked_again": _count(top, "asked_again"),
        "unusable": _unusable(top),
        "streaks": tuple(top.nested("streaks", _load_streak, top.items("streaks"))),
    }
    for problem in [] if top.problems else untold(made["messages"], made["finished"]):
        top.problems.append(problem)
    top.done()
    return made


def _one(top: Fields, name: str, read: Callable[[Any], Any]) -> Any:
    """A nested object that must be there."""
    value = top.get(name, "an object", dict, required=True)
    if value is None:
        return None
    try:
        return read(value)
    except InvalidDataError as error:
        top.adopt(error, name)
        return None


def _load_messages(top: Fields) -> tuple[Any, ...]:
    try:
        return tuple(load_messages(top.items("messages", required=True)))
    except InvalidDataError as error:
        top.adopt(error, "messages")
        return ()


def _count(top: Fields, name: str, least: int = 0, *, required: bool = False) -> int:
    value = top.get(name, "an integer", int, required=required)
    if value is not None and value < least:
        top.fail(name, f"an integer, {least} or more", str(value), "minimum")
    return value or least


def _trace_id(top: Fields) -> str:
    """An id fit for logs and headers, where it turns up as the correlation id."""
    value = top.text("trace_id", required=True)
    if value is not None and not is_call_id(value):
        wanted = "1 to 128 printable ASCII characters"
        top.fail("trace_id", wanted, json.dumps(value)[:60], "pattern")
    return str(value)


def _unusable(top: Fields) -> tuple[str, ...]:
    kinds = top.items("unusable")
    for at, kind in enumerate(kinds):
        if kind not in ("empty", "malformed") or kind in kinds[:at]:
            wanted = '"empty" and "malformed" at most, each once'
            top.fail("unusable", wanted, repr(kind)[:60], "enum")
    return tuple(kinds)


def _seconds(top: Fields) -> float:
    value = top.get("seconds", "a number of seconds", int, float)
    if value is not None and not 0 <= value < float("inf"):
        top.fail("seconds", "a number of seconds, 0 or more", str(value), "minimum")
    return float(value or 0.0)


def _load_call(document: Any) -> FunctionCall:
    """A call under the very id it has: the data model's own reader would replace a bad one."""
    fields_ = Fields("call", document)
    call_id = fields_.text("call_id", required=True)
    fields_.done()
    call = FunctionCall.from_dict(document)
    return FunctionCall(
        name=call.name, args=call.args, call_id=call_id, extensions=call.extensions or None
    )


def _load_record(document: Any) -> CallRecord:
    record = Fields("record", document)
    call = _one(record, "call", _load_call)
    result = _one(record, "result", ToolResult.from_dict)
    seconds = _seconds(record)
    record.done()
    return CallRecord(call=call, result=result, seconds=seconds)


def _load_usage(document: Any) -> Usage:
    usage = Fields("usage", document)
    counts = {name: usage.get(name, "an integer", int) for name in _COUNTERS}
    for name, count in counts.items():
        if count is not None and count < 0:
            usage.fail(name, "an integer, 0 or more", str(count)[:60], "minimum")
    requests = _count(usage, "requests", required=True)
    text = usage.text("cost")
    cost = None
    try:
        cost = None if text is None else Decimal(text)
    except InvalidOperation:
        usage.fail("cost", "a decimal number as a text", json.dumps(text)[:60], "format")
    if cost is not None and not (cost.is_finite() and cost >= 0):
        usage.fail("cost", "a finite number, 0 or more", str(cost)[:60], "minimum")
    raw = tuple(usage.items("raw"))
    usage.done()
    return Usage(**counts, requests=requests, cost=cost, raw=raw)


def _load_adaptation(document: Any) -> Adaptation:
    adaptation = Fields("adaptation", document)
    what = adaptation.text("what", required=True)
    why = adaptation.text("why", required=True)
    adaptation.done()
    return Adaptation(str(what), str(why))


def _load_streak(document: Any) -> Streak:
    streak = Fields("streak", document)
    name = streak.text("name", required=True)
    digest = streak.text("digest", required=True)
    count = _count(streak, "count", 1, required=True)
    number = _count(streak, "round", required=True)
    args = streak.doc.get("args")
    streak.done()
    return Streak(name=str(name), args=args, digest=str(digest), count=count, round=number)
