"""Batch: many calls, a bounded number at once, answered as they come or in order, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import FunctionCall
from altar.errors import ConfigurationError
from altar.later._batch_file import Journal
from altar.later._batch_progress import Bar, BatchProgress, teller
from altar.later._incoming import check_count, item_calls
from altar.later._session import Session
from altar.runtime import CallContext, Cancellation
from altar.runtime._pool import PoolExhaustedError, default_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from os import PathLike

    from altar.adm import ToolResult

__all__ = ["Batch", "BatchItem", "batch"]

_LEFT = "the batch was left"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One call of a batch that has ended.

    ``index`` counts the calls from 0, ``seconds`` is the time the call took,
    ``resumed`` says that the result is an earlier run's. ``call`` is None where
    what stood there could not become a call; ``result`` says why.
    """

    index: int
    call: FunctionCall | None
    result: ToolResult
    seconds: float
    resumed: bool = False


def batch(
    calls: Iterable[Any],
    tools: Any,
    *,
    max_concurrency: int = 8,
    save: str | PathLike[str] | None = None,
    retry_failed: bool = False,
    progress: bool | Callable[[BatchProgress], None] | None = None,
) -> Batch:
    """Many calls, at most ``max_concurrency`` at once; nothing runs until you ask for results.

    ``calls`` holds FunctionCalls, pairs (name, args) and names, and may be an
    iterator of any length: it is read as places become free. ``tools`` is a
    Session, or whatever ``Session(tools=...)`` takes.

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
    (when it is reached) an item that is no call; OSError when the file cannot
    be written.
    """
    check_count("max_concurrency", max_concurrency)
    if retry_failed.__class__ is not bool:
        raise ConfigurationError(f"retry_failed={retry_failed!r}: give True or False")
    session = tools if isinstance(tools, Session) else Session(tools)
    width = min(max_concurrency, session.limits.max_concurrency)
    return Batch(
        _Terms(
            item_calls(calls, "batch"),
            len(calls) if isinstance(calls, Sized) else None,
            session,
            width,
            save,
            retry_failed,
            teller(progress),
        )
    )


class _Terms(NamedTuple):
    """What a batch was asked for."""

    calls: Iterator[FunctionCall | ToolResult]
    total: int | None
    session: Session
    width: int
    save: str | PathLike[str] | None
    again: bool
    tell: Callable[[BatchProgress], None] | None


class Batch:
    """Calls that wait to be run, by :meth:`run`, ``for``, :meth:`arun` or ``async for``, once.

    Leaving a loop over it early starts no further call and cancels those that
    run; what has ended is in the ``save`` file.
    """

    def __init__(self, terms: _Terms) -> None:
        self._terms = terms
        self._begun = False

    def run(self) -> list[ToolResult]:
        """Every result, in the order of the calls."""
        return _ordered(list(self))

    async def arun(self) -> list[ToolResult]:
        """As :meth:`run`, without blocking the event loop."""
        return _ordered([item async for item in self])

    def __iter__(self) -> Iterator[BatchItem]:
        work = self._begin()
        ended: SimpleQueue[BatchItem | BaseException] = SimpleQueue()
        running = 0
        try:
            while True:
                while running < self._terms.width and (ready := work.next()) is not None:
                    _start(work, ready, ended)
                    running += 1
                if (known := work.known) is not None:
                    yield work.told(known)
                    continue
                if running == 0:
                    break
                with default_pool().blocking():
                    item = ended.get()
                if isinstance(item, BaseException):
                    raise item
                running -= 1
                yield work.told(work.kept(item))
        finally:
            work.leave()

    async def __aiter__(self) -> AsyncIterator[BatchItem]:
        work = self._begin()
        running: set[asyncio.Task[BatchItem]] = set()
        try:
            while True:
                while len(running) < self._terms.width and (ready := work.next()) is not None:
                    running.add(asyncio.create_task(work.acarry(*ready)))
                if (known := work.known) is not None:
                    yield work.told(known)
                    continue
                if not running:
                    break
                ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield work.told(work.kept(task.result()))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            work.leave()

    def _begin(self) -> _Work:
        if self._begun:
            raise ConfigurationError("this batch was run already: make another, altar.batch(...)")
        self._begun = True
        return _Work(self._terms)

    def __repr__(self) -> str:
        total, begun = self._terms.total, ", begun" if self._begun else ""
        count = "calls" if total is None else f"{total} call{'' if total == 1 else 's'}"
        return f"<Batch of {count}, {self._terms.width} at once{begun}>"


