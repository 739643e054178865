"""The sync drivers of the loop: ``run`` waits for the reply, ``stream`` shows it coming."""

from __future__ import annotations

from contextlib import closing
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from altar.errors import ProviderError
from altar.llm._live import Event
from altar.llm._loop import loop
from altar.llm._people import ask, refuse_async
from altar.llm._request import Response
from altar.llm._showing import Showing
from altar.llm._steps import AskModel, AskPerson, Failed, RunTools, Sleep
from altar.llm._tools import Timed, contexts
from altar.llm._watch import watched
from altar.runtime import invoke_many

if TYPE_CHECKING:
    from collections.abc import Generator

    from altar.adm import ToolResult
    from altar.llm._reply import Reply
    from altar.llm._steps import Finished
    from altar.llm._task import Task
    from altar.llm._turn import Turn
    from altar.runtime import Runtime

__all__ = ["run", "stream"]


def run(task: Task, runtime: Runtime) -> Reply[Any]:
    """Drive the loop to its reply."""
    refuse_async(task.options.approve)
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
                answer = _complete(step)
            elif isinstance(step, RunTools):
                _run_tools(step, place)
            elif isinstance(step, AskPerson):
                answer = ask(step)
            elif isinstance(step, Sleep):
                task.options.retry.clock.wait(step.seconds, task.cancelled)


def _complete(step: AskModel) -> Response | Failed:
    try:
        return step.provider.complete(step.request, step.attempt)
    except ProviderError as error:
        return Failed(error)


def _run_tools(step: RunTools, runtime: Runtime) -> None:
    turns = step.turns
    if len(turns) == 1:
        turn = turns[0]
        started = perf_counter()
        result = runtime.invoke(turn.call, step.context)
        step.settle(turn, result, perf_counter() - started)
        return
    finished: Finished = []
    timed = Timed(runtime, turns, lambda *done: finished.append(done))
    calls = [turn.call for turn in turns]
    shared = contexts(step.context, turns)
    try:
        invoke_many(timed, calls, shared, max_concurrency=step.max_concurrency)
    finally:  # what did end is kept, also when a KeyboardInterrupt ends the rest
        step.keep(finished)


def stream(task: Task, runtime: Runtime) -> Generator[Event, None, None]:
    """Drive the loop and yield its events as they happen; closing it ends the run."""
    refuse_async(task.options.approve)
    steps = loop(task)
    answer: object = None
    with watched(task, runtime) as place, closing(steps):
        while True:
            try:
                step = steps.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, AskModel):
                answer = _complete(step) if step.quiet else (yield from _stream_model(step))
            elif isinstance(step, RunTools):
                yield from _stream_tools(step, place)
            elif isinstance(step, AskPerson):
                answer = ask(step)
            elif isinstance(step, Sleep):
                task.options.retry.clock.wait(step.seconds, task.cancelled)
            else:
                yield step


def _stream_model(step: AskModel) -> Generator[Event, None, Response | Failed]:
    showing = Showing(step)
    try:
        with closing(step.provider.stream(step.request, step.attempt)) as events:
            for event in events:
                yield from showing.feed(event)
        return showing.response()
    except ProviderError as error:
        return Failed(error, showing.visible)


def _stream_tools(step: RunTools, runtime: Runtime) -> Generator[Event, None, None]:
    """Run the calls in a thread of their own, so that what they report can be shown at once."""
    news: SimpleQueue[Any] = SimpleQueue()
    turns = step.turns
    finished: Finished = []

    def done(turn: Turn, result: ToolResult, seconds: float) -> None:
        finished.append((turn, result, seconds))
        news.put(("done", turn, result, seconds))

    def work() -> None:
        try:
            timed = Timed(runtime, turns, done)
            shared = contexts(step.context, turns, lambda *said: news.put(("said", *said)))
            if len(turns) == 1:
                timed.invoke(turns[0].call, shared[0])
            else:
                calls = [turn.call for turn in turns]
                invoke_many(timed, calls, shared, max_concurrency=step.max_concurrency)
        except BaseException as error:  # noqa: BLE001 - it goes on in the thread that waits
            news.put(("failed", error))
        else:
            news.put(("over",))

    Thread(target=copy_context().run, args=(work,), name="altar-tools", daemon=True).start()
    try:
        while True:
            kind, *rest = news.get()
            if kind == "over":
                return
            if kind == "failed":
                raise rest[0]
            event = step.told(kind, rest)
            if event is not None:
                yield event
    finally:  # what did end is kept, also when nobody reads on
        step.keep(finished)
