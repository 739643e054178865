"""The async drivers of the loop: ``arun`` awaits the reply, ``astream`` shows it coming."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing, suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from altar.errors import ProviderError, TransportError
from altar.llm._live import Event
from altar.llm._loop import loop
from altar.llm._people import aask
from altar.llm._request import Response
from altar.llm._showing import Showing
from altar.llm._steps import AskModel, AskPerson, Failed, RunTools, Sleep, Unasked
from altar.llm._tools import Timed, contexts
from altar.llm._watch import watched
from altar.runtime import ainvoke_many

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from altar.adm import ToolResult
    from altar.llm._events import StreamEvent
    from altar.llm._reply import Reply
    from altar.llm._steps import Finished
    from altar.llm._task import Task
    from altar.llm._turn import Turn
    from altar.runtime import Runtime

__all__ = ["arun", "astream"]

T = TypeVar("T")
_OVER = object()
_PATIENCE = 0.25  # seconds in which what a run breaks off may clean up


async def arun(task: Task, runtime: Runtime) -> Reply[Any]:
    """Drive the loop to its reply without blocking the event loop."""
    steps = loop(task)
    answer: object = None
    with watched(task, runtime) as place, closing(steps):
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                reply: Reply[Any] = end.value
                return reply
            answer = None
            if isinstance(step, AskModel):
                answer = await _complete(task, step)
            elif isinstance(step, RunTools):
                await _run_tools(step, place)
            elif isinstance(step, AskPerson):
                answer = await _ask_person(task, step)
            elif isinstance(step, Sleep):
                await _sleep(task, step.seconds)


async def _complete(task: Task, step: AskModel) -> Response | Failed:
    try:
        answer = step.provider.acomplete(step.request, step.attempt)
        return await _bounded(task, step.attempt.deadline, answer)
    except ProviderError as error:
        return Failed(error)


async def _ask_person(task: Task, step: AskPerson) -> object:
    try:
        return await _bounded(task, step.deadline, aask(step))
    except TransportError as error:  # the run ended first; the loop looks at it next
        return Unasked(error)


async def _sleep(task: Task, seconds: float) -> None:
    with suppress(TransportError):  # the flag was raised; the loop looks at it next
        await _bounded(task, None, task.options.retry.clock.asleep(seconds))


async def _bounded(task: Task, deadline: float | None, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` until the deadline, or until the run is cancelled.

    Raises TransportError when it was interrupted; the loop, which is told,
    knows why.
    """
    if deadline is None and task.options.cancel is None:
        return await work
    events = asyncio.get_running_loop()
    inner = events.create_task(work)

    def interrupt() -> None:
        with suppress(RuntimeError):  # the event loop has ended, and the run with it
            events.call_soon_threadsafe(inner.cancel)

    task.cancelled.on_cancel(interrupt)
    try:
        left = None if deadline is None else max(0.0, deadline - task.options.retry.clock.now())
        await asyncio.wait((inner,), timeout=left)
        if inner.done() and not (inner.cancelled() and task.cancelled):
            return inner.result()
        raise TransportError("the run ended before the model had answered")
    finally:
        task.cancelled.forget(interrupt)
        await _abandon(inner, _PATIENCE)


async def _unbounded(work: Coroutine[Any, Any, T]) -> T:
    return await work


async def _abandon(inner: asyncio.Task[Any], patience: float | None) -> None:
    """Cancel what is not done, and wait for its end; with ``patience`` no longer than that.

    A provider may swallow the cancellation. Then it is left to itself: it must
    not hold a run beyond its deadline.
    """
    if not inner.done():
        inner.cancel()
        await asyncio.wait((inner,), timeout=patience)
    if inner.done():
        _forget(inner)
    else:
        inner.add_done_callback(_forget)


