"""Engine: the connection behind a client, all of it in the client's own event loop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from altar.errors import ErrorType
from altar.mcp._client_call import Call
from altar.mcp._client_errors import McpError, SessionLostError, broken, is_busy, unreachable
from altar.mcp._client_negotiate import Agreed, negotiate
from altar.mcp._client_peer import Peer
from altar.mcp._jsonrpc import METHOD_NOT_FOUND
from altar.mcp._transport_stdio import kill_group

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from altar.mcp._client_ask import Desk
    from altar.mcp._client_options import ClientOptions
    from altar.mcp._transport import Transport

__all__ = ["Engine"]

T = TypeVar("T")

_MAX_PAGES = 1000
_PAUSE, _MAX_PAUSE = 0.01, 0.25  # seconds before a busy server is asked again


class Engine:
    """One server: reached when first asked, and again where that is allowed."""

    def __init__(self, make: Callable[[], Transport], options: ClientOptions, desk: Desk) -> None:
        self.options = options
        self.desk = desk
        self.peer: Peer | None = None
        self.agreed: Agreed | None = None
        self._make = make
        self._lock = asyncio.Lock()
        self._standing: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._ending: set[Peer] = set()
        self._process = os.getpid()
        self.closed = False

    @property
    def name(self) -> str:
        """The server, for messages."""
        return "the MCP server" if self.peer is None else self.peer.name

    async def open(self) -> Peer:
        """The server, reached and agreed with; raises McpError where that fails."""
        if self.closed:
            raise McpError("This MCP client is closed.", type=ErrorType.INVALID_STATE)
        async with self._lock:
            peer = self.peer
            if peer is not None and peer.transport.ended is None:
                return peer
            if peer is not None:
                if not self.options.restart:
                    raise unreachable(
                        f"{peer.name} is not there: {peer.transport.ended}.",
                        details={"executed": "no"},
                    )
                await self._drop()
            try:
                async with asyncio.timeout(self.options.connect_timeout):
                    return await self._begin()
            except TimeoutError:
                error = McpError(
                    f"{self.name} did not agree on a version within "
                    f"{self.options.connect_timeout:g} s.",
                    type=ErrorType.TIMEOUT,
                )
                error.notes = self._notes()
                await self._drop()
                raise error from None
            except McpError as error:
                error.notes = self._notes()
                await self._drop()
                raise
            except BaseException:
                await self._drop()
                raise

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        seconds: float | None = None,
        call: Call | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The result of one request; raises McpError for any other end."""
        most = self.options.timeout if seconds is None else min(seconds, self.options.timeout)
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            return await self._insist(method, params or {}, most, call or Call(), headers)
        except asyncio.CancelledError:
            if not self.closed:
                raise
            raise unreachable("The MCP client was closed meanwhile.") from None
        finally:
            if task is not None:
                self._running.discard(task)

    async def _insist(
        self,
        method: str,
        params: Mapping[str, Any],
        seconds: float,
        call: Call,
        headers: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """A forgotten session is begun anew, and a busy server asked again: it did nothing."""
        call.begin(seconds)
        pause, renewed = _PAUSE, False
        while True:
            peer = await self._opened(call)
            try:
                return await peer.interactive(method, params, call=call, headers=headers)
            except SessionLostError:
                if renewed:
                    raise
                renewed = True
                await self._within(call, self._renew(peer), _late(self.name, call))
            except McpError as error:
                if not is_busy(error, idempotent=call.idempotent) or call.left() <= pause:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, _MAX_PAUSE)

    async def _opened(self, call: Call) -> Peer:
        """The server, within the time of the call; who waits longer still gets it."""
        peer = self.peer
        if peer is not None and peer.transport.ended is None and not self._lock.locked():
            return await self.open()
        late = McpError(
            f"{self.name} was not ready within {call.seconds:g} s.",
            type=ErrorType.TIMEOUT,
            details={"timeout_seconds": call.seconds, "executed": "no"},
        )
        return await self._within(call, self.open(), late)

    async def _within(self, call: Call, work: Coroutine[Any, Any, T], late: McpError) -> T:
        """What ``work`` comes to; it goes on for others where this call's time is over."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(call.left()):
                return await asyncio.shield(task)
        except TimeoutError:
            if task.done():  # just in time, or it failed: that says more
                return task.result()
            raise late from None

    async def listing(self, method: str, key: str) -> list[Any]:
        """Every item of a list that comes in pages; a list without an end is noticed."""
        found: list[Any] = []
        cursors: set[str] = set()
        params: dict[str, Any] = {}
        clock = asyncio.get_running_loop().time
        until = clock() + self.options.timeout  # of all pages together
        for _ in range(_MAX_PAGES):
            try:
                page = await self.request(method, params, seconds=max(0.0, until - clock()))
            except McpError as error:
                if error.code == METHOD_NOT_FOUND and not cursors:
                    return []  # a server without any
                raise
            items = page.get(key)
            if not isinstance(items, list):
                raise broken(f"{self.name} answered {method} without a list of {key}.")
            found += items
            cursor = page.get("nextCursor")
            if cursor is None:
                return found
            if not isinstance(cursor, str) or cursor in cursors:
                raise broken(f"{self.name} answered {method} with the same cursor twice.")
            if len(found) > self.options.max_tools:
                break
            cursors.add(cursor)
            params = {"cursor": cursor}
        raise McpError(
            f"{self.name} has more than {self.options.max_tools} {key}, or pages without an end.",
            type=ErrorType.RESOURCE_EXHAUSTED,
        )

    async def close(self) -> None:
        """End everything; whoever waits for an answer is told."""
        self.closed = True
        here = asyncio.current_task()
        for task in [*self._running]:
            if task is not here:
                task.cancel()
        async with self._lock:
            await self._drop()

    def kill(self) -> None:
        """For the end of the process, when no loop runs: leave no server behind."""
        peers = () if self.peer is None else (self.peer,)
        if self._process == os.getpid():
            for peer in (*peers, *self._ending):
                for pid in tuple(peer.transport.pids):
                    kill_group(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    async def _begin(self) -> Peer:
        self.peer = peer = Peer(self._make(), self.desk)

        async def again() -> None:
            await peer.transport.close()
            peer.transport = self._make()
            await peer.transport.open(peer)

        await peer.transport.open(peer)
        options = self.options
        self.agreed = await negotiate(peer, options.version, options.connect_timeout, again)
        self._standing = asyncio.get_running_loop().create_task(self._listen(peer))
        return peer

    async def _listen(self, peer: Peer) -> None:
        """Hear what the server says outside of answers."""
        if not peer.transport.is_modern:
            await peer.transport.listen()
        elif self.options.watch:
            wanted = {"notifications": {"toolsListChanged": True}}
            failed = 0
            while failed < 3 and peer.transport.ended is None:
                try:
                    await peer.request("subscriptions/listen", wanted, seconds=None)
                except McpError:
                    failed += 1
                await asyncio.sleep(1.0)

    async def _renew(self, peer: Peer) -> None:
        async with self._lock:
            if self.peer is peer:
                await self._drop()

    async def _drop(self) -> None:
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.cancel()
        peer = self.peer
        if peer is not None:
            self._ending.add(peer)
            task = asyncio.get_running_loop().create_task(peer.close())
            task.add_done_callback(lambda _: self._ending.discard(peer))
            try:
                await asyncio.shield(task)
            finally:  # whoever is cancelled here leaves no dead one behind
                if not self.closed:
                    self.peer = None

    def _notes(self) -> str:
        return "" if self.peer is None else self.peer.transport.notes.strip()[-1000:]


def _late(name: str, call: Call) -> McpError:
    """The time of a call is over, whatever it was spent on."""
    return McpError(
        f"{name} did not answer within {call.seconds:g} s.",
        type=ErrorType.TIMEOUT,
        details={"timeout_seconds": call.seconds},
    )
