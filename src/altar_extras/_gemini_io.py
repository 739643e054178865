"""The road through google-genai: one attempt, JSON in, JSON out, and its exceptions translated.

A whole answer takes the public road: ``extra_body`` carries the request and
``should_return_http_response`` the body of the answer. For streams the SDK
offers no such thing, and its typed events have lost finishMessage and unknown
fields; so they come from the SDK's own transport, ``async_request_streamed``,
which every version has had and none documents. Where it should be missing the
typed events are read, at that loss.
"""

from __future__ import annotations

import json
import os
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Any

from google import genai
from google.genai import errors, types

from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ProviderError,
    ProviderTimeoutError,
    StreamBrokenError,
    TransportError,
)
from altar.llm import failure, redacted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from altar.llm import Attempt

__all__ = [
    "Connection",
    "developer_client",
    "json_object",
    "open_stream",
    "own_client",
    "seconds_left",
    "translated",
    "vertex_client",
    "wants_vertex",
    "whole",
]

_SECONDS = 600.0  # for an attempt without a deadline
_KEYS = "GEMINI_API_KEY or GOOGLE_API_KEY"
_KEY_HINT = f"Set {_KEYS} (https://aistudio.google.com/apikey gives one)."
_VERTEX_HINT = (
    "Set GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, and run "
    "'gcloud auth application-default login' or set GOOGLE_APPLICATION_CREDENTIALS."
)
_MODEL_HINT = (
    "Check the model's name; names that end in -latest need GOOGLE_GENAI_API_VERSION=beta."
)
_TO_STANDARD = str.maketrans("-_", "+/")


# -- the client --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and what is to be closed with it; the caller's own is not."""

    client: Any
    is_own: bool = True
    http: Any = None

    @property
    def aio(self) -> Any:
        """The async side."""
        return getattr(self.client, "aio", self.client)

    @property
    def is_vertex(self) -> bool:
        """Whether it speaks to Vertex, whose signatures are others."""
        return bool(getattr(getattr(self.aio, "_api_client", None), "vertexai", False))

    @property
    def is_raw(self) -> bool:
        """Whether streams come as the server's own JSON."""
        return self.streamed is not None

    @property
    def streamed(self) -> Any:
        """The transport's streaming request, or None."""
        return getattr(getattr(self.aio, "_api_client", None), "async_request_streamed", None)

    async def close(self) -> None:
        """Let go of the sockets."""
        if self.is_own:
            await self.aio.aclose()
            self.client.close()
        if self.http is not None:
            await self.http.aclose()


def own_client(client: Any) -> Connection:
    """The caller's ``genai.Client``, or the ``.aio`` of one."""
    if not hasattr(getattr(client, "aio", client), "models"):
        raise ConfigurationError(
            f"client= takes a google.genai.Client or its .aio, not {type(client).__name__}"
        )
    return Connection(client, is_own=False)


def developer_client(name: str, key: str | None, url: str | None) -> Connection:
    """A client of the Developer API; raises AuthenticationError where there is no key."""
    key = key or os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")
    if not key:
        raise AuthenticationError(
            f"{name}: there is no API key.", provider=name, sent=False, hint=_KEY_HINT
        )
    return _connection(name, url, vertexai=False, api_key=key)


def vertex_client(
    name: str,
    url: str | None,
    *,
    key: str | None = None,
    project: str | None = None,
    location: str | None = None,
    credentials: Any = None,
) -> Connection:
    """A client of Vertex: by an API key, or by a project and Google Cloud credentials.

    What is not given comes from the environment. It is given to the SDK by
    name, for beside a base URL the SDK forgets a project it read there itself.
    """
    given: dict[str, Any] = {"project": project, "location": location, "api_key": key}
    if key is None:
        given["project"] = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or None
        given["credentials"] = credentials
    if given["project"]:
        given["location"] = location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    given = {field: value for field, value in given.items() if value is not None}
    return _connection(name, url, vertexai=True, **given)


