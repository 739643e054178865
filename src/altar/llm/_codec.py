"""Messages as JSON: histories that can be stored, read again and sent on."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from altar.adm import Problem
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm._messages import Message
from altar.llm._parts import (
    BlobPart,
    Data,
    Opaque,
    Origin,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["dump_messages", "load_messages"]

_KINDS: dict[str, type[Any]] = {
    "text": Text,
    "thinking": Thinking,
    "tool_call": ToolCall,
    "tool_result": ToolResultPart,
    "blob": BlobPart,
    "data": Data,
    "refusal": Refusal,
    "unknown": Unknown,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
# What a part must hold, by the name of its field: the JSON it is written as.
_FIELDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "name": (str,),
    "call_id": (str,),
    "id": (str,),
    "args": (dict,),
    "raw_args": (str,),
    "wire_id": (str,),
    "is_error": (bool,),
    "mime": (str,),
    "uri": (str,),
    "file_id": (str,),
    "data": (str,),
}
_REQUIRED = {
    "text": ("text",),
    "thinking": ("text",),
    "tool_call": ("name",),
    "tool_result": ("call_id", "name", "text"),
    "blob": ("mime",),
    "data": ("value",),
    "refusal": ("text",),
    "unknown": ("raw",),
}
_DEFAULTS = {
    name: {field.name: field.default for field in fields(kind)} for name, kind in _KINDS.items()
}
_ROLES = ("user", "assistant", "tool")


def dump_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The messages as JSON objects; ``load_messages`` reads them back equal."""
    return [_dump_message(message) for message in messages]


def _dump_message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {
        "role": message.role,
        "parts": [_dump_part(part) for part in message.parts],
    }
    if message.origin is not None:
        origin = message.origin
        told = {name: getattr(origin, name) for name in Origin.__slots__}
        out["origin"] = {name: value for name, value in told.items() if value not in (None, "")}
    if message.opaque:
        out["opaque"] = [_dump_opaque(item) for item in message.opaque]
    return out


def _dump_part(part: Part) -> dict[str, Any]:
    kind = _NAMES[type(part)]
    out: dict[str, Any] = {"kind": kind}
    for name in type(part).__slots__:
        value = getattr(part, name)
        if name == "opaque":
            value = [_dump_opaque(item) for item in value]
        elif name == "blobs":
            value = [_dump_part(blob) for blob in value]
        elif isinstance(value, bytes):
            value = b64encode(value).decode("ascii")
        if name in _REQUIRED[kind] or (value != _DEFAULTS[kind][name] and value != []):
            out[name] = value
    return out


def _dump_opaque(item: Opaque) -> dict[str, Any]:
    return {
        "provider": item.provider,
        "api": item.api,
        "kind": item.kind,
        "data": item.data,
    }


def load_messages(documents: Iterable[Mapping[str, Any]]) -> list[Message]:
    """Read messages; a part of an unknown kind becomes an Unknown that keeps it whole.

    Raises InvalidDataError with every problem and its path.
    """
    if isinstance(documents, (str, bytes, dict)) or not isinstance(documents, Iterable):
        kind = type(documents).__name__
        raise ConfigurationError(
            f"load_messages takes the list that dump_messages made, not {kind}; "
            "of a text, type load_messages(json.loads(text))"
        )
    problems: list[Problem] = []
    messages = [
        _load_message(document, f"$[{index}]", problems) for index, document in enumerate(documents)
    ]
    if problems:
        raise InvalidDataError("messages", problems)
    return messages


def _load_message(document: Any, path: str, problems: list[Problem]) -> Message:
    if not isinstance(document, dict):
        problems.append(Problem(path, "an object", type(document).__name__, keyword="type"))
        return Message("user", ())
    role: Any = document.get("role")
    if role not in _ROLES:
        problems.append(Problem(f"{path}.role", f"one of {_ROLES}", repr(role), keyword="enum"))
        role = "user"
    parts = document.get("parts")
    if not isinstance(parts, list):
        problems.append(Problem(f"{path}.parts", "an array", type(parts).__name__))
        parts = []
    loaded = [
        _load_part(part, f"{path}.parts[{index}]", problems) for index, part in enumerate(parts)
    ]
    return Message(
        role,
        tuple(loaded),
        origin=_load_origin(document.get("origin"), f"{path}.origin", problems),
        opaque=_load_opaque(document.get("opaque"), f"{path}.opaque", problems),
    )


def _load_origin(document: Any, path: str, problems: list[Problem]) -> Origin | None:
    if document is None:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("provider"), str):
        problems.append(Problem(path, "an object with a provider", repr(document)[:60]))
        return None
    known = {name: document[name] for name in Origin.__slots__ if name in document}
    return Origin(**known)


def _load_opaque(documents: Any, path: str, problems: list[Problem]) -> tuple[Opaque, ...]:
    loaded = []
    for index, item in enumerate(documents if isinstance(documents, list) else ()):
        names = ("provider", "api", "kind", "data")
        if isinstance(item, dict) and all(name in item for name in names):
            loaded.append(Opaque(**{name: item[name] for name in names}))
        else:
            expected = f"an object with {', '.join(names)}"
            problems.append(Problem(f"{path}[{index}]", expected, repr(item)[:60]))
    return tuple(loaded)


def _load_part(document: Any, path: str, problems: list[Problem]) -> Part:
    if not isinstance(document, dict):
        problems.append(Problem(path, "an object", type(document).__name__, keyword="type"))
        return Unknown(document)
    kind = document.get("kind")
    if kind not in _KINDS:
        return Unknown(document)
    found = len(problems)
    given: dict[str, Any] = {}
    for name in _KINDS[kind].__slots__:
        if name == "opaque":
            given[name] = _load_opaque(document.get(name), f"{path}.opaque", problems)
        elif name == "blobs":
            given[name] = _load_blobs(document.get(name), path, problems)
        elif name in document:
            given[name] = _load_field(name, document[name], f"{path}.{name}", problems)
        elif name in _REQUIRED[kind]:
            problems.append(Problem(f"{path}.{name}", "a value", "nothing", keyword="required"))
    if len(problems) > found:
        return Unknown(document)
    part: Part = _KINDS[kind](**given)
    return part


def _load_blobs(documents: Any, path: str, problems: list[Problem]) -> tuple[Part, ...]:
    blobs = documents if isinstance(documents, list) else []
    return tuple(_load_part(blob, f"{path}.blobs[{at}]", problems) for at, blob in enumerate(blobs))


def _load_field(name: str, value: Any, path: str, problems: list[Problem]) -> Any:
    kinds = _FIELDS.get(name)
    if kinds is not None and not isinstance(value, kinds):
        problems.append(Problem(path, kinds[0].__name__, type(value).__name__, keyword="type"))
        return None
    if name != "data":
        return value
    try:
        return b64decode(value, validate=True)
    except (Base64Error, ValueError):
        problems.append(Problem(path, "base64 text", "other text", keyword="contentEncoding"))
        return None
