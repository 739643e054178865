"""Anthropic's Messages API by the vendor's own client: ``anthropic:claude-...``."""

from __future__ import annotations

import json
from time import monotonic
from traceback import format_exception
from typing import TYPE_CHECKING, Any

import anthropic

from altar import live
from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ProviderError,
    ProviderTimeoutError,
    TransportError,
)
from altar.llm import (
    Capabilities,
    LoopedProvider,
    own_settings,
    redacted,
    sendable_key,
    without_key,
)
from altar.llm.openai_compatible import glimpse
from altar_extras._anthropic_history import BLOBS
from altar_extras._anthropic_models import family_of
from altar_extras._anthropic_request import PROVIDER, to_request
from altar_extras._anthropic_response import StreamReader, broken, fault, from_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from altar.llm import Adaptation, Attempt, Request, Response, StreamEvent

__all__ = ["AnthropicProvider", "StreamReader", "from_response", "to_request"]

_PATH = "/v1/messages"
_PATIENCE = 600.0  # seconds, where no deadline is set
_CONNECT = 10.0
_MOST_TOLD = 65_536  # characters read of a body that is no stream
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})


class AnthropicProvider(LoopedProvider):
    """A Claude model. ``key`` and ``url`` are those of ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.

    The vendor's other ways to say who asks (ANTHROPIC_AUTH_TOKEN, profiles,
    federation) work too. ``client`` is an ``AsyncAnthropic``, or one of its
    kin for Bedrock and Vertex, that the caller closes.

    ``Options(settings={"anthropic": {...}})`` is merged into the request's
    body (``{"thinking": {"display": "omitted"}}``), but for these:

    - ``headers``: sent beside the client's own (``anthropic-beta``).
    - ``cache``: True, "5m" or "1h" caches tools and system prompt for that
      long. Off by default: a cache that is written and not read costs more.
    - ``strict``: False declares no tool as strict. By default each one is
      whose schema allows it, as far as the API's limits go.
    - ``tools``: the vendor's server tools, declared behind the application's.

    ``max_tokens`` is 20,000 unless ``Sampling(max_tokens=)`` says otherwise
    (less for the models that cannot write so much, more by what a thinking
    budget takes). ``Sampling(reasoning=)`` becomes adaptive thinking and an
    effort, or a budget for the models up to 4.5; "minimal" is the effort
    "low". Nothing is continued or repeated inside.
    """

    name = PROVIDER

    def __init__(
        self,
        model: str,
        *,
        key: str | None = None,
        url: str | None = None,
        client: anthropic.AsyncAnthropic | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.capabilities = _capabilities(model)
        self._key = key
        self._url = url
        self._given = client

    def connect(self) -> anthropic.AsyncAnthropic:
        """The caller's client, or a new one; raises AuthenticationError when there is no key."""
        if self._given is not None:
            return self._given
        try:
            client = anthropic.AsyncAnthropic(
                api_key=self._key, base_url=self._url, max_retries=0, timeout=_PATIENCE
            )
        except anthropic.AnthropicError as error:  # a profile that is not there
            raise _no_key(redacted(str(error))) from error
        if not _is_known(client):
            live.check(PROVIDER, str(client.base_url))  # comes first
            raise _no_key("no API key was found")
        for field, variable in (
            ("api_key", "ANTHROPIC_API_KEY"),
            ("auth_token", "ANTHROPIC_AUTH_TOKEN"),
        ):
            key = getattr(client, field)
            if key:
                setattr(client, field, sendable_key(key, provider=PROVIDER, variable=variable))
        return client

    async def disconnect(self, client: anthropic.AsyncAnthropic) -> None:
        """Close a client of our own."""
        if client is not self._given:
            await client.close()

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        client = self._client()
        body, notes = _written(request)
        options = _options(request, attempt)
        try:
            answer = await client.post(_PATH, cast_to=object, body=body, options=options)
        except Exception as error:
            known = _known(error, client, began=False)
            if known is None:
                raise
            raise known from _cause(error, client)
        if not isinstance(answer, dict):
            raise broken(f"the answer is no JSON object but {glimpse(str(_bare(answer, client)))}")
        answer = _bare(answer, client) if answer.get("error") else answer
        return from_response(answer, request, sent=body, adaptations=notes)

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes."""
        client = self._client()
        body, notes = _written(request)
        options = _options(request, attempt)
        reader = StreamReader(request, sent=body, adaptations=notes)
        events: anthropic.AsyncStream[object] | None = None
        try:
            events = await client.post(
                _PATH,
                cast_to=object,
                body={**body, "stream": True},
                options=options,
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            await _check_events(events, client)
            async for event in events:
                if isinstance(event, dict):
                    known = _bare(event, client) if event.get("type") == "error" else event
                    for said in reader.feed(known):
                        yield said
            reader.end()
        except ProviderError:
            raise
        except Exception as error:
            if reader.finished:
                return  # what breaks behind the last event takes nothing with it
            fault = _known(error, client, began=events is not None)
            if fault is None:
                raise
            raise fault from _cause(error, client)
        finally:
            if events is not None:
                await events.close()

    def _client(self) -> anthropic.AsyncAnthropic:
        client: anthropic.AsyncAnthropic = self.client()
        live.check(PROVIDER, str(client.base_url))
        return client


def _capabilities(model: str) -> Capabilities:
    family = family_of(model)
    sampling = {"max_tokens", "stop"} | ({"reasoning"} if family.thinking != "none" else set())
    return Capabilities(
        native_output=family.strict,
        tool_choice=family.forced,
        thinking=family.thinking != "none",
        blobs=BLOBS,
        sampling=frozenset(sampling),
    )


def _is_known(client: anthropic.AsyncAnthropic) -> bool:
    """Whether the client has anything to show who asks."""
    if client.api_key or client.auth_token or client.credentials is not None:
        return True
    headers = {name.lower() for name in client.default_headers}
    return not headers.isdisjoint({"authorization", "x-api-key"})


def _written(request: Request) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    body, notes = to_request(request)
    if body["messages"]:
        return body, notes
    message = "anthropic: there is nothing to send: no message has a text that is not blank"
    raise BadRequestError(message, provider=PROVIDER, sent=False)


def _options(request: Request, attempt: Attempt) -> anthropic.RequestOptions:
    """One attempt, no longer than the deadline."""
    left = _PATIENCE
    if attempt.deadline is not None:
        left = attempt.deadline - monotonic()
        if left <= 0:
            message = "anthropic: the time was up before the request was sent"
            raise ProviderTimeoutError(message, provider=PROVIDER, sent=False)
    timeout = anthropic.Timeout(left, connect=min(left, _CONNECT))
    headers = own_settings(request, PROVIDER).get("headers") or {}
    return {
        "max_retries": 0,
        "timeout": timeout,
        "headers": dict(headers),
        "follow_redirects": False,  # the prompt would go where nobody meant it to
    }


def _bare(said: Any, client: anthropic.AsyncAnthropic) -> Any:
    """What a server or a library said, without the client's own keys."""
    for field in ("api_key", "auth_token"):  # the kin for Bedrock and Vertex have neither
        said = without_key(said, getattr(client, field, None))
    return said


def _cause(error: Exception, client: anthropic.AsyncAnthropic) -> Exception | None:
    """What a fault is chained to: nothing, where that would print a key."""
    told = "".join(format_exception(error))
    return error if _bare(told, client) == told and not _unsendable(error) else None


def _unsendable(error: Exception) -> bool:
    """Whether a header is one that HTTP cannot carry; the error repeats its value."""
    return any(
        type(one).__name__ == "LocalProtocolError"
        or (isinstance(one, UnicodeEncodeError) and one.encoding == "ascii")
        for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


async def _check_events(
    events: anthropic.AsyncStream[object], client: anthropic.AsyncAnthropic
) -> None:
    """Raise what a body says that is no stream: the stream's reader would see nothing in it."""
    response = events.response
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/event-stream", ""):
        return
    text = ""
    async for piece in response.aiter_text():
        text += piece
        if len(text) >= _MOST_TOLD:
            break
    text = _bare(text, client)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and body.get("error"):
        raise fault(body, status=200, headers=dict(response.headers))
    raise broken(f"no events came but {kind}: {glimpse(text)}")


def _known(
    error: Exception, client: anthropic.AsyncAnthropic, *, began: bool
) -> ProviderError | None:
    """Altar's error for one of the client or of what it stands on; None for any other."""
    if isinstance(error, anthropic.APIStatusError):
        return _answered(error, client)
    if _unsendable(error):
        message = "anthropic: a header cannot be sent: it has letters beyond ASCII, or lines"
        hint = "Look at the client's key and at settings['anthropic']['headers']."
        return BadRequestError(message, provider=PROVIDER, sent=False, hint=hint)
    if isinstance(error, RuntimeError) and "closed" in str(error):
        message = "anthropic: the client was closed"
        return TransportError(message, provider=PROVIDER, sent=False, in_stream=began)
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return broken("the answer is no JSON", in_stream=began)
    causes = (error, error.__cause__)
    kinds = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if isinstance(error, anthropic.APITimeoutError) or "TimeoutException" in kinds:
        message = "anthropic: nothing came in time"
        sent = not kinds & _NOT_SENT
        return ProviderTimeoutError(message, provider=PROVIDER, sent=sent, in_stream=began)
    text = redacted(_bare(str(error.__cause__ or error), client))
    if began and "TransportError" in kinds:  # its HTTP library's own, while an answer is read
        return broken(f"the connection broke: {text}", in_stream=True)
    if isinstance(error, anthropic.APIConnectionError):
        host = client.base_url.host or str(client.base_url)
        return TransportError(
            f"anthropic: no connection to {host}: {text}",
            provider=PROVIDER,
            sent=not kinds & _NOT_SENT,
            hint="Check the network, and ANTHROPIC_BASE_URL where it is set.",
        )
    return None


def _answered(error: anthropic.APIStatusError, client: anthropic.AsyncAnthropic) -> ProviderError:
    """What a server said with its status."""
    status, headers = error.status_code, _bare(dict(error.response.headers), client)
    if 300 <= status < 400:
        where = glimpse(str(headers.get("location", "")).partition("?")[0])
        host = client.base_url.host or str(client.base_url)
        return BadRequestError(
            f"anthropic: {host} sends to another address, {where} (HTTP {status})",
            provider=PROVIDER,
            status=status,
            hint="Set ANTHROPIC_BASE_URL to the address that is meant, and check who names it.",
        )
    body = _bare(error.body, client)
    if not isinstance(body, dict):
        text = _bare(error.response.text, client)
        body = {"error": {"message": f"no JSON object but {glimpse(text)}"}}
    return fault(body, status=status, headers=headers, in_stream=status < 400)


def _no_key(message: str) -> AuthenticationError:
    return AuthenticationError(
        f"anthropic: {message}",
        provider=PROVIDER,
        sent=False,
        hint="Set the variable ANTHROPIC_API_KEY, or pass AnthropicProvider(key=...).",
    )
