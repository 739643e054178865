"""The wire to OpenAI: requests by the vendor's own client, one attempt each, its errors altar's."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

import openai
from openai import AsyncOpenAI, AsyncStream

from altar import live
from altar.errors import AuthenticationError, BadRequestError, ProviderTimeoutError
from altar.llm import LoopedProvider, sendable_key
from altar_extras._openai_faults import KEY_HINT, Faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from openai import RequestOptions

    from altar.llm import Attempt

__all__ = ["OpenAIClient"]

_LONGEST_CONNECT = 5.0
_ASKED = ("input", "messages", "conversation", "previous_response_id", "prompt")


class OpenAIClient(LoopedProvider):
    """A provider that posts JSON with the vendor's async client and gets JSON back.

    ``key`` and ``url`` default to what the client itself reads
    (``OPENAI_API_KEY``, ``OPENAI_BASE_URL``, organisation and project).
    ``client`` is the application's own AsyncOpenAI or AsyncAzureOpenAI, for
    other credentials, proxies or certificates; altar does not close it, and
    its retries are not used.
    """

    def __init__(
        self,
        model: str,
        *,
        key: str | None = None,
        url: str | None = None,
        client: AsyncOpenAI | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._key = key
        self._url = url
        self._given = client

    def connect(self) -> AsyncOpenAI:
        """The client of one event loop; raises AuthenticationError where there is no key."""
        if self._given is not None:
            return self._given
        try:
            client = AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0)
        except openai.OpenAIError as error:
            if self._key or os.environ.get("OPENAI_API_KEY"):
                raise
            live.check(self.name, self._url or os.environ.get("OPENAI_BASE_URL"))  # comes first
            raise AuthenticationError(
                f"{self.name}: there is no key", provider=self.name, sent=False, hint=KEY_HINT
            ) from error
        if client.api_key:
            client.api_key = sendable_key(
                client.api_key, provider=self.name, variable="OPENAI_API_KEY"
            )
        return client

    async def disconnect(self, client: AsyncOpenAI) -> None:
        """Close a client of altar's own."""
        if client is not self._given:
            await client.close()

    async def post(
        self, path: str, body: dict[str, Any], attempt: Attempt, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The JSON that answers one request."""
        client = self._ready()
        faults = Faults(self.name, client)
        options = self._options(attempt, headers)
        self._check(body)
        try:
            answer = await client.post(path, body=body, cast_to=object, options=options)
        except Exception as error:  # noqa: BLE001 - the errors of two HTTP libraries share no base
            raise faults.of(error, begun=False) from faults.cause(error)
        if not isinstance(answer, dict):
            raise faults.unread(f"the answer is no JSON object but {faults.glimpse(answer)}")
        return faults.bare(answer) if answer.get("error") else answer

    async def events(
        self, path: str, body: dict[str, Any], attempt: Attempt, headers: Mapping[str, str]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The JSON events that answer one request."""
        client = self._ready()
        faults = Faults(self.name, client)
        options = self._options(attempt, headers)
        self._check(body)
        stream: AsyncStream[object] | None = None
        try:
            stream = await client.post(
                path,
                body=body,
                cast_to=object,
                options=options,
                stream=True,
                stream_cls=AsyncStream[object],
            )
            async with stream:
                await faults.check_events(stream)
                async for event in stream:
                    if isinstance(event, dict):
                        yield faults.bare(event) if _is_fault(event) else event
        except Exception as error:  # noqa: BLE001 - as above
            raise faults.of(error, begun=stream is not None) from faults.cause(error)

    def _ready(self) -> AsyncOpenAI:
        client: AsyncOpenAI = self.client()
        live.check(self.name, str(client.base_url))
        return client

    def _check(self, body: dict[str, Any]) -> None:
        """Refuse a request without a single message, and without what is stored in their place."""
        if not any(body.get(name) for name in _ASKED):
            message = f"{self.name}: there is nothing to send: the request has no message"
            raise BadRequestError(message, provider=self.name, sent=False)

    def _options(self, attempt: Attempt, headers: Mapping[str, str]) -> RequestOptions:
        """One attempt, to one address, in the time that is left or the client's own bounds."""
        options: RequestOptions = {
            "max_retries": 0,
            "headers": dict(headers),
            "follow_redirects": False,  # the prompt would go where nobody meant it to
        }
        if attempt.deadline is not None:
            left = attempt.deadline - monotonic()
            if left <= 0:
                message = f"{self.name}: the time was up before the request was sent"
                raise ProviderTimeoutError(message, provider=self.name, sent=False)
            options["timeout"] = openai.Timeout(left, connect=min(left, _LONGEST_CONNECT))
        return options


def _is_fault(event: Mapping[str, Any]) -> bool:
    return event.get("type") in ("error", "response.failed") or bool(event.get("error"))
