"""Parts: what a message is made of, each with the provider's opaque data kept verbatim."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = [
    "BlobPart",
    "Data",
    "Opaque",
    "Origin",
    "Part",
    "Refusal",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResultPart",
    "Unknown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """Provider data that must go back as it came: a signature, encrypted reasoning.

    ``data`` is JSON as the provider spelt it (a signature stays its own
    string). It is replayed only to the same ``provider`` and ``api``.
    """

    provider: str
    api: str
    kind: str
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who made a message: provider prefix, its API, the model, the response's id."""

    provider: str
    api: str = ""
    model: str = ""
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; it may be empty when it carries a signature."""

    text: str
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought; empty when the provider keeps it to itself."""

    text: str
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call a model asked for.

    ``args`` is the JSON object, or None when the provider sent text that is
    kept in ``raw_args`` and read by the loop; with both, ``args`` is what the
    loop repaired the text to. ``id`` is the loop's own (empty until it issued
    one); ``wire_id`` is the provider's, None where it gave none, so that
    nothing invented goes back on the wire.
    """

    name: str
    args: dict[str, Any] | None = None
    id: str = field(default="", kw_only=True)
    raw_args: str | None = field(default=None, kw_only=True)
    wire_id: str | None = field(default=None, kw_only=True)
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class BlobPart:
    """Binary content: bytes, or a reference (``uri``, or a provider's ``file_id``)."""

    mime: str
    data: bytes | None = None
    uri: str | None = field(default=None, kw_only=True)
    file_id: str | None = field(default=None, kw_only=True)
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultPart:
    """The answer to one call, as the JSON text the model reads.

    ``call_id`` is the loop's id of the call; ``text`` stays byte for byte the
    same in every later request. ``blobs`` travel beside the text.
    """

    call_id: str
    name: str
    text: str
    is_error: bool = False
    blobs: tuple[BlobPart, ...] = ()
    opaque: tuple[Opaque, ...] = ()

    @property
    def value(self) -> Any:
        """The JSON value behind ``text``; the text itself where another program wrote none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return self.text


@dataclass(frozen=True, slots=True)
class Data:
    """A JSON value as a message part."""

    value: Any
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's own words for why it declines."""

    text: str
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A part this version does not know, kept as the JSON it came as."""

    raw: Any
    opaque: tuple[Opaque, ...] = field(default=(), kw_only=True)


Part: TypeAlias = Text | Thinking | ToolCall | ToolResultPart | BlobPart | Data | Refusal | Unknown
