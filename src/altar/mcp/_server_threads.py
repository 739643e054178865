"""Threads: where plain functions of resources run, a bounded number at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from altar.mcp._jsonrpc import BUSY, RpcError
from altar.runtime._ask import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Threads"]

_MOST: Final = 64


class Threads:
    """A thread counts until its function returns, whether or not somebody waits for it still."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: set[object] = set()

    async def run(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """What the function returns; raises RpcError where too many are running."""
        if len(self._running) >= _MOST:
            raise RpcError(BUSY, f"Busy: {_MOST} resources are being read, which is the limit")
        mark = object()
        self._running.add(mark)
        # in a daemon: what never returns must not keep the process from ending
        return await in_thread(partial(self._carried, mark, function, arguments))

    def _carried(
        self, mark: object, function: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> Any:
        try:
            return function(**arguments)
        finally:
            self._running.discard(mark)  # one step for the interpreter, in any thread
