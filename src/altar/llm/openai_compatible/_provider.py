"""LocalProvider: Ollama, vLLM, llama.cpp and whatever else speaks chat completions, by HTTP."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from altar import live
from altar.errors import ConfigurationError
from altar.llm import Capabilities, Travel, fold, own_settings, sendable_key, unfold
from altar.llm._structured import instruction
from altar.llm.openai_compatible._address import Address
from altar.llm.openai_compatible._chat import chat_request, merged
from altar.llm.openai_compatible._dialect import LOCAL, ChatDialect
from altar.llm.openai_compatible._faults import Faults
from altar.llm.openai_compatible._http import MAX_REPLY, Http, Timeout
from altar.llm.openai_compatible._line import Watch
from altar.llm.openai_compatible._reader import ChatReader, chat_failure, chat_response
from altar.llm.openai_compatible._sse import SseError, SseReader
from altar.llm.openai_compatible._threads import ThreadedProvider

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from altar.llm import Adaptation, Attempt, Request, Response, StreamEvent
    from altar.llm.openai_compatible._http import Exchange

__all__ = ["LocalProvider", "Server"]

Server: TypeAlias = Literal["ollama", "vllm", "llama.cpp"]

_URL = "http://127.0.0.1:11434/v1"
_URL_VARIABLE = "ALTAR_LOCAL_URL"
_KEY_VARIABLE = "ALTAR_LOCAL_KEY"
_ERROR_SIZE = 65_536
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_KNOBS = ("max_tokens", "temperature", "top_p", "top_k", "stop", "seed", "reasoning")
_CAN = Capabilities(
    native_output=True,
    output_with_tools=False,  # the grammar of an answer leaves no room for a call
    blobs=("image/*",),
)
_EFFORTS: Mapping[str, Any] = {
    "none": {"chat_template_kwargs": {"enable_thinking": False}},
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one kind of server speaks, and what it can do."""

    dialect: ChatDialect = LOCAL
    can: Capabilities = field(default=_CAN)


_KINDS: dict[Server | None, _Kind] = {
    None: _Kind(),
    "ollama": _Kind(
        dialect=ChatDialect(tool_choice=False),
        can=replace(_CAN, sampling=frozenset(_KNOBS) - {"top_k"}),
    ),
    "vllm": _Kind(dialect=ChatDialect(efforts=_EFFORTS)),
    "llama.cpp": _Kind(dialect=ChatDialect(efforts=_EFFORTS)),
}


