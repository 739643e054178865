"""LoopThread: the event loop a client owns, in a thread; sync and async callers share it."""

from __future__ import annotations

import asyncio
import os
import threading
from _thread import start_new_thread
from concurrent.futures import CancelledError, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from altar.errors import ConfigurationError, ErrorType
from altar.mcp._client_errors import McpError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

__all__ = ["LoopThread"]

T = TypeVar("T")

_END = 5.0  # seconds for what does not end when it is cancelled


class LoopThread:
    """An event loop in a daemon thread of its own, which runs what any thread gives it."""

    __slots__ = ("_at_end", "_has_ended", "_is_ending", "_loop", "_open", "_process", "_thread")

    def __init__(self, at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._at_end = at_end  # runs last of all, however the loop was ended
        self._loop = asyncio.new_event_loop()
        self._open: dict[Future[Any], Coroutine[Any, Any, Any]] = {}  # what somebody waits for
        self._is_ending = self._has_ended = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._serve, name="altar-mcp", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` comes to; the calling thread waits."""
        if threading.get_ident() == self._thread.ident:
            work.close()
            raise ConfigurationError(
                "a client was used from its own event loop: await its a-form (acall, arefresh)"
            )
        future = self._submit(work)
        try:
            return future.result()
        except CancelledError:
            if self._is_ending:
                raise _closed() from None
            raise
        except BaseException:
            future.cancel()  # KeyboardInterrupt while waiting; no effect where it failed
            raise

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` comes to; a cancelled caller cancels it."""
        try:
            return await asyncio.wrap_future(self._submit(work))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._is_ending and task is not None and not task.cancelling():
                raise _closed() from None
            raise

    def halt(self) -> None:
        """End the loop, and wait for nothing."""
        if self._process == os.getpid():
            with suppress(RuntimeError):  # stopped already
                self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if not self._is_ending:  # else it would end in the middle of that
            self._loop.stop()

    def abandon(self) -> None:
        """As :meth:`halt`, for a collector, which may be at work wherever Python is.

        Waking a loop lets other threads run, which the parser of Python 3.11, for
        one, does not stand in its midst; a thread does it that is not waited for.
        """
        with suppress(RuntimeError):  # the end of the process
            start_new_thread(self.halt, ())

    def stop(self) -> None:
        """End the loop and, unless it is this one, wait for its thread."""
        self.halt()
        if self._process == os.getpid() and threading.get_ident() != self._thread.ident:
            self._thread.join(_END)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._process != os.getpid():
            work.close()
            raise ConfigurationError(
                "an MCP client was made before this process was forked: connect here anew"
            )
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise _closed() from None
        self._open[future] = work
        future.add_done_callback(lambda _: self._open.pop(future, None))
        if self._has_ended:  # perhaps between its last turn and its end, and looked before
            self._refuse()
        return future

    def _refuse(self) -> None:
        """Answer what the loop has not come to, and never will."""
        for future, work in [*self._open.items()]:
            with suppress(InvalidStateError, ValueError):  # another thread does it as well
                work.close()
                future.set_exception(_closed())

    def _serve(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(_unheard)
        try:
            with suppress(SystemExit, KeyboardInterrupt):  # of a callback: the end is as always
                loop.run_forever()
            self._is_ending = True
            with suppress(Exception, SystemExit, KeyboardInterrupt):
                loop.run_until_complete(self._at_end())
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            _cancel_all(loop)  # what came meanwhile
        finally:
            self._is_ending = True
            loop.close()
            self._has_ended = True
            self._refuse()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        ended = asyncio.gather(*left, return_exceptions=True)
        loop.run_until_complete(asyncio.wait([ended], timeout=_END))


def _closed() -> McpError:
    return McpError("This MCP client is closed.", type=ErrorType.INVALID_STATE)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for any more, because the caller was cancelled, is no news."""
    if not isinstance(context.get("exception"), McpError):
        loop.default_exception_handler(context)
