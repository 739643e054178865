"""Portal: one event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import CancelledError, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

__all__ = ["Portal"]

_ENDING = 1.0  # seconds for what is under way as the loop ends, and again; then it is left behind
_CLOSED = "the client was closed; make a new one, GridClient(...)"


class Portal:
    """A loop in a daemon thread; it runs from construction until ``close``."""

    def __init__(self, name: str = "altar-grid") -> None:
        self.loop = asyncio.new_event_loop()
        self._under_way: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs (it does not in a process that was forked)."""
        return self._thread.is_alive()

    @property
    def is_here(self) -> bool:
        """Whether this is its own thread."""
        return threading.get_ident() == self._thread.ident

    def tell(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function on the loop, soon. Raises RuntimeError once it is closed."""
        self.loop.call_soon_threadsafe(function, *args)

    def begin(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Begin a coroutine on the loop. It comes to ClosedError where the loop ends before it
        does; raises that where it has ended.
        """
        try:
            told = asyncio.run_coroutine_threadsafe(work, self.loop)
        except RuntimeError:
            work.close()
            raise ClosedError(_CLOSED) from None
        self._under_way[told] = work
        told.add_done_callback(self._done)
        if self.loop.is_closed():  # it took this in its last moment, and never came to it
            self._leave_nobody_waiting()
        return told

    def run(self, work: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any:
        """Wait for a coroutine on the loop. Raises ClosedError where the loop ends before it."""
        try:
            return self.begin(work).result(timeout)
        except CancelledError:  # nobody else can
            raise ClosedError(_CLOSED) from None

    async def arun(self, work: Coroutine[Any, Any, Any]) -> Any:
        """As :meth:`run`, from another event loop."""
        told = self.begin(work)
        try:
            return await asyncio.wrap_future(told)
        except asyncio.CancelledError:
            here = asyncio.current_task()
            if here is None or here.cancelling():
                raise
            raise ClosedError(_CLOSED) from None

    def close(self) -> None:
        """End the loop and its thread; again is nothing."""
        if self._thread.is_alive() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            if not self.is_here:
                self._thread.join(5.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            try:
                self.loop.run_until_complete(_ended())
            finally:  # SystemExit out of a task ends a loop at once, whatever it was at
                self.loop.close()
                self._leave_nobody_waiting()

    def _done(self, told: Future[Any]) -> None:
        self._under_way.pop(told, None)

    def _leave_nobody_waiting(self) -> None:
        """The loop has ended, and with it whatever it was told last."""
        for told, work in list(self._under_way.items()):
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()
            with suppress(InvalidStateError):
                told.set_exception(ClosedError(_CLOSED))


async def _ended() -> None:
    """End what is under way; again what takes a cancellation for itself, or has just begun."""
    here = asyncio.current_task()
    for _ in range(3):
        pending = [one for one in asyncio.all_tasks() if one is not here]
        if not pending:
            break
        for task in pending:
            task.cancel()
        done, _late = await asyncio.wait(pending, timeout=_ENDING)
        for task in done:
            if not task.cancelled():
                task.exception()  # or it would be told as one that nobody looked at
    generators = asyncio.ensure_future(asyncio.get_running_loop().shutdown_asyncgens())
    await asyncio.wait([generators], timeout=_ENDING)
