"""OpenAI's Chat Completions: the ``openai-chat:`` provider, for models and gateways that need it.

Needs the library openai, 2.54 or newer. This wire keeps no reasoning: prefer
``openai:`` for models that reason between calls. A setting under
``{"openai-chat": {...}}`` goes into the body as it is, but for "headers", sent
beside the client's own, "strict", of which False declares no tool as strict,
and "tools", which are added to the application's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from altar.errors import StreamBrokenError
from altar.llm import Delta, PartEnd, Text, Travel, own_settings
from altar.llm.openai_compatible import (
    ChatDialect,
    ChatReader,
    chat_request,
    chat_response,
    merged,
)
from altar_extras._openai_forms import (
    call_name,
    declared,
    output_form,
    output_name,
    read_args,
)
from altar_extras._openai_items import item_text
from altar_extras._openai_models import can, efforts, is_reasoning
from altar_extras._openai_wire import OpenAIClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping

    from openai import AsyncOpenAI

    from altar.llm import (
        Adaptation,
        Attempt,
        OutputSpec,
        Request,
        Response,
        StreamEvent,
    )

__all__ = ["ChatStreamReader", "OpenAIChatProvider", "from_response", "to_request"]

_PATH = "/chat/completions"
_NAME = "openai-chat"


def to_request(
    request: Request, *, stream: bool = False, reasoning: bool | None = None
) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    """The body that asks ``request``, and what of it was left out or rewritten.

    Tools and a typed answer are strict where their schemas allow it; see
    :func:`altar_extras._openai_forms.output_form` for how answers are read.
    ``reasoning`` says whether the model reasons where its name does not.
    """
    travel = Travel("openai", "chat", model=request.model)
    body = chat_request(
        request,
        travel,
        dialect=_dialect(request, reasoning),
        can=can(request.model, chat=True, reasoning=reasoning),
        stream=stream,
    )
    settings = own_settings(request, _NAME)
    for name in ("headers", "strict"):
        settings.pop(name, None)
    if "tools" in settings:
        settings["tools"] = [*body.get("tools", ()), *settings["tools"]]
    return merged(body, settings), travel.adaptations


def _dialect(request: Request, reasoning: bool | None = None) -> ChatDialect:
    return ChatDialect(
        provider="openai",
        prefix=_NAME,
        call_name=call_name,
        system_role="developer" if is_reasoning(request.model, reasoning) else "system",
        max_tokens="max_completion_tokens",
        declare=partial(declared, loose=own_settings(request, _NAME).get("strict") is False),
        output=_output,
        read_args=partial(read_args, request.tools),
        broken_args=True,
        reasoning=False,
        echo=(),
        allowed_tools=True,
        efforts=efforts(request.model),
    )


def _output(spec: OutputSpec) -> dict[str, Any]:
    form = output_form(spec)
    return {"name": output_name(spec), "schema": form.schema, "strict": form.strict}


def from_response(
    body: Mapping[str, Any], request: Request, adaptations: tuple[Adaptation, ...] = ()
) -> Response:
    """The answer in the body of a whole reply; raises as ``chat_response`` does."""
    response = chat_response(body, request, dialect=_dialect(request), adaptations=adaptations)
    message = response.message
    parts = tuple(
        [
            replace(part, text=item_text(part.text, request)) if isinstance(part, Text) else part
            for part in message.parts
        ]
    )
    return replace(response, message=replace(message, parts=parts))


class ChatStreamReader:
    """Reads the chunks of one stream: ``feed`` each, then ``end``; gives stream events."""

    def __init__(self, request: Request, adaptations: tuple[Adaptation, ...] = ()) -> None:
        self._inner = ChatReader(request, dialect=_dialect(request), adaptations=adaptations)
        output = request.output
        self._rewriter = None if output is None else output_form(output).rewriter()
        self._shown: list[str] = []

    @property
    def finished(self) -> bool:
        """Whether the server has said how the answer ended."""
        return self._inner.finished

    def feed(self, chunk: Mapping[str, Any]) -> list[StreamEvent]:
        """The events of one chunk; raises the ProviderError of an error object."""
        return list(self._read(self._inner.feed(chunk)))

    def end(self) -> list[StreamEvent]:
        """The finished parts and the End; raises StreamBrokenError for a stream cut off."""
        if not self.finished:
            raise StreamBrokenError(
                f"{_NAME}: the stream stopped before the answer was complete",
                provider=_NAME,
                in_stream=True,
            )
        return list(self._read(self._inner.end()))

    def _read(self, events: Iterable[StreamEvent]) -> Iterator[StreamEvent]:
        rewriter = self._rewriter
        if rewriter is None:
            yield from events
            return
        for event in events:
            if isinstance(event, Delta) and event.kind == "text":
                yield from self._show(event.index, rewriter.feed(event.text))
            elif isinstance(event, PartEnd) and isinstance(event.part, Text):
                yield from self._show(event.index, rewriter.end())
                yield PartEnd(event.index, replace(event.part, text="".join(self._shown)))
            else:
                yield event

    def _show(self, index: int, text: str) -> Iterator[StreamEvent]:
        if text:
            self._shown.append(text)
            yield Delta(index, text)


class OpenAIChatProvider(OpenAIClient):
    """``openai-chat:``, Chat Completions by the vendor's own client.

    ``key``, ``url`` and ``client`` are those of
    :class:`altar_extras._openai_wire.OpenAIClient`: without them the key is
    that of ``OPENAI_API_KEY`` and the address that of ``OPENAI_BASE_URL``.
    ``reasoning`` says whether the model reasons, for a deployment whose name
    does not tell: others take a temperature, and reasoning ones do not.
    """

    name = _NAME

    def __init__(
        self,
        model: str,
        *,
        key: str | None = None,
        url: str | None = None,
        client: AsyncOpenAI | None = None,
        reasoning: bool | None = None,
    ) -> None:
        super().__init__(model, key=key, url=url, client=client)
        self.capabilities = can(model, chat=True, reasoning=reasoning)
        self._reasoning = reasoning

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        body, adaptations = to_request(request, reasoning=self._reasoning)
        answer = await self.post(_PATH, body, attempt, _headers(request))
        return from_response(answer, request, adaptations)

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes."""
        body, adaptations = to_request(request, stream=True, reasoning=self._reasoning)
        reader = ChatStreamReader(request, adaptations)
        events = self.events(_PATH, body, attempt, _headers(request))
        try:
            async for chunk in events:
                for said in reader.feed(chunk):
                    yield said
        except StreamBrokenError:
            if not reader.finished:
                raise
        finally:
            await events.aclose()
        for said in reader.end():
            yield said


def _headers(request: Request) -> dict[str, str]:
    return dict(own_settings(request, _NAME).get("headers") or {})
