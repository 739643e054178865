"""Requests in one form, without what differs from run to run; the first difference of two."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from altar.llm import Sampling, dump_messages, redacted
from altar.testing._cassette_codec import plain
from altar.testing._redaction import SECRET, Secrets, is_secret_name, same_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.llm import Message, Request

__all__ = ["Asked", "Digests", "Numbers", "as_answered", "difference"]

_SHOWN = 90  # characters of a text on either side of the place where it differs


class Asked:
    """Requests as readable JSON: ids by order, blobs by hash, no secrets, no defaults.

    A message that an earlier request had in the same place is not read again:
    its JSON is the same object, so nobody may change it.
    """

    __slots__ = ("_first", "_secrets")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._first = _Step(None, {}, ())

    def request(self, request: Request) -> dict[str, Any]:
        usual = Sampling()
        sampling = {
            field.name: getattr(request.sampling, field.name)
            for field in fields(Sampling)
            if getattr(request.sampling, field.name) != getattr(usual, field.name)
        }
        output = request.output
        doc = {
            "model": request.model,
            "instructions": request.instructions,
            "messages": [],
            "tools": [tool.to_dict(dialect="json-schema") for tool in request.tools],
            "tool_choice": None if request.tool_choice is None else request.tool_choice.to_dict(),
            "output": None if output is None else {"name": output.name, "schema": output.schema},
            "sampling": sampling,
            "settings": _settings(request.settings),
        }
        said = {name: value for name, value in doc.items() if value not in (None, [], {}, ())}
        found: dict[str, Any] = self._secrets.asked(plain(said))
        found["messages"] = self._messages(request.messages)
        return {name: found[name] for name in doc if name in found}  # in reading order

    def _messages(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        step, numbers, out = self._first, Numbers(), []
        for message in messages:
            known = step.next.get(id(message))
            if known is None:
                before = len(numbers.calls)
                portable = _portable(dump_messages([message])[0], self._secrets)
                doc = self._secrets.asked(plain(numbers.numbered(portable)))
                made = _Step(message, doc, tuple(numbers.calls[before:]))
                known = step.next.setdefault(id(message), made)
            else:
                numbers.calls += known.calls
                numbers.names.update(known.calls)
            step = known
            out.append(step.doc)
        return out


class _Step:
    """A message after certain others; it is held, so that its id() stays its own."""

    __slots__ = ("calls", "doc", "message", "next")

    def __init__(
        self, message: Message | None, doc: dict[str, Any], calls: tuple[tuple[str, str], ...]
    ) -> None:
        self.message = message
        self.doc = doc
        self.calls = calls
        self.next: dict[int, _Step] = {}


def as_answered(message: dict[str, Any]) -> dict[str, Any]:
    """An answer's message as it stands in the next request, but for the numbers of its calls."""
    out = _portable(json.loads(_redacted_json(message)), None)
    for part in out["parts"]:
        if part.get("kind") == "tool_call":
            wire = part.pop("wire_id", None) or part.get("id")
            part.pop("id", None)
            if wire:
                part["wire_id"] = wire
    return out


def _redacted_json(value: Any) -> str:
    """JSON text of ``value`` with :func:`altar.llm.redacted` applied to each of its texts."""
    return json.dumps(_each_text(value))


def _each_text(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_each_text(item) for item in value]
    if isinstance(value, dict):
        return {key: _each_text(item) for key, item in value.items()}
    return value


def _portable(message: dict[str, Any], secrets: Secrets | None) -> dict[str, Any]:
    """The message without the response's id, which is new each time, and with hashed blobs."""
    out = dict(message)
    if "origin" in out:
        out["origin"] = {k: v for k, v in out["origin"].items() if k != "response_id"}
    out["parts"] = [_hashed(part, secrets) for part in message["parts"]]
    return out


def _hashed(part: dict[str, Any], secrets: Secrets | None) -> dict[str, Any]:
    """The part with a blob by its hash: it is compared, never sent; with a secret it is any."""
    out = dict(part)
    if out.get("kind") == "blob" and isinstance(out.get("data"), str):
        data = b64decode(out["data"])
        data = data if secrets is None else secrets.blob(data)
        hashed = f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"
        out["data"] = SECRET if SECRET.encode() in data else hashed
    if "blobs" in out:
        out["blobs"] = [_hashed(blob, secrets) for blob in out["blobs"]]
    return out


