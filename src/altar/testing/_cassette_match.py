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

    from altar.llm import Request

__all__ = ["as_answered", "as_asked", "difference", "digest", "numbered"]

_SHOWN = 90  # characters of a text on either side of the place where it differs


def as_asked(request: Request, secrets: Secrets) -> dict[str, Any]:
    """The request as readable JSON: ids by order, blobs by hash, no secrets, no defaults."""
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
        "messages": numbered([_portable(one, secrets) for one in dump_messages(request.messages)]),
        "tools": [tool.to_dict(dialect="json-schema") for tool in request.tools],
        "tool_choice": None if request.tool_choice is None else request.tool_choice.to_dict(),
        "output": None if output is None else {"name": output.name, "schema": output.schema},
        "sampling": sampling,
        "settings": _settings(request.settings),
    }
    said = {name: value for name, value in doc.items() if value not in (None, [], {}, ())}
    found: dict[str, Any] = secrets.asked(plain({"messages": [], **said}))
    return {name: found[name] for name in doc if name in found}  # in reading order


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
    """The part with a blob by its hash, without secrets: it is compared, never sent."""
    out = dict(part)
    if out.get("kind") == "blob" and isinstance(out.get("data"), str):
        data = b64decode(out.pop("data"))
        data = data if secrets is None else secrets.blob(data)
        out["bytes"], out["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    if "blobs" in out:
        out["blobs"] = [_hashed(blob, secrets) for blob in out["blobs"]]
    return out


def numbered(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with calls named by their order: altar's own ids are random."""
    names: dict[str, str] = {}
    count = 0
    out = []
    for message in messages:
        parts = []
        for part in message["parts"]:
            kind = part.get("kind")
            if kind == "tool_call":
                count += 1
                names[part.get("id") or f"call-{count}"] = f"call-{count}"
                part = {**part, "id": f"call-{count}"}  # noqa: PLW2901 - a copy, not the caller's
            elif kind == "tool_result":
                known = names.get(part["call_id"], "no-such-call")
                part = {**part, "call_id": known}  # noqa: PLW2901
            parts.append(part)
        out.append({**message, "parts": parts})
    return out


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


def digest(doc: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits that stand for a request."""
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
