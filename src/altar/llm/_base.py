"""BaseProvider: derives the forms a provider does not write from those it does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from altar.errors import UnsupportedError
from altar.llm._events import Fold, fold, unfold
from altar.llm._provider import Capabilities

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from altar.llm._events import StreamEvent
    from altar.llm._provider import Attempt
    from altar.llm._request import Request, Response

__all__ = ["BaseProvider"]


class BaseProvider:
    """Write ``complete`` or ``stream`` (or, for an async library, their twins); get the rest.

    A whole answer is folded from a stream, a stream is cut from a whole
    answer, and an async form runs the sync one in a thread. A provider with
    async forms only has no sync form: asking for it raises UnsupportedError.
    """

    name: str = "custom"
    model: str = ""
    capabilities: Capabilities = Capabilities()

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, folded from ``stream``."""
        if not self._writes("stream"):
            raise self._has_no("sync", "altar.agenerate")
        return fold(self.stream(request, attempt))

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """A stream cut from ``complete``."""
        if not self._writes("complete"):
            raise self._has_no("sync", "altar.astream")
        yield from unfold(self.complete(request, attempt))

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer: from ``astream``, or from the sync form in a thread."""
        if not self._writes("astream"):
            return await asyncio.to_thread(self.complete, request, attempt)
        folding = Fold()
        async for event in self.astream(request, attempt):
            folding.feed(event)
        return folding.response()

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """A stream: the sync one pulled in a thread, or cut from ``acomplete``."""
        if self._writes("stream") and not self._writes("acomplete"):
            events = self.stream(request, attempt)
            try:
                while (event := await asyncio.to_thread(next, events, None)) is not None:
                    yield event
            finally:
                with suppress(ValueError):  # a thread is still inside: it goes when that returns
                    events.close()
        else:
            for event in unfold(await self.acomplete(request, attempt)):
                yield event

    def close(self) -> None:
        """Let go of connections; there are none unless a provider opens some."""

    async def aclose(self) -> None:
        """The same, on an event loop."""
        self.close()

    def _writes(self, form: str) -> bool:
        return getattr(type(self), form) is not getattr(BaseProvider, form)

    def _has_no(self, form: str, instead: str) -> UnsupportedError:
        return UnsupportedError(
            f"the provider {self.name!r} has no {form} form",
            provider=self.name,
            sent=False,
            hint=f"Use {instead}.",
        )
