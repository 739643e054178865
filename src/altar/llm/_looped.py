"""LoopedProvider: for async clients; the sync forms run on a loop of the provider's own."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from altar.errors import ProviderTimeoutError, TransportError
from altar.llm._base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from altar.llm._events import StreamEvent
    from altar.llm._provider import Attempt
    from altar.llm._request import Request, Response

__all__ = ["LoopedProvider"]

T = TypeVar("T")
_OVER = object()


class LoopedProvider(BaseProvider):
    """Write ``acomplete`` and ``astream`` with an async client; get the sync forms.

    There is one client for each event loop that asks, made by :meth:`connect`
    when it is first needed and let go of by :meth:`disconnect`. The sync forms
    run the async ones on a loop in a thread of the provider's own: so a
    deadline and a raised flag reach the socket at once, which a thread that
    waits inside a sync client would not notice. ``close`` ends that thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}
        self._own: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def connect(self) -> Any:
        """Make the vendor's async client; runs inside the event loop that will use it."""
        raise NotImplementedError

    async def disconnect(self, client: Any) -> None:
        """Let go of a client that :meth:`connect` made."""

    def client(self) -> Any:
        """The client of the running event loop."""
        events = asyncio.get_running_loop()
        with self._lock:
            self._forget_forked()
            for other in [one for one in self._clients if one.is_closed()]:
                del self._clients[other]  # its sockets went with it
            client = self._clients.get(events)
        if client is None:
            client = self._clients[events] = self.connect()
        return client

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        return self._wait(self.acomplete(request, attempt), attempt)

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The answer as it comes."""
        news: SimpleQueue[Any] = SimpleQueue()

        async def pull() -> None:
            events = self.astream(request, attempt)
            try:
                async for event in events:
                    news.put((event, None))
            finally:
                await events.aclose()

        def tell(task: asyncio.Task[None]) -> None:
            news.put((_OVER, _fault(task)))

        task = self._start(pull(), tell)
        with _Interrupt(self._loop(), task, attempt):
            try:
                while True:
                    event, fault = news.get()
                    if event is not _OVER:
                        yield event
                    elif fault is None:
                        return
                    else:
                        raise _translated(fault, attempt)
            finally:
                self._loop().call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Let go of every connection, and of the thread of the sync forms."""
        events = self._own
        if events is None or events.is_closed() or self._process != os.getpid():
            self._clients.clear()
            return
        done = asyncio.run_coroutine_threadsafe(self._disconnect(events), events)
        with suppress(Exception):
            done.result(5.0)
        events.call_soon_threadsafe(events.stop)
        self._own = None
        self._clients.clear()

    async def aclose(self) -> None:
        """As :meth:`close`, on an event loop."""
        await self._disconnect(asyncio.get_running_loop())
        if self._own is not None:
            await asyncio.to_thread(self.close)

    async def _disconnect(self, events: asyncio.AbstractEventLoop) -> None:
        client = self._clients.pop(events, None)
        if client is not None:
            await self.disconnect(client)

    def _wait(self, work: Coroutine[Any, Any, T], attempt: Attempt) -> T:
        """Run ``work`` on the provider's own loop and wait for what comes of it."""
        news: SimpleQueue[Any] = SimpleQueue()
        task = self._start(work, news.put)
        with _Interrupt(self._loop(), task, attempt):
            try:
                done: asyncio.Task[T] = news.get()
            except BaseException:  # KeyboardInterrupt while waiting
                self._loop().call_soon_threadsafe(task.cancel)
                raise
        fault = _fault(done)
        if fault is not None:
            raise _translated(fault, attempt)
        return done.result()

    def _start(
        self, work: Coroutine[Any, Any, T], tell: Callable[[asyncio.Task[T]], object]
    ) -> asyncio.Task[T]:
        started: SimpleQueue[asyncio.Task[T]] = SimpleQueue()
        events = self._loop()

        def start() -> None:
            task = events.create_task(work)
            task.add_done_callback(tell)
            started.put(task)

        events.call_soon_threadsafe(start, context=copy_context())
        return started.get()

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            self._forget_forked()
            if self._own is None:
                self._own = asyncio.new_event_loop()
                Thread(target=_serve, args=(self._own,), name="altar-model", daemon=True).start()
            return self._own

    def _forget_forked(self) -> None:
        """A child process has neither the thread nor the sockets of its parent."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._own = None
            self._clients = {}


class _Interrupt:
    """Ends a task of another thread's loop at the deadline, or when the flag is raised."""

    def __init__(
        self, events: asyncio.AbstractEventLoop, task: asyncio.Task[Any], attempt: Attempt
    ) -> None:
        self._events = events
        self._task = task
        self._attempt = attempt
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._attempt.cancelled.on_cancel(self._stop)
        if self._attempt.deadline is not None:
            left = max(0.0, self._attempt.deadline - monotonic())
            self._events.call_soon_threadsafe(self._schedule, left)

    def __exit__(self, *exc: object) -> None:
        self._attempt.cancelled.forget(self._stop)
        if self._attempt.deadline is not None:
            self._events.call_soon_threadsafe(self._unschedule)

    def _schedule(self, left: float) -> None:
        self._timer = self._events.call_later(left, self._task.cancel)

    def _unschedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _stop(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the task with it
            self._events.call_soon_threadsafe(self._task.cancel)


def _serve(events: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(events)
    try:
        events.run_forever()
    finally:
        for task in asyncio.all_tasks(events):
            task.cancel()
        events.run_until_complete(asyncio.sleep(0))
        events.run_until_complete(events.shutdown_asyncgens())
        events.close()


def _fault(task: asyncio.Task[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _translated(fault: BaseException, attempt: Attempt) -> BaseException:
    """A cancelled attempt, as the loop that waits for it knows it."""
    if not isinstance(fault, asyncio.CancelledError):
        return fault
    if attempt.cancelled:
        return TransportError("the run ended before the model had answered")
    return ProviderTimeoutError("the run's time was up before the model had answered")