class LocalProvider(ThreadedProvider):
    """A model behind a server that speaks chat completions, with the standard library alone.

    ``url`` is the base address, else ``ALTAR_LOCAL_URL``, else Ollama's on
    this machine; ``key``, else ``ALTAR_LOCAL_KEY``, goes out as a Bearer
    token. ``timeout`` is the longest silence in seconds, or a
    :class:`Timeout`. ``server`` says which kind it is ("ollama" is known by
    its port, 11434). ``capabilities`` says what your model can do; as it
    stands: tools, answers held to a schema but not beside tools, images.

    Proxies and certificates come from the environment (HTTP_PROXY,
    HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE); this machine is never
    asked through a proxy. Redirects are not followed.

    ``Options(settings={"local": {...}})`` is merged into the body
    (``keep_alive``, ``options``, ``chat_template_kwargs``), except for
    ``headers``, sent with the request, and ``native_output``: False puts the
    schema of a typed answer into the instructions.
    """

    name = "local"

    def __init__(
        self,
        model: str,
        *,
        url: str | None = None,
        key: str | None = None,
        timeout: float | Timeout = Timeout(),  # noqa: B008 - a frozen value
        headers: Mapping[str, str] | None = None,
        server: Server | None = None,
        capabilities: Capabilities | None = None,
    ) -> None:
        source = "LocalProvider(url=...)"
        if url is None:
            url, source = os.environ.get(_URL_VARIABLE, "").strip() or _URL, _URL_VARIABLE
        if key is None:
            key = os.environ.get(_KEY_VARIABLE, "")
        key = sendable_key(key, provider=self.name, variable=_KEY_VARIABLE)
        address = Address.of(url, source)
        if server is None and address.port == 11434:
            server = "ollama"
        if server not in _KINDS:
            known = ", ".join(repr(one) for one in _KINDS if one)
            raise ConfigurationError(f"the server {server!r} is not known; it is one of {known}")
        self.model = model
        self.url = address.shown
        self._dialect = _KINDS[server].dialect
        self.capabilities = capabilities or _KINDS[server].can
        self._headers = {"User-Agent": "altar", **_checked(headers or {})}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        elif address.authorization is not None:
            self._headers.setdefault("Authorization", address.authorization)
        _checked(self._headers)
        if not isinstance(timeout, Timeout):
            timeout = Timeout(connect=min(Timeout().connect, timeout), read=timeout)
        faults = Faults(self.name, address, _URL_VARIABLE, _KEY_VARIABLE, key=key)
        self._http = Http(address, faults, timeout=timeout, limit=MAX_REPLY)
        self._silence = timeout.read

    def to_request(
        self, request: Request, *, stream: bool = False
    ) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
        """The body that would be sent, and what was left out or rewritten for it."""
        settings = own_settings(request, self.name)
        settings.pop("headers", None)
        if not settings.pop("native_output", True) and request.output is not None:
            told = instruction(request.output, request.instructions)
            request = replace(request, instructions=told, output=None)
        travel = Travel(self.name, "chat", model=self.model)
        body = chat_request(
            request, travel, dialect=self._dialect, can=self.capabilities, stream=stream
        )
        return merged(body, settings), travel.adaptations

    def from_response(
        self,
        body: Mapping[str, Any],
        request: Request,
        *,
        adaptations: tuple[Adaptation, ...] = (),
    ) -> Response:
        """The answer in the body of a whole reply."""
        return chat_response(body, request, dialect=self._dialect, adaptations=adaptations)

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        body, adaptations = self.to_request(request)
        with self._asked(body, request, attempt) as (reply, watch):
            if reply.content_type == "text/event-stream":
                return fold(self._events(reply, request, watch, adaptations))
            return self.from_response(self._whole(reply), request, adaptations=adaptations)

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The answer as it comes."""
        body, adaptations = self.to_request(request, stream=True)
        with self._asked(body, request, attempt) as (reply, watch):
            if reply.content_type in ("text/event-stream", ""):
                yield from self._events(reply, request, watch, adaptations)
            else:  # a server that does not stream
                answer = self.from_response(self._whole(reply), request, adaptations=adaptations)
                yield from unfold(answer)

    def close(self) -> None:
        """Let go of every connection: what still waits on one ends with a TransportError."""
        self._http.close()

    @contextmanager
    def _asked(
        self, body: dict[str, Any], request: Request, attempt: Attempt
    ) -> Iterator[tuple[Exchange, Watch]]:
        watch = Watch(attempt, self._silence)
        with watch, self._http.serving(watch), self._post(body, request, watch) as reply:
            yield reply, watch

    def _post(self, body: dict[str, Any], request: Request, watch: Watch) -> Exchange:
        live.check(self.name, self.url)
        own = own_settings(request, self.name).get("headers")
        headers = {**self._headers, **_checked(own if isinstance(own, Mapping) else {})}
        headers["Content-Type"] = "application/json"
        reply = self._http.post(_encoded(body), headers, watch)
        if 200 <= reply.status < 300:
            return reply
        with reply:
            if 300 <= reply.status < 400:
                where = reply.headers.get("location", "")
                raise self._http.faults.redirected(reply.status, where)
            text = reply.start(_ERROR_SIZE)
            raise self._http.faults.answered(reply.status, reply.headers, text, self.model)

    def _whole(self, reply: Exchange) -> Mapping[str, Any]:
        text = b"".join(reply.pieces())
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            kind = reply.content_type or "a text"
            raise self._http.faults.garbage(f"{kind} that is no JSON", text) from None
        if not isinstance(body, dict):
            raise self._http.faults.garbage("no JSON object", text)
        return body

    def _events(
        self,
        reply: Exchange,
        request: Request,
        watch: Watch,
        adaptations: tuple[Adaptation, ...],
    ) -> Generator[StreamEvent, None, None]:
        reader = ChatReader(request, dialect=self._dialect, adaptations=adaptations)
        done = False
        for name, data in self._sse(reply):
            if data.strip() == "[DONE]":
                done = True
                break
            chunk = self._chunk(data)
            if name == "error" and not chunk.get("error"):
                raise chat_failure(chunk, self.name, in_stream=True)
            yield from reader.feed(chunk)
        if not (done or reader.finished):
            raise self._http.faults.broken("the server closed the connection", watch)
        yield from reader.end()

    def _sse(self, reply: Exchange) -> Iterator[tuple[str, str]]:
        events = SseReader()
        first, heard = b"", False
        try:
            for piece in reply.pieces():
                first = first or piece[:400]
                for event in events.feed(piece):
                    heard = True
                    yield event
        except SseError as error:
            raise self._http.faults.garbage(str(error), first, in_stream=True) from error
        for event in events.end():
            heard = True
            yield event
        if first and not heard:
            raise self._http.faults.garbage("no events", first)

    def _chunk(self, data: str) -> Mapping[str, Any]:
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise self._http.faults.garbage("an event that is no JSON object", data, in_stream=True)
        return chunk


def _checked(headers: Mapping[Any, Any]) -> dict[str, str]:
    """The headers, of which HTTP can carry each; a value is never repeated in the error."""
    for name, value in headers.items():
        known = isinstance(name, str) and _HEADER_NAME.fullmatch(name)
        if not known or not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(
                f"the header {name!r} cannot be sent: a name is letters, digits and hyphens, and a "
                "value a text on one line, in Latin letters"
            )
    return dict(headers)


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()  # half a pair stays an escape
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the request for 'local:' is no JSON: {error}") from error
