"""ModelProvider: any model of pydantic-ai as a provider of altar's."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.fallback import FallbackModel

from altar.errors import ConfigurationError, ProviderError
from altar.llm import Capabilities, Delta, End, LoopedProvider, PartEnd, PartStart, Start
from altar_extras._pydantic_ai_faults import from_model
from altar_extras._pydantic_ai_history import NAME, to_request, to_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from altar.llm import Attempt, Request, Response, StreamEvent

__all__ = ["ModelProvider", "model_provider"]


def model_provider(
    model: Model | str, *, capabilities: Capabilities | None = None
) -> ModelProvider:
    """A model of pydantic-ai for ``altar.generate(..., model=...)`` and agents of altar's.

    ``model`` is a Model, or a name that pydantic-ai knows ("anthropic:..." in
    its own spelling). ``capabilities`` replaces what its profile says. Each
    request is one attempt; loop, retries and limits are altar's. Signatures
    and details of parts are kept as opaque data, and go back to that model as
    they came.

    Raises ConfigurationError for what is no model.
    """
    if not isinstance(model, (Model, str)):
        raise ConfigurationError(
            f"model_provider({model!r:.60}): give a pydantic_ai Model, or a name it knows"
        )
    try:
        found = infer_model(model)
    except (UserError, ValueError, ImportError) as error:
        raise ConfigurationError(f"model_provider({model!r:.60}): {error}") from error
    return ModelProvider(found, capabilities=capabilities)


class ModelProvider(LoopedProvider):
    """What :func:`model_provider` makes; ``foreign`` is the model it asks."""

    name = NAME

    def __init__(self, foreign: Model, *, capabilities: Capabilities | None = None) -> None:
        super().__init__()
        self.foreign = foreign
        self.model = foreign.model_name
        self._api = foreign.system
        self.capabilities = _can(foreign) if capabilities is None else capabilities

    def connect(self) -> Any:
        """Nothing: connections are the model's."""
        return self.foreign

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        messages, settings, parameters, travel = to_request(request, self._api)
        try:
            answer = await model_request(
                self.client(),
                messages,
                model_settings=settings,
                model_request_parameters=parameters,
            )
        except Exception as error:
            raise self._failed(error) from error
        return to_response(answer, self._api, travel.adaptations)

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes; a part ends when all of them have."""
        messages, settings, parameters, travel = to_request(request, self._api)
        begun = False
        try:
            async with model_request_stream(
                self.client(),
                messages,
                model_settings=settings,
                model_request_parameters=parameters,
            ) as answer:
                async with aclosing(_told(aiter(answer))) as events:
                    async for event in events:
                        begun = True
                        yield event
                whole = answer.get()
        except Exception as error:
            failed = self._failed(error)
            if begun:
                failed = _broken(failed)
            raise failed from error
        response = to_response(whole, self._api, travel.adaptations)
        for index, part in enumerate(response.message.parts):
            yield PartEnd(index, part)
        yield End(
            finish=response.finish,
            usage=response.usage,
            raw_finish=response.raw_finish,
            detail=response.detail,
            origin=response.message.origin,
            opaque=response.message.opaque,
            adaptations=response.adaptations,
        )

    def _failed(self, error: Exception) -> Exception:
        """Altar's error; what is no failure of a model's stays what it is."""
        return from_model(error, NAME) or error


def _broken(error: Exception) -> Exception:
    """The same failure, of an answer that had begun."""
    if isinstance(error, ProviderError):
        error.in_stream = True
    return error


async def _told(events: Any) -> AsyncGenerator[StreamEvent, None]:
    """Beginnings and pieces of parts, as they come."""
    yield Start()
    async for event in events:
        if isinstance(event, PartStartEvent):
            for told in _begun(event.index, event.part):
                yield told
        elif isinstance(event, PartDeltaEvent):
            piece = _piece(event.index, event.delta)
            if piece is not None:
                yield piece


def _begun(index: int, part: Any) -> list[StreamEvent]:
    """The beginning of a part, and its first words."""
    if type(part) is TextPart:
        told: list[StreamEvent] = [PartStart(index, "text")]
        return [*told, Delta(index, part.content)] if part.content else told
    if type(part) is ThinkingPart:
        told = [PartStart(index, "thinking")]
        return [*told, Delta(index, part.content, kind="thinking")] if part.content else told
    if isinstance(part, ToolCallPart):
        told = [PartStart(index, "tool_call", name=part.tool_name)]
        is_text = isinstance(part.args, str) and part.args
        return [*told, Delta(index, str(part.args), kind="args")] if is_text else told
    return [PartStart(index, "other")]


def _piece(index: int, delta: Any) -> Delta | None:
    if isinstance(delta, TextPartDelta) and delta.content_delta:
        return Delta(index, delta.content_delta)
    if isinstance(delta, ThinkingPartDelta) and delta.content_delta:
        return Delta(index, delta.content_delta, kind="thinking")
    if isinstance(delta, ToolCallPartDelta) and isinstance(delta.args_delta, str):
        return Delta(index, delta.args_delta, kind="args")
    return None


def _can(model: Model) -> Capabilities:
    """What the model's profile says it can do; of several models, what all of them can."""
    if isinstance(model, FallbackModel):
        each = [_can(one) for one in model.models]
        return Capabilities(
            tools=all(one.tools for one in each),
            native_output=all(one.native_output for one in each),
            thinking=all(one.thinking for one in each),
            blobs=tuple([mime for mime in each[0].blobs if all(mime in one.blobs for one in each)]),
        )
    profile = model.profile
    blobs = [
        mimes
        for key, mimes in (
            ("supports_image_input", ("image/*",)),
            ("supports_audio_file_input", ("audio/*",)),
            ("supports_video_input", ("video/*",)),
            ("supports_document_input", ("application/*", "text/*")),
        )
        if profile.get(key, True)
    ]
    return Capabilities(
        tools=bool(profile.get("supports_tools", True)),
        native_output=bool(profile.get("supports_json_schema_output", False)),
        thinking=bool(profile.get("supports_thinking", False)),
        blobs=tuple([mime for mimes in blobs for mime in mimes]),
    )
