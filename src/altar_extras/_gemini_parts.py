"""One part of a Gemini content as altar's part, and back.

What a part says beyond the plain form of its kind (a field this version does
not know, arguments that were left out) is kept as the whole JSON it came as,
so that a turn goes back exactly as it was.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from dataclasses import replace
from typing import Any

from altar.llm import BlobPart, Opaque, Part, Text, Thinking, ToolCall, Unknown
from altar_extras._gemini_models import API

__all__ = ["RAW", "SIGNATURE", "decoded", "read_part", "write_blob", "write_call", "write_text"]

SIGNATURE = "thought_signature"
RAW = "part"
_FILES = "https://generativelanguage.googleapis.com/v1beta/"
_STANDARD = str.maketrans("+/", "-_")


def read_part(raw: Any, provider: str) -> Part:
    """The part that ``raw`` says; one of no known kind is an Unknown, which keeps it whole."""
    part = _known(raw) if isinstance(raw, dict) else None
    if part is None:
        return Unknown(raw)
    signature = raw.get("thoughtSignature")
    if isinstance(signature, str):
        part = replace(part, opaque=(_opaque(provider, SIGNATURE, signature),))
    if _written(part, signature) != raw:
        part = replace(part, opaque=(*part.opaque, _opaque(provider, RAW, raw)))
    return part


def _opaque(provider: str, kind: str, data: Any) -> Opaque:
    return Opaque(provider=provider, api=API, kind=kind, data=data)


def _known(raw: dict[str, Any]) -> Text | Thinking | ToolCall | BlobPart | None:
    call = raw.get("functionCall")
    if isinstance(call, dict):
        return _call(call)
    inline, file, text = raw.get("inlineData"), raw.get("fileData"), raw.get("text")
    if isinstance(inline, dict) and not raw.get("thought"):
        data = decoded(inline.get("data"))
        return None if data is None else BlobPart(_mime(inline), data)
    if isinstance(file, dict) and isinstance(file.get("fileUri"), str):
        return BlobPart(_mime(file), uri=file["fileUri"])
    if isinstance(text, str):
        return Thinking(text) if raw.get("thought") is True else Text(text)
    return None


def _call(call: dict[str, Any]) -> ToolCall | None:
    name, args, wire_id = call.get("name"), call.get("args"), call.get("id")
    if not isinstance(name, str) or "partialArgs" in call:
        return None  # a fragment of streamed arguments, which altar never asks for
    wire_id = wire_id if isinstance(wire_id, str) and wire_id else None
    if args is None or isinstance(args, dict):
        return ToolCall(name, args or {}, wire_id=wire_id)
    return ToolCall(name, None, raw_args=json.dumps(args), wire_id=wire_id)


def _mime(data: dict[str, Any]) -> str:
    mime = data.get("mimeType")
    return mime if isinstance(mime, str) else "application/octet-stream"


def decoded(text: Any) -> bytes | None:
    """The bytes of base64 in either alphabet, padded or not; None where it is none."""
    if not isinstance(text, str):
        return None
    plain = text.translate(_STANDARD).rstrip("=")
    try:
        return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except (Base64Error, ValueError):
        return None


def _written(part: Part, signature: Any) -> dict[str, Any]:
    if isinstance(part, ToolCall):
        out = write_call(part, part.wire_id)
    elif isinstance(part, BlobPart):
        out = write_blob(part)
    else:
        out = write_text(part) if isinstance(part, (Text, Thinking)) else {}
    return out if signature is None else {**out, "thoughtSignature": signature}


def write_text(part: Text | Thinking) -> dict[str, Any]:
    """Text, or a thought."""
    return (
        {"text": part.text, "thought": True} if isinstance(part, Thinking) else {"text": part.text}
    )


def write_call(part: ToolCall, wire_id: str | None) -> dict[str, Any]:
    """A call, under the server's own id where it gave one."""
    named = {"name": part.name, "args": part.args or {}}
    return {"functionCall": named if wire_id is None else {"id": wire_id, **named}}


def write_blob(part: BlobPart) -> dict[str, Any]:
    """Bytes inline, or a reference; empty where there is neither."""
    if part.data is not None:
        data = b64encode(part.data).decode("ascii")
        return {"inlineData": {"mimeType": part.mime, "data": data}}
    uri = part.uri or part.file_id
    if uri is None:
        return {}
    if part.uri is None and uri.startswith("files/"):
        uri = _FILES + uri
    return {"fileData": {"mimeType": part.mime, "fileUri": uri}}
