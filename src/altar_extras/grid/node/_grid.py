"""DevelopmentGrid: servers, a Host and runtimes on this machine, from start to stop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from altar.errors import ClosedError, ConfigurationError
from altar_extras.grid.host import HostSettings
from altar_extras.grid.node._folder import StateFolder
from altar_extras.grid.node._members import RuntimeMember, RuntimeOptions, host_member
from altar_extras.grid.node._parties import TENANT, Parties
from altar_extras.grid.node._servers import Servers, is_free
from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.security import Credentials
from altar_extras.grid.server import development_certificates
from altar_extras.grid.transport import GridTransportError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future
    from types import TracebackType

    from altar_extras.grid.host import Host

__all__ = ["DevelopmentGrid", "GridShape"]

_READY = 60.0  # seconds in which everything must be up
_TORN = "could not be recovered"  # says nats-server of a stream
_LOOK = 0.02
_DRAIN, _END = 15.0, 30.0
_CUT = 2.0  # and for what is left of them when somebody does not wait for that


@dataclass(frozen=True, slots=True, kw_only=True)
class GridShape:
    """How large a development grid is.

    ``nodes`` servers (1, 3 or 5) with ``tls`` between all parties (1.3, mutual),
    ``hosts`` and ``runtimes`` of ``slots`` calls at once. ``port`` 0 is chosen by
    the system. ``audit`` keeps a record of each call, on disk before it runs.
    """

    nodes: int = 1
    tls: bool = False
    hosts: int = 1
    runtimes: int = 1
    slots: int = 32
    port: int = 0
    audit: bool = True

    def __post_init__(self) -> None:
        if self.nodes not in (1, 3, 5):
            raise ConfigurationError(f"nodes={self.nodes}: a grid has 1, 3 or 5 servers")
        if min(self.hosts, self.slots) < 1 or self.runtimes < 0:
            raise ConfigurationError("a grid has a host and slots for a call, 1 or more of each")
        if not 0 <= self.port <= 65535 or (self.port and self.nodes > 1):
            raise ConfigurationError("port is 0 to 65535, and 0 where there are several nodes")


class DevelopmentGrid:
    """A grid for trying things out, on loopback, with generated credentials.

    ``tools`` and ``deps`` are what ``Session`` takes. ``folder`` keeps credentials
    and state from one start to the next, and holds one grid at a time; without
    one a temporary folder is used. Servers are processes; Hosts and runtimes
    run on a thread of this process. A context manager::

        with DevelopmentGrid([get_weather]) as grid:
            altar.configure(mode="grid", grid_credentials=str(grid.client_credentials))

    Nothing is left behind, however this process ends.
    """

    def __init__(
        self,
        tools: Any = (),
        *,
        folder: str | os.PathLike[str] | None = None,
        shape: GridShape | None = None,
        deps: Any = None,
    ) -> None:
        self.shape = shape or GridShape()
        self.tools = tools
        self.deps = deps
        self.hosts: list[Host] = []
        self.runtimes: list[RuntimeMember] = []
        self._temporary: TemporaryDirectory[str] | None = None
        self._wanted = folder
        self._undo: ExitStack | None = None
        self.parties: Parties
        self._is_over = False
        self._leaving: Future[None] | None = None

    def start(self) -> Self:
        """Start everything and return when calls are answered.

        Raises ConfigurationError (no nats-server, a folder in use, a port that is
        taken, tools that cannot be declared) and GridTransportError.
        """
        if self._undo is not None:
            raise ClosedError("this grid runs already: call stop() first")
        with ExitStack() as undo:
            if self._wanted is None:
                temporary = undo.enter_context(TemporaryDirectory(prefix="altar-grid-"))
                self.folder = StateFolder(temporary)
            else:
                self.folder = StateFolder(self._wanted)
                if not self.folder.path.exists():
                    self._check_port()  # before a folder is made for nothing
                self.folder.make()
            self.folder.lock()
            undo.callback(self.folder.unlock)
            self._start_servers(undo)
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._loop.run_forever, name="altar-grid", daemon=True)
            thread.start()
            undo.callback(self._end_loop, thread)
            undo.callback(self._stop_members)
            try:
                self._run(self._start_members(), _READY)
            except TimeoutError:
                raise GridTransportError(f"it was not up within {_READY:g} s") from None
            self.folder.tell(self._state())
            undo.callback(self.folder.tell, None)
            self._undo = undo.pop_all()
        return self

    def stop(self) -> None:
        """Drain runtimes and Hosts, end the servers; again is nothing.

        Calls that run have 15 seconds to end, or until ``hurry``.
        """
        undo, self._undo = self._undo, None
        if undo is not None:
            undo.close()
            self.hosts, self.runtimes = [], []

    def hurry(self) -> None:
        """Wait no longer for calls: a ``stop`` on another thread, or the next one, ends them."""
        self._is_over = True
        if self._leaving is not None:
            self._leaving.cancel()

    def reload(self) -> tuple[list[str], list[str]]:
        """Take what ``altar grid keys`` changed in the folder: who is new there, who is gone.

        Whoever is gone is cut off. Raises AltarError, and all goes on as before.
        """
        before = {one.key: one.name for one in self.parties.host.principals}
        host = Credentials.read(self.folder / "host.json", role="host")
        self._run(self._reload(host), _READY)
        self.parties = replace(self.parties, host=host)
        after = {one.key: one.name for one in host.principals}
        return (
            [name for key, name in after.items() if key not in before],
            [name for key, name in before.items() if key not in after],
        )

    @property
    def url(self) -> str:
        """Where its servers are."""
        return self.parties.client.url or ""

    @property
    def client_credentials(self) -> Path:
        """The credentials file for clients."""
        return (self.folder / "client.json").resolve()

    @property
    def runtime_credentials(self) -> Path:
        """The credentials file for runtimes that join from elsewhere."""
        return (self.folder / "runtime.json").resolve()

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools that are served."""
        return tuple(sorted({name for one in self.runtimes for name in one.server.status().tools}))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self._undo is None else self.url
        return f"<DevelopmentGrid {state}, {len(self.runtimes)} runtimes>"

    def _start_servers(self, undo: ExitStack) -> None:
        certificates = development_certificates(self.folder / "tls") if self.shape.tls else None
        parties = Parties.of(self.folder, certificates)
        self._check_port()
        port = self.shape.port
        if not port and self.shape.nodes == 1 and is_free(self.folder.last_port):
            port = self.folder.last_port
        self.servers = Servers(
            self.folder / "servers",
            size=self.shape.nodes,
            port=port,
            keys=parties.keys,
            certificates=certificates,
        )
        undo.callback(self.servers.close)
        try:
            self.servers.start()
        except ConfigurationError as error:
            if _TORN not in str(error):
                raise
            place = self.folder / "servers"
            raise ConfigurationError(
                f"what the servers kept in {place} was torn when they were killed: move that "
                "folder away (the shipped audit is in it), and start again"
            ) from error
        undo.callback(self.servers.stop)
        self.parties = parties.at(self.servers.url)
        self.parties.write(self.folder)
        self.folder.remember_port(self.servers.port)

    def _check_port(self) -> None:
        port = self.shape.port
        if port and not is_free(port):
            raise ConfigurationError(
                f"port {port} is in use on this machine: give another port, or none for a free one"
            )

    async def _start_members(self) -> None:
        replicas = 3 if self.shape.nodes >= 3 else 1
        settings = HostSettings(
            mode="development",
            name="host",
            state_folder=self.folder.path,
            http_port=0,
            system_seed=self.parties.system_seed,
        )
        for number in range(self.shape.hosts):
            host = host_member(
                self.parties.host,
                replace(settings, name=f"host-{number + 1}"),
                replicas=replicas,
                in_memory=True,  # the contracts of the last start are not those of this one
                audit_folder=self._audit(f"host-{number + 1}"),
            )
            await host.start()
            self.hosts.append(host)
        await asyncio.gather(
            *[self._start_runtime(number) for number in range(self.shape.runtimes)]
        )
        await self._be_known()

    async def _be_known(self) -> None:
        """Return when every Host sends calls to every runtime: one alone has accepted it."""
        unknown = [(host, member) for host in self.hosts for member in self.runtimes]
        while unknown:
            unknown = [(host, member) for host, member in unknown if not await _knows(host, member)]
            if unknown:
                await asyncio.sleep(_LOOK)

    async def _start_runtime(self, number: int) -> None:
        options = RuntimeOptions(
            settings=RuntimeSettings(
                slots=self.shape.slots,
                drain_seconds=_DRAIN,
                linger_seconds=0.0,
                ready_timeout=None,  # all together have their time
            ),
            audit_folder=self._audit(f"runtime-{number + 1}"),
            deps=self.deps,
        )
        member = RuntimeMember(self.parties.runtime, self.tools, options)
        await member.start()
        self.runtimes.append(member)

    def _audit(self, name: str) -> Path | None:
        return self.folder / f"audit/{name}" if self.shape.audit else None

    async def _reload(self, host: Credentials) -> None:
        for one in self.hosts:
            await one.reload(host)

    def _stop_members(self) -> None:
        self._leaving = asyncio.run_coroutine_threadsafe(self._drain_members(), self._loop)
        if self._is_over:
            self._leaving.cancel()
        with suppress(CancelledError, TimeoutError):
            self._leaving.result(_END)
        with suppress(TimeoutError):
            self._run(self._close_members(), _CUT)
        self._is_over, self._leaving = False, None

    async def _close_members(self) -> None:
        closing = [*(one.close() for one in self.runtimes), *(one.close() for one in self.hosts)]
        await asyncio.gather(*closing, return_exceptions=True)

    async def _drain_members(self) -> None:
        await asyncio.gather(*[one.drain() for one in self.runtimes], return_exceptions=True)
        await asyncio.gather(*[one.drain() for one in self.hosts], return_exceptions=True)

    def _state(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "url": self.url,
            "started": time.time(),
            "http": [host.http_url for host in self.hosts],
            "monitors": [one.monitor_url for one in self.servers.processes],
            "tools": list(self.tool_names),
        }

    def _run(self, work: Coroutine[Any, Any, None], timeout: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def _end_loop(self, thread: threading.Thread) -> None:
        with suppress(TimeoutError):
            self._run(_end_tasks(), _CUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join()
        self._loop.close()


async def _knows(host: Host, member: RuntimeMember) -> bool:
    served = await host.serves(TENANT, member.server.id)
    return {*member.server.status().tools} <= {*served}


async def _end_tasks() -> None:
    """Cancel what still runs on the loop, and let it end: nothing is pending when that stops."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_CUT)