def _forget(inner: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that nobody waits for, or asyncio would complain."""
    if not inner.cancelled():
        inner.exception()


async def _run_tools(step: RunTools, runtime: Runtime) -> None:
    turns = step.turns
    if len(turns) == 1:
        turn = turns[0]
        started = perf_counter()
        result = await runtime.ainvoke(turn.call, step.context)
        step.settle(turn, result, perf_counter() - started)
        return
    timed = Timed(runtime, turns, step.settle)
    calls = [turn.call for turn in turns]
    shared = contexts(step.context, turns)
    await ainvoke_many(timed, calls, shared, max_concurrency=step.max_concurrency)


async def astream(task: Task, runtime: Runtime) -> AsyncGenerator[Event, None]:
    """Drive the loop and yield its events as they happen; closing it ends the run."""
    steps = loop(task)
    answer: object = None
    with watched(task, runtime) as place, closing(steps):
        while True:
            try:
                step = steps.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, AskModel) and step.quiet:
                answer = await _complete(task, step)
            elif isinstance(step, AskModel):
                asking = _Asking(task, step)
                async with aclosing(asking.events()) as said:
                    async for event in said:
                        yield event
                answer = asking.answer
            elif isinstance(step, RunTools):
                async with aclosing(_stream_tools(task, step, place)) as told:
                    async for event in told:
                        yield event
            elif isinstance(step, AskPerson):
                answer = await _ask_person(task, step)
            elif isinstance(step, Sleep):
                await _sleep(task, step.seconds)
            else:
                yield step


class _Asking:
    """One streamed attempt: its events, and then its ``answer``."""

    __slots__ = ("_step", "_task", "answer")

    def __init__(self, task: Task, step: AskModel) -> None:
        self._task = task
        self._step = step
        self.answer: Response | Failed | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        step = self._step
        showing = Showing(step)
        try:
            events = _paced(self._task, step)
            async with aclosing(events):
                async for event in events:
                    for seen in showing.feed(event):
                        yield seen
            self.answer = showing.response()
        except ProviderError as error:
            self.answer = Failed(error, showing.visible)


async def _paced(task: Task, step: AskModel) -> AsyncGenerator[StreamEvent, None]:
    """The provider's events, no longer than the deadline and the application allow."""
    events = step.provider.astream(step.request, step.attempt)
    if step.attempt.deadline is None and task.options.cancel is None:
        async with aclosing(events):
            async for event in events:
                yield event
        return

    async def pull(put: Callable[[object], None]) -> None:
        async with aclosing(events):  # here: one that is abandoned may still be inside
            async for event in events:
                put(event)

    waiting = partial(_bounded, task, step.attempt.deadline)
    async with aclosing(_pump(pull, waiting, _PATIENCE)) as pumped:
        async for event in pumped:
            yield event


async def _stream_tools(
    task: Task, step: RunTools, runtime: Runtime
) -> AsyncGenerator[Event, None]:
    turns = step.turns
    finished: Finished = []

    async def work(put: Callable[[object], None]) -> None:
        def done(turn: Turn, result: ToolResult, seconds: float) -> None:
            finished.append((turn, result, seconds))
            put(("done", turn, result, seconds))

        timed = Timed(runtime, turns, done)
        shared = contexts(step.context, turns, lambda *said: put(("said", *said)))
        if len(turns) == 1:
            await timed.ainvoke(turns[0].call, shared[0])
            return
        calls = [turn.call for turn in turns]
        await ainvoke_many(timed, calls, shared, max_concurrency=step.max_concurrency)

    try:
        async with aclosing(_pump(work, _unbounded, None)) as told:
            async for kind, *rest in told:
                event = step.told(kind, rest)
                if event is not None:
                    yield event
    finally:  # what did end is kept, also when nobody reads on
        step.keep(finished)


async def _pump(
    work: Callable[[Callable[[object], None]], Coroutine[Any, Any, None]],
    waiting: Callable[[Coroutine[Any, Any, object]], Coroutine[Any, Any, object]],
    patience: float | None,
) -> AsyncGenerator[Any, None]:
    """Run ``work`` as a task of its own and yield what it puts, from whatever thread.

    ``waiting`` awaits the next item, within the bounds it knows; ``patience`` is
    that of :func:`_abandon`.
    """
    events = asyncio.get_running_loop()
    queue: asyncio.Queue[object] = asyncio.Queue()

    def put(item: object) -> None:
        with suppress(RuntimeError):  # an abandoned tool may speak after the loop is gone
            events.call_soon_threadsafe(queue.put_nowait, item)

    inner = events.create_task(work(put))
    inner.add_done_callback(lambda _: queue.put_nowait(_OVER))
    try:
        while True:
            news = await waiting(queue.get())
            if news is _OVER:
                inner.result()
                return
            yield news
    finally:
        await _abandon(inner, patience)
