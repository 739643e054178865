"""Listeners: those who want to hear of changes, told on the event loop that serves them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    # (method, key of a filter, params)
    Listener: TypeAlias = Callable[[str, str, dict[str, Any]], None]

__all__ = ["MAX_URI", "MAX_URIS", "Listeners"]

MAX_URI: Final = 8192  # characters
MAX_URIS: Final = 1000  # subscriptions of one client


class Listeners:
    """Changes may be told from any thread; ``over`` ends the streams of those who listen."""

    __slots__ = ("_known", "_streams")

    def __init__(self) -> None:
        self._known: dict[Listener, asyncio.AbstractEventLoop] = {}
        self._streams: set[asyncio.Event] = set()

    def add(self, listener: Listener) -> None:
        """From now on it is called, on this loop."""
        self._known[listener] = asyncio.get_running_loop()

    def remove(self, listener: Listener) -> None:
        """It wants to hear no more."""
        self._known.pop(listener, None)

    def tell(self, method: str, key: str, params: dict[str, Any]) -> None:
        """Something has changed."""
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        for listener, loop in list(self._known.items()):
            if loop is here:
                listener(method, key, params)
            else:
                with suppress(RuntimeError):  # that loop has ended
                    loop.call_soon_threadsafe(self._told, listener, method, key, params)

    async def stream(self, listener: Listener) -> None:
        """Listen until :meth:`over`, or until this is cancelled."""
        ended = asyncio.Event()
        self._streams.add(ended)
        self.add(listener)
        try:
            await ended.wait()
        finally:
            self.remove(listener)
            self._streams.discard(ended)

    def over(self) -> None:
        """The server stops: who listens gets an end."""
        for ended in list(self._streams):
            ended.set()

    def _told(self, listener: Listener, method: str, key: str, params: dict[str, Any]) -> None:
        if listener in self._known:
            listener(method, key, params)
