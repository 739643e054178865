"""GridClient: calls tools on a grid, from threads and from event loops."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Any, Self

from altar.adm import FunctionCall, FunctionDeclaration
from altar.errors import AltarError, ClosedError, ConfigurationError, ErrorType
from altar.runtime import CallContext, Cancellation, Deadline
from altar_extras.grid.client._engine import Engine
from altar_extras.grid.client._options import CallOptions
from altar_extras.grid.client._pinned import Pinned
from altar_extras.grid.client._portal import Portal
from altar_extras.grid.client._settings import ClientSettings
from altar_extras.grid.client._waiting import carry_across, carry_here, carry_in_thread
from altar_extras.grid.security import Credentials
from altar_extras.grid.transport import ClientTls
from altar_extras.grid.wire import Fault, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from altar.adm import ToolResult
    from altar_extras.grid.transport import Connector

__all__ = ["GridClient"]

_DEFAULT = CallOptions()
_NEVER = Cancellation.never()


class GridClient:
    """A client of a grid. It opens its session when it is first used.

    ``url`` is an address such as "tls://grid.example:4222" (or several, with
    commas); ``connector`` says where connections come from instead, as a
    LoopbackBroker does. ``credentials`` are a Credentials, or the path of their
    file; the url may stand in them.

    Synchronous callers share one background thread. ``async with client`` (or
    ``await client.aopen()``) gives the running event loop a session of its own,
    and calls from there go without a detour. It ends with ``close`` or ``aclose``.

    Every call is answered with a ToolResult; the ``details`` of an error hold
    ``executed``: "no", "yes" or "unknown". Raises ConfigurationError for options
    that cannot work; the constructor does no I/O but to read the credentials.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        connector: Connector | None = None,
        credentials: Credentials | str | os.PathLike[str],
        settings: ClientSettings | None = None,
    ) -> None:
        if not isinstance(credentials, Credentials):
            credentials = Credentials.read(credentials, role="client")
        self._credentials = credentials
        self.settings = settings or ClientSettings()
        self._pinned = Pinned.of(credentials, self.settings)
        self._url = url or credentials.url
        if connector is None and not self._url:
            raise ConfigurationError(
                "a GridClient needs an address: type GridClient('nats://127.0.0.1:4222', "
                "credentials='client.json'), or put \"url\" into the credentials"
            )
        self._connector = connector
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._portal: Portal | None = None
        self._threaded: Engine | None = None
        self._looped: Engine | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._is_closed = False

    # -- calls ----------------------------------------------------------------------------

    def call(
        self, name: str, args: dict[str, Any] | None = None, *, timeout: float | None = None
    ) -> ToolResult:
        """Call a tool and wait for its result; ``timeout`` in seconds."""
        return self.invoke(FunctionCall(name=name, args=args), _context(timeout))

    async def acall(
        self,
        name: str,
        args: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the call
    ) -> ToolResult:
        """As :meth:`call`, without blocking the event loop."""
        return await self.ainvoke(FunctionCall(name=name, args=args), _context(timeout))

    def invoke(
        self, call: FunctionCall, ctx: CallContext, options: CallOptions = _DEFAULT
    ) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        try:
            engine = self._engine()
        except ClosedError as error:
            return failed(call, _closed(error), ctx.correlation_id)
        portal = self._portal
        if portal is not None and portal.is_here:
            wrong = ClosedError("the client cannot wait in its own thread")
            return failed(call, _closed(wrong), ctx.correlation_id)
        return carry_in_thread(engine, call, ctx, options)

    async def ainvoke(
        self, call: FunctionCall, ctx: CallContext, options: CallOptions = _DEFAULT
    ) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        engine = self._looped
        if engine is not None and engine.loop is asyncio.get_running_loop():
            return await carry_here(engine, call, ctx, options)
        try:
            engine = self._engine()
        except ClosedError as error:
            return failed(call, _closed(error), ctx.correlation_id)
        return await carry_across(engine, call, ctx, options)

    # -- what there is --------------------------------------------------------------------

    def tools(self) -> tuple[FunctionDeclaration, ...]:
        """The declarations of the tools that the session may use. Raises GridTransportError."""
        engine = self._engine()
        return _declarations(self._run(engine, engine.declared()))

    async def atools(self) -> tuple[FunctionDeclaration, ...]:
        """As :meth:`tools`, without blocking the event loop."""
        engine = self._near()
        return _declarations(await self._await(engine, engine.declared()))

    def do(self, work: Callable[[Engine], Coroutine[Any, Any, Any]]) -> Any:
        """What ``work`` makes of the session, on its loop: for what stands on this client."""
        engine = self._engine()
        return self._run(engine, work(engine))

    async def ado(self, work: Callable[[Engine], Coroutine[Any, Any, Any]]) -> Any:
        """As :meth:`do`, without blocking the event loop."""
        engine = self._near()
        return await self._await(engine, work(engine))

    def status(self) -> dict[str, Any]:
        """What this client knows now, without asking anybody: for people and for health checks.

        ``session`` and ``seconds_left`` of it, ``connected``, ``runtimes`` with their
        load, ``calls`` on their way, ``counts`` of what was retried, dropped or lost,
        ``clock_offset_ms``: Host time minus this machine's, None while it is not known.
        """
        engine = self._looped or self._threaded
        link = None if engine is None else engine.link
        if engine is None or link is None:
            return {"session": "", "connected": False, "runtimes": [], "calls": 0, "counts": {}}
        wire, now = link.wire, link.clock.now_ms()
        return {
            "session": link.session,
            "seconds_left": link.seconds_left,
            "connected": wire is not None and wire.transport.is_connected,
            "mode": link.mode,
            "clock_offset_ms": None if now is None else now - time() * 1000,
            "tools": sorted(link.tools),
            "runtimes": [
                {"runtime": one.id, "slots": one.slots, "own": one.own, "queued": one.queued}
                for one in list(link.router.peers.values())
            ],
            "calls": len(engine.runs),
            "counts": {
                **engine.counts,
                "stray": engine.counts["stray"] + (wire.requests.stray if wire else 0),
            },
        }

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    @property
    def credentials(self) -> Credentials:
        """Who asks."""
        return self._credentials

    def host_ms(self) -> float | None:
        """Host time in milliseconds, as far as it is known."""
        engine = self._looped or self._threaded
        return None if engine is None else engine.clock.now_ms()

    # -- lifetime -------------------------------------------------------------------------

    async def aopen(self) -> Self:
        """Open a session for the running event loop. Raises GridTransportError."""
        self._must_be_open()
        loop = asyncio.get_running_loop()
        engine = self._looped
        if engine is None or engine.loop is not loop:
            engine = self._looped = self._new()
        await engine.ready()
        return self

    def close(self) -> None:
        """End the session of synchronous callers; calls that run are answered. Again is nothing."""
        with self._lock:
            self._is_closed = True
            portal, engine = self._portal, self._threaded
            self._portal = self._threaded = None
        if self._finalizer is not None:
            self._finalizer.detach()
        if portal is not None and self._pid == os.getpid():
            _end(portal, engine)

    async def aclose(self) -> None:
        """As :meth:`close`, for the running event loop's session too."""
        engine, self._looped = self._looped, None
        if engine is not None and engine.loop is asyncio.get_running_loop():
            await engine.close()
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        self._must_be_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await self.aopen()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        where = self._url or repr(self._connector)
        return f"GridClient({where!r}{', closed' if self._is_closed else ''})"

    # -- inside ---------------------------------------------------------------------------

    def _engine(self) -> Engine:
        """The engine of the background thread."""
        engine = self._threaded
        if engine is not None and self._pid == os.getpid():
            return engine
        if self._pid != os.getpid():  # the child of a fork has no thread: begin anew
            self._lock = threading.Lock()
            self._pid = os.getpid()
            self._portal = self._threaded = self._looped = None
        with self._lock:
            self._must_be_open()
            if self._threaded is not None:  # another thread was quicker
                return self._threaded
            portal = Portal()
            try:
                made: Engine = portal.run(self._made())
            except BaseException:  # the address or the certificates are none
                portal.close()
                raise
            self._portal, self._threaded = portal, made
            self._finalizer = weakref.finalize(self, _end, portal, made)
            return made

    def _near(self) -> Engine:
        engine = self._looped
        if engine is not None and engine.loop is asyncio.get_running_loop():
            return engine
        return self._engine()

    async def _made(self) -> Engine:
        return self._new()

    def _new(self) -> Engine:
        how = self._credentials, self.settings
        return Engine(self._source(), *how, pinned=self._pinned)

    def _source(self) -> Connector:
        if self._connector is None:
            from altar_extras.grid.transport import (  # noqa: PLC0415 - not for the loopback
                NatsConnector,
            )

            tls = self._credentials.tls
            certificates = None
            if tls.ca and tls.cert and tls.key:
                certificates = ClientTls(ca=tls.ca, cert=tls.cert, key=tls.key)
            self._connector = NatsConnector(self._url or "", tls=certificates)
        return self._connector

    def _run(self, engine: Engine, work: Any) -> Any:
        portal = self._portal
        if portal is None or portal.is_here:
            work.close()
            raise ClosedError("the client was closed, or asked from its own thread")
        del engine
        return portal.run(work)

    async def _await(self, engine: Engine, work: Any) -> Any:
        if engine.loop is asyncio.get_running_loop():
            return await work
        portal = self._portal
        if portal is None:
            work.close()
            raise ClosedError("the client was closed; make a new one, GridClient(...)")
        return await portal.arun(work)

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise ClosedError("the client was closed; make a new one, GridClient(...)")


def _end(portal: Portal, engine: Engine | None) -> None:
    if engine is not None and portal.is_alive and not portal.is_here:
        with suppress(TimeoutError, RuntimeError, AltarError):  # the thread is ended all the same
            portal.run(engine.close(), 3.0)
    portal.close()


def _closed(error: ClosedError) -> Fault:
    return Fault(type=ErrorType.INVALID_STATE, reason="closed", message=str(error))


def _context(timeout: float | None) -> CallContext:
    deadline = None if timeout is None else Deadline(timeout)
    return CallContext(deadline=deadline, cancelled=_NEVER)  # nobody else has this context


def _declarations(rows: list[dict[str, Any]]) -> tuple[FunctionDeclaration, ...]:
    found = [FunctionDeclaration.from_dict(row) for row in rows]
    return tuple({one.name: one for one in found}.values())
