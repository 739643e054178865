"""Link: one session with the grid: its connections, its renewal, its directory."""

from __future__ import annotations

import asyncio
import logging
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from altar_extras.grid.client._faults import LinkLostError, expired, fault_of
from altar_extras.grid.client._router import Router
from altar_extras.grid.client._session import SessionState, ToolRight
from altar_extras.grid.security import connection_name, key_id
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    AnswerTimeoutError,
    Event,
    GridTransportError,
    NotConnectedError,
    RemoteError,
    Requests,
    insist,
)
from altar_extras.grid.wire import (
    LEVEL,
    CreateSession,
    DestroySession,
    Directory,
    DirectoryAnswer,
    Fault,
    Hello,
    HelloAnswer,
    HostClock,
    Message,
    RenewSession,
    SessionCreated,
    Subjects,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.client._pinned import Pinned
    from altar_extras.grid.client._settings import ClientSettings
    from altar_extras.grid.security import Credentials
    from altar_extras.grid.transport import Connector, Transport

__all__ = ["Link", "Wire"]

_log = logging.getLogger("altar.grid")
# a Host that is silent does not have the whole time: the question may go to another one
_SHARES = (0.1, 0.1, 0.2, 0.3, 0.3)
FEATURES = ("many", "credits", "query", "cancel", "parts", "spans")


class Wire:
    """One connection of a session, and what is asked over it."""

    __slots__ = ("requests", "session", "transport", "users")

    def __init__(self, transport: Transport, session: str) -> None:
        self.transport = transport
        self.session = session
        self.requests = Requests(transport, session)
        self.users = 0  # calls whose answers come by it


class Link:
    """A session, from CreateSession to its end, on one event loop.

    ``told`` hears "up" (a connection is there again), "down" (there is none now)
    and "over" (the session has ended: a new one is needed; ``over`` says why).
    """

    def __init__(
        self,
        connector: Connector,
        credentials: Credentials,
        settings: ClientSettings,
        *,
        clock: HostClock,
        told: Callable[[str], None],
        pinned: Pinned | None = None,
    ) -> None:
        self._connector = connector
        self._credentials = credentials
        self._settings = settings
        self._told = told
        self._pinned = pinned
        self._loop = asyncio.get_running_loop()
        self._state: SessionState | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._widening: asyncio.Task[None] | None = None
        self._directory_at = 0.0
        self._is_closing = False
        self.clock = clock
        self.wire: Wire | None = None
        self.router = Router("none", settings)
        self.tools: dict[str, ToolRight] = {}
        self.over: Fault | None = None
        self.mode = ""

    @property
    def session(self) -> str:
        """The session's id."""
        return "" if self._state is None else self._state.id

    @property
    def seconds_left(self) -> float:
        """Until the session ends."""
        return 0.0 if self._state is None else max(0.0, self._state.ends - time.monotonic())

    async def open(self) -> None:
        """Get a session and a connection for it; a server that is silent for a moment costs time.

        Raises LinkLostError.
        """
        began = time.monotonic()
        try:
            await insist(self._open, within=self._settings.connect_timeout)
        except (GridTransportError, TimeoutError) as error:
            tried = time.monotonic() - began
            await self.close()
            raise LinkLostError(fault_of(error, tried=tried)) from error
        except BaseException:
            await self.close()
            raise

    async def ask(self, op: str, message: Message, *, timeout: float | None = None) -> Message:  # noqa: ASYNC109
        """Ask the Hosts; raises GridTransportError."""
        wire = self.wire
        if wire is None:
            raise NotConnectedError("there is no session")
        return await self._ask(wire.requests, wire.session, op, message, timeout)

    def refresh(self, *, now: bool = False) -> asyncio.Task[None] | None:
        """Ask for the directory, unless that was done lately; the task that does."""
        age = time.monotonic() - self._directory_at
        if self._refreshing is not None:
            return self._refreshing
        if not now and age < self._settings.directory_age:
            return None
        self._directory_at = time.monotonic()
        self._refreshing = self._begin(self._refresh())
        return self._refreshing

    def widen(self) -> asyncio.Task[None]:
        """Renew now: the session may call more than when its connection was made."""
        if self._widening is None or self._widening.done():
            self._widening = self._begin(self._renewed())
        return self._widening

    async def close(self, *, drain: bool = False) -> None:
        """End the connections; with ``drain`` the session too."""
        self._is_closing = True
        if self._timer is not None:
            self._timer.cancel()
        wire, self.wire = self.wire, None
        if drain and wire is not None and wire.transport.is_connected:
            try:
                await self._ask(
                    wire.requests, wire.session, "destroy_session", DestroySession(id=_id()), 0.5
                )
            except GridTransportError as error:
                _log.debug("the session was not destroyed: %s", error)
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        if wire is not None:
            await _closed(wire)

    # -- bootstrap ------------------------------------------------------------------------

    async def _open(self) -> None:
        """What is left of the way to a session; a step that was taken is not taken again."""
        if self._state is None:
            self._adopt(await self._bootstrap())
        if self.wire is None:
            self.wire = await self._connect()
        await self._fetch_directory(self._settings.connect_timeout)

    async def _bootstrap(self) -> SessionCreated:
        patience = self._settings.connect_timeout  # its server cuts a silent Host within 3 s
        key = key_id(self._credentials.key.public)
        transport = await self._connector.connect(
            seed=self._credentials.seed, name=connection_name("client")
        )
        wire = Wire(transport, key)
        try:
            await wire.requests.start()
            hello = Hello(id=_id(), role="client", level=LEVEL, features=FEATURES, software="altar")
            answer = await self._ask(wire.requests, key, "hello", hello, patience)
            if isinstance(answer, HelloAnswer):
                self.mode = answer.mode
            ask = CreateSession(id=_id(), ttl=self._settings.session_ttl)
            created = await self._ask(wire.requests, key, "create_session", ask, patience)
        finally:
            await _closed(wire)
        return _session_of(created)

    def _adopt(self, created: SessionCreated) -> None:
        state = self._state = SessionState(created, time.monotonic())
        if self.router._session != state.id:  # noqa: SLF001
            self.router = Router(state.id, self._settings)
        self.tools = state.tools
        if self._timer is not None:
            self._timer.cancel()
        wait = max(0.05, state.renews - time.monotonic())
        self._timer = self._loop.call_later(min(wait, 1e6), self._renew)

    async def _connect(self) -> Wire:
        state = self._state
        if state is None or not state.id:
            raise GridTransportError("the Host gave a session without an id")
        transport = await self._connector.connect(
            seed=self._credentials.seed, token=state.token, name=connection_name("client")
        )
        wire = Wire(transport, state.id)
        transport.listen(lambda event: self._hear(wire, event))
        try:
            await wire.requests.start()
        except BaseException:
            await _closed(wire)
            raise
        return wire

    # -- renewal, loss --------------------------------------------------------------------

    def _renew(self) -> None:
        self._begin(self._renewed())

    async def _renewed(self) -> None:
        """A new token and a second connection; the first goes when its calls have."""
        state = self._state
        if state is None:
            return
        try:
            ask = RenewSession(id=_id(), ttl=self._settings.session_ttl)
            created = _session_of(await self.ask("renew_session", ask))
            self._adopt(created)
            made = await self._connect()
        except RemoteError as error:
            _log.warning("the session could not be renewed: %s", error)
            if error.reason in ("session_expired", "revoked"):
                self._end(fault_of(error))
            else:
                self._again(state)
            return
        except GridTransportError as error:
            _log.info("the session could not be renewed yet: %s", error)
            self._again(state)
            return
        old, self.wire = self.wire, made
        self._told("up")
        if old is not None:
            self._begin(self._retire(old, state.ends))

    def _again(self, state: SessionState) -> None:
        left = state.ends - time.monotonic()
        if left <= 0:
            self._end(expired())
            return
        wait = min(max(0.2, left / 10), 5.0)
        self._timer = self._loop.call_later(wait, self._renew)

    async def _retire(self, wire: Wire, ends: float) -> None:
        """Let the calls of a connection end, then drain it."""
        while time.monotonic() < ends and wire.transport.is_connected:
            if wire.users <= 0:
                break
            await asyncio.sleep(0.02)
        await _closed(wire, drain=True)

    def _hear(self, wire: Wire, event: Event) -> None:
        if event.kind == "denied":
            _log.warning("the grid denied %s", event.subject or event.text)
        if wire is not self.wire or self._is_closing:
            return
        if event.kind == "connected":
            self.router.forgive()
            self.refresh(now=True)
            self._told("up")
        elif event.kind == "lame_duck":
            self._begin(self._moved(wire))
        elif event.kind == "disconnected":
            self._told("down")
        elif event.kind == "closed":
            self.wire = None
            self._told("down")
            self._begin(self._reopened(wire))

    async def _moved(self, wire: Wire) -> None:
        """The server will stop: a connection to another one; the first goes when its calls have."""
        state = self._state
        try:
            made = await self._connect()
        except GridTransportError as error:  # the connection will be lost, and come back
            _log.info("no other server takes this session yet: %s", error)
            return
        if state is None or wire is not self.wire or self._is_closing:
            await _closed(made)
            return
        self.wire = made
        self._told("up")
        await self._retire(wire, state.ends)

    async def _reopened(self, lost: Wire) -> None:
        """The connection was ended for good: another of the same session, if it still lives."""
        await _closed(lost)
        wait = 0.02
        until = time.monotonic() + self._settings.reattach
        while not self._is_closing:
            if self.seconds_left <= 0:
                self._end(expired())
                return
            try:
                self.wire = await self._connect()
            except AdmissionRefusedError as error:
                self._end(fault_of(error))
                return
            except GridTransportError as error:
                if time.monotonic() > until:
                    self._end(fault_of(error))
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 2, 0.5)
                continue
            self.router.forgive()
            self._told("up")
            return

    def _end(self, fault: Fault) -> None:
        if self.over is None:
            self.over = fault
            self._told("over")

    # -- directory ------------------------------------------------------------------------

    async def _refresh(self) -> None:
        try:
            await self._fetch_directory()
        except GridTransportError as error:
            _log.debug("no directory: %s", error)
        finally:
            self._refreshing = None

    async def _fetch_directory(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._directory_at = time.monotonic()
        answer = await self.ask("directory", Directory(id=_id()), timeout=timeout)
        if isinstance(answer, DirectoryAnswer):
            rows, pinned = answer.runtimes, self._pinned
            if pinned is not None:
                await asyncio.to_thread(pinned.look)
                rows = tuple(pinned.rows(rows))
            self.router.learn(rows, answer.quarantined)

    async def _ask(
        self,
        requests: Requests,
        session: str,
        op: str,
        message: Message,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Message:
        sent = time.monotonic()
        whole = self._settings.ask_timeout if timeout is None else timeout
        subject = Subjects.host(op, session)
        answer: Message | None = None
        for share in _SHARES:
            try:
                answer = await requests.ask(subject, message, timeout=whole * share)
                break
            except AnswerTimeoutError:
                if share == _SHARES[-1]:
                    raise
        assert answer is not None
        host_ms = getattr(answer, "time_ms", 0)
        if host_ms:
            self.clock.sample(sent, host_ms, time.monotonic())
        return answer

    def _begin(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _session_of(answer: Message) -> SessionCreated:
    if isinstance(answer, SessionCreated):
        return answer
    raise GridTransportError(f"the Host answered with {answer.TYPE}, not with a session")


async def _closed(wire: Wire, *, drain: bool = False) -> None:
    try:
        await wire.requests.close()
        await (wire.transport.drain() if drain else wire.transport.close())
    except GridTransportError as error:
        _log.debug("a connection closed with %s", error)


def _id() -> str:
    return token_hex(8)
