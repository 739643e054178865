"""gemini-interactions: - Google's Interactions API, by google-genai 2.30 or newer.

Stateless: the server stores nothing (``store`` is false), and every request
carries all steps of the history, thoughts with their signatures among them.
Requests and answers take the SDK's public raw road, ``with_streaming_response``
and ``extra_body``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import ProviderError, TransportError
from altar.llm import own_settings
from altar_extras._gemini_client import Connection
from altar_extras._gemini_faults import redirected
from altar_extras._gemini_io import events_of, json_object, seconds_left
from altar_extras._gemini_models import interactions_capabilities
from altar_extras._interactions_request import SETTINGS, to_request
from altar_extras._interactions_response import StreamReader, from_response
from altar_extras.gemini import GeminiProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from altar.llm import Attempt, Request, Response, StreamEvent

__all__ = ["InteractionsProvider", "StreamReader", "from_response", "to_request"]


class InteractionsProvider(GeminiProvider):
    """A Gemini model, by the Interactions API.

    Keys, ``url`` and ``client`` are those of :class:`GeminiProvider`; settings
    are those under "gemini-interactions", merged into the body (``headers`` go
    into the HTTP request). This part of the SDK retries by itself unless its
    client was made without: make your own ``client`` with
    ``HttpOptions(retry_options=HttpRetryOptions(attempts=1))``.
    """

    name = SETTINGS

    def __init__(
        self, model: str, *, key: str | None = None, url: str | None = None, client: Any = None
    ) -> None:
        super().__init__(model, key=key, url=url, client=client)
        self.capabilities = interactions_capabilities(model)

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        connection = self._client()
        home = self._home(connection)
        body, notes = to_request(request, provider=home)
        try:
            async with _asked(connection, body, request, attempt) as answer:
                self._check(answer)
                found = json_object(await answer.text())
        except Exception as error:  # noqa: BLE001 - told as what it is
            told = self._told(error, connection, in_stream=False)
            raise told from connection.cause(error)
        return from_response(found, request, provider=home, name=self.name, adaptations=notes)

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes."""
        connection = self._client()
        home = self._home(connection)
        body, notes = to_request(request, provider=home)
        reader = StreamReader(request, provider=home, name=self.name, adaptations=notes)
        taken = False
        try:
            async with _asked(connection, {**body, "stream": True}, request, attempt) as answer:
                self._check(answer)
                taken = True
                async for event in events_of(answer.iter_bytes(), answer.headers):
                    for one in reader.feed(event):
                        yield one
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - told as what it is
            told = self._told(error, connection, in_stream=taken)
            if not (reader.finished and isinstance(told, TransportError)):
                raise told from connection.cause(error)
            # the answer is whole; what broke is the connection behind it
        for one in reader.end():
            yield one

    def _check(self, answer: Any) -> None:
        status = getattr(answer, "status_code", 200)
        if 300 <= status < 400:
            raise redirected(self.name, status, answer.headers)


def _asked(connection: Connection, body: dict[str, Any], request: Request, attempt: Attempt) -> Any:
    """The request on its way, as a context whose value is the raw answer."""
    return connection.aio.interactions.with_streaming_response.create(
        model=body["model"],
        input="-",
        stream=bool(body.get("stream")),
        extra_body=body,
        extra_headers=own_settings(request, SETTINGS).get("headers") or None,
        timeout=seconds_left(attempt),
    )
