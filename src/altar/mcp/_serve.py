"""``serve``: tools as an MCP server, from a plain script."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

from altar.errors import ConfigurationError
from altar.mcp._server import Server
from altar.mcp._server_options import HttpOptions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["serve"]

_GRACE: Final = 6.0  # seconds, more than a transport takes to stop
_GRACE_OF_REST: Final = 0.5


def serve(
    tools: Any,
    transport: Literal["stdio", "http"] = "stdio",
    *,
    http: HttpOptions | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until the client leaves, or the process is told to stop (SIGINT, SIGTERM).

    ``tools`` is a Session, a :class:`Server`, or anything that
    ``Session(tools=...)`` takes. ``ready`` is called with the URL once an HTTP
    server listens. Raises ConfigurationError for bad options, OSError where
    the port is taken; within a running event loop, use ``Server.aserve``.
    """
    if transport not in ("stdio", "http"):
        raise ConfigurationError(f"transport={transport!r}: give 'stdio' or 'http'")
    if http is not None and transport == "stdio":
        raise ConfigurationError("http=... is for transport='http'")
    server = tools if isinstance(tools, Server) else Server(tools)
    runner = asyncio.Runner()
    try:
        with suppress(KeyboardInterrupt):
            runner.run(_main(server, transport, http, ready))
    finally:
        _close(runner)


def _close(runner: asyncio.Runner) -> None:
    """The runner itself would wait for tools that do not end when they are cancelled."""
    loop = runner.get_loop()
    if not asyncio.all_tasks(loop):
        runner.close()
        return
    loop.set_exception_handler(lambda *_: None)  # it is known what is left
    asyncio.set_event_loop(None)
    loop.close()


async def _main(
    server: Server,
    transport: Literal["stdio", "http"],
    http: HttpOptions | None,
    ready: Callable[[str], None] | None,
) -> None:
    stopped = asyncio.Event()
    _on_signal(stopped)
    serving = asyncio.ensure_future(_serve(server, transport, http, ready))
    waiting = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        serving.cancel()
        await asyncio.wait({serving}, timeout=_GRACE)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=_GRACE_OF_REST)
    if serving.done() and not serving.cancelled():
        serving.result()


async def _serve(
    server: Server,
    transport: Literal["stdio", "http"],
    http: HttpOptions | None,
    ready: Callable[[str], None] | None,
) -> None:
    if transport == "stdio":
        await server.aserve()
        return
    try:
        async with server.listen(http) as listening:
            if ready is not None:
                ready(listening.url)
            await asyncio.Event().wait()
    finally:
        await server.aclose()


def _on_signal(stopped: asyncio.Event) -> None:
    """SIGTERM ends the loop in order; SIGINT does so by itself."""
    if threading.current_thread() is threading.main_thread():
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
