"""Models for tests: ScriptedProvider plays a list of replies, FunctionProvider asks a function."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from functools import lru_cache
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self, TypeAlias, get_args

from altar.errors import ConfigurationError, ProviderError
from altar.llm import (
    BaseProvider,
    BlobPart,
    Message,
    Origin,
    Part,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Usage,
    fold,
    unfold,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from altar.llm import Attempt, Capabilities, Request, StreamEvent

__all__ = ["FunctionProvider", "ScriptReply", "ScriptedProvider"]

ScriptReply: TypeAlias = (
    "str | Part | list[Part | str] | tuple[Part | str, ...] | Message | Response | ProviderError"
)


class ScriptedProvider(BaseProvider):
    """A model that says what it was told to say, in order.

    Each entry is a text, a part (``ToolCall("add", {"a": 1})``), a list of
    them, a Message, a Response, a ProviderError to raise, or a list of stream
    events ending in an End or a ProviderError. ``requests`` holds what was
    asked, ``capabilities`` what the model says it can do. Used as a context
    manager it raises AssertionError when the script was not played to its end;
    so does ``finished()``.

    A Response or an End keeps its own usage. For any other entry it is an
    estimate, about four characters of the messages for a token, so that
    ``Limits(tokens=...)`` works in tests.
    """

    name = "scripted"

    def __init__(
        self,
        replies: Iterable[Any],
        *,
        model: str = "script",
        capabilities: Capabilities | None = None,
    ) -> None:
        self.model = model
        if capabilities is not None:
            self.capabilities = capabilities
        self.requests: list[Request] = []
        self._meter = _Meter()
        self._script = list(replies)
        self._played = 0

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The next entry."""
        entry = self._next(request)
        return _response(entry, self, self._meter.read(request))

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The next entry."""
        return self.complete(request, attempt)

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The next entry, in pieces."""
        yield from _pieces(self._next(request), self, self._meter.read(request))

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The next entry, in pieces."""
        for event in _pieces(self._next(request), self, self._meter.read(request)):
            yield event

    def finished(self) -> None:
        """Raise AssertionError when entries are left."""
        left = len(self._script) - self._played
        if left > 0:
            upcoming = repr(self._script[self._played])[:120]
            raise AssertionError(
                f"the script was not played to its end: {left} of {len(self._script)} replies "
                f"are left, the next is {upcoming}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            self.finished()

    def _next(self, request: Request) -> Any:
        self.requests.append(request)
        if self._played >= len(self._script):
            raise AssertionError(
                f"the script has {len(self._script)} replies, and was asked for one more; "
                f"the last message was {request.messages[-1:]!r}"[:600]
            )
        entry = self._script[self._played]
        self._played += 1
        return entry


class FunctionProvider(BaseProvider):
    """A model that is a function: it takes the Request and returns any entry of a script.

    The function may be async; then only the async forms work. Usage is kept
    or estimated as with :class:`ScriptedProvider`.
    """

    name = "function"

    def __init__(
        self,
        function: Callable[[Request], Any | Awaitable[Any]],
        *,
        model: str = "function",
        capabilities: Capabilities | None = None,
    ) -> None:
        self.model = model
        if capabilities is not None:
            self.capabilities = capabilities
        self.requests: list[Request] = []
        self._meter = _Meter()
        self._function = function

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """What the function says."""
        return _response(self._sync(request), self, self._meter.read(request))

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """What the function says."""
        entry = await self._async(request)
        return _response(entry, self, self._meter.read(request))

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """What the function says, in pieces."""
        yield from _pieces(self._sync(request), self, self._meter.read(request))

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """What the function says, in pieces."""
        entry = await self._async(request)
        for event in _pieces(entry, self, self._meter.read(request)):
            yield event

    def _sync(self, request: Request) -> Any:
        self.requests.append(request)
        entry = self._function(request)
        if isawaitable(entry):
            close = getattr(entry, "close", None)
            if close is not None:
                close()
            raise self._has_no("sync", "altar.agenerate or altar.astream")
        return entry

    async def _async(self, request: Request) -> Any:
        self.requests.append(request)
        entry = self._function(request)
        return await entry if isawaitable(entry) else entry


class _Meter:
    """Estimates what a request holds; a message it counted last time is not read again."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[tuple[Message, ...], int] = ((), 0)  # replaced whole: threads may share

    def read(self, request: Request) -> int:
        """The characters of the messages and instructions of ``request``."""
        messages = request.messages
        known, characters = self._last
        start = len(known)
        if start > len(messages) or (start and messages[start - 1] is not known[-1]):
            start = characters = 0
        for message in messages[start:]:
            characters += _characters(message.parts)
        self._last = (messages, characters)
        return characters + len(request.instructions or "")


def _characters(parts: tuple[Part, ...]) -> int:
    count = 0
    for part in parts:
        if isinstance(part, (Text, ToolResultPart, Thinking)):
            count += len(part.text)
        elif isinstance(part, ToolCall):
            count += len(str(part.name)) + len(part.raw_args or str(part.args))
        elif isinstance(part, BlobPart):
            count += len(part.data or b"")
        else:
            count += len(repr(part))
    return count


def _response(entry: Any, provider: BaseProvider, asked: int) -> Response:
    """The answer ``entry`` stands for, to a request of ``asked`` characters."""
    if isinstance(entry, Response):
        return entry
    if isinstance(entry, ProviderError):
        raise entry
    if _is_stream(entry):
        return fold(_pieces(entry, provider, asked))
    message = entry
    if not isinstance(entry, Message):
        message = Message("assistant", _parts(entry), origin=_origin(provider.name, provider.model))
    said = _characters(message.parts)
    usage = Usage(input_tokens=(asked + 3) // 4, output_tokens=(said + 3) // 4)
    return Response(message=message, usage=usage)


@lru_cache(maxsize=64)
def _origin(name: str, model: str) -> Origin:
    return Origin(provider=name, model=model)


_PARTS = frozenset(get_args(Part))


def _parts(entry: Any) -> tuple[Part, ...]:
    items = entry if isinstance(entry, (list, tuple)) else (entry,)
    parts = tuple([Text(item) if isinstance(item, str) else item for item in items])
    for part in parts:
        if part.__class__ not in _PARTS and not isinstance(part, Part):
            allowed = "a text, a part, a list of them, a Message, a Response or a ProviderError"
            raise ConfigurationError(f"a script's reply is {allowed}, not {type(part).__name__}")
    return parts


def _is_stream(entry: Any) -> bool:
    return (
        isinstance(entry, (list, tuple))
        and len(entry) > 0
        and not isinstance(entry[0], (str, Part))
    )


def _pieces(entry: Any, provider: BaseProvider, asked: int) -> Generator[StreamEvent, None, None]:
    if not _is_stream(entry):
        yield from unfold(_response(entry, provider, asked))
        return
    for event in entry:
        if isinstance(event, ProviderError):
            raise event
        yield event
