"""What altar asks a model, in the messages of pydantic-ai, and what that model answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import (
    BinaryContent,
    DocumentUrl,
    FilePart,
    ImageUrl,
    InstructionPart,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition

from altar.adm import ToolMode
from altar.llm import (
    BlobPart,
    Data,
    Message,
    Opaque,
    Origin,
    Refusal,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Travel,
    Unknown,
    Usage,
    own_settings,
)
from altar_extras._pydantic_ai_arguments import read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_ai.messages import ModelMessage, ModelResponsePart
    from pydantic_ai.settings import ModelSettings

    from altar.llm import Adaptation, Part, ReplyEnd, Request

__all__ = ["NAME", "from_parts", "to_request", "to_response"]

NAME = "pydantic-ai"
_MADE_UP = "pyd_ai_"  # the ids that the framework makes for calls that came without one
_OF_PART = ("id", "signature", "provider_name", "provider_details", "tool_kind")
_OF_RESPONSE = (
    "provider_name",
    "provider_url",
    "canonical_system",
    "provider_details",
    "provider_response_id",
    "model_name",
)
_FINISH: dict[str | None, ReplyEnd] = {
    "stop": "stop",
    "tool_call": "stop",
    "length": "length",
    "content_filter": "blocked",
    "error": "malformed",
    None: "stop",
}


def to_request(
    request: Request, api: str
) -> tuple[list[ModelMessage], ModelSettings, ModelRequestParameters, Travel]:
    """Messages, settings and parameters for ``Model.request``; the Travel notes what stayed."""
    travel = Travel(NAME, api, model=request.model)
    messages: list[ModelMessage] = []
    ids: dict[str, str] = {}  # of calls: altar's, and the model's own where it gave one
    for message in request.messages:
        if message.role == "assistant":
            messages.append(_response(message, travel, ids))
            continue
        made = [_asked(part, travel, ids) for part in message.parts]
        parts = [part for part in made if part is not None]
        last = messages[-1] if messages else None
        if isinstance(last, ModelRequest):
            last.parts = [*last.parts, *parts]
        else:
            messages.append(ModelRequest(parts=parts))
    last = messages[-1] if messages else None
    if isinstance(last, ModelRequest):
        last.instructions = request.instructions
    return messages, _settings(request), _parameters(request), travel


def _parameters(request: Request) -> ModelRequestParameters:
    output = request.output
    described = [one.to_dict("json-schema") for one in request.tools]
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(
                name=one["name"],
                description=one["description"],
                parameters_json_schema=one["parameters"],
            )
            for one in described
        ],
        output_mode="text" if output is None else "native",
        output_object=None
        if output is None
        else OutputObjectDefinition(json_schema=dict(output.schema), name=output.name),
        instruction_parts=[InstructionPart(request.instructions)] if request.instructions else [],
    )


def _settings(request: Request) -> ModelSettings:
    sampling, choice = request.sampling, request.tool_choice
    found: Any = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "stop_sequences": list(sampling.stop) or None,
        "thinking": False if sampling.reasoning == "none" else sampling.reasoning,
    }
    if choice is not None and choice.mode != ToolMode.AUTO:
        names = list(choice.allowed_function_names)
        found["tool_choice"] = "none" if choice.mode == ToolMode.NONE else names or "required"
    kept: Any = {name: value for name, value in found.items() if value is not None}
    kept.update(own_settings(request, NAME))
    return kept  # type: ignore[no-any-return]


def _asked(part: Part, travel: Travel, ids: dict[str, str]) -> Any:
    """A part of a user's or a tool's message."""
    if isinstance(part, Text):
        return UserPromptPart(part.text)
    if isinstance(part, Data):
        return UserPromptPart(json.dumps(part.value, ensure_ascii=False))
    if isinstance(part, BlobPart):
        file = _file(part)
        if file is not None:
            return UserPromptPart([file])
    if isinstance(part, ToolResultPart):
        return _result(part, ids.get(part.call_id, part.call_id))
    travel.drop(type(part).__name__, "pydantic-ai has no such part in a request")
    return None


def _result(part: ToolResultPart, call_id: str) -> ToolReturnPart:
    content: Any = part.value
    if part.is_error and isinstance(content, dict) and list(content) == ["error"]:
        content = content["error"]  # the framework says itself that it is one
    files = [file for blob in part.blobs if (file := _file(blob)) is not None]
    return ToolReturnPart(
        tool_name=part.name,
        content=[content, *files] if files else content,
        tool_call_id=call_id,
        outcome="failed" if part.is_error else "success",
    )


def _file(part: BlobPart) -> Any:
    if part.data is not None:
        return BinaryContent(data=part.data, media_type=part.mime)
    if part.uri is None:
        return None
    kind = ImageUrl if part.mime.startswith("image/") else DocumentUrl
    return kind(url=part.uri, media_type=part.mime)


def _response(message: Message, travel: Travel, ids: dict[str, str]) -> ModelResponse:
    home = travel.is_home(message)
    parts: list[ModelResponsePart] = []
    for part in message.parts:
        kept = travel.own(part.opaque, "part", home=home) or {}
        if isinstance(part, ToolCall):
            ids[part.id] = (part.wire_id if home else None) or part.id or part.wire_id or ""
            kept = {**kept, "tool_call_id": ids[part.id]}
        made = _said(part, kept)
        if made is None:
            travel.drop(type(part).__name__, "pydantic-ai has no such part in a response")
        else:
            parts.append(made)
    made_of: dict[str, Any] = travel.own(message.opaque, "response", home=home) or {}
    return ModelResponse(parts=parts, **made_of)


def _said(part: Part, kept: dict[str, Any]) -> ModelResponsePart | None:
    if isinstance(part, (Text, Refusal)):
        return TextPart(part.text, **kept)
    if isinstance(part, Thinking):
        return ThinkingPart(part.text, **kept)
    if isinstance(part, ToolCall):
        args = part.raw_args if part.args is None else part.args
        return ToolCallPart(part.name, args, **kept)
    if isinstance(part, BlobPart) and part.data is not None:
        return FilePart(BinaryContent(data=part.data, media_type=part.mime), **kept)
    if isinstance(part, Unknown) and part.opaque:
        (response,) = ModelMessagesTypeAdapter.validate_python([part.raw])
        return response.parts[0] if isinstance(response, ModelResponse) else None
    return None


# -- answers -----------------------------------------------------------------------------


def to_response(
    answer: ModelResponse, api: str, adaptations: tuple[Adaptation, ...] = ()
) -> Response:
    """What the model answered; signatures and details are kept as opaque data."""
    details = answer.provider_details or {}
    raw = details.get("finish_reason")
    raw = raw if isinstance(raw, str) else answer.finish_reason
    finish = "paused" if answer.state == "suspended" else _FINISH.get(answer.finish_reason)
    detail = _detail(details, raw) if finish not in ("stop", "paused") else None
    kept = {name: value for name in _OF_RESPONSE if (value := getattr(answer, name)) is not None}
    message = Message(
        "assistant",
        tuple(from_parts(answer.parts, api)),
        origin=Origin(
            provider=NAME,
            api=api,
            model=answer.model_name or "",
            response_id=answer.provider_response_id,
        ),
        opaque=(_opaque(api, "response", kept),),
    )
    return Response(
        message=message,
        finish=finish or "unknown",
        usage=_usage(answer),
        raw_finish=raw,
        detail=detail,
        adaptations=adaptations,
    )


def _detail(details: dict[str, Any], raw: str | None) -> str | None:
    inner = details.get("altar")
    said = inner.get("detail") if isinstance(inner, dict) else None
    return said if isinstance(said, str) else raw


def from_parts(parts: Sequence[ModelResponsePart], api: str) -> list[Part]:
    """The parts of a response, each with what is kept of it."""
    return [_part(part, api) for part in parts]


def _part(part: ModelResponsePart, api: str) -> Part:
    kept = {name: value for name in _OF_PART if (value := getattr(part, name, None)) is not None}
    opaque = (_opaque(api, "part", kept),) if kept else ()
    if type(part) is TextPart:
        return Text(part.content, opaque=opaque)
    if type(part) is ThinkingPart:
        return Thinking(part.content, opaque=opaque)
    if isinstance(part, ToolCallPart):
        args, text = read_object(part.args)
        return ToolCall(
            part.tool_name,
            args,
            raw_args=text,
            wire_id=_wire_id(part),
            opaque=opaque,
        )
    if isinstance(part, FilePart):
        return BlobPart(part.content.media_type, part.content.data, opaque=opaque)
    # of a vendor's own tools, or newer than this: whole, and back as it is
    (raw,) = ModelMessagesTypeAdapter.dump_python([ModelResponse(parts=[part])], mode="json")
    del raw["timestamp"]
    return Unknown(raw, opaque=(_opaque(api, "part", {"kind": part.part_kind}),))


def _wire_id(part: ToolCallPart) -> str | None:
    """The id that the model's vendor gave; AltarModel keeps it beside a call that was streamed."""
    kept = (part.provider_details or {}).get("altar")
    said = kept.get("wire_id") if isinstance(kept, dict) else None
    found = said if isinstance(said, str) else part.tool_call_id
    return None if found.startswith(_MADE_UP) else found


def _opaque(api: str, kind: str, data: Any) -> Opaque:
    return Opaque(provider=NAME, api=api, kind=kind, data=data)


def _usage(answer: ModelResponse) -> Usage:
    used = answer.usage
    if not used.has_values() or used.unmeasured_requests:
        return Usage()
    return Usage(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cache_read_tokens or None,
        cache_write_tokens=used.cache_write_tokens or None,
        reasoning_tokens=used.output_reasoning_tokens or None,
        raw=(dict(used.details),) if used.details else (),
    )
