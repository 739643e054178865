"""Asking the application about a call: here and now, in a thread, or on the event loop."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altar.adm import FunctionCall

    Ask: TypeAlias = Callable[[FunctionCall], bool | str | Awaitable[bool | str]]

__all__ = ["Asking", "Unasked", "in_thread"]

_NO_LOOP = (
    "ask= is async, and this call is not: give a plain function, or make the call with "
    "session.aexecute, or in a run of altar.agenerate"
)
_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE, without its import


class Unasked:
    """Nobody said yes or no, because of ``error``."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Asking:
    """The wait for what the application says; comes to that, or to Unasked."""

    __slots__ = ("_ask", "_call")

    def __init__(self, ask: Ask, call: FunctionCall) -> None:
        self._ask = ask
        self._call = call

    def run(self) -> object:
        try:
            said: object = self._ask(self._call)
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            return Unasked(error)
        if hasattr(said, "__await__"):
            close = getattr(said, "close", None)
            if close is not None:
                close()
            return Unasked(ConfigurationError(_NO_LOOP))
        return said

    async def arun(self) -> object:
        """A plain function runs in a thread of its own: it may wait for a person."""
        ask: Any = self._ask
        try:
            said = ask(self._call) if _is_async(ask) else await in_thread(partial(ask, self._call))
            if hasattr(said, "__await__"):
                said = await said
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            return Unasked(error)
        return said


def _is_async(ask: Any) -> bool:
    codes = (getattr(ask, "__code__", None), getattr(type(ask).__call__, "__code__", None))
    return any(code is not None and code.co_flags & _IS_COROUTINE for code in codes)


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
