"""The recorder: the model itself, its exchanges noted in the order in which they were asked."""

from __future__ import annotations

from contextlib import aclosing, closing
from threading import Lock
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError, ProviderError
from altar.llm import BaseProvider, End, Provider, Response
from altar.testing._cassette_codec import Said, dump_capabilities, dump_said, plain
from altar.testing._cassette_file import Exchange, Header
from altar.testing._cassette_match import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from altar.llm import Attempt, Request, StreamEvent
    from altar.testing._redaction import Secrets

__all__ = ["Form", "Recorder"]


class Form:
    """Requests and answers in the form in which they are written and compared."""

    __slots__ = ("_asked", "_prepare", "secrets")

    def __init__(
        self, secrets: Secrets, prepare: Callable[[dict[str, Any]], dict[str, Any]] | None
    ) -> None:
        self.secrets = secrets
        self._prepare = prepare
        self._asked = Asked(secrets)

    @property
    def shares(self) -> bool:
        """Whether a message that comes again is the same object in each request."""
        return self._prepare is None

    def request(self, request: Request) -> dict[str, Any]:
        doc = self._asked.request(request)
        if self._prepare is None:
            return doc
        prepared: Any = self._prepare(plain(doc))  # its own copy, to change as it likes
        if not isinstance(prepared, dict) or not isinstance(prepared.get("messages"), list):
            raise ConfigurationError(
                "cassette(prepare=...) returns the request that it was given, without what changes "
                f"from run to run; it returned {prepared!r:.60}. End it with: return request"
            )
        found: dict[str, Any] = prepared
        return found

    def answer(self, said: Said) -> dict[str, Any]:
        """The answer as JSON, without secrets."""
        doc = dump_said(said)
        if "events" in doc:
            doc["events"] = self._whole_secrets(doc["events"])
        clean: dict[str, Any] = self.secrets.answered(doc)
        return clean

    def _whole_secrets(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events; deltas that spell out a secret are made one, for it is found in no piece."""
        texts: dict[tuple[int, str], str] = {}
        for event in events:
            for kind in _delta_kinds(event):
                key = event["part"], kind
                texts[key] = texts.get(key, "") + event[kind]
        unsafe = {key for key, text in texts.items() if self.secrets.answered_text(text) != text}
        kept: list[dict[str, Any]] = []
        for event in events:
            keys = [(event["part"], kind) for kind in _delta_kinds(event)]
            if keys and keys[0] in unsafe:
                if keys[0] in texts:
                    kept.append({"part": keys[0][0], keys[0][1]: texts.pop(keys[0])})
            else:
                kept.append(event)
        return kept


def _delta_kinds(event: dict[str, Any]) -> list[str]:
    """The kind of a delta, alone in a list; nothing for another event."""
    return [kind for kind in ("text", "thinking", "args") if kind in event]


class _Slot:
    """A place in the recording, taken when a request is made and filled when it is answered."""

    __slots__ = ("answer", "request")

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.answer: dict[str, Any] | None = None


class Recorder(BaseProvider):
    """Asks the model and notes what it was asked and what came of it."""

    def __init__(self, inner: Provider, form: Form, spelt: str) -> None:
        self.name = inner.name
        self.model = inner.model
        self.capabilities = inner.capabilities
        self._inner = inner
        self._form = form
        self._spelt = spelt
        self._lock = Lock()
        self._slots: list[_Slot] = []

    def header(self) -> Header:
        about = {"name": self.name, "model": self.model}
        return Header(
            self._spelt, {**about, "capabilities": dump_capabilities(self._inner.capabilities)}
        )

    def exchanges(self) -> list[Exchange]:
        """What was answered; a request that was given up before anything came is left out."""
        with self._lock:
            return [
                Exchange(one.request, one.answer) for one in self._slots if one.answer is not None
            ]

    def complete(self, request: Request, attempt: Attempt) -> Response:
        slot = self._begin(request)
        try:
            response = self._inner.complete(request, attempt)
        except ProviderError as error:
            self._fill(slot, Said(error=error))
            raise
        self._fill(slot, Said(response=response))
        return response

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        slot = self._begin(request)
        try:
            response = await self._inner.acomplete(request, attempt)
        except ProviderError as error:
            self._fill(slot, Said(error=error))
            raise
        self._fill(slot, Said(response=response))
        return response

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        slot = self._begin(request)
        seen: list[StreamEvent] = []
        try:
            with closing(self._inner.stream(request, attempt)) as events:
                for event in events:
                    seen.append(event)
                    yield event
        except BaseException as error:
            self._broken(slot, seen, error)
            raise
        self._fill(slot, Said(events=tuple(seen)))

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        slot = self._begin(request)
        seen: list[StreamEvent] = []
        try:
            async with aclosing(self._inner.astream(request, attempt)) as events:
                async for event in events:
                    seen.append(event)
                    yield event
        except BaseException as error:
            self._broken(slot, seen, error)
            raise
        self._fill(slot, Said(events=tuple(seen)))

    def _begin(self, request: Request) -> _Slot:
        slot = _Slot(self._form.request(request))
        with self._lock:
            self._slots.append(slot)
        return slot

    def _fill(self, slot: _Slot, said: Said) -> None:
        slot.answer = self._form.answer(said)

    def _broken(self, slot: _Slot, seen: list[StreamEvent], error: BaseException) -> None:
        """A stream failed, or its reader left: what had come is recorded, if anything had."""
        if isinstance(error, ProviderError):
            self._fill(slot, Said(events=tuple(seen), error=error))
        elif seen and not isinstance(error, Exception):
            whole = isinstance(seen[-1], End)
            self._fill(slot, Said(events=tuple(seen), cut=not whole))
