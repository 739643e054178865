"""RuntimeServer: serves tools to a grid."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self

from altar.errors import ClosedError, ConfigurationError
from altar_extras.grid.audit import NoJournal
from altar_extras.grid.operate import Histogram
from altar_extras.grid.runtime._contracts import paced_tools, staying
from altar_extras.grid.runtime._desk import Desk
from altar_extras.grid.runtime._job import Runner
from altar_extras.grid.runtime._journal import lost_calls
from altar_extras.grid.runtime._offer import offer_of
from altar_extras.grid.runtime._outbox import Identity
from altar_extras.grid.runtime._patience import PATIENCE, Patience
from altar_extras.grid.runtime._presence import Presence
from altar_extras.grid.runtime._settings import RuntimeSettings
from altar_extras.grid.runtime._standing import Standing
from altar_extras.grid.runtime._time import HostTime
from altar_extras.grid.security import connection_name, key_id
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    GridTransportError,
    NotConnectedError,
    Requests,
    may_pass,
)
from altar_extras.grid.wire import Ack, FrameError, Subjects, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras.grid.runtime._journal import RuntimeJournal
    from altar_extras.grid.runtime._strict import Given
    from altar_extras.grid.security import Credentials, SignedManifest
    from altar_extras.grid.transport import Connector, Event, Inbound, Transport

__all__ = ["RuntimeServer", "RuntimeStatus"]

_log = logging.getLogger("altar.grid")
_CONTROLS = ("cancel", "credit", "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeStatus:
    """How a runtime is: ``state`` is "new", "serving", "draining" or "closed".

    ``tools`` are the names it serves, ``refused`` what the Hosts did not accept and
    why. ``calls`` counts answers by (tool, status, executed), ``denials`` what was
    refused or dropped by reason. ``clock_offset`` (Host time minus
    this machine's) and ``clock_uncertainty`` are seconds, the latter infinite while
    no Host has told the time.
    """

    runtime: str
    epoch: str
    state: str
    connected: bool
    slots: int
    inflight: int
    queued: int
    tools: tuple[str, ...]
    refused: tuple[Any, ...]
    calls: dict[tuple[str, str, str], int]
    denials: dict[str, int]
    clock_offset: float
    clock_uncertainty: float
    manifest_sequence: int


class RuntimeServer:
    """Serves ``tools`` to the grid that ``connector`` leads to.

    ``tools`` is what ``Session(tools=...)`` takes, ``deps`` what they find as
    ``Context.deps``; ``credentials`` are a runtime's. Tools that run with their
    caller only (``execution="local_only"``) are left out, see ``left_out``.
    ``contracts`` are those to fulfil (a manifest, or contracts), by default one made of
    each module's tools. A signed manifest must be of the root key in the credentials;
    nothing runs once it has expired.
    ``journal`` is an open :class:`altar_extras.grid.audit.Journal`: each call is
    on disk before it runs and before its answer leaves. Whoever opened it closes
    it after :meth:`drain` or :meth:`close`.

    Answers to callers with "many" may travel joined; every other caller gets
    one message in a body, under the very address it gave (see ``Subjects``).
    Large arguments and results are UTF-8 JSON, in Parts. Raises
    ConfigurationError for tools and contracts that do not fit together.
    """

    def __init__(  # noqa: PLR0913 - one keyword per part of a runtime
        self,
        connector: Connector,
        tools: Any,
        *,
        credentials: Credentials,
        settings: RuntimeSettings | None = None,
        journal: RuntimeJournal | None = None,
        contracts: Given | None = None,
        clock: Callable[[], float] = monotonic,
        deps: Any = None,
    ) -> None:
        _check_role(credentials)
        self._connector = connector
        self._credentials = credentials
        self._settings = settings or RuntimeSettings()
        public = credentials.key.public
        state = self._settings.manifest_state
        self._offer = offer_of(tools, contracts, credentials, state_path=state)
        self._tools = tools
        self.left_out = staying(tools)
        self._journal = None if isinstance(journal, NoJournal) else journal
        self.call_seconds = Histogram(("tool", "status"))
        self._instance = token_hex(4)
        runtime = f"{key_id(public)}-{self._instance}"
        self._identity = Identity(runtime, token_hex(8))
        self._time = HostTime(clock)
        self._runner = Runner(
            paced_tools(tools),
            self._settings,
            journal=self._journal,
            time=self._time,
            life=(runtime, self._identity.epoch),
            deps=deps,
        )
        self._say_what_is_wanting()
        self._state = "new"
        self._is_made = False  # transport, desk and standing are made when it is connected
        self._beating: asyncio.Task[None] | None = None
        self._chores: set[asyncio.Task[Any]] = set()
        self._ended = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """The runtime's id, as it stands in subjects."""
        return self._identity.runtime

    @property
    def epoch(self) -> str:
        """The name of its present life; what it remembers of calls ends with that."""
        return self._identity.epoch

    async def start(self) -> None:
        """Connect, be accepted by a Host and serve; returns when calls may come.

        Where no Host runs it waits, for ``ready_timeout`` of the settings at most. Raises
        AdmissionRefusedError, NotConnectedError where no server answers, ClosedError where it
        was drained or closed meanwhile, and GridTransportError where no Host answered in time.
        """
        if self._state != "new":
            raise ClosedError(f"this runtime is {self._state}: make another one")
        self._state = "starting"
        try:
            await self._start()
            self._refuse_unless_starting()
        except BaseException:
            await self.close()
            raise
        self._state = "serving"

    async def run_forever(self) -> None:
        """Start unless started, and return when it was drained or closed."""
        if self._state == "new":
            await self.start()
        await self._ended.wait()

    async def drain(self) -> None:
        """Take no more calls, finish those that run, answer questions for a while, and close.

        What is under way has ``drain_seconds``; then it is told to stop.
        """
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._drain())
        await asyncio.shield(self._leaving)

    async def close(self) -> None:
        """Close at once: what runs is stopped, and its callers ask in vain."""
        if self._state == "closed":
            return
        self._state = "closed"
        for task in (self._beating, *self._chores):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        if self._is_made:
            self._standing.end()
            await self._desk.close()
            self._runner.close()
            with suppress(GridTransportError):
                await self._transport.close()
        self._ended.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def status(self) -> RuntimeStatus:
        """How it is now."""
        started, now = self._is_made, self._time.clock.now_ms()
        load = self._desk.load() if started else {"inflight": 0, "queued": 0}
        return RuntimeStatus(
            runtime=self.id,
            epoch=self.epoch,
            state=self._state,
            connected=started and self._transport.is_connected,
            slots=self._settings.slots,
            inflight=load["inflight"],
            queued=load["queued"],
            tools=tuple(sorted(name for name, _ in self._desk.places.served)) if started else (),
            refused=self._standing.refused if started else (),
            calls=dict(self._desk.calls) if started else {},
            denials=dict(self._desk.denials) if started else {},
            clock_offset=0.0 if now is None else now / 1000 - time(),
            clock_uncertainty=self._time.clock.uncertainty_ms() / 1000,
            manifest_sequence=self._standing.manifest_sequence if started else 0,
        )

    def __repr__(self) -> str:
        return f"<RuntimeServer {self.id}, {self._state}, {len(self._offer.served)} tools>"

    # -- inside

    def _say_what_is_wanting(self) -> None:
        if self.left_out:
            _log.warning(
                "not served, these run with their caller only (local_only): %s",
                ", ".join(self.left_out),
            )
        offered = (name for name, _ in self._offer.served)
        for name, kind in self._runner.without_deps(offered).items():
            _log.warning(
                "the tool %s needs dependencies of type %s, and this runtime has none: type "
                "--deps FILE:NAME, or RuntimeServer(..., deps=...)",
                name,
                kind,
            )

    async def _start(self) -> None:
        patience = Patience(self._settings.ready_timeout)
        self._transport = await self._connect(patience)
        if self._state != "starting":
            await self._transport.close()
        self._refuse_unless_starting()
        lost = lost_calls(self._journal)
        self._desk = Desk(
            self._identity,
            self._runner,
            time=self._time,
            transport=self._transport,
            took=self.call_seconds,
            lost=tuple(one.invocation_id for one in lost),
        )
        requests = Requests(self._transport, self.id)
        self._standing = Standing(
            self._offer,
            runtime=self.id,
            presence=Presence(self._identity, requests, self._settings, time=self._time),
            desk=self._desk,
            transport=self._transport,
            lost=lost,
        )
        self._is_made = True
        await requests.start()
        for what in _CONTROLS:
            await self._transport.subscribe(
                Subjects.control(self.id, what, "*"), self._desk.hear_control
            )
        await self._transport.subscribe(Subjects.admin(self.id, "*"), self._hear_admin)
        self._note(await self._standing.introduce(patience))
        self._transport.listen(self._hear_event)
        self._beating = asyncio.ensure_future(self._beat())

    def _refuse_unless_starting(self) -> None:
        if self._state != "starting":
            raise ClosedError(f"this runtime was {self._state} as it started: make another one")

    async def _connect(self, patience: Patience) -> Transport:
        """Connect; a server that is silent, or has no Host to ask about us, is asked again."""
        name, seen = connection_name("runtime", self._instance), False
        while True:
            try:
                return await self._connector.connect(seed=self._credentials.seed, name=name)
            except (AdmissionRefusedError, NotConnectedError) as error:
                seen = seen or may_pass(error)
                # an address that is wrong is better said than waited for
                if not seen or (isinstance(error, AdmissionRefusedError) and not may_pass(error)):
                    raise
                await patience.pause(error)

    async def reload(self, contracts: SignedManifest) -> None:
        """Fulfil a newer manifest; calls that run go on, and so do contracts that are in both.

        Raises ManifestRefused and ConfigurationError, and the old one stays in force.
        """
        if self._state != "serving":
            raise ClosedError(f"this runtime is {self._state}")
        state = self._settings.manifest_state
        self._offer = offer_of(self._tools, contracts, self._credentials, state_path=state)
        self._standing.use(self._offer)
        await self._again()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat)
            if self._transport.is_connected and self._state == "serving":
                await self._standing.beat(self._note)
            self._desk.sweep()

    def _note(self, notes: dict[str, Any]) -> None:
        """What a Host said beside its answer."""
        self._desk.gate.told(notes)
        if notes.get("refresh") is True or notes.get("fulfill") is True:
            self._chore(self._again())

    async def _again(self) -> None:
        """Say everything once more: the connection is new, or a Host has forgotten."""
        try:
            notes = await self._standing.introduce(Patience(PATIENCE))
            self._note({**notes, "refresh": False, "fulfill": False})
        except ClosedError:  # it takes its leave
            return
        except GridTransportError as error:
            _log.warning("the runtime could not announce itself again: %s", error)

    def _hear_event(self, event: Event) -> None:
        if event.kind == "connected" and self._state == "serving":
            self._chore(self._again())
        elif event.kind == "closed" and self._state in ("serving", "starting"):
            _log.error("the connection of runtime %s was closed: %s", self.id, event.text)
            self._chore(self.close())
        elif event.kind == "denied":
            _log.warning("the broker denied %s to runtime %s", event.subject, self.id)

    def _hear_admin(self, inbound: Inbound) -> None:
        """What a Host tells this runtime to do; the broker lets nobody else publish here."""
        op = inbound.subject.rpartition(".")[2]
        try:
            messages = unpack(inbound.body)
        except FrameError as error:
            _log.warning("a message of a Host was malformed: %s", error.reason)
            return
        for message in messages:
            if not isinstance(message, Ack):
                continue
            notes = message.notes or {}
            if op == "drain":
                self._chore(self.drain())
            elif op == "refresh":
                self._chore(self._again())
            elif op == "revoke" and isinstance(notes.get("session"), str):
                self._desk.revoke(notes["session"])
            if inbound.reply.startswith("grid.v1.re."):
                with suppress(GridTransportError):
                    self._transport.publish(inbound.reply, pack(Ack(id=message.id)))

    async def _drain(self) -> None:
        if self._state == "closed" or not self._is_made:
            await self.close()
            return
        self._state = "draining"
        await self._standing.leave()
        with suppress(GridTransportError):
            await self._transport.flush()
        self._desk.is_closed = True
        if not await self._desk.settled(self._settings.drain_seconds):
            self._desk.cancel_all("the runtime is draining")
            await self._desk.settled(2.0)
        with suppress(GridTransportError):
            await self._transport.flush()
        if self._settings.linger_seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._settings.linger_seconds)
        if self._beating is not None:
            self._beating.cancel()
        if self._transport.is_connected:
            with suppress(GridTransportError):
                await self._transport.drain()
        await self.close()

    def _chore(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._chores.add(task)
        task.add_done_callback(self._chore_done)

    def _chore_done(self, task: asyncio.Task[Any]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a chore of runtime %s failed", self.id, exc_info=task.exception())


def _check_role(credentials: Credentials) -> None:
    if credentials.role != "runtime":
        raise ConfigurationError(
            f"credentials of a {credentials.role} were given, and a runtime's are needed; "
            "type: altar grid keys add FOLDER --runtime NAME"
        )
