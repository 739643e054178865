"""gemini: and vertex: - Google's generateContent, by google-genai 2.30 or newer.

Three parts: :func:`to_request` writes the JSON of a request, :func:`from_response`
and :class:`StreamReader` read what comes back, and the providers do the I/O.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from altar.errors import TransportError
from altar.llm import Adaptation, LoopedProvider, own_settings
from altar_extras._gemini_client import (
    Connection,
    developer_client,
    own_client,
    vertex_client,
    wants_vertex,
)
from altar_extras._gemini_faults import translated
from altar_extras._gemini_io import open_stream, whole
from altar_extras._gemini_models import capabilities
from altar_extras._gemini_request import to_request
from altar_extras._gemini_response import StreamReader, from_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from altar.llm import Attempt, Request, Response, StreamEvent

__all__ = ["GeminiProvider", "StreamReader", "VertexProvider", "from_response", "to_request"]


_TYPED = Adaptation(
    "stream", "this google-genai gives typed events, which have no finishMessage or unknown field"
)


class GeminiProvider(LoopedProvider):
    """A Gemini model, by the Developer API.

    ``key`` defaults to GOOGLE_API_KEY or GEMINI_API_KEY, ``url`` to
    GOOGLE_GEMINI_BASE_URL; GOOGLE_GENAI_USE_VERTEXAI (or ..._ENTERPRISE) sends
    it to Vertex, as it does the SDK. ``client`` is your own ``genai.Client``,
    which is used as it is and never closed.

    ``Options(settings={"gemini": {...}})`` is merged into the body
    (``generationConfig``, ``safetySettings``, ``cachedContent``); ``tools`` of
    it are added to the functions, and ``headers`` go into the HTTP request.

    Each call is one request: the SDK's function calling, continuation and
    retries are off. An answer that reached the server's limit for one request
    (CONTINUATION) is ``paused``, and is taken up by its token when it is sent
    again.
    """

    name = "gemini"

    def __init__(
        self, model: str, *, key: str | None = None, url: str | None = None, client: Any = None
    ) -> None:
        super().__init__()
        self.model = model
        self.capabilities = capabilities(model)
        self._key = key
        self._url = url
        self._given = None if client is None else own_client(client)

    def connect(self) -> Connection:
        """The client; raises AuthenticationError where there is nothing to sign in with."""
        if self._given is not None:
            return self._given
        if wants_vertex():
            return vertex_client(self.name, self._url, key=self._key)
        return developer_client(self.name, self._key, self._url)

    async def disconnect(self, client: Connection) -> None:
        """Let go of its sockets, unless it is the caller's own."""
        await client.close()

    def _client(self) -> Connection:
        connection: Connection = self.client()
        connection.check_live(self.name)
        return connection

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        connection = self._client()
        home, headers = self._home(connection), self._headers(request)
        body, notes = to_request(request, provider=home, settings=self.name)
        try:
            answer = await whole(connection, self.model, body, attempt, headers=headers)
        except Exception as error:  # noqa: BLE001 - told as what it is
            told = self._told(error, connection, in_stream=False)
            raise told from connection.cause(error)
        return from_response(answer, request, provider=home, name=self.name, adaptations=notes)

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes."""
        connection = self._client()
        home, headers = self._home(connection), self._headers(request)
        body, notes = to_request(request, provider=home, settings=self.name)
        try:
            events = await open_stream(connection, self.model, body, attempt, headers=headers)
        except Exception as error:  # noqa: BLE001 - told as what it is
            told = self._told(error, connection, in_stream=False)
            raise told from connection.cause(error)
        if not connection.is_raw:
            notes = (*notes, _TYPED)
        reader = StreamReader(request, provider=home, name=self.name, adaptations=notes)
        async with aclosing(events):
            while True:
                try:
                    event = await anext(events, None)
                except Exception as error:  # noqa: BLE001 - told as what it is
                    told = self._told(error, connection, in_stream=True)
                    if reader.finished and isinstance(told, TransportError):
                        break  # the answer is whole; what broke is the connection behind it
                    raise told from connection.cause(error)
                if event is None:
                    break
                for one in reader.feed(event):
                    yield one
        for one in reader.end():
            yield one

    def _home(self, connection: Connection) -> str:
        """Whose opaque data goes back: signatures of Vertex and of the Developer API differ."""
        return "vertex" if connection.is_vertex else "gemini"

    def _headers(self, request: Request) -> dict[str, str]:
        return dict(own_settings(request, self.name).get("headers") or {})

    def _told(self, error: Exception, connection: Connection, *, in_stream: bool) -> Exception:
        vertex = connection.is_vertex
        return connection.bare(translated(error, self.name, in_stream=in_stream, vertex=vertex))


class VertexProvider(GeminiProvider):
    """A Gemini model on Google Cloud.

    ``project``, ``location`` and ``credentials`` (of google-auth) default to
    GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION ("global" without it) and the
    application default credentials; ``key`` signs in to the express mode
    instead. ``client`` is your own ``genai.Client``; a base URL is taken from
    GOOGLE_VERTEX_BASE_URL. Settings are those under "vertex".
    """

    name = "vertex"

    def __init__(
        self,
        model: str,
        *,
        project: str | None = None,
        location: str | None = None,
        credentials: Any = None,
        key: str | None = None,
        url: str | None = None,
        client: Any = None,
    ) -> None:
        super().__init__(model, key=key, url=url, client=client)
        self._project = project
        self._location = location
        self._credentials = credentials

    def connect(self) -> Connection:
        """The client; raises AuthenticationError where there is nothing to sign in with."""
        if self._given is not None:
            return self._given
        return vertex_client(
            self.name,
            self._url,
            key=self._key,
            project=self._project,
            location=self._location,
            credentials=self._credentials,
        )
