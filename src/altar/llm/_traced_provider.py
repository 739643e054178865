"""Asked: a provider whose attempts are told, and a runtime whose tools know where they belong."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from altar.llm._events import End
from altar.llm._live import shown
from altar.trace import _conventions as names
from altar.trace._scope import Inside

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from contextvars import Token

    from altar.adm import FunctionCall, ToolResult
    from altar.llm._events import StreamEvent
    from altar.llm._provider import Attempt, Capabilities, Provider
    from altar.llm._request import Request, Response
    from altar.llm._traced import RunTrace
    from altar.runtime import CallContext, Runtime
    from altar.trace import Span

__all__ = ["Asked", "Placed", "as_member"]

# the run whose model is asked here: a chain tells it of its members
_asking: ContextVar[RunTrace | None] = ContextVar("altar_asking", default=None)
_OVER: Any = object()


class _Step(Inside):
    """Inside ``with``, the attempt is the current span."""

    __slots__ = ("_trace", "_was")

    def __init__(self, trace: RunTrace, span: Span) -> None:
        super().__init__(span)
        self._trace = trace
        self._was: Token[RunTrace | None] | None = None

    def __enter__(self) -> None:
        self._was = _asking.set(self._trace)
        super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        was, self._was = self._was, None
        if was is not None:
            with suppress(ValueError):  # as in Inside
                _asking.reset(was)


class Asked:
    """A provider, each of whose attempts is a span; one that answers is ended by the loop."""

    __slots__ = ("_provider", "_purpose", "_trace")

    def __init__(self, trace: RunTrace, provider: Provider, purpose: str = "") -> None:
        self._trace = trace
        self._provider = provider
        self._purpose = purpose

    @property
    def name(self) -> str:
        """The provider's own."""
        return self._provider.name

    @property
    def model(self) -> str:
        """The provider's own."""
        return self._provider.model

    @property
    def capabilities(self) -> Capabilities:
        """The provider's own."""
        return self._provider.capabilities

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        span = self._begin(request, attempt, stream=False)
        try:
            with _Step(self._trace, span):
                return self._provider.complete(request, attempt)
        except BaseException as error:
            self._trace.broke(span, error)
            raise

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, without blocking the event loop."""
        span = self._begin(request, attempt, stream=False)
        try:
            with _Step(self._trace, span):
                return await self._provider.acomplete(request, attempt)
        except BaseException as error:
            self._trace.broke(span, error)
            raise

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The answer as it comes."""
        span = self._begin(request, attempt, stream=True)
        reading = _Reading(span)
        try:
            events = self._provider.stream(request, attempt)
            try:
                while True:
                    with _Step(self._trace, span):
                        event = next(events, _OVER)
                    if event is _OVER:
                        reading.check()
                        return
                    reading.note(event)
                    yield event
            finally:
                events.close()
        except BaseException as error:
            self._trace.broke(span, error, partial=reading.partial)
            raise

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes, without blocking the event loop."""
        span = self._begin(request, attempt, stream=True)
        reading = _Reading(span)
        try:
            events = self._provider.astream(request, attempt)
            try:
                while True:
                    with _Step(self._trace, span):
                        event = await anext(events, _OVER)
                    if event is _OVER:
                        reading.check()
                        return
                    reading.note(event)
                    yield event
            finally:
                await events.aclose()
        except BaseException as error:
            self._trace.broke(span, error, partial=reading.partial)
            raise

    def close(self) -> None:
        """Let go of connections."""
        self._provider.close()

    async def aclose(self) -> None:
        """Let go of connections, without blocking the event loop."""
        await self._provider.aclose()

    def _begin(self, request: Request, attempt: Attempt, *, stream: bool) -> Span:
        return self._trace.ask(
            self._provider, request, attempt, stream=stream, purpose=self._purpose
        )


class _Reading:
    """What is noted of a stream while it is read."""

    __slots__ = ("_is_first", "_is_over", "_span", "_started", "partial")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._is_over = False
        self._started = perf_counter()
        self._is_first = True
        self.partial = False

    def note(self, event: StreamEvent) -> None:
        span = self._span
        if self._is_first:
            self._is_first = False
            if span.kind == "model":
                span.set(names.FIRST_CHUNK, perf_counter() - self._started)
        if not self.partial and shown(event) is not None:
            self.partial = True
        self._is_over = isinstance(event, End)

    def check(self) -> None:
        """Say so where the stream stopped before its End; whoever reads it raises the error."""
        if not self._is_over:
            self._span.fail("TransportError", "the stream stopped before the answer was complete")
            if self.partial:
                self._span.set(names.PARTIAL, True)


def as_member(provider: Provider) -> Provider:
    """A member of a chain that is about to be asked, told to the run that asks the chain."""
    trace = _asking.get()
    return provider if trace is None else Asked(trace, provider)


class Placed:
    """A runtime whose calls belong to the run's round, in whatever thread or task they run."""

    __slots__ = ("_runtime", "_trace")

    def __init__(self, trace: RunTrace, runtime: Runtime) -> None:
        self._trace = trace
        self._runtime = runtime

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call."""
        with Inside(self._trace.place):
            return self._runtime.invoke(call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop."""
        with Inside(self._trace.place):
            return await self._runtime.ainvoke(call, ctx)
