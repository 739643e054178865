"""How FakeAnthropic spells an answer: content blocks, stop reasons, usage, stream events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import Data, Refusal, Text, Thinking, ToolCall, Unknown
from altar.testing._fake_http import ServerEvent, compact
from altar.testing._fake_neutral import args_text, counted, cut, json_or_text, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.llm import Part, Response
    from altar.testing._fake_server import FakeCall

    Signer = Callable[[str, str], str]

__all__ = ["events_of", "message_of"]

_STOPS = {
    "length": "max_tokens",
    "refusal": "refusal",
    "blocked": "refusal",
    "paused": "pause_turn",
}


def message_of(response: Response, call: FakeCall, sign: Signer) -> dict[str, Any]:
    """The message of a Response; ``sign`` takes a kind ("thinking", "redacted", "id") and a text.

    A call whose argument text is malformed keeps that text as its ``input``,
    which :func:`events_of` streams as it stands.
    """
    parts = response.message.parts
    reason = response.raw_finish or _STOPS.get(response.finish)
    if reason is None:
        called = any(isinstance(part, ToolCall) for part in parts)
        reason = "tool_use" if called else "end_turn"
    message: dict[str, Any] = {
        "id": response.message.origin and response.message.origin.response_id,
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [_block(part, sign) for part in parts],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _usage(response, call),
    }
    message["id"] = message["id"] or sign("id", "msg")
    if reason == "stop_sequence":
        message["stop_sequence"] = response.detail
    elif reason == "refusal":
        message["stop_details"] = {
            "type": "refusal",
            "category": None,
            "explanation": response.detail,
        }
    return message


def _block(part: Part, sign: Signer) -> dict[str, Any]:
    if isinstance(part, (Text, Refusal)):
        return {"type": "text", "text": part.text}
    if isinstance(part, Data):
        return {"type": "text", "text": compact(part.value)}
    if isinstance(part, Thinking):
        if any(item.kind == "redacted_thinking" for item in part.opaque):
            return {"type": "redacted_thinking", "data": sign("redacted", part.text)}
        signature = sign("thinking", part.text)
        return {"type": "thinking", "thinking": part.text, "signature": signature}
    if isinstance(part, ToolCall):
        given = json_or_text(args_text(part)) if part.raw_args is not None else part.args or {}
        return {
            "type": "tool_use",
            "id": part.wire_id or sign("id", "toolu"),
            "name": part.name,
            "input": given if isinstance(given, dict) else part.raw_args,
        }
    if isinstance(part, Unknown) and isinstance(part.raw, dict):
        return part.raw
    raise unwritable(part, "Anthropic's")


def _usage(response: Response, call: FakeCall) -> dict[str, Any]:
    usage = counted(response, call.request)
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    found: dict[str, Any] = {
        "input_tokens": (usage.input_tokens or 0) - (cached or 0) - (written or 0),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    }
    if written is not None:
        found["cache_creation"] = {
            "ephemeral_5m_input_tokens": written,
            "ephemeral_1h_input_tokens": 0,
        }
    if usage.reasoning_tokens is not None:
        found["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    for raw in usage.raw:
        found.update(raw if isinstance(raw, dict) else {})
    return found


def events_of(message: dict[str, Any]) -> list[ServerEvent]:
    """The same message as the vendor streams it."""
    return [ServerEvent(data, data["type"]) for data in _events(message)]


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    begun = {name: count for name, count in usage.items() if name != "output_tokens_details"}
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    start["usage"] = {**begun, "output_tokens": 1}
    start.pop("stop_details", None)
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(message["content"]):
        begin, deltas = _deltas(block)
        yield {"type": "content_block_start", "index": index, "content_block": begin}
        if index == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {name: message[name] for name in ("stop_reason", "stop_sequence")}
    if "stop_details" in message:
        ended["stop_details"] = message["stop_details"]
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and the deltas that complete it."""
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        pieces = [{"type": "text_delta", "text": piece} for piece in cut(block["text"])]
        notes = [
            {"type": "citations_delta", "citation": note} for note in block.get("citations") or ()
        ]
        return {**block, "text": "", **({"citations": []} if notes else {})}, [*pieces, *notes]
    if kind == "thinking":
        thoughts = [
            {"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])
        ]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
    if "input" in block:
        given = block["input"]
        text = given if isinstance(given, str) else compact(given) if given else ""
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(text)]]
        return {**block, "input": {}}, pieces
    return block, []
