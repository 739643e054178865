"""OpenAI's Responses API: requests and answers, pure; streams; and the ``openai:`` provider.

Needs the library openai, 2.54 or newer. Nothing is stored at the vendor: each
request carries its whole history, reasoning encrypted and as it came. A
setting under ``{"openai": {...}}`` goes into the body as it is, but for these:

- ``headers``: sent beside the client's own.
- ``strict``: False declares no tool as strict. By default each one is whose
  schema allows it.
- ``tools`` and ``include``: added to altar's own, as the vendor's own tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import StreamBrokenError
from altar.llm import own_settings
from altar_extras._openai_models import can
from altar_extras._openai_request import to_request
from altar_extras._openai_response import ResponsesReader, from_response
from altar_extras._openai_wire import OpenAIClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from openai import AsyncOpenAI

    from altar.llm import Attempt, Request, Response, StreamEvent

__all__ = ["OpenAIProvider", "ResponsesReader", "from_response", "to_request"]

_PATH = "/responses"


class OpenAIProvider(OpenAIClient):
    """``openai:``, the Responses API by the vendor's own client.

    ``key``, ``url`` and ``client`` are those of
    :class:`altar_extras._openai_wire.OpenAIClient`: without them the key is
    that of ``OPENAI_API_KEY`` and the address that of ``OPENAI_BASE_URL``.
    ``reasoning`` says whether the model reasons, for a deployment whose name
    does not tell: others take a temperature, and reasoning ones do not.
    """

    name = "openai"

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
        self.capabilities = can(model, chat=False, reasoning=reasoning)
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
        reader = ResponsesReader(request, adaptations)
        events = self.events(_PATH, body, attempt, _headers(request))
        try:
            async for event in events:
                for said in reader.feed(event):
                    yield said
        except StreamBrokenError:
            if not reader.finished:
                raise
        finally:
            await events.aclose()
        for said in reader.end():
            yield said


def _headers(request: Request) -> dict[str, str]:
    return dict(own_settings(request, "openai").get("headers") or {})
