"""Asking the application about a call: here and now, in a thread, or on the event loop."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.runtime._plain import is_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altar.adm import FunctionCall
    from altar.runtime._protocol import Cancellation

    Ask: TypeAlias = Callable[[FunctionCall], bool | str | Awaitable[bool | str]]

__all__ = ["Asking", "Unasked", "in_thread"]


class Unasked:
    """Nobody said yes or no, because of ``error``."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Asking:
    """The wait for what the application says; comes to that, or to Unasked."""

    __slots__ = ("_ask", "_call", "_cancelled")

    def __init__(self, ask: Ask, call: FunctionCall, cancelled: Cancellation) -> None:
        self._ask = ask
        self._call = call
        self._cancelled = cancelled

    def run(self) -> object:
        """An async function runs on an event loop of its own, in a thread."""
        try:
            said: object = self._ask(self._call)
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            return Unasked(error)
        if not hasattr(said, "__await__"):
            return said
        try:
            return _awaited(said)
        except Exception as error:  # noqa: BLE001 - as above
            return Unasked(error)

    async def arun(self) -> object:
        """A plain function runs in a thread of its own: it may wait for a person.

        A raised flag ends the wait; what it comes to is then no answer.
        """
        import asyncio  # noqa: PLC0415 - not for those who never run a loop
        from contextlib import suppress  # noqa: PLC0415

        loop, flag = asyncio.get_running_loop(), self._cancelled
        asked = asyncio.ensure_future(self._asked())

        def end() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits
                loop.call_soon_threadsafe(asked.cancel)

        flag.on_cancel(end)
        try:
            return await asked
        except asyncio.CancelledError as error:
            here = asyncio.current_task()
            if here is not None and here.cancelling():
                raise
            return Unasked(RuntimeError(flag.reason or f"ask ended with {type(error).__name__}"))
        finally:
            flag.forget(end)

    async def _asked(self) -> object:
        ask: Any = self._ask
        try:
            said = ask(self._call) if is_async(ask) else await in_thread(partial(ask, self._call))
            if hasattr(said, "__await__"):
                said = await said
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            return Unasked(error)
        return said


def _awaited(said: Any) -> object:
    """What an awaitable comes to, for a caller without an event loop, or within a sync function.

    A thread, because this one may run an event loop already; a daemon, as below.
    """
    import asyncio  # noqa: PLC0415 - not for those who never run a loop

    from altar.runtime._pool import default_pool  # noqa: PLC0415

    done: list[tuple[object, BaseException | None]] = []

    async def main() -> object:
        return await said

    def body() -> None:
        try:
            done.append((asyncio.run(main()), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            done.append((None, error))

    thread = Thread(target=copy_context().run, args=(body,), name="altar-approve", daemon=True)
    thread.start()
    with default_pool().blocking():
        thread.join()
    value, failure = done[0]
    if isinstance(failure, asyncio.CancelledError):  # nobody else knows the task: it did it
        raise RuntimeError("ask cancelled itself") from failure
    if failure is not None:
        raise failure
    return value


async def in_thread(work: Callable[[], Any]) -> Any:
    """What ``work`` returns, or raises.

    The thread is a daemon: a person who never answers must not keep the
    process from ending.
    """
    import asyncio  # noqa: PLC0415 - not for those who never run a loop
    from contextlib import suppress  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def tell(value: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((value, error))

    def body() -> None:
        value, failure = None, None
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            failure = error
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(tell, value, failure)

    Thread(target=copy_context().run, args=(body,), name="altar-approve", daemon=True).start()
    value, failure = await done
    if failure is not None:
        raise failure
    return value
