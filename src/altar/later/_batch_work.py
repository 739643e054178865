"""Work: what one run of a batch decides; the drivers of ``_batch`` only wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.later._batch_file import Journal, key_of
from altar.later._batch_progress import Bar, BatchProgress
from altar.runtime import CallContext, Cancellation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from os import PathLike

    from altar.adm import ToolResult
    from altar.later._session import Session

__all__ = ["BatchItem", "Ready", "Terms", "Work"]

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


class Terms(NamedTuple):
    """What a batch was asked for."""

    calls: Iterator[FunctionCall | ToolResult] | AsyncIterator[FunctionCall | ToolResult]
    total: int | None
    session: Session
    is_own: bool  # it was made for the batch, and ends with it
    width: int
    save: str | PathLike[str] | None
    again: bool
    tell: Callable[[BatchProgress], None] | None


class Ready(NamedTuple):
    """A call that has to run; ``key`` is what it was before its tool could change it."""

    at: int
    call: FunctionCall
    key: str


class Work:
    """What is decided in one run of a batch; the two drivers only wait."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._journal = None if terms.save is None else Journal(terms.save)
        self._flag = Cancellation()
        self._started = monotonic()
        self._error: Exception | None = None
        self._read = self._done = self._failed = self._resumed = 0

    @property
    def is_kept(self) -> bool:
        """Whether results are written to a file."""
        return self._journal is not None

    def next(self) -> FunctionCall | ToolResult | None:
        """What the caller's iterator gives next; its error waits until the calls have ended."""
        try:
            return next(self._terms.calls, None)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - raised by ended()
            self._error = error
            return None

    async def anext(self) -> FunctionCall | ToolResult | None:
        """As :meth:`next`, of an iterator of either kind."""
        if isinstance(self._terms.calls, Iterator):
            return self.next()
        try:
            return await anext(self._terms.calls, None)
        except Exception as error:  # noqa: BLE001 - as above
            self._error = error
            return None

    def ended(self) -> None:
        """Raise what the caller's iterator raised."""
        if self._error is not None:
            raise self._error

    def looked_at(self, call: FunctionCall | ToolResult) -> Ready | BatchItem:
        """The next call, where it has to run; else what came of it."""
        index, journal = self._read, self._journal
        self._read += 1
        known = call if isinstance(call, FunctionCall) else None
        key = "" if known is None or journal is None else key_of(known)
        if index == 0 and journal is not None:
            journal.begin(key)
        if not isinstance(call, FunctionCall):
            return _item(index, None, call)
        result = None if journal is None else journal.result(index, call, key)
        if result is None or (self._terms.again and not result.ok):
            return Ready(index, call, key)
        return _item(index, call, result, resumed=True)

    def carry(self, ready: Ready) -> BatchItem:
        """Run one call."""
        began = monotonic()
        result = self._terms.session.invoke(ready.call, CallContext(cancelled=self._flag))
        return self._kept(ready, result, monotonic() - began)

    async def acarry(self, ready: Ready) -> BatchItem:
        """Run one call, without blocking the event loop."""
        began = monotonic()
        result = await self._terms.session.ainvoke(ready.call, CallContext(cancelled=self._flag))
        return self._kept(ready, result, monotonic() - began)

    def _kept(self, ready: Ready, result: ToolResult, seconds: float) -> BatchItem:
        """The item, once it is in the file: whoever waits for it may be long in coming."""
        if self._journal is not None and self._is_final(result):
            self._journal.keep(ready.at, ready.key, result, seconds)
        return _item(ready.at, ready.call, result, seconds=seconds)

    def _is_final(self, result: ToolResult) -> bool:
        """Whether the tool was tried: what was only called off runs again next time."""
        kind = None if result.error is None else result.error.type
        if kind == ErrorType.INVALID_STATE:
            return not self._terms.session.closed
        return kind != ErrorType.CANCELLED

    def told(self, item: BatchItem) -> BatchItem:
        """The item, once it was counted and told."""
        self._done += 1
        self._failed += not item.result.ok
        self._resumed += item.resumed
        if self._terms.tell is not None:
            self._terms.tell(self._progress())
        return item

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Around a wait for what still runs: call it off, and afterwards end in any case."""
        self._flag.cancel(_LEFT)
        try:
            yield
        finally:
            try:
                if self._journal is not None:
                    self._journal.close()
            finally:
                if self._terms.is_own:
                    self._terms.session.close()
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
