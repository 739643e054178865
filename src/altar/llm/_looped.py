"""LoopedProvider: for async clients; the sync forms run on a loop of the provider's own."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from altar.errors import ClosedError, ProviderTimeoutError, TransportError
from altar.llm._base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Generator

    from altar.llm._events import StreamEvent
    from altar.llm._provider import Attempt
    from altar.llm._request import Request, Response

__all__ = ["LoopedProvider"]

T = TypeVar("T")
_OVER = object()
_PATIENCE = 5.0  # seconds for what is under way to end, when the provider is closed


class LoopedProvider(BaseProvider):
    """Write ``acomplete`` and ``astream`` with an async client; get the sync forms.

    There is one client for each event loop that asks, made by :meth:`connect`
    when it is first needed and let go of by :meth:`disconnect`: when the
    provider is closed, or when the loop ends, as ``asyncio.run`` ends its own.
    The sync forms run the async ones on a loop in a thread of the provider's
    own: so a deadline and a raised flag reach the socket at once, which a
    thread that waits inside a sync client would not notice. ``close`` ends
    that thread; who still waits for an answer there gets a ClosedError.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clients: dict[asyncio.AbstractEventLoop, _Kept] = {}
        self._own: _Own | None = None
        self._process = 0
        self._parents: object = None

    def connect(self) -> Any:
        """Make the vendor's async client; runs inside the event loop that will use it."""
        raise NotImplementedError

    async def disconnect(self, client: Any) -> None:
        """Let go of a client that :meth:`connect` made; runs inside the same event loop."""

    def client(self) -> Any:
        """The client of the running event loop."""
        events = asyncio.get_running_loop()
        with self._lock:
            self._forget_forked()
            ended = [one for one in self._clients if one.is_closed()]
            for other in ended:
                del self._clients[other]
            kept = self._clients.get(events)
        for other in ended:
            _drop_sockets(other)
        if kept is None:
            client = self.connect()
            kept = _Kept(client, self._keep(events, client))
            with suppress(StopIteration):  # to its yield, which shows it to the running loop
                kept.keeper.__anext__().__await__().send(None)
            with self._lock:
                self._clients[events] = kept
        return kept.client

    async def _keep(
        self, events: asyncio.AbstractEventLoop, client: Any
    ) -> AsyncGenerator[None, None]:
        """Hold a client until this is closed, which a loop that ends does by itself."""
        try:
            yield
        finally:
            with self._lock:
                kept = self._clients.get(events)
                if kept is not None and kept.client is client:
                    del self._clients[events]
            await self.disconnect(client)

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

        def tell(task: asyncio.Future[None]) -> None:
            news.put((_OVER, _fault(task)))

        own, task = self._start(pull(), tell)
        with _Interrupt(own, task, attempt):
            try:
                while True:
                    event, fault = news.get()
                    if event is not _OVER:
                        yield event
                    elif fault is None:
                        return
                    else:
                        raise self._translated(fault, attempt, own)
            finally:
                own.soon(task.cancel)

    def close(self) -> None:
        """Let go of every connection, and of the thread of the sync forms."""
        with self._lock:
            self._forget_forked()
            own, self._own = self._own, None
            clients = dict(self._clients)
            self._clients.clear()
            if own is not None:
                own.soon(own.end)  # behind whatever was started before
        for events, kept in clients.items():
            if own is None or events is not own.events:
                _close_in(events, kept)
        if own is not None and own.thread is not current_thread():
            own.thread.join(3 * _PATIENCE)

    async def aclose(self) -> None:
        """As :meth:`close`, on an event loop."""
        with self._lock:
            kept = self._clients.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept.keeper.aclose()
        if self._own is None:
            self.close()
        else:
            await asyncio.to_thread(self.close)

    def _wait(self, work: Coroutine[Any, Any, T], attempt: Attempt) -> T:
        """Run ``work`` on the provider's own loop and wait for what comes of it."""
        news: SimpleQueue[Any] = SimpleQueue()
        own, task = self._start(work, news.put)
        with _Interrupt(own, task, attempt):
            try:
                done: asyncio.Future[T] = news.get()
            except BaseException:  # KeyboardInterrupt while waiting
                own.soon(task.cancel)
                raise
        fault = _fault(done)
        if fault is not None:
            raise self._translated(fault, attempt, own)
        return done.result()

    def _start(
        self, work: Coroutine[Any, Any, T], tell: Callable[[asyncio.Future[T]], object]
    ) -> tuple[_Own, asyncio.Task[T]]:
        started: SimpleQueue[asyncio.Task[T]] = SimpleQueue()
        with self._lock:
            self._forget_forked()
            if self._own is None:
                self._own = _Own()
            own = self._own

            def start() -> None:
                started.put(own.start(work, tell))

            own.events.call_soon_threadsafe(start, context=copy_context())
        return own, started.get()

    def _forget_forked(self) -> None:
        """A child process has neither the thread nor the sockets of its parent."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._parents = (self._own, self._clients)  # held: their end is the parent's business
            self._own = None
            self._clients = {}

    def _translated(self, fault: BaseException, attempt: Attempt, own: _Own) -> BaseException:
        """A cancelled attempt, as the loop that waits for it knows it."""
        broken_off = isinstance(fault, asyncio.CancelledError)
        if broken_off and attempt.cancelled:
            return TransportError("the run ended before the model had answered")
        if own.closed and isinstance(fault, (asyncio.CancelledError, TransportError)):
            name = f"{self.name}:{self.model}"
            return ClosedError(f"the provider {name!r} was closed before the model had answered")
        if not broken_off:
            return fault
        return ProviderTimeoutError("the run's time was up before the model had answered")


@dataclass(slots=True)
class _Kept:
    """A client, and the generator that closes it when its loop ends."""

    client: Any
    keeper: AsyncGenerator[None, None]


class _Own:
    """An event loop in a thread of its own, and who waits for what runs there."""

    def __init__(self) -> None:
        self.events = asyncio.new_event_loop()
        self.closed = False
        self._waiting: dict[asyncio.Task[Any], Callable[[asyncio.Future[Any]], object]] = {}
        self.thread = Thread(target=self._serve, name="altar-model", daemon=True)
        self.thread.start()

    def soon(self, do: Callable[[], object]) -> None:
        """Do it on the loop; nothing where that has ended."""
        with suppress(RuntimeError):
            self.events.call_soon_threadsafe(do)

    def start(
        self, work: Coroutine[Any, Any, T], tell: Callable[[asyncio.Future[T]], object]
    ) -> asyncio.Task[T]:
        """Run ``work`` and ``tell`` of its end; on the loop."""
        task = self.events.create_task(work)
        self._waiting[task] = tell
        task.add_done_callback(self._tell)
        return task

    def end(self) -> None:
        """Break off what runs, and end the thread; on the loop."""
        self.closed = True
        self.events.stop()

    def _tell(self, task: asyncio.Task[Any]) -> None:
        tell = self._waiting.pop(task, None)
        if tell is not None:
            tell(task)

    def _serve(self) -> None:
        events = self.events
        asyncio.set_event_loop(events)
        try:
            events.run_forever()
        finally:
            # what is under way ends before the clients do, or it would tell of broken sockets
            events.run_until_complete(self._break_off())
            events.run_until_complete(events.shutdown_asyncgens())
            events.close()

    async def _break_off(self) -> None:
        await _cancelled(set(self._waiting))  # which end what they began in an order of their own
        await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})
        for tell in self._waiting.values():  # nobody waits for work that will not end
            future: asyncio.Future[Any] = self.events.create_future()
            future.cancel()
            tell(future)
        self._waiting.clear()


class _Interrupt:
    """Ends a task of another thread's loop at the deadline, or when the flag is raised."""

    def __init__(self, own: _Own, task: asyncio.Task[Any], attempt: Attempt) -> None:
        self._own = own
        self._task = task
        self._attempt = attempt
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._attempt.cancelled.on_cancel(self._stop)
        if self._attempt.deadline is not None:
            self._own.soon(self._schedule)

    def __exit__(self, *exc: object) -> None:
        self._attempt.cancelled.forget(self._stop)
        if self._attempt.deadline is not None:
            self._own.soon(self._unschedule)

    def _schedule(self) -> None:
        left = max(0.0, (self._attempt.deadline or 0.0) - monotonic())
        self._timer = self._own.events.call_later(left, self._task.cancel)

    def _unschedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _stop(self) -> None:
        self._own.soon(self._task.cancel)


async def _cancelled(tasks: Collection[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks, and wait for them to end."""
    left = [task for task in tasks if task is not None]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_PATIENCE)


def _fault(task: asyncio.Future[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _close_in(events: asyncio.AbstractEventLoop, kept: _Kept) -> None:
    """Close a client on its own loop, from whatever thread."""

    def close() -> None:
        closing.append(events.create_task(_closed(kept)))

    closing: list[object] = []  # the loop itself holds tasks but weakly
    try:
        events.call_soon_threadsafe(close)
    except RuntimeError:  # it has ended
        _drop_sockets(events)


async def _closed(kept: _Kept) -> None:
    await kept.keeper.aclose()


def _drop_sockets(events: asyncio.AbstractEventLoop) -> None:
    """Close the sockets of a loop that was closed without shutting its generators down.

    Nothing can use or close them any more: all that their transports know is
    to ask the closed loop. A loop of another make has closed its own.
    """
    for transport in list(getattr(events, "_transports", {}).values()):
        sock = getattr(transport, "_sock", None)
        if sock is not None:
            transport._closing = True  # noqa: SLF001 - asyncio has no public way
            transport._sock = None  # noqa: SLF001
            sock.close()
