"""Portal: one event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Portal"]


class Portal:
    """A loop in a daemon thread; it runs from construction until ``close``."""

    def __init__(self, name: str = "altar-grid") -> None:
        self.loop = asyncio.new_event_loop()
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

    def run(self, work: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any:
        """Wait for a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

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
            pending = asyncio.all_tasks(self.loop)
            for task in pending:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
