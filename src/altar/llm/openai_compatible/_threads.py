"""ThreadedProvider: the async forms of a sync provider that can be interrupted."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

from altar.llm import BaseProvider
from altar.runtime import Cancellation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from altar.llm import Attempt, Request, Response, StreamEvent

__all__ = ["ThreadedProvider"]

_OVER = object()


class ThreadedProvider(BaseProvider):
    """Write ``complete`` and ``stream`` so that they end when the attempt's flag is raised.

    The async forms run them in a thread of the attempt's own, which takes no
    place in the event loop's executor. Where the awaiting task is cancelled,
    or the stream is closed, the flag of that attempt is raised and nobody
    waits for the thread: it ends as soon as its socket is shut.
    """

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, without blocking the event loop."""
        events = asyncio.get_running_loop()
        done: asyncio.Future[Response] = events.create_future()

        def settle(answer: Any, fault: BaseException | None) -> None:
            if done.done():
                return  # the task that waited was cancelled
            if fault is None:
                done.set_result(answer)
            elif isinstance(fault, StopIteration):  # which no future takes
                unfit = RuntimeError("complete() raised StopIteration")
                unfit.__cause__ = fault
                done.set_exception(unfit)
            else:
                done.set_exception(fault)

        def work(own: Attempt) -> None:
            try:
                answer = self.complete(request, own)
            except BaseException as error:  # noqa: BLE001 - it goes on in the task that waits
                _tell(events, settle, None, error)
            else:
                _tell(events, settle, answer, None)

        with _interruptible(attempt) as own:
            _start(work, own)
            return await done

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes, without blocking the event loop."""
        events = asyncio.get_running_loop()
        news: asyncio.Queue[tuple[Any, BaseException | None]] = asyncio.Queue()

        def work(own: Attempt) -> None:
            try:
                for event in self.stream(request, own):
                    _tell(events, news.put_nowait, (event, None))
            except BaseException as error:  # noqa: BLE001 - it goes on in the task that waits
                _tell(events, news.put_nowait, (_OVER, error))
            else:
                _tell(events, news.put_nowait, (_OVER, None))

        with _interruptible(attempt) as own:
            _start(work, own)
            while True:
                event, fault = await news.get()
                if event is not _OVER:
                    yield event
                elif fault is None:
                    return
                else:
                    raise fault


@contextmanager
def _interruptible(attempt: Attempt) -> Iterator[Attempt]:
    """The attempt with a flag of its own, raised with the outer one and on leaving."""
    flag = Cancellation()

    def forward() -> None:
        flag.cancel(attempt.cancelled.reason or "")

    attempt.cancelled.on_cancel(forward)
    try:
        yield replace(attempt, cancelled=flag)
    finally:
        attempt.cancelled.forget(forward)
        flag.cancel("nobody waits for the answer any more")


def _start(work: Callable[[Attempt], None], attempt: Attempt) -> None:
    run = copy_context().run
    Thread(target=run, args=(work, attempt), name="altar-local", daemon=True).start()


def _tell(events: asyncio.AbstractEventLoop, what: Callable[..., Any], *said: Any) -> None:
    with suppress(RuntimeError):  # the event loop is gone, and all who waited with it
        events.call_soon_threadsafe(what, *said)
