"""Engine: the calls of a client on one event loop, over one session at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from hashlib import blake2b
from secrets import token_bytes, token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.adm import digest
from altar.errors import AltarError
from altar_extras.grid.client._faults import (
    LinkLostError,
    cancelled,
    closed,
    fault_of,
    no_tool,
    quarantined,
    too_late,
)
from altar_extras.grid.client._invocation import Invocation
from altar_extras.grid.client._link import Link
from altar_extras.grid.client._run import Run
from altar_extras.grid.client._session import ToolRight, rights_of
from altar_extras.grid.transport import GridTransportError
from altar_extras.grid.wire import (
    Fault,
    HostClock,
    ListTools,
    ListToolsAnswer,
    Message,
    ReportLost,
    failed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime import CallContext
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._pinned import Pinned
    from altar_extras.grid.client._settings import ClientSettings
    from altar_extras.grid.security import Credentials
    from altar_extras.grid.transport import Connector

__all__ = ["Engine"]

_log = logging.getLogger("altar.grid")
_TICK = 0.5
_REST = 0.5  # seconds between tries to open a session, for which calls are refused at once


class Engine:
    """Everything of a client that lives on one event loop.

    ``begin`` starts a call and returns at once; its ``done`` is called on the
    loop. A session is opened on first use, and again after it ended.
    """

    def __init__(
        self,
        connector: Connector,
        credentials: Credentials,
        settings: ClientSettings,
        *,
        pinned: Pinned | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.clock = HostClock()
        self.runs: set[Run] = set()
        self.away: set[Run] = set()
        self.link: Link | None = None
        self.pinned = pinned
        self._connector = connector
        self._credentials = credentials
        self._waiting: list[tuple[Run, str | None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._failed: tuple[float, Fault] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looked: dict[str, float] = {}
        self._secret = token_bytes(32)
        self._serial = 0
        self.is_closed = False

    def count(self, what: str) -> None:
        """One more of something."""
        self.counts[what] += 1

    def begin(
        self,
        call: FunctionCall,
        ctx: CallContext,
        *,
        options: CallOptions,
        emit: Callable[[Run, Any], None] | None,
        done: Callable[[ToolResult, Run | None], None],
    ) -> Run | None:
        """Carry out a call; None where it was refused at once."""
        flag = ctx.cancelled
        if flag.reason is not None:
            done(failed(call, cancelled(flag.reason), ctx.correlation_id), None)
            return None
        deadline = ctx.deadline
        if deadline is not None and deadline <= monotonic():
            done(failed(call, too_late(call.name), ctx.correlation_id), None)
            return None
        inv = Invocation(
            call,
            self._new_id(),
            settings=self.settings,
            correlation_id=ctx.correlation_id,
            idempotent=options.idempotent,
            listens=emit is not None,
        )
        run = Run(self, inv, ctx, options=options, emit=emit, done=done)
        self.runs.add(run)
        if self._timer is None:
            self._timer = self.loop.call_later(_TICK, self._tick)
        self.send(run)
        return run

    def _new_id(self) -> str:
        """An id that tells nothing of the next one: whoever knows a call's id and the inbox, as
        the runtime that has it does, can answer it.
        """
        self._serial += 1
        serial = self._serial.to_bytes(8, "big")
        return blake2b(serial, key=self._secret, digest_size=16).hexdigest()

    def send(self, run: Run, avoid: str | None = None) -> None:
        """Send a call now, or once there is a session."""
        link = self.link
        if link is None or link.over is not None:
            self._wait(run, avoid)
            return
        right = run.right
        if right is None:
            right = link.tools.get(run.inv.call.name)
            if right is None:
                self._wait_for_tool(run, link)
                return
            run.right = right
            if right.idempotent:
                run.inv.idempotent = True
        link.refresh()
        if self.pinned is not None:
            fault = self.pinned.refusal(right)
            if fault is not None:
                run.perform(run.inv.unsent(fault))
                return
        if link.router.quarantined and _is_quarantined(link, run):
            run.perform(run.inv.unsent(quarantined()))
            return
        run.send(link, avoid)

    async def ready(self) -> Link:
        """The link of a session that is open. Raises LinkLostError."""
        link = self.link
        if link is not None and link.over is None:
            return link
        if self.is_closed:
            raise LinkLostError(closed())
        failed_at = self._failed
        if failed_at is not None and monotonic() - failed_at[0] < _REST:
            raise LinkLostError(failed_at[1])
        if self._opening is None:
            self._opening = self._task(self._open())
        await asyncio.shield(self._opening)
        link = self.link
        if link is None:
            raise LinkLostError(self._failed[1] if self._failed else closed())
        return link

    async def ask(self, op: str, message: Message) -> Message:
        """Ask the Hosts as this client's session; raises GridTransportError."""
        link = await self.ready()
        return await link.ask(op, message)

    async def contracts(self) -> list[dict[str, Any]]:
        """The ADM contracts that the session may use."""
        link = await self.ready()
        found: list[dict[str, Any]] = []
        cursor = 0
        while True:
            answer = await link.ask("list_tools", ListTools(id=token_hex(8), cursor=cursor))
            if not isinstance(answer, ListToolsAnswer):
                return found
            found += [one for one in answer.contracts if isinstance(one, dict)]
            if answer.next <= cursor:
                return found
            cursor = answer.next

    async def declared(self) -> list[dict[str, Any]]:
        """The declarations of the tools that the session may call, and of no others."""
        contracts = await self.contracts()
        link = await self.ready()
        task = link.refresh(now=True)
        if task is not None:
            await asyncio.shield(task)
        return [
            row
            for contract in contracts
            for row in contract.get("function_declarations") or ()
            if isinstance(row, dict)
            and (row.get("name") in link.tools or link.router.majors(str(row.get("name"))))
        ]

    def report_lost(self, run: Run, runtime: str, epoch: str) -> None:
        """Tell the Hosts of a call whose runtime died with it."""
        self.count("lost")
        inv, link = run.inv, run.link
        if link is None or run.right is None:
            return
        args_digest = _args_digest(inv.call)
        if not args_digest:
            return
        message = ReportLost(
            id=token_hex(8),
            invocation_id=inv.id,
            tool=inv.call.name[:64],
            args_digest=args_digest,
            runtime=runtime,
            epoch=epoch,
        )
        self._task(self._tell(link, "report_lost", message))

    def ended(self, run: Run) -> None:
        """A call was answered."""
        self.runs.discard(run)
        self.away.discard(run)

    async def close(self) -> None:
        """End the session; calls that are on their way are told, and then answered so."""
        self.is_closed = True
        for run in list(self.runs):
            run.perform(run.inv.cancel("the client was closed"))
            run.perform(run.inv.unstopped())
        if self._timer is not None:
            self._timer.cancel()
        opening, link = self._opening, self.link
        self.link = None
        if opening is not None:
            opening.cancel()
        if link is not None:
            await link.close(drain=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- opening --------------------------------------------------------------------------

    def _wait(self, run: Run, avoid: str | None) -> None:
        """Keep a call back until there is a session; nothing of it was sent."""
        if self.is_closed:
            run.perform(run.inv.unsent(closed()))
            return
        failed_at = self._failed
        if failed_at is not None and monotonic() - failed_at[0] < _REST:
            run.perform(run.inv.unsent(failed_at[1]))
            return
        run.wait()
        self._waiting.append((run, avoid))
        if self._opening is None:
            self._opening = self._task(self._open())

    async def _open(self) -> None:
        link = Link(
            self._connector,
            self._credentials,
            self.settings,
            clock=self.clock,
            told=lambda what: self._told(link, what),
            pinned=self.pinned,
        )
        fault: Fault | None = None
        try:
            await link.open()
        except LinkLostError as error:
            fault = error.fault
            _log.warning("no session with the grid: %s (%s)", error.__cause__, fault.reason)
        except Exception as error:  # noqa: BLE001 - waiting calls are answered, whatever it was
            fault = fault_of(GridTransportError(str(error)))
            _log.exception("no session with the grid")
        except asyncio.CancelledError as error:  # this client ends; or a connector's own doing
            fault = closed() if self.is_closed else fault_of(error)
        finally:
            self._opening = None
        if fault is not None:
            self._refuse(fault)
            return
        waiting, self._waiting = self._waiting, []
        self._failed = None
        self.link = link
        for run, avoid in waiting:
            if run.inv.phase == "new" and run.done is not None:
                self.send(run, avoid)

    def _refuse(self, fault: Fault) -> None:
        """There is no session: every call that waits for one is answered so."""
        waiting, self._waiting = self._waiting, []
        self._failed = (monotonic(), fault)
        for run, _ in waiting:
            run.perform(run.inv.unsent(fault))

    def _wait_for_tool(self, run: Run, link: Link) -> None:
        """A name the session did not show when it was opened: look once more, then refuse."""
        name = run.inv.call.name
        if self._may_look(name):
            run.wait()
            self._task(self._look(run, link))
        else:
            run.perform(run.inv.unsent(no_tool(name)))

    def _may_look(self, name: str) -> bool:
        """Whether it was not looked for a moment ago; it is now."""
        if monotonic() - self._looked.get(name, float("-inf")) < 1.0:
            return False
        if len(self._looked) > 1000:
            self._looked.clear()
        self._looked[name] = monotonic()
        return True

    async def right(self, name: str) -> ToolRight | None:
        """The session's right to call a tool; None for none. Raises GridTransportError."""
        link = await self.ready()
        if name not in link.tools and self._may_look(name):
            await self._look_for(name, link)
        return link.tools.get(name)

    async def _look(self, run: Run, link: Link) -> None:
        name = run.inv.call.name
        fault = no_tool(name)
        try:
            await self._look_for(name, link)
        except AltarError as error:
            fault = fault_of(error)
        finally:  # the session may have ended meanwhile, and the question with it
            self._looked_for(run, link, fault)

    async def _look_for(self, name: str, link: Link) -> None:
        try:
            found: dict[str, ToolRight] = {}
            for contract in await self.contracts():
                found.update(rights_of(_rows(contract)))
        except AltarError as error:  # nobody knows whether there is such a tool
            _log.debug("the tools could not be asked for: %s", error)
            self._looked.pop(name, None)
            raise
        task = link.refresh(now=True)
        if task is not None:
            await asyncio.shield(task)
        # a contract is listed whole; the directory has what this session may call of it
        majors = link.router.majors(name)
        if majors and name not in link.tools:
            if link.mode.lower() == "development":
                right = found.get(name, ToolRight(name, majors[-1], "", False))
                link.tools = {**link.tools, name: right}
            else:
                await asyncio.shield(link.widen())

    def _looked_for(self, run: Run, link: Link, fault: Fault) -> None:
        name = run.inv.call.name
        if run.inv.phase != "new" or run.done is None:
            return
        if name in link.tools:
            self._looked.pop(name, None)
            self.send(run)
        else:
            run.perform(run.inv.unsent(fault))

    # -- what happens ---------------------------------------------------------------------

    def _told(self, link: Link, what: str) -> None:
        if what == "up":
            for run in list(self.away):
                if run.link is link:
                    self.away.discard(run)
                    run.reattach()
        elif what == "over":
            if self.link is link:
                self.link = None
            for run in list(self.away):
                if run.link is link:
                    self.away.discard(run)
                    run.perform(run.inv.unreachable())
            self._task(link.close())

    def _tick(self) -> None:
        self._timer = None
        if not self.runs or self.is_closed:
            return
        now = monotonic()
        quiet = now - self.settings.query_after
        for run in list(self.runs):
            deadline = run.ctx.deadline
            slack = 0.0 if run.inv.phase == "new" else 0.25  # for the alarm of what was sent
            if deadline is not None and now >= deadline + slack:
                run.late()
            elif run.heard_at < quiet:
                run.heard_at = now
                run.perform(run.inv.suspect())
        self._timer = self.loop.call_later(_TICK, self._tick)

    async def _tell(self, link: Link, op: str, message: Message) -> None:
        try:
            await link.ask(op, message)
        except GridTransportError as error:
            _log.warning("the Hosts could not be told (%s): %s", op, error)

    def _task(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _rows(contract: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools of an ADM contract, as rows of a session's list."""
    said = {"version": contract.get("version"), "digest": _sum(contract)}
    declared = contract.get("function_declarations") or ()
    return [{**one, **said} for one in declared if isinstance(one, dict)]


def _sum(contract: dict[str, Any]) -> str:
    try:
        return digest(contract)
    except AltarError:
        return ""


def _is_quarantined(link: Link, run: Run) -> bool:
    call = run.inv.call
    return f"{call.name} {_args_digest(call)}" in link.router.quarantined


def _args_digest(call: FunctionCall) -> str:
    try:
        return digest(call.args, big_integers="exact")
    except AltarError:
        return ""
