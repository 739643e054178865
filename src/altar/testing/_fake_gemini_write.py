"""How FakeGemini spells an answer of generateContent, whole and in chunks."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from altar.llm import BlobPart, Data, Refusal, Text, Thinking, ToolCall, Unknown
from altar.testing._fake_http import compact
from altar.testing._fake_neutral import args_text, counted, cut, json_or_text, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.llm import Part, Response
    from altar.testing._fake_server import FakeCall

__all__ = ["Pen", "chunks_of", "content_response", "usage_of"]

_FINISH = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "SAFETY",
    "blocked": "SAFETY",
    "malformed": "MALFORMED_FUNCTION_CALL",
    "paused": "CONTINUATION",
    "unknown": "OTHER",
}
_BLOCKS = frozenset(
    {
        *("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR"),
        *("JAILBREAK", "BLOCK_REASON_UNSPECIFIED"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """What a server adds to an answer: signatures, numbers, and ids of calls or none."""

    sign: Callable[[dict[str, Any]], str]
    number: Callable[[], int]
    ids: bool


def content_response(response: Response, call: FakeCall, pen: Pen) -> dict[str, Any]:
    """The GenerateContentResponse of a Response.

    ``finish="blocked"`` without parts is a blocked prompt, where
    ``raw_finish`` is a block reason or None; ``detail`` is the finishMessage.
    """
    message = response.message
    parts, broken = _parts(response, pen)
    body: dict[str, Any] = {}
    blocked = response.finish == "blocked" and not message.parts
    if blocked and (response.raw_finish or "SAFETY") in _BLOCKS:
        body["promptFeedback"] = {"blockReason": response.raw_finish or "SAFETY"}
        if response.detail is not None:
            body["promptFeedback"]["blockReasonMessage"] = response.detail
    else:
        reason = response.raw_finish or _FINISH[response.finish]
        detail = response.detail
        if broken is not None and response.finish == "stop":
            reason = "MALFORMED_FUNCTION_CALL"
            detail = detail or f"Malformed function call: {broken.name}({args_text(broken)})"
        candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
        if parts:
            candidate = {"content": {"role": "model", "parts": parts}, **candidate}
        if detail is not None:
            candidate["finishMessage"] = detail
        if reason == "CONTINUATION":
            candidate["continuationToken"] = pen.sign({})
        body["candidates"] = [candidate]
    body["usageMetadata"] = usage_of(response, call, blocked=blocked)
    body["modelVersion"] = call.model
    origin = message.origin
    body["responseId"] = (origin and origin.response_id) or f"rsp-{pen.number():08d}"
    return body


def _parts(response: Response, pen: Pen) -> tuple[list[dict[str, Any]], ToolCall | None]:
    """The parts with their signatures, and the call whose arguments nobody could read."""
    parts: list[dict[str, Any]] = []
    broken = None
    signed = False  # parallel calls: the first one alone carries the signature
    thought = any(isinstance(part, Thinking) for part in response.message.parts)
    for part in response.message.parts:
        if isinstance(part, ToolCall) and not isinstance(json_or_text(args_text(part)), dict):
            broken = part
            continue
        wire = _part(part, pen)
        asked = any(item.kind == "thought_signature" for item in part.opaque)
        if asked or ("functionCall" in wire and not signed):
            wire["thoughtSignature"] = pen.sign(wire)
        signed = signed or "functionCall" in wire
        parts.append(wire)
    last = parts[-1] if parts else {}
    if thought and not signed and "text" in last and not last.get("thought"):
        last.setdefault("thoughtSignature", pen.sign(last))
    return parts, broken


def _part(part: Part, pen: Pen) -> dict[str, Any]:
    if isinstance(part, (Text, Refusal)):
        return {"text": part.text}
    if isinstance(part, Data):
        return {"text": compact(part.value)}
    if isinstance(part, Thinking):
        return {"text": part.text, "thought": True}
    if isinstance(part, ToolCall):
        call: dict[str, Any] = {"name": part.name}
        if part.args is not None or part.raw_args is not None:  # without any, the field is missing
            call["args"] = json_or_text(args_text(part))
        if pen.ids or part.wire_id:
            call = {"id": part.wire_id or f"call-{pen.number():08d}", **call}
        return {"functionCall": call}
    if isinstance(part, BlobPart):
        if part.data is None:
            return {"fileData": {"mimeType": part.mime, "fileUri": part.uri}}
        text = base64.b64encode(part.data).decode()
        return {"inlineData": {"mimeType": part.mime, "data": text}}
    if isinstance(part, Unknown) and isinstance(part.raw, dict):
        return dict(part.raw)
    raise unwritable(part, "Gemini's")


def usage_of(response: Response, call: FakeCall, *, blocked: bool = False) -> dict[str, Any]:
    """usageMetadata: thoughts beside the candidates' tokens, cached ones inside the prompt's."""
    usage = counted(response, call.request)
    thoughts = usage.reasoning_tokens
    said = 0 if blocked else (usage.output_tokens or 0) - (thoughts or 0)
    found: dict[str, Any] = {"promptTokenCount": usage.input_tokens}
    if not blocked:
        found["candidatesTokenCount"] = said
    if thoughts is not None:
        found["thoughtsTokenCount"] = thoughts
    if usage.cached_tokens is not None:
        found["cachedContentTokenCount"] = usage.cached_tokens
    found["totalTokenCount"] = (usage.input_tokens or 0) + said + (thoughts or 0)
    found["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": usage.input_tokens}]
    for raw in usage.raw:
        found.update(raw if isinstance(raw, dict) else {})
    return found


def chunks_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The same answer as it is streamed: every chunk a response with some of the parts."""
    rest = {name: body[name] for name in ("modelVersion", "responseId")}
    if not body.get("candidates"):
        return [body]
    candidate = body["candidates"][0]
    parts = candidate.get("content", {}).get("parts", [])
    pieces = [piece for part in parts for piece in _pieces(part)]
    chunks: list[dict[str, Any]] = [
        {
            "candidates": [{"content": {"role": "model", "parts": [piece]}, "index": 0}],
            "usageMetadata": {"promptTokenCount": body["usageMetadata"]["promptTokenCount"]},
            **rest,
        }
        for piece in pieces
    ]
    if not chunks:
        return [body]
    end = {name: value for name, value in candidate.items() if name != "content"}
    chunks[-1]["candidates"][0] = {**chunks[-1]["candidates"][0], **end}
    chunks[-1]["usageMetadata"] = body["usageMetadata"]
    return chunks


def _pieces(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A text in pieces, its signature on the last one; anything else whole."""
    if set(part) - {"thoughtSignature", "thought"} != {"text"}:
        yield part
        return
    texts = cut(part["text"]) or [""]
    plain = {"thought": True} if part.get("thought") else {}
    for text in texts[:-1]:
        yield {"text": text, **plain}
    yield {**part, "text": texts[-1]}
