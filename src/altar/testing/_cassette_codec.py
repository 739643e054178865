"""Exchanges as JSON: what a model was asked, and what it said in whichever form it came."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from altar import errors
from altar.errors import InvalidDataError, ProviderError
from altar.llm import (
    Adaptation,
    Capabilities,
    Delta,
    End,
    Message,
    Opaque,
    Origin,
    Part,
    PartEnd,
    PartStart,
    Price,
    Response,
    Start,
    Usage,
    dump_messages,
    load_messages,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.llm import StreamEvent

__all__ = [
    "Said",
    "dump_capabilities",
    "dump_said",
    "load_capabilities",
    "load_said",
    "plain",
]

_FACTS = ("provider", "status", "code", "request_id", "retry_after", "sent", "in_stream", "hint")
_SENT = {"sent": True, "in_stream": False, "provider": "", "hint": ""}  # the defaults
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one attempt: a Response, or stream events, or a failure after some events.

    ``cut`` says that whoever read the stream stopped before its end.
    """

    response: Response | None = None
    events: tuple[StreamEvent, ...] | None = None
    error: ProviderError | None = None
    cut: bool = False


def plain(value: Any) -> Any:
    """``value`` as JSON reads it back; what is no JSON becomes the name of its type."""
    return json.loads(json.dumps(value, default=_foreign))


def _foreign(value: object) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value) if isinstance(value, Decimal) else f"<{type(value).__qualname__}>"


def dump_said(said: Said) -> dict[str, Any]:
    """The answer as a JSON object."""
    out: dict[str, Any] = {}
    if said.response is not None:
        response = said.response
        out["message"] = dump_messages([response.message])[0]
        out.update(_dump_ending(response))
    if said.events is not None:
        out["events"] = [_dump_event(event) for event in said.events]
    if said.error is not None:
        out["error"] = _dump_error(said.error)
    if said.cut:
        out["cut"] = True
    found: dict[str, Any] = plain(out)
    return found


def load_said(doc: dict[str, Any]) -> Said:
    """Read what :func:`dump_said` wrote; raises ValueError, KeyError or TypeError for other JSON.

    Each reading makes its own error object: an exception that is raised twice
    would collect two tracebacks.
    """
    response = None
    if "message" in doc:
        message = _load_message(doc["message"])
        response = Response(message=message, **_load_ending(doc))
    events = None
    if "events" in doc:
        events = tuple([_load_event(event) for event in doc["events"]])
    error = _load_error(doc["error"]) if "error" in doc else None
    if response is None and events is None and error is None:
        raise ValueError("an answer has a message, events or an error")
    return Said(response=response, events=events, error=error, cut=bool(doc.get("cut")))


def _load_message(doc: Any) -> Message:
    try:
        return load_messages([doc])[0]
    except InvalidDataError as error:
        raise ValueError(str(error)) from error


# -- how an answer ends ------------------------------------------------------------------


def _dump_ending(end: Response | End) -> dict[str, Any]:
    out: dict[str, Any] = {"finish": end.finish}
    for name in ("raw_finish", "detail"):
        if getattr(end, name) is not None:
            out[name] = getattr(end, name)
    out["usage"] = _dump_usage(end.usage)
    if end.adaptations:
        out["adaptations"] = [{"what": one.what, "why": one.why} for one in end.adaptations]
    return out


def _load_ending(doc: dict[str, Any]) -> dict[str, Any]:
    return {
        "finish": doc["finish"],
        "raw_finish": doc.get("raw_finish"),
        "detail": doc.get("detail"),
        "usage": _load_usage(doc["usage"]),
        "adaptations": tuple([Adaptation(**one) for one in doc.get("adaptations", ())]),
    }


def _dump_usage(usage: Usage) -> dict[str, Any]:
    out: dict[str, Any] = {
        name: getattr(usage, name) for name in _COUNTS if getattr(usage, name) is not None
    }
    if usage.requests != 1:
        out["requests"] = usage.requests
    if usage.cost is not None:
        out["cost"] = str(usage.cost)
    if usage.raw:
        out["raw"] = list(usage.raw)
    return out


def _load_usage(doc: dict[str, Any]) -> Usage:
    cost = doc.get("cost")
    return Usage(
        **{name: doc[name] for name in _COUNTS if name in doc},
        requests=doc.get("requests", 1),
        cost=None if cost is None else Decimal(cost),
        raw=tuple(doc.get("raw", ())),
    )


