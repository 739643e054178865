"""Provider: one attempt at one request, sync and async, whole and streamed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from altar.llm._usage import Price, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from altar.adm import FunctionDeclaration, ToolConfig
    from altar.llm._events import StreamEvent
    from altar.llm._messages import Message
    from altar.llm._options import Sampling
    from altar.runtime import Cancellation

__all__ = [
    "Adaptation",
    "Attempt",
    "Capabilities",
    "OutputSpec",
    "Provider",
    "ReplyEnd",
    "Request",
    "Response",
]

ReplyEnd: TypeAlias = Literal[
    "stop", "length", "refusal", "blocked", "malformed", "paused", "unknown"
]


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Something a run changed to make a request fit: ``what``, and ``why``."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider's model can do; the loop and the output part ask before they use it.

    ``native_output``: it holds itself to a schema. ``tool_choice``: it can be
    made to call, or not to. ``max_tools``: how many declarations a request
    may carry (None: no known bound). ``price``: known without a table.
    """

    tools: bool = True
    streaming: bool = True
    native_output: bool = False
    tool_choice: bool = True
    thinking: bool = False
    max_tools: int | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """A typed answer: its JSON Schema, a name for it, and ``load``.

    ``load`` turns the JSON value into the application's object; it raises
    InvalidDataError, with every problem, when the value does not fit.
    """

    name: str
    schema: Mapping[str, Any]
    load: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked; pure data, the same for every provider."""

    model: str
    messages: tuple[Message, ...]
    instructions: str | None
    tools: tuple[FunctionDeclaration, ...]
    tool_choice: ToolConfig | None
    output: OutputSpec | None
    sampling: Sampling
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The circumstances of one attempt: its number, the deadline, the flag to watch.

    ``deadline`` is on the scale of :func:`time.monotonic`; None means none.
    """

    number: int
    deadline: float | None
    cancelled: Cancellation


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A model's answer.

    ``finish`` never says whether there are calls: the parts do. ``paused``
    asks to be sent again as it stands. ``raw_finish`` is the provider's own
    word and ``detail`` its explanation.
    """

    message: Message
    finish: ReplyEnd = "stop"
    usage: Usage = field(default_factory=Usage)
    raw_finish: str | None = None
    detail: str | None = None
    adaptations: tuple[Adaptation, ...] = ()


@runtime_checkable
class Provider(Protocol):
    """One model behind one prefix.

    Each method makes one attempt: no loop, no retry and no continuation
    inside, for the loop owns budget, deadline and cancellation. A failure is
    a :class:`altar.errors.ProviderError`. Streams are generators whose
    ``close``/``aclose`` lets go of the connection.
    """

    @property
    def name(self) -> str:
        """The prefix: "gemini"."""
        ...

    @property
    def model(self) -> str:
        """The model's name without the prefix."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this model can do."""
        ...

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        ...

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, without blocking the event loop."""
        ...

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The answer as it comes."""
        ...

    def astream(self, request: Request, attempt: Attempt) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

    async def aclose(self) -> None:
        """Let go of connections, without blocking the event loop."""
        ...
