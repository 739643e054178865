"""Server: altar's tools for any MCP client, over stdio or HTTP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from altar.bridge import as_session
from altar.errors import ConfigurationError
from altar.later import Session
from altar.mcp._prompts import Prompts
from altar.mcp._resources import Resource, Shelf
from altar.mcp._server_core import Core
from altar.mcp._server_guests import Guests, close_session
from altar.mcp._server_options import HttpOptions, ServerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from altar.mcp._http import Listening

__all__ = ["Server"]


class Server:
    """A session's tools as an MCP server: ``await Server(tools).aserve()``.

    ``tools`` is a Session, which stays yours to close, or anything that
    ``Session(tools=...)`` takes. ``prompts`` are functions, declared as tools
    are, that return a text or a list of messages; ``resources`` are
    :class:`Resource`. ``name`` and ``version`` are what clients show.

    Clients of both eras are served at once, the handshake (2024-11-05 to
    2025-11-25) and the stateless one (2026-07-28). Every call goes through the
    session: its limits, dependencies, policies and traces hold.
    """

    def __init__(
        self,
        tools: Any = (),
        *,
        name: str = "altar",
        version: str = "0",
        prompts: Any = (),
        resources: Iterable[Resource] = (),
        options: ServerOptions | None = None,
    ) -> None:
        self.session = as_session(tools)
        self._owns_session = not isinstance(tools, Session)
        self.options = options or ServerOptions()
        shelf = Shelf(resources)
        made = Prompts(prompts)
        self._prompts = made.session
        self._core = Core(
            {"name": name, "version": version},
            made if made.entries else None,
            shelf if shelf.plain or shelf.templates else None,
            self.options,
        )
        self._guests = Guests(self._core, self.session)

    async def aserve(
        self, transport: Literal["stdio", "http"] = "stdio", *, http: HttpOptions | None = None
    ) -> None:
        """Serve until the client leaves (stdio), or for ever (HTTP); cancel it to stop."""
        try:
            if transport == "stdio":
                from altar.mcp._stdio import serve_stdio  # noqa: PLC0415 - one or the other

                peer = self._guests.peer()
                try:
                    await serve_stdio(self._core, peer)
                finally:
                    await self._guests.leave(peer)
            elif transport == "http":
                async with self.listen(http):
                    await asyncio.Event().wait()
            else:
                raise ConfigurationError(f"transport={transport!r}: give 'stdio' or 'http'")
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the session, unless it was given; :meth:`aserve` does so at its end."""
        if self._owns_session:
            await close_session(self.session)
        self._prompts.close()

    @asynccontextmanager
    async def listen(self, http: HttpOptions | None = None) -> AsyncIterator[Listening]:
        """Serve over HTTP within the block: ``async with server.listen() as here: here.url``."""
        from altar.mcp._http import Listening  # noqa: PLC0415 - one or the other

        listening = Listening(self._guests, http or HttpOptions())
        await listening.start()
        try:
            yield listening
        finally:
            await listening.stop()

    def tools_changed(self) -> None:
        """Tell clients that the session has other tools; without it they hear at the next call."""
        self._core.tools_changed()

    def resource_updated(self, uri: str) -> None:
        """Tell the clients that listen to this resource that it reads differently now."""
        self._core.resource_updated(uri)
