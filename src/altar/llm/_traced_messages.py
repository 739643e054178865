"""Messages as a span tells them: in the shape of OpenTelemetry's conventions, without bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm._parts import (
    BlobPart,
    Data,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
)
from altar.trace._content import bounded, clipped
from altar.trace._conventions import BLOB_PARTS, FINISH_REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.llm._messages import Message
    from altar.llm._parts import Part
    from altar.llm._request import ReplyEnd

__all__ = ["finish_reason", "input_messages", "output_messages", "prompt_offset", "system_parts"]


def prompt_offset(messages: Sequence[Message]) -> int:
    """Where the prompt begins: behind the last answer of the history."""
    at = len(messages)
    while at and messages[at - 1].role == "user":
        at -= 1
    return at


def input_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """What a model is told."""
    return [{"role": one.role, "parts": _parts(one)} for one in messages]


def output_messages(
    message: Message, finish: str, call_ids: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """What a model answered; ``finish`` is the convention's word for why it stopped.

    ``call_ids`` are those under which its calls are made, where they have been issued.
    """
    parts = _parts(message)
    calls = [part for part in parts if part["type"] == "tool_call"]
    for part, issued in zip(calls, call_ids, strict=False):
        part["id"] = issued
    return [{"role": message.role, "parts": parts, "finish_reason": finish}]


def finish_reason(message: Message, finish: ReplyEnd) -> str:
    """Why a model stopped, in the convention's words where it has one."""
    if finish == "stop" and message.calls:
        return "tool_call"
    return FINISH_REASONS.get(finish, finish)


def system_parts(instructions: str) -> list[dict[str, Any]]:
    """The instructions of a run."""
    return [{"type": "text", "content": clipped(instructions)}]


def _parts(message: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in message.parts:
        try:
            told = _part(part)
            if told is not None:
                found.append(told)
            if isinstance(part, ToolResultPart):
                found += [_blob(blob) for blob in part.blobs]
        except Exception:  # noqa: BLE001 - a provider's own fault, which is not the trace's to tell
            found.append({"type": "unknown"})
    return found


def _part(part: Part) -> dict[str, Any] | None:
    """A part; what the provider alone understands is left out."""
    if isinstance(part, Text):
        return {"type": "text", "content": clipped(part.text)}
    if isinstance(part, ToolCall):
        given = part.args if part.args is not None else part.raw_args
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": bounded(given)}
    if isinstance(part, ToolResultPart):
        return {"type": "tool_call_response", "id": part.call_id, "response": clipped(part.text)}
    if isinstance(part, Thinking):
        return {"type": "reasoning", "content": clipped(part.text)} if part.text else None
    if isinstance(part, BlobPart):
        return _blob(part)
    if isinstance(part, Refusal):
        return {"type": "refusal", "content": clipped(part.text)}
    if isinstance(part, Data):
        return {"type": "data", "content": bounded(part.value)}
    return {"type": "unknown"}


def _blob(part: BlobPart) -> dict[str, Any]:
    modality = BLOB_PARTS.get(part.mime.partition("/")[0], "document")
    told: dict[str, Any] = {"type": "blob", "mime_type": part.mime, "modality": modality}
    if part.uri is not None:
        return {**told, "type": "uri", "uri": clipped(part.uri, 2_000)}
    if part.file_id is not None:
        return {**told, "type": "file", "file_id": part.file_id}
    return {**told, "size": len(part.data or b"")}