def _connection(name: str, url: str | None, **given: Any) -> Connection:
    is_old = genai.__version__.startswith("2.")
    # Interactions of SDKs before 3 took the attempts for the number of retries
    attempts = -1 if is_old else 1
    options: dict[str, Any] = {"retry_options": types.HttpRetryOptions(attempts=attempts)}
    if url is not None:
        options["base_url"] = url
    http = None
    if is_old and find_spec("aiohttp") is not None:
        http = options["httpx_async_client"] = _plain_http()
    try:
        client = genai.Client(http_options=types.HttpOptions(**options), **given)
    except Exception as error:
        if isinstance(error, ValueError) or _is_sign_in(error):
            raise AuthenticationError(
                f"{name}: {redacted(str(error))[:300]}",
                provider=name,
                sent=False,
                hint=_VERTEX_HINT if given["vertexai"] else _KEY_HINT,
            ) from error
        raise
    return Connection(client, http=http)


def _plain_http() -> Any:
    """An httpx client of our own: with aiohttp, SDKs before 3 send a broken request twice."""
    client: type[Any] = import_module("httpx").AsyncClient
    return client(follow_redirects=True)


def wants_vertex() -> bool:
    """Whether the environment asks for Vertex, by the SDK's own rule."""
    for name in ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI"):
        said = os.environ.get(name)
        if said is not None:
            return said.lower() in ("true", "1")
    return False


# -- one attempt ---------------------------------------------------------------------------


def seconds_left(attempt: Attempt) -> float:
    """What the deadline leaves, or the default without one."""
    if attempt.deadline is None:
        return _SECONDS
    return max(0.001, min(_SECONDS, attempt.deadline - monotonic()))


def _options(attempt: Attempt, headers: Mapping[str, str] | None, **more: Any) -> types.HttpOptions:
    return types.HttpOptions(
        timeout=max(1, round(seconds_left(attempt) * 1000)),  # milliseconds
        headers=dict(headers) if headers else None,
        retry_options=types.HttpRetryOptions(attempts=1),
        **more,
    )


def _config(options: types.HttpOptions, **more: Any) -> types.GenerateContentConfig:
    """Nothing but the switches: no function calling, no continuation by the SDK."""
    if "automatic_continuation" in types.GenerateContentConfig.model_fields:
        more["automatic_continuation"] = False
    return types.GenerateContentConfig(
        http_options=options,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **more,
    )


