"""Batch: many calls, a bounded number at once, answered as they come or in order, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Iterator, Sized
from contextlib import aclosing
from contextvars import copy_context
from os import PathLike, fspath
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.later._batch_progress import BatchProgress, teller
from altar.later._batch_work import BatchItem, Ready, Terms, Work
from altar.later._incoming import aitem_calls, check_count, item_calls
from altar.later._session import Session
from altar.runtime._pool import PoolExhaustedError, default_pool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from altar.adm import ToolResult

__all__ = ["Batch", "BatchItem", "batch"]

_LINGER = 0.25  # seconds in which a call that was called off may still end, and be kept
_BREATH = 100  # calls read from a file between two looks at the event loop


def batch(
    calls: Iterable[Any] | AsyncIterable[Any],
    tools: Any,
    *,
    max_concurrency: int = 8,
    save: str | PathLike[str] | None = None,
    retry_failed: bool = False,
    progress: bool | Callable[[BatchProgress], None] | None = None,
) -> Batch:
    """Many calls, at most ``max_concurrency`` at once; nothing runs until you ask for results.

    ``calls`` holds FunctionCalls, pairs (name, args) and names, and may be an
    iterator of any length (for the async forms an async one as well): it is
    read as places become free. ``tools`` is a Session, or whatever
    ``Session(tools=...)`` takes.

    ``.run()`` gives all results in the order of the calls; ``for item in
    batch(...)`` gives each as it ends; ``await .arun()`` and ``async for`` do
    the same on an event loop.

    ``save`` names a file that keeps each result: the same batch with the same
    file goes on where it stopped, and runs only what has not ended.
    ``retry_failed`` runs again what failed. A call that ran when the process
    died may run twice. ``progress`` is shown as a bar where stderr is a
    terminal; True shows it anywhere, False never, and a function is told each
    :class:`altar.later.BatchProgress`.

    Raises ConfigurationError for a bad option, a file of another batch, and
    (when the calls before it have ended, as with whatever the iterator itself
    raises) an item that is no call; OSError when the file cannot be written.
    """
    check_count("max_concurrency", max_concurrency)
    if retry_failed.__class__ is not bool:
        raise ConfigurationError(f"retry_failed={retry_failed!r}: give True or False")
    _check_save(save)
    given = (
        aitem_calls(calls, "batch")
        if isinstance(calls, AsyncIterable) and not isinstance(calls, Iterable)
        else item_calls(calls, "batch")
    )
    told = teller(progress)
    session = tools if isinstance(tools, Session) else Session(tools)
    return Batch(
        Terms(
            given,
            len(calls) if isinstance(calls, Sized) else None,
            session,
            session is not tools,
            min(max_concurrency, session.limits.max_concurrency),
            save,
            retry_failed,
            told,
        )
    )


def _check_save(save: object) -> None:
    if save is None:
        return
    path = fspath(save) if isinstance(save, (str, PathLike)) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise ConfigurationError(f"save={save!r:.100}: give the path of a file, or None")


class Batch:
    """Calls that wait to be run, by :meth:`run`, ``for``, :meth:`arun` or ``async for``, once.

    Leaving a loop over it early starts no further call and cancels those that
    run; what has ended is in the ``save`` file.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._begun = False

    def run(self) -> list[ToolResult]:
        """Every result, in the order of the calls."""
        return _ordered(list(self))

    async def arun(self) -> list[ToolResult]:
        """As :meth:`run`, without blocking the event loop."""
        async with aclosing(self.__aiter__()) as items:
            return _ordered([item async for item in items])

    def __iter__(self) -> Generator[BatchItem, None, None]:
        if not isinstance(self._terms.calls, Iterator):
            raise ConfigurationError(
                "the calls of this batch are an async iterator: use `async for` or `await arun()`"
            )
        work = self._begin()
        ended: SimpleQueue[BatchItem | BaseException] = SimpleQueue()
        running, more = 0, True
        try:
            while True:
                if more and running < self._terms.width:
                    if (call := work.next()) is None:
                        more = False
                    elif isinstance(ready := work.looked_at(call), BatchItem):
                        yield work.told(ready)
                    else:
                        _start(work, ready, ended)
                        running += 1
                elif running == 0:
                    break
                if running and (not more or running == self._terms.width or not ended.empty()):
                    with default_pool().blocking():
                        item = ended.get()
                    running -= 1
                    yield work.told(_sound(item))
            work.ended()
        finally:
            with work.leaving():
                if running and work.is_kept:
                    _wait(ended, running)

    async def __aiter__(self) -> AsyncGenerator[BatchItem, None]:
        # a long file takes a while to read
        work = self._begin() if self._terms.save is None else await asyncio.to_thread(self._begin)
        ended: asyncio.Queue[BatchItem | BaseException] = asyncio.Queue()
        tasks: set[asyncio.Task[None]] = set()
        running, more, read = 0, True, 0
        try:
            while True:
                if more and running < self._terms.width:
                    read += 1
                    if (call := await work.anext()) is None:
                        more = False
                    elif isinstance(ready := work.looked_at(call), BatchItem):
                        if read % _BREATH == 0:
                            await asyncio.sleep(0)
                        yield work.told(ready)
                    else:
                        task = asyncio.create_task(_acarry(work, ready, ended))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                        running += 1
                        await asyncio.sleep(0)  # it begins, however slow the calls come
                elif running == 0:
                    break
                if running and (not more or running == self._terms.width or not ended.empty()):
                    item = await ended.get()
                    running -= 1
                    yield work.told(_sound(item))
            work.ended()
        finally:
            with work.leaving():
                left = [*tasks]
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    def _begin(self) -> Work:
        if self._begun:
            raise ConfigurationError("this batch was run already: make another, altar.batch(...)")
        work = Work(self._terms)
        self._begun = True
        return work

    def __repr__(self) -> str:
        total, begun = self._terms.total, ", begun" if self._begun else ""
        count = "calls" if total is None else f"{total} call{'' if total == 1 else 's'}"
        return f"<Batch of {count}, {self._terms.width} at once{begun}>"


def _sound(item: BatchItem | BaseException) -> BatchItem:
    if isinstance(item, BaseException):
        raise item
    return item


def _start(work: Work, ready: Ready, ended: SimpleQueue[BatchItem | BaseException]) -> None:
    """Run one call in a thread, or here where there is none to be had."""
    variables = copy_context()  # what one call sets, its siblings must not see

    def carry() -> None:
        try:
            ended.put(variables.run(work.carry, ready))
        except BaseException as error:  # noqa: BLE001 - raised where the batch is waited for
            ended.put(error)

    try:
        default_pool().submit(carry)
    except PoolExhaustedError:
        carry()


async def _acarry(
    work: Work, ready: Ready, ended: asyncio.Queue[BatchItem | BaseException]
) -> None:
    try:
        ended.put_nowait(await work.acarry(ready))
    except BaseException as error:  # noqa: BLE001 - raised where the batch is waited for
        ended.put_nowait(error)


def _wait(ended: SimpleQueue[BatchItem | BaseException], running: int) -> None:
    """Wait for calls that were called off, for as long as a person would not notice."""
    until = monotonic() + _LINGER
    with default_pool().blocking():
        for _ in range(running):
            try:
                ended.get(timeout=max(0.0, until - monotonic()))
            except Empty:
                return


def _ordered(items: list[BatchItem]) -> list[ToolResult]:
    return [item.result for item in sorted(items, key=lambda item: item.index)]