class _Work:
    """What is decided in one run of a batch; the two drivers only wait."""

    def __init__(self, terms: _Terms) -> None:
        self._terms = terms
        self._journal = None if terms.save is None else Journal(terms.save)
        self._flag = Cancellation()
        self._calls = enumerate(terms.calls)
        self._started = monotonic()
        self._done = self._failed = self._resumed = 0
        self.known: BatchItem | None = None
        """What ``next`` met that need not run."""

    def next(self) -> tuple[int, FunctionCall] | None:
        """The next call that has to run; None at the end, or where ``known`` need not."""
        self.known = None
        index, call = next(self._calls, (-1, None))
        if call is None:
            return None
        if not isinstance(call, FunctionCall):
            self.known = _item(index, None, call)
        elif (result := self._before(index, call)) is not None:
            self.known = _item(index, call, result, resumed=True)
        else:
            return index, call
        return None

    def _before(self, index: int, call: FunctionCall) -> ToolResult | None:
        result = None if self._journal is None else self._journal.result(index, call)
        return None if result is None or (self._terms.again and not result.ok) else result

    def carry(self, index: int, call: FunctionCall) -> BatchItem:
        """Run one call."""
        began = monotonic()
        result = self._terms.session.invoke(call, CallContext(cancelled=self._flag))
        return _item(index, call, result, seconds=monotonic() - began)

    async def acarry(self, index: int, call: FunctionCall) -> BatchItem:
        """Run one call, without blocking the event loop."""
        began = monotonic()
        result = await self._terms.session.ainvoke(call, CallContext(cancelled=self._flag))
        return _item(index, call, result, seconds=monotonic() - began)

    def kept(self, item: BatchItem) -> BatchItem:
        """The item, once it is in the file."""
        if self._journal is not None and item.call is not None:
            self._journal.keep(item.index, item.call, item.result, item.seconds)
        return item

    def told(self, item: BatchItem) -> BatchItem:
        """The item, once it was counted and told."""
        self._done += 1
        self._failed += not item.result.ok
        self._resumed += item.resumed
        if self._terms.tell is not None:
            self._terms.tell(self._progress())
        return item

    def leave(self) -> None:
        """End, whatever still runs."""
        self._flag.cancel(_LEFT)
        if self._journal is not None:
            self._journal.close()
        if isinstance(self._terms.tell, Bar):
            self._terms.tell.end(self._progress())

    def _progress(self) -> BatchProgress:
        seconds = monotonic() - self._started
        return BatchProgress(self._done, self._terms.total, self._failed, self._resumed, seconds)


def _item(
    index: int,
    call: FunctionCall | None,
    result: ToolResult,
    *,
    seconds: float = 0.0,
    resumed: bool = False,
) -> BatchItem:
    return BatchItem(index=index, call=call, result=result, seconds=seconds, resumed=resumed)


def _start(
    work: _Work,
    ready: tuple[int, FunctionCall],
    ended: SimpleQueue[BatchItem | BaseException],
) -> None:
    """Run one call in a thread, or here where there is none to be had."""
    variables = copy_context()  # what one call sets, its siblings must not see

    def carry() -> None:
        try:
            ended.put(variables.run(work.carry, *ready))
        except BaseException as error:  # noqa: BLE001 - raised where the batch is waited for
            ended.put(error)

    try:
        default_pool().submit(carry)
    except PoolExhaustedError:
        carry()


def _ordered(items: list[BatchItem]) -> list[ToolResult]:
    return [item.result for item in sorted(items, key=lambda item: item.index)]
