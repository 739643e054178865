"""Provider: one attempt at one request, sync and async, whole and streamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from altar.llm._events import StreamEvent
    from altar.llm._request import Request, Response
    from altar.llm._usage import Price
    from altar.runtime import Cancellation

__all__ = ["Attempt", "Capabilities", "Provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider's model can do; the loop and the output part ask before they use it.

    ``native_output``: it holds itself to a schema, and ``output_with_tools``
    says whether also in a request with tools. ``tool_choice``: it can be made
    to call, or not to. ``max_tools``: how many declarations a request may
    carry (None: no known bound). ``blobs``: what it reads, as "image/*" or
    "application/pdf". ``sampling``: the names of the :class:`Sampling` fields
    it takes (None: all). ``price``: known without a table.
    """

    tools: bool = True
    streaming: bool = True
    native_output: bool = False
    output_with_tools: bool = True
    tool_choice: bool = True
    thinking: bool = False
    max_tools: int | None = None
    blobs: tuple[str, ...] = ("*/*",)
    sampling: frozenset[str] | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The circumstances of one attempt: its number, the deadline, the flag to watch.

    ``deadline`` is on the scale of :func:`time.monotonic`; None means none.
    """

    number: int
    deadline: float | None
    cancelled: Cancellation


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
