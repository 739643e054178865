"""From a Messages body to a neutral Request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from altar.adm import ToolConfig
from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Message,
    Opaque,
    Origin,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)
from altar.testing._fake_anthropic_history import blocks_of
from altar.testing._fake_neutral import (
    neutral_request,
    neutral_tool,
    output_spec,
    sampling_of,
)

if TYPE_CHECKING:
    from altar.llm import Request
    from altar.testing._fake_server import FakeCall

__all__ = ["read_messages"]

_MODES = {"auto": "AUTO", "any": "ANY", "tool": "ANY", "none": "NONE"}


def read_messages(call: FakeCall) -> Request:
    """The neutral Request of a body that broke no rule."""
    body = call.body
    names: dict[str, str] = {}
    messages: list[Message] = []
    for message in body["messages"]:
        messages += _messages(message, names, call.model)
    system = [block.get("text", "") for block in blocks_of({"content": body.get("system") or []})]
    tools = [tool for tool in body.get("tools") or () if "input_schema" in tool]
    config = body.get("output_config") or {}
    form = config.get("format")
    return neutral_request(
        call.model,
        messages,
        instructions="\n\n".join(system) or None,
        tools=[neutral_tool(t["name"], t.get("description"), t["input_schema"]) for t in tools],
        tool_choice=_choice(body.get("tool_choice")),
        output=None if form is None else output_spec("output", form["schema"]),
        sampling=sampling_of(
            stop=body.get("stop_sequences") or (),
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            top_k=body.get("top_k"),
            reasoning=_reasoning(body),
        ),
    )


def _reasoning(body: dict[str, Any]) -> str | None:
    thinking = (body.get("thinking") or {}).get("type")
    if thinking == "disabled":
        return "none"
    effort = (body.get("output_config") or {}).get("effort")
    return effort if thinking is not None else None


def _choice(choice: Any) -> ToolConfig | None:
    if choice is None:
        return None
    names = [choice["name"]] if choice["type"] == "tool" else []
    try:
        return ToolConfig.from_dict(
            {"mode": _MODES[choice["type"]], "allowed_function_names": names}
        )
    except InvalidDataError:
        return None


def _messages(message: dict[str, Any], names: dict[str, str], model: str) -> list[Message]:
    """One message, or the results of a user's message and what follows them."""
    blocks = blocks_of(message)
    if message["role"] == "assistant":
        origin = Origin(provider="anthropic", api="messages", model=model)
        parts = tuple([_part(block, names) for block in blocks])
        return [Message("assistant", parts, origin=origin)]
    results = [block for block in blocks if block["type"] == "tool_result"]
    rest = [block for block in blocks if block["type"] != "tool_result"]
    found = []
    if results:
        found.append(Message("tool", tuple([_part(block, names) for block in results])))
    if rest:
        found.append(Message("user", tuple([_part(block, names) for block in rest])))
    return found


def _part(block: dict[str, Any], names: dict[str, str]) -> Part:
    kind = block["type"]
    if kind == "text":
        return Text(block["text"])
    if kind == "thinking":
        return Thinking(block["thinking"], opaque=(_opaque("thinking", block["signature"]),))
    if kind == "redacted_thinking":
        return Thinking("", opaque=(_opaque("redacted_thinking", block["data"]),))
    if kind == "tool_use":
        names[block["id"]] = block["name"]
        return ToolCall(block["name"], block["input"], id=block["id"], wire_id=block["id"])
    if kind == "tool_result":
        return _result(block, names)
    if kind in ("image", "document"):
        return _blob(block)
    return Unknown(block)


def _opaque(kind: str, data: Any) -> Opaque:
    name = "thinking_signature" if kind == "thinking" else kind
    return Opaque(provider="anthropic", api="messages", kind=name, data=data)


def _result(block: dict[str, Any], names: dict[str, str]) -> ToolResultPart:
    inner = blocks_of(block)
    blobs = [_blob(one) for one in inner if one["type"] in ("image", "document")]
    return ToolResultPart(
        call_id=block["tool_use_id"],
        name=names.get(block["tool_use_id"], ""),
        text="".join([one["text"] for one in inner if one["type"] == "text"]),
        is_error=block.get("is_error", False),
        blobs=tuple([blob for blob in blobs if isinstance(blob, BlobPart)]),
    )


def _blob(block: dict[str, Any]) -> BlobPart | Unknown:
    source = block.get("source") or {}
    mime = source.get("media_type") or ("image/*" if block["type"] == "image" else "*/*")
    if source.get("type") == "base64":
        return BlobPart(mime, base64.b64decode(source["data"]))
    if source.get("type") == "url":
        return BlobPart(mime, uri=source["url"])
    if source.get("type") == "file":
        return BlobPart(mime, file_id=source["file_id"])
    return Unknown(block)