# -- stream events -----------------------------------------------------------------------


def _dump_event(event: StreamEvent) -> dict[str, Any]:
    if isinstance(event, Start):
        return {"start": _dump_origin(event.origin)}
    if isinstance(event, PartStart):
        out: dict[str, Any] = {"part": event.index, "begins": event.kind}
        return {**out, "name": event.name} if event.name else out
    if isinstance(event, Delta):
        return {"part": event.index, event.kind: event.text}
    if isinstance(event, PartEnd):
        return {"part": event.index, "is": _dump_parts((event.part,))["parts"][0]}
    out = {"end": _dump_ending(event)}
    if event.origin is not None:
        out["end"]["origin"] = _dump_origin(event.origin)
    if event.opaque:
        out["end"]["opaque"] = _dump_parts((), event.opaque)["opaque"]
    return out


def _load_event(doc: dict[str, Any]) -> StreamEvent:
    if "start" in doc:
        return Start(_load_origin(doc["start"]))
    if "end" in doc:
        end = doc["end"]
        shell = {"role": "assistant", "parts": [], "opaque": end.get("opaque", [])}
        return End(
            **_load_ending(end),
            origin=_load_origin(end.get("origin")),
            opaque=_load_message(shell).opaque,
        )
    if "begins" in doc:
        return PartStart(doc["part"], doc["begins"], name=doc.get("name", ""))
    if "is" in doc:
        (part,) = _load_message({"role": "assistant", "parts": [doc["is"]]}).parts
        return PartEnd(doc["part"], part)
    for kind in ("text", "thinking", "args"):
        if kind in doc:
            return Delta(doc["part"], doc[kind], kind=kind)
    raise ValueError(f"no stream event: {doc!r:.120}")


def _dump_parts(parts: Sequence[Part], opaque: tuple[Opaque, ...] = ()) -> dict[str, Any]:
    return dump_messages([Message("assistant", tuple(parts), opaque=opaque)])[0]


def _dump_origin(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    found: dict[str, Any] = dump_messages([Message("assistant", (), origin=origin)])[0]["origin"]
    return found


def _load_origin(doc: Any) -> Origin | None:
    return None if doc is None else Origin(**doc)


# -- failures ----------------------------------------------------------------------------


def _dump_error(error: ProviderError) -> dict[str, Any]:
    """The failure under the name of altar's own class: a plugin's may not be there in replay."""
    own = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    out: dict[str, Any] = {"type": own, "message": error.message}
    for name in _FACTS:
        value = getattr(error, name)
        if value != _SENT.get(name):
            out[name] = value
    if error.raw is not None:
        out["raw"] = error.raw
    return out


def _load_error(doc: dict[str, Any]) -> ProviderError:
    kind = getattr(errors, doc["type"], ProviderError)
    if not (isinstance(kind, type) and issubclass(kind, ProviderError)):
        raise ValueError(f"{doc['type']!r} is no ProviderError")
    given = {name: doc[name] for name in (*_FACTS, "raw") if name in doc}
    return kind(doc["message"], **given)


# -- what the model can do ---------------------------------------------------------------


def dump_capabilities(found: Capabilities) -> dict[str, Any]:
    """The capabilities that are not the usual ones, by name."""
    usual = Capabilities()
    out: dict[str, Any] = {}
    for field in fields(Capabilities):
        value = getattr(found, field.name)
        if value != getattr(usual, field.name):
            out[field.name] = _dump_price(value) if isinstance(value, Price) else value
    known: dict[str, Any] = plain(out)
    return known


def load_capabilities(doc: dict[str, Any]) -> Capabilities:
    """Read capabilities; a name this version does not know is left out."""
    known = {field.name for field in fields(Capabilities)}
    given = {name: value for name, value in doc.items() if name in known}
    if given.get("sampling") is not None:
        given["sampling"] = frozenset(given["sampling"])
    if given.get("price") is not None:
        given["price"] = _load_price(given["price"])
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return Capabilities(**{**given, **lists})


def _dump_price(price: Price) -> dict[str, Any]:
    out = {field.name: getattr(price, field.name) for field in fields(Price)}
    if price.long is not None:
        out["long"] = _dump_price(price.long)
    return {name: value for name, value in out.items() if value is not None}


def _load_price(doc: dict[str, Any]) -> Price:
    given: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) else value for name, value in doc.items()
    }
    if "long" in given:
        given["long"] = _load_price(doc["long"])
    return Price(**given)