class Numbers:
    """Names calls by their order, message after message: altar's own ids are random."""

    __slots__ = ("calls", "names")

    def __init__(self, before: list[dict[str, Any]] | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        self.names: dict[str, str] = {}
        for message in before or ():
            for part in message["parts"]:
                if part.get("kind") == "tool_call":
                    self._call(part)

    def numbered(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message with calls by their order; it comes after those seen before."""
        parts = []
        for part in message["parts"]:
            kind = part.get("kind")
            if kind == "tool_call":
                part = {**part, "id": self._call(part)}  # noqa: PLW2901 - a copy, not the caller's
            elif kind == "tool_result":
                known = self.names.get(part["call_id"], "no-such-call")
                part = {**part, "call_id": known}  # noqa: PLW2901
            parts.append(part)
        return {**message, "parts": parts}

    def _call(self, part: dict[str, Any]) -> str:
        name = f"call-{len(self.calls) + 1}"
        self.calls.append((part.get("id") or name, name))
        self.names[self.calls[-1][0]] = name
        return name


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _without_secrets(value, name) for name, value in settings.items()}


def _without_secrets(value: Any, name: str) -> Any:
    """A setting without the values of its headers, and of names such as ``api_key``."""
    if name.lower() in {"headers", "extra_headers"} and hasattr(value, "keys"):
        return dict.fromkeys(map(str, value), SECRET)
    if hasattr(value, "items"):
        return {str(key): _without_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, str) and is_secret_name(name):
        return SECRET
    return value


class Digests:
    """Sixteen hexadecimal digits that stand for a request; each message is read once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[dict[str, Any], str]] = {}

    def request(self, doc: dict[str, Any]) -> str:
        return _digest({**doc, "messages": [self.message(one) for one in doc["messages"]]})

    def message(self, doc: dict[str, Any]) -> str:
        known = self._known.get(id(doc))
        if known is None:
            known = self._known[id(doc)] = doc, _digest(doc)
        return known[1]


def _digest(doc: dict[str, Any]) -> str:
    text = json.dumps(doc, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def difference(recorded: Any, came: Any, path: str = "$") -> tuple[str, str, str] | None:
    """Where two JSON values differ first: path, recorded, came; None when they are the same."""
    if isinstance(recorded, dict) and isinstance(came, dict):
        return _in_objects(recorded, came, path)
    if isinstance(recorded, list) and isinstance(came, list):
        return _in_arrays(recorded, came, path)
    if isinstance(recorded, str) and isinstance(came, str):
        return None if same_text(recorded, came) else _texts(path, recorded, came)
    if isinstance(recorded, bool) is isinstance(came, bool) and recorded == came:
        return None  # 1 and 1.0 are one number, and neither is true
    return path, _short(recorded), _short(came)


def _in_objects(
    recorded: dict[str, Any], came: dict[str, Any], path: str
) -> tuple[str, str, str] | None:
    for name in [*recorded, *[name for name in came if name not in recorded]]:
        where = f"{path}.{name}"
        if name not in came:
            return where, _short(recorded[name]), "nothing"
        if name not in recorded:
            return where, "nothing", _short(came[name])
        found = difference(recorded[name], came[name], where)
        if found is not None:
            return found
    return None


def _in_arrays(recorded: list[Any], came: list[Any], path: str) -> tuple[str, str, str] | None:
    for at, (one, other) in enumerate(zip(recorded, came, strict=False)):
        found = difference(one, other, f"{path}[{at}]")
        if found is not None:
            return found
    at = min(len(recorded), len(came))
    more = recorded[at:] or came[at:]
    if not more:
        return None
    shown = _short(more[0]) + (f" and {len(more) - 1} more" if len(more) > 1 else "")
    where = f"{path}[{at}]"
    return (where, shown, "nothing") if at < len(recorded) else (where, "nothing", shown)


def _texts(path: str, recorded: str, came: str) -> tuple[str, str, str]:
    """Two texts, cut around the first character in which they differ."""
    pairs = zip(recorded, came, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(recorded), len(came)))
    start = max(0, at - _SHOWN // 3)
    lead = "..." if start else ""
    return path, lead + _short(recorded[start:]), lead + _short(came[start:])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
