"""Client: one MCP server, whose tools are tools of altar's."""

from __future__ import annotations

import asyncio
import threading
import weakref
from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, Self, TypeVar

from altar.errors import ConfigurationError, ErrorType
from altar.later.hints._report import nearest_of
from altar.mcp._client_ask import Desk
from altar.mcp._client_call import Call
from altar.mcp._client_engine import Engine
from altar.mcp._client_errors import McpError
from altar.mcp._client_loop import LoopThread
from altar.mcp._import import Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from altar.bridge import Refused
    from altar.later import SchemaTool
    from altar.mcp._client_ask import Elicit
    from altar.mcp._client_options import ClientOptions
    from altar.mcp._transport import Transport

__all__ = ["Client"]

T = TypeVar("T")

_LISTS = {
    "prompts": "prompts/list",
    "resources": "resources/list",
    "resourceTemplates": "resources/templates/list",
    "tools": "tools/list",
}


class Client:
    """One MCP server; made by :func:`altar.mcp.connect`.

    Give it to a session, ``Session(tools=[client])``: each of the server's
    tools is then one of the session's. The server is reached on entering
    ``with`` or ``async with``, or when first needed; threads and event loops
    may share a client, and their calls run at once over one connection. What
    goes wrong is raised as :class:`altar.mcp.McpError`; within a tool it is
    the tool's result. Close it when done: nothing of the server is left behind.
    """

    def __init__(
        self,
        make: Callable[[], Transport],
        options: ClientOptions,
        *,
        elicit: Elicit | None = None,
        trust: bool = False,
    ) -> None:
        self._options = options
        self._desk = Desk(elicit)
        self._engine = Engine(make, options, self._desk)
        self._tools = Tools(self._asked, options, trust=trust)
        self._lock = allocate_lock()
        self._loop: LoopThread | None = None
        self._listed = False
        self._threads: list[LoopThread] = []
        self._end = weakref.finalize(self, _abandon, self._engine, self._threads)

    # -- lifetime ---------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._run(self._ready())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self._desk.home = asyncio.get_running_loop()
        try:
            await self._arun(self._ready())
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def close(self) -> None:
        """End the connection, the server's process, and whatever waits for it."""
        loop = self._take_loop()
        if loop is not None:
            try:
                loop.run(self._engine.close())
            finally:
                loop.stop()
        self._end.detach()

    async def aclose(self) -> None:
        """As :meth:`close`, from an event loop."""
        loop = self._take_loop()
        if loop is not None:
            try:
                await asyncio.shield(loop.arun(self._engine.close()))
            finally:
                await asyncio.to_thread(loop.stop)
        self._end.detach()

    # -- tools ------------------------------------------------------------------------

    def tools(self) -> list[SchemaTool]:
        """The server's tools, listed once; see :meth:`refresh`.

        Raises DeclarationError where altar cannot carry one of them, with all
        reasons, unless ``ClientOptions(skip_refused=True)`` leaves those out.
        """
        if not self._listed:
            self._run(self._ready())
        importer = self._tools.importer
        return importer.accepted() if self._options.skip_refused else importer.tools()

    def __altar_tools__(self) -> list[SchemaTool]:
        return self.tools()

    def refresh(self) -> bool:
        """List the tools anew; True where they are not what they were.

        A session that runs takes new tools with ``session.add(client)``; one that
        changed is first taken out, ``session.remove(name)``.
        """
        return self._run(self._list())

    async def arefresh(self) -> bool:
        """As :meth:`refresh`, from an event loop."""
        return await self._arun(self._list())

    @property
    def changed(self) -> bool:
        """Whether the server said, since they were last listed, that its tools changed."""
        peer = self._engine.peer
        return peer is not None and peer.changed

    @property
    def refused(self) -> list[Refused]:
        """The server's tools that altar cannot carry: name and reason of each."""
        return [*self._tools.importer.refused]

    # -- anything else the server has ---------------------------------------------------

    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """The result of any request: ``client.request("resources/read", {"uri": ...})``.

        ``progress`` takes what the server tells meanwhile, in the client's
        thread. Raises McpError where it fails, or takes over ``timeout`` seconds.
        """
        return self._run(self._one(method, params, timeout, progress))

    async def arequest(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the request
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """As :meth:`request`, from an event loop."""
        return await self._arun(self._one(method, params, timeout, progress))

    def items(self, kind: str) -> list[dict[str, Any]]:
        """All of the server's "prompts", "resources", "resourceTemplates" or "tools".

        They are as it describes them. Raises ConfigurationError for another kind.
        """
        return self._run(self._engine.listing(_list_of(kind), kind))

    async def aitems(self, kind: str) -> list[dict[str, Any]]:
        """As :meth:`items`, from an event loop."""
        return await self._arun(self._engine.listing(_list_of(kind), kind))

    @property
    def version(self) -> str | None:
        """The revision of the protocol that was agreed on, None before."""
        agreed = self._engine.agreed
        return None if agreed is None else agreed.version

    @property
    def server(self) -> dict[str, Any]:
        """What the server says of itself: "name", "version", perhaps "title"."""
        agreed = self._engine.agreed
        return {} if agreed is None else dict(agreed.server)

    @property
    def instructions(self) -> str:
        """What the server wants models to know of it."""
        agreed = self._engine.agreed
        return "" if agreed is None else agreed.instructions

    @property
    def stderr(self) -> str:
        """The end of what the server's process wrote to stderr, 64 KiB at most."""
        peer = self._engine.peer
        return "" if peer is None else peer.transport.notes

    def __repr__(self) -> str:
        return f"<Client of {self._engine.name}>"

    # -- inside -----------------------------------------------------------------------

    async def _asked(
        self,
        params: dict[str, Any],
        *,
        seconds: float | None,
        call: Call,
        headers: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """One call of a tool, from any event loop."""
        engine = self._engine
        return await self._arun(
            engine.request("tools/call", params, seconds=seconds, call=call, headers=headers)
        )

    async def _one(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        seconds: float | None,
        progress: Callable[[dict[str, Any]], None] | None,
    ) -> dict[str, Any]:
        call = Call(progress=progress)
        return await self._engine.request(method, params, seconds=seconds, call=call)

    async def _ready(self) -> None:
        try:
            await self._engine.open()
        except McpError as error:
            if error.notes:  # here a person reads it
                error.args = (f"{error.message} It wrote: {error.notes}",)
            raise
        if not self._listed:
            await self._list()

    async def _list(self) -> bool:
        peer = await self._engine.open()
        peer.changed = False
        found = await self._engine.listing("tools/list", "tools")
        differs = self._tools.take(found, self._engine.name)
        self._listed = True
        return differs

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread(work).run(work)

    async def _arun(self, work: Coroutine[Any, Any, T]) -> T:
        return await self._thread(work).arun(work)

    def _thread(self, work: Coroutine[Any, Any, Any]) -> LoopThread:
        with self._lock:
            if self._loop is None:
                if self._engine.closed:
                    work.close()
                    raise McpError("This MCP client is closed.", type=ErrorType.INVALID_STATE)
                self._loop = LoopThread(self._engine.close)
                self._threads.append(self._loop)
            return self._loop

    def _take_loop(self) -> LoopThread | None:
        with self._lock:
            loop, self._loop = self._loop, None
            self._engine.closed = True
        return loop


def _list_of(kind: Any) -> str:
    method = _LISTS.get(kind) if isinstance(kind, str) else None
    if method is None:
        near = nearest_of(kind, _LISTS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ConfigurationError(
            f"client.items({kind!r:.60}): give one of {', '.join(map(repr, _LISTS))}{hint}"
        )
    return method


def _abandon(engine: Engine, threads: list[LoopThread]) -> None:
    """A client that nobody closed: its server must not outlive it.

    A collector may be at work wherever Python is, so that nothing is waited for
    before the end of the process, when the main thread is through.
    """
    engine.kill()
    is_end = not threading.main_thread().is_alive()
    for thread in threads:
        if is_end:
            thread.stop()
        else:
            thread.abandon()
