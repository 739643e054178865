"""Answers of altar's providers as responses of pydantic-ai, and back as they were.

What a provider wants back verbatim travels in ``provider_details["altar"]`` of
the part or the response it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import (
    BinaryContent,
    FilePart,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)
from pydantic_ai.usage import RequestUsage

from altar.llm import (
    BlobPart,
    Message,
    Opaque,
    Origin,
    Response,
    Text,
    Thinking,
    ToolCall,
    dump_messages,
    load_messages,
)
from altar_extras._pydantic_ai_arguments import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_ai.messages import FinishReason, ModelResponsePart

    from altar.llm import Part, Usage

__all__ = ["SYSTEM", "details", "ending", "from_response", "to_message", "to_part", "usage_of"]

SYSTEM = "altar"
_KEY = "altar"
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "refusal": "content_filter",
    "blocked": "content_filter",
    "malformed": "error",
}


def from_response(response: Response, model: str, foreign: Mapping[str, str]) -> ModelResponse:
    """The response of pydantic-ai; ``foreign`` has the names of tools as the agent knows them."""
    message = response.message
    made = ModelResponse(
        parts=[to_part(part, foreign) for part in message.parts],
        usage=usage_of(response.usage),
        model_name=model,
        provider_name=SYSTEM,
    )
    for field, value in ending(response).items():
        setattr(made, field, value)
    return made


def ending(response: Response) -> dict[str, Any]:
    """What a response says beside its parts, by the names of pydantic-ai."""
    origin = response.message.origin
    kept: dict[str, Any] = {"finish": response.finish}
    if response.detail:
        kept["detail"] = response.detail
    if origin is not None:
        kept["origin"] = {
            "provider": origin.provider,
            "api": origin.api,
            "model": origin.model,
            "response_id": origin.response_id,
        }
    if response.message.opaque:
        kept["opaque"] = _dumped(response.message.opaque)
    if response.adaptations:
        kept["adaptations"] = [f"{item.what}: {item.why}" for item in response.adaptations]
    finish = _FINISH.get(response.finish)
    return {
        "finish_reason": "tool_call" if finish == "stop" and response.message.calls else finish,
        "provider_response_id": None if origin is None else origin.response_id,
        "provider_details": {"finish_reason": response.raw_finish, _KEY: kept},
        "state": "suspended" if response.finish == "paused" else "complete",
    }


def details(part: Part) -> dict[str, Any]:
    """What is kept of a part beside its words: ``provider_details`` and whose they are."""
    kept: dict[str, Any] = {}
    if isinstance(part, ToolCall) and part.wire_id is not None:
        kept["wire_id"] = part.wire_id
    if not isinstance(part, (Text, Thinking, ToolCall)):
        kept["part"] = dump_messages([Message("assistant", (part,))])
    elif part.opaque:
        kept["opaque"] = _dumped(part.opaque)
    return {"provider_name": SYSTEM, "provider_details": {_KEY: kept}} if kept else {}


def to_part(part: Part, foreign: Mapping[str, str]) -> ModelResponsePart:
    """One part; what pydantic-ai has no kind for stands behind a text."""
    beside = details(part)
    if isinstance(part, Text):
        return TextPart(part.text, **beside)
    if isinstance(part, Thinking):
        return ThinkingPart(part.text, **beside)
    if isinstance(part, ToolCall):
        name = foreign.get(part.name, part.name)
        call = ToolCallPart(name, part.raw_args if part.args is None else part.args, **beside)
        if part.wire_id:
            call.tool_call_id = part.wire_id
        return call
    if isinstance(part, BlobPart) and part.data is not None:
        return FilePart(BinaryContent(data=part.data, media_type=part.mime), **beside)
    text = getattr(part, "text", "")
    return TextPart(text if isinstance(text, str) else "", **beside)


def usage_of(usage: Usage) -> RequestUsage:
    """The counters; a request that nothing was reported of is an unmeasured one."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return RequestUsage(unmeasured_requests=1)
    return RequestUsage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cached_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
        output_reasoning_tokens=usage.reasoning_tokens or 0,
    )


def to_message(response: ModelResponse, legal: Callable[[str], str]) -> Message:
    """The message that a response of a history is: altar's own as it was, others by their words."""
    kept = (response.provider_details or {}).get(_KEY)
    if response.provider_name != SYSTEM or not isinstance(kept, dict):
        kept = {}
        name = response.provider_name or "pydantic-ai"
        origin: Origin | None = Origin(provider=name, model=response.model_name or "")
    else:
        said = kept.get("origin")
        origin = Origin(**said) if said else None
    parts = [found for part in response.parts if (found := _from_part(part, legal)) is not None]
    return Message("assistant", tuple(parts), origin=origin, opaque=_loaded(kept))


def _from_part(part: ModelResponsePart, legal: Callable[[str], str]) -> Part | None:
    kept: dict[str, Any] = {}
    if getattr(part, "provider_name", None) == SYSTEM:
        kept = (getattr(part, "provider_details", None) or {}).get(_KEY) or {}
    if "part" in kept:
        (message,) = load_messages(kept["part"])
        return message.parts[0]
    opaque = _loaded(kept)
    if isinstance(part, TextPart):
        return Text(part.content, opaque=opaque)
    if isinstance(part, ThinkingPart):
        return Thinking(part.content, opaque=opaque)
    if isinstance(part, ToolCallPart):
        read, text = read_object(part.args)
        return ToolCall(
            legal(part.tool_name),
            read,
            id=part.tool_call_id,
            raw_args=text,
            wire_id=kept.get("wire_id"),
            opaque=opaque,
        )
    if isinstance(part, FilePart):
        return BlobPart(part.content.media_type, part.content.data, opaque=opaque)
    return None  # what a vendor's own tools did is that vendor's to know


def _dumped(opaque: tuple[Opaque, ...]) -> list[dict[str, Any]]:
    return [
        {"provider": item.provider, "api": item.api, "kind": item.kind, "data": item.data}
        for item in opaque
    ]


def _loaded(kept: dict[str, Any]) -> tuple[Opaque, ...]:
    return tuple([Opaque(**item) for item in kept.get("opaque") or ()])
