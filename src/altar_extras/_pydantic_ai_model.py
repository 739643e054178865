"""AltarModel: any provider of altar's as the model of an agent of pydantic-ai."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic_ai.models import Model, StreamedResponse, check_allow_model_requests
from pydantic_ai.profiles import ModelProfile, merge_profile

from altar.errors import ConfigurationError, ProviderError, TransportError
from altar.llm import (
    Attempt,
    Delta,
    Fold,
    PartEnd,
    PartStart,
    Provider,
    Text,
    Thinking,
    ToolCall,
    fitted,
)
from altar.plugins import load_provider
from altar.runtime import Cancellation
from altar_extras._pydantic_ai_answers import (
    SYSTEM,
    details,
    ending,
    from_response,
    to_part,
    usage_of,
)
from altar_extras._pydantic_ai_asked import Asked
from altar_extras._pydantic_ai_faults import to_model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import RunContext

    from altar.llm import StreamEvent

__all__ = ["AltarModel"]

_MADE_UP = frozenset({"scripted", "function", "offline"})  # they call nobody


class AltarModel(Model):
    """``Agent(AltarModel("gemini:gemini-3.8-flash"))``: a model of altar's for an agent.

    ``model`` is a name with its prefix, or a Provider, which stays its owner's
    to close. ``own`` goes into requests as ``Options(settings=...)`` does:
    settings by provider prefix. Each request is one attempt, without retries.
    Signatures and whatever else a provider wants back travel in
    ``provider_details`` and go back as they came.

    Raises ConfigurationError for a name that cannot be looked up.
    """

    def __init__(
        self,
        model: str | Provider,
        *,
        own: Mapping[str, Any] | None = None,
        settings: ModelSettings | None = None,
        profile: ModelProfile | None = None,
    ) -> None:
        provider: Any = load_provider(model) if isinstance(model, str) else model
        if not isinstance(provider, Provider):
            raise ConfigurationError(
                f"AltarModel({model!r:.60}): give a model's name with its prefix, or a Provider"
            )
        self.altar_provider: Provider = provider
        self._own = dict(own or {})
        can = provider.capabilities
        known = ModelProfile(
            supports_tools=can.tools,
            supports_json_schema_output=can.native_output,
            supports_thinking=can.thinking,
            default_structured_output_mode="tool" if can.tools else "prompted",
        )
        super().__init__(settings=settings, profile=merge_profile(known, profile))

    @property
    def model_name(self) -> str:
        """The model's name without altar's prefix."""
        return self.altar_provider.model

    @property
    def system(self) -> str:
        """``altar``."""
        return SYSTEM

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One attempt; raises ModelAPIError, or one of its kinds, for what failed."""
        settings, parameters = self._ready(model_settings, model_request_parameters)
        try:
            asked = self._asked(messages, settings, parameters)
            response = await self.altar_provider.acomplete(asked.request, _attempt(settings))
        except ProviderError as error:
            raise to_model(error, self.model_name) from error
        return from_response(response, self.model_name, asked.foreign)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """One attempt, as it comes."""
        settings, parameters = self._ready(model_settings, model_request_parameters)
        try:
            asked = self._asked(messages, settings, parameters)
        except ProviderError as error:
            raise to_model(error, self.model_name) from error
        events = self.altar_provider.astream(asked.request, _attempt(settings))
        try:
            yield _Streamed(
                model_request_parameters=parameters,
                _name=self.model_name,
                _events=events,
                _foreign=asked.foreign,
            )
        finally:
            await events.aclose()

    def _ready(
        self, settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> tuple[ModelSettings | None, ModelRequestParameters]:
        if self.altar_provider.name not in _MADE_UP:
            check_allow_model_requests()
        return self.prepare_request(settings, parameters)

    def _asked(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> Asked:
        asked = Asked(self.model_name, messages, settings, parameters, self._own)
        asked.request, _ = fitted(asked.request, self.altar_provider)
        return asked


def _attempt(settings: ModelSettings | None) -> Attempt:
    seconds = (settings or {}).get("timeout")
    deadline = monotonic() + seconds if isinstance(seconds, (int, float)) else None
    return Attempt(number=1, deadline=deadline, cancelled=Cancellation())


@dataclass
class _Streamed(StreamedResponse):
    """A stream of altar's, told in events of pydantic-ai's."""

    _name: str
    _events: AsyncGenerator[StreamEvent, None]
    _foreign: Mapping[str, str]
    _begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def model_name(self) -> str:
        return self._name

    @property
    def provider_name(self) -> str:
        return SYSTEM

    @property
    def provider_url(self) -> None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self._begun

    async def close_stream(self) -> None:
        """Let go of the connection."""
        try:
            await self._events.aclose()
        except RuntimeError:  # it is being read: it is closed when that read returns
            return

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        folding = Fold()
        spelt: set[int] = set()
        names: dict[int, str] = {}
        try:
            async for event in self._events:
                folding.feed(event)
                if isinstance(event, PartStart):
                    names[event.index] = self._foreign.get(event.name, event.name)
                for told in self._told(event, names, spelt):
                    yield told
            response = folding.response()
        except ProviderError as error:
            if isinstance(error, TransportError) and self._parts_manager.get_parts():
                error.in_stream = True
            raise to_model(error, self._name) from error
        self._usage = usage_of(response.usage)
        for name, value in ending(response).items():
            setattr(self, name, value)

    def _told(self, event: StreamEvent, names: dict[int, str], spelt: set[int]) -> Any:
        if isinstance(event, Delta):
            return self._delta(event, names, spelt)
        return self._end(event, spelt) if isinstance(event, PartEnd) else ()

    def _delta(self, event: Delta, names: dict[int, str], spelt: set[int]) -> Any:
        """The events of one piece."""
        manager, index = self._parts_manager, event.index
        if event.kind == "text":
            spelt.add(index)
            return manager.handle_text_delta(vendor_part_id=index, content=event.text)
        if event.kind == "thinking":
            spelt.add(index)
            return manager.handle_thinking_delta(vendor_part_id=index, content=event.text)
        name = names.get(index)
        if not name:
            return ()  # nobody knows yet whose arguments these are: the whole call comes at its end
        named = None if index in spelt else name
        spelt.add(index)
        return manager.handle_tool_call_delta_events(
            vendor_part_id=index, tool_name=named, args=event.text
        )

    def _end(self, event: PartEnd, spelt: set[int]) -> Any:
        """What the end of a part adds to its pieces; all of it where there were none."""
        manager, index, part = self._parts_manager, event.index, event.part
        beside = details(part)
        if index not in spelt:
            return (manager.handle_part(vendor_part_id=index, part=to_part(part, self._foreign)),)
        if not beside:
            return ()
        if isinstance(part, Text):
            return manager.handle_text_delta(vendor_part_id=index, content="", **beside)
        if isinstance(part, Thinking):
            return manager.handle_thinking_delta(vendor_part_id=index, content="", **beside)
        if isinstance(part, ToolCall):
            # its id stays the one that was shown from the first piece on; the wire's is beside
            return manager.handle_tool_call_delta_events(vendor_part_id=index, **beside)
        return ()
