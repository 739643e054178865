"""Adoption: documents of spans that another process ended, checked before they are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from altar.trace._span import Kind, Parent, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from altar.trace._local import Local
    from altar.trace._span import Recorder

__all__ = ["adopted"]

_HEX = frozenset("0123456789abcdef")
_KINDS = frozenset(get_args(Kind))
_LATEST = 1 << 63
_MOST_DOCS = 100_000
_MOST_EVENTS = 1_000
_LONGEST_NAME = 8_192  # far more than a sink sees: a secret at the end is cut there, or whole


def adopted(
    tracer: Recorder, current: Span | Parent | None, docs: Iterable[object]
) -> Iterator[Span]:
    """The spans of the documents that keep to the format, the others left out.

    Those of the current trace share its fate when traces are sampled; others
    are of traces of their own.
    """
    home = current._local if isinstance(current, Span) else None  # noqa: SLF001 - one noun
    made: dict[tuple[int, int, int], Local] = {}
    for _, doc in zip(range(_MOST_DOCS), docs, strict=False):
        try:
            span, key = _read(cast("Mapping[str, Any]", doc))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
        local = made.get(key)
        if local is None:
            trace_id, process, remote_id = key
            local = made[key] = tracer.begin(Parent(trace_id, 0, remote=False), 0)
            local.process = process
            local.remote_id = remote_id
            if home is not None and home.trace_id == trace_id:
                local.owner = home
        span._local = local  # noqa: SLF001
        yield span


def _read(doc: Mapping[str, Any]) -> tuple[Span, tuple[int, int, int]]:
    """The span of a document, and what it shares with others: trace, process, remote parent."""
    trace_id = _id(doc["trace"], 32)
    span = Span.__new__(Span)
    span._token = None  # noqa: SLF001
    span.span_id = _id(doc["span"], 16)
    span.parent_id = _id(doc["parent"], 16) if "parent" in doc else 0
    span.name = _text(doc["name"])
    kind = doc["kind"]
    span.kind = kind if isinstance(kind, str) and kind in _KINDS else "custom"  # type: ignore[assignment]
    span.started = _number(doc["start"])
    span.ended = _number(doc["end"])
    if not 0 < span.started <= span.ended:
        raise ValueError
    attributes, events = doc.get("attributes"), doc.get("events")
    span.attributes = dict(attributes) if attributes else {}
    span.events = [_event(event) for event in events[:_MOST_EVENTS]] if events else ()
    error = doc.get("error")
    span.error = (_text(error["type"]), str(error["message"])) if error else None
    span.thread = _text(doc.get("thread") or "?")
    remote_id = span.parent_id if doc.get("remote") is True else 0
    return span, (trace_id, _number(doc.get("process", 0)), remote_id)


def _event(event: Mapping[str, Any]) -> tuple[str, int, Mapping[str, Any] | None]:
    attributes = event.get("attributes")
    return _text(event["name"]), _number(event["time"]), dict(attributes) if attributes else None


def _id(text: object, digits: int) -> int:
    if not isinstance(text, str) or len(text) != digits or not _HEX.issuperset(text):
        raise ValueError
    return int(text, 16) or _number(None)  # 0 is no id


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LATEST:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value[:_LONGEST_NAME].encode("utf-8", "replace").decode()
