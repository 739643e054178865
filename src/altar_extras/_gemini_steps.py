"""Steps of the Interactions API as altar's parts, and back.

One step can hold several contents, and says more than a part can. Where the
plain form of its part is not the whole step, the step is kept beside its
first part, to be sent back as it came; the parts that came with it are marked
so that they are not sent twice.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altar.llm import BlobPart, Opaque, Part, Text, Thinking, ToolCall, Unknown
from altar_extras._gemini_parts import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "API",
    "BESIDE",
    "SIGNATURE",
    "STEP",
    "content_of",
    "read_step",
    "texts_of",
    "write_step",
]

API = "interactions"
SIGNATURE = "thought_signature"
STEP = "step"
BESIDE = "part_of_step"
_MEDIA = ("image", "audio", "video", "document")


def read_step(raw: Any, provider: str) -> tuple[Part, ...]:
    """The parts of a step, one or more; a step of no known kind is one Unknown."""
    parts = _known(raw) if isinstance(raw, dict) else ()
    if not parts:
        return (Unknown(raw),)
    first = parts[0]
    if isinstance(first, ToolCall) and first.args is None:
        return (first,)  # nothing the server would take back
    signature = raw.get("signature")
    if isinstance(first, Thinking) and isinstance(signature, str):
        first = replace(first, opaque=(_opaque(provider, SIGNATURE, signature),))
    if len(parts) == 1 and write_step(first, signature, getattr(first, "wire_id", None)) == raw:
        return (first,)
    first = replace(first, opaque=(*first.opaque, _opaque(provider, STEP, raw)))
    beside = (_opaque(provider, BESIDE, True),)
    return (first, *[replace(part, opaque=beside) for part in parts[1:]])


def _opaque(provider: str, kind: str, data: Any) -> Opaque:
    return Opaque(provider=provider, api=API, kind=kind, data=data)


def _known(raw: dict[str, Any]) -> tuple[Part, ...]:
    kind = raw.get("type")
    if kind == "thought":
        return (Thinking("".join(texts_of(raw.get("summary")))),)
    if kind == "model_output":
        contents = raw.get("content")
        if not isinstance(contents, list) or not contents:
            return (Text(""),)
        return tuple([_content(one) for one in contents])
    if kind == "function_call" and isinstance(raw.get("name"), str):
        return (_call(raw),)
    return ()


def texts_of(items: Any) -> list[str]:
    """The texts among contents."""
    return [
        one["text"]
        for one in (items if isinstance(items, list) else ())
        if isinstance(one, dict) and isinstance(one.get("text"), str)
    ]


def _content(raw: Any) -> Part:
    kind = raw.get("type") if isinstance(raw, dict) else None
    if kind == "text" and isinstance(raw.get("text"), str):
        return Text(raw["text"])
    if kind in _MEDIA:
        mime = raw.get("mime_type")
        mime = mime if isinstance(mime, str) else "application/octet-stream"
        data = decoded(raw.get("data"))
        if data is not None or isinstance(raw.get("uri"), str):
            return BlobPart(mime, data, uri=raw.get("uri"))
    return Unknown(raw)


def _call(raw: Mapping[str, Any]) -> ToolCall:
    args, wire_id = raw.get("arguments"), raw.get("id")
    wire_id = wire_id if isinstance(wire_id, str) and wire_id else None
    if args is None or isinstance(args, dict):
        return ToolCall(raw["name"], args or {}, wire_id=wire_id)
    # text: put together from fragments, and no JSON object
    text = args if isinstance(args, str) else json.dumps(args)
    return ToolCall(raw["name"], None, raw_args=text, wire_id=wire_id)


def content_of(part: Text | BlobPart) -> dict[str, Any] | None:
    """A part as a content: of a user's input, a model's output, or a result."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    kind = part.mime.partition("/")[0]
    out: dict[str, Any] = {"type": kind if kind in _MEDIA else "document", "mime_type": part.mime}
    if part.data is not None:
        return {**out, "data": b64encode(part.data).decode("ascii")}
    uri = part.uri or part.file_id
    return None if uri is None else {**out, "uri": uri}


def write_step(part: Part, signature: Any, call_id: str | None) -> dict[str, Any] | None:
    """The step of one part; None for what has none."""
    if isinstance(part, Thinking):
        step: dict[str, Any] = {"type": "thought"}
        if signature is not None:
            step["signature"] = signature
        if part.text:
            step["summary"] = [{"type": "text", "text": part.text}]
        return step
    if isinstance(part, (Text, BlobPart)):
        content = content_of(part)
        return None if content is None else {"type": "model_output", "content": [content]}
    if isinstance(part, ToolCall):
        args = part.args or {}
        return {"type": "function_call", "id": call_id, "name": part.name, "arguments": args}
    return None