async def whole(
    connection: Connection,
    model: str,
    body: dict[str, Any],
    attempt: Attempt,
    *,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The answer to ``body`` as it came."""
    config = _config(_options(attempt, headers, extra_body=body), should_return_http_response=True)
    answer = await connection.aio.models.generate_content(model=model, contents="-", config=config)
    return json_object(answer.sdk_http_response.body)


def json_object(text: Any) -> dict[str, Any]:
    """A JSON object, or ValueError."""
    found = json.loads(text or "")
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object was expected, not {type(found).__name__}")
    return found


async def open_stream(
    connection: Connection,
    model: str,
    body: dict[str, Any],
    attempt: Attempt,
    *,
    headers: Mapping[str, str] | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """The events of the answer to ``body``, once the server has taken the request."""
    options = _options(attempt, headers)
    if not connection.is_raw:
        options.extra_body = body
        events = await connection.aio.models.generate_content_stream(
            model=model, contents="-", config=_config(options)
        )
        first = await anext(events, None)
        return _typed(events, first)
    path = f"{_resource(model, connection.is_vertex)}:streamGenerateContent?alt=sse"
    return _raw(await connection.streamed("post", path, dict(body), options))


async def _raw(events: Any) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(events):
        async for event in events:
            yield json_object(event.body)


async def _typed(events: Any, first: Any) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(events):
        event = first
        while event is not None:
            event.sdk_http_response = None
            yield _standard(event.model_dump(mode="json", by_alias=True, exclude_none=True))
            event = await anext(events, None)


def _resource(model: str, vertex: bool) -> str:
    """A model's resource name, by the SDK's rule."""
    if any(sign in model for sign in ("..", "?", "&")):
        raise ValueError(f"no model can be called {model!r}")
    if vertex:
        if model.startswith(("projects/", "models/", "publishers/")):
            return model
        publisher, slash, name = model.partition("/")
        return (
            f"publishers/{publisher}/models/{name}"
            if slash
            else f"publishers/google/models/{model}"
        )
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def _standard(value: Any, key: str = "") -> Any:
    """The SDK writes bytes in the URL-safe alphabet; the server did in the standard one."""
    if isinstance(value, dict):
        return {name: _standard(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_standard(one) for one in value]
    if key in ("thoughtSignature", "data", "continuationToken") and isinstance(value, str):
        return value.translate(_TO_STANDARD)
    return value


# -- what goes wrong -----------------------------------------------------------------------


def translated(error: Exception, provider: str, *, in_stream: bool, vertex: bool) -> Exception:
    """One of altar's errors for what the SDK, its HTTP client or google-auth raised.

    HTTP errors and those of Interactions are told by their fields, transport
    faults by their names: the SDK runs on httpx, httpx2 or aiohttp.
    """
    if isinstance(error, ProviderError):
        return error
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(error, errors.APIError) or isinstance(status, int):
        return _refused(error, status, provider, in_stream=in_stream, vertex=vertex)
    names = _names(error)
    cause = _names(error.__cause__) if error.__cause__ is not None else set()
    if _is_sign_in(error):
        return AuthenticationError(
            f"{provider}: {redacted(str(error))[:300]}",
            provider=provider,
            sent=False,
            hint=_VERTEX_HINT,
        )
    told = f"{provider}: {redacted(str(error))[:300] or type(error).__name__}"
    unsent = bool((names | cause) & _UNSENT)
    if (names | cause) & _TIMEOUTS:
        return ProviderTimeoutError(told, provider=provider, sent=not unsent, in_stream=in_stream)
    if names & {"UnknownApiResponseError", "JSONDecodeError", "UnicodeDecodeError"}:
        return StreamBrokenError(
            f"{provider}: the answer is no JSON, so it did not come from the model's server",
            provider=provider,
            in_stream=in_stream,
            hint="Check the base URL, and proxies on the way.",
        )
    if (names | cause) & _TRANSPORT:
        if in_stream:
            return StreamBrokenError(told, provider=provider, in_stream=True)
        return TransportError(told, provider=provider, sent=not unsent)
    if isinstance(error, ValueError):
        return BadRequestError(told, provider=provider, sent=False)
    return error


_UNSENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError"}
_TIMEOUTS = {"TimeoutException", "TimeoutError", "APITimeoutError"}
_TRANSPORT = {"TransportError", "HTTPError", "ClientError", "APIConnectionError", "OSError"}


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _is_sign_in(error: BaseException) -> bool:
    """Whether google-auth found no credentials, or none that still work."""
    return bool(_names(error) & {"DefaultCredentialsError", "RefreshError"})


def _refused(
    error: Any, status: Any, provider: str, *, in_stream: bool, vertex: bool
) -> ProviderError:
    body = _error_body(error)
    told = body.get("error", body)
    told = told if isinstance(told, dict) else {"message": str(told)}
    message = str(told.get("message") or getattr(error, "message", None) or error)
    word = told.get("status") if isinstance(told.get("status"), str) else told.get("code")
    if status == 429 and "PerDay" not in message:  # its words speak of billing for every limit
        body = {"error": {key: value for key, value in told.items() if key != "message"}}
    key_hint = _VERTEX_HINT if vertex else f"Check {_KEYS}; the latter wins."
    return failure(
        provider,
        message,
        status=status if isinstance(status, int) and not (in_stream and status == 200) else None,
        code=_reason(told) or (word if isinstance(word, str) else None),
        headers=_headers(error),
        body=body,
        in_stream=in_stream,
        hint=_MODEL_HINT if status == 404 else key_hint,
    )


def _error_body(error: Any) -> dict[str, Any]:
    """What the server said: parsed already, or as text."""
    found = getattr(error, "details", None) or getattr(error, "body", None)
    if isinstance(found, (str, bytes)):
        try:
            found = json.loads(found)
        except ValueError:
            return {"message": str(found)[:600]}
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, dict) else {}


def _reason(told: dict[str, Any]) -> str | None:
    """The one reason that says more than the status: a key the server does not know."""
    details = told.get("details")
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict) and item.get("reason") == "API_KEY_INVALID":
            return "API_KEY_INVALID"
    return None


def _headers(error: Any) -> dict[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return {str(name): str(value) for name, value in headers.items()} if headers else {}
