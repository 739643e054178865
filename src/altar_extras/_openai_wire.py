"""The wire to OpenAI: requests by the vendor's own client, one attempt each, its errors altar's."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

import openai
from openai import AsyncOpenAI, AsyncStream

from altar import live
from altar.errors import (
    AltarError,
    AuthenticationError,
    ProviderTimeoutError,
    StreamBrokenError,
    TransportError,
)
from altar.llm import LoopedProvider, redacted
from altar.llm.openai_compatible import chat_failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from openai import RequestOptions

    from altar.llm import Attempt

__all__ = ["OpenAIClient"]

_HINT = (
    "Set the environment variable OPENAI_API_KEY to a key of https://platform.openai.com/api-keys, "
    "or pass key=; OPENAI_BASE_URL points it elsewhere."
)
_UNSENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}
)
_LONGEST_CONNECT = 5.0


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
            return AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0)
        except openai.OpenAIError as error:
            if self._key or os.environ.get("OPENAI_API_KEY"):
                raise
            live.check(self.name, self._url or os.environ.get("OPENAI_BASE_URL"))  # comes first
            raise AuthenticationError(
                "openai: there is no key", provider="openai", sent=False, hint=_HINT
            ) from error

    async def disconnect(self, client: AsyncOpenAI) -> None:
        """Close a client of altar's own."""
        if client is not self._given:
            await client.close()

    async def post(
        self, path: str, body: dict[str, Any], attempt: Attempt, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The JSON that answers one request."""
        client = self._ready()
        options = _options(attempt, headers)
        try:
            answer = await client.post(path, body=body, cast_to=object, options=options)
        except Exception as error:  # the errors of two HTTP libraries share no base
            raise _translated(error, client, begun=False) from error
        if not isinstance(answer, dict):
            raise StreamBrokenError(
                f"openai: the answer is no JSON object: {redacted(repr(answer))[:120]}",
                provider="openai",
                hint="Is the base URL that of an OpenAI API?",
            )
        return answer

    async def events(
        self, path: str, body: dict[str, Any], attempt: Attempt, headers: Mapping[str, str]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The JSON events that answer one request."""
        client = self._ready()
        options = _options(attempt, headers)
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
                async for event in stream:
                    if isinstance(event, dict):
                        yield event
        except Exception as error:  # as above
            raise _translated(error, client, begun=stream is not None) from error

    def _ready(self) -> AsyncOpenAI:
        client: AsyncOpenAI = self.client()
        live.check(self.name, str(client.base_url))
        return client


def _options(attempt: Attempt, headers: Mapping[str, str]) -> RequestOptions:
    """One attempt, within the time that is left; without a deadline the client's own bounds."""
    options: RequestOptions = {"max_retries": 0, "headers": dict(headers)}
    if attempt.deadline is not None:
        left = attempt.deadline - monotonic()
        if left <= 0:
            message = "openai: the time was up before the request was sent"
            raise ProviderTimeoutError(message, provider="openai", sent=False)
        options["timeout"] = openai.Timeout(left, connect=min(left, _LONGEST_CONNECT))
    return options


def _translated(error: Exception, client: AsyncOpenAI, *, begun: bool) -> Exception:
    """An error of the client as one of altar's; one that is none of its faults as it is."""
    if isinstance(error, AltarError):
        return error
    if isinstance(error, openai.APIStatusError):
        response = error.response
        said = error.body if isinstance(error.body, dict) else error.message
        return chat_failure(
            said,
            "openai",
            status=response.status_code,
            headers=response.headers,
            hint=_HINT,
        )
    names = _names(error)
    if isinstance(error, openai.APITimeoutError) or "TimeoutException" in names:
        return ProviderTimeoutError(
            f"openai: nothing came in time{_about(error)}",
            provider="openai",
            sent=not names & _UNSENT,
            in_stream=begun,
        )
    if isinstance(error, openai.APIConnectionError) or "TransportError" in names:
        if begun:
            return StreamBrokenError(
                f"openai: the connection broke in the middle of the answer{_about(error)}",
                provider="openai",
                in_stream=True,
            )
        return TransportError(
            f"openai: no connection to {client.base_url.host or client.base_url}{_about(error)}",
            provider="openai",
            sent=not names & _UNSENT,
            hint="Check the network, and OPENAI_BASE_URL where it is set.",
        )
    if isinstance(error, openai.APIError):  # an error event in a stream
        said = error.body if isinstance(error.body, dict) else error.message
        return chat_failure(said, "openai", in_stream=True, hint=_HINT)
    if isinstance(error, (ValueError, UnicodeError)):
        return StreamBrokenError(
            f"openai: the answer is no JSON: {redacted(str(error))[:120]}",
            provider="openai",
            in_stream=begun,
        )
    return error


def _names(error: BaseException) -> frozenset[str]:
    """The names of an error's classes and of its causes': the HTTP library's own among them."""
    found: set[str] = set()
    cause: BaseException | None = error
    while cause is not None:
        found.update(kind.__name__ for kind in type(cause).__mro__)
        cause = cause.__cause__
    return frozenset(found)


def _about(error: BaseException) -> str:
    told = str(error.__cause__ or error)
    return f": {redacted(told)[:200]}" if told else ""
