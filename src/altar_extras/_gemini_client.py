"""The google-genai client behind a provider: made without retries, or the caller's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from traceback import format_exception
from typing import Any

from google import genai
from google.genai import types

from altar import live
from altar.errors import AuthenticationError, ConfigurationError, ProviderError
from altar.llm import redacted, sendable_key, without_key
from altar_extras._gemini_faults import KEY_HINT, VERTEX_HINT, is_sign_in

__all__ = ["Connection", "developer_client", "own_client", "vertex_client", "wants_vertex"]


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

    def bare(self, told: Exception) -> Exception:
        """The same error, without the key wherever a server or a library repeated it."""
        told.args = tuple([self._hidden(said) for said in told.args])
        if isinstance(told, ProviderError):
            told.message = self._hidden(told.message)
            told.raw = self._hidden(told.raw)
        return told

    def cause(self, error: Exception) -> Exception | None:
        """What an error is chained to: nothing, where its traceback would print the key."""
        told = "".join(format_exception(error))
        return error if self._hidden(told) == told else None

    def _hidden(self, said: Any) -> Any:
        transport = getattr(self.aio, "_api_client", None)
        signed = getattr(transport, "_credentials", None)
        for key in (getattr(transport, "api_key", None), getattr(signed, "token", None)):
            said = without_key(said, key if isinstance(key, str) else None)
        return said

    @property
    def is_raw(self) -> bool:
        """Whether streams come as the server's own bytes."""
        transport = getattr(self.aio, "_api_client", None)
        return hasattr(transport, "_build_request") and hasattr(transport, "_async_request")

    async def ask(self, path: str, body: dict[str, Any], options: Any) -> Any:
        """The HTTP client's own answer to a request, its body not yet read."""
        transport: Any = getattr(self.aio, "_api_client", None)
        request = transport._build_request("post", path, body, options)  # noqa: SLF001 - see _gemini_io
        answer = await transport._async_request(  # noqa: SLF001
            http_request=request, http_options=options, stream=True
        )
        return answer.response_stream

    def check_live(self, name: str) -> None:
        """Raise ConfigurationError where live calls are forbidden and this would be one."""
        transport = getattr(self.aio, "_api_client", None)
        transport = transport or getattr(self.aio.models, "_api_client", None)
        base = getattr(transport, "_http_options", None)
        live.check(name, getattr(base, "base_url", None))

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
        live.check(name, url or os.environ.get("GOOGLE_GEMINI_BASE_URL"))  # comes first
        raise AuthenticationError(
            f"{name}: there is no API key.", provider=name, sent=False, hint=KEY_HINT
        )
    key = sendable_key(key, provider=name, variable="GEMINI_API_KEY")
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
    # a redirect is not followed: the key and the prompt would go where nobody meant them to
    http = None
    if find_spec("aiohttp") is None:
        options["async_client_args"] = {"follow_redirects": False}
    else:
        http = options["httpx_async_client"] = _plain_http()
    try:
        client = genai.Client(http_options=types.HttpOptions(**options), **given)
    except Exception as error:
        if isinstance(error, ValueError) or is_sign_in(error):
            variable = "GOOGLE_VERTEX_BASE_URL" if given["vertexai"] else "GOOGLE_GEMINI_BASE_URL"
            live.check(name, url or os.environ.get(variable))  # comes first
            raise AuthenticationError(
                f"{name}: {redacted(str(error))[:300]}",
                provider=name,
                sent=False,
                hint=VERTEX_HINT if given["vertexai"] else KEY_HINT,
            ) from error
        raise
    return Connection(client, http=http)


def _plain_http() -> Any:
    """An httpx client of our own where the SDK would take aiohttp.

    That follows redirects, and with it SDKs before 3 send a broken request twice.
    """
    name = "httpx" if find_spec("httpx") is not None else "httpx2"
    client: type[Any] = import_module(name).AsyncClient
    return client(follow_redirects=False)


def wants_vertex() -> bool:
    """Whether the environment asks for Vertex, by the SDK's own rule."""
    for name in ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI"):
        said = os.environ.get(name)
        if said is not None:
            return said.lower() in ("true", "1")
    return False
