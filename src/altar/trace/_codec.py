"""Codec: a span as the JSON object that a trace file holds, and a line of such a file read again.

The format is version 1. A file begins with a header, each further line is one
span, and a line of losses tells what is missing. Unknown fields are ignored.
"""

from __future__ import annotations

import json.encoder
import sys
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, NoReturn

from altar.trace._record import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.trace._span import Span

__all__ = [
    "APPLICATION",
    "VERSION",
    "decode",
    "document",
    "encode",
    "header",
    "losses_line",
    "to_record",
]

VERSION = 1
APPLICATION = 0x414C5452  # "ALTR": how a database says that it is a trace file

_DEEPEST = 50  # levels of a value that is written with care
_LONGEST = 10_000  # characters of the text of an object that is no JSON
_LATEST = 2**63

_encoder = JSONEncoder(separators=(",", ":"), allow_nan=False)
_encode: Callable[[Any], str] = _encoder.encode
_make = getattr(json.encoder, "c_make_encoder", None)
if _make is not None:  # what encode makes anew for each value: a quarter of the time it takes
    _chunks = _make(None, _encoder.default, quoted, None, ":", ",", False, False, False)
    _encode = lambda value: "".join(_chunks(value, 0))  # noqa: E731


def header(process: int, started: int) -> str:
    """The line with which a run begins."""
    version = getattr(sys.modules.get("altar"), "__version__", "")  # a floor above this one
    return _encode(
        {"altar_trace": VERSION, "process": process, "started": started, "altar": version}
    )


def losses_line(losses: Mapping[str, int]) -> str:
    """The line that tells what is missing, as numbers to be added to those told before."""
    return _encode({"altar_trace_loss": dict(losses)})


def encode(span: Span, process: int) -> str:
    """A span on one line of ASCII, without the line's end.

    ``process`` is the id of a process whose spans do not say where they are
    from. What is no JSON is written as its text, NaN and infinity as null.
    """
    text = f'{{"trace":"{span.trace_id:032x}","span":"{span.span_id:016x}"'
    if span.parent_id:
        text += f',"parent":"{span.parent_id:016x}"'
        if span.remote:
            text += ',"remote":true'
    text += (
        f',"name":{_quoted(span.name)},"kind":{_quoted(span.kind)}'
        f',"start":{span.started},"end":{span.ended}'
    )
    if span.error is not None:
        kind, message = span.error
        text += f',"error":{{"type":{_value(kind)},"message":{_value(message)}}}'
    if span.attributes:
        text += f',"attributes":{_value(span.attributes)}'
    if span.events:
        events = ",".join(
            f'{{"name":{_quoted(name)},"time":{time}'
            + (f',"attributes":{_value(attributes)}}}' if attributes else "}")
            for name, time, attributes in tuple(span.events)
        )
        text += f',"events":[{events}]'
    thread = getattr(span, "thread", None)
    if thread:
        text += f',"thread":{_value(thread)}'
    return f'{text},"process":{getattr(span, "process", 0) or process}}}'


def _quoted(text: Any) -> str:
    return quoted(text if isinstance(text, str) else str(text))


def _value(value: Any) -> str:
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, RuntimeError):
        return _encode(_plain(value, _DEEPEST))


def _plain(value: Any, room: int) -> Any:
    """The value as JSON, whatever it is."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if room == 0:
        return "..."
    try:
        if isinstance(value, dict) or hasattr(value, "items"):
            items = list(value.items())  # a copy: the program may be changing it
            return {str(key): _plain(one, room - 1) for key, one in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(one, room - 1) for one in list(value)]
        return str(value)[:_LONGEST]
    except Exception as error:  # noqa: BLE001 - an object of the program's, with a fault of its own
        return f"<{type(value).__name__}: {type(error).__name__}>"


def document(text: str | bytes) -> dict[str, Any]:
    """The JSON object of a line; ValueError when it is none."""
    try:
        found = _decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decode = JSONDecoder(parse_constant=_refuse).decode


def decode(text: str | bytes) -> SpanRecord:
    """The span of a line; ValueError says what is wrong with it."""
    return to_record(document(text))


def to_record(found: Mapping[str, Any]) -> SpanRecord:
    """The span a JSON object holds; ValueError says what is wrong with it."""
    trace, span, parent = found.get("trace"), found.get("span"), found.get("parent", "")
    if not _is_id(trace, 32):
        raise ValueError("its trace is no 32 hexadecimal digits")
    if not _is_id(span, 16):
        raise ValueError("its span is no 16 hexadecimal digits")
    if parent and not _is_id(parent, 16):
        raise ValueError("its parent is no 16 hexadecimal digits")
    name, kind = found.get("name"), found.get("kind")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise ValueError("its name or its kind is no text")
    start, end = found.get("start"), found.get("end")
    if (
        type(start) is not int
        or type(end) is not int
        or not (0 <= start < _LATEST and 0 <= end < _LATEST)
    ):
        raise ValueError("its start and its end are no times")
    attributes = found.get("attributes") or {}
    events = found.get("events") or []
    if not isinstance(attributes, dict) or not isinstance(events, list):
        raise ValueError("its attributes are no object, or its events no array")
    process = found.get("process", 0)
    record = SpanRecord(str(trace), str(span), parent=str(parent or ""), name=name)
    record.remote = found.get("remote") is True
    record.kind = kind
    record.start = start
    record.end = max(start, end)  # a clock may have gone back
    record.error = _error(found.get("error"))
    record.thread = str(found.get("thread") or "")
    record.process = process if type(process) is int else 0
    record.summarize(attributes)
    return record


def _is_id(text: Any, digits: int) -> bool:
    try:
        return len(text) == digits and len(bytes.fromhex(text)) * 2 == digits
    except (TypeError, ValueError):
        return False


def _error(found: Any) -> tuple[str, str] | None:
    if not found:
        return None
    if not isinstance(found, dict):
        raise ValueError("its error is no object")
    return str(found.get("type", "")), str(found.get("message", ""))
