"""The one background event loop, through which synchronous code runs async tools."""

from __future__ import annotations

import asyncio
import os
import threading
from _thread import allocate_lock
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from altar.runtime._pool import Gate, default_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_coroutine"]

T = TypeVar("T")

# True in code that keeps the background loop waiting: what it calls cannot use that loop
_holds_loop: ContextVar[bool] = ContextVar("altar_holds_loop", default=False)


class _Work:
    """A coroutine on its way through a loop: what came of it, and who waits."""

    __slots__ = ("_given_up", "_make", "error", "gate", "task", "value")

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._make = make
        self._given_up = False
        self.gate = Gate()
        self.value: Any = None
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the loop's thread."""
        self.task = asyncio.get_running_loop().create_task(self.run())

    async def run(self) -> None:
        if self._given_up:  # a busy loop comes to it when nobody waits any more
            return
        # nothing may escape: KeyboardInterrupt out of a task would end the loop
        try:
            self.value = await self._make()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error
        finally:
            self.gate.open()

    def run_alone(self) -> None:
        """Run in a loop of its own, in this thread."""
        try:
            with asyncio.Runner() as runner:
                runner.run(self.run())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = self.error or error
        finally:
            self.gate.open()

    def cancel(self) -> None:
        """Give up, from any thread; what has not begun never will."""
        self._given_up = True
        task = self.task
        if task is not None:
            with suppress(RuntimeError):  # its loop has ended
                task.get_loop().call_soon_threadsafe(task.cancel)

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


class _Background:
    """An event loop in a daemon thread of its own, started on first use."""

    __slots__ = ("_lock", "_loop", "_thread")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def is_here(self) -> bool:
        """True in the loop's own thread."""
        return threading.get_ident() == self._thread

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                started = Gate()
                arguments = (loop, started)
                threading.Thread(
                    target=self._serve, args=arguments, name="altar-loop", daemon=True
                ).start()
                started.wait()
                self._loop = loop
            return self._loop

    def retire(self) -> None:
        """Let later calls have a new loop: a tool blocks this one."""
        with self._lock:
            self._loop = None

    def _serve(self, loop: asyncio.AbstractEventLoop, started: Gate) -> None:
        self._thread = threading.get_ident()
        asyncio.set_event_loop(loop)
        started.open()
        loop.run_forever()


_background = _Background()


def run_coroutine(
    make: Callable[[], Coroutine[Any, Any, T]], *, patience: float | None = None
) -> T:
    """Run what ``make`` returns to its end and hand over its result, from synchronous code.

    It runs in the background loop, with the caller's context variables; in a
    loop of its own where the caller itself keeps the background loop waiting.
    After ``patience`` seconds the caller stops waiting and TimeoutError is
    raised: the coroutine is expected to end by itself before that, and did
    not because it blocks its loop.
    """
    work = _Work(make)
    context = copy_context()
    pool = default_pool()
    alone = _background.is_here() or _holds_loop.get()
    with pool.blocking():
        if alone:
            context.run(_holds_loop.set, True)
            threading.Thread(target=context.run, args=(work.run_alone,), daemon=True).start()
        else:
            _background.loop().call_soon_threadsafe(work.start, context=context)
        try:
            in_time = work.gate.wait(patience)
        except BaseException:  # KeyboardInterrupt while waiting
            work.cancel()
            raise
    if not in_time:
        work.cancel()
        if not alone:
            _background.retire()
        raise TimeoutError
    result: T = work.outcome()
    return result


def _after_fork() -> None:
    global _background  # noqa: PLW0603 - the one of this process
    _background = _Background()  # a child has none of its parent's threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
